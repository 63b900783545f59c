"""When a connection is free of an exchange: whoever waits for that is told once, however it ends; and how long an end may take."""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import AsyncExitStack
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from sidecar.caller import share
from sidecar.headcount import Headcount
from sidecar.listener import connection
from sidecar.model import Answer, Executed, Grade, Protocol, Refusal, Reply, Stream
from sidecar.plan import BackendPlan, LimitsPlan, ListenPlan, Plan, Scope, TlsPlan
from tests.listener.hall import GET, opened, refuse, until
from tests.support import certs

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from sidecar.model import Exchange, Outcome

LARGE = bytes(12 * 1024 * 1024)  # more than the kernel takes for a reader who does not read


class Told:
    """Answers with `reply` and counts how often an exchange was said to be over."""

    def __init__(self, reply: Reply | None) -> None:
        self.reply, self.begun, self.over = reply, 0, 0
        self.going = asyncio.Event()

    async def __call__(self, exchange: Exchange) -> Reply:
        self.begun += 1
        exchange.done.append(self._end)
        if self.reply is not None:
            return self.reply
        self.going.set()
        await asyncio.Event().wait()
        raise AssertionError("nothing sets it")

    def _end(self) -> None:
        self.over += 1


@pytest.mark.loops
async def test_an_exchange_is_over_when_its_reply_has_left() -> None:
    """Not when there is one: a reader who does not read holds his connection. Then each is told of once, on a connection that stays."""
    told = Told(Reply(200, (), (LARGE,)))
    async with opened(answers={"/a": told}) as hall, hall.client(receive_buffer_bytes=4096) as client:
        client.pause()
        await client.send(GET)
        await until(lambda: told.begun == 1)
        await asyncio.sleep(0.05)
        assert told.over == 0
        client.resume()
        assert len((await client.response("GET")).body) == len(LARGE)
        await until(lambda: told.over == 1)
        told.reply = Reply(200, ())
        for count in (2, 3):
            await client.exchange(GET)
            await until(lambda count=count: told.over == count)


@pytest.mark.loops
@pytest.mark.parametrize("how", ["rst", "fin", "stalled"])
async def test_an_exchange_is_over_when_its_connection_is_lost(how: str) -> None:
    """In the middle of a reply: hung up, or cut because nobody read."""
    told = Told(Reply(200, (), (LARGE,)))
    async with opened(answers={"/a": told}, body_timeout_s=0.3 if how == "stalled" else 60.0) as hall:
        async with hall.client(receive_buffer_bytes=4096) as client:
            client.pause()
            await client.send(GET)
            await until(lambda: told.begun == 1)
            if how == "rst":
                client.rst()
            elif how == "fin":
                await client.close()
            await until(lambda: told.over == 1)
        await until(lambda: hall.listener.connections == 0)
        assert told.over == 1


@pytest.mark.loops
async def test_an_exchange_is_over_when_its_caller_hangs_up_before_an_answer() -> None:
    """What was noted before the hang-up is told, although no reply is ever written."""
    told = Told(None)
    async with opened(answers={"/a": told}) as hall, hall.client() as client:
        await client.send(GET)
        await told.going.wait()
        client.rst()
        await until(lambda: told.over == 1 and hall.cancelled == 1)


async def test_an_exchange_with_a_cut_stream_or_a_split_reply_is_over() -> None:
    """A reply that could not be sent as it was is an end, too."""

    async def broken() -> bytes:
        raise ConnectionResetError

    for reply in (
        Reply(200, (), stream=Stream(broken, lambda: None)),
        Reply(200, ((b"X", b"a\r\nb"),)),
        Reply(200, (), close=True),
    ):
        told = Told(reply)
        async with opened(answers={"/a": told}) as hall:
            async with hall.client() as client:
                await client.send(GET)
                await client.until_end()
            await until(lambda told=told: told.over == 1)


