"""An on-sale in virtual time: a crowd of mixed habits before a waiting room, and a box office that sells so many a second behind it.

Events come off a heap, the room ticks four times a second, chance has a seed. The room is the one that visitors meet (`hall.house.House`),
with a clock of ours; only HTTP is left out. What is judged is counted from outside: the crowd's own notes, never the room's.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import Counter, deque
from dataclasses import dataclass, field
from heapq import heappop, heappush
from random import Random
from typing import TYPE_CHECKING, Final, NamedTuple

from sidecar.hall.house import House, Joined
from sidecar.plan import RoomPlan
from sidecar.policy import polling
from sidecar.policy.admission import Backing
from sidecar.policy.room import TICK_S, Phase
from sidecar.policy.tokens import Key, Keys
from sidecar.policy.visitors import OVER, Word
from tests.support.world import Recorder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sidecar.policy.credentials import PlaceId
    from sidecar.policy.room import Told

OPENS: Final = 1_800_000_000.0  # wall time of the opening; the run's own clock begins a lobby before it
# Of every hundred who come. Bots come ten times each, and have forgotten each time that they were here.
HABITS: Final = {
    "obedient": 52,
    "hoarder": 8,
    "sleeper": 10,
    "refresher": 10,
    "switcher": 5,
    "bot": 5,
    "leaver": 10,
}
# Two more, for runs about them: one that is there and never comes when he is called, and one that asks five times a second.
GAZER, HAMMER = "gazer", "hammer"
_HAMMER_S: Final = 0.2
_LATE: Final = 0.25  # of them come after the draw
_THINK_S: Final = 40.0  # a person's time between pass and checkout, on average
_TABS: Final = 3
_LATELY_S: Final = 60.0  # in which calls are counted for the formula
_CARRIED: Final = 800 * 12  # positions that the hall carries over in a tick, twelve slices of them
_AT_ONCE: Final = 16  # calls at the box office at a time, as its limiter has found out


class Time:
    """`ports.Clock` of the run."""

    def __init__(self) -> None:
        self.at = 0.0
        self.offset = OPENS

    def now(self) -> float:
        """Return the run's seconds."""
        return self.at

    def wall(self) -> float:
        """Return the time of day."""
        return self.offset + self.at


@dataclass(eq=False)
class Person:
    """One of the crowd, and what he has seen."""

    habit: str
    places: list[PlaceId] = field(default_factory=list)
    polls: int = 0
    there_at: float = 0.0  # since when the room knows that there is somebody
    called_at: float | None = None
    admitted_at: float | None = None
    told: list[tuple[float, float, float]] = field(default_factory=list)  # when, low, high
    done: bool = False
    seen: int = 0


class Trouble(NamedTuple):
    """From when to when the box office sells this part of what it can; none of it: it is cut off."""

    begin: float
    end: float
    part: float = 0.0


class BoxOffice:
    """Sells `per_s` a second, one after the other; whoever comes waits in its line."""

    def __init__(self, per_s: float, *troubles: Trouble) -> None:
        self.per_s, self.troubles = per_s, troubles
        self.free_at = 0.0
        self.sold: list[float] = []

    def sell(self, now: float) -> float:
        """Return when a checkout that comes now is done."""
        begins, part = max(now, self.free_at), 1.0
        for trouble in self.troubles:
            if trouble.begin <= begins < trouble.end:
                begins, part = (begins, trouble.part) if trouble.part else (trouble.end, 1.0)
        self.free_at = begins + 1.0 / (self.per_s * part)
        self.sold.append(self.free_at)
        return self.free_at

    def could_sell(self, begin: float, end: float) -> float:
        """Return what it could have sold between two moments."""
        lost_s = sum(
            (1.0 - each.part) * max(0.0, min(end, each.end) - max(begin, each.begin)) for each in self.troubles
        )
        return self.per_s * (end - begin - lost_s)

    def backing(self, now: float) -> Backing:
        """Say what its limiter would say."""
        there = len(self.sold) - bisect_right(self.sold, now)
        is_open = not any(each.begin <= now < each.end and not each.part for each in self.troubles)
        return Backing(is_open, _AT_ONCE, min(_AT_ONCE, there), max(0, there - _AT_ONCE), 500)


