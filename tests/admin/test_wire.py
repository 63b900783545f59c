"""Few connections, short patience, no page of aiohttp's: the edge of the admin listener on real sockets."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import pytest

from sidecar.admin import wire
from sidecar.admin.wire import CONNECTIONS, KEEP_ALIVE_S
from tests.admin.office import TOKEN, open_office, until

if TYPE_CHECKING:
    from tests.admin.office import Office
    from tests.support.client import Response


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 this is TLS\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nBad Header: <script>\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 9000 + b"\r\n\r\n",
        b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 200 + b"\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
    ids=["tls", "line", "version", "header", "length", "long-header", "long-line", "many-headers", "smuggling"],
)
async def test_what_is_no_http_gets_our_answer(office: Office, data: bytes) -> None:
    """400 as JSON, nothing of what was sent in it, the connection closed, and no trace in anybody's log."""
    async with office.client() as client:
        await client.send(data)
        said = await client.response("GET")
        assert said.status == 400
        assert said.json()["code"] == "malformed"
        assert said.header("Cache-Control") == "no-store"
        assert b"script" not in said.raw
        await client.until_end()
    assert office.log.named("bug") == []


async def test_an_error_of_our_own_is_not_shown(office: Office) -> None:
    """500 as JSON; the log has the error, and the listener goes on."""

    def stumble() -> dict[str, object]:
        raise RuntimeError("a secret of the machine")

    office.control.status = stumble  # type: ignore[method-assign] # a control that breaks
    said = await office.ask("GET", "/status", {"Accept": "text/html"})
    assert (said.status, said.json()["code"]) == (500, "internal")
    assert b"secret" not in said.raw
    assert b"Traceback" not in said.raw
    assert isinstance(office.log.named("bug")[0]["error"], RuntimeError)
    assert (await office.ask("GET", "/healthz")).status == 200


async def test_a_hundred_at_once_are_answered_or_closed(office: Office) -> None:
    """More than there is room for: everybody who is answered is answered well, nobody hangs, and afterwards all is as before."""

    async def one() -> Response | None:
        with contextlib.suppress(AssertionError, OSError):
            return await office.ask("GET", "/status?format=json")
        return None

    async with asyncio.timeout(20):
        said = await asyncio.gather(*(one() for _ in range(100)))
    assert {each.status for each in said if each is not None} == {200}
    assert sum(each is not None for each in said) >= CONNECTIONS
    assert (await office.ask("GET", "/healthz")).status == 200


async def test_idle_connections_make_room_for_whoever_asks(office: Office) -> None:
    """A monitor that leaks its connections keeps nobody out: the oldest idle one goes."""
    async with contextlib.AsyncExitStack() as stack:
        idle = [await stack.enter_async_context(office.client()) for _ in range(CONNECTIONS)]
        for client in idle:
            assert (await client.exchange(office.request("GET", "/healthz"))).status == 200
        assert (await office.ask("GET", "/healthz")).status == 200
        await idle[0].until_end()
        assert idle[-1].ended is None
        assert (await idle[-1].exchange(office.request("GET", "/healthz"))).status == 200


async def test_with_every_connection_at_work_the_next_is_closed(office: Office) -> None:
    """Nobody's order is broken off for a newcomer."""
    head = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json", "Content-Length": "100"}
    async with contextlib.AsyncExitStack() as stack:
        busy = [await stack.enter_async_context(office.client()) for _ in range(CONNECTIONS)]
        for client in busy:
            await client.send(office.request("POST", "/admin/v1/limit/set", head))
        [server] = office.listener._servers
        await until(lambda: sum(each._request_in_progress for each in server.connections) == CONNECTIONS)
        async with office.client() as late:
            await late.until_end()
        assert [client for client in busy if client.ended] == []


@pytest.mark.virtual
@pytest.mark.parametrize("sent", [b"", b"GET /healthz HTT", b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: "])
async def test_who_does_not_come_to_the_point_is_closed(sent: bytes) -> None:
    """A silent connection and half a head have as long as an idle one."""
    async with open_office() as office, office.client() as client:
        began = asyncio.get_running_loop().time()
        await client.send(sent)
        await client.until_end(60)
        assert asyncio.get_running_loop().time() - began == pytest.approx(KEEP_ALIVE_S, abs=1)


@pytest.mark.virtual
async def test_a_trickle_of_a_head_buys_no_time() -> None:
    """A byte every second is no request after as many seconds."""
    async with open_office() as office, office.client() as client:
        began = asyncio.get_running_loop().time()
        await client.send(b"GET /healthz HTTP/1.1\r\nX: ")
        while client.ended is None:
            await client.send(b"y")
            await asyncio.sleep(1)
        assert asyncio.get_running_loop().time() - began == pytest.approx(KEEP_ALIVE_S, abs=2)


@pytest.mark.virtual
async def test_who_guesses_and_hangs_up_holds_nobody_up() -> None:
    """A wrong token that nobody waits for any more has left the line, so no flood of them grows longer than the connections."""
    async with open_office() as office:
        head = {"Authorization": "Bearer wrong", "Content-Type": "application/json"}
        for _ in range(3):
            async with contextlib.AsyncExitStack() as stack:
                for _ in range(CONNECTIONS):
                    client = await stack.enter_async_context(office.client())
                    await client.send(office.request("POST", "/admin/v1/limit/set", head))
        [server] = office.listener._servers
        await until(lambda: not server.connections)
        began = asyncio.get_running_loop().time()
        assert (await office.order("config/reload", {})).status == 200
        assert asyncio.get_running_loop().time() - began < 1


async def test_who_does_not_read_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that nobody takes holds no connection for ever."""
    monkeypatch.setattr(wire, "SEND_S", 0.2)
    async with open_office() as office:

        async def large() -> tuple[str, bytes]:
            return "text/plain", b"x" * 30_000_000  # more than buffers hold

        office.control.exposition = large  # type: ignore[method-assign] # a fake of a fake
        async with office.client(receive_buffer_bytes=4096) as client:
            client.pause()
            await client.send(office.request("GET", "/metrics"))
            [server] = office.listener._servers
            await until(lambda: server.connections)
            await until(lambda: not server.connections)
        assert office.log.named("bug") == []


async def test_requests_may_share_a_connection(office: Office) -> None:
    """Kept, and pipelined ones answered in order."""
    async with office.client() as client:
        await client.send(office.request("GET", "/healthz") + office.request("GET", "/nothing"))
        first, second = await client.responses(2, "GET")
        assert (first.status, second.status) == (200, 404)
