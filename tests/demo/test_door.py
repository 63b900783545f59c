"""The door: shut it refuses and resets, open again it is at the same address, and nobody takes the port meanwhile."""

from __future__ import annotations

import asyncio
import socket

import aiohttp
import pytest
from aiohttp import web

from sidecar.demo.door import Door

pytestmark = pytest.mark.virtual


async def _hello(_: web.BaseRequest) -> web.Response:
    return web.Response(text="hello")


async def test_it_opens_slams_and_opens_again_at_one_address() -> None:
    """Refused while shut, served before and after; a slam counts the connections that it reset."""
    server = web.Server(_hello, access_log=None)
    door = Door(server, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{door.port}"
    async with aiohttp.ClientSession() as http:
        await door.open()
        await door.open()  # a second time changes nothing
        async with http.get(url) as reply:
            assert await reply.text() == "hello"
        assert door.slam() == 1
        assert not door.is_open
        with pytest.raises(aiohttp.ClientConnectionError):
            await http.get(url)
        await door.open()
        async with http.get(url) as reply:
            assert await reply.text() == "hello"
    await door.close()
    await server.shutdown(1)


async def test_the_connection_sees_a_reset_and_no_polite_end() -> None:
    """Whoever is connected when it slams reads ECONNRESET, not an end of file."""
    server = web.Server(_hello, access_log=None)
    door = Door(server, "127.0.0.1", 0)
    await door.open()
    async with aiohttp.ClientSession() as http, http.get(f"http://127.0.0.1:{door.port}"):
        pass
    with socket.create_connection(("127.0.0.1", door.port)) as sock:
        sock.setblocking(False)
        async with aiohttp.ClientSession() as http, http.get(f"http://127.0.0.1:{door.port}"):
            pass  # by now the loop has accepted the first one too
        assert door.slam() >= 1
        with pytest.raises(ConnectionResetError):
            await asyncio.get_running_loop().sock_recv(sock, 1)
    await door.close()
    await server.shutdown(1)


async def test_the_port_stays_ours_while_it_is_shut() -> None:
    """A socket that asks for the port without sharing does not get it, and IPv6 has a door too."""
    server = web.Server(_hello, access_log=None)
    door = Door(server, "127.0.0.1", 0)
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind(("127.0.0.1", door.port))
    await door.close()
    six = Door(server, "::1", 0)
    await six.open()
    async with aiohttp.ClientSession() as http, http.get(f"http://[::1]:{six.port}") as reply:
        assert reply.status == 200
    await six.close()
    await server.shutdown(1)
