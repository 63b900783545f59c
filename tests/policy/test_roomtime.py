"""A room's times: a stall is two seconds, a pause stops the sale, and a wall clock that jumps is believed after a minute; and no more."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from typing import TYPE_CHECKING

import hypothesis.strategies as st
import pytest
from hypothesis import given

from sidecar.policy.admission import Backing
from sidecar.policy.passes import PassRule
from sidecar.policy.room import Phase, Room, Rule
from sidecar.policy.roomtime import RoomTime
from sidecar.policy.visitors import OVER, Word

if TYPE_CHECKING:
    from sidecar.policy.credentials import PlaceId

OPENS = 1_800_000_000.0
TICK_S = 1.0  # a room ticks four times as often; two seconds are the gap
STALL_S = 60.0
HOUR_S = 3600.0


class Clocks:
    """The machine's two clocks, and a room that is told of them; four visitors a lane, of whom all but the last poll."""

    def __init__(self, seconds_before: float = 700.0) -> None:
        self.now, self.wall = 5000.0, OPENS - seconds_before
        passes = PassRule(idle_s=100.0, total_s=400.0)
        rule = Rule("hamlet", opens=OPENS, lobby_s=600.0, draw_s=60.0, max_active=2, claim_s=90.0, passes=passes)
        self.room = Room(rule, bytes(32), bytes(8))
        self.places: list[PlaceId] = []

    def run(self, seconds: float) -> None:
        """Go on, tick by tick; everybody polls once in 20 s."""
        for number in range(round(seconds / TICK_S)):
            self.now += TICK_S
            self.wall += TICK_S
            if number % 20 == 0:
                for place in self.places:
                    self.room.poll(place)
            self.room.tick(self.now, self.wall, Backing())

    def until(self, before_s: float) -> None:
        """Go on until so many seconds before the opening."""
        self.run(OPENS - before_s - self.wall)

    def stall(self) -> None:
        """Stand still: nobody is heard, nothing ticks."""
        self.now += STALL_S
        self.wall += STALL_S

    def words(self) -> list[Word]:
        """Return what everybody is."""
        return [self.room.lanes[place.lane].word(place.seq) for place in self.places]


def joined(before_s: float = 500.0) -> Clocks:
    """Return a room in its lobby in which four have joined."""
    clocks = Clocks()
    clocks.until(before_s)
    lane = clocks.room.lanes[0]
    for _ in range(4):
        place = clocks.room.join(lane)
        assert place is not None
        clocks.places.append(place)
    clocks.run(1.0)
    return clocks


def at(state: str) -> Clocks:
    """Return a room in a state; from the opening on two are called, or in, and two wait."""
    return deepcopy(made(state))


@cache
def made(state: str) -> Clocks:
    """Bring a room there, once."""
    if state == "scheduled":
        clocks = Clocks()
        clocks.run(10.0)
        return clocks
    clocks = joined()
    if state == "lobby":
        return clocks
    clocks.until(40.0)
    if state == "drawing":
        return clocks
    clocks.until(-5.0)
    assert clocks.words().count(Word.CALLED) == 2
    if state == "called":
        return clocks
    for place in clocks.places:
        clocks.room.claim(place, b"")
    assert clocks.words().count(Word.ADMITTED) == 2
    if state == "paused":
        clocks.room.pause(on=True)
    clocks.run(1.0)
    return clocks


STATES = ["scheduled", "lobby", "drawing", "called", "admitted", "paused"]


def left_s(clocks: Clocks) -> list[float]:
    """Return how long every call and pass still has."""
    room = clocks.room
    calls = [until - room.time.sale for lane in room.lanes for until in lane.called.values()]
    return calls + [held.ends_at - room.time.sale for held in room.passes]


