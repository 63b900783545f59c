"""The cookies of a room's page: how a browser without a script keeps its place. Only the room's own resources read them, no call does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sidecar.model import Exchange

_COOKIES_BYTES: Final = 8192  # what browsers send at most; whoever sends more has no place in it


def cookies(exchange: Exchange, room: str) -> dict[str, str]:
    """Return the cookies of a room's page: `place` and `pass`. What else stands in the line, however odd, is somebody else's."""
    line = exchange.head.headers.get("Cookie", "")
    if not line or len(line) > _COOKIES_BYTES:
        return {}
    pairs = (each.strip().partition("=") for each in line.split(";"))
    names = {f"sidecar-{room}": "place", f"sidecar-{room}-pass": "pass"}
    return {names[name]: value for name, _, value in pairs if name in names and value}
