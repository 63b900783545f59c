"""The cookies of a room's page: how a browser without a script keeps its place. Only the room's own resources read them, no call does."""

from __future__ import annotations

from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sidecar.model import Exchange

_COOKIES_BYTES: Final = 8192


def cookies(exchange: Exchange, room: str) -> dict[str, str]:
    """Return the cookies of a room's page: `place` and `pass`."""
    line = exchange.head.headers.get("Cookie", "")
    if not line or len(line) > _COOKIES_BYTES:
        return {}
    try:
        jar = SimpleCookie(line)
    except CookieError:
        return {}
    names = {"place": f"sidecar-{room}", "pass": f"sidecar-{room}-pass"}
    return {what: jar[name].value for what, name in names.items() if name in jar}
