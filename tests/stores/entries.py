"""Entries, deeds and clocks for the tests of stores."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

from sidecar.answers import DIGEST_BYTES, OVERHEAD_BYTES, Entry
from sidecar.model import Dialect, Executed, Grade
from sidecar.ports import Deed, DeedState


class StillClock:
    """Time that stands until a test moves it; `wall` may be set on its own, as an administrator does."""

    def __init__(self, now: float = 1_000.0, wall: float = 1_796_115_600.0) -> None:
        self.seconds, self.ahead = now, wall - now

    def now(self) -> float:
        return self.seconds

    def wall(self) -> float:
        return self.seconds + self.ahead


def key_of(name: str) -> bytes:
    """Return a digest, as adapters make them."""
    return blake2b(name.encode(), digest_size=DIGEST_BYTES).digest()


def entry_of(name: str = "a", *, weighs: int | None = None, **changes: Any) -> Entry:
    """Return an entry, of `weighs` bytes in a store where that is said."""
    body = b"<r/>" if weighs is None else b"x" * (weighs - OVERHEAD_BYTES)
    headers = () if weighs is not None else ((b"Content-Type", b"text/xml"), (b"X-Name", b"M\xfcller"))
    facts: dict[str, Any] = {
        "key": key_of(name),
        "backend": "tickets",
        "endpoint": "",
        "operation": "GetSeats",
        "dialect": Dialect.SOAP11,
        "at": 990.0,
        "status": 200,
        "headers": headers,
        "body": body,
        "grade": Grade("ok", Executed.YES),
    }
    return Entry(**(facts | changes))


def facts_of(entry: Entry) -> dict[str, Any]:
    """Return all of an entry that must survive a store."""
    names = (name for name in Entry.__slots__ if name not in ("hits", "wrapped", "making", "ready"))
    return {name: getattr(entry, name) for name in names}


def deed_of(name: str = "a", number: int = 0, **changes: Any) -> Deed:
    """Return a keyed call that has just begun, good for an hour; `number` tells one attempt from the next."""
    facts: dict[str, Any] = {
        "key": key_of(name),
        "id": f"{name}-{number}",
        "fingerprint": b"what was called",
        "backend": "tickets",
        "operation": "Reserve",
        "state": DeedState.RUNNING,
        "until": 1_796_115_600.0 + 3600.0,
    }
    return Deed(**(facts | changes))
