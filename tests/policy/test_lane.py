"""A lane: who stands where before and after the draw, whose turn it is, and how long somebody has been away whose turn has passed."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given

from sidecar.policy.lane import MISSES, Lane
from sidecar.policy.presence import WINDOWS
from sidecar.policy.visitors import Event, Why, Word

SEED = bytes(range(32))


def made(joined: int, late: int = 0, *, drawn: bool = True) -> Lane:
    """Return a lane of so many, all heard of, with the draw made and so many behind it."""
    lane = Lane("main", 0)
    for _ in range(joined):
        lane.poll(lane.join())
    if drawn:
        lane.seal(SEED)
        while lane.carry(100):
            pass
    for _ in range(late):
        lane.poll(lane.join())
    return lane


def silent(lane: Lane) -> None:
    """Let so much time go by that whoever has not polled is not there any more."""
    for _ in range(WINDOWS):
        lane.presence.rotate()
        while lane.presence.step(1):
            pass


@given(st.integers(0, 60), st.integers(0, 20))
def test_the_draw_is_of_all_who_came_before_it(joined: int, late: int) -> None:
    """Their ranks are all numbers below theirs, each once; who comes later stands behind them as he came."""
    lane = made(joined, late)
    assert sorted(lane.position(seq) for seq in range(joined)) == list(range(joined))
    assert [lane.position(joined + number) for number in range(late)] == list(range(joined, joined + late))
    assert [lane.seq_at(lane.position(seq)) for seq in range(joined + late)] == list(range(joined + late))
    assert (lane.drawn, lane.joined, lane.eligible) == (joined, joined + late, joined + late)
    assert lane.knows(joined + late - 1) is (joined + late > 0)
    assert not lane.knows(joined + late)
    assert not lane.knows(-1)


@given(st.integers(1, 40), st.lists(st.integers(0, 39), max_size=40), st.integers(0, 10))
def test_the_lowest_who_are_there_are_called(joined: int, away: list[int], count: int) -> None:
    """In their order; who is away is skipped, and before nobody."""
    lane = made(joined)
    there = set(range(joined))
    for position in away:
        if position < joined:
            lane.happen(lane.seq_at(position), Event.SILENCE)
            there.discard(position)
    for position in range(joined):
        assert lane.ahead(lane.seq_at(position)) == sum(each < position for each in there)
    called = lane.call(0.0, count, 150.0)
    assert [lane.position(seq) for seq in called] == sorted(there)[:count]
    assert lane.frontier == (lane.position(called[-1]) + 1 if called else 0)
    assert lane.eligible == len(there) - len(called)


def test_before_the_draw_nobody_is_called() -> None:
    """Not even if somebody asked for it."""
    lane = made(5, drawn=False)
    assert lane.call(0.0, 3, 150.0) == []
    assert (lane.frontier, lane.called) == (0, {})
    assert lane.drawn is None
    assert lane.draw is None
    assert repr(lane) == "<Lane main: 5 joined, no draw yet, 5 eligible, frontier 0>"


def test_who_joins_and_never_asks_again_holds_nobody_up() -> None:
    """What forgets its place is counted once it comes back."""
    lane = made(0)
    seqs = [lane.join() for _ in range(3)]
    assert (lane.eligible, lane.word(0)) == (0, Word.PARKED)
    lane.poll(seqs[2])
    assert lane.call(0.0, 3, 150.0) == [seqs[2]]


def test_who_was_there_before_the_draw_is_there_after_it() -> None:
    """Who was not, and who had left, is not; while they are carried over all others count as there."""
    lane = Lane("main", 0)
    for _ in range(6):
        lane.join()
    for seq in (0, 1, 2):
        lane.poll(seq)
    lane.happen(1, Event.LEAVE, Why.CHOICE)
    lane.happen(5, Event.HOLD, Why.CROWD)
    lane.seal(SEED)
    assert lane.carrying
    assert lane.eligible == 4
    while lane.carry(1):
        assert lane.carrying
    assert not lane.carrying
    assert not lane.carry(1)
    assert [lane.word(seq) for seq in range(6)] == ["waiting", "left", "waiting", "parked", "parked", "needs_action"]
    assert lane.eligible == 2


def test_calls_run_out_in_the_order_of_their_ends() -> None:
    """Also where the time to come was made shorter meanwhile, or a call was renewed; each once."""
    lane = made(3)
    first = lane.call(0.0, 1, 150.0) + lane.call(1.0, 1, 151.0) + lane.call(2.0, 1, 32.0)
    assert lane.missed_calls(31.9) == []
    assert lane.missed_calls(32.0) == [(first[2], Word.PARKED, 2.0)]
    for _ in range(1000):
        lane.call_again(first[0], 300.0)
    lane.call_again(first[2], 300.0)
    assert len(lane._calls) == 2, "who asks a thousand times is called once"
    assert lane.missed_calls(200.0) == [(first[1], Word.PARKED, 1.0)]
    assert lane.missed_calls(299.9) == []
    assert lane.missed_calls(300.0) == [(first[0], Word.PARKED, 0.0)]
    assert (lane.called, lane.called_at, lane._calls) == ({}, {}, [])


def test_no_more_calls_are_taken_away_at_once_than_told() -> None:
    """The rest comes with the next ticks."""
    lane = made(500)
    lane.call(0.0, 500, 150.0)
    assert [len(lane.missed_calls(150.0)) for _ in range(4)] == [200, 200, 100, 0]


def test_two_missed_calls_cost_the_place() -> None:
    """The first one costs a place nothing: he is called before all who stand behind him, once he is there again."""
    lane = made(3)
    seq = lane.call(0.0, 1, 10.0)[0]
    for number in range(1, MISSES + 1):
        lane.missed_calls(10.0 * number)
        if number < MISSES:
            assert (lane.word(seq), lane.missed(seq)) == (Word.PARKED, number)
            lane.poll(seq)
            assert lane.call(10.0 * number, 1, 10.0 * number + 10.0) == [seq]
    assert (lane.word(seq), lane.why(seq), lane.missed(seq)) == (Word.FORFEITED, Why.MISSED, 0)


class Passed:
    """A lane of ten whose frontier is at five, where the first is away since `sale` 0."""

    def __init__(self) -> None:
        self.lane = made(10)
        self.away = self.lane.seq_at(0)
        self.lane.happen(self.away, Event.SILENCE)
        self.lane.call(0.0, 4, 1e9)
        self.at(0.0)

    def at(self, sale: float) -> float:
        """Tick until then, and return how long the first has been away."""
        now = self.lane._sale
        while now < sale:
            now = min(sale, now + 10.0)
            self.lane.mark_frontier(now)
        self.lane.mark_frontier(sale)
        return self.lane.away_s(sale, self.away)


def test_how_long_somebody_is_away_whose_turn_has_passed() -> None:
    """Since the frontier passed him; not at all where it has not."""
    passed = Passed()
    assert passed.at(1000.0) == 1000.0
    assert passed.lane.away_s(1000.0, passed.lane.seq_at(9)) == 0.0


def test_who_comes_back_in_time_has_not_been_away() -> None:
    """It is counted from when he was last heard of, a page that asks on while nobody can be called is there."""
    passed = Passed()
    passed.at(800.0)
    passed.lane.poll(passed.away)
    assert passed.at(1600.0) == 800.0


@pytest.mark.parametrize("event", [Event.MISS, Event.REMEDY])
def test_what_somebody_was_meanwhile_is_no_absence(event: Event) -> None:
    """Who was called, or was held, has been away since that ended."""
    passed = Passed()
    lane = passed.lane
    seq = next(iter(lane.called))
    if event is Event.REMEDY:
        lane.happen(seq, Event.HOLD, Why.SIGN_IN)
    passed.at(5000.0)
    lane.happen(seq, event, Why.MISSED)
    passed.at(5100.0)
    assert lane.away_s(5100.0, seq) == 100.0


def test_what_is_remembered_of_the_frontier_is_bounded() -> None:
    """Two hours of it, and the one who was passed before that has been away at least as long."""
    passed = Passed()
    lane, now = passed.lane, 0.0
    for seq in range(10):
        lane._heard[100 + seq] = 0.0
    for number in range(3000):
        now += 10.0
        lane.frontier = 5 + number
        lane.mark_frontier(now)
    assert len(lane._frontiers) < 7200 / 30 + 3
    assert lane.away_s(now, passed.away) > 7200.0
    assert lane._heard == {}


def test_numbers_that_a_crash_forgot_come_back() -> None:
    """Up to the one that is shown, and never down."""
    lane = Lane("main", 0)
    lane.reach(200_000)
    lane.reach(5)
    assert lane.joined == 200_000
    assert lane.word(199_999) is Word.LOBBY
    assert lane.join() == 200_000
    assert lane.word(200_000) is Word.LOBBY


def test_what_changes_is_written_and_read_again() -> None:
    """Pages of words that have changed, once; with them another lane is the same, and everybody in line counts as there for a while."""
    lane = made(5000, 3)
    called = lane.call(0.0, 3, 150.0)
    lane.happen(called[0], Event.CLAIM)
    lane.happen(4999, Event.LEAVE, Why.CHOICE)
    lane.happen(7, Event.HOLD, Why.CROWD)
    dirty = lane.take_dirty()
    assert set(dirty) == {seq >> 12 for seq in (*called, 4999, 7)}
    assert lane.take_dirty() == []
    silent(lane)
    again = Lane("main", 0)
    again.recall(5003, [(page * 4096, lane.words(page * 4096, 4096)) for page in dirty], SEED, 5000)
    for seq, until in lane.called.items():
        again.recall_call(seq, until)
    again.recall_call(7, 1.0)
    assert again.called == lane.called == dict.fromkeys(called[1:], 150.0)
    for seq in range(5003):
        assert again.position(seq) == lane.position(seq)
        assert again.why(seq) is lane.why(seq)
        word = lane.word(seq)
        assert again.word(seq) is (Word.WAITING if word is Word.PARKED else word)
    assert again.eligible == 5003 - 5
    assert [seq for seq, *_ in again.missed_calls(150.0)] == called[1:]


def test_a_poll_is_something_that_happens() -> None:
    """By the table as well as by itself: who was not there is."""
    lane = made(2)
    silent(lane)
    assert lane.word(0) is Word.PARKED
    assert lane.happen(0, Event.POLL) is Word.WAITING


def test_who_missed_a_call_before_a_restart_is_in_line_after_it() -> None:
    """What is kept of him is how often he missed it; nothing of that takes him out of the line."""
    before = made(3)
    before.call(0.0, 1, 10.0)
    before.missed_calls(20.0)
    lane = Lane("main", 0)
    lane.recall(3, [(0, before.words(0, 3))], SEED, 3)
    assert lane.eligible == 3
