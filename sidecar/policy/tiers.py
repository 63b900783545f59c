"""Who is in a line: calls that wait, the clients they are of, and the classes that these call in, each with its own virtual time.

The nouns of fair queuing: `fair` moves them about, the line makes calls of seats. Nothing here decides anything.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from enum import Enum
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, Final

from sidecar.policy.arrivals import Arrivals
from sidecar.policy.ladder import Key, Ladder

if TYPE_CHECKING:
    from sidecar.model import Refusal, Seat
    from sidecar.policy.eta import Told
    from sidecar.policy.shares import Shares

STALE_MOST: Final = 64  # entries of a heap whose calls have left; more than half of it, and it is made anew


class Stage(Enum):
    """Where a call stands."""

    OUT = "out"  # not in the line, or not any more
    EARLY = "early"  # a rate lets it start later
    BEHIND = "behind"  # its client has another one before it
    READY = "ready"  # first of its client's
    ASIDE = "aside"  # first of a client's who holds his share
    FAST = "fast"  # an operator has put it before everybody


@dataclass(eq=False, slots=True)
class Waiting:
    """A seat in the line; identity counts. `until` is when it leaves unserved, `patience_until` when queue.wait is over.

    All times are monotonic seconds, `cost_s` is what a slot was expected to be held for when it came, `start_by` the last moment at which
    it could still be done in time. `pushed` is who had to leave for it, and what he is told.
    """

    seat: Seat
    until: float
    patience_until: float
    since: float
    flow: Flow
    key: Key
    cost_s: float
    start_by: float
    stage: Stage = Stage.OUT
    pushed: tuple[Waiting, Refusal] | None = None
    told: Told | None = None

    def __repr__(self) -> str:
        seat = self.seat
        return f"<Waiting {seat.client} {seat.operation} as {self.flow.tier.name}, {self.stage.value}, tag {self.key[0]:.3f}>"


class Client:
    """One client, over all classes: what he holds (ghosts included), how many of his wait, and which of them stand aside."""

    __slots__ = ("aside", "flows", "in_flight", "name", "waiting")

    def __init__(self, name: str) -> None:
        self.name = name
        self.in_flight = 0
        self.waiting = 0
        self.flows: list[Flow] = []  # one for each class that he has called in
        self.aside: list[Waiting] = []


class Flow:
    """One client in one class: its finish tag F, and what waits, a queue for each bulkhead so that none blocks another."""

    __slots__ = ("client", "finish", "in_flight", "queues", "tier", "waiting")

    def __init__(self, client: Client, tier: Tier) -> None:
        self.client, self.tier = client, tier
        self.finish = 0.0
        self.in_flight = 0
        self.waiting = 0
        self.queues: list[list[Waiting]] = []  # none of them is empty

    @property
    def last(self) -> list[Waiting]:
        """The last one of each queue."""
        return [queue[-1] for queue in self.queues]

    def queue(self, bulkhead: str) -> list[Waiting] | None:
        """Return those who wait for a bulkhead, lowest key first, None where nobody does."""
        for queue in self.queues:
            if queue[0].seat.bulkhead == bulkhead:
                return queue
        return None


class Shelf:
    """The heads of one class's flows whose operations share a bulkhead, lowest tag first; and all who wait there, as a ladder."""

    __slots__ = ("_heap", "_stale", "ladder")

    def __init__(self) -> None:
        self._heap: list[
            tuple[float, float, int, Waiting]
        ] = []  # keys laid flat: a heap of thousands is sifted through cold memory
        self._stale = 0
        self.ladder = Ladder()

    def push(self, waiting: Waiting) -> None:
        """Take a head."""
        waiting.stage = Stage.READY
        heappush(self._heap, (*waiting.key, waiting))

    def left(self) -> None:
        """Note that a head has gone; its entry goes when it comes up, or when such entries are the most of the heap."""
        self._stale += 1
        if self._stale > STALE_MOST and 2 * self._stale > len(self._heap):
            self._heap = [each for each in self._heap if each[3].stage is Stage.READY and each[3].key[2] == each[2]]
            heapify(self._heap)
            self._stale = 0

    def head(self, client_cap: int, aside: dict[Client, None]) -> Waiting | None:
        """Return the lowest whose client holds less than his share; whoever holds it is put aside."""
        heap = self._heap
        while heap:
            waiting = heap[0][3]
            if waiting.stage is not Stage.READY or waiting.key[2] != heap[0][2]:
                self._stale -= 1
            elif waiting.flow.client.in_flight < client_cap:
                return waiting
            else:
                waiting.stage = Stage.ASIDE
                waiting.flow.client.aside.append(waiting)
                aside[waiting.flow.client] = None
            heappop(heap)
        return None


class Tier:
    """One class: its rank among the classes, its virtual time, and who waits in it."""

    __slots__ = (
        "_moved_at",
        "active",
        "arrivals",
        "asked_at",
        "awake",
        "away",
        "due",
        "finish",
        "in_flight",
        "name",
        "order",
        "reserve",
        "reserved",
        "shelves",
        "virtual",
        "weight",
    )

    def __init__(self, name: str) -> None:
        self.name = name
        self.weight = 1.0
        self.reserve = 0.0
        self.reserved = 0  # slots, at the present limit
        self.finish = 0.0  # among the classes, virtual seconds
        self.virtual = 0.0  # V of its clients, virtual seconds
        self.in_flight = 0  # ghosts included
        self.active = 0  # flows that have anything here
        self.arrivals = Arrivals()
        self.awake = False
        self.asked_at = float("-inf")
        self.order: OrderedDict[Waiting, None] = OrderedDict()  # the youngest last
        self.shelves: dict[str, Shelf] = {}
        self.away = Ladder()  # who was let go with a place, and has not come back, by where he stands
        self.due = Ladder()  # the same by when he is expected
        self._moved_at = float("-inf")

    def __repr__(self) -> str:
        return f"<Tier {self.name} x{self.weight:g}, {self.in_flight} in flight, {len(self.order)} waiting, V {self.virtual:.3f}>"

    @property
    def pace(self) -> float:
        """Virtual seconds in a second: what each flow here gets of a slot."""
        return self.in_flight / self.active if self.active else 0.0

    def move(self, now: float) -> None:
        """Let virtual time come to `now`; before anything that changes the pace."""
        if self.in_flight and now > self._moved_at:
            self.virtual += (now - self._moved_at) * self.in_flight / self.active
        self._moved_at = now

    def shelf(self, bulkhead: str) -> Shelf:
        """Return it, made where it is new."""
        shelf = self.shelves.get(bulkhead)
        if shelf is None:
            shelf = self.shelves[bulkhead] = Shelf()
        return shelf

    def first(self, shares: Shares, aside: dict[Client, None]) -> Waiting | None:
        """Return whose turn it is here, of those whose bulkhead has room."""
        found: Waiting | None = None
        for bulkhead, shelf in self.shelves.items():
            if shares.open(bulkhead):
                head = shelf.head(shares.client_cap, aside)
                if head is not None and (found is None or head.key < found.key):
                    found = head
        return found

    def before(self, key: Key) -> tuple[int, float]:
        """Return how many of this class wait before `key`, and their work in seconds of a slot."""
        count, work_s = 0, 0.0
        for shelf in self.shelves.values():
            more, more_s = shelf.ladder.before(key)
            count, work_s = count + more, work_s + more_s
        return count, work_s

    @property
    def work_s(self) -> float:
        """All work that waits here, in seconds of a slot."""
        return sum([shelf.ladder.total_s for shelf in self.shelves.values()])
