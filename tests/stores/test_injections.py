"""Faults on purpose in time: they end by themselves, a reload prolongs none of them, and the log says what begins and what is over."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sidecar.policy.injection import Fault, Injection, Kind
from sidecar.stores.injections import MemoryInjections
from tests.support.world import LoopClock, Recorder, tickets

pytestmark = pytest.mark.virtual

RESET = Fault("GetSeats", Kind.RESET, 60.0)
LATE = Fault("*", Kind.LATENCY, 600.0, latency_s=2.0)


class Hall:
    """The store, its log, and what was told of ends."""

    def __init__(self) -> None:
        self.log = Recorder()
        self.here = MemoryInjections(LoopClock(), self.log)
        self.told: list[tuple[str, str, str]] = []
        self.here.told = self.hear

    def hear(self, backend: str, ended: Injection, why: str) -> None:
        self.told.append((backend, ended.id, why))

    def load(self, *faults: Fault, **others: tuple[Fault, ...]) -> None:
        each = {"tickets": faults, **others}
        self.here.load([tickets(name=name, inject=inject) for name, inject in each.items()])

    @property
    def holding(self) -> list[tuple[str, str]]:
        return [(backend, each.id) for backend, each, _ in self.here.view()]

    def ended(self) -> list[tuple[Any, Any]]:
        return [(line.get("id"), line["why"]) for line in self.log.named("fault_ended")]


def hit(hall: Hall) -> None:
    hall.here.at("tickets").ask(0.0, ("GetSeats",), (), lambda: 0.0)


async def test_an_order_holds_and_ends_by_itself() -> None:
    """To the second; the log has both, whoever is to be told hears of the end, and how often it hit is said at it."""
    hall = Hall()
    assert not hall.here.active
    made = hall.here.put("tickets", RESET, "alice", "a rehearsal")
    assert made is not None
    assert hall.here.active
    assert hall.log.named("fault_begun") == [
        {
            "backend": "tickets",
            "id": "f1",
            "fault": "reset on GetSeats",
            "for_s": 60.0,
            "by": "alice",
            "reason": "a rehearsal",
        }
    ]
    hit(hall)
    await asyncio.sleep(59.9)
    assert hall.here.view() == [("tickets", made, 1)]
    await asyncio.sleep(0.2)
    assert hall.here.view() == []
    assert not hall.here.active
    assert hall.here.at("tickets").holding == ()
    assert hall.log.named("fault_ended") == [
        {"backend": "tickets", "id": "f1", "fault": "reset on GetSeats", "hits": 1, "why": "its end has come"}
    ]
    assert hall.told == [("tickets", "f1", "its end has come")]


async def test_one_timer_serves_all() -> None:
    """In whatever order they were asked for, at whatever backend; the next to end is shown first."""
    hall = Hall()
    hall.here.put("tickets", LATE)
    hall.here.put("seats", RESET)
    assert hall.holding == [("seats", "f1"), ("tickets", "f1")]
    await asyncio.sleep(61)
    assert hall.holding == [("tickets", "f1")]
    await asyncio.sleep(600)
    assert hall.holding == []
    assert [line["backend"] for line in hall.log.named("fault_ended")] == ["seats", "tickets"]


async def test_what_is_asked_for_a_backend_is_one_object_for_life() -> None:
    """Stages of pipelines that are long gone still ask it."""
    hall = Hall()
    here = hall.here.at("tickets")
    hall.here.put("tickets", RESET)
    assert len(here.holding) == 1
    hall.here.forget("tickets")
    assert hall.here.at("tickets") is here
    assert here.holding == ()


async def test_settings_count_from_when_they_are_taken() -> None:
    """A reload that says the same again prolongs nothing, and brings nothing back that is over."""
    hall = Hall()
    hall.load(RESET, LATE)
    assert [line["by"] for line in hall.log.named("fault_begun")] == ["settings", "settings"]
    await asyncio.sleep(50)
    hall.load(RESET, LATE)
    await asyncio.sleep(11)
    assert hall.holding == [("tickets", "f2")]
    hall.load(RESET, LATE)
    assert hall.holding == [("tickets", "f2")]
    await asyncio.sleep(600)
    assert hall.holding == []
    assert len(hall.log.named("fault_begun")) == 2


async def test_a_reload_ends_what_the_settings_do_not_say_any_more() -> None:
    """And begins what they say now; what was ordered stands."""
    hall = Hall()
    hall.load(RESET)
    hall.here.put("tickets", RESET, "alice")
    hall.load(LATE)
    assert hall.holding == [("tickets", "f2"), ("tickets", "f3")]
    assert hall.ended() == [("f1", "the settings do not say so any more")]
    assert hall.told == [], "the reload is in the audit itself"
    hall.load()
    assert hall.holding == [("tickets", "f2")]
    hall.load(RESET)
    assert hall.holding == [("tickets", "f2"), ("tickets", "f4")], "whoever takes it out and writes it again means it"
    hall.here.close()


async def test_what_is_over_is_not_ended_again_by_a_reload() -> None:
    """Its id is nobody's any more."""
    hall = Hall()
    hall.load(RESET)
    await asyncio.sleep(61)
    hall.load()
    assert hall.ended() == [("f1", "its end has come")]


