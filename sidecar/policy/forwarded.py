"""What earlier hops say of who asked them: `X-Forwarded-For` and its kind, and `Forwarded` (RFC 7239).

Read from the right, because each hop writes its word at the end: what an honest proxy has added is read the same whatever a stranger
wrote before it, an open quote included. It judges nobody: whose word counts is asked in `clients`.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, ip_address
from itertools import islice
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MOST_HOPS: Final = 32  # a CDN, an edge, an ingress and a mesh are four; who names more wants to keep us busy

# A node is 45 characters with the longest address, and a name for its port.
_NODE_CHARACTERS: Final = 128
_PORT: Final = r"(?::(?:[0-9]{1,5}|_[A-Za-z0-9._-]+))?"  # RFC 7239 section 6.2: a port may be hidden behind a name
_BRACKETED: Final = re.compile(rf"\[([0-9A-Fa-f:.]+)(?:%[^\]]*)?\]{_PORT}")
_IPV4: Final = re.compile(rf"([0-9.]+){_PORT}")

# RFC 7239 section 4. Outside of quotes it asks for a token; `:`, `[`, `]` and `/` are taken as well, because addresses are written
# without their quotes everywhere. A backslash or a quote never is: so no piece of a quoted string is mistaken for an element.
_WORD: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]++"
_VALUE: Final = r"""(?:[!#$%&'*+.^_`|~0-9A-Za-z:\[\]/-]++|"(?:[^"\\]|\\.)*+")"""
_PAIR: Final = rf"{_WORD}={_VALUE}"
_ELEMENT: Final = re.compile(rf"[ \t]*+{_PAIR}(?:[ \t]*+;[ \t]*+(?:{_PAIR})?+)*+[ \t]*+")
_PAIRS: Final = re.compile(rf"({_WORD})=({_VALUE})")
_ESCAPED: Final = re.compile(r"\\(.)")
_COMMAS: Final = 8  # that one element may hold inside its quotes; a host name has none
_ELEMENT_CHARACTERS: Final = (
    1024  # two nodes, a host name of 253 characters, a scheme, and as much again of what we do not know
)


def hops(header: str, lines: Sequence[str]) -> Iterator[str | None]:
    """Yield the nodes that `lines` of `header` name, nearest first, at most MOST_HOPS; None for one that names nobody.

    Several lines are one list (RFC 9110 section 5.3). What stands before a None is hearsay: where it cannot be read, nothing follows.
    """
    each = _elements if header.lower() == "forwarded" else _items
    return islice((node for line in reversed(lines) for node in each(line)), MOST_HOPS)


def address_of(node: str) -> IPv4Address | IPv6Address | None:
    """Return a node's address, without its port and zone; None for a name (`unknown`, `_hidden`) and for what is no node.

    IPv4 inside IPv6 is the IPv4 address. A hidden name is not taken for a client: it "SHOULD be randomly generated for each request"
    (RFC 7239 section 6.3), so that everybody who asks through such a hop would be a newcomer each time.
    """
    if len(node) > _NODE_CHARACTERS:
        return None
    found = _BRACKETED.fullmatch(node) or _IPV4.fullmatch(node)
    try:
        address = ip_address(found[1] if found is not None else node.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _items(line: str) -> Iterator[str]:
    comma = ","
    while comma:
        line, comma, item = line.rpartition(",")
        item = item.strip(" \t")
        yield item[1:-1] if len(item) > 1 and item[0] == item[-1] == '"' else item


def _elements(line: str) -> Iterator[str | None]:
    end = len(line)
    while end >= 0:
        start = _start_of(line, end)
        if start is None:
            yield None
            return
        yield _for(line[start + 1 : end])
        end = start


def _start_of(line: str, end: int) -> int | None:
    """Return where the comma before the last element stands, -1 at the first one; None where that is no element."""
    start = end
    for _ in range(_COMMAS):
        start = line.rfind(",", 0, start)
        if end - start <= _ELEMENT_CHARACTERS and _ELEMENT.fullmatch(line, start + 1, end):
            return start
        if start < 0:
            break
    return None


def _for(element: str) -> str | None:
    """Return the node of an element's one `for`; an element with none, or with two, names nobody."""
    nodes = [value for name, value in _PAIRS.findall(element) if name.lower() == "for"]
    if len(nodes) != 1:
        return None
    node: str = nodes[0]
    return _ESCAPED.sub(r"\1", node[1:-1]) if node[0] == '"' else node
