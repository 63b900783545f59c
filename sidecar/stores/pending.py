"""What waits to be written to a file: filled by the loop, emptied by the writer's thread, bounded whatever either of them does.

Later news of a key replaces earlier ones. Of answers it may lose some, never half of one's story: what it cannot hold is taken out of the
file instead. Keyed calls it keeps until they are written. A lock is held for as long as a dictionary needs; nobody waits inside it.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from threading import Event, Lock
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterable

    from sidecar.answers import Entry
    from sidecar.ports import Deed

# What the file may lag behind: a disk that stands still for three seconds at 3000 answers a second.
ANSWERS: Final = 10_000
ANSWERS_BYTES: Final = 32 * 1024 * 1024
# Removals are small and must not be lost: past so many, emptying the whole table is less work than taking them one by one.
REMOVALS: Final = 100_000
# One transaction: what a keyed call that comes next has to wait for, some 10 ms, and what the log grows by.
SLICE: Final = 256
SLICE_BYTES: Final = 1024 * 1024


class Put(NamedTuple):
    """An entry to be written; `offset_s` is what wall time was ahead of monotonic time, `epoch` counts its backend's identities."""

    entry: Entry
    offset_s: float
    epoch: int


@dataclass(frozen=True, slots=True)
class Slice:
    """What is written in one transaction, in this order: `wipe` all answers, then tags, backends by their marks, `rows`, `notes`."""

    wipe: bool
    tags: dict[tuple[str, str], int]
    floor: int
    last: int
    marks: dict[str, int]
    rows: list[tuple[bytes, Put | None]]
    notes: dict[str, str]


