"""A Reply as bytes: status line, header lines in their order and case, and how its end is told.

Stands at the very end of the caller lane. It owns framing (Content-Length, Transfer-Encoding, Connection) and nothing
else: whatever a reply says of these is replaced, so that no backend and no bug can split a response (RFC 9112 §11.1).
"""

from __future__ import annotations

import time
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from sidecar.model import Head, RawHeaders, Reply

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
LAST_CHUNK: Final = b"0\r\n\r\n"
SERVER: Final = b"Server: sidecar\r\n"

# Ours to say, per connection (RFC 9110 §7.6.1) or per message; Server would tell which backend stands behind us.
_FRAMING: Final = frozenset(
    (b"connection", b"content-length", b"transfer-encoding", b"keep-alive", b"proxy-connection", b"upgrade", b"server")
)
_SILENT: Final = (204, 304)
_PHRASES: Final = {status.value: status.phrase for status in HTTPStatus}
_STATUS_LINES_MAX = 256  # distinct (status, phrase) pairs kept: a backend that invents phrases must not grow a table


class SplitError(ValueError):
    """A header line of a reply holds a line break: sending it would let its author write the rest of the response."""


class Frame(NamedTuple):
    """How one reply is sent. `head` is ready to write; `sized` None: close-delimited or chunked."""

    head: bytes
    body: bool  # False: HEAD, 1xx, 204, 304: the head is all there is
    chunked: bool
    sized: int | None
    close: bool


def frame(reply: Reply, head: Head | None, *, close: bool) -> Frame:
    """Decide how `reply` to the request `head` is delimited and write its head.

    Raises SplitError where a header line holds a line break. A reply whose end cannot be told otherwise (a stream to an
    HTTP/1.0 client) is ended by closing the connection.
    """
    lines, declared, dated = _lines(reply.headers)
    silent = reply.status < 200 or reply.status in _SILENT
    bodiless = silent or (head is not None and head.method == "HEAD")
    size = sum(map(len, reply.body))
    sized = size if reply.stream is None else declared
    modern = head is None or head.version >= (1, 1)
    if reply.stream is None and modern and not (bodiless or close or reply.close):  # nearly all of them
        lines.append(b"Content-Length: %d" % size)
        return Frame(_head(reply, lines, dated=dated), True, False, size, False)
    chunked = sized is None and not bodiless and modern
    close = close or reply.close or (sized is None and not bodiless and not modern)
    length = _length(reply, sized, declared, silent=silent, bodiless=bodiless)
    if length is not None:
        lines.append(b"Content-Length: %d" % length)
    if chunked:
        lines.append(b"Transfer-Encoding: chunked")
    if close:
        lines.append(b"Connection: close")
    elif not modern:
        lines.append(b"Connection: keep-alive")
    return Frame(_head(reply, lines, dated=dated), not bodiless, chunked, sized, close)


def _head(reply: Reply, lines: list[bytes], *, dated: bool) -> bytes:
    """Return the whole head; raises SplitError where it has more lines than it should."""
    block = b"\r\n".join(lines)
    whole = b"".join((status_line(reply.status, reply.phrase), b"" if dated else date_line(), SERVER, block))
    breaks = len(lines) + 2 - dated + bool(not lines)
    if whole.count(b"\n") != breaks or whole.count(b"\r") != breaks:
        raise SplitError(f"one of {len(lines)} header lines of a reply with status {reply.status} holds a line break")
    return whole + (b"\r\n\r\n" if lines else b"\r\n")


def _lines(headers: RawHeaders) -> tuple[list[bytes], int | None, bool]:
    """Return the header lines that are not framing, the Content-Length that was among them, and whether Date was."""
    names, values = zip(*headers, strict=True) if headers else ((), ())
    ours, length, dated = _told(names)
    declared = int(values[length]) if length is not None and values[length].isdigit() else None
    if ours:
        headers = tuple(line for at, line in enumerate(headers) if at not in ours)
    return [name + b": " + value for name, value in headers], declared, dated


@lru_cache(maxsize=128)  # a backend sends its names in one order all day, and we say ours in one
def _told(names: tuple[bytes, ...]) -> tuple[frozenset[int], int | None, bool]:
    """Return which of a reply's lines are ours to write, where its Content-Length is, and whether it has a Date."""
    lowered = [name.lower() for name in names]
    ours = frozenset(at for at, name in enumerate(lowered) if name in _FRAMING)
    length = next((at for at in sorted(ours, reverse=True) if lowered[at] == b"content-length"), None)
    return ours, length, b"date" in lowered


def _length(reply: Reply, sized: int | None, declared: int | None, *, silent: bool, bodiless: bool) -> int | None:
    """Return the Content-Length to say, None for none (RFC 9110 §8.6: never with 1xx and 204; 304 and HEAD may)."""
    if reply.status < 200 or reply.status == 204:
        return None
    if bodiless and not sized:
        return declared  # of the body that a GET would have got, where the backend said it
    return None if silent else sized


_status_lines: dict[tuple[int, str], bytes] = {}


def status_line(status: int, phrase: str) -> bytes:
    """Return the status line with its CRLF; always HTTP/1.1, our own version (RFC 9112 §2.3)."""
    key = (status, phrase)
    line = _status_lines.get(key)
    if line is None:
        words = phrase or _PHRASES.get(status, "")
        line = f"HTTP/1.1 {status} {words}\r\n".encode("latin-1", "replace")
        if len(_status_lines) >= _STATUS_LINES_MAX:
            _status_lines.clear()
        _status_lines[key] = line
    return line


_date: tuple[int, bytes] = (0, b"")


def date_line() -> bytes:
    """Return the Date header line, made once a second (RFC 9110 §6.6.1)."""
    global _date  # noqa: PLW0603 - one clock for the process, read on every reply
    now = int(time.time())
    if now != _date[0]:
        _date = (now, f"Date: {formatdate(now, usegmt=True)}\r\n".encode("ascii"))
    return _date[1]
