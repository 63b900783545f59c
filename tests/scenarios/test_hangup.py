"""Hang-up and timeout, at five points of a call's life, alone and with followers: state, effect, slots, calls, what is logged.

The whole road with slots and flights of real life, on made-up time; only the backend is the test's. Sharing comes from a stage of
a test's own, put into the chain by its one name.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from sidecar import pipeline, tasks
from sidecar.caller import coalesce
from sidecar.model import Exchange, Lease, Progress, Reply, Seat
from tests.support import keyed
from tests.support.world import Ask, LateReply, Scene, settle, state_of, tickets

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

pytestmark = pytest.mark.virtual

OWN_S = 2.0  # how long the first caller waits; his followers wait for the operation's 4 s


@dataclass(frozen=True)
class Cell:
    """One cell of the matrix: where the call stands when its caller leaves, and what must be true then."""

    point: str
    progress: Progress
    told: str  # what a caller is told whose own time is over, of an operation that may change something
    runs_on: bool  # with nobody left who waits

    @property
    def told_if_safe(self) -> str:
        return self.told.replace("executed=unknown", "executed=no")


CELLS = (
    Cell("queued", Progress.QUEUED, "overloaded;reason=deadline;executed=no", runs_on=False),
    Cell("connecting", Progress.CONNECTING, "backend_unreachable;reason=connect_timeout;executed=no", runs_on=False),
    Cell("headers sent", Progress.HEAD, "backend_unreachable;reason=connect_timeout;executed=no", runs_on=False),
    Cell("body sent", Progress.BODY, "outcome_unknown;reason=timeout;executed=unknown", runs_on=True),
    Cell("reply half read", Progress.REPLY, "outcome_unknown;reason=timeout;executed=unknown", runs_on=True),
)
EACH_CELL = pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.point.replace(" ", "-"))
EACH_CAUSE = pytest.mark.parametrize("cause", ["hang-up", "timeout"])


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """Whatever happened, no task of ours outlives the test."""
    yield
    assert [task.get_name() for task in tasks.alive()] == []


@pytest.fixture(autouse=True)
def shared_by_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """One name in the chain."""
    at = pipeline.CALLER.index(coalesce)
    monkeypatch.setattr(pipeline, "CALLER", (*pipeline.CALLER[:at], keyed, *pipeline.CALLER[at:]))


class Scenario:
    """One slot, a call of the operation at the wanted point, its caller and perhaps his followers."""

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self.scene = Scene(tickets(limit=1))
        self.road: Callable[[Exchange], Awaitable[Reply]] = pipeline.build(self.scene.plan, self.scene.world)
        self.blocker: Lease | None = None
        self.ask: Ask | None = None
        self.exchanges: list[Exchange] = []

    def calls(self, client: str, operation: str, within_s: float | None = None, key: str = "k") -> asyncio.Task[Reply]:
        headers = [("Content-Type", "text/xml"), ("X-Client", client), ("X-Key", key)]
        if within_s is not None:
            headers.append(("Sidecar-Timeout", f"{within_s:g}"))
        exchange = self.scene.exchange(f"{operation} 1".encode(), headers=headers)
        self.exchanges.append(exchange)
        return asyncio.get_running_loop().create_task(self.live(exchange))

    async def live(self, exchange: Exchange) -> Reply:
        """Serve one exchange as the listener does, its account closed in the end."""
        try:
            return await self.road(exchange)
        finally:
            if exchange.account is not None:
                exchange.account.close()

    async def to_the_point(
        self, operation: str, followers: int = 0
    ) -> tuple[asyncio.Task[Reply], list[asyncio.Task[Reply]]]:
        if self.cell.progress is Progress.QUEUED:
            seat = Seat("tickets", "blocker", "Reserve", "browse", self.scene.clock.now() + 60)
            lease = await self.scene.slots.lease(seat)
            assert isinstance(lease, Lease)
            self.blocker = lease
        first = self.calls("ada", operation, OWN_S)
        await settle()
        behind = [self.calls(f"follower {n}", operation) for n in range(followers)]
        await settle()
        if self.cell.progress is not Progress.QUEUED:
            self.ask = (await self.scene.upstream.ask()).reach(self.cell.progress)
        return first, behind

    async def leaves(self, caller: asyncio.Task[Reply], cause: str) -> None:
        if cause == "hang-up":
            caller.cancel()
            await settle()
            assert caller.cancelled()
        else:
            await asyncio.wait((caller,))

    def unblock(self) -> None:
        if self.blocker is not None:
            self.scene.slots.release(self.blocker)
            self.blocker = None

    def late(self) -> list[tuple[object, object]]:
        return [(facts["state"], facts["executed"]) for facts in self.scene.log.named("late_outcome")]

    def nothing_is_held(self) -> None:
        assert self.scene.view == "0+0 of 1, 0 queued"
        assert self.scene.memory.held_bytes == 0
        assert len(self.scene.flights) == 0
        assert self.scene.log.bugs == []


@EACH_CELL
@EACH_CAUSE
@pytest.mark.parametrize("operation", ["Reserve", "GetSeats"], ids=["unsafe", "safe"])
async def test_alone(cell: Cell, cause: str, operation: str) -> None:
    """Before the body is sent nothing reaches the backend; afterwards the call runs on in its slot and its outcome is logged once."""
    scenario = Scenario(cell)
    caller, _ = await scenario.to_the_point(operation)
    await scenario.leaves(caller, cause)
    if cause == "timeout":
        assert state_of(await caller) == (cell.told_if_safe if operation == "GetSeats" else cell.told)
    await settle()
    if cell.runs_on:
        assert scenario.ask is not None
        assert not scenario.ask.cancelled
        assert scenario.scene.view == "1+0 of 1, 0 queued"
        await asyncio.sleep(3)
        assert scenario.late() == []
        scenario.ask.answer()
        await settle()
        assert scenario.late() == [("ok", "yes")]
        assert len(scenario.scene.upstream.executed) == 1
    else:
        assert scenario.ask is None or scenario.ask.cancelled
        assert scenario.scene.view == ("1+0 of 1, 0 queued" if scenario.blocker else "0+0 of 1, 0 queued")
        scenario.unblock()
        await asyncio.sleep(30)
        assert len(scenario.scene.upstream.asks) == (0 if cell.progress is Progress.QUEUED else 1), (
            "nothing came later either"
        )
        assert scenario.scene.upstream.executed == []
        assert scenario.late() == []
    scenario.nothing_is_held()


@EACH_CELL
@EACH_CAUSE
async def test_with_followers(cell: Cell, cause: str) -> None:
    """The owner's leaving takes nothing from them: one call, which brings all of them its answer; nothing is late."""
    scenario = Scenario(cell)
    owner, followers = await scenario.to_the_point("GetSeats", followers=2)
    await scenario.leaves(owner, cause)
    if cause == "timeout":
        assert state_of(await owner) == cell.told_if_safe
    flight = scenario.exchanges[1].flight
    assert flight is not None
    assert flight is scenario.exchanges[0].flight
    assert flight.seat.client == "follower 0"
    assert scenario.scene.view == ("1+0 of 1, 1 queued" if scenario.blocker else "1+0 of 1, 0 queued")
    scenario.unblock()
    (await scenario.scene.upstream.ask()).answer()
    replies = [await follower for follower in followers]
    assert [state_of(reply) for reply in replies] == ["ok;executed=yes"] * 2
    assert len(scenario.scene.upstream.asks) == 1
    assert scenario.late() == []
    scenario.nothing_is_held()


