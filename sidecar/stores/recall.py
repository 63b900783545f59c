"""What an earlier process wrote into a file, read once before the first call.

Entries that cannot be read, that have no room or that are of a backend of another identity are taken out of the file. After an end that
nobody signed, touches may be missing: then everything counts as touched, and every call that was running is lost.
"""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from dataclasses import dataclass, field, replace
from math import isfinite
from typing import TYPE_CHECKING, Any, Final

from sidecar.answers import DIGEST_BYTES, Entry
from sidecar.ports import Deed, DeedState
from sidecar.stores.deeds import GRACE_S
from sidecar.stores.format import Unreadable, checksum, decode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_DEED: Final = "SELECT key, id, fingerprint, backend, operation, state, until, outcome, who, checksum FROM deeds"

_NOTE: Final = "learnt "

DAMAGED: Final = (TypeError, ValueError, OverflowError)
_NUMBERS: Final = 2**62  # counted by one, no process comes near it; and the next one still fits into a column


@dataclass(slots=True)
class Recalled:
    """What there was: `entries` with the one that goes first at the beginning, `generations` in the order of their numbers."""

    entries: list[Entry] = field(default_factory=list)
    generations: list[tuple[tuple[str, str], int]] = field(default_factory=list)
    marks: dict[str, int] = field(default_factory=dict)
    floor: int = 0
    last: int = 0
    deeds: list[Deed] = field(default_factory=list)
    notes: dict[str, str] = field(default_factory=dict)


def recall(db: sqlite3.Connection, room_bytes: int, now: float, wall: float) -> Recalled:
    """Read everything, up to `room_bytes` of entries, and take the sign of a good end away.

    Raises sqlite3.Error, or one of DAMAGED where a value is none that we write: SQLite's own check lets such pass.
    """
    clean = _meta(db, "clean", 0) == 1
    begin(db)
    recalled = Recalled(
        generations=[
            ((_name(backend), _name(tag)), _number(number))
            for backend, tag, number in db.execute("SELECT * FROM generations ORDER BY generation")
        ],
        marks={
            _name(backend): _number(number) for backend, number in db.execute("SELECT backend, generation FROM marks")
        },
        floor=_number(_meta(db, "floor", 0)),
    )
    recalled.entries = _entries(db, room_bytes, recalled.marks, now, wall)
    numbers = [number for _, number in recalled.generations[-1:]]
    numbers += [number for entry in recalled.entries for number in entry.generations]
    recalled.last = max(_number(_meta(db, "last", 0)), recalled.floor, *recalled.marks.values(), *numbers, 0)
    if not clean:
        recalled.last += 1
        recalled.floor, recalled.generations = recalled.last, []
        distrust(db, recalled.floor)
    recalled.deeds = recall_deeds(db, wall)
    rows = db.execute("SELECT name, value FROM meta WHERE substr(name, 1, ?) = ?", (len(_NOTE), _NOTE))
    recalled.notes = {
        name[len(_NOTE) :]: text for name, text in rows if isinstance(name, str) and isinstance(text, str)
    }
    return recalled


def noted(notes: dict[str, str]) -> list[tuple[str, str]]:
    """Return the rows of what is learnt."""
    return [(_NOTE + _sayable(name), _sayable(text)) for name, text in notes.items()]


def begin(db: sqlite3.Connection) -> None:
    """Take the sign of a good end away, for good: whoever is killed from now on has not signed."""
    db.execute("PRAGMA synchronous=FULL")
    db.execute("INSERT OR REPLACE INTO meta VALUES('clean', 0)")


def distrust(db: sqlite3.Connection, floor: int) -> None:
    """Let every tag have the number `floor`."""
    db.execute("BEGIN")
    db.execute("DELETE FROM generations")
    db.executemany("INSERT OR REPLACE INTO meta VALUES(?, ?)", [("floor", floor), ("last", floor)])
    db.execute("COMMIT")


def recall_deeds(db: sqlite3.Connection, wall: float) -> list[Deed]:
    """Return the keyed calls that are good at `wall`; nobody knows how those ended that ran."""
    db.execute("PRAGMA synchronous=FULL")
    db.execute("BEGIN")
    db.execute("DELETE FROM deeds WHERE NOT until > ? AND state != ?", (wall, DeedState.RUNNING.value))
    rows = db.execute(_DEED).fetchall()
    deeds: list[Deed] = []
    for row in rows:
        read = _deed(row)
        if read is None:
            db.execute("DELETE FROM deeds WHERE key IS ?", (row[0],))
            continue
        deed = _ended(read, wall)
        deeds.append(deed)
        if row_of(deed) != row:
            write_deed(db, deed.key, deed)
    db.execute("COMMIT")
    return deeds


def salvage(path: Path, wall: float) -> list[Deed]:
    """Return the keyed calls that a damaged file still tells of, from both its ends; never raises."""
    found: dict[bytes, Deed] = {}
    with suppress(sqlite3.Error):
        db = sqlite3.connect(path, timeout=0.0, isolation_level=None)
        try:
            db.execute("PRAGMA writable_schema=ON")  # nothing is written: SQLite then reads a file that was cut short
            for order in ("", " ORDER BY rowid DESC"):
                found |= {deed.key: deed for deed in _readable(db, _DEED + order)}
        finally:
            db.close()
    return [deed for deed in (_ended(each, wall) for each in found.values()) if deed.until > wall]


