"""The route stage: the path alone, the reserved resources, and the end of a drain."""

from __future__ import annotations

import pytest

from sidecar.caller import route
from sidecar.model import Answer, Exchange, Executed, Grade, Outcome, Refusal
from sidecar.plan import Plan, Scope
from tests.support.world import Scene, tickets

pytestmark = pytest.mark.virtual

FINE = Answer(200, "OK", (), (), 0, Grade("ok", Executed.YES))


async def routed(target: str, method: str = "POST", scene: Scene | None = None) -> tuple[Outcome, Exchange]:
    scene = scene or Scene(tickets(sender_status=500))

    async def inner(exchange: Exchange) -> Outcome:
        return FINE

    exchange = scene.exchange(method=method, target=target)
    return await route.build(scene.scope(), scene.world, {"tickets": inner})(exchange), exchange


async def test_a_backends_path_leads_to_its_chain() -> None:
    """With what the inner stages need to know of it."""
    outcome, exchange = await routed("/tickets/GetSeats?x=1")
    assert outcome is FINE
    assert (exchange.backend, exchange.endpoint, exchange.rest, exchange.sender_status) == (
        "tickets",
        "",
        "/GetSeats",
        500,
    )


@pytest.mark.parametrize("target", ["/", "/nowhere", "/tickets/a/b", "/.sidecar/nothing", "/.sidecar"])
async def test_no_path_of_ours(target: str) -> None:
    """Nothing was asked of anybody."""
    outcome, exchange = await routed(target)
    assert isinstance(outcome, Refusal)
    assert (outcome.state, outcome.reason) == ("not_found", "path")
    assert exchange.backend == ""


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_our_own_resources_are_read(method: str) -> None:
    """They execute nothing and are not kept by a cache."""
    outcome, _ = await routed("/.sidecar/healthz", method)
    assert isinstance(outcome, Answer)
    assert (outcome.status, outcome.body, outcome.grade.executed) == (200, (b"{}",), Executed.NO)
    assert (b"Cache-Control", b"no-store") in outcome.headers


async def test_our_own_resources_are_only_read() -> None:
    """And say so."""
    outcome, _ = await routed("/.sidecar/healthz", "POST")
    assert isinstance(outcome, Refusal)
    assert (outcome.state, outcome.allow) == ("method_not_allowed", "GET, HEAD")


async def test_who_comes_after_the_end_is_told_to_go_elsewhere() -> None:
    """And the connection ends, so that the next call is made elsewhere."""
    scene = Scene()
    scene.going = True
    outcome, _ = await routed("/tickets", scene=scene)
    assert isinstance(outcome, Refusal)
    assert (outcome.state, outcome.close) == ("draining", False)


def test_it_says_where_the_backend_lives() -> None:
    """Each endpoint."""
    backend = tickets(endpoints=(("", "http://h/a"), ("reports", "http://h/b")))
    assert route.describe(Scope(Plan(), backend)) == "/tickets /tickets/reports"
