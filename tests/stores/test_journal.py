"""The writer behind the loop: what it may lose, what it may not, and what it does when the file is away."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import sqlite3
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from sidecar.ports import DeedState
from sidecar.stores import journal as journals
from sidecar.stores import pending
from sidecar.stores.database import SCHEMA, close_file, open_file
from tests.stores.entries import deed_of, entry_of, key_of
from tests.stores.files import ROOM, Disk
from tests.support.world import settle

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sidecar.stores.sqlite import SqliteStore

WAIT_S = 20.0  # for a thread that tries again four times a second


@contextlib.contextmanager
def full_disk(size_bytes: int) -> Iterator[None]:
    """No file of this process may grow past that; Python turns the signal for it into an error."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def failed(disk: Disk, store: SqliteStore) -> None:
    """Wait until the store has said that it failed."""
    while not disk.failures:
        store.answers.keep(entry_of("more", weighs=200_000), 1.0)
        await asyncio.sleep(0)


async def test_a_full_disk_stops_writing_and_nothing_else(disk: Disk) -> None:
    """Said once; answers are found, no keyed call is taken; when there is space again it goes on, and nothing is wrong after a restart."""
    with disk.store(10 * ROOM, retry_s=0.0) as store:
        done = deed_of("done")
        assert await store.deeds.claim(done) is done
        store.answers.keep(entry_of("before"), 0.5)
        assert store.journal.flush(WAIT_S)
        with full_disk(300_000):
            await failed(disk, store)
            store.answers.keep(entry_of("meanwhile"), 0.5)
            store.answers.drop(key_of("before"))
            store.answers.touch("tickets", ["a"])
            assert store.answers.find(key_of("meanwhile")) is not None
            assert await store.deeds.claim(deed_of("refused")) is None
            assert await store.deeds.claim(deed_of("done", 1)) == done
            settled = replace(done, state=DeedState.DONE, outcome=b"receipt")
            await store.deeds.settle(settled)
            assert await store.deeds.find(done.id) == settled
        assert store.journal.flush(WAIT_S)
        store.answers.keep(entry_of("after"), 0.5)
        assert await store.deeds.claim(deed_of("taken")) is not None
        assert await store.deeds.find("refused-0") is None
        generation = store.answers.generations("tickets", ("a",))
    assert disk.failures == ["full"] or disk.failures == ["io"]
    assert len(disk.log.named("store_recovered")) == 1
    with disk.store() as store:
        assert [store.answers.find(key_of(name)) is not None for name in ("before", "meanwhile", "after")] == [
            False,
            False,
            True,
        ]
        assert store.answers.generations("tickets", ("a",)) > generation
        assert await store.deeds.find(done.id) == settled
        assert await store.deeds.find("refused-0") is None
        assert await store.deeds.find("taken-0") is not None


async def test_a_claim_that_waits_when_the_disk_fails_is_not_taken(disk: Disk) -> None:
    """Nor is anybody who waited behind it told of it; its key is free."""
    with disk.store(retry_s=0.0) as store:
        assert store.journal.flush(WAIT_S)
        with full_disk(1000):
            large = [deed_of(number=number, fingerprint=b"x" * 50_000) for number in range(3)]
            assert await asyncio.gather(*(store.deeds.claim(deed) for deed in large)) == [None] * 3
            assert await store.deeds.find("a-0") is None
        assert store.journal.flush(WAIT_S)
        assert (await store.deeds.claim(deed_of(number=9))) is not None
    assert len(disk.failures) == 1


async def test_an_outcome_that_meets_a_full_disk_is_written_later(disk: Disk) -> None:
    """Its caller is not kept waiting for that, and is told of it as before."""
    deed = deed_of()
    done = replace(deed, state=DeedState.DONE, outcome=b"receipt" * 1000)
    with disk.store(retry_s=0.0) as store:
        await store.deeds.claim(deed)
        with full_disk(1000):
            await store.deeds.settle(done)
            assert await store.deeds.find(deed.id) == done
        assert store.journal.flush(WAIT_S)
        crashed = disk.image()
    with crashed.store() as store:
        assert await store.deeds.find(deed.id) == done
    assert len(disk.failures) == 1


async def test_a_disk_that_is_full_at_the_start_starts_cold(disk: Disk) -> None:
    """And is used once there is space."""
    with full_disk(1000), disk.store(retry_s=0.0) as store:
        assert disk.failures in (["full"], ["io"])
        store.answers.keep(entry_of(), 0.5)
        assert store.answers.find(key_of("a")) is not None
        assert await store.deeds.claim(deed_of()) is None
        assert await store.deeds.find("a-0") is None
        await settle()
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        assert store.journal.flush(WAIT_S)
        assert await store.deeds.claim(deed_of()) is not None


