"""A number for each of a million keys, without an object for any of them: which place an account has, and how many an address has.

Asked by rooms at each join. It answers 0 for a key that it does not know. It never stops to move everything, forgets nothing, and decides
nothing about whom it counts.
"""

from __future__ import annotations

from array import array
from typing import Final

# A segment of 512 slots and 6 kB: to split one takes 0.2 ms, the longest that any call takes. With 64 the list of segments would be the
# larger part, with 4096 a split would take the 2 ms that nothing may.
_SLOTS: Final = 512
_LAST: Final = _SLOTS - 1
# Three quarters: beyond that whoever is not there is looked for in ever longer runs (linear probing, Knuth 6.4: 8.5 slots at 0.75).
_FULL: Final = _SLOTS * 3 // 4
_SLOT_SHIFT: Final = 64 - 9  # the slot is the key's upper nine bits, the segment its lower ones
# Segments by at most so many bits, in a list of 2 MB: they hold eighty million keys. Only keys that are no hashes come so far.
_MOST_DEPTH: Final = 18
_KEY_BYTES: Final = 8


class _Segment:
    """Open addressing with linear probing. Key 0 is an empty slot. Its keys share their lower `depth` bits."""

    __slots__ = ("depth", "keys", "used", "values")

    def __init__(self, depth: int) -> None:
        self.depth, self.used = depth, 0
        self.keys = array("Q", bytes(_KEY_BYTES * _SLOTS))
        self.values = array("I", bytes(4 * _SLOTS))

    def find(self, key: int) -> int:
        """Return the slot of a key, or the empty one where it would be: there is one, as no segment is ever full."""
        keys, at = self.keys, key >> _SLOT_SHIFT
        while (kept := keys[at]) and kept != key:
            at = (at + 1) & _LAST
        return at

    def set(self, at: int, key: int, value: int) -> None:
        """Fill an empty slot."""
        self.values[at] = value
        self.keys[at] = key
        self.used += 1


class Tally:
    """Keys of 64 bits (a number, or eight bytes) with values of 32: extendible hashing (Fagin, Nievergelt, Pippenger, Strong 1979).

    Keys must be keyed hashes, with a secret of ours: then nobody can choose some that collide. Key 0 counts as 1: one in 2**64 shares
    its place. A million take 34 MB; whoever puts them in bounds them. A value outside [0, 2**32) raises OverflowError and changes nothing.
    """

    __slots__ = ("_depth", "_directory", "_len")

    def __init__(self) -> None:
        self._depth, self._directory, self._len = 0, [_Segment(0)], 0

    def __len__(self) -> int:
        return self._len

    def __repr__(self) -> str:
        return f"<Tally {self._len} keys by {self._depth} bits>"

    def get(self, key: int | bytes) -> int:
        """Return the value of a key, 0 where there is none; 0.5 µs."""
        number = _number(key)
        segment = self._segment(number)
        return segment.values[segment.find(number)]

    def put(self, key: int | bytes, value: int) -> None:
        """Set the value of a key; 0 is as good as none, although the key keeps its slot."""
        number = _number(key)
        while True:
            segment = self._segment(number)
            at = segment.find(number)
            if segment.keys[at]:
                segment.values[at] = value
                return
            if segment.used < _FULL:
                segment.set(at, number, value)
                self._len += 1
                return
            self._split(number, segment)

    def add(self, key: int | bytes, by: int) -> int:
        """Add to the value of a key, of one that is not there to 0, and return the sum."""
        number = _number(key)
        segment = self._segment(number)
        at = segment.find(number)
        total = segment.values[at] + by
        if segment.keys[at]:
            segment.values[at] = total
        else:
            self.put(number, total)
        return total

    def _segment(self, number: int) -> _Segment:
        return self._directory[number & ((1 << self._depth) - 1)]

    def _split(self, number: int, segment: _Segment) -> None:
        """Make two of a segment, by one more bit of its keys."""
        depth = segment.depth
        if depth == _MOST_DEPTH:
            raise OverflowError(f"{_FULL} keys share {depth} bits: they are no hashes")
        if depth == self._depth:
            self._directory += self._directory
            self._depth += 1
        halves = _Segment(depth + 1), _Segment(depth + 1)
        for key, value in zip(segment.keys, segment.values, strict=True):
            if key:
                half = halves[key >> depth & 1]
                half.set(half.find(key), key, value)
        step = 1 << depth
        for at in range(number & (step - 1), len(self._directory), step):
            self._directory[at] = halves[at >> depth & 1]


def _number(key: int | bytes) -> int:
    number = int.from_bytes(key) if isinstance(key, bytes) else key
    if number >> 8 * _KEY_BYTES:
        raise ValueError("a key has 64 bits")
    return number or 1
