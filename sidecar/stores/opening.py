"""Opens what keeps answers and keyed calls, as the settings say: in memory, or in a file that outlives the process.

Asked once, at the start; a file that cannot be used is said so in the log and never keeps the sidecar from starting.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from sidecar.stores.answers import MemoryAnswers
from sidecar.stores.deeds import MemoryDeeds
from sidecar.stores.notes import MemoryNotes

if TYPE_CHECKING:
    from sidecar.ports import Clock, Deeds, Log, Notes
    from sidecar.stores.sqlite import SqliteStore


class Stores:
    """What is kept: `answers`, `deeds` and `notes`. `path` None keeps all of it in memory."""

    def __init__(self, path: str | None, room_bytes: int, clock: Clock, log: Log) -> None:
        self._store = _stored(Path(path), room_bytes, clock, log) if path is not None else None
        self.answers: MemoryAnswers = self._store.answers if self._store is not None else MemoryAnswers(room_bytes)
        self.notes: Notes = self._store.notes if self._store is not None else MemoryNotes()
        self.deeds: Deeds = self._store.deeds if self._store is not None else MemoryDeeds(clock, log=log)

    def __repr__(self) -> str:
        return f"<Stores {self.answers!r} {self.deeds!r}>"

    async def close(self) -> None:
        """Write what is still to be written."""
        if self._store is not None:
            await asyncio.to_thread(self._store.close)


def _stored(path: Path, room_bytes: int, clock: Clock, log: Log) -> SqliteStore:
    from sidecar.stores.sqlite import SqliteStore  # noqa: PLC0415 - SQLite: a megabyte that nobody needs who stores nothing

    return SqliteStore(path, room_bytes, clock, log)
