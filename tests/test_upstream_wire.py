"""A connection to a backend: one reply per call and not a byte more, however the bytes are cut."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from sidecar.upstream_wire import Wire
from tests.support.replies import chunked, http, until_close

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.replies import Reply

pytestmark = pytest.mark.uvloop

BODY = b"<reply>0\r\n\r\nfine</reply>"
INTERIM = b"HTTP/1.1 100 Continue\r\n\r\n"
REPLIES: dict[str, tuple[bytes, bytes]] = {
    "length": (http(BODY).head + BODY, BODY),
    "no body": (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b""),
    "204": (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
    "304 with a length": (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", b""),
    "chunks": (chunked(BODY, 7).head + chunked(BODY, 7).body, BODY),
    "one chunk": (chunked(BODY, 999).head + chunked(BODY, 999).body, BODY),
    "empty chunks": (chunked(b"").head + chunked(b"").body, b""),
    "interim first": (INTERIM + INTERIM + http(BODY).head + BODY, BODY),
    "empty lines first": (b"\r\n\r\n" + http(BODY).head + BODY, BODY),
    "bare LF": (b"HTTP/1.1 200 OK\nContent-Length: 4\n\n<a/>", b"<a/>"),
}


class Ends:
    """A wire and the backend's end of its connection."""

    def __init__(self, wire: Wire, far: socket.socket) -> None:
        self.wire, self.far = wire, far
        self.noticed = 0

    def notice(self) -> None:
        self.noticed += 1

    async def ask(self) -> None:
        """Do what an attempt does before it writes."""
        self.wire.begin()
        self.wire.set_response_params(read_until_eof=True, auto_decompress=False)

    async def say(self, data: bytes, piece_bytes: int | None = None) -> None:
        for at in range(0, len(data), piece_bytes or len(data) or 1):
            self.wire.data_received(data[at : at + piece_bytes] if piece_bytes else data)

    async def answer(self) -> bytes:
        async with asyncio.timeout(5):
            while True:
                message, payload = await self.wire.read()
                if message.code >= 200:
                    return await payload.read()


@asynccontextmanager
async def connected() -> AsyncIterator[Ends]:
    near, far = socket.socketpair()
    near.setblocking(False)
    far.setblocking(False)
    loop = asyncio.get_running_loop()
    ends = Ends(None, far)  # type: ignore[arg-type]  # filled on the next line
    _, ends.wire = await loop.create_connection(lambda: Wire(loop, ends.notice), sock=near)
    try:
        yield ends
    finally:
        ends.wire.abort()
        far.close()
        await asyncio.sleep(0)


PIECES = pytest.mark.parametrize("piece_bytes", [None, 1, 2, 3, 7])


@PIECES
@pytest.mark.parametrize("name", REPLIES)
async def test_every_reply_is_read(name: str, piece_bytes: int | None) -> None:
    """Whole, byte by byte and in between: the same body, and the connection is fit for the next call."""
    data, body = REPLIES[name]
    async with connected() as ends:
        for _ in range(2):
            await ends.ask()
            await ends.say(data, piece_bytes)
            assert await ends.answer() == body
            ends.wire.has_served = True
            assert ends.wire.usable
        assert ends.noticed == 0


@PIECES
@pytest.mark.parametrize("extra", [b"x", b"HTTP/1.1 2", b"\0", http(BODY).head + BODY, INTERIM, b"\r\n\r\nx"])
@pytest.mark.parametrize("name", REPLIES)
async def test_what_is_said_beyond_a_reply(name: str, extra: bytes, piece_bytes: int | None) -> None:
    """The reply is read all the same, what follows it is nobody's, it is noticed once, and no call goes out on the connection."""
    data, body = REPLIES[name]
    async with connected() as ends:
        await ends.ask()
        await ends.say(data + extra, piece_bytes)
        assert await ends.answer() == body
        assert ends.wire.babbles
        assert not ends.wire.usable
        assert ends.noticed == 1


async def test_an_empty_line_after_a_reply_is_nothing() -> None:
    """Old servers end a body with one: the connection stays fit for use."""
    async with connected() as ends:
        await ends.ask()
        await ends.say(REPLIES["length"][0] + b"\r\n")
        await ends.say(b"\r\n")
        assert await ends.answer() == BODY
        assert ends.wire.usable
        assert ends.noticed == 0


async def test_a_goodbye_by_408_is_polite() -> None:
    """A load balancer that ends an idle connection with 408 ends this one, and is not taken for a babbler."""
    async with connected() as ends:
        await ends.say(b"HTTP/1.0 408 Request Time-out\r\nConnection: close\r\n\r\n")
        assert not ends.wire.usable
        assert ends.noticed == 0


async def test_a_reply_that_ends_with_the_connection() -> None:
    """Where nothing tells its end, all that comes is the reply."""
    reply: Reply = until_close(BODY)
    async with connected() as ends:
        await ends.ask()
        await ends.say(reply.head + reply.body + INTERIM)
        ends.far.close()
        assert await ends.answer() == BODY + INTERIM


@pytest.mark.parametrize("rest", [b"zz\r\n", b"5\r\nabcdefgh"])
async def test_a_body_that_breaks_late_is_told_at_once(rest: bytes) -> None:
    """Whoever reads a body whose framing turns out to be broken learns it now, not by his timeout."""
    async with connected() as ends:
        await ends.ask()
        await ends.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
        await ends.say(rest)
        with pytest.raises(Exception, match="400"):
            await ends.answer()


async def test_who_speaks_first() -> None:
    """A new connection that says something, or ends, before it was asked is told from one that waits."""
    async with connected() as ends:
        assert not ends.wire.spoke_first
        ends.far.send(b"220 mail.example ESMTP\r\n")
        assert ends.wire.spoke_first
    async with connected() as ends:
        ends.far.close()
        assert ends.wire.spoke_first


async def test_time() -> None:
    """Who waits for a head or a body is told when the time has come, and not before."""
    async with connected() as ends:
        await ends.ask()
        ends.wire.within(0.02)
        with pytest.raises(TimeoutError):
            await ends.wire.read()
        assert ends.wire.late
        ends.wire.in_time()
        assert not ends.wire.late
