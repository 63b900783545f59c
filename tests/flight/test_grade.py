"""The grade stage: facts become states; what never came back is named with what it says of effect."""

from __future__ import annotations

import pytest

from sidecar.flight import grade
from sidecar.model import Answer, Executed, Failed, Flight, Outcome, Received, Refusal
from sidecar.plan import FaultRule
from tests.support.world import OK, Pieces, Scene, tickets

pytestmark = pytest.mark.virtual


async def graded(
    result: Received | Failed, operation: str = "Reserve", scene: Scene | None = None
) -> tuple[Outcome, Flight]:
    scene = scene or Scene()

    async def inner(flight: Flight) -> Received | Failed:
        return result

    flight = scene.flight(operation)
    return await grade.build(scene.scope(operation), scene.world, inner)(flight), flight


async def test_a_reply_becomes_an_answer_untouched() -> None:
    """Status, phrase, lines and pieces are the backend's."""
    outcome, _ = await graded(OK._replace(status=203, phrase="Odd"))
    assert isinstance(outcome, Answer)
    assert (outcome.status, outcome.phrase, outcome.headers, outcome.body, outcome.size_bytes) == (
        203,
        "Odd",
        OK.headers,
        OK.body,
        OK.size_bytes,
    )
    assert (outcome.grade.state, outcome.grade.executed) == ("ok", Executed.YES)


async def test_a_fault_is_relayed() -> None:
    """It is the backend's answer, not a refusal of ours."""
    outcome, _ = await graded(OK._replace(status=500, body=(b"<fault>",)))
    assert isinstance(outcome, Answer)
    assert outcome.grade.state == "backend_fault"


@pytest.mark.parametrize(("operation", "effect"), [("Reserve", Executed.UNKNOWN), ("GetSeats", Executed.NO)])
async def test_a_page_is_no_reply(operation: str, effect: Executed) -> None:
    """Never passed on; its stream is closed."""
    pieces = Pieces(b"more")
    outcome, _ = await graded(pieces.received(b"<html>"), operation)
    assert isinstance(outcome, Refusal)
    assert (outcome.state, outcome.reason, outcome.executed) == ("backend_bad_reply", "html", effect)
    assert "HTML" in str(outcome.detail)
    assert pieces.closed == 1


async def test_a_bad_reply_without_a_stream() -> None:
    """The common case."""
    outcome, _ = await graded(OK._replace(body=(b"<html>",)))
    assert isinstance(outcome, Refusal)


async def test_a_stream_stays_open() -> None:
    """It is judged by its beginning and handed on."""
    pieces = Pieces(b"more")
    outcome, _ = await graded(pieces.received())
    assert isinstance(outcome, Answer)
    assert outcome.stream is not None
    assert pieces.closed == 0


async def test_a_bug_in_the_adapter_leaves_no_stream_open() -> None:
    """Nobody would ever read it."""
    scene, pieces = Scene(), Pieces(b"more")
    scene.adapter.bug = KeyError("oops")
    with pytest.raises(KeyError):
        await graded(pieces.received(), scene=scene)
    assert pieces.closed == 1


@pytest.mark.parametrize("state", ["outcome_unknown", "backend_bad_reply", "backend_unreachable"])
@pytest.mark.parametrize("sent", [False, True])
@pytest.mark.parametrize("operation", ["Reserve", "GetSeats"])
async def test_what_a_failure_says_of_effect(state: str, sent: bool, operation: str) -> None:
    """No where nothing was sent or nothing can happen, else by the table."""
    outcome, flight = await graded(Failed(state, "reset", "words", sent, stale=True), operation)
    assert isinstance(outcome, Refusal)
    unknown = sent and operation == "Reserve" and state != "backend_unreachable"
    assert outcome == Refusal(state, "reset", "words", Executed.UNKNOWN if unknown else Executed.NO)
    assert flight.stale


async def test_a_reply_ends_staleness() -> None:
    """The mark is the last attempt's."""
    scene = Scene()

    async def inner(_: Flight) -> Received | Failed:
        return OK

    flight = scene.flight()
    flight.stale = True
    await grade.build(scene.scope(), scene.world, inner)(flight)
    assert not flight.stale


async def test_it_says_how_many_rules_apply() -> None:
    """For explain."""
    scene = Scene(tickets(faults=(FaultRule("sold_out"),)))
    assert grade.describe(scene.scope()) == "1 rules for faults, 0 for results"