async def test_a_second_process_runs_cold_until_the_first_has_gone(disk: Disk) -> None:
    """It refuses keyed calls meanwhile; then it knows those of the first, and is warm for the next start."""
    second = Disk(disk.path)
    with contextlib.ExitStack() as later:
        with disk.store() as first:
            store = later.enter_context(second.store(retry_s=0.0))
            assert second.failures == ["locked"]
            first.answers.keep(entry_of("first"), 0.5)
            done = replace(deed_of("done"), state=DeedState.DONE, outcome=b"receipt")
            await first.deeds.claim(deed_of("done"))
            await first.deeds.claim(deed_of("running"))
            await first.deeds.settle(done)
            assert await store.deeds.claim(deed_of("done", 1)) is None
            store.answers.keep(entry_of("second"), 0.5)
            assert store.answers.find(key_of("first")) is None
        assert store.journal.flush(WAIT_S)
        assert await store.deeds.claim(deed_of("done", 1)) == done
        running = await store.deeds.find("running-0")
        assert running is not None
        assert running.state is DeedState.LOST
        assert await store.deeds.claim(deed_of("new")) is not None
        store.answers.keep(entry_of("since"), 0.5)
    with disk.store() as store:
        assert [store.answers.find(key_of(name)) is not None for name in ("first", "second", "since")] == [
            False,
            False,
            True,
        ]
        assert await store.deeds.find("new-0") is not None
    assert (disk.failures, second.failures) == ([], ["locked"])


async def recovered(disk: Disk) -> None:
    """Wait until the writer has tried again, and has said so."""
    while not disk.log.named("store_recovered"):
        await settle()


@pytest.mark.parametrize("kind", ["folder", "short"])
async def test_without_a_secret_on_disk_no_keyed_call_is_taken(disk: Disk, kind: str) -> None:
    """After a restart its name would mean nothing. It is said once, tried again, and answers are kept as ever."""
    key = disk.path.with_name("state.db.key")
    if kind == "folder":
        key.mkdir()
    else:
        key.write_bytes(b"short")
    with disk.store(retry_s=0.0) as store:
        for _ in range(2):
            assert await store.deeds.claim(deed_of()) is None
        assert len(store.deeds.secret) == 32
        store.answers.keep(entry_of(), 0.5)
        assert store.journal.flush(WAIT_S)
        (facts,) = disk.log.named("store_failed")
        assert (facts["file"], facts["why"]) == (str(key), {"folder": "unwritable", "short": "corrupt"}[kind])
        assert facts["remedy"]
        key.rmdir() if kind == "folder" else key.unlink()
        await recovered(disk)
        assert await store.deeds.claim(deed_of()) is not None
        secret = store.deeds.secret
    assert [facts["file"] for facts in disk.log.named("store_recovered")] == [str(key)]
    with disk.store() as store:
        assert store.deeds.secret == secret
        assert await store.deeds.find("a-0") is not None
        assert store.answers.find(key_of("a")) is not None
    assert len(disk.failures) == 1


async def test_what_was_named_by_another_secret_is_not_taken(disk: Disk) -> None:
    """The one that was saved comes back while we run: whoever had named his call by ours is refused, and the next one names it right."""
    key, saved = disk.path.with_name("state.db.key"), b"s" * 32
    key.write_bytes(saved[:7])
    with disk.store(retry_s=0.0) as store:
        meanwhile = store.deeds.secret
        key.with_name("saved").write_bytes(saved)
        key.with_name("saved").replace(key)
        await recovered(disk)
        assert store.deeds.secret == meanwhile != saved
        assert await store.deeds.claim(deed_of()) is None
        assert store.deeds.secret == saved
        assert await store.deeds.claim(deed_of()) is not None


@pytest.mark.parametrize("kind", ["newer", "foreign", "folder"])
async def test_a_file_that_is_not_ours_to_use_makes_a_cold_start(disk: Disk, kind: str) -> None:
    """It stays as it is, and the log says what to do."""
    if kind == "folder":
        disk.path.mkdir()
    else:
        close_file(open_file(disk.path))
        db = sqlite3.connect(disk.path)
        db.execute(f"PRAGMA user_version={SCHEMA + 1}" if kind == "newer" else "PRAGMA application_id=7")
        db.close()
    before = disk.path.read_bytes() if disk.path.is_file() else b""
    with disk.store() as store:
        store.answers.keep(entry_of(), 0.5)
        store.answers.forget("members")
        assert store.answers.find(key_of("a")) is not None
        assert await store.deeds.claim(deed_of()) is None
    assert (disk.path.read_bytes() if disk.path.is_file() else b"") == before
    (facts,) = disk.log.named("store_failed")
    assert facts["why"] == {"folder": "unwritable"}.get(kind, kind)
    assert facts["file"] == str(disk.path)
    assert facts["remedy"]


