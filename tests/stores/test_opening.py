"""What is opened is what the settings say: memory that ends with the process, or a file that does not."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from sidecar.stores.opening import Stores
from tests.stores.entries import StillClock, deed_of, entry_of, key_of
from tests.stores.files import ROOM
from tests.support.world import Recorder

if TYPE_CHECKING:
    from pathlib import Path


async def _used(stores: Stores) -> None:
    assert stores.answers.keep(entry_of(), 1.0)
    assert await stores.deeds.claim(deed_of()) is not None
    await stores.close()


async def test_memory_ends_with_the_process() -> None:
    """The next one knows nothing of it, and closing it is harmless."""
    clock, log = StillClock(), Recorder()
    await _used(Stores(None, ROOM, clock, log))
    assert Stores(None, ROOM, clock, log).answers.find(key_of("a")) is None


async def test_a_file_outlives_it(tmp_path: Path) -> None:
    """Both kinds of memory are in it, under one secret."""
    clock, log, path = StillClock(), Recorder(), str(tmp_path / "state.db")
    first = Stores(path, ROOM, clock, log)
    await _used(first)
    second = await asyncio.to_thread(Stores, path, ROOM, clock, log)
    assert second.answers.find(key_of("a")) is not None
    assert (await second.deeds.find("a-0")) is not None
    assert second.deeds.secret == first.deeds.secret
    await second.close()


async def test_a_file_that_cannot_be_used_starts_cold(tmp_path: Path) -> None:
    """With one line in the log; answers are kept in memory, keyed calls are not taken."""
    log = Recorder()
    stores = Stores(str(tmp_path), ROOM, StillClock(), log)  # a folder is no file
    assert log.named("store_failed")
    assert stores.answers.keep(entry_of(), 1.0)
    assert await stores.deeds.claim(deed_of()) is None
    await stores.close()
    assert "Sqlite" in repr(stores)


@pytest.mark.unmeasured  # what measures coverage stores it in SQLite
def test_who_stores_nothing_does_without_sqlite() -> None:
    """Nobody pays for it in memory: the whole product is loaded, and it is not there."""
    code = "import sys, sidecar.serve, sidecar.settings.load; print([m for m in sys.modules if 'sqlite' in m])"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
