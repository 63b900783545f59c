"""The numbers since the start: every label from a closed list, whatever is sent."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.model import Dialect, Executed
from sidecar.states import TABLE
from sidecar.watch import tally as module
from sidecar.watch.mechanisms import MECHANISMS, OTHER
from sidecar.watch.tally import BOUNDS_S, EVENTS, Tally


def test_a_request_counts_by_dialect_and_state() -> None:
    """Its time in the distribution, the line's only where it stood in one."""
    tally = Tally()
    tally.passed("tickets", Dialect.SOAP11, "ok", "", [0.02], [0.001])
    tally.passed("tickets", Dialect.SOAP11, "ok", "", [0.02], [])
    account = tally.account("tickets")
    assert dict(account.requests) == {("soap11", "ok"): 2}
    assert dict(account.refusals) == {}
    assert (sum(account.request_s.counts), sum(account.queue_s.counts)) == (2, 1)
    assert account.request_s.sum_s == pytest.approx(0.04)


def test_a_refusal_counts_by_mechanism() -> None:
    """Besides as a request."""
    tally = Tally()
    tally.passed("", "json", "malformed", "parse", [0.0], [])
    assert dict(tally.account("").refusals) == {("malformed", "parse"): 1}
    assert dict(tally.account("").requests) == {("json", "malformed"): 1}


@pytest.mark.parametrize(("seconds", "place"), [(0.0, 0), (0.005, 0), (0.0051, 1), (60.0, 12), (61.0, 13)])
def test_a_bound_holds_what_is_equal_to_it(seconds: float, place: int) -> None:
    """As `le` says; above the last one there is a place, too."""
    tally = Tally()
    tally.attempted("tickets", "ok", seconds)
    assert tally.account("tickets").attempt_s.counts.index(1) == place
    assert len(tally.account("tickets").attempt_s.counts) == len(BOUNDS_S) + 1


@given(
    st.lists(
        st.tuples(st.text(max_size=5), st.text(max_size=5), st.text(max_size=5), st.text(min_size=1, max_size=5)),
        max_size=50,
    )
)
def test_no_label_comes_from_outside(calls: list[tuple[str, str, str, str]]) -> None:
    """Unknown words are `other`, so that nobody can make the table grow."""
    tally = Tally()
    for backend, dialect, state, mechanism in calls:
        tally.passed(backend, dialect, state, mechanism, [0.0], [])
        tally.attempted(backend, state, 0.0)
        tally.event("late_outcome", {"backend": backend, "executed": dialect})
        tally.event(state, {})
    states, dialects = {*TABLE, OTHER}, {*Dialect, OTHER}
    for account in tally.accounts.values():
        assert all(dialect in dialects and state in states for dialect, state in account.requests)
        assert all(state in states and word in MECHANISMS for state, word in account.refusals)
        assert set(account.attempts) <= states
        assert set(account.late) <= {*Executed, OTHER}
    assert set(tally.events) == set(EVENTS)
    assert sum(sum(account.requests.values()) for account in tally.accounts.values()) == len(calls)


def test_backends_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names that reloads bring beyond it are counted together."""
    monkeypatch.setattr(module, "BACKENDS_MAX", 2)
    tally = Tally()
    for name in ("a", "b", "c", "d", "a"):
        tally.account(name).retries += 1
    assert {name: account.retries for name, account in tally.accounts.items()} == {"a": 2, "b": 1, OTHER: 2}


@pytest.mark.parametrize(
    ("name", "facts", "number"),
    [
        ("late_outcome", {"backend": "tickets", "executed": "yes"}, lambda t: t.account("tickets").late["yes"]),
        ("retry", {"backend": "tickets"}, lambda t: t.account("tickets").retries),
        ("bug", {"where": "here"}, lambda t: t.bugs),
        ("connection_dropped", {}, lambda t: t.connections_dropped),
        *((name, {}, lambda t, name=name: t.events[name]) for name in EVENTS),
    ],
)
def test_every_rare_event_has_its_number(name: str, facts: dict[str, Any], number: Any) -> None:
    """And an ordinary one has none."""
    tally = Tally()
    tally.event("started", {})
    assert number(tally) == 0
    tally.event(name, facts)
    assert number(tally) == 1
