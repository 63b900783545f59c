"""Networks and what is said of each: a look-up by address, in which the longest prefix wins.

Stands under every question of trust. It holds what the settings name, never what a request says, so it does not grow.
"""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import TYPE_CHECKING, Final, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable
    from ipaddress import IPv4Address, IPv6Address

T = TypeVar("T")

_WIDTHS: Final = {4: 32, 6: 128}
_MAPPED: Final = IPv6Network("::ffff:0:0/96")  # RFC 4291 section 2.5.5.2


class Networks(Generic[T]):
    """One table. A look-up tries each prefix length that occurs once, so that 200 ranges of a CDN cost as much as a few."""

    __slots__ = ("_tables",)

    def __init__(self, said: Iterable[tuple[str, T]]) -> None:
        tables: dict[int, dict[int, dict[int, T]]] = {4: {}, 6: {}}
        for text, value in said:
            network = plain(text)
            shift = _WIDTHS[network.version] - network.prefixlen
            tables[network.version].setdefault(shift, {})[int(network.network_address) >> shift] = value
        self._tables = {version: sorted(by_shift.items()) for version, by_shift in tables.items()}

    def find(self, address: IPv4Address | IPv6Address) -> T | None:
        """Return what is said of the smallest network that holds `address`, None where none does."""
        number = int(address)
        for shift, table in self._tables[address.version]:
            found = table.get(number >> shift)
            if found is not None:
                return found
        return None


def plain(text: str) -> IPv4Network | IPv6Network:
    """Read a network; one that is written as IPv4 inside IPv6 is the IPv4 network, because such addresses are read so, too."""
    network = ip_network(text)
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        return IPv4Network((int(network.network_address) & 0xFFFF_FFFF, network.prefixlen - 96))
    return network
