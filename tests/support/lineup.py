"""A line played through in made-up time: seeded arrivals, a backend that shares itself among what it works on, people with patience.

Every call is a `Visit` that notes what became of it; tests ask the visits. Anything that answers like `Line` can be played, so that a
control can fail where the line does not.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Protocol

from sidecar.model import Lease, Refusal, Seat
from sidecar.policy.queue import Line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sidecar.model import Place
    from sidecar.policy.eta import Quote
    from sidecar.policy.queue import Settled
    from sidecar.policy.tiers import Waiting


class Liner(Protocol):
    """What is played of a line."""

    def ask(self, now: float, seat: Seat) -> Lease | Waiting | Refusal: ...
    def release(self, now: float, lease: Lease, *, used: bool = True) -> Settled: ...
    def expire(self, now: float, waiting: Waiting) -> Refusal | None: ...


@dataclass(eq=False, slots=True)
class Visit:
    """One call: when it comes, whose it is, how much work (seconds alone at the backend), and what became of it."""

    at: float
    client: str
    operation: str
    work: float
    client_class: str = "browse"
    patience: float = 1e6
    place: Place | None = None
    told: Quote | None = None
    told_since: list[tuple[float, Quote]] = field(default_factory=list)
    started: float | None = None
    ended: float | None = None
    refusal: Refusal | None = None
    waited: bool = False
    waiting: Waiting | None = None

    @property
    def wait(self) -> float:
        assert self.started is not None
        return self.started - self.at

    @property
    def took(self) -> float:
        assert self.ended is not None
        return self.ended - self.at


class Play:
    """One run. `cores`: how many calls the backend works on at full speed; more of them share it evenly (processor sharing)."""

    def __init__(self, line: Liner, cores: int, *, ask_every: float = 0.0) -> None:
        self.line, self.cores, self.ask_every = line, cores, ask_every
        self.now = 0.0
        self.returning: Callable[[Visit, Refusal], Visit | None] | None = None
        self.done: list[Visit] = []
        self._work = 0.0  # what each that is served has been given
        self._serving: list[tuple[float, int, Visit, Lease]] = []
        self._events: list[tuple[float, int, str, Visit]] = []
        self._visits: dict[Waiting, Visit] = {}
        self._number = 0
        self.held: dict[str, float] = {}  # client -> integral of his calls at the backend
        self._in: dict[str, int] = {}

    def run(
        self, visits: Iterable[Visit], until: float = float("inf"), over: Callable[[], bool] = lambda: False
    ) -> list[Visit]:
        for visit in visits:
            self._at(visit.at, "arrive", visit)
        while (self._events or self._serving) and not over():
            next_event = self._events[0][0] if self._events else float("inf")
            next_end = self._next_end()
            if min(next_event, next_end) > until:
                break
            if next_end <= next_event:
                self._move(next_end)
                self._end()
            else:
                time, _, what, visit = heappop(self._events)
                self._move(time)
                getattr(self, "_" + what)(visit)
        return self.done

    def _at(self, time: float, what: str, visit: Visit) -> None:
        self._number += 1
        heappush(self._events, (time, self._number, what, visit))

    @property
    def _rate(self) -> float:
        return min(1.0, self.cores / len(self._serving)) if self._serving else 0.0

    def _next_end(self) -> float:
        return self.now + (self._serving[0][0] - self._work) / self._rate if self._serving else float("inf")

    def _move(self, time: float) -> None:
        self._work += (time - self.now) * self._rate
        for client, count in self._in.items():
            self.held[client] = self.held.get(client, 0.0) + count * (time - self.now)
        self.now = time

    def _arrive(self, visit: Visit) -> None:
        self.done.append(visit)
        seat = Seat(
            "t", visit.client, visit.operation, visit.client_class, self.now + visit.patience, place=visit.place
        )
        verdict = self.line.ask(self.now, seat)
        if isinstance(verdict, Lease):
            self._start(visit, verdict)
        elif isinstance(verdict, Refusal):
            visit.refusal = verdict
        else:
            visit.waited, visit.waiting = True, verdict
            self._visits[verdict] = visit
            self._at(verdict.until, "expire", visit)
            if verdict.pushed is not None:
                self._refuse(self._visits.pop(verdict.pushed[0]), verdict.pushed[1])
            if isinstance(self.line, Line):
                visit.told = self.line.quote(self.now, verdict)
                if self.ask_every:
                    self._at(self.now + self.ask_every, "look", visit)

    def _look(self, visit: Visit) -> None:
        if visit.waiting in self._visits:
            assert isinstance(self.line, Line)
            visit.told_since.append((self.now, self.line.quote(self.now, visit.waiting)))
            self._at(self.now + self.ask_every, "look", visit)

    def _expire(self, visit: Visit) -> None:
        assert visit.waiting is not None
        refusal = self.line.expire(self.now, visit.waiting)
        if refusal is not None:
            del self._visits[visit.waiting]
            self._refuse(visit, refusal)

    def _refuse(self, visit: Visit, refusal: Refusal) -> None:
        visit.refusal = refusal
        again = self.returning(visit, refusal) if self.returning is not None else None
        if again is not None:
            self._at(again.at, "arrive", again)

    def _start(self, visit: Visit, lease: Lease) -> None:
        visit.started = self.now
        self._in[visit.client] = self._in.get(visit.client, 0) + 1
        heappush(self._serving, (self._work + visit.work, lease.number, visit, lease))

    def _end(self) -> None:
        _, _, visit, lease = heappop(self._serving)
        visit.ended = self.now
        self._in[visit.client] -= 1
        if not self._in[visit.client]:
            del self._in[visit.client]
        for waiting, given in self.line.release(self.now, lease):
            who = self._visits.pop(waiting)
            if isinstance(given, Lease):
                self._start(who, given)
            else:
                self._refuse(who, given)
