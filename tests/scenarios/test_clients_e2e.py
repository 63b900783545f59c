"""Who is a client: a stranger's word on addresses reaches nobody, a trusted proxy's does, and who is somebody of his own says the backend.

A real process and callers at several addresses of the loopback. Names of clients are only compared: how a line writes them is its own.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import envelopes as env
from tests.support.backend import ThreadBackend
from tests.support.client import Client
from tests.support.plays import Point, answer
from tests.support.process import SidecarProcess
from tests.support.replies import http

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.client import Response
    from tests.support.visit import Visit


STRANGER, EDGE, SHOP_SERVER = "127.0.0.3", "127.0.0.9", "127.0.0.5"
NO = "Basic nobody"  # what the backend says no to

CLAIMS = (
    ("X-Forwarded-For", "198.51.100.1"),
    ("x-forwarded-host", "bank.example"),
    ("X-FORWARDED-PROTO", "https"),
    ("X-Forwarded-Port", "443"),
    ("X-Real-IP", "198.51.100.1"),
    ("Forwarded", "for=198.51.100.1"),
    ("X-Client-IP", "198.51.100.1"),
    ("True-Client-IP", "198.51.100.1"),
    ("CF-Connecting-IP", "198.51.100.1"),
    ("X_Forwarded_For", "198.51.100.1"),
)


async def stage(visit: Visit) -> None:
    """A backend that signs people in by Authorization, where they show one."""
    entry = await visit.head()
    if entry.header("Authorization") == NO:
        await answer(http("no", 401, content_type="text/plain"), executes=None)(visit)
    elif entry.target == "/rpc":
        await answer(http(env.xmlrpc_reply("Ping"), content_type="text/xml"), executes=Point.BODY)(visit)
    else:
        await answer(http(env.soap11_reply("Ping")), executes=Point.BODY)(visit)


class House:
    """A sidecar, its backend, and a way to ask who was counted as whom."""

    def __init__(self, sidecar: SidecarProcess, backend: ThreadBackend) -> None:
        self.sidecar, self.backend = sidecar, backend

    async def call(self, peer: str, *headers: tuple[str, str], request: env.Request | None = None) -> Response:
        """Call from the address `peer`, or through the unix socket that it names."""
        made = request or env.xmlrpc("Ping")
        path = "/rpc" if request is None or b"<methodCall" in made.body else "/soap"
        return await self._exchange(peer, made.raw(path, headers=list(headers)))

    async def _exchange(self, peer: str, data: bytes) -> Response:
        options: dict[str, Any] = {"port": self.sidecar.listen.get("port", 0), "local": peer}
        if "unix" in self.sidecar.listen:
            options = {"unix": self.sidecar.listen["unix"]}
        async with Client(**options) as client:
            return await client.exchange(data)

    async def client(self, peer: str, *headers: tuple[str, str], request: env.Request | None = None) -> str:
        """Return who a call was counted as: its line in the log says it."""
        response = await self.call(peer, *headers, request=request)
        name = response.header("X-Request-Id")
        found = await asyncio.to_thread(self.sidecar.wait_line, rf'"event":"access".*"request_id":"{name}"')
        return str(json.loads(found.string)["client"])

    def sent(self, name: str) -> list[str]:
        """Return the values of a header of the last call, as the backend got them."""
        headers = self.backend.journal.entries[-1].headers
        return [value.decode() for key, value in headers if key.decode().lower() == name.lower()]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One edge that is trusted, one server that names its people, one backend in two dialects."""
    with ExitStack() as stack:
        yield opened(stack, tmp_path_factory.mktemp("clients"), {"trust": [EDGE]})


def opened(stack: ExitStack, folder: Path, clients: dict[str, Any], **more: Any) -> House:
    backend = stack.enter_context(ThreadBackend(stage))
    wsdl = folder / "box.wsdl"
    wsdl.write_text('<w:definitions xmlns:w="http://schemas.xmlsoap.org/wsdl/"/>')
    shown = {"params": ["SessionKey", "0"], "headers": ["Authorization"]}
    settings = {
        "clients": clients,
        "callers": {"shop_server": {"networks": [SHOP_SERVER], "trusted": True, "class": "staff"}},
        "backends": {
            "rpc": {"protocol": "xmlrpc", "url": f"{backend.url}/rpc", "identity": shown},
            "soap": {"protocol": "soap", "url": f"{backend.url}/box", "wsdl": str(wsdl), "identity": shown},
        },
        **more,
    }
    return House(stack.enter_context(SidecarProcess(settings, folder)), backend)


async def test_a_strangers_word_reaches_nobody(house: House) -> None:
    """Not the backend, which would believe it of us, and not the decision who he is."""
    plain = await house.client(STRANGER)
    assert await house.client(STRANGER, *CLAIMS, ("X-Mine", "1")) == plain
    assert [house.sent(name) for name, _ in CLAIMS] == [[]] * len(CLAIMS)
    assert house.sent("X-Mine") == ["1"]
    assert await house.client("127.0.0.4", *CLAIMS) != plain


