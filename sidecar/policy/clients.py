"""Who counts as one client: the last hop that is not trusted, IPv6 by /64 (one household), unless a trusted caller names him.

Asked once per request, before anything of it is routed. A header is believed only as far as trusted hops vouch for it (RFC 7239
section 8.1); what the backend says of a caller comes later (`identities`). It refuses nobody.
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_network
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from sidecar.model import Standing
from sidecar.policy.forwarded import address_of, hops
from sidecar.policy.networks import Networks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sidecar.model import Head

UNIX: Final = "unix"
"""In `clients.trust`: whoever connects through the unix socket."""

NAMING: Final = "Sidecar-Client"
"""The header in which a trusted caller names its people. From anybody else it is not looked at, and it never goes on to a backend."""

_LOCAL: Final = "local"  # who connects through a unix socket and is not somebody else's voice
_NAME: Final = re.compile(
    r"[!-~]{1,128}"
)  # visible ASCII; an id, an address of e-mail, a hash: it becomes part of keys
# Clients of one on-sale that are remembered by their header lines: an address and what is said of it are 500 bytes, this is 2 MB.
_REMEMBERED: Final = 4096
_SHORT: Final = 300  # characters of header lines; a chain of a dozen addresses
# The headers in which proxies name addresses, the usual ones first: what is looked for where the one that we believe says nothing.
_SPOKEN: Final = ("X-Forwarded-For", "Forwarded", "X-Real-IP", "True-Client-IP", "CF-Connecting-IP", "X-Client-IP")


class Trust(Protocol):
    """What the policy is told (`clients:` in the configuration)."""

    @property
    def trust(self) -> Sequence[str]:
        """Networks of the hops that are believed; `unix` is the unix socket."""
        ...

    @property
    def header(self) -> str:
        """The header in which they name who asked them."""
        ...


class Known(Protocol):
    """A line of `callers:`."""

    @property
    def name(self) -> str: ...
    @property
    def networks(self) -> Sequence[str]: ...
    @property
    def trusted(self) -> bool: ...
    @property
    def client_class(self) -> str | None: ...


class Why(StrEnum):
    """Why an address that a hop names does not count."""

    STRANGER = "stranger"  # the hop is in none of the networks that are trusted
    OTHER_HEADER = "other_header"  # it is trusted, and writes another header than the one that is believed
    UNREADABLE = "unreadable"  # it is trusted, and what it writes there is no address


class Unheard(NamedTuple):
    """A word on addresses that does not count: which header, whose ("" through the unix socket), why not."""

    header: str
    hop: str
    why: Why


class _End(NamedTuple):
    """Where a chain of hops ends: who stands there, how he is written, and why what stands before him does not count."""

    address: IPv4Address | IPv6Address | None
    text: str
    why: Why | None


class Clients:
    """The policy of one plan."""

    __slots__ = ("_believes_unix", "_callers", "_header", "_remembered", "_trust")

    def __init__(self, plan: Trust, callers: Sequence[Known] = ()) -> None:
        networks = [hop for hop in plan.trust if hop != UNIX]
        self._trust = Networks((network, True) for network in networks)
        self._believes_unix = bool(plan.trust)  # a socket's file has its own rights: who trusts anybody trusts those
        self._header = plan.header
        self._callers = Networks((network, caller) for caller in callers for network in caller.networks)
        self._remembered = lru_cache(_REMEMBERED)(self._standing)

    def of(self, head: Head, peer: str) -> Standing:
        """Return who asks: `peer` is the connection's address, "" on a unix socket."""
        lines: tuple[str, ...] = ()
        if self._believes_unix and self._header in head.headers:
            lines = tuple(head.all(self._header))
        short = not lines or sum(map(len, lines)) <= _SHORT
        standing, may_name = (self._remembered if short else self._standing)(peer, lines)
        if may_name and NAMING in head.headers:
            return _named(standing, head.all(NAMING))
        return standing

    def ask(self, peer: str, lines: Sequence[str]) -> Standing:
        """Return who asks, as far as addresses say it; `lines` are those of the header that is believed."""
        return self._standing(peer, lines)[0]

    def unheard(self, head: Head, peer: str) -> Unheard | None:
        """Return the word on addresses in `head` that does not count; None where there is none, or all of it does."""
        believed = self._header if self._header in head.headers else None
        spoken = believed or next((name for name in _SPOKEN if name in head.headers), None)
        if spoken is None:
            return None
        address = address_of(peer)
        if not self._trusts(peer, address):
            return Unheard(spoken, _written(address, peer), Why.STRANGER)
        if believed is None:
            return Unheard(spoken, _written(address, peer), Why.OTHER_HEADER)
        end = self._end(peer, head.all(believed))
        return None if end.why is None else Unheard(believed, _written(end.address, end.text), end.why)

    def _standing(self, peer: str, lines: Sequence[str]) -> tuple[Standing, bool]:
        """Return who asks, and whether he may name whom he asks for."""
        end = self._end(peer, lines)
        believed = self._trusts(peer, address_of(peer))
        caller = None if end.address is None else self._callers.find(end.address)
        client = _name(end.address, end.text)
        if caller is None:
            return Standing(client, believed=believed), False
        return Standing(client, caller.name, caller.client_class, believed), caller.trusted

    def _end(self, peer: str, lines: Sequence[str]) -> _End:
        """Walk the chain from its near end to the first hop whose word does not count."""
        address, text = address_of(peer), peer
        if not lines or not self._trusts(peer, address):
            return _End(address, text, Why.STRANGER if lines else None)
        for node in hops(self._header, lines):
            if not self._trusts(text, address):
                return _End(address, text, Why.STRANGER)
            found = None if node is None else address_of(node)
            if node is None or found is None:
                return _End(address, text, Why.UNREADABLE)  # what stands before an unreadable hop is hearsay
            address, text = found, node
        return _End(address, text, None)

    def _trusts(self, peer: str, address: IPv4Address | IPv6Address | None) -> bool:
        if not peer:
            return self._believes_unix
        return address is not None and self._trust.find(address) is not None


def _named(standing: Standing, lines: Sequence[str]) -> Standing:
    name = lines[0].strip(" \t") if len(lines) == 1 else ""
    if not _NAME.fullmatch(name):
        return standing._replace(misnamed=True)
    return standing._replace(client=f"{standing.caller}/{name}", named=True)


def _name(address: IPv4Address | IPv6Address | None, text: str) -> str:
    if isinstance(address, IPv6Address):
        return str(ip_network((address, 64), strict=False))
    return _written(address, text) or _LOCAL


def _written(address: IPv4Address | IPv6Address | None, text: str) -> str:
    return text if address is None else str(address)
