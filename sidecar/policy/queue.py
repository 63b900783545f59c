"""One backend's slots and the line before them: first come, first served, bounded, ghosts counted.

Asked by the slots store, which does the waiting. No call starts while calls in flight and ghosts together reach the limit;
ghosts hold at most limit - 1 slots, so that a backend that swallows calls is still asked one at a time.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from sidecar.model import Lease, Refusal, Seat, SlotsView

if TYPE_CHECKING:
    from sidecar.policy.limiter import Limiter

# Standing at the door beats the shortest nap: below this nobody is told to come back "in 0 s".
RETRY_AT_LEAST_S: Final = 1


@dataclass(eq=False, slots=True)
class Waiting:
    """A seat in the line; identity counts. `until` is when it leaves unserved, `patience_until` when queue.wait is over."""

    seat: Seat
    until: float
    patience_until: float
    since: float


Verdict: TypeAlias = Lease | Waiting | Refusal


class Line:
    """The pure policy. Every method that frees a slot returns the leases it granted, oldest first; the caller wakes them."""

    __slots__ = ("_ghosts", "_held", "_limiter", "_number", "_size", "_wait_s", "_waiting")

    def __init__(self, limiter: Limiter, size: int, wait_s: float) -> None:
        self._limiter, self._size, self._wait_s = limiter, size, wait_s
        self._held: set[Lease] = set()
        self._ghosts: OrderedDict[Lease, None] = OrderedDict()
        self._waiting: OrderedDict[Waiting, None] = OrderedDict()
        self._number = 0

    def __repr__(self) -> str:
        view = self.view()
        return f"<Line {view.in_flight}/{view.limit} in flight, {view.ghosts} ghosts, {view.queued} queued>"

    def view(self) -> SlotsView:
        """Return the counts."""
        return SlotsView(self._limiter.limit, len(self._held), len(self._ghosts), len(self._waiting))

    def ask(self, now: float, seat: Seat) -> Verdict:
        """Give a slot, a place in the line until a moment, or a refusal (queue_full; deadline where it is over already)."""
        if seat.until <= now:
            detail = "the call's own deadline has passed before it could start"
            return Refusal("overloaded", "deadline", detail, numbers=self._numbers())
        if not self._waiting and self._free() > 0:
            return self._grant(seat)
        if len(self._waiting) >= self._size:
            detail = f"{len(self._waiting)} calls wait for this backend already, that is its queue.size"
            return Refusal("overloaded", "queue_full", detail, retry_after_s=self._after_s, numbers=self._numbers())
        patience_until = now + self._wait_s
        waiting = Waiting(seat, min(seat.until, patience_until), patience_until, now)
        self._waiting[waiting] = None
        return waiting

    def expire(self, now: float, waiting: Waiting) -> Refusal | None:
        """Let `waiting` go if its time is over, and say why; None where it has left the line or has time left."""
        if waiting not in self._waiting or now < waiting.until:
            return None
        numbers = (("waited_ms", round((now - waiting.since) * 1000)), *self._numbers())
        del self._waiting[waiting]
        if waiting.seat.until <= waiting.until:
            return Refusal(
                "overloaded", "deadline", "no slot came free before the call's own deadline", numbers=numbers
            )
        detail = f"no slot came free within queue.wait ({self._wait_s:g} s)"
        return Refusal("overloaded", "queue_wait", detail, retry_after_s=self._after_s, numbers=numbers)

    def leave(self, waiting: Waiting) -> None:
        """Forget somebody who hung up; harmless when he is gone already."""
        self._waiting.pop(waiting, None)

    def reseat(self, old: Seat, new: Seat) -> Waiting | None:
        """Put `new` where `old` waits, with its own deadline; return that place, None where `old` does not wait."""
        for waiting in self._waiting:
            if waiting.seat is old:
                waiting.seat, waiting.until = new, min(new.until, waiting.patience_until)
                return waiting
        return None

    def release(self, lease: Lease) -> list[tuple[Waiting, Lease]]:
        """Take a slot back, a ghost's as well."""
        self._held.discard(lease)
        self._ghosts.pop(lease, None)
        return self._serve()

    def haunt(self, lease: Lease) -> bool:
        """Turn a held slot into a ghost's, False where there is no room for another ghost; harmless when repeated."""
        if lease in self._ghosts:
            return True
        if lease not in self._held or len(self._ghosts) >= self._limiter.limit - 1:
            return False
        self._held.discard(lease)
        lease.ghost = True
        self._ghosts[lease] = None
        return True

    def bound(self, limiter: Limiter, size: int, wait_s: float) -> list[tuple[Waiting, Lease]]:
        """Take new bounds: nobody who holds or waits is sent away, a wider limit serves at once."""
        self._limiter, self._size, self._wait_s = limiter, size, wait_s
        return self._serve()

    @property
    def _after_s(self) -> int:
        return max(RETRY_AT_LEAST_S, round(self._wait_s))

    def _numbers(self) -> tuple[tuple[str, float], ...]:
        """Return what an operator asks first of a line that refused."""
        return (
            ("limit", self._limiter.limit),
            ("in_flight", len(self._held)),
            ("ghosts", len(self._ghosts)),
            ("queued", len(self._waiting)),
            ("size", self._size),
        )

    def _free(self) -> int:
        return self._limiter.limit - len(self._held) - len(self._ghosts)

    def _grant(self, seat: Seat) -> Lease:
        self._number += 1
        lease = Lease(seat, self._number)
        self._held.add(lease)
        return lease

    def _serve(self) -> list[tuple[Waiting, Lease]]:
        granted: list[tuple[Waiting, Lease]] = []
        while self._waiting and self._free() > 0:
            waiting, _ = self._waiting.popitem(last=False)
            granted.append((waiting, self._grant(waiting.seat)))
        return granted
