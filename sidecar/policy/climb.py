"""A slow start: after a failure a backend is led back to its old load on a straight line, not at once (HAProxy's slowstart, on maxconn).

Begun by `adaptive` when the breaker closes or an operator says so; it only reckons.
"""

from __future__ import annotations

from typing import NamedTuple


class Climb(NamedTuple):
    """From nothing to `to` calls at once, from `began` (monotonic seconds) on, within `over_s`."""

    began: float
    to: int
    over_s: float

    def limit(self, now: float) -> int:
        """Return the limit at `now`, 0 to `to`."""
        return self.to if self.over(now) else int(self.to * (now - self.began) / self.over_s)

    def over(self, now: float) -> bool:
        """Whether the top is reached."""
        return now - self.began >= self.over_s

    def again(self, now: float) -> Climb:
        """Return the climb that follows a failure on the way: from now on, half as high."""
        return Climb(now, max(1, self.to // 2), self.over_s)
