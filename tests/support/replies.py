"""Replies that a scripted backend can give, from proper to absurd, as exact bytes.

A `Reply` is a head and a body, or a stream of pieces made while it is sent. Nothing here looks at the request.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

XML = "text/xml; charset=utf-8"
# One write of a generated body: large enough to be quick, small enough to meet back-pressure.
PIECE_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Reply:
    """`head` and `body` are sent as they stand; `stream` replaces the body; `keeps`: the framing allows another request."""

    head: bytes
    body: bytes = b""
    stream: Callable[[], Iterable[bytes]] | None = None
    size_bytes: int | None = None  # of the stream, where it has an end
    keeps: bool = True

    def pieces(self) -> Iterable[bytes]:
        return self.stream() if self.stream is not None else (self.body,)

    @property
    def half_bytes(self) -> int:
        """Where half the body is; of an endless stream, one piece."""
        whole = len(self.body) if self.stream is None else (self.size_bytes or 2 * PIECE_BYTES)
        return whole // 2


def head(status: int, reason: str, headers: Sequence[tuple[str, str]]) -> bytes:
    lines = [f"HTTP/1.1 {status} {reason}", *(f"{name}: {value}" for name, value in headers), "", ""]
    return "\r\n".join(lines).encode("latin-1")


def http(
    body: bytes | str = b"",
    status: int = 200,
    *,
    content_type: str | None = XML,
    headers: Sequence[tuple[str, str]] = (),
    length: int | None = None,
    reason: str = "Scripted",
) -> Reply:
    """Return a reply framed by Content-Length; `length` lies about it."""
    body = body.encode() if isinstance(body, str) else body
    typed = [("Content-Type", content_type)] if content_type else []
    framed = [("Content-Length", str(len(body) if length is None else length))]
    keeps = not any(name.lower() == "connection" and value.lower() == "close" for name, value in headers)
    return Reply(head(status, reason, [*typed, *framed, *headers]), body, keeps=keeps)


def too_long(body: bytes, by_bytes: int = 10) -> Reply:
    """A Content-Length that promises more than comes; the script must end the connection for it to be noticed."""
    return replace(http(body, length=len(body) + by_bytes), keeps=False)


def too_short(body: bytes, by_bytes: int = 10) -> Reply:
    """A Content-Length that promises less than comes: the rest looks like the start of the next reply."""
    return http(body, length=len(body) - by_bytes)


def until_close(body: bytes, status: int = 200) -> Reply:
    """A reply without any framing, as HTTP/1.0 servers send it: its end is the end of the connection."""
    return Reply(head(status, "Scripted", [("Content-Type", XML)]), body, keeps=False)


def chunked(body: bytes, chunk_bytes: int = 16, *, trailer: bytes = b"") -> Reply:
    """Return `body` in chunks of `chunk_bytes` (RFC 9112 section 7.1), with an optional trailer block."""
    chunks = [body[at : at + chunk_bytes] for at in range(0, len(body), chunk_bytes)]
    framed = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n" + trailer + b"\r\n"
    return Reply(head(200, "Scripted", [("Content-Type", XML), ("Transfer-Encoding", "chunked")]), framed)


def bad_chunk(body: bytes) -> Reply:
    """A chunked reply whose second size line is not a number."""
    framed = b"%x\r\n%b\r\nzz\r\n" % (len(body), body)
    return Reply(head(200, "Scripted", [("Content-Type", XML), ("Transfer-Encoding", "chunked")]), framed, keeps=False)


def html(status: int = 200, text: str = "Runtime Error") -> Reply:
    """A page for people where XML was asked for: IIS error pages, proxies' 503s, login forms."""
    page = f"<!DOCTYPE html>\n<html><head><title>{text}</title></head><body><h1>{text}</h1><hr></body></html>"
    return http(page, status, content_type="text/html; charset=utf-8")


def garbage(data: bytes = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(200, 256))) -> Reply:
    """Bytes that are no HTTP at all; by default what a TLS port says to a plain client."""
    return Reply(data, keeps=False)


def raw(data: bytes, *, keeps: bool = False) -> Reply:
    """These bytes and no others."""
    at = data.find(b"\r\n\r\n") + 4
    return Reply(data[:at], data[at:], keeps=keeps) if at > 3 else Reply(data, keeps=keeps)


def gzipped(body: bytes) -> Reply:
    return http(gzip.compress(body, mtime=0), headers=[("Content-Encoding", "gzip")])


def utf16(body: str) -> Reply:
    """The same text in UTF-16 with its byte-order mark, declared in XML and in Content-Type."""
    text = body.replace("utf-8", "utf-16").replace("UTF-8", "utf-16")
    return http(text.encode("utf-16"), content_type="text/xml; charset=utf-16")


def huge(size_bytes: int, *, opening: bytes = b"", closing: bytes = b"", filler: bytes = b"x") -> Reply:
    """`size_bytes` in all, made while it is sent: `opening`, filler, `closing`."""
    middle = size_bytes - len(opening) - len(closing)
    if middle < 0:
        raise ValueError(f"{size_bytes} bytes do not hold an opening and a closing of {size_bytes - middle}")

    def stream() -> Iterable[bytes]:
        yield opening
        piece = (filler * (PIECE_BYTES // len(filler) + 1))[:PIECE_BYTES]
        for at in range(0, middle, PIECE_BYTES):
            yield piece[: min(PIECE_BYTES, middle - at)]
        yield closing

    headers = [("Content-Type", XML), ("Content-Length", str(size_bytes))]
    return Reply(head(200, "Scripted", headers), stream=stream, size_bytes=size_bytes)


def endless(piece: bytes = b"x" * PIECE_BYTES, *, chunks: bool = True) -> Reply:
    """A reply that never ends, chunked or unframed; it is sent as fast as the peer reads, until the peer goes."""
    framed = b"%x\r\n%b\r\n" % (len(piece), piece) if chunks else piece

    def stream() -> Iterable[bytes]:
        while True:
            yield framed

    framing = [("Transfer-Encoding", "chunked")] if chunks else []
    return Reply(head(200, "Scripted", [("Content-Type", XML), *framing]), stream=stream, keeps=False)
