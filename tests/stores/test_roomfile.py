"""Rooms on disk: what was handed over is there again, and a disk that fails costs a line in the log and nobody a place."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from sidecar.stores import roomfile
from sidecar.stores.roomfile import RoomFile
from tests.house.tree import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

FULL_BYTES = 64 * 1024


class Log:
    """What was said."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, Any]]] = []

    def __call__(self, event: str, **facts: Any) -> None:
        self.lines.append((event, facts))

    def why(self) -> list[str]:
        return [str(facts["why"]) for _, facts in self.lines if "why" in facts]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[..., tuple[RoomFile, dict[str, dict[str, bytes]], Log]]]:
    files: list[RoomFile] = []

    def make(name: str = "state.db.rooms") -> tuple[RoomFile, dict[str, dict[str, bytes]], Log]:
        log = Log()
        file = RoomFile(tmp_path / name, log)
        files.append(file)
        return file, file.open(), log

    yield make
    for file in files:
        file.close()


def until(true: Callable[[], object]) -> None:
    """Wait for what another thread does."""
    end = time.monotonic() + 10.0
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_what_is_handed_over_is_there_again(opened: Any) -> None:
    """The last of each page, by room; what is gone is gone; only its owner reads the file."""
    file, rooms, log = opened()
    assert rooms == {}
    file.keep("hamlet", {"meta": b"1", "words/0/0": b"abc"})
    file.keep("hamlet", {"meta": b"2", "words/0/0": None})
    file.keep("lear", {"meta": b"x"})
    assert repr(file) == "<RoomFile state.db.rooms open>"
    file.close()
    assert file.path.stat().st_mode & 0o777 == 0o600
    _, rooms, _ = opened()
    assert rooms == {"hamlet": {"meta": b"2"}, "lear": {"meta": b"x"}}
    assert log.lines == []


def test_a_room_is_forgotten_whole(opened: Any) -> None:
    """What was handed over before, written or not; what comes after that stays."""
    file, _, _ = opened()
    file.keep("hamlet", {"meta": b"1", "words/0/0": b"abc"})
    file.close()
    file, _, _ = opened()
    file.keep("hamlet", {"accounts/1": b"a"})
    file.forget("hamlet")
    file.keep("hamlet", {"meta": b"new"})
    file.close()
    assert opened()[1] == {"hamlet": {"meta": b"new"}}


def test_a_damaged_file_is_put_aside(opened: Any, tmp_path: Path) -> None:
    """The rooms begin anew, and the log says where the file is."""
    (tmp_path / "state.db.rooms").write_bytes(b"no database" * 1000)
    file, rooms, log = opened()
    assert rooms == {}
    [(event, facts)] = log.lines
    assert (event, str(facts["why"])) == ("store_failed", "corrupt")
    aside = facts["remedy"].rpartition(" in ")[2]
    assert (tmp_path / aside).is_file()
    file.keep("hamlet", {"meta": b"1"})
    file.close()
    assert opened()[1] == {"hamlet": {"meta": b"1"}}


