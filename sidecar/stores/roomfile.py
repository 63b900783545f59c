"""Rooms on disk: a file beside the store's, one page a row, written a second behind by a thread of its own.

The loop hands over what has changed since the last time and never waits; what was not written when a process is killed is one second of
joins and calls, and places prove themselves. A file that cannot be used is said so in the log, and tried again; nobody in a room notices.
"""

from __future__ import annotations

import sqlite3
from threading import Event, Lock, Thread
from time import monotonic
from typing import TYPE_CHECKING, Final

from sidecar.stores.database import close_file, meaning, move_aside
from sidecar.stores.unusable import REMEDY, Unusable, Why

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from pathlib import Path

Pages = dict[str, bytes]
"""What a room is, in pieces by name."""

_SCHEMA: Final = (
    "CREATE TABLE IF NOT EXISTS pages(room TEXT, name TEXT, value BLOB, PRIMARY KEY(room, name)) WITHOUT ROWID"
)
_RETRY_S: Final = 30.0  # as the store beside it
_CLOSE_S: Final = 3.0


class RoomFile:
    """`say` writes to the log, from any thread. Everything but `_run` belongs to the loop."""

    def __init__(self, path: Path, say: Callable[..., None]) -> None:
        self.path, self._say = path, say
        self._waiting: dict[tuple[str, str], bytes | None] = {}
        self._gone: set[str] = set()  # rooms of which every page has to go before anything is written
        self._lock, self._urgent = Lock(), Event()
        self._settling: list[Event] = []  # whoever waits for what is handed over
        self._ending = False
        self._broken: Why | None = None
        self._thread = Thread(target=self._run, name="rooms", daemon=True)

    def __repr__(self) -> str:
        return f"<RoomFile {self.path.name} {'broken' if self._broken else 'open'}>"

    @property
    def ok(self) -> bool:
        """Whether what has changed is written."""
        return self._broken is None

    def open(self) -> dict[str, Pages]:
        """Read everything, and begin to write. A damaged file is put aside, and what it held is lost, which is said."""
        rooms: dict[str, Pages] = {}
        try:
            rooms = self._recall()
        except Unusable as unusable:
            if unusable.why is Why.CORRUPT:
                aside = move_aside(self.path)
                self._failed(unusable, f"the rooms begin anew; what was in them is in {aside.name}")
            else:
                self._failed(unusable, REMEDY[unusable.why])
        self._thread.start()
        return rooms

    def keep(self, room: str, pages: Mapping[str, bytes | None]) -> None:
        """Let these pages of a room be written, or be gone (None)."""
        with self._lock:
            for name, value in pages.items():
                self._waiting[room, name] = value
        self._urgent.set()

    def settle(self, patience_s: float) -> bool:
        """Wait until all that was handed over is on disk, and say whether it is: for what must not happen twice. A file that is broken is
        not waited for.
        """
        if self._broken is not None:
            return False
        done = Event()
        with self._lock:
            self._settling.append(done)
        self._urgent.set()
        return done.wait(patience_s) and self._broken is None

    def forget(self, room: str) -> None:
        """Let every page of a room be gone that is not handed over after this."""
        with self._lock:
            for which in [which for which in self._waiting if which[0] == room]:
                del self._waiting[which]
            self._gone.add(room)
        self._urgent.set()

    def close(self) -> None:
        """Write what is left."""
        self._ending = True
        self._urgent.set()
        self._thread.join(_CLOSE_S)

    def _recall(self) -> dict[str, Pages]:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.touch(mode=0o600, exist_ok=True)
            db = sqlite3.connect(self.path, isolation_level=None)
        except (OSError, sqlite3.Error) as error:
            raise meaning(error) from error
        rooms: dict[str, Pages] = {}
        try:
            self._prepare(db)
            for room, name, value in db.execute("SELECT room, name, value FROM pages"):
                rooms.setdefault(room, {})[name] = value
        except sqlite3.Error as error:
            raise meaning(error) from error
        finally:
            db.close()
        return rooms

    @staticmethod
    def _prepare(db: sqlite3.Connection) -> None:
        db.execute("PRAGMA locking_mode=EXCLUSIVE")  # a second process is told at once that the file is taken
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=NORMAL")  # a power cut may take the last second, a kill takes nothing
        db.execute(_SCHEMA)

    def _run(self) -> None:
        db: sqlite3.Connection | None = None
        again_at, ending = 0.0, False
        while not ending:
            self._urgent.wait(_RETRY_S)
            self._urgent.clear()
            ending = self._ending
            if monotonic() < again_at and not ending:
                continue
            with self._lock:
                piece, self._waiting = self._waiting, {}
                gone, self._gone = self._gone, set()
                settling, self._settling = self._settling, []
            try:
                if db is None:
                    db = sqlite3.connect(self.path, isolation_level=None)
                    self._prepare(db)
                if piece or gone:
                    self._write(db, piece, gone)
            except sqlite3.Error as error:
                with self._lock:
                    # What was forgotten meanwhile stays so.
                    left = {which: value for which, value in piece.items() if which[0] not in self._gone}
                    self._waiting, self._gone = left | self._waiting, gone | self._gone
                self._failed(meaning(error), None)
                again_at = monotonic() + _RETRY_S
                if db is not None:
                    close_file(db)
                    db = None
            for done in settling:
                done.set()
        if db is not None:
            close_file(db)

    def _write(
        self, db: sqlite3.Connection, piece: Mapping[tuple[str, str], bytes | None], gone: Collection[str]
    ) -> None:
        db.execute("BEGIN")
        for room in gone:
            db.execute("DELETE FROM pages WHERE room=?", (room,))
        for (room, name), value in piece.items():
            if value is None:
                db.execute("DELETE FROM pages WHERE room=? AND name=?", (room, name))
            else:
                db.execute("INSERT OR REPLACE INTO pages VALUES(?, ?, ?)", (room, name, value))
        db.execute("COMMIT")
        if self._broken is not None:
            self._broken = None
            self._say("store_recovered", file=str(self.path))

    def _failed(self, unusable: Unusable, remedy: str | None) -> None:
        if unusable.why is not self._broken:
            self._broken = unusable.why
            what = remedy or REMEDY[unusable.why]
            self._say("store_failed", file=str(self.path), why=unusable.why, detail=str(unusable), remedy=what)
