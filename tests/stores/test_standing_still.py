"""A disk that neither writes nor fails: who waits for it, and for how long."""

from __future__ import annotations

import asyncio
import contextlib
from threading import Event
from typing import TYPE_CHECKING

from sidecar.ports import DeedState
from sidecar.serve import LAST_S
from sidecar.stores import journal as journals
from sidecar.stores import sqlite
from sidecar.stores.sqlite import SqliteStore
from tests.stores.entries import deed_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    import pytest

    from sidecar.ports import Deed
    from tests.stores.files import Disk


@contextlib.contextmanager
def standing_still(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A disk that writes no keyed call until this is over."""
    moves, write = Event(), journals.write_deed

    def slowly(db: sqlite3.Connection, key: bytes, deed: Deed | None) -> None:
        moves.wait()
        write(db, key, deed)

    monkeypatch.setattr(journals, "write_deed", slowly)
    try:
        yield
    finally:
        moves.set()


async def test_nobody_waits_for_a_disk_that_stands_still(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is taken, by the first or by who waits behind him, and the key is free; what is written late is taken out again."""
    with disk.store() as store:
        with monkeypatch.context() as patch, standing_still(patch):
            patch.setattr(sqlite, "CLAIM_S", 0.05)
            both = (store.deeds.claim(deed_of(number=number)) for number in (1, 2))
            assert await asyncio.gather(*both) == [None, None]
            assert await store.deeds.find("a-1") is None
        assert store.journal.flush(5.0)
        crashed = disk.image()
        assert await store.deeds.claim(deed_of(number=3)) is not None
    with crashed.store() as store:
        assert await store.deeds.find("a-1") is await store.deeds.find("a-2") is None
    with disk.store() as store:
        assert await store.deeds.find("a-3") is not None
    assert disk.failures == []


async def test_an_outcome_does_not_wait_for_a_disk_that_stands_still(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told of meanwhile, and written when the disk moves; so is what frees a key."""
    monkeypatch.setattr(sqlite, "SETTLE_S", 0.05)
    done = deed_of("done", state=DeedState.DONE, outcome=b"receipt")
    with disk.store() as store:
        for name in ("done", "freed"):
            await store.deeds.claim(deed_of(name))
        with standing_still(monkeypatch):
            await store.deeds.settle(done)
            await store.deeds.release(deed_of("freed"))
            assert (await store.deeds.claim(deed_of("done", 1))) == done
            assert await store.deeds.find("freed-0") is None
    with disk.store() as store:
        assert await store.deeds.find("done-0") == done
        assert await store.deeds.find("freed-0") is None


def test_the_end_does_not_wait_for_a_disk_that_stands_still(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever ends us has been told how long it takes."""
    assert journals._CLOSE_S <= LAST_S - 2
    monkeypatch.setattr(journals, "_CLOSE_S", 0.05)
    store = SqliteStore(disk.path, 1000, disk.clock, disk.log)
    with standing_still(monkeypatch):
        store.journal.discard([b"any"])
        store.close()
        assert store.journal._thread.is_alive()
    store.journal._thread.join()
