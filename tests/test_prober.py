"""Probes: made by their schedule beside the callers' slots, told to the breaker, and never the end of anything."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from sidecar import pipeline
from sidecar.model import Lease, Result
from sidecar.plan import ProbePlan
from sidecar.policy.breaking import State
from sidecar.prober import Prober
from tests.support.world import OK, REFUSED, RESET, Pieces, Scene, settle, tickets

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sidecar.model import Failed, Received

pytestmark = pytest.mark.virtual


class Probes:
    """One prober of one backend, whose calls are answered by hand."""

    def __init__(self, operation: str = "GetHello", every_s: float = 10.0) -> None:
        self.scene = Scene(tickets(probe=ProbePlan(operation, every_s)))
        scene = self.scene
        probe = pipeline.prober(scene.plan, scene.plan.backends[0], scene.world)
        assert probe is not None
        self.prober = Prober(scene.clock, scene.log, scene.breakers, lambda: 0.5)
        self.prober.bound({"tickets": (every_s, probe)})

    async def answers(self, number: int, result: Received | Failed = OK) -> None:
        ask = await self.scene.upstream.ask(number)
        ask.answer(result)
        await settle()

    def state(self) -> State:
        return self.scene.breakers.view("tickets")[None].state


async def test_one_at_the_start_and_then_now_and_then() -> None:
    """It asks what the settings name, on a connection of its own, and takes no slot from callers."""
    here = Probes()
    held = [await here.scene.slots.lease(here.scene.flight().seat) for _ in range(2)]
    assert all(isinstance(each, Lease) for each in held), "there is no other slot"
    await here.answers(0)
    first = here.scene.upstream.asks[0]
    assert (first.outbound.body, first.limits.fresh) == (b"GetHello", True)
    await asyncio.sleep(9.0)
    assert len(here.scene.upstream.asks) == 1
    await asyncio.sleep(2.0)
    assert len(here.scene.upstream.asks) == 2
    await here.answers(1)
    assert repr(here.prober).startswith("<Prober tickets: <Schedule next at")
    here.prober.close()
    await asyncio.sleep(30.0)
    assert len(here.scene.upstream.asks) == 2


async def test_a_dead_backend_is_known_before_anybody_calls() -> None:
    """Three probes in a row, a second apart, and callers are refused at the door; when it is back, probes alone close it again."""
    here = Probes()
    for number in range(3):
        await here.answers(number, REFUSED)
        await asyncio.sleep(1.2)
    assert here.state() is State.CUT_OFF
    refusal = here.scene.breakers.peek("tickets", "Reserve", safe=False)
    assert refusal is not None
    assert (refusal.state, refusal.reason) == ("backend_unreachable", "cut_off")
    number = 3
    while here.state() is not State.CLOSED:
        await here.answers(number)
        number += 1
        await asyncio.sleep(1.2 if here.state() is State.TESTING else 11.0)
        assert number < 20
    here.prober.close()


async def test_without_a_contract_nothing_is_asked() -> None:
    """Nobody knows how to ask yet: that says nothing of the backend."""
    here = Probes("Unknown")
    await asyncio.sleep(60.0)
    assert here.scene.upstream.asks == []
    assert here.state() is State.CLOSED
    here.prober.close()


async def test_a_probe_that_fails_of_ours_ends_nothing() -> None:
    """It is a bug, said in the log, and the next one is made all the same."""
    scene = Scene()
    made = 0

    async def probe() -> Result:
        nonlocal made
        made += 1
        raise RuntimeError("a bug")

    prober = Prober(scene.clock, scene.log, scene.breakers, lambda: 0.5)
    prober.bound({"tickets": (10.0, probe)})
    await asyncio.sleep(25.0)
    assert made == 3
    assert len(scene.log.bugs) == 3
    scene.log.events.clear()
    prober.close()


async def test_a_new_plan() -> None:
    """What is probed no more is left alone, also where one is under way; another time between two counts at once."""
    here = Probes()
    first = await here.scene.upstream.ask(0)
    here.prober.bound({})
    first.answer(RESET)
    await asyncio.sleep(60.0)
    assert len(here.scene.upstream.asks) == 1
    asked: list[float] = []

    def probing() -> Callable[[], Awaitable[Result]]:
        async def probe() -> Result:
            asked.append(here.scene.clock.now())
            return Result.OK

        return probe

    here.prober.bound({"tickets": (100.0, probing())})
    await settle()
    here.prober.bound({"tickets": (10.0, probing())})
    await asyncio.sleep(11.0)
    assert len(asked) == 2
    here.prober.close()


def test_a_backend_without_a_probe_has_none() -> None:
    """Nothing is made for it."""

    async def none() -> object:
        scene = Scene()
        return pipeline.prober(scene.plan, replace(scene.backend, probe=None), scene.world)

    assert asyncio.run(none()) is None


async def test_a_probe_reads_no_stream_and_keeps_no_connection() -> None:
    """Of an operation that streams the head says enough; what is left of its reply is nobody's."""
    here, rest = Probes(), Pieces(b"more")
    await here.answers(0, rest.received())
    assert rest.closed == 1
    here.prober.close()


async def test_probes_do_not_pile_up_in_a_backend_that_hangs() -> None:
    """However long the operation may take, one is over before the next is made; three of them are an outage."""
    here = Probes()
    await asyncio.sleep(300.0)
    assert here.scene.upstream.peak == 1
    assert here.state() is not State.CLOSED
    assert not here.scene.log.bugs
    here.prober.close()
