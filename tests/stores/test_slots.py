"""Slots in memory: who waits is woken, in every order of granting, expiring, leaving and cancelling."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st

from sidecar.model import Ahead, Lease, Place, Refusal, Seat, SlotsView
from sidecar.plan import AdaptivePlan
from sidecar.policy.queue import ClassRule
from sidecar.stores.slots import UNLIMITED, MemorySlots
from tests.support.loop import VirtualLoop
from tests.support.world import LoopClock, settle, tickets

pytestmark = pytest.mark.virtual


def slots_of(**changes: Any) -> MemorySlots:
    slots = MemorySlots(LoopClock())
    slots.bound([tickets(**changes)])
    return slots


def seat(client: str = "ada", until_s: float = 60.0) -> Seat:
    return Seat("tickets", client, "Reserve", "browse", LoopClock().now() + until_s)


async def held(slots: MemorySlots, who: Seat | None = None) -> Lease:
    lease = await slots.lease(who or seat())
    assert isinstance(lease, Lease), lease
    return lease


async def joined(slots: MemorySlots, who: Seat | None = None) -> asyncio.Task[Lease | Refusal]:
    task = asyncio.get_running_loop().create_task(slots.lease(who or seat()))
    await settle()
    return task


async def test_a_slot_that_comes_back_wakes_the_next() -> None:
    """At once, in the turn of the loop that follows."""
    slots = slots_of(limit=1)
    first = await held(slots)
    second, third = await joined(slots), await joined(slots)
    slots.release(first)
    await settle()
    assert second.done()
    assert not third.done()
    slots.release(second.result())  # type: ignore[arg-type]  # it is a lease, or the next line fails
    assert isinstance(await third, Lease)


async def test_waiting_ends_exactly_when_it_must() -> None:
    """Not a tick before queue.wait, and the place is free for the next."""
    slots, began = slots_of(limit=1, queue_size=1), LoopClock().now()
    await held(slots)
    refusal = await slots.lease(seat())
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "queue_wait"
    assert LoopClock().now() - began == pytest.approx(5.0)
    assert slots.view("tickets").queued == 0


async def test_a_deadline_inside_the_wait_ends_it() -> None:
    """And is named as such."""
    slots = slots_of(limit=1)
    await held(slots)
    refusal = await slots.lease(seat(until_s=1.5))
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "deadline"


async def test_leaving_gives_up_the_place_at_once() -> None:
    """A cancelled wait is served no slot and holds no place."""
    slots = slots_of(limit=1, queue_size=1)
    lease = await held(slots)
    leaver = await joined(slots)
    leaver.cancel()
    await settle()
    assert slots.view("tickets").queued == 0
    slots.release(lease)
    assert slots.view("tickets").in_flight == 0


async def test_a_slot_granted_in_the_moment_of_leaving_is_not_lost() -> None:
    """Granted first, cancelled before the task ran: the slot goes back."""
    slots = slots_of(limit=1)
    lease = await held(slots)
    leaver = await joined(slots)
    slots.release(lease)
    leaver.cancel()
    await settle()
    assert leaver.cancelled()
    assert slots.view("tickets").in_flight == 0


async def test_a_slot_freed_in_the_moment_of_leaving_goes_to_the_next() -> None:
    """Cancelled first, granted before the task ran: the one behind gets it."""
    slots = slots_of(limit=1)
    lease = await held(slots)
    leaver, behind = await joined(slots), await joined(slots)
    leaver.cancel()
    slots.release(lease)
    await settle()
    assert isinstance(behind.result(), Lease)
    assert slots.view("tickets").in_flight == 1
    assert slots.view("tickets").queued == 0


async def test_a_refusal_in_the_moment_of_leaving_frees_nothing_twice() -> None:
    """Expired and cancelled in one turn."""
    slots = slots_of(limit=1)
    await held(slots)
    leaver = await joined(slots, seat(until_s=1.0))
    asyncio.get_running_loop().call_at(LoopClock().now() + 1.0, leaver.cancel)
    await asyncio.sleep(1.0)
    await settle()
    assert leaver.done()
    assert slots.view("tickets").in_flight == 1
    assert slots.view("tickets").queued == 0


async def test_a_whole_line_that_hangs_up_at_once_is_no_deep_recursion() -> None:
    """A load balancer dies with two thousand callers in the line, and a slot comes back in the same turn of the loop."""
    slots = slots_of(limit=1, queue_size=2001)
    lease = await held(slots)
    leavers = [asyncio.get_running_loop().create_task(slots.lease(seat())) for _ in range(2000)]
    await settle()
    last = await joined(slots)
    for leaver in leavers:
        leaver.cancel()
    slots.release(lease)
    await settle()
    assert isinstance(last.result(), Lease)
    assert slots.view("tickets").in_flight == 1


async def test_a_reseated_place_waits_as_long_as_its_heir_may() -> None:
    """The first owner's second has passed; the heir is still there, until queue.wait is over."""
    slots, began = slots_of(limit=1), LoopClock().now()
    await held(slots)
    old = seat("old", until_s=1.0)
    place = await joined(slots, old)
    slots.reseat(old, seat("heir", until_s=60.0))
    refusal = await place
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "queue_wait"
    assert LoopClock().now() - began == pytest.approx(5.0)


