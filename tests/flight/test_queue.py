"""The queue stage: who holds the slot, for how long, and when it comes back."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from sidecar import tasks
from sidecar.flight import queue
from sidecar.model import (
    Answer,
    Executed,
    Failed,
    Flight,
    Grade,
    Lease,
    Level,
    Outcome,
    Progress,
    Received,
    Refusal,
    Seat,
    Stream,
    Waiter,
)
from sidecar.plan import Plan, Scope
from sidecar.policy.breaking import Forced
from tests.support.world import OK, LateReply, Pieces, Scene, settle, tickets

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sidecar.model import Lane

pytestmark = pytest.mark.virtual

FINE = Answer(200, "OK", (), (b"<ok/>",), 5, Grade("ok", Executed.YES))
GONE = Refusal("outcome_unknown", "timeout", executed=Executed.UNKNOWN)


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """No ghost outlives its test."""
    yield
    assert [task.get_name() for task in tasks.alive()] == []


def stage(scene: Scene, inner: Lane) -> Lane:
    return queue.build(scene.scope(), scene.world, inner)


def brings(outcome: Outcome, ghost: LateReply | None = None) -> Lane:
    async def inner(flight: Flight) -> Outcome:
        assert flight.track.progress is Progress.CONNECTING
        if ghost is not None:
            flight.track.progress, flight.track.ghost = Progress.BODY, ghost
        return outcome

    return inner


async def taken(scene: Scene) -> Lease:
    lease = await scene.slots.lease(Seat("tickets", "x", "Reserve", "browse", scene.clock.now() + 99))
    assert isinstance(lease, Lease)
    return lease


async def test_the_slot_is_held_for_the_call_and_comes_back() -> None:
    """Not a moment longer."""
    scene = Scene()
    seen = []

    async def inner(flight: Flight) -> Outcome:
        seen.append(scene.view)
        return FINE

    assert await stage(scene, inner)(scene.flight()) is FINE
    assert seen == ["1+0 of 2, 0 queued"]
    assert scene.view == "0+0 of 2, 0 queued"


async def test_the_wait_is_measured() -> None:
    """And nothing of the call is."""
    scene = Scene(tickets(limit=1))
    lease = await taken(scene)
    asyncio.get_running_loop().call_later(1.5, scene.slots.release, lease)
    flight = scene.flight()
    assert await stage(scene, brings(FINE))(flight) is FINE
    assert flight.queue_s == pytest.approx(1.5)


async def test_who_gets_no_slot_never_enters() -> None:
    """The refusal goes out; the wait that led to it is told as well."""
    scene = Scene(tickets(limit=1))
    await taken(scene)
    flight = scene.flight()

    async def never(_: Flight) -> Outcome:
        raise AssertionError("entered without a slot")

    outcome = await stage(scene, never)(flight)
    assert isinstance(outcome, Refusal)
    assert outcome.reason == "queue_wait"
    assert flight.queue_s == pytest.approx(5.0)
    assert flight.track.progress is Progress.QUEUED


@pytest.mark.parametrize("error", [KeyError("oops"), asyncio.CancelledError()], ids=["bug", "cancelled"])
async def test_a_slot_comes_back_whatever_happens_inside(error: BaseException) -> None:
    """Also the connection of a ghost that a later stage's bug would have left behind."""
    scene, ghost = Scene(), LateReply()

    async def inner(flight: Flight) -> Outcome:
        flight.track.ghost = ghost
        raise error

    with pytest.raises(type(error)):
        await stage(scene, inner)(scene.flight())
    assert scene.view == "0+0 of 2, 0 queued"
    assert ghost.closed


async def test_a_bug_without_a_ghost_frees_the_slot_as_well() -> None:
    """The plain case."""
    scene = Scene()

    async def inner(flight: Flight) -> Outcome:
        raise KeyError("oops")

    with pytest.raises(KeyError):
        await stage(scene, inner)(scene.flight())
    assert scene.view == "0+0 of 2, 0 queued"


async def test_whoever_has_to_wait_strains_the_backend() -> None:
    """A backend that hangs ends no attempt that could tell; the line tells instead."""
    scene = Scene(tickets(limit=1))
    assert await stage(scene, brings(FINE))(scene.flight()) is FINE
    assert scene.pressure.level("tickets") is Level.OK
    lease = await taken(scene)
    waiting = asyncio.get_running_loop().create_task(stage(scene, brings(FINE))(scene.flight()))
    await settle()
    assert scene.pressure.level("tickets") is Level.STRAINED
    scene.slots.release(lease)
    await waiting


