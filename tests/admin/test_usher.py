"""Operators and the line: who is meant is found, nobody else is touched, and no name or secret of anybody is shown."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sidecar.admin.usher import Usher
from sidecar.control import Order, OrderError, Verdict
from sidecar.model import Lease, Refusal, Seat
from sidecar.policy.finding import FOUND_MOST
from sidecar.stores.slots import MemorySlots
from tests.support.world import LoopClock, settle, tickets

pytestmark = pytest.mark.virtual

ANYTHING = {"backend": "*", "client": "", "operation": "", "request_id": "", "param": ""}


class Hall:
    """Two backends with one slot each, which is taken; and whoever is let in waits."""

    def __init__(self, size: int = 500) -> None:
        self.slots = MemorySlots(LoopClock())
        plans = [tickets(name=name, limit=1, queue_size=size, queue_share=1.0) for name in ("tickets", "seats")]
        self.slots.bound(plans)
        self.usher = Usher(
            self.slots,
            lambda: ["tickets", "seats"],
            lambda name: f"<{name}>",
            lambda name: name[:8],
            lambda: ("*session*",),
        )
        self.leases: list[Lease] = []
        self.waiting: list[asyncio.Task[Lease | Refusal]] = []

    async def open(self) -> Hall:
        for name in ("tickets", "seats"):
            lease = await self.slots.lease(Seat(name, "first", "Reserve", "browse", LoopClock().now() + 60.0))
            assert isinstance(lease, Lease)
            self.leases.append(lease)
        return self

    async def wait(
        self, client: str, request_id: str, backend: str = "tickets", **more: Any
    ) -> asyncio.Task[Lease | Refusal]:
        seat = Seat(
            backend,
            client,
            more.pop("operation", "Reserve"),
            "browse",
            LoopClock().now() + 60.0,
            request_id=request_id,
            **more,
        )
        task = asyncio.get_running_loop().create_task(self.slots.lease(seat))
        self.waiting.append(task)
        await settle()
        return task

    def show(self, **wanted: str) -> Verdict:
        return self.usher.carry_out(Order("queue", "list", {**ANYTHING, **wanted}, "alice"))

    def ids(self, **wanted: str) -> list[str]:
        return [each["request_id"] for each in self.show(**wanted).facts["calls"]]

    def move(self, verb: str, request_id: str, **more: str) -> Verdict:
        arguments = {"request_id": request_id, "backend": "*", "client": "", **more}
        return self.usher.carry_out(Order("queue", verb, arguments, "alice", "she stands at the counter"))

    async def close(self) -> None:
        for task in self.waiting:
            task.cancel()
        await settle()


async def test_who_waits_is_shown() -> None:
    """Which call, whose by a name that is none, for how long and how long still; of its parameters nothing that is secret."""
    hall = await Hall().open()
    await hall.wait("ada", "r-1", params=(("iOrder", "4711"), ("sSessionKey", "secret")))
    await asyncio.sleep(1.0)
    said = hall.show()
    assert (said.ok, said.text) == (True, "1 call waits like that")
    (call,) = said.facts["calls"]
    assert {name: call.pop(name) for name in ("eta_s", "eta_low_s", "eta_high_s")}.keys()
    assert call == {
        "backend": "tickets",
        "request_id": "r-1",
        "client": "<ada>",
        "class": "browse",
        "operation": "Reserve",
        "params": {"iOrder": "4711", "sSessionKey": "***"},
        "waited_s": 1.0,
        "promoted": False,
        "ahead": 0,
    }
    await hall.close()


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, ["r-1", "r-2", "r-3", "r-4"]),
        ({"backend": "tickets"}, ["r-1", "r-2", "r-3"]),
        ({"client": "<ada>"}, ["r-1", "r-4"]),
        ({"client": " <ada> ", "backend": "seats"}, ["r-4"]),
        ({"client": "ada"}, []),
        ({"operation": "Checkout"}, ["r-3"]),
        ({"request_id": "r-2"}, ["r-2"]),
        ({"param": "4711"}, ["r-2"]),
        ({"param": "471"}, []),
        ({"client": "<bob>", "operation": "Reserve", "param": "4711"}, ["r-2"]),
        ({"client": "<bob>", "operation": "Checkout"}, []),
    ],
)
async def test_what_is_looked_for(wanted: dict[str, str], found: list[str]) -> None:
    """All of what is said has to fit, whole; a client's real name is not what he is called here."""
    hall = await Hall().open()
    await hall.wait("ada", "r-1")
    await hall.wait("bob", "r-2", params=(("iOrder", "4711"),))
    await hall.wait("eve", "r-3", operation="Checkout")
    await hall.wait("ada", "r-4", backend="seats")
    assert hall.ids(**wanted) == found
    assert hall.show(**wanted).text == f"{len(found)} call{'s wait' if len(found) != 1 else ' waits'} like that"
    await hall.close()


