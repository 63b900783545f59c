"""Two backends with a knee: one that shares its processor among all calls, one that fixes a call's time as it starts.

Both fall behind what they could do when they hold more calls than their knee. Their knee and their speed may change while they
run, they can go deaf, answer nothing but errors, or go down and lose whatever they held.
"""

from __future__ import annotations

import heapq
import math
from enum import Enum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from random import Random

    from sidecar.model import Lease
    from sidecar.stores.breakers import Passed

ERROR_S: Final = 0.005  # an error page is quick
REFUSED_S: Final = 0.002  # a connection refused on the same machine
LAW_SIGMA: Final = 0.3  # of the box office's times, as in the demo


class End(Enum):
    """How a call ended."""

    ANSWER = "answer"
    ERROR = "error"
    REFUSED = "refused"  # no connection
    LOST = "lost"  # in a fall


class Job:
    """One caller's call; times are seconds of the run. `ghost`: given up while the backend works on it; `over`: its slot is free.

    `passed` is what the breakers gave for it, `lease` what the line did.
    """

    __slots__ = (
        "arrived", "client", "deadline", "end", "epoch", "ghost", "in_flight", "lease", "operation", "over", "passed", "started", "work",
    )  # fmt: skip

    def __init__(self, arrived: float, deadline: float, operation: str, work: float, client: str = "") -> None:
        self.arrived, self.deadline, self.operation, self.work, self.client = arrived, deadline, operation, work, client
        self.started, self.in_flight, self.epoch = 0.0, 0, 0
        self.ghost = self.over = False
        self.passed: Passed | None = None
        self.lease: Lease | None = None
        self.end = End.ANSWER


class Backend:
    """What both have: a knee, a speed, troubles, and calls that end at once."""

    def __init__(self, knee: int, falls_above: int | None = None, down_s: float = 5.0) -> None:
        self.knee, self.scale = float(knee), 1.0
        self.falls_above, self.down_s = falls_above, down_s
        self.deaf = self.failing = False
        self.down_until = -math.inf
        self._quick: list[tuple[float, int, Job]] = []
        self._number = 0

    @property
    def best(self) -> int:
        """The limit that gets most out of it now."""
        return max(1, int(self.knee))

    def add(self, now: float, job: Job) -> None:
        """Take a call."""
        if now < self.down_until:
            self._soon(now + REFUSED_S, job, End.REFUSED)
        elif self.failing:
            self._soon(now + ERROR_S, job, End.ERROR)
        elif self.falls_above is not None and self.held >= self.falls_above:
            self.fall(now, self.down_s)
            self._soon(now + REFUSED_S, job, End.LOST)
        else:
            self._take(now, job)

    def fall(self, now: float, down_s: float) -> None:
        """Go down for so long; what it held is lost now."""
        self.down_until = now + down_s
        for job in self._drop(now):
            self._soon(now, job, End.LOST)

    def _soon(self, at: float, job: Job, end: End) -> None:
        job.end = end
        self._number += 1
        heapq.heappush(self._quick, (at, self._number, job))

    def next(self) -> float:
        """Say when the next call ends."""
        own = math.inf if self.deaf else self._next()
        return min(own, self._quick[0][0]) if self._quick else own

    def pop(self, now: float) -> Job:
        """Return the call that ends at `now`, which is what `next` said."""
        if self._quick and self._quick[0][0] <= now:
            return heapq.heappop(self._quick)[2]
        return self._pop(now)

    def change(self, now: float, what: str, value: float) -> None:
        """Change `knee`, `scale`, `deaf`, `failing` (0 or 1) or go `down` for `value` seconds."""
        self.settle(now)
        if what == "down":
            self.fall(now, value)
        else:
            setattr(self, what, bool(value) if what in ("deaf", "failing") else value)

    @property
    def held(self) -> int:
        """How many calls it works on."""
        raise NotImplementedError

    def settle(self, now: float) -> None:
        """Book what was done until `now`, before something changes."""
        raise NotImplementedError

    def _take(self, now: float, job: Job) -> None:
        raise NotImplementedError

    def _drop(self, now: float) -> list[Job]:
        raise NotImplementedError

    def _next(self) -> float:
        raise NotImplementedError

    def _pop(self, now: float) -> Job:
        raise NotImplementedError


class Shared(Backend):
    """Processor sharing: n calls go forward alike; together `min(n, knee)` units at a time, less beyond the knee.

    `unit_s` is a unit of work alone; with `over` calls too many everything goes 1 + (over / soft)^2 times slower, so that the best
    there is lies at the knee (the retrograde part of Gunther's universal scalability law, made sharp).
    """

    def __init__(self, knee: int, unit_s: float, soft: float, falls_above: int | None = None) -> None:
        super().__init__(knee, falls_above)
        self.unit_s, self.soft = unit_s, soft
        self._done, self._at = 0.0, 0.0  # units done for each call since the start, and when that was booked
        self._jobs: list[tuple[float, int, Job]] = []

    @property
    def held(self) -> int:
        return len(self._jobs)

    def pace(self, calls: int) -> float:
        """Return the units per second that each of so many calls gets."""
        over = max(0.0, calls - self.knee) / self.soft
        return min(calls, self.knee) * self.scale / (self.unit_s * (1.0 + over * over) * calls)

    def settle(self, now: float) -> None:
        if self._jobs and not self.deaf:
            self._done += (now - self._at) * self.pace(len(self._jobs))
        self._at = now

    def _take(self, now: float, job: Job) -> None:
        self.settle(now)
        self._number += 1
        heapq.heappush(self._jobs, (self._done + job.work, self._number, job))

    def _drop(self, now: float) -> list[Job]:
        self.settle(now)
        dropped = [job for _, _, job in sorted(self._jobs)]
        self._jobs.clear()
        return dropped

    def _next(self) -> float:
        if not self._jobs:
            return math.inf
        return self._at + max(0.0, self._jobs[0][0] - self._done) / self.pace(len(self._jobs))

    def _pop(self, now: float) -> Job:
        self.settle(now)
        return heapq.heappop(self._jobs)[2]


class Law(Backend):
    """The box office: a call's time is fixed as it starts, `unit_s` times max(1, n / knee)^2, n calls at once with itself."""

    def __init__(self, knee: int, unit_s: float, rng: Random, falls_above: int | None = 400) -> None:
        super().__init__(knee, falls_above)
        self.unit_s, self._rng = unit_s, rng
        self._mu = -(LAW_SIGMA**2) / 2  # so that the mean is 1
        self._jobs: list[tuple[float, int, Job]] = []

    @property
    def held(self) -> int:
        return len(self._jobs)

    def settle(self, now: float) -> None:
        """Nothing to book: times are fixed."""

    def _take(self, now: float, job: Job) -> None:
        crowd = max(1.0, (len(self._jobs) + 1) / self.knee)
        takes = self.unit_s * job.work * self._rng.lognormvariate(self._mu, LAW_SIGMA) * crowd * crowd / self.scale
        self._number += 1
        heapq.heappush(self._jobs, (now + takes, self._number, job))

    def _drop(self, now: float) -> list[Job]:
        dropped = [job for _, _, job in sorted(self._jobs)]
        self._jobs.clear()
        return dropped

    def _next(self) -> float:
        return self._jobs[0][0] if self._jobs else math.inf

    def _pop(self, now: float) -> Job:
        return heapq.heappop(self._jobs)[2]
