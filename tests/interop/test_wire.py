"""What real clients do below SOAP: Expect, kept connections that the backend drops, gzip, UTF-16, HTTP/1.0.

The wire is read at both taps, so each test first shows that the client did what the test is named after.
"""

from __future__ import annotations

import gzip
import socket
import subprocess
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.interop.conftest import Road, company, lay
from tests.interop.peers import Visit, pairs, without_time
from tests.interop.test_tour import TEXT, assert_identical
from tests.support import require

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.interop.peers import Client


Ask = "Callable[..., list[dict[str, Any]]]"

ENVELOPE = (
    '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>'
    '<Echo xmlns="urn:example:boxoffice"><text>{}</text></Echo></soap:Body></soap:Envelope>'
)

BACKEND_IDLE_S = 0.3
"""Long enough for a client's two calls in a row, short enough to wait for."""

NO_UTF16 = {"soap", "xmlrpc"}
"""npm soap and npm xmlrpc decode every reply as UTF-8, so a UTF-16 reply is lost on them with or without a sidecar."""


def test_dotnet_expects_and_gets_through(through: Road, ask: Ask) -> None:
    """.NET sends Expect: 100-continue with each call; it gets its replies, and the bytes stay the same.

    Mono does not wait for the 100 as .NET does, so the waiting is curl's part, below.
    """
    through.clear("spyne11")
    answers = ask("csharp", through.entrance("spyne11"), "echo,add,add", "soap11")
    assert [each.get("value", each) for each in answers] == [TEXT, 42, 42]
    assert through.front is not None
    expecting = [each for each in through.front.exchanges() if "Expect" in each.request_headers]
    assert len(expecting) == 3, "this .NET did not send Expect: the test shows nothing"
    assert_identical(through, "spyne11", 3)


@pytest.mark.parametrize("size_bytes", [200, 900_000])
def test_curl_waits_until_told_to_continue(through: Road, tmp_path: Path, size_bytes: int) -> None:
    """curl, told to wait 30 s for a 100 Continue and to give up after 10, gets its reply: we said to continue."""
    through.clear("spyne11")
    text = "x" * size_bytes
    options = ("--header", "Expect: 100-continue", "--expect100-timeout", "30")
    reply = curl(through.url("spyne11"), ENVELOPE.format(text), tmp_path, *options)
    assert f"<tns:EchoResult>{text}</tns:EchoResult>" in reply
    assert through.front is not None
    assert [each.interim for each in through.front.exchanges()] == [True]
    assert_identical(through, "spyne11", 1)


def test_http_1_0_client(through: Road, tmp_path: Path) -> None:
    """A client of HTTP/1.0 gets a whole reply with a length and no chunks."""
    through.clear("spyne11")
    reply = curl(through.url("spyne11"), ENVELOPE.format("old"), tmp_path, "--http1.0")
    assert "<tns:EchoResult>old</tns:EchoResult>" in reply
    assert through.front is not None
    exchange = through.front.exchanges()[0]
    assert exchange.version == "HTTP/1.0"
    assert exchange.reply_headers.get("Transfer-Encoding") is None
    assert int(exchange.reply_headers["Content-Length"]) == len(exchange.reply_body)
    assert_identical(through, "spyne11", 1)


def test_http_1_0_client_that_waits_for_the_end(road: Road) -> None:
    """A client of HTTP/1.0 that reads until the connection ends gets its reply, and the end at once."""
    url = urlsplit(road.url("spyne11"))
    body = ENVELOPE.format("old").encode()
    head = f"POST {url.path} HTTP/1.0\r\nContent-Type: text/xml\r\nContent-Length: {len(body)}\r\n\r\n"
    with socket.create_connection((url.hostname or "", url.port or 0), timeout=10) as client:
        client.sendall(head.encode() + body)
        reply = b"".join(iter(lambda: client.recv(65536), b""))
    assert b"<tns:EchoResult>old</tns:EchoResult>" in reply


