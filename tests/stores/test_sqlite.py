"""What only a store on disk has to do: remember, and forget what it must."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from sidecar.policy.generations import MOST
from sidecar.ports import DeedState
from sidecar.stores.sqlite import SqliteStore
from tests.stores.entries import deed_of, entry_of, facts_of, key_of

if TYPE_CHECKING:
    from tests.stores.files import Disk


def test_a_restart_starts_warm(disk: Disk) -> None:
    """Answers, generations and numbers are as they were, and time has passed by the clock on the wall."""
    with disk.store() as store:
        store.answers.touch("tickets", ["perf:1"])
        generations = store.answers.generations("tickets", ("perf:1", "perf:2"))
        entry = entry_of(tags=("perf:1", "perf:2"), generations=generations)
        store.answers.keep(entry, 0.5)
    disk.clock.ahead += disk.clock.seconds + 30  # a machine that was started again half a minute later
    disk.clock.seconds = 0.0
    with disk.store() as store:
        found = store.answers.find(entry.key)
        assert found is not None
        assert found.age_s(0.0) == pytest.approx(40.0)
        assert {**facts_of(found), "at": 0} == {**facts_of(entry), "at": 0}
        assert store.answers.generations("tickets", entry.tags) == generations
        store.answers.touch("tickets", ["perf:2"])
        assert store.answers.generations("tickets", ("perf:2",))[0] > max(generations)
    assert disk.failures == []
    assert disk.path.stat().st_mode & 0o777 == 0o600


def test_the_log_beside_the_file_is_as_private(disk: Disk) -> None:
    """It holds the same answers."""
    with disk.store() as store:
        store.answers.keep(entry_of(), 0.5)
        assert store.journal.flush(5.0)
        modes = {path.name: path.stat().st_mode & 0o777 for path in disk.path.parent.iterdir()}
    assert modes == {"state.db": 0o600, "state.db-wal": 0o600, "state.db.key": 0o600}


def test_what_went_does_not_come_back(disk: Disk) -> None:
    """Dropped, evicted, forgotten with its backend, or replaced."""
    with disk.store(10_000) as store:
        for name in ("dropped", "evicted", "replaced"):
            store.answers.keep(entry_of(name, weighs=2_000), 1.0)
        store.answers.keep(entry_of("members", backend="members"), 1.0)
        assert store.journal.flush(5.0)
        store.answers.drop(key_of("dropped"))
        store.answers.keep(entry_of("replaced", body=b"new"), 1.0)
        store.answers.forget("members")
        store.answers.keep(entry_of("large", weighs=7_000), 1.0)
    with disk.store() as store:
        names = ("dropped", "evicted", "members", "replaced", "large")
        kept = {name: found.body[:3] for name in names if (found := store.answers.find(key_of(name)))}
    assert kept == {"replaced": b"new", "large": b"xxx"}


def test_what_waits_to_be_written_is_forgotten_as_well(disk: Disk) -> None:
    """A backend gets another identity before its last answer is in the file; the new one's answer of that name stays."""
    with disk.store() as store:
        store.answers.keep(entry_of("old"), 0.5)
        store.answers.keep(entry_of("both", body=b"old"), 0.5)
        store.answers.forget("tickets")
        store.answers.keep(entry_of("both", body=b"new"), 0.5)
        store.answers.keep(entry_of("last", backend="members"), 0.5)
        store.answers.forget("members")
    with disk.store() as store:
        assert store.answers.find(key_of("last")) is None
        both = store.answers.find(key_of("both"))
        assert store.answers.find(key_of("old")) is None
        assert both is not None
        assert both.body == b"new"


def test_a_backends_new_identity_outlives_the_process(disk: Disk) -> None:
    """Its answers since are current, and nothing of the old one's is."""
    with disk.store() as store:
        old = store.answers.generations("tickets", ("a",))
        store.answers.forget("tickets")
        new = store.answers.generations("tickets", ("a",))
        store.answers.keep(entry_of(tags=("a",), generations=new), 0.5)
    with disk.store() as store:
        assert store.answers.generations("tickets", ("a",)) == new > old
        assert store.answers.find(key_of("a")) is not None