@pytest.mark.parametrize(
    ("end", "facts"),
    [
        (OK, {"state": "ok", "reason": None, "executed": "yes"}),
        (OK._replace(body=(b"<fault>",)), {"state": "backend_fault", "reason": "server", "executed": "unknown"}),
        (
            Failed("outcome_unknown", "reset", "gone", sent=True),
            {"state": "outcome_unknown", "reason": "reset", "executed": "unknown"},
        ),
    ],
    ids=["reply", "fault", "rst"],
)
async def test_a_ghost_holds_the_slot_until_it_ends(end: Any, facts: dict[str, object]) -> None:
    """The caller is answered at once; the slot comes back when the backend is done, and what it did is logged."""
    scene, ghost = Scene(), LateReply()
    outcome = await stage(scene, brings(GONE, ghost))(scene.flight())
    assert outcome is GONE
    await asyncio.sleep(7)
    assert scene.view == "0+1 of 2, 0 queued"
    assert ghost.within_s == 120.0, "twice the longest attempt"
    ghost.come(end)
    await settle()
    assert scene.view == "0+0 of 2, 0 queued"
    (late,) = scene.log.named("late_outcome")
    assert late == {"backend": "tickets", "operation": "Reserve", "client": "ada", "ghost_s": 7.0, **facts}


async def test_a_ghost_of_a_safe_call_has_done_nothing() -> None:
    """Whatever became of it."""
    scene, ghost = Scene(), LateReply()
    await stage(scene, brings(GONE, ghost))(scene.flight("GetSeats"))
    ghost.come(Failed("outcome_unknown", "reset", "gone", sent=True))
    await settle()
    assert scene.log.named("late_outcome")[0]["executed"] == "no"


async def test_a_ghost_does_not_stay_for_ever() -> None:
    """After `ghost` the slot comes back, and the connection is broken off."""
    scene, ghost = Scene(tickets(ghost_s=30.0)), LateReply()
    await stage(scene, brings(GONE, ghost))(scene.flight())
    await asyncio.sleep(29.9)
    assert scene.view == "0+1 of 2, 0 queued"
    await asyncio.sleep(0.2)
    assert scene.view == "0+0 of 2, 0 queued"
    assert ghost.closed


async def test_the_last_slot_is_never_a_ghosts() -> None:
    """With limit 2 the second call given up is broken off, and the backend is still asked one call at a time."""
    scene = Scene()
    first, second = LateReply(), LateReply()
    await stage(scene, brings(GONE, first))(scene.flight())
    flight = scene.flight()
    await stage(scene, brings(GONE, second))(flight)
    assert (first.closed, second.closed) == (False, True)
    assert flight.track.ghost is None
    assert scene.view == "0+1 of 2, 0 queued"
    assert scene.log.named("ghost_dropped") == [{"backend": "tickets", "operation": "Reserve"}]
    assert await stage(scene, brings(FINE))(scene.flight()) is FINE
    first.come()
    await settle()


async def test_the_line_opens_when_a_ghost_ends() -> None:
    """No call starts while calls and ghosts together reach the limit."""
    scene, ghost = Scene(), LateReply()
    await stage(scene, brings(GONE, ghost))(scene.flight())
    await taken(scene)
    waiting = asyncio.get_running_loop().create_task(stage(scene, brings(FINE))(scene.flight()))
    await settle()
    assert scene.view == "1+1 of 2, 1 queued"
    ghost.come()
    assert await waiting is FINE


async def test_a_ghost_reads_on_an_account_of_its_own() -> None:
    """Flight and caller have closed theirs: the late reply still finds room, and gives it back."""
    scene, ghost = Scene(), LateReply()
    flight = scene.flight()
    account = flight.account
    await stage(scene, brings(GONE, ghost))(flight)
    account.close()
    assert account.take(100)
    ghost.come()
    await settle()
    assert scene.memory.held_bytes == 0


async def test_a_streamed_answer_keeps_its_slot_until_it_is_read() -> None:
    """Its backend works until then."""
    scene, pieces = Scene(), Pieces(b"a", b"b")
    answer = FINE._replace(stream=Stream(pieces.next, pieces.close))
    outcome = await stage(scene, brings(answer))(scene.flight())
    assert isinstance(outcome, Answer)
    assert outcome.stream is not None
    assert (outcome.status, outcome.body, outcome.grade) == (FINE.status, FINE.body, FINE.grade)
    read = [await outcome.stream.next(), await outcome.stream.next()]
    assert read == [b"a", b"b"]
    assert scene.view == "1+0 of 2, 0 queued"
    assert await outcome.stream.next() == b""
    assert scene.view == "0+0 of 2, 0 queued"
    outcome.stream.close()
    assert scene.view == "0+0 of 2, 0 queued"


async def test_a_streamed_answer_that_is_closed_gives_its_slot_back() -> None:
    """The caller went."""
    scene, pieces = Scene(), Pieces(b"a", b"b")
    outcome = await stage(scene, brings(FINE._replace(stream=Stream(pieces.next, pieces.close))))(scene.flight())
    assert isinstance(outcome, Answer)
    assert outcome.stream is not None
    outcome.stream.close()
    assert pieces.closed == 1
    assert scene.view == "0+0 of 2, 0 queued"


