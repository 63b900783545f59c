"""Stores on disk for tests: opened and closed, killed without a word, damaged."""

from __future__ import annotations

import contextlib
import shutil
from typing import TYPE_CHECKING, Any

from sidecar.stores.sqlite import SqliteStore
from tests.stores.entries import StillClock
from tests.support.world import Recorder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROOM = 1_000_000


class Disk:
    """One file and the processes that use it, one after the other."""

    def __init__(self, path: Path) -> None:
        self.path, self.clock, self.log = path, StillClock(), Recorder()

    @contextlib.contextmanager
    def store(self, size_bytes: int = ROOM, **options: Any) -> Iterator[SqliteStore]:
        """Run a process that ends well."""
        store = SqliteStore(self.path, size_bytes, self.clock, self.log, **options)
        try:
            yield store
        finally:
            store.close()

    def image(self, name: str = "image.db") -> Disk:
        """Return the disk as a power cut leaves it now: file and log, and no sign."""
        disk = Disk(self.path.with_name(name))
        disk.clock = self.clock
        shutil.copy(self.path, disk.path)
        log = self.path.with_name(self.path.name + "-wal")
        if log.exists():
            shutil.copy(log, disk.path.with_name(disk.path.name + "-wal"))
        return disk

    @property
    def failures(self) -> list[str]:
        """Why the store failed, each time that it was said."""
        return [str(facts["why"]) for facts in self.log.named("store_failed")]

    @property
    def size_bytes(self) -> int:
        """What it takes on disk, with its log."""
        return sum(path.stat().st_size for path in self.path.parent.glob(self.path.name + "*"))
