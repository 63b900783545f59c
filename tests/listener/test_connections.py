"""A connection's life: keep-alive, pipelining, timers, hang-ups, half-closes, the cap."""

from __future__ import annotations

import asyncio
import contextlib
import os
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest
from aiohttp import EMPTY_PAYLOAD

from sidecar.listener import connection
from sidecar.model import Reply
from tests.listener.hall import GET, ORIGIN, opened, until

if TYPE_CHECKING:
    from sidecar.model import Exchange

SLOW = GET.replace(b"/a", b"/slow")


class Gate:
    """Answers when it is opened."""

    def __init__(self) -> None:
        self.open = asyncio.Event()

    async def __call__(self, exchange: Exchange) -> Reply:
        await self.open.wait()
        return Reply(200, ((b"X-Path", exchange.head.path.encode()),), (b"slow",))


# --- keep-alive


@pytest.mark.loops
async def test_keep_alive() -> None:
    """A connection serves one request after the other, and is closed quietly after limits.keep_alive of nothing."""
    async with opened(keep_alive_s=0.2, header_timeout_s=5.0) as hall, hall.client() as client:
        for _ in range(3):
            assert (await client.exchange(GET)).header("Connection") is None
        assert hall.listener.connections == 1
        at = asyncio.get_running_loop().time()
        assert await client.until_end() == "fin"
        assert 0.15 < asyncio.get_running_loop().time() - at < 1.0
        assert not client.unread
        await until(lambda: hall.listener.connections == 0)


@pytest.mark.loops
async def test_a_kept_connection_holds_nothing_of_its_last_body() -> None:
    """Whoever pauses for a minute after paying has left no card number here, read or unread."""
    asked = b"POST /unread HTTP/1.1\r\nHost: x\r\nContent-Length: 12\r\n\r\n4992739871600001"[:-4]

    async def unread(_exchange: Exchange) -> Reply:
        return Reply(200, (), (b"no",))

    async with opened(answers={"/unread": unread}) as hall, hall.client() as client:
        for _ in range(2):
            await client.exchange(asked)
            await until(lambda: hall.listener.idle == 1)
            (connection,) = hall.listener._open()
            assert connection._body is EMPTY_PAYLOAD
            task = connection._task_handler
            assert task is not None
            frame = task.get_coro().cr_frame
            assert not {"message", "payload"} & set(frame.f_locals)


@pytest.mark.loops
@pytest.mark.parametrize("kept", [True, False], ids=["kept", "new"])
async def test_who_spoke_in_time_is_heard(kept: bool) -> None:
    """A connection whose time is up is not closed over bytes that the kernel has and the loop has not read: that were a RST."""
    async with opened() as hall, hall.client() as client:
        if kept:
            await client.exchange(GET)
        await until(lambda: hall.listener.idle == 1)
        (connection,) = hall.listener._open()
        os.write(client.wire.transport.get_extra_info("socket").fileno(), GET)
        connection._time_is_up()
        assert (await client.response("GET")).status == 200


async def test_keep_alive_starts_again() -> None:
    """Each request moves the end of an idle connection."""
    async with opened(keep_alive_s=0.3) as hall, hall.client() as client:
        for _ in range(4):
            await asyncio.sleep(0.15)
            assert (await client.exchange(GET)).status == 200


