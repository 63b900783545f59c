"""Notes in a file: there after a restart, gone without harm where the file is."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.stores.files import Disk


def test_they_outlive_the_process(disk: Disk) -> None:
    """What was kept last is there after an end, and after one that nobody signed."""
    with disk.store() as store:
        store.notes.keep("limit tickets", "12")
        store.notes.keep("limit tickets", "14 \ud800")
        assert store.journal.flush(5.0)
        image = disk.image()
    for each in (disk, image):
        with each.store() as store:
            assert store.notes.find("limit tickets") == "14 ?"  # a lone surrogate is no text for a file


def test_what_is_none_of_ours_is_left_out(disk: Disk) -> None:
    """A value of another kind, as a bad disk may leave it, is no note and no failure."""
    with disk.store() as store:
        store.notes.keep("limit tickets", "12")
    with sqlite3.connect(disk.path) as db:
        db.execute("UPDATE meta SET value = 12 WHERE name = 'learnt limit tickets'")
    db.close()
    with disk.store() as store:
        assert store.notes.find("limit tickets") is None
        assert disk.failures == []


def test_a_file_that_fails_costs_no_more_than_memory(disk: Disk) -> None:
    """Where nothing can be written they are kept as long as the process lives."""
    disk.path.mkdir()
    with disk.store() as store:
        store.notes.keep("limit tickets", "12")
        assert store.notes.find("limit tickets") == "12"
    assert disk.failures