def test_the_floor_outlives_the_process(disk: Disk) -> None:
    """A tag that was forgotten before looks touched after it, too."""
    with disk.store() as store:
        before = store.answers.generations("tickets", ("perf:1",))
        store.answers.touch("tickets", ["perf:1"])
        store.answers.touch("tickets", [f"other:{number}" for number in range(MOST)])
        floor = store.answers.generations("tickets", ("perf:1", "never"))
    with disk.store() as store:
        assert store.answers.generations("tickets", ("perf:1", "never")) == floor
        assert floor[0] > before[0]
        assert len(store.answers._generations) <= MOST


def test_after_a_crash_every_answer_counts_as_touched(disk: Disk) -> None:
    """A touch may have been lost with it; the answer itself is still good for whoever may be given a stale one."""
    with disk.store() as store:
        store.answers.touch("tickets", ["a"])
        generations = store.answers.generations("tickets", ("a", "b"))
        store.answers.keep(entry_of(tags=("a", "b"), generations=generations), 0.5)
        assert store.journal.flush(5.0)
        crashed = disk.image()
        store.answers.touch("tickets", ["a"])
        lost = store.answers.generations("tickets", ("a",))
    with crashed.store() as store:
        assert store.answers.find(key_of("a")) is not None
        now = store.answers.generations("tickets", ("a", "b"))
        assert min(now) > max(generations)
        assert now[0] >= lost[0]
        current = store.answers.generations("tickets", ("a", "b"))
        store.answers.keep(entry_of("since", tags=("a", "b"), generations=current), 0.5)
    with crashed.store() as store:
        assert store.answers.generations("tickets", ("a", "b")) == current
    assert crashed.failures == []


def test_a_crash_after_a_crash_is_one_too(disk: Disk) -> None:
    """Only a good end signs."""
    with disk.store() as store:
        store.answers.keep(entry_of(tags=("a",), generations=(0,)), 0.5)
        assert store.journal.flush(5.0)
        first = disk.image("first.db")
    with first.store() as store:
        second = first.image("second.db")
        once = store.answers.generations("tickets", ("a",))
    with second.store() as store:
        assert store.answers.generations("tickets", ("a",)) > once > (0,)


def test_with_less_room_the_last_used_are_loaded(disk: Disk) -> None:
    """What has no room any more leaves the file."""
    with disk.store() as store:
        for number in range(10):
            store.answers.keep(entry_of(str(number), weighs=10_000), 1.0)
        for number in (2, 1):
            store.answers.find(key_of(str(number)))
    for size_bytes in (30_000, 100_000):
        with disk.store(size_bytes) as store:
            kept = [number for number in range(10) if store.answers.find(key_of(str(number)))]
        assert kept == [1, 2, 9]


def test_after_a_crash_what_was_written_since_is_the_youngest(disk: Disk) -> None:
    """The order of the last good end holds for what is older."""
    with disk.store() as store:
        for name in "abc":
            store.answers.keep(entry_of(name, weighs=10_000), 1.0)
        store.answers.find(key_of("a"))
    with disk.store() as store:
        store.answers.keep(entry_of("d", weighs=10_000), 1.0)
        assert store.journal.flush(5.0)
        crashed = disk.image()
    with crashed.store(20_000) as store:
        assert [name for name in "abcd" if store.answers.find(key_of(name))] == ["a", "d"]


def test_an_answer_of_a_newer_release_is_left_where_it_is(disk: Disk) -> None:
    """It is not found, and it is there when that release comes back; a damaged one goes."""
    with disk.store() as store:
        for name in ("newer", "damaged", "fine"):
            store.answers.keep(entry_of(name), 0.5)
        assert store.journal.flush(5.0)
        db = store.journal._db
        assert db is not None
        for name, changed in (("newer", "X'534345FF'"), ("damaged", "X'53434601'")):
            db.execute(
                f"UPDATE answers SET entry = CAST({changed} || substr(entry, 5) AS BLOB) WHERE key=?", (key_of(name),)
            )
    with disk.store() as store:
        assert [store.answers.find(key_of(name)) is not None for name in ("newer", "damaged", "fine")] == [
            False,
            False,
            True,
        ]
        assert store.journal._db is not None
        rows = store.journal._db.execute("SELECT key FROM answers").fetchall()
    assert sorted(rows) == sorted([(key_of("newer"),), (key_of("fine"),)])


