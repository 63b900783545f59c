"""Means of what calls hold a slot for."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given

from sidecar.policy.costs import LEAST_S, OPERATIONS_MOST, REMEMBERED, STALE_AFTER_S, UNKNOWN_S, Costs


def test_what_nobody_has_asked_costs_what_all_do_and_before_that_a_second() -> None:
    """An unknown operation is as dear as the mean call, and before the first call there is a guess."""
    costs = Costs()
    assert (costs.of("A"), costs.mean_s) == (UNKNOWN_S, UNKNOWN_S)
    assert costs.tell(0.0, "A", 2.0) == 2.0
    costs.tell(0.0, "B", 4.0)
    assert (costs.of("A"), costs.of("B"), costs.of("C")) == (2.0, 4.0, 3.0)
    assert repr(costs) == "<Costs 2 operations, 3 s on average>"


def test_it_begins_as_a_plain_mean() -> None:
    """The first calls weigh alike, whichever came first."""
    costs = Costs()
    for seconds in (1.0, 2.0, 6.0):
        costs.tell(0.0, "A", seconds)
    assert costs.of("A") == pytest.approx(3.0)


def test_it_follows_the_load_of_the_moment() -> None:
    """After about as many calls as it remembers, most of what it says is of them."""
    costs = Costs()
    for _ in range(200):
        costs.tell(0.0, "A", 1.0)
    for _ in range(REMEMBERED):
        costs.tell(0.0, "A", 2.0)
    assert 1.8 < costs.of("A") < 1.95
    before = costs.of("A")
    costs.tell(0.0, "A", before + 1.0)
    assert costs.of("A") == pytest.approx(before + 2 / (REMEMBERED + 1))


def test_the_plain_mean_hands_over_where_its_newest_weighs_as_little() -> None:
    """No call ever weighs less than the newest does for good."""
    costs = Costs()
    for _ in range(REMEMBERED // 2 - 1):
        costs.tell(0.0, "A", 1.0)
    costs.tell(0.0, "A", 2.0)
    assert costs.of("A") == pytest.approx(1.0 + 1 / (REMEMBERED // 2))
    value = costs.of("A")
    costs.tell(0.0, "A", value + 1.0)
    assert costs.of("A") == pytest.approx(value + 2 / (REMEMBERED + 1))


def test_after_a_night_what_was_known_weighs_as_one_call() -> None:
    """The first call of the morning counts half, not a fortieth; a gap that is as long as may be changes nothing."""
    costs = Costs()
    for _ in range(50):
        costs.tell(0.0, "A", 1.0)
    costs.tell(STALE_AFTER_S, "A", 1.0)
    assert costs.tell(2 * STALE_AFTER_S, "A", 2.0) == pytest.approx(1.0 + 2 / (REMEMBERED + 1))
    value = costs.of("A")
    assert costs.tell(3 * STALE_AFTER_S + 0.1, "A", value + 1.0) == pytest.approx(value + 0.5)


@given(st.lists(st.tuples(st.sampled_from("AB"), st.floats(-1, 100)), min_size=1))
def test_it_stays_between_the_least_and_the_most_that_was_told(told: list[tuple[str, float]]) -> None:
    """A mean never leaves the range of its samples, and nothing is free."""
    costs = Costs()
    for operation, seconds in told:
        costs.tell(1.0, operation, seconds)
        assert costs.of(operation) >= LEAST_S
        assert costs.mean_s >= LEAST_S
    top = max(LEAST_S, *(seconds for _, seconds in told)) + 1e-9
    assert max(costs.of("A"), costs.of("B"), costs.mean_s) <= top


def test_the_table_is_bounded_and_keeps_what_is_used() -> None:
    """Of more operations than it has room for, those are forgotten that were not called for longest."""
    costs = Costs()
    costs.tell(0.0, "used", 9.0)
    costs.tell(0.0, "old", 9.0)
    for number in range(OPERATIONS_MOST - 2):
        costs.tell(0.0, f"made up {number}", 1.0)
    costs.tell(0.0, "used", 9.0)
    assert costs.of("old") == 9.0
    costs.tell(0.0, "one more", 1.0)
    assert costs.of("used") == 9.0
    assert costs.of("old") == costs.mean_s
    assert repr(costs).startswith(f"<Costs {OPERATIONS_MOST} operations")
