"""The keeping ports in memory: slots, pressure, identities. Policies decide; this file waits, wakes and looks at the clock."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sidecar.model import Lease, Refusal, SlotsView
from sidecar.policy.identities import Identities
from sidecar.policy.limiter import Fixed
from sidecar.policy.pressure import Gauge
from sidecar.policy.queue import Line, Waiting

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sidecar.model import Grade, Level, Seat
    from sidecar.plan import BackendPlan
    from sidecar.ports import Clock


class MemorySlots:
    """`ports.Slots`: one line per backend, by name."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lines: dict[str, Line] = {}
        self._futures: dict[Waiting, asyncio.Future[Lease | Refusal]] = {}
        self._timers: dict[Waiting, asyncio.TimerHandle] = {}
        self._line_of: dict[
            Lease, Line
        ] = {}  # the one that it was granted by: its backend's name may have another by now

    def __repr__(self) -> str:
        return f"<MemorySlots {' '.join(f'{name}: {line!r}' for name, line in self._lines.items())}>"

    def bound(self, backends: Iterable[BackendPlan]) -> None:
        """Take the bounds of a plan. A changed bound clamps: nobody who holds or waits is sent away."""
        for plan in backends:
            limiter = Fixed(plan.limit)
            line = self._lines.get(plan.name)
            if line is None:
                self._lines[plan.name] = Line(limiter, plan.queue_size, plan.queue_wait_s)
            else:
                self._wake(line, line.bound(limiter, plan.queue_size, plan.queue_wait_s))

    def forget(self, backend: str) -> None:
        """Begin anew under a name that means another backend now, or nothing: who holds or waits in the old line does so to its end."""
        self._lines.pop(backend, None)

    async def lease(self, seat: Seat) -> Lease | Refusal:
        """See `ports.Slots.lease`."""
        line = self._lines[seat.backend]
        verdict = line.ask(self._clock.now(), seat)
        if isinstance(verdict, Lease):
            self._line_of[verdict] = line
        if not isinstance(verdict, Waiting):
            return verdict
        return await self._wait(line, verdict)

    async def _wait(self, line: Line, waiting: Waiting) -> Lease | Refusal:
        future: asyncio.Future[Lease | Refusal] = asyncio.get_running_loop().create_future()
        self._futures[waiting] = future
        self._set_timer(line, waiting)
        try:
            return await future
        except asyncio.CancelledError:
            line.leave(waiting)
            if future.done() and not future.cancelled():  # a slot was granted in the very moment of leaving
                granted = future.result()
                if isinstance(granted, Lease):
                    self.release(granted)
            raise
        finally:
            self._timers.pop(waiting).cancel()
            del self._futures[waiting]

    def _set_timer(self, line: Line, waiting: Waiting) -> None:
        within_s = max(0.0, waiting.until - self._clock.now())
        self._timers[waiting] = asyncio.get_running_loop().call_later(within_s, self._expire, line, waiting)

    def _expire(self, line: Line, waiting: Waiting) -> None:
        future = self._futures.get(waiting)
        if future is None or future.done():
            return
        # Timers fire early by up to the clock's resolution; the moment that was waited for has come all the same.
        refusal = line.expire(max(self._clock.now(), waiting.until), waiting)
        if refusal is not None:
            future.set_result(refusal)

    def reseat(self, old: Seat, new: Seat) -> None:
        """See `ports.Slots.reseat`."""
        line = self._lines.get(old.backend)
        waiting = None if line is None else line.reseat(old, new)
        if line is not None and waiting is not None:
            self._timers[waiting].cancel()
            self._set_timer(line, waiting)

    def release(self, lease: Lease) -> None:
        """See `ports.Slots.release`."""
        line = self._line_of.pop(lease, None)
        if line is not None:
            self._wake(line, line.release(lease))

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

    def _wake(self, line: Line, granted: list[tuple[Waiting, Lease]]) -> None:
        """Hand out what was granted. A loop, not a recursion: a whole line may have hung up in the same moment."""
        while granted:
            unwanted: list[tuple[Waiting, Lease]] = []
            for waiting, lease in granted:
                future = self._futures.get(waiting)
                if future is None or future.done():
                    unwanted += line.release(lease)
                else:
                    self._line_of[lease] = line
                    future.set_result(lease)
            granted = unwanted


class MemoryPressure:
    """`ports.Pressure`: one gauge per backend, by name."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._gauges: dict[str, Gauge] = {}

    def level(self, backend: str) -> Level:
        """See `ports.Pressure.level`."""
        return self._gauge(backend).ask(self._clock.now())

    def tell(self, backend: str, grade: Grade | None, *, waiting: int) -> None:
        """See `ports.Pressure.tell`."""
        self._gauge(backend).tell(self._clock.now(), grade, waiting=waiting)

    def forget(self, backend: str) -> None:
        """Begin anew under a name that means another backend now."""
        self._gauges.pop(backend, None)

    def _gauge(self, backend: str) -> Gauge:
        gauge = self._gauges.get(backend)
        if gauge is None:
            gauge = self._gauges[backend] = Gauge()
        return gauge


class MemoryIdentities:
    """`ports.Identities`: one table per backend, by name. `key` is a secret of this process, at most 64 bytes."""

    def __init__(self, clock: Clock, key: bytes) -> None:
        self._clock, self._key = clock, key
        self._tables: dict[str, tuple[tuple[object, ...], Identities]] = {}

    def __repr__(self) -> str:
        return f"<MemoryIdentities {' '.join(f'{name}: {table!r}' for name, (_, table) in self._tables.items())}>"

    def bound(self, backends: Iterable[BackendPlan]) -> None:
        """Take a plan. What was learnt is kept, unless people show something else from now on."""
        before, self._tables = self._tables, {}
        for plan in backends:
            shows = (plan.identity_params, plan.identity_headers)
            kept = before.get(plan.name)
            self._tables[plan.name] = kept if kept is not None and kept[0] == shows else (shows, Identities(self._key))

    def forget(self, backend: str) -> None:
        """Begin anew under a name that means another backend now: whom the old one knew, this one has not met."""
        self._tables.pop(backend, None)

    def ask(self, backend: str, address: str, claimed: bytes) -> str:
        """See `ports.Identities.ask`."""
        known = self._tables.get(backend)  # calls of a backend that a reload took away still come to their ends
        return address if known is None else known[1].ask(self._clock.now(), address, claimed)

    def tell(self, backend: str, address: str, claimed: bytes, *, well: bool, roomy: bool) -> None:
        """See `ports.Identities.tell`."""
        if (known := self._tables.get(backend)) is not None:
            known[1].tell(self._clock.now(), address, claimed, well=well, roomy=roomy)