async def test_a_reseated_place_may_also_end_sooner() -> None:
    """An heir in a hurry keeps nobody else's time."""
    slots, began = slots_of(limit=1), LoopClock().now()
    await held(slots)
    old = seat("old")
    place = await joined(slots, old)
    slots.reseat(old, seat("heir", until_s=2.0))
    assert isinstance(await place, Refusal)
    assert LoopClock().now() - began == pytest.approx(2.01), "the hundredth is for whoever asks where it stood"


async def test_a_reseat_of_somebody_who_does_not_wait_is_harmless() -> None:
    """His flight may be at the backend by now."""
    slots = slots_of(limit=1)
    old = seat("old")
    lease = await held(slots, old)
    slots.reseat(old, seat("heir"))
    assert lease.seat is old


async def test_a_ghost_without_room_has_given_its_slot_back() -> None:
    """As the port says, and the line moves."""
    slots = slots_of(limit=1)
    lease = await held(slots)
    behind = await joined(slots)
    assert not slots.haunt(lease)
    await settle()
    assert isinstance(behind.result(), Lease)


async def test_a_ghost_keeps_its_slot_until_released() -> None:
    """One of two."""
    slots = slots_of(limit=2)
    lease = await held(slots)
    assert slots.haunt(lease)
    assert slots.view("tickets").ghosts == 1
    slots.release(lease)
    assert slots.view("tickets").ghosts == 0


async def test_new_bounds_keep_who_is_there() -> None:
    """A wider limit serves the line at once; other backends are not touched."""
    slots = slots_of(limit=1)
    await held(slots)
    behind = await joined(slots)
    slots.bound([tickets(limit=2), replace(tickets(limit=7), name="other")])
    await settle()
    assert isinstance(behind.result(), Lease)
    assert slots.view("other").limit == 7
    assert (
        repr(slots)
        == "<MemorySlots tickets: <Line 2/2 in flight, 0 ghosts, 0 queued> other: <Line 0/7 in flight, 0 ghosts, 0 queued>>"
    )


STEPS = st.lists(
    st.tuples(st.sampled_from(["ask", "cancel", "release", "haunt", "sleep", "reseat", "turn"]), st.integers(0, 7)),
    max_size=40,
)


@hypothesis.given(steps=STEPS)
def test_no_order_of_things_loses_a_slot_or_a_waiter(steps: list[tuple[str, int]]) -> None:
    """Any mix of asking, hanging up, giving back, ghosts, reseats and time: counts agree with what the askers hold."""
    loop = VirtualLoop()
    try:
        loop.run_until_complete(_live(steps))
    finally:
        loop.close()


async def _live(steps: list[tuple[str, int]]) -> None:
    slots, loop = slots_of(limit=2, queue_size=3), asyncio.get_running_loop()
    asking: list[tuple[Seat, asyncio.Task[Lease | Refusal]]] = []
    given: list[Lease] = []
    for step, number in steps:
        if step == "ask":
            who = seat(until_s=1 + number)
            asking.append((who, loop.create_task(slots.lease(who))))
        elif step == "cancel" and asking:
            asking[number % len(asking)][1].cancel()
        elif step == "release" and given:
            slots.release(given.pop(number % len(given)))
        elif step == "haunt" and given:
            lease = given[number % len(given)]
            if not slots.haunt(lease):
                given.remove(lease)
        elif step == "sleep":
            await asyncio.sleep(number / 2)
        elif step == "reseat" and asking:
            at = number % len(asking)
            new = seat("heir", until_s=1 + number)
            slots.reseat(asking[at][0], new)
            asking[at] = (new, asking[at][1])
        elif step == "turn":
            await asyncio.sleep(0)
        given += _collect(asking)
    await _finish(slots, asking, given)


