"""JSON lines on standard output, from a bounded buffer that never holds the loop: what does not fit is dropped and counted.

Takes events from every stage; answers nobody. Values of sensitive names are gone before they come here.
"""

from __future__ import annotations

import asyncio
import os
import traceback
from typing import TYPE_CHECKING, Final

import orjson

from sidecar.instant import rfc3339

if TYPE_CHECKING:
    from sidecar.ports import Clock

# A slow reader of our output may lag by this much before lines are dropped: about 4000 access lines.
_HELD_BYTES: Final = 1024 * 1024
_FLUSH_S: Final = 0.2


class JsonLog:
    """`ports.Log` on a file descriptor. Flushing happens in a thread, one write at a time."""

    def __init__(self, clock: Clock, descriptor: int = 1) -> None:
        self._clock, self._descriptor = clock, descriptor
        self._lines: list[bytes] = []
        self._held_bytes = 0
        self._dropped = 0
        self._flush: asyncio.TimerHandle | None = None
        self._writing = False

    def event(self, name: str, **facts: object) -> None:
        """Write one line, soon."""
        if "error" in facts and isinstance(error := facts["error"], BaseException):
            facts["error"] = "".join(traceback.format_exception(error))
        at = rfc3339(self._clock.wall())
        line = orjson.dumps({"at": at, "event": name, **facts}, default=str, option=orjson.OPT_APPEND_NEWLINE)
        if self._held_bytes + len(line) > _HELD_BYTES:
            self._dropped += 1
            return
        self._lines.append(line)
        self._held_bytes += len(line)
        if self._flush is None and not self._writing:
            self._schedule()

    def close(self) -> None:
        """Write what is left, in place: the loop is about to end."""
        if self._flush is not None:
            self._flush.cancel()
            self._flush = None
        self._write(self._take())

    def _schedule(self) -> None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # before the loop runs, or after: nothing to hold up
            self._write(self._take())
            return
        self._flush = loop.call_later(_FLUSH_S, self._start, loop)

    def _start(self, loop: asyncio.AbstractEventLoop) -> None:
        self._flush, self._writing = None, True
        loop.run_in_executor(None, self._write, self._take()).add_done_callback(self._written)

    def _written(self, done: asyncio.Future[None]) -> None:
        self._writing = False
        if not done.cancelled():
            done.exception()  # a closed pipe is not worth a second line about it
        if self._lines:
            self._schedule()

    def _take(self) -> bytes:
        if self._dropped:
            self._lines.append(orjson.dumps({"event": "log_lines_dropped", "count": self._dropped}) + b"\n")
            self._dropped = 0
        joined = b"".join(self._lines)
        self._lines.clear()
        self._held_bytes = 0
        return joined

    def _write(self, joined: bytes) -> None:
        view = memoryview(joined)
        while view:
            try:
                view = view[os.write(self._descriptor, view) :]
            except OSError:  # a full disk or a closed pipe must not stop the traffic
                self._dropped += joined.count(b"\n")
                return
