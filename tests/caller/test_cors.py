"""The cors stage: outermost, so that whatever happens further in can be read by the pages that may."""

from __future__ import annotations

import pytest

from sidecar.caller import cors
from sidecar.model import Exchange, Reply, Stream
from sidecar.plan import CorsPlan, Plan
from tests.support.world import Pieces, Scene

pytestmark = pytest.mark.virtual

SHOP = "https://shop.example"
PLAN = Plan(cors=CorsPlan(frozenset((SHOP,))))
PREFLIGHT = (("Origin", SHOP), ("Access-Control-Request-Method", "POST"))


async def asked(
    reply: Reply, headers: tuple[tuple[str, str], ...] = (), method: str = "POST", target: str = "/tickets"
) -> tuple[Reply, list[Exchange], Scene]:
    scene, inner_saw = Scene(plan=PLAN), list[Exchange]()

    async def inner(exchange: Exchange) -> Reply:
        inner_saw.append(exchange)
        return reply

    stage = cors.build(scene.scope(), scene.world, inner)
    return await stage(scene.exchange(method=method, target=target, headers=headers)), inner_saw, scene


@pytest.mark.parametrize("target", ["/tickets", "/nowhere", "*", "/.sidecar/states"])
async def test_a_preflight_is_answered_before_anything_can_refuse_it(target: str) -> None:
    """Whatever its path: the failure that follows must be readable."""
    reply, inner_saw, _ = await asked(Reply(500, ()), PREFLIGHT, "OPTIONS", target)
    assert reply.status == 204
    assert (b"Access-Control-Allow-Origin", SHOP.encode()) in reply.headers
    assert reply.body == ()
    assert inner_saw == []


@pytest.mark.parametrize("headers", [PREFLIGHT[:1], PREFLIGHT[1:], ()], ids=["no-method", "no-origin", "plain"])
async def test_any_other_options_goes_on(headers: tuple[tuple[str, str], ...]) -> None:
    """It is no preflight, so it is somebody's 405."""
    reply, inner_saw, _ = await asked(Reply(405, ()), headers, "OPTIONS")
    assert reply.status == 405
    assert len(inner_saw) == 1


@pytest.mark.parametrize(
    ("origins", "may_write"),
    [((), True), ((SHOP,), True), (("https://evil.example",), False), ((SHOP, SHOP), False)],
    ids=["none", "ours", "evil", "two"],
)
async def test_who_may_write_is_noted_and_every_reply_says_vary(origins: tuple[str, ...], may_write: bool) -> None:
    """Decided here, enforced where the operation is known; a stranger is no error and is told in the log."""
    reply, (exchange,), scene = await asked(Reply(200, ()), tuple(("Origin", origin) for origin in origins))
    assert exchange.may_write is may_write
    assert (b"Vary", b"Origin") in reply.headers
    assert bool(scene.log.named("origin_disallowed")) is not may_write
    assert reply.status == 200


async def test_everything_else_of_the_reply_passes() -> None:
    """Status, phrase, body, stream and the wish to close are the inner stages'; the backend's own permissions are not."""
    pieces = Pieces()
    stream = Stream(pieces.next, pieces.close)
    inner = Reply(
        502, ((b"Access-Control-Allow-Origin", b"*"), (b"X", b"1")), (b"a", b"b"), "Odd", close=True, stream=stream
    )
    reply, _, _ = await asked(inner, (("Origin", SHOP),))
    assert reply._replace(headers=()) == inner._replace(headers=())
    assert (b"X", b"1") in reply.headers
    assert [value for name, value in reply.headers if name == b"Access-Control-Allow-Origin"] == [SHOP.encode()]


async def test_it_says_whose_pages_may_read() -> None:
    """Or that none may."""
    assert cors.describe(Scene(plan=PLAN).scope()) == SHOP
    assert cors.describe(Scene().scope()) == "no other origin may read"