def _collect(asking: list[tuple[Seat, asyncio.Task[Lease | Refusal]]]) -> list[Lease]:
    over = [pair for pair in asking if pair[1].done()]
    for pair in over:
        asking.remove(pair)
    results = [task.result() for _, task in over if not task.cancelled()]
    return [result for result in results if isinstance(result, Lease)]


async def _finish(
    slots: MemorySlots, asking: list[tuple[Seat, asyncio.Task[Lease | Refusal]]], given: list[Lease]
) -> None:
    await settle()
    given += _collect(asking)
    view = slots.view("tickets")
    assert view.in_flight + view.ghosts == len(given) <= 2
    assert view.queued == len(asking) <= 3
    while given or asking:
        while given:
            slots.release(given.pop())
        await settle()
        given += _collect(asking)
    view = slots.view("tickets")
    assert (view.in_flight, view.ghosts, view.queued) == (0, 0, 0)
    assert not slots._futures
    assert not slots._timers


async def test_a_name_that_means_another_backend_begins_anew() -> None:
    """Whoever holds a slot of the old one, or waits for it, does so to the end; the new one owes nothing to it."""
    slots = slots_of(limit=2)
    first, second = await held(slots), await held(slots)
    waiting = await joined(slots)
    slots.forget("tickets")
    assert slots.view("tickets") == SlotsView(0, 0, 0, 0)
    slots.bound([tickets(limit=1)])
    slots.reseat(seat(), seat())
    new = await held(slots)
    assert slots.view("tickets") == SlotsView(1, 1, 0, 0)
    assert slots.haunt(first)
    slots.release(second)
    assert isinstance(await waiting, Lease)
    slots.release(first)
    slots.release(first)
    assert slots.view("tickets") == SlotsView(1, 1, 0, 0)
    slots.release(new)
    assert not slots.haunt(new)


async def test_who_is_refused_at_the_door_is_told_of_the_line() -> None:
    """How many are before him and for how long, whatever he was refused for."""
    slots = slots_of(limit=1, queue_size=1)
    await held(slots)
    waits = await joined(slots)
    refusal = await slots.lease(seat())
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "queue_full"
    assert refusal.line is not None
    assert refusal.line.ahead == 1
    assert refusal.line.stood is None, "he never stood anywhere"
    waits.cancel()
    await settle()


async def test_who_has_waited_in_vain_takes_his_place_with_him_and_stands_there_again() -> None:
    """Before those who came while he waited."""
    slots = slots_of(limit=1, queue_size=9, queue_wait_s=5.0)
    first = await held(slots)
    early = await joined(slots, seat("early"))
    await asyncio.sleep(4.0)
    late = await joined(slots, seat("late"))
    refusal = await early
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "queue_wait"
    assert refusal.line is not None
    assert refusal.line.stood is not None
    again = await joined(slots, seat("early")._replace(place=refusal.line.stood))
    slots.release(first)
    await settle()
    assert again.done()
    assert not late.done()
    slots.release(await again)  # type: ignore[arg-type]  # it is a lease, or the next line fails
    assert isinstance(await late, Lease)


async def test_who_is_held_back_by_a_rate_is_woken_at_his_moment() -> None:
    """Not a tick before, and at once; an operator finds him meanwhile, and who hangs up is forgotten."""
    slots, began = slots_of(limit=2, queue_size=9), LoopClock().now()
    gone = await joined(slots, seat("gone")._replace(not_before=began + 2.0))
    held_back = await joined(slots, seat("a")._replace(not_before=began + 3.0))
    assert [each.client for each in slots.find("tickets")] == ["gone", "a"]
    assert slots.classes("tickets")["browse"] == 2
    assert slots.outlook(seat("b")) == Ahead(0, 0, 0, 0), "a slot is free for anybody else"
    gone.cancel()
    assert isinstance(await held_back, Lease)
    assert LoopClock().now() - began == pytest.approx(3.0)
    assert not slots._held_back


async def test_a_full_line_makes_room_for_a_higher_class() -> None:
    """The youngest of the lowest class is told at once, and where he stood."""
    slots = slots_of(limit=1, queue_size=2)
    await held(slots)
    for name in ("a", "b"):
        await joined(slots, seat(name)._replace(client_class="batch"))
    old, young = list(slots._futures.values())
    buys = await joined(slots, seat("c")._replace(client_class="checkout"))
    assert (old.done(), young.done(), buys.done()) == (False, True, False)
    refusal = young.result()
    assert isinstance(refusal, Refusal)
    assert refusal.line is not None
    assert refusal.line.stood is not None
    assert slots.view("tickets").queued == 2


