"""Times every attempt and tells how it went: to whoever watches, to the pressure gauge now, to a learning limiter later.

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
        watch.attempted(name, grade, flight.backend_s)
        pressure.tell(name, None if ours else grade, waiting=slots.view(name).queued)
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
    return "time and grade of every attempt, to the pressure gauge"