async def test_close_is_honoured() -> None:
    """`Connection: close` from the client ends the connection after the reply, which says so."""
    async with opened() as hall, hall.client() as client:
        response = await client.exchange(b"GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert response.header("Connection") == "close"
        assert await client.until_end() == "fin"


async def test_reply_may_close() -> None:
    """A reply with `close` ends its connection."""

    async def closing(exchange: Exchange) -> Reply:
        return Reply(200, (), close=True)

    async with opened(answers={"/a": closing}) as hall, hall.client() as client:
        assert (await client.exchange(GET)).header("Connection") == "close"
        assert await client.until_end() == "fin"


async def test_http_1_0() -> None:
    """HTTP/1.0 is served, closes by default, and is kept where it asks for that and told so."""
    async with opened() as hall:
        async with hall.client() as client:
            response = await client.exchange(b"GET /a HTTP/1.0\r\n\r\n")
            assert (response.status, response.version, response.header("Connection")) == (200, "HTTP/1.1", "close")
            assert await client.until_end() == "fin"
        async with hall.client() as client:
            for _ in range(2):
                response = await client.exchange(b"GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
                assert response.header("Connection") == "keep-alive"


@pytest.mark.loops
async def test_pipelining() -> None:
    """Pipelined requests are answered in their order although the first takes longest, and are handled one at a time."""
    gate = Gate()
    async with opened(answers={"/slow": gate}) as hall, hall.client() as client:
        await client.send(SLOW + b"".join(GET.replace(b"/a", b"/%d" % number) for number in range(40)))
        await until(lambda: bool(hall.seen))
        assert await client.bytes_within(0.05) == b""
        assert len(hall.seen) == 1
        gate.open.set()
        paths = [response.header("X-Path") for response in await client.responses(41, "GET")]
        assert paths == ["/slow", *(f"/{number}" for number in range(40))]


# --- heads in time


@pytest.mark.loops
async def test_slow_head() -> None:
    """A head that does not end is answered 408, readable from its Origin, after limits.header_timeout from its first byte."""
    async with opened(header_timeout_s=0.3) as hall, hall.client() as client:
        await client.send(b"GET /a HTTP/1.1\r\nOrigin: " + ORIGIN.encode() + b"\r\n")
        trickle = asyncio.gather(client.send(b"X-A: bcdefghijk", gap_s=0.05, piece_bytes=1))
        response = await client.response()
        assert (response.status, response.state, response.json()["reason"]) == (408, "body_timeout", "head")
        assert response.header("Access-Control-Allow-Origin") == ORIGIN
        await trickle
        assert await client.until_end() == "fin"


async def test_slow_second_head() -> None:
    """The timer of a head runs on a connection that has served before, too, and for a head begun behind a slow request."""
    gate = Gate()
    async with opened(header_timeout_s=0.2, answers={"/slow": gate}) as hall, hall.client() as client:
        await client.exchange(GET)
        await client.send(SLOW + b"GET /a HT")
        assert await client.bytes_within(0.4) == b""
        gate.open.set()
        assert (await client.response()).text == "slow"
        assert (await client.response()).status == 408


async def test_silence_is_closed_quietly() -> None:
    """A connection that never sends a byte is closed after limits.header_timeout without a word: nobody asked."""
    async with opened(header_timeout_s=0.2) as hall, hall.client() as client:
        assert await client.until_end() == "fin"
        assert not client.unread


@pytest.mark.loops
async def test_half_head_and_fin() -> None:
    """Who ends his half inside a head still reads that it was incomplete."""
    async with opened() as hall, hall.client() as client:
        await client.send(b"GET /a HTTP/1.1\r\nOrigin: " + ORIGIN.encode() + b"\r\nHo")
        client.half_close()
        response = await client.response()
        assert (response.status, response.state, response.json()["reason"]) == (400, "malformed", "incomplete")
        assert response.header("Access-Control-Allow-Origin") == ORIGIN
        assert await client.until_end() == "fin"


# --- peers that go


@pytest.mark.loops
@pytest.mark.parametrize("how", ["fin", "rst"])
async def test_hang_up_cancels(how: str) -> None:
    """A client that goes while his request is worked on cancels it, quietly."""
    gate = Gate()
    async with opened(answers={"/slow": gate}) as hall:
        client = hall.client()
        await client.open()
        await client.send(SLOW)
        await until(lambda: bool(hall.seen))
        await asyncio.sleep(0.05)  # past the moment in which a FIN counts as sent together with the request
        if how == "rst":
            client.rst()
        else:
            await client.close()
        await until(lambda: hall.cancelled == 1)
        await until(lambda: hall.listener.connections == 0)
        assert not hall.events


@pytest.mark.loops
async def test_half_close_with_the_request() -> None:
    """Who sends his requests and his FIN together, as `nc -N` does, reads all replies."""
    gate = Gate()
    async with opened(answers={"/slow": gate}) as hall, hall.client() as client:
        await client.send(GET + SLOW)
        client.half_close()
        await until(lambda: len(hall.seen) == 2)
        gate.open.set()
        assert [response.status for response in await client.responses(2, "GET")] == [200, 200]
        assert await client.until_end() == "fin"


async def test_peer_that_does_not_read_is_cut() -> None:
    """A client that never reads a large reply is cut after limits.body_timeout, and what it held is given back."""

    async def large(exchange: Exchange) -> Reply:
        return Reply(200, (), (bytes(30 * 1024 * 1024),))

    async with opened(body_timeout_s=0.3, answers={"/a": large}) as hall:
        async with hall.client(receive_buffer_bytes=4096) as client:
            client.pause()
            await client.send(GET)
            await until(lambda: hall.listener.connections == 1)
            await until(lambda: hall.listener.connections == 0)
        assert [(name, facts["reason"]) for name, facts in hall.events] == [("reply_cut", "stalled")]


async def test_peer_that_reads_too_slowly_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that takes a little of a large reply now and then never stalls; the time that it makes us wait is bounded all the same."""
    monkeypatch.setattr(connection, "SLOWEST_BYTES_S", 1 << 40)  # no time is earned by what was read

    async def large(exchange: Exchange) -> Reply:
        return Reply(200, (), (bytes(64 * 1024 * 1024),))

    async with opened(body_timeout_s=0.3, answers={"/a": large}) as hall:
        async with hall.client() as client:
            await client.send(GET)
            with contextlib.suppress(ConnectionError):
                for _ in range(
                    30
                ):  # a socket is writable once a third of the kernel's buffer is free: 2 MiB are enough
                    await client.wire.buffered(2 * 1024 * 1024)
                    client.pause()
                    await asyncio.sleep(0.05)
                    client.wire.take(len(client.unread))
                    client.resume()
        await until(lambda: hall.listener.connections == 0)
        assert [(name, facts["reason"]) for name, facts in hall.events] == [("reply_cut", "slow")]


async def test_last_bytes_that_nobody_takes() -> None:
    """A reply that ends its connection, small enough for the transport's buffer, holds it no longer than a stalled write."""

    async def closing(exchange: Exchange) -> Reply:
        return Reply(200, (), (bytes(60_000),) * 100, close=True)

    async with opened(body_timeout_s=0.3, answers={"/a": closing}) as hall, AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(hall.client(receive_buffer_bytes=4096)) for _ in range(5)]
        for client in clients:
            client.pause()
            await client.send(GET)
        await until(lambda: len(hall.seen) == 5)
        await until(lambda: hall.listener.connections == 0)


async def test_two_origins() -> None:
    """Two Origin headers are no origin that a list could hold."""
    async with opened() as hall, hall.client() as client:
        origin = b"Origin: " + ORIGIN.encode() + b"\r\n"
        response = await client.exchange(b"GET / HTTP/1.1\r\nHost: x\r\nExpect: x\r\n" + origin * 2 + b"\r\n")
        assert (response.status, response.header("Access-Control-Allow-Origin")) == (417, None)


async def test_handler_that_raises() -> None:
    """A bug behind the listener is `internal` to the client, and once in the log, by the request's id."""

    async def broken(exchange: Exchange) -> Reply:
        exchange.request_id = "r-1"
        raise KeyError("4111" * 4)

    async with opened(answers={"/a": broken}) as hall, hall.client() as client:
        response = await client.exchange(GET)
        assert (response.status, response.state) == (500, "internal")
        [(name, facts)] = hall.events
        assert (name, facts["where"], facts["request_id"]) == ("bug", "listener", "r-1")
        assert isinstance(facts["error"], KeyError), "the log writes where it happened, and not the message"
        assert "4111" * 4 not in response.text


async def test_reply_with_a_line_break() -> None:
    """A reply whose header would split the response is not sent: `internal` is."""

    async def splitting(exchange: Exchange) -> Reply:
        exchange.request_id = "r-2"
        return Reply(200, ((b"X-A", b"b\r\nSet-Cookie: c"),))

    async with opened(answers={"/a": splitting}) as hall, hall.client() as client:
        response = await client.exchange(GET)
        assert (response.state, response.header("Set-Cookie")) == ("internal", None)
        assert [(name, facts["request_id"]) for name, facts in hall.events] == [("bug", "r-2")]


# --- the cap


@pytest.mark.loops
async def test_cap_closes_the_longest_idle() -> None:
    """At limits.connections a new connection is served, and the one that has been idle longest goes."""
    async with opened(connections=3) as hall, AsyncExitStack() as stack:
        clients = [hall.client() for _ in range(4)]
        for client in clients[:3]:
            await stack.enter_async_context(client)
            await client.exchange(GET)
        await clients[0].exchange(GET)  # now the second is the longest idle
        await stack.enter_async_context(clients[3])
        assert (await clients[3].exchange(GET)).status == 200
        assert await clients[1].until_end() == "fin"
        for client in (clients[0], clients[2]):
            assert (await client.exchange(GET)).status == 200


@pytest.mark.loops
async def test_cap_spares_whoever_has_just_come() -> None:
    """A connection that has not asked yet is not closed on while its request may be on the way; after a second of silence it is."""
    async with opened(connections=1) as hall, AsyncExitStack() as stack:
        first, second = [await stack.enter_async_context(hall.client()) for _ in range(2)]
        await until(lambda: hall.listener.connections == 2)
        refused = await second.exchange(GET)
        assert (refused.status, refused.state) == (503, "overloaded")
        assert (await first.exchange(GET)).status == 200
    async with opened(connections=1) as hall, AsyncExitStack() as stack:
        silent = await stack.enter_async_context(hall.client())
        await asyncio.sleep(1.1)
        assert await silent.bytes_within(0.0) == b""
        third = await stack.enter_async_context(hall.client())
        assert (await third.exchange(GET)).status == 200
        assert await silent.until_end() == "fin"


@pytest.mark.loops
async def test_cap_makes_no_more_room_than_it_needs() -> None:
    """Who comes in a crowd closes one idle connection each, although those do not end at once."""
    async with opened(connections=20) as hall, AsyncExitStack() as stack:
        old = [await stack.enter_async_context(hall.client()) for _ in range(20)]
        for client in old:
            await client.exchange(GET)
        async with asyncio.TaskGroup() as group:
            new = [hall.client() for _ in range(10)]
            for client in new:
                group.create_task(client.open())
        for client in new:
            stack.push_async_callback(client.close)
            assert (await client.exchange(GET)).status == 200
        await until(lambda: hall.listener.connections == 20)
        for client in old[10:]:
            assert (await client.exchange(GET)).status == 200


@pytest.mark.loops
async def test_cap_refuses_when_all_are_busy() -> None:
    """With every connection at work, one more is accepted, told `overloaded`, readable, and closed; room comes back."""
    gate = Gate()
    async with opened(connections=2, answers={"/slow": gate}) as hall, AsyncExitStack() as stack:
        busy = [await stack.enter_async_context(hall.client()) for _ in range(2)]
        for client in busy:
            await client.send(SLOW)
        await until(lambda: len(hall.seen) == 2)
        async with hall.client() as third:
            response = await third.exchange(GET.replace(b"\r\n\r\n", b"\r\nOrigin: " + ORIGIN.encode() + b"\r\n\r\n"))
            assert (response.status, response.state, response.json()["reason"]) == (503, "overloaded", "connections")
            assert response.header("Access-Control-Allow-Origin") == ORIGIN
            assert await third.until_end() == "fin"
        gate.open.set()
        for client in busy:
            assert (await client.response("GET")).status == 200
            await client.close()
        async with hall.client() as client:
            assert (await client.exchange(GET)).status == 200


async def test_refusals_over_the_cap_are_bounded() -> None:
    """Connections over the cap that say nothing are few, short-lived, and dropped beyond that."""
    gate = Gate()
    async with opened(connections=1, answers={"/slow": gate}) as hall, AsyncExitStack() as stack:
        busy = await stack.enter_async_context(hall.client())
        await busy.send(SLOW)
        await until(lambda: len(hall.seen) == 1)
        for _ in range(40):
            await stack.enter_async_context(hall.client())
        await until(lambda: len(hall.events) == 24)
        await until(lambda: hall.listener.connections <= 17)
        assert {name for name, _ in hall.events} == {"connection_dropped"}
        await until(lambda: hall.listener.connections == 1)  # the second that they have is over
        gate.open.set()
        assert (await busy.response("GET")).status == 200
