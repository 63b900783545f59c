"""The servers that the sidecar is measured against: `origin`, `bare` (R and G) and `forward` (F), each run as a process of its own.

Bare is aiohttp's low-level server and a handler that reads the request and answers given bytes; forward adds a ClientSession
and copies body and end-to-end headers. Neither has any feature. The origin is what stands behind all proxies.
"""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Final, cast

import orjson
import uvloop
from aiohttp import ClientSession, DummyCookieJar, TCPConnector, web
from multidict import CIMultiDict
from yarl import URL

from bench import messages
from bench.inside import answer_questions
from sidecar.demo import wsdl

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_HOP: Final = frozenset(
    (
        *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer"),
        *("transfer-encoding", "upgrade", "host", "content-length"),
    )
)
_PIECE: Final = 262_144


class Origin(asyncio.Protocol):
    """Answers POST at once with bytes made beforehand, and GET with the WSDL; cheap, so that its core suffices for the load too."""

    def __init__(self, replies: tuple[bytes, bytes, bytes]) -> None:
        self._usual, self._big, self._document = replies
        self._got = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none of asyncio's classes

    def data_received(self, data: bytes) -> None:
        self._got += data
        while (end := self._got.find(b"\r\n\r\n")) >= 0:
            head = bytes(self._got[:end]).lower()
            at = head.find(b"content-length:")
            whole = end + 4 + (int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0)
            if len(self._got) < whole:
                return
            self._answer(head, messages.BIG in self._got[end : end + 400])
            del self._got[:whole]

    def _answer(self, head: bytes, big: bool) -> None:
        if head.startswith(b"get /kept"):
            self._transport.write(self._usual)
        elif head.startswith(b"get"):
            self._transport.write(self._document)
        elif big:
            for start in range(0, len(self._big), _PIECE):
                self._transport.write(self._big[start : start + _PIECE])
        else:
            self._transport.write(self._usual)


def _whole(body: bytes) -> bytes:
    head = (
        "HTTP/1.1 200 OK\r\nCache-Control: private, max-age=0\r\nContent-Type: text/xml; charset=utf-8\r\n"
        "Server: Microsoft-IIS/10.0\r\nX-AspNet-Version: 4.0.30319\r\nDate: Tue, 01 Dec 2026 09:00:00 GMT\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def origin(port: int) -> None:
    """Serve until the process is ended."""
    replies = (
        _whole(messages.reply(messages.OPERATION)),
        _whole(messages.reply(messages.BIG.decode(), messages.BIG_REPLY_BYTES)),
        _whole(wsdl.wsdl(f"http://127.0.0.1:{port}{messages.PATH}", single=True)),
    )
    server = await asyncio.get_running_loop().create_server(lambda: Origin(replies), "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


async def bare(port: int, file: str) -> None:
    """Answer what `file` says: JSON lists of (status, header lines, body) by the first word of the path."""
    with open(file, "rb") as opened:  # noqa: ASYNC230, PTH123 - before anything is served
        known = orjson.loads(opened.read())
    replies = {
        name: (status, CIMultiDict((key, value) for key, value in lines), body.encode("latin-1"))
        for name, (status, lines, body) in known.items()
    }

    async def handle(request: web.BaseRequest) -> web.Response:
        await request.read()
        status, headers, body = replies[request.path]
        return web.Response(status=status, headers=headers, body=body)

    await _serve(handle, port)


async def forward(port: int, upstream: int) -> None:
    """Pass every request on: a proxy that promises nothing."""
    connector = TCPConnector(limit=0)
    session = ClientSession(connector=connector, cookie_jar=DummyCookieJar(), auto_decompress=False)
    base = f"http://127.0.0.1:{upstream}"

    async def handle(request: web.BaseRequest) -> web.Response:
        body = await request.read()
        headers = CIMultiDict((name, value) for name, value in request.headers.items() if name.lower() not in _HOP)
        url = URL(base + request.path_qs, encoded=True)
        async with session.request(request.method, url, data=body, headers=headers) as reply:
            data = await reply.read()
            back = CIMultiDict((name, value) for name, value in reply.headers.items() if name.lower() not in _HOP)
            return web.Response(status=reply.status, headers=back, body=data)

    await _serve(handle, port)


async def _serve(handle: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]], port: int) -> None:
    loop = asyncio.get_running_loop()
    answer_questions(loop)
    listening = await loop.create_server(web.Server(handle, access_log=None), "127.0.0.1", port, backlog=1024)
    await listening.serve_forever()


if __name__ == "__main__":
    which, port, rest = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
    if which == "origin":
        uvloop.run(origin(port))
    elif which == "bare":
        uvloop.run(bare(port, rest[0]))
    else:
        uvloop.run(forward(port, int(rest[0])))
