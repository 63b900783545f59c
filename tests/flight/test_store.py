"""What is kept of a shared flight, what is not and why, and what a write leaves behind."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from sidecar.answers import Question
from sidecar.flight import store
from sidecar.model import Answer, Dialect, Executed, Flight, Grade, Outbound, Outcome, Progress, Refusal
from sidecar.plan import CachePlan
from tests.support.world import SAFE, UNSAFE, LateReply, Scene, tickets

if TYPE_CHECKING:
    from sidecar.model import RawHeaders

pytestmark = pytest.mark.virtual

KEY = b"k" * 16
OK = Grade("ok", Executed.YES)
NO = Grade("business_no", Executed.NO, "fault_rule")


def answer(body: bytes = b"<ok/>", *headers: tuple[bytes, bytes], grade: Grade = OK) -> Answer:
    return Answer(200, "OK", ((b"Content-Type", b"text/xml"), *headers), (body,), len(body), grade)


def scene(**cache: Any) -> Scene:
    plan = replace(CachePlan(ttl_s=10.0), **cache)
    write = replace(UNSAFE, invalidates=("event:{event}",))
    return Scene(tickets(operations=(replace(SAFE, cache=plan), write)))


def shared(made: Scene, **changes: Any) -> Flight:
    """Return a flight for everybody who asks the same."""
    flight = made.flight("GetSeats", key=KEY)
    flight.question = Question(KEY, Outbound("POST", "/", (), b""), Dialect.SOAP11, {})
    flight.tags = ("*", "event:1")
    flight.generations = made.answers.generations("tickets", flight.tags)
    for name, value in changes.items():
        setattr(flight, name, value)
    return flight


async def flown(made: Scene, flight: Flight, outcome: Outcome, operation: str = "GetSeats") -> Outcome:
    """Let the flight bring `outcome` through the stage."""

    async def inner(_: Flight) -> Outcome:
        return outcome

    assert store.applies(made.scope(operation))
    return await store.build(made.scope(operation), made.world, inner)(flight)


async def test_only_where_there_is_something_to_do() -> None:
    """An operation that neither keeps nor changes anything has no such stage."""
    assert store.applies(scene().scope("GetSeats"))
    assert store.applies(scene().scope("Reserve"))
    assert not store.applies(Scene().scope("GetSeats"))
    assert not store.applies(Scene().scope("Reserve"))


async def test_an_answer_is_kept_with_what_it_depends_on() -> None:
    """And its callers are told from the same entry, outcome and grade unchanged."""
    made = scene()
    told = await flown(made, shared(made), answer(b"<ok>1</ok>", (b"X-Own", b"1")))
    kept = made.answers.find(KEY)
    assert isinstance(told, Answer)
    assert told.entry is kept is not None
    assert (told.grade, told.private, told.body) == (OK, False, (b"<ok>1</ok>",))
    assert (kept.body, kept.tags, kept.generations) == (b"<ok>1</ok>", ("*", "event:1"), (0, 0))
    assert (b"X-Own", b"1") in kept.headers


def lines_of(headers: RawHeaders) -> list[bytes]:
    return sorted(name.lower() for name, _ in headers)


async def test_what_speaks_of_the_backends_talk_with_us_is_not_kept() -> None:
    """Freshness is ours to say, and it says that nobody behind us keeps it."""
    made = scene(ignore=frozenset(("private",)))
    spoken = ((b"Cache-Control", b"private"), (b"Expires", b"0"), (b"Pragma", b"no-cache"), (b"Age", b"3"))
    await flown(made, shared(made), answer(b"<ok/>", *spoken))
    kept = made.answers.find(KEY)
    assert kept is not None
    assert not kept.passing
    assert lines_of(kept.headers) == [b"cache-control", b"content-type"]
    assert (b"Cache-Control", b"no-store") in kept.headers


@pytest.mark.parametrize(
    ("outcome", "why"),
    [
        (answer(b"<ok/>", (b"Set-Cookie", b"a=b")), "set-cookie"),
        (answer(b"<ok/>", (b"Cache-Control", b"private")), "private"),
        (answer(b"<other/>"), "root"),
    ],
)
async def test_an_answer_for_one_alone_leaves_a_mark(outcome: Answer, why: str) -> None:
    """Its body is kept by nobody; that the question has no answer for all is remembered, and why is said."""
    made = scene()
    for _ in range(2):
        told = await flown(made, shared(made), outcome)
        assert isinstance(told, Answer)
        assert told.private
    mark = made.answers.find(KEY)
    assert mark is not None
    assert (mark.passing, mark.body, mark.headers) == (True, b"", ())
    assert {facts["why"] for facts in made.log.named("answer_not_kept")} == {why}


async def test_the_operator_is_told_once_why() -> None:
    """Whoever wrote `cache:` expects answers to be kept; a line a call would be no news."""
    made = scene()

    async def inner(_: Flight) -> Outcome:
        return answer(b"<ok/>", (b"Set-Cookie", b"a=b"))

    stage = store.build(made.scope("GetSeats"), made.world, inner)
    for _ in range(3):
        await stage(shared(made))
    assert made.log.named("answer_not_kept") == [{"backend": "tickets", "operation": "Get*", "why": "set-cookie"}]


@pytest.mark.parametrize(
    ("cache", "outcome", "kept"),
    [
        ({}, answer(b"<no/>", grade=NO), False),
        ({"negative": frozenset(("business_no",)), "negative_s": 5.0}, answer(b"<no/>", grade=NO), True),
        ({"negative": frozenset(("sold_out",)), "negative_s": 5.0}, answer(b"<no/>", grade=NO), False),
        ({"entry_bytes": 5}, answer(b"<ok/>"), True),
        ({"entry_bytes": 4}, answer(b"<ok/>"), False),
    ],
)
async def test_faults_and_what_is_too_large(cache: dict[str, Any], outcome: Answer, kept: bool) -> None:
    """A fault only where the settings list its state; an answer of one byte too many goes to who waits, and is not kept."""
    made = scene(**cache)
    told = await flown(made, shared(made), outcome)
    assert isinstance(told, Answer)
    assert not told.private
    assert told.entry is not None
    assert (made.answers.find(KEY) is not None) is kept


@pytest.mark.parametrize(("outcome", "kept"), [(answer(b"<no/>", grade=NO), False), (answer(b"<ok/>"), True)])
async def test_what_was_let_go_wrong_on_purpose_leaves_nothing_behind(outcome: Answer, kept: bool) -> None:
    """An injected fault has an end, and no memory of it may outlive that; an answer that was only held up is the backend's own."""
    made = scene(negative=frozenset(("business_no",)), negative_s=5.0)
    flight = shared(made)
    flight.injected = "f1"
    await flown(made, flight, outcome)
    assert (made.answers.find(KEY) is not None) is kept


