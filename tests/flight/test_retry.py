"""Retries: the guarded one, once and only where a kept connection was to blame; the one on the budget, only where it harms nobody."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from sidecar.flight import retry
from sidecar.model import (
    Answer,
    Call,
    Dialect,
    Executed,
    Flight,
    Grade,
    Outbound,
    Outcome,
    Progress,
    Protocol,
    Refusal,
    Seat,
    SlotsView,
    Stream,
    Waiter,
)
from sidecar.plan import BackendPlan, OperationPlan, Plan, Scope

if TYPE_CHECKING:
    from collections.abc import Callable

    from sidecar.model import Account, Ghost
    from sidecar.ports import World

pytestmark = pytest.mark.virtual

FINE = Answer(200, "OK", (), (), 0, Grade("ok", Executed.YES))
LOST = Refusal("outcome_unknown", "closed", executed=Executed.NO)
REFUSED = Refusal("backend_unreachable", "refused", executed=Executed.NO)
UNWELL = FINE._replace(status=502, grade=Grade("backend_fault", Executed.UNKNOWN, "http_error", healthy=False))


class Attempts:
    """What comes of one attempt after the other, how far each came, and how each was asked for."""

    def __init__(self, *outcomes: Outcome, stale: int = 0, reaches: Progress = Progress.BODY) -> None:
        self.outcomes, self.stale, self.reaches = list(outcomes), stale, reaches
        self.asked = list[tuple[bool, Progress]]()
        self.at = list[float]()
        self.then: Callable[[Flight], None] = lambda _: None

    async def __call__(self, flight: Flight) -> Outcome:
        self.asked.append((flight.fresh, flight.track.progress))
        self.at.append(asyncio.get_running_loop().time())
        flight.stale = len(self.asked) <= self.stale
        flight.track.progress = self.reaches
        self.then(flight)
        return self.outcomes.pop(0)


class Surroundings:
    """Everything that the stage looks at; each in the hands of the test."""

    def __init__(self, *, budget: int = 9, attempts: int = 2, wait_s: float = 0.3) -> None:
        self.view = SlotsView(limit=8, in_flight=1, ghosts=0, queued=0)
        self.closed, self.usual_s = True, 0.2
        self.budget, self.attempts, self.wait_s = budget, attempts, wait_s
        self.earned_by: list[str] = []
        self.events: list[dict[str, object]] = []
        self.asked_to_take: list[int] = []

    def world(self) -> World:
        return cast(
            "World",
            SimpleNamespace(
                clock=SimpleNamespace(now=asyncio.get_running_loop().time),
                log=SimpleNamespace(event=lambda name, **facts: self.events.append({"event": name, **facts})),
                slots=SimpleNamespace(view=lambda _: self.view),
                retries=self,
                breakers=self,
            ),
        )

    def earned(self, backend: str) -> None:
        self.earned_by.append(backend)

    def take(self, backend: str, attempts: int) -> float | None:
        assert backend == "tickets"
        self.asked_to_take.append(attempts)
        if attempts >= self.attempts or not self.budget:
            return None
        self.budget -= 1
        return self.wait_s

    def expected_s(self, backend: str, operation: str) -> float:
        assert (backend, operation) == ("tickets", "GetSeats")
        return self.usual_s

    def is_closed(self, backend: str, operation: str) -> bool:
        assert (backend, operation) == ("tickets", "GetSeats")
        return self.closed


class _Pledge:
    def done(self) -> bool:
        return False

    def set_result(self, result: Outcome | None, /) -> None:
        raise AssertionError("the stage tells nobody")


def scope(*, safe: bool = True, budgeted: bool = True) -> Scope:
    line = OperationPlan("*", safe=safe)
    backend = BackendPlan("tickets", Protocol.SOAP, "/tickets", (("", "http://127.0.0.1:9/"),), operations=(line,))
    backend = backend if budgeted else replace(backend, retry=None)
    return Scope(Plan(), backend, line)


def a_flight(*, safe: bool = True, waited_for: bool = True, until_s: float = 60.0) -> Flight:
    now = asyncio.get_running_loop().time()
    made = Flight(
        call=Call("tickets", "", "GetSeats", Dialect.SOAP11),
        outbound=Outbound("POST", "/", (), b""),
        safe=safe,
        seat=Seat("tickets", "ada", "GetSeats", "browse", now + until_s),
        account=cast("Account", None),
        started_at=now,
    )
    made.track.progress = Progress.CONNECTING
    if waited_for:
        made.waiters[Waiter("ada", "browse", now + until_s)] = _Pledge()
    return made


async def run(attempts: Attempts, around: Surroundings, *, budgeted: bool = True, **of_flight: Any) -> Outcome:
    made = a_flight(**of_flight)
    return await retry.build(scope(safe=made.safe, budgeted=budgeted), around.world(), attempts)(made)


@pytest.mark.parametrize("budgeted", [False, True])
async def test_a_stale_connection_is_tried_again_on_a_new_one(budgeted: bool) -> None:
    """At once, logged, and at no cost: it is nobody's failure."""
    attempts, around = Attempts(LOST, FINE, stale=1), Surroundings()
    assert await run(attempts, around, budgeted=budgeted) is FINE
    assert attempts.asked == [(False, Progress.CONNECTING), (True, Progress.CONNECTING)]
    assert around.events == [
        {"event": "retry", "backend": "tickets", "operation": "GetSeats", "why": "stale connection"}
    ]
    assert around.asked_to_take == []
    assert around.earned_by == (["tickets"] if budgeted else [])


