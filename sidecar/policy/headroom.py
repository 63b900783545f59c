"""How much of a limit is in use, and how much of it may stay when little is: an idle night must not leave a limit that nobody has proved.

Told by `adaptive` of every call that comes back; it only reckons, and a clock that jumps by hours decays as many.
"""

from __future__ import annotations

import math
from typing import Final

_NEWEST: Final = 0.05  # weight of the newest call in the share that is filled: the last twenty count
FILLED_LEAST: Final = 0.5  # a limit that fewer of the calls meet is not in use
TIMES: Final = 2.0  # head-room that is kept, in the most calls at once of late
DECAY: Final = 0.95  # a second: half is gone after 14 s
PEAK_DECAY: Final = 0.9  # a second
EVERY_S: Final = 1.0


class Headroom:
    """The most calls at once of late, and the share of the calls that met the limit."""

    __slots__ = ("_decayed_at", "_filled", "_peak")

    def __init__(self) -> None:
        self._filled, self._peak, self._decayed_at = 1.0, 0.0, -math.inf

    def __repr__(self) -> str:
        return f"<Headroom: {self._peak:.0f} at once, {self._filled:.0%} met the limit>"

    @property
    def idle(self) -> bool:
        """Whether few calls meet the limit."""
        return self._filled < FILLED_LEAST

    def began(self, in_flight: int) -> None:
        """Note how many there were when a call began, itself included."""
        self._peak = max(self._peak, in_flight)

    def met(self, limit: bool) -> None:
        """Note whether a call met the limit as it began."""
        self._filled += _NEWEST * (limit - self._filled)

    def quiet(self) -> None:
        """Note that nobody has asked for long."""
        self._filled = 0.0

    def keep(self, now: float, limit: int, start: int) -> int:
        """Return what may stay of `limit` at `now` (monotonic seconds): at least `start`, and twice the most calls at once of late."""
        past_s = now - self._decayed_at  # for ever, at the first look: then nothing is left
        if past_s < EVERY_S:
            return limit
        least = max(start, math.ceil(TIMES * self._peak))
        self._decayed_at, self._peak = now, self._peak * math.pow(PEAK_DECAY, past_s)
        return min(limit, max(least, int(limit * math.pow(DECAY, past_s))))
