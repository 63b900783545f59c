"""What anybody may know of a line before he calls: how long it is, when to look again, and nothing of who stands in it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.caller import route
from sidecar.model import Ahead, Answer, Executed, Grade, Lease, Outcome, Refusal, Seat
from sidecar.outlook import FRESH_S, PREFIX, Outlook, next_poll_ms
from tests.support.world import Scene, settle, tickets

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.virtual

CLASSES = ("staff", "checkout", "browse", "batch")


def outlook(scene: Scene, ahead: Callable[[Seat], Ahead | None] | None = None, chance: float = 0.5) -> Outlook:
    return Outlook(ahead or scene.slots.outlook, scene.clock, lambda: chance, ("tickets",), CLASSES)


async def look(scene: Scene, found: Outlook, target: str = "tickets", method: str = "GET") -> Outcome:
    return await found(scene.exchange(b"", method=method, target=PREFIX + target))


async def told(scene: Scene, found: Outlook, target: str = "tickets") -> dict[str, Any]:
    said = await look(scene, found, target)
    assert isinstance(said, Answer), said
    facts: dict[str, Any] = orjson.loads(said.body[0])
    return facts


async def crowded(scene: Scene, people: int) -> list[asyncio.Task[Lease | Refusal]]:
    """Let `people` call, each for himself, and give them back."""
    until = scene.clock.now() + 60.0
    seats = [Seat("tickets", f"c{number}", "Reserve", "browse", until) for number in range(people)]
    tasks = [asyncio.get_running_loop().create_task(scene.slots.lease(each)) for each in seats]
    await settle()
    return tasks


async def test_an_empty_line() -> None:
    """A slot is free: nobody is before, and it takes no time."""
    scene = Scene()
    found = outlook(scene)
    said = await look(scene, found)
    assert isinstance(said, Answer)
    assert said.grade == Grade("ok", Executed.NO)
    assert orjson.loads(said.body[0]) == {
        "state": "ok",
        "category": "ok",
        "executed": "no",
        "queue": {
            "kind": "call",
            "ahead": 0,
            "eta_s": 0,
            "eta_low_s": 0,
            "eta_high_s": 0,
            "eta_reason": None,
            "next_poll_ms": 1000,
        },
        "v": 1,
    }
    assert (b"Cache-Control", b"no-store") in said.headers
    assert repr(found) == "<Outlook of tickets>"


async def test_a_line_is_told_by_its_length_alone() -> None:
    """How many stand before, and for how long; neither the limit nor what is in flight, nor anybody's name."""
    scene = Scene(tickets(limit=1, queue_size=20, queue_wait_s=30.0))
    tasks = await crowded(scene, 11)
    said = await told(scene, outlook(scene))
    line = said.pop("queue")
    assert set(said) == {"state", "category", "executed", "v"}
    assert set(line) == {"kind", "ahead", "eta_s", "eta_low_s", "eta_high_s", "eta_reason", "next_poll_ms"}
    assert line["ahead"] == 10
    assert 0 < line["eta_low_s"] <= line["eta_s"] <= line["eta_high_s"]
    for task in tasks:
        task.cancel()
    await settle()


async def test_another_class_has_another_line() -> None:
    """Staff pass whoever only looks; a class that settings never name is the usual one."""
    scene = Scene(tickets(limit=1, queue_size=20, queue_wait_s=30.0))
    tasks = await crowded(scene, 11)
    found = outlook(scene)
    staff, usual = await told(scene, found, "tickets?class=staff"), await told(scene, found)
    assert staff["queue"]["eta_s"] < usual["queue"]["eta_s"]
    assert await told(scene, found, "tickets?class=browse") == usual
    for task in tasks:
        task.cancel()
    await settle()