async def test_a_stale_connection_is_tried_again_once() -> None:
    """Whatever the second attempt met."""
    attempts = Attempts(LOST, LOST, stale=2)
    assert await run(attempts, Surroundings(budget=0)) is LOST
    assert len(attempts.asked) == 2


@pytest.mark.parametrize("outcome", [FINE, LOST, replace(LOST, state="overloaded")], ids=["ok", "lost", "overloaded"])
async def test_without_a_budget_nothing_else_is_tried_again(outcome: Outcome) -> None:
    """An answer is an answer, and a lost reply on a new connection may mean that the backend works."""
    attempts, around = Attempts(outcome), Surroundings()
    assert await run(attempts, around, budgeted=False) is outcome
    assert around.events == []


async def test_a_call_that_nobody_waits_for_is_not_made_twice() -> None:
    """Its caller hung up after the body was sent."""
    assert await run(Attempts(LOST, stale=1), Surroundings(), waited_for=False) is LOST


async def test_a_purchase_on_a_stale_connection_is_lost() -> None:
    """Its body may have left, whatever the connection was like."""
    assert await run(Attempts(LOST, stale=1), Surroundings(), safe=False) is LOST


async def test_what_went_well_at_once_pays() -> None:
    """A client's fault is an answer; what a retry brought is no original."""
    around = Surroundings()
    fault = FINE._replace(grade=Grade("backend_fault", Executed.NO, "client"))
    await run(Attempts(FINE), around)
    await run(Attempts(fault), around)
    assert around.earned_by == ["tickets"] * 2
    assert await run(Attempts(LOST, FINE), around) is FINE
    assert around.earned_by == ["tickets"] * 2


async def test_a_retry_backs_off_and_has_a_connection_of_its_own() -> None:
    """Paid for before, logged when it is made."""
    attempts, around = Attempts(LOST, FINE), Surroundings()
    assert await run(attempts, around) is FINE
    assert attempts.at[1] - attempts.at[0] == pytest.approx(0.3)
    assert attempts.asked == [(False, Progress.CONNECTING), (True, Progress.CONNECTING)]
    (event,) = around.events
    assert (event["event"], event["why"], event["wait_s"]) == ("retry", "closed", 0.3)


@pytest.mark.parametrize(
    "outcome",
    [
        REFUSED,
        Refusal("backend_unreachable", "reset"),
        LOST,
        Refusal("outcome_unknown", "reset"),
        Refusal("outcome_unknown", "cut"),
        Refusal("backend_bad_reply", "truncated"),
        Refusal("backend_bad_reply", "empty"),
        UNWELL,
    ],
)
async def test_what_is_tried_again_where_it_is_safe(outcome: Outcome) -> None:
    """What may be another worker process, or the same one a moment later."""
    attempts = Attempts(outcome, FINE)
    assert await run(attempts, Surroundings()) is FINE


@pytest.mark.parametrize(
    "outcome",
    [
        Refusal("outcome_unknown", "timeout"),  # it has had its chance, and its ghost has the slot
        Refusal("backend_unreachable", "connect_timeout"),  # as much as a timeout
        Refusal("backend_unreachable", "tls"),
        Refusal("backend_unreachable", "refused", retry_after_s=5),  # cut off
        replace(LOST, retry_after_s=3),  # the backend has said when
        Refusal("overloaded", "buffered"),
        Refusal("backend_bad_reply", "html"),
        UNWELL._replace(grade=Grade("overloaded", Executed.NO, healthy=False)),
        UNWELL._replace(stream=Stream(cast("Any", None), lambda: None)),
    ],
)
async def test_what_is_not_tried_again(outcome: Outcome) -> None:
    """Too much, or nothing that would be better in a moment; it costs nothing."""
    attempts, around = Attempts(outcome), Surroundings()
    assert await run(attempts, around) is outcome
    assert around.asked_to_take == []


