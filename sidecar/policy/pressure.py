"""How a backend fares: ok, strained, down. Worse at once, better only after five quiet seconds, so that nobody flaps with it.

Told by the span stage after every attempt and by the queue stage when somebody waits; asked by whoever may do less
meanwhile (documents are not fetched anew from a strained backend).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sidecar.model import Level

if TYPE_CHECKING:
    from sidecar.model import Grade

HYSTERESIS_S: Final = 5.0
# One refused connection is a restart of its web server; three in a row are an outage.
FAILURES_TO_BE_DOWN: Final = 3

_TIMED_OUT: Final = ("outcome_unknown",)
_AWAY: Final = ("backend_unreachable",)


class Gauge:
    """The pure policy of one backend."""

    __slots__ = ("_failures", "_last")

    def __init__(self) -> None:
        self._failures = 0
        self._last = dict.fromkeys((Level.STRAINED, Level.DOWN), float("-inf"))

    def ask(self, now: float) -> Level:
        """Return the level at `now` (monotonic seconds)."""
        if self._failures >= FAILURES_TO_BE_DOWN or now - self._last[Level.DOWN] < HYSTERESIS_S:
            return Level.DOWN
        return Level.STRAINED if now - self._last[Level.STRAINED] < HYSTERESIS_S else Level.OK

    def tell(self, now: float, grade: Grade | None, *, waiting: int) -> None:
        """Note an attempt's grade (None: only the line has changed) and how many wait."""
        if waiting > 0:
            self._last[Level.STRAINED] = now
        if grade is None:
            return
        if grade.state in _AWAY:
            self._failures += 1
            self._last[Level.STRAINED] = now
            if self._failures >= FAILURES_TO_BE_DOWN:
                self._last[Level.DOWN] = now
            return
        if grade.state in _TIMED_OUT or not grade.healthy:
            self._last[Level.STRAINED] = now
        if self._failures >= FAILURES_TO_BE_DOWN:
            self._last[Level.DOWN] = now  # the first sign of life starts the quiet time
        self._failures = 0
