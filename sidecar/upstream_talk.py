"""One request on one connection to a backend, and its reply: whole, as a stream, or as the ghost of either that nobody waits for.

Stands between `upstream`, which finds the connection, and `upstream_wire`, which guards it. It brings facts as values, ends within
the attempt's bounds, and gives a connection back only when all that was asked for on it has been read.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from typing import TYPE_CHECKING, Final, cast

from aiohttp import client_exceptions as theirs
from aiohttp.http_exceptions import HttpProcessingError

from sidecar.model import Failed, Progress, Received, Stream, Track
from sidecar.policy.headers import offers_connection_sign_in
from sidecar.tasks import spawn
from sidecar.trace import untraced

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp.connector import Connection
    from aiohttp.http import RawResponseMessage
    from aiohttp.streams import StreamReader

    from sidecar.model import Account, Outbound
    from sidecar.ports import AttemptLimits
    from sidecar.upstream_wire import Wire

# One write per so many bytes: a 1 MB body in one piece would hold the loop for as long as the kernel takes to copy it.
_PIECE_BYTES: Final = 64 * 1024
# As much of a streamed reply is here before it is judged, unless it ends before: what the adapters look at in a whole one, so that
# both get the same verdict. Where the first segment ended by chance would decide otherwise what a purchase has done.
_BEGINNING_BYTES: Final = 64 * 1024
# A streamed reply that makes us wait for longer than this rate and the attempt's total allow is given up: a byte now and then would
# hold its slot for ever. The rate is the one that readers are held to; 16 MiB may take a quarter of an hour.
_SLOWEST_BYTES_S: Final = 16 * 1024
# Odd legacy servers send long cookies and status lines; IIS allows 16 KiB, this is twice that.
_LINE_BYTES: Final = 32 * 1024
_HEADERS: Final = 256
_UNAUTHORISED: Final = 401


class Talk:
    """One request and its reply on one connection; the ghost of it after a timeout, or where nobody reads the rest of a stream."""

    __slots__ = (
        "_account",
        "_beginning",
        "_body",
        "_connection",
        "_give_back",
        "_head_bytes",
        "_limits",
        "_message",
        "_outbound",
        "_over",
        "_passed_bytes",
        "_payload",
        "_reused",
        "_size",
        "_track",
        "_upload",
        "_waited_s",
        "_wire",
        "_written",
    )

    def __init__(
        self,
        connection: Connection,
        give_back: Callable[[Connection, bool], None],
        outbound: Outbound,
        track: Track,
        account: Account,
        limits: AttemptLimits,
    ) -> None:
        self._connection, self._wire = connection, cast("Wire", connection.protocol)
        self._give_back = give_back
        self._outbound, self._track, self._account, self._limits = outbound, track, account, limits
        self._reused = self._wire.has_served
        self._message: RawResponseMessage | None = None
        self._payload: StreamReader | None = None
        self._body: list[bytes] = []
        self._size = 0
        self._beginning: Received | None = None  # of a stream
        self._passed_bytes, self._waited_s = 0, 0.0  # of a stream after its beginning, and for it
        self._head_bytes = self._written = 0
        self._upload: asyncio.Task[None] | None = None
        self._over = False  # the connection is the pool's again, or gone: it may be somebody else's by now

    async def run(self, host: bytes) -> Received | Failed:
        """Send, then read, within the attempt's bounds."""
        wire, limits = self._wire, self._limits
        loop = asyncio.get_running_loop()
        began = loop.time()
        wire.within(min(limits.first_byte_s, limits.total_s))
        try:
            self._begin(host)
            await self._read_head()
            if limits.first_byte_s < limits.total_s:
                wire.within(began + limits.total_s - loop.time())
            return await (self._stream() if limits.stream else self._finish())
        except TimeoutError as late:
            untraced(late)
            return self._out_of_time()
        except _Cut as cut:
            self.close()
            return cut.failed
        except BaseException:
            self.close()
            raise
        finally:
            wire.in_time()

    async def end(self, within_s: float) -> Received | Failed:
        """Read on for nobody, so that the backend's late reply, FIN or RST is seen."""
        try:
            async with asyncio.timeout(within_s):
                await self._read_head()
                return await (self._drain() if self._limits.stream else self._finish())
        except TimeoutError:
            self.close()
            return Failed("outcome_unknown", "timeout", f"no reply within another {within_s:g} s", sent=True)
        except _Cut as cut:
            self.close()
            return cut.failed
        except BaseException:
            self.close()
            raise
        finally:
            self._track = Track()  # the flight's own has told that there was a ghost: neither has to keep the other

    def close(self) -> None:
        """Break the connection off; what still stands in its write buffer does not leave. Harmless once it is given back."""
        if self._over:
            return
        self._over, self._beginning = True, None  # which can be read from here on, and so refers to us
        self._stop_upload()
        self._wire.abort()
        self._connection.close()

    def _begin(self, host: bytes) -> None:
        """Write the request: whole where it is small, else its head, and the rest while the reply is already waited for."""
        outbound, wire, track = self._outbound, self._wire, self._track
        transport = wire.transport
        if transport is None or transport.is_closing():
            raise _Cut("backend_unreachable", "reset", "the backend closed the connection at once", sent=False)
        if not wire.has_served and wire.spoke_first:
            raise _Cut("backend_unreachable", "reset", "the backend spoke or hung up before it was asked", sent=False)
        wire.begin()
        wire.set_response_params(
            skip_payload=outbound.method == "HEAD",
            read_until_eof=True,
            auto_decompress=False,
            read_bufsize=_PIECE_BYTES,
            max_line_size=_LINE_BYTES,
            max_field_size=_LINE_BYTES,
            max_headers=_HEADERS,
        )
        head, body = _head(outbound, host), outbound.body
        self._head_bytes = len(head)
        if len(body) <= _PIECE_BYTES:
            track.progress, self._written = Progress.BODY, len(head) + len(body)
            transport.write(head + body)
            return
        track.progress, self._written = Progress.HEAD, len(head)
        transport.write(head)
        self._upload = spawn(self._send_body(transport), "upload")

    async def _send_body(self, transport: asyncio.Transport) -> None:
        """Write a large body in pieces, no faster than it leaves. A backend may answer before it has read all of it."""
        view = memoryview(self._outbound.body)
        for start in range(0, len(view), _PIECE_BYTES):
            if transport.is_closing():
                return  # it may have answered before it hung up; the reader finds out
            piece = view[start : start + _PIECE_BYTES]
            if self._track.progress is Progress.HEAD:  # a reply may be here before the body has left
                self._track.progress = Progress.BODY
            self._written += len(piece)
            transport.write(piece)
            try:
                await self._wire._drain_helper()  # noqa: SLF001 - the only word for back-pressure that the protocol has
            except ConnectionError:
                return  # as above
            await asyncio.sleep(0)

    def _stop_upload(self) -> None:
        if self._upload is not None and not self._upload.done():
            self._upload.cancel()
            self._wire.force_close()  # half a request stands on it: nobody may use it after us

    async def _read_head(self) -> None:
        """Take the status line and headers, unless they are here already; 1xx are passed over."""
        while self._message is None:
            if self._wire.late:
                raise TimeoutError
            try:
                message, payload = await self._wire.read()
            except TimeoutError:  # ours: the kernel's own comes as aiohttp's ClientOSError
                raise
            except HttpProcessingError as error:
                raise _Cut("backend_bad_reply", "http", "the backend's reply is no HTTP") from error
            except (OSError, theirs.ClientError) as error:
                raise self._lost(error) from error
            self._track.progress = Progress.REPLY
            if message.code >= 200:
                self._message, self._payload = message, payload
            elif message.code == 101:
                raise _Cut("backend_bad_reply", "http", "the backend switched protocols unasked")

    async def _finish(self) -> Received | Failed:
        """Read the body to its end, within what may be held, and give the connection back."""
        failed = self._too_large() or await self._read_body()
        if failed is not None:
            self.close()
            return failed
        self._release()
        return self._received(None)

    async def _stream(self) -> Received | Failed:
        """Take what the body begins with, so that it can be judged; the rest is for whoever passes it on."""
        failed = await self._read_body(_BEGINNING_BYTES)
        if failed is not None:
            self.close()
            return failed
        if self._ended:
            self._release()
            return self._received(None)
        self._beginning = self._received(Stream(self._next, self._leave))
        return self._beginning

    async def _drain(self) -> Received | Failed:
        """Read a stream to its end and drop what is not needed to judge it: no more than may be held of any other reply."""
        beginning = self._beginning or await self._stream()
        if isinstance(beginning, Failed):
            return beginning
        dropped = 0
        while not self._over:
            piece = await self._piece()
            if isinstance(piece, Failed):
                self.close()
                return piece
            dropped += len(piece)
            if dropped > self._limits.reply_bytes:
                self.close()
                size = self._limits.reply_bytes
                return Failed(
                    "outcome_unknown", "cut", f"nobody read it, and another {size} bytes were no end", sent=True
                )
            if not piece:
                self._release()
        return beginning

    def _too_large(self) -> Failed | None:
        assert self._message is not None, "_read_head ran"
        declared = self._message.headers.get("Content-Length", "")
        skipped = self._outbound.method == "HEAD"
        return (
            _too_large_for(self._limits)
            if not skipped and declared.isdigit() and int(declared) > self._limits.reply_bytes
            else None
        )

    @property
    def _ended(self) -> bool:
        payload = self._payload
        assert payload is not None, "_read_head ran"
        return payload.at_eof()

    async def _read_body(self, enough_bytes: int | None = None) -> Failed | None:
        """Read the body to its end, or until `enough_bytes` are here."""
        while not self._ended and (enough_bytes is None or self._size < enough_bytes):
            piece = await self._piece()
            if isinstance(piece, Failed):
                return piece
            self._size += len(piece)
            if enough_bytes is None and self._size > self._limits.reply_bytes:
                return _too_large_for(self._limits)
            if not self._account.take(len(piece)):
                return Failed("backend_bad_reply", "too_large", "limits.buffered has no room for the reply", sent=True)
            if piece:
                self._body.append(piece)
        return None

    async def _piece(self) -> bytes | Failed:
        """Return what has come of the body, at least a byte; b"" at its end."""
        payload = self._payload
        assert payload is not None, "_read_head ran"
        if self._wire.late and not payload.is_eof():
            raise TimeoutError
        try:
            return payload.read_nowait(-1) if payload.is_eof() else await payload.readany()
        except TimeoutError:  # ours, as above
            raise
        except HttpProcessingError as error:
            untraced(error)
            return Failed("backend_bad_reply", "http", "the framing of the reply's body is broken", sent=True)
        except (OSError, theirs.ClientError) as error:
            untraced(error)
            return Failed("backend_bad_reply", "truncated", f"the reply broke off: {words_of(error)}", sent=True)
        except (
            RuntimeError
        ) as error:  # aiohttp's word to whoever reads on after the connection has been closed from here
            if self._wire.connected:
                raise
            untraced(error)
            return Failed(
                "backend_bad_reply", "truncated", "the connection was closed before the reply's end", sent=True
            )

    async def _next(self) -> bytes:
        """Give the next piece of a streamed reply, b"" at its end; raises OSError where it broke off or is too slow."""
        if self._over:
            return b""
        loop, total_s = asyncio.get_running_loop(), self._limits.total_s
        began = loop.time()
        left_s = total_s + self._passed_bytes / _SLOWEST_BYTES_S - self._waited_s
        try:
            async with asyncio.timeout(min(total_s, left_s)):
                piece = await self._piece()
        except TimeoutError:
            self._leave()
            raise
        finally:
            self._waited_s += loop.time() - began
        if isinstance(piece, Failed):
            self.close()
            raise ConnectionResetError(piece.detail)
        self._passed_bytes += len(piece)
        if not piece:
            self._release()
        return piece

    def _leave(self) -> None:
        """Nobody reads the rest of a stream: the backend works on all the same, and whoever holds its slot has a ghost in it."""
        if not self._over:
            self._track.ghost = self

    def _received(self, stream: Stream | None) -> Received:
        message = self._message
        assert message is not None, "_read_head ran"
        return Received(message.code, message.reason or "", message.raw_headers, tuple(self._body), self._size, stream)

    def _release(self) -> None:
        self._over, self._beginning = True, None
        self._stop_upload()
        first = not self._wire.has_served
        self._wire.has_served = True
        message = self._message
        if message is not None and message.code == _UNAUTHORISED and offers_connection_sign_in(message.raw_headers):
            self._connection.close()  # a half-done sign-in must not be anybody else's connection
        else:
            self._give_back(self._connection, first)

    def _out_of_time(self) -> Failed:
        left = self._written - self._unsent()
        if left <= (self._head_bytes if self._outbound.body else 0):
            self.close()
            return Failed(
                "backend_unreachable",
                "connect_timeout",
                "the backend took the connection but nothing of the call",
                sent=False,
            )
        if left < self._head_bytes + len(self._outbound.body):
            self.close()  # half a call: it cannot be worked on, and nobody will send the rest
            return Failed("outcome_unknown", "timeout", "the backend did not take the whole call in time", sent=True)
        self._track.ghost = self
        what = "its whole reply" if self._track.progress is Progress.REPLY else "a first byte"
        return Failed(
            "outcome_unknown", "timeout", f"the backend has the call and did not send {what} in time", sent=True
        )

    def _unsent(self) -> int:
        """Return how much of what was written the kernel has not taken."""
        transport = self._wire.transport
        return transport.get_write_buffer_size() if transport is not None else 0

    def _lost(self, error: BaseException) -> _Cut:
        reset = isinstance(error, ConnectionResetError) or getattr(error, "errno", None) is not None
        return _Cut(
            "outcome_unknown",
            "reset" if reset else "closed",
            "the backend closed the connection without an answer",
            stale=self._reused and not self._wire.heard,
        )