async def test_the_last_bytes_of_a_reply_belong_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A closing reply that the transport still has is not over, although our task is: it is when its bytes are gone, or cut."""
    monkeypatch.setattr(connection, "LINGER_S", 0.05)
    told = Told(Reply(200, (), (LARGE,), close=True))

    async def roomy(exchange: Exchange) -> Reply:
        [transport] = [each.transport for each in hall.listener._open()]
        assert transport is not None
        transport.set_write_buffer_limits(2 * len(LARGE))
        return await told(exchange)

    async with opened(answers={"/a": roomy}, body_timeout_s=0.3) as hall:
        async with hall.client(receive_buffer_bytes=4096) as client:
            client.pause()
            await client.send(GET)
            await until(lambda: any("closing" in repr(each) for each in hall.listener._open()))
            assert told.over == 0
            await until(lambda: told.over == 1)
        await until(lambda: hall.listener.connections == 0)


async def test_readers_of_one_backend_leave_room_for_another() -> None:
    """Twenty who do not read their replies want all twenty connections: half of them are refused, and the neighbour is served."""
    grade = Grade("ok", Executed.YES)

    async def inner(_: Exchange) -> Outcome:
        return Answer(200, "OK", (), (LARGE,), len(LARGE), grade)

    backends = tuple(BackendPlan(name, Protocol.SOAP, f"/{name}", (("", "http://127.0.0.1:9/"),)) for name in "ab")
    plan = Plan(limits=LimitsPlan(connections=20, per_backend=0.5), backends=backends)
    stage = share.build(Scope(plan, backends[0]), cast("Any", SimpleNamespace(headcounts={"a": Headcount()})), inner)

    async with opened(answers={"/a": written(stage)}, connections=20) as hall, AsyncExitStack() as stack:
        slow = [await stack.enter_async_context(hall.client(receive_buffer_bytes=4096)) for _ in range(20)]
        for at, client in enumerate(slow):
            client.pause()
            await client.send(GET)
            await until(lambda at=at: len(hall.seen) > at)
            if at >= 10:  # the refused ones are free at once, and give way to whoever comes
                client.resume()
                assert (await client.response("GET")).state == "overloaded"
        neighbour = await stack.enter_async_context(hall.client())
        assert (await neighbour.exchange(GET.replace(b"/a", b"/b"))).status == 200
        for client in slow[:10]:
            client.rst()
        await until(lambda: hall.listener.connections <= 11)
        again = await stack.enter_async_context(hall.client())
        assert len((await again.exchange(GET)).body) == len(LARGE)


def written(stage: Callable[[Exchange], Awaitable[Outcome]]) -> Callable[[Exchange], Awaitable[Reply]]:
    """Do what the envelope does."""

    async def answer(exchange: Exchange) -> Reply:
        outcome = await stage(exchange)
        if isinstance(outcome, Refusal):
            return refuse(outcome, exchange.head, None)
        return Reply(outcome.status, outcome.headers, outcome.body)

    return answer


# --- TLS


class Mute:
    """A TLS client that never answers a close_notify and never closes: its end is decided by the server alone."""

    def __init__(self, port: int, context: ssl.SSLContext) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname="127.0.0.1")
        self._port = port
        self.sock = socket.socket()
        self.sock.setblocking(False)

    async def open(self) -> None:
        await asyncio.get_running_loop().sock_connect(self.sock, ("127.0.0.1", self._port))
        await self._do(self._tls.do_handshake)

    async def exchange(self, data: bytes) -> bytes:
        self._tls.write(data)
        return cast("bytes", await self._do(lambda: self._tls.read(65536)))

    async def _do(self, step: Callable[[], Any]) -> Any:
        loop = asyncio.get_running_loop()
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:
                if out := self._outgoing.read():
                    await loop.sock_sendall(self.sock, out)
                self._incoming.write(await loop.sock_recv(self.sock, 65536))


def secure(folder: Path) -> tuple[ListenPlan, ssl.SSLContext]:
    made = certs.make(folder)
    return ListenPlan(port=0, tls=TlsPlan(str(made.cert_file), str(made.key_file))), made.client


@pytest.mark.loops
async def test_a_mute_tls_peer_gives_way_at_once(tmp_path: Path) -> None:
    """At the cap an idle connection goes for a newcomer: under TLS, too, its descriptor goes with it, not after a goodbye."""
    listen, context = secure(tmp_path)
    async with opened(listen=listen, connections=2) as hall:
        port = int(hall.listener.urls[0].rsplit(":", 1)[1])
        mute = [Mute(port, context) for _ in range(6)]
        for peer in mute:
            await peer.open()
            assert (await peer.exchange(GET)).startswith(b"HTTP/1.1 200")
        await until(lambda: hall.listener.connections == 2, within_s=1.0)
        for peer in mute:
            peer.sock.close()


@pytest.mark.loops
async def test_a_mute_tls_peer_is_waited_for_briefly_and_has_a_place_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a reply that closes, our close_notify waits for his: for a bounded while, within the cap; then he is cut."""
    monkeypatch.setattr(connection, "TLS_LEAVE_S", 0.4)
    listen, context = secure(tmp_path)
    closing = GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    async with opened(listen=listen, connections=1) as hall:
        port = int(hall.listener.urls[0].rsplit(":", 1)[1])
        mute = Mute(port, context)
        await mute.open()
        assert (await mute.exchange(closing)).startswith(b"HTTP/1.1 200")
        async with hall.client(ssl=context) as other:
            assert (await other.exchange(GET)).state == "overloaded"
        await until(lambda: hall.listener.connections == 0, within_s=2.0)
        async with hall.client(ssl=context) as other:
            assert (await other.exchange(GET)).status == 200
        mute.sock.close()
