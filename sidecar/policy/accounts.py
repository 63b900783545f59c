"""Which places an account has had, the last one first: without an object for any of a million accounts.

Asked by a room at each join, and by an operator who looks somebody up. It knows accounts by their keys alone, and places by a number that
its owner makes of them; whether a place is over is the room's to say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sidecar.policy.hashtable import Tally

if TYPE_CHECKING:
    from collections.abc import Iterator

# Of one account: an operator reads them, and who has more of them is no person.
MOST: Final = 20
_SPREAD: Final = (
    0x9E3779B97F4A7C15  # 2**64 by the golden ratio (Knuth 6.4): what differs a little is spread over all bits
)
_MASK: Final = (1 << 64) - 1


class Accounts:
    """By accounts' keys, eight bytes of a keyed hash each, whose secret nobody else knows; a place is a number in [1, 2**32).

    34 bytes for an account with one place, and as much again for each further place that it has taken.
    """

    __slots__ = ("_earlier", "_last", "_new")

    def __init__(self) -> None:
        self._last = Tally()
        self._earlier = Tally()  # by account and place: the place that it had before this one
        self._new: list[tuple[bytes, int]] = []

    def __len__(self) -> int:
        return len(self._last)

    def __repr__(self) -> str:
        return f"<Accounts {len(self._last)}, {len(self._earlier)} places before them>"

    def put(self, account: bytes, place: int) -> None:
        """Note that an account has taken a place, for a store, too."""
        self.recall(account, place)
        self._new.append((account, place))

    def recall(self, account: bytes, place: int) -> None:
        """Take in what a store has kept, in the order in which it came."""
        before = self._last.get(account)
        if before == place:
            return
        self._last.put(account, place)
        if before:
            self._earlier.put(_step(account, place), before)

    def take(self) -> list[tuple[bytes, int]]:
        """Return what has come since the last time, for a store."""
        new, self._new = self._new, []
        return new

    def last(self, account: bytes) -> int:
        """Return the last place that an account has taken, 0 where it has none."""
        return self._last.get(account)

    def places(self, account: bytes) -> Iterator[int]:
        """Yield the places that an account has taken, the last one first, each once, at most MOST."""
        place, seen = self._last.get(account), set[int]()
        while place and place not in seen and len(seen) < MOST:
            yield place
            seen.add(place)
            place = self._earlier.get(_step(account, place))


def _step(account: bytes, place: int) -> int:
    """Return the key of what was before: a hash as well as the account's own is one."""
    return int.from_bytes(account) ^ place * _SPREAD & _MASK
