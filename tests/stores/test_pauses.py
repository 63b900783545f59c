"""Pauses in time: they end by themselves, are called to mind, outlive the process, and what was paused is led back gently."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

from sidecar.model import Notice
from sidecar.policy.pauses import EVERYTHING, Kind, Scope, Sign, Target, What
from sidecar.stores import orders
from sidecar.stores.orders import OrdersFile, UnwritableError
from sidecar.stores.pauses import HeldPauses
from tests.support.world import LoopClock, Recorder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.virtual

TICKETS, HAMLET = Target(What.BACKEND, "tickets"), Target(What.ROOM, "hamlet")


@pytest.fixture(autouse=True)
def _no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Made-up time does not wait for a thread: what it would do is done at once. The file's own tests have the threads."""

    async def at_once(work: Callable[[], None], _within_s: float) -> None:
        work()

    monkeypatch.setattr(orders, "aside", at_once)


class MovingClock(LoopClock):
    """Wall time that goes on with the loop's, and can be set."""

    def __init__(self) -> None:
        super().__init__()
        self.began = self.now()

    def wall(self) -> float:
        return self.wall_s + self.now() - self.began


class Hall:
    """One process's pauses, and everybody who is told of them."""

    def __init__(self, path: Path | None = None, clock: MovingClock | None = None) -> None:
        self.clock, self.log = clock or MovingClock(), Recorder()
        self.resumed: list[Target] = []
        self.told: list[str] = []
        self.file = OrdersFile(path, self.log)
        self.file.read()
        self.here = HeldPauses(self.clock, self.log, lambda: 0.0, self.file, self.resumed.append)
        self.here.told = lambda sign: self.told.append(sign.id)
        self.here.restore()

    def sign(
        self,
        target: Target = TICKETS,
        kind: Kind = Kind.PAUSE,
        *,
        for_s: float | None = 600.0,
        until_s: float | None = None,
        remind_s: float | None = None,
        scope: Scope = Scope.ENTRY,
    ) -> Sign:
        now, wall = self.clock.now(), self.clock.wall()
        name = f"{kind[0]}-{target}"
        return Sign(
            name,
            kind,
            target,
            Notice(name, "warning", (("en", "Back at 9:20"),)),
            now,
            scope,
            None if for_s is None else now + for_s,
            None if until_s is None else wall + until_s,
            remind_s,
            "alice",
            "payments",
        )

    def paused(self, backend: str = "tickets", *, under_way: bool = False) -> bool:
        return self.here.active and self.here.ask(backend, under_way=under_way) is not None


async def test_it_holds_and_ends_by_itself() -> None:
    """At its end the backend is led back gently, whoever is to be told hears of it, and nobody has to ask any more."""
    hall = Hall()
    assert not hall.here.active
    assert "keys.file" in (await hall.here.put(hall.sign(for_s=60.0)) or "")
    assert hall.paused()
    assert not hall.paused(under_way=True)
    await asyncio.sleep(59.5)
    assert hall.paused()
    assert hall.resumed == []
    await asyncio.sleep(0.6)
    assert not hall.here.active
    assert (hall.resumed, hall.told) == ([TICKETS], ["p-backend:tickets"])


async def test_it_is_ended_before_its_time() -> None:
    """Gently, too; what ends by order is told by whoever gave it. A message lets nobody back."""
    hall = Hall()
    await hall.here.put(hall.sign(EVERYTHING))
    await hall.here.put(hall.sign(kind=Kind.MESSAGE))
    done = await hall.here.clear(Kind.PAUSE, EVERYTHING)
    assert done is not None
    assert await hall.here.clear(Kind.PAUSE, EVERYTHING) is None
    assert hall.here.active
    await hall.here.clear(Kind.MESSAGE, TICKETS)
    assert (hall.resumed, hall.told, hall.here.active) == ([EVERYTHING], [], False)


async def test_one_in_place_of_another_lets_nobody_in_between() -> None:
    """The first end means nothing any more."""
    hall = Hall()
    await hall.here.put(hall.sign(for_s=10.0))
    await hall.here.put(hall.sign(for_s=100.0))
    await asyncio.sleep(60)
    assert hall.paused()
    assert hall.resumed == []
    hall.here.close()


async def test_without_an_end_it_is_called_to_mind() -> None:
    """In the log, with who and since when and how to end it."""
    hall = Hall()
    await hall.here.put(hall.sign(for_s=None, remind_s=900.0))
    await asyncio.sleep(3000)
    assert hall.paused()
    lines = hall.log.named("pause_holds")
    assert len(lines) == 3
    assert lines[0] == {
        "what": "pause",
        "target": "backend:tickets",
        "id": "p-backend:tickets",
        "since": "2026-12-01T09:00:00.000Z",
        "by": "alice",
        "reason": "payments",
        "remedy": "sidecar resume backend:tickets --reason TEXT ends it",
    }
    hall.here.close()


