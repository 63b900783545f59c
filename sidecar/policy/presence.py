"""Who of a lane is there, and how many of them are before somebody: bits in blocks, counted by a Fenwick tree.

A position is marked when its visitor is heard of. Marks stand in four windows that take turns, so a position that nobody has marked for
four windows is absent. Blocks are whole numbers of 1024 bits: union, mask and count of a block are one operation each. Nothing here knows
who stands at a position, or why he is out of the line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sidecar.policy.draw import Draw

WINDOWS: Final = 4
ASSUMED: Final = WINDOWS - 2  # the window in which everybody stands of whom nothing is known yet
SHIFT: Final = (
    10  # a block is 1024 positions: a million are a thousand blocks, and a block's number fits a few cache lines
)
_BITS: Final = 1 << SHIFT
_LOW: Final = _BITS - 1
_ALL: Final = (1 << _BITS) - 1


class Presence:
    """The bits of one lane. `eligible` is who is present and not out of the line."""

    __slots__ = ("_eligible", "_out", "_present", "_rotating", "_tree", "_windows", "count", "rotated")

    def __init__(self, blocks: int = 0) -> None:
        self._windows: list[list[int]] = [[0] * blocks for _ in range(WINDOWS)]  # the newest first
        self._present = [0] * blocks
        self._out = [0] * blocks
        self._eligible = [0] * blocks  # how many of each block
        self._tree = [0] * (blocks + 1)  # Fenwick (1994), over `_eligible`
        self._rotating = blocks  # blocks below it have been rotated, those from it on still have their oldest window
        self.count = 0
        self.rotated = 0  # times

    @classmethod
    def of_all(cls, positions: int, out: Iterable[int] = ()) -> Presence:
        """Return one in which everybody counts as there, until two more windows have gone by without a mark; `out` are out of the line."""
        blocks = -(-positions // _BITS)
        made = cls(blocks)
        if positions:
            full = [_ALL] * blocks
            full[-1] = (1 << (positions - (blocks - 1) * _BITS)) - 1
            made._windows[ASSUMED] = list(full)
            made._present = full
            # By bytes: to set a bit of a whole block each time would make a number of 1024 bits for it.
            bits, size = bytearray(blocks * _BITS // 8), _BITS // 8
            for position in out:
                bits[position >> 3] |= 1 << (position & 7)
            made._out = [int.from_bytes(bits[at : at + size], "little") for at in range(0, len(bits), size)]
            made._eligible = [(block & ~taken).bit_count() for block, taken in zip(full, made._out, strict=True)]
            made._build()
        return made

    def __repr__(self) -> str:
        return f"<Presence {self.count} eligible in {len(self._present)} blocks>"

    # --- marks

    def mark(self, position: int) -> None:
        """Note that whoever stands there is there."""
        block, bit = position >> SHIFT, 1 << (position & _LOW)
        if block >= len(self._present):
            self._grow(block + 1)
        self._windows[0][block] |= bit
        if not self._present[block] & bit:
            self._present[block] |= bit
            if not self._out[block] & bit:
                self._add(block, 1)

    def unmark(self, position: int) -> None:
        """Note that he is not, whatever the windows say."""
        block, bit = position >> SHIFT, 1 << (position & _LOW)
        if block >= len(self._present) or not self._present[block] & bit:
            return
        for window in self._windows:
            window[block] &= ~bit
        self._present[block] &= ~bit
        if not self._out[block] & bit:
            self._add(block, -1)

    def out(self, position: int) -> None:
        """Take a position out of the line: it is before nobody, and nobody's turn."""
        block, bit = position >> SHIFT, 1 << (position & _LOW)
        if block >= len(self._present):
            self._grow(block + 1)
        if not self._out[block] & bit:
            self._out[block] |= bit
            if self._present[block] & bit:
                self._add(block, -1)

    def back(self, position: int) -> None:
        """Put it back where it was."""
        block, bit = position >> SHIFT, 1 << (position & _LOW)
        if block < len(self._present) and self._out[block] & bit:
            self._out[block] &= ~bit
            if self._present[block] & bit:
                self._add(block, 1)

    # --- questions

    def is_present(self, position: int) -> bool:
        """Say whether he has been heard of lately."""
        block = position >> SHIFT
        return block < len(self._present) and bool(self._present[block] >> (position & _LOW) & 1)

    def is_out(self, position: int) -> bool:
        """Say whether the position is out of the line."""
        block = position >> SHIFT
        return block < len(self._out) and bool(self._out[block] >> (position & _LOW) & 1)

    def ahead(self, position: int) -> int:
        """Return how many eligible positions are lower, exactly."""
        block = position >> SHIFT
        if block >= len(self._present):
            return self.count
        tree, at = self._tree, block
        total = (self._present[block] & ~self._out[block] & ((1 << (position & _LOW)) - 1)).bit_count()
        while at:
            total += tree[at]
            at &= at - 1
        return total

    def first(self, count: int) -> list[int]:
        """Return so many of the lowest eligible positions, or all that there are."""
        found: list[int] = []
        if count <= 0 or not self.count:
            return found
        block = self._block_of_first()
        eligible = self._eligible
        while block < len(eligible) and len(found) < count:
            if eligible[block]:
                bits, base = self._present[block] & ~self._out[block], block << SHIFT
                while bits and len(found) < count:
                    lowest = bits & -bits
                    found.append(base + lowest.bit_length() - 1)
                    bits ^= lowest
            block += 1
        return found

    def _block_of_first(self) -> int:
        """Return the first block with anybody in it: a descent of the tree."""
        tree, at, size = self._tree, 0, len(self._tree) - 1
        step = 1 << (size.bit_length() - 1) if size else 0
        while step:
            if at + step <= size and tree[at + step] == 0:
                at += step
            step >>= 1
        return at

    # --- windows

    def rotate(self) -> None:
        """Begin a new window; the oldest one is forgotten block by block, by `step`."""
        self.step(len(self._present))
        self._windows.insert(0, [0] * len(self._present))
        self._rotating = 0
        self.rotated += 1

    def step(self, blocks: int) -> bool:
        """Forget the oldest window in so many more blocks; False where nothing is left to do."""
        if len(self._windows) == WINDOWS:
            return False
        oldest = self._windows[-1]
        end = min(len(oldest), self._rotating + blocks)
        newest, second, third, fourth = self._windows[:WINDOWS]
        for block in range(self._rotating, end):
            if oldest[block]:
                present = newest[block] | second[block] | third[block] | fourth[block]
                if present != self._present[block]:
                    self._present[block] = present
                    self._add(block, (present & ~self._out[block]).bit_count() - self._eligible[block])
        self._rotating = end
        if end < len(oldest):
            return True
        self._windows.pop()
        return False

    # --- the tree

    def _add(self, block: int, by: int) -> None:
        if not by:
            return
        self._eligible[block] += by
        self.count += by
        tree, at, size = self._tree, block + 1, len(self._tree)
        while at < size:
            tree[at] += by
            at += at & -at

    def _grow(self, blocks: int) -> None:
        """Have room for more: twice as much, so that it is seldom."""
        more = max(blocks, 2 * len(self._present), 64) - len(self._present)
        for bits in (*self._windows, self._present, self._out, self._eligible):
            bits.extend([0] * more)
        self._build()

    def _build(self) -> None:
        size = len(self._eligible)
        tree = [0, *self._eligible]
        for at in range(1, size + 1):
            above = at + (at & -at)
            if above <= size:
                tree[above] += tree[at]
        self._tree, self.count = tree, sum(self._eligible)

    def settle(self, position: int, newest: int) -> None:
        """Let a position that `of_all` counts as there have been heard of last in this window, 0 the newest, from `WINDOWS` on: in none.
        Whoever was heard of since, or missed since, stays so.
        """
        block, bit = position >> SHIFT, 1 << (position & _LOW)
        if not self._present[block] & bit:
            return
        windows, assumed = self._windows, ASSUMED + self.rotated
        if newest < WINDOWS:
            windows[newest][block] |= bit
        if newest > assumed:
            windows[assumed][block] &= ~bit
            if not any(window[block] & bit for window in windows):
                self._present[block] ^= bit
                if not self._out[block] & bit:
                    self._add(block, -1)

    def newest_of(self, position: int) -> int:
        """Return the newest window in which a position is marked, 0 the newest, `WINDOWS` where it is in none."""
        block, at = position >> SHIFT, position & _LOW
        if block < len(self._present) and self._present[block] >> at & 1:
            for index in range(WINDOWS):
                if self._windows[index][block] >> at & 1:
                    return index
        return WINDOWS


class Carrying:
    """Who was there before the draw, carried over to where he stands after it. `presence` is the new one: everybody counts as there until
    he has been carried, so nobody is passed over for want of a few seconds. Of windows there are enough for one turn of them meanwhile;
    with a second one whoever has not been carried yet would count as gone, so whoever turns them waits for the end of this.
    """

    __slots__ = ("_at", "_before", "_draw", "presence")

    def __init__(self, before: Presence, draw: Draw, out: Iterable[int]) -> None:
        self._before, self._draw = before, draw
        self.presence = Presence.of_all(draw.drawn, out)
        self._at = 0

    def step(self, positions: int) -> bool:
        """Carry so many more over; False where nothing is left to do."""
        before, presence, rank = self._before, self.presence, self._draw.rank
        end, turned = min(self._draw.drawn, self._at + positions), presence.rotated
        for seq in range(self._at, end):
            presence.settle(rank(seq), before.newest_of(seq) + turned)
        self._at = end
        return end < self._draw.drawn
