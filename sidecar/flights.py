"""The flights under way, and the callers who wait for them: where the two lanes meet.

A flight is a detached task. Callers, the first included, wait on a future each, with their own deadline: whoever leaves
takes nothing from the others. When the last one has left, a flight of which no byte was sent is cancelled; one that was
sent runs to its end, because the backend does too, and its outcome is logged as late.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from sidecar.model import Answer, Executed, Flight, Outcome, Refusal, Waiter
from sidecar.states import executed, find
from sidecar.tasks import spawn

if TYPE_CHECKING:
    from sidecar.model import Lane, Pledge, Seat
    from sidecar.ports import Clock, Log, Slots


TOLD_AT_ONCE: Final = 500
"""Waiters that are woken in one turn of the loop: a third of a millisecond, and each of them writes a reply in the next."""


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
        flight.account = flight.account.share()  # the caller whose bytes it carries may close his half long before
        flight.task = spawn(self._run(flight, lane), f"flight {flight.call.backend} {flight.call.operation}")

    async def _run(self, flight: Flight, lane: Lane) -> None:
        outcome: Outcome | None = None
        try:
            outcome = await lane(flight)
        except Exception as bug:  # noqa: BLE001 - whatever a stage raises is our bug, and its callers still get an answer
            self._log.event("bug", where="flight lane", operation=flight.call.operation, error=bug)
            outcome = _internal(flight, "the sidecar failed while it called the backend")
        finally:
            self._end(flight, outcome)

    def _end(self, flight: Flight, outcome: Outcome | None) -> None:
        flight.over = True
        self._under_way.discard(flight)
        self._forget(flight)
        if outcome is not None:
            for tell in flight.ends:
                tell(outcome)
        waiting = [future for future in flight.waiters.values() if not future.done()]
        flight.told = len(waiting)
        self._tell(flight, outcome or _internal(flight, "the flight was cancelled"), waiting)
        if outcome is not None and not waiting:
            self._late(flight, outcome)
        flight.account.close()

    def _tell(self, flight: Flight, outcome: Outcome, waiting: list[Pledge]) -> None:
        """Hand an outcome to its waiters, a part of them in each turn: to wake ten thousand at once takes the loop seven milliseconds."""
        for future in waiting[:TOLD_AT_ONCE]:
            if future.done():
                flight.told -= 1  # his own time was up meanwhile
            else:
                future.set_result(outcome)
        if len(waiting) > TOLD_AT_ONCE:
            asyncio.get_running_loop().call_soon(self._tell, flight, outcome, waiting[TOLD_AT_ONCE:])

    def _forget(self, flight: Flight) -> None:
        key = flight.call.key
        if key is not None and self._named.get(key) is flight:  # a younger flight may stand there by now
            del self._named[key]

    async def _wait(self, flight: Flight, waiter: Waiter) -> Outcome | None:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Outcome | None] = loop.create_future()
        flight.waiters[waiter] = future
        self._rank(flight, waiter)
        # The loop's clock, not the world's: both are monotonic, the distance is what counts.
        timer = loop.call_later(max(0.0, waiter.until - self._clock.now()), _give_up, future)
        try:
            return await future
        except asyncio.CancelledError:
            self._undelivered(flight, future)
            raise
        finally:
            timer.cancel()
            self._leave(flight, waiter)

    def _undelivered(self, flight: Flight, future: asyncio.Future[Outcome | None]) -> None:
        """See to an outcome that was handed to a waiter in the very moment of his leaving."""
        if flight in self._under_way or not future.done() or future.cancelled():
            return
        outcome = future.result()
        flight.told -= outcome is not None
        if outcome is not None and not flight.told:
            self._late(flight, outcome)

    def _rank(self, flight: Flight, waiter: Waiter) -> None:
        """Let the first waiter own the flight, one of a better class raise it, and one who would wait longer hold its place longer.

        It stays the owner's: he is charged for it, and how far ahead he stands by having waited is as much in the better class.
        """
        seat, best = flight.seat, flight.best
        if flight.owner is None or best is None:
            flight.owner = flight.best = waiter
            return
        raised = seat
        if waiter.weight > best.weight:
            flight.best = waiter
            place = seat.place if seat.place is None else seat.place._replace(start_tag=None)
            raised = raised._replace(client_class=waiter.client_class, place=place)
        if waiter.until > seat.until:
            raised = raised._replace(until=waiter.until)
        if raised is not seat:
            self._reseat(flight, raised)

    def _leave(self, flight: Flight, waiter: Waiter) -> None:
        del flight.waiters[waiter]
        if flight not in self._under_way:
            return
        if flight.waiters:
            if waiter is flight.owner:
                self._hand_over(flight)
            elif waiter is flight.best:
                self._fall(flight, flight.seat)
        elif not flight.sent and flight.task is not None:
            flight.track.abandoned = True
            self._forget(flight)  # it takes a turn of the loop to die: nobody may join it meanwhile
            flight.task.cancel()

    def dismiss(self, flight: Flight, refusal: Refusal) -> bool:
        """Tell the owner `refusal`, which is about him alone, and let the next follower own the flight.

        False where there is none: then the owner has been told nothing, the refusal is the flight's outcome.
        """
        dismissed = flight.owner
        if not self._hand_over(flight):
            return False
        future = flight.waiters.get(dismissed) if dismissed is not None else None
        if future is not None and not future.done():
            future.set_result(refusal)
        return True

    def _hand_over(self, flight: Flight) -> bool:
        """Make the next one who waits the owner; False where nobody does."""
        before = flight.owner
        heir = next((w for w, future in flight.waiters.items() if w is not before and not future.done()), None)
        if heir is not None:
            flight.owner = heir
            # For as long as anybody has said that he waits: when the last of them leaves, the place goes with him.
            # A place and what a call is found by were the one's who asked first.
            seat = flight.seat._replace(client=heir.client, place=None, request_id="", params=())
            if flight.best is before:
                self._fall(flight, seat, before)
            else:
                self._reseat(flight, seat)
        return heir is not None

    def _fall(self, flight: Flight, seat: Seat, gone: Waiter | None = None) -> None:
        """Let it stand where the best of those who are left would; `gone` is one who is about to leave."""
        least = flight.best.weight if flight.best is not None else 0.0
        best: Waiter | None = None
        for waiter, future in flight.waiters.items():
            if waiter is not gone and not future.done() and (best is None or waiter.weight > best.weight):
                best = waiter
                if best.weight >= least:
                    break  # nobody has more: ten thousand equals are not searched
        if best is not None:
            flight.best = best
            seat = seat._replace(client_class=best.client_class)
        if seat is not flight.seat:
            self._reseat(flight, seat)

    def _reseat(self, flight: Flight, seat: Seat) -> None:
        old, flight.seat = flight.seat, seat
        self._slots.reseat(old, seat)

    def _late(self, flight: Flight, outcome: Outcome) -> None:
        """Say what became of a call that nobody waits for any more; the only place where that can be learned.

        Not of one that never left, and not of one that is still read, as a ghost or as the rest of a stream: whoever holds its
        slot sees its end, and says so.
        """
        if isinstance(outcome, Answer):
            state, effect = outcome.grade.state, outcome.grade.executed
            if outcome.stream is not None:
                with suppress(Exception):
                    outcome.stream.close()
                return
        else:
            row = find(outcome.state, outcome.reason)
            state, effect = outcome.state, outcome.executed or executed(row, safe=flight.safe, sent=flight.sent)
        if not flight.sent or flight.track.ghost is not None:
            return
        self._log.event(
            "late_outcome",
            backend=flight.call.backend,
            operation=flight.call.operation,
            client=flight.seat.client,
            state=state,
            executed=effect.value,
            after_s=round(self._clock.now() - flight.started_at, 3),
        )


def _internal(flight: Flight, detail: str) -> Refusal:
    """Own up to a bug: what was sent may have happened."""
    effect = Executed.UNKNOWN if flight.sent and not flight.safe else Executed.NO
    return Refusal("internal", detail=detail, executed=effect)


def _give_up(future: asyncio.Future[Outcome | None]) -> None:
    if not future.done():
        future.set_result(None)
