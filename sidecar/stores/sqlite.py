"""`ports.Answers` and `ports.Deeds` in a file of one machine: as in memory, and written behind, so that a restart starts warm.

The loop only ever looks into memory; keyed calls alone wait for the disk. A file that cannot be used makes a cold start and one line in
the log, never a failed one: answers are kept in memory then, and keyed calls are not taken.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from sidecar.stores.answers import MemoryAnswers
from sidecar.stores.deeds import MOST, OUTCOMES_BYTES, DeedTable
from sidecar.stores.journal import RETRY_S, Journal
from sidecar.stores.notes import SqliteNotes

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from sidecar.answers import Entry
    from sidecar.ports import Clock, Deed, Log
    from sidecar.stores.recall import Recalled

# A sync takes milliseconds; of a disk that stands still nobody can say whether it will move again, and nothing has been called yet.
CLAIM_S: Final = 5.0
SETTLE_S: Final = 1.0  # the call is made and its caller waits: a crash within that second is rarer than his patience


class SqliteAnswers(MemoryAnswers):
    """`MemoryAnswers` with a journal behind it, which is told of every change."""

    def __init__(self, size_bytes: int, journal: Journal, recalled: Recalled) -> None:
        super().__init__(size_bytes)
        self._journal = journal
        self._generations.restore(recalled.generations, recalled.marks, recalled.floor, recalled.last)
        for entry in recalled.entries:
            super().keep(entry, 1.0)  # its operation's share bites with the next one

    def keep(self, entry: Entry, share: float) -> bool:
        """See `ports.Answers.keep`."""
        kept = super().keep(entry, share)
        if kept:
            self._journal.put(entry)
        return kept

    def drop(self, key: bytes) -> None:
        """See `ports.Answers.drop`."""
        super().drop(key)
        self._journal.drop((key,))

    def touch(self, backend: str, tags: Iterable[str]) -> None:
        """See `ports.Answers.touch`."""
        given = self._generations.touch(backend, tags)
        self._journal.touched(given, self._generations.floor, self._generations.last)

    def forget(self, backend: str) -> None:
        """See `MemoryAnswers.forget`."""
        super().forget(backend)
        self._journal.forgot(backend, self._generations.mark(backend))

    def keys(self) -> list[bytes]:
        """Return what is kept, the one that goes first at the beginning."""
        return self._slru.keys()

    def _gone(self, keys: list[bytes]) -> None:
        if keys:
            self._journal.drop(keys)


class SqliteDeeds:
    """`ports.Deeds`, durable: a claim that has returned is on disk. Where the disk is not to be had, none is taken.

    Nor is one taken whose name would mean nothing after a restart, as long as the secret is not on disk.
    """

    def __init__(self, table: DeedTable, journal: Journal, recalled: Recalled) -> None:
        self._table, self._journal = table, journal
        self._secret = journal.secret.stored or journal.secret.own
        self._writing: dict[bytes, asyncio.Future[bool]] = {}
        for deed in recalled.deeds:
            table.restore(deed)

    @property
    def secret(self) -> bytes:
        """See `ports.Deeds.secret`."""
        return self._secret

    def __repr__(self) -> str:
        return f"<SqliteDeeds {self._table!r} {self._journal!r}>"

    async def claim(self, deed: Deed) -> Deed | None:
        """See `ports.Deeds.claim`. None, too, where it cannot be made durable within five seconds. Cancelled, it leaves the key free."""
        ends_at = asyncio.get_running_loop().time() + CLAIM_S
        if not self._is_named_for_good():
            return None
        while True:
            broken = self._journal.broken
            self._adopt()
            if swept := self._table.sweep():
                self._journal.discard(swept)
            standing = self._table.under(deed.key)
            if standing is None:
                return None if broken or not self._table.add(deed) else await self._claim(deed, ends_at)
            if (writing := self._writing.get(deed.key)) is None:
                return standing
            if (
                writing.done()
            ):  # its callback is a turn of the loop away, and to wait for what is done gives nobody a turn
                self._written(standing, writing)
            elif not await _waited(writing, ends_at):  # whoever came first may yet fail
                return None

    def _is_named_for_good(self) -> bool:
        """Say whether the secret that our caller has named it by is the one on disk; where it was not, the next call's is."""
        stored, by = self._journal.secret.stored, self._secret
        if stored is not None:
            self._secret = stored
        return stored == by

    async def _claim(self, deed: Deed, ends_at: float) -> Deed | None:
        written = self._journal.write(deed.key, deed)
        if written.done():  # refused at once: the disk failed a moment ago
            self._free(deed)
            return None
        self._writing[deed.key] = written
        written.add_done_callback(lambda done: self._written(deed, done))  # before anybody who waits is woken
        try:
            if await _waited(written, ends_at):
                return deed if written.result() else None
        except asyncio.CancelledError:
            self._free(deed)
            raise
        self._free(deed)  # it may be written yet: what takes it out again is behind it
        return None

    def _written(self, deed: Deed, written: asyncio.Future[bool]) -> None:
        if self._writing.get(deed.key) is written:
            del self._writing[deed.key]
        if not written.result():
            self._free(deed)

    def _free(self, deed: Deed) -> None:
        if self._table.remove(deed):
            self._journal.discard((deed.key,))

    async def settle(self, deed: Deed) -> None:
        """See `ports.Deeds.settle`. Where the disk fails, or takes longer than a second, it is written once that is over; until then a
        crash would lose the outcome.
        """
        standing = self._table.replace(deed)
        if standing is not None:
            await self._soon(self._journal.write(deed.key, standing))

    async def release(self, deed: Deed) -> None:
        """See `ports.Deeds.release`, and `settle`."""
        if self._table.remove(deed):
            await self._soon(self._journal.write(deed.key, None))

    @staticmethod
    async def _soon(written: asyncio.Future[bool]) -> None:
        await _waited(written, asyncio.get_running_loop().time() + SETTLE_S)

    async def find(self, id: str) -> Deed | None:  # noqa: A002 - the port's word
        """See `ports.Deeds.find`."""
        self._adopt()
        return self._table.named(id)

    def _adopt(self) -> None:
        """Take in what a file says that could not be opened at the start."""
        if self._journal.late:
            late, self._journal.late = self._journal.late, []
            for deed in late:
                self._table.restore(deed)


async def _waited(written: asyncio.Future[bool], ends_at: float) -> bool:
    """Wait for the disk until `ends_at`, the loop's time, and say whether it has come to an end; what is written goes on."""
    done, _ = await asyncio.wait((written,), timeout=ends_at - asyncio.get_running_loop().time())
    return bool(done)


class SqliteStore:
    """One file with both, opened and read before the first call. Everything but `close` belongs to the loop."""

    def __init__(
        self,
        path: Path,
        size_bytes: int,
        clock: Clock,
        log: Log,
        *,
        most_deeds: int = MOST,
        outcomes_bytes: int = OUTCOMES_BYTES,
        retry_s: float = RETRY_S,
    ) -> None:
        self.journal = Journal(path, clock, log, retry_s=retry_s)
        recalled = self.journal.open(size_bytes)
        self.answers = SqliteAnswers(size_bytes, self.journal, recalled)
        table = DeedTable(clock, most_deeds, outcomes_bytes, log)
        self.deeds = SqliteDeeds(table, self.journal, recalled)
        self.notes = SqliteNotes(self.journal, recalled)

    def __repr__(self) -> str:
        return f"<SqliteStore {self.answers!r} {self.deeds!r}>"

    def close(self) -> None:
        """Write what is left and let go of the file. Holds its caller for as long as the disk takes, at most three seconds."""
        self.journal.close(self.answers.keys())
