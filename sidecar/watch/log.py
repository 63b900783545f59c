"""JSON lines on standard output, from a bounded buffer that never holds the loop: what does not fit is dropped and counted.

Takes events from every stage; answers nobody. Values of sensitive names are gone before they come here.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from functools import lru_cache
from threading import Thread
from typing import TYPE_CHECKING, Final

import orjson

from sidecar.instant import rfc3339
from sidecar.trace import trace_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from sidecar.ports import Clock

# A slow reader of our output may lag by this much before lines are dropped: about 4000 access lines.
_HELD_BYTES: Final = 1024 * 1024
_FLUSH_S: Final = 0.2
_CLOSE_S: Final = 1.0  # a living reader empties a pipe in milliseconds; one that has stopped must not hold up the end


class JsonLog:
    """`ports.Log` on a file descriptor. Flushing happens in a thread, one write at a time."""

    def __init__(self, clock: Clock, descriptor: int = 1) -> None:
        self._clock, self._descriptor = clock, descriptor
        self._lines: list[bytes] = []
        self._held = 0  # how many these are
        self._held_bytes = 0
        self._dropped = 0  # since the log last said so
        self._saying = 0  # of these, what the lines that are being written say
        self._said = 0
        self._flush: asyncio.TimerHandle | None = None
        self._writing = False
        self._pen: Thread | None = None
        self._settle: Callable[[], None] | None = None  # whoever has put lines aside

    def event(self, name: str, **facts: object) -> None:
        """Write one line, soon."""
        if "error" in facts and isinstance(error := facts["error"], BaseException):
            facts["error"] = trace_of(error)
        written = orjson.dumps(facts, default=str, option=orjson.OPT_APPEND_NEWLINE)
        # Written around the facts, not merged with them: a third of what a line costs.
        self.write(_opening(rfc3339(self._clock.wall()), name, bool(facts)) + written[1:])

    def write(self, lines: bytes, count: int = 1) -> None:
        """Take lines that are written already, each with its newline; all of them, or none."""
        if self._held_bytes + len(lines) > _HELD_BYTES:
            self._dropped += count
            return
        self._lines.append(lines)
        self._held += count
        self._held_bytes += len(lines)
        if self._flush is None and not self._writing:
            self._schedule()

    def later(self, settle: Callable[[], None]) -> None:
        """Call `settle`, which writes what was put aside, before the next lines leave, and let them leave soon."""
        self._settle = settle
        if self._flush is None and not self._writing:
            self._schedule()

    @property
    def dropped(self) -> int:
        """How many lines have been lost since the start."""
        return self._said + self._saying + self._dropped

    def close(self) -> None:
        """Write what is left, for as long as a reader deserves: the loop is about to end, and may not wait for him."""
        self._settled()
        if self._flush is not None:
            self._flush.cancel()
            self._flush = None
        if self._pen is not None:
            self._pen.join(_CLOSE_S)
            if self._pen.is_alive():
                return  # nobody reads: what is left goes with the process
        self._begin(_nobody).join(_CLOSE_S)

    def _schedule(self) -> None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # before the loop runs, or after: nothing to hold up
            self._written(self._write(*self._take()))
            return
        self._flush = loop.call_later(_FLUSH_S, self._start, loop)

    def _start(self, loop: asyncio.AbstractEventLoop) -> None:
        def done(lost: int) -> None:
            with suppress(RuntimeError):  # the loop is gone, and with it everybody who could be told
                loop.call_soon_threadsafe(self._written, lost)

        self._flush, self._writing = None, True
        self._pen = self._begin(done)

    def _begin(self, done: Callable[[int], None]) -> Thread:
        """Write in a thread of its own: one of the loop's, stuck in a full pipe, would be missed by others and end only with it."""
        taken = self._take()
        pen = Thread(target=lambda: done(self._write(*taken)), name="log", daemon=True)
        pen.start()
        return pen

    def _written(self, lost: int) -> None:
        self._pen, self._writing = None, False
        if lost:
            self._dropped += lost
        else:
            self._said += self._saying
        self._saying = 0
        if self._lines or self._settle is not None:
            self._schedule()

    def _take(self) -> tuple[bytes, int]:
        """Return what is to be written, and how many events are lost if it cannot be."""
        self._settled()
        count = self._held + self._dropped
        if self._dropped:
            self._lines.append(orjson.dumps({"event": "log_lines_dropped", "count": self._dropped}) + b"\n")
            self._saying, self._dropped = self._dropped, 0
        joined = b"".join(self._lines)
        self._lines.clear()
        self._held = self._held_bytes = 0
        return joined, count

    def _settled(self) -> None:
        """Let whoever has put lines aside write them."""
        settle, self._settle = self._settle, None
        if settle is not None:
            settle()

    def _write(self, joined: bytes, count: int) -> int:
        """Return how many events were lost."""
        view = memoryview(joined)
        while view:
            try:
                view = view[os.write(self._descriptor, view) :]
            except OSError:  # a full disk or a closed pipe must not stop the traffic
                return count
        return 0


@lru_cache(8)  # of one millisecond there are often several
def _opening(at: str, name: str, more: bool) -> bytes:
    return f'{{"at":"{at}","event":"{name}"{"," if more else ""}'.encode()


def _nobody(lost: int) -> None:
    """Nobody is left who would count."""
    del lost
