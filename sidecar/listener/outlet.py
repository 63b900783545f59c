"""A framed reply on its way out: one write where it is small, piece by piece where it is not.

Stands between wire and connection. It never joins a large body, never holds the loop while one leaves, and never lets half
a stream look like a whole one.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Protocol

from sidecar.listener.wire import LAST_CHUNK

if TYPE_CHECKING:
    from sidecar.listener.wire import Frame
    from sidecar.model import Reply, Stream

WRITE_BYTES: Final = 64 * 1024  # one write; also the transports' high-water mark, so that at most two are ever buffered
YIELD_BYTES: Final = 64 * 1024  # leaves in 0.05 ms on loopback: then others get the loop


class Outlet(Protocol):
    """What writing asks of a connection."""

    async def send(self, data: bytes | memoryview) -> None:
        """Write, and wait where the peer does not read; raises ConnectionResetError where he has gone."""
        ...

    def cut(self) -> None:
        """End the connection so that nobody takes what was sent for complete."""
        ...


async def write_reply(how: Frame, reply: Reply, outlet: Outlet) -> None:
    """Write `reply` as `how` says. Raises ConnectionError where the peer has gone or the stream was cut."""
    if not how.body:
        drop(reply.stream)
        await outlet.send(how.head)
    elif reply.stream is not None:
        await _write_stream(how, reply, reply.stream, outlet)
    else:
        await outlet.send(how.head)
        await _write_pieces(reply.body, outlet)


def drop(stream: Stream | None) -> None:
    """Close a stream that nobody will read."""
    if stream is not None:
        stream.close()


async def _write_pieces(body: tuple[bytes, ...], outlet: Outlet) -> None:
    since_yield = 0
    for piece in body:
        view = memoryview(piece)
        for start in range(0, len(piece), WRITE_BYTES):
            part = view[start : start + WRITE_BYTES]
            await outlet.send(part)
            since_yield += len(part)
            if since_yield >= YIELD_BYTES:
                since_yield = 0
                await asyncio.sleep(0)


async def _write_stream(how: Frame, reply: Reply, stream: Stream, outlet: Outlet) -> None:
    """Pass a reply on while it comes. A stream that breaks, or is not as long as it said, ends in a cut connection."""
    whole = False
    try:
        await outlet.send(how.head)
        sent = 0
        pieces = iter(reply.body)
        while piece := next(pieces, b"") or await stream.next():
            sent += len(piece)
            if how.sized is not None and sent > how.sized:
                break  # the Content-Length is out already: more of it would be read as the next response
            if how.chunked:
                await outlet.send(b"%x\r\n" % len(piece))
            await _write_pieces((piece,), outlet)
            if how.chunked:
                await outlet.send(b"\r\n")
        whole = how.sized is None or sent == how.sized
        if whole and how.chunked:
            await outlet.send(LAST_CHUNK)
    except OSError as error:
        whole = False
        raise ConnectionAbortedError("the stream was cut") from error
    finally:
        stream.close()
        if not whole:
            outlet.cut()
    if not whole:
        raise ConnectionAbortedError(f"the stream gave {sent} bytes and had said {how.sized}")