async def test_a_trusted_proxys_word_is_believed_and_passes_as_it_came(house: House) -> None:
    """People behind it are told apart, and the backend sees what it saw before there was a sidecar."""
    edge = await house.client(EDGE)
    names = [await house.client(EDGE, ("X-Forwarded-For", f"198.51.100.{last}")) for last in (1, 2, 1)]
    assert names[0] == names[2]
    assert len({edge, *names}) == 3
    for name, value in CLAIMS[:-1]:
        await house.call(EDGE, (name, value))
        assert house.sent(name) == [value]
    await house.call(EDGE, CLAIMS[-1])
    assert house.sent(CLAIMS[-1][0]) == [], "no proxy spells it so"


async def test_who_comes_through_the_proxy_is_not_the_proxy(house: House) -> None:
    """A stranger behind it cannot be another one by what he writes before the proxy's own word."""
    honest = await house.client(EDGE, ("X-Forwarded-For", "198.51.100.7"))
    assert (
        await house.client(EDGE, ("X-Forwarded-For", f"{SHOP_SERVER}, 198.51.100.7"), ("Sidecar-Client", "a")) == honest
    )


async def test_a_trusted_caller_names_its_people(house: House) -> None:
    """They are clients of their own; the header is nobody's but ours, and from others it says nothing."""
    server = await house.client(SHOP_SERVER)
    names = [await house.client(SHOP_SERVER, ("Sidecar-Client", name)) for name in ("4711", "4712", "4711")]
    assert house.sent("Sidecar-Client") == []
    assert names[0] == names[2]
    assert len({server, *names}) == 3
    assert await house.client(STRANGER, ("Sidecar-Client", "4711")) == await house.client(STRANGER)
    assert house.sent("Sidecar-Client") == []


async def test_a_name_that_is_none_is_ignored_and_told(house: House) -> None:
    """The call goes on as the server's own; the log says what a name looks like, never what was written."""
    assert await house.client(SHOP_SERVER, ("Sidecar-Client", "two words")) == await house.client(SHOP_SERVER)
    line = await asyncio.to_thread(house.sidecar.wait_line, '"event":"client_name_malformed"')
    said = json.loads(line.string)
    assert (said["caller"], said["count"]) == ("shop_server", 1)
    assert "two words" not in line.string


@pytest.mark.parametrize(
    ("peer", "shown"),
    [
        ("127.0.1.1", {"header": "Basic ada"}),
        ("127.0.1.2", {"request": env.soap11("Ping", {"SessionKey": "K-ada"})}),
        ("127.0.1.3", {"request": env.asmx_post("Ping", {"SessionKey": "K-bob"})}),
        ("127.0.1.4", {"request": env.xmlrpc("Ping", {"SessionKey": "K-cyd"})}),
    ],
    ids=["header", "soap", "asmx", "xmlrpc"],
)
async def test_what_people_show_counts_once_the_backend_has_answered_it_well(
    house: House, peer: str, shown: dict[str, Any]
) -> None:
    """A session key in any dialect, or an Authorization line; until then its sender is his address."""
    headers = [("Authorization", shown["header"])] if "header" in shown else []
    address = await house.client(peer)
    first, *later = [await house.client(peer, *headers, request=shown.get("request")) for _ in range(3)]
    assert first == address
    assert later[0] == later[1] != address
    assert await house.client(peer) == address
    assert not any("K-ada" in line or "K-bob" in line or "K-cyd" in line for line in house.sidecar.lines)


async def test_what_the_backend_says_no_to_never_counts(house: House) -> None:
    """However often it is shown; its 401 is passed on."""
    peer = "127.0.1.9"
    address = await house.client(peer)
    assert [await house.client(peer, ("Authorization", NO)) for _ in range(3)] == [address] * 3
    assert (await house.call(peer, ("Authorization", NO))).status == 401


async def test_one_client_who_is_everybody_is_told_in_the_log(house: House) -> None:
    """A proxy that nobody trusts: a thousand requests with somebody's address on each, and one client."""
    request = b"GET /.sidecar/healthz HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 198.51.100.1\r\n\r\n"
    start = len(house.sidecar.lines)
    async with Client(port=house.sidecar.port, local="127.0.0.7") as client:
        for _ in range(20):  # two windows, whatever was counted before
            await client.send(request * 100)
            await client.responses(100, "GET")
    found = await asyncio.to_thread(house.sidecar.wait_line, '"event":"one_client"', start=start)
    line = json.loads(found.string)
    assert "% of the last 1000 requests, and they carry X-Forwarded-For from 127.0.0.7, which is not in" in line["text"]
    assert "clients: {trust: [127.0.0.7/32]}" in line["remedy"]
    assert sum('"event":"one_client"' in each for each in house.sidecar.lines[start:]) == 1


async def test_a_proxy_at_the_unix_socket(tmp_path: Path) -> None:
    """Trusted by that word; and here it speaks RFC 7239."""
    with ExitStack() as stack:
        listen = {"unix": str(tmp_path / "s")}
        house = opened(stack, tmp_path, {"trust": ["unix"], "header": "Forwarded"}, listen=listen)
        names = [await house.client("", ("Forwarded", f"for=198.51.100.{last};proto=https")) for last in (1, 2, 1)]
        assert house.sent("Forwarded") == ["for=198.51.100.1;proto=https"]
        local = await house.client("")
    assert names[0] == names[2]
    assert len({local, *names}) == 3
