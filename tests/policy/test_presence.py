"""Presence: whoever was heard of within the windows is there, and exactly those are counted and found, whatever happens in between."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from sidecar.policy.presence import BLOCK, MOST, WINDOWS, Presence

if TYPE_CHECKING:
    from collections.abc import Iterable

# The edges of blocks and of the first group, and a few beside them.
POSITIONS = st.sampled_from(
    [0, 1, 2, 63, 1022, 1023, 1024, 1025, 2047, 2048, 5000, 32 * BLOCK - 1, 32 * BLOCK, 33 * BLOCK + 5]
)


def presence_of(*positions: int) -> Presence:
    presence = Presence()
    for position in positions:
        presence.mark(position)
    return presence


def turn(presence: Presence) -> None:
    presence.rotate()
    assert not presence.step(10**6)


def test_who_was_marked_is_there() -> None:
    """He counts as ahead of whoever stands behind him, and is found as one of the first."""
    presence = presence_of(7, 3, 5000)
    assert (presence.count, presence.first(10), presence.first(2), presence.first(0)) == (3, [3, 7, 5000], [3, 7], [])
    assert [presence.ahead(position) for position in (0, 3, 4, 7, 8, 5000, 5001, 10**6)] == [0, 0, 1, 1, 2, 2, 3, 3]
    assert (presence.is_present(7), presence.is_present(8), presence.is_present(10**6)) == (True, False, False)


def test_who_says_nothing_for_four_windows_is_absent() -> None:
    """A mark counts in its own window and in three after it; a later one begins anew."""
    presence = presence_of(3, 7)
    turn(presence)
    presence.mark(7)
    for _ in range(WINDOWS - 2):
        turn(presence)
    assert presence.first(9) == [3, 7]
    turn(presence)
    assert presence.first(9) == [7]
    turn(presence)
    assert (presence.first(9), presence.count, presence.is_present(7)) == ([], 0, False)


def test_out_and_back() -> None:
    """Out is not counted and not found, but still there; who comes back stands where he stood."""
    presence = presence_of(1, 2, 3)
    presence.out(2)
    presence.out(2)
    presence.mark(2)
    assert (presence.first(9), presence.ahead(3), presence.is_out(2), presence.is_present(2)) == ([1, 3], 1, True, True)
    presence.back(2)
    presence.back(2)
    assert (presence.first(9), presence.ahead(3), presence.is_out(2)) == ([1, 2, 3], 2, False)


def test_back_brings_nobody_who_is_not_there() -> None:
    """Who was out and fell silent is back only for when he is heard of again."""
    presence = presence_of(2)
    presence.out(2)
    for _ in range(WINDOWS):
        turn(presence)
    presence.back(2)
    assert presence.count == 0
    presence.mark(2)
    assert presence.first(1) == [2]


def test_a_turn_comes_in_slices() -> None:
    """What has not been turned counts as before, and the last slice says that it is."""
    presence = presence_of(0, BLOCK, 2 * BLOCK)
    for _ in range(WINDOWS - 1):
        turn(presence)
    presence.rotate()
    assert presence.count == 3
    assert presence.step(1)
    assert presence.first(9) == [BLOCK, 2 * BLOCK]
    presence.mark(2 * BLOCK)  # of the window that ends there: it counts in three more
    assert presence.step(1)
    assert not presence.step(1)
    assert not presence.step(1)
    assert presence.first(9) == [2 * BLOCK]


def test_a_turn_ends_the_one_before() -> None:
    """Whoever turns too early loses nothing by it but time."""
    presence = presence_of(0, BLOCK)
    for _ in range(WINDOWS):
        presence.rotate()
    assert presence.count == 2
    assert not presence.step(2)
    assert presence.count == 0


@pytest.mark.parametrize("position", [-1, MOST, 10**12])
def test_what_is_no_position(position: int) -> None:
    """Nobody grows it beyond what a place can name, and a number below 0 is nobody's."""
    presence = presence_of(1)
    for ask in (presence.mark, presence.out, presence.back, presence.ahead, presence.is_out, presence.is_present):
        with pytest.raises(ValueError, match="is no position"):
            ask(position)
    assert presence.ahead(MOST - 1) == 1
    assert repr(presence) == "<Presence 1 eligible in 1 blocks>"  # to ask makes no room
    presence.mark(MOST - 1)
    assert presence.first(2) == [1, MOST - 1]