def curl(url: str, body: str, directory: Path, *options: str) -> str:
    """POST `body` as SOAP 1.1 and return the reply's body; a status of 400 and above, or a wait of 10 s, is an error."""
    require.program("curl")
    (directory / "body.xml").write_text(body, encoding="utf-8")
    argv = ["curl", "--silent", "--show-error", "--fail", "--max-time", "10", "--noproxy", "*", *options]
    argv += ["--header", "Content-Type: text/xml; charset=utf-8", "--header", 'SOAPAction: "Echo"']
    argv += ["--data-binary", f"@{directory / 'body.xml'}", url]
    done = subprocess.run(argv, capture_output=True, text=True, encoding="utf-8", timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.thinned(3)
@pytest.mark.parametrize(("client", "endpoint", "dialect"), [*pairs(["spyne11-gzip"]), ("xmlrpc.client", "simple", "")])
def test_gzip_reply_passes_as_it_is(
    direct: Road, through: Road, ask: Ask, client: str, endpoint: str, dialect: str
) -> None:
    """A compressed reply is forwarded compressed, byte for byte, to a client that asked for it."""
    options = [dialect] if dialect else []
    steps = "echo,refuse" if dialect else "echo,big"  # the standard library compresses from 1400 bytes on
    wanted = ask(client, direct.entrance(endpoint), steps, *options)
    through.clear(endpoint)
    assert without_time(ask(client, through.entrance(endpoint), steps, *options)) == without_time(wanted)
    assert through.front is not None
    last = through.front.exchanges()[-1]
    if "gzip" not in last.request_headers.get("Accept-Encoding", ""):
        assert last.reply_headers.get("Content-Encoding") is None, "compressed for a client that did not ask for it"
    else:
        assert last.reply_headers["Content-Encoding"] == "gzip"
        assert len(gzip.decompress(last.reply_body)) > len(b"<x/>")
    assert_identical(through, endpoint, 2)


@pytest.mark.thinned(3)
@pytest.mark.parametrize(
    ("client", "endpoint", "dialect"),
    [each for each in pairs(["spyne11-utf16", "spyne12-utf16"]) if each[0] not in NO_UTF16],
)
def test_utf16_reply(direct: Road, through: Road, ask: Ask, client: str, endpoint: str, dialect: str) -> None:
    """A reply in UTF-16 arrives unchanged, and the client reads what it would read directly."""
    wanted = ask(client, direct.entrance(endpoint), "echo,seats,refuse", dialect)
    assert wanted[0]["value"] == TEXT
    through.clear(endpoint)
    got = ask(client, through.entrance(endpoint), "echo,seats,refuse", dialect)
    assert without_time(got) == without_time(wanted)
    assert through.front is not None
    assert all(each.reply_body.startswith(b"\xff\xfe") for each in through.front.exchanges())
    assert_identical(through, endpoint, 3)


@pytest.mark.thinned(3)
@pytest.mark.parametrize("endpoint", ["spyne11", "spyne11-utf16", "php"])
def test_utf16_request_from_dotnet(direct: Road, through: Road, ask: Ask, endpoint: str) -> None:
    """.NET with RequestEncoding = UTF-16 is understood: the operation is found, the bytes are not touched."""
    wanted = ask("csharp", direct.entrance(endpoint), "echo,add,refuse", "utf16")
    assert wanted[0]["value"] == TEXT
    through.clear(endpoint)
    assert without_time(ask("csharp", through.entrance(endpoint), "echo,add,refuse", "utf16")) == without_time(wanted)
    assert through.front is not None
    assert all(b"E\x00n\x00v\x00e\x00l\x00o\x00p\x00e\x00" in each.request_body for each in through.front.exchanges())
    assert_identical(through, endpoint, 3)


def test_utf16_xmlrpc_both_ways(direct: Road, through: Road, ask: Ask) -> None:
    """xmlrpc.client and SimpleXMLRPCServer, both set to UTF-16, understand each other through the sidecar."""
    steps = "echo,refuse,validator1.echoStructTest"
    wanted = ask("xmlrpc.client", direct.entrance("simple-utf16"), steps, "utf-16")
    assert wanted[0]["value"] == TEXT
    through.clear("simple-utf16")
    got = ask("xmlrpc.client", through.entrance("simple-utf16"), steps, "utf-16")
    assert without_time(got) == without_time(wanted)
    assert through.front is not None
    for each in through.front.exchanges():
        assert each.request_body.startswith(b"\xff\xfe")
        assert each.reply_body.startswith(b"\xff\xfe")
    assert_identical(through, "simple-utf16", 3)


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Road]:
    """A road whose servers drop idle connections long before the sidecar would let go of them by itself."""
    directory = tmp_path_factory.mktemp("impatient")
    with (
        company(["spyne", "simple"], directory, BACKEND_IDLE_S) as servers,
        lay(servers, ["spyne11", "spyne12", "simple"], directory, pool_idle="60s") as road,
    ):
        yield road


@pytest.mark.thinned(3)
@pytest.mark.parametrize(
    ("client", "endpoint", "dialect"),
    [
        *pairs(["spyne11"]),
        *(pytest.param(*each, marks=pytest.mark.long) for each in pairs(["spyne12", "simple"])),
    ],
)
def test_backend_that_drops_idle_connections(
    impatient: Road, clients: Callable[[str], Client], client: str, endpoint: str, dialect: str
) -> None:
    """After the backend closed the idle connection the next call on the client's kept one succeeds, without a repeat."""
    impatient.clear(endpoint)
    visit = Visit(clients(client), impatient.entrance(endpoint), "add,wait,add", dialect)
    assert [each.get("value", each) for each in visit.until_wait()] == [42]
    impatient.back(endpoint).wait(lambda tap: bool(tap.connections) and all(each.ended for each in tap.connections))
    assert {each.closed_by for each in impatient.back(endpoint).connections} == {"server"}
    visit.go_on()
    assert [each.get("value", each) for each in visit.answers()] == [42]
    assert_identical(impatient, endpoint, 2)
