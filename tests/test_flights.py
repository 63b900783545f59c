"""The flights: detached, shared, handed over, never left behind; each rule alone, on made-up time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from sidecar import tasks
from sidecar.model import (
    Answer,
    Executed,
    Flight,
    Grade,
    Lease,
    Outcome,
    Place,
    Progress,
    Refusal,
    Seat,
    Stream,
    Waiter,
)
from tests.support.world import Pieces, Scene, settle

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sidecar.model import Lane

pytestmark = pytest.mark.virtual

OK = Answer(200, "OK", (), (b"<ok/>",), 5, Grade("ok", Executed.YES))
CAP = Refusal("rate_limited", detail="this client has as many calls under way as it may have")


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """Whatever happened, no task of ours outlives the test."""
    yield
    assert [task.get_name() for task in tasks.alive()] == []


class Road:
    """A lane whose end is in the hands of the test."""

    def __init__(self) -> None:
        self.runs = 0
        self.cancelled = 0
        self.end: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

    async def __call__(self, flight: Flight) -> Outcome:
        self.runs += 1
        try:
            return await asyncio.shield(self.end)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise


WEIGHTS = {"staff": 16.0, "browse": 4.0, "batch": 1.0}


def waiter(scene: Scene, client: str = "ada", within_s: float = 60.0, client_class: str = "browse") -> Waiter:
    return Waiter(client, client_class, scene.clock.now() + within_s, WEIGHTS[client_class])


async def flying(
    scene: Scene,
    flight: Flight,
    lane: Lane,
    client: str = "ada",
    within_s: float = 60.0,
    client_class: str = "browse",
) -> asyncio.Task[Outcome | None]:
    task = asyncio.get_running_loop().create_task(
        scene.flights.fly(flight, lane, waiter(scene, client, within_s, client_class))
    )
    await settle()
    return task


async def test_a_flight_brings_its_outcome() -> None:
    """And is gone from every table, its account with it."""
    scene, road = Scene(), Road()
    flight = scene.flight(key=b"k")
    account = flight.account
    assert account.take(100)
    task = await flying(scene, flight, road)
    assert scene.flights.find(b"k") is flight
    assert repr(scene.flights) == "<Flights 1 under way, 1 of them may be joined>"
    road.end.set_result(OK)
    assert await task is OK
    assert scene.flights.find(b"k") is None
    assert len(scene.flights) == 0
    assert not flight.waiters
    assert scene.memory.held_bytes == 100, "the caller still holds his half"
    account.close()
    assert scene.memory.held_bytes == 0


async def test_followers_share_one_outcome() -> None:
    """One call at the backend, the same object for everybody."""
    scene, road = Scene(), Road()
    flight = scene.flight(key=b"k")
    waiting = [await flying(scene, flight, road, client) for client in ("ada", "bob", "cyd")]
    road.end.set_result(OK)
    assert [await task for task in waiting] == [OK, OK, OK]
    assert road.runs == 1


async def test_a_private_flight_is_found_by_nobody() -> None:
    """Without a key there is nothing to join by."""
    scene, road = Scene(), Road()
    task = await flying(scene, scene.flight(), road)
    assert scene.flights.find(None) is None
    road.end.set_result(OK)
    await task


async def test_the_bytes_of_a_call_stay_booked_until_caller_and_flight_are_done() -> None:
    """The caller hung up after the body was sent: the reply still finds its account open, and it closes with the flight."""
    scene, road = Scene(), Road()
    flight = scene.flight()
    account = flight.account
    task = await flying(scene, flight, road)
    assert account.take(10)
    flight.track.progress = Progress.BODY
    task.cancel()
    await settle()
    account.close()  # as the listener does with the exchange's
    assert account.take(50), "the flight still reads"
    road.end.set_result(OK)
    await settle()
    assert scene.memory.held_bytes == 0


@pytest.mark.parametrize("progress", [Progress.QUEUED, Progress.CONNECTING, Progress.HEAD])
async def test_the_last_one_gone_before_anything_was_sent_cancels(progress: Progress) -> None:
    """Nothing is sent any more, nobody can join it, and nothing is said of it."""
    scene, road = Scene(), Road()
    flight = scene.flight(key=b"k")
    task = await flying(scene, flight, road)
    flight.track.progress = progress
    task.cancel()
    await settle()
    assert road.cancelled == 1
    assert flight.track.abandoned
    assert scene.flights.find(b"k") is None
    assert scene.log.events == []


@pytest.mark.parametrize("progress", [Progress.BODY, Progress.REPLY])
async def test_the_last_one_gone_after_the_body_was_sent_lets_it_run(progress: Progress) -> None:
    """Its outcome is logged, once, with what it did."""
    scene, road = Scene(), Road()
    flight = scene.flight()
    task = await flying(scene, flight, road)
    flight.track.progress = progress
    task.cancel()
    await asyncio.sleep(2)
    assert road.cancelled == 0
    assert len(scene.flights) == 1
    road.end.set_result(OK)
    await settle()
    assert scene.log.events == [
        (
            "late_outcome",
            {
                "backend": "tickets",
                "operation": "Reserve",
                "client": "ada",
                "state": "ok",
                "executed": "yes",
                "after_s": 2.0,
            },
        )
    ]


async def test_late_bad_news_says_what_may_have_happened() -> None:
    """A refusal without a word of its own is read by the table's rule."""
    scene, road = Scene(), Road()
    flight = scene.flight()
    task = await flying(scene, flight, road)
    flight.track.progress = Progress.BODY
    task.cancel()
    await settle()
    road.end.set_result(Refusal("outcome_unknown", "reset"))
    await settle()
    assert [(facts["state"], facts["executed"]) for facts in scene.log.named("late_outcome")] == [
        ("outcome_unknown", "unknown")
    ]