async def test_browse_may_be_asked_for_where_the_settings_have_no_such_class() -> None:
    """It is what an operation gets that no line names."""
    scene = Scene()
    asked: list[str] = []

    def ahead(seat: Seat) -> Ahead:
        asked.append(seat.client_class)
        return Ahead(0, 0, 0, 0)

    found = Outlook(ahead, scene.clock, lambda: 0.5, ("tickets",), ("gold", "rest"))
    assert (await told(scene, found))["state"] == "ok"
    assert asked == ["browse"]


@pytest.mark.parametrize(
    "query", ["class=gold", "class=", "class=staff&class=browse", "&".join(f"a{number}=1" for number in range(99))]
)
async def test_a_class_that_there_is_not(query: str) -> None:
    """Is said to be none, with those that there are."""
    scene = Scene()
    said = await look(scene, outlook(scene), f"tickets?{query}")
    assert isinstance(said, Refusal)
    assert (said.state, said.reason) == ("invalid_params", None)
    assert said.errors == (("/class", "unknown", "must be one of staff, checkout, browse, batch, and there once"),)


@pytest.mark.parametrize("target", ["", "seats", "tickets/", "tickets+spare", "TICKETS"])
async def test_a_backend_that_there_is_not(target: str) -> None:
    """Nothing lives there; a spare is nobody's to call, so it is not told of either."""
    scene = Scene()
    said = await look(scene, outlook(scene), target)
    assert isinstance(said, Refusal)
    assert (said.state, said.reason) == ("not_found", "path")


async def test_a_line_that_has_gone_meanwhile() -> None:
    """A reload took the backend out: there is no line of that name."""
    scene = Scene()
    said = await look(scene, outlook(scene, lambda _: None))
    assert isinstance(said, Refusal)
    assert said.state == "not_found"


@pytest.mark.parametrize("method", ["POST", "DELETE"])
async def test_it_is_read_and_nothing_else(method: str) -> None:
    """HEAD is a GET without its body; anything else is told what goes."""
    scene = Scene()
    assert isinstance(await look(scene, outlook(scene), method="HEAD"), Answer)
    said = await look(scene, outlook(scene), method=method)
    assert isinstance(said, Refusal)
    assert (said.state, said.allow) == ("method_not_allowed", "GET, HEAD")


async def test_thousands_who_ask_in_one_moment_cost_one_look() -> None:
    """The line is looked at once, each is told to come back at another time; a moment later it is looked at again."""
    scene = Scene()
    looks = 0
    chances = iter([0.0, 0.25, 1.0, 0.5])

    def ahead(_: Seat) -> Ahead:
        nonlocal looks
        looks += 1
        return Ahead(looks, 100, 90, 110)

    found = Outlook(ahead, scene.clock, lambda: next(chances), ("tickets",), CLASSES)
    lines = [(await told(scene, found))["queue"] for _ in range(3)]
    assert [line["ahead"] for line in lines] == [1, 1, 1]
    assert [line["next_poll_ms"] for line in lines] == [8000, 9000, 12_000]
    await asyncio.sleep(FRESH_S)
    assert (await told(scene, found))["queue"]["ahead"] == 2


async def test_the_road_finds_it() -> None:
    """Below the reserved path, before any backend's."""
    scene = Scene()
    scene.lookups[PREFIX] = outlook(scene)
    stage = route.build(scene.scope(), scene.world, {})
    said = await stage(scene.exchange(b"", method="GET", target="/.sidecar/queue/tickets"))
    assert isinstance(said, Answer)


@given(eta_s=st.floats(0, 1e6), chance=st.floats(0, 1))
def test_when_to_ask_again(eta_s: float, chance: float) -> None:
    """Never more often than 0.8 s and never later than 18 s; in between a tenth of the wait, give or take a fifth of it."""
    poll_ms = next_poll_ms(eta_s, chance)
    assert 800 <= poll_ms <= 18_000
    if 10.0 <= eta_s <= 150.0:
        assert 79 * eta_s <= poll_ms <= 121 * eta_s
