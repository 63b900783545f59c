"""Gates on the whole road: a refusal is its caller's alone, who joins pays nothing, and calls that wait keep their order."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from sidecar import pipeline
from sidecar.model import Notice
from sidecar.plan import CachePlan, IdempotencyPlan, OperationPlan, SharedPlan
from sidecar.policy.pauses import EVERYTHING, Kind, Scope, Sign
from sidecar.policy.rates import Mode, Per, RateRule
from sidecar.tasks import spawn
from tests.support.world import OK, Ask, Scene, settle, state_of, tickets

if TYPE_CHECKING:
    from sidecar.model import Received, Reply

pytestmark = pytest.mark.virtual

ONE = RateRule(Per.CLIENT, 1, 10.0, 1)
SHAPED = RateRule(Per.BACKEND, 1, 1.0, 1, Mode.SHAPE)
KEPT = OperationPlan("Get*", safe=True, timeout_s=8.0, cache=CachePlan(ttl_s=30.0), shared=SharedPlan("drop"))


class Road:
    """Both lanes over a scripted backend, with one caller after another."""

    def __init__(self, *rules: RateRule, line: OperationPlan = KEPT, **changes: object) -> None:
        self.scene = Scene(tickets(rates=rules, operations=(line, OperationPlan()), **changes))
        self.handler = pipeline.build(self.scene.plan, self.scene.world)

    def call(self, body: bytes, client: str = "ada", key: str = "") -> asyncio.Task[Reply]:
        """Let one caller call."""
        headers = (("Content-Type", "text/xml"), ("X-Client", client), *([("Idempotency-Key", key)] if key else []))
        return spawn(self.handler(self.scene.exchange(body, headers=headers)), "caller")


def header(reply: Reply, name: bytes) -> bytes | None:
    return next((value for key, value in reply.headers if key == name), None)


async def test_who_is_over_his_rate_is_told_and_nobody_else() -> None:
    """Before anything is sent; another client goes on."""
    road = Road(ONE)
    road.scene.upstream.auto = lambda _: OK
    replies = [await road.call(b"Reserve 1", who) for who in ("ada", "ada", "bob")]
    states = [state_of(reply).partition(";")[0] for reply in replies]
    assert states == ["ok", "rate_limited", "ok"]
    assert len(road.scene.upstream.asks) == 2
    assert header(replies[0], b"RateLimit") == b'"client";r=0;t=10'
    assert header(replies[1], b"RateLimit") == b'"client";r=0;t=10'
    assert header(replies[1], b"RateLimit-Policy") == b'"client";q=1;w=10'
    assert header(replies[1], b"Retry-After") == b"10"
    assert replies[1].status == 429
    assert b"RateLimit: " in replies[1].block
    assert not road.scene.log.bugs


async def test_who_joins_a_flight_or_is_answered_from_memory_pays_nothing() -> None:
    """Only he who starts one: the followers, over their rate or not, get his answer."""
    road = Road(ONE)
    first = road.call(b"GetSeats x=1", "ada")
    ask = await road.scene.upstream.ask(0)
    followers = [road.call(b"GetSeats x=1", who) for who in ("ada", "bob", "bob")]
    await settle()
    ask.answer()
    replies = [await each for each in (first, *followers)]
    assert [reply.status for reply in replies] == [200] * 4
    assert [header(reply, b"RateLimit") is None for reply in replies] == [False, True, True, True]
    assert (await road.call(b"GetSeats x=1", "ada")).status == 200
    road.scene.upstream.auto = lambda _: OK
    assert (await road.call(b"GetSeats x=2", "bob")).status == 200
    assert (await road.call(b"GetSeats x=3", "ada")).status == 429
    assert len(road.scene.upstream.asks) == 2
    assert not road.scene.log.bugs


async def test_a_refusal_leaves_no_flight_that_anybody_could_follow() -> None:
    """The next who asks the same, and may, starts one."""
    road = Road(ONE)
    road.scene.upstream.auto = lambda _: OK
    await road.call(b"Reserve 1", "ada")
    calls = [road.call(b"GetSeats x=1", who) for who in ("ada", "bob", "cyd")]
    assert [(await each).status for each in calls] == [429, 200, 200]
    assert len(road.scene.upstream.asks) == 2


async def test_calls_that_are_shaped_start_in_their_order_and_at_their_time() -> None:
    """One a second, as they came, each told how long it waited; beyond queue.wait they are refused at the door."""
    road = Road(SHAPED, queue_wait_s=3.0)
    sent: list[tuple[float, bytes]] = []
    clock, began = road.scene.clock, road.scene.clock.now()

    def note(ask: Ask) -> Received:
        sent.append((round(clock.now() - began, 6), ask.outbound.body))
        return OK

    road.scene.upstream.auto = note
    calls = []
    for number in range(6):
        calls.append(road.call(b"Reserve %d" % number, f"client{number}"))
        await settle()
    replies = [await each for each in calls]
    assert [reply.status for reply in replies] == [200] * 4 + [429] * 2
    assert sent == [(float(number), b"Reserve %d" % number) for number in range(4)]
    assert header(replies[4], b"RateLimit") == b'"backend";r=0;t=4'
    waited = [task.flight.queue_s for task in road.scene.answered if task.flight is not None]
    assert waited == pytest.approx([0.0, 1.0, 2.0, 3.0])
    assert not road.scene.log.bugs


async def test_who_hangs_up_while_he_waits_for_his_moment_sends_nothing() -> None:
    """And the others come at theirs; who has joined him meanwhile is not left alone."""
    road = Road(SHAPED, queue_wait_s=9.0)
    road.scene.upstream.auto = lambda _: OK
    await road.call(b"Reserve 0")
    gone = road.call(b"GetSeats x=1")
    await settle()
    joined = road.call(b"GetSeats x=1", "bob")
    alone, last = road.call(b"Reserve 1"), road.call(b"Reserve 2")
    await settle()
    gone.cancel()
    alone.cancel()
    assert (await joined).status == 200
    assert (await last).status == 200
    assert [ask.outbound.body for ask in road.scene.upstream.asks] == [b"Reserve 0", b"GetSeats x=1", b"Reserve 2"]
    assert not road.scene.log.bugs


def sign(scope: Scope = Scope.ENTRY) -> Sign:
    return Sign("p1", Kind.PAUSE, EVERYTHING, Notice("p1", "warning", (("en", "Back at 9:20"),)), 0.0, scope, end=1e6)


async def test_a_pause_holds_up_who_would_start_a_flight_and_nobody_else() -> None:
    """What is kept is given, who joins is answered, what is under way ends; nothing new is sent, nobody's rate is charged."""
    road = Road(ONE)
    flying = road.call(b"GetSeats x=1", "ada")
    ask = await road.scene.upstream.ask(0)
    await road.scene.pauses.put(sign())
    joined = road.call(b"GetSeats x=1", "bob")
    refused = [await road.call(body, "cyd") for body in (b"Reserve 1", b"GetSeats x=2", b"Reserve 1")]
    await settle()
    ask.answer()
    assert [state_of(await each).partition(";")[0] for each in (flying, joined)] == ["ok", "ok"]
    assert state_of(await road.call(b"GetSeats x=1", "dan")).startswith("cached")
    assert {state_of(each) for each in refused} == {"paused;reason=everything;executed=no"}
    assert [header(each, b"RateLimit") for each in refused] == [None] * 3
    assert len(road.scene.upstream.asks) == 1
    await road.scene.pauses.clear(Kind.PAUSE, EVERYTHING)
    road.scene.upstream.auto = lambda _: OK
    assert (await road.call(b"Reserve 1", "cyd")).status == 200
    assert not road.scene.log.bugs


