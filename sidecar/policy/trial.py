"""The trial of a backend that was cut off: one call, then two, then four at once, each leased, until seven have gone well.

Held by a breaker while it is testing. It counts leases and says when they have shown enough; what follows is the breaker's to decide.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Final

from sidecar.policy.sliding import Counts

if TYPE_CHECKING:
    from collections.abc import Hashable

# Twice as many at once with each step, each step as many good calls as it is wide: 1 + 2 + 4 until it is over. One flaky call among
# them is not the backend's end, and a stampede cannot be: both are what half-open states are known to die of.
WIDEST: Final = 4
# As many bad ones as good ones would have closed it: however high the rate is set, a trial comes to an end.
BAD_MOST: Final = 7


class Verdict(Enum):
    """What a trial has shown."""

    FAILED = "a test failed"
    SLOW = "the tests were slow"
    PASSED = "the tests went well"


class Trial:
    """At most `width` leases at once. Times are monotonic seconds; a lease is known by its object."""

    __slots__ = ("_bad", "_good", "_leases", "_passed", "_slow", "width")

    def __init__(self) -> None:
        self._leases: dict[Hashable, float] = {}
        self.width = 1
        self._passed = self._good = self._bad = self._slow = 0

    def __repr__(self) -> str:
        return f"<Trial {len(self._leases)} of {self.width} at once, {self._good} good, {self._bad} bad>"

    def __len__(self) -> int:
        return len(self._leases)

    @property
    def counts(self) -> Counts:
        """What came of it so far."""
        return Counts(self._good + self._bad, self._bad, self._slow)

    def has_room(self, now: float) -> bool:
        """Say whether one more may be leased; what is overdue takes no room."""
        return sum(until > now for until in self._leases.values()) < self.width

    def lease(self, lease: Hashable, until: float) -> None:
        """Give one; whoever gives it has asked for room."""
        self._leases[lease] = until

    def take_back(self, lease: Hashable) -> bool:
        """Take one back; False where it is none, or no more."""
        return self._leases.pop(lease, None) is not None

    def overdue(self, now: float) -> float | None:
        """Take back the lease that was due first, and return when that was; None where none is overdue."""
        first = min(self._leases, key=self._leases.__getitem__, default=None)
        if first is None or self._leases[first] > now:
            return None
        return self._leases.pop(first)

    def tell(self, *, bad: bool, slow: bool, failure_rate: float, slow_rate: float) -> Verdict | None:
        """Note one result; None while it goes on. The rates are parts: as they cut off, from the first call on."""
        if bad:
            self._bad += 1
            over = self._bad >= BAD_MOST or self._bad / (self._good + self._bad) >= failure_rate
            return Verdict.FAILED if over else None
        self._good, self._passed, self._slow = self._good + 1, self._passed + 1, self._slow + slow
        if self._passed < self.width:
            return None
        if self.width < WIDEST:
            self.width, self._passed = self.width * 2, 0
            return None
        # Only now: the first answer after a restart takes its time, and that is no relapse.
        return Verdict.SLOW if self._slow / (self._good + self._bad) >= slow_rate else Verdict.PASSED
