"""What goes wrong on purpose, in memory: the faults of settings and of orders, by backend, each with its end. The policy decides; this file
looks at the clock, and says in the log what begins and what is over.

Stands beside the pipelines, which come and go. Nothing here is ever written to a disk: a restart ends what was asked for by order.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from sidecar.instant import rfc3339
from sidecar.policy.injection import Injections

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from sidecar.plan import BackendPlan
    from sidecar.policy.injection import Fault, Injection
    from sidecar.ports import Clock, Log

OVER: Final = "its end has come"
_WRITTEN: Final = "the settings do not say so any more"
_GONE: Final = "its backend is gone from the settings, or is another one"
_FULL: Final = "as many hold as may"


class MemoryInjections:
    """`ports.Injections`. `told` hears of each that ends by itself, with its backend and the reason."""

    def __init__(self, clock: Clock, log: Log) -> None:
        self._clock, self._log = clock, log
        self._backends: dict[str, Injections] = {}
        # What settings asked for, by backend, and as which it began: a reload that says the same again prolongs nothing.
        self._written: dict[str, dict[Fault, str]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self.active = False
        self.told: Callable[[str, Injection, str], None] | None = None

    def __repr__(self) -> str:
        held = [f"{name}: {here!r}" for name, here in self._backends.items() if here.holding]
        return f"<MemoryInjections {' '.join(held) or 'none'}>"

    def at(self, backend: str) -> Injections:
        """See `ports.Injections.at`."""
        found = self._backends.get(backend)
        if found is None:
            found = self._backends[backend] = Injections()
        return found

    def named(self, backend: str, names: Sequence[str], hit: str) -> bytes:
        """See `ports.Injections.named`."""
        found = self._backends.get(backend)
        if found is None or not found.holding:
            return b""
        now, wall = self._clock.now(), self._clock.wall()
        return b", ".join(
            f'injected;kind={each.fault.kind};id={each.id};until="{rfc3339(wall + each.until - now)}"'.encode()
            + (b";hit" if each.id == hit else b"")
            for each in found.on(now, names)
        )

    def load(self, backends: Iterable[BackendPlan]) -> None:
        """Take what new settings say: what is new begins, what they do not say any more ends, what they say again goes on to its end."""
        wanted = {plan.name: plan.inject for plan in backends}
        for name in [name for name in (*self._backends, *self._written) if name not in wanted]:
            self.forget(name)
            self._written.pop(name, None)
        for name, faults in wanted.items():
            begun = self._written.pop(name, {})
            for fault, each in begun.items():
                if fault not in faults and each:
                    self._over(name, self.at(name).clear(each), _WRITTEN)
            if faults:
                self._written[name] = {
                    fault: begun[fault] if fault in begun else self._begin(name, fault) for fault in faults
                }
        self._changed()

    def _begin(self, backend: str, fault: Fault) -> str:
        made = self.put(backend, fault)
        if made is None:
            self._log.event("fault_ended", backend=backend, fault=fault.text, hits=0, why=_FULL)
        return "" if made is None else made.id

    def put(self, backend: str, fault: Fault, by: str = "", reason: str = "") -> Injection | None:
        """Let a fault hold from now on, None where too many do; `by` is who gave the order, "" the settings."""
        made = self.at(backend).put(self._clock.now(), fault, by, reason)
        if made is not None:
            self._log.event(
                "fault_begun",
                backend=backend,
                id=made.id,
                fault=fault.text,
                for_s=fault.for_s,
                by=by or "settings",
                reason=reason,
            )
        self._changed()
        return made

    def clear(self, backend: str, id: str = "", why: str = "") -> list[Injection]:  # noqa: A002 - the word that status and orders use
        """End the one of that id, or all at a backend, because somebody said so; return what has ended."""
        ended = self.at(backend).clear(id)
        self._over(backend, ended, why)
        self._changed()
        return list(ended)

    def forget(self, backend: str) -> None:
        """Begin anew under a name that means another backend now, or nothing; what settings said, and what has ended since, stays over."""
        here = self._backends.get(backend)
        if here is None:
            return
        now = self._clock.now()
        holding = {each.id for each in here.holding if each.until > now}
        written = self._written.get(backend, {})
        self._written[backend] = {fault: made for fault, made in written.items() if made not in holding}
        self._by_itself(backend, here.clear(), _GONE)
        self._changed()

    def view(self) -> list[tuple[str, Injection, int]]:
        """Return what holds, with its backend and how many attempts it has hit, the next to end first."""
        now = self._clock.now()
        held = [
            (name, each, here.hits(each.id))
            for name, here in self._backends.items()
            for each in here.holding
            if each.until > now
        ]
        return sorted(held, key=lambda row: row[1].until)

    def close(self) -> None:
        """Stop the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _changed(self) -> None:
        self.close()
        ends = [end for here in self._backends.values() if (end := here.next_end) is not None]
        self.active = bool(ends)
        if ends:
            end = min(ends)
            within_s = max(0.0, end - self._clock.now())
            self._timer = asyncio.get_running_loop().call_later(within_s, self._ring, end)

    def _ring(self, due: float) -> None:
        # Timers fire early by up to the clock's resolution; the moment that was waited for has come all the same.
        now = max(self._clock.now(), due)
        for name, here in self._backends.items():
            self._by_itself(name, here.expired(now), OVER)
        self._changed()

    def _by_itself(self, backend: str, ended: Mapping[Injection, int], why: str) -> None:
        self._over(backend, ended, why)
        for each in ended:
            if self.told is not None:
                self.told(backend, each, why)

    def _over(self, backend: str, ended: Mapping[Injection, int], why: str) -> None:
        for each, hits in ended.items():
            self._log.event("fault_ended", backend=backend, id=each.id, fault=each.fault.text, hits=hits, why=why)
