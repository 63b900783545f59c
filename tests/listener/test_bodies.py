"""Bodies on their way in: Expect, limits, slow ones, half ones, ones that nobody reads; and what each connection is good for after."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from sidecar.model import Refusal, Reply
from tests.listener.hall import GET, opened, refuse, until

if TYPE_CHECKING:
    from sidecar.model import Exchange

POST = b"POST /a HTTP/1.1\r\nHost: x\r\n"
FIVE_MB = b"x" * (5 * 1024 * 1024)


async def not_found(exchange: Exchange) -> Reply:
    """Refuse without reading, as route does."""
    return refuse(Refusal("not_found", "path"), exchange.head, None)


# --- Expect


@pytest.mark.loops
async def test_continue_comes_with_the_read() -> None:
    """`100 Continue` is sent when the body is asked for, neither before nor twice."""
    gate = asyncio.Event()

    async def late(exchange: Exchange) -> Reply:
        await gate.wait()
        return await hall.echo(exchange)

    async with opened(answers={"/a": late}) as hall, hall.client() as client:
        await client.send(POST + b"Expect: 100-Continue\r\nContent-Length: 3\r\n\r\n")
        assert await client.bytes_within(0.1) == b""
        gate.set()
        assert (await client.bytes_within(5)).startswith(b"HTTP/1.1 100 Continue\r\n\r\n")
        response = await client.exchange(b"abc")
        assert (response.status, response.text, response.interim) == (200, "3 bytes", (100,))
        assert (await client.exchange(GET)).status == 200


async def test_continue_is_not_said_to_whoever_began() -> None:
    """Who sends his body with the head needs no 100 (RFC 9110 section 10.1.1)."""
    async with opened() as hall, hall.client() as client:
        response = await client.exchange(POST + b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\nabc")
        assert (response.text, response.interim) == ("3 bytes", ())


async def test_continue_is_not_said_to_1_0() -> None:
    """HTTP/1.0 knows no interim responses; its Expect is ignored."""
    async with opened() as hall, hall.client() as client:
        await client.send(b"POST /a HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
        assert await client.bytes_within(0.1) == b""
        response = await client.exchange(b"abc")
        assert (response.text, response.interim) == ("3 bytes", ())


async def test_a_refusal_instead_of_continue() -> None:
    """Who waits for 100 and is refused gets the refusal alone, and the connection ends: he may or may not send his body."""
    async with opened(answers={"/a": not_found}) as hall, hall.client() as client:
        response = await client.exchange(POST + b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\n")
        assert (response.status, response.interim, response.header("Connection")) == (404, (), "close")
        assert await client.until_end() == "fin"


@pytest.mark.parametrize("value", [b"100-continue, x", b"x", b"", b"100-continue\r\nExpect: y"])
async def test_other_expectations(value: bytes) -> None:
    """Any other Expect is 417 with a state, and no handler sees it."""
    async with opened() as hall, hall.client() as client:
        response = await client.exchange(POST + b"Expect: " + value + b"\r\nContent-Length: 3\r\n\r\n")
        assert (response.status, response.state, response.json()["reason"]) == (417, "malformed", "expectation")
        assert not hall.seen


# --- whole bodies


@pytest.mark.loops
@pytest.mark.parametrize("size", [0, 1, 4095, 65_536, 1_000_000])
async def test_bodies_arrive_whole(size: int) -> None:
    """Every byte arrives, in one segment or many, with a length or in chunks, and the connection goes on."""
    got: list[bytes] = []

    async def keep(exchange: Exchange) -> Reply:
        body = await hall.read(exchange)
        assert isinstance(body, bytes)
        got.append(body)
        return Reply(200, ())

    body = bytes(range(256)) * (size // 256) + bytes(size % 256)
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in _parts(body, 7000)) + b"0\r\n\r\n"
    async with opened(answers={"/a": keep}) as hall, hall.client() as client:
        await client.send(POST + b"Content-Length: %d\r\n\r\n" % size + body)
        assert (await client.response()).status == 200
        await client.send(POST + b"Content-Length: %d\r\n\r\n" % size + body, piece_bytes=max(1, size // 7))
        assert (await client.response()).status == 200
        await client.send(POST + b"Transfer-Encoding: chunked\r\n\r\n" + chunks, piece_bytes=max(100, size // 7))
        assert (await client.response()).status == 200
        assert got == [body] * 3


def _parts(body: bytes, size: int) -> list[bytes]:
    return [body[at : at + size] for at in range(0, len(body), size)]


async def test_declared_bytes() -> None:
    """A source says what its request declares: a length, nothing, or that it cannot know."""
    declared: list[int | None] = []

    async def note(exchange: Exchange) -> Reply:
        declared.append(exchange.source.declared_bytes)
        return await hall.echo(exchange)

    async with opened(answers={"/a": note}) as hall, hall.client() as client:
        await client.exchange(POST + b"Content-Length: 3\r\n\r\nabc")
        await client.exchange(GET)
        await client.exchange(POST + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nTrailer: yes\r\n\r\n")
        assert declared == [3, 0, None]


async def test_a_body_is_read_once() -> None:
    """A second read is a bug of ours: it raises, is logged, and the client gets `internal`."""

    async def twice(exchange: Exchange) -> Reply:
        await hall.read(exchange)
        await hall.read(exchange)
        return Reply(200, ())

    async with opened(answers={"/a": twice}) as hall, hall.client() as client:
        response = await client.exchange(GET)
        assert (response.status, response.state) == (500, "internal")
        assert "Traceback" not in response.text
        [(name, facts)] = hall.events
        assert (name, facts["where"], type(facts["error"])) == ("bug", "listener", RuntimeError)
        hall.events.clear()


async def test_a_body_at_hand() -> None:
    """A body that has come whole is had without waiting, booked; one that has not is left for `read`, which then gives all of it."""
    had: list[tuple[bytes | Refusal | None, int]] = []

    async def at_hand(exchange: Exchange) -> Reply:
        exchange.account = account = hall.memory.account("tickets")
        limit_bytes = hall.plan.limits.request_body_bytes
        body = exchange.source.at_hand(limit_bytes, account)
        had.append((body, hall.memory.held_bytes))
        if body is None:
            body = await exchange.source.read(limit_bytes, account)
        if isinstance(body, Refusal):
            return refuse(body, exchange.head, None)
        with pytest.raises(RuntimeError):
            exchange.source.at_hand(limit_bytes, account)
        return Reply(200, (), (body,))

    async with opened(answers={"/a": at_hand}) as hall, hall.client() as client:
        assert (await client.exchange(POST + b"Content-Length: 3\r\n\r\nabc")).text == "abc"
        assert (await client.exchange(GET)).text == ""
        await client.send(POST + b"Content-Length: 6\r\n\r\nabc")
        await until(lambda: len(had) == 3)
        assert (await client.exchange(b"def")).text == "abcdef"
        response = await client.exchange(POST + b"Content-Length: %d\r\n\r\n" % len(FIVE_MB))
        assert (response.status, response.state) == (413, "too_large")
    assert had[:3] == [(b"abc", 3), (b"", 0), (None, 0)]
    assert isinstance(had[3][0], Refusal)


# --- too much


@pytest.mark.loops
async def test_too_large_while_it_is_sent() -> None:
    """A 5 MB upload is refused by its length at once, and its sender, who sends on, reads why and no reset."""
    async with opened() as hall, hall.client() as client:
        head = POST + b"Content-Length: %d\r\n\r\n" % len(FIVE_MB)
        sending = asyncio.gather(client.send(head + FIVE_MB, piece_bytes=100_000, gap_s=0.002))
        response = await client.response()
        assert (response.status, response.state) == (413, "too_large")
        assert not sending.done(), "the refusal must not wait for the body"
        await sending
        assert await client.until_end() == "fin"


@pytest.mark.parametrize("chunked", [False, True])
async def test_unread_uploads_are_drained(chunked: bool) -> None:
    """A refusal made before the body is read reaches a client that writes everything before it reads anything."""
    head = POST + (b"Transfer-Encoding: chunked\r\n\r\n" if chunked else b"Content-Length: %d\r\n\r\n" % len(FIVE_MB))
    body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(FIVE_MB), FIVE_MB) if chunked else FIVE_MB
    async with opened(answers={"/a": not_found}) as hall:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(hall.listener.urls[0].rpartition(":")[2]))
        writer.write(head + body)
        await writer.drain()
        async with asyncio.timeout(10):
            assert b"404" in await reader.readline()
            assert b"not_found" in await reader.read()
        writer.close()
        await writer.wait_closed()


async def test_slow_uploads_are_drained_while_they_come() -> None:
    """An unwanted upload that comes steadily is read for longer than the two seconds that everybody gets; one that stalls is not."""
    async with opened(answers={"/a": not_found}) as hall, hall.client() as client:
        await client.send(POST + b"Content-Length: 9000000\r\n\r\n")
        await client.send(bytes(400_000), piece_bytes=10_000, gap_s=0.08)
        assert client.ended == "fin"
        assert hall.listener.connections == 1, "3.2 seconds of 125 KB/s are listened to"
        assert (await client.response()).status == 404
        await until(lambda: hall.listener.connections == 0)


@pytest.mark.loops
@pytest.mark.parametrize("size_kib", [1, 64, 100, 200, 1024])
async def test_an_unread_body_that_has_come_is_no_reason_to_hear_nothing(size_kib: int) -> None:
    """One that came whole before its refusal: what follows it is answered, and the client's end is noticed at once."""

    async def late(exchange: Exchange) -> Reply:
        await asyncio.sleep(0.05)  # all of it has come, as far as we listen
        return await not_found(exchange)

    body = b"x" * (size_kib * 1024)
    request = POST + b"Content-Length: %d\r\n\r\n" % len(body) + body
    async with opened(answers={"/a": late}) as hall:
        async with hall.client() as client:
            await client.send(request)
            assert (await client.response()).state == "not_found"
            if await client.bytes_within(0.05) == b"" and client.ended is None:
                assert (await client.exchange(GET)).state == "not_found"
        await until(lambda: hall.listener.connections == 0)


