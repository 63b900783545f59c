"""What was ordered is on the disk before it counts, whole or not at all, and garbage keeps nobody from starting."""

from __future__ import annotations

import asyncio
import os
import stat
import threading
from dataclasses import replace
from errno import EACCES, ENOSPC, EROFS
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from sidecar.plan import Plan
from sidecar.stores import orders
from sidecar.stores.orders import OrdersFile, UnwritableError, place_of
from tests.support.world import Recorder

if TYPE_CHECKING:
    from collections.abc import Callable


def read(path: Path, log: Recorder | None = None) -> OrdersFile:
    made = OrdersFile(path, log or Recorder())
    made.read()
    return made


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def left_beside(path: Path) -> list[str]:
    """Return the names of all that is in its folder."""
    return sorted(each.name for each in path.parent.iterdir())


def lay(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)


def content_of(path: Path) -> bytes:
    return path.read_bytes()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "tickets.db.orders"


async def test_what_is_written_is_read_by_the_next_process(path: Path) -> None:
    """Sections beside each other, for the owner's eyes only, and nothing else is left in the folder."""
    here = read(path)
    assert here.section("pauses") is None
    assert await here.write("pauses", [{"id": "p1"}]) == ""
    assert await here.write("rooms", {"hamlet": {"open": True}}) == ""
    again = read(path)
    assert (again.section("pauses"), again.section("rooms")) == ([{"id": "p1"}], {"hamlet": {"open": True}})
    assert mode_of(path) == 0o600
    assert left_beside(path) == [path.name]
    assert await again.write("pauses", None) == ""
    assert read(path).section("pauses") is None
    assert repr(read(path)) == "<OrdersFile tickets.db.orders rooms>"