async def test_an_answer_from_before_a_write_is_not_kept() -> None:
    """Those who asked before it are told; whoever asks later must not be."""
    made = scene()
    flight = shared(made)
    made.answers.touch("tickets", ("event:1",))
    told = await flown(made, flight, answer())
    assert isinstance(told, Answer)
    assert told.entry is not None
    assert made.answers.find(KEY) is None


async def test_a_private_flight_is_left_alone() -> None:
    """It has one caller's bytes."""
    made = scene()
    outcome = answer()
    assert await flown(made, shared(made, question=None), outcome) is outcome
    assert made.answers.find(KEY) is None


async def test_a_failure_is_left_alone() -> None:
    """Nothing is known by it."""
    made, lost = scene(), Refusal("outcome_unknown", "reset")
    assert await flown(made, shared(made), lost) is lost
    assert made.answers.find(KEY) is None


async def test_a_late_reply_is_kept_after_all() -> None:
    """Its callers have gone; the next one is told from it."""
    made, lost = scene(), Refusal("outcome_unknown", "timeout")
    flight = shared(made)
    flight.track.ghost = LateReply()
    await flown(made, flight, lost)
    assert made.answers.find(KEY) is None
    for end in flight.ends:
        end(answer(b"<late/>"))
    kept = made.answers.find(KEY)
    assert kept is not None
    assert kept.body == b"<late/>"


@pytest.mark.parametrize(
    ("outcome", "sent", "touched"),
    [
        (answer(), True, True),
        (answer(b"<fault/>", grade=Grade("backend_fault", Executed.UNKNOWN, "server")), True, True),
        (Refusal("outcome_unknown", "reset", executed=Executed.UNKNOWN), True, True),
        (answer(b"<no/>", grade=NO), True, False),
        (Refusal("overloaded", "queue_full"), False, False),
        (Refusal("backend_unreachable", "refused", executed=Executed.NO), False, False),
    ],
)
async def test_a_write_touches_what_it_may_have_changed(outcome: Outcome, sent: bool, touched: bool) -> None:
    """What is done, and what may be; never what certainly was not."""
    made = scene()
    flight = made.flight("Reserve")
    flight.call = flight.call._replace(parameters={"event": "1"})
    flight.track.progress = Progress.BODY if sent else Progress.QUEUED
    before = made.answers.generations("tickets", ("event:1", "event:2"))
    assert await flown(made, flight, outcome, "Reserve") is outcome
    for end in flight.ends:
        end(outcome)
    after = made.answers.generations("tickets", ("event:1", "event:2"))
    assert (before[0] != after[0], before[1] != after[1]) == (touched, False)


async def test_a_write_that_does_not_say_which_touches_all() -> None:
    """Where the parameter of its template is not there."""
    made = scene()
    flight = made.flight("Reserve")
    before = made.answers.generations("tickets", ("*",))
    await flown(made, flight, answer(), "Reserve")
    for end in flight.ends:
        end(answer())
    assert made.answers.generations("tickets", ("*",)) != before