async def test_what_is_kept_is_given_while_nobody_renews_it() -> None:
    """Its renewal is held up as whoever asks for himself would be."""
    old = OperationPlan("Get*", safe=True, cache=CachePlan(ttl_s=1.0, swr_s=60.0), shared=SharedPlan("drop"))
    road = Road(line=old)
    road.scene.upstream.auto = lambda _: OK
    await road.call(b"GetSeats x=1")
    await road.scene.pauses.put(sign())
    await asyncio.sleep(5)
    for _ in range(3):
        assert state_of(await road.call(b"GetSeats x=1")).startswith("stale;age=5;reason=revalidating")
        await settle()
    assert len(road.scene.upstream.asks) == 1
    await road.scene.pauses.clear(Kind.PAUSE, EVERYTHING)
    await road.call(b"GetSeats x=1")
    await settle()
    assert len(road.scene.upstream.asks) == 2
    assert not road.scene.log.bugs


async def test_a_key_that_met_a_pause_is_free() -> None:
    """Nothing was done under it: the same call with the same key is made afterwards, once."""
    road = Road(line=OperationPlan("Buy*", idempotency=IdempotencyPlan()))
    road.scene.upstream.auto = lambda _: OK
    await road.scene.pauses.put(sign(Scope.ALL))
    for _ in range(2):
        said = await road.call(b"Buy n=1", key="sale-1")
        assert state_of(said) == "paused;reason=everything;executed=no"
    await road.scene.pauses.clear(Kind.PAUSE, EVERYTHING)
    assert state_of(await road.call(b"Buy n=1", key="sale-1")).startswith("ok")
    await road.scene.pauses.put(sign(Scope.ALL))
    assert state_of(await road.call(b"Buy n=1", key="sale-1")).startswith(
        "replayed"
    )  # what was done is told, paused or not
    assert len(road.scene.upstream.asks) == 1
    road.scene.pauses.close()


@pytest.mark.parametrize(
    ("scope", "states", "sent"), [(Scope.ENTRY, ["ok"] * 4, 4), (Scope.ALL, ["ok", "ok", "paused", "paused"], 2)]
)
async def test_who_waits_in_the_line_goes_on_unless_everybody_is_held_up(
    scope: Scope, states: list[str], sent: int
) -> None:
    """What the backend has it ends; of what it has not, nothing is sent while nobody may."""
    road = Road()
    calls = [road.call(b"Reserve %d" % number, f"client{number}") for number in range(4)]
    asks = [await road.scene.upstream.ask(number) for number in range(2)]
    await settle()
    assert road.scene.view == "2+0 of 2, 2 queued"
    await road.scene.pauses.put(sign(scope))
    road.scene.upstream.auto = lambda _: OK
    for ask in asks:
        ask.answer()
    assert [state_of(await each).partition(";")[0] for each in calls] == states
    assert len(road.scene.upstream.asks) == sent
    assert road.scene.view == "0+0 of 2, 0 queued"
    assert not road.scene.log.bugs
    road.scene.pauses.close()
