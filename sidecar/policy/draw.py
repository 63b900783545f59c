"""The draw of a waiting room: a permutation that nobody can choose, and that everybody can check.

Before it the room publishes the SHA-256 of a seed; afterwards the seed. A rank is a function of seed, lane, the number of those who took
part and one's own number among them: a generalised Feistel network (Black and Rogaway, "Ciphers with Arbitrary Finite Domains", CT-RSA
2002) on Z_a x Z_b with cycle walking. The tables of its rounds come from SHA-256 in counter mode, which every browser has.
"""

from __future__ import annotations

from hashlib import sha256
from math import isqrt
from struct import unpack
from typing import Final

SCHEME: Final = "sidecar-draw-1"
# Each half is mixed six times; from four on a Feistel network of random functions cannot be told from chance (Luby and Rackoff, 1988),
# and the domain is small, so it has some more.
ROUNDS: Final = 12
_WORDS: Final = 8  # of 32 bits in one SHA-256


class Draw:
    """Ranks of one lane. `drawn` took part: who came later has his own number as rank, and so stands behind all of them."""

    __slots__ = ("_a", "_b", "_tables", "drawn")

    def __init__(self, seed: bytes, lane: str, drawn: int) -> None:
        self.drawn = drawn
        self._a = isqrt(max(0, drawn - 1)) + 1
        self._b = max(1, -(-drawn // self._a))
        # A round adds to one half a table's value at the other: even rounds to the half below a, odd ones to that below b.
        self._tables = [
            _table(seed, lane, number, *((self._b, self._a) if number % 2 == 0 else (self._a, self._b)))
            for number in range(ROUNDS)
        ]

    def __repr__(self) -> str:
        return f"<Draw of {self.drawn}>"

    def rank(self, seq: int) -> int:
        """Return the rank of whoever came as number `seq`, from 0."""
        drawn = self.drawn
        if seq >= drawn:
            return seq
        a, b, tables = self._a, self._b, self._tables
        while True:
            left, right = divmod(seq, b)
            for number in range(0, ROUNDS, 2):
                left = (left + tables[number][right]) % a
                right = (right + tables[number + 1][left]) % b
            seq = left * b + right
            if seq < drawn:
                return seq

    def seq(self, rank: int) -> int:
        """Return who has that rank."""
        drawn = self.drawn
        if rank >= drawn:
            return rank
        a, b, tables = self._a, self._b, self._tables
        while True:
            left, right = divmod(rank, b)
            for number in range(ROUNDS - 2, -1, -2):
                right = (right - tables[number + 1][left]) % b
                left = (left - tables[number][right]) % a
            rank = left * b + right
            if rank < drawn:
                return rank


def commitment(seed: bytes) -> str:
    """Return what is published before the draw."""
    return f"sha256:{sha256(seed).hexdigest()}"


def _table(seed: bytes, lane: str, number: int, size: int, modulus: int) -> list[int]:
    """Return `size` values below `modulus`: words of 32 bits of SHA-256(scheme, seed, lane, round, block), big-endian."""
    start = sha256(f"{SCHEME}\n{seed.hex()}\n{lane}\n{number}\n".encode())
    words: list[int] = []
    for block in range(-(-size // _WORDS)):
        each = start.copy()
        each.update(b"%d" % block)
        words.extend(unpack(">8I", each.digest()))
    return [word % modulus for word in words[:size]]
