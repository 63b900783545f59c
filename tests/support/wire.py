"""The bytes of one connection: read as far as somebody says, written as he says, ended as he says.

Stands below the plays of a scripted backend and below the raw client. It knows nothing of HTTP and never answers on its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.journal import Connection, Entry

# Past this the connection stops reading, so that a script that does not read makes its peer's writes block.
HIGH_WATER_BYTES = 256 * 1024
# A peer that neither closes nor resets after our FIN is reset, so that no test leaves a socket behind.
LINGER_S = 5.0


class Gone(ConnectionError):  # noqa: N818 - reads as what happened to the peer
    """The peer ended the connection before the script had read what it wanted."""


class Wire(asyncio.Protocol):
    """One connection, its unread bytes, and what became of its peer (`peer_gone`: None, "fin" or "rst")."""

    def __init__(
        self,
        opened: Callable[[Wire], None],
        changed: Callable[[Wire], None],
        *,
        tls: bool,
        high_water_bytes: int = HIGH_WATER_BYTES,
    ) -> None:
        self.transport = cast("asyncio.Transport", None)
        self.unread = bytearray()
        self.peer_gone: str | None = None
        self.ended: str | None = None  # by us: "rst", "fin"; by the peer: "peer fin", "peer rst"
        self.lost = asyncio.Event()
        self.entry: Entry | None = None  # the request that is being served
        self.connection: Connection | None = None
        self._opened, self._changed, self._tls = opened, changed, tls
        self._high_water_bytes = high_water_bytes
        self._stir = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._paused = self._draining = self._stopped = False
        self._linger: asyncio.TimerHandle | None = None

    # --- asyncio calls these

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self._opened(self)

    def data_received(self, data: bytes) -> None:
        if self._draining:
            return
        self.unread += data
        if len(self.unread) > self._high_water_bytes and not self._paused:
            self._paused = True
            self.transport.pause_reading()
        self._stir.set()

    def eof_received(self) -> bool:
        self._peer_went("fin")
        return not (self._tls or self._draining)  # half open, so that the script still may answer

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is not None:
            self._peer_went("rst")
        self.ended = self.ended or f"peer {self.peer_gone or 'fin'}"
        if self._linger is not None:
            self._linger.cancel()
        self.lost.set()
        self._writable.set()
        self._stir.set()
        self._changed(self)

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def _peer_went(self, how: str) -> None:
        if self.ended is None and self.peer_gone != "rst":
            self.peer_gone = how
            self._changed(self)
        self._stir.set()

    @property
    def idle(self) -> bool:
        """Between two requests, with nothing of the next one here; not before the first, which may be on its way."""
        served = self.connection is not None and self.connection.requests > 0
        return served and self.entry is None and not self.unread and self.ended is None

    # --- reading

    async def any(self) -> bool:
        """Wait for a byte; False where none will come."""
        while not self.unread:
            if self.peer_gone or self.ended or self.lost.is_set():
                return False
            await self.more()
        return True

    async def until(self, mark: bytes, limit_bytes: int) -> bytes:
        """Read up to and with `mark`; raise Gone or, past the limit, ValueError."""
        while (at := self.unread.find(mark)) < 0:
            if len(self.unread) > limit_bytes:
                raise ValueError(f"no {mark!r} within {limit_bytes} bytes")
            if self.peer_gone or self.lost.is_set():
                raise Gone(f"peer {self.peer_gone} before {mark!r}")
            await self.more()
        return self.take(at + len(mark))

    async def some(self, most_bytes: int) -> bytes:
        """Read what is there, at least one byte; raise Gone where none will come."""
        if not await self.any():
            raise Gone(f"peer {self.peer_gone} with {most_bytes} bytes still to come")
        return self.take(min(most_bytes, len(self.unread)))

    async def buffered(self, count: int) -> None:
        """Wait until `count` unread bytes are here, and leave them; raise Gone where they will not come."""
        while len(self.unread) < count:
            if self.peer_gone or self.lost.is_set():
                raise Gone(f"peer {self.peer_gone} with {len(self.unread)} of {count} bytes here")
            await self.more()

    async def gone(self) -> None:
        """Wait until the peer has ended the connection, or it is no more."""
        while not (self.peer_gone or self.lost.is_set()):
            await self.more()

    def take(self, count: int) -> bytes:
        data = bytes(self.unread[:count])
        del self.unread[:count]
        if self._paused and not self._stopped and len(self.unread) <= self._high_water_bytes:
            self._paused = False
            self.transport.resume_reading()
        return data

    def stop_reading(self) -> None:
        """Read nothing any more: the peer's writes fill the kernel's buffers and then block."""
        self._stopped = True
        if not self._paused:
            self._paused = True
            self.transport.pause_reading()

    def resume_reading(self) -> None:
        self._stopped = False
        if self._paused:
            self._paused = False
            self.transport.resume_reading()

    async def more(self) -> None:
        """Wait until anything happens: bytes, the peer's end, ours."""
        self._stir.clear()
        await self._stir.wait()

    # --- writing and ending

    async def send(self, data: bytes) -> bool:
        """Write and wait for room; False where the connection is gone already."""
        if (
            self.lost.is_set() or self.ended or self.transport.is_closing()
        ):  # closing: asyncio tells of the loss a turn later
            return False
        self.transport.write(data)
        await self._writable.wait()
        return not self.lost.is_set()

    def rst(self) -> None:
        """Reset: SO_LINGER with 0 seconds makes the close a RST (POSIX, socket(7))."""
        self._end("rst")
        sock = self.transport.get_extra_info("socket")
        if sock is not None and sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    def fin(self) -> None:
        """Say goodbye and read on into nothing: a close with unread bytes would send a RST instead."""
        self._end("fin")
        self._draining = True
        self.unread.clear()
        if self.transport.is_closing():
            return
        if self.peer_gone or not self.transport.can_write_eof():
            self.transport.close()
            return
        with contextlib.suppress(OSError):  # the peer's reset is in the kernel and not yet told
            self.transport.write_eof()
        if self._paused:
            self._paused = False
            self.transport.resume_reading()
        self._linger = asyncio.get_running_loop().call_later(LINGER_S, self.transport.abort)

    def _end(self, how: str) -> None:
        self.ended = self.ended or how
        self._stir.set()
