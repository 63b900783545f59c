"""Short replies that leave at the end of a turn: all of them, each to its own, in their order, and before whatever else is said or done."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

import pytest

from sidecar.listener.outbox import SHORT_BYTES, Outbox
from sidecar.listener.wire import CONTINUE
from sidecar.model import Reply, joined
from tests.listener.hall import Hall, opened, until

if TYPE_CHECKING:
    from collections.abc import Callable

    from sidecar.listener.connection import Connection
    from sidecar.model import Exchange


class Transport:
    """Notes what is written."""

    def __init__(self, written: list[bytes], *, closing: bool = False) -> None:
        self._written, self._closing = written, closing

    def is_closing(self) -> bool:
        return self._closing

    def write(self, data: bytes) -> None:
        self._written.append(data)


def transport(written: list[bytes], *, closing: bool = False) -> asyncio.Transport:
    return cast("asyncio.Transport", Transport(written, closing=closing))


async def test_it_writes_at_the_end_of_the_turn() -> None:
    """In the order in which they came, and not before; the next one belongs to another turn."""
    outbox, written = Outbox(asyncio.get_running_loop()), list[bytes]()
    assert outbox.post(transport(written), b"a") == outbox.post(transport(written), b"b") == 0
    assert repr(outbox) == "<Outbox 2 of turn 0>"
    assert written == []
    await asyncio.sleep(0)
    assert written == [b"a", b"b"]
    assert outbox.post(transport(written), b"c") == 1
    outbox.flush()
    outbox.flush()
    assert (written, outbox.turn) == ([b"a", b"b", b"c"], 2)


async def test_who_has_gone_gets_nothing() -> None:
    """The others do."""
    outbox, written, lost = Outbox(asyncio.get_running_loop()), list[bytes](), list[bytes]()
    outbox.post(transport(lost, closing=True), b"a")
    outbox.post(transport(written), b"b")
    outbox.flush()
    assert (written, lost) == ([b"b"], [])


# --- on connections

LONG = b"x" * (SHORT_BYTES + 1)


async def short(exchange: Exchange) -> Reply:
    """Answer as the road does with what is its own: the path, so that a reply that went astray is seen."""
    headers = ((b"X-Path", exchange.head.path.encode()),)
    return Reply(200, headers, (exchange.head.path.encode(),), block=joined(headers))


async def long(exchange: Exchange) -> Reply:
    return (await short(exchange))._replace(body=(LONG,))


async def body(exchange: Exchange) -> Reply:
    """Ask for the body, and so for a client that waits to be told to send it."""
    exchange.account = HALL[0].memory.account("tickets")
    said = await exchange.source.read(100, exchange.account)
    return (await short(exchange))._replace(body=(cast("bytes", said),))


HALL: list[Hall] = []
ANSWERS = {"/a": short, "/b": short, "/long": long, "/body": body}


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()


@pytest.mark.loops
async def test_many_of_one_turn() -> None:
    """Each connection gets its own reply."""
    answers = {f"/{number}": short for number in range(50)}
    async with opened(answers=answers) as hall:
        clients = [hall.client() for _ in answers]
        for client in clients:
            await client.open()
        for client, path in zip(clients, answers, strict=True):
            await client.send(get(path))
        for client, path in zip(clients, answers, strict=True):
            assert (await client.response("GET")).text == path
            await client.close()


@pytest.mark.loops
@pytest.mark.parametrize("paths", [("/a", "/b", "/a"), ("/a", "/long", "/b"), ("/long", "/a", "/long"), ("/a",) * 8])
async def test_pipelined_replies_keep_their_order(paths: tuple[str, ...]) -> None:
    """Though a short one waits for the end of the turn, and the one behind it does not."""
    async with opened(answers=ANSWERS) as hall, hall.client() as client:
        await client.send(b"".join(map(get, paths)))
        replies = await client.responses(len(paths), "GET")
        assert [reply.header("X-Path") for reply in replies] == list(paths)
        assert [len(reply.body) for reply in replies] == [len(LONG) if path == "/long" else len(path) for path in paths]


@pytest.mark.loops
async def test_it_leaves_before_the_next_request_is_told_to_go_on() -> None:
    """`100 Continue` belongs to the second one: before the first reply it would be taken for a part of that."""
    expects = b"POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
    async with opened(answers=ANSWERS) as hall, hall.client() as client:
        HALL[:] = [hall]
        await client.send(get("/a") + expects)
        first = await client.response("GET")
        assert first.text == "/a"
        await until(lambda: bytes(client.unread) == CONTINUE)
        client.unread.clear()
        await client.send(b"hello")
        assert (await client.response()).text == "hello"


def dismissed(of: Connection) -> None:
    of.dismiss()


def given_away(of: Connection) -> None:
    of._desk.tls = True  # only there it is cut
    of.dismiss(at_once=True)


def left(of: Connection) -> None:
    of._leave()


@pytest.mark.loops
@pytest.mark.parametrize("ends", [dismissed, given_away, left])
async def test_a_reply_is_not_lost_where_its_connection_ends_in_the_same_turn(
    ends: Callable[[Connection], None],
) -> None:
    """A drain, or an idle place that is given away."""

    async def answer(exchange: Exchange) -> Reply:
        (connection,) = hall.listener._reception._connections
        # Behind this step of the connection's task, and before the outbox.
        asyncio.get_running_loop().call_soon(ends, connection)
        return await short(exchange)

    async with opened(answers={"/a": answer}) as hall, hall.client() as client:
        await client.send(get("/a"))
        assert (await client.response("GET")).text == "/a"
        assert await client.until_end() == "fin"


@pytest.mark.loops
async def test_who_has_no_more_to_say_gets_his_reply() -> None:
    """His end comes with his request, and the reply before ours."""
    async with opened(answers=ANSWERS) as hall, hall.client() as client:
        await client.send(get("/a") + get("/b"))
        client.half_close()
        assert [reply.text for reply in await client.responses(2, "GET")] == ["/a", "/b"]
        assert await client.until_end() == "fin"
