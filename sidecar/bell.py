"""One lazy timer per connection: set for every phase of every request, moved in the loop's heap almost never.

Stands under a connection, a client's or a backend's. It calls back once when the time that was set last has come; it decides nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

_NEVER: Final = float("inf")


class Bell:
    """A later time is only a number until the earlier one rings; only an earlier one touches the loop's timers."""

    __slots__ = ("_due", "_handle", "_handle_at", "_loop", "_ring")

    def __init__(self, loop: asyncio.AbstractEventLoop, ring: Callable[[], None]) -> None:
        self._loop, self._ring = loop, ring
        self._due = _NEVER
        self._handle: asyncio.TimerHandle | None = None
        self._handle_at = _NEVER

    def set(self, wait_s: float) -> None:
        """Ring in `wait_s` seconds and not before."""
        self._due = self._loop.time() + wait_s
        if self._due < self._handle_at:
            if self._handle is not None:
                self._handle.cancel()
            self._arm()

    def silence(self) -> None:
        """Do not ring until it is set again."""
        self._due = _NEVER

    def stop(self) -> None:
        """Never ring again; lets go of whom it would call."""
        self._due = _NEVER
        self._ring = _nothing
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _arm(self) -> None:
        self._handle_at = self._due
        self._handle = self._loop.call_at(self._due, self._come)

    def _come(self) -> None:
        self._handle, self._handle_at = None, _NEVER
        if self._loop.time() >= self._due:
            self._due = _NEVER
            self._ring()
        elif self._due != _NEVER:
            self._arm()


def _nothing() -> None:
    pass
