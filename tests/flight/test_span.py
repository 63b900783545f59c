"""The span: one attempt's time and grade, told once, and nothing of the line."""

from __future__ import annotations

import asyncio

import pytest

from sidecar.flight import span
from sidecar.model import Answer, Executed, Flight, Grade, Lease, Level, Outcome, Refusal
from sidecar.plan import AdaptivePlan
from tests.support.world import Scene, tickets

pytestmark = pytest.mark.virtual

FINE = Answer(200, "OK", (), (), 0, Grade("ok", Executed.YES))


async def ran(outcome: Outcome, took_s: float = 1.5) -> tuple[Scene, Flight]:
    scene = Scene()

    async def inner(flight: Flight) -> Outcome:
        await asyncio.sleep(took_s)
        return outcome

    flight = scene.flight()
    assert await span.build(scene.scope(), scene.world, inner)(flight) is outcome
    return scene, flight


async def test_an_attempt_is_timed_and_counted() -> None:
    """The outcome is not touched."""
    scene, flight = await ran(FINE)
    assert flight.backend_s == pytest.approx(1.5)
    assert flight.attempts == 1
    assert scene.pressure.level("tickets") is Level.OK


@pytest.mark.parametrize("state", ["outcome_unknown", "backend_bad_reply", "backend_unreachable"])
async def test_a_failed_attempt_strains_the_backend(state: str) -> None:
    """Whatever failed, it was the backend's doing."""
    scene, _ = await ran(Refusal(state, executed=Executed.NO))
    assert scene.pressure.level("tickets") is Level.STRAINED


@pytest.mark.parametrize("state", ["overloaded", "internal", "draining"])
async def test_what_we_decided_says_nothing_about_the_backend(state: str) -> None:
    """Our own refusals are no evidence."""
    scene, _ = await ran(Refusal(state))
    assert scene.pressure.level("tickets") is Level.OK


async def test_three_refused_connections_are_down() -> None:
    """The gauge hears of each attempt."""
    scene = Scene()

    async def inner(flight: Flight) -> Outcome:
        return Refusal("backend_unreachable", "refused", executed=Executed.NO)

    lane = span.build(scene.scope(), scene.world, inner)
    for _ in range(3):
        await lane(scene.flight())
    assert scene.pressure.level("tickets") is Level.DOWN
    assert "pressure" in span.describe(scene.scope())


@pytest.mark.parametrize(("stale", "took_s", "limit"), [(True, 0.1, 8), (True, 2.0, 1), (False, 0.1, 1)])
async def test_a_kept_connection_that_was_closed_says_nothing_about_the_limit(
    stale: bool, took_s: float, limit: int
) -> None:
    """After a quiet night all of them may be: that is no backend which has had too much. One that breaks later had taken the call."""
    scene = Scene(tickets(limit=AdaptivePlan(1, 8, 64)))

    async def inner(flight: Flight) -> Outcome:
        await asyncio.sleep(took_s)
        flight.stale = stale
        return Refusal("outcome_unknown", "reset", executed=Executed.NO)

    lane = span.build(scene.scope("GetSeats"), scene.world, inner)
    for _ in range(8):
        flight = scene.flight("GetSeats")
        lease = await scene.slots.lease(flight.seat)
        assert isinstance(lease, Lease)
        flight.lease = lease
        await lane(flight)
        scene.slots.release(lease)
    assert scene.slots.view("tickets").limit == limit
