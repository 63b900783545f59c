"""What strangers send: each of it is answered in words that a page can read, and the next request is served."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import pytest

from tests.listener.hall import GET, ORIGIN, Hall, complaints, opened

if TYPE_CHECKING:
    from tests.support.client import Response

_O = b"Origin: " + ORIGIN.encode() + b"\r\n"
_H = b"Host: x\r\n" + _O
_POST = b"POST /a HTTP/1.1\r\n" + _H

# By name: the pieces to send, then status, state and reason to come back.
CASES: dict[str, tuple[tuple[bytes, ...], int, str, str | None]] = {
    "words": ((b"hello there, how are you\r\n" + _H + b"\r\n",), 400, "malformed", "http"),
    "lower-case method": ((b"get / HTTP/1.1\r\n" + _H + b"\r\n",), 400, "malformed", "http"),
    "unknown method": ((b"FOO / HTTP/1.1\r\n" + _H + b"\r\n",), 400, "malformed", "http"),
    "no target": ((b"GET HTTP/1.1\r\n" + _H + b"\r\n",), 400, "malformed", "http"),
    "relative target": ((b"GET a/b HTTP/1.1\r\n" + _H + b"\r\n",), 400, "malformed", "http"),
    "bad absolute target": ((b"GET http:///x HTTP/1.1\r\n" + _H + b"\r\n",), 400, "malformed", "http"),
    "high byte in target": ((b"GET /caf\xe9 HTTP/1.1\r\n" + _H + b"\r\n",), 400, "malformed", "http"),
    "NUL in target": ((b"GET /a\x00b HTTP/1.1\r\n" + _H + b"\r\n",), 400, "malformed", "http"),
    "version 1.2": ((b"GET / HTTP/1.2\r\n" + _H + b"\r\n",), 400, "malformed", "http"),
    "version 2.0": ((b"GET / HTTP/2.0\r\n" + _H + b"\r\n",), 400, "malformed", "http"),
    "version 0.9": ((b"GET / HTTP/0.9\r\n" + _H + b"\r\n",), 400, "malformed", "http"),
    "no version": ((b"GET /\r\n" + _H + b"\r\n",), 400, "malformed", "http"),
    "HTTP/2 preface": ((b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",), 400, "malformed", "http"),
    "TLS hello": ((b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(50),), 400, "malformed", "http"),
    "bare LF": ((b"GET / HTTP/1.1\n" + _H.replace(b"\r", b"") + b"\n",), 400, "malformed", "http"),
    "no Host": ((b"GET / HTTP/1.1\r\n" + _O + b"\r\n",), 400, "malformed", "http"),
    "two Hosts": ((b"GET / HTTP/1.1\r\nHost: y\r\n" + _H + b"\r\n",), 400, "malformed", "http"),
    "Host that is none": ((b"GET / HTTP/1.1\r\nHost: a/b@c\r\n" + _O + b"\r\n",), 400, "malformed", "http"),
    "space before colon": ((b"GET / HTTP/1.1\r\n" + _H + b"A : b\r\n\r\n",), 400, "malformed", "http"),
    "header without colon": ((b"GET / HTTP/1.1\r\n" + _H + b"Abc\r\n\r\n",), 400, "malformed", "http"),
    "obs-fold": ((b"GET / HTTP/1.1\r\n" + _H + b"A: b\r\n c\r\n\r\n",), 400, "malformed", "http"),
    "NUL in header": ((b"GET / HTTP/1.1\r\n" + _H + b"A: b\x00c\r\n\r\n",), 400, "malformed", "http"),
    "control in header": ((b"GET / HTTP/1.1\r\n" + _H + b"A: \x01\r\n\r\n",), 400, "malformed", "http"),
    "two Content-Types": (
        (_POST + b"Content-Type: a/b\r\nContent-Type: c/d\r\n\r\n",),
        400,
        "malformed",
        "http",
    ),
    "CL and TE": (
        (_POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc",),
        400,
        "malformed",
        "http",
    ),
    "TE and CL": (
        (_POST + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",),
        400,
        "malformed",
        "http",
    ),
    "two CL": ((_POST + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc",), 400, "malformed", "http"),
    "CL list": ((_POST + b"Content-Length: 3, 3\r\n\r\nabc",), 400, "malformed", "http"),
    "negative CL": ((_POST + b"Content-Length: -3\r\n\r\nabc",), 400, "malformed", "http"),
    "signed CL": ((_POST + b"Content-Length: +3\r\n\r\nabc",), 400, "malformed", "http"),
    "empty CL": ((_POST + b"Content-Length:\r\n\r\n",), 400, "malformed", "http"),
    "huge CL": ((_POST + b"Content-Length: 99999999999999999999999\r\n\r\n",), 400, "malformed", "http"),
    "hex CL": ((_POST + b"Content-Length: 0x10\r\n\r\n",), 400, "malformed", "http"),
    "TE gzip": ((_POST + b"Transfer-Encoding: gzip\r\n\r\nabc",), 400, "malformed", "http"),
    "TE gzip, chunked": ((_POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",), 400, "malformed", "http"),
    "TE from 1.0": (
        (b"POST /a HTTP/1.0\r\n" + _H + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",),
        400,
        "malformed",
        "http",
    ),
    "bad chunk size": ((_POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",), 400, "malformed", "http"),
    "bad chunk size later": (
        (_POST + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", b"zz\r\n"),
        400,
        "malformed",
        "http",
    ),
    "bad chunk end": ((_POST + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",), 400, "malformed", "http"),
    "negative chunk": ((_POST + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",), 400, "malformed", "http"),
    "huge chunk": ((_POST + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",), 400, "malformed", "http"),
    "trailer without colon": (
        (_POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\nabc\r\n\r\n",),
        400,
        "malformed",
        "http",
    ),
    "long target": ((b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\n" + _H + b"\r\n",), 414, "uri_too_long", None),
    "long query": ((b"GET /?" + b"a" * 400_000 + b" HTTP/1.1\r\n" + _H + b"\r\n",), 414, "uri_too_long", None),
    "long header": (
        (b"GET / HTTP/1.1\r\n" + _H + b"Cookie: " + b"a" * 40_000 + b"\r\n\r\n",),
        431,
        "headers_too_large",
        None,
    ),
    "long header, Origin last": (
        (b"GET / HTTP/1.1\r\nHost: x\r\nCookie: " + b"a" * 250_000 + b"\r\n" + _O + b"\r\n",),
        431,
        "headers_too_large",
        None,
    ),
    "long header name": ((b"GET / HTTP/1.1\r\n" + _H + b"A" * 40_000 + b": b\r\n\r\n",), 431, "headers_too_large", None),
    "many headers": ((b"GET / HTTP/1.1\r\n" + _H + b"A: b\r\n" * 200 + b"\r\n",), 431, "headers_too_large", None),
    "many large headers": (
        (b"GET / HTTP/1.1\r\n" + _H + (b"A: " + b"b" * 20_000 + b"\r\n") * 5 + b"\r\n",),
        431,
        "headers_too_large",
        None,
    ),
    "CONNECT": ((b"CONNECT shop.example:443 HTTP/1.1\r\n" + _H + b"\r\n",), 405, "method_not_allowed", None),
    "websocket": (
        (b"GET / HTTP/1.1\r\n" + _H + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n",),
        415,
        "unsupported_media",
        "upgrade",
    ),
    "hixie websocket": (
        (b"GET / HTTP/1.1\r\n" + _H + b"Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\n\r\n",),
        400,
        "malformed",
        "http",
    ),
    "Expect unknown": ((_POST + b"Expect: 200-ok\r\nContent-Length: 3\r\n\r\n",), 417, "malformed", "expectation"),
    "too large": ((_POST + b"Content-Length: 2000000\r\n\r\nabc",), 413, "too_large", "body"),
    "too large chunked": (
        (_POST + b"Transfer-Encoding: chunked\r\n\r\n", *[b"10000\r\n" + b"a" * 65536 + b"\r\n"] * 20),
        413,
        "too_large",
        "body",
    ),
}  # fmt: skip
_MUTE = ("HTTP/2 preface", "TLS hello")  # nothing in them can name an Origin


async def _send(hall: Hall, pieces: tuple[bytes, ...]) -> Response:
    async with hall.client() as client:
        await client.send_pieces(pieces)
        response = await client.response("GET")
        assert await client.until_end() == "fin", "the reply must not be reset away"
        assert not client.unread, "nothing may follow the refusal"
        return response


def _check(name: str, response: Response) -> None:
    _, status, state, reason = CASES[name]
    assert (response.status, response.state, response.json()["reason"]) == (status, state, reason)
    assert response.version == "HTTP/1.1"
    assert response.header("Connection") == "close"
    assert response.header("Date")
    if name not in _MUTE:
        assert response.header("Access-Control-Allow-Origin") == ORIGIN


@pytest.mark.loops
@pytest.mark.parametrize("name", CASES)
async def test_is_answered(name: str, caplog: pytest.LogCaptureFixture) -> None:
    """Each is refused with its state, readable from an allowed origin, alone and eight at once, and leaves no trace but that."""
    caplog.set_level(logging.WARNING)
    async with opened(body_timeout_s=5.0) as hall:
        _check(name, await _send(hall, CASES[name][0]))
        for response in await asyncio.gather(*(_send(hall, CASES[name][0]) for _ in range(8))):
            _check(name, response)
        async with hall.client() as client:
            assert (await client.exchange(GET)).status == 200
        assert not hall.events
        assert not complaints(caplog)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if len(b"".join(case[0])) < 1000])
async def test_split_anywhere(name: str) -> None:
    """However the bytes are cut, the answer is the same: small cases byte by byte."""
    async with opened() as hall, hall.client() as client:
        await client.send(b"".join(CASES[name][0]), piece_bytes=1)
        _check(name, await client.response("GET"))


@pytest.mark.loops
@pytest.mark.parametrize(
    "name", ["words", "no Host", "CL and TE", "obs-fold", "long target", "HTTP/2 preface", "bad chunk size"]
)
async def test_good_one_first(name: str) -> None:
    """Requests pipelined before a bad one are answered first, in one segment as in several."""
    body = b"POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc\r\n\r\ndef"
    chunked = b"POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    whole = GET + body + chunked + GET + b"".join(CASES[name][0])
    async with opened() as hall:
        for piece_bytes in (len(whole), 50, 7):
            async with hall.client() as client:
                await client.send(whole, piece_bytes=piece_bytes)
                good = await client.responses(4, "GET")
                assert [(r.status, r.header("X-Path"), r.text) for r in good] == [
                    (200, "/a", "0 bytes"),
                    (200, "/b", "10 bytes"),
                    (200, "/c", "3 bytes"),
                    (200, "/a", "0 bytes"),
                ]
                _check(name, await client.response("GET"))


async def test_nothing_is_echoed() -> None:
    """Not a byte of what a stranger sent comes back, except an Origin that is allowed."""
    async with opened() as hall, hall.client() as client:
        await client.send(b"<script>alert(1)</script> / HTTP/1.1\r\nOrigin: https://evil.example\r\nHost: <b>\r\n\r\n")
        response = await client.response()
        assert b"script" not in response.raw
        assert b"evil" not in response.raw
        assert b"<b>" not in response.raw


async def test_unfinished_garbage_is_answered_after_a_second() -> None:
    """A head that breaks and then stalls is answered without its Origin after the second that is waited for it."""
    async with opened() as hall, hall.client() as client:
        at = asyncio.get_running_loop().time()
        response = await client.exchange(b"NONSENSE")
        assert response.state == "malformed"
        assert 0.9 < asyncio.get_running_loop().time() - at < 2.0


async def test_origin_may_come_late() -> None:
    """An Origin that comes half a second after the head broke is still honoured."""
    async with opened() as hall, hall.client() as client:
        await client.send(b"GET / HTTP/1.1\r\nHost: x\r\nBad Header: x\r\n")
        assert await client.bytes_within(0.3) == b""
        response = await client.exchange(_O + b"\r\n")
        assert response.header("Access-Control-Allow-Origin") == ORIGIN


async def test_h2c_offer_is_ignored() -> None:
    """`Upgrade: h2c`, which Java's HttpClient sends with every first call, is served as HTTP/1.1 and keeps its connection."""
    offer = (
        b"POST /a HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n"
    )
    async with opened() as hall, hall.client() as client:
        assert (await client.exchange(offer + b"Content-Length: 3\r\n\r\nabc")).text == "3 bytes"
        assert (await client.exchange(offer + b"\r\n")).text == "0 bytes"
        assert (await client.exchange(GET)).status == 200


