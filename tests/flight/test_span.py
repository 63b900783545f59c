"""The span: one attempt's time and grade, told once, and nothing of the line."""

from __future__ import annotations

import asyncio

import pytest

from sidecar.flight import span
from sidecar.model import Answer, Executed, Flight, Grade, Level, Outcome, Refusal
from tests.support.world import Scene

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
