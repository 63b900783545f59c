"""How many retries a backend can be asked to bear: a tenth of what goes well, so that there are few where little does.

Asked by the retry stage before it backs off, told by it of every call that went well at once. As Finagle's retry budgets are filled:
by what succeeds, not by what is under way, which grows just when a backend fails.
"""

from __future__ import annotations

from typing import Final, NamedTuple

CAP: Final = 10.0  # retries that can be saved up: an hour that went well is no licence for a storm
# Where next to nothing is called, a tenth of it is nothing: one in ten seconds harms nobody and helps whoever is alone.
FLOOR_S: Final = 10.0
_UNIT: Final = 1_000_000  # parts of a retry, counted whole: ten times a tenth is one


class RetryRule(NamedTuple):
    """`retry:` of a backend: retries as a part of the calls that went well, and attempts of one call, the first included."""

    ratio: float = 0.1
    attempts: int = 2


class Budget:
    """One backend's. `ratio` is retries for each call that went well (0: none at all); times are monotonic seconds."""

    __slots__ = ("_cap", "_floor_at", "_saved", "_share")

    def __init__(self, ratio: float = 0.1, cap: float = CAP) -> None:
        self._share, self._cap = round(ratio * _UNIT), round(cap * _UNIT)
        self._saved = 0
        self._floor_at = float("-inf")  # when the last one was given that nothing had paid for

    def __repr__(self) -> str:
        return f"<Budget {self.saved:.1f} of {self._cap / _UNIT:g} retries>"

    @property
    def saved(self) -> float:
        """How many retries have been paid for."""
        return self._saved / _UNIT

    def deposit(self) -> None:
        """Note that a call went well at its first attempt."""
        self._saved = min(self._cap, self._saved + self._share)

    def withdraw(self, now: float) -> bool:
        """Take one retry, for good: whoever backs off has it already. False where there is none."""
        if not self._share:
            return False
        if self._saved >= _UNIT:
            self._saved -= _UNIT
            return True
        if now < self._floor_at + FLOOR_S:
            return False
        self._floor_at = now
        return True

    def bound(self, ratio: float) -> None:
        """Take another ratio; what is saved stays."""
        self._share = round(ratio * _UNIT)
