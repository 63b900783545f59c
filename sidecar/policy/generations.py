"""How it is known that something has changed since an answer's flight began: one sequence of numbers, counted by backend and tag.

Asked before a flight and compared when its answer is looked at; told of every write. A tag's number never falls and rises with every
touch, whatever is forgotten in between, so what was touched never looks current again. The other way round may happen: forgetting makes
answers look touched that were not.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST: Final = 100_000  # tags; with names of 40 bytes 28 MB
# They are forgotten by the fortieth part: each time the floor rises, whatever nobody has touched looks touched once. 2500 take 0.6 ms.
_PART: Final = 40


class Generations:
    """The table: `most` tags, the one that was touched longest ago is forgotten first."""

    __slots__ = ("_floor", "_last", "_marks", "_most", "_of")

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._last = 0
        self._floor = 0  # of every tag that is not in the table
        self._marks: dict[str, int] = {}  # of every tag of a backend whose name means another one since
        self._of: OrderedDict[tuple[str, str], int] = OrderedDict()  # in the order of their numbers

    def __repr__(self) -> str:
        return f"<Generations {len(self._of)} of {self._most} tags, last {self._last}, floor {self._floor}>"

    def __len__(self) -> int:
        return len(self._of)

    @property
    def last(self) -> int:
        """The last number that was given."""
        return self._last

    @property
    def floor(self) -> int:
        """The number of a tag that nobody has touched, or that was forgotten."""
        return self._floor

    def mark(self, backend: str) -> int:
        """Return the least number that a tag of `backend` can have; answers with a smaller one are of another backend of that name."""
        return self._marks.get(backend, 0)

    def ask(self, backend: str, tags: Iterable[str]) -> tuple[int, ...]:
        """Return each tag's number now."""
        mark = self._marks.get(backend, 0)
        return tuple(max(mark, self._of.get((backend, tag), self._floor)) for tag in tags)

    def touch(self, backend: str, tags: Iterable[str]) -> dict[tuple[str, str], int]:
        """Give each tag a new number; return what was given."""
        given: dict[tuple[str, str], int] = {}
        for tag in tags:
            self._last += 1
            self._note((backend, tag), self._last)
            given[backend, tag] = self._last
        return given

    def forget(self, backend: str) -> int:
        """Let no tag of `backend` have a number that it had before; return the least that it can have now."""
        self._last += 1
        self._marks[backend] = self._last
        return self._last

    def restore(
        self, given: Iterable[tuple[tuple[str, str], int]], marks: dict[str, int], floor: int, last: int
    ) -> None:
        """Go on where another process ended. `given` in the order of its numbers; `last` is at least every number that it has given."""
        self._last, self._floor, self._marks = last, floor, dict(marks)
        self._of.clear()
        for tag, number in given:
            self._note(tag, number)

    def _note(self, tag: tuple[str, str], number: int) -> None:
        self._of[tag] = number
        self._of.move_to_end(tag)
        if len(self._of) > self._most:
            for _ in range(max(1, self._most // _PART)):
                self._floor = self._of.popitem(last=False)[1]