@EACH_CELL
@EACH_CAUSE
async def test_followers_leave_too(cell: Cell, cause: str) -> None:
    """One after another, to the last: then it is as if there had been one caller, and still one call."""
    scenario = Scenario(cell)
    owner, followers = await scenario.to_the_point("GetSeats", followers=2)
    for caller in (owner, *followers):
        await scenario.leaves(caller, cause)
    if cause == "timeout":
        assert {state_of(await caller) for caller in (owner, *followers)} == {cell.told_if_safe}
    await settle()
    scenario.unblock()
    if cell.runs_on:
        assert scenario.scene.view == "1+0 of 1, 0 queued"
        (await scenario.scene.upstream.ask()).answer()
        await settle()
    assert scenario.late() == ([("ok", "yes")] if cell.runs_on else [])
    await asyncio.sleep(30)
    assert len(scenario.scene.upstream.asks) == (0 if cell.progress is Progress.QUEUED else 1)
    scenario.nothing_is_held()


@EACH_CELL
async def test_a_newcomer_never_gets_the_death_of_the_one_before(cell: Cell) -> None:
    """In the very turn in which the last one hangs up: he joins a flight that runs on, or starts his own."""
    scenario = Scenario(cell)
    first, _ = await scenario.to_the_point("GetSeats")
    first.cancel()
    newcomer = scenario.calls("newcomer", "GetSeats")
    await settle()
    scenario.unblock()
    await settle()
    last = scenario.scene.upstream.asks[-1]
    last.answer()
    assert state_of(await newcomer) == "ok;executed=yes"
    assert len(scenario.scene.upstream.executed) == 1
    scenario.nothing_is_held()


@EACH_CAUSE
async def test_gone_between_the_grant_and_the_connection(cause: str) -> None:
    """The slot is granted in the same turn in which its caller goes: it comes back, nothing is sent."""
    scenario = Scenario(CELLS[0])
    caller, _ = await scenario.to_the_point("Reserve")
    if cause == "hang-up":
        scenario.unblock()
        caller.cancel()
    else:
        scenario.scene.clock.now()
        asyncio.get_running_loop().call_later(OWN_S, scenario.unblock)
    await asyncio.wait((caller,))
    await asyncio.sleep(30)
    assert scenario.scene.upstream.executed == []
    scenario.nothing_is_held()


async def test_a_late_reply_after_a_ghost_is_logged_once() -> None:
    """The caller hung up, the attempt timed out, its ghost heard the reply: one line, with the truth."""
    scenario = Scenario(CELLS[3])
    scenario.scene = Scene(tickets(limit=2))
    scenario.road = pipeline.build(scenario.scene.plan, scenario.scene.world)
    caller, _ = await scenario.to_the_point("Reserve")
    caller.cancel()
    await settle()
    ghost = LateReply()
    assert scenario.ask is not None
    scenario.ask.haunt(ghost)
    await settle()
    assert scenario.late() == []
    assert scenario.scene.view == "0+1 of 2, 0 queued"
    ghost.come()
    await settle()
    assert scenario.late() == [("ok", "yes")]
    assert scenario.scene.view == "0+0 of 2, 0 queued"
    assert scenario.scene.memory.held_bytes == 0


async def test_a_call_of_which_no_trace_is_kept_is_logged_as_unknown_once() -> None:
    """With a limit of one there is no room for a ghost: what can be said is said at once."""
    scenario = Scenario(CELLS[3])
    caller, _ = await scenario.to_the_point("Reserve")
    caller.cancel()
    await settle()
    ghost = LateReply()
    assert scenario.ask is not None
    scenario.ask.haunt(ghost)
    await settle()
    assert ghost.closed
    assert scenario.late() == [("outcome_unknown", "unknown")]
    assert len(scenario.scene.log.named("ghost_dropped")) == 1
    scenario.nothing_is_held()
