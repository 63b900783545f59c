"""Presence against plain sets, whatever is marked, taken out and forgotten, and in which slices; and its carrying over to ranks."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sidecar.policy.draw import Draw
from sidecar.policy.presence import ASSUMED, SHIFT, WINDOWS, Carrying, Presence

BLOCK = 1 << SHIFT
# Both sides of blocks, and of where the structure grows.
PLACES = st.one_of(
    st.integers(0, 12),
    st.sampled_from([BLOCK - 1, BLOCK, 2 * BLOCK - 1, 2 * BLOCK, 63 * BLOCK, 64 * BLOCK, 70 * BLOCK + 5]),
)
SEED = bytes(range(32))


class Sets:
    """The same with sets: `windows` the newest first, and one more while the oldest is being forgotten."""

    def __init__(self) -> None:
        self.windows: list[set[int]] = [set() for _ in range(WINDOWS)]
        self.out: set[int] = set()
        self.leaving: set[int] = set()  # in the window that is being forgotten; maybe still there, maybe not

    def surely(self) -> set[int]:
        """Return who is there whatever has been forgotten so far."""
        return set().union(*self.windows)

    def eligible(self) -> set[int]:
        """Return who of them is in line."""
        return self.surely() - self.out


class PresenceMachine(RuleBasedStateMachine):
    """Everything that can happen to a presence, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.presence, self.sets = Presence(), Sets()

    @rule(positions=st.integers(0, 3 * BLOCK))
    def begin_with_all(self, positions: int) -> None:
        self.presence, self.sets = Presence.of_all(positions), Sets()
        self.sets.windows[ASSUMED] = set(range(positions))

    @rule(position=PLACES)
    def mark(self, position: int) -> None:
        self.presence.mark(position)
        self.sets.windows[0].add(position)

    @rule(position=PLACES)
    def unmark(self, position: int) -> None:
        self.presence.unmark(position)
        for window in (*self.sets.windows, self.sets.leaving):
            window.discard(position)

    @rule(position=PLACES)
    def out(self, position: int) -> None:
        self.presence.out(position)
        self.sets.out.add(position)

    @rule(position=PLACES)
    def back(self, position: int) -> None:
        self.presence.back(position)
        self.sets.out.discard(position)

    @rule()
    def rotate(self) -> None:
        self.presence.rotate()
        self.sets.windows.insert(0, set())
        self.sets.leaving = self.sets.windows.pop()

    @rule(blocks=st.integers(0, 80))
    def step(self, blocks: int) -> None:
        if not self.presence.step(blocks):
            self.sets.leaving = set()

    @precondition(lambda self: self.sets.leaving)
    @rule()
    def step_to_the_end(self) -> None:
        while self.presence.step(3):
            pass
        self.sets.leaving = set()

    @invariant()
    def it_is_the_same(self) -> None:
        presence, sets = self.presence, self.sets
        surely, maybe = sets.eligible(), sets.eligible() | (sets.leaving - sets.out)
        found = presence.first(1 << 20)
        assert found == sorted(found)
        assert surely <= set(found) <= maybe
        assert presence.count == len(found)
        assert presence.first(2) == found[:2]
        assert presence.first(0) == []
        for position in (0, 5, BLOCK, 3 * BLOCK, 90 * BLOCK, *found[-1:]):
            assert presence.ahead(position) == sum(each < position for each in found)
            assert presence.is_out(position) is (position in sets.out)
            there = presence.is_present(position)
            assert there or position not in sets.surely()
            assert not there or position in sets.surely() | sets.leaving


TestPresence = PresenceMachine.TestCase


@given(st.data())
def test_who_is_out_from_the_beginning_is_as_one_who_went(data: st.DataObject) -> None:
    """The same bits, the same counts before everybody, in whatever order they are named, and the same once they come back."""
    positions = data.draw(st.integers(1, 5000))
    out = data.draw(st.lists(st.integers(0, positions - 1), max_size=40))
    begun, gone = Presence.of_all(positions, out), Presence.of_all(positions)
    for position in out:
        gone.out(position)
    for _ in range(2):
        assert begun.count == gone.count == positions - len({each for each in out if begun.is_out(each)})
        for position in (0, positions - 1, *out):
            assert (begun.is_out(position), begun.ahead(position)) == (gone.is_out(position), gone.ahead(position))
        assert begun.first(60) == gone.first(60)
        for position in out:
            begun.back(position)
            gone.back(position)
    assert begun.count == positions


