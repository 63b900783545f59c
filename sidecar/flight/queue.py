"""Outermost on the flight lane: holds the slot. A flight waits here, first come, first served, before anything of it is sent.

Answers overloaded when there is no slot in time, and paused when everybody was held up meanwhile. Keeps the slot for as long as the
backend works: a call that we gave up, or a streamed reply that nobody reads to its end, leaves a ghost in it until its end, FIN or RST, or
until `ghost` is over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sidecar.model import Answer, Executed, Failed, Flight, Grade, Lease, Outcome, Progress, Refusal, Stream
from sidecar.states import TABLE
from sidecar.tasks import spawn

if TYPE_CHECKING:
    from sidecar.model import Account, Ghost, Lane
    from sidecar.plan import Scope
    from sidecar.ports import World


_AWAY: Final = Grade("backend_unreachable", Executed.NO, "cut_off", healthy=False)


def build(scope: Scope, world: World, inner: Lane) -> Lane:
    """Return the stage."""
    backend = scope.one_backend
    ghost_s = backend.ghost_after_s
    slots, clock, breakers, pauses = world.slots, world.clock, world.breakers, world.pauses

    async def queue(flight: Flight) -> Outcome:
        # Who would be refused inside does not stand in line for it.
        spared = breakers.peek(backend.name, flight.call.operation, safe=flight.safe)
        if spared is not None:
            world.pressure.tell(backend.name, _AWAY, waiting=0)
            return spared
        _tell_of_the_line(flight.call.backend, world)
        lease = await _stand_in_line(flight, world)
        flight.queue_s = clock.now() - flight.started_at
        if isinstance(lease, Refusal):
            return lease
        # A pause of everybody may have come while it waited: the whole line is told so, as fast as it moves.
        held = pauses.ask(backend.name, under_way=True) if pauses.active else None
        if held is not None:
            slots.release(lease, used=False)
            return held
        flight.lease, flight.track.progress = lease, Progress.CONNECTING
        try:
            outcome = await inner(flight)
        except BaseException:
            if flight.track.ghost is not None:
                flight.track.ghost.close()
            slots.release(lease, used=flight.attempts > 0)
            raise
        ghost = flight.track.ghost
        if ghost is not None:
            _keep_for(ghost, lease, flight, world, ghost_s)
        elif isinstance(outcome, Answer) and outcome.stream is not None:
            return _until_read(outcome, outcome.stream, lease, flight, world, ghost_s)
        else:
            slots.release(lease, used=flight.attempts > 0)
        return outcome

    return queue


def _tell_of_the_line(backend: str, world: World) -> None:
    """Say that one more has to wait: where the backend hangs, no attempt ends that would tell."""
    view = world.slots.view(backend)
    if view.full:
        world.pressure.tell(backend, None, waiting=view.queued - view.later + 1)


async def _stand_in_line(flight: Flight, world: World) -> Lease | Refusal:
    """Ask for a slot in the owner's name; where the refusal is about him alone, the next follower asks for himself."""
    while True:
        lease = await world.slots.lease(flight.seat)
        if isinstance(lease, Refusal) and _is_his_own(lease) and world.flights.dismiss(flight, lease):
            continue
        return lease


def _is_his_own(refusal: Refusal) -> bool:
    """Say whether a refusal is about the flight's owner: whoever waits with him asks for himself."""
    return TABLE[refusal.state].scope == "caller" or refusal.reason == "client_cap"


def _keep_for(ghost: Ghost, lease: Lease, flight: Flight, world: World, ghost_s: float) -> bool:
    """Let the ghost have the slot. Where too many do, it is broken off, and what becomes of its call is never learned: False."""
    kept = world.slots.haunt(lease)
    if kept:
        held = flight.account.share()  # for the late reply, which comes when flight and callers have closed theirs
        spawn(
            _haunt(ghost, lease, flight, held, world, ghost_s), f"ghost {flight.call.backend} {flight.call.operation}"
        )
    else:
        ghost.close()
        flight.track.ghost = None
        world.log.event("ghost_dropped", backend=flight.call.backend, operation=flight.call.operation)
    return kept


async def _haunt(ghost: Ghost, lease: Lease, flight: Flight, held: Account, world: World, ghost_s: float) -> None:
    began = world.clock.now()
    try:
        end = await ghost.end(ghost_s)
    finally:
        world.slots.release(lease)
        held.close()
    if isinstance(end, Failed):
        _log_late(flight, world, began, end.state, end.reason, _not_known(flight))
        _tell(flight, Refusal(end.state, end.reason, end.detail, _not_known(flight)))  # it may be done only by now
    else:
        adapter = world.adapters[flight.call.backend, flight.call.endpoint]
        partial = end.stream is not None
        grade = adapter.grade(flight.call, end.status, end.headers, end.body, safe=flight.safe, partial=partial)
        _log_late(flight, world, began, grade.state, grade.reason, grade.executed)
        if not partial:
            _tell(flight, Answer(end.status, end.phrase, end.headers, end.body, end.size_bytes, grade))


def _tell(flight: Flight, late: Outcome) -> None:
    for tell in flight.ends:
        tell(late)


def _not_known(flight: Flight) -> Executed:
    return Executed.NO if flight.safe else Executed.UNKNOWN


def _log_late(flight: Flight, world: World, began: float, state: str, reason: str | None, effect: Executed) -> None:
    world.log.event(
        "late_outcome",
        backend=flight.call.backend,
        operation=flight.call.operation,
        client=flight.seat.client,
        ghost_s=round(world.clock.now() - began, 3),
        state=state,
        reason=reason,
        executed=effect.value,
    )


def _until_read(answer: Answer, stream: Stream, lease: Lease, flight: Flight, world: World, ghost_s: float) -> Answer:
    """Keep the slot until the last piece has been read. Where its reader leaves before, the backend writes on: a ghost reads the rest."""
    over = False

    def close() -> None:
        nonlocal over
        if over:
            return
        over = True
        stream.close()
        ghost = flight.track.ghost
        if ghost is None:
            world.slots.release(lease)
        elif not _keep_for(ghost, lease, flight, world, ghost_s):
            _log_late(flight, world, world.clock.now(), "outcome_unknown", "cut", _not_known(flight))

    async def following() -> bytes:
        try:
            piece = await stream.next()
        except BaseException:
            close()
            raise
        if not piece:
            close()
        return piece

    return answer._replace(stream=Stream(following, close))


def describe(scope: Scope) -> str:
    """Say the bounds."""
    backend = scope.one_backend
    limit = backend.limit
    bounds = str(limit) if isinstance(limit, int) else f"{limit.minimum} to {limit.maximum}, as is found,"
    return (
        f"{bounds} at once; {backend.queue_size} may wait, each at most {backend.queue_wait_s:g} s; "
        f"a call given up keeps its slot for up to {backend.ghost_after_s:g} s"
    )
