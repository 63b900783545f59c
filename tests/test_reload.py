"""Every try to change the configuration ends in a verdict; what cannot be taken changes nothing; the last good ones stay."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass, field, replace
from threading import Event
from typing import Any

import pytest

from sidecar.control import OrderError
from sidecar.plan import Plan
from sidecar.reload import GOOD, Means, Reloads
from sidecar.settings.problem import Place, Problem, SettingsError
from tests.listener.hall import until
from tests.support.world import LoopClock, Recorder


@dataclass(frozen=True)
class Made:
    """A configuration as settings would make it."""

    id: str
    plan: Plan = field(default_factory=Plan)

    @property
    def fingerprint(self) -> str:
        return f"files of {self.id}"


class Disk:
    """Files that a test writes, and an app that takes what it is told to take."""

    def __init__(self) -> None:
        self.content: Made | Exception = Made("first")
        self.taken: list[Plan] = []
        self.refuses: Exception | None = None
        self.changes: list[dict[str, object]] = []
        self.interval_s = 0.0
        self.looks = 0
        self.looked_at: Any = None
        self.log = Recorder()
        self.reloads = Reloads(
            Made("first"), Means(self.load, self.fingerprint, self.diff, self.adopt), LoopClock(), self.log
        )

    def load(self) -> Made:
        self.interval_s = sys.getswitchinterval()
        if isinstance(self.content, Exception):
            raise self.content
        return self.content

    async def looked(self) -> None:
        """Wait until the follower has looked three times more."""
        wanted = self.looks + 3
        await until(lambda: self.looks >= wanted)

    def fingerprint(self, what: Any) -> str:
        self.looks += 1
        self.looked_at = what
        return self.content.fingerprint if isinstance(self.content, Made) else "nonsense"

    def diff(self, before: Any, after: Any) -> list[dict[str, object]]:
        return [] if before.id == after.id else self.changes or [{"key": "limits.connections", "effect": "applied"}]

    async def adopt(self, plan: Plan) -> None:
        if self.refuses is not None:
            raise self.refuses
        self.taken.append(plan)

    @property
    def ids(self) -> list[str]:
        return [row["id"] for row in self.reloads.history()]


@pytest.fixture
async def disk() -> Disk:
    return Disk()


WRONG = SettingsError("tickets.yaml", [Problem("E201", Place(3, 5), "backends.tickets.limt", "unknown key", "limit?")])


async def test_a_good_file_is_taken(disk: Disk) -> None:
    """The plan is the app's, the verdict says what has changed and what begins anew, log and status say the same."""
    disk.content = Made("second")
    disk.changes = [{"key": "backends.a", "effect": "resets"}, {"key": "drain.delay", "effect": "applied"}]
    verdict = await disk.reloads.reload("order", "alice")
    assert verdict.ok
    assert verdict.text == "configuration second is in force: 2 changes; begun anew: backends.a"
    assert disk.taken == [disk.content.plan]
    assert disk.reloads.current is disk.content
    assert disk.reloads.last is not None
    assert {name: disk.reloads.last[name] for name in ("ok", "by", "actor", "id", "errors")} == {
        "ok": True, "by": "order", "actor": "alice", "id": "second", "errors": [],
    }  # fmt: skip
    assert disk.reloads.last["changes"] == disk.changes
    (line,) = disk.log.named("config_reloaded")
    assert (line["id"], line["resets"]) == ("second", ["backends.a"])
    assert disk.reloads.counts == {True: 1, False: 0}
    again = await disk.reloads.reload("signal")
    assert again.text == "configuration second is in force: no change"


async def test_a_bad_file_changes_nothing_and_says_so(disk: Disk) -> None:
    """In the verdict with every error, in the log, and as what runs no longer being what the files say."""
    disk.content = WRONG
    verdict = await disk.reloads.reload("signal")
    assert not verdict.ok
    assert verdict.facts["code"] == "settings"
    assert verdict.facts["errors"] == WRONG.facts()
    assert disk.taken == []
    assert (disk.ids, disk.reloads.differs) == (["first"], True)
    (line,) = disk.log.named("config_rejected")
    assert line["told"] == ["tickets.yaml:3:5 backends.tickets.limt: unknown key"]
    assert disk.reloads.counts == {True: 0, False: 1}


@pytest.mark.parametrize(
    ("error", "changes", "code", "text"),
    [
        (
            RuntimeError("listen.port cannot change"),
            [{"key": "listen.port", "effect": "restart"}],
            "restart",
            "listen.port cannot change",
        ),
        (OSError("no such certificate"), [], "failed", "no such certificate"),
        (KeyError("a secret"), [], "failed", "the sidecar failed while it took the new configuration"),
    ],
)
async def test_what_the_app_cannot_take_changes_nothing(
    disk: Disk, error: Exception, changes: list[dict[str, object]], code: str, text: str
) -> None:
    """The reason is told; a bug's own words are not, they go to the log as a bug."""
    disk.content, disk.refuses, disk.changes = Made("second"), error, changes
    verdict = await disk.reloads.reload("order", "bob")
    assert (verdict.ok, verdict.facts["code"], verdict.text) == (False, code, text)
    assert disk.ids == ["first"]
    assert len(disk.log.bugs) == isinstance(error, KeyError)


async def test_the_last_good_ones_stay(disk: Disk) -> None:
    """Five of them, each once, the newest last; one of them is taken again by its id or the beginning of it."""
    for number in range(8):
        disk.content = Made(f"{number}-config")
        await disk.reloads.reload("order")
    assert disk.ids == [f"{number}-config" for number in range(3, 8)]
    assert len(disk.ids) == GOOD
    verdict = await disk.reloads.use("4", "alice")
    assert verdict.ok
    assert disk.ids == [f"{number}-config" for number in (3, 5, 6, 7, 4)]
    assert [row["current"] for row in disk.reloads.history()] == [False] * 4 + [True]
    assert disk.reloads.differs, "the files say something else"