def test_what_cannot_be_written_is_left_out(disk: Disk) -> None:
    """It is kept in memory, counted, and what stood there before is gone."""
    with disk.store() as store:
        store.answers.keep(entry_of(), 0.5)
        assert store.journal.flush(5.0)
        store.answers.keep(entry_of(lifetime_s=float("inf")), 0.5)
        assert store.answers.find(key_of("a")) is not None
        assert store.journal.flush(5.0)
        assert store.journal.dropped == 1
    with disk.store() as store:
        assert store.answers.find(key_of("a")) is None
    assert disk.failures == []


async def test_keyed_calls_outlive_the_process(disk: Disk) -> None:
    """Outcomes as they were; of what ran nobody knows; what was released or is over is gone."""
    deeds = {name: deed_of(name) for name in ("done", "running", "released", "over")}
    deeds["over"] = replace(deeds["over"], until=disk.clock.wall() + 10, state=DeedState.DONE)
    done = replace(deeds["done"], state=DeedState.DONE, outcome=b"receipt\x00\xff")
    with disk.store() as store:
        for deed in deeds.values():
            assert await store.deeds.claim(deed) is deed
        await store.deeds.settle(done)
        await store.deeds.release(deeds["released"])
    disk.clock.seconds += 10
    for _ in range(2):
        with disk.store() as store:
            found = {name: await store.deeds.find(f"{name}-0") for name in deeds}
            assert await store.deeds.claim(deed_of("done", 1)) == done
        lost = replace(deeds["running"], state=DeedState.LOST)
        assert found == {"done": done, "running": lost, "released": None, "over": None}


async def test_what_ran_past_its_time_is_lost_and_told_of_for_a_minute(disk: Disk) -> None:
    """Whoever asks right after a restart is told that nobody knows, once: a further restart gives it no more time."""
    with disk.store() as store:
        await store.deeds.claim(deed_of(until=disk.clock.wall() + 5))
        disk.clock.seconds += 500
        crashed = disk.image()
    for _ in range(2):
        with crashed.store() as store:
            told = await store.deeds.claim(deed_of(number=1))
            assert (told.id, told.state) == ("a-0", DeedState.LOST)
        crashed.clock.seconds += 30
    with crashed.store() as store:
        assert await store.deeds.find("a-0") is None


async def test_an_outcome_is_in_the_file_with_the_time_that_it_has(disk: Disk) -> None:
    """By the clock as it is set now, where that was changed during the call: a restart has no other."""
    with disk.store() as store:
        await store.deeds.claim(deed_of())
        disk.clock.ahead += 86_400
        await store.deeds.settle(deed_of(state=DeedState.DONE, outcome=b"receipt"))
    with disk.store() as store:
        assert (await store.deeds.find("a-0")).outcome == b"receipt"
        disk.clock.seconds += 3600
        assert await store.deeds.find("a-0") is None


async def test_what_has_returned_survives_a_crash(disk: Disk) -> None:
    """In the moment of its return it is on disk."""
    with disk.store() as store:
        await store.deeds.claim(deed_of("claimed"))
        claimed = disk.image("claimed.db")
        done = replace(deed_of("claimed"), state=DeedState.DONE, outcome=b"receipt")
        await store.deeds.settle(done)
        settled = disk.image("settled.db")
        await store.deeds.release(done)
        released = disk.image("released.db")
    outcomes = []
    for image in (claimed, settled, released):
        with image.store() as store:
            deed = await store.deeds.find("claimed-0")
            outcomes.append((deed.state, deed.outcome) if deed else None)
    assert outcomes == [(DeedState.LOST, b""), (DeedState.DONE, b"receipt"), None]


async def test_claims_that_wait_share_a_transaction(disk: Disk) -> None:
    """A hundred at once are written with a few syncs, not with a hundred."""
    with disk.store() as store:
        claims = [store.deeds.claim(deed_of(str(number))) for number in range(100)]
        commits: list[str] = []
        assert store.journal._db is not None
        store.journal._db.set_trace_callback(commits.append)
        assert all(await asyncio.gather(*claims))
        assert 1 <= commits.count("COMMIT") <= 10


