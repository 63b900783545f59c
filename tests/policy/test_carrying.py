"""The carry-over: at its end exactly those are there by rank who were there by arrival, and nobody is lost on the way."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from sidecar.policy.carrying import Carrying
from sidecar.policy.draw import Draw
from sidecar.policy.presence import BLOCK, WINDOWS, Presence

if TYPE_CHECKING:
    from collections.abc import Iterable

SEED = bytes(range(32))


def turn(presence: Presence) -> None:
    presence.rotate()
    presence.step(10**6)


def lobby(drawn: int, marked: Iterable[tuple[int, int]], outs: Iterable[int] = ()) -> Presence:
    """Return who was there by arrival; each of `marked` is a seq and how many windows ago he was heard of."""
    presence, by_age = Presence(), list(marked)
    for age in reversed(range(WINDOWS)):
        for seq, ago in by_age:
            if ago == age:
                presence.mark(seq)
        if age:
            turn(presence)
    for seq in outs:
        presence.out(seq)
    assert presence.ahead(drawn) <= drawn
    return presence


def carried(carrying: Carrying, positions: int = 1000) -> Presence:
    while carrying.step(positions):
        pass
    return carrying.ranked


@pytest.mark.parametrize("drawn", [0, 1, 5, 1023, 1024, 1025, 5000])
@pytest.mark.parametrize("positions", [1, 300, 10**6])
def test_at_the_end_exactly_the_windows_of_the_old_one_hold(drawn: int, positions: int) -> None:
    """Who was heard of so many windows ago lapses after the rest of them; who is out is out; the absent are absent."""
    chance, draw = Random(drawn), Draw(SEED, "main", drawn)
    ages = {seq: age for seq in range(drawn) if (age := chance.randrange(WINDOWS + 1)) < WINDOWS}
    outs = {seq for seq in range(drawn) if chance.random() < 0.2}
    ranked = carried(Carrying(lobby(drawn, ages.items(), outs), draw), positions)
    assert {draw.seq(rank) for rank in ranked.outs()} == outs
    for later in range(WINDOWS + 1):
        still = sorted(draw.rank(seq) for seq, age in ages.items() if age + later < WINDOWS and seq not in outs)
        assert ranked.first(drawn + 1) == still
        turn(ranked)


def test_nobody_is_missing_meanwhile() -> None:
    """Until it is known who was there, everybody of the draw is taken for present, and the front is known first."""
    draw = Draw(SEED, "main", 3000)
    carrying = Carrying(lobby(3000, [(seq, 0) for seq in range(0, 3000, 2)]), draw)
    assert carrying.ranked.count == 3000
    assert carrying.step(BLOCK - 1)
    assert (carrying.front, carrying.ranked.count) == (0, 3000)
    assert carrying.step(1)
    assert (carrying.front, repr(carrying)) == (BLOCK, "<Carrying 1024 of 3072>")
    at_front = [rank for rank in range(BLOCK) if draw.seq(rank) % 2 == 0]
    assert carrying.ranked.first(3000) == [*at_front, *range(BLOCK, 3000)]
    assert carried(carrying).count == 1500


def test_who_is_out_is_told_first() -> None:
    """Before anything else, in slices as well; who is put back meanwhile stays, although the old one had him out."""
    draw = Draw(SEED, "main", 100)
    carrying = Carrying(lobby(100, (), range(50)), draw)
    assert carrying.step(10)
    assert carrying.ranked.count == 90
    carrying.ranked.back(draw.rank(5))  # told already
    carrying.ranked.back(draw.rank(30))  # to be told
    carrying.ranked.back(draw.rank(40))
    carrying.ranked.out(draw.rank(40))  # and out again
    assert carrying.step(41)
    assert carrying.ranked.count == 52
    assert {draw.seq(rank) for rank in carried(carrying).outs()} == set(range(50)) - {5, 30}


def test_an_old_one_that_nobody_marked() -> None:
    """A lane of whom nobody was heard is empty afterwards."""
    assert carried(Carrying(Presence(), Draw(SEED, "main", 5000))).count == 0


def test_who_came_after_the_draw_keeps_his_number() -> None:
    """A mark by arrival that came between the draw and the carry-over is the same by rank."""
    assert carried(Carrying(lobby(5000, [(5000, 1)]), Draw(SEED, "main", 10))).first(9) == [5000]


def test_the_old_ones_turn_is_ended_first() -> None:
    """Half a turn of the old one makes nobody older or younger."""
    old = lobby(3000, [(0, 3), (2999, 3), (1500, 2)])
    old.rotate()
    old.step(1)
    assert carried(Carrying(old, Draw(SEED, "main", 3000))).count == 1


class CarryingMachine(RuleBasedStateMachine):
    """Marks, turns, outs and returns by rank in any order while the carry-over goes on, beside a model with dicts."""

    drawn = 2500

    @initialize(seed=st.integers(0, 3), late=st.booleans())
    def begin(self, seed: int, late: bool) -> None:
        chance, self.draw = Random(seed), Draw(SEED, "main", self.drawn)
        ages = {seq: age for seq in range(self.drawn) if (age := chance.randrange(WINDOWS + 1)) < WINDOWS}
        outs = {chance.randrange(self.drawn) for _ in range(40)}
        ages |= {self.drawn + 3: 1} if late else {}
        self.carrying = Carrying(lobby(self.drawn + 4, ages.items(), outs), self.draw)
        self.ranked = self.carrying.ranked
        self.old = {self.draw.rank(seq): -age for seq, age in ages.items()}
        self.untold = [self.draw.rank(seq) for seq in sorted(outs)]  # out, as the old one says
        self.gone: set[int] = set()
        self.returned: set[int] = set()
        self.seen: dict[int, int] = {}
        self.begun, self.turned, self.walked = 0, 10**9, 0

    ranks = st.integers(0, 2600)

    @rule(positions=st.sampled_from([1, 7, 500, 1024, 1500]))
    def carry(self, positions: int) -> None:
        told, self.untold = self.untold[:positions], self.untold[positions:]
        self.gone |= set(told) - self.returned
        if len(told) < positions:
            self.returned.clear()
            self.walked = min(self.walked + positions - len(told), 3 * BLOCK)
        assert self.carrying.step(positions) == (len(told) == positions or self.walked < 3 * BLOCK)
        assert self.carrying.front == self.walked // BLOCK * BLOCK

    @rule(rank=ranks)
    def mark(self, rank: int) -> None:
        self.ranked.mark(rank)
        self.seen[rank] = self.turns_of(rank)

    @rule(data=st.data(), rank=ranks)
    def out(self, data: st.DataObject, rank: int) -> None:
        rank = data.draw(st.sampled_from([rank, *self.untold]))
        self.ranked.out(rank)
        self.gone.add(rank)
        self.returned.discard(rank)

    @rule(data=st.data(), rank=ranks)
    def back(self, data: st.DataObject, rank: int) -> None:
        rank = data.draw(st.sampled_from([rank, *sorted(self.gone), *self.untold]))
        self.ranked.back(rank)
        self.gone.discard(rank)
        if self.walked == 0:
            self.returned.add(rank)

    @rule(blocks=st.integers(0, 3))
    def rotate(self, blocks: int) -> None:
        self.ranked.rotate()
        self.begun += 1
        self.turned = blocks if self.ranked.step(blocks) else 10**9

    def turns_of(self, rank: int) -> int:
        return self.begun - (rank // BLOCK >= self.turned)

    def present(self, rank: int) -> bool:
        known = self.walked // BLOCK * BLOCK
        if known <= rank < self.drawn:
            return True
        turns = [each[rank] for each in (self.seen, self.old if rank < known else {}) if rank in each]
        return bool(turns) and self.turns_of(rank) - max(turns) < WINDOWS

    @invariant()
    def same(self) -> None:
        there = [rank for rank in range(3 * BLOCK) if self.present(rank) and rank not in self.gone]
        assert self.ranked.first(3 * BLOCK) == there
        assert self.ranked.count == len(there)
        assert self.ranked.ahead(2000) == sum(rank < 2000 for rank in there)


TestCarryingMachine = CarryingMachine.TestCase
TestCarryingMachine.settings = settings(stateful_step_count=30, max_examples=25, deadline=None)