async def test_an_operator_finds_promotes_and_drops() -> None:
    """By request, or what he was told on the telephone; who is gone by then is left alone."""
    slots = slots_of(limit=1, queue_size=9)
    first = await held(slots)
    one = await joined(slots, seat("a")._replace(request_id="r-1"))
    two = await joined(slots, seat("b")._replace(params=(("iOrder", "4711"),)))
    (found,) = slots.find("tickets", param="4711")
    assert found.client == "b"
    assert slots.promote("tickets", found.waiting)
    slots.release(first)
    await settle()
    assert (one.done(), two.done()) == (False, True)
    assert not slots.promote("tickets", found.waiting), "he waits no more"
    (other,) = slots.find("tickets", request_id="r-1")
    assert slots.drop("tickets", other.waiting)
    refusal = await one
    assert isinstance(refusal, Refusal)
    assert not slots.drop("tickets", other.waiting)
    assert slots.find("nowhere") == []
    assert not slots.promote("nowhere", other.waiting)
    assert not slots.drop("nowhere", other.waiting)


async def test_what_would_be_told_to_whoever_came_now() -> None:
    """Nobody is before him where a slot is free; of a backend that is not there nobody knows."""
    slots = slots_of(limit=1, queue_size=9)
    assert slots.outlook(seat()) == Ahead(0, 0, 0, 0)
    await held(slots)
    outlook = slots.outlook(seat())
    assert outlook is not None
    assert outlook.eta_s > 0, "one is before him that nobody sees: it has the slot"
    await joined(slots)
    outlook = slots.outlook(seat())
    assert outlook is not None
    assert outlook.ahead == 1
    outlook = slots.outlook(seat("other"))
    assert outlook is not None
    assert outlook.ahead == 0, "it is his turn first: the other one has a call at the backend"
    assert slots.outlook(seat()._replace(backend="nowhere")) is None


async def test_what_makes_everybody_wait_is_said_to_whoever_asks() -> None:
    """While a backend is cut off nobody is served, free slots or not; while its limit climbs again, that is the reason."""
    slots = slots_of(limit=AdaptivePlan(1, 4, 8), queue_size=9)
    slots.rest_s = {"tickets": 30.0}.__getitem__
    outlook = slots.outlook(seat())
    assert outlook is not None
    assert (outlook.ahead, outlook.reason, outlook.eta_s >= 30) == (0, "cut_off", True)
    slots.rest_s = lambda _: 0.0
    assert slots.outlook(seat()) == Ahead(0, 0, 0, 0)
    slots.slow_start("tickets")
    await held(slots)
    await joined(slots)
    outlook = slots.outlook(seat())
    assert outlook is not None
    assert outlook.reason == "slow_start"
    (found,) = slots.find("tickets")
    assert found.quote.ahead == 0


async def test_what_only_observes_says_whom_it_would_have_refused() -> None:
    """The limit, where it makes nobody wait; the line, where it turns nobody away; and nothing where both are in force."""
    slots, told = MemorySlots(LoopClock()), list[tuple[str, str, str, int]]()
    slots.observed = lambda seat, mechanism, reason, view: told.append((seat.client, mechanism, reason, view.queued))
    plan = tickets(limit=2, queue_size=1)
    slots.bound([plan], unlimited={"tickets"})
    held_slots = [await held(slots, seat(name)) for name in "abcde"]
    assert told == [("d", "limit", "queue_full", 0), ("e", "limit", "queue_full", 0)], "the third would have waited"
    for lease in held_slots:
        slots.release(lease)
    told.clear()
    slots.bound([plan], wide={"tickets"})
    for name in "ab":
        await held(slots, seat(name))
    waiting = [await joined(slots, seat(name)) for name in "cde"]
    assert told == [("d", "queue", "queue_full", 1), ("e", "queue", "queue_full", 2)]
    slots.bound([tickets(limit=AdaptivePlan(1, 2, 8), queue_size=1)], unlimited={"tickets"})
    told.clear()
    waiting.append(await joined(slots, seat("f")))
    assert told == [("f", "limit", "queue_full", 0)]
    slots.bound([plan])
    assert isinstance(await slots.lease(seat("g")), Refusal)
    slots.bound([plan], {"tickets": 5}, unlimited={"tickets"})
    assert slots.view("tickets").limit == 5, "an order is an order"
    for task in waiting:
        task.cancel()
    await settle()
    assert len(told) == 1