async def test_a_waiters_own_deadline_gives_nothing_and_takes_nothing() -> None:
    """It is told at its second; the other goes on waiting for the same call."""
    scene, road = Scene(), Road()
    flight = scene.flight(key=b"k")
    hurried, patient = await flying(scene, flight, road, "ada", 2.0), await flying(scene, flight, road, "bob", 9.0)
    began = scene.clock.now()
    assert await hurried is None
    assert scene.clock.now() - began == pytest.approx(2.0)
    assert road.runs == 1
    assert road.cancelled == 0
    road.end.set_result(OK)
    assert await patient is OK


async def test_a_deadline_that_has_passed_already_is_no_reason_to_hang() -> None:
    """Even then the flight is cleared away."""
    scene, road = Scene(), Road()
    assert await scene.flights.fly(scene.flight(), road, waiter(scene, within_s=-5.0)) is None
    await settle()
    assert len(scene.flights) == 0
    assert road.cancelled == 1


async def test_the_owner_leaves_and_the_next_one_takes_his_place_in_the_line() -> None:
    """The place is kept, in the heir's name and until the heir's deadline; the line behind does not move."""
    scene = Scene()
    holder = await scene.slots.lease(Seat("tickets", "x", "Reserve", "browse", scene.clock.now() + 99))
    await scene.slots.lease(Seat("tickets", "y", "Reserve", "browse", scene.clock.now() + 99))

    async def lane(flight: Flight) -> Outcome:
        lease = await scene.slots.lease(flight.seat)
        if isinstance(lease, Refusal):
            return lease
        scene.slots.release(lease)
        return OK

    flight = scene.flight(key=b"k", until_s=1.0)
    owner, heir = await flying(scene, flight, lane, "ada", 1.0), await flying(scene, flight, lane, "bob", 30.0)
    behind = asyncio.get_running_loop().create_task(
        scene.slots.lease(Seat("tickets", "z", "Reserve", "browse", scene.clock.now() + 99))
    )
    assert await owner is None
    assert (flight.seat.client, scene.view) == ("bob", "2+0 of 2, 2 queued")
    await asyncio.sleep(2)
    assert isinstance(holder, Lease)
    scene.slots.release(holder)
    assert await heir is OK
    assert isinstance(await behind, Lease)


async def test_a_follower_with_more_patience_holds_the_place_longer() -> None:
    """Joining extends the deadline in the line; the owner stays who he is."""
    scene, road = Scene(), Road()
    flight = scene.flight(key=b"k", until_s=1.0)
    first, second = await flying(scene, flight, road, "ada", 1.0), await flying(scene, flight, road, "bob", 30.0)
    assert flight.seat.client == "ada"
    assert flight.seat.until == pytest.approx(scene.clock.now() + 30.0)
    road.end.set_result(OK)
    assert [await first, await second] == [OK, OK]


