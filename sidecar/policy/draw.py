"""The draw of a room: who was there when it was made comes in an order that nobody could choose and anybody can check.

Asked by rooms. It answers with a rank for each arrival, and with the arrival of a rank. It picks no seed and publishes none: the commitment
stands on the board before the draw, the seed after it, and `docs/decisions/0018-the-draw.md` says how to recompute every place from them.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from struct import unpack_from
from typing import Final

from sidecar.policy.permutation import Permutation

# Said on the board beside the seed: whoever recomputes a place knows by it which construction it was.
SCHEME: Final = "sidecar-draw-1"
SEED_BYTES: Final = (
    32  # of a shorter one somebody could find the seed from its commitment, and know the order before it is drawn
)
_WORDS_A_BLOCK: Final = 8  # of 32 bits, in one SHA-256


@dataclass(frozen=True, slots=True)
class Draw:
    """The order of one lane: the `drawn` arrivals that came before the draw by lot, whoever came later after all of them, as he came.

    Raises ValueError for a seed that has not SEED_BYTES bytes, and for less than nobody. Its seed is not shown in its repr: it is logged
    while it must be secret still. Made in 0.8 ms for a million; that takes 50 kB.
    """

    seed: bytes = field(repr=False)
    lane: str
    drawn: int
    _order: Permutation = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if len(self.seed) != SEED_BYTES:
            raise ValueError(f"a seed has {SEED_BYTES} bytes, not {len(self.seed)}")
        # Scheme and lane have no line end in them and the seed is last: no two draws share a key.
        key = sha256(b"\n".join((SCHEME.encode(), self.lane.encode(), self.seed))).digest()
        # The number of arrivals is not in it: who slips one more in moves few ranks, he does not get another draw.
        object.__setattr__(self, "_order", Permutation(self.drawn, partial(_words, key)))

    def rank(self, seq: int) -> int:
        """Return which place the arrival `seq` (from 0) has, 0 the first. Raises ValueError below 0."""
        if 0 <= seq < self.drawn:
            return self._order.forward(seq)
        return _later(seq)

    def seq(self, rank: int) -> int:
        """Return which arrival has the place `rank` (from 0). Raises ValueError below 0."""
        if 0 <= rank < self.drawn:
            return self._order.backward(rank)
        return _later(rank)


def commitment(seed: bytes) -> str:
    """Return what is published of a seed before the draw."""
    return "sha256:" + sha256(seed).hexdigest()


def _later(number: int) -> int:
    """Return the place of who came after the draw: his arrival."""
    if number < 0:
        raise ValueError(f"{number} is nobody's number")
    return number


def _words(key: bytes, turn: int, count: int) -> array[int]:
    """Return the table of a round: SHA-256 in counter mode; 37 bytes at a time, so one compression each."""
    prefix = key + bytes((turn,))
    blocks = -(-count // _WORDS_A_BLOCK)
    raw = b"".join([sha256(prefix + block.to_bytes(4)).digest() for block in range(blocks)])
    return array("I", unpack_from(f">{count}I", raw))
