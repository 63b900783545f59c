"""The breaker's stage: asks before each attempt, tells what came of it whatever happens, and changes nothing that passes."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from sidecar.flight import breaker
from sidecar.model import Answer, Executed, Flight, Grade, Lane, Outcome, Protocol, Refusal, Track
from sidecar.plan import BackendPlan, OperationPlan, Plan, Scope
from sidecar.policy.breaking import Result

if TYPE_CHECKING:
    from sidecar.ports import World

FINE = Answer(200, "OK", (), (), 0, Grade("ok", Executed.YES))
CUT_OFF = Refusal("backend_unreachable", "refused", retry_after_s=5)


class Breakers:
    """A port that answers as the test says, and remembers."""

    def __init__(self, verdict: object = "a pass") -> None:
        self.verdict = verdict
        self.asked: list[tuple[str, str, bool, float]] = []
        self.told: list[tuple[object, Result, float]] = []

    def ask(self, backend: str, operation: str, *, safe: bool, lease_s: float, of: object = None) -> Any:
        self.asked.append((backend, operation, safe, lease_s))
        return self.verdict

    def tell(self, passed: object, result: Result, seconds: float) -> None:
        self.told.append((passed, result, seconds))


def scope() -> Scope:
    line = OperationPlan("Get*", safe=True, attempt_total_s=15.0)
    backend = BackendPlan("tickets", Protocol.SOAP, "/tickets", (("", "http://127.0.0.1:9/"),), operations=(line,))
    return Scope(Plan(), backend, line)


def flight(**changes: Any) -> Flight:
    """Return as much of one as the stage looks at."""
    plain = {"safe": True, "backend_s": 0.0, "stale": False, "refused": False, "track": Track()}
    made = SimpleNamespace(call=SimpleNamespace(operation="GetSeats"), **plain)
    for name, value in changes.items():
        setattr(made, name, value)
    return cast("Flight", made)


def stage(breakers: Breakers, inner: Lane) -> Lane:
    return breaker.build(scope(), cast("World", SimpleNamespace(breakers=breakers)), inner)


def brings(outcome: Outcome, seconds: float = 1.5) -> Lane:
    async def inner(flight: Flight) -> Outcome:
        flight.backend_s = seconds
        return outcome

    return inner


async def test_who_passes_is_told_of() -> None:
    """With how long it took; the lease is as long as an attempt can be, and a little."""
    breakers = Breakers()
    assert await stage(breakers, brings(FINE))(flight()) is FINE
    assert breakers.asked == [("tickets", "GetSeats", True, 18.0)]
    assert breakers.told == [("a pass", Result.OK, 1.5)]


@pytest.mark.parametrize("safe", [False, True])
async def test_whether_it_is_safe_is_the_flights_to_say(safe: bool) -> None:
    """A multicall may be less safe than its line."""
    breakers = Breakers()
    await stage(breakers, brings(FINE))(flight(safe=safe))
    assert breakers.asked[0][2] is safe


async def test_who_is_refused_never_enters() -> None:
    """The refusal goes out as it is, and nothing is told."""
    breakers = Breakers(CUT_OFF)

    async def never(_: Flight) -> Outcome:
        raise AssertionError("entered though cut off")

    assert await stage(breakers, never)(flight()) is CUT_OFF
    assert breakers.told == []


async def test_where_there_is_no_breaker_nobody_is_told() -> None:
    """`mode: off`."""
    breakers = Breakers(None)
    assert await stage(breakers, brings(FINE))(flight()) is FINE
    assert breakers.told == []


@pytest.mark.parametrize("error", [KeyError("oops"), asyncio.CancelledError()], ids=["bug", "cancelled"])
async def test_a_permit_comes_back_whatever_happens_inside(error: BaseException) -> None:
    """A hang-up or a bug of ours says nothing about the backend."""
    breakers = Breakers()

    async def inner(_: Flight) -> Outcome:
        raise error

    with pytest.raises(type(error)):
        await stage(breakers, inner)(flight())
    assert [result for _, result, _ in breakers.told] == [Result.IGNORED]


def answer(grade: Grade, status: int = 200) -> Answer:
    return FINE._replace(status=status, grade=grade)


ABANDONED = Track(abandoned=True)
UNWELL = Grade("backend_fault", Executed.UNKNOWN, "http_error", healthy=False)


@pytest.mark.parametrize(
    ("outcome", "of_flight", "result"),
    [
        (FINE, {}, Result.OK),
        (answer(Grade("backend_fault", Executed.NO, "client"), 500), {}, Result.OK),
        (answer(Grade("backend_fault", Executed.UNKNOWN, "server"), 500), {}, Result.OK),
        (answer(UNWELL, 502), {}, Result.FAILED),
        (answer(Grade("overloaded", Executed.NO, healthy=False), 500), {}, Result.FAILED),
        (answer(Grade("backend_fault", Executed.NO, "server"), 503), {"refused": True}, Result.FAILED),
        (Refusal("backend_unreachable", "refused"), {}, Result.UNREACHABLE),
        (Refusal("backend_unreachable", "connect_timeout"), {}, Result.UNREACHABLE),
        (Refusal("backend_unreachable", "reset"), {"track": ABANDONED}, Result.IGNORED),
        (Refusal("outcome_unknown", "timeout"), {}, Result.TIMEOUT),
        (Refusal("outcome_unknown", "reset"), {}, Result.FAILED),
        (Refusal("outcome_unknown", "closed"), {}, Result.FAILED),
        (Refusal("outcome_unknown", "closed"), {"stale": True}, Result.IGNORED),
        (Refusal("backend_bad_reply", "html"), {}, Result.FAILED),
        (Refusal("backend_bad_reply", "too_large"), {}, Result.OK),
        (Refusal("overloaded", "buffered"), {}, Result.IGNORED),
        (Refusal("internal"), {}, Result.IGNORED),
        (Refusal("draining"), {}, Result.IGNORED),
    ],
)
async def test_what_counts(outcome: Outcome, of_flight: dict[str, Any], result: Result) -> None:
    """Broken connections, 5xx without a fault and faults that speak of overload; not what callers or we ourselves have done."""
    breakers = Breakers()
    assert await stage(breakers, brings(outcome))(flight(**of_flight)) is outcome
    assert breakers.told == [("a pass", result, 1.5)]


def test_it_says_what_is_spared() -> None:
    """In words that people read: nothing is open."""
    assert "cut off" in breaker.describe(scope())
    assert "open" not in breaker.describe(scope())
