"""The body of one request, still on its way: read once, whole, within a limit, every piece booked.

Stands between the connection and the decode stage. It may answer with bytes or with too_large, body_timeout, malformed or
overloaded; it never looks into the bytes and never keeps any that were not booked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from aiohttp import EMPTY_PAYLOAD

from sidecar.model import Refusal
from sidecar.trace import untraced

if TYPE_CHECKING:
    from aiohttp import StreamReader

    from sidecar.ports import Account


class BrokenBody(Exception):  # noqa: N818 - reads as what happened to the body; it carries the answer
    """Set on a payload whose rest will never come, or must not; `refusal` is what its reader answers."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.state)
        self.refusal = refusal


class Line(Protocol):
    """What an upload asks of its connection."""

    def begin_body(self, *, say_continue: bool) -> None:
        """Send `100 Continue` if told to, and start the body's timer."""
        ...

    def end_body(self) -> None:
        """Stop the body's timer."""
        ...

    def consumed(self, size_bytes: int) -> None:
        """Note that received bytes have found their account."""
        ...


class Upload:
    """Implements `ports.BodySource` over aiohttp's payload stream."""

    __slots__ = ("_declared", "_expects", "_line", "_payload", "_taken")

    def __init__(self, line: Line, payload: StreamReader, declared: int | None, *, expects: bool) -> None:
        self._line = line
        self._payload = payload
        self._declared = declared
        self._expects = expects
        self._taken = False

    def __repr__(self) -> str:
        size = "chunked" if self._declared is None else f"{self._declared} bytes"
        return f"<Upload {size}{', read' if self._taken else ''}>"

    @property
    def declared_bytes(self) -> int | None:
        """The Content-Length, 0 without a body, None where the body is chunked."""
        return self._declared

    @property
    def complete(self) -> bool:
        """Whether the last byte has come."""
        return self._payload.is_eof() and self._payload.exception() is None

    @property
    def withheld(self) -> bool:
        """Whether the client still waits for our `100 Continue`: then it may send a body, or its next request."""
        return self._expects and not self._payload.total_bytes and not self.complete

    def at_hand(self, limit_bytes: int, account: Account) -> bytes | Refusal | None:
        """As `read`, of a body that has come whole; None where one is still on its way."""
        if self._taken:
            raise RuntimeError("the body of a request can be read once; keep what the first read gave")
        if self._declared is not None and self._declared > limit_bytes:
            self._taken = True
            return _too_large(limit_bytes, self._declared)
        payload = self._payload
        if not payload.is_eof() or payload.exception() is not None:
            return None
        self._taken = True
        return self._piece(payload.read_nowait(-1), 0, limit_bytes, account) if payload is not EMPTY_PAYLOAD else b""

    async def read(self, limit_bytes: int, account: Account) -> bytes | Refusal:
        """Answer an Expect, take the body whole, at most `limit_bytes`, every piece booked on `account`. Once."""
        if (whole := self.at_hand(limit_bytes, account)) is not None:
            return whole
        self._taken = True
        try:
            self._line.begin_body(say_continue=self.withheld)
            return await self._gather(limit_bytes, account)
        except BrokenBody as broken:
            untraced(broken)
            return broken.refusal
        finally:
            self._expects = False
            self._line.end_body()

    async def _gather(self, limit_bytes: int, account: Account) -> bytes | Refusal:
        whole = bytearray()  # not a list of pieces: a million pieces of one byte would cost fifty times what is booked
        while data := await self._payload.readany():
            piece = self._piece(data, len(whole), limit_bytes, account)
            if isinstance(piece, Refusal):
                return piece
            whole += piece
            del data, piece  # while the next one is awaited, the last would be held beside its copy
        return bytes(whole)

    def _piece(self, data: bytes, before: int, limit_bytes: int, account: Account) -> bytes | Refusal:
        size = len(data)
        self._line.consumed(size)
        if before + size > limit_bytes:
            return _too_large(limit_bytes, before + size)
        return data if account.take(size) else BUFFERED


BUFFERED = Refusal(
    "overloaded", "buffered", "The bodies and replies held now reach limits.buffered, or this backend's share of it."
)


def _too_large(limit_bytes: int, size_bytes: int) -> Refusal:
    detail = f"The body is larger than {limit_bytes} bytes."
    numbers = (("size", size_bytes), ("limit", limit_bytes))  # of a chunked one, as much as had come
    return Refusal("too_large", "body", detail, limit_bytes=limit_bytes, numbers=numbers)
