"""Makes a call once more that failed, where that can do no harm: two rules, and neither makes a purchase twice.

The guarded retry of what is `safe`: once, on a new connection, where the backend had closed a kept one before it answered at all; that is
nobody's failure and costs nothing. And the retry on the budget, after a back-off, of what is safe or never left: only while nobody waits.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from sidecar.model import Answer, Flight, Outcome, Progress, Refusal
from sidecar.states import TABLE, Category

if TYPE_CHECKING:
    from sidecar.model import Lane
    from sidecar.plan import Scope
    from sidecar.ports import World

# The slot is held while it backs off, though nobody waits for it then. Whoever comes gets it after so long at most.
_LOOK_S: Final = 0.05
# What may be another worker process, or the same one a moment later. What ran out of time has had its chance, and its ghost has the slot.
_AGAIN: Final = frozenset(
    (
        *(("backend_unreachable", reason) for reason in ("refused", "reset")),
        *(("outcome_unknown", reason) for reason in ("reset", "closed", "cut")),
        *(("backend_bad_reply", reason) for reason in ("truncated", "empty")),
    )
)


def build(scope: Scope, world: World, inner: Lane) -> Lane:
    """Return the stage."""
    guarded = _guarded(world, inner) if scope.one_operation.safe else inner
    return _budgeted(scope, world, guarded) if _has_budget(scope) else guarded


def _has_budget(scope: Scope) -> bool:
    return scope.one_operation.retry and scope.one_backend.retry is not None


def _guarded(world: World, inner: Lane) -> Lane:
    async def guarded(flight: Flight) -> Outcome:
        outcome = await inner(flight)
        if not (isinstance(outcome, Refusal) and flight.stale and flight.waiters):
            return outcome  # a call that nobody waits for any more is not made twice either
        world.log.event("retry", backend=flight.call.backend, operation=flight.call.operation, why="stale connection")
        flight.fresh, flight.track.progress = True, Progress.CONNECTING
        return await inner(flight)

    return guarded


def _budgeted(scope: Scope, world: World, inner: Lane) -> Lane:
    name, slots, clock = scope.one_backend.name, world.slots, world.clock
    retries, breakers = world.retries, world.breakers

    def is_calm(flight: Flight, limit: int) -> bool:
        """Say whether one call more is nobody's loss: somebody wants it, nobody waits, and nothing has been cut since."""
        view = slots.view(name)
        calm = view.queued == view.later and view.limit >= limit and breakers.is_closed(name, flight.call.operation)
        return calm and bool(flight.waiters)

    def backoff_s(flight: Flight, outcome: Outcome, attempts: int, limit: int) -> float | None:
        """Take a retry off the budget, before it backs off: those who back off together would come together."""
        latest_s = flight.seat.until - clock.now() - retries.expected_s(name, flight.call.operation)
        if latest_s <= 0 or not _may_again(flight, outcome) or not is_calm(flight, limit):
            return None
        wait_s = retries.take(name, attempts)
        return wait_s if wait_s is None or wait_s < latest_s else None

    async def is_still_calm(flight: Flight, limit: int, wait_s: float) -> bool:
        until = clock.now() + wait_s
        while (left_s := until - clock.now()) > 0:
            await asyncio.sleep(min(_LOOK_S, left_s))
            if not is_calm(flight, limit):
                return False
        return is_calm(flight, limit)

    async def retry(flight: Flight) -> Outcome:
        limit, attempts = slots.view(name).limit, 1
        outcome = await inner(flight)
        if isinstance(outcome, Answer) and outcome.grade.healthy and not flight.refused:
            retries.earned(name)
            return outcome
        while (wait_s := backoff_s(flight, outcome, attempts, limit)) is not None:
            came_to = flight.track.progress
            flight.track.progress = Progress.CONNECTING  # nothing is under way: whoever leaves now takes it with him
            if not await is_still_calm(flight, limit, wait_s):
                flight.track.progress = came_to
                break
            why = outcome.reason if isinstance(outcome, Refusal) else outcome.grade.reason
            world.log.event("retry", backend=name, operation=flight.call.operation, why=why, wait_s=round(wait_s, 3))
            flight.fresh, attempts = True, attempts + 1
            outcome = await inner(flight)
        return outcome

    return retry


def _may_again(flight: Flight, outcome: Outcome) -> bool:
    """Say whether the call can be made again: it is safe or never left, it is over, and its failure was not that of too much."""
    if flight.track.ghost is not None or flight.refused:
        return False
    if isinstance(outcome, Answer):  # a 5xx without a fault, read to its end
        grade = outcome.grade
        well = grade.healthy or TABLE[grade.state].category is Category.BUSY
        return flight.safe and not well and outcome.stream is None
    unsent = flight.track.progress is Progress.CONNECTING
    told_when = (
        outcome.retry_after_s is not None
    )  # by the breaker, or the backend itself: that is for the caller to keep
    return (outcome.state, outcome.reason) in _AGAIN and (flight.safe or unsent) and not told_when


def describe(scope: Scope) -> str:
    """Say when."""
    once = "once, if a kept connection turned out to be closed before any reply; " if scope.one_operation.safe else ""
    if not _has_budget(scope):
        return once.rstrip("; ") or "never"
    what = "what failed" if scope.one_operation.safe else "what never left"
    return f"{once}{what}, on the budget, while nobody waits"
