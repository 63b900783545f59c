"""A Reply as bytes: status line, header lines in their order and case, and how its end is told.

Stands at the very end of the caller lane. It owns framing (Content-Length, Transfer-Encoding, Connection) and nothing
else: whatever a reply says of these is replaced, so that no backend and no bug can split a response (RFC 9112 §11.1).
"""

from __future__ import annotations

import time
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from operator import itemgetter
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from sidecar.model import Head, RawHeaders, Reply

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
LAST_CHUNK: Final = b"0\r\n\r\n"
SERVER: Final = b"Server: sidecar\r\n"
_LENGTH: Final = b"Content-Length: %d\r\n"

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
    if reply.block:
        lines, declared = _Lines(reply.block, len(reply.headers), False), None
    else:
        lines, declared = _lines(reply.headers)
    silent = reply.status < 200 or reply.status in _SILENT
    bodiless = silent or (head is not None and head.method == "HEAD")
    size = sum(map(len, reply.body))
    sized = size if reply.stream is None else declared
    modern = head is None or head.version >= (1, 1)
    if reply.stream is None and modern and not (bodiless or close or reply.close):  # nearly all of them
        return Frame(_head(reply, lines, _LENGTH % size, 1), True, False, size, False)
    chunked = sized is None and not bodiless and modern
    close = close or reply.close or (sized is None and not bodiless and not modern)
    length = _length(reply, sized, declared, silent=silent, bodiless=bodiless)
    ours = []
    if length is not None:
        ours.append(_LENGTH % length)
    if chunked:
        ours.append(b"Transfer-Encoding: chunked\r\n")
    if close:
        ours.append(b"Connection: close\r\n")
    elif not modern:
        ours.append(b"Connection: keep-alive\r\n")
    return Frame(_head(reply, lines, b"".join(ours), len(ours)), not bodiless, chunked, sized, close)


def at_once(reply: Reply, head: Head, *, close: bool) -> bytes | None:
    """Return the whole of a reply of our own on a connection that is kept, as `frame` would have it: 0.8 of its 1.3 µs are for what such
    a reply is not. None where this one is anything else. Raises SplitError as `frame` does.
    """
    status, headers, body, phrase, closes, stream, block = reply
    if not block or close or closes or phrase or stream is not None or head.method == "HEAD" or head.version < (1, 1):
        return None
    if status < 200 or status in _SILENT:
        return None
    _unsplit(block, len(headers), reply)
    size = len(body[0]) if len(body) == 1 else sum(map(len, body))
    return b"".join((_beginning(status), block, _LENGTH % size, b"\r\n", *body))


class _Lines(NamedTuple):
    """Header lines that are not framing, each with its CRLF, how many they are, and whether Date is among them."""

    block: bytes
    size: int
    dated: bool


def _head(reply: Reply, lines: _Lines, ours: bytes, count: int) -> bytes:
    """Return the whole head, with `count` lines of ours last; raises SplitError where it has more lines than it should."""
    dated = b"" if lines.dated else date_line()
    whole = b"".join((status_line(reply.status, reply.phrase), dated, SERVER, lines.block, ours))
    _unsplit(whole, lines.size + count + 3 - lines.dated, reply)
    return whole + b"\r\n"


def _unsplit(whole: bytes, breaks: int, reply: Reply) -> None:
    """Raise SplitError where there are more line breaks than these."""
    if whole.count(b"\n") != breaks or whole.count(b"\r") != breaks:
        count = len(reply.headers)
        raise SplitError(f"one of {count} header lines of a reply with status {reply.status} holds a line break")


def _lines(headers: RawHeaders) -> tuple[_Lines, int | None]:
    """Return the header lines that are not framing, and the Content-Length that was among the others."""
    if not headers:
        return _Lines(b"", 0, False), None
    names, values = zip(*headers, strict=True)
    form = _form(names)
    declared = int(values[form.length]) if form.length is not None and values[form.length].isdigit() else None
    return _Lines(form.blanks % form.kept(values), form.size, form.dated), declared


class _Form(NamedTuple):
    """Header lines with blanks for their values: which values, how many, where Content-Length is, whether Date is there."""

    blanks: bytes
    kept: Callable[[tuple[bytes, ...]], tuple[bytes, ...]]
    size: int
    length: int | None
    dated: bool


@lru_cache(maxsize=128)  # a backend sends its names in one order all day, and we say ours in one
def _form(names: tuple[bytes, ...]) -> _Form:
    lowered = [name.lower() for name in names]
    kept = [at for at, name in enumerate(lowered) if name not in _FRAMING]
    blanks = b"".join(names[at].replace(b"%", b"%%") + b": %b\r\n" for at in kept)
    length = next((at for at in reversed(range(len(names))) if lowered[at] == b"content-length"), None)
    # An itemgetter of fewer than two gives no tuple.
    values = itemgetter(*kept) if len(kept) > 1 else lambda values: tuple(values[at] for at in kept)
    return _Form(blanks, values, len(kept), length, b"date" in lowered)


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


_begun: tuple[int, dict[int, bytes]] = (0, {})


def _beginning(status: int) -> bytes:
    """Return what a reply of our own begins with, made once a second for each status that is said in it."""
    global _begun  # noqa: PLW0603 - as above
    now = int(time.time())
    if now != _begun[0]:
        _begun = (now, {})
    begun = _begun[1].get(status)
    if begun is None:
        begun = _begun[1][status] = b"".join((status_line(status, ""), date_line(), SERVER))
    return begun
