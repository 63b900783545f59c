"""What is set by hand in rooms: it outlives the process, is called to mind, and ends when it was said to."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from sidecar.control import OrderError
from sidecar.hall import byhand
from sidecar.stores import orders
from sidecar.stores.orders import UnwritableError
from tests.hall.desk import PLAN, WALL_S, Desk

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.virtual


@pytest.fixture(autouse=True)
def _no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Made-up time does not wait for a thread: what it would do is done at once."""

    async def at_once(work: Callable[[], None], _within_s: float) -> None:
        work()

    monkeypatch.setattr(orders, "aside", at_once)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where orders are written down."""
    return tmp_path / "keys.orders"


def write(file: Path, text: str) -> None:
    file.write_text(text)


def written(file: Path) -> dict[str, Any]:
    """Return what is written down."""
    sections: dict[str, Any] = json.loads(file.read_bytes())["sections"]
    return sections


async def test_a_room_that_was_closed_by_hand_stays_closed(file: Path) -> None:
    """In the next process, whatever else was lost; on the disk before the verdict."""
    desk = Desk(file=file)
    done = await desk.order("room set", state="closed")
    assert done.text.endswith("a reminder every 1h")
    assert written(file)["rooms"]["phases"][0]["state"] == "closed"
    desk.close()
    after = Desk(file=file)
    assert after.house.room.state == "closed"
    assert after.rooming.view()[0]["by_hand"]["actor"] == "alice"
    [line] = after.log.named("room_restored")
    assert (line["room"], line["state"], line["by"]) == ("hamlet", "closed", "alice")
    after.close()


async def test_what_the_clock_says_by_now_is_nobodys_doing(file: Path) -> None:
    """It is written out of the file, and not shown."""
    plan = replace(PLAN, opens=WALL_S + 100, lobby_s=50.0)
    desk = Desk(plan, file=file)
    await desk.order("room set", state="open")
    await asyncio.sleep(102)
    assert (desk.house.room.state, desk.rooming.view()[0]["by_hand"]) == ("open", None)
    assert written(file) == {}
    desk.close()


async def test_a_state_is_called_to_mind(file: Path) -> None:
    """As often as was said, with who set it and why, until it is the clock's."""
    desk = Desk(file=file)
    await desk.order("room set", state="open", remind_s=600.0)
    await asyncio.sleep(1900)
    lines = desk.log.named("room_by_hand")
    assert [(each["room"], each["state"], each["by"], each["reason"]) for each in lines] == [
        ("hamlet", "open", "alice", "a test")
    ] * 3
    desk.close()


async def test_a_room_that_the_settings_drop_is_forgotten(file: Path) -> None:
    """One of that name that comes later begins by its clock."""
    desk = Desk(file=file)
    await desk.order("room set", state="closed")
    keys = desk.house.keys
    desk.hall.bound((), keys, frozenset(), https=False)
    await asyncio.sleep(2)
    desk.hall.bound((PLAN,), keys, frozenset(), https=False)
    assert (desk.house.room.state, desk.rooming.view()[0]["by_hand"]) == ("lobby", None)
    desk.close()


async def test_a_hold_of_a_room_that_was_lost_is_none(file: Path) -> None:
    """Without a store the places are gone with the process: the next one's numbers are other people."""
    desk = Desk(file=file)
    await desk.order("visitor hold", 600.0, code=desk.house.code(desk.join()))
    desk.close()
    after = Desk(file=file)
    after.join()
    await asyncio.sleep(2)
    assert (after.house.room.waiting, repr(after.by_hand)) == (1, "<ByHand no room, 0 held>")
    after.close()


async def test_a_hold_outlives_the_process_with_its_room(file: Path) -> None:
    """To the same end, where the room comes back as it was."""
    desk = Desk(file=file)
    place = desk.join()
    await desk.order("visitor hold", 600.0, code=desk.house.code(place))
    desk.by_hand.close()
    again = byhand.ByHand(desk.hall, desk.clock, desk.log, desk.orders)
    again.restore()
    hold = again.of_place(desk.house, place)
    assert hold is not None
    assert hold.end == pytest.approx(desk.clock.now() + 600.0)
    await asyncio.sleep(602)
    assert desk.house.word(place) == "lobby"
    again.close()
    desk.close()


@pytest.mark.parametrize("section", ["[]", '{"phases": [{"room": "hamlet"}], "holds": []}', '{"phases": 1}'])
async def test_garbage_is_put_aside(file: Path, section: str) -> None:
    """And said; the room goes by its clock."""
    write(file, f'{{"v": 1, "sections": {{"rooms": {section}}}}}')
    desk = Desk(file=file)
    assert desk.house.room.state == "lobby"
    [line] = desk.log.named("orders_unreadable")
    assert str(line["why"]).startswith("rooms: ")
    desk.close()


async def test_what_cannot_be_written_down_is_not_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """A room that a restart would open again is not closed, and nobody is held whom a restart would hold for ever."""
    desk = Desk()

    async def full(*_: object) -> str:
        raise UnwritableError("full")

    monkeypatch.setattr(desk.orders, "write", full)
    with pytest.raises(OrderError, match="what a restart would forget is not done"):
        await desk.order("room set", state="closed")
    place = desk.join()
    with pytest.raises(OrderError, match="what a restart would forget is not done"):
        await desk.order("visitor hold", 60.0, code=desk.house.code(place))
    assert (desk.house.room.state, desk.house.word(place)) == ("lobby", "lobby")
    desk.close()


async def test_holds_are_bounded(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A script that holds everybody is stopped."""
    monkeypatch.setattr(byhand, "HOLDS_MOST", 2)
    desk = Desk(file=file)
    codes = [desk.house.code(desk.join()) for _ in range(3)]
    for code in codes[:2]:
        await desk.order("visitor hold", 60.0, code=code)
    with pytest.raises(OrderError, match="people are held already"):
        await desk.order("visitor hold", 60.0, code=codes[2])
    desk.close()
