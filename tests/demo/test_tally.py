"""The tally: what reached people, as plain values."""

from __future__ import annotations

import pytest

from sidecar.demo.tally import Report
from sidecar.demo.voices import NO_RESPONSE, UNMARKED, Heard


def _heard(state: str, *, good: bool = False, reason: str | None = None, after_s: float | None = None) -> Heard:
    return Heard(state, good, None, None, reason, after_s)


def test_each_answer_is_counted_where_it_belongs() -> None:
    """Good ones by part of the time, refusals by state and reason, what nobody spoke for apart."""
    report = Report()
    report.count("soap11", _heard("ok", good=True), 0)
    report.count("json", _heard("ok", good=True), 2)
    report.count("json", _heard("overloaded", reason="queue_wait", after_s=4.0))
    report.count("json", _heard("draining", after_s=1.0))
    report.count("xmlrpc", _heard("backend_fault"))
    report.count("xmlrpc", _heard(NO_RESPONSE))
    report.count("xmlrpc", _heard(UNMARKED))
    said = report.json()
    assert said["calls"] == 7
    assert report.good == {0: 1, 2: 1}
    assert said["refused"] == {"overloaded/queue_wait": 1, "draining": 1}
    assert said["without_state"] == 2
    assert said["by_dialect"]["json"] == {"ok": 1, "overloaded": 1, "draining": 1}


def test_who_comes_back_is_counted_with_and_without_a_place() -> None:
    """Both are returns."""
    report = Report()
    report.back(with_place=True)
    report.back(with_place=False)
    assert (report.json()["returns"], report.json()["returns_with_place"]) == (2, 1)


@pytest.mark.parametrize(
    ("count", "p50", "p95", "p99"),
    [(1, 1.0, 1.0, 1.0), (2, 1.0, 2.0, 2.0), (100, 50.0, 95.0, 99.0), (101, 51.0, 96.0, 100.0)],
)
def test_percentiles_are_nearest_rank(count: int, p50: float, p95: float, p99: float) -> None:
    """The value reported is one that somebody waited, at the rank rounded up."""
    report = Report(waits_s=[float(n) for n in range(count, 0, -1)])
    assert report.json()["wait_s"] == {"p50": p50, "p95": p95, "p99": p99, "max": float(count)}
