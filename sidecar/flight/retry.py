"""The guarded retry: once, on a new connection, where the backend had closed a kept one before it answered at all.

Built only for operations that are `safe`: a purchase is never sent twice, not even when it is likely that the first never arrived.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sidecar.model import Flight, Outcome, Progress, Refusal

if TYPE_CHECKING:
    from sidecar.model import Lane
    from sidecar.plan import Scope
    from sidecar.ports import World


def applies(scope: Scope) -> bool:
    """Never for what may change something."""
    return scope.one_operation.safe


def build(scope: Scope, world: World, inner: Lane) -> Lane:
    """Return the stage."""
    del scope

    async def retry(flight: Flight) -> Outcome:
        outcome = await inner(flight)
        if not (isinstance(outcome, Refusal) and flight.stale and flight.waiters):
            return outcome  # a call that nobody waits for any more is not made twice either
        world.log.event("retry", backend=flight.call.backend, operation=flight.call.operation, why="stale connection")
        flight.fresh, flight.track.progress = True, Progress.CONNECTING
        return await inner(flight)

    return retry


def describe(scope: Scope) -> str:
    """Say when."""
    del scope
    return "once, if a kept connection turned out to be closed before any reply"
