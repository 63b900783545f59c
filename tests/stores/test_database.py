"""A file that cannot be used: what each kind of it means, and that nothing of somebody else's is touched."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from sidecar.stores.database import SCHEMA, close_file, meaning, move_aside, number, open_file
from sidecar.stores.unusable import Unusable, Why

if TYPE_CHECKING:
    from pathlib import Path


def refused(path: Path) -> Why:
    with pytest.raises(Unusable) as raised:
        open_file(path)
    return raised.value.why


def foreign(path: Path) -> None:
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE theirs(a)")
    db.commit()
    db.close()


def test_a_new_file_is_laid_out_and_an_old_one_is_taken_up(tmp_path: Path) -> None:
    """What was written stays, and free pages can be given back."""
    path = tmp_path / "state.db"
    db = open_file(path)
    db.execute("INSERT INTO meta VALUES('a', 1)")
    close_file(db)
    db = open_file(path)
    assert db.execute("SELECT value FROM meta").fetchall() == [(1,)]
    assert [number(db, f"PRAGMA {name}") for name in ("user_version", "auto_vacuum")] == [SCHEMA, 2]
    close_file(db)


def test_a_file_of_another_process_is_locked(tmp_path: Path) -> None:
    """As long as that one has it."""
    path = tmp_path / "state.db"
    db = open_file(path)
    assert refused(path) is Why.LOCKED
    close_file(db)
    close_file(open_file(path))


def test_a_newer_schema_is_left_alone(tmp_path: Path) -> None:
    """To the byte."""
    path = tmp_path / "state.db"
    db = open_file(path)
    db.execute(f"PRAGMA user_version={SCHEMA + 1}")
    close_file(db)
    before = path.read_bytes()
    assert refused(path) is Why.NEWER
    assert path.read_bytes() == before


@pytest.mark.parametrize("application", [0, 7])
def test_a_database_of_another_program_is_left_alone(tmp_path: Path, application: int) -> None:
    """Whoever names the wrong file in `store:` loses nothing."""
    path = tmp_path / "theirs.db"
    foreign(path)
    db = sqlite3.connect(path)
    db.execute(f"PRAGMA application_id={application}")
    db.close()
    before = path.read_bytes()
    assert refused(path) is Why.FOREIGN
    assert path.read_bytes() == before


@pytest.mark.parametrize("damage", ["text", "tables", "page"])
def test_a_damaged_file_is_corrupt(tmp_path: Path, damage: str) -> None:
    """No database at all, one without its tables, one with a page of noise."""
    path = tmp_path / "state.db"
    db = open_file(path)
    if damage == "tables":
        db.execute("PRAGMA writable_schema=ON")
        db.execute("DELETE FROM sqlite_master WHERE name='answers'")
    close_file(db)
    if damage == "text":
        path.write_bytes(b"not a database at all" * 500)
    if damage == "page":
        path.write_bytes(path.read_bytes()[:4096] + b"\xa5" * 4096 + path.read_bytes()[8192:])
    assert refused(path) is Why.CORRUPT


def test_a_table_that_is_gone_is_damage(tmp_path: Path) -> None:
    """Our statements are right, so the file is not."""
    db = open_file(tmp_path / "state.db")
    db.execute("DROP TABLE answers")
    with pytest.raises(sqlite3.Error) as raised:
        db.execute("SELECT * FROM answers")
    close_file(db)
    assert meaning(raised.value).why is Why.CORRUPT


def test_where_nothing_can_be_written(tmp_path: Path) -> None:
    """No such folder, or something in its place."""
    assert refused(tmp_path / "none" / "state.db") is Why.UNWRITABLE
    (tmp_path / "folder").mkdir()
    assert refused(tmp_path / "folder") is Why.UNWRITABLE


def test_an_error_without_a_code_is_the_disks() -> None:
    """Nothing better is known of it."""
    assert meaning(sqlite3.Error("?")).why is Why.IO
    assert meaning(OSError(28, "No space left")).args == ("No space left",)


def test_damaged_files_are_kept_but_not_without_end(tmp_path: Path) -> None:
    """With their logs, under numbers; past five the last one is replaced."""
    path = tmp_path / "state.db"
    for count in range(7):
        path.write_text(str(count))
        path.with_name("state.db-wal").write_text(f"log {count}")
        move_aside(path)
    kept = {each.name: each.read_text() for each in tmp_path.iterdir()}
    assert kept == {
        **{f"state.db.corrupt-{number}": str(number - 1) for number in range(1, 5)},
        **{f"state.db.corrupt-{number}-wal": f"log {number - 1}" for number in range(1, 5)},
        "state.db.corrupt-5": "6",
        "state.db.corrupt-5-wal": "log 6",
    }


def test_what_cannot_be_moved_is_not_replaced(tmp_path: Path) -> None:
    """Its reason is the folder's."""
    with pytest.raises(Unusable) as raised:
        move_aside(tmp_path / "none" / "state.db")
    assert raised.value.why is Why.UNWRITABLE
