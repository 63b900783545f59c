"""A house that is full before a limit that is learnt: the backend's times are known, the clock is the test's."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sidecar.policy.adaptive import Adaptive
from sidecar.policy.limiter import Sample

if TYPE_CHECKING:
    from collections.abc import Callable

ALONE_S = 0.1
# Times that vary as a web service's do, without chance: a geometric mean of 1.
SPREAD = (0.7, 1.0, 1.25, 0.8, 1.0, 1 / 0.7)


def knee_at(knee: int, alone_s: float = ALONE_S) -> Callable[[int], float]:
    """Return a backend: what a call takes with so many at once, growing with their square beyond the knee."""
    return lambda calls: alone_s * max(1.0, calls / knee) ** 2


@dataclass
class Crowd:
    """More callers than can be served, before one backend: each slot that comes free is taken at once."""

    limiter: Adaptive
    takes: Callable[[int], float]
    now: float = 1000.0
    waiting: int = 9
    operation: str = "A"
    limits: list[int] = field(default_factory=list)
    calls: int = 0

    def sends(self, seconds: float) -> Crowd:
        """Let so much time pass with the house full."""
        until = self.now + seconds
        while self.now < until:
            limit = self.limiter.limit
            took = self.takes(limit)
            self.now += took / limit
            self.calls += 1
            self.says(took * SPREAD[self.calls % len(SPREAD)], limit)
            self.limits.append(self.limiter.limit)
        return self

    def says(self, seconds: float, in_flight: int) -> None:
        sample = Sample(self.operation, seconds, self.limiter.epoch, in_flight)
        self.limiter.tell(self.now, sample, waiting=self.waiting)

    def drops(self, number: int, seconds: float = 8.0, every_s: float = 0.0) -> Crowd:
        for _ in range(number):
            self.now += every_s
            sample = Sample(self.operation, seconds, self.limiter.epoch, self.limiter.limit, dropped=True)
            self.limiter.tell(self.now, sample, waiting=self.waiting)
        return self

    def whiles(self, seconds: float, in_flight: int, every_s: float = 0.1) -> Crowd:
        """Let so much time pass with few at once and nobody waiting."""
        until = self.now + seconds
        while self.now < until:
            self.now += every_s
            self.calls += 1
            self.limiter.tell(
                self.now,
                Sample(self.operation, self.takes(1) * SPREAD[self.calls % 6], self.limiter.epoch, in_flight),
                waiting=0,
            )
        return self

    def held(self) -> int:
        return int(dict(self.limiter.numbers())["held"])


def settled(knee: int = 20, most: int = 200, seconds: float = 30.0) -> Crowd:
    return Crowd(Adaptive(1, 8, most), knee_at(knee)).sends(seconds)


def begun(start: int = 8, most: int = 200, waiting: int = 9) -> Crowd:
    """Return a house whose limit has seen one call, too soon to count."""
    crowd = Crowd(Adaptive(1, start, most), knee_at(100), waiting=waiting)
    crowd.says(ALONE_S, start)
    return crowd


def counts(crowd: Crowd, number: int, longer: float = 0.0) -> Crowd:
    """Let so many calls end that began under the limit that stands; `longer` is a logarithm."""
    crowd.now += 2.0
    for _ in range(number):
        crowd.says(ALONE_S * math.exp(longer), crowd.limiter.limit)
    return crowd
