"""Whose turn it is among the lanes of a room: shares by weight, by deficit (Shreedhar and Varghese, SIGCOMM 1995).

A lane that nobody waits in gives its share to the others and saves nothing: who comes later finds his weight, not a heap of turns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Turns:
    """Weights by lane."""

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
        for name in self._deficits.keys() - left.keys():
            self._deficits[name] = 0.0
        while count > 0 and left:
            total = sum(self._weights[name] for name in left)
            round_ = count
            for name in left:
                self._deficits[name] += round_ * self._weights[name] / total if total else round_ / len(left)
            for name in sorted(left, key=lambda each: -self._deficits[each]):
                turns = min(int(self._deficits[name] + 1e-9), left[name], count)
                given[name] += turns
                self._deficits[name] -= turns
                left[name] -= turns
                count -= turns
            if count == round_:  # nobody is owed a whole turn: the one who is owed most gets it
                name = max(left, key=lambda each: self._deficits[each])
                given[name] += 1
                self._deficits[name] -= 1.0
                left[name] -= 1
                count -= 1
            left = {name: people for name, people in left.items() if people}
            for name in self._deficits.keys() - left.keys():
                self._deficits[name] = min(0.0, self._deficits[name])
        return given
