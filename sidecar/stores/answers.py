"""`ports.Answers` in memory: what the segmented LRU has room for, and the generations of tags. What is kept outlives a reload.

Keeps, finds and forgets; whether an answer is fresh is the stage's business. Nothing here holds the loop for long: what must go in
numbers goes in parts, with the calls that follow.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from sidecar.policy.generations import Generations
from sidecar.policy.slru import Slru

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sidecar.answers import Entry
    from sidecar.policy.slru import Owned

# What each call takes away of what a reload has condemned: with the smallest entries half a millisecond's work.
_PART: Final = 256
_PART_BYTES: Final = 512 * 1024


class Owner(NamedTuple):
    """Whose room an entry takes: an operation's of one identity of its backend (`Generations.mark`)."""

    backend: str
    operation: str
    mark: int


@dataclass(frozen=True, slots=True)
class AnswersView:
    """What is kept, for people. `evicted` since the start, for want of room; `by_operation` by backend and operation."""

    entries: int
    held_bytes: int
    room_bytes: int
    evicted: int
    by_operation: dict[tuple[str, str], Owned]


class MemoryAnswers:
    """`ports.Answers`, at most `size_bytes` of entries (`Entry.size_bytes`); 0 keeps nothing."""

    def __init__(self, size_bytes: int) -> None:
        self._slru: Slru[tuple[Entry, Owner]] = Slru(size_bytes)
        self._generations = Generations()
        self._evicted = 0
        self._size_bytes = size_bytes  # what the SLRU's room comes down to
        self._condemned: list[Owner] = []

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._slru!r} {self._generations!r}>"

    @property
    def stamp(self) -> int:
        """See `ports.Answers.stamp`."""
        return self._generations.last

    def find(self, key: bytes) -> Entry | None:
        """See `ports.Answers.find`."""
        held = self._slru.get(key)
        if held is None:
            return None
        entry, owner = held
        if owner.mark != self._generations.mark(owner.backend):
            return None  # another backend's, which has not been swept away yet
        entry.hits += 1
        return entry

    def keep(self, entry: Entry, share: float) -> bool:
        """See `ports.Answers.keep`. False, too, for an answer whose backend has been forgotten since its flight began."""
        self._tidy()
        mark = self._generations.mark(entry.backend)
        if any(generation < mark for generation in entry.generations):
            return False
        owner = Owner(entry.backend, entry.operation, mark)
        gone = self._slru.put(entry.key, (entry, owner), entry.size_bytes, owner, share)
        if gone is None:
            return False
        self._evict(gone)
        return True

    def drop(self, key: bytes) -> None:
        """See `ports.Answers.drop`."""
        self._slru.drop(key)

    def generations(self, backend: str, tags: tuple[str, ...]) -> tuple[int, ...]:
        """See `ports.Answers.generations`."""
        return self._generations.ask(backend, tags)

    def touch(self, backend: str, tags: Iterable[str]) -> None:
        """See `ports.Answers.touch`."""
        self._generations.touch(backend, tags)

    def forget(self, backend: str) -> None:
        """Keep nothing of a backend whose name means another one now, nor what is still under way from it; its generations go on."""
        mark = self._generations.mark(backend)
        self._condemned += [owner for owner in self._owners() if (owner.backend, owner.mark) == (backend, mark)]
        self._generations.forget(backend)

    def resize(self, size_bytes: int) -> None:
        """Keep so much from now on. What is too much goes in parts, with every answer that is kept."""
        self._size_bytes = size_bytes
        self._tidy()

    def view(self) -> AnswersView:
        """Return the counts of now."""
        owned = {owner: held for owner, held in self._owners().items() if owner not in self._condemned}
        return AnswersView(
            entries=sum(held.entries for held in owned.values()),
            held_bytes=self._slru.held_bytes,
            room_bytes=self._size_bytes,
            evicted=self._evicted,
            by_operation={(owner.backend, owner.operation): held for owner, held in owned.items()},
        )

    def _owners(self) -> dict[Owner, Owned]:
        return cast("dict[Owner, Owned]", self._slru.owned())

    def _tidy(self) -> None:
        """Take away a part of what a smaller room or another backend has condemned."""
        if self._slru.room_bytes != self._size_bytes:
            self._evict(self._slru.resize(max(self._size_bytes, self._slru.held_bytes - _PART_BYTES)))
        if self._condemned:
            gone = self._slru.shed(self._condemned[-1], _PART)
            self._gone(gone)
            if len(gone) < _PART:
                self._condemned.pop()

    def _evict(self, keys: list[bytes]) -> None:
        self._evicted += len(keys)
        self._gone(keys)

    def _gone(self, keys: list[bytes]) -> None:
        """For a store that has something behind it: `keys` are kept no more."""
