"""Turns: each lane gets its weight to within a turn, an idle one gives its share away and saves nothing."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given

from sidecar.policy.turns import Turns

MANY = 10**9
WEIGHTS = st.lists(st.integers(1, 20), min_size=1, max_size=4).map(
    lambda weights: {f"lane {number}": weight for number, weight in enumerate(weights)}
)
COUNTS = st.lists(st.integers(0, 50), max_size=40)


def busy(turns: Turns, weights: dict[str, int], count: int) -> dict[str, int]:
    """Split among lanes that all have people without end."""
    return turns.split(count, [(name, MANY) for name in weights])


@given(WEIGHTS, COUNTS)
def test_weights_are_kept_to_within_one(weights: dict[str, int], counts: list[int]) -> None:
    """At every moment, however the turns come in: one at a time or fifty."""
    turns, total, shares = Turns(weights), 0, dict.fromkeys(weights, 0)
    for count in counts:
        for name, given_ in busy(turns, weights, count).items():
            shares[name] += given_
        total += count
        for name, weight in weights.items():
            assert abs(shares[name] - total * weight / sum(weights.values())) <= 1.0


@given(
    WEIGHTS, st.lists(st.tuples(st.integers(0, 50), st.lists(st.integers(0, 30), min_size=4, max_size=4)), max_size=40)
)
def test_no_turn_is_lost_and_none_is_made(weights: dict[str, int], rounds: list[tuple[int, list[int]]]) -> None:
    """As many as there are turns or people, no lane more than it has people; what they are owed stays small, whoever comes and goes."""
    turns = Turns(weights)
    for count, people in rounds:
        waiting = list(zip(weights, people, strict=False))
        given_ = turns.split(count, waiting)
        assert sum(given_.values()) == min(count, sum(each for _, each in waiting))
        assert all(0 <= given_[name] <= each for name, each in waiting)
        assert all(-1.0001 <= owed <= len(weights) for owed in turns._deficits.values())


@given(WEIGHTS, st.integers(1, 100), st.integers(1, 20))
def test_an_idle_lane_hoards_nothing(weights: dict[str, int], rounds: int, count: int) -> None:
    """After a long time without people a lane gets its weight, not what it did without."""
    turns, first = Turns(weights), next(iter(weights))
    for _ in range(rounds):
        turns.split(count, [(name, 0 if name == first else MANY) for name in weights])
    share = busy(turns, weights, count)[first]
    assert abs(share - count * weights[first] / sum(weights.values())) <= 1.0 + 1e-6


@given(WEIGHTS, st.integers(0, 60), st.integers(0, 60))
def test_what_a_lane_has_no_people_for_goes_to_the_others_by_weight(
    weights: dict[str, int], count: int, few: int
) -> None:
    """At once, in the same split."""
    first = next(iter(weights))
    shares = Turns(weights).split(count, [(name, few if name == first else MANY) for name in weights])
    others = sum(weights.values()) - weights[first]
    taken = shares[first]
    for name, weight in weights.items():
        if name != first and taken == few:
            assert abs(shares[name] - (count - taken) * weight / others) <= 2.0


def test_nobody_waits() -> None:
    """No lane gets anything, and nothing is owed to anybody."""
    turns = Turns({"main": 8, "fast": 1})
    busy(turns, {"main": 8, "fast": 1}, 5)
    assert turns.split(7, [("main", 0), ("fast", 0)]) == {"main": 0, "fast": 0}
    assert set(turns._deficits.values()) == {0.0}


def test_weights_of_nothing_are_equal() -> None:
    """Where all lanes that have people weigh nothing."""
    assert Turns({"a": 0, "b": 0}).split(10, [("a", MANY), ("b", MANY)]) == {"a": 5, "b": 5}


def test_other_weights_hold_from_the_next_split_on() -> None:
    """What is owed stays; lanes that come begin with nothing."""
    turns = Turns({"a": 1})
    turns.bound({"a": 1, "b": 3})
    assert busy(turns, {"a": 1, "b": 3}, 400) == {"a": 100, "b": 300}
    assert repr(turns) == "<Turns {'a': 1, 'b': 3}>"


@pytest.mark.parametrize("at_once", [1, 7, 200])
def test_a_lane_of_single_visitors_pays_for_its_turns(at_once: int) -> None:
    """Whoever empties his lane with each turn gets no more than one who waits in it all the time."""
    turns, shares = Turns({"a": 1, "b": 1}), {"a": 0, "b": 0}
    for number in range(400):
        for name, each in turns.split(at_once, [("a", number % 2), ("b", MANY)]).items():
            shares[name] += each
    assert shares["a"] <= 200
    assert shares["a"] + shares["b"] == 400 * at_once
