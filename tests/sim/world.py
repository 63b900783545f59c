"""One run: callers come whether or not anybody is served (open loop), wait in a bounded line, and go when their time is over.

The rules of the line are the product's (`lines`): `queue.size` 500, `queue.wait` 5 s; who cannot make it is refused at the door; ghosts
hold their slots until the backend lets go, at most limit - 1 of them. With a guard, breakers are asked at the door and before each
attempt. What ends is told as the product's stages tell it, from within: the limit, the breakers, then the slot.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Final

from sidecar.policy.adaptive import Adaptive
from sidecar.policy.limiter import Sample
from tests.sim.backends import End, Job
from tests.sim.guard import Guard, is_test
from tests.sim.lines import FirstCome, Line, Ranked

if TYPE_CHECKING:
    from collections.abc import Callable

    from sidecar.policy.limiter import Limiter
    from tests.sim.backends import Backend
    from tests.sim.scenario import Scenario

GHOST_TIMES: Final = 2.0  # a ghost is forgotten after twice the attempt's timeout
PULSE_S: Final = 1.0  # how often the product lets its limit follow time
AT_ONCE_S: Final = 0.1  # who is told later than that has waited


@dataclass
class Run:
    """What came of it. `good` counts answers in time by the second they came in; `limits` is the limit at each second.

    `admitted`: when those came who were not refused at once, but for the tests of a backend that is cut off. `times`: of the operation that
    is timed, when each call came and how long it took until its answer; who got none counts with all the time he had.
    """

    good: list[int]
    offered: list[int]
    limits: list[int] = field(default_factory=list)
    queued: list[int] = field(default_factory=list)
    sent: list[int] = field(default_factory=list)
    waits: list[tuple[float, float]] = field(default_factory=list)
    admitted: list[float] = field(default_factory=list)
    times: list[tuple[float, float]] = field(default_factory=list)

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

    def __init__(
        self, scenario: Scenario, make: Callable[[Backend], Limiter], seed: int, *, guarded: bool = False
    ) -> None:
        self.scenario = scenario
        self.rng = Random(seed)  # the callers'; the backend has its own, so that all limiters meet the same crowd
        self.backend = scenario.make_backend(Random(seed + 7919))
        self.limiter = make(self.backend)
        self.guard = Guard(self.limiter, scenario, seed + 104_729) if guarded else None
        self.now = 0.0
        kind = Ranked if scenario.ranked else FirstCome
        self.line: Line = kind(self.limiter, scenario, self._turned_away)
        self.running: deque[Job] = deque()  # oldest first: the next to time out
        self.haunting: deque[Job] = deque()
        seconds = math.ceil(scenario.runs_s) + 1
        self.result = Run([0] * seconds, [0] * seconds, sent=[0] * seconds)
        self._events = sorted(
            ((float(event["at"]), str(event["what"]), float(event["to"])) for event in scenario.events),
            key=lambda event: event[0],
        )
        self._shares = [
            (float(m["at"]), self._cumulative({k: v for k, v in m.items() if k != "at"})) for m in scenario.mix
        ]
        self._steady = self._cumulative(scenario.steady) if scenario.steady else []
        self._steady_rate = sum(scenario.steady.values())
        self._pulse = PULSE_S if isinstance(self.limiter, Adaptive) else math.inf
        self._callers = 0
        self._arrival = self._gap()

    def _cumulative(self, mix: dict[str, float]) -> list[tuple[float, str]]:
        total, grown, said = sum(mix.values()), 0.0, []
        for name, part in mix.items():
            grown += part / total
            said.append((grown, name))
        said[-1] = (1.0, said[-1][1])
        return said

    def run(self) -> Run:
        """Go to the end."""
        backend, line, end, second, result = self.backend, self.line, self.scenario.runs_s, 0, self.result
        while True:
            ends, leaves = backend.next(), line.next()
            self._skip_ended()
            timeout = self.running[0].started + self.scenario.timeout_s if self.running else math.inf
            haunts = self.haunting[0].started + self._ghost_s if self.haunting else math.inf
            event = self._events[0][0] if self._events else math.inf
            self.now = now = min(self._arrival, ends, timeout, haunts, event, leaves, self._pulse)
            while second <= now and second <= end:
                result.limits.append(min(self.limiter.limit, 1_000_000))
                result.queued.append(line.waiting)
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
            elif now == leaves:
                self._start(line.expire(now))
            elif now == self._pulse:
                self._beat()
            else:
                self._arrive()

    @property
    def _ghost_s(self) -> float:
        return GHOST_TIMES * self.scenario.timeout_s

    def _rate(self) -> float:
        return self.scenario.rate(self.now) + self._steady_rate

    def _gap(self) -> float:
        rate = self._rate()
        return self.now + (self.rng.expovariate(rate) if rate > 0 else 1.0)

    def _arrive(self) -> None:
        rate = self._rate()
        if rate > 0:
            shares = [shares for at, shares in self._shares if at <= self.now][-1]
            if self._steady and self.rng.random() * rate < self._steady_rate:
                shares = self._steady
            drawn = self.rng.random()
            name = next(name for upto, name in shares if drawn < upto)
            self._callers += 1
            for operation in self.scenario.visits.get(name, (name,)):
                self.result.offered[int(self.now)] += 1
                work = self.scenario.operations[operation].draw(self.rng)
                self._enter(Job(self.now, self.now + self.scenario.wait_s, operation, work, f"caller {self._callers}"))
        self._arrival = self._gap()

    def _enter(self, job: Job) -> None:
        if self.guard is not None and self.guard.peek(self.now, job):
            self._turned_away(job)
        else:
            self._start(self.line.enter(self.now, job))

    def _turned_away(self, job: Job) -> None:
        if self.now - job.arrived > AT_ONCE_S:
            self.result.admitted.append(job.arrived)
        self._note_time(job, self.scenario.wait_s)

    def _note_time(self, job: Job, seconds: float) -> None:
        if job.operation == self.scenario.timed:
            self.result.times.append((job.arrived, min(seconds, self.scenario.wait_s)))

    def _start(self, jobs: list[Job]) -> None:
        """Send those who have a slot; whom the breakers spare after all gives it to the next."""
        for job in jobs:
            if self.guard is not None and (passed := self.guard.ask(self.now, job)) is None:
                self._turned_away(job)
                jobs += self.line.release(self.now, job, used=False)
                continue
            waited_s = self.now - job.arrived
            if waited_s > 0:
                self.result.waits.append((self.now, waited_s))
            if self.guard is not None:
                job.passed = passed
            if waited_s > AT_ONCE_S or job.passed is None or not is_test(job.passed):
                self.result.admitted.append(job.arrived)
            job.started = self.now
            self.running.append(job)
            self.result.sent[int(self.now)] += 1
            self.backend.add(self.now, job)

    def _ended(self, job: Job) -> None:
        if job.over:
            return
        job.over = True
        if job.ghost:
            self.haunting.remove(job)
        else:
            self._judge(job, self.now - job.started)
        self._start(self.line.release(self.now, job))

    def _skip_ended(self) -> None:
        """Calls end in any order; whoever has ended leaves the list when he is its head."""
        while self.running and self.running[0].over:
            self.running.popleft()

    def _judge(self, job: Job, took_s: float) -> None:
        answered = job.end is End.ANSWER
        if answered and self.now <= job.deadline:
            self.result.good[int(self.now)] += 1
        self._note_time(job, self.now - job.arrived if answered else self.scenario.wait_s)
        if job.end is not End.ERROR:  # an error page says nothing of how crowded it is
            self._tell(job, took_s, dropped=not answered)
        if self.guard is not None:
            self.guard.tell(self.now, job)

    def _timed_out(self, job: Job) -> None:
        self._note_time(job, self.scenario.wait_s)
        self._tell(job, self.now - job.started, dropped=True)
        if self.guard is not None:
            self.guard.tell(self.now, job, timeout=True)
        if self.line.haunt(job):
            self.haunting.append(job)
        else:
            job.over = True
            self._start(self.line.release(self.now, job))

    def _forget(self, job: Job) -> None:
        job.over = True
        self._start(self.line.release(self.now, job))

    def _beat(self) -> None:
        self._pulse += PULSE_S
        epoch = self.limiter.epoch
        assert isinstance(self.limiter, Adaptive), "nobody else has a pulse"
        self.limiter.pulse(self.now)
        if self.limiter.epoch != epoch:
            self._start(self.line.serve(self.now))

    def _tell(self, job: Job, seconds: float, *, dropped: bool) -> None:
        sample = Sample(job.operation, seconds, job.epoch, job.in_flight, dropped)
        self._start(self.line.tell(self.now, sample, healthy=not dropped))


def run(scenario: Scenario, make: Callable[[Backend], Limiter], seed: int, *, guarded: bool = False) -> Run:
    """Run a scenario with a limiter, made for its backend; `guarded`: with breakers."""
    return World(scenario, make, seed, guarded=guarded).run()
