"""What stays of what is kept when room runs out: a segmented LRU over bytes, with a cap for each owner.

Asked and told by the stores of answers, which give every size. It names what must go; it holds values and never looks into them.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Hashable

V = TypeVar("V")

# Karedla, Love, Wherry 1994, "Caching strategies to improve disk system performance": one fifth on probation. From 70 to 90 % protected
# the hit ratio moves by one point, and whoever is hit once is protected: waiting for a second hit costs up to three (docs/benchmarks.md).
PROTECTED: Final = 0.8


class Owned(NamedTuple):
    """What one owner holds."""

    entries: int
    size_bytes: int


@dataclass(eq=False, slots=True)
class _Node(Generic[V]):
    key: bytes
    value: V
    size_bytes: int
    owner: Hashable
    protected: bool = False


class _Lines(Generic[V]):
    """Both segments, of all or of one owner, each with the one that goes first at its head."""

    __slots__ = ("probation", "protected", "size_bytes")

    def __init__(self) -> None:
        self.probation: OrderedDict[bytes, _Node[V]] = OrderedDict()
        self.protected: OrderedDict[bytes, _Node[V]] = OrderedDict()
        self.size_bytes = 0

    def of(self, node: _Node[V]) -> OrderedDict[bytes, _Node[V]]:
        return self.protected if node.protected else self.probation

    def oldest(self) -> _Node[V]:
        return next(iter((self.probation or self.protected).values()))


class Slru(Generic[V]):
    """Values by key, `room_bytes` in all. Everything is O(1) for each key that comes, moves or goes."""

    __slots__ = ("_lines", "_nodes", "_owned", "_protected_bytes", "_room_bytes")

    def __init__(self, room_bytes: int) -> None:
        self._room_bytes = room_bytes
        self._protected_bytes = 0
        self._nodes: dict[bytes, _Node[V]] = {}
        self._lines: _Lines[V] = _Lines()
        self._owned: dict[Hashable, _Lines[V]] = {}

    def __repr__(self) -> str:
        return f"<Slru {len(self)} in {self.held_bytes} of {self._room_bytes} bytes, {self._protected_bytes} protected>"

    def __len__(self) -> int:
        return len(self._nodes)

    @property
    def room_bytes(self) -> int:
        """How much it may hold."""
        return self._room_bytes

    @property
    def held_bytes(self) -> int:
        """How much it holds."""
        return self._lines.size_bytes

    def owned(self) -> dict[Hashable, Owned]:
        """Return what each owner holds."""
        return {
            owner: Owned(len(lines.probation) + len(lines.protected), lines.size_bytes)
            for owner, lines in self._owned.items()
        }

    def keys(self) -> list[bytes]:
        """Return every key, the one that would go first at the beginning."""
        return [*self._lines.probation, *self._lines.protected]

    def get(self, key: bytes) -> V | None:
        """Return what is kept under `key`. A hit, the second time that it is asked for, protects it."""
        node = self._nodes.get(key)
        if node is None:
            return None
        if node.protected:
            self._lines.protected.move_to_end(key)
            self._owned[node.owner].protected.move_to_end(key)
        elif node.size_bytes > self._most_protected:
            self._lines.of(node).move_to_end(key)
            self._owned[node.owner].of(node).move_to_end(key)
        else:
            self._move(node, protected=True)
            self._demote()
        return node.value

    def put(self, key: bytes, value: V, size_bytes: int, owner: Hashable, share: float) -> list[bytes] | None:
        """Keep `value` and return the keys that had to go for it, or None where it cannot be kept: then nothing has changed.

        `owner` may hold `share` of all room (0 to 1): past it his own oldest go, not another's. What replaces a value of its key has
        the place that this had earned.
        """
        most_bytes = min(self._room_bytes, int(share * self._room_bytes))
        if size_bytes > most_bytes:
            return None
        node = _Node(key, value, size_bytes, owner)
        if (before := self._nodes.get(key)) is not None:
            node.protected = before.protected and size_bytes <= self._most_protected
            self._remove(before)
        gone: list[bytes] = []
        while (own := self._owned.get(owner)) is not None and own.size_bytes + size_bytes > most_bytes:
            gone.append(self._remove(own.oldest()))
        while self.held_bytes + size_bytes > self._room_bytes:
            gone.append(self._remove(self._lines.oldest()))
        self._add(node)
        self._demote()
        return gone

    def drop(self, key: bytes) -> bool:
        """Forget `key`; False where it was not kept."""
        node = self._nodes.get(key)
        if node is not None:
            self._remove(node)
        return node is not None

    def shed(self, owner: Hashable, most: int) -> list[bytes]:
        """Forget at most so many of an owner's, the oldest first, and return their keys."""
        gone: list[bytes] = []
        while len(gone) < most and (own := self._owned.get(owner)) is not None:
            gone.append(self._remove(own.oldest()))
        return gone

    def resize(self, room_bytes: int) -> list[bytes]:
        """Hold at most so much from now on, and return the keys that had to go. Shares bite when their owner comes next."""
        self._room_bytes = room_bytes
        gone: list[bytes] = []
        while self.held_bytes > room_bytes:
            gone.append(self._remove(self._lines.oldest()))
        self._demote()
        return gone

    @property
    def _most_protected(self) -> int:
        return int(PROTECTED * self._room_bytes)

    def _add(self, node: _Node[V]) -> None:
        own = self._owned.get(node.owner)
        if own is None:
            own = self._owned[node.owner] = _Lines()
        self._nodes[node.key] = node
        for lines in (self._lines, own):
            lines.of(node)[node.key] = node
            lines.size_bytes += node.size_bytes
        self._protected_bytes += node.size_bytes * node.protected

    def _remove(self, node: _Node[V]) -> bytes:
        own = self._owned[node.owner]
        for lines in (self._lines, own):
            del lines.of(node)[node.key]
            lines.size_bytes -= node.size_bytes
        if not (own.probation or own.protected):
            del self._owned[node.owner]
        self._protected_bytes -= node.size_bytes * node.protected
        del self._nodes[node.key]
        return node.key

    def _move(self, node: _Node[V], *, protected: bool) -> None:
        """Put it at the young end of the other segment."""
        both = (self._lines, self._owned[node.owner])
        for lines in both:
            del lines.of(node)[node.key]
        node.protected = protected
        for lines in both:
            lines.of(node)[node.key] = node
        self._protected_bytes += node.size_bytes if protected else -node.size_bytes

    def _demote(self) -> None:
        while self._protected_bytes > self._most_protected:
            self._move(next(iter(self._lines.protected.values())), protected=False)