async def test_a_streamed_answer_that_breaks_gives_its_slot_back() -> None:
    """The backend went."""
    scene, pieces = Scene(), Pieces(ConnectionResetError("gone"))
    outcome = await stage(scene, brings(FINE._replace(stream=Stream(pieces.next, pieces.close))))(scene.flight())
    assert isinstance(outcome, Answer)
    assert outcome.stream is not None
    with pytest.raises(ConnectionResetError):
        await outcome.stream.next()
    assert scene.view == "0+0 of 2, 0 queued"


def leaves(scene: Scene, flight: Flight, *pieces: bytes | OSError) -> tuple[Lane, LateReply]:
    """Bring a stream that leaves a ghost where it is closed before its end, as a real attempt does."""
    stream, ghost = Pieces(*pieces), LateReply()

    def close() -> None:
        stream.close()
        flight.track.progress, flight.track.ghost = Progress.REPLY, ghost

    return brings(FINE._replace(stream=Stream(stream.next, close))), ghost


async def streamed(scene: Scene, flight: Flight, lane: Lane) -> Stream:
    outcome = await stage(scene, lane)(flight)
    assert isinstance(outcome, Answer)
    assert outcome.stream is not None
    return outcome.stream


REST = Received(200, "OK", OK.headers, (b"<ok>",), 4, Stream(Pieces().next, Pieces().close))
"""What a ghost of a stream brings: its beginning, and that the rest has come."""


@pytest.mark.parametrize(
    ("end", "facts"),
    [
        (REST, {"state": "ok", "reason": None, "executed": "yes"}),
        (REST._replace(body=(b"<fault>",)), {"state": "backend_fault", "reason": "server", "executed": "unknown"}),
        (
            Failed("backend_bad_reply", "truncated", "broke off", sent=True),
            {"state": "backend_bad_reply", "reason": "truncated", "executed": "unknown"},
        ),
    ],
    ids=["whole", "fault", "broken-off"],
)
async def test_the_rest_of_a_stream_that_is_left_keeps_its_slot(end: Any, facts: dict[str, object]) -> None:
    """The backend still writes: a ghost reads the rest, and only its end says what became of the call."""
    scene = Scene()
    flight = scene.flight()
    lane, ghost = leaves(scene, flight, b"a", b"b")
    stream = await streamed(scene, flight, lane)
    assert await stream.next() == b"a"
    stream.close()
    stream.close()
    await asyncio.sleep(7)
    assert scene.view == "0+1 of 2, 0 queued"
    assert ghost.within_s == 120.0
    assert scene.log.events == []
    ghost.come(end)
    await settle()
    assert scene.view == "0+0 of 2, 0 queued"
    assert scene.log.named("late_outcome") == [
        {"backend": "tickets", "operation": "Reserve", "client": "ada", "ghost_s": 7.0, **facts}
    ]


async def test_the_ghost_of_a_stream_is_told_that_it_saw_a_beginning_only() -> None:
    """Else a reply that was not kept would be taken for one that ended early."""
    scene, partial = Scene(), list[object]()
    grade = scene.adapter.grade
    scene.adapter.grade = lambda *args, **rest: (partial.append(rest["partial"]), grade(*args, **rest))[1]  # type: ignore[method-assign]  # listens
    for end in (REST, OK):
        flight = scene.flight()
        lane, ghost = leaves(scene, flight)
        (await streamed(scene, flight, lane)).close()
        ghost.come(end)
        await settle()
    assert partial == [True, False]


@pytest.mark.parametrize("error", [TimeoutError(), asyncio.CancelledError()], ids=["too-slow", "reader-cancelled"])
async def test_a_stream_that_is_given_up_while_it_is_read_leaves_a_ghost(error: Any) -> None:
    """Before its reader closes it, and once."""
    scene = Scene()
    flight = scene.flight()
    ghost = LateReply()

    async def fails() -> bytes:
        raise error

    def close() -> None:
        flight.track.ghost = ghost

    stream = await streamed(scene, flight, brings(FINE._replace(stream=Stream(fails, close))))
    with pytest.raises(type(error)):
        await stream.next()
    assert scene.view == "0+1 of 2, 0 queued"
    stream.close()
    ghost.come()
    await settle()
    assert scene.view == "0+0 of 2, 0 queued"