class Pending:
    """The queue between the loop and the writer."""

    def __init__(self) -> None:
        self.dropped = 0  # answers that were left out of the file since the start
        self.broken = False  # nothing can be written: answers pass by, deeds wait
        self.idle = Event()  # everything is written
        self.idle.set()
        self._ended = False
        self._lock = Lock()
        self._answers: OrderedDict[bytes, Put | None] = OrderedDict()
        self._puts = self._put_bytes = 0
        self._tags: dict[tuple[str, str], int] = {}
        self._floor = self._last = 0
        self._marks: dict[str, int] = {}
        self._epochs: dict[str, int] = {}
        self._wipe = False
        self._notes: dict[str, str] = {}
        self._deeds: dict[bytes, Deed | None] = {}
        self._waiting: list[asyncio.Future[bool]] = []

    def __len__(self) -> int:
        return len(self._answers) + len(self._deeds)

    @property
    def last(self) -> int:
        """The last number that a tag was given."""
        return self._last

    # From the loop.

    def put(self, entry: Entry, offset_s: float) -> None:
        """Take an entry; where there is no room for it, take out what stands under its key."""
        with self._lock:
            if self.broken:
                return
            self._forget(entry.key)
            if self._puts >= ANSWERS or self._put_bytes + entry.size_bytes > ANSWERS_BYTES:
                self.dropped += 1
                self._answers[entry.key] = None
            else:
                self._answers[entry.key] = Put(entry, offset_s, self._epochs.get(entry.backend, 0))
                self._puts += 1
                self._put_bytes += entry.size_bytes
            self.idle.clear()

    def drop(self, keys: Iterable[bytes]) -> None:
        """Take the removal of entries."""
        with self._lock:
            if self.broken:
                return
            for key in keys:
                self._forget(key)
                self._answers[key] = None
            if len(self._answers) > ANSWERS + REMOVALS:
                self._empty()
            self.idle.clear()

    def touched(self, given: dict[tuple[str, str], int], floor: int, last: int) -> None:
        """Take the numbers of tags. A file that has lost some will not be believed, so it needs no more of them."""
        with self._lock:
            if floor != self._floor:
                self._tags = {tag: number for tag, number in self._tags.items() if number > floor}
            self._floor, self._last = floor, last
            if not self.broken:
                self._tags |= given
                self.idle.clear()

    def forgot(self, backend: str, mark: int) -> None:
        """Take the removal of everything that is a backend's so far, of what waits as well."""
        with self._lock:
            self._last = mark
            self._epochs[backend] = self._epochs.get(backend, 0) + 1
            if not self.broken:
                self._marks[backend] = mark
                self.idle.clear()

    def note(self, name: str, text: str) -> None:
        """Take what is learnt under a name."""
        with self._lock:
            if not self.broken:
                self._notes[name] = text
                self.idle.clear()

    def write(self, key: bytes, deed: Deed | None, future: asyncio.Future[bool]) -> None:
        """Take a deed, or its removal; `future` is told whether it is on disk."""
        with self._lock:
            self._deeds[key] = deed
            self.idle.clear()
            if self.broken or self._ended:
                future.set_result(False)
            else:
                self._waiting.append(future)

    def discard(self, keys: Iterable[bytes]) -> None:
        """Take the removal of deeds; nobody waits for it."""
        with self._lock:
            self._deeds |= dict.fromkeys(keys)
            self.idle.clear()

    # From the thread.

    def start(self, floor: int, last: int, deeds: Iterable[Deed]) -> None:
        """Begin where a file ended; `deeds` have to be written again."""
        self._floor, self._last = floor, last
        self._deeds.update({deed.key: deed for deed in deeds})

    def take_deeds(self) -> tuple[dict[bytes, Deed | None], list[asyncio.Future[bool]]]:
        """Return all deeds, and who waits for them."""
        with self._lock:
            deeds, self._deeds = self._deeds, {}
            waiting, self._waiting = self._waiting, []
        return deeds, waiting

    def put_back(self, deeds: dict[bytes, Deed | None], waiting: list[asyncio.Future[bool]]) -> None:
        """Take back what could not be written; what has come since is newer."""
        with self._lock:
            self._deeds, self._waiting = deeds | self._deeds, waiting + self._waiting

    def take_slice(self) -> Slice | None:
        """Return what goes into one transaction; None where nothing waits."""
        with self._lock:
            rows = self._rows()
            piece = Slice(self._wipe, self._tags, self._floor, self._last, self._marks, rows, self._notes)
            self._wipe, self._tags, self._marks, self._notes = False, {}, {}, {}
        return piece if piece.wipe or piece.tags or piece.marks or piece.rows or piece.notes else None

    def rest(self) -> None:
        """Say that everything is written, if it is."""
        with self._lock:
            if not (self._answers or self._deeds or self._tags or self._marks or self._wipe or self._notes):
                self.idle.set()

    def lose(self) -> None:
        """Let go of all that has to do with answers: the file cannot be had, and when it can, it begins anew."""
        with self._lock:
            self.broken = True
            self._empty()
            self._tags, self._marks, self._notes = {}, {}, {}
            self.idle.clear()

    def resume(self) -> None:
        """Take everything again, for a file whose answers go first."""
        with self._lock:
            self._empty()
            self.broken = False

    def end(self) -> None:
        """Let nobody wait any more."""
        with self._lock:
            self._ended = True

    def _forget(self, key: bytes) -> None:
        waiting = self._answers.pop(key, None)
        if waiting is not None:
            self._puts -= 1
            self._put_bytes -= waiting.entry.size_bytes

    def _empty(self) -> None:
        """Let no row of an answer survive, nor what waits to be one."""
        self._wipe = True
        self._answers.clear()
        self._puts = self._put_bytes = 0

    def _rows(self) -> list[tuple[bytes, Put | None]]:
        rows: list[tuple[bytes, Put | None]] = []
        size_bytes = 0
        while self._answers and len(rows) < SLICE and size_bytes < SLICE_BYTES:
            key, put = self._answers.popitem(last=False)
            if put is not None:
                self._puts -= 1
                self._put_bytes -= put.entry.size_bytes
                size_bytes += put.entry.size_bytes
                put = put if put.epoch == self._epochs.get(put.entry.backend, 0) else None
            rows.append((key, put))
        return rows