async def test_small_unread_body_keeps_the_connection() -> None:
    """A refusal of a small request costs no connection, whether its body came with the head, later, or as it was refused."""
    async with opened(answers={"/a": not_found}) as hall, hall.client() as client:
        for pieces in ([b"abc"], [b"", b"abc"], [b"a", b"b", b"c"]):
            await client.send_pieces([POST + b"Content-Length: 3\r\n\r\n" + pieces[0], *pieces[1:]], gap_s=0.01)
            response = await client.response()
            assert (response.status, response.header("Connection")) == (404, None)
        assert len(hall.seen) == 3


async def test_no_room() -> None:
    """A body that `limits.buffered` has no room for is refused as overloaded; its bytes are given back."""
    async with opened(buffered_bytes=100_000, per_backend=0.5) as hall, hall.client() as client:
        held = hall.memory.account("tickets")
        assert held.take(40_000)
        response = await client.exchange(POST + b"Content-Length: 20000\r\n\r\n" + b"x" * 20_000)
        assert (response.status, response.state, response.json()["reason"]) == (503, "overloaded", "buffered")
        held.close()
        async with hall.client() as other:
            assert (await other.exchange(POST + b"Content-Length: 20000\r\n\r\n" + b"x" * 20_000)).status == 200


async def test_pipelined_bytes_are_bounded() -> None:
    """What a client pipelines behind a slow request is booked, and refused when nothing more fits: not kept without bound."""
    gate = asyncio.Event()

    async def slow(exchange: Exchange) -> Reply:
        await gate.wait()
        return Reply(200, ())

    async with opened(answers={"/slow": slow}, buffered_bytes=200_000) as hall, hall.client() as client:
        await client.send(GET.replace(b"/a", b"/slow"))
        await until(lambda: bool(hall.seen))
        sending = asyncio.gather(
            client.send((POST + b"Content-Length: 900000\r\n\r\n" + b"x" * 900_000), piece_bytes=50_000)
        )
        await until(lambda: hall.memory.held_bytes > 30_000)
        await asyncio.sleep(0.05)
        assert hall.memory.peak_bytes <= 200_000
        gate.set()
        assert (await client.response("GET")).status == 200
        assert (await client.response()).status in (200, 503)
        await sending