async def test_a_caller_who_leaves_while_it_is_written_leaves_the_key_free(disk: Disk) -> None:
    """On disk as well; whoever waited behind him takes it."""
    with disk.store() as store:
        first = asyncio.get_running_loop().create_task(store.deeds.claim(deed_of(number=1)))
        second = asyncio.get_running_loop().create_task(store.deeds.claim(deed_of(number=2)))
        await asyncio.sleep(0)
        first.cancel()
        assert (await second).id == "a-2"
        with pytest.raises(asyncio.CancelledError):
            await first
        await store.deeds.release(deed_of(number=2))
    with disk.store() as store:
        assert await store.deeds.find("a-1") is await store.deeds.find("a-2") is None


@pytest.mark.timeout(10)  # wrong, it keeps the loop to itself for ever
@pytest.mark.parametrize(("written", "taken"), [(True, "a-1"), (False, "a-2")])
async def test_who_comes_in_the_very_turn_in_which_it_is_written(
    disk: Disk, monkeypatch: pytest.MonkeyPatch, written: bool, taken: str
) -> None:
    """Before anybody has been woken: he is told of the first one, or takes its place where it could not be written."""
    loop = asyncio.get_running_loop()
    rows = [loop.create_future(), loop.create_future()]
    with disk.store() as store:
        monkeypatch.setattr(store.journal, "write", lambda *_: rows.pop(0))
        first_row, second_row = rows
        first = loop.create_task(store.deeds.claim(deed_of(number=1)))
        await asyncio.sleep(0)
        loop.call_later(0.01, second_row.set_result, True)
        first_row.set_result(written)
        second = await store.deeds.claim(deed_of(number=2))
        assert second is not None
        assert second.id == taken
        assert (await first is not None) is written


async def test_what_is_over_leaves_the_file(disk: Disk) -> None:
    """While the process runs, not only at the next start."""
    with disk.store() as store:
        for number in range(50):
            await store.deeds.claim(deed_of(str(number), until=disk.clock.wall() + 10, state=DeedState.DONE))
        disk.clock.seconds += 100
        await store.deeds.claim(deed_of("next"))
        assert store.journal.flush(5.0)
        assert store.journal._db is not None
        assert store.journal._db.execute("SELECT id FROM deeds").fetchall() == [("next-0",)]


async def test_a_deed_whose_row_is_damaged_is_lost_and_buys_nothing_again(disk: Disk) -> None:
    """SQLite does not see a wrong bit inside a value; the row's checksum does. What has not even a key goes."""
    with disk.store() as store:
        for name in ("good", "bad", "hopeless"):
            deed = deed_of(name)
            await store.deeds.claim(deed)
            await store.deeds.settle(replace(deed, state=DeedState.DONE, outcome=b"receipt"))
        db = store.journal._db
        assert db is not None
        db.execute("UPDATE deeds SET outcome=X'FF' WHERE id='bad-0'")
        db.execute("UPDATE deeds SET key='text', state='?' WHERE id='hopeless-0'")
    for _ in range(2):
        with disk.store() as store:
            found = [await store.deeds.find(f"{name}-0") for name in ("good", "bad", "hopeless")]
        assert [(deed.state, deed.outcome) if deed else None for deed in found] == [
            (DeedState.DONE, b"receipt"),
            (DeedState.LOST, b""),
            None,
        ]


async def test_restored_deeds_are_not_forgotten_for_want_of_room(disk: Disk) -> None:
    """A smaller bound takes no new ones."""
    with disk.store() as store:
        for name in "abc":
            await store.deeds.claim(deed_of(name))
    with disk.store(most_deeds=1) as store:
        assert [(await store.deeds.find(f"{name}-0")) is not None for name in "abc"] == [True] * 3
        assert await store.deeds.claim(deed_of("d")) is None


def test_it_may_be_opened_before_a_loop_runs(disk: Disk) -> None:
    """And shows what it is."""
    store = SqliteStore(disk.path, 1000, disk.clock, disk.log)
    assert repr(store).startswith("<SqliteStore <SqliteAnswers <Slru 0 in 0 of 1000 bytes")
    assert repr(store).endswith("<Journal state.db open, 0 waiting, 0 dropped>>>")
    store.close()
