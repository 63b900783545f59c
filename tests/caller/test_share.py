"""One backend's callers never take what belongs to its neighbours."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from sidecar.caller import share
from sidecar.headcount import Headcount
from sidecar.model import Answer, Exchange, Executed, Grade, Peer, Protocol, Refusal
from sidecar.plan import BackendPlan, LimitsPlan, Plan, Scope

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sidecar.model import Outcome

pytestmark = pytest.mark.virtual

ANSWER = Answer(200, "OK", (), (), 0, Grade("ok", Executed.YES))


def world() -> Any:
    return cast("Any", SimpleNamespace(headcounts=defaultdict(Headcount)))


def exchange(address: str = "") -> Exchange:
    return Exchange(cast("Any", None), cast("Any", None), Peer(address, tls=False), 0.0)


def scope(*names: str, connections: int = 4) -> Scope:
    backends = tuple(BackendPlan(name, Protocol.SOAP, f"/{name}", (("", "http://127.0.0.1:9/"),)) for name in names)
    return Scope(Plan(limits=LimitsPlan(connections=connections, per_backend=0.5), backends=backends), backends[0])


async def test_above_its_share_a_caller_is_refused_and_below_it_served() -> None:
    """Two of four connections are this backend's: the third request is told so at once, and a free one is used again."""
    gate = asyncio.Event()

    async def inner(_: Exchange) -> Outcome:
        await gate.wait()
        return ANSWER

    stage = share.build(scope("a", "b"), world(), inner)
    both = [exchange(), exchange()]
    async with asyncio.TaskGroup() as group:
        first = [group.create_task(stage(each)) for each in both]
        await asyncio.sleep(0)
        await refused(stage)
        gate.set()
    assert [task.result() for task in first] == [ANSWER, ANSWER]
    written(both[0])
    assert await stage(exchange()) is ANSWER


async def test_a_place_is_held_until_the_reply_has_been_written() -> None:
    """Whoever does not read his reply keeps the connection, and so the place; then it is free, once."""

    async def inner(_: Exchange) -> Outcome:
        return ANSWER

    stage = share.build(scope("a", "b", connections=2), world(), inner)
    for _ in range(3):
        slow = exchange()
        assert await stage(slow) is ANSWER
        await refused(stage)
        written(slow)


async def test_a_place_comes_free_when_a_caller_hangs_up_or_a_stage_fails() -> None:
    """Whatever ends an exchange, its place is not lost."""

    async def inner(asked: Exchange) -> Outcome:
        if asked.peer.address != "slow":
            raise ConnectionError
        await asyncio.Event().wait()
        return ANSWER

    stage = share.build(scope("a", "b", connections=2), world(), inner)
    failed = exchange()
    with pytest.raises(ConnectionError):
        await stage(failed)
    written(failed)
    slow = exchange("slow")
    waiting = asyncio.get_running_loop().create_task(stage(slow))
    await asyncio.sleep(0)
    await refused(stage)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    written(slow)
    with pytest.raises(ConnectionError):
        await stage(exchange())


async def refused(stage: Callable[[Exchange], Awaitable[Outcome]]) -> None:
    """Say that one more finds no place; a refusal never had one to give back."""
    over = exchange()
    outcome = await stage(over)
    assert isinstance(outcome, Refusal)
    assert (outcome.state, outcome.reason) == ("overloaded", "connections")
    assert dict(outcome.numbers).keys() == {"in_flight", "limit"}
    assert len(set(dict(outcome.numbers).values())) == 1, "it refuses where its share is taken, no sooner"
    assert not over.done


def written(exchange: Exchange) -> None:
    """Do what the listener does when the connection is free of the exchange."""
    while exchange.done:
        exchange.done.pop()()


async def test_a_new_pipeline_knows_who_is_under_way() -> None:
    """A reload forgets no request: those of the old pipeline count in the new one, and leave it when they end."""
    gate = asyncio.Event()

    async def inner(_: Exchange) -> Outcome:
        await gate.wait()
        return ANSWER

    shared = world()
    before, after = (share.build(scope("a", "b", connections=2), shared, inner) for _ in range(2))
    old = exchange()
    waiting = asyncio.get_running_loop().create_task(before(old))
    await asyncio.sleep(0)
    await refused(after)
    gate.set()
    await waiting
    written(old)
    assert await after(exchange()) is ANSWER


def test_a_single_backend_has_everything() -> None:
    """Without neighbours the stage is not built; with one it says its number, at least one."""
    assert not share.applies(scope("a"))
    assert share.applies(scope("a", "b"))
    assert "at most 2 requests" in share.describe(scope("a", "b"))
    assert "at most 1 requests" in share.describe(scope("a", "b", connections=1))