async def test_many_slow_bodies_are_bounded() -> None:
    """Many connections with half a body each hold no more than `limits.buffered`; those over it are told so."""
    async with opened(buffered_bytes=1_000_000, per_backend=0.5, body_timeout_s=5.0) as hall:
        clients = [hall.client() for _ in range(100)]
        for client in clients:
            await client.open()
            await client.send(POST + b"Content-Length: 20000\r\n\r\n" + b"x" * 10_000)
        refused = [client for client in clients if b"overloaded" in await client.bytes_within(0.01)]
        assert hall.memory.peak_bytes <= 1_000_000
        assert hall.memory.held_for("tickets") <= 500_000
        assert 45 <= len(refused) <= 60
        for client in clients:
            await client.close()


# --- slow, half, gone


@pytest.mark.loops
@pytest.mark.parametrize(
    "rest",
    [
        b"Content-Length: 10\r\n\r\nabc",
        b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        b"Content-Length: 10\r\n\r\n",
    ],
)
async def test_slow_body(rest: bytes) -> None:
    """A body that stalls is answered 408 after limits.body_timeout, and the connection ends."""
    async with opened(body_timeout_s=0.2) as hall, hall.client() as client:
        at = asyncio.get_running_loop().time()
        response = await client.exchange(POST + rest)
        assert (response.status, response.state, response.json()["reason"]) == (408, "body_timeout", "body")
        assert 0.15 < asyncio.get_running_loop().time() - at < 1.0
        assert await client.until_end() == "fin"