async def test_a_follower_with_less_patience_changes_nothing() -> None:
    """Nobody shortens another's wait."""
    scene, road = Scene(), Road()
    flight = scene.flight(key=b"k", until_s=30.0)
    seat = flight.seat
    first, second = await flying(scene, flight, road, "ada", 30.0), await flying(scene, flight, road, "bob", 1.0)
    assert flight.seat is seat
    assert await second is None
    assert flight.seat is seat, "the owner did not leave"
    road.end.set_result(OK)
    assert await first is OK


async def test_a_follower_of_a_better_class_raises_the_flight_for_as_long_as_he_waits() -> None:
    """Staff who asks what a report asks does not wait as a report does. It stays the report's: nobody else is charged for it."""
    scene, road = Scene(), Road()
    flight = scene.flight(key=b"k", until_s=30.0)
    came_back = Place(7.0, 990.0)
    flight.seat = flight.seat._replace(client="report", client_class="batch", request_id="id-1", place=came_back)
    report = await flying(scene, flight, road, "report", 30.0, "batch")
    assert flight.seat.client_class == "batch"
    staff = await flying(scene, flight, road, "staff", 1.0, "staff")
    seat = flight.seat
    assert (seat.client, seat.client_class, seat.request_id) == ("report", "staff", "id-1")
    assert seat.place == Place(None, 990.0), "a tag is of one class, an age of all"
    assert seat.until == pytest.approx(scene.clock.now() + 30.0), "nobody shortens another's wait"
    later = [await flying(scene, flight, road, name, 20.0, kind) for name, kind in (("r2", "batch"), ("bob", "browse"))]
    assert flight.seat is seat
    assert await staff is None
    assert (flight.seat.client, flight.seat.client_class) == ("report", "browse"), "the best of those who are left"
    road.end.set_result(OK)
    assert [await each for each in (report, *later)] == [OK] * 3


async def test_when_the_owner_leaves_the_best_class_stays_with_those_who_have_it() -> None:
    """Whoever owns it next, it stands where the best of them would."""
    scene, road = Scene(), Road()
    flight = scene.flight(key=b"k", until_s=30.0)
    first = await flying(scene, flight, road, "ada", 1.0, "staff")
    second = await flying(scene, flight, road, "r", 5.0, "batch")
    third = await flying(scene, flight, road, "bob", 30.0, "browse")
    assert (flight.seat.client_class, flight.best is flight.owner) == ("browse", True)
    assert await first is None
    assert (flight.seat.client, flight.seat.client_class) == ("r", "browse")
    assert await second is None
    assert (flight.seat.client, flight.seat.client_class) == ("bob", "browse")
    road.end.set_result(OK)
    assert await third is OK


async def test_a_raised_flight_is_served_before_what_came_first() -> None:
    """In the line it stands where its better class does, at once."""
    scene = Scene()
    holders = [
        await scene.slots.lease(Seat("tickets", name, "Reserve", "batch", scene.clock.now() + 99)) for name in "xy"
    ]
    served: list[str] = []

    async def lane(flight: Flight) -> Outcome:
        lease = await scene.slots.lease(flight.seat)
        assert isinstance(lease, Lease)
        served.append(flight.call.operation)
        scene.slots.release(lease)
        return OK

    async def other() -> None:
        lease = await scene.slots.lease(Seat("tickets", "z", "Reserve", "browse", scene.clock.now() + 99))
        assert isinstance(lease, Lease)
        served.append("browse")
        scene.slots.release(lease)

    flight = scene.flight(key=b"k", until_s=60.0)
    flight.seat = flight.seat._replace(client_class="batch")
    behind = [asyncio.get_running_loop().create_task(other()) for _ in range(2)]
    await settle()
    tabs = [await flying(scene, flight, lane, "report", 60.0, "batch")]
    tabs.append(await flying(scene, flight, lane, "staff", 60.0, "staff"))
    await asyncio.sleep(2.0)  # reports have had two slots for that long, and are the last whose turn it is
    for holder in holders:
        assert isinstance(holder, Lease)
        scene.slots.release(holder)
        await settle()
    assert [await tab for tab in tabs] == [OK, OK]
    await asyncio.gather(*behind)
    assert served[0] == flight.call.operation


