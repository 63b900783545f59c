"""One run: callers come whether or not anybody is served (open loop), wait in a bounded line, and go when their time is over.

The rules of the line are the product's, without classes and clients: first come, first served; `queue.size` 500, `queue.wait` 5 s;
who cannot make it is refused at the door; ghosts hold their slots until the backend lets go, at most limit - 1 of them.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Final

from sidecar.policy.limiter import Sample
from tests.sim.backends import End, Job

if TYPE_CHECKING:
    from collections.abc import Callable

    from sidecar.policy.limiter import Limiter
    from tests.sim.backends import Backend
    from tests.sim.scenario import Scenario

QUEUE_SIZE: Final = 500
QUEUE_WAIT_S: Final = 5.0
GHOST_TIMES: Final = 2.0  # a ghost is forgotten after twice the attempt's timeout
LATEST_TAKES: Final = 0.05  # weight of the newest call in what a call is believed to take


@dataclass
class Run:
    """What came of it. `good` counts answers in time by the second they came in; `limits` is the limit at each second."""

    good: list[int]
    offered: list[int]
    limits: list[int] = field(default_factory=list)
    queued: list[int] = field(default_factory=list)
    sent: list[int] = field(default_factory=list)
    waits: list[tuple[float, float]] = field(default_factory=list)

    def per_s(self, span: tuple[float, float]) -> float:
        """Return the goodput within a span."""
        first, last = int(span[0]), int(span[1])
        return sum(self.good[first:last]) / (last - first)

    def offered_per_s(self, span: tuple[float, float]) -> float:
        """Return the arrivals within a span."""
        first, last = int(span[0]), int(span[1])
        return sum(self.offered[first:last]) / (last - first)


class World:
    """The callers, the line and the slots of one run."""

    def __init__(self, scenario: Scenario, make: Callable[[Backend], Limiter], seed: int) -> None:
        self.scenario = scenario
        self.rng = Random(seed)  # the callers'; the backend has its own, so that all limiters meet the same crowd
        self.backend = scenario.make_backend(Random(seed + 7919))
        self.limiter = make(self.backend)
        self.now = 0.0
        self.queue: deque[Job] = deque()
        self.running: deque[Job] = deque()  # oldest first: the next to time out
        self.haunting: deque[Job] = deque()
        self.in_flight = self.ghosts = 0
        self.takes = dict.fromkeys(scenario.operations, 0.0)
        self.holds_s = 0.0
        seconds = math.ceil(scenario.runs_s) + 1
        self.result = Run([0] * seconds, [0] * seconds, sent=[0] * seconds)
        self._events = sorted(
            ((float(event["at"]), str(event["what"]), float(event["to"])) for event in scenario.events),
            key=lambda event: event[0],
        )
        self._shares = [(float(m["at"]), self._cumulative(m)) for m in scenario.mix]
        self._arrival = self._gap()

    def _cumulative(self, mix: dict[str, float]) -> list[tuple[float, str]]:
        names = [name for name in mix if name != "at"]
        total, grown, said = sum(mix[name] for name in names), 0.0, []
        for name in names:
            grown += mix[name] / total
            said.append((grown, name))
        said[-1] = (1.0, said[-1][1])
        return said

    def run(self) -> Run:
        """Go to the end."""
        backend, end, second, result = self.backend, self.scenario.runs_s, 0, self.result
        while True:
            ends = backend.next()
            self._skip_ended()
            timeout = self.running[0].started + self.scenario.timeout_s if self.running else math.inf
            haunts = self.haunting[0].started + self._ghost_s if self.haunting else math.inf
            event = self._events[0][0] if self._events else math.inf
            self.now = now = min(self._arrival, ends, timeout, haunts, event)
            while second <= now and second <= end:
                result.limits.append(min(self.limiter.limit, 1_000_000))
                result.queued.append(len(self.queue))
                second += 1
            if now >= end:
                return result
            if now == event:
                _, what, value = self._events.pop(0)
                backend.change(now, what, value)
            elif now == ends:
                self._ended(backend.pop(now))
            elif now == timeout:
                self._timed_out(self.running.popleft())
            elif now == haunts:
                self._forget(self.haunting.popleft())
            else:
                self._arrive()

    @property
    def _ghost_s(self) -> float:
        return GHOST_TIMES * self.scenario.timeout_s

    def _gap(self) -> float:
        rate = self.scenario.rate(self.now)
        return self.now + (self.rng.expovariate(rate) if rate > 0 else 1.0)

    def _arrive(self) -> None:
        if self.scenario.rate(self.now) > 0:
            self.result.offered[int(self.now)] += 1
            shares = [shares for at, shares in self._shares if at <= self.now][-1]
            drawn = self.rng.random()
            name = next(name for upto, name in shares if drawn < upto)
            work = self.scenario.operations[name].draw(self.rng)
            self._enter(Job(self.now, self.now + self.scenario.wait_s, name, work))
        self._arrival = self._gap()

    def _enter(self, job: Job) -> None:
        if not self.queue and self.in_flight + self.ghosts < self.limiter.limit:
            self._start(job)
            return
        ahead_s = len(self.queue) * self.holds_s / self.limiter.limit
        patience_s = min(QUEUE_WAIT_S, self.scenario.wait_s - self._believed(job))
        if len(self.queue) < QUEUE_SIZE and ahead_s < patience_s:
            self.queue.append(job)
            self._admit()

    def _believed(self, job: Job) -> float:
        """What it will take once started; never more than half a caller's patience, or a bad hour would shut the door for good."""
        return min(self.takes[job.operation], self.scenario.wait_s / 2)

    def _admit(self) -> None:
        now = self.now
        while self.queue and self.in_flight + self.ghosts < self.limiter.limit:
            job = self.queue.popleft()
            if now - job.arrived <= QUEUE_WAIT_S and now + self._believed(job) <= job.deadline:
                self.result.waits.append((now, now - job.arrived))
                self._start(job)

    def _start(self, job: Job) -> None:
        self.in_flight += 1
        job.started, job.epoch, job.in_flight = self.now, self.limiter.epoch, self.in_flight + self.ghosts
        self.running.append(job)
        self.result.sent[int(self.now)] += 1
        self.backend.add(self.now, job)

    def _ended(self, job: Job) -> None:
        if job.over:
            return
        job.over = True
        took_s = self.now - job.started
        self.holds_s += LATEST_TAKES * (took_s - self.holds_s) if self.holds_s else took_s
        if job.ghost:
            self.ghosts -= 1
            self.haunting.remove(job)
        else:
            self.in_flight -= 1
            self._judge(job, took_s)
        self._admit()

    def _skip_ended(self) -> None:
        """Calls end in any order; whoever has ended leaves the list when he is its head."""
        while self.running and self.running[0].over:
            self.running.popleft()

    def _judge(self, job: Job, took_s: float) -> None:
        if job.end is End.ANSWER:
            if self.now <= job.deadline:
                self.result.good[int(self.now)] += 1
            known = self.takes[job.operation]
            self.takes[job.operation] = known + LATEST_TAKES * (took_s - known) if known else took_s
        if job.end is not End.ERROR:  # an error page says nothing of how crowded it is
            self._tell(job, took_s, dropped=job.end is End.LOST)

    def _timed_out(self, job: Job) -> None:
        self.in_flight -= 1
        if self.ghosts < self.limiter.limit - 1:
            job.ghost = True
            self.ghosts += 1
            self.haunting.append(job)
        else:
            job.over = True
        self._tell(job, self.now - job.started, dropped=True)
        self._admit()

    def _forget(self, job: Job) -> None:
        job.over = True
        self.ghosts -= 1
        self._admit()

    def _tell(self, job: Job, seconds: float, *, dropped: bool) -> None:
        sample = Sample(job.operation, seconds, job.epoch, job.in_flight, dropped)
        self.limiter.tell(self.now, sample, waiting=len(self.queue))


def run(scenario: Scenario, make: Callable[[Backend], Limiter], seed: int) -> Run:
    """Run a scenario with a limiter, made for its backend."""
    return World(scenario, make, seed).run()
