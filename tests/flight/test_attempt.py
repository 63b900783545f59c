"""The attempt: its bounds are the operation's, and a second one opens a new connection."""

from __future__ import annotations

import pytest

from sidecar.flight import attempt
from sidecar.ports import AttemptLimits
from tests.support.world import OK, Scene, tickets

pytestmark = pytest.mark.virtual


async def test_it_carries_the_flights_request_within_the_operations_bounds() -> None:
    """One call of the port, with the flight's own track and account."""
    scene = Scene(tickets())
    scene.upstream.auto = lambda _: OK
    flight = scene.flight("GetSeats")
    stage = attempt.build(scene.scope("GetSeats"), scene.world, None)
    assert await stage(flight) is OK
    (ask,) = scene.upstream.asks
    assert (ask.outbound, ask.track, ask.account) == (flight.outbound, flight.track, flight.account)
    assert ask.limits == AttemptLimits(2.0, 10.0, 15.0, 16 * 1024 * 1024)


async def test_a_retry_asks_for_a_fresh_connection() -> None:
    """Nothing else differs."""
    scene = Scene()
    scene.upstream.auto = lambda _: OK
    flight = scene.flight()
    stage = attempt.build(scene.scope(), scene.world, None)
    flight.fresh = True
    await stage(flight)
    flight.fresh = False
    await stage(flight)
    assert [ask.limits.fresh for ask in scene.upstream.asks] == [True, False]
    assert attempt.describe(scene.scope("GetSeats")) == "connect 2 s, first byte 10 s, total 15 s"
