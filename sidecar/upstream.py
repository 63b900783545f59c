"""One backend's connections: the I/O seam of the flight lane. Sends one request, brings back facts as values, never an exception.

Stands on aiohttp's TCPConnector (pool, DNS, TLS, happy eyeballs) and its response parser, below ClientSession: a session would
retry, follow, decompress and add headers on its own, and could not say how much of a request has left. What is used of
aiohttp below its documented surface is in this file and pinned by `make canary`.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING, Final

from aiohttp import ClientTimeout, TCPConnector
from aiohttp import client_exceptions as theirs
from aiohttp.client_reqrep import ClientRequest
from aiohttp.http_exceptions import HttpProcessingError
from yarl import URL

from sidecar.model import Failed, Progress, Received, Stream

if TYPE_CHECKING:
    from aiohttp.connector import Connection
    from aiohttp.http import RawResponseMessage
    from aiohttp.streams import StreamReader

    from sidecar.model import Account, Outbound, Track
    from sidecar.plan import BackendPlan, UpstreamTlsPlan
    from sidecar.ports import AttemptLimits

# One write per so many bytes: a 1 MB body in one piece would hold the loop for as long as the kernel takes to copy it.
_PIECE_BYTES: Final = 64 * 1024
# Odd legacy servers send long cookies and status lines; IIS allows 16 KiB, this is twice that.
_LINE_BYTES: Final = 32 * 1024
_HEADERS: Final = 256
_DNS_S: Final = 10  # a failover by DNS is seen within this
_UNBOUNDED: Final = ClientTimeout(total=None, connect=None, sock_connect=None, sock_read=None)
_VERSIONS: Final = {
    "1.0": ssl.TLSVersion.TLSv1,
    "1.1": ssl.TLSVersion.TLSv1_1,
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}


class HttpUpstream:
    """The connections of one backend; made inside a running loop."""

    def __init__(self, backend: BackendPlan) -> None:
        url = URL(backend.endpoints[0][1], encoded=True)
        tls = _context(backend.tls) if url.scheme == "https" else None
        self._pool = TCPConnector(limit=0, ttl_dns_cache=_DNS_S, keepalive_timeout=backend.pool_idle_s)
        self._fresh = TCPConnector(limit=0, ttl_dns_cache=_DNS_S, force_close=True)
        # The connector wants a request to know whom to connect to; one serves for all, nothing is ever sent of it.
        self._whom = ClientRequest(
            "POST",
            url.origin(),
            loop=asyncio.get_running_loop(),
            ssl=tls if tls is not None else True,
            server_hostname=backend.tls.server_name,
        )
        authority = url.raw_authority.rpartition("@")[2]
        self._host = b"Host: " + authority.encode("ascii") + b"\r\n"

    async def send(
        self, outbound: Outbound, limits: AttemptLimits, track: Track, account: Account
    ) -> Received | Failed:
        """Make one attempt; see `ports.Upstream`."""
        track.progress = Progress.CONNECTING
        try:
            async with asyncio.timeout(limits.connect_s):
                connection = await (self._fresh if limits.fresh else self._pool).connect(self._whom, [], _UNBOUNDED)
        except (TimeoutError, OSError, theirs.ClientError) as error:
            return _unconnected(error, limits.connect_s)
        talk = _Talk(connection, outbound, track, account, limits)
        if track.abandoned:
            talk.close()
            return Failed("backend_unreachable", "reset", "nobody waits for this call any more", sent=False)
        return await talk.run(self._host)

    async def close(self) -> None:
        """Close every connection, idle or not."""
        await self._pool.close()
        await self._fresh.close()


class _Talk:
    """One request and its reply on one connection; after a timeout, the ghost of it."""

    __slots__ = (
        "_account",
        "_body",
        "_connection",
        "_limits",
        "_message",
        "_outbound",
        "_payload",
        "_protocol",
        "_reused",
        "_size",
        "_track",
    )

    def __init__(
        self, connection: Connection, outbound: Outbound, track: Track, account: Account, limits: AttemptLimits
    ) -> None:
        protocol = connection.protocol
        assert protocol is not None, "a connection that was just handed out has a protocol"
        self._connection, self._protocol = connection, protocol
        self._outbound, self._track, self._account, self._limits = outbound, track, account, limits
        self._reused = getattr(protocol, "has_served", False)
        self._message: RawResponseMessage | None = None
        self._payload: StreamReader | None = None
        self._body: list[bytes] = []
        self._size = 0

    async def run(self, host: bytes) -> Received | Failed:
        """Send, then read, within the attempt's bounds."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            async with asyncio.timeout_at(began + min(self._limits.first_byte_s, self._limits.total_s)) as bound:
                await self._write(host)
                await self._read_head()
                bound.reschedule(began + self._limits.total_s)
                return await self._finish()
        except TimeoutError:
            return self._out_of_time()
        except _Cut as cut:
            self.close()
            return cut.failed
        except BaseException:
            self.close()
            raise

    async def end(self, within_s: float) -> Received | Failed:
        """Read on after a timeout, so that the backend's late reply, FIN or RST is seen."""
        try:
            async with asyncio.timeout(within_s):
                await self._read_head()
                return await self._finish()
        except TimeoutError:
            self.close()
            return Failed("outcome_unknown", "timeout", f"no reply within another {within_s:g} s", sent=True)
        except _Cut as cut:
            self.close()
            return cut.failed
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Break the connection off; what still stands in its write buffer does not leave."""
        self._protocol.abort()
        self._connection.close()

    async def _write(self, host: bytes) -> None:
        outbound, protocol, track = self._outbound, self._protocol, self._track
        protocol.set_response_params(
            skip_payload=outbound.method == "HEAD",
            read_until_eof=True,
            auto_decompress=False,
            read_bufsize=_PIECE_BYTES,
            max_line_size=_LINE_BYTES,
            max_field_size=_LINE_BYTES,
            max_headers=_HEADERS,
        )
        transport = protocol.transport
        if transport is None:  # closed between the pool's look and ours; the reader finds out
            return
        head, body = _head(outbound, host), outbound.body
        if len(body) <= _PIECE_BYTES:
            track.progress = Progress.BODY
            transport.write(head + body)
            return
        track.progress = Progress.HEAD
        transport.write(head)
        view = memoryview(body)
        for start in range(0, len(body), _PIECE_BYTES):
            track.progress = Progress.BODY
            transport.write(view[start : start + _PIECE_BYTES])
            try:
                await protocol._drain_helper()  # noqa: SLF001 - the only word for back-pressure that the protocol has
            except ConnectionError:
                return  # it may have answered before it stopped reading; the reader finds out
            await asyncio.sleep(0)

    async def _read_head(self) -> None:
        """Take the status line and headers, unless they are here already; 1xx are passed over."""
        while self._message is None:
            try:
                message, payload = await self._protocol.read()
            except HttpProcessingError as error:
                raise _Cut("backend_bad_reply", "http", "the backend's reply is no HTTP", stale=False) from error
            except (OSError, theirs.ClientError) as error:
                raise self._lost(error) from error
            self._track.progress = Progress.REPLY
            if message.code >= 200:
                self._message, self._payload = message, payload
            elif message.code == 101:
                raise _Cut("backend_bad_reply", "http", "the backend switched protocols unasked", stale=False)

    async def _finish(self) -> Received | Failed:
        message, payload = self._message, self._payload
        assert message is not None, "_read_head ran"
        assert payload is not None, "_read_head ran"
        if self._limits.stream:
            return self._received(message, Stream(self._next, self.close))
        failed = await self._read_body(payload)
        if failed is not None:
            self.close()
            return failed
        self._release()
        return self._received(message, None)

    async def _read_body(self, payload: StreamReader) -> Failed | None:
        while True:
            try:
                piece = payload.read_nowait(-1) if payload.is_eof() else await payload.readany()
            except (OSError, theirs.ClientError, HttpProcessingError) as error:
                return Failed("backend_bad_reply", "truncated", f"the reply broke off: {_words(error)}", sent=True)
            if not piece:
                return None
            self._size += len(piece)
            if self._size > self._limits.reply_bytes:
                return Failed(
                    "backend_bad_reply",
                    "too_large",
                    f"the reply exceeds limits.reply_body ({self._limits.reply_bytes})",
                    sent=True,
                )
            if not self._account.take(len(piece)):
                return Failed("backend_bad_reply", "too_large", "limits.buffered has no room for the reply", sent=True)
            self._body.append(piece)
            if payload.is_eof() and payload.total_bytes == self._size:
                return None

    async def _next(self) -> bytes:
        """Give the next piece of a streamed reply, b"" at its end; raises OSError where it broke off."""
        payload = self._payload
        assert payload is not None, "a stream is made from a payload"
        try:
            async with asyncio.timeout(self._limits.total_s):
                piece = await payload.readany()
        except (TimeoutError, theirs.ClientError, HttpProcessingError) as error:
            self.close()
            raise ConnectionResetError("the backend's reply broke off") from error
        if not piece:
            self._release()
        return piece

    def _received(self, message: RawResponseMessage, stream: Stream | None) -> Received:
        return Received(message.code, message.reason or "", message.raw_headers, tuple(self._body), self._size, stream)

    def _release(self) -> None:
        self._protocol.has_served = True  # type: ignore[attr-defined]  # our mark on their object: it tells a kept connection from a new one
        self._connection.release()

    def _out_of_time(self) -> Failed:
        if self._nothing_left():
            self.close()
            return Failed(
                "backend_unreachable",
                "connect_timeout",
                "the backend took the connection but nothing of the call",
                sent=False,
            )
        self._track.ghost = self
        what = "its reply" if self._track.progress is Progress.REPLY else "a first byte"
        return Failed(
            "outcome_unknown", "timeout", f"the backend has the call and did not send {what} in time", sent=True
        )

    def _nothing_left(self) -> bool:
        """Say whether the whole body still stands in the write buffer: only then certainly nothing happened."""
        body, transport = len(self._outbound.body), self._protocol.transport
        return body > 0 and transport is not None and transport.get_write_buffer_size() >= body

    def _lost(self, error: BaseException) -> _Cut:
        reset = isinstance(error, ConnectionResetError) or getattr(error, "errno", None) is not None
        partial = getattr(error, "message", None)
        stale = (
            self._reused
            and self._track.progress is not Progress.REPLY
            and (partial is None or isinstance(partial, str))
        )
        return _Cut(
            "outcome_unknown",
            "reset" if reset else "closed",
            "the backend closed the connection without an answer",
            stale=stale,
        )


class _Cut(Exception):  # noqa: N818 - not an error of ours: a fact on its way to the seam
    """An attempt ended without a reply."""

    def __init__(self, state: str, reason: str, detail: str, *, stale: bool) -> None:
        super().__init__(detail)
        self.failed = Failed(state, reason, detail, sent=True, stale=stale)


def _head(outbound: Outbound, host: bytes) -> bytes:
    lines = [f"{outbound.method} {outbound.target} HTTP/1.1\r\n".encode("ascii"), host]
    lines += [name + b": " + value + b"\r\n" for name, value in outbound.headers]
    if outbound.body or outbound.method not in ("GET", "HEAD"):
        lines.append(b"Content-Length: %d\r\n" % len(outbound.body))
    lines.append(b"\r\n")
    return b"".join(lines)


def _unconnected(error: BaseException, connect_s: float) -> Failed:
    """Map what a connector raises to what an operator understands (the seam's one table)."""
    if isinstance(error, TimeoutError):
        return Failed(
            "backend_unreachable",
            "connect_timeout",
            f"no connection within timeouts.connect ({connect_s:g} s)",
            sent=False,
        )
    if isinstance(error, theirs.ClientConnectorDNSError):
        return Failed("backend_unreachable", "dns", "the backend's name cannot be resolved", sent=False)
    if isinstance(error, (theirs.ClientSSLError, ssl.SSLError, theirs.ServerFingerprintMismatch)):
        return Failed("backend_unreachable", "tls", f"the TLS handshake failed: {_words(error)}", sent=False)
    return Failed("backend_unreachable", "refused", f"no connection: {_words(error)}", sent=False)


def _words(error: BaseException) -> str:
    """Return what kind of error it was, without the address it speaks of."""
    inner = getattr(error, "os_error", None) or getattr(error, "certificate_error", None) or error.__cause__
    text = getattr(inner, "strerror", None) or getattr(inner, "verify_message", None)
    return str(text) if text else type(inner or error).__name__


def _context(plan: UpstreamTlsPlan) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=plan.ca_file)
    if plan.min_version is not None:
        context.minimum_version = _VERSIONS[plan.min_version]
    if not plan.verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
