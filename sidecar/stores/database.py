"""One SQLite file of ours: opened, checked, laid out; and what its errors mean to the person who gets them.

Stands under `journal`, whose thread alone calls it once it is open. It never touches a file that is somebody else's or a newer
release's, and moves a damaged one aside instead of deleting it.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from sidecar.stores.unusable import Unusable, Why, of_system

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA: Final = 1
_APPLICATION: Final = 0x53434152  # "SCAR", in the file's header: `file` shows it, and no other program's file has it
_ASIDE: Final = 5  # damaged files that are kept: enough to see that the disk does it, not enough to fill it
# A write-ahead log is brought back to this after each checkpoint, so a burst does not keep its room for ever.
_LOG_BYTES: Final = 4 * 1024 * 1024

_TABLES: Final = """
CREATE TABLE meta(name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE answers(written INTEGER PRIMARY KEY AUTOINCREMENT, key BLOB NOT NULL UNIQUE, backend TEXT NOT NULL, entry BLOB NOT NULL);
CREATE TABLE generations(backend TEXT, tag TEXT, generation INTEGER NOT NULL, PRIMARY KEY(backend, tag)) WITHOUT ROWID;
CREATE TABLE marks(backend TEXT PRIMARY KEY, generation INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE deeds(key BLOB PRIMARY KEY, id TEXT NOT NULL, fingerprint BLOB NOT NULL, backend TEXT NOT NULL, operation TEXT NOT NULL,
    state TEXT NOT NULL, until REAL NOT NULL, outcome BLOB NOT NULL, who BLOB NOT NULL, checksum BLOB NOT NULL);
"""


# By SQLite's primary result code (https://www.sqlite.org/rescode.html), whatever its extended one.
_MEANING: Final = {
    sqlite3.SQLITE_ERROR: Why.CORRUPT,  # our statements are right: a table is gone
    sqlite3.SQLITE_CORRUPT: Why.CORRUPT,
    sqlite3.SQLITE_NOTADB: Why.CORRUPT,
    sqlite3.SQLITE_BUSY: Why.LOCKED,
    sqlite3.SQLITE_LOCKED: Why.LOCKED,
    sqlite3.SQLITE_FULL: Why.FULL,
    sqlite3.SQLITE_READONLY: Why.UNWRITABLE,
    sqlite3.SQLITE_CANTOPEN: Why.UNWRITABLE,
    sqlite3.SQLITE_PERM: Why.UNWRITABLE,
}
_PRIMARY: Final = 0xFF


def meaning(error: sqlite3.Error | OSError) -> Unusable:
    """Return what an error of the file means."""
    if isinstance(error, OSError):
        return of_system(error)
    code = getattr(error, "sqlite_errorcode", None)
    return Unusable(Why.IO if code is None else _MEANING.get(code & _PRIMARY, Why.IO), str(error))


def open_file(path: Path) -> sqlite3.Connection:
    """Open the file, made if absent, and hold it against every other process until it is closed. Raises Unusable."""
    try:
        if not path.exists():
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))  # SQLite gives its log the same mode
        db = sqlite3.connect(path, timeout=0.0, isolation_level=None, check_same_thread=False)
    except (sqlite3.Error, OSError) as error:
        raise meaning(error) from error
    try:
        _ready(db)
    except Unusable:
        close_file(db)
        raise
    except sqlite3.Error as error:
        close_file(db)
        raise meaning(error) from error
    return db


def close_file(db: sqlite3.Connection) -> None:
    """Close it, whatever state it is in."""
    with suppress(sqlite3.Error):
        db.close()


def move_aside(path: Path) -> Path:
    """Rename a damaged file and its log to NAME.corrupt-<n>, and return the new name. Raises Unusable."""
    names = [path.with_name(f"{path.name}.corrupt-{number}") for number in range(1, _ASIDE + 1)]
    free = next((name for name in names if not name.exists()), names[-1])
    try:
        for suffix in ("-wal", "-shm"):
            with suppress(FileNotFoundError):
                path.with_name(path.name + suffix).replace(free.with_name(free.name + suffix))
        path.replace(free)
    except OSError as error:
        raise meaning(error) from error
    return free


def _ready(db: sqlite3.Connection) -> None:
    db.text_factory = _text
    # Exclusive: the index of the log lies in memory, and a second process is told at once that the file is taken.
    db.execute("PRAGMA locking_mode=EXCLUSIVE")
    version, application = number(db, "PRAGMA user_version"), number(db, "PRAGMA application_id")
    tables = number(db, "SELECT count(*) FROM sqlite_master")
    if application not in (0, _APPLICATION) or (tables and not application):
        raise Unusable(Why.FOREIGN, "a database of another program")
    if version > SCHEMA:
        raise Unusable(Why.NEWER, f"its schema is {version}, ours {SCHEMA}")
    db.execute("PRAGMA auto_vacuum=INCREMENTAL")  # counts while the file is empty
    db.execute("PRAGMA journal_mode=WAL")
    db.execute(f"PRAGMA journal_size_limit={_LOG_BYTES}")
    db.execute("PRAGMA cell_size_check=ON")
    db.execute("BEGIN EXCLUSIVE")
    if not tables:
        for statement in _TABLES.split(";"):
            db.execute(statement)
        db.execute(f"PRAGMA application_id={_APPLICATION}")
        db.execute(f"PRAGMA user_version={SCHEMA}")
    db.execute("COMMIT")
    if (said := db.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
        raise Unusable(Why.CORRUPT, said)


def _text(raw: bytes) -> str:
    """Read text that a bad disk may have written."""
    return raw.decode("utf-8", "replace")


def number(db: sqlite3.Connection, statement: str) -> int:
    """Return the one number that a statement gives."""
    return int(db.execute(statement).fetchone()[0])