def test_a_full_disk_is_said_once_and_tried_again(opened: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is lost but time: when there is room again, all of it is written."""
    monkeypatch.setattr(roomfile, "_RETRY_S", 0.05)
    full = True

    def prepare(db: sqlite3.Connection) -> None:
        real(db)
        if full:
            pages = db.execute("PRAGMA page_count").fetchone()[0]
            db.execute(f"PRAGMA max_page_count={pages + 1}")

    real = RoomFile._prepare
    monkeypatch.setattr(RoomFile, "_prepare", staticmethod(prepare))
    file, _, log = opened()
    file.keep("hamlet", {"big": os.urandom(FULL_BYTES)})
    until(log.why)
    file.keep("hamlet", {"meta": b"1"})
    assert repr(file) == "<RoomFile state.db.rooms broken>"
    time.sleep(0.2)
    assert log.why() == ["full"], "said once"
    full = False
    until(lambda: [event for event, _ in log.lines][-1] == "store_recovered")
    file.close()
    assert {name: len(page) for name, page in opened()[1]["hamlet"].items()} == {"big": FULL_BYTES, "meta": 1}


def test_a_room_that_was_forgotten_while_the_disk_was_full_stays_so(
    opened: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waited of it goes with it."""
    monkeypatch.setattr(roomfile, "_RETRY_S", 0.05)
    full = True

    def write(self: RoomFile, *what: Any) -> None:
        if full:
            raise sqlite3.OperationalError("disk I/O error")
        real(self, *what)

    real = RoomFile._write
    monkeypatch.setattr(RoomFile, "_write", write)
    file, _, log = opened()
    file.keep("hamlet", {"words/0/0": b"old"})
    until(log.why)
    file.forget("hamlet")
    file.keep("hamlet", {"meta": b"new"})
    full = False
    until(lambda: log.lines[-1][0] == "store_recovered")
    file.close()
    assert opened()[1] == {"hamlet": {"meta": b"new"}}


def test_whoever_settles_waits_until_it_is_written(opened: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as his patience lasts; a disk that is broken he does not wait for."""
    slow_s, broken, written = 0.1, False, list[Any]()

    def write(self: RoomFile, db: sqlite3.Connection, piece: Any, gone: Any) -> None:
        time.sleep(slow_s)
        if broken:
            raise sqlite3.OperationalError("disk I/O error")
        real(self, db, piece, gone)
        written.append(piece)

    real = RoomFile._write
    monkeypatch.setattr(RoomFile, "_write", write)
    file, _, _ = opened()
    file.keep("hamlet", {"meta": b"1"})
    assert file.settle(10.0)
    assert written == [{("hamlet", "meta"): b"1"}]
    file.keep("hamlet", {"meta": b"2"})
    assert not file.settle(slow_s / 10)
    assert file.settle(10.0)
    assert len(written) == 2
    broken = True
    file.keep("hamlet", {"meta": b"3"})
    assert not file.settle(10.0), "it fails while he waits"
    begun = time.perf_counter()
    assert not file.settle(10.0)
    assert time.perf_counter() - begun < 5.0, "and afterwards he does not wait"
    broken = False


def test_a_file_that_another_process_has_is_left_alone(opened: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said, with what to do; the rooms live in memory meanwhile."""
    plain = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda path, **how: plain(path, timeout=0.1, **how))
    first, _, _ = opened()
    first.keep("hamlet", {"meta": b"1"})
    until(lambda: first._waiting == {} and first.path.stat().st_size)
    _, rooms, log = opened()
    assert rooms == {}
    assert log.why() == ["locked"]
    assert "another process has it open" in log.lines[0][1]["remedy"]


def test_a_folder_that_cannot_be_written_is_said(opened: Any, tmp_path: Path) -> None:
    """And the sale goes on."""
    (tmp_path / "file").write_text("")
    _, rooms, log = opened("file/state.db.rooms")
    assert rooms == {}
    assert log.why() == ["unwritable"] or log.why() == ["io"]


KILLED = """
import sys, time
from pathlib import Path
from sidecar.stores.roomfile import RoomFile
file = RoomFile(Path(sys.argv[1]), print)
file.open()
for number in range(100_000):
    file.keep("hamlet", {"meta": b"%d" % number, f"log/{number % 50}": b"%d" % number})
    time.sleep(0.002)
    if number % 25 == 0:
        print(number, flush=True)
"""


def test_a_kill_takes_nothing_that_was_written_and_no_half_of_a_page(opened: Any, tmp_path: Path) -> None:
    """Killed in the middle of its writes: what is read is a whole state, no older than a moment, and the file is nobody's."""
    path = tmp_path / "state.db.rooms"
    child = subprocess.Popen([sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert child.stdout is not None
    seen = 0
    while seen < 200:
        seen = int(child.stdout.readline())
    child.kill()
    child.wait()
    child.stdout.close()
    _, rooms, log = opened()
    assert log.lines == []
    last = int(rooms["hamlet"]["meta"])
    assert last >= seen - 100
    assert int(rooms["hamlet"][f"log/{last % 50}"]) == last, "one piece is written whole"
