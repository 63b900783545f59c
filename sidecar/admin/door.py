"""Who may come in: the Host that a request names, the page that sent it, the token that it shows.

Asked once per request, before anybody looks at what is wanted. The first two keep out pages in an operator's browser (DNS rebinding,
cross-site posts), the token keeps out everybody else. It knows no order and logs nothing.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from sidecar.policy.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Sequence

# Each wrong token costs this much, one after the other: ten guesses a second are hopeless, and whoever has the right one waits for at
# most as many wrong ones as there may be connections.
WRONG_TOKEN_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class Denied:
    """Why somebody does not come in: HTTP status, a stable code, and what to do."""

    status: int
    code: str
    text: str
    remedy: str


NO_TOKEN: Final = Denied(
    403,
    "no_token_configured",
    "no token is configured, so nobody can change anything here",
    "set admin.token_file in the settings, and let them be read by SIGHUP: an order would need the token",
)
_TOKEN_MISSING: Final = Denied(
    401, "token_missing", "this needs the token of admin.token_file", "send it as `Authorization: Bearer TOKEN`"
)
_TOKEN_WRONG: Final = Denied(
    401,
    "token_wrong",
    "this is not the token of admin.token_file",
    "compare it with the file that the sidecar reads; a reload takes a new one",
)
_FOREIGN: Final = Denied(
    403,
    "origin_denied",
    "a page of another origin may not ask here",
    "open the dashboard at this listener's own address",
)


class Door:
    """`host` is what the settings bind, `addresses` where that led ("" for a unix socket, which no page can reach)."""

    def __init__(self, host: str, addresses: Sequence[str], token: str | None) -> None:
        self._host = _bare(host)
        self._addresses = [ip_address(address) for address in addresses if address]
        self._behind_nat = any(address.is_unspecified for address in self._addresses)
        self._wrong = asyncio.Lock()
        self.adopt(token)

    def adopt(self, token: str | None) -> None:
        """Take another token; the one before is worth nothing from now on."""
        self._token = None if token is None else Secret(token)

    @property
    def open_to_read(self) -> bool:
        """Whether reading needs no token: only this machine gets here."""
        return all(address.is_loopback for address in self._addresses)

    def misdirected(self, hosts: Sequence[str]) -> Denied | None:
        """Say why a request for `hosts` (its Host lines) is not for us: a name that somebody's DNS points here is not ours."""
        if not self._addresses or (len(hosts) == 1 and self._is_ours(hosts[0])):
            return None
        named = f"{hosts[0][:80]!r}" if hosts else "nobody"
        ours = "localhost or by its address" if self._host == "" else f"localhost, {self._host} or by its address"
        return Denied(421, "misdirected", f"the request is for {named}", f"ask for this listener as {ours}")

    def _is_ours(self, host: str) -> bool:
        name = _bare(_without_port(host))
        if name in ("localhost", self._host):
            return name != ""
        try:
            literal = ip_address(name)
        except ValueError:
            return False
        # No DNS answer makes a browser say an address for a name. Which address a port mapping shows, we cannot know.
        return literal.is_loopback or self._behind_nat or literal in self._addresses

    def foreign(self, origins: Sequence[str], hosts: Sequence[str]) -> Denied | None:
        """Say why a request of the pages `origins` (its Origin lines) is refused: only our own page, as it was addressed, may ask."""
        if not origins:
            return None
        try:
            parts = urlsplit(origins[0])
        except ValueError:
            return _FOREIGN
        same = (
            len(origins) == 1
            and parts.scheme in ("http", "https")
            and [parts.netloc.lower()] == [h.lower() for h in hosts]
        )
        return None if same else _FOREIGN

    async def admit(self, authorization: str | None) -> Denied | None:
        """Say why who shows this Authorization line may not. Wrong tokens are answered one after the other, each after a while."""
        if self._token is None:
            return NO_TOKEN
        scheme, _, shown = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not shown.strip():
            return _TOKEN_MISSING
        async with self._wrong:  # while somebody guesses, everybody stands in one line, and the line moves
            if self._token.shown_by((shown,)):
                return None
            await asyncio.sleep(WRONG_TOKEN_S)
            return _TOKEN_WRONG


def _bare(host: str) -> str:
    return host.lower().rstrip(".").removeprefix("[").removesuffix("]")


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdecimal() and (":" not in name or name.endswith("]")) else host
