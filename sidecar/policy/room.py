"""A waiting room: phases, lanes, passes, pace, and the tick that moves them. It decides everything and does nothing.

Whoever keeps it tells it the time four times a second and what the backend bears, and gets back what has happened, for logs and for those
who wait at the other end of a connection. It knows no socket, no clock, no chance but what it is given, and no visitor as an object.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

from sidecar.policy.admission import Admission, Backing
from sidecar.policy.credentials import PlaceId
from sidecar.policy.lane import Lane
from sidecar.policy.outlook import NOT_OPEN, PAUSED, STALLED, Band, Forecasts, Pace, speed
from sidecar.policy.passes import Active, Passes, PassRule
from sidecar.policy.polling import most_s
from sidecar.policy.roomtime import RoomTime
from sidecar.policy.story import Story
from sidecar.policy.turns import Turns
from sidecar.policy.visitors import IN_LINE, OVER, Event, Why, Word

TICK_S: Final = 0.25
# Who is away for so long after his turn has passed has gone: he would come before all who stayed.
FORFEIT_S: Final = 900.0
# Blocks of presence that are rotated in one tick: a fraction of a millisecond, see docs/benchmarks.md.
_ROTATE: Final = 256
_FILL_LEAST, _FILL_PART, _FILL_MOST = 20, 0.3, 500  # visits that have ended
_MEAN_FIRST_S: Final = 30.0
# Positions carried over at a draw in one tick, half a millisecond: whoever keeps the room carries faster, and it ends without him.
_CARRIED: Final = 256


class Phase(StrEnum):
    """Where the sale is. It only ever goes on: no clock and no restart takes it back."""

    SCHEDULED = "scheduled"
    LOBBY = "lobby"
    DRAWING = "drawing"  # ranks are known, nobody is called yet
    OPEN = "open"
    SOLD_OUT = "sold_out"
    CLOSED = "closed"


ORDER: Final = tuple(Phase)
_ENDED: Final = (Phase.SOLD_OUT, Phase.CLOSED)
# What is counted of visitors, by the event that made them so; a moved one is counted as one who has left.
REACHED: Final = {
    Event.CALL: "called",
    Event.CLAIM: "admitted",
    Event.MISS: "missed",
    Event.EXPIRE: "expired",
    Event.FORFEIT: "forfeited",
    Event.RELEASE: "released",
    Event.LEAVE: "left",
    Event.HOLD: "held",
}

_PASSES: Final = PassRule()


@dataclass(frozen=True, slots=True)
class Rule:
    """What a room is told by the settings; as in `plan.RoomPlan`."""

    name: str
    opens: float | None = None
    closes: float | None = None
    lobby_s: float = 1800.0
    draw_s: float = 60.0
    max_active: int = 200
    rate: tuple[int, float] | None = None
    claim_s: float = 150.0
    passes: PassRule = _PASSES
    lanes: tuple[tuple[str, int], ...] = (("main", 1),)
    capacity: int = 1_000_000


class Told(NamedTuple):
    """What somebody is told of himself. `until` is a moment of sale time: of his call, or of his pass."""

    place: PlaceId
    word: Word
    why: Why
    ahead: int | None
    band: Band
    until: float | None = None


@dataclass(slots=True)
class Happenings:
    """What a tick has brought."""

    phase: Phase | None = None  # the new one
    called: list[PlaceId] = field(default_factory=list)
    missed: list[tuple[PlaceId, Word]] = field(default_factory=list)
    expired: list[tuple[Active, str]] = field(default_factory=list)
    sealed: bool = False
    stalled_s: float = 0.0
    stepped_s: float = 0.0

    def __bool__(self) -> bool:
        return bool(self.phase or self.called or self.missed or self.expired or self.sealed or self.stalled_s)


class Room:
    """`seed` is secret until the draw is made; `epoch` names this room among all of its name. Both are random, for each new beginning."""

    def __init__(self, rule: Rule, seed: bytes, epoch: bytes) -> None:
        self.rule, self.seed, self.epoch = rule, seed, epoch
        self.phase = Phase.SCHEDULED
        self.time = RoomTime()
        self.lanes = [Lane(name, number) for number, (name, _) in enumerate(rule.lanes)]
        self.turns = Turns(dict(rule.lanes))
        self._weights = [weight for _, weight in rule.lanes]
        self.passes = Passes(rule.passes)
        self.admission = Admission(rule.max_active, _per_s(rule))
        self.pace = Pace()
        self.forecasts = [Forecasts() for _ in self.lanes]
        self.story = Story()
        self.moved: dict[PlaceId, PlaceId] = {}  # by an operator, to another lane
        self.moved_from: dict[PlaceId, PlaceId] = {}  # the same, the other way round
        self.crowd = 0  # as many as had come at the last tick: how often people ask goes by it
        self.reached: Counter[str] = Counter()  # how many have become what, since the process began
        self.by_hand: Phase | None = None  # an operator has said so
        self.turn = 0  # passes that have been given, of the last 65 535
        self._speeds: dict[int, float | Band] = {}  # by lane, until the next tick: each poll asks for it
        self._window_from = 0.0
        self._rotating = False
        self._paced_at = 0.0
        self._paced = 0
        self._filled = False

    def __repr__(self) -> str:
        return f"<Room {self.rule.name} {self.state}, {len(self.passes)} in, {' '.join(map(repr, self.lanes))}>"

    # --- how it stands

    @property
    def state(self) -> str:
        """The room's word."""
        return "paused" if self.time.paused and self.phase not in _ENDED else self.phase.value

    @property
    def joined(self) -> int:
        """How many have come."""
        return sum(lane.people for lane in self.lanes)

    @property
    def waiting(self) -> int:
        """How many are there and in line."""
        return sum(lane.eligible for lane in self.lanes)

    @property
    def called(self) -> int:
        """How many have been called and may still come."""
        return sum(len(lane.called) for lane in self.lanes)

    @property
    def window_s(self) -> float:
        """Return how long a window of presence is: four of them have to hold the longest interval between two polls."""
        return most_s(self.joined)

    @property
    def draws_at(self) -> float | None:
        """When the draw is made, wall seconds; None where the opening is by hand."""
        opens = self.rule.opens
        return None if opens is None else opens - min(self.rule.draw_s, self.rule.lobby_s / 2)

    def lane(self, name: str) -> Lane | None:
        """Return the lane of that name."""
        return next((lane for lane in self.lanes if lane.name == name), None)

    def knows(self, place: PlaceId) -> bool:
        """Say whether such a place has been given, or may have been by the last second before a restart."""
        return 0 <= place.lane < len(self.lanes) and self.lanes[place.lane].knows(place.seq)

    def follow(self, place: PlaceId) -> PlaceId:
        """Return where somebody stands now: an operator may have moved him."""
        while (then := self.moved.get(place)) is not None:  # it ends: every move gives a new number
            place = then
        return place

    def tell(self, place: PlaceId) -> Told:
        """Tell somebody how he stands."""
        lane = self.lanes[place.lane]
        word, ahead = lane.stand(place.seq)
        if ahead is not None:
            return Told(place, word, Why.NONE, ahead, self._band(place, ahead))
        until = None
        if word is Word.CALLED:
            until = lane.called.get(place.seq)
        elif word is Word.ADMITTED:
            held = self.passes.of_place(place)
            until = None if held is None else held.ends_at
        nobody_knows = Band(None, reason=NOT_OPEN if word is Word.LOBBY else None)
        return Told(place, word, lane.why(place.seq), None, nobody_knows, until)

    def _band(self, place: PlaceId, ahead: int) -> Band:
        said = self._speeds.get(place.lane)
        if said is None:
            said = self._speeds[place.lane] = self._speed_of(place.lane)
        return said if isinstance(said, Band) else self.forecasts[place.lane].band((ahead + 1) / said)

    def _speed_of(self, number: int) -> float | Band:
        """Return how many of a lane are called a second, or what its people are told instead of a time."""
        if self.phase is Phase.DRAWING:
            return Band(None, reason=NOT_OPEN)
        if self.time.paused:
            return Band(None, reason=PAUSED)
        if self.phase in _ENDED:
            return Band(None, reason=STALLED)
        said = speed(self.pace, self.time.life)
        return said if isinstance(said, Band) else said * self._part_of(number)

    def _part_of(self, number: int) -> float:
        """Return the part of all calls that a lane gets while these lanes wait."""
        weights, there = self._weights, 0
        for lane in self.lanes:
            if lane.number == number or lane.eligible:
                there += weights[lane.number]
        return weights[number] / there

    def _weight_by_lane(self) -> dict[str, int]:
        """Return the weights of all lanes there are; who waits in one that the settings name no more has his turn, too."""
        return {lane.name: 1 for lane in self.lanes} | dict(self.rule.lanes)

    def _weigh(self) -> None:
        weights = self._weight_by_lane()
        self.turns.bound(weights)
        self._weights = [weights[lane.name] for lane in self.lanes]  # by number
        self._speeds.clear()

    def guess_s(self, ahead: int) -> float:
        """Return a wait for those to whom none is told, in seconds: by Little's law."""
        # Nobody has been seen yet: half a minute each, for whoever is asked too late is missed, and whoever is asked too soon asks twice.
        mean_s = _MEAN_FIRST_S if not self.pace.known else self.rule.passes.total_s / 2
        per_s = self.rule.max_active / mean_s
        limit = _per_s(self.rule)
        return max(0.0, ahead - self.rule.max_active) / min(per_s, limit if limit is not None else per_s)

    # --- what visitors do

    def join(self, lane: Lane) -> PlaceId | None:
        """Take somebody in, None where as many are in as may be."""
        if self.joined >= self.rule.capacity:
            return None
        return PlaceId(lane.number, lane.join())

    def poll(self, place: PlaceId) -> None:
        """Note that somebody is there. Whose turn passed long ago while he was away has lost it."""
        lane = self.lanes[place.lane]
        # In sale time: who stays away during a pause loses nothing by it.
        if (
            lane.is_passed(place.seq)
            and lane.word(place.seq) is Word.PARKED
            and lane.away_s(self.time.sale, place.seq) > FORFEIT_S
        ):
            self.happen(place, Event.FORFEIT, Why.ABSENT)
            return
        lane.poll(place.seq)

    def claim(self, place: PlaceId, bind: bytes) -> Active | None:
        """Let somebody in whose turn it is; None where it is not, or the room is full after all. A second claim gives the same pass."""
        held = self.passes.of_place(place)
        if held is not None:
            return held
        lane = self.lanes[place.lane]
        if place.seq not in lane.called:
            return None
        if len(self.passes) >= self.rule.max_active:
            # More have come than were expected. He stays called, with all of his time, and comes again in a moment.
            lane.call_again(place.seq, self.time.sale + self.rule.claim_s)
            return None
        self.happen(place, Event.CLAIM)
        self.turn = self.turn % 0xFFFF + 1
        return self.passes.issue(self.time.sale, place, self.turn, bind)

    def end(self, held: Active, why: Why, event: Event = Event.RELEASE) -> bool:
        """Take a pass in before its time; False where it is not out."""
        if not self.passes.end(held):
            return False
        self.admission.ended(1)
        self.happen(held.place, event, why)
        return True

    def leave(self, place: PlaceId) -> None:
        """Let somebody go who says so."""
        held = self.passes.of_place(place)
        if held is not None:
            self.end(held, Why.CHOICE)
            return
        self.happen(place, Event.LEAVE, Why.CHOICE)

    def happen(self, place: PlaceId, event: Event, why: Why = Why.NONE) -> Word | None:
        """Let something happen to somebody, and note it."""
        lane = self.lanes[place.lane]
        called_at = lane.called_at.get(place.seq)
        then = lane.happen(place.seq, event, why)
        if then is not None:
            self._note(place, event, why)
            if then in OVER or then is Word.NEEDS_ACTION:
                self.forecasts[place.lane].drop(place.seq)
            if called_at is not None and then is not Word.CALLED:
                self.admission.comings.over(called_at, self.time.sale, came=event is Event.CLAIM)
        return then

    def _note(self, place: PlaceId, event: Event, why: Why = Why.NONE) -> None:
        self.story.tell(self.time.wall, place.lane, place.seq, event, why)
        if event in REACHED:
            self.reached[REACHED[event]] += 1

    def move(self, place: PlaceId, lane: Lane) -> PlaceId | None:
        """Give somebody a place in another lane, at its end; None where he is not in line, or as many are in as may be. Who is held stays
        held.
        """
        before = self.lanes[place.lane]
        word, why = before.word(place.seq), before.why(place.seq)
        if lane is before or not (word in IN_LINE or word is Word.NEEDS_ACTION) or self.joined >= self.rule.capacity:
            return None
        then = PlaceId(lane.number, lane.join())
        self.happen(place, Event.LEAVE, Why.OPERATOR)
        self.has_moved(place, then)
        lane.poll(then.seq)
        if word is Word.NEEDS_ACTION:
            self.happen(then, Event.HOLD, why)
        return then

    def has_moved(self, place: PlaceId, then: PlaceId) -> None:
        """Know where somebody stands now, and where he stood."""
        self.moved[place], self.moved_from[then] = then, place

    # --- what an operator does

    def set_phase(self, phase: Phase) -> None:
        """Let a phase hold that an operator has said, from the next tick on; the clock goes on from there."""
        self.by_hand = phase

    @property
    def is_by_hand(self) -> bool:
        """Whether the phase is an operator's, and not by now the clock's as well."""
        return self.by_hand is not None and ORDER.index(self.by_hand) > ORDER.index(self._by_clock())

    def recall(self) -> list[Active]:
        """Call back every pass that is out. They count no more at once; `called_back` says so to each of those whose they were."""
        gone = self.passes.recall()
        # No visit has ended by itself, so nothing is learnt of it; and the backend is not to get a whole room at once.
        self.admission.slow_start(self.time.sale)
        return gone

    def called_back(self, held: Active) -> None:
        """Note that somebody's pass was called back with its wave."""
        self.happen(held.place, Event.EXPIRE, Why.WAVE)

    def pause(self, *, on: bool) -> None:
        """Stop calling people, or go on: bit by bit, and every time stands still meanwhile."""
        if self.time.paused == on:
            return
        self.time.paused = on
        self._speeds.clear()
        for forecasts in self.forecasts:
            forecasts.clear()
        if not on:
            self.pace.forget()
            self.admission.slow_start(self.time.sale)

    # --- the tick

    def tick(self, now: float, wall: float, backing: Backing) -> Happenings:
        """Go on to `now`."""
        time = self.time
        time.tick(now, wall)
        found = Happenings(stalled_s=time.stalled_s, stepped_s=time.stepped_s)
        self._advance(found)
        self._see_who_is_there()
        found.expired = [each for each in self.passes.over(time.sale) if self._over(*each)]
        self.admission.ended(len(found.expired))
        for lane in self.lanes:
            for seq, word, called_at in lane.missed_calls(time.sale):
                self.admission.comings.over(called_at, time.sale, came=False)
                event = Event.FORFEIT if word is Word.FORFEITED else Event.MISS
                place = PlaceId(lane.number, seq)
                self._note(place, event, Why.MISSED)
                found.missed.append((place, word))
        if self.phase is Phase.OPEN and not time.paused:
            self._call(found, backing)
        for lane in self.lanes:
            lane.mark_frontier(time.sale)
            self.story.joined(time.wall, lane.number, lane.joined)
        self.crowd = self.joined
        self._speeds.clear()
        return found

    def _over(self, held: Active, why: str) -> bool:
        return self.happen(held.place, Event.EXPIRE, Why(why)) is not None

    def _advance(self, found: Happenings) -> None:
        """Go to the phase that the clock, or an operator, says; never back."""
        wanted = max(self.by_hand or Phase.SCHEDULED, self._by_clock(), key=ORDER.index)
        if ORDER.index(wanted) <= ORDER.index(self.phase):
            return
        before, self.phase = self.phase, wanted
        found.phase = wanted
        if before in (Phase.SCHEDULED, Phase.LOBBY) and wanted not in (Phase.LOBBY, Phase.CLOSED):
            self._seal()
            found.sealed = True

    def _by_clock(self) -> Phase:
        rule, wall = self.rule, self.time.wall
        if rule.closes is not None and wall >= rule.closes:
            return Phase.CLOSED
        if rule.opens is None or self.draws_at is None:
            return Phase.LOBBY if rule.opens is None else Phase.SCHEDULED
        if wall >= rule.opens:
            return Phase.OPEN
        if wall >= self.draws_at:
            return Phase.DRAWING
        return Phase.LOBBY if wall >= rule.opens - rule.lobby_s else Phase.SCHEDULED

    def _seal(self) -> None:
        for lane in self.lanes:
            lane.seal(self.seed)
        self._window_from = self.time.life

    def _see_who_is_there(self) -> None:
        """Let presence follow, some of it in each tick."""
        if any(lane.carrying for lane in self.lanes):
            self.carry(_CARRIED)
            return
        if self._rotating:
            self._rotating = any([lane.presence.step(_ROTATE) for lane in self.lanes])  # noqa: C419 - as above
            return
        if self.time.life - self._window_from >= self.window_s:
            self._window_from = self.time.life
            for lane in self.lanes:
                lane.presence.rotate()
            self._rotating = True

    def carry(self, positions: int) -> bool:
        """Carry over some of who was there before the draw; False where nothing is left to do."""
        return any([lane.carry(positions) for lane in self.lanes])  # noqa: C419 - every lane goes on, not just the first

    def _call(self, found: Happenings, backing: Backing) -> None:
        time, admission = self.time, self.admission
        count = admission.ask(time.sale, len(self.passes), backing)
        if count:
            until = time.sale + self.rule.claim_s
            for name, turns in self.turns.split(count, [(lane.name, lane.eligible) for lane in self.lanes]).items():
                lane = self.lane(name)
                assert lane is not None, "turns are split among lanes that are there"
                for seq in lane.call(time.sale, turns, until):
                    self.forecasts[lane.number].come(time.life, seq)
                    place = PlaceId(lane.number, seq)
                    self._note(place, Event.CALL)
                    found.called.append(place)
            admission.fewer(time.sale, count - len(found.called))
        self._note_pace(len(found.called))

    def _note_pace(self, called: int) -> None:
        """Learn how many are called a second, once the room has been full: before that it is the room that fills, not the sale."""
        if not self._filled:
            # Until a third of the first ones have gone it is the room that fills, not the sale that goes on.
            self._filled = self.admission.seen >= min(_FILL_MOST, max(_FILL_LEAST, _FILL_PART * self.admission.most))
            return
        self._paced += called
        if self.time.life - self._paced_at >= 1.0:
            if self.waiting or self._paced:
                self.pace.tell(self.time.life, self._paced)
            self._paced_at, self._paced = self.time.life, 0

    def recalled(self) -> None:
        """Go on after a restart: what the pace was nobody knows, and people come back one after the other."""
        self._window_from = self.time.life
        self.pace.forget()
        self._speeds.clear()
        self.admission.slow_start(self.time.sale)
        for lane in self.lanes:
            self.story.begin(lane.number, lane.joined)
            for seq, until in lane.called.items():
                lane.called_at[seq] = until - self.rule.claim_s
                self.admission.comings.called(lane.called_at[seq], 1)

    # --- settings

    def bound(self, rule: Rule) -> None:
        """Take other settings: everybody stays where he is."""
        self.rule = rule
        for name, _ in rule.lanes:
            if self.lane(name) is None:
                self._add(name)
        self._weigh()
        self.passes.bound(rule.passes)
        self.admission.most, self.admission.rate = rule.max_active, _per_s(rule)

    def _add(self, name: str) -> None:
        lane, is_drawn = Lane(name, len(self.lanes)), any(each.draw is not None for each in self.lanes)
        if is_drawn:  # nobody took part in it here
            lane.seal(self.seed)
        self.lanes.append(lane)
        self.forecasts.append(Forecasts())


def _per_s(rule: Rule) -> float | None:
    return None if rule.rate is None else rule.rate[0] / rule.rate[1]
