"""One backend's callers never take what belongs to its neighbours."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

import pytest

from sidecar.caller import share
from sidecar.model import Answer, Executed, Grade, Protocol, Refusal
from sidecar.plan import BackendPlan, LimitsPlan, Plan, Scope

if TYPE_CHECKING:
    from sidecar.model import Exchange, Outcome

pytestmark = pytest.mark.virtual

ANSWER = Answer(200, "OK", (), (), 0, Grade("ok", Executed.YES))
EXCHANGE = cast("Exchange", object())
WORLD = cast("Any", object())


def scope(*names: str, connections: int = 4) -> Scope:
    backends = tuple(BackendPlan(name, Protocol.SOAP, f"/{name}", (("", "http://127.0.0.1:9/"),)) for name in names)
    return Scope(Plan(limits=LimitsPlan(connections=connections, per_backend=0.5), backends=backends), backends[0])


async def test_above_its_share_a_caller_is_refused_and_below_it_served() -> None:
    """Two of four connections are this backend's: the third request is told so at once, and a free one is used again."""
    gate = asyncio.Event()

    async def inner(_: Exchange) -> Outcome:
        await gate.wait()
        return ANSWER

    stage = share.build(scope("a", "b"), WORLD, inner)
    async with asyncio.TaskGroup() as group:
        first = [group.create_task(stage(EXCHANGE)) for _ in range(2)]
        await asyncio.sleep(0)
        refused = await stage(EXCHANGE)
        assert isinstance(refused, Refusal)
        assert (refused.state, refused.reason) == ("overloaded", "connections")
        gate.set()
    assert [task.result() for task in first] == [ANSWER, ANSWER]
    assert await stage(EXCHANGE) is ANSWER


async def test_a_place_comes_free_when_a_caller_hangs_up_or_a_stage_fails() -> None:
    """Whatever ends an exchange, its place is not lost."""

    async def inner(exchange: Exchange) -> Outcome:
        if exchange is EXCHANGE:
            raise ConnectionError
        await asyncio.Event().wait()
        return ANSWER

    stage = share.build(scope("a", "b", connections=2), WORLD, inner)
    with pytest.raises(ConnectionError):
        await stage(EXCHANGE)
    waiting = asyncio.get_running_loop().create_task(stage(cast("Exchange", None)))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    with pytest.raises(ConnectionError):
        await stage(EXCHANGE)


def test_a_single_backend_has_everything() -> None:
    """Without neighbours the stage is not built; with one it says its number, at least one."""
    assert not share.applies(scope("a"))
    assert share.applies(scope("a", "b"))
    assert "at most 2 requests" in share.describe(scope("a", "b"))
    assert "at most 1 requests" in share.describe(scope("a", "b", connections=1))
