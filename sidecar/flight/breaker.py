"""Asks before every attempt whether backend and operation are to be spared, and tells what came of it.

Inside the retry, so that each attempt asks for itself; inside the queue, which has looked at the door already. Answers
backend_unreachable with when to come back, and says nothing of the attempts that it lets through.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sidecar.model import Answer, Flight, Outcome, Refusal, Result

if TYPE_CHECKING:
    from sidecar.model import Lane
    from sidecar.plan import Scope
    from sidecar.ports import World

# What the sidecar decides without the backend's doing says nothing about the backend.
_NOT_ITS_DOING: Final = ("overloaded", "internal", "draining")
# An attempt ends by its own bounds. This much later it is lost, and its permit with it.
_GRACE_S: Final = 1.0


def build(scope: Scope, world: World, inner: Lane) -> Lane:
    """Return the stage."""
    backend, line = scope.one_backend, scope.one_operation
    name, lease_s = backend.name, backend.timeouts.connect_s + line.attempt_total_s + _GRACE_S
    breakers, of = world.breakers, backend.identity

    async def breaker(flight: Flight) -> Outcome:
        passed = breakers.ask(name, flight.call.operation, safe=flight.safe, lease_s=lease_s, of=of)
        if passed is None:
            return await inner(flight)
        if isinstance(passed, Refusal):
            return passed
        result = Result.IGNORED
        try:
            outcome = await inner(flight)
            result = result_of(outcome, flight)
        finally:
            breakers.tell(passed, result, flight.backend_s)
        return outcome

    return breaker


def result_of(outcome: Outcome, flight: Flight) -> Result:
    """Say what an outcome speaks of: the backend's health, or something else."""
    if isinstance(outcome, Answer):
        return Result.OK if outcome.grade.healthy and not flight.refused else Result.FAILED
    if outcome.state in _NOT_ITS_DOING or flight.stale or flight.track.abandoned:
        return Result.IGNORED
    if outcome.state == "backend_unreachable":
        return Result.UNREACHABLE
    if outcome.reason == "timeout":
        return Result.TIMEOUT
    # It has answered: that there was no room for what it said is a bound of ours.
    return Result.OK if outcome.reason == "too_large" else Result.FAILED


def describe(scope: Scope) -> str:
    """Say what is spared."""
    del scope
    return "a backend that fails, or an operation of it, is cut off for a while, then tested with a few calls"