@pytest.mark.parametrize("positions", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 5 * BLOCK])
def test_of_all(positions: int) -> None:
    """Everybody, and nobody else, until two more windows have gone by."""
    presence = Presence.of_all(positions)
    assert presence.count == positions
    assert presence.first(positions + 1) == list(range(positions))
    presence.rotate()
    assert not presence.step(100)
    assert presence.count == positions
    presence.rotate()
    presence.step(100)
    assert presence.count == 0
    assert repr(presence) == f"<Presence 0 eligible in {-(-positions // BLOCK)} blocks>"


def test_a_mark_lasts_four_windows() -> None:
    """The one it is made in, and three whole ones."""
    presence = Presence()
    presence.mark(7)
    for _ in range(WINDOWS - 1):
        presence.rotate()
        presence.step(1000)
        assert presence.is_present(7)
    presence.rotate()
    presence.step(1000)
    assert not presence.is_present(7)


@pytest.mark.parametrize("block", [1, 63, 64, 70, 200])
def test_the_first_one_is_found_behind_blocks_of_nobody(block: int) -> None:
    """As after a long sale, when all who stood in front have gone."""
    presence = Presence()
    presence.mark(0)
    presence.mark(block * BLOCK + 5)
    presence.out(0)
    assert presence.first(2) == [block * BLOCK + 5]
    presence.out(block * BLOCK + 5)
    assert presence.first(2) == []


@pytest.mark.parametrize("newest", [*range(WINDOWS + 1)])
def test_who_is_settled_while_he_is_out_of_the_line_counts_neither_before_nor_after(newest: int) -> None:
    """He is there or not by the windows, and nobody's turn either way; back again he counts where he is there."""
    presence = Presence.of_all(3)
    presence.out(1)
    presence.settle(1, newest)
    assert (presence.is_present(1), presence.count) == (newest < WINDOWS, 2)
    presence.settle(1, newest)
    presence.back(1)
    assert presence.count == (3 if newest < WINDOWS else 2)


def test_what_is_done_twice_or_to_nobody_changes_nothing() -> None:
    """Whoever is not there cannot go, and nobody leaves the line twice."""
    presence = Presence()
    for position in (3, 4, BLOCK + 1):
        presence.mark(position)
    presence.unmark(9 * BLOCK)
    presence.unmark(5)
    presence.back(3)
    presence.back(9 * BLOCK)
    assert [presence.ahead(position) for position in (3, 4, BLOCK, BLOCK + 2, 9 * BLOCK)] == [0, 1, 2, 3, 3]
    presence.out(4)
    presence.out(4)
    presence.out(5)
    assert [presence.ahead(position) for position in (3, 4, BLOCK, BLOCK + 2, 9 * BLOCK)] == [0, 1, 1, 2, 2]
    presence.unmark(4)
    presence.unmark(4)
    presence.back(4)
    presence.back(5)
    assert (presence.count, presence.is_present(4), presence.is_out(4)) == (2, False, False)


class Carried:
    """A lobby of `drawn`, and what is known of everybody by a model: the newest window he was heard of in, by rank."""

    def __init__(self, drawn: int, newest: list[int], out: set[int]) -> None:
        before = Presence()
        for window in range(WINDOWS - 1, -1, -1):
            before.rotate()
            before.step(1000)
            for seq in range(drawn):
                if newest[seq] == window:
                    before.mark(seq)
        self.draw = Draw(SEED, "main", drawn)
        rank = self.draw.rank
        self.carrying = Carrying(before, self.draw, [rank(seq) for seq in out])
        self.presence = self.carrying.presence
        self.newest = {rank(seq): newest[seq] for seq in range(drawn)}
        self.drawn, self.done = drawn, 0
        self.heard: dict[int, int] = {}  # by rank: in which window he was heard of since
        self.gone: set[int] = set()
        self.out = {rank(seq) for seq in out}

    def there(self, rank: int, turns: int) -> bool:
        """Say whether somebody is there after all was carried and so many windows have turned since the seal."""
        if rank in self.heard and turns - self.heard[rank] < WINDOWS:
            return True
        return rank not in self.gone and self.newest.get(rank, WINDOWS) + turns < WINDOWS


