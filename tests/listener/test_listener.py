"""The listener as a whole: where it binds, what it calls itself, how it goes."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import stat
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from aiohttp import http_parser

from sidecar import sockets
from sidecar.listener import Listener, ListenError
from sidecar.model import Peer, Refusal, Reply
from sidecar.plan import ListenPlan, Plan, TlsPlan
from tests.listener.hall import GET, ORIGIN, Hall, opened, refuse, until
from tests.support import certs
from tests.support.client import BadResponse, Client

if TYPE_CHECKING:
    from sidecar.model import Exchange

SLOW = GET.replace(b"/a", b"/slow")


# --- where it listens


@pytest.mark.loops
async def test_ipv6() -> None:
    """An IPv6 address is bound, named in brackets, and its clients are named without."""
    peers: list[Peer] = []

    async def note(exchange: Exchange) -> Reply:
        peers.append(exchange.peer)
        return Reply(200, ())

    async with opened(listen=ListenPlan(host="::1", port=0), answers={"/a": note}) as hall, hall.client() as client:
        assert hall.listener.listen_url == hall.listener.urls[0]
        assert hall.listener.urls[0].startswith("http://[::1]:")
        assert (await client.exchange(GET)).status == 200
        assert peers == [Peer("::1", tls=False)]


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
async def test_every_address_is_no_address(host: str) -> None:
    """What means every address is bound, but nothing that a client could be told."""
    async with opened(listen=ListenPlan(host=host, port=0)) as hall:
        assert hall.listener.listen_url is None
        port = int(hall.listener.urls[0].rpartition(":")[2])
        async with Client("127.0.0.1" if host == "0.0.0.0" else "::1", port) as client:
            assert (await client.exchange(GET)).status == 200


async def test_localhost() -> None:
    """A name is bound on all its addresses with one port, and is told as the name that it is."""
    async with opened(listen=ListenPlan(host="localhost", port=0)) as hall:
        assert len({url.rpartition(":")[2] for url in hall.listener.urls}) == 1
        assert (hall.listener.listen_url or "").startswith("http://localhost:")


@pytest.mark.loops
async def test_unix(tmp_path: Path) -> None:
    """A unix socket is made for owner and group, serves, has no URL, and goes with us."""
    path = tmp_path / "sidecar.sock"
    async with opened(listen=ListenPlan(unix=str(path))) as hall:
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        assert hall.listener.listen_url is None
        async with Client(unix=path) as client:
            assert (await client.exchange(GET)).status == 200
    assert not path.exists()


async def test_stale_unix_socket_is_replaced(tmp_path: Path) -> None:
    """The socket file of a process that died is no obstacle."""
    path = tmp_path / "sidecar.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    async with opened(listen=ListenPlan(unix=str(path))), Client(unix=path) as client:
        assert (await client.exchange(GET)).status == 200


async def test_live_unix_socket_is_left(tmp_path: Path) -> None:
    """A socket that somebody listens on, and a file that is no socket, are refused with the remedy and left alone."""
    path = tmp_path / "sidecar.sock"
    async with opened(listen=ListenPlan(unix=str(path))):
        with pytest.raises(ListenError, match="another process listens"):
            await _start(ListenPlan(unix=str(path)))
        async with Client(unix=path) as client:
            assert (await client.exchange(GET)).status == 200
    path.write_text("precious")
    with pytest.raises(ListenError, match="not a socket"):
        await _start(ListenPlan(unix=str(path)))
    assert path.read_text() == "precious"


async def test_unix_socket_of_a_successor_is_left(tmp_path: Path) -> None:
    """Who goes does not remove the socket that his successor has put in the same place."""
    path = tmp_path / "sidecar.sock"
    async with opened(listen=ListenPlan(unix=str(path))) as first:
        path.unlink()
        async with opened(listen=ListenPlan(unix=str(path))):
            await first.listener.close()
            async with Client(unix=path) as client:
                assert (await client.exchange(GET)).status == 200


async def _start(listen: ListenPlan) -> None:
    await Hall(Plan(listen=listen), {}).listener.start()


async def test_taken_port() -> None:
    """A port that is taken is an error that names it and says what to do; so are a wrong host and a missing directory."""
    async with opened() as hall:
        port = int(hall.listener.urls[0].rpartition(":")[2])
        with pytest.raises(ListenError, match=rf"127\.0\.0\.1 port {port}.*another sidecar"):
            await _start(ListenPlan(port=port))
    with pytest.raises(ListenError, match="no address of this machine"):
        await _start(ListenPlan(host="no.such.host.invalid"))
    with pytest.raises(ListenError, match="directory must exist"):
        await _start(ListenPlan(unix="/nonexistent/sidecar.sock"))


@pytest.mark.loops
async def test_tls(tmp_path: Path) -> None:
    """TLS by certificate files: served, named https, its peers marked, at least TLS 1.2, errors readable in it."""
    made = certs.make(tmp_path)
    listen = ListenPlan(port=0, tls=TlsPlan(str(made.cert_file), str(made.key_file)))
    peers: list[Peer] = []

    async def note(exchange: Exchange) -> Reply:
        peers.append(exchange.peer)
        return Reply(200, (), (bytes(3_000_000),))

    async with opened(listen=listen, answers={"/a": note}) as hall:
        assert (hall.listener.listen_url or "").startswith("https://127.0.0.1:")
        async with hall.client(ssl=made.client) as client:
            assert len((await client.exchange(GET)).body) == 3_000_000
            response = await client.exchange(b"GET / HTTP/1.1\r\nOrigin: " + ORIGIN.encode() + b"\r\n\r\n")
            assert (response.state, response.header("Access-Control-Allow-Origin")) == ("malformed", ORIGIN)
            assert await client.until_end() == "fin"
        assert peers == [Peer("127.0.0.1", tls=True)]


async def test_tls_files_that_do_not_fit(tmp_path: Path) -> None:
    """Certificate files that are missing or do not belong together are named before anything is bound."""
    with pytest.raises(ListenError, match=r"listen\.tls: cannot use /nowhere"):
        await _start(ListenPlan(port=0, tls=TlsPlan("/nowhere/cert.pem", "/nowhere/key.pem")))
    one, other = tmp_path / "1", tmp_path / "2"
    one.mkdir()
    other.mkdir()
    mixed = TlsPlan(str(certs.make(one).cert_file), str(certs.make(other).key_file))
    with pytest.raises(ListenError, match="belong together"):
        await _start(ListenPlan(port=0, tls=mixed))


async def test_slow_parser_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """An aiohttp without its C parser is an error at start, with the remedy."""
    monkeypatch.setattr(http_parser, "HttpRequestParser", http_parser.HttpRequestParserPy)
    with pytest.raises(ListenError, match="AIOHTTP_NO_EXTENSIONS"):
        await _start(ListenPlan(port=0))


def test_repr() -> None:
    """A listener says where it is and how many are connected."""
    assert repr(Hall(Plan(), {}).listener) == "<Listener not started connections=0>"


# --- how it goes


async def slow(exchange: Exchange) -> Reply:
    await asyncio.sleep(0.1)
    return Reply(200, (), (b"slow",))


@pytest.mark.loops
async def test_drain_serves_during_its_delay() -> None:
    """For the delay everything is served, new connections too, and every reply says `Connection: close`."""
    async with opened() as hall, hall.client() as client:
        await client.exchange(GET)
        assert not hall.listener.draining
        going = asyncio.gather(hall.listener.drain(0.3, 1))
        await until(lambda: hall.listener.draining)
        assert (await client.exchange(GET)).header("Connection") == "close"
        async with hall.client() as second:
            assert (await second.exchange(GET)).header("Connection") == "close"
            assert await second.until_end() == "fin"
        await going
        with pytest.raises(ConnectionRefusedError):
            await hall.client().open()


@pytest.mark.loops
async def test_drain_finishes_what_is_under_way() -> None:
    """What is in flight is finished, idle connections are closed, and the drain does not last longer than that."""
    async with opened(answers={"/slow": slow}) as hall, hall.client() as busy, hall.client() as idle:
        await idle.exchange(GET)
        await busy.send(SLOW + GET)
        await until(lambda: len(hall.seen) == 2)
        at = asyncio.get_running_loop().time()
        draining = asyncio.gather(hall.listener.drain(0, 10))
        assert [response.status for response in await busy.responses(2)] == [200, 200]
        for client in (busy, idle):
            assert await client.until_end() == "fin"
            await client.close()
        await draining
        assert asyncio.get_running_loop().time() - at < 1
        assert hall.listener.connections == 0


@pytest.mark.loops
async def test_drain_answers_the_rest() -> None:
    """What is not done when the time is up is answered by its farewell: at work, in its body, in its head."""

    async def never(exchange: Exchange) -> Reply:
        await asyncio.Event().wait()
        raise AssertionError

    async with opened(answers={"/slow": never}) as hall, AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(hall.client()) for _ in range(3)]
        await clients[0].send(SLOW)
        await clients[1].send(b"POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")
        await clients[2].send(b"GET /c HTTP/1.1\r\nHo")
        await until(lambda: len(hall.seen) == 2)
        await hall.listener.drain(0, 0.1)
        replies = [await client.response("GET") for client in clients]
        assert [(reply.status, reply.state) for reply in replies] == [(503, "draining")] * 3
        assert [reply.json()["detail"] for reply in replies] == ["/slow was under way", "/b was under way", None]
        assert [await client.until_end() for client in clients] == ["fin"] * 3
        assert hall.cancelled == 2


@pytest.mark.loops
async def test_drain_under_load() -> None:
    """With clients that reconnect as told and call without a pause, a drain fails nobody: who comes late is told that we go."""
    outcomes: list[int] = []
    late = asyncio.Event()

    async def answer(exchange: Exchange) -> Reply:
        if late.is_set():
            return refuse(Refusal("draining"), exchange.head, None)
        return await slow(exchange)

    failures: list[BaseException] = []

    async with opened(answers={"/slow": answer}) as hall:

        async def crowd() -> None:
            while True:
                client = hall.client()
                try:
                    await client.open()
                except OSError:
                    return
                try:
                    while True:
                        response = await client.exchange(SLOW)
                        outcomes.append(response.status)
                        if response.status == 503:
                            return
                        if response.header("Connection") == "close":
                            break
                except (BadResponse, OSError) as error:
                    failures.append(error)
                finally:
                    await client.close()

        async with asyncio.TaskGroup() as group:
            for _ in range(30):
                group.create_task(crowd())
            await asyncio.sleep(0.3)
            await hall.listener.drain(0.3, 5, late.set)
        assert len(outcomes) > 60
        assert set(outcomes) == {200, 503}
        assert failures == []
        assert len(hall.seen) == len(outcomes)


@pytest.mark.loops
async def test_drain_takes_in_who_stands_in_the_door(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who was let in and has asked in the last instant before the port closes, in the kernel's keeping alone, is told that we go."""
    late: list[socket.socket] = []
    async with opened() as hall:
        host, port = hall.listener.urls[0].removeprefix("http://").split(":")

        def shut_out(bound: socket.socket) -> list[socket.socket]:
            for _ in range(50):  # nothing between here and the close gives the loop a turn
                late.append(socket.create_connection((host, int(port)), timeout=5))
                late[-1].sendall(GET)
            return sockets.shut_out(bound)

        monkeypatch.setattr("sidecar.listener.shut_out", shut_out)
        answers = [asyncio.to_thread(_read_all, late, each) for each in range(50)]
        _, *answered = await asyncio.gather(hall.listener.drain(0, 1), *answers)
        assert {answer.split(b"\r\n")[0] for answer in answered} == {b"HTTP/1.1 200 OK"}
        assert all(b"\r\nConnection: close\r\n" in answer for answer in answered)