@pytest.mark.parametrize("state", STATES)
def test_a_stall_of_a_minute_costs_nobody_anything(state: str) -> None:
    """Words, ranks and who is there stay; a call and a pass lose at most what a late tick may take, and gain nothing but the stall."""
    clocks = at(state)
    words, times, ranks = (
        clocks.words(),
        left_s(clocks),
        [clocks.room.lanes[0].position(place.seq) for place in clocks.places],
    )
    there = clocks.room.waiting
    clocks.stall()
    found = clocks.room.tick(clocks.now, clocks.wall, Backing())
    assert found.stalled_s == pytest.approx(58.0)
    expected = [Word.LOBBY if word is Word.LOBBY else word for word in words]
    if state == "drawing":  # it is over by now, and the first ones may be called
        assert sorted(clocks.words(), key=str).count(Word.WAITING) + clocks.words().count(Word.CALLED) == 4
    else:
        assert clocks.words() == expected
        assert clocks.room.waiting == there
    assert [clocks.room.lanes[0].position(place.seq) for place in clocks.places] == ranks
    for before_s, after_s in zip(times, left_s(clocks), strict=False):
        assert 0.0 <= before_s - after_s <= 2.0
    clocks.run(30.0)
    assert not OVER & set(clocks.words())


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("step_s", [HOUR_S, -HOUR_S])
def test_a_step_of_an_hour_that_is_taken_back_is_nothing(state: str, step_s: float) -> None:
    """For less than a minute: phases, words, calls and passes go on as if nothing had been."""
    stepped, plain = at(state), at(state)
    stepped.wall += step_s
    stepped.run(30.0)
    assert stepped.room.time.stepped_s == pytest.approx(step_s)
    stepped.wall -= step_s
    stepped.run(40.0)
    plain.run(70.0)
    assert stepped.room.phase is plain.room.phase
    assert stepped.words() == plain.words()
    assert left_s(stepped) == pytest.approx(left_s(plain))
    assert stepped.room.time.stepped_s == 0.0


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("step_s", [HOUR_S, -HOUR_S])
def test_a_step_that_stands_moves_the_opening_alone(state: str, step_s: float) -> None:
    """After a minute it is the time of day. An hour on, the room opens; an hour back, nothing goes back."""
    stepped, plain = at(state), at(state)
    phase = stepped.room.phase
    stepped.wall += step_s
    stepped.run(59.0)
    plain.run(59.0)
    assert stepped.room.phase is plain.room.phase, "not believed yet"
    stepped.run(2.0)
    plain.run(2.0)
    assert stepped.room.time.wall == pytest.approx(stepped.wall)
    if step_s > 0:
        assert stepped.room.phase is Phase.OPEN
    else:
        assert stepped.room.phase in (phase, plain.room.phase)
    assert not OVER & set(stepped.words())
    if phase is Phase.OPEN:
        assert stepped.words() == plain.words()
        assert left_s(stepped) == pytest.approx(left_s(plain))


def test_a_pause_freezes_calls_and_passes() -> None:
    """For as long as it takes: who was called and who was in has as much time after it as before."""
    clocks = at("called")
    clocks.room.claim(next(p for p, w in zip(clocks.places, clocks.words(), strict=True) if w is Word.CALLED), b"")
    words, times = clocks.words(), left_s(clocks)
    clocks.room.pause(on=True)
    clocks.run(HOUR_S)
    assert clocks.room.state == "paused"
    assert clocks.words() == words
    assert left_s(clocks) == times
    clocks.room.pause(on=False)
    clocks.run(50.0)
    assert clocks.words() == words
    assert left_s(clocks) == pytest.approx([each - 50.0 for each in times])


def test_the_opening_comes_in_a_stall() -> None:
    """Lobby, draw and opening slept through: the draw is made, everybody has his rank, and the first are called."""
    clocks = joined(before_s=80.0)
    clocks.until(62.0)
    assert clocks.room.phase is Phase.LOBBY
    clocks.now += 90.0
    clocks.wall += 90.0
    found = clocks.room.tick(clocks.now, clocks.wall, Backing())
    assert (found.phase, found.sealed) == (Phase.OPEN, True)
    clocks.run(5.0)
    assert sorted(clocks.words()) == sorted([Word.CALLED] * 2 + [Word.WAITING] * 2)


@given(st.lists(st.tuples(st.floats(0, 300), st.floats(-1e4, 1e4), st.booleans()), max_size=40))
def test_times_only_go_on(ticks: list[tuple[float, float, bool]]) -> None:
    """And by two seconds a tick at most, whatever the clocks do; the sale never faster than life."""
    time, now = RoomTime(), 100.0
    for passed_s, offset_s, paused in ticks:
        before = time.life, time.sale
        now += passed_s
        time.paused = paused
        time.tick(now, now + 1e9 + offset_s)
        assert 0.0 <= time.life - before[0] <= 2.0
        assert time.sale - before[1] == (0.0 if paused else pytest.approx(time.life - before[0]))
        assert time.stalled_s >= 0.0


def test_another_step_begins_its_minute_anew() -> None:
    """A clock that goes to and fro is not believed until it rests."""
    time = RoomTime()
    time.tick(0.0, 1e9)
    for second in range(1, 300):
        time.tick(float(second), 1e9 + second + (500.0 if second // 40 % 2 else 1000.0))
    assert time.wall == pytest.approx(1e9 + 299)
    for second in range(300, 400):
        time.tick(float(second), 1e9 + second + 750.0)
    assert time.wall == pytest.approx(1e9 + 399 + 750.0)


def test_a_clock_that_is_led_is_followed_at_once() -> None:
    """Half a minute is no step."""
    time = RoomTime()
    time.tick(0.0, 1e9)
    time.tick(1.0, 1e9 + 26.0)
    assert (time.wall, time.stepped_s) == (1e9 + 26.0, 0.0)


def test_what_it_says_of_itself() -> None:
    """Before the first tick it knows no time of day; a moment of the sale comes as late as the sale is behind."""
    time = RoomTime(life=7.0, sale=5.0)
    assert time.wall == 0.0
    time.tick(10.0, 1000.0)
    assert time.wall_of_sale(65.0) == pytest.approx(1060.0)
    time.paused = True
    assert repr(time) == "<RoomTime life 7.0 s, sale 5.0 s, paused>"
