"""How late the loop is: one timer a second, and by how much it came too late. What holds the loop holds everybody.

Stands beside the road. It answers with the largest of the last minute; reading it changes nothing, so any number of scrapers may.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

EVERY_S: Final = 1.0
# Scrapers come every 15 to 60 seconds: none misses the worst moment, and an old one is forgotten a minute later.
KEPT: Final = 60


class LoopLag:
    """One loop's lag. Nothing runs before `start`, nothing after `stop`."""

    __slots__ = ("_due_s", "_late_s", "_loop", "_timer")

    def __init__(self) -> None:
        self._late_s: deque[float] = deque(maxlen=KEPT)
        self._timer: asyncio.TimerHandle | None = None
        self._due_s = 0.0

    @property
    def largest_s(self) -> float:
        """The largest of the last minute, in seconds."""
        return max(self._late_s, default=0.0)

    def start(self) -> None:
        """Begin; harmless when repeated."""
        if self._timer is None:
            self._loop = asyncio.get_running_loop()
            self._again()

    def stop(self) -> None:
        """End; harmless when repeated."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _again(self) -> None:
        self._due_s = self._loop.time() + EVERY_S
        self._timer = self._loop.call_at(self._due_s, self._tick)

    def _tick(self) -> None:
        self._late_s.append(max(0.0, self._loop.time() - self._due_s))
        self._again()
