"""The two lines of the simulations: one that is first come, first served, and the product's own with its classes.

Both hold the slots as well, as the product's line does, and answer with whoever may start. Whoever leaves a line unserved, or is refused
at its door, is named to `turn_away`.
"""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING, Final, Protocol

from sidecar.model import Lease, Refusal, Seat
from sidecar.policy.queue import CLASSES, QueueRule
from sidecar.policy.queue import Line as Policy

if TYPE_CHECKING:
    from collections.abc import Callable

    from sidecar.policy.limiter import Limiter, Sample
    from sidecar.policy.queue import Settled
    from sidecar.policy.tiers import Waiting
    from tests.sim.backends import Job
    from tests.sim.scenario import Scenario

QUEUE_SIZE: Final = 500
QUEUE_WAIT_S: Final = 5.0
LATEST_TAKES: Final = 0.05  # weight of the newest call in what a call is believed to take


class Line(Protocol):
    """What the world asks of a line. Who is returned has a slot and starts now."""

    @property
    def waiting(self) -> int:
        """How many stand in it."""
        ...

    @property
    def ghosts(self) -> int:
        """How many slots they hold."""
        ...

    def enter(self, now: float, job: Job) -> list[Job]:
        """Take a caller in, or turn him away."""
        ...

    def tell(self, now: float, sample: Sample, *, healthy: bool) -> list[Job]:
        """Let the limit learn; `healthy` where it was an answer."""
        ...

    def release(self, now: float, job: Job, *, used: bool = True) -> list[Job]:
        """Take a slot back, a ghost's as well."""
        ...

    def haunt(self, job: Job) -> bool:
        """Let a ghost keep its slot, False where there is no room for another one."""
        ...

    def serve(self, now: float) -> list[Job]:
        """Give slots that are free, after the limit has changed by itself."""
        ...

    def next(self) -> float:
        """Say when the next one's patience ends."""
        ...

    def expire(self, now: float) -> list[Job]:
        """Let those go whose patience has ended."""
        ...


class FirstCome:
    """The product's rules without classes and clients."""

    def __init__(self, limiter: Limiter, scenario: Scenario, turn_away: Callable[[Job], None]) -> None:
        self._limiter, self._wait_s, self._turn_away = limiter, scenario.wait_s, turn_away
        self._queue: deque[Job] = deque()
        self._in_flight = self._ghosts = 0
        self._takes = dict.fromkeys(scenario.operations, 0.0)
        self._holds_s = 0.0

    @property
    def waiting(self) -> int:
        return len(self._queue)

    @property
    def ghosts(self) -> int:
        return self._ghosts

    @property
    def _has_room(self) -> bool:
        return self._in_flight + self._ghosts < self._limiter.limit

    def enter(self, now: float, job: Job) -> list[Job]:
        if not self._queue and self._has_room:
            return [self._start(job)]
        ahead_s = len(self._queue) * self._holds_s / self._limiter.limit
        patience_s = min(QUEUE_WAIT_S, self._wait_s - self._believed(job))
        if len(self._queue) >= QUEUE_SIZE or ahead_s >= patience_s:
            self._turn_away(job)
            return []
        self._queue.append(job)
        return self.serve(now)

    def tell(self, now: float, sample: Sample, *, healthy: bool) -> list[Job]:
        if healthy:
            known, took_s = self._takes[sample.operation], sample.seconds
            self._takes[sample.operation] = known + LATEST_TAKES * (took_s - known) if known else took_s
        self._limiter.tell(now, sample, waiting=len(self._queue))
        return []  # what it has gained is given with the slot that comes back now

    def release(self, now: float, job: Job, *, used: bool = True) -> list[Job]:
        if job.ghost:
            self._ghosts -= 1
        else:
            self._in_flight -= 1
        if used:
            took_s = now - job.started
            self._holds_s += LATEST_TAKES * (took_s - self._holds_s) if self._holds_s else took_s
        return self.serve(now)

    def haunt(self, job: Job) -> bool:
        if self._ghosts >= self._limiter.limit - 1:
            return False
        job.ghost = True
        self._in_flight -= 1
        self._ghosts += 1
        return True

    def serve(self, now: float) -> list[Job]:
        started = []
        while self._queue and self._has_room:
            job = self._queue.popleft()
            if now + self._believed(job) <= job.deadline:
                started.append(self._start(job))
            else:
                self._turn_away(job)
        return started

    def next(self) -> float:
        return self._queue[0].arrived + QUEUE_WAIT_S if self._queue else math.inf

    def expire(self, now: float) -> list[Job]:
        while self._queue and self._queue[0].arrived + QUEUE_WAIT_S <= now:
            self._turn_away(self._queue.popleft())
        return []

    def _believed(self, job: Job) -> float:
        """What it will take once started; never more than half a caller's patience, or a bad hour would shut the door for good."""
        return min(self._takes[job.operation], self._wait_s / 2)

    def _start(self, job: Job) -> Job:
        self._in_flight += 1
        job.epoch, job.in_flight = self._limiter.epoch, self._in_flight + self._ghosts
        return job


class Ranked:
    """The product's line itself."""

    def __init__(self, limiter: Limiter, scenario: Scenario, turn_away: Callable[[Job], None]) -> None:
        self._line = Policy(limiter, QueueRule(QUEUE_SIZE, QUEUE_WAIT_S), CLASSES)
        self._operations, self._turn_away = scenario.operations, turn_away
        self._jobs: dict[Waiting, Job] = {}  # the longest waiting first, and all have the same patience

    @property
    def waiting(self) -> int:
        return len(self._jobs)

    @property
    def ghosts(self) -> int:
        return self._line.view().ghosts

    def enter(self, now: float, job: Job) -> list[Job]:
        seat = Seat("", job.client, job.operation, self._operations[job.operation].rank, job.deadline)
        verdict = self._line.ask(now, seat)
        if isinstance(verdict, Lease):
            return [_leased(job, verdict)]
        if isinstance(verdict, Refusal):
            self._turn_away(job)
            return []
        self._jobs[verdict] = job
        if verdict.pushed is not None:
            self._turn_away(self._jobs.pop(verdict.pushed[0]))
        return []

    def tell(self, now: float, sample: Sample, *, healthy: bool) -> list[Job]:
        del healthy
        return self._settle(self._line.learn(now, sample))

    def release(self, now: float, job: Job, *, used: bool = True) -> list[Job]:
        assert job.lease is not None, "it was started"
        return self._settle(self._line.release(now, job.lease, used=used))

    def haunt(self, job: Job) -> bool:
        assert job.lease is not None, "it was started"
        job.ghost = self._line.haunt(job.lease)
        return job.ghost

    def serve(self, now: float) -> list[Job]:
        return self._settle(self._line.serve(now))

    def next(self) -> float:
        first = next(iter(self._jobs), None)
        return math.inf if first is None else first.until

    def expire(self, now: float) -> list[Job]:
        while self.next() <= now:
            waiting = next(iter(self._jobs))
            self._line.expire(now, waiting)
            self._turn_away(self._jobs.pop(waiting))
        return self.serve(now)

    def _settle(self, settled: Settled) -> list[Job]:
        started = []
        for waiting, outcome in settled:
            job = self._jobs.pop(waiting)
            if isinstance(outcome, Lease):
                started.append(_leased(job, outcome))
            else:
                self._turn_away(job)
        return started


def _leased(job: Job, lease: Lease) -> Job:
    job.lease, job.epoch, job.in_flight = lease, lease.epoch, lease.in_flight
    return job
