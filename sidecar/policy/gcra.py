"""The generic cell rate algorithm: one bound, many keys, and for each key one number, the theoretical arrival time (TAT) of its next call.

Asked and told by `rates`; it refuses nobody by itself. All arithmetic is of whole numbers: a tick is the limit-th part of a microsecond, so
that no rate has to be rounded, and in no window of t seconds more is let go than burst + limit * t / period.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush, heapreplace
from math import inf
from typing import Final

# A float of monotonic seconds holds whole microseconds exactly for 70 years of uptime, nanoseconds only for a month.
_PER_S: Final = 1_000_000
# Clients of one on-sale that have called within the last burst; with its keys such a table is 3 MB.
MOST: Final = 10_000
# Each newcomer takes at most so many away whose time has passed: the table shrinks as it grew, and no single call pays for all of it.
_SWEEP: Final = 4


class Gcra:
    """`limit` calls in `period_s` (at least a microsecond), `burst` at once; at most `most` keys are known at a time.

    From ATM Forum Traffic Management 4.0, section 4.4.2 (virtual scheduling): a call conforms unless it comes earlier than its key's TAT by
    more than the tolerance, which here is the burst less the call itself.

    A key whose TAT has passed is as good as one that never called, and only such keys are forgotten. Where there is no room, those who
    are not known share one TAT: together they get what one of them would, and each new entry begins with it. So whoever calls under ten
    thousand names gets no more by it, and a key that comes into the table has paid for what it had before. Raises ValueError for a bound
    below 1: whoever reads settings has checked it.
    """

    __slots__ = ("_burst", "_call", "_heap", "_limit", "_most", "_others", "_period", "_slack", "_tats")

    def __init__(self, limit: int, period_s: float, burst: int, most: int = MOST) -> None:
        self._most = most
        self._others = (
            0  # the TAT of all who are not in the table, in ticks since the clock's own beginning, as every TAT
        )
        self._tats: dict[str, int] = {}
        self._heap: list[tuple[int, str]] = []  # one for each key, at its TAT or at an earlier one
        self._set(limit, period_s, burst)

    def _set(self, limit: int, period_s: float, burst: int) -> None:
        self._limit, self._period, self._burst = limit, round(period_s * _PER_S), burst
        if min(self._limit, self._period, self._burst) < 1:
            raise ValueError(f"{limit} in {period_s:g} s with a burst of {burst} lets nothing go")
        self._call = self._period  # ticks that one call costs: limit * call = period, said in ticks
        self._slack = self._burst * self._call

    def __repr__(self) -> str:
        return (
            f"<Gcra {self._limit} in {self._period / _PER_S:g} s, {self._burst} at once, "
            f"{len(self._tats)} of {self._most} keys>"
        )

    def __len__(self) -> int:
        return len(self._tats)

    def due(self, now: float, key: str, cost: int = 1) -> float:
        """Return the first moment (monotonic seconds) at which `cost` calls at once conform: `now` where they do, infinity where they
        are more than the burst. Exact: at that moment they do if nobody takes before, and a microsecond earlier they do not.
        """
        if cost > self._burst:
            return inf
        due = self._tats.get(key, self._others) + cost * self._call - self._slack
        if due <= self._ticks(now):
            return now
        return -(-due // self._limit) / _PER_S

    def take(self, now: float, key: str, cost: int = 1) -> None:
        """Charge `cost` calls to `key`. Where they do not conform yet they are charged from the moment that `due` named: the next ones
        come after them, so that who waits for his moment is never overtaken.
        """
        at = self._ticks(now)
        known = key in self._tats
        tat = max(self._tats[key] if known else self._others, at) + cost * self._call
        if known:
            self._tats[key] = tat
        elif self._room(at):
            self._tats[key] = tat
            heappush(self._heap, (tat, key))
        else:
            self._others = tat

    def left(self, now: float, key: str) -> tuple[int, float]:
        """Return how many calls would conform at `now`, and in how many seconds it is one more; with a full burst, were it not full."""
        at = self._ticks(now)
        free = at + self._slack - max(self._tats.get(key, self._others), at)
        left = max(0, free // self._call)
        return left, ((left + 1) * self._call - free) / (self._limit * _PER_S)

    def bound(self, now: float, limit: int, period_s: float, burst: int) -> None:
        """Take another bound: what a key has used stays used, but nobody owes more than a whole new burst. A full table takes 2 ms."""
        before = self._limit
        self._set(limit, period_s, burst)
        most = self._ticks(now) + self._slack
        self._others = min(-(-self._others * limit // before), most)
        self._tats = {
            key: same if (same := -(-tat * limit // before)) < most else most for key, tat in self._tats.items()
        }
        self._heap = [(tat, key) for key, tat in self._tats.items()]
        heapify(self._heap)

    def _ticks(self, now: float) -> int:
        return round(now * _PER_S) * self._limit

    def _room(self, at: int) -> bool:
        """Forget some whose time has passed, and say whether there is room for one more."""
        heap, tats = self._heap, self._tats
        for _ in range(_SWEEP):
            if not heap or heap[0][0] > at:
                break
            key = heap[0][1]
            if tats[key] > at:
                heapreplace(heap, (tats[key], key))
            else:
                heappop(heap)
                del tats[key]
        return len(tats) < self._most