@st.composite
def lobbies(draw: st.DrawFn) -> Carried:
    """Return a lobby of some hundred people, or of a few."""
    drawn = draw(st.integers(1, 30) | st.sampled_from([BLOCK, BLOCK + 3]))
    some = draw(st.lists(st.integers(0, WINDOWS), min_size=1, max_size=40))
    newest = [some[seq % len(some)] for seq in range(drawn)]
    return Carried(drawn, newest, draw(st.sets(st.integers(0, drawn - 1), max_size=5)))


DEEDS = st.lists(
    st.tuples(st.sampled_from(["mark", "unmark", "out", "back", "carry", "carry", "late"]), st.integers(0, BLOCK + 2)),
    max_size=30,
)


@settings(max_examples=100)
@given(lobbies(), DEEDS, st.none() | st.integers(0, 30), st.data())
def test_carrying_against_a_model(
    lobby: Carried, deeds: list[tuple[str, int]], turn_at: int | None, data: st.DataObject
) -> None:
    """At the end everybody stands at his rank as he was heard of before, or since, for as many more windows; until then who has not been
    carried counts as there. Marks, misses and people out meanwhile hold, and a turn of the windows in the middle changes nothing.
    """
    presence, rank, turns = lobby.presence, lobby.draw.rank, 0
    for number, (deed, which) in enumerate(deeds):
        if number == turn_at:
            presence.rotate()
            turns += 1
            while data.draw(st.booleans()) and presence.step(1):
                pass
        at = which % lobby.drawn
        match deed:
            case "mark":
                presence.mark(at)
                lobby.heard[at] = turns
            case "late":  # behind all who were drawn
                presence.mark(lobby.drawn + which)
                lobby.heard[lobby.drawn + which] = turns
            case "unmark":
                presence.unmark(at)
                lobby.heard.pop(at, None)
                lobby.gone.add(at)
            case "out":
                presence.out(at)
                lobby.out.add(at)
            case "back":
                presence.back(at)
                lobby.out.discard(at)
            case "carry":
                more = lobby.carrying.step(which % 40)
                lobby.done = min(lobby.drawn, lobby.done + which % 40)
                assert more is (lobby.done < lobby.drawn)
        for seq in range(lobby.done, lobby.drawn):
            assert presence.is_present(rank(seq)) is (rank(seq) not in lobby.gone or rank(seq) in lobby.heard)
    while lobby.carrying.step(7):
        pass
    assert not lobby.carrying.step(7)
    while presence.step(1):
        pass
    everybody = set(range(lobby.drawn)) | set(lobby.heard)
    for _ in range(WINDOWS + 1):
        there = {at for at in everybody if lobby.there(at, turns)}
        assert {at for at in everybody if presence.is_present(at)} == there
        assert presence.first(5000) == sorted(there - lobby.out)
        assert presence.count == len(there - lobby.out)
        presence.rotate()
        turns += 1
        while presence.step(1):
            pass


def test_two_turns_while_carrying_lose_nobody_for_good() -> None:
    """A room does not let that happen; if it did, whoever had not been carried would be away until he asks, and the counts hold."""
    lobby = Carried(100, [0] * 100, set())
    lobby.carrying.step(50)
    for _ in range(2):
        lobby.presence.rotate()
        while lobby.presence.step(1):
            pass
    assert lobby.presence.count == 50
    while lobby.carrying.step(7):
        pass
    assert lobby.presence.count == len(lobby.presence.first(1000)) == 50
    for at in range(100):
        lobby.presence.mark(at)
    assert lobby.presence.count == 100
    for _ in range(WINDOWS):
        lobby.presence.rotate()
        while lobby.presence.step(1):
            pass
    assert lobby.presence.count == len(lobby.presence.first(1000)) == 0


def test_carrying_nobody_is_done_at_once() -> None:
    """A draw in which nobody took part."""
    carrying = Carrying(Presence(), Draw(SEED, "main", 0), [])
    assert not carrying.step(1)
    assert carrying.presence.count == 0


def test_a_turn_that_comes_early_ends_the_one_before() -> None:
    """Nobody's marks are lost by it, and a mark in the window that is on its way out is in none of the four."""
    presence = Presence()
    presence.mark(5)
    for _ in range(WINDOWS):
        presence.rotate()
    assert presence.is_present(5)
    assert presence.newest_of(5) == WINDOWS
    presence.rotate()
    assert not presence.is_present(5)