async def test_a_corrupt_file_is_moved_aside_and_a_new_one_begun(disk: Disk) -> None:
    """The start is cold, the next one warm."""
    disk.path.write_bytes(bytes(range(256)) * 100)
    with disk.store() as store:
        store.answers.keep(entry_of(), 0.5)
        assert await store.deeds.claim(deed_of()) is not None
    assert disk.failures == ["corrupt"]
    assert disk.path.with_name("state.db.corrupt-1").read_bytes() == bytes(range(256)) * 100
    with disk.store() as store:
        assert store.answers.find(key_of("a")) is not None
    assert disk.failures == ["corrupt"]


async def test_a_corrupt_file_that_cannot_be_moved_makes_a_cold_start(disk: Disk, monkeypatch) -> None:
    """Nothing is written over it."""

    def nowhere(path: Path) -> Path:
        raise journals.Unusable(journals.Why.UNWRITABLE, f"{path} stays")

    monkeypatch.setattr(journals, "move_aside", nowhere)
    disk.path.write_bytes(b"noise" * 1000)
    with disk.store() as store:
        assert await store.deeds.claim(deed_of()) is None
    assert disk.failures == ["unwritable"]
    assert disk.path.read_bytes() == b"noise" * 1000


@pytest.mark.parametrize("bound", ["ANSWERS", "ANSWERS_BYTES"])
async def test_what_the_writer_cannot_follow_is_left_out(disk: Disk, monkeypatch, bound: str) -> None:
    """Counted, and nothing older stands in its place: a restart knows less, and nothing wrong."""
    with disk.store() as store:
        store.answers.keep(entry_of("a", body=b"old"), 0.5)
        assert store.journal.flush(WAIT_S)
        monkeypatch.setattr(pending, bound, 0)
        store.answers.keep(entry_of("a", body=b"new"), 0.5)
        store.answers.keep(entry_of("b"), 0.5)
        assert store.journal.dropped == 2
        assert store.journal.flush(WAIT_S)
        monkeypatch.undo()
        store.answers.keep(entry_of("c"), 0.5)
        assert store.answers.find(key_of("a")).body == b"new"
    with disk.store() as store:
        assert [store.answers.find(key_of(name)) is not None for name in "abc"] == [False, False, True]
    assert disk.failures == []


def test_more_removals_than_can_wait_empty_the_file(disk: Disk, monkeypatch) -> None:
    """Rather a cold start than something that had gone."""
    with disk.store() as store:
        for name in "abc":
            store.answers.keep(entry_of(name), 0.5)
        assert store.journal.flush(WAIT_S)
        monkeypatch.setattr(pending, "REMOVALS", -pending.ANSWERS)
        store.answers.drop(key_of("a"))
        monkeypatch.undo()
        store.answers.keep(entry_of("since"), 0.5)
    with disk.store() as store:
        kept = [name for name in ("a", "b", "c", "since") if store.answers.find(key_of(name))]
    assert kept == ["since"]


def test_the_file_is_bounded(disk: Disk) -> None:
    """Fifty times its room has gone through, of every size; what became free is used again or given back."""
    room = 2_000_000
    with disk.store(room) as store:
        for number in range(1000):
            store.answers.keep(entry_of(str(number), weighs=2_000 + number % 7 * 30_000), 1.0)
            if number % 100 == 99:
                assert store.journal.flush(WAIT_S)
                assert disk.size_bytes < 2 * room + 2 * pending.SLICE_BYTES + 4 * 1024 * 1024
        assert disk.path.stat().st_size < 2 * room
        for name in list(store.answers.keys()):
            store.answers.drop(name)
        assert store.journal.flush(WAIT_S)
    assert disk.path.stat().st_size < room / 2


def test_a_bug_in_the_writer_is_said_and_leaves_nobody_waiting(disk: Disk, monkeypatch) -> None:
    """As if the disk had failed."""

    def broken(*args: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(journals, "write_deed", broken)
    with asyncio.Runner() as runner, disk.store() as store:
        assert runner.run(store.deeds.claim(deed_of())) is None
        runner.run(settle())
    assert isinstance(disk.log.named("bug")[0]["error"], ZeroDivisionError)
    assert disk.failures == ["io"]


async def test_after_its_end_nothing_is_taken(disk: Disk) -> None:
    """A call that comes too late is refused, and does not wait."""
    with disk.store() as store:
        pass
    assert await store.deeds.claim(deed_of()) is None
    store.answers.keep(entry_of(), 0.5)
    assert not store.journal.flush(0.0)


async def test_what_it_is_shows(disk: Disk) -> None:
    """Counts and the reason, no values."""
    disk.path.mkdir()
    with disk.store() as store:
        assert repr(store.journal) == "<Journal state.db broken: unwritable, 0 waiting, 0 dropped>"
