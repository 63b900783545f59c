"""The law of the fragile box office: how long a call takes, and when the whole house falls over.

It stands behind the road, in the backend that the sidecar protects. It answers a service time or a refusal; it never
sleeps, never touches a socket and knows neither clock nor chance but those it was given, so virtual time can run it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random


@dataclass(frozen=True, slots=True)
class Terms:
    """The numbers of the law; throughput n / (mean_s * max(1, n / knee)^2) is highest at n = knee: 200 calls/s at 20."""

    mean_s: float = 0.1
    sigma: float = 0.3  # of the underlying normal: the p99 is twice the median, as behind many a web service
    knee: int = 20
    exponent: float = 2.0  # beyond the knee each call slows all later ones: locks and paging, not mere queueing
    falls_above: int = 400
    down_s: float = 5.0  # an application pool that restarts


@dataclass(frozen=True, slots=True)
class Admitted:
    """One call that is in flight; `era` counts the falls before it, so that an end after a fall counts for nothing."""

    service_s: float
    era: int


@dataclass(frozen=True, slots=True)
class Refused:
    """The house is down; `fell` says that this very call brought it down."""

    fell: bool
    wait_s: float


class Law:
    """Counts the calls in flight and fixes each one's service time at its start."""

    __slots__ = ("_clock", "_down_until", "_mu", "_rng", "enforced", "era", "in_flight", "knee", "peak", "terms")

    def __init__(self, rng: Random, clock: Callable[[], float], terms: Terms | None = None) -> None:
        self.terms = terms or Terms()
        self._rng = rng
        self._clock = clock
        # the mean of a lognormal is exp(mu + sigma^2 / 2): solved for mu, so that `mean_s` is the mean and not the median
        self._mu = math.log(self.terms.mean_s) - self.terms.sigma**2 / 2
        self._down_until = -math.inf
        self.enforced = True  # off: calls are counted, take no time and never fell the house
        self.knee = self.terms.knee  # today's
        self.in_flight = 0
        self.peak = 0
        self.era = 0

    def __repr__(self) -> str:
        return (
            f"<Law {self.in_flight} in flight, peak {self.peak}, fell {self.era} times, down for {self.down_s:.1f} s>"
        )

    @property
    def down_s(self) -> float:
        """Seconds until it takes calls again; 0 while it stands."""
        return max(0.0, self._down_until - self._clock())

    @property
    def best_per_s(self) -> float:
        """Calls of the usual kind that it can do each second at most, today: with as many in flight as its knee."""
        return self.knee / self.terms.mean_s

    def begin(self, work: float = 1.0) -> Admitted | Refused:
        """Take one call in; `work` multiplies its time (a report, a batch of n). The call above the bound fells the house."""
        if self.down_s > 0:
            return Refused(fell=False, wait_s=self.down_s)
        if self.in_flight >= self.terms.falls_above and self.enforced:
            self._fall()
            return Refused(fell=True, wait_s=self.down_s)
        self.in_flight += 1
        self.peak = max(self.peak, self.in_flight)
        return Admitted(self._service_s() * work if self.enforced else 0.0, self.era)

    def holds(self, call: Admitted) -> bool:
        """Whether the call is still being worked on: a fall loses all that was in flight."""
        return call.era == self.era

    def end(self, call: Admitted) -> None:
        """Let one call go; of a call that a fall has already lost, nothing is left to let go."""
        if self.holds(call):
            self.in_flight -= 1

    def _service_s(self) -> float:
        crowding = max(1.0, self.in_flight / self.knee)
        return self._rng.lognormvariate(self._mu, self.terms.sigma) * math.pow(crowding, self.terms.exponent)

    def _fall(self) -> None:
        self.era += 1
        self.in_flight = 0
        self._down_until = self._clock() + self.terms.down_s
