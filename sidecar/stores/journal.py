"""The writer of a file: one thread behind the loop, which answers and deeds hand their changes to.

Whoever waits for a keyed call is told that its row is on disk, or that it is not. When the disk fails the journal says so once, tries again
every 30 s, and the loop never waits for it.
"""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import suppress
from threading import Event, Thread, current_thread
from time import monotonic
from typing import TYPE_CHECKING, Final

from sidecar.stores.database import close_file, meaning, move_aside, number, open_file
from sidecar.stores.format import encode
from sidecar.stores.pending import Pending
from sidecar.stores.recall import DAMAGED, Recalled, begin, distrust, noted, recall, recall_deeds, salvage, write_deed
from sidecar.stores.secret import Secret
from sidecar.stores.unusable import REMEDY, REMEDY_OF_KEY, Unusable, Why

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from sidecar.answers import Entry
    from sidecar.ports import Clock, Deed, Log
    from sidecar.stores.pending import Put, Slice

RETRY_S: Final = 30.0  # long enough to keep a full disk's log short, short enough for somebody who watches it come back
_LINGER_S: Final = 0.25  # answers wait so long for company; a crash loses no more, and an idle writer costs nothing
_FREED_PAGES: Final = 1024  # 4 MiB at once: what is given back to the disk between two slices
# Of a disk that stands still the end does not wait longer: the service manager is told of five seconds, and flights have two of them.
_CLOSE_S: Final = 3.0


