"""Times every attempt and tells how it went: to whoever watches, to the pressure gauge, to what learns the backend's limit.

Once per attempt, never a flight's whole time: the time in the line says nothing about the backend. Changes no outcome.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sidecar.model import Answer, Executed, Flight, Grade, Outcome, Refusal

if TYPE_CHECKING:
    from sidecar.model import Lane
    from sidecar.plan import Scope
    from sidecar.ports import World

# What the sidecar decides without the backend's doing says nothing about the backend.
_NOT_ITS_DOING = ("overloaded", "internal", "draining")
# Too much for it, or nobody there. A quick failure of another kind says nothing of what it bears: its time counts as little.
_DROPPED = ("outcome_unknown", "backend_unreachable")
# A kept connection that had been closed shows within a round trip, and speaks of an idle hour. What breaks later had been taken on.
_AT_ONCE_S = 1.0


def build(scope: Scope, world: World, inner: Lane) -> Lane:
    """Return the stage."""
    name = scope.one_backend.name
    clock, pressure, slots, watch = world.clock, world.pressure, world.slots, world.watch
    inner = watch.over_attempts(inner)

    async def span(flight: Flight) -> Outcome:
        began = clock.now()
        flight.attempts += 1
        outcome = await inner(flight)
        flight.backend_s = clock.now() - began
        ours, grade = _grade(outcome)
        closed = flight.stale and flight.backend_s < _AT_ONCE_S
        dropped = flight.refused or (grade.state in _DROPPED and not closed)
        if flight.lease is not None and not ours and (dropped or grade.healthy):
            slots.tell(flight.lease, flight.call.operation, flight.backend_s, dropped=dropped)
        watch.attempted(name, grade, flight.backend_s)
        view = slots.view(name)
        pressure.tell(name, None if ours else grade, waiting=view.queued - view.later)
        return outcome

    return span


def _grade(outcome: Outcome) -> tuple[bool, Grade]:
    """Say whether it was our own doing, and what came of the attempt."""
    if isinstance(outcome, Answer):
        return False, outcome.grade
    return outcome.state in _NOT_ITS_DOING, _failed(outcome)


def _failed(refusal: Refusal) -> Grade:
    return Grade(refusal.state, refusal.executed or Executed.UNKNOWN, refusal.reason, healthy=False)


def describe(scope: Scope) -> str:
    """Say who is told."""
    del scope
    return "time and grade of every attempt, to the pressure gauge and to the limit"
