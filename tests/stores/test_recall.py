"""What is read after the worst: a killed writer, a file cut anywhere, pages of noise. Nothing wrong is ever read."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest

from sidecar.ports import DeedState
from sidecar.stores.database import _LOG_BYTES
from sidecar.stores.recall import row_of, salvage
from tests.stores.entries import deed_of, entry_of, key_of
from tests.stores.files import ROOM, Disk

TREE = Path(__file__).parents[2]
PAGE = 4096
COUNT = 60


def body_of(number: int) -> bytes:
    """Return the body that belongs to an entry's number, of 0 to 30 KB."""
    return b"%d " % number * (number * 37 % 5000)


async def fill(disk: Disk) -> None:
    """Let a process that ends well write answers and keyed calls."""
    with disk.store() as store:
        for number in range(COUNT):
            deed = deed_of(str(number))
            await store.deeds.claim(deed)
            await store.deeds.settle(replace(deed, state=DeedState.DONE, outcome=b"receipt %d" % number))
            store.answers.keep(entry_of(str(number), body=body_of(number)), 1.0)


async def judged(disk: Disk) -> tuple[int, int]:
    """Start on whatever the file is now: return how many answers and outcomes are there, all of them right, and that it works."""
    with disk.store() as store:
        found = {number: store.answers.find(key_of(str(number))) for number in range(COUNT)}
        for number, entry in found.items():
            assert entry is None or entry.body == body_of(number)
        deeds = {number: await store.deeds.find(f"{number}-0") for number in range(COUNT)}
        done = 0
        for number, deed in deeds.items():
            if deed is not None and deed.state is DeedState.DONE:
                assert deed.outcome == b"receipt %d" % number
                done += 1
        new = deed_of("new")
        assert await store.deeds.claim(new) is new
        store.answers.keep(entry_of("new"), 1.0)
    with disk.store() as store:
        assert await store.deeds.find("new-0") is not None
        assert store.answers.find(key_of("new")) is not None
    return sum(entry is not None for entry in found.values()), done