async def test_it_is_on_the_disk_before_it_counts(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The content, then its name: a power cut takes back nothing that was confirmed."""
    synced: list[bool] = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda fd: (synced.append(stat.S_ISDIR(os.fstat(fd).st_mode)), real(fd)))
    await read(path).write("pauses", [])
    assert synced == [False, True]


async def test_without_a_place_nothing_is_kept_and_it_says_so() -> None:
    """The order counts; whoever gave it learns that a restart ends it."""
    here = OrdersFile(None, Recorder())
    here.read()
    assert "keys.file" in await here.write("pauses", [1])
    assert repr(here) == "<OrdersFile nowhere pauses>"


@pytest.mark.parametrize("number", [EACCES, EROFS])
async def test_a_place_that_nobody_may_write_to_is_none(
    path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """A mounted secret: what is ordered holds, and is said to be forgotten by a restart."""
    monkeypatch.setattr(os, "open", _failing(number))
    here = read(path)
    assert os.strerror(number) in await here.write("pauses", [1])
    assert here.section("pauses") == [1]


def _failing(number: int) -> Any:
    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


@pytest.mark.parametrize("call", ["open", "write", "fsync"])
async def test_a_full_disk_fails_the_order_and_changes_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """What was written before stands, on the disk and here; no draft is left; once there is room it goes on."""
    here = read(path)
    await here.write("pauses", [1])
    with monkeypatch.context() as full:
        full.setattr(os, call, _failing(ENOSPC))
        with pytest.raises(UnwritableError, match="No space left on device; make room"):
            await here.write("pauses", [2])
    assert here.section("pauses") == read(path).section("pauses") == [1]
    assert left_beside(path) == [path.name]
    await here.write("pauses", [3])
    assert read(path).section("pauses") == [3]


async def test_a_write_that_is_cut_short_is_none(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel takes half of it when the disk is nearly full."""
    here = read(path)
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, body: real(fd, body[: len(body) // 2]))
    with pytest.raises(UnwritableError, match="No space left"):
        await here.write("pauses", [1])
    assert left_beside(path) == []


async def test_a_disk_that_hangs_is_waited_for_and_no_longer(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop goes on meanwhile; what comes through late does not come over what was written since."""
    here, go, real = read(path), threading.Event(), os.fsync
    monkeypatch.setattr(orders, "_WRITE_S", 0.05)
    with monkeypatch.context() as hanging:
        hanging.setattr(os, "fsync", lambda fd: (go.wait(10), real(fd)))
        with pytest.raises(UnwritableError, match=r"within 0\.05 s"):
            await here.write("pauses", [1])
        monkeypatch.setattr(orders, "_WRITE_S", 5.0)
    await here.write("pauses", [2])
    before = threading.active_count()
    go.set()
    async with asyncio.timeout(10):
        while threading.active_count() >= before:  # noqa: ASYNC110 - a thread of the kernel's tells no loop
            await asyncio.sleep(0.005)
    assert read(path).section("pauses") == [2]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "no JSON"),
        (b"{", "no JSON"),
        (b"\xff\xfe", "no JSON"),
        (b"[]", "form"),
        (b'{"v": 2, "sections": {}}', "form"),
        (b'{"v": 1, "sections": []}', "form"),
        (b'{"v": 1, "sections": {"a": "' + b"a" * 5_000_000 + b'"}}', "form"),
    ],
)
async def test_garbage_is_put_aside_and_said(path: Path, content: bytes, why: str) -> None:
    """With place and remedy; then it begins anew, and writes."""
    lay(path, content)
    log = Recorder()
    here = read(path, log)
    [line] = log.named("orders_unreadable")
    assert why in str(line["why"])
    assert line["path"] == str(path)
    assert line["remedy"]
    bad = path.with_name("tickets.db.orders.bad")
    assert str(bad) in str(line["what"])
    assert content_of(bad) == content
    assert left_beside(path) == [bad.name]
    assert await here.write("pauses", [1]) == ""


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_is_put_aside(path: Path, make: Callable[[Path], None]) -> None:
    """A pipe that nobody fills holds up no start."""
    path.parent.mkdir()
    make(path)
    log = Recorder()
    read(path, log)
    assert len(log.named("orders_unreadable")) == 1
    assert left_beside(path) == ["tickets.db.orders.bad"]


def test_a_file_that_cannot_be_opened_or_moved_keeps_nobody_from_starting(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said, and left where it is."""
    lay(path, b"{}")
    monkeypatch.setattr(os, "open", _failing(EACCES))
    monkeypatch.setattr(Path, "replace", _failing(EROFS))
    log = Recorder()
    read(path, log)
    [line] = log.named("orders_unreadable")
    assert line["why"] == "Permission denied"
    assert "left where it is" in str(line["what"])


async def test_it_moves_with_the_settings(tmp_path: Path) -> None:
    """Another file of keys after a reload: what stands is written there at once; to no place it goes on in memory, and says so."""
    log, first, second = Recorder(), tmp_path / "a.orders", tmp_path / "b.orders"
    second.write_bytes(b'{"v": 1, "sections": {"pauses": ["of another time"]}}')
    here = OrdersFile(first, log)
    await here.write("pauses", [1])
    await here.move(second)
    assert (read(second).section("pauses"), left_beside(first)) == ([1], ["b.orders"])
    await here.move(second)
    await here.write("pauses", None)
    assert log.events == []
    await here.move(None)
    assert log.events == []  # nothing stands that a restart would forget
    await here.write("pauses", [2])
    await here.move(first)
    assert read(first).section("pauses") == [2]
    await here.move(None)
    assert here.section("pauses") == [2]
    assert len(log.named("orders_not_written")) == 1


async def test_a_move_to_a_full_disk_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reload has been taken; what stands goes on, and the log says that a restart would not find it."""
    log = Recorder()
    here = OrdersFile(tmp_path / "a.orders", log)
    await here.write("pauses", [1])
    monkeypatch.setattr(os, "write", _failing(ENOSPC))
    await here.move(tmp_path / "b.orders")
    assert here.section("pauses") == [1]
    [line] = log.named("orders_not_written")
    assert "No space left" in str(line["why"])


async def test_writes_come_one_after_the_other(path: Path) -> None:
    """The last one stands, whatever the threads do."""
    here = read(path)
    await asyncio.gather(*(here.write("pauses", number) for number in range(20)))
    assert read(path).section("pauses") == 19
    assert orjson.loads(content_of(path))["v"] == 1


@pytest.mark.parametrize(
    ("store", "keys", "place"),
    [
        ("/var/lib/tickets.db", "/etc/keys", "/var/lib/tickets.db.orders"),
        (None, "/etc/keys", "/etc/keys.orders"),
        (None, None, None),
    ],
)
def test_where_it_lies(store: str | None, keys: str | None, place: str | None) -> None:
    """Beside the store, else beside the keys, else nowhere."""
    found = place_of(replace(Plan(), store=store, keys=keys))
    assert found == (None if place is None else Path(place))