class Journal:
    """One file, the secret beside it, its thread, and what waits for it.

    `open` first, `close` at the end; everything between is called on one loop.
    """

    def __init__(self, path: Path, clock: Clock, log: Log, *, retry_s: float = RETRY_S) -> None:
        self.path, self._clock, self._log, self._retry_s = path, clock, log, retry_s
        self.secret = Secret(path)
        self.late: list[Deed] = []  # keyed calls of a file that could only be opened when we were already at work
        self._pending = Pending()
        self._urgent = Event()
        self._db: sqlite3.Connection | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._said: Why | None = None
        self._said_secret: Why | None = None
        self._retry_at = self._secure_at = 0.0
        self._recalled = False
        self._trusted = True  # every touch is in the file or on its way
        self._ending = False
        self._order = b""
        self._thread = Thread(target=self._run, name="journal", daemon=True)

    def __repr__(self) -> str:
        state = f"broken: {self._said}" if self.broken else "open"
        return f"<Journal {self.path.name} {state}, {len(self._pending)} waiting, {self.dropped} dropped>"

    @property
    def broken(self) -> bool:
        """Nothing can be written."""
        return self._pending.broken

    @property
    def dropped(self) -> int:
        """How many answers were left out of the file since the start."""
        return self._pending.dropped

    # Before and after.

    def open(self, room_bytes: int) -> Recalled:
        """Open the file and return what it holds, up to `room_bytes` of entries; nothing where it cannot be used, which is said."""
        with suppress(RuntimeError):  # a store may be opened before the loop runs
            self._loop = asyncio.get_running_loop()
        self._secure()
        recalled = Recalled()
        try:
            recalled = self._opened(room_bytes)
        except Unusable as unusable:
            self._broke(unusable)
        self._thread.start()
        return recalled

    def flush(self, within_s: float) -> bool:
        """Wait until everything that was handed over is written; False where that takes longer. Holds its caller."""
        self._urgent.set()
        return self._pending.idle.wait(within_s)

    def close(self, order: Iterable[bytes] = ()) -> None:
        """Write what is left, sign, and let go of the file. `order`: what is kept, the one that goes first at the beginning."""
        self._order, self._ending = b"".join(order), True
        self._urgent.set()
        self._thread.join(_CLOSE_S)

    # From the loop.

    def put(self, entry: Entry) -> None:
        """Write an entry, soon."""
        self._pending.put(entry, self._clock.wall() - self._clock.now())

    def drop(self, keys: Iterable[bytes]) -> None:
        """Take entries out, soon."""
        self._pending.drop(keys)

    def touched(self, given: dict[tuple[str, str], int], floor: int, last: int) -> None:
        """Write the numbers of tags, soon."""
        self._pending.touched(given, floor, last)

    def forgot(self, backend: str, mark: int) -> None:
        """Take out everything of a backend whose name means another one now."""
        self._pending.forgot(backend, mark)

    def note(self, name: str, text: str) -> None:
        """Write what is learnt under a name, soon."""
        self._pending.note(name, text)

    def write(self, key: bytes, deed: Deed | None) -> asyncio.Future[bool]:
        """Write a deed, or take it out, at once; the future says whether it is on disk. Where it is not, it is tried again."""
        self._loop = asyncio.get_running_loop()
        future = self._loop.create_future()
        self._pending.write(key, deed, future)
        self._urgent.set()
        return future

    def discard(self, keys: Iterable[bytes]) -> None:
        """Take deeds out, soon; nobody waits for it."""
        self._pending.discard(keys)

    # In the thread.

    def _run(self) -> None:
        ending = False
        while not ending:
            self._urgent.wait(_LINGER_S)
            self._urgent.clear()
            ending = self._ending
            try:
                self._work(ending=ending)
            except sqlite3.Error as error:
                self._broke(meaning(error))
            except Exception as bug:  # noqa: BLE001 - a thread that died would let every keyed call wait for ever
                self._say("bug", where="journal", error=bug)
                self._broke(Unusable(Why.IO, str(bug)))
            if ending:
                self._pending.end()
            if self.broken or ending:
                self._refuse()

    def _work(self, *, ending: bool) -> None:
        if self.secret.stored is None and monotonic() >= self._secure_at:
            self._secure()
        if self._db is None and monotonic() >= self._retry_at:
            self._reopen()
        if self._db is None:
            return
        while self._write_deeds(self._db) | self._write_answers(self._db):
            pass
        self._pending.rest()
        if ending:
            self._seal(self._db)
            close_file(self._db)
            self._db = None

    def _refuse(self) -> None:
        """Tell everybody who waits that it is not on disk; it stays to be written."""
        deeds, waiting = self._pending.take_deeds()
        self._pending.put_back(deeds, [])
        _resolve(waiting, written=False)

    def _write_deeds(self, db: sqlite3.Connection) -> bool:
        """Write all that there are in one transaction: whoever comes meanwhile is in the next."""
        deeds, waiting = self._pending.take_deeds()
        if not deeds:
            return False
        try:
            db.execute("PRAGMA synchronous=FULL")
            db.execute("BEGIN")
            for key, deed in deeds.items():
                write_deed(db, key, deed)
            db.execute("COMMIT")
        except BaseException:
            self._pending.put_back(deeds, waiting)
            raise
        _resolve(waiting, written=True)
        return True

    def _write_answers(self, db: sqlite3.Connection) -> bool:
        """Write one slice, and give back what has become free."""
        piece = self._pending.take_slice()
        if piece is None:
            return False
        db.execute("PRAGMA synchronous=NORMAL")
        db.execute("BEGIN")
        if piece.wipe:
            db.execute("DELETE FROM answers")
        if piece.tags or piece.marks:
            self._write_generations(db, piece)
        for key, put in piece.rows:
            self._write_entry(db, key, put)
        db.executemany("INSERT OR REPLACE INTO meta VALUES(?, ?)", noted(piece.notes))
        db.execute("COMMIT")
        self._give_back(db)
        return True

    @staticmethod
    def _write_generations(db: sqlite3.Connection, piece: Slice) -> None:
        rows = ((backend, tag, generation) for (backend, tag), generation in piece.tags.items())
        db.executemany("INSERT OR REPLACE INTO generations VALUES(?, ?, ?)", rows)
        db.execute("DELETE FROM generations WHERE generation <= ?", (piece.floor,))
        db.executemany("INSERT OR REPLACE INTO meta VALUES(?, ?)", [("floor", piece.floor), ("last", piece.last)])
        for backend, mark in piece.marks.items():
            db.execute("DELETE FROM answers WHERE backend=?", (backend,))
            db.execute("INSERT OR REPLACE INTO marks VALUES(?, ?)", (backend, mark))

    def _write_entry(self, db: sqlite3.Connection, key: bytes, put: Put | None) -> None:
        blob = None
        if put is not None:
            try:
                blob = encode(put.entry, put.offset_s)
            except (TypeError, ValueError):  # it holds what the format cannot say
                self._pending.dropped += 1
        if put is None or blob is None:
            db.execute("DELETE FROM answers WHERE key=?", (key,))
        else:
            values = (key, put.entry.backend, blob)
            db.execute("INSERT OR REPLACE INTO answers(key, backend, entry) VALUES(?, ?, ?)", values)

    @staticmethod
    def _give_back(db: sqlite3.Connection) -> None:
        """Shorten the file once a quarter of it is free: less would be taken again by the next answers."""
        if number(db, "PRAGMA freelist_count") * 4 > number(db, "PRAGMA page_count"):
            # A page at each step, and `execute` takes but one step of what has no columns.
            db.executescript(f"PRAGMA incremental_vacuum({_FREED_PAGES})")

    def _seal(self, db: sqlite3.Connection) -> None:
        """Sign that everything is here."""
        db.execute("PRAGMA synchronous=FULL")
        db.execute("BEGIN")
        ordered = number(db, "SELECT coalesce(max(written), 0) FROM answers")
        signed = [("order", self._order), ("ordered", ordered), ("clean", int(self._trusted))]
        db.executemany("INSERT OR REPLACE INTO meta VALUES(?, ?)", signed)
        db.execute("COMMIT")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    # Opening, and failing.

    def _opened(self, room_bytes: int) -> Recalled:
        saved: list[Deed] = []
        try:
            recalled = self._recall(room_bytes)
        except Unusable as damaged:
            if damaged.why is not Why.CORRUPT:
                raise
            saved = salvage(self.path, self._clock.wall())
            aside = move_aside(self.path)
            remedy = f"check the disk; keep {aside.name} where purchases may have to be traced"
            self._say_failed(self.path, damaged, remedy)
            recalled = self._recall(room_bytes)
            recalled.deeds = saved
        self._pending.start(recalled.floor, recalled.last, saved)
        return recalled

    def _recall(self, room_bytes: int) -> Recalled:
        db = open_file(self.path)
        try:
            recalled = recall(db, room_bytes, self._clock.now(), self._clock.wall())
        except sqlite3.Error as error:
            close_file(db)
            raise meaning(error) from error
        except DAMAGED as error:
            close_file(db)
            raise Unusable(Why.CORRUPT, f"a value that is none of ours: {error}") from error
        self._db, self._recalled = db, True
        return recalled

    def _reopen(self) -> None:
        """Try again. The answers of a file that was away are older than ours, and go; its keyed calls stand."""
        self._retry_at = monotonic() + self._retry_s
        try:
            self._db = open_file(self.path)
        except Unusable as unusable:
            self._broke(unusable)
            return
        begin(self._db)
        distrust(self._db, self._pending.last)
        if not self._recalled:
            self.late = recall_deeds(self._db, self._clock.wall())
            self._recalled = True
        self._pending.resume()
        self._said = None
        self._say("store_recovered", file=str(self.path))

    def _secure(self) -> None:
        """Have the secret on disk; until it is there no keyed call is taken, and all else goes on."""
        self._secure_at = monotonic() + self._retry_s
        try:
            self.secret.secure()
        except Unusable as unusable:
            if unusable.why is not self._said_secret:
                self._said_secret = unusable.why
                remedy = REMEDY_OF_KEY if unusable.why is Why.CORRUPT else REMEDY[unusable.why]
                self._say_failed(self.secret.path, unusable, remedy)
            return
        if self._said_secret is not None:
            self._said_secret = None
            self._say("store_recovered", file=str(self.secret.path))

    def _broke(self, unusable: Unusable) -> None:
        if self._db is not None:
            close_file(self._db)
            self._db = None
        self._trusted = False
        self._pending.lose()
        self._retry_at = monotonic() + self._retry_s
        if unusable.why is not self._said:
            self._said = unusable.why
            self._say_failed(self.path, unusable, REMEDY[unusable.why])

    def _say_failed(self, path: Path, unusable: Unusable, remedy: str) -> None:
        self._say("store_failed", file=str(path), why=unusable.why, detail=str(unusable), remedy=remedy)

    def _say(self, event: str, **facts: object) -> None:
        """Write to the log, which lives on the loop."""
        if self._loop is None or current_thread() is not self._thread:
            self._log.event(event, **facts)
            return
        with suppress(RuntimeError):  # the loop is gone, and with it everybody who could be told
            self._loop.call_soon_threadsafe(lambda: self._log.event(event, **facts))


def _resolve(waiting: list[asyncio.Future[bool]], *, written: bool) -> None:
    loops: dict[asyncio.AbstractEventLoop, list[asyncio.Future[bool]]] = {}
    for future in waiting:
        loops.setdefault(future.get_loop(), []).append(future)
    for loop, futures in loops.items():
        with suppress(RuntimeError):  # nobody is left who waits
            loop.call_soon_threadsafe(_set, futures, written)


def _set(futures: list[asyncio.Future[bool]], written: bool) -> None:
    for future in futures:
        if not future.done():
            future.set_result(written)