def _read_all(of: list[socket.socket], each: int) -> bytes:
    while len(of) <= each:
        time.sleep(0.01)
    parts = []
    with of[each] as one:
        while part := one.recv(65536):
            parts.append(part)
    return b"".join(parts)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can drop a SYN for one socket")
async def test_nobody_is_let_in_while_the_door_is_shut() -> None:
    """Between the last accept and the close the kernel answers no SYN: whoever comes then has not sent anything yet."""
    with socket.create_server(("127.0.0.1", 0)) as bound, socket.create_connection(bound.getsockname()) as first:
        bound.setblocking(False)
        came = sockets.shut_out(bound)
        assert [one.getpeername() for one in came] == [first.getsockname()]
        with socket.socket() as second:
            second.settimeout(0.3)
            with pytest.raises(TimeoutError):
                second.connect(bound.getsockname())
        for one in came:
            one.close()


@pytest.mark.loops
async def test_drain_waits_for_who_has_only_just_come() -> None:
    """A request follows its connection by a round trip: he is not closed on before it has come, and one who stays silent holds nobody."""
    async with opened() as hall, hall.client() as slow_to_ask, hall.client() as silent:
        await until(lambda: hall.listener.connections == 2)
        at = asyncio.get_running_loop().time()
        going = asyncio.gather(hall.listener.drain(0, 10))
        await asyncio.sleep(0.2)
        assert (await slow_to_ask.exchange(GET)).header("Connection") == "close"
        await slow_to_ask.close()
        assert await silent.until_end() == "fin"
        await going
        assert asyncio.get_running_loop().time() - at < 2