async def test_a_refusal_about_the_owner_reaches_him_alone() -> None:
    """The next one asks for himself, and gets his own answer."""
    scene, road = Scene(), Road()
    flight = scene.flight(key=b"k")
    owner, second, third = [await flying(scene, flight, road, client) for client in ("ada", "bob", "cyd")]
    assert scene.flights.dismiss(flight, CAP)
    assert flight.seat.client == "bob"
    await settle()
    assert owner.done()
    assert await owner is CAP
    assert not second.done()
    assert scene.flights.dismiss(flight, CAP)
    assert await second is CAP
    assert flight.seat.client == "cyd"
    assert not scene.flights.dismiss(flight, CAP), "nobody is left to take over"
    await settle()
    assert not third.done(), "it is told by the flight's end, not twice"
    road.end.set_result(CAP)
    assert await third is CAP
    assert scene.log.events == [], "somebody was told, so nothing is late"


async def test_two_waiters_of_one_client_are_dismissed_one_by_one() -> None:
    """A second tab of the refused client is the next to ask, and the asking ends."""
    scene, road = Scene(), Road()
    flight = scene.flight(key=b"k")
    tabs = [await flying(scene, flight, road, "ada") for _ in range(2)]
    assert scene.flights.dismiss(flight, CAP)
    assert not scene.flights.dismiss(flight, CAP), "in the same turn of the loop, as the queue does it"
    road.end.set_result(OK)
    assert [await tab for tab in tabs] == [CAP, OK]


async def test_a_dismissed_owner_who_has_given_up_is_not_told_twice() -> None:
    """His own deadline came in the same moment."""
    scene, road = Scene(), Road()
    flight = scene.flight(key=b"k")
    owner, heir = await flying(scene, flight, road, "ada", 1.0), await flying(scene, flight, road, "bob")
    next(iter(flight.waiters.values())).set_result(None)
    assert scene.flights.dismiss(flight, CAP)
    assert await owner is None
    road.end.set_result(OK)
    assert await heir is OK


async def test_nobody_joins_a_flight_that_is_being_cancelled() -> None:
    """Between the last hang-up and the task's death a newcomer starts a flight of his own, and the death takes nothing of it."""
    scene, road, second_road = Scene(), Road(), Road()
    flight = scene.flight(key=b"k")
    task = await flying(scene, flight, road)
    dying = asyncio.Event()

    async def die_slowly(_: Flight) -> Outcome:
        try:
            return await road.end
        except asyncio.CancelledError:
            await dying.wait()
            raise

    slow = scene.flight(key=b"slow")
    leaver = await flying(scene, slow, die_slowly)
    leaver.cancel()
    await settle()
    assert scene.flights.find(b"slow") is None
    fresh = scene.flight(key=b"slow")
    newcomer = await flying(scene, fresh, second_road)
    dying.set()
    await settle()
    assert scene.flights.find(b"slow") is fresh, "the dead one removed only itself"
    second_road.end.set_result(OK)
    assert await newcomer is OK
    task.cancel()
    await settle()


async def test_a_stage_that_raises_is_internal_for_everybody() -> None:
    """Logged as a bug with where it was; nothing was sent, so nothing happened."""
    scene = Scene()

    async def lane(flight: Flight) -> Outcome:
        await asyncio.sleep(1)
        raise KeyError("oops")

    flight = scene.flight(key=b"k")
    waiting = [await flying(scene, flight, lane, client) for client in ("ada", "bob")]
    outcomes = [await task for task in waiting]
    assert {(o.state, o.executed) for o in outcomes if isinstance(o, Refusal)} == {("internal", Executed.NO)}
    assert [str(bug) for bug in scene.log.bugs] == ["'oops'"]
    assert len(scene.flights) == 0


@pytest.mark.parametrize(("safe", "effect"), [(False, Executed.UNKNOWN), (True, Executed.NO)])
async def test_a_stage_that_raises_after_the_body_was_sent_owns_up(safe: bool, effect: Executed) -> None:
    """A purchase may have happened, so `no` would be a lie."""
    scene = Scene()

    async def lane(flight: Flight) -> Outcome:
        flight.track.progress = Progress.REPLY
        raise KeyError("oops")

    outcome = await scene.flights.fly(scene.flight(safe=safe), lane, waiter(scene))
    assert isinstance(outcome, Refusal)
    assert (outcome.state, outcome.executed) == ("internal", effect)