async def test_trickled_body() -> None:
    """A byte now and then does not move the body's deadline."""
    async with opened(body_timeout_s=0.3) as hall, hall.client() as client:
        sending = asyncio.gather(client.send(POST + b"Content-Length: 100\r\n\r\n" + b"x" * 90, piece_bytes=100))
        trickle = asyncio.gather(client.send(b"xxxxxxxxx", piece_bytes=1, gap_s=0.05))
        assert (await client.response()).status == 408
        await asyncio.gather(sending, trickle)


@pytest.mark.loops
@pytest.mark.parametrize("rest", [b"Content-Length: 10\r\n\r\nabc", b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"])
async def test_half_body_and_fin(rest: bytes) -> None:
    """Who ends his half in the middle of a body still reads that it was incomplete."""
    async with opened() as hall, hall.client() as client:
        await client.send(POST + rest)
        client.half_close()
        response = await client.response()
        assert (response.status, response.state, response.json()["reason"]) == (400, "malformed", "incomplete")
        assert await client.until_end() == "fin"


async def test_half_body_and_rst() -> None:
    """Who resets in the middle of a body leaves nothing behind: handler cancelled, bytes given back, no trace."""
    async with opened() as hall:
        client = hall.client()
        await client.open()
        await client.send(POST + b"Content-Length: 100000\r\n\r\n" + b"x" * 50_000)
        await until(lambda: hall.memory.held_bytes >= 50_000)
        client.rst()
        await until(lambda: hall.listener.connections == 0)
        assert (hall.cancelled, hall.memory.held_bytes, hall.events) == (1, 0, [])


async def test_body_broken_while_nobody_reads() -> None:
    """A chunk that breaks while the handler does something else is noticed when it reads."""
    gate = asyncio.Event()

    async def late(exchange: Exchange) -> Reply:
        await gate.wait()
        return await hall.echo(exchange)

    async with opened(answers={"/a": late}) as hall, hall.client() as client:
        await client.send_pieces([POST + b"Transfer-Encoding: chunked\r\n\r\n", b"zz\r\n"], gap_s=0.02)
        gate.set()
        response = await client.response()
        assert (response.status, response.state) == (400, "malformed")
        assert await client.until_end() == "fin"
