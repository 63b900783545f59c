"""When a backend is probed: at once after the start, then now and then, and every second while the answer is waited for.

Asked and told by whoever makes the probes, one at a time. What a probe means is the breaker's to say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sidecar.policy.breaking import State

if TYPE_CHECKING:
    from collections.abc import Callable

# Probes of many sidecars drift apart instead of coming together.
JITTER: Final = 0.1
# While it is tested, and while a first failure is in doubt: a backend that gets only purchases is closed again in as many seconds as
# the trial wants good calls, and one that is dead is known in three.
SOON_S: Final = 1.0


class Schedule:
    """One backend's probes. Times are monotonic seconds; however long nobody asked, one is due, never several."""

    __slots__ = ("_chance", "_every_s", "_next_at", "_over_at")

    def __init__(self, now: float, every_s: float, chance: Callable[[], float]) -> None:
        self._every_s, self._chance = every_s, chance
        self._next_at = now
        self._over_at: float | None = None  # until then the one that is under way may take; None: none is

    def __repr__(self) -> str:
        under_way = "" if self._over_at is None else f", one is under way until {self._over_at:g} at most"
        return f"<Schedule next at {self._next_at:g}{under_way}>"

    def ask(self, now: float, within_s: float) -> bool:
        """Say whether one is to be made now; then it is under way until `tell`, at most for `within_s`: one that got lost stops nothing."""
        if self.wait_s(now) > 0:
            return False
        self._over_at = now + within_s
        return True

    def tell(self, now: float, state: State, *, bad: bool) -> None:
        """Note that it has ended, how, and what the breaker is now."""
        soon = state is State.TESTING or (bad and state is State.CLOSED)
        self._over_at = None
        self._next_at = now + (min(SOON_S, self._every_s) if soon else self._every_s) * self._spread()

    def wait_s(self, now: float) -> float:
        """Return how long from now until it is worth asking."""
        at = self._next_at if self._over_at is None else self._over_at
        return max(0.0, at - now)

    def bound(self, now: float, every_s: float) -> None:
        """Take another time between two; the next is no further away than that."""
        self._every_s = every_s
        self._next_at = min(self._next_at, now + every_s)

    def _spread(self) -> float:
        return 1 + JITTER * (2 * self._chance() - 1)
