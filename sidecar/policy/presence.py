"""Who of a lane is there: bits by position, so that a visitor who says nothing costs nothing, and those ahead of one are counted exactly.

Asked by rooms at each poll and at each tick. It answers how many stand before a position and who are the first; it calls nobody, knows no
time and keeps no reasons: its owner turns the windows and takes out whoever was called or has left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# A block of bits is one int: 164 bytes, and each operation on it 50 ns. Wider ones cost more per mark, narrower ones more per count.
BLOCK: Final = 1024
_SHIFT, _MASK = 10, BLOCK - 1
# Blocks are counted in groups: of a million positions there are 31, and both sums of `ahead` run over some thirty numbers. A Fenwick tree
# (1994) would touch ten of each for every mark, one by one, which in Python is dearer than two slices.
_GROUP_SHIFT: Final = 5
_GROUP: Final = 1 << _GROUP_SHIFT
# Who has said nothing for four windows is absent: the current one and three that are over, so for three whole ones at least.
WINDOWS: Final = 4
# Positions at most: what a place's code can name. 8192 blocks in 256 groups, and 8 MB if all of them come.
MOST: Final = 1 << 23
BITS: Final = tuple(1 << at for at in range(BLOCK))
_ONES: Final = (1 << BLOCK) - 1
_WHOLE: Final = MOST  # no block has this number: all have been turned


class Presence:
    """The positions of one lane, 0 the first. It grows with them, to 1 MB for a million; each raises ValueError outside [0, MOST).

    A turn of the windows is done in slices (`rotate`, then `step` until it says False); a block that is not turned yet counts as before.
    """

    __slots__ = (
        "_assumed",
        "_before",
        "_counts",
        "_eligible",
        "_groups",
        "_newest",
        "_now",
        "_out",
        "_returned",
        "_size",
        "_turned",
        "_turns",
        "_windows",
        "count",
    )

    def __init__(self) -> None:
        self.count = 0  # of eligible ones: present and not out
        self._size = 0  # blocks
        self._windows: tuple[list[int], ...] = tuple([] for _ in range(WINDOWS))
        self._newest, self._turns, self._turned = 0, 0, _WHOLE
        self._now = self._before = self._windows[0]  # where marks go: of blocks below `_turned`, and of the others
        self._assumed: list[int] = []  # there until it is known: see `assume`
        self._out: list[int] = []
        self._eligible: list[int] = []
        self._counts: list[int] = []  # of eligible ones in each block
        self._groups: list[int] = []  # the same in each group
        self._returned: set[int] | None = None  # came back while it was still being told who is out

    def __repr__(self) -> str:
        return f"<Presence {self.count} eligible in {self._size} blocks>"

    def mark(self, position: int) -> None:
        """Say that somebody is there: until the windows have been turned four times; 0.5 µs."""
        block, bit = position >> _SHIFT, BITS[position & _MASK]
        if not 0 <= block < self._size:
            self._grow(block)
        window = self._now if block < self._turned else self._before
        if window[block] & bit:
            return
        window[block] |= bit
        if not (self._eligible[block] & bit or self._out[block] & bit):
            self._eligible[block] |= bit  # as `_join` does it: the one thing that a million people do at once
            self._counts[block] += 1
            self._groups[block >> _GROUP_SHIFT] += 1
            self.count += 1

    def out(self, position: int) -> None:
        """Take a position out of the line until it is `back`; its marks are kept all the same."""
        block, bit = self._at(position)
        if self._returned:
            self._returned.discard(position)
        self._out[block] |= bit
        if self._eligible[block] & bit:
            self._lose(block, bit)

    def back(self, position: int) -> None:
        """Put a position into the line again, where it stood."""
        block, bit = self._at(position)
        if self._returned is not None:
            self._returned.add(position)
        if self._out[block] & bit:
            self._out[block] ^= bit
            if self._known(block) & bit:
                self._join(block, bit)

    def is_out(self, position: int) -> bool:
        """Say whether it was taken out."""
        block = position >> _SHIFT
        return self._holds(block) and bool(self._out[block] & BITS[position & _MASK])

    def is_present(self, position: int) -> bool:
        """Say whether it was marked within the windows, out or not."""
        block = position >> _SHIFT
        return self._holds(block) and bool(self._known(block) & BITS[position & _MASK])

    def ahead(self, position: int) -> int:
        """Return exactly how many eligible ones stand before it; 1 µs at a million."""
        block = position >> _SHIFT
        if not self._holds(block):
            return self.count
        group = block >> _GROUP_SHIFT
        before = sum(self._groups[:group]) + sum(self._counts[group << _GROUP_SHIFT : block])
        return before + (self._eligible[block] & (BITS[position & _MASK] - 1)).bit_count()

    def first(self, most: int) -> list[int]:
        """Return the lowest eligible positions, at most so many, and leave them where they are; 0.3 µs each, and 1 µs for 30 000 others."""
        found: list[int] = []
        for block in self._occupied():
            for position in _positions(block, self._eligible[block]):
                if len(found) >= most:
                    return found
                found.append(position)
        return found

    def rotate(self) -> None:
        """Begin the next window; `step` does the rest. What is left of the turn before is done at once."""
        self.step(self._size)
        self._turns += 1
        self._newest = (self._newest + 1) % WINDOWS
        self._before, self._now, self._turned = self._now, self._windows[self._newest], 0

    def step(self, blocks: int) -> bool:
        """Turn so many blocks, 0.5 µs each, and say whether there are more."""
        begin, end = self._turned, min(self._turned + blocks, self._size)
        others = [window for window in (*self._windows, self._assumed) if window is not self._now]
        for block in range(begin, end):
            if self._now[block]:  # the oldest marks, whose place the new ones take
                self._now[block] = 0
                kept = 0
                for window in others:
                    kept |= window[block]
                if lost := self._eligible[block] & ~kept:
                    self._lose(block, lost)
        self._turned = end if end < self._size else _WHOLE
        return end < self._size

    # What the carry-over at a draw needs: see `carrying`.

    def assume(self, count: int) -> None:
        """Take the first `count` positions for present until `settle` says what is known of each block."""
        self._returned = set()
        self._grow(max(count - 1, 0) >> _SHIFT)
        for block in range(-(-count >> _SHIFT)):
            bits = _ONES if count - (block << _SHIFT) >= BLOCK else BITS[count & _MASK] - 1
            self._assumed[block] = bits
            self._join(block, bits & ~(self._eligible[block] | self._out[block]))

    def settle_out(self, position: int) -> None:
        """Take out who was out before, unless he has come back meanwhile."""
        if self._returned is None or position not in self._returned:
            self.out(position)

    def settled_outs(self) -> None:
        """Hear that all who were out have been told."""
        self._returned = None

    def settle(self, block: int, seen: Sequence[int]) -> None:
        """Hear the marks of a block, by their age in windows before the first turn; what was assumed of it is forgotten."""
        if block >= self._size:
            self._grow(block)
        late = self._turned <= block
        older = self._turns - late
        for age, bits in enumerate(seen[: max(WINDOWS - older, 0)]):
            self._windows[(self._newest - late - older - age) % WINDOWS][block] |= bits
        self._assumed[block] = 0
        self._eligible[block] = self._known(block) & ~self._out[block]
        self._recount(block, self._eligible[block].bit_count() - self._counts[block])

    def windows(self, count: int) -> tuple[list[int], ...]:
        """Return the marks by age, the newest window first, for `count` positions at least, with no turn half done."""
        self._grow(max(count - 1, 0) >> _SHIFT)
        self.step(self._size)
        return tuple(self._windows[self._newest - age] for age in range(WINDOWS))

    def outs(self) -> Iterator[int]:
        """Walk through the positions that are out."""
        for block, bits in enumerate(self._out):
            yield from _positions(block, bits)

    def _known(self, block: int) -> int:
        first, second, third, fourth = self._windows
        return first[block] | second[block] | third[block] | fourth[block] | self._assumed[block]

    def _holds(self, block: int) -> bool:
        """Say whether anything was ever said of a block: to ask makes no room."""
        if not 0 <= block < MOST >> _SHIFT:
            raise ValueError(f"{block << _SHIFT} is no position in [0, {MOST})")
        return block < self._size

    def _at(self, position: int) -> tuple[int, int]:
        block = position >> _SHIFT
        if not 0 <= block < self._size:
            self._grow(block)
        return block, BITS[position & _MASK]

    def _occupied(self) -> Iterator[int]:
        for group, here in enumerate(self._groups):
            if here:
                for block in range(group << _GROUP_SHIFT, min(group + 1 << _GROUP_SHIFT, self._size)):
                    if self._counts[block]:
                        yield block

    def _join(self, block: int, bits: int) -> None:
        self._eligible[block] |= bits
        self._recount(block, bits.bit_count())

    def _lose(self, block: int, bits: int) -> None:
        self._eligible[block] ^= bits
        self._recount(block, -bits.bit_count())

    def _recount(self, block: int, more: int) -> None:
        self._counts[block] += more
        self._groups[block >> _GROUP_SHIFT] += more
        self.count += more

    def _grow(self, block: int) -> None:
        """Make room up to that block: eight lists grow by a few bytes each, so nothing has to be moved at once."""
        if self._holds(block):
            return
        more = [0] * (block + 1 - self._size)
        for each in (*self._windows, self._assumed, self._out, self._eligible, self._counts):
            each.extend(more)
        self._size = len(self._out)
        self._groups.extend([0] * (-(-self._size // _GROUP) - len(self._groups)))


def _positions(block: int, bits: int) -> Iterator[int]:
    """Walk through the positions of a block's bits, the lowest first."""
    base = (block << _SHIFT) - 1
    while bits:
        lowest = bits & -bits
        yield base + lowest.bit_length()
        bits ^= lowest
