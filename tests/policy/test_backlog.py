"""Sums of waiting work, beside a walk over all that waits."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given

from sidecar.policy.backlog import Backlog


def test_an_empty_one() -> None:
    """Nobody waits: nothing is scaled, and a call costs what any does."""
    backlog = Backlog()
    assert (backlog.count, backlog.today_s, backlog.scale, backlog.mean_s) == (0, 0.0, 1.0, 1.0)
    assert repr(backlog) == "<Backlog 0 calls, 0 s, 100% of it served>"


def test_what_is_learnt_is_felt_by_all_who_wait() -> None:
    """When a call turns out twice as dear, so does all that waits for the same operation, and nothing else."""
    backlog = Backlog()
    for name, cost_s in (("A", 1.0), ("A", 1.0), ("B", 2.0)):
        backlog.add(name, cost_s)
    assert (backlog.today_s, backlog.scale) == (4.0, 1.0)
    backlog.learn(0.0, "A", 3.0)
    assert (backlog.today_s, backlog.scale, backlog.mean_s) == (8.0, 2.0, pytest.approx(8 / 3))
    backlog.learn(0.0, "C", 9.0)
    assert backlog.today_s == 8.0
    backlog.add("A", 3.0)
    assert backlog.today_s == 11.0
    backlog.remove("A", 1.0)
    assert (backlog.today_s, backlog.scale) == (8.0, pytest.approx(8 / 6))


def test_who_leaves_unserved_is_nobodys_work() -> None:
    """The part that is served follows what becomes of those who waited."""
    backlog = Backlog()
    backlog.left(0.0)
    assert backlog.served == pytest.approx(0.98)
    for _ in range(200):
        backlog.left(0.5)
    assert backlog.served == pytest.approx(0.5, abs=0.01)


@given(st.lists(st.tuples(st.sampled_from("ABC"), st.sampled_from(["add", "remove", "learn"]), st.floats(0.01, 10))))
def test_sums_are_those_of_a_walk(steps: list[tuple[str, str, float]]) -> None:
    """Whatever comes, goes and is learnt, the sum is each call at what its operation cost when it came first or was learnt last."""
    backlog, calls, now_s = Backlog(), list[tuple[str, float]](), dict[str, float]()
    for name, what, seconds in steps:
        if what == "add":
            backlog.add(name, seconds)
            if name not in {each for each, _ in calls}:
                now_s[name] = seconds
            calls.append((name, seconds))
        elif what == "learn":
            backlog.learn(0.0, name, seconds)
            now_s[name] = backlog.costs.of(name)
        elif mine := [each for each in calls if each[0] == name]:
            calls.remove(mine[0])
            backlog.remove(*mine[0])
        assert backlog.count == len(calls)
        assert backlog.today_s == pytest.approx(sum(now_s[each] for each, _ in calls), abs=1e-6)
        if calls:
            then_s = sum(cost for _, cost in calls)
            assert backlog.scale == pytest.approx(backlog.today_s / then_s)
        else:
            assert (backlog.today_s, backlog.scale) == (0.0, 1.0)