async def test_what_the_backend_itself_refused_is_not_tried_again() -> None:
    """It said that it has had too much, with a fault or without; and it is no success either."""
    for outcome in (UNWELL, FINE):
        attempts, around = Attempts(outcome), Surroundings()
        attempts.then = lambda flight: setattr(flight, "refused", True)
        assert await run(attempts, around) is outcome
        assert around.earned_by == around.asked_to_take == []


async def test_a_call_whose_ghost_has_the_slot_is_not_made_again() -> None:
    """Two would be in one slot."""
    attempts, around = Attempts(LOST), Surroundings()
    attempts.then = lambda flight: setattr(flight.track, "ghost", cast("Ghost", object()))
    assert await run(attempts, around) is LOST


@pytest.mark.parametrize(
    ("outcome", "reached", "again"),
    [
        (REFUSED, Progress.CONNECTING, True),
        (REFUSED, Progress.HEAD, False),
        (REFUSED, Progress.BODY, False),
        (LOST, Progress.BODY, False),
        (UNWELL, Progress.REPLY, False),
    ],
)
async def test_a_purchase_is_tried_again_only_where_no_byte_has_left(
    outcome: Outcome, reached: Progress, again: bool
) -> None:
    """Not even its head: the backend may have begun."""
    attempts, around = Attempts(outcome, FINE, reaches=reached), Surroundings()
    assert await run(attempts, around, safe=False) is (FINE if again else outcome)
    assert len(attempts.asked) == 1 + again


async def test_attempts_are_counted_without_the_stale_one() -> None:
    """`attempts: 3` is three, and one connection that had been closed before is none of them."""
    attempts, around = Attempts(LOST, LOST, LOST, LOST, stale=1), Surroundings(attempts=3)
    assert await run(attempts, around) is LOST
    assert around.asked_to_take == [1, 2, 3]
    assert len(attempts.asked) == 4
    assert around.budget == 7


async def test_an_empty_budget_is_none() -> None:
    """However safe it would be."""
    attempts = Attempts(LOST)
    assert await run(attempts, Surroundings(budget=0)) is LOST


@pytest.mark.parametrize(
    "uneasy",
    [
        lambda around: setattr(around, "view", around.view._replace(queued=1)),
        lambda around: setattr(around, "view", around.view._replace(limit=7)),
        lambda around: setattr(around, "closed", False),
    ],
    ids=["somebody waits", "the limit was cut", "not closed"],
)
@pytest.mark.parametrize("when", ["before", "meanwhile", "at the end"])
async def test_none_while_others_would_lose_by_it(uneasy: Callable[[Surroundings], None], when: str) -> None:
    """Before it backs off it costs nothing; who comes to wait meanwhile gets the slot in a twentieth of a second."""
    attempts, around = Attempts(LOST), Surroundings()
    loop = asyncio.get_running_loop()
    began = loop.time()
    if when == "before":
        attempts.then = lambda _: uneasy(around)
    else:
        loop.call_at(began + (0.12 if when == "meanwhile" else 0.29), uneasy, around)
    assert await run(attempts, around) is LOST
    assert around.asked_to_take == ([] if when == "before" else [1])
    assert loop.time() - began == pytest.approx({"before": 0.0, "meanwhile": 0.15, "at the end": 0.3}[when])
    assert around.events == []


async def test_without_a_back_off_it_still_looks() -> None:
    """The draw may be nothing at all."""
    attempts, around = Attempts(LOST, FINE), Surroundings(wait_s=0.0)
    assert await run(attempts, around) is FINE
    assert attempts.at[0] == attempts.at[1]


async def test_whoever_leaves_while_it_backs_off_takes_it_with_him() -> None:
    """Nothing is under way then; and where it is given up the flight has come as far as it had."""
    attempts, around, flight = Attempts(LOST), Surroundings(), a_flight()
    loop, seen = asyncio.get_running_loop(), []
    loop.call_later(0.12, lambda: (seen.append(flight.track.progress), flight.waiters.clear()))
    assert await retry.build(scope(), around.world(), attempts)(flight) is LOST
    assert seen == [Progress.CONNECTING]
    assert flight.track.progress is Progress.BODY
    assert len(attempts.asked) == 1


@pytest.mark.parametrize(("until_s", "again"), [(0.49, False), (0.51, True), (0.19, False)])
async def test_none_that_would_come_too_late(until_s: float, again: bool) -> None:
    """Back-off and the usual time of the operation must fit into what is left."""
    attempts, around = Attempts(LOST, FINE), Surroundings()
    assert await run(attempts, around, until_s=until_s) is (FINE if again else LOST)
    assert bool(around.asked_to_take) is (until_s > 0.2)


@pytest.mark.parametrize("safe", [False, True])
def test_it_says_what_is_tried_again(safe: bool) -> None:
    """A purchase only where it never left."""
    said = retry.describe(scope(safe=safe))
    assert ("once, if a kept connection" in said) is safe
    assert ("never left" in said) is not safe
