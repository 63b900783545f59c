"""All rooms of a process: opened by name, kept over reloads, ticking by themselves, and on the whole road of a call."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from sidecar import pipeline
from sidecar.hall import Hall
from sidecar.model import Answer
from sidecar.plan import CachePlan, CoverPlan, OperationPlan
from sidecar.policy.admission import Backing
from sidecar.policy.room import Phase
from sidecar.policy.routing import RESERVED
from tests.hall.sale import COVER, HAMLET, ROOMS, Clock, Sale
from tests.support.world import KEYS, OK, WALL_S, Recorder, Scene, state_of, tickets

if TYPE_CHECKING:
    from sidecar.model import Reply

pytestmark = pytest.mark.virtual

LEAR = replace(HAMLET, name="lear", covers=(CoverPlan("other"),))


async def test_a_reload_keeps_rooms_by_their_names() -> None:
    """Places, passes and board of a room that stays; another one begins, and one that is not named is gone."""
    sale = Sale()
    ada = sale.visitor()
    await ada.admitted()
    sale.hall.bound((replace(HAMLET, max_active=7), LEAR), KEYS, frozenset(), https=True)
    assert sorted(sale.hall.houses) == ["hamlet", "lear"]
    assert ada.call() is None
    assert (sale.house.room.rule.max_active, sale.house.is_https) == (7, True)
    assert sale.house.speech is sale.hall.houses["hamlet"].speech
    sale.hall.bound((LEAR,), KEYS, frozenset(), https=False)
    assert repr(sale.hall).startswith("<Hall <House <Room lear")
    assert ada.call() is None, "nothing stands before the call any more"
    sale.hall.bound((), KEYS, frozenset(), https=False)
    assert repr(sale.hall) == "<Hall without rooms>"


async def test_it_opens_by_the_clock_and_says_so() -> None:
    """Each phase a line in the log; who was in the lobby is drawn."""
    sale = Sale(replace(HAMLET, opens=WALL_S + 120.0, lobby_s=60.0, draw_s=20.0, closes=WALL_S + 200.0))
    await sale.go(300.0)
    assert [line["state"] for line in sale.log.named("room")] == ["lobby", "drawing", "open", "closed"]


async def test_whoever_was_there_before_the_draw_is_carried_over() -> None:
    """In slices, and also where the room was drawn before anybody ticked; who was silent is parked then."""
    sale = Sale(replace(HAMLET, opens=WALL_S + 120.0, max_active=1), start=False)
    people = [sale.visitor() for _ in range(5)]
    for each in people:
        await each.join()
    await people[0].poll()
    sale.house.room.set_phase(Phase.DRAWING)
    sale.hall.tick()
    sale.hall.start()
    lane = sale.house.room.lanes[0]
    await sale.go(1.0)
    assert (lane.carrying, lane.eligible) == (False, 1)
    sale.hall.close()


async def test_a_stall_is_said() -> None:
    """With how long it was."""
    sale = Sale(start=False)
    sale.hall.tick()
    await sale.go(30.0)
    sale.hall.tick()
    assert sale.log.named("room_stalled") == [{"room": "hamlet", "stalled_s": 28.0}]


@pytest.mark.parametrize("step_s", [3600.0, -3600.0])
async def test_a_clock_that_steps_opens_nothing_and_ends_no_pass(step_s: float) -> None:
    """Until it has stood for a minute; a call and a pass have their time whatever the clock on the wall says."""
    sale = Sale(replace(HAMLET, opens=WALL_S + 1200.0))
    await sale.visitor().join()
    sale.clock.ahead_s = step_s
    await sale.go(50.0)
    assert sale.house.room.state == "lobby"
    sale.clock.ahead_s = 0.0
    await sale.go(5.0)
    assert sale.house.room.state == "lobby"
    sale = Sale()
    ada = sale.visitor()
    await ada.admitted()
    sale.clock.ahead_s = step_s
    await sale.go(100.0)
    assert ada.call() is None
    await sale.go(121.0)
    assert await ada.word() == "expired"


async def test_nobody_is_called_while_the_backend_is_cut_off() -> None:
    """Everybody keeps his place; when it is back people are called again, not all at once."""
    sale = Sale(replace(HAMLET, max_active=20))
    sale.backing = Backing(open=False)
    people = await sale.visitors(40)
    await sale.go(30.0)
    assert {await each.word() for each in people} == {"waiting"}
    assert [(await each.poll())["queue"]["ahead"] for each in people] == list(range(40))
    sale.backing = Backing()
    await sale.go(1.0)
    called = [await each.word() for each in people].count("called")
    assert 0 < called < 10


async def test_what_happens_is_counted() -> None:
    """Calls, say: the metrics and the line of each minute read it."""
    sale = Sale()
    await sale.visitors(3)
    await sale.go(5.0)
    assert sale.house.room.reached["called"] == 3


class Road:
    """The whole road of a call before a scripted backend, with a room before `Reserve`."""

    def __init__(self) -> None:
        lines = (OperationPlan("Get*", safe=True, timeout_s=8.0, cache=CachePlan(ttl_s=30.0)), OperationPlan())
        self.scene = Scene(tickets(operations=lines))
        plan = replace(HAMLET, covers=(COVER, CoverPlan("tickets", ("GetSeats",))))
        self.hall = Hall(Clock(), Recorder(), lambda: 0.5, self.scene.memory, lambda _: Backing())
        self.hall.bound((plan,), KEYS, frozenset(), https=False)
        self.hall.start()
        self.scene.plan = replace(self.scene.plan, rooms=(plan,))
        self.scene.lookups[f"{RESERVED}/rooms/"] = self.hall
        self.scene.world = replace(self.scene.world, rooms=self.hall)
        self.scene.upstream.auto = lambda _: OK
        self.handler = pipeline.build(self.scene.plan, self.scene.world)

    async def send(self, body: bytes, method: str = "POST", target: str = "/tickets", **headers: str) -> Reply:
        lines = [("Content-Type", "text/xml"), *((name.replace("_", "-"), value) for name, value in headers.items())]
        return await self.handler(self.scene.exchange(body, method=method, target=target, headers=lines))


async def test_on_the_whole_road() -> None:
    """Refused without a pass, through with one, cached answers for everybody, and nothing of it a bug."""
    road = Road()
    refused = await road.send(b"Reserve perf=1201")
    assert (refused.status, state_of(refused)) == (429, "waiting;reason=no_pass;executed=no")
    assert b"'join': '/.sidecar/rooms/hamlet/join'" in b"".join(refused.body)
    assert state_of(await road.send(b"Reserve perf=1202")).startswith("ok")
    assert road.scene.upstream.running == 0
    house = road.hall.houses["hamlet"]
    place = house.join("main", None, "", attaches=False).place  # type: ignore[union-attr] - there is room
    text = house.place_text(place)
    joined = await road.send(b"", "GET", f"{ROOMS}/hamlet/place", Sidecar_Place=text)
    assert (joined.status, state_of(joined)) == (200, "ok;executed=no")
    await asyncio.sleep(1.0)
    claimed = await road.send(b"", target=f"{ROOMS}/hamlet/claim", Sidecar_Place=text)
    shown = next(value.decode() for name, value in claimed.headers if name == b"Sidecar-Pass")
    assert state_of(await road.send(b"Reserve perf=1201", Sidecar_Pass=shown)).startswith("ok")
    assert [held.calls for held in house.room.passes] == [1]
    for done in road.scene.answered[-1].done:
        done()
    assert [held.calls for held in house.room.passes] == [0], "its connection is free of it"
    assert state_of(await road.send(b"GetSeats x=1")).startswith("waiting")
    assert state_of(await road.send(b"GetSeats x=1", Sidecar_Pass=shown)).startswith("ok")
    assert state_of(await road.send(b"GetSeats x=1")).startswith("cached"), "free for all"
    board = await road.send(b"", "GET", f"{ROOMS}/hamlet/board", Origin="https://stranger.example")
    headers = dict(board.headers)
    assert (headers[b"Access-Control-Allow-Origin"], b"Vary" in headers) == (b"*", False)
    assert not road.scene.log.bugs
    assert isinstance(await Sale().request("board"), Answer)
