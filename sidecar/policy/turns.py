"""Whose turn it is among the lanes of a room: shares by weight, by deficit (Shreedhar and Varghese, SIGCOMM 1995).

A lane that nobody waits in gives its share to the others and saves nothing: who comes later finds his weight, not a heap of turns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Three thirds are not quite a turn in floating point.
_GRAIN: Final = 1e-9


class Turns:
    """Weights by lane, and what each is owed: all deficits together are nothing, and none is below minus one turn."""

    __slots__ = ("_deficits", "_weights")

    def __init__(self, weights: Mapping[str, int]) -> None:
        self._weights: dict[str, int] = {}
        self._deficits: dict[str, float] = {}
        self.bound(weights)

    def __repr__(self) -> str:
        return f"<Turns {self._weights}>"

    def bound(self, weights: Mapping[str, int]) -> None:
        """Take other weights; what a lane is owed stays."""
        self._weights = dict(weights)
        self._deficits = {name: self._deficits.get(name, 0.0) for name in weights}

    def split(self, count: int, waiting: Sequence[tuple[str, int]]) -> dict[str, int]:
        """Share `count` turns among lanes in which so many wait; none gets more than it has people for."""
        left = {name: people for name, people in waiting if people > 0}
        given = dict.fromkeys((name for name, _ in waiting), 0)
        count = min(count, sum(left.values()))
        if not left:
            self._deficits = dict.fromkeys(self._deficits, 0.0)
        if count <= 0:
            return given
        share = count + self._given_up(left)
        while share:
            self._credit(share, left)
            for name in sorted(left, key=lambda each: -self._deficits[each]):
                count -= self._give(name, min(int(self._deficits[name] + _GRAIN), count), left, given)
            share = self._given_up(left) if count else 0.0
        for _ in range(count):  # nobody is owed a whole turn: the one who is owed most gets it
            self._give(max(left, key=self._deficits.__getitem__), 1, left, given)
        return given

    def _credit(self, share: float, left: Mapping[str, int]) -> None:
        """Owe lanes their parts of so many turns."""
        total = sum(self._weights[name] for name in left)
        for name in left:
            self._deficits[name] += share * self._weights[name] / total if total else share / len(left)

    def _give(self, name: str, turns: int, left: dict[str, int], given: dict[str, int]) -> int:
        """Give a lane so many turns, or as many as it has people for; returns how many."""
        turns = min(turns, left[name])
        self._deficits[name] -= turns
        given[name] += turns
        left[name] -= turns
        if not left[name]:
            del left[name]
        return turns

    def _given_up(self, left: Mapping[str, int]) -> float:
        """Take what they are owed from lanes that nobody waits in, for the others to share. What such a lane owes it goes on owing."""
        share = 0.0
        for name in self._deficits.keys() - left.keys():
            share += max(0.0, self._deficits[name])
            self._deficits[name] = min(0.0, self._deficits[name])
        return share
