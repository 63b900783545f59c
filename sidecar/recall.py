"""Requests that were read lately: identical callers are not parsed again. Asked by decode, written by decode and the cache stage.

A request is remembered by a digest of everything that reading it looks at, and of what it says nothing is kept but digests and names: it
may have held a session key. What a contract says may change what a request means: so its edition is remembered, too.
"""

from __future__ import annotations

from collections import OrderedDict
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sidecar.answers import Seen
    from sidecar.model import Exchange

MOST: Final = 4_096  # the questions that a page asks, for every evening of a season: half a KiB each
_NONE: Final = "\0"  # instead of a header that is not there: none can hold it
_LONGEST: Final = 16_384  # of a request that is remembered: what larger ones cost is not the parse


class Recall:
    """The requests of one backend."""

    __slots__ = ("_seen",)

    def __init__(self) -> None:
        self._seen: OrderedDict[bytes, Seen] = OrderedDict()

    def __len__(self) -> int:
        return len(self._seen)

    def name(self, exchange: Exchange) -> bytes:
        """Return what a request is remembered by; b"" where it is too large for that."""
        head, body = exchange.head, exchange.body
        if len(body) > _LONGEST:
            return b""
        get = head.headers.get  # none of these has a line break in it, so none can pass for another
        content, action = get("Content-Type", _NONE), get("SOAPAction", _NONE)
        said = f"{head.method}\n{exchange.endpoint}\n{exchange.rest}\n{head.query}\n{content}\n{action}\n"
        return blake2b(said.encode("utf-8", "surrogateescape") + body, digest_size=16).digest()

    def find(self, name: bytes, edition: object) -> Seen | None:
        """Return what was read of that request under the same edition of the contract."""
        seen = self._seen.get(name)
        if seen is None or seen.edition is not edition:
            return None
        self._seen.move_to_end(name)
        return seen

    def keep(self, name: bytes, seen: Seen) -> None:
        """Remember it; the oldest is forgotten for it."""
        self._seen[name] = seen
        if len(self._seen) > MOST:
            self._seen.popitem(last=False)
