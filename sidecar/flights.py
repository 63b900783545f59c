"""The flights under way, and the callers who wait for them: where the two lanes meet.

A flight is a detached task. Callers, the first included, wait on a future each, with their own deadline: whoever leaves
takes nothing from the others. When the last one has left, a flight of which no byte was sent is cancelled; one that was
sent runs to its end, because the backend does too, and its outcome is logged as late.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from sidecar.model import Answer, Flight, Outcome, Refusal, Seat, Waiter
from sidecar.tasks import spawn

if TYPE_CHECKING:
    from sidecar.model import Lane
    from sidecar.ports import Clock, Log, Slots


class Flights:
    """The map of flights by key; private ones fly without being in it."""

    __slots__ = ("_clock", "_log", "_named", "_slots", "_under_way")

    def __init__(self, clock: Clock, log: Log, slots: Slots) -> None:
        self._clock, self._log, self._slots = clock, log, slots
        self._named: dict[bytes, Flight] = {}
        self._under_way: set[Flight] = set()

    def __repr__(self) -> str:
        return f"<Flights {len(self._under_way)} under way, {len(self._named)} of them may be joined>"

    def __len__(self) -> int:
        return len(self._under_way)

    def find(self, key: bytes | None) -> Flight | None:
        """Return the flight that a caller with `key` may join."""
        return None if key is None else self._named.get(key)

    async def fly(self, flight: Flight, lane: Lane, waiter: Waiter) -> Outcome | None:
        """Join the flight of the same key or start `flight` on `lane`, and wait; None where `waiter.until` came first.

        Cancelling the wait is a hang-up. `flight` is the one that was found by `find`, or a new one.
        """
        if flight.task is None:
            self._start(flight, lane)
        return await self._wait(flight, waiter)

    def _start(self, flight: Flight, lane: Lane) -> None:
        self._under_way.add(flight)
        if flight.call.key is not None:
            self._named[flight.call.key] = flight
        flight.task = spawn(self._run(flight, lane), f"flight {flight.call.backend} {flight.call.operation}")

    async def _run(self, flight: Flight, lane: Lane) -> None:
        outcome: Outcome | None = None
        try:
            outcome = await lane(flight)
        except asyncio.CancelledError:
            raise
        except Exception as bug:  # noqa: BLE001 - whatever a stage raises is our bug, and its callers still get an answer
            self._log.event("bug", where=f"flight {flight.call.operation}", error=bug)
            outcome = Refusal("internal", detail="the sidecar failed while it called the backend")
        finally:
            self._end(flight, outcome)

    def _end(self, flight: Flight, outcome: Outcome | None) -> None:
        self._under_way.discard(flight)
        key = flight.call.key
        if key is not None and self._named.get(key) is flight:  # a younger flight may stand there by now
            del self._named[key]
        waiting = [future for future in flight.waiters.values() if not future.done()]
        for future in waiting:
            future.set_result(outcome or Refusal("internal", detail="the flight was cancelled"))
        if outcome is not None and not waiting:
            self._late(flight, outcome)

    async def _wait(self, flight: Flight, waiter: Waiter) -> Outcome | None:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Outcome | None] = loop.create_future()
        flight.waiters[waiter] = future
        self._rank(flight, waiter)
        # The loop's clock, not the world's: both are monotonic, the distance is what counts.
        timer = loop.call_later(max(0.0, waiter.until - self._clock.now()), _give_up, future)
        try:
            return await future
        finally:
            timer.cancel()
            self._leave(flight, waiter)

    def _rank(self, flight: Flight, waiter: Waiter) -> None:
        """Let a follower who would wait longer hold the flight's place longer."""
        if waiter.until > flight.seat.until and len(flight.waiters) > 1:
            self._reseat(flight, flight.seat.client, flight.seat.client_class, waiter.until)

    def _leave(self, flight: Flight, waiter: Waiter) -> None:
        del flight.waiters[waiter]
        if flight.task is None or flight not in self._under_way:
            return
        if flight.waiters:
            if waiter.client == flight.seat.client:
                heir = next(iter(flight.waiters))
                self._reseat(flight, heir.client, heir.client_class, max(w.until for w in flight.waiters))
        elif not flight.sent:
            flight.track.abandoned = True
            flight.task.cancel()

    def dismiss(self, flight: Flight, refusal: Refusal) -> bool:
        """Tell the owner `refusal`, which is about him alone, and let the next follower own the flight; False if there is none."""
        owner = next((w for w in flight.waiters if w.client == flight.seat.client), None)
        if owner is not None:
            future = flight.waiters[owner]
            if not future.done():
                future.set_result(refusal)
        heir = next((w for w, future in flight.waiters.items() if w is not owner and not future.done()), None)
        if heir is None:
            return False
        self._reseat(flight, heir.client, heir.client_class, heir.until)
        return True

    def _reseat(self, flight: Flight, client: str, client_class: str, until: float) -> None:
        old, flight.seat = flight.seat, Seat(flight.seat.backend, client, flight.seat.operation, client_class, until)
        self._slots.reseat(old, flight.seat)

    def _late(self, flight: Flight, outcome: Outcome) -> None:
        """Say what became of a call that nobody waits for any more; the only place where that can be learned."""
        effect: str | None
        if isinstance(outcome, Answer):
            state, effect = outcome.grade.state, outcome.grade.executed.value
            if outcome.stream is not None:
                with suppress(Exception):
                    outcome.stream.close()
        else:
            state, effect = outcome.state, outcome.executed.value if outcome.executed else None
        self._log.event(
            "late_outcome",
            backend=flight.call.backend,
            operation=flight.call.operation,
            client=flight.seat.client,
            state=state,
            executed=effect,
            after_s=round(self._clock.now() - flight.started_at, 3),
        )


def _give_up(future: asyncio.Future[Outcome | None]) -> None:
    if not future.done():
        future.set_result(None)