async def test_a_flight_cancelled_from_outside_answers_who_waits() -> None:
    """A shutdown leaves nobody hanging."""
    scene, road = Scene(), Road()
    flight = scene.flight()
    task = await flying(scene, flight, road)
    flight.track.progress = Progress.BODY
    assert flight.task is not None
    flight.task.cancel()
    outcome = await task
    assert isinstance(outcome, Refusal)
    assert (outcome.state, outcome.executed) == ("internal", Executed.UNKNOWN)


def leaving_at_the_end(road: Road, leaver: list[asyncio.Task[Outcome | None]]) -> Lane:
    """Return a lane after whose outcome was handed over, and before its waiters run, the leaver is cancelled."""

    async def lane(flight: Flight) -> Outcome:
        outcome = await road.end
        flight.track.progress = Progress.REPLY
        asyncio.get_running_loop().call_soon(leaver[0].cancel)
        return outcome

    return lane


async def test_an_outcome_handed_over_in_the_moment_of_a_hang_up_is_late() -> None:
    """Set on the future, then the caller was cancelled before he ran: its stream is closed, and who holds the slot tells."""
    scene, road, leaver = Scene(), Road(), list[asyncio.Task[Outcome | None]]()
    pieces = Pieces(b"more")
    streamed = Answer(200, "OK", (), (), 0, Grade("ok", Executed.YES), stream=Stream(pieces.next, pieces.close))
    leaver.append(await flying(scene, scene.flight(), leaving_at_the_end(road, leaver)))
    road.end.set_result(streamed)
    await settle()
    assert leaver[0].cancelled()
    assert pieces.closed == 1
    assert scene.log.events == [], "nobody has seen its end yet"


async def test_an_outcome_that_somebody_else_got_is_not_late() -> None:
    """Two waited, one hung up in the moment of delivery."""
    scene, road, leaver = Scene(), Road(), list[asyncio.Task[Outcome | None]]()
    flight, lane = scene.flight(key=b"k"), leaving_at_the_end(road, leaver)
    leaver.append(await flying(scene, flight, lane, "ada"))
    stays = await flying(scene, flight, lane, "bob")
    road.end.set_result(OK)
    assert await stays is OK
    assert leaver[0].cancelled()
    assert scene.log.events == []


async def test_a_streamed_answer_that_nobody_waits_for_is_closed() -> None:
    """Or the backend would be kept waiting for a reader for ever; a close that fails hurts nobody."""
    scene, road = Scene(), Road()
    closed = []

    def close() -> None:
        closed.append(1)
        raise OSError("gone already")

    flight = scene.flight()
    task = await flying(scene, flight, road)
    flight.track.progress = Progress.REPLY
    task.cancel()
    await settle()
    road.end.set_result(Answer(200, "OK", (), (), 0, Grade("ok", Executed.YES), stream=Stream(Pieces().next, close)))
    await settle()
    assert closed == [1]
    assert scene.log.events == [], "nobody has seen its end yet"


async def test_everybody_hangs_up_at_once() -> None:
    """A hundred followers in one turn of the loop: one cancellation, nothing left."""
    scene, road = Scene(), Road()
    flight = scene.flight(key=b"k")
    waiting = [await flying(scene, flight, road, f"c{n}") for n in range(100)]
    for task in waiting:
        task.cancel()
    await settle(20)
    assert road.cancelled == 1
    assert len(scene.flights) == 0
    assert not flight.waiters


async def test_a_follower_takes_nothing_from_the_owner() -> None:
    """Whoever joins holds the place longer: its owner keeps the place that he came back with, and is found by what he is found by."""
    scene, road = Scene(), Road()
    flight = scene.flight(key=b"k", until_s=1.0)
    came_back = Place(7.0, 990.0)
    flight.seat = flight.seat._replace(place=came_back, request_id="id-1", params=(("iOrder", "4711"),))
    first, second = await flying(scene, flight, road, "ada", 1.0), await flying(scene, flight, road, "bob", 30.0)
    assert (flight.seat.place, flight.seat.request_id, flight.seat.params) == (
        came_back,
        "id-1",
        (("iOrder", "4711"),),
    )
    assert flight.seat.until == pytest.approx(scene.clock.now() + 30.0)
    assert await first is None
    assert (flight.seat.client, flight.seat.place, flight.seat.request_id, flight.seat.params) == ("bob", None, "", ())
    road.end.set_result(OK)
    assert await second is OK
