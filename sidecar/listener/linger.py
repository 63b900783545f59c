"""How long a peer that still sends is listened to after our last word: a close with unread bytes would be a RST, and that
makes the peer's kernel throw away the reply it has not read (RFC 9112 §9.6).

Stands at the end of a connection. It says "go on" or "enough"; it keeps none of what comes.
"""

from __future__ import annotations

from typing import Final

LINGER_S: Final = 2.0  # what everybody gets: to see our FIN and go
STEP_S: Final = 1.0  # after that, second by second
LONGEST_S: Final = 15.0  # an upload that nobody wants is read this long, so that its sender can read why
RATE_BYTES_S: Final = 64 * 1024  # slower than this it is not worth the descriptor


class Linger:
    """One lingering, from `now` on, in seconds of one clock."""

    __slots__ = ("_came_bytes", "_until_s", "_window_s")

    def __init__(self, now: float) -> None:
        self._until_s = now + LONGEST_S
        self._window_s = LINGER_S
        self._came_bytes = 0

    def came(self, size_bytes: int) -> None:
        """Note bytes that were dropped."""
        self._came_bytes += size_bytes

    def next_step(self, now: float) -> float | None:
        """Return how many seconds to listen on, None for enough. Asked when a step has passed."""
        enough = self._came_bytes >= RATE_BYTES_S * self._window_s
        self._came_bytes = 0
        self._window_s = STEP_S
        return STEP_S if enough and now < self._until_s else None
