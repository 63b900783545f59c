"""A room whatever happens in it, in any order: places are lost by the table's ends alone, nobody is overtaken, never too many are in."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from sidecar.policy.admission import Backing
from sidecar.policy.credentials import PlaceId
from sidecar.policy.outlook import NOT_OPEN, PAUSED, STALLED, TOO_EARLY
from sidecar.policy.passes import PassRule
from sidecar.policy.room import FORFEIT_S, ORDER, TICK_S, Phase, Room, Rule
from sidecar.policy.visitors import IN_LINE, OVER, Event, Why, Word

OPENS = 1_800_000_000.0
SEED, EPOCH = bytes(range(32)), b"epoch--1"
RULE = Rule(
    "hamlet",
    opens=OPENS,
    lobby_s=120.0,
    draw_s=30.0,
    max_active=3,
    claim_s=20.0,
    passes=PassRule(idle_s=30.0, total_s=90.0),
    lanes=(("main", 3), ("fast", 1)),
    capacity=40,
)
_MARK_S = 32.0  # the frontier is looked at once in half a minute, and a tick is two seconds at most


class RoomMachine(RuleBasedStateMachine):
    """Everything that can happen to a room, beside what each visitor knows of himself."""

    def __init__(self) -> None:
        super().__init__()
        self.room = Room(RULE, SEED, EPOCH)
        self.now, self.wall = 100.0, OPENS - 200.0
        self.places: list[PlaceId] = []
        self.over: dict[PlaceId, Word] = {}
        self.misses: dict[PlaceId, int] = {}
        self.called_at: dict[PlaceId, float] = {}
        self.heard: dict[PlaceId, float] = {}
        self.passed: dict[PlaceId, float] = {}
        self.phase = Phase.SCHEDULED
        self.backing = Backing(limit=16)

    @initialize(by_hand=st.booleans(), people=st.integers(0, 12))
    def begin(self, by_hand: bool, people: int) -> None:
        if by_hand:
            self.room.bound(Rule("hamlet", None, None, *(getattr(RULE, name) for name in Rule.__slots__[3:])))
        self.tick()
        for number in range(people):
            self.join(number % 4 == 0)
        self.everybody_polls()

    # --- helpers

    def word(self, place: PlaceId) -> Word:
        return self.room.lanes[place.lane].word(place.seq)

    def position(self, place: PlaceId) -> int:
        return self.room.lanes[place.lane].position(place.seq)

    def some(self, data: st.DataObject, *words: Word) -> PlaceId | None:
        there = [place for place in self.places if not words or self.word(place) in words]
        return data.draw(st.sampled_from(there)) if there else None

    def tick(self, passed_s: float = TICK_S) -> None:
        self.now += passed_s
        self.wall += passed_s
        found = self.room.tick(self.now, self.wall, self.backing)
        sale = self.room.time.sale
        for held, why in found.expired:
            assert why in ("idle", "total")
            self.over[held.place] = Word.EXPIRED
        for place, word in found.missed:
            assert sale - self.called_at.pop(place) >= self.room.rule.claim_s - 1e-6, "a call is never shorter"
            self.misses[place] = self.misses.get(place, 0) + 1
            assert word is (Word.PARKED if self.misses[place] < 2 else Word.FORFEITED)
            self.heard[place] = sale
            if word is Word.FORFEITED:
                self.over[place] = word
        assert not found.called or (self.room.phase is Phase.OPEN and not self.room.time.paused and self.backing.open)
        for place in found.called:
            self.called_at[place] = sale
            lane = self.room.lanes[place.lane]
            assert all(
                lane.position(seq) > lane.position(place.seq)
                for seq in range(lane.joined)
                if lane.word(seq) is Word.WAITING
            ), "nobody who is there is overtaken"
        for place in self.places:
            if self.position(place) < self.room.lanes[place.lane].frontier:
                self.passed.setdefault(place, sale)

    # --- visitors

    @rule(fast=st.booleans())
    def join(self, fast: bool) -> None:
        lane = self.room.lanes[int(fast)]
        before = lane.joined
        place = self.room.join(lane)
        if place is None:
            assert self.room.joined == RULE.capacity
            return
        assert place == PlaceId(lane.number, before)
        self.places.append(place)
        if lane.drawn is not None:
            assert self.position(place) >= lane.drawn, "after all who were drawn"

    @rule(data=st.data())
    def poll(self, data: st.DataObject) -> None:
        if (place := self.some(data)) is not None:
            self.polls(place)

    @rule()
    def everybody_polls(self) -> None:
        for place in self.places:
            self.polls(place)

    def polls(self, place: PlaceId) -> None:
        before, at, sale = self.word(place), self.position(place), self.room.time.sale
        self.room.poll(place)
        word = self.word(place)
        if word is Word.FORFEITED is not before:
            assert before is Word.PARKED
            assert sale - max(self.passed[place], self.heard.get(place, 0.0)) >= FORFEIT_S, "never before"
            self.over[place] = word
        elif before is Word.PARKED:
            assert word is Word.WAITING
            if place in self.passed:
                assert sale - max(self.passed[place], self.heard.get(place, 0.0)) <= FORFEIT_S + _MARK_S
        else:
            assert word is before
        if word in IN_LINE or word is Word.NEEDS_ACTION:
            self.heard[place] = sale
        assert self.position(place) == at, "a refresh changes no place"
        told = self.room.tell(place)
        assert (told.place, told.word) == (place, word)

    @rule(data=st.data(), twice=st.booleans())
    def claim(self, data: st.DataObject, twice: bool) -> None:
        place = self.some(data, Word.CALLED) or self.some(data)
        if place is None:
            return
        before, full = self.word(place), len(self.room.passes) >= RULE.max_active
        held = self.room.claim(place, b"")
        if before is Word.CALLED:
            assert (held is None) is full
            if held is None:
                self.called_at[place] = self.room.time.sale  # all of his time again
                assert self.word(place) is Word.CALLED
            else:
                del self.called_at[place]
        else:
            assert (held is not None) is (before is Word.ADMITTED)
        if twice:
            assert self.room.claim(place, b"other") is held

    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        place = self.some(data)
        if place is None:
            return
        before = self.word(place)
        self.room.leave(place)
        if before not in OVER:
            self.over[place] = Word.RELEASED if before is Word.ADMITTED else Word.LEFT
            self.called_at.pop(place, None)

    @rule(data=st.data(), again=st.booleans())
    def release(self, data: st.DataObject, again: bool) -> None:
        place = self.some(data, Word.ADMITTED)
        if place is None:
            return
        held = self.room.passes.of_place(place)
        assert held is not None
        assert self.room.end(held, Why.PURCHASE)
        assert not again or not self.room.end(held, Why.PURCHASE)
        self.over[place] = Word.RELEASED

    @rule(data=st.data())
    def hold(self, data: st.DataObject) -> None:
        place = self.some(data, *IN_LINE, Word.CALLED)
        if place is not None:
            assert self.room.happen(place, Event.HOLD, Why.CROWD) is Word.NEEDS_ACTION
            self.called_at.pop(place, None)
            self.misses.pop(place, None)

    @rule(data=st.data(), why=st.sampled_from(list(Why)))
    def remedy(self, data: st.DataObject, why: Why) -> None:
        place = self.some(data, Word.NEEDS_ACTION)
        if place is not None:
            at = self.position(place)
            assert self.room.happen(place, Event.REMEDY, why) in IN_LINE
            assert self.position(place) == at, "with the place that he had"
            self.heard[place] = self.room.time.sale

    @rule(data=st.data())
    def move(self, data: st.DataObject) -> None:
        place = self.some(data)
        if place is None:
            return
        before, lane = self.word(place), self.room.lanes[1 - place.lane]
        first, joined = self.room.follow(place), self.room.joined
        then = self.room.move(place, lane)
        if before in IN_LINE or before is Word.NEEDS_ACTION:
            assert (then is None) is (joined >= RULE.capacity)
        else:
            assert then is None
        if then is not None:
            assert first == place
            assert self.room.follow(place) == then
            self.over[place] = Word.LEFT
            self.places.append(then)
            self.heard[then] = self.room.time.sale
            assert (self.word(then) is Word.NEEDS_ACTION) is (before is Word.NEEDS_ACTION)

    # --- time and operators

    @rule(count=st.integers(1, 30))
    def ticks(self, count: int) -> None:
        for _ in range(count):
            self.tick()

    @rule(seconds=st.sampled_from([30, 100, 400, 950, 1500]), polling=st.booleans(), claiming=st.booleans())
    def time_goes_by(self, seconds: int, polling: bool, claiming: bool) -> None:
        for second in range(0, seconds, 2):
            self.tick(2.0)
            if polling and second % 40 == 0:
                self.everybody_polls()
            if claiming:
                for place in list(self.called_at):
                    if self.room.claim(place, b"") is not None:
                        del self.called_at[place]
                    else:
                        self.called_at[place] = self.room.time.sale

    @rule()
    def stall(self) -> None:
        self.tick(60.0)

    @rule(phase=st.sampled_from([Phase.LOBBY, Phase.DRAWING, Phase.OPEN, Phase.OPEN, Phase.OPEN]))
    def set_phase(self, phase: Phase) -> None:
        self.room.set_phase(phase)

    @precondition(lambda self: len(self.over) > 12)
    @rule(phase=st.sampled_from([Phase.SOLD_OUT, Phase.CLOSED]))
    def end(self, phase: Phase) -> None:
        self.room.set_phase(phase)

    @rule(on=st.booleans())
    def pause(self, on: bool) -> None:
        self.room.pause(on=on)

    @rule(is_open=st.booleans())
    def cut_off(self, is_open: bool) -> None:
        self.backing = Backing(open=is_open, limit=16)

    @rule(seconds=st.sampled_from([-3600.0, -40.0, 40.0, 3600.0]))
    def set_clock(self, seconds: float) -> None:
        self.wall += seconds

    @rule()
    def recall(self) -> None:
        for held in self.room.recall():
            self.room.called_back(held)
            self.over[held.place] = Word.EXPIRED
        assert len(self.room.passes) == 0

    # --- what always holds

    @invariant()
    def places_are_lost_by_ends_alone(self) -> None:
        assert {place: self.word(place) for place in self.places if self.word(place) in OVER} == self.over

    @invariant()
    def never_too_many_are_in(self) -> None:
        assert len(self.room.passes) <= RULE.max_active

    @invariant()
    def the_phase_never_goes_back(self) -> None:
        assert ORDER.index(self.room.phase) >= ORDER.index(self.phase)
        self.phase = self.room.phase
        for lane in self.room.lanes:
            assert (lane.draw is None) is (
                ORDER.index(self.phase) < ORDER.index(Phase.DRAWING)
            ) or self.phase is Phase.CLOSED

    @invariant()
    def everything_agrees(self) -> None:
        room = self.room
        assert {place for place in self.places if self.word(place) is Word.CALLED} == set(self.called_at)
        assert {PlaceId(lane.number, seq) for lane in room.lanes for seq in lane.called} == set(self.called_at)
        assert {place for place in self.places if self.word(place) is Word.ADMITTED} == {
            held.place for held in room.passes
        }
        assert sum(room.admission.comings._cohorts.values()) == room.called
        for lane in room.lanes:
            there = [
                seq
                for seq in range(lane.joined)
                if lane.word(seq) in IN_LINE and lane.presence.is_present(lane.position(seq))
            ]
            assert lane.eligible == len(there)
            if lane.drawn is not None:
                assert sorted(map(lane.position, range(lane.joined))) == list(range(lane.joined))
            assert all(lane.seq_at(lane.position(seq)) == seq for seq in range(lane.joined))
            assert lane.called.keys() == lane.called_at.keys()
            assert set(lane._heard) <= set(range(lane.joined))
            assert len(lane._frontiers) <= 300


TestRoom = RoomMachine.TestCase


# --- single things


class Running:
    """A room and the time."""

    def __init__(self, rule: Rule = RULE, before_s: float = 100.0) -> None:
        self.room, self.now, self.wall = Room(rule, SEED, EPOCH), 0.0, OPENS - before_s
        self.places: list[PlaceId] = []
        self.run(1.0)

    def run(self, seconds: float, *, polling: bool = True, backing: Backing = Backing(limit=16)) -> None:  # noqa: B008 - it is frozen
        for number in range(round(seconds)):
            self.now += 1.0
            self.wall += 1.0
            if polling and number % 20 == 0:
                for place in self.places:
                    self.room.poll(place)
            self.room.tick(self.now, self.wall, backing)

    def join(self, count: int) -> None:
        for _ in range(count):
            place = self.room.join(self.room.lanes[0])
            assert place is not None
            self.room.poll(place)
            self.places.append(place)

    def words(self) -> list[Word]:
        return [self.room.lanes[place.lane].word(place.seq) for place in self.places]

    def of(self, word: Word) -> PlaceId:
        return next(place for place, each in zip(self.places, self.words(), strict=True) if each is word)


def test_by_the_clock() -> None:
    """Scheduled, lobby, drawing, open, closed, each at its time; what is told of each."""
    running = Running(Rule("hamlet", opens=OPENS, closes=OPENS + 100.0, lobby_s=120.0, draw_s=90.0), before_s=130.0)
    room, seen = running.room, []
    assert room.draws_at == OPENS - 60.0, "at most half of the lobby"
    for _ in range(250):
        running.run(1.0)
        if not seen or seen[-1][0] is not room.phase:
            seen.append((room.phase, round(running.wall - OPENS)))
    assert seen == [
        (Phase.SCHEDULED, -128), (Phase.LOBBY, -120), (Phase.DRAWING, -60), (Phase.OPEN, 0), (Phase.CLOSED, 100)
    ]  # fmt: skip
    assert room.state == "closed"
    room.pause(on=True)
    assert room.state == "closed", "what has ended is not paused"
    assert repr(room).startswith("<Room hamlet closed, 0 in, <Lane main: 0 joined, 0 drawn, 0 eligible")


def test_the_clock_goes_on_from_what_was_said_by_hand() -> None:
    """A lobby that an operator opens early is drawn and opened at its time; an early opening is closed at its time."""
    running = Running(Rule("hamlet", opens=OPENS, closes=OPENS + 100.0, lobby_s=60.0, draw_s=30.0), before_s=500.0)
    running.room.set_phase(Phase.LOBBY)
    running.run(1.0)
    assert (running.room.phase, running.room.is_by_hand) == (Phase.LOBBY, True)
    running.run(480.0)
    assert (running.room.phase, running.room.is_by_hand) == (Phase.DRAWING, False)
    running.run(30.0)
    assert running.room.phase is Phase.OPEN
    running.room.set_phase(Phase.LOBBY)
    running.run(1.0)
    assert running.room.phase is Phase.OPEN, "never back"
    running.run(100.0)
    assert running.room.phase is Phase.CLOSED


def test_windows_do_not_turn_while_people_are_carried_over() -> None:
    """However long that takes, whoever has not been carried counts as there; a room carries by itself where nobody does it for it."""
    running = Running(Rule("hamlet", opens=OPENS, lobby_s=120.0, draw_s=30.0, capacity=10_000), before_s=100.0)
    room, lane = running.room, running.room.lanes[0]
    for _ in range(3000):
        room.join(lane)
    running.run(70.0)
    assert room.phase is Phase.DRAWING
    assert lane.carrying
    rotated = lane.presence.rotated
    before = lane.eligible
    room._window_from = -1e9  # a turn is long due
    running.run(3.0)
    assert lane.carrying
    assert lane.presence.rotated == rotated
    assert before > lane.eligible > 0, "who has not polled is there until he is carried"
    running.run(20.0)
    assert not lane.carrying
    assert lane.eligible == 0
    assert not room.carry(100)
    assert lane.presence.rotated == rotated + 1


def test_a_draw_without_people_is_carried_at_once() -> None:
    """Whoever comes later parks like everybody when he is silent."""
    running = Running(RULE, before_s=1.0)
    running.run(5.0)
    assert not any(lane.carrying for lane in running.room.lanes)


def test_a_full_room_keeps_who_was_called() -> None:
    """More have come than were expected: he stays called with all of his time, and comes in when one has gone."""
    running = Running(before_s=50.0)
    running.join(6)
    running.run(55.0)
    called = [place for place, word in zip(running.places, running.words(), strict=True) if word is Word.CALLED]
    assert len(called) == 3
    for place in called:
        assert running.room.claim(place, b"") is not None
    running.room.bound(Rule(**{name: getattr(RULE, name) for name in Rule.__slots__} | {"max_active": 4}))
    running.run(5.0)
    late = running.of(Word.CALLED)
    running.room.bound(RULE)
    running.run(11.0)
    assert running.room.claim(late, b"") is None
    running.run(11.0)
    assert running.words()[running.places.index(late)] is Word.CALLED
    held = running.room.passes.of_place(called[0])
    assert held is not None
    running.room.end(held, Why.CHOICE)
    assert running.room.claim(late, b"") is not None


def test_a_pause_of_an_hour_costs_no_absent_one_his_place() -> None:
    """His laptop was shut meanwhile, and the frontier had passed him before."""
    running = Running(before_s=50.0)
    running.join(8)
    running.run(55.0)
    late = running.of(Word.WAITING)
    running.room.lanes[0].presence.unmark(running.room.lanes[0].position(late.seq))
    running.run(200.0, polling=False)
    running.room.pause(on=True)
    running.run(3600.0, polling=False)
    running.room.pause(on=False)
    running.room.poll(late)
    assert running.room.tell(late).word in (Word.WAITING, Word.CALLED)


def test_a_lane_that_comes_later_is_drawn_and_served() -> None:
    """A reload names one more in the middle of the sale, and one that it names no more keeps its turn."""
    running = Running(Rule("hamlet", opens=OPENS, max_active=50), before_s=1.0)
    running.join(2)
    running.run(5.0)
    running.room.bound(Rule("hamlet", opens=OPENS, max_active=50, lanes=(("access", 1), ("fast", 2))))
    lane = running.room.lane("fast")
    assert lane is not None
    place = running.room.join(lane)
    assert place is not None
    running.places.append(place)
    running.join(1)
    running.run(40.0)
    assert Word.WAITING not in running.words()
    assert Word.LOBBY not in running.words()
    assert [lane.name for lane in running.room.lanes] == ["main", "access", "fast"]
    assert running.room.lane("nobody's") is None


def test_what_somebody_is_told() -> None:
    """No time before the opening, in a pause, too early, nor when it is over; then a band; a call and a pass with their ends."""
    running = Running(before_s=100.0)
    running.join(40)
    room = running.room
    told = [room.tell(place) for place in running.places]
    assert {(each.word, each.ahead, each.band.reason) for each in told} == {(Word.LOBBY, None, NOT_OPEN)}
    running.run(80.0)
    told = [room.tell(place) for place in running.places]
    assert sorted(each.ahead for each in told if each.ahead is not None) == list(range(40))
    assert {each.band.reason for each in told} == {NOT_OPEN}
    running.run(25.0)
    waiting, called = room.tell(running.of(Word.WAITING)), room.tell(running.of(Word.CALLED))
    assert waiting.band.reason == TOO_EARLY
    assert called.until == room.lanes[0].called[called.place.seq]
    assert room.claim(called.place, b"") is not None
    assert (held := room.passes.of_place(called.place)) is not None
    assert room.tell(called.place).until == held.ends_at
    room.pause(on=True)
    assert room.tell(waiting.place).band.reason == PAUSED
    room.pause(on=False)
    room.set_phase(Phase.SOLD_OUT)
    running.run(1.0)
    assert room.tell(waiting.place).band.reason == STALLED


def test_who_waits_in_a_lane_is_told_its_own_pace() -> None:
    """Two lanes at three to one share what is called, so the same number of people ahead takes three times as long in the slower one. One
    alone has all of it, from the next tick on.
    """
    running = Running(Rule("hamlet", opens=OPENS, max_active=50, lanes=(("main", 3), ("fast", 1))), before_s=1.0)
    room, (main, fast) = running.room, running.room.lanes
    running.run(5.0)
    running.join(100)
    for second in range(100):
        room.pace.tell(float(second), 4)
    alone = room.tell(running.places[-1])
    for _ in range(alone.ahead + 1 if alone.ahead is not None else 0):
        place = room.join(fast)
        assert place is not None
        room.poll(place)
    assert room.tell(running.places[-1]) == alone, "until the next tick"
    running.run(1.0, polling=False, backing=Backing(open=False))  # nobody is called in it
    both = [room.tell(each) for each in (running.places[-1], place)]
    assert both[0].ahead == both[1].ahead == alone.ahead
    assert [each.band.plain_s / alone.band.plain_s for each in both] == pytest.approx([4 / 3, 4.0])
    assert main.eligible == fast.eligible


def test_moves_are_followed_however_many() -> None:
    """To and fro, and each old place leads to where he stands now; nobody is moved past the capacity."""
    running = Running(before_s=50.0)
    running.join(1)
    first = place = running.places[0]
    for number in range(12):
        then = running.room.move(place, running.room.lanes[(number + 1) % 2])
        assert then is not None
        place = then
    assert running.room.follow(first) == place
    assert running.room.moved_from[place] == next(old for old, new in running.room.moved.items() if new == place)
    assert running.room.move(place, running.room.lanes[place.lane]) is None
    running.join(RULE.capacity - running.room.joined)
    assert running.room.join(running.room.lanes[0]) is None
    assert running.room.move(place, running.room.lanes[1 - place.lane]) is None


def test_a_wave_is_called_back() -> None:
    """Each of those whose pass it was has lost it, says why, and the room fills again slowly."""
    running = Running(before_s=20.0)
    running.join(6)
    running.run(25.0)
    for place in running.places:
        running.room.claim(place, b"")
    gone = running.room.recall()
    for held in gone:
        running.room.called_back(held)
    assert len(gone) == 3
    for held in gone:
        told = running.room.tell(held.place)
        assert (told.word, told.why) == (Word.EXPIRED, Why.WAVE)
    running.run(10.0)
    assert 0 < running.words().count(Word.CALLED) <= 3


def test_calls_of_before_a_restart_are_expected() -> None:
    """They have been called; so many fewer are called now."""
    running = Running(before_s=20.0)
    running.join(6)
    running.run(25.0)
    assert running.room.called == 3
    running.room.admission.comings.clear()
    running.room.recalled()
    assert sum(running.room.admission.comings._cohorts.values()) == 3
    running.run(5.0)
    assert running.room.called <= 3


def test_a_guess_before_anything_is_known() -> None:
    """Who is near is asked soon; a rate that is lower makes it longer."""
    room = Running().room
    assert room.guess_s(0) == room.guess_s(3) == 0.0
    assert room.guess_s(1003) == pytest.approx(1000 * 30.0 / 3)
    room.bound(Rule("hamlet", max_active=3, rate=(1, 60.0), lanes=RULE.lanes))
    assert room.guess_s(1003) == pytest.approx(60_000.0)


def test_who_is_away_long_after_his_turn_has_lost_it() -> None:
    """A quarter of an hour of the sale after the frontier has passed him, on his next poll; and not before."""
    room = Room(Rule("hamlet", opens=0.0, max_active=1000, rate=(1000, 1.0)), bytes(32), b"epoch--1")
    lane = room.lanes[0]
    room.tick(0.0, 0.0, Backing())
    away, there = room.join(lane), room.join(lane)
    assert away is not None
    assert there is not None
    room.poll(there)
    now = 0.0
    while now < FORFEIT_S + 60.0:
        now += 1.0
        room.tick(now, now, Backing())
        if now == FORFEIT_S - 60.0:
            assert lane.word(away.seq) is Word.PARKED
    room.poll(away)
    assert lane.word(away.seq) is Word.FORFEITED


def test_a_claim_that_is_sent_twice_gives_one_pass() -> None:
    """The second gets what the first got, and takes no other's room."""
    room = Room(Rule("hamlet", opens=0.0, max_active=10, rate=(10, 1.0)), bytes(32), b"epoch--1")
    room.tick(0.0, 0.0, Backing())
    place = room.join(room.lanes[0])
    assert place is not None
    room.poll(place)
    for now in range(1, 5):
        room.tick(float(now), float(now), Backing())
    first = room.claim(place, b"")
    assert first is not None
    assert room.claim(place, b"") is first
    assert len(room.passes) == 1
    assert room.end(first, Why.CHOICE)
    assert not room.end(first, Why.CHOICE), "it is given back once"


def test_a_lane_that_comes_before_the_draw_takes_part_in_it() -> None:
    """It is drawn with the others, not before them."""
    room = Room(Rule("hamlet", opens=1000.0), bytes(32), b"epoch--1")
    room.tick(0.0, 0.0, Backing())
    room.bound(Rule("hamlet", opens=1000.0, lanes=(("main", 1), ("fast", 1))))
    fast = room.lane("fast")
    assert fast is not None
    assert fast.drawn is None


def test_the_pace_is_learnt_once_the_room_has_been_full() -> None:
    """Visits have ended, and others are called in their stead: from then on people are told a time."""
    room = Room(Rule("hamlet", opens=0.0, max_active=20, rate=(20, 1.0)), bytes(32), b"epoch--1")
    lane = room.lanes[0]
    room.tick(0.0, 0.0, Backing())
    places = [place for _ in range(400) if (place := room.join(lane)) is not None]
    now = 0.0
    for _ in range(240):
        now += 0.25
        for place in places:
            room.poll(place)
        for place in room.tick(now, now, Backing()).called:
            held = room.claim(place, b"")
            if held is not None:
                room.end(held, Why.PURCHASE)
    assert room.pace.known
