"""Outermost on the flight lane: holds the slot. A flight waits here, first come, first served, before anything of it is sent.

Answers overloaded when there is no slot in time. Keeps the slot for as long as the backend works: a call that we gave up leaves a ghost
in it until its late reply, FIN or RST, or until `ghost` is over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sidecar.model import Answer, Failed, Flight, Lease, Outcome, Progress, Refusal, Stream
from sidecar.states import TABLE
from sidecar.tasks import spawn

if TYPE_CHECKING:
    from sidecar.model import Account, Ghost, Lane
    from sidecar.plan import Scope
    from sidecar.ports import World


def build(scope: Scope, world: World, inner: Lane) -> Lane:
    """Return the stage."""
    backend = scope.one_backend
    ghost_s = backend.ghost_after_s
    slots, clock = world.slots, world.clock

    async def queue(flight: Flight) -> Outcome:
        _tell_of_the_line(flight.call.backend, world)
        lease = await _stand_in_line(flight, world)
        flight.queue_s = clock.now() - flight.started_at
        if isinstance(lease, Refusal):
            return lease
        flight.track.progress = Progress.CONNECTING
        try:
            outcome = await inner(flight)
        except BaseException:
            if flight.track.ghost is not None:
                flight.track.ghost.close()
            slots.release(lease)
            raise
        ghost = flight.track.ghost
        if ghost is not None:
            _keep_for(ghost, lease, flight, world, ghost_s)
        elif isinstance(outcome, Answer) and outcome.stream is not None:
            return _until_read(outcome, outcome.stream, lease, world)
        else:
            slots.release(lease)
        return outcome

    return queue


def _tell_of_the_line(backend: str, world: World) -> None:
    """Say that one more has to wait: where the backend hangs, no attempt ends that would tell."""
    view = world.slots.view(backend)
    if view.queued or view.in_flight + view.ghosts >= view.limit:
        world.pressure.tell(backend, None, waiting=view.queued + 1)


async def _stand_in_line(flight: Flight, world: World) -> Lease | Refusal:
    """Ask for a slot in the owner's name; where the refusal is about him alone, the next follower asks for himself."""
    while True:
        lease = await world.slots.lease(flight.seat)
        if isinstance(lease, Refusal) and TABLE[lease.state].scope == "caller" and world.flights.dismiss(flight, lease):
            continue
        return lease


def _keep_for(ghost: Ghost, lease: Lease, flight: Flight, world: World, ghost_s: float) -> None:
    """Let the ghost have the slot. Where too many do, it is broken off, and what becomes of its call is never learned."""
    if world.slots.haunt(lease):
        held = flight.account.share()  # for the late reply, which comes when flight and callers have closed theirs
        spawn(
            _haunt(ghost, lease, flight, held, world, ghost_s), f"ghost {flight.call.backend} {flight.call.operation}"
        )
    else:
        ghost.close()
        flight.track.ghost = None
        world.log.event("ghost_dropped", backend=flight.call.backend, operation=flight.call.operation)


async def _haunt(ghost: Ghost, lease: Lease, flight: Flight, held: Account, world: World, ghost_s: float) -> None:
    began = world.clock.now()
    try:
        end = await ghost.end(ghost_s)
    finally:
        world.slots.release(lease)
        held.close()
    if isinstance(end, Failed):
        facts: dict[str, object] = {
            "state": end.state,
            "reason": end.reason,
            "executed": "no" if flight.safe else "unknown",
        }
    else:
        adapter = world.adapters[flight.call.backend, flight.call.endpoint]
        grade = adapter.grade(flight.call, end.status, end.headers, end.body, safe=flight.safe)
        facts = {"state": grade.state, "reason": grade.reason, "executed": grade.executed.value}
    world.log.event(
        "late_outcome",
        backend=flight.call.backend,
        operation=flight.call.operation,
        client=flight.seat.client,
        ghost_s=round(world.clock.now() - began, 3),
        **facts,
    )


def _until_read(answer: Answer, stream: Stream, lease: Lease, world: World) -> Answer:
    """Keep the slot until the caller has read the last piece, or has gone."""

    async def following() -> bytes:
        try:
            piece = await stream.next()
        except BaseException:
            world.slots.release(lease)
            raise
        if not piece:
            world.slots.release(lease)
        return piece

    def close() -> None:
        stream.close()
        world.slots.release(lease)

    return Answer(
        answer.status,
        answer.phrase,
        answer.headers,
        answer.body,
        answer.size_bytes,
        answer.grade,
        answer.backend_s,
        Stream(following, close),
    )


def describe(scope: Scope) -> str:
    """Say the bounds."""
    backend = scope.one_backend
    return (
        f"{backend.limit} at once; {backend.queue_size} may wait, each at most {backend.queue_wait_s:g} s; "
        f"a call given up keeps its slot for up to {backend.ghost_after_s:g} s"
    )
