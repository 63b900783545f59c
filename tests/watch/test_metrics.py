"""The metrics as they are served: what promtool would say of them, and that the numbers are the tally's."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from sidecar.model import Dialect
from sidecar.watch.catalogue import METRICS, Kind
from sidecar.watch.metrics import CONTENT_TYPE, BackendNow, ConfigNow, Exposition, Now, RoomNow
from sidecar.watch.tally import BOUNDS_S, EVENTS, Tally

if TYPE_CHECKING:
    from prometheus_client.core import Metric as Family

NOW = Now(
    backends=(
        BackendNow("tickets", 8, 16, 3, 1, (("staff", 0), ("browse", 2)), 500, 1),
        BackendNow('odd"name\\', 4, 4, 0, 0, (), 10, 2),
    ),
    connections=(12, 3),
    buffered=(4096, 1 << 28),
    config=ConfigNow("c3f9a1b2d4e5", last_ok=False, taken_at=1_796_115_600.5, reloads_ok=3, reloads_failed=1),
    overrides=2,
    draining=True,
    log_dropped=7,
    lag_s=0.25,
    aiohttp="3.14.5",
)


def busy() -> Tally:
    tally = Tally()
    for seconds in (0.004, 0.03, 70.0):
        tally.passed("tickets", Dialect.SOAP11, "ok", "", [seconds], [seconds / 2])
        tally.attempted("tickets", "ok", seconds / 2)
    tally.passed("tickets", Dialect.XMLRPC, "overloaded", "queue", [0.0], [])
    tally.passed("", Dialect.JSON, "malformed", "parse", [0.0], [])
    tally.event("late_outcome", {"backend": "tickets", "executed": "yes"})
    tally.event("retry", {"backend": "tickets"})
    tally.event("bug", {})
    tally.event("reply_cut", {})
    tally.event("connection_dropped", {})
    return tally


def text_of(tally: Tally, now: Now = NOW) -> str:
    assert CONTENT_TYPE.startswith("text/plain; version=")
    return b"".join(Exposition(tally, lambda: now).pieces()).decode()


def families(tally: Tally, now: Now = NOW) -> dict[str, Family]:
    found = list(text_string_to_metric_families(text_of(tally, now)))
    assert len({family.name for family in found}) == len(found), "a family stands twice"
    return {family.name: family for family in found}


def value(found: dict[str, Family], sample: str, **labels: str) -> float:
    (one,) = [
        each.value for family in found.values() for each in family.samples
        if each.name == f"sidecar_{sample}" and each.labels == labels
    ]  # fmt: skip
    return float(one)


def test_it_is_what_the_table_says() -> None:
    """Every metric of the table and no other, with its help, type and labels, whether anything happened yet or not."""
    for tally in (Tally(), busy()):
        found = families(tally)
        assert {name.removesuffix("_total") for name in found} == {m.full_name.removesuffix("_total") for m in METRICS}
        for metric in METRICS:
            family = found.get(metric.full_name) or found[metric.full_name.removesuffix("_total")]
            assert (family.type, family.documentation) == (metric.kind.value, metric.help)
            for sample in family.samples:
                assert set(sample.labels) - {"le"} == set(metric.labels)


def test_promtool_would_have_nothing_to_say() -> None:
    """HELP and TYPE once before their samples, no sample twice, no timestamp, one blank between, a line end at the end."""
    text = text_of(busy())
    assert text.endswith("\n")
    assert "\n\n" not in text
    seen: set[str] = set()
    described: list[str] = []
    for row in text.splitlines():
        if row.startswith("# "):
            _, word, name, _ = row.split(" ", 3)
            assert word in ("HELP", "TYPE")
            described.append(f"{word} {name}")
            continue
        key, number = row.rsplit(" ", 1)
        assert key not in seen
        seen.add(key)
        float(number)
        family = re.sub(r"_(bucket|sum|count)$", "", key.partition("{")[0])
        assert f"TYPE {family}" in described
    assert len(described) == len(set(described)) == 2 * len(METRICS)


def test_the_numbers_are_those_that_were_told() -> None:
    """Counters from the tally."""
    found = families(busy())
    assert value(found, "requests_total", backend="tickets", dialect="soap11", state="ok") == 3
    assert value(found, "refusals_total", backend="", state="malformed", mechanism="parse") == 1
    assert value(found, "attempts_total", backend="tickets", state="ok") == 3
    assert value(found, "late_outcomes_total", backend="tickets", executed="yes") == 1
    assert value(found, "retries_total", backend="tickets") == 1
    assert value(found, "bugs_total") == 1
    assert value(found, "events_total", event="reply_cut") == 1
    assert value(found, "connections_dropped_total") == 1


def test_a_distribution_is_cumulative() -> None:
    """Up to each bound, all below it; at +Inf everything, which is the count."""
    found = families(busy())
    at = [value(found, "attempt_seconds_bucket", backend="tickets", le=str(bound)) for bound in BOUNDS_S]
    assert at == sorted(at)
    assert (at[0], at[1], at[-1]) == (1, 1, 3)
    assert value(found, "request_seconds_bucket", backend="tickets", le="60.0") == 3
    assert value(found, "request_seconds_bucket", backend="tickets", le="+Inf") == 4
    assert value(found, "request_seconds_count", backend="tickets") == 4
    assert value(found, "request_seconds_sum", backend="tickets") == pytest.approx(70.034)


def test_what_lives_is_looked_at_in_the_moment_of_reading() -> None:
    """Gauges from what was handed in."""
    found = families(busy())
    for name, expected in (
        ("limit", 8), ("limit_configured", 16), ("in_flight", 3), ("ghosts", 1), ("queue_size", 500),
        ("pressure", 1),
    ):  # fmt: skip
        assert value(found, name, backend="tickets") == expected
    assert value(found, "queued", **{"backend": "tickets", "class": "browse"}) == 2
    assert value(found, "queued", **{"backend": "tickets", "class": "staff"}) == 0, (
        "a class that nobody waits in is there, too"
    )
    assert value(found, "pressure", backend='odd"name\\') == 2
    assert (value(found, "connections", state="busy"), value(found, "connections", state="idle")) == (9, 3)
    assert (value(found, "buffered_bytes"), value(found, "buffered_limit_bytes")) == (4096, 1 << 28)
    assert value(found, "config_info", id="c3f9a1b2d4e5") == 1
    assert value(found, "config_last_reload_successful") == 0
    assert value(found, "config_last_reload_timestamp_seconds") == 1_796_115_600.5
    assert (value(found, "config_reloads_total", ok="true"), value(found, "config_reloads_total", ok="false")) == (3, 1)
    assert (value(found, "overrides"), value(found, "draining"), value(found, "log_lines_dropped_total")) == (2, 1, 7)
    assert value(found, "loop_lag_seconds") == 0.25


def test_everything_begins_at_nought() -> None:
    """A rate needs a first value: what is in the plan is there before its first call."""
    found = families(Tally())
    assert value(found, "retries_total", backend="tickets") == 0
    assert value(found, "attempt_seconds_count", backend="tickets") == 0
    assert [value(found, "events_total", event=name) for name in EVENTS] == [0] * len(EVENTS)


def test_a_backend_that_is_gone_keeps_its_counters_and_has_no_gauges() -> None:
    """Until the process ends: a counter that vanishes looks like a restart."""
    found = families(busy(), Now(backends=(NOW.backends[1],)))
    assert value(found, "attempts_total", backend="tickets", state="ok") == 3
    assert all(sample.labels["backend"] != "tickets" for sample in found["sidecar_limit"].samples)


def test_reading_changes_nothing() -> None:
    """Two scrapers see the same."""
    tally = busy()
    assert text_of(tally) == text_of(tally)


def test_a_registry_serves_the_same() -> None:
    """Whoever has one of the library's registries can put it there."""
    registry = CollectorRegistry(auto_describe=True)
    registry.register(Exposition(busy(), lambda: NOW))
    assert generate_latest(registry).decode() == text_of(busy())


