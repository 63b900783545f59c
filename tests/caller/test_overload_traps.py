"""Where the stages of overload meet: a crowd that comes, hangs up and comes back while the backend fails in every way it can.

What must hold whatever happens: no slot, permit or waiter is left over, nothing is executed twice, nobody is told that nothing was done
when it was, and the backend never has more at once than it may.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from random import Random
from typing import TYPE_CHECKING

import pytest

from sidecar import pipeline
from sidecar.model import Failed, Progress, SlotsView
from sidecar.plan import AdaptivePlan, CachePlan, OperationPlan, SharedPlan
from sidecar.policy.budget import RetryRule
from sidecar.policy.injection import Fault, Kind
from sidecar.policy.queue import ClassRule
from sidecar.policy.rates import Mode, Per, RateRule
from sidecar.tasks import alive, spawn
from tests.support.world import OK, REFUSED, RESET, Ask, LateReply, Scene, settle, state_of, tickets

if TYPE_CHECKING:
    from sidecar.model import Received, Reply
    from sidecar.policy.queue import Line

pytestmark = pytest.mark.virtual

MOST = 12  # calls at once that the limit may find
TICK_S = 0.05
MOODS = ("well", "sick", "well", "slow", "well", "gone")
BUSY = OK._replace(status=503, phrase="Service Unavailable", body=(b"<html>busy",))
HALF = OK._replace(body=(b"<html>",))
STALE = Failed("outcome_unknown", "closed", "closed before any reply", sent=True, stale=True)
READ = OperationPlan("Get*", safe=True, timeout_s=8.0, share=0.5, cache=CachePlan(ttl_s=0.2), shared=SharedPlan("drop"))
LOOK = OperationPlan("Look*", safe=True, timeout_s=6.0, attempt_first_byte_s=2.0, attempt_total_s=3.0)
BUY = OperationPlan("*", timeout_s=12.0, client_class="checkout")
CLASSES = (ClassRule("checkout", 8, reserve=0.3), ClassRule("browse", 4), ClassRule("batch", 1))


class Storm:
    """One run, all of it drawn from a seed."""

    def __init__(self, seed: int, *, learns: bool) -> None:
        self.chance = Random(seed)
        self.scene = Scene(
            tickets(
                limit=AdaptivePlan(1, 4, MOST) if learns else MOST // 2,
                queue_size=12,
                queue_wait_s=3.0,
                queue_share=0.3,
                ghost_s=4.0,
                retry=RetryRule(0.5, 3),
                rates=(RateRule(Per.BACKEND, 60, 1.0, 20, Mode.SHAPE), RateRule(Per.CLIENT, 20, 1.0, 10)),
                operations=(READ, LOOK, BUY),
            )
        )
        self.handler = pipeline.build(self.scene.plan, self.scene.world)
        self.replies: list[tuple[bytes, Reply]] = []
        self.places: list[tuple[bytes, str, str]] = []
        self.lines: list[Line] = []  # of backends that had the name before
        self.mood = "well"
        self.asked: Counter[bytes] = Counter()
        self._number = 0

    def tick(self, low_s: float, high_s: float) -> float:
        """Draw a time in whole ticks, so that much happens in one turn of the loop."""
        return round(self.chance.uniform(low_s, high_s) / TICK_S) * TICK_S

    async def backend(self) -> None:
        """Answer each attempt after a while, as the backend's mood is."""
        number = 0
        while True:
            ask = await self.scene.upstream.ask(number)
            number += 1
            spawn(self._answered(ask), "backend")

    async def _answered(self, ask: Ask) -> None:
        draw, mood = self.chance.random(), self.mood
        if mood == "gone":
            ask.answer(REFUSED)
            return
        await asyncio.sleep(self.tick(0.0, 0.1))
        if ask.cancelled or ask.track.abandoned:  # as the real upstream looks before it writes
            return
        if draw < 0.1 and mood == "sick":
            ask.answer(STALE)
            return
        ask.reach(Progress.BODY)
        if draw < 0.3 and mood == "sick":
            await asyncio.sleep(0.3)
            ghost = LateReply()
            ask.haunt(ghost)
            await asyncio.sleep(self.tick(0.0, 6.0))
            if not ghost.closed:
                ghost.come()
            return
        await asyncio.sleep(self.tick(0.05, 0.3 if mood == "well" else 1.5))
        ill: list[Received | Failed] = [OK, OK, BUSY, RESET, HALF]
        ask.answer(self.chance.choice(ill) if mood == "sick" else OK)

    async def caller(self) -> None:
        """Ask once, perhaps hang up; who is handed a place may come back with it."""
        dice = self.chance
        self._number += 1
        client = dice.choice(["greedy", f"c{dice.randrange(30)}"])
        body = dice.choice(
            [b"GetSeats x=%d" % dice.randrange(4), b"LookUp %d" % self._number, b"Buy %d" % self._number]
        )
        place = ""
        if self.places and dice.random() < 0.7:
            body, client, place = self.places.pop(dice.randrange(len(self.places)))
        self.asked[body] += 1
        lines = [("Content-Type", "text/xml"), ("X-Client", client)]
        lines += [("Sidecar-Place", place)] if place else []
        lines += [("Sidecar-Timeout", f"{self.tick(0.05, 3.0):.3f}")] if dice.random() < 0.2 else []
        task = spawn(self.handler(self.scene.exchange(body, headers=lines)), "caller")
        if dice.random() < 0.25:
            await asyncio.sleep(self.tick(0.0, 2.0))
            task.cancel()
        with suppress(asyncio.CancelledError):
            reply = await task
            self.replies.append((body, reply))
            for name, value in reply.headers:
                if name == b"Sidecar-Place":
                    self.places.append((body, client, value.decode()))

    def meddle(self) -> None:
        """Do what operators do meanwhile."""
        scene, plan, dice = self.scene, self.scene.backend, self.chance
        match dice.randrange(7):
            case 0:
                scene.slots.bound([plan], {"tickets": dice.randrange(1, MOST)}, CLASSES)
            case 1:
                scene.slots.bound([plan], {}, CLASSES)
            case 2:
                found = scene.slots.find("tickets")
                if found:
                    scene.slots.promote("tickets", dice.choice(found).waiting)
            case 3:
                found = scene.slots.find("tickets")
                if found:
                    scene.slots.drop("tickets", dice.choice(found).waiting)
            case 4:
                scene.places.bound([plan], scene.places._keys)
            case 5:  # the name means another backend: who holds or waits ends with the old one
                self.lines.append(scene.slots._lines["tickets"])
                for store in (scene.slots, scene.rates, scene.breakers, scene.retries, scene.injections):
                    store.forget("tickets")
                scene.slots.bound([plan], {}, CLASSES)
                scene.rates.bound({"tickets": plan.all_rates})
            case _:
                kind = dice.choice([Kind.RESET, Kind.ERROR, Kind.LATENCY])
                scene.injections.put("tickets", Fault("*", kind, 0.5, share=0.3, latency_s=0.2, status=0))
        scene.slots.pulse()

    async def run(self, rounds: int) -> None:
        scene, dice = self.scene, self.chance
        scene.slots.bound([scene.backend], {}, CLASSES)
        backend = spawn(self.backend(), "backends")
        callers = []
        for number in range(rounds):
            self.mood = MOODS[number // 40 % len(MOODS)]
            callers.append(spawn(self.caller(), "callers"))
            if number % 2:
                await asyncio.sleep(TICK_S)
            if dice.random() < 0.05:
                self.meddle()
            for line in (*self.lines, scene.slots._lines["tickets"]):
                assert line.watch() is None, "a slot is free that somebody waits for"
        await asyncio.gather(*callers)
        await asyncio.sleep(60.0)
        backend.cancel()
        await settle()


@pytest.mark.thinned(3)
@pytest.mark.parametrize("learns", [True, False], ids=["learnt", "fixed"])
@pytest.mark.parametrize("seed", range(3))
async def test_nothing_is_left_over_of_a_storm(seed: int, learns: bool) -> None:
    """Calls that wait, hang up, fail, haunt and come back with places, while bounds move and operators meddle."""
    storm = Storm(seed, learns=learns)
    scene = storm.scene
    await storm.run(600)
    assert not scene.log.bugs
    for line in (*storm.lines, scene.slots._lines["tickets"]):
        assert line.view()._replace(limit=0) == SlotsView(0, 0, 0, 0)
    slots = scene.slots
    assert [len(each) for each in (slots._futures, slots._timers, slots._line_of, slots._looking)] == [0] * 4
    assert len(scene.flights) == 0
    breakers = scene.breakers._backends["tickets"]
    assert [len(each._trial) for each in (breakers.whole, *breakers.operations.values())] == [0] * (
        1 + len(breakers.operations)
    )
    bought = Counter(ask.outbound.body for ask in scene.upstream.executed if ask.outbound.body.startswith(b"Buy"))
    told = [(body, state_of(reply)) for body, reply in storm.replies if body.startswith(b"Buy")]
    assert {body for body, state in told if "executed=yes" in state} <= bought.keys()
    states = {state_of(reply).partition(";")[0] for _, reply in storm.replies}
    assert states >= {"ok", "overloaded", "backend_unreachable", "outcome_unknown"}, "else it was no storm"
    assert not [task for task in alive() if task.get_name().startswith(("flight", "ghost", "caller"))]
    assert scene.upstream.peak <= MOST * (1 + len(storm.lines))
    assert max(bought.values()) == 1, "who came back with a place had bought nothing before"
    assert not [body for body, state in told if "executed=no" in state and bought[body] and storm.asked[body] == 1]
