"""The body of a request that is here already, where the road expects one that may still be on its way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sidecar.model import Refusal

if TYPE_CHECKING:
    from sidecar.model import Account


class Given:
    """`model.BodySource` of bytes at hand."""

    __slots__ = ("_body",)

    def __init__(self, body: bytes) -> None:
        self._body = body

    @property
    def declared_bytes(self) -> int:
        """Their number."""
        return len(self._body)

    def at_hand(self, limit_bytes: int, account: Account) -> bytes | Refusal:
        """Return them, booked. Refuses too_large and overloaded (buffered), as a source on a connection does."""
        size_bytes = len(self._body)
        if size_bytes > limit_bytes:
            detail = f"written for the backend, the call has {size_bytes} bytes, and at most {limit_bytes} are taken"
            return Refusal("too_large", detail=detail, limit_bytes=limit_bytes)
        if not account.take(size_bytes):
            return Refusal("overloaded", "buffered", "no room for another body at present")
        return self._body

    async def read(self, limit_bytes: int, account: Account) -> bytes | Refusal:
        """As `at_hand`."""
        return self.at_hand(limit_bytes, account)
