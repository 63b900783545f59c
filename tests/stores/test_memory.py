"""Slots, pressure and identities in memory: who waits is woken, in every order of granting, expiring, leaving and cancelling."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st

from sidecar.model import Executed, Grade, Lease, Level, Refusal, Seat, SlotsView
from sidecar.policy.identities import AGE_S
from sidecar.stores.memory import MemoryIdentities, MemoryPressure, MemorySlots
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
    assert LoopClock().now() - began == pytest.approx(2.0)


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


async def test_pressure_is_kept_by_backend_and_read_by_the_clock() -> None:
    """One backend's trouble is no other's, and time passes by itself."""
    pressure = MemoryPressure(LoopClock())
    pressure.tell("tickets", Grade("outcome_unknown", Executed.UNKNOWN, healthy=False), waiting=0)
    assert pressure.level("tickets") is Level.STRAINED
    assert pressure.level("other") is Level.OK
    await asyncio.sleep(5)
    assert pressure.level("tickets") is Level.OK


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


async def test_pressure_of_a_name_that_means_another_backend_begins_anew() -> None:
    """What the old one did says nothing about it."""
    pressure = MemoryPressure(LoopClock())
    for _ in range(3):
        pressure.tell("tickets", Grade("backend_unreachable", Executed.NO, healthy=False), waiting=0)
    assert pressure.level("tickets") is Level.DOWN
    pressure.forget("tickets")
    assert pressure.level("tickets") is Level.OK


async def test_identities_are_kept_by_backend_and_age_by_the_clock() -> None:
    """Known to one backend is not known to another."""
    identities = MemoryIdentities(LoopClock(), b"key")
    identities.bound([tickets(), tickets(name="members")])
    identities.tell("tickets", "192.0.2.7", b"ada", well=True, roomy=False)
    assert identities.ask("tickets", "192.0.2.7", b"ada").startswith("identity:")
    assert identities.ask("members", "192.0.2.7", b"ada") == "192.0.2.7"
    await asyncio.sleep(AGE_S)
    assert identities.ask("tickets", "192.0.2.7", b"ada") == "192.0.2.7"


async def test_a_new_plan_keeps_what_was_learnt_unless_people_show_something_else() -> None:
    """A backend that is gone takes its table with it."""
    identities = MemoryIdentities(LoopClock(), b"key")
    identities.bound([tickets(), tickets(name="members")])
    for backend in ("tickets", "members"):
        identities.tell(backend, "192.0.2.7", b"ada", well=True, roomy=False)
    identities.bound([tickets(limit=7), tickets(name="members", identity_params=("SessionKey",))])
    assert identities.ask("tickets", "192.0.2.7", b"ada") != "192.0.2.7"
    assert identities.ask("members", "192.0.2.7", b"ada") == "192.0.2.7"
    identities.bound([tickets()])
    assert repr(identities) == "<MemoryIdentities tickets: <Identities 1 of 20000, shown by 1 addresses>>"
    identities.tell("members", "192.0.2.7", b"ada", well=True, roomy=False)
    assert identities.ask("members", "192.0.2.7", b"ada") == "192.0.2.7", "its last calls end in peace"
    for _ in range(2):
        identities.forget("tickets")
    identities.bound([tickets()])
    assert identities.ask("tickets", "192.0.2.7", b"ada") == "192.0.2.7"
