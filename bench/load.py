"""The load: a few kept connections, one request each at a time, as many as the server can answer.

Its own cost falls on the other core. It stops at the first reply that is not like the first one.
"""

from __future__ import annotations

import asyncio
import socket
from itertools import cycle
from typing import TYPE_CHECKING, Final, cast

import uvloop

if TYPE_CHECKING:
    from collections.abc import Sequence

CONNECTIONS: Final = 8  # below the default limit of 16 calls at the backend: nobody stands in line
_READ: Final = 262_144
TIMEOUT_S: Final = 20.0


class Odd(RuntimeError):  # noqa: N818 - what it says is what happened
    """A reply that was not expected; the text shows its beginning."""


def read_reply(sock: socket.socket) -> tuple[bytes, bytes]:
    """Read one reply with a Content-Length; returns its head and its body."""
    got = b""
    while (end := got.find(b"\r\n\r\n")) < 0:
        piece = sock.recv(_READ)
        if not piece:
            raise Odd(f"the connection ended in a reply's head: {got[:200]!r}")
        got += piece
    head, rest = got[:end], [got[end + 4 :]]
    found = head.lower().find(b"content-length:")
    if found < 0:
        raise Odd(f"a reply without Content-Length: {head[:200]!r}")
    left = int(head[found + 15 :].split(b"\r\n", 1)[0]) - len(rest[0])
    while left > 0:
        piece = sock.recv(_READ)
        if not piece:
            raise Odd(f"the connection ended in a reply's body, {left} bytes early")
        rest.append(piece)
        left -= len(piece)
    return head, b"".join(rest)


def connect(port: int) -> socket.socket:
    """Open one connection."""
    sock = socket.create_connection(("127.0.0.1", port), TIMEOUT_S)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def once(port: int, request: bytes) -> tuple[bytes, bytes]:
    """Send one request on a connection of its own."""
    with connect(port) as sock:
        sock.sendall(request)
        return read_reply(sock)


class Load:
    """Connections that are kept from round to round; each sends its next request when its reply is here.

    All of them are served by one loop, so that it is the server that is waited for: a client that reads its connections in turn
    makes a slow server pay for waking it and a quick one not. Several requests are sent in turn.
    """

    def __init__(self, port: int, request: bytes | Sequence[bytes], status: int) -> None:
        self._loop = uvloop.new_event_loop()
        self._requests = cycle((request,) if isinstance(request, bytes) else request)
        self._status = b"%d" % status
        self._left = 0  # requests that are to be sent in this run
        self._flying = 0
        self._done: asyncio.Future[None] = self._loop.create_future()
        self._callers = [self._loop.run_until_complete(self._connect(port)) for _ in range(CONNECTIONS)]

    async def _connect(self, port: int) -> _Caller:
        _, caller = await self._loop.create_connection(lambda: _Caller(self), "127.0.0.1", port)
        return caller

    def run(self, count: int) -> None:
        """Send `count` requests and wait for their replies."""
        self._left, self._done = count, self._loop.create_future()
        self._loop.call_soon(self._begin)
        self._loop.run_until_complete(self._done)

    def _begin(self) -> None:
        for caller in self._callers:
            self.next(caller)

    def next(self, caller: _Caller) -> None:
        """Let `caller` send once more, if there is anything left to send."""
        if self._left:
            self._left -= 1
            self._flying += 1
            caller.transport.write(next(self._requests))

    def answered(self, caller: _Caller, head: bytes) -> None:
        """Take note of a reply."""
        if head[9:12] != self._status:
            self.failed(Odd(f"expected {self._status.decode()}, got {head[:200]!r}"))
            return
        self._flying -= 1
        self.next(caller)
        if not self._flying and not self._done.done():
            self._done.set_result(None)

    def failed(self, error: Exception) -> None:
        """End the run, if there is one."""
        if self._flying and not self._done.done():
            self._done.set_exception(error)

    def close(self) -> None:
        """Hang up."""
        for caller in self._callers:
            caller.transport.abort()
        self._loop.run_until_complete(asyncio.sleep(0.05))  # the transports see their end
        self._loop.close()


class _Caller(asyncio.Protocol):
    """One connection of a load. Reads no more of a reply than tells its end and its status."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._got = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        got = self._got = self._got + data if self._got else data
        end = got.find(b"\r\n\r\n")
        if end < 0:
            return
        at = max(got.find(b"ontent-Length: ", 0, end), got.find(b"ontent-length: ", 0, end))  # Envoy writes it small
        if at < 0:
            self._load.failed(Odd(f"a reply without Content-Length: {got[:end]!r}"))
            return
        if len(got) >= end + 4 + int(got[at + 15 : got.find(b"\r", at)]):
            self._got = b""
            self._load.answered(self, got[:end])

    def connection_lost(self, exc: Exception | None) -> None:
        self._load.failed(Odd(f"the connection ended: {exc}"))