def _too_large_for(limits: AttemptLimits) -> Failed:
    return Failed(
        "backend_bad_reply", "too_large", f"the reply exceeds limits.reply_body ({limits.reply_bytes})", sent=True
    )


class _Cut(Exception):  # noqa: N818 - not an error of ours: a fact on its way to the seam
    """An attempt ended without a reply."""

    def __init__(self, state: str, reason: str, detail: str, *, sent: bool = True, stale: bool = False) -> None:
        super().__init__(detail)
        self.failed = Failed(state, reason, detail, sent, stale)


def _head(outbound: Outbound, host: bytes) -> bytes:
    # The target is the caller's, byte for byte: what its parser could not decode stands in it as surrogates.
    lines = [f"{outbound.method} {outbound.target} HTTP/1.1\r\n".encode("utf-8", "surrogateescape"), host]
    lines += [name + b": " + value + b"\r\n" for name, value in outbound.headers]
    if outbound.body or outbound.method not in ("GET", "HEAD"):
        lines.append(b"Content-Length: %d\r\n" % len(outbound.body))
    lines.append(b"\r\n")
    return b"".join(lines)


def words_of(error: BaseException) -> str:
    """Return what kind of error it was. Never its own text: that names the address, which is nobody's business."""
    inner = getattr(error, "os_error", None) or getattr(error, "certificate_error", None) or error.__cause__ or error
    number = getattr(inner, "errno", None)
    if isinstance(inner, ssl.SSLError):
        return getattr(inner, "verify_message", None) or inner.reason or "no common protocol"
    return os.strerror(number) if isinstance(number, int) and number > 0 else type(inner).__name__
