"""The raw client is the eye of the tests: it must read every framing exactly and refuse every lie."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.support import envelopes, replies
from tests.support.backend import Backend, answer, silent
from tests.support.client import BadResponse, Client, ask, parse

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

OK = b"HTTP/1.1 200 OK\r\n"
CASES = {
    "length": (OK + b"Content-Length: 3\r\n\r\nabc", "POST", 200, b"abc"),
    "no body": (OK + b"Content-Length: 0\r\n\r\n", "POST", 200, b""),
    "chunks": (OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n", "POST", 200, b"abcde"),
    "trailers": (OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nT: 1\r\nU: 2\r\n\r\n", "POST", 200, b"a"),
    "head": (OK + b"Content-Length: 3\r\n\r\n", "HEAD", 200, b""),
    "204": (b"HTTP/1.1 204 No Content\r\n\r\n", "POST", 204, b""),
    "304": (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", "GET", 304, b""),
    "interim": (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
        + OK
        + b"Content-Length: 1\r\n\r\na",
        "POST",
        200,
        b"a",
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_responses_whole_byte_by_byte_and_with_trailing_bytes(case: tuple[bytes, str, int, bytes]) -> None:
    """No prefix of a response is one; the whole is; and what follows is not touched."""
    data, method, status, body = case
    assert [parse(data[:end], method=method) for end in range(len(data))] == [None] * len(data)
    for trailing in (b"", b"HTTP/1.1 500"):
        found = parse(data + trailing, method=method)
        assert found is not None
        assert (found[0].status, found[0].body, found[0].raw, found[1]) == (status, body, data, len(data))


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-x\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        OK + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
        OK + b"Content-Length: -3\r\n\r\nabc",
        OK + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n",
    ],
)
def test_lies_are_refused(data: bytes) -> None:
    """A response that no client could frame with certainty is a finding, never a guess."""
    with pytest.raises(BadResponse):
        parse(data)


def test_an_end_inside_a_response_is_refused() -> None:
    """A connection that ends early fails every framing except the one whose end it is."""
    for data, method, _, _ in CASES.values():
        for end in range(1, len(data)):
            with pytest.raises(BadResponse):
                parse(data[:end], method=method, ended=True)
    found = parse(OK + b"\r\nabc", ended=True)
    assert found is not None
    assert found[0].body == b"abc"
    assert parse(b"", ended=True) is None


async def test_headers_and_states() -> None:
    """Headers are found whatever their case; one that stands twice is a finding; the state is read without parameters."""
    headers = [("Sidecar-State", "stale;age=42"), ("Vary", "a"), ("vary", "b")]
    async with Backend(answer(replies.http('{"a": 1}', headers=headers))) as backend:
        response = await ask(backend.url, envelopes.json_call("X").raw())
    assert (response.state, response.header("missing"), response.json(), response.text) == (
        "stale",
        None,
        {"a": 1},
        '{"a": 1}',
    )
    assert response.all("VARY") == ["a", "b"]
    with pytest.raises(AssertionError, match="2 times"):
        response.header("Vary")


async def test_pieces_arrive_as_they_were_cut(client: Callable[..., Awaitable[Client]]) -> None:
    """A request sent byte by byte arrives whole, and a server that left does not make the sender fail."""
    raw = envelopes.xmlrpc("system.listMethods").raw()
    async with Backend(answer(executes=None)) as backend:
        connection = await client(backend.url)
        await connection.send(raw, piece_bytes=1)
        assert (await connection.response()).status == 200
        await backend.stop()
        assert await connection.until_end() == "rst"
        await connection.send(b"x" * 10, piece_bytes=1)


async def test_a_missing_response_says_what_came() -> None:
    """Time-outs and early ends are told apart, and what came so far is shown."""
    raw = envelopes.soap11("X").raw()
    async with Backend(silent()) as backend, Client.to(backend.url) as client:
        await client.send(raw)
        with pytest.raises(BadResponse, match="within 0 s"):
            await client.response(within_s=0)
        with pytest.raises(AssertionError, match="kept the connection open"):
            await client.until_end(within_s=0)
        await backend.stop()
        with pytest.raises(BadResponse, match="without a response"):
            await client.response()
    with pytest.raises(AssertionError, match="not connected"):
        await client.response()


async def test_a_slow_reader_makes_the_server_wait() -> None:
    """A client that stops reading holds the server's reply up; reading again lets it through whole."""
    size_bytes = 20_000_000  # more than the kernel buffers on both ends of loopback
    async with (
        Backend(answer(replies.huge(size_bytes))) as backend,
        Client.to(backend.url, receive_buffer_bytes=8192) as client,
    ):
        client.pause()
        await client.send(envelopes.soap11("X").raw())
        await backend.journal.until(lambda journal: any(entry.reply_sent_bytes for entry in journal))
        for _ in range(50):  # turns of the loop, not time: enough for every write that will go through
            await asyncio.sleep(0)
        assert backend.journal[0].replied_s is None
        client.resume()
        assert len((await client.response()).body) == size_bytes


async def test_another_address_is_another_peer() -> None:
    """A client may come from any loopback address."""
    async with Backend() as backend, Client.to(backend.url, local="127.0.0.2") as client:
        await client.exchange(envelopes.soap11("X").raw())
        assert backend.connections[0].peer == ("127.0.0.2", client.local_port)
