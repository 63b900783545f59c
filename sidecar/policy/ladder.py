"""Everybody who waits in one order, with what they cost: how many stand before a rung, and how many seconds of work that is.

Kept by the classes of a line, read where a wait is foretold. It orders and sums; it never decides who is served.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Final, TypeAlias

Key: TypeAlias = tuple[float, float, int]
"""A place in the order: start tag (virtual seconds), since when (monotonic seconds), and a number that no other has."""

# Ten thousand rungs in blocks of so many are some eighty blocks: a sum over them, and one within, is two microseconds.
BLOCK: Final = 128


class Ladder:
    """Rungs sorted by key. Adding, removing and summing touch one block and the list of blocks: O(sqrt n), all of it in C."""

    __slots__ = ("_blocks", "_costs", "_sizes", "_sums", "_tops")

    def __init__(self) -> None:
        self._blocks: list[list[Key]] = []
        self._costs: list[list[float]] = []
        self._tops: list[Key] = []  # the last key of each block
        self._sizes: list[int] = []
        self._sums: list[float] = []

    def __repr__(self) -> str:
        return f"<Ladder {len(self)} rungs, {self.total_s:g} s>"

    def __len__(self) -> int:
        return sum(self._sizes)

    @property
    def total_s(self) -> float:
        """The work of all, in seconds of a slot."""
        return sum(self._sums)

    def add(self, key: Key, cost_s: float) -> None:
        """Put in a rung; its key must be new."""
        if not self._blocks:
            self._insert(0, [key], [cost_s])
            return
        at = min(bisect_left(self._tops, key), len(self._tops) - 1)
        block, costs = self._blocks[at], self._costs[at]
        within = bisect_left(block, key)
        block.insert(within, key)
        costs.insert(within, cost_s)
        self._sums[at] += cost_s
        self._sizes[at] += 1
        self._tops[at] = block[-1]
        if len(block) > 2 * BLOCK:
            self._delete(at)
            self._insert(at, block[BLOCK:], costs[BLOCK:])
            self._insert(at, block[:BLOCK], costs[:BLOCK])

    def remove(self, key: Key) -> None:
        """Take out a rung, which must be there."""
        at = bisect_left(self._tops, key)
        block = self._blocks[at]
        within = bisect_left(block, key)
        del block[within]
        self._sums[at] -= self._costs[at].pop(within)
        self._sizes[at] -= 1
        if block:
            self._tops[at] = block[-1]
        else:
            self._delete(at)

    def before(self, key: Key) -> tuple[int, float]:
        """Return how many rungs are lower than `key`, which need not be there, and their work in seconds of a slot."""
        at = bisect_left(self._tops, key)
        count, work_s = sum(self._sizes[:at]), sum(self._sums[:at])
        if at < len(self._blocks):
            block, costs = self._blocks[at], self._costs[at]
            lower = bisect_left(block, key)
            count += lower
            work_s += sum(costs[:lower])
        return count, work_s

    def _insert(self, at: int, block: list[Key], costs: list[float]) -> None:
        self._blocks.insert(at, block)
        self._costs.insert(at, costs)
        self._tops.insert(at, block[-1])
        self._sizes.insert(at, len(block))
        self._sums.insert(at, sum(costs))

    def _delete(self, at: int) -> None:
        for column in (self._blocks, self._costs, self._tops, self._sizes, self._sums):
            del column[at]