async def test_long_but_allowed() -> None:
    """A target and a header of 30 KB, which browsers can send, are served."""
    head = b"GET /a?" + b"q" * 30_000 + b" HTTP/1.1\r\nHost: x\r\nCookie: " + b"c" * 30_000 + b"\r\n\r\n"
    async with opened() as hall:
        for piece_bytes in (len(head), 1400):
            async with hall.client() as client:
                await client.send(head, piece_bytes=piece_bytes)
                assert (await client.response("GET")).status == 200
        assert len(hall.seen[0].query) == 30_000


async def test_many_pipelined_requests_in_one_segment() -> None:
    """More requests in one segment than aiohttp queues are all answered, in order."""
    async with opened() as hall, hall.client() as client:
        await client.send(b"".join(b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n" % number for number in range(200)))
        paths = [response.header("X-Path") for response in await client.responses(200, "GET")]
        assert paths == [f"/{number}" for number in range(200)]


async def test_empty_lines_before_a_request() -> None:
    """Empty lines before a request are skipped, and do not count as its beginning."""
    async with opened(header_timeout_s=0.2, keep_alive_s=5.0) as hall, hall.client() as client:
        assert (await client.exchange(b"\r\n\r\n" + GET + b"\r\n")).status == 200
        assert await client.bytes_within(0.4) == b""
        assert (await client.exchange(GET)).status == 200


def _target(line: bytes) -> bytes:
    return line + b" HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize(
    ("line", "path", "query"),
    [
        (b"GET /a/b?c=d&e", "/a/b", "c=d&e"),
        (b"GET /a%20b?%3f", "/a%20b", "%3f"),
        (b"GET http://other.example/a?b", "/a", "b"),
        (b"GET http://other.example?b", "/", "b"),
        (b"GET https://other.example:99", "/", ""),
        (b"OPTIONS *", "*", ""),
        (b"GET /a#frag", "/a", ""),
        (b"GET //a//b", "//a//b", ""),
    ],
)
async def test_target(line: bytes, path: str, query: str) -> None:
    """Whatever form a target has, its path is what is routed by, and its authority is not."""
    async with opened() as hall, hall.client() as client:
        assert (await client.exchange(_target(line))).status == 200
        assert (hall.seen[0].path, hall.seen[0].query) == (path, query)
