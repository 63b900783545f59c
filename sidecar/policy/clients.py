"""Who counts as one client: the last hop that is not trusted, IPv6 by /64 (one household), else the connection's address.

Asked once per request. A header is believed only as far as trusted hops vouch for it (RFC 7239 section 8.1).
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence


class Trust(Protocol):
    """What the policy is told (`clients:` in the configuration)."""

    @property
    def trust(self) -> Sequence[str]:
        """Networks of the hops that are believed."""
        ...

    @property
    def header(self) -> str:
        """The header in which they name who asked them."""
        ...


class Clients:
    """The policy of one plan."""

    __slots__ = ("_header", "_trust")

    def __init__(self, plan: Trust) -> None:
        self._trust = tuple(ip_network(network) for network in plan.trust)
        self._header = plan.header

    @property
    def header(self) -> str:
        """The header that names the addresses of earlier hops."""
        return self._header

    @property
    def believes_anybody(self) -> bool:
        """Whether any hop's word counts; where none does, nobody needs to read what they say."""
        return bool(self._trust)

    def ask(self, peer: str, hops: Sequence[str]) -> str:
        """Return the client's name: `peer` is the connection's address ("" on a unix socket), `hops` the header's lines."""
        address = _parse(peer)
        if not self._trust or not hops:
            return _name(address, peer)
        if peer and not self._trusts(address):
            return _name(address, peer)
        for hop in reversed([hop.strip() for line in hops for hop in line.split(",")]):
            parsed = _parse(hop)
            if parsed is None:
                break  # what stands before an unreadable hop is hearsay
            address, peer = parsed, hop
            if not self._trusts(parsed):
                break
        return _name(address, peer)

    def _trusts(self, address: IPv4Address | IPv6Address | None) -> bool:
        return address is not None and any(address in network for network in self._trust)


def _parse(text: str) -> IPv4Address | IPv6Address | None:
    bare = text.strip('"').removeprefix("[").partition("]")[0] if "[" in text else text.partition("%")[0]
    if bare.count(":") == 1:  # IPv4 with a port, as IIS/ARR writes it
        bare = bare.partition(":")[0]
    try:
        address = ip_address(bare)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _name(address: IPv4Address | IPv6Address | None, raw: str) -> str:
    if isinstance(address, IPv6Address):
        return str(ip_network((address, 64), strict=False))
    return str(address) if address is not None else (raw or "local")