async def test_cut_at_any_page_it_starts(disk: Disk) -> None:
    """Cold, with one line in the log; of keyed calls what can still be read is kept."""
    await fill(disk)
    whole = disk.path.read_bytes()
    saved = []
    for pages in range(len(whole) // PAGE):
        cut = Disk(disk.path.with_name(f"cut-{pages}.db"))
        cut.path.write_bytes(whole[: pages * PAGE])
        answers, outcomes = await judged(cut)
        assert answers == 0
        assert cut.failures == ([] if pages == 0 else ["corrupt"])
        saved.append(outcomes)
    assert max(saved) > COUNT / 2


async def test_noise_anywhere_is_never_believed(disk: Disk) -> None:
    """Whatever pages the disk returns wrong: what is still read is what was written."""
    await fill(disk)
    whole, chance = disk.path.read_bytes(), random.Random(7)
    told = 0
    for turn in range(40):
        noisy = Disk(disk.path.with_name(f"noisy-{turn}.db"))
        data = bytearray(whole)
        for _ in range(1 + turn % 3):
            at = chance.randrange(len(data))
            data[at : at + 1 + turn * 20] = chance.randbytes(len(data[at : at + 1 + turn * 20]))
        noisy.path.write_bytes(data)
        await judged(noisy)
        told += len(noisy.failures)
        assert set(noisy.failures) <= {"corrupt", "foreign", "newer"}
    assert told > 0


async def test_keyed_calls_are_saved_from_a_damaged_file(disk: Disk) -> None:
    """Both ends of a table with a damaged page in its middle; what ran is lost, however long it had, what is over stays away."""
    with disk.store() as store:
        for number in range(300):
            await store.deeds.claim(deed_of(str(number), fingerprint=b"x" * 100))
        await store.deeds.claim(deed_of("over", until=disk.clock.wall() + 1, state=DeedState.DONE))
        await store.deeds.claim(deed_of("long", until=disk.clock.wall() + 1))
    data = disk.path.read_bytes()
    middle = data.index(b"150-0") // PAGE * PAGE
    disk.path.write_bytes(data[:middle] + b"\xa5" * PAGE + data[middle + PAGE :])
    saved = salvage(disk.path, disk.clock.wall() + 2)
    ids = {deed.id for deed in saved}
    assert {"0-0", "299-0", "long-0"} <= ids
    assert "over-0" not in ids
    assert len(ids) > 200
    assert {deed.state for deed in saved} == {DeedState.LOST}
    with disk.store() as store:
        assert (await store.deeds.claim(deed_of("0", 1))).id == "0-0"
    assert disk.failures == ["corrupt"]
    with disk.store() as store:
        assert (await store.deeds.find("299-0")).state is DeedState.LOST


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE meta SET value=NULL WHERE name='last'",
        "UPDATE meta SET value='x' WHERE name='floor'",
        "UPDATE meta SET value=-1 WHERE name='floor'",
        "UPDATE meta SET value=9223372036854775807 WHERE name='last'",
        "UPDATE meta SET value=NULL WHERE name='order'",
        "UPDATE meta SET value='x' WHERE name='ordered'",
        "UPDATE generations SET generation='x'",
        "UPDATE generations SET generation=1.5",
        "UPDATE generations SET tag=X'FF'",
        "UPDATE marks SET generation='x'",
        "UPDATE marks SET backend=X'FF'",
    ],
)
@pytest.mark.parametrize("signed", [1, 0])
async def test_a_value_that_is_none_of_ours_makes_a_cold_start(disk: Disk, damage: str, signed: int) -> None:
    """SQLite finds nothing wrong with it. The file is put aside, its keyed calls are saved, and a new one begun."""
    with disk.store() as store:
        await store.deeds.claim(deed_of())
        await store.deeds.settle(deed_of(state=DeedState.DONE, outcome=b"receipt"))
        store.answers.forget("members")
        store.answers.touch("tickets", ["a"])
        store.answers.keep(entry_of(), 0.5)
    db = sqlite3.connect(disk.path, isolation_level=None)
    assert db.execute(damage).rowcount == 1
    db.execute("UPDATE meta SET value=? WHERE name='clean'", (signed,))
    assert db.execute("PRAGMA quick_check").fetchall() == [("ok",)]
    db.close()
    for _ in range(2):
        with disk.store() as store:
            assert (await store.deeds.find("a-0")).outcome == b"receipt"
            assert store.answers.find(key_of("a")) is None
            store.answers.touch("tickets", ["a"])
    assert disk.failures == ["corrupt"]
    assert disk.path.with_name("state.db.corrupt-1").exists()


@pytest.mark.parametrize("sign", ["'x'", "NULL", "2", "X'01'"])
async def test_only_a_whole_sign_is_believed(disk: Disk, sign: str) -> None:
    """Whatever else stands there: everything counts as touched."""
    with disk.store() as store:
        before = store.answers.generations("tickets", ("a",))
    db = sqlite3.connect(disk.path, isolation_level=None)
    db.execute(f"UPDATE meta SET value={sign} WHERE name='clean'")
    db.close()
    with disk.store() as store:
        assert store.answers.generations("tickets", ("a",)) > before
    assert disk.failures == []


def test_nothing_is_saved_from_what_is_no_file(tmp_path: Path) -> None:
    """Nor does it raise."""
    assert salvage(tmp_path, 0.0) == []
    (tmp_path / "noise").write_bytes(b"noise" * 1000)
    assert salvage(tmp_path / "noise", 0.0) == []


def test_a_large_outcome_is_summed_without_a_copy() -> None:
    """Its row is made on the writer's thread: whatever that copies, the loop waits for."""
    deed = deed_of(outcome=b"\n" * 8_000_000)
    tracemalloc.start()
    try:
        row = row_of(deed)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert row[7] is deed.outcome
    assert peak < 100_000


def test_what_a_row_says_cannot_move_from_one_word_to_the_next() -> None:
    """The same bytes, divided elsewhere or of another kind, have another checksum."""
    rows = [
        deed_of(backend="ab", operation="c"),
        deed_of(backend="a", operation="bc"),
        deed_of(outcome=b"ab", who=b"c"),
        deed_of(outcome=b"a", who=b"bc"),
        replace(deed_of(), id=b"a-0"),
    ]
    assert len({row_of(deed)[-1] for deed in rows}) == len(rows)