async def test_a_clock_that_is_set_moves_only_what_is_a_time_of_day() -> None:
    """Ten minutes stay ten minutes; half past nine comes when the clock says so, within a second."""
    hall = Hall()
    await hall.here.put(hall.sign(TICKETS, for_s=600.0))
    await hall.here.put(hall.sign(HAMLET, for_s=None, until_s=600.0))
    hall.clock.wall_s += 3600
    await asyncio.sleep(1.1)
    assert hall.resumed == [HAMLET]
    assert hall.paused()
    hall.clock.wall_s -= 7200
    await asyncio.sleep(599)
    assert hall.resumed == [HAMLET, TICKETS]


async def test_what_is_said() -> None:
    """Of a backend, of a room, of everything; nobody asks the table where nothing is up."""
    hall = Hall()
    assert hall.here.notices("tickets") is hall.here.notices(None) is hall.here.room("hamlet") is None
    await hall.here.put(hall.sign(kind=Kind.MESSAGE))
    said = hall.here.notices("tickets")
    assert said is not None
    assert said.id == "m-backend:tickets"
    assert hall.here.notices(None) is None
    sign = hall.sign(HAMLET)
    await hall.here.put(sign)
    assert hall.here.room("hamlet") is sign
    assert hall.here.refusal(sign).reason == "room"
    assert hall.here.notices(None, "hamlet") is sign.notice
    assert "pause room:hamlet" in repr(hall.here)
    hall.here.close()


async def test_it_outlives_the_process(tmp_path: Path) -> None:
    """No end is lost or moved, what ended meanwhile is over, and what was cleared does not come back."""
    path = tmp_path / "keys.orders"
    first = Hall(path)
    assert await first.here.put(first.sign(TICKETS, for_s=600.0)) == ""
    await first.here.put(first.sign(HAMLET, for_s=None, remind_s=900.0, scope=Scope.ALL))
    await first.here.put(first.sign(EVERYTHING, for_s=60.0))
    await first.here.put(first.sign(Target(What.BACKEND, "seats")))
    await first.here.clear(Kind.PAUSE, Target(What.BACKEND, "seats"))
    first.here.close()  # as a kill -9 leaves it
    await asyncio.sleep(100)
    second = Hall(path, first.clock)
    await asyncio.sleep(0.1)
    assert {str(each.target) for each in second.here.view()} == {"backend:tickets", "room:hamlet"}
    assert (second.resumed, second.told) == ([EVERYTHING], ["p-all"])
    assert [line["target"] for line in second.log.named("pause_restored")] == ["backend:tickets", "room:hamlet"]
    assert second.paused()
    await asyncio.sleep(501)
    assert not second.paused()
    assert [each["target"] for each in json.loads(path.read_bytes())["sections"]["pauses"]] == ["room:hamlet"]
    second.here.close()


@pytest.mark.parametrize("section", [{}, [1], [{"id": "p1"}], "x"])
async def test_garbage_in_its_section_is_put_aside(tmp_path: Path, section: object) -> None:
    """It starts with nothing up, and says so."""
    path = tmp_path / "keys.orders"
    path.write_text(json.dumps({"v": 1, "sections": {"pauses": section}}))
    hall = Hall(path)
    assert not hall.here.active
    [line] = hall.log.named("orders_unreadable")
    assert str(line["why"]).startswith("pauses: ")
    assert (tmp_path / "keys.orders.bad").exists()


async def test_what_cannot_be_written_down_does_not_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither is it ended: what holds is what is on the disk."""
    hall = Hall(tmp_path / "keys.orders")
    await hall.here.put(hall.sign(HAMLET))

    async def full(*_: object) -> str:
        raise UnwritableError("full")

    monkeypatch.setattr(OrdersFile, "write", full)
    with pytest.raises(UnwritableError):
        await hall.here.put(hall.sign())
    with pytest.raises(UnwritableError):
        await hall.here.clear(Kind.PAUSE, HAMLET)
    assert [each.target for each in hall.here.view()] == [HAMLET]
    await asyncio.sleep(601)  # at its end it is over all the same: the file knows its end
    assert not hall.here.active
    assert hall.log.named("orders_not_written") == [{"why": "full"}]


async def test_there_is_a_bound() -> None:
    """The one too many is told so."""
    hall = Hall()
    for number in range(64):
        assert await hall.here.put(hall.sign(Target(What.ROOM, f"r{number}"))) is not None
    assert await hall.here.put(hall.sign()) is None
    hall.here.close()


async def test_a_change_is_told_before_the_order_is_done() -> None:
    """So that a room stands still by the time that its operator is told so, and goes on as soon."""
    hall = Hall()
    seen: list[bool] = []
    hall.here.changed = lambda: seen.append(hall.here.room("hamlet") is not None)
    await hall.here.put(hall.sign(HAMLET))
    assert seen == [True]
    await hall.here.clear(Kind.PAUSE, HAMLET)
    assert seen == [True, False]