def write_deed(db: sqlite3.Connection, key: bytes, deed: Deed | None) -> None:
    """Write a deed down, or take it out."""
    if deed is None:
        db.execute("DELETE FROM deeds WHERE key=?", (key,))
    else:
        db.execute("INSERT OR REPLACE INTO deeds VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row_of(deed))


def row_of(deed: Deed) -> tuple[Any, ...]:
    """Return the row of a deed. Its checksum is over what SQLite itself does not watch: a page that a disk returns wrong."""
    facts = (
        deed.key,
        deed.id,
        deed.fingerprint,
        _sayable(deed.backend),
        _sayable(deed.operation),
        deed.state.value,
        float(deed.until),
        deed.outcome,
        deed.who,
    )
    return (*facts, _sum(facts))


def _sayable(name: str) -> str:
    """Return a name as SQLite can hold it: a lone surrogate in one row would keep all that are written with it from the file."""
    return name.encode("utf-8", "replace").decode()


def _sum(facts: tuple[Any, ...]) -> bytes:
    """Return the checksum of what a row says; an outcome is read where it lies, with the interpreter free meanwhile."""
    parts: list[bytes] = []
    for fact in facts:
        part = fact if isinstance(fact, bytes) else str(fact).encode()
        parts += (f"{type(fact).__name__} {len(part)} ".encode(), part)  # so that nothing can move from one to the next
    return checksum(*parts)


def _readable(db: sqlite3.Connection, statement: str) -> Iterator[Deed]:
    with suppress(sqlite3.Error):
        for row in db.execute(statement):
            deed = _deed(row)
            if deed is not None:
                yield deed


def _deed(row: tuple[Any, ...]) -> Deed | None:
    """Return the deed of a row. A damaged one is lost, so that its key buys nothing twice; None where not even that is left."""
    key, name, fingerprint, backend, operation, state, until, outcome, who, _ = row
    try:
        whole = Deed(key, name, fingerprint, backend, operation, DeedState(state), float(until), outcome, who)
        if row_of(whole) == row:
            return whole
    except (TypeError, ValueError, AttributeError):
        pass  # damaged further than a wrong bit
    usable = isinstance(key, bytes) and isinstance(name, str) and isinstance(fingerprint, bytes)
    usable = usable and isinstance(who, bytes)
    if not usable or not isinstance(until, float) or not isfinite(until):
        return None
    return Deed(key, name, fingerprint, str(backend), str(operation), DeedState.LOST, until, who=who)


def _ended(deed: Deed, wall: float) -> Deed:
    """Return what a process left behind, once it is gone: what ran is lost, and told of for a while even where its time is up."""
    if deed.state is not DeedState.RUNNING:
        return deed
    return replace(deed, state=DeedState.LOST, until=max(deed.until, wall + GRACE_S))


def _meta(db: sqlite3.Connection, name: str, default: Any) -> Any:
    row = db.execute("SELECT value FROM meta WHERE name=?", (name,)).fetchone()
    return default if row is None else row[0]


def _name(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("a name that is no text")
    return value


def _number(value: Any) -> int:
    if not isinstance(value, int) or not 0 <= value < _NUMBERS:
        raise ValueError("a number that was never given")
    return value


def _entries(db: sqlite3.Connection, room_bytes: int, marks: dict[str, int], now: float, wall: float) -> list[Entry]:
    """Return what there is room for, and take out of the file what will never be asked for."""
    kept: list[Entry] = []
    gone: list[int] = []
    held_bytes = 0
    for written, key in _youngest_first(db):
        found = _find(db, written, key, now, wall) if held_bytes < room_bytes else None
        weighs = found.size_bytes if isinstance(found, Entry) else found or 0
        if found is None or held_bytes + weighs > room_bytes or _is_anothers(found, marks):
            gone.append(written)
            continue
        held_bytes += weighs
        if isinstance(found, Entry):
            kept.append(found)
    _delete(db, gone)
    return kept[::-1]


def _find(db: sqlite3.Connection, written: int, key: bytes, now: float, wall: float) -> Entry | int | None:
    """Return the entry of a row; its size where a newer release wrote it, which may come back for it; None where it is damaged."""
    (blob,) = db.execute("SELECT entry FROM answers WHERE written=?", (written,)).fetchone()
    found = decode(blob, key, now, wall) if isinstance(blob, bytes) else Unreadable.SHORT
    if isinstance(found, Entry):
        return found
    return len(blob) if found is Unreadable.NEWER else None


def _is_anothers(found: Entry | int, marks: dict[str, int]) -> bool:
    """Say whether the name of its backend means another one since."""
    return isinstance(found, Entry) and any(number < marks.get(found.backend, 0) for number in found.generations)


def _youngest_first(db: sqlite3.Connection) -> list[tuple[int, bytes]]:
    """Return number and key of each row: what was written since the order was, by when; then that order; then the rest."""
    order, until = _meta(db, "order", b""), _number(_meta(db, "ordered", 0))
    places = {order[at : at + DIGEST_BYTES]: at for at in range(0, len(order), DIGEST_BYTES)}
    rows = db.execute("SELECT written, key FROM answers").fetchall()
    return sorted(
        rows,
        key=lambda row: (row[0] > until, row[0] if row[0] > until else places.get(row[1], -1), row[0]),
        reverse=True,
    )


def _delete(db: sqlite3.Connection, rows: Iterable[int]) -> None:
    db.execute("BEGIN")
    db.executemany("DELETE FROM answers WHERE written=?", ((row,) for row in rows))
    db.execute("COMMIT")