@pytest.mark.parametrize(("name", "what"), [("x", "no good"), ("", "no good"), ("con", "several")])
async def test_going_back_needs_one_name(disk: Disk, name: str, what: str) -> None:
    """What means nothing or too much is refused with the list of what there is."""
    for id_ in ("config-a", "config-b"):
        disk.content = Made(id_)
        await disk.reloads.reload("order")
    with pytest.raises(OrderError, match=f"^{what}.*: config-b, config-a, first$"):
        await disk.reloads.use(name)


async def test_a_bug_in_reading_changes_nothing(disk: Disk) -> None:
    """Whoever asked is told, without the bug's own words, and the log has it."""
    disk.content = KeyError("a secret")
    verdict = await disk.reloads.reload("signal")
    assert (verdict.ok, verdict.facts["code"], disk.ids) == (False, "failed", ["first"])
    assert "secret" not in verdict.text
    assert len(disk.log.bugs) == 1


async def test_reading_lets_the_loop_go_on(disk: Disk) -> None:
    """While the thread reads, it hands the interpreter over sooner; afterwards everything is as before."""
    before = sys.getswitchinterval()
    await disk.reloads.reload("order")
    assert disk.interval_s == pytest.approx(0.001)
    assert sys.getswitchinterval() == before


async def test_changed_files_are_followed_where_asked(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each content is tried once, a bad one too; going back by hand is not undone by the old file, only by a new one."""
    monkeypatch.setattr("sidecar.reload.WATCH_S", 0.01)
    task = asyncio.get_running_loop().create_task(disk.reloads.follow(lambda: True))
    await disk.looked()
    assert disk.reloads.counts == {True: 0, False: 0}
    disk.content = Made("second")
    await until(lambda: disk.reloads.current.id == "second")
    disk.content = WRONG
    await until(lambda: disk.reloads.counts[False] == 1)
    await disk.looked()
    assert disk.looked_at is WRONG, "the file to be mended may be one that only the failed try has named"
    assert disk.reloads.counts == {True: 1, False: 1}
    disk.content = Made("third")
    await until(lambda: disk.reloads.current.id == "third")
    await disk.reloads.use("second")
    await disk.looked()
    assert (disk.reloads.current.id, disk.reloads.differs) == ("second", True)
    disk.content = Made("fourth")
    await until(lambda: disk.reloads.current.id == "fourth")
    task.cancel()


async def test_changed_files_are_only_told_where_nobody_asked(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    """What runs stays, and the status says that the files differ, until they are as they were."""
    monkeypatch.setattr("sidecar.reload.LOOK_S", 0.01)
    task = asyncio.get_running_loop().create_task(disk.reloads.follow(lambda: False))
    disk.content = Made("second")
    await until(lambda: disk.reloads.differs)
    assert disk.reloads.counts == {True: 0, False: 0}
    disk.content = Made("first")
    await until(lambda: not disk.reloads.differs)
    task.cancel()


async def test_what_needs_a_restart_is_tried_once(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own files are followed from then on, not those of what runs, or the same content would be tried for ever."""
    monkeypatch.setattr("sidecar.reload.WATCH_S", 0.01)
    task = asyncio.get_running_loop().create_task(disk.reloads.follow(lambda: True))
    disk.refuses = RuntimeError("listen.port cannot change")
    disk.content = second = Made("second")
    await until(lambda: disk.reloads.counts[False] == 1)
    await disk.looked()
    assert disk.looked_at is second
    assert (disk.reloads.counts[False], disk.reloads.differs) == (1, True)
    disk.content, disk.refuses = Made("first"), None
    await until(lambda: disk.reloads.counts[True] == 1)
    assert not disk.reloads.differs
    task.cancel()


async def test_going_back_to_what_cannot_be_taken_changes_nothing(disk: Disk) -> None:
    """Neither what runs nor what is followed."""
    disk.content = Made("second")
    await disk.reloads.reload("order")
    disk.refuses = OSError("no such certificate")
    verdict = await disk.reloads.use("first")
    assert (verdict.ok, disk.reloads.current.id, disk.reloads.differs) == (False, "second", False)


async def test_files_that_cannot_be_read_to_their_end(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that does not answer holds nobody up for longer than a while, and the next try finds it mended."""
    monkeypatch.setattr("sidecar.reload.READ_S", 0.02)
    stop = Event()
    load = disk.load

    def hanging() -> Made:
        stop.wait()
        return load()

    disk.reloads._means = replace(disk.reloads._means, load=hanging, fingerprint=lambda _: str(stop.wait()))
    try:
        verdict = await disk.reloads.reload("order")
        assert (verdict.ok, verdict.facts["code"], disk.ids) == (False, "failed", ["first"])
        assert "could not be read within" in verdict.text
        assert await disk.reloads._look_at(disk.reloads.current) == ""
    finally:
        stop.set()
    disk.content = Made("second")
    assert (await disk.reloads.reload("order")).ok


async def test_a_bug_in_comparing_changes_nothing(disk: Disk) -> None:
    """Whoever asked is told, and whoever heard that it began hears its end."""
    heard: list[bool] = []
    disk.reloads._told = lambda begins, *_: heard.append(begins)
    disk.reloads._means = replace(disk.reloads._means, diff=lambda *_: {}["gone"])
    disk.content = Made("second")
    verdict = await disk.reloads.reload("signal")
    assert (verdict.ok, verdict.facts["code"], disk.ids, heard) == (False, "failed", ["first"], [True, False])
    assert len(disk.log.bugs) == 1
