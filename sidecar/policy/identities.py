"""Who is known by what he shows: a session key, an `Authorization` line. It counts only once the backend has answered it well.

Asked and told by the identity stage, one table per backend. What has not been answered well takes no room at all, so that nobody fills
a table with inventions: until then its sender is his address. Values are kept as keyed hashes only, and the table is never asked for one.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from hashlib import blake2b
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sidecar.model import Head

MOST: Final = 20_000  # people who are signed in at once; 6 MB
AGE_S: Final = (
    30 * 60.0
)  # a web session that did nothing for so long is over in most shops, and its key means nobody any more
# The people of an office. Where a backend answers well whatever is shown to it, this is how many clients one address can pretend to be.
PER_ADDRESS: Final = 100
# Each that comes takes at most so many away that are over: the table is swept in passing, and no single call pays for all of it.
_SWEEP: Final = 32
_DIGEST_BYTES: Final = 8
_SESSION: Final = b"param "


def claimed(
    parameters: Mapping[str, str], head: Head, params: tuple[str, ...], headers: tuple[str, ...]
) -> bytes | None:
    """Return what a caller shows, the first that is there in the order of the settings; what stands twice shows nothing.

    Of a parameter its value alone: one session key goes by several names in systems that grew, and is one customer's under each.
    """
    for name in params:
        if value := parameters.get(name):
            return session(value)
    for name in headers:
        if name in head.headers:
            lines = head.all(name)
            if len(lines) == 1 and lines[0]:
                return f"header {name} {lines[0]}".encode()
    return None


def session(value: str) -> bytes:
    """Return what somebody shows whose session key is `value`."""
    return _SESSION + value.encode()


def is_session(shown: bytes) -> bool:
    """Say whether what is shown is a parameter's value: one person's, and no account of a server that stands for many."""
    return shown.startswith(_SESSION)


def everything(
    parameters: Mapping[str, str], head: Head, params: tuple[str, ...], headers: tuple[str, ...]
) -> tuple[bytes, ...]:
    """Return all that a caller shows, in the order of the settings, every line of it: who differs in any of it may be somebody else."""
    shown = [f"param {name} {value}" for name in params if (value := parameters.get(name))]
    shown += [f"header {name} {line}" for name in headers if name in head.headers for line in head.all(name) if line]
    return tuple(each.encode() for each in shown)


class _Held(NamedTuple):
    address: str  # who first showed it; it counts against him
    until: float


class Identities:
    """The table of one backend; `key` is the secret of this process that makes its hashes useless elsewhere."""

    __slots__ = ("_age_s", "_by_address", "_held", "_key", "_most", "_per_address")

    def __init__(self, key: bytes, *, most: int = MOST, age_s: float = AGE_S, per_address: int = PER_ADDRESS) -> None:
        self._key, self._most, self._age_s, self._per_address = key, most, age_s, per_address
        self._held: OrderedDict[str, _Held] = OrderedDict()  # the one that is over first stands first
        self._by_address: Counter[str] = Counter()

    def __repr__(self) -> str:
        return f"<Identities {len(self._held)} of {self._most}, shown by {len(self._by_address)} addresses>"

    def __len__(self) -> int:
        return len(self._held)

    def ask(self, now: float, address: str, claimed: bytes | None) -> str:
        """Return the client's name: the identity's where the backend has confirmed it lately, else the address."""
        if claimed is None:
            return address
        name = self._name(claimed)
        held = self._held.get(name)
        return address if held is None or held.until <= now else name

    def tell(self, now: float, address: str, claimed: bytes, *, well: bool, roomy: bool = False) -> None:
        """Note what the backend said to it. `roomy`: its sender is one of `callers:`, whose people are not counted.

        Said no, it is forgotten. Said well, it lives on; a new one from an address that holds its share already stays the address, and
        where the table is full the one that has been silent for longest goes.
        """
        name = self._name(claimed)
        held = self._held.get(name)
        if held is not None and (not well or held.until <= now):
            self._drop(name)
            held = None
        if not well:
            return
        if held is None:
            self._sweep(now)
            if not roomy and self._by_address[address] >= self._per_address:
                return
            if len(self._held) >= self._most:
                self._drop(next(iter(self._held)))
            self._by_address[address] += 1
            held = _Held(address, now)
        self._held[name] = _Held(held.address, now + self._age_s)
        self._held.move_to_end(name)

    def _sweep(self, now: float) -> None:
        for _ in range(_SWEEP):
            oldest = next(iter(self._held), None)
            if oldest is None or self._held[oldest].until > now:
                return
            self._drop(oldest)

    def _drop(self, name: str) -> None:
        address = self._held.pop(name).address
        self._by_address[address] -= 1
        if not self._by_address[address]:
            del self._by_address[address]

    def _name(self, claimed: bytes) -> str:
        """Return what a confirmed one is called; no address and no line of `callers:` is written so."""
        return f"identity:{blake2b(claimed, key=self._key, digest_size=_DIGEST_BYTES).hexdigest()}"
