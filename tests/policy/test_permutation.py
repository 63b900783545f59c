"""The keyed order: each number has one place, each place one number, and short of its words nothing is known of them."""

from __future__ import annotations

from array import array
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.policy.permutation import ROUNDS, Permutation


def of(size: int, seed: int = 1) -> Permutation:
    """Return one with words that a seed names."""
    chance = Random(seed)
    return Permutation(size, lambda _turn, count: array("I", [chance.getrandbits(32) for _ in range(count)]))


@given(st.integers(0, 3000), st.integers())
def test_each_number_has_one_place(size: int, seed: int) -> None:
    """Whatever the size: nobody is lost, no two share one, and the way back leads home."""
    order = of(size, seed)
    places = [order.forward(number) for number in range(size)]
    assert sorted(places) == list(range(size))
    assert [order.backward(place) for place in places] == list(range(size))


@pytest.mark.parametrize("size", [2**20, 10**6, 10**6 + 1, 999**2, 2**23, 2**25])
def test_large_ones_lead_home_too(size: int) -> None:
    """At the ends and in between, without leaving the range."""
    order, chance = of(size), Random(size)
    for number in (0, 1, size - 2, size - 1, *(chance.randrange(size) for _ in range(500))):
        place = order.forward(number)
        assert 0 <= place < size
        assert order.backward(place) == number


@pytest.mark.parametrize(("size", "a", "b"), [(0, 1, 1), (1, 1, 1), (2, 2, 1), (3, 2, 2), (5, 3, 2), (10, 4, 3)])
def test_the_two_radices(size: int, a: int, b: int) -> None:
    """The first is the root, rounded up, the second what it takes: less than a row of pairs is no number."""
    assert repr(of(size)) == f"<Permutation of {size} as {a} x {b}>"
    assert size <= a * b < max(size, 1) + a


def test_words_are_asked_for_once_a_round() -> None:
    """In the order of the rounds, as many as the other half has values: that is what a stranger recomputes."""
    asked: list[tuple[int, int]] = []

    def words(turn: int, count: int) -> array[int]:
        asked.append((turn, count))
        return array("I", bytes(4 * count))

    Permutation(10, words).forward(3)
    assert asked == [(turn, 4 if turn % 2 else 3) for turn in range(ROUNDS)]


def test_less_than_nothing() -> None:
    """Whoever counts wrong hears so."""
    with pytest.raises(ValueError, match="-1 is no number of places"):
        of(-1)
