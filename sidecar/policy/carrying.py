"""The carry-over at a draw: who was there by arrival is there by rank, in slices, while people are already asked for by their ranks.

Asked by rooms once a draw is made. From the first moment everybody of the draw counts as present; slice by slice, from the front of the
line, what was really known takes the place of that. It draws nothing and calls nobody.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

from sidecar.policy.presence import BITS, BLOCK, WINDOWS, Presence

if TYPE_CHECKING:
    from sidecar.policy.draw import Draw

_ABSENT: Final = WINDOWS  # the age of who was not seen in any window
# For each age a table that makes the ages of a block the digits of a binary number: the marks of that age.
_DIGITS: Final = tuple(bytes(b"01"[age == each] for each in range(256)) for age in range(WINDOWS))
_LAST: Final = BLOCK - 1


class Carrying:
    """From `old`, by arrival, to `ranked`, by rank: that one is asked, marked and turned from now on, and `old` is told nothing any more.

    First those who are out are taken out, then blocks are settled one by one, so that below `front` nothing is assumed any more. Of each
    visitor's marks the newest is carried: an older one would lapse before it. Marks, turns, `out` and `back` of the ranked one meanwhile
    are kept. The whole of a million takes 1.5 s.
    """

    __slots__ = ("_ages", "_draw", "_end", "_outs", "_walked", "_windows", "front", "ranked")

    def __init__(self, old: Presence, draw: Draw) -> None:
        self.front = 0  # ranks below it are settled
        self.ranked = Presence()
        self.ranked.assume(draw.drawn)
        self._draw = draw
        self._windows = old.windows(draw.drawn)
        self._end = len(self._windows[0]) * BLOCK
        self._outs = old.outs()
        self._ages = bytearray()
        self._walked = 0

    def __repr__(self) -> str:
        return f"<Carrying {self.front} of {self._end}>"

    def step(self, positions: int) -> bool:
        """Carry so many, 1.5 µs each, and say whether there are more: thousand at a time are 1.5 ms."""
        told = 0
        for seq in islice(self._outs, positions):
            self.ranked.settle_out(self._draw.rank(seq))
            told += 1
        if told == positions:
            return True
        self.ranked.settled_outs()
        for rank in range(self._walked, min(self._walked + positions - told, self._end)):
            self._ages.append(self._age(self._draw.seq(rank)))
            if rank & _LAST == _LAST:
                self._settle(rank // BLOCK)
            self._walked = rank + 1
        return self._walked < self._end

    def _age(self, seq: int) -> int:
        block, bit = seq // BLOCK, BITS[seq & _LAST]
        for age, window in enumerate(self._windows):
            if window[block] & bit:
                return age
        return _ABSENT

    def _settle(self, block: int) -> None:
        ages = self._ages[::-1]  # a number is written with its lowest digit last
        self.ranked.settle(block, [int(ages.translate(digits), 2) for digits in _DIGITS])
        self._ages.clear()
        self.front += BLOCK