@pytest.mark.parametrize(("operation", "effect"), [("Reserve", "unknown"), ("GetSeats", "no")])
async def test_a_stream_that_is_left_without_room_for_a_ghost_is_cut(operation: str, effect: str) -> None:
    """With one slot there is none: what became of the call is never learned, and nothing better is said of it."""
    scene = Scene(tickets(limit=1))
    flight = scene.flight(operation)
    lane, ghost = leaves(scene, flight, b"a")
    (await streamed(scene, flight, lane)).close()
    assert ghost.closed
    assert flight.track.ghost is None
    assert scene.view == "0+0 of 1, 0 queued"
    (late,) = scene.log.named("late_outcome")
    assert (late["state"], late["reason"], late["executed"]) == ("outcome_unknown", "cut", effect)
    assert len(scene.log.named("ghost_dropped")) == 1


class Capped:
    """Slots that refuse some clients for reasons of their own, as a cap per client will."""

    def __init__(self, scene: Scene, *capped: str) -> None:
        self.inner, self.capped, self.asked = scene.slots, capped, list[str]()

    async def lease(self, seat: Seat) -> Lease | Refusal:
        self.asked.append(seat.client)
        if seat.client in self.capped:
            return Refusal("rate_limited", detail="as many calls under way as this client may have")
        return await self.inner.lease(seat)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


async def test_a_cap_of_the_owner_lets_the_next_follower_ask_for_himself() -> None:
    """Each capped one is told so; the first who is not flies, with everybody who is left."""
    scene = Scene()
    capped = Capped(scene, "ada", "bob")
    world = replace(scene.world, slots=capped)
    lane = queue.build(scene.scope(), world, brings(FINE))
    flight = scene.flight(key=b"k")
    waiting = []
    for client in ("ada", "bob", "cyd", "ada"):
        waiter = queue_waiter(scene, client)
        waiting.append(asyncio.get_running_loop().create_task(scene.flights.fly(flight, lane, waiter)))
    outcomes = [await task for task in waiting]
    assert [outcome.state if isinstance(outcome, Refusal) else "ok" for outcome in outcomes] == [
        "rate_limited",
        "rate_limited",
        "ok",
        "ok",
    ]
    assert capped.asked == ["ada", "bob", "cyd"]


async def test_a_cap_of_everybody_ends() -> None:
    """The last one gets the flight's own outcome, and it is over."""
    scene = Scene()
    capped = Capped(scene, "ada")
    lane = queue.build(scene.scope(), replace(scene.world, slots=capped), brings(FINE))
    flight = scene.flight(key=b"k")
    tabs = [
        asyncio.get_running_loop().create_task(scene.flights.fly(flight, lane, queue_waiter(scene, "ada")))
        for _ in range(3)
    ]
    outcomes = [await tab for tab in tabs]
    assert [outcome.state for outcome in outcomes if isinstance(outcome, Refusal)] == ["rate_limited"] * 3
    assert capped.asked == ["ada"] * 3
    assert len(scene.flights) == 0


def queue_waiter(scene: Scene, client: str) -> Waiter:
    return Waiter(client, "browse", scene.clock.now() + 9)


def test_it_says_its_bounds() -> None:
    """All five numbers of it."""
    scene_backend = tickets(limit=4, queue_size=7, queue_wait_s=2.5, ghost_s=30.0)
    text = queue.describe(Scope(Plan(), scene_backend, scene_backend.operations[0]))
    assert text == "4 at once; 7 may wait, each at most 2.5 s; a call given up keeps its slot for up to 30 s"


async def test_who_would_be_refused_inside_does_not_stand_in_line() -> None:
    """Of a backend that is cut off the door says so at once, whoever waits, and whoever may do less meanwhile is told that it is down."""
    scene = Scene(tickets(limit=1))
    await taken(scene)
    scene.breakers.force("tickets", None, Forced.CUT_OFF, scene.clock.now() + 60.0)
    began = scene.clock.now()
    for _ in range(3):
        outcome = await stage(scene, brings(FINE))(scene.flight())
        assert isinstance(outcome, Refusal)
        assert (outcome.state, outcome.reason) == ("backend_unreachable", "cut_off")
    assert scene.clock.now() == began
    assert scene.pressure.level("tickets") is Level.DOWN


async def test_a_slot_without_an_attempt_teaches_nothing() -> None:
    """What was refused before it was sent took no time, and says nothing of how long such calls take; nor does a bug before it."""
    scene = Scene(tickets())

    async def attempted(flight: Flight) -> Outcome:
        flight.attempts += 1
        await asyncio.sleep(2.0)
        return FINE

    async def fails(_: Flight) -> Outcome:
        raise KeyError("oops")

    await stage(scene, attempted)(scene.flight())
    usual_s = scene.slots.expected_s("tickets", scene.flight().call.operation)
    assert usual_s == pytest.approx(2.0)
    for _ in range(20):
        await stage(scene, brings(Refusal("backend_unreachable", "cut_off")))(scene.flight())
        with pytest.raises(KeyError):
            await stage(scene, fails)(scene.flight())
    assert scene.slots.expected_s("tickets", scene.flight().call.operation) == usual_s