async def test_a_name_that_is_no_text_does_not_stop_the_others(disk: Disk) -> None:
    """An operation may be called whatever its caller wrote; the next keyed call is taken as ever."""
    with disk.store() as store:
        odd, next_one = deed_of("odd", operation="Buy\udcff"), deed_of("next")
        assert await store.deeds.claim(odd) is odd
        assert await store.deeds.claim(next_one) is next_one
    with disk.store() as store:
        assert (await store.deeds.find("odd-0")).operation == "Buy?"
    assert disk.failures == []


WRITER = """
import asyncio, sys, itertools, pathlib
from dataclasses import replace
from sidecar.ports import DeedState
from sidecar.stores.sqlite import SqliteStore
from tests.stores.entries import StillClock, deed_of, entry_of
from tests.stores.test_recall import body_of, COUNT
from tests.support.world import Recorder

async def main():
    store = SqliteStore(pathlib.Path(sys.argv[1]), 1_000_000, StillClock(), Recorder())
    async def buy(name):
        for number in itertools.count(int(sys.argv[2])):
            deed = deed_of(f"{name}-{number}")
            assert (await store.deeds.claim(deed)).id == deed.id
            print("claimed", deed.id, flush=True)
            if number % 3 == 0:
                await store.deeds.settle(replace(deed, state=DeedState.DONE, outcome=deed.id.encode()))
                print("settled", deed.id, flush=True)
            if number % 3 == 1:
                await store.deeds.release(deed)
                print("released", deed.id, flush=True)
            store.answers.keep(entry_of(str(number % COUNT), body=body_of(number % COUNT), tags=("a",),
                generations=store.answers.generations("tickets", ("a",))), 1.0)
            if number % 7 == 0:
                store.answers.touch("tickets", ["a"])
    await asyncio.gather(*(buy(name) for name in "abc"))

asyncio.run(main())
"""


def killed(disk: Disk, turn: int, lines: int) -> dict[str, str]:
    """Let a process write until it has said so many lines, kill it, and return what it has said of each keyed call."""
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(disk.path), str(turn * 100_000)], stdout=subprocess.PIPE, text=True, cwd=TREE
    )
    assert writer.stdout is not None
    said = [writer.stdout.readline() for _ in range(lines)]
    writer.send_signal(signal.SIGKILL)
    said += writer.stdout.readlines()
    assert writer.wait() == -signal.SIGKILL
    writer.stdout.close()
    return {name: word for word, name in (line.split() for line in said if line.endswith("\n"))}


async def kills(disk: Disk, times: int) -> int:
    """Kill a writer so often, each after another number of lines, on one file; return how many keyed calls were told of in all."""
    told: dict[str, str] = {}
    chance = random.Random(11)
    for turn in range(times):
        told |= killed(disk, turn, chance.randrange(1, 200))
        await judge_killed(disk, told)
    return len(told)


async def judge_killed(disk: Disk, told: dict[str, str]) -> None:
    with disk.image("judged.db").store() as store:
        for number in range(COUNT):
            entry = store.answers.find(key_of(str(number)))
            assert entry is None or entry.body == body_of(number)
            assert entry is None or entry.generations < store.answers.generations("tickets", entry.tags)
        for name, word in told.items():
            deed = await store.deeds.find(name)
            if word == "released":
                assert deed is None
            elif word == "settled":
                assert (deed.state, deed.outcome) == (DeedState.DONE, name.encode())
            elif deed is None:  # its release was written, and not told of any more
                assert int(name.split("-")[1]) % 3 == 1
            else:
                assert deed.state is DeedState.LOST or deed.outcome == name.encode()


async def test_killed_at_any_moment_nothing_told_is_lost(disk: Disk) -> None:
    """What a caller has heard is on disk; no answer is wrong, and none looks current."""
    assert await kills(disk, 20) > 200


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_killed_two_hundred_times_nothing_told_is_lost(disk: Disk) -> None:
    """The same, on one file that has seen it all."""
    told = await kills(disk, 200)
    assert told > 2000
    assert disk.size_bytes < 2 * ROOM + _LOG_BYTES + 500 * told, "answers, the log, and half a KB for each keyed call"