def test_the_table_of_readers_is_complete() -> None:
    """A histogram has a distribution, any other a row of numbers."""
    from sidecar.watch import metrics  # noqa: PLC0415 - its inside

    spreads = {metric.name for metric in METRICS if metric.kind is Kind.HISTOGRAM}
    assert set(metrics._SPREADS) == spreads
    assert set(metrics._ROWS) == {metric.name for metric in METRICS} - spreads


def test_many_backends_are_written_a_few_at_a_time() -> None:
    """No piece holds the loop for long, and the whole is as if it had been written at once."""
    tally = Tally()
    now = Now(backends=tuple(BackendNow(f"b{number}", 4, 4, 0, 0, (("browse", 0),), 10, 0) for number in range(100)))
    for number in range(100):
        tally.passed(f"b{number}", Dialect.SOAP11, "ok", "", [0.03], [0.02])
    exposition = Exposition(tally, lambda: now)
    pieces = list(exposition.pieces())
    registry = CollectorRegistry()
    registry.register(exposition)
    assert b"".join(pieces) == generate_latest(registry)
    assert max(piece.count(b"\n") for piece in pieces) < 16 * (len(BOUNDS_S) + 3) + 2 + 1


def test_waiting_rooms_are_looked_at_and_counted() -> None:
    """A row of each gauge for every room, a counter of each thing that becomes of visitors; without rooms there is no row."""
    room = RoomNow("hamlet", 20_000, 11_000, 12, 180, 200.0, 20.5, (("called", 900), ("missed", 30)))
    found = families(busy(), Now(rooms=(room,)))
    shown = {
        name: [sample.value for sample in found[f"sidecar_room_{name}"].samples]
        for name in ("joined", "waiting", "called", "active", "target", "pace")
    }
    assert shown == {
        "joined": [20_000],
        "waiting": [11_000],
        "called": [12],
        "active": [180],
        "target": [200.0],
        "pace": [20.5],
    }
    counted = {sample.labels["event"]: sample.value for sample in found["sidecar_room_visitors"].samples}
    assert counted == {"called": 900, "missed": 30}
    assert families(busy(), Now())["sidecar_room_joined"].samples == []