async def test_who_waits_is_counted_and_named() -> None:
    """By class, and by client; whoever is served or has left is neither."""
    slots = slots_of(limit=1, queue_size=9)
    await held(slots, seat("first"))
    await joined(slots, seat("ada"))
    bob = await joined(slots, seat("bob")._replace(client_class="staff"))
    assert slots.classes("tickets") == {"underway": 0, "staff": 1, "checkout": 0, "browse": 1, "batch": 0}
    assert slots.clients("tickets") == {"ada", "bob"}
    bob.cancel()
    await settle()
    assert slots.clients("tickets") == {"ada"}
    assert (slots.classes("nowhere"), slots.clients("nowhere")) == ({}, set())


async def test_a_learnt_limit_rises_with_what_is_told_and_serves_at_once() -> None:
    """Quick answers under a full limit: more may go at once, and whoever waits does not have to wait for an end."""
    slots = slots_of(limit=AdaptivePlan(1, 2, 64), queue_size=500)
    busy = [await held(slots) for _ in range(2)]
    tasks = [await joined(slots) for _ in range(200)]
    for _ in range(100):
        await asyncio.sleep(0.1)
        for lease in busy:
            slots.tell(lease, "Reserve", 0.1, dropped=False)
            slots.release(lease)
        await settle()
        done = [task for task in tasks if task.done()]
        tasks = [task for task in tasks if not task.done()] + [await joined(slots) for _ in done]
        got = [task.result() for task in done]
        busy = [lease for lease in got if isinstance(lease, Lease)]
    assert slots.view("tickets").limit > 2
    for task in tasks:
        task.cancel()
    await settle()
    slots.tell(busy[0], "Reserve", 0.1, dropped=False)
    for lease in busy:
        slots.release(lease)
    slots.tell(busy[0], "Reserve", 0.1, dropped=False)  # of a slot that is given back nothing is learnt


async def test_a_share_that_is_kept_is_lent_out_once_its_class_is_quiet() -> None:
    """Time alone frees such a slot: whoever waits for it is served without anything else happening."""
    slots = MemorySlots(LoopClock())
    classes = (ClassRule("checkout", 8, reserve=0.5), ClassRule("browse", 4))
    slots.bound([tickets(limit=2, queue_size=9, queue_wait_s=60.0)], classes=classes)
    buys = await held(slots, seat("b")._replace(client_class="checkout"))
    slots.release(buys)
    await held(slots)
    waits = await joined(slots)
    assert not waits.done(), "the other slot is kept for whoever buys"
    await asyncio.sleep(15.0)
    assert waits.done()


async def test_a_line_that_may_refuse_nobody() -> None:
    """Protection taken out by an operator: no size, no caps, no limit; put back, nobody is sent away."""
    slots, plan = slots_of(limit=1, queue_size=1), tickets(limit=1, queue_size=1)
    await held(slots)
    slots.bound([plan], wide={"tickets"})
    waiting = [await joined(slots) for _ in range(5)]
    assert slots.view("tickets").queued == 5
    slots.bound([plan], {"tickets": UNLIMITED})
    await settle()
    assert all(task.done() for task in waiting)
    slots.bound([plan])
    assert slots.view("tickets").in_flight == 6
    assert isinstance(await slots.lease(seat("bob", until_s=0.0)), Refusal)


async def test_who_comes_back_to_a_full_line_keeps_his_place() -> None:
    """Nobody who waited starts again, though there is no room for him now."""
    slots = slots_of(limit=1, queue_size=1, queue_wait_s=5.0)
    await held(slots)
    early = await joined(slots, seat("early"))
    await asyncio.sleep(2.0)
    stood = Place(0.0, LoopClock().now() - 1.0)
    refusal = await slots.lease(seat("late")._replace(place=stood))
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "queue_full"
    assert refusal.line is not None
    assert refusal.line.stood == stood
    early.cancel()
    await settle()


async def test_who_waits_for_an_old_backend_is_reseated_there() -> None:
    """Its name means another one by now; a follower's time counts all the same."""
    slots = slots_of(limit=1)
    first = await held(slots)
    owner = seat(until_s=1.0)
    waiting = await joined(slots, owner)
    slots.forget("tickets")
    slots.bound([tickets(limit=1)])
    slots.reseat(owner, seat("bob", until_s=30.0))
    await asyncio.sleep(2.0)
    assert not waiting.done()
    slots.release(first)
    assert isinstance(await waiting, Lease)
