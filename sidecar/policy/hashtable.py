"""A map from keyed hashes to numbers in arrays: who has which account, how many have come from one address. A million are 25 MB.

Asked by whoever keeps a waiting room. Keys are keyed hashes, so nobody can choose two that collide; they are never given back. It grows by
another table in place of a larger one, so no single entry pays for all before it.
"""

from __future__ import annotations

from array import array
from typing import Final

_FIRST: Final = 1024  # slots of the first table; each is four times the one before, and at most this:
_LARGEST: Final = 1024 * 1024
_LOAD: Final = 0.7  # with linear probing a look-up is two or three steps on average (Knuth, TAOCP 3, 6.4)


class Tally:
    """Keys are eight bytes, values from 1 to 2**32 - 1; 0 is what is not there."""

    __slots__ = ("_count", "_tables")

    def __init__(self) -> None:
        self._tables: list[_Table] = [_Table(_FIRST)]
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __repr__(self) -> str:
        return f"<Tally of {self._count} in {len(self._tables)} tables>"

    def get(self, key: bytes) -> int:
        """Return the number of a key, 0 where there is none."""
        wanted = int.from_bytes(key) or 1
        for table in reversed(self._tables):
            at = table.find(wanted)
            if table.keys[at] == wanted:
                return table.values[at]
        return 0

    def put(self, key: bytes, value: int) -> None:
        """Let a key have a number, whatever it had."""
        wanted = int.from_bytes(key) or 1
        for table in reversed(self._tables):
            at = table.find(wanted)
            if table.keys[at] == wanted:
                table.values[at] = value
                return
        newest = self._tables[-1]
        if newest.used >= newest.size * _LOAD:
            newest = _Table(min(_LARGEST, newest.size * 4))
            self._tables.append(newest)
        at = newest.find(wanted)
        newest.keys[at], newest.values[at] = wanted, value
        newest.used += 1
        self._count += 1

    def add(self, key: bytes, by: int) -> int:
        """Add to the number of a key, and return it."""
        value = self.get(key) + by
        self.put(key, value)
        return value


class _Table:
    """One table with linear probing."""

    __slots__ = ("keys", "mask", "size", "used", "values")

    def __init__(self, size: int) -> None:
        self.size, self.mask, self.used = size, size - 1, 0
        self.keys, self.values = array("Q", bytes(8 * size)), array("I", bytes(4 * size))

    def find(self, wanted: int) -> int:
        """Return where a key is, or where it would be."""
        keys, mask = self.keys, self.mask
        at = wanted & mask
        while keys[at] and keys[at] != wanted:
            at = at + 1 & mask
        return at