@pytest.mark.parametrize("first", [FOUND_MOST // 2 + 1, FOUND_MOST])
async def test_a_list_has_an_end(first: int) -> None:
    """A hundred are a screen, of however many lines; the text says that there may be more."""
    hall = await Hall().open()
    for number in range(FOUND_MOST + 1):
        await hall.wait(f"c{number}", f"r-{number}", backend="tickets" if number < first else "seats")
    said = hall.show()
    assert [call["backend"] for call in said.facts["calls"]] == ["tickets"] * first + ["seats"] * (FOUND_MOST - first)
    assert said.text == "the first 100 calls like that: say more of whom you look for"
    await hall.close()


async def test_a_value_is_cut() -> None:
    """What a caller sent may be as long as a body."""
    hall = await Hall().open()
    await hall.wait("ada", "r-1", params=(("iOrder", "4" * 5000),))
    assert hall.show().facts["calls"][0]["params"] == {"iOrder": "4" * 200}
    await hall.close()


async def test_one_goes_before_all_others() -> None:
    """It has the next slot, and the verdict says which it was."""
    hall = await Hall().open()
    first, last = await hall.wait("ada", "r-1"), await hall.wait("bob", "r-2", operation="ReserveTickets")
    said = hall.move("promote", "r-2")
    assert said.text == "tickets: r-2 (ReserveT of <bob>) goes before all others"
    assert [each["request_id"] for each in said.facts["calls"]] == ["r-2"]
    assert [each["promoted"] for each in hall.show(request_id="r-2").facts["calls"]] == [True]
    hall.slots.release(hall.leases[0])
    await settle()
    assert (first.done(), last.done()) == (False, True)
    await hall.close()


async def test_one_is_sent_away() -> None:
    """It is told so, nothing was executed, and the others wait on."""
    hall = await Hall().open()
    here, gone = await hall.wait("ada", "r-1"), await hall.wait("bob", "r-2")
    assert hall.move("drop", "r-2").text == "tickets: r-2 (Reserve of <bob>) was sent away"
    refusal = await gone
    assert isinstance(refusal, Refusal)
    assert (refusal.state, refusal.reason) == ("overloaded", "dropped")
    assert not here.done()
    assert hall.ids() == ["r-1"]
    await hall.close()


@pytest.mark.parametrize("verb", ["promote", "drop"])
async def test_whoever_waits_no_more_is_left_alone(verb: str) -> None:
    """Nothing is done, and it is said why."""
    hall = await Hall().open()
    await hall.wait("ada", "r-1")
    with pytest.raises(OrderError, match="no call with the request id 'r-9' waits"):
        hall.move(verb, "r-9")
    with pytest.raises(OrderError, match="no call with the request id 'r-1' waits"):
        hall.move(verb, "r-1", backend="seats")
    assert hall.ids() == ["r-1"]
    await hall.close()


async def test_an_id_that_two_clients_chose() -> None:
    """Callers may choose their ids: nobody is sent away for another's. Of one client all that bear it are meant."""
    hall = await Hall().open()
    tasks = [await hall.wait(client, "same") for client in ("ada", "bob", "ada")]
    with pytest.raises(OrderError, match="calls of 2 clients have that request id: say --client <ada> or <bob>"):
        hall.move("drop", "same")
    assert not any(task.done() for task in tasks)
    said = hall.move("drop", "same", client="<ada>")
    await settle()
    assert [task.done() for task in tasks] == [True, False, True]
    assert said.text.count("was sent away") == 2
    await hall.close()
