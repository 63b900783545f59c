"""What came of the calls of the last seconds: a sliding window in ten buckets, with the sums at hand.

Asked and told by the breaker. It counts and forgets; what a count means is not decided here.
"""

from __future__ import annotations

from typing import Final, NamedTuple

# As failsafe-go counts its time windows: a tenth of the window is how late what is over is forgotten, and rolling costs ten steps at most.
BUCKETS: Final = 10
_CALLS, _FAILURES, _SLOW = range(3)


class Counts(NamedTuple):
    """How many calls ended, how many of them failed, and how many were slow."""

    calls: int = 0
    failures: int = 0
    slow: int = 0


class Window:
    """Counts of the last `span_s` seconds (above 0), a tenth of it less at times. Times are monotonic seconds, at least 0."""

    __slots__ = ("_at", "_buckets", "_sums", "_width_s")

    def __init__(self, span_s: float) -> None:
        self._width_s = span_s / BUCKETS
        self._buckets = [[0, 0, 0] for _ in range(BUCKETS)]
        self._sums = [0, 0, 0]
        self._at = 0  # which bucket is filled, counted from the beginning of time

    def __repr__(self) -> str:
        calls, failures, slow = self._sums
        return f"<Window {self._width_s * BUCKETS:g} s: {calls} calls, {failures} failed, {slow} slow>"

    def counts(self, now: float) -> Counts:
        """Return the sums."""
        self._bucket(now)
        return Counts(*self._sums)

    def note(self, now: float, *, failed: bool = False, slow: bool = False) -> None:
        """Count one call."""
        bucket, sums = self._bucket(now), self._sums
        bucket[_CALLS] += 1
        sums[_CALLS] += 1
        if failed:
            bucket[_FAILURES] += 1
            sums[_FAILURES] += 1
        if slow:
            bucket[_SLOW] += 1
            sums[_SLOW] += 1

    def take_off(self, now: float, other: Window) -> None:
        """Take a part of what was counted here out again: what `other`, of the same span, has counted as well."""
        self._bucket(now)
        other._bucket(now)
        for at, theirs in enumerate(other._buckets):
            self._buckets[at] = [max(0, mine - its) for mine, its in zip(self._buckets[at], theirs, strict=True)]
        self._sums = [sum(column) for column in zip(*self._buckets, strict=True)]

    def rescaled(self, now: float, span_s: float) -> Window:
        """Return a window of another span that knows what this one does, as far as it reaches."""
        self._bucket(now)
        made = Window(span_s)
        made._bucket(now)
        for at in range(self._at - BUCKETS + 1, self._at + 1):
            goes_to = int(at * self._width_s / made._width_s)
            if made._at - goes_to < BUCKETS:
                for column, number in enumerate(self._buckets[at % BUCKETS]):
                    made._buckets[goes_to % BUCKETS][column] += number
                    made._sums[column] += number
        return made

    def _bucket(self, now: float) -> list[int]:
        at = int(now / self._width_s)
        if at > self._at:
            self._roll(at)
        return self._buckets[self._at % BUCKETS]

    def _roll(self, at: int) -> None:
        """Forget what is over; after an idle night that is all."""
        for over in range(max(self._at, at - BUCKETS) + 1, at + 1):
            bucket = self._buckets[over % BUCKETS]
            for column, number in enumerate(bucket):
                self._sums[column] -= number
                bucket[column] = 0
        self._at = at