async def test_a_backend_that_is_gone_takes_its_faults_along() -> None:
    """Those of settings and those of orders: they must not wait for a backend of that name. It is told, for nobody has asked for it."""
    hall = Hall()
    hall.load(seats=(LATE,))
    hall.here.put("seats", RESET, "alice")
    hall.load()
    assert hall.holding == []
    assert not hall.here.active
    assert [name for name, _, _ in hall.told] == ["seats", "seats"]
    assert hall.told[0][2] == "its backend is gone from the settings, or is another one"
    hall.load(seats=(LATE,))
    assert hall.holding == [("seats", "f3")], "a new one of that name begins as it is written"
    hall.here.close()


async def test_a_name_that_means_another_backend_begins_anew() -> None:
    """What the settings say for the new one holds, from now on."""
    hall = Hall()
    hall.load(LATE)
    await asyncio.sleep(300)
    hall.here.forget("tickets")
    hall.here.forget("never seen")
    hall.load(LATE)
    await asyncio.sleep(301)
    assert hall.holding == [("tickets", "f2")]
    hall.here.clear("tickets", "f2", "enough")
    hall.here.forget("tickets")
    hall.load(LATE)
    assert hall.holding == [], "what has ended does not begin again because the backend has another address"
    hall.here.close()


async def test_one_or_all_are_cleared() -> None:
    """Whoever clears them says why; he is told by what he gets."""
    hall = Hall()
    for _ in range(3):
        hall.here.put("tickets", RESET, "alice")
    assert [each.id for each in hall.here.clear("tickets", "f2", "enough")] == ["f2"]
    assert hall.here.clear("tickets", "f2") == []
    assert [each.id for each in hall.here.clear("tickets")] == ["f1", "f3"]
    assert not hall.here.active
    assert hall.ended()[0] == ("f2", "enough")
    assert hall.told == []
    await asyncio.sleep(100)
    assert len(hall.ended()) == 3


async def test_there_are_only_so_many() -> None:
    """An order is refused; what the settings ask for beyond it does not begin, and the log says so."""
    hall = Hall()
    for _ in range(20):
        hall.here.put("tickets", LATE, "alice")
    assert hall.here.put("tickets", RESET, "alice") is None
    hall.load(RESET)
    assert hall.ended() == [(None, "as many hold as may")]
    hall.load()
    assert len(hall.holding) == 20
    hall.here.close()


async def test_what_a_response_says() -> None:
    """Nothing where nothing holds for its operations; else one item for each, and which of them its own call met."""
    hall = Hall()
    assert hall.here.named("tickets", ("GetSeats",), "") == b""
    hall.here.put("tickets", RESET)
    hall.here.put("tickets", LATE)
    await asyncio.sleep(30)
    assert hall.here.named("tickets", ("Reserve",), "") == (
        b'injected;kind=latency;id=f2;until="2026-12-01T09:09:30.000Z"'
    )
    both = hall.here.named("tickets", ("GetSeats",), "f1").split(b", ")
    assert both[0] == b'injected;kind=reset;id=f1;until="2026-12-01T09:00:30.000Z";hit'
    assert both[1].startswith(b"injected;kind=latency;id=f2")
    assert hall.here.named("seats", ("GetSeats",), "") == b""
    hall.here.clear("tickets")
    assert hall.here.named("tickets", ("GetSeats",), "") == b""


async def test_a_closed_store_leaves_no_timer() -> None:
    """The process ends; nothing is said afterwards."""
    hall = Hall()
    hall.here.put("tickets", RESET)
    hall.here.close()
    hall.here.close()
    await asyncio.sleep(100)
    assert hall.ended() == []


async def test_nobody_has_to_listen() -> None:
    """Where no one wants to be told, the end comes all the same."""
    hall = Hall()
    hall.here.told = None
    hall.here.put("tickets", RESET)
    await asyncio.sleep(61)
    assert hall.holding == []


async def test_what_holds_can_be_read() -> None:
    """By a person who looks at it."""
    hall = Hall()
    assert repr(hall.here) == "<MemoryInjections none>"
    hall.here.put("tickets", RESET)
    assert repr(hall.here) == "<MemoryInjections tickets: <Injections f1 reset on GetSeats, 0 hit>>"
    hall.here.close()
