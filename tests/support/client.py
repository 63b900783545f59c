"""A client on a raw socket: sends exactly these bytes in exactly these pieces and reads whatever comes back, whole.

Stands where callers stand. It forgives nothing and repairs nothing: a framing error in a response is an error of the test.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from tests.support.wire import Wire

if TYPE_CHECKING:
    import ssl as ssl_module
    from collections.abc import Iterable
    from pathlib import Path

# For a busy machine; a response that is not there by then will not come.
WITHIN_S = 10.0
# A response is parsed where it lies, so all of it is held; larger ones than this are read as bytes.
UNREAD_LIMIT_BYTES = 256 * 1024 * 1024
# Unsent bytes to a server that does not read would keep a close waiting; a TLS goodbye takes a moment.
CLOSE_WITHIN_S = 1.0


class BadResponse(AssertionError):  # noqa: N818 - a finding about the server, not an error of the client
    """What came back is not a well-framed HTTP response; the message holds the bytes."""


@dataclass(frozen=True, slots=True)
class Response:
    """One whole response: headers raw and in order, the body with its chunk framing taken off."""

    status: int
    reason: str
    version: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    raw: bytes
    interim: tuple[int, ...] = ()  # statuses of the 1xx responses before it

    def header(self, name: str) -> str | None:
        """Return the one value of `name`; fail where it stands twice, None where it does not stand."""
        found = self.all(name)
        if len(found) > 1:
            raise AssertionError(f"{name} stands {len(found)} times: {found}")
        return found[0] if found else None

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]

    @property
    def state(self) -> str | None:
        """The word of `Sidecar-State`, without its parameters."""
        value = self.header("Sidecar-State")
        return None if value is None else value.partition(";")[0].strip()

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(slots=True)
class _Parsed:
    status: int
    reason: str
    version: str
    headers: tuple[tuple[str, str], ...]
    body_at: int


def parse(data: bytes | bytearray, *, method: str = "POST", ended: bool = False) -> tuple[Response, int] | None:
    """Read one final response from the start of `data`; return it and its length, or None where more is needed.

    `ended`: the connection has ended, which ends an unframed body and makes any other unfinished response a BadResponse.
    """
    interim: list[int] = []
    start = 0
    while True:
        head = _parse_head(data, start)
        if head is None:
            _refuse_unfinished(data, ended=ended)
            return None
        if head.status >= 200 or head.status == 101:
            break
        interim.append(head.status)
        start = head.body_at
    found = _parse_body(data, head, method=method, ended=ended)
    if found is None:
        _refuse_unfinished(data, ended=ended)
        return None
    body, end = found
    return (
        Response(head.status, head.reason, head.version, head.headers, body, bytes(data[:end]), tuple(interim)),
        end,
    )


def _refuse_unfinished(data: bytes | bytearray, *, ended: bool) -> None:
    if ended and data:
        raise BadResponse(f"the connection ended inside a response: {bytes(data[:2000])!r}")


def _parse_head(data: bytes | bytearray, start: int) -> _Parsed | None:
    end = data.find(b"\r\n\r\n", start)
    if end < 0:
        return None
    line, *fields = data[start:end].decode("latin-1").split("\r\n")
    version, _, rest = line.partition(" ")
    status, _, reason = rest.partition(" ")
    if not version.startswith("HTTP/1.") or len(status) != 3 or not status.isdigit():
        raise BadResponse(f"not a status line: {line!r}")
    headers = tuple((name, value.strip()) for name, _, value in (field.partition(":") for field in fields))
    return _Parsed(int(status), reason, version, headers, end + 4)


def _parse_body(data: bytes | bytearray, head: _Parsed, *, method: str, ended: bool) -> tuple[bytes, int] | None:
    """Frame by RFC 9112 section 6.3."""
    if method == "HEAD" or head.status in (204, 304, 101):
        return b"", head.body_at
    values = {name.lower(): value for name, value in head.headers}
    lengths = [value for name, value in head.headers if name.lower() == "content-length"]
    if "transfer-encoding" in values:
        if lengths:
            raise BadResponse("both Transfer-Encoding and Content-Length")
        return _parse_chunks(data, head.body_at)
    if lengths:
        if len(lengths) > 1 or not lengths[0].isdigit():
            raise BadResponse(f"Content-Length {lengths}")
        end = head.body_at + int(lengths[0])
        return (bytes(data[head.body_at : end]), end) if len(data) >= end else None
    return (bytes(data[head.body_at :]), len(data)) if ended else None


def _parse_chunks(data: bytes | bytearray, at: int) -> tuple[bytes, int] | None:
    body = bytearray()
    while (line_end := data.find(b"\r\n", at)) >= 0:
        size_text = data[at:line_end].partition(b";")[0]
        try:
            size = int(size_text, 16)
        except ValueError:
            raise BadResponse(f"chunk size {bytes(size_text)!r}") from None
        at = line_end + 2
        if size == 0:
            return _parse_trailers(data, at, bytes(body))
        if len(data) < at + size + 2:
            return None
        if data[at + size : at + size + 2] != b"\r\n":
            raise BadResponse(f"a chunk of {size} bytes is not followed by a line end")
        body += data[at : at + size]
        at += size + 2
    return None


def _parse_trailers(data: bytes | bytearray, at: int, body: bytes) -> tuple[bytes, int] | None:
    while (end := data.find(b"\r\n", at)) >= 0:
        if end == at:
            return body, end + 2
        at = end + 2
    return None


class Client:
    """One connection. `async with Client.to(url) as c: await c.send(...); r = await c.response()`.

    `local` is the address to come from (127.0.0.2 is another client). `receive_buffer_bytes` and `pause()` make a slow reader.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        unix: Path | None = None,
        ssl: ssl_module.SSLContext | None = None,
        server_name: str | None = None,
        local: str | None = None,
        receive_buffer_bytes: int | None = None,
    ) -> None:
        self.host, self.port, self.unix, self.local = host, port, unix, local
        self._ssl, self._server_name = ssl, (server_name or host) if ssl else None
        self._receive_buffer_bytes = receive_buffer_bytes
        self._wire: Wire | None = None

    @classmethod
    def to(cls, url: str, **options: Any) -> Self:
        """Prepare a connection to the host and port of `url` (http, https, IPv6 in brackets); https wants `ssl=`."""
        parts = urlsplit(url)
        return cls(parts.hostname or "127.0.0.1", parts.port or (443 if parts.scheme == "https" else 80), **options)

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def open(self) -> None:
        """Connect; a second `open` after `close` makes a new connection."""
        sock = socket.socket(self._family)
        try:
            await self._connect(sock)
        except BaseException:
            sock.close()
            raise

    @property
    def _family(self) -> socket.AddressFamily:
        if self.unix is not None:
            return socket.AF_UNIX
        return socket.AF_INET6 if ":" in self.host else socket.AF_INET

    async def _connect(self, sock: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        sock.setblocking(False)
        if self._receive_buffer_bytes is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._receive_buffer_bytes)
        if self.local is not None:
            sock.bind((self.local, 0))
        await loop.sock_connect(sock, str(self.unix) if self.unix is not None else (self.host, self.port))
        _, self._wire = await loop.create_connection(
            lambda: Wire(_nothing, _nothing, tls=self._ssl is not None, high_water_bytes=UNREAD_LIMIT_BYTES),
            sock=sock,
            ssl=self._ssl,
            server_hostname=self._server_name,
        )

    @property
    def wire(self) -> Wire:
        if self._wire is None:
            raise AssertionError("the client is not connected: open it first")
        return self._wire

    @property
    def unread(self) -> bytearray:
        """What has come and belongs to no response that was read."""
        return self.wire.unread

    @property
    def ended(self) -> str | None:
        """How the server ended the connection, "fin" or "rst"; None while it stands."""
        return self.wire.peer_gone

    @property
    def local_port(self) -> int:
        return int(self.wire.transport.get_extra_info("sockname")[1])

    # --- sending

    async def send(self, data: bytes, *, piece_bytes: int | None = None, gap_s: float = 0.0) -> None:
        """Send `data`, whole or in pieces; each piece is one write, and the loop turns between two."""
        size = piece_bytes or max(len(data), 1)
        await self.send_pieces((data[at : at + size] for at in range(0, len(data), size)), gap_s=gap_s)

    async def send_pieces(self, pieces: Iterable[bytes], *, gap_s: float = 0.0) -> None:
        """Send these pieces one by one; stop quietly where the server has ended: what it said first is still to be read."""
        for piece in pieces:
            if not await self.wire.send(piece):
                return
            await asyncio.sleep(gap_s)

    def half_close(self) -> None:
        """Send FIN and go on reading."""
        self.wire.transport.write_eof()

    def rst(self) -> None:
        """Reset the connection."""
        self.wire.rst()

    # --- reading

    async def response(self, method: str = "POST", within_s: float = WITHIN_S) -> Response:
        """Read the next final response, interim ones noted in it; what follows it stays for the next call."""
        wire = self.wire
        try:
            async with asyncio.timeout(within_s):
                while True:
                    over = wire.peer_gone is not None or wire.lost.is_set()
                    if found := parse(wire.unread, method=method, ended=over):
                        wire.take(found[1])
                        return found[0]
                    if over:
                        raise BadResponse(f"the server ended the connection ({wire.peer_gone}) without a response")
                    await wire.more()
        except TimeoutError:
            raise BadResponse(f"no response within {within_s:g} s; so far: {bytes(wire.unread[:2000])!r}") from None

    async def responses(self, count: int, method: str = "POST", within_s: float = WITHIN_S) -> list[Response]:
        """Read `count` responses of pipelined requests, in order."""
        return [await self.response(method, within_s) for _ in range(count)]

    async def exchange(self, data: bytes, *, within_s: float = WITHIN_S) -> Response:
        """Send one request and read its response."""
        await self.send(data)
        return await self.response(data.partition(b" ")[0].decode("latin-1"), within_s)

    async def until_end(self, within_s: float = WITHIN_S) -> str:
        """Read until the server ends the connection; return how: "fin" or "rst". The bytes are in `unread`."""
        try:
            async with asyncio.timeout(within_s):
                await self.wire.gone()
        except TimeoutError:
            raise AssertionError(f"the server kept the connection open for {within_s:g} s") from None
        return self.wire.peer_gone or "ended by this client"

    async def bytes_within(self, wait_s: float) -> bytes:
        """Return what has come after `wait_s` at most, as soon as something has; nothing is a proper finding, too."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self.wire.any()
        return bytes(self.unread)

    def pause(self) -> None:
        """Read nothing from the kernel until `resume`."""
        self.wire.stop_reading()

    def resume(self) -> None:
        self.wire.resume_reading()

    async def close(self) -> None:
        """Close as a program that ends does: unread bytes make it a RST."""
        if self._wire is not None:
            wire, self._wire = self._wire, None
            wire.transport.close()
            try:
                async with asyncio.timeout(CLOSE_WITHIN_S):
                    await wire.lost.wait()
            except TimeoutError:
                wire.rst()
                await wire.lost.wait()


def _nothing(_: Wire) -> None:
    """A client keeps no journal."""


async def ask(url: str, data: bytes, *, within_s: float = WITHIN_S, **options: Any) -> Response:
    """Send one request on a connection of its own and read its response."""
    async with Client.to(url, **options) as client:
        return await client.exchange(data, within_s=within_s)
