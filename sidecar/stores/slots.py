"""`ports.Slots` in memory: one line and one limit per backend, by name. Policies decide; this file waits, wakes and looks at the clock."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from sidecar.model import Ahead, Lease, Refusal, SlotsView
from sidecar.policy.eta import CUT_OFF, SLOW_START
from sidecar.policy.limiter import Sample
from sidecar.policy.notices import as_told
from sidecar.policy.queue import CLASSES, Line, QueueRule
from sidecar.policy.shadow import would_refuse
from sidecar.stores.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Mapping

    from sidecar.model import Seat
    from sidecar.plan import BackendPlan
    from sidecar.policy.finding import WaitingView
    from sidecar.policy.queue import ClassRule, Settled
    from sidecar.policy.tiers import Waiting
    from sidecar.ports import Clock, Notes

# What protection that is taken out comes to: more than anybody has connections for.
UNLIMITED: Final = 10_000
WIDE: Final = QueueRule(100_000, 600.0, per_client=1.0, client_share=1.0)
# Whoever waits looks at his own deadline himself, and asks where he stands: so long he is still there.
_AFTER_S: Final = 0.01
_SERVE_S: Final = (
    1.0  # a share that is kept for a class is lent out once that class has been quiet: time alone frees a slot then
)


class _Shadow(NamedTuple):
    """The bounds of which one, by name, only observes."""

    mechanism: str
    plan: BackendPlan


class MemorySlots:
    """`notes` keep what is learnt about limits over a restart. `rest_s` says for how long a backend is cut off, in seconds."""

    def __init__(self, clock: Clock, notes: Notes | None = None) -> None:
        self._clock = clock
        self.limits = Limits(clock, notes)
        self.rest_s: Callable[[str], float] = lambda _: 0.0
        self._lines: dict[str, Line] = {}
        self._futures: dict[Waiting, asyncio.Future[Lease | Refusal]] = {}
        self._timers: dict[Waiting, asyncio.TimerHandle] = {}
        self._held_back: dict[Waiting, asyncio.TimerHandle] = {}  # those that a rate lets start later
        self._line_of: dict[Lease, Line] = {}  # by which it was granted: its backend's name may have another by now
        self._looking: dict[Line, asyncio.TimerHandle] = {}
        self._shadows: dict[str, _Shadow] = {}
        self.observed: Callable[[Seat, str, str, SlotsView], None] = lambda *_: None

    def __repr__(self) -> str:
        return f"<MemorySlots {' '.join(f'{name}: {line!r}' for name, line in self._lines.items())}>"

    def bound(
        self,
        backends: Iterable[BackendPlan],
        by_hand: Mapping[str, int] = MappingProxyType({}),
        classes: tuple[ClassRule, ...] = CLASSES,
        wide: Container[str] = frozenset(),
        unlimited: Container[str] = frozenset(),
    ) -> None:
        """Take the bounds of a plan; `by_hand` are limits that hold in place of the plan's.

        `wide` are the lines that may refuse nobody now, `unlimited` the backends whose limit may make nobody wait: `observed` is told of a
        call that they would have refused, with mechanism, reason and the counts. A changed bound clamps: nobody who holds or waits is sent
        away.
        """
        self._shadows = {}
        for plan in backends:
            by_order = by_hand.get(plan.name)
            without = by_order is None and plan.name in unlimited
            limiter = self.limits.of(plan, UNLIMITED if without else by_order)
            line, rule = self._lines.get(plan.name), WIDE if plan.name in wide else plan.queue_rule
            if without or plan.name in wide:
                self._shadows[plan.name] = _Shadow("limit" if without else "queue", plan)
            if line is None:
                self._lines[plan.name] = Line(limiter, rule, classes)
            else:
                self._settle(line, line.bound(self._clock.now(), limiter, rule, classes))

    def forget(self, backend: str) -> None:
        """Begin anew under a name that means another backend now, or nothing: who holds or waits in the old line does so to its end."""
        self._lines.pop(backend, None)
        self.limits.forget(backend)

    async def lease(self, seat: Seat) -> Lease | Refusal:
        """See `ports.Slots.lease`."""
        line, now = self._lines[seat.backend], self._clock.now()
        if self._shadows:
            self._observe(line, seat)
        verdict = line.ask(now, seat)
        if isinstance(verdict, Lease):
            self._line_of[verdict] = line
            return verdict
        if isinstance(verdict, Refusal):
            return _in_line(verdict, line, now, seat)
        if verdict.pushed is not None:
            victim, refusal = verdict.pushed
            verdict.pushed = None
            self._tell(line, victim, refusal)
        return await self._wait(line, verdict)

    def _observe(self, line: Line, seat: Seat) -> None:
        """Tell of a call that limit or line would have refused, had nobody taken them out."""
        shadow = self._shadows.get(seat.backend)
        if shadow is None:
            return
        view, learnt, written = line.view(), self.limits.find(seat.backend), shadow.plan.limit
        limit = learnt.limit if learnt is not None else written if isinstance(written, int) else written.start
        if shadow.mechanism == "queue":
            limit = view.limit
        reason = would_refuse(shadow.plan.queue_rule, limit, view, line.expected_s(seat.operation))
        if reason is not None:
            self.observed(seat, shadow.mechanism, reason, view)

    async def _wait(self, line: Line, waiting: Waiting) -> Lease | Refusal:
        future: asyncio.Future[Lease | Refusal] = asyncio.get_running_loop().create_future()
        self._futures[waiting] = future
        self._set_timer(line, waiting)
        early_s = waiting.seat.not_before - self._clock.now()
        if early_s > 0:
            self._held_back[waiting] = asyncio.get_running_loop().call_later(early_s, self._ripen, line, waiting)
        if line not in self._looking:
            self._look(line)
        try:
            return await future
        except asyncio.CancelledError:
            line.leave(self._clock.now(), waiting)
            if future.done() and not future.cancelled():  # a slot was granted in the very moment of leaving
                granted = future.result()
                if isinstance(granted, Lease):
                    self._give_back(granted, used=False)
            else:
                self._serve(line)  # what he stood before may be somebody else's turn
            raise
        finally:
            self._timers.pop(waiting).cancel()
            del self._futures[waiting]
            if waiting in self._held_back:
                self._held_back.pop(waiting).cancel()

    def _ripen(self, line: Line, waiting: Waiting) -> None:
        """Serve somebody whose moment has come; timers fire early by up to the clock's resolution."""
        self._settle(line, line.serve(max(self._clock.now(), waiting.seat.not_before)))

    def _set_timer(self, line: Line, waiting: Waiting) -> None:
        within_s = max(0.0, waiting.until - self._clock.now())
        if waiting.seat.until <= waiting.until:
            within_s += _AFTER_S
        self._timers[waiting] = asyncio.get_running_loop().call_later(within_s, self._expire, line, waiting)

    def _expire(self, line: Line, waiting: Waiting) -> None:
        future = self._futures.get(waiting)
        if future is None or future.done():
            return
        # Timers fire early by up to the clock's resolution; the moment that was waited for has come all the same.
        now = max(self._clock.now(), waiting.until)
        refusal = line.expire(now, waiting, *self._in_force(waiting.seat.backend))
        if refusal is not None:
            self._tell(line, waiting, refusal)
            self._serve(line)

    def _look(self, line: Line) -> None:
        """Serve whom time alone has made eligible, as long as anybody waits."""
        self._looking.pop(line, None)
        if line.view().queued:
            self._serve(line)
            self._looking[line] = asyncio.get_running_loop().call_later(_SERVE_S, self._look, line)

    def reseat(self, old: Seat, new: Seat) -> None:
        """See `ports.Slots.reseat`."""
        now = self._clock.now()
        for line in list(self._looking):  # all in which anybody waits: the backend's name may have another by now
            waiting = line.reseat(now, old, new)
            if waiting is not None:
                self._timers[waiting].cancel()
                self._set_timer(line, waiting)
                self._serve(line)
                return

    def release(self, lease: Lease, *, used: bool = True) -> None:
        """See `ports.Slots.release`."""
        self._give_back(lease, used=used)

    def _give_back(self, lease: Lease, *, used: bool) -> None:
        line = self._line_of.pop(lease, None)
        if line is not None:
            self._settle(line, line.release(self._clock.now(), lease, used=used))

    def tell(self, lease: Lease, operation: str, seconds: float, *, dropped: bool) -> None:
        """See `ports.Slots.tell`."""
        line = self._line_of.get(lease)
        if line is not None:
            sample = Sample(operation, seconds, lease.epoch, lease.in_flight, dropped)
            self._settle(line, line.learn(self._clock.now(), sample))

    def haunt(self, lease: Lease) -> bool:
        """See `ports.Slots.haunt`."""
        line = self._line_of.get(lease)
        kept = line is not None and line.haunt(lease)
        if not kept:
            self.release(lease)
        return kept

    def view(self, backend: str) -> SlotsView:
        """See `ports.Slots.view`."""
        line = self._lines.get(backend)
        return line.view() if line is not None else SlotsView(0, 0, 0, 0)

    def pulse(self) -> None:
        """Let limits follow time where nothing ends: a slow start climbs, room that nobody has needed goes. About once a second."""
        now = self._clock.now()
        for name, line in self._lines.items():
            learnt = self.limits.find(name)
            if learnt is not None:
                epoch = learnt.epoch
                learnt.pulse(now)
                if learnt.epoch != epoch:
                    self._settle(line, line.serve(now))

    def at_minimum(self, backend: str) -> bool:
        """Say whether fewer calls at once cannot help: the limit is the least, or a number that is no business of ours."""
        line, learnt = self._lines.get(backend), self.limits.find(backend)
        return learnt is None or line is None or not line.limited_by(learnt) or learnt.at_minimum

    def slow_start(self, backend: str) -> None:
        """Let the limit climb from the least to what it was: a backend that was cut off is back."""
        learnt = self.limits.find(backend)
        if learnt is not None:
            learnt.slow_start(self._clock.now())

    def expected_s(self, backend: str, operation: str) -> float:
        """Return how long a slot is held for such a call at present."""
        line = self._lines.get(backend)
        return 1.0 if line is None else line.expected_s(operation)

    def outlook(self, seat: Seat) -> Ahead | None:
        """Return how long such a call would wait if it came now; None of a backend that is not there."""
        line = self._lines.get(seat.backend)
        if line is None:
            return None
        reasons, rest_s = self._in_force(seat.backend)
        if not rest_s and not line.view().full:
            return Ahead(0, 0, 0, 0)
        return replace(as_told(line.outlook(self._clock.now(), seat, rest_s)), reason=next(iter(reasons), None))

    def stands(self, seat: Seat) -> tuple[Ahead, int] | None:
        """See `ports.Slots.stands`."""
        line = self._lines.get(seat.backend)
        found = None if line is None else line.stands(self._clock.now(), seat, *self._in_force(seat.backend))
        if line is None or found is None:
            return None
        rest, place = found
        return replace(as_told(rest), stood=place), line.back_in_s(rest)

    def _in_force(self, backend: str) -> tuple[tuple[str, ...], float]:
        """Return what makes everybody's wait longer that a line cannot see, and for how many seconds nobody is served."""
        rest_s, learnt = self.rest_s(backend), self.limits.find(backend)
        if rest_s > 0.0:
            return (CUT_OFF,), rest_s
        return (SLOW_START,) if learnt is not None and learnt.climbing else (), 0.0

    def classes(self, backend: str) -> dict[str, int]:
        """Return how many wait in each class, the heaviest first."""
        line = self._lines.get(backend)
        return {} if line is None else line.classes()

    def clients(self, backend: str) -> set[str]:
        """Return whose calls wait."""
        return {waiting.seat.client for waiting in self._futures if waiting.seat.backend == backend}

    def find(self, backend: str, **wanted: str | None) -> list[WaitingView]:
        """Return those who wait and fit everything that is wanted: client, operation, request_id, param."""
        line = self._lines.get(backend)
        if line is None:
            return []
        reasons, rest_s = self._in_force(backend)
        return line.find(self._clock.now(), **wanted, reasons=reasons, rest_s=rest_s)

    def promote(self, backend: str, waiting: Waiting) -> bool:
        """Put a call before all others; False where it does not wait any more."""
        line = self._lines.get(backend)
        if line is None or not line.promote(self._clock.now(), waiting):
            return False
        self._serve(line)
        return True

    def drop(self, backend: str, waiting: Waiting) -> bool:
        """Send a call away; False where it does not wait any more."""
        line = self._lines.get(backend)
        refusal = None if line is None else line.drop(self._clock.now(), waiting)
        if line is None or refusal is None:
            return False
        self._tell(line, waiting, refusal)
        self._serve(line)
        return True

    def _serve(self, line: Line) -> None:
        self._settle(line, line.serve(self._clock.now()))

    def _tell(self, line: Line, waiting: Waiting, refusal: Refusal) -> None:
        future = self._futures.get(waiting)
        if future is not None and not future.done():
            future.set_result(_left(refusal, line, waiting))

    def _settle(self, line: Line, settled: Settled) -> None:
        """Tell everybody what he got. A loop, not a recursion: a whole line may have hung up in the same moment."""
        while settled:
            unwanted: Settled = []
            for waiting, outcome in settled:
                future = self._futures.get(waiting)
                if isinstance(outcome, Refusal):
                    self._tell(line, waiting, outcome)
                elif future is None or future.done():
                    unwanted += line.release(self._clock.now(), outcome, used=False)
                else:
                    self._line_of[outcome] = line
                    future.set_result(outcome)
            settled = unwanted


def _in_line(refusal: Refusal, line: Line, now: float, seat: Seat) -> Refusal:
    """Add how long the line is to what somebody is told who could not stand in it; a place that he came back with he keeps."""
    told = refusal.line or as_told(line.outlook(now, seat))
    return replace(refusal, line=told if seat.place is None else replace(told, stood=seat.place))


def _left(refusal: Refusal, line: Line, waiting: Waiting) -> Refusal:
    """Add where somebody stood who was let go: whoever comes back with it stands there again."""
    told = refusal.line
    return refusal if told is None else replace(refusal, line=replace(told, stood=line.place_of(waiting)))