class OnSale:
    """One run. `hook(run)` is called at every tick, for whoever breaks something."""

    def __init__(
        self,
        people: int,
        seed: int,
        *,
        per_s: float = 50.0,
        lobby_s: float = 600.0,
        max_active: int = 2600,
        troubles: tuple[Trouble, ...] = (),
        habits: Mapping[str, int] = HABITS,
        away: tuple[float, float] = (0.0, 0.0),
        hook: Callable[[OnSale], None] | None = None,
    ) -> None:
        self.rng = Random(seed)
        self.clock = Time()
        self.clock.at = -lobby_s
        self.log = Recorder()
        self.plan = RoomPlan(
            "hamlet",
            opens=OPENS,
            lobby_s=lobby_s,
            draw_s=60.0,
            max_active=max_active,
            per_address=0,
            capacity=20 * people,
        )
        keys = Keys(Key("k1", b"a key of the simulation's own"))
        seed_bytes = self.rng.randbytes(32)
        self.house = House(self.plan, keys, self.clock, self.log, self.rng.random, seed=seed_bytes)
        self.office = BoxOffice(per_s, *troubles)
        self.people: list[Person] = []
        self.hook, self._habits, self._away = hook, habits, away  # `away`: from when to when everybody's network is
        self.stands_still_until: float | None = None  # the process is stopped: nothing is answered, nothing ticks
        self.bound = 0.0  # polls that the formula grants those who do as they are told, summed over the run
        self.obeyed = self.disobeyed = 0
        self.too_soon: Counter[str] = Counter()  # polls past the hard limit, by habit
        self.overfull = 0
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._number = 0
        self._whose: dict[PlaceId, Person] = {}
        self._obedient_waiting = 0
        self._arrive(people, lobby_s)

    # --- the crowd

    def _arrive(self, people: int, lobby_s: float) -> None:
        rng = self.rng
        habits = rng.choices(list(self._habits), list(self._habits.values()), k=people)
        for habit in habits:
            person = Person(habit)
            self.people.append(person)
            late = rng.random() < _LATE
            at = rng.uniform(-50.0, 240.0) if late else -lobby_s + lobby_s * (1.0 - rng.random() ** 2) * 0.88
            for _ in range(10 if habit == "bot" else _TABS if habit == "hoarder" else 1):
                self.at(at + rng.uniform(0.0, 20.0), self._joining(person))

    def at(self, when: float, what: Callable[[], None]) -> None:
        """Let something happen."""
        self._number += 1
        heappush(self._heap, (when, self._number, what))

    def _joining(self, person: Person) -> Callable[[], None]:
        def join() -> None:
            joined = self.house.join("main", None, "", attaches=True)
            assert isinstance(joined, Joined), "there is room for everybody in this run"
            place = joined.place
            self._obedient_waiting += person.habit == "obedient" and not person.places
            person.places.append(place)
            self._whose[place] = person
            if person.habit == "bot":
                return
            self._next(person, place, self.house.tell(place), first=True)
            if person.habit == "leaver":
                self.at(self.clock.at + self.rng.expovariate(1 / 300.0), self._leaving(person, place))

        return join

    def _leaving(self, person: Person, place: PlaceId) -> Callable[[], None]:
        def leave() -> None:
            if not person.done and person.admitted_at is None:
                person.done = True
                if self.rng.random() < 0.3:  # the others just close the page
                    self.house.room.leave(place)

        return leave

    def _next(self, person: Person, place: PlaceId, told: Told, *, first: bool = False) -> None:
        told_s = self.house.next_poll_s(told, first=first)
        rng = self.rng
        match person.habit:
            case "refresher":
                told_s = rng.uniform(1.5, 4.0)
            case "hammer":
                told_s = _HAMMER_S
            case "sleeper" if rng.random() < 0.25:
                told_s += rng.uniform(60.0, 900.0)
            case "hoarder":
                told_s = max(told_s, rng.choice((told_s, 60.0)))  # tabs in the background
        self.at(self.clock.at + told_s, self._polling(person, place))

    def _polling(self, person: Person, place: PlaceId) -> Callable[[], None]:
        def poll() -> None:
            if person.done:
                return
            house, now = self.house, self.clock.at
            if self._away[0] <= now < self._away[1]:
                self.at(self._away[1] + self.rng.uniform(0.0, 3.0), poll)
                return
            if person.habit == "obedient":
                self.obeyed += now >= 0.0
            else:
                self.disobeyed += now >= 0.0
            if house.polls_too_often(place):
                self.too_soon[person.habit] += 1
                if person.habit == HAMMER:
                    self.at(now + _HAMMER_S, poll)
                    return
            house.room.poll(place)
            person.there_at = person.there_at or now
            told = house.tell(place)
            person.polls += 1
            self._note(person, told)
            if told.word is Word.CALLED and person.habit != GAZER:
                self._claim(person, place)
                return
            if told.word in OVER:
                if person.habit not in ("obedient", GAZER) and person.admitted_at is None:
                    self.at(now + 5.0, self._joining(person))
                return
            self._next(person, place, told)

        return poll

    def _note(self, person: Person, told: Told) -> None:
        """Keep one of the forecasts that he was told, each with the same chance."""
        band = told.band
        if person.habit != "obedient" or band.low_s is None or band.high_s is None:
            return
        person.seen += 1
        if self.rng.random() < 1.0 / person.seen:
            person.told = [(self.clock.at, band.low_s, band.high_s)]

    def _claim(self, person: Person, place: PlaceId) -> None:
        rng, now = self.rng, self.clock.at
        if person.admitted_at is not None:
            return  # a hoarder's other tab: he never comes with it
        reads_s = min(100.0, rng.expovariate(1 / 4.0))  # until he has seen it
        self.at(now + reads_s, self._coming(person, place))

    def _coming(self, person: Person, place: PlaceId) -> Callable[[], None]:
        def come() -> None:
            if person.admitted_at is not None:
                return
            held = self.house.room.claim(place, b"")
            if held is None:
                if self.house.word(place) is Word.CALLED:
                    self.at(self.clock.at + 2.0, come)
                return
            person.admitted_at = self.clock.at
            self.at(self.clock.at + self.rng.lognormvariate(3.577, 0.47), self._paying(person, place))

        return come

    def _paying(self, person: Person, place: PlaceId) -> Callable[[], None]:
        def pay() -> None:
            self.at(self.office.sell(self.clock.at), finish)

        def finish() -> None:
            person.done = True
            self.house.room.leave(place)

        return pay

    # --- the run

    def run(self, until_s: float) -> OnSale:
        """Go on to `until_s` after the opening, or until nobody waits any more."""
        house, clock = self.house, self.clock
        tick_at = clock.at
        room = house.room
        called: deque[tuple[float, int]] = deque()
        lately = 0
        while clock.at < until_s:
            if self._heap and self._heap[0][0] < tick_at:
                when, _, what = heappop(self._heap)
                clock.at = max(clock.at, when)
                what()
                continue
            clock.at = tick_at
            tick_at += TICK_S
            found = house.tick(self.office.backing(clock.at))
            room.carry(_CARRIED)
            if self.hook is not None:
                self.hook(self)
            self.overfull = max(self.overfull, len(room.passes) - self.plan.max_active)
            called.append((clock.at, len(found.called)))
            lately += len(found.called)
            while called[0][0] < clock.at - _LATELY_S:
                lately -= called.popleft()[1]
            for place in found.called:
                person = self._whose[place]
                if person.called_at is None:
                    person.called_at = clock.at
                    self._obedient_waiting -= person.habit == "obedient"
            if room.phase is Phase.OPEN and clock.at >= 0.0:
                rate = lately / min(_LATELY_S, clock.at + TICK_S)
                crowd = max(1, room.waiting)
                self.bound += polling.bound(crowd, rate) * min(1.0, self._obedient_waiting / crowd) * TICK_S
                if clock.at > 300.0 and room.waiting == 0 and not room.called:
                    break
            if self.stands_still_until is not None:
                clock.at = tick_at = self.stands_still_until
                self.stands_still_until = None
        return self

    # --- what came of it

    def busy(self) -> tuple[float, float]:
        """Return from when to when there was always somebody to sell to: the first minute over, until the last obedient one was called."""
        last = max((person.called_at or 0.0) for person in self.people if person.habit == "obedient")
        return 60.0, last

    def sold_part(self, *without: tuple[float, float]) -> float:
        """Return what part was sold of what could have been, while there was somebody to sell to; some spans apart."""
        at, end = self.busy()
        sold, could = 0, 0.0
        for begin, until in (*without, (end, end)):
            sold += bisect_left(self.office.sold, begin) - bisect_left(self.office.sold, at)
            could += self.office.could_sell(at, begin)
            at = until
        return sold / could

    def coverage(self, *, since: float = 0.0) -> float:
        """Return what part of the forecasts held that were told from then on and came due."""
        due = [
            low <= person.called_at - at <= high
            for person in self.people
            if person.called_at is not None
            for at, low, high in person.told
            if since <= at <= person.called_at
        ]
        return sum(due) / len(due)

    def lost(self) -> int:
        """Return how many of those who did as they were told were never called, or whose place is no more for anything but buying."""
        obedient = [person for person in self.people if person.habit == "obedient"]
        return sum(person.admitted_at is None for person in obedient)

    def overtaken(self) -> int:
        """Return how many of those who did as they were told were called later than one behind them, who was called while they were there:
        whoever joins is asked to come once more in two seconds, and is there from then on.
        """
        lane = self.house.room.lanes[0]
        there = sorted(
            (lane.position(person.places[0].seq), person.called_at, person.there_at)
            for person in self.people
            if person.habit == "obedient" and person.called_at is not None and person.places
        )
        behind: list[float] = []
        found = 0
        for _, called_at, there_at in reversed(there):
            at = bisect_left(behind, there_at)
            found += at < len(behind) and behind[at] < called_at
            insort(behind, called_at)
        return found
