"""The keeping ports in memory: pressure and identities. Policies decide; this file looks at the clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sidecar.policy.identities import Identities
from sidecar.policy.pressure import Gauge

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sidecar.model import Grade, Level
    from sidecar.plan import BackendPlan
    from sidecar.ports import Clock


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