def test_a_million_fit_into_two_megabytes() -> None:
    """With all four windows full, each of other numbers, and somebody out in every block."""
    presence = Presence()
    presence.assume(1_000_000)
    for block in range(977):
        presence.settle(block, [(1 << BLOCK) - 1 - each for each in range(WINDOWS)])
        presence.out(block * BLOCK)
    assert presence.count == 977 * (BLOCK - 1)
    assert held_bytes(presence) < 2e6


def held_bytes(presence: Presence) -> int:
    """Return what its lists and their numbers take, each number once."""
    lists: list[list[int]] = [*presence._windows, presence._assumed, presence._out, presence._eligible]
    lists += [presence._counts, presence._groups]
    numbers: Iterable[int] = {id(each): each for each in (each for row in lists for each in row)}.values()
    return sum(map(sys.getsizeof, lists)) + sum(map(sys.getsizeof, numbers))


class PresenceMachine(RuleBasedStateMachine):
    """Everything that its owner does, in any order, beside a model with a dict and a set."""

    @initialize()
    def begin(self) -> None:
        self.presence = Presence()
        self.turns: dict[int, int] = {}  # of each block
        self.begun, self.turned = 0, 10**9  # turns that have begun, and the blocks that have had the last one
        self.seen: dict[int, int] = {}  # in which turn of its block
        self.gone: set[int] = set()
        self.blocks = 0

    def touch(self, position: int) -> None:
        self.blocks = max(self.blocks, position // BLOCK + 1)

    def turns_of(self, position: int) -> int:
        return self.begun - (position // BLOCK >= self.turned)

    def present(self, position: int) -> bool:
        return position in self.seen and self.turns_of(position) - self.seen[position] < WINDOWS

    @rule(position=POSITIONS)
    def mark(self, position: int) -> None:
        self.presence.mark(position)
        self.touch(position)
        self.seen[position] = self.turns_of(position)

    @rule(position=POSITIONS)
    def out(self, position: int) -> None:
        self.presence.out(position)
        self.touch(position)
        self.gone.add(position)

    @rule(position=POSITIONS)
    def back(self, position: int) -> None:
        self.presence.back(position)
        self.touch(position)
        self.gone.discard(position)

    @rule()
    def rotate(self) -> None:
        self.presence.rotate()
        self.begun, self.turned = self.begun + 1, 0

    @rule(blocks=st.integers(1, 20))
    def step(self, blocks: int) -> None:
        more = self.presence.step(blocks)
        self.turned += blocks
        if self.turned >= self.blocks:
            self.turned = 10**9
        assert more == (self.turned < self.blocks)

    @rule(position=POSITIONS)
    def ask(self, position: int) -> None:
        eligible = self.eligible()
        assert self.presence.ahead(position) == sum(each < position for each in eligible)
        assert self.presence.is_out(position) == (position in self.gone)
        assert self.presence.is_present(position) == self.present(position)

    @invariant()
    def same(self) -> None:
        eligible = self.eligible()
        assert self.presence.first(10**6) == eligible
        assert self.presence.first(2) == eligible[:2]
        assert self.presence.count == len(eligible)
        assert sorted(self.presence.outs()) == sorted(self.gone)

    def eligible(self) -> list[int]:
        return sorted(each for each in self.seen if self.present(each) and each not in self.gone)


TestPresenceMachine = PresenceMachine.TestCase
TestPresenceMachine.settings = settings(stateful_step_count=60)
