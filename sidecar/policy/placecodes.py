"""What people call their place in a room: six letters such as 7KQ2-9F, which a steward types in and finds somebody by.

Asked by rooms when they answer, and by the desk when it searches. A code tells nobody his number in the line, and one that was misheard is
known to be wrong. It proves nothing: that is what the signed place is for.
"""

from __future__ import annotations

import sys
from array import array
from functools import partial
from hashlib import shake_256
from typing import Final

from sidecar.policy.permutation import Permutation
from sidecar.policy.places import ALPHABET, spelled

KEY_BYTES: Final = 16
LANES: Final = 4  # two bits
SEQS: Final = 1 << 23  # with the lane 25 bits, five letters; the sixth is the check
_SEQ_BITS: Final = 23
_LETTERS: Final = 6
_MASK: Final = 31
# Longer than anybody writes six letters, with a hyphen or a space at each.
_MOST_CHARACTERS: Final = 64
# x^5 + x^2 + 1, primitive over GF(2): the powers of x are all 31 others of GF(32), so each of six letters has a weight of its own.
_POLYNOMIAL: Final = 0b100101
# As Crockford reads them: small letters, O for 0, I and L for 1. Hyphens and white space are left out before.
_VALUES: Final = {letter: value for value, letter in enumerate(ALPHABET)}
_VALUES.update({"O": 0, "I": 1, "L": 1})
_VALUES.update({letter.lower(): value for letter, value in _VALUES.items()})


class PlaceCodes:
    """The codes of one key (KEY_BYTES, secret): made in 0.5 ms with 280 kB of tables, and each in 2 µs. Raises ValueError for no key."""

    __slots__ = ("_order",)

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"a key has {KEY_BYTES} bytes, not {len(key)}")
        # Neighbours come out far apart: nobody reads from two codes who was first, or how many there are.
        self._order = Permutation(LANES * SEQS, partial(_words, key))

    def __repr__(self) -> str:
        return "<PlaceCodes>"

    def encode(self, lane: int, seq: int) -> str:
        """Return the code of the arrival `seq` (below SEQS) in the lane of that number (below LANES). Raises ValueError for any other."""
        return spelled(self.number(lane, seq))

    def number(self, lane: int, seq: int) -> int:
        """Return the number of 30 bits that the code spells. Raises ValueError as `encode` does."""
        if not (0 <= lane < LANES and 0 <= seq < SEQS):
            raise ValueError(f"lane {lane}, arrival {seq} has no code")
        number = self._order.forward(lane << _SEQ_BITS | seq)
        return number << 5 | _HIGH[number >> _LOW_BITS] ^ _LOW[number & _LOW_MASK]

    def decode(self, text: str) -> tuple[int, int] | None:
        """Return lane and arrival, None where it is no code; any single wrong letter makes it none, and any two that were swapped."""
        if len(text) > _MOST_CHARACTERS:
            return None
        values = [_VALUES.get(letter) for letter in text if letter != "-" and not letter.isspace()]
        if len(values) != _LETTERS:
            return None
        word = 0
        for value in values:
            if value is None:
                return None
            word = word << 5 | value
        number = word >> 5
        if word & _MASK != _check(number):
            return None
        return divmod(self._order.backward(number), SEQS)


def _check(number: int) -> int:
    """Return the letter that makes the sum of all six, each times its power of x, zero in GF(32): as ISO 7064 does it modulo a prime.

    No weight is 0 and no two are the same, so one wrong letter changes the sum, and so do two different ones in each other's place.
    """
    total = 0
    for shift in range(20, -1, -5):
        total = (total ^ number >> shift & _MASK) << 1
        if total > _MASK:
            total ^= _POLYNOMIAL
    return total


# A sum is linear: what the upper and the lower bits add to it stands in two tables of 4 and 8 kB.
_LOW_BITS: Final = 13
_LOW_MASK: Final = (1 << _LOW_BITS) - 1
_HIGH: Final = bytes(_check(bits << _LOW_BITS) for bits in range(1 << 12))
_LOW: Final = bytes(map(_check, range(1 << _LOW_BITS)))


def _words(key: bytes, turn: int, count: int) -> array[int]:
    """Return the table of a round: SHAKE-256 (FIPS 202), whose sponge needs no HMAC to be keyed, in one call."""
    words = array("I", shake_256(key + bytes((turn,))).digest(4 * count))
    if sys.byteorder == "big":  # pragma: no cover - few machines are, and a code must be the same on all
        words.byteswap()
    return words