@pytest.mark.loops
async def test_drain_answers_what_is_pipelined() -> None:
    """The time is up for one request, and the one behind it has come as well: both are answered, and the last says that it is the last."""
    begun = asyncio.Event()

    async def never(exchange: Exchange) -> Reply:
        begun.set()
        await asyncio.Event().wait()
        raise AssertionError

    async with opened(answers={"/slow": never}) as hall, hall.client() as client:
        await client.send(SLOW + GET)
        await begun.wait()
        await hall.listener.drain(0, 0.1)
        first, second = await client.responses(2)
        assert (first.state, first.header("Connection")) == ("draining", None)
        assert (second.status, second.header("Connection")) == (200, "close")
        assert await client.until_end() == "fin"


async def test_close_at_once() -> None:
    """Without a drain everything ends at once, and a second close is harmless."""
    async with opened(answers={"/slow": slow}) as hall, hall.client() as client:
        await client.send(SLOW)
        await until(lambda: bool(hall.seen))
        await hall.listener.close()
        assert (hall.listener.connections, hall.cancelled) == (0, 1)
        await hall.listener.close()
        await hall.listener.drain(0, 0)


async def test_never_started() -> None:
    """A listener that never started can be drained and closed."""
    listener: Listener = Hall(Plan(), {}).listener
    await listener.drain(0, 0)
    await listener.close()
    assert (listener.urls, listener.listen_url, listener.connections, listener.idle) == ((), None, 0, 0)


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_descriptors_come_back() -> None:
    """After many connections of every kind no descriptor is left behind."""
    before = _descriptors()
    async with opened() as hall:
        for request in (GET, b"nonsense\r\n\r\n", b"", b"GET /"):
            for _ in range(10):
                async with hall.client() as client:
                    await client.send(request)
                    with contextlib.suppress(BadResponse):
                        await client.bytes_within(0.01)
        await until(lambda: hall.listener.connections == 0)
    assert _descriptors() == before
