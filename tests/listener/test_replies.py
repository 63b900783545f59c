"""Replies on their way out: framing, bodies large and streamed, readers that are slow."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from sidecar.model import RawHeaders, Reply, Stream
from tests.listener.hall import GET, opened, until

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sidecar.model import Exchange


def saying(reply: Reply) -> Callable[[Exchange], Awaitable[Reply]]:
    async def answer(exchange: Exchange) -> Reply:
        return reply

    return answer


class Source:
    """A stream of these pieces; an exception among them is raised."""

    def __init__(self, *pieces: bytes | Exception) -> None:
        self.pieces = list(pieces)
        self.closed = 0

    async def next(self) -> bytes:
        piece = self.pieces.pop(0) if self.pieces else b""
        await asyncio.sleep(0)
        if isinstance(piece, Exception):
            raise piece
        return piece

    def close(self) -> None:
        self.closed += 1

    def stream(self) -> Stream:
        return Stream(self.next, self.close)


async def test_headers_as_given() -> None:
    """Header lines keep their order, case and repetition; Date and Server are added, the status phrase is the reply's own."""
    headers: RawHeaders = ((b"X-b", b"1"), (b"x-A", b"2"), (b"Set-Cookie", b"a"), (b"Set-Cookie", b"b"))
    async with (
        opened(answers={"/a": saying(Reply(299, headers, (b"ab", b"c"), phrase="Quite Fine"))}) as hall,
        hall.client() as client,
    ):
        response = await client.exchange(GET)
    assert (response.status, response.reason, response.body) == (299, "Quite Fine", b"abc")
    assert [name for name, _ in response.headers] == [
        "Date",
        "Server",
        "X-b",
        "x-A",
        "Set-Cookie",
        "Set-Cookie",
        "Content-Length",
    ]
    assert response.header("Server") == "sidecar"


async def test_framing_is_ours() -> None:
    """What a backend says of framing, of its connection and of itself is not passed; its Date is."""
    headers: RawHeaders = (
        (b"Content-Length", b"999"),
        (b"transfer-encoding", b"chunked"),
        (b"Connection", b"close"),
        (b"Keep-Alive", b"timeout=5"),
        (b"Server", b"Microsoft-IIS/6.0"),
        (b"Date", b"Sun, 06 Nov 1994 08:49:37 GMT"),
    )
    async with opened(answers={"/a": saying(Reply(200, headers, (b"abc",)))}) as hall, hall.client() as client:
        response = await client.exchange(GET)
        assert response.headers == (
            ("Server", "sidecar"),
            ("Date", "Sun, 06 Nov 1994 08:49:37 GMT"),
            ("Content-Length", "3"),
        )
        assert (await client.exchange(GET)).status == 200


@pytest.mark.parametrize(
    ("method", "status", "headers", "length"),
    [
        ("HEAD", 200, (), "3"),
        ("GET", 204, (), None),
        ("GET", 304, (), None),
        ("GET", 304, ((b"Content-Length", b"77"),), None),
        ("GET", 200, (), "3"),
    ],
)
async def test_bodiless(method: str, status: int, headers: RawHeaders, length: str | None) -> None:
    """HEAD, 204 and 304 send no body, and the connection goes on in step."""
    async with opened(answers={"/a": saying(Reply(status, headers, (b"abc",)))}) as hall, hall.client() as client:
        request = GET.replace(b"GET", method.encode())
        for _ in range(2):
            await client.send(request)
            response = await client.response(method)
            assert (response.status, response.header("Content-Length")) == (status, length)
        assert not client.unread


async def test_head_keeps_the_backends_length() -> None:
    """A HEAD that the backend answered says the length that its GET would have."""
    async with (
        opened(answers={"/a": saying(Reply(200, ((b"Content-Length", b"77"),)))}) as hall,
        hall.client() as client,
    ):
        await client.send(GET.replace(b"GET", b"HEAD"))
        assert (await client.response("HEAD")).header("Content-Length") == "77"


async def test_empty_body_says_so() -> None:
    """A reply without a body has Content-Length 0, or its reader would wait for the end of the connection."""
    async with opened(answers={"/a": saying(Reply(200, ()))}) as hall, hall.client() as client:
        assert (await client.exchange(GET)).header("Content-Length") == "0"


@pytest.mark.loops
async def test_large_reply() -> None:
    """A reply of 16 MB in uneven pieces arrives whole."""
    pieces = (bytes(range(256)) * 1000, b"x" * (16 * 1024 * 1024), b"", b"end")
    async with opened(answers={"/a": saying(Reply(200, (), pieces))}) as hall, hall.client() as client:
        assert (await client.exchange(GET)).body == b"".join(pieces)
        assert (await client.exchange(GET)).status == 200


