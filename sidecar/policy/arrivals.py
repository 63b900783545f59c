"""How much work comes into a class each second, and how far behind its virtual time: what will pass somebody who waits there.

Told by the class of every call, read where a wait is foretold. It remembers some ten seconds, and forgets evenly.
"""

from __future__ import annotations

from bisect import bisect_left
from math import exp
from typing import Final

# A spike is seen within seconds; a shorter memory scatters by more than the waits that are foretold with it.
REMEMBERED_S: Final = 15.0
# Debts in virtual seconds, of a client who has just called a few times up to one who has filled his share of a line.
LAGS: Final = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
# What is told is a mean. Times of legacy calls scatter about as much as that: the mean of their squares is twice the square of their mean.
_SQUARED: Final = 2.0
_GROWN_MOST: Final = (
    1e30  # weights grow instead of all sums fading; before they are too large for a float all is brought down
)


class Arrivals:
    """Rates by lag: each call is weighed by `exp(-age / REMEMBERED_S)`."""

    __slots__ = ("_epoch", "_squares", "_sums", "total")

    def __init__(self) -> None:
        self._sums = [0.0] * (len(LAGS) + 1)
        self.total = 0.0
        self._squares = 0.0
        self._epoch = 0.0

    def __repr__(self) -> str:
        return f"<Arrivals {sum(map(bool, self._sums))} kinds of debt>"

    def tell(self, now: float, cost_s: float, lag: float) -> None:
        """Note `cost_s` seconds of work that stands `lag` virtual seconds after those without debt."""
        grown = self._grown(now)
        if grown > _GROWN_MOST:
            self._sums = [each / grown for each in self._sums]
            self.total /= grown
            self._squares /= grown
            self._epoch, grown = now, 1.0
        weighed = cost_s * grown / REMEMBERED_S
        self._sums[bisect_left(LAGS, lag)] += weighed
        self.total += weighed
        self._squares += _SQUARED * weighed * cost_s

    def rate(self, now: float) -> float:
        """Return the seconds of work that come in a second."""
        return self.total / self._grown(now)

    def scatter(self, now: float) -> float:
        """Return the squares of the work that comes in a second, reckoned from means: its variance, where calls come as they like."""
        return self._squares / self._grown(now)

    def passing(self, now: float, lag: float) -> list[tuple[float, float]]:
        """Return what passes somebody who stands at `lag`: pairs of a rate, and how far virtual time has to move until it does no more."""
        grown = self._grown(now)
        return [
            (each / grown, lag - least) for each, least in zip(self._sums, LAGS, strict=False) if each and least < lag
        ]

    def _grown(self, now: float) -> float:
        return exp(min(_LONGEST, (now - self._epoch) / REMEMBERED_S))


_LONGEST: Final = 600.0  # exp(600) is still a float; what is that old weighs nothing
