"""Means of what calls hold a slot for."""

from __future__ import annotations

import random

import hypothesis.strategies as st
import pytest
from hypothesis import given

from sidecar.policy.costs import LATELY, LEAST_S, OPERATIONS_MOST, REMEMBERED, STALE_AFTER_S, UNKNOWN_S, Costs


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


def scattered(rng: random.Random, costs: Costs, mean_s: float, calls: int) -> None:
    """Calls that scatter as services do: a standard deviation of half the mean."""
    for _ in range(calls):
        costs.tell(0.0, "A", rng.gammavariate(4, mean_s / 4))


def test_of_a_load_that_keeps_still_a_hundred_calls_speak() -> None:
    """Forty means out of forty are within 15 % of the truth; of those of twenty calls one in six would be further off."""
    costs, rng = Costs(), random.Random(1)
    scattered(rng, costs, 1.0, 300)
    for _ in range(40):
        scattered(rng, costs, 1.0, 25)
        assert costs.of("A") == pytest.approx(1.0, rel=0.15)


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_it_follows_a_load_that_moves(factor: float) -> None:
    """When calls take twice as long, or half, more than half of the way is gone within threescore calls, whatever the chance."""
    for seed in range(20):
        costs, rng = Costs(), random.Random(seed)
        scattered(rng, costs, 1.0, 1000)
        scattered(rng, costs, factor, 3 * LATELY)
        assert abs(costs.of("A") - factor) < 0.4 * abs(1.0 - factor)


def test_one_call_that_hangs_is_chance_and_two_in_a_row_are_a_move() -> None:
    """However far off the one is, it counts as one of a hundred; with a second the short mean takes over, and weighs as twenty calls."""
    for odd in (2.0, 1e6):
        costs = Costs()
        for _ in range(200):
            costs.tell(0.0, "A", 1.0)
        costs.tell(0.0, "A", odd)
        assert costs.of("A") == pytest.approx(1.0 + (odd - 1.0) / REMEMBERED)
        newest, rest = 2 / (2 * LATELY + 1), (2 * LATELY - 1) / (2 * LATELY + 1)
        costs.tell(0.0, "A", odd)
        short = 1.0 + (odd - 1.0) * (newest + newest * rest)
        assert costs.of("A") == pytest.approx(short)
        costs.tell(0.0, "A", short)
        costs.tell(0.0, "A", short + 1.0)
        assert costs.of("A") == pytest.approx(short + 1 / (LATELY + 2), rel=1e-3)


def test_rare_hangs_count_as_often_as_they_come() -> None:
    """One call in a hundred hangs for a hundred times as long: over the day it is told as twice the usual cost, not as three times."""
    costs, rng, told = Costs(), random.Random(5), list[float]()
    for _ in range(20_000):
        costs.tell(0.0, "A", 10.0 if rng.random() < 0.01 else rng.gammavariate(4, 0.1 / 4))
        told.append(costs.of("A"))
    assert sum(told) / len(told) == pytest.approx(0.199, rel=0.1)


def test_the_bound_between_chance_and_a_move_is_three_standard_errors() -> None:
    """Times that swing between 0.9 and 1.1 scatter by 0.1: two odd calls just within the bound count as two, beyond it as a move."""

    def after(odd: float) -> float:
        costs = Costs()
        for number in range(400):
            costs.tell(0.0, "A", 0.9 if number % 2 else 1.1)
        costs.tell(0.0, "A", odd)
        return costs.tell(0.0, "A", odd)

    calm, moved = after(2.41), after(2.45)
    assert calm < 1.0 + 1.43 * 2 / REMEMBERED
    assert moved > 1.0 + 1.43 * 3 / (2 * LATELY + 1)


def test_after_a_night_what_was_known_weighs_as_one_call() -> None:
    """The first call of the morning counts half, not a hundredth; a gap that is as long as may be changes nothing."""
    costs = Costs()
    for number in range(200):
        costs.tell(0.0, "A", 0.0 if number % 2 else 2.0)
    costs.tell(STALE_AFTER_S, "A", 1.0)
    value = costs.of("A")
    assert costs.tell(2 * STALE_AFTER_S, "A", value + 1.0) == pytest.approx(value + 1 / REMEMBERED)
    value = costs.of("A")
    assert costs.tell(3 * STALE_AFTER_S + 0.1, "A", value + 1.0) == pytest.approx(value + 0.5)
    assert costs.tell(3 * STALE_AFTER_S + 0.1, "A", value + 1.0) == pytest.approx(value + 2 / 3)


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