@pytest.mark.loops
async def test_slow_reader_holds_nothing_up() -> None:
    """A reader that stops makes its reply wait, not pile up in the transport; others are served meanwhile."""
    large = Reply(200, (), (bytes(16 * 1024 * 1024),))
    async with (
        opened(answers={"/a": saying(large)}) as hall,
        hall.client(receive_buffer_bytes=4096) as slow,
        hall.client() as other,
    ):
        slow.pause()
        await slow.send(GET)
        await asyncio.sleep(0.1)
        [connection] = [one for one in hall.listener._reception.connections if one._paused]
        assert connection.transport.get_write_buffer_size() <= 192 * 1024
        assert (await other.exchange(GET.replace(b"/a", b"/b"))).status == 200
        slow.resume()
        assert len((await slow.response("GET")).body) == 16 * 1024 * 1024


async def test_large_reply_leaves_the_loop_to_others() -> None:
    """While 64 MB leave to a fast reader the loop is never held for long: it turns hundreds of times."""
    async with (
        opened(answers={"/a": saying(Reply(200, (), (bytes(64 * 1024 * 1024),)))}) as hall,
        hall.client() as client,
    ):
        turns = 0
        await client.send(GET)
        while len(client.unread) < 64 * 1024 * 1024:
            await asyncio.sleep(0)
            turns += 1
        assert turns > 200
        await client.response("GET")


@pytest.mark.loops
async def test_stream_is_chunked() -> None:
    """A stream of unknown length is passed on in chunks as it comes, and the connection goes on."""
    source = Source(b"a" * 100_000, b"b")
    async with (
        opened(answers={"/a": saying(Reply(200, (), (b"first",), stream=source.stream()))}) as hall,
        hall.client() as client,
    ):
        response = await client.exchange(GET)
        assert response.body == b"first" + b"a" * 100_000 + b"b"
        assert response.header("Transfer-Encoding") == "chunked"
        assert (await client.exchange(GET.replace(b"/a", b"/b"))).status == 200
    assert source.closed == 1


async def test_stream_of_known_length() -> None:
    """Where the backend said a length, the stream keeps it."""
    source = Source(b"abc")
    reply = Reply(200, ((b"Content-Length", b"5"),), (b"xy",), stream=source.stream())
    async with opened(answers={"/a": saying(reply)}) as hall, hall.client() as client:
        response = await client.exchange(GET)
        assert (response.body, response.header("Content-Length")) == (b"xyabc", "5")


async def test_stream_to_http_1_0() -> None:
    """HTTP/1.0 gets a stream that the end of the connection ends."""
    source = Source(b"abc", b"def")
    async with opened(answers={"/a": saying(Reply(200, (), stream=source.stream()))}) as hall, hall.client() as client:
        response = await client.exchange(b"GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        assert (response.body, response.header("Connection")) == (b"abcdef", "close")
        assert response.header("Transfer-Encoding") is None


@pytest.mark.loops
@pytest.mark.parametrize(
    ("headers", "pieces"),
    [
        ((), (b"abc", OSError("the backend went"))),
        (((b"Content-Length", b"10"),), (b"abc", ConnectionResetError())),
        (((b"Content-Length", b"10"),), (b"abc",)),
        (((b"Content-Length", b"2"),), (b"abc",)),
    ],
)
async def test_broken_stream_is_cut(headers: RawHeaders, pieces: tuple[bytes | Exception, ...]) -> None:
    """A stream that breaks, or that is not as long as it said, can be taken for whole by nobody."""
    source = Source(*pieces)
    async with (
        opened(answers={"/a": saying(Reply(200, headers, stream=source.stream()))}) as hall,
        hall.client() as client,
    ):
        await client.send(GET)
        await client.until_end()
        body = bytes(client.unread).partition(b"\r\n\r\n")[2]
        assert body in (b"", b"abc", b"3\r\nabc\r\n")
        assert not hall.events
    assert source.closed == 1


async def test_stream_nobody_reads_is_closed() -> None:
    """A stream whose reader hangs up, and one that answers a HEAD, are closed."""
    source, second = Source(*[b"x" * 65536] * 500), Source(b"abc")
    async with opened(
        answers={
            "/a": saying(Reply(200, (), stream=source.stream())),
            "/b": saying(Reply(200, (), stream=second.stream())),
        }
    ) as hall:
        async with hall.client() as client:
            client.pause()
            await client.send(GET)
            await asyncio.sleep(0.05)
            client.rst()
            await until(lambda: source.closed == 1)
        async with hall.client() as client:
            await client.send(b"HEAD /b HTTP/1.1\r\nHost: x\r\n\r\n")
            await client.response("HEAD")
            assert second.closed == 1
