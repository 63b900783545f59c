"""The decode stage: names the operation, and keeps out what may not pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sidecar.caller import decode
from sidecar.model import Answer, Exchange, Executed, Grade, Outcome, Refusal
from sidecar.plan import LimitsPlan, OperationPlan, Plan
from tests.support.world import Scene, tickets

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

pytestmark = pytest.mark.virtual

FINE = Answer(200, "OK", (), (), 0, Grade("ok", Executed.YES))
LINES = (
    OperationPlan("Get*", safe=True, timeout_s=4.0),
    OperationPlan("Search", safe=True, timeout_s=9.0),
    OperationPlan("Buy", timeout_s=20.0),
    OperationPlan("*", timeout_s=60.0),
)


async def decoded(scene: Scene, exchange: Exchange) -> tuple[Outcome, list[str]]:
    exchange.backend, exchange.client = "tickets", "ada"
    lines: list[str] = []

    def chain(pattern: str) -> Callable[[Exchange], Awaitable[Outcome]]:
        async def inner(_: Exchange) -> Outcome:
            lines.append(pattern)
            return FINE

        return inner

    stage = decode.build(scene.scope(), scene.world, {line.pattern: chain(line.pattern) for line in LINES})
    return await stage(exchange), lines


async def refused(scene: Scene, exchange: Exchange) -> Refusal:
    outcome, lines = await decoded(scene, exchange)
    assert lines == [], "nothing went further"
    assert isinstance(outcome, Refusal)
    return outcome


async def test_the_call_is_named_and_goes_down_its_line() -> None:
    """With the body as it came, booked, and the moment of its last byte."""
    scene = Scene(tickets(operations=LINES))
    exchange = scene.exchange(b"GetSeats 7")
    outcome, lines = await decoded(scene, exchange)
    assert outcome is FINE
    assert lines == ["Get*"]
    assert exchange.call is not None
    assert (exchange.call.operation, exchange.call.members, exchange.call.client, exchange.call.key) == (
        "GetSeats",
        ("GetSeats",),
        "ada",
        None,
    )
    assert (exchange.body, exchange.body_at, exchange.safe) == (b"GetSeats 7", scene.clock.now(), True)
    assert scene.memory.held_bytes == len(exchange.body)


async def test_what_is_no_call_is_refused_before_its_body_is_read() -> None:
    """So that nobody uploads a megabyte to be told 415."""
    scene = Scene()
    scene.adapter.refusal = Refusal("unsupported_media", "content_type")
    exchange = scene.exchange()
    assert (await refused(scene, exchange)).state == "unsupported_media"
    assert exchange.account is None
    assert exchange.body == b""


@pytest.mark.parametrize(
    "refusal",
    [Refusal("body_timeout", "body"), Refusal("malformed", "http"), Refusal("overloaded", "buffered")],
    ids=lambda r: r.state,
)
async def test_a_body_that_does_not_come_is_refused(refusal: Refusal) -> None:
    """In the words of whoever read it."""
    scene = Scene()
    assert await refused(scene, scene.exchange(refusal)) is refusal


async def test_the_limit_is_the_plans() -> None:
    """limits.request_body."""
    scene = Scene(plan=Plan(limits=LimitsPlan(request_body_bytes=4)))
    assert (await refused(scene, scene.exchange(b"12345"))).limit_bytes == 4


async def test_what_cannot_be_read_is_refused() -> None:
    """By the adapter's own words."""
    scene = Scene()
    assert (await refused(scene, scene.exchange(b""))).reason == "operation"


@pytest.mark.parametrize("body", [b"DestroyCache 1", b"destroycache 1", b"Batch 1"])
async def test_denied_is_denied(body: bytes) -> None:
    """Whatever its case, and as one of several members too."""
    scene = Scene(tickets(deny=("DestroyCache",), operations=LINES))
    scene.adapter.members["Batch"] = ("GetSeats", "DestroyCache")
    refusal = await refused(scene, scene.exchange(body))
    assert (refusal.state, refusal.reason) == ("operation_denied", "deny")


async def test_a_page_of_a_foreign_origin_may_ask_and_not_write() -> None:
    """CORS hides the answer, not the deed."""
    scene = Scene(tickets(operations=LINES))
    stranger = scene.exchange(b"Reserve 1")
    stranger.may_write = False
    refusal = await refused(scene, stranger)
    assert refusal.state == "origin_denied"
    assert "cors.origins" in str(refusal.detail)
    stranger = scene.exchange(b"GetSeats 1")
    stranger.may_write = False
    assert (await decoded(scene, stranger))[0] is FINE


@pytest.mark.parametrize(
    ("operation", "members", "pattern"),
    [
        ("GetSeats", (), "Get*"),
        ("GetSeats", ("GetSeats",), "Get*"),
        ("system.multicall", ("GetA", "Search", "GetB"), "Search"),
        ("system.multicall", ("GetA", "Buy", "Search"), "Buy"),
        ("system.multicall", ("Buy", "Reserve"), "*"),
        ("GetSeats", ("GetSeats", "Reserve"), "*"),
    ],
)
async def test_several_members_are_ruled_by_the_strictest(
    operation: str, members: tuple[str, ...], pattern: str
) -> None:
    """One that may change something makes the whole unsafe; else the slowest decides how long."""
    assert decode.rule(tickets(operations=LINES), operation, members)[0].pattern == pattern


async def test_it_says_what_is_refused() -> None:
    """The limit, and who is denied."""
    assert decode.describe(Scene(tickets(deny=("A", "B"))).scope()) == "bodies up to 1048576 bytes; deny A, B"
    assert decode.describe(Scene().scope()) == "bodies up to 1048576 bytes"
