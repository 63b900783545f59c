"""Orders to let calls go wrong on purpose: carries them out, shows what holds, writes into the audit what has ended by itself.

Stands beside the keeper, which keeps what is changed until an end: there may be several faults at one backend, and the settings may ask for
some. What holds, and until when, the store knows.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any, Final, Protocol

from sidecar.control import Order, OrderError, Verdict
from sidecar.durations import rough
from sidecar.instant import rfc3339
from sidecar.policy.injection import MOST, Fault, Kind, header_of, worded

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from sidecar.admin.audit import Audit
    from sidecar.policy.injection import Injection
    from sidecar.ports import Clock

NOUN: Final = "fault"
_SETTINGS: Final = "settings"
_ITSELF: Final = "sidecar"  # the actor of what ends by itself
_ORDERED: Final = "an order"


class Injections(Protocol):
    """What holds faults: see `stores.injections`."""

    told: Callable[[str, Injection, str], None] | None

    def put(self, backend: str, fault: Fault, by: str = "", reason: str = "") -> Injection | None:
        """Let one hold; None where too many do."""
        ...

    def clear(self, backend: str, id: str = "", why: str = "") -> list[Injection]:  # noqa: A002 - its own word
        """End one, or all at a backend."""
        ...

    def view(self) -> list[tuple[str, Injection, int]]:
        """Return what holds: backend, injection, hits."""
        ...


class Faults:
    """One per process."""

    def __init__(self, injections: Injections, clock: Clock, audit: Audit) -> None:
        self._injections, self._clock, self._audit = injections, clock, audit
        injections.told = self._note

    def carry_out(self, order: Order, backends: Container[str]) -> Verdict:
        """Do `fault inject` or `fault clear`; `backends` are those that there are. Raises OrderError."""
        backend = order.arguments["backend"]
        if backend not in backends:
            raise OrderError(f"there is no backend {backend!r} any more: a reload has taken it out")
        return self._clear(backend, order.arguments["id"]) if order.verb == "clear" else self._inject(backend, order)

    def _inject(self, backend: str, order: Order) -> Verdict:
        made = self._injections.put(backend, _fault(order), order.actor, order.reason)
        if made is None:
            raise OrderError(f"{MOST} faults hold at {backend} already: clear one")
        text = f"{backend}: {made.id} {made.fault.text}, for {rough(made.fault.for_s)}"
        return Verdict(True, text, {"fault": self._shown(backend, made, 0)})

    def _clear(self, backend: str, name: str) -> Verdict:
        ended = self._injections.clear(backend, name, _ORDERED)
        if not ended:
            held = ", ".join(each.id for at, each, _ in self._injections.view() if at == backend) or "none"
            raise OrderError(f"there is nothing to clear: at {backend} there holds {held}")
        text = "; ".join(f"{backend}: {each.id} {each.fault.text} has ended" for each in ended)
        return Verdict(True, text, {"ended": [each.id for each in ended]})

    def view(self) -> list[dict[str, Any]]:
        """Return what holds as the status shows it among what was changed by hand, the next to end first."""
        return [self._shown(*row) for row in self._injections.view()]

    def _note(self, backend: str, ended: Injection, why: str) -> None:
        text = f"{backend}: {ended.id} {ended.fault.text} has ended"
        arguments = {"backend": backend, "id": ended.id}
        self._audit.note(NOUN, "clear", actor=_ITSELF, reason=why, arguments=arguments, ok=True, text=text)

    def _shown(self, backend: str, each: Injection, hits: int) -> dict[str, Any]:
        now, wall = self._clock.now(), self._clock.wall()
        return {
            "id": each.id,
            "noun": NOUN,
            "backend": backend,
            "value": each.fault.text,
            "was": "none",
            "actor": each.by or _SETTINGS,
            "reason": each.reason or "inject: of the settings",
            "since": rfc3339(wall - (now - each.since)),
            "until": rfc3339(wall + (each.until - now)),
            "left_s": max(0, ceil(each.until - now)),
            "hits": hits,
        }


def _fault(order: Order) -> Fault:
    """Return what an order asks for. Raises OrderError with what is wrong."""
    said = order.arguments
    kind, header = Kind(said["kind"]), header_of(said["header"])
    if said["header"] and header is None:
        raise OrderError(f"header: {said['header']!r} is not NAME=PATTERN")
    if order.for_s is None:
        raise OrderError("a fault must end: say for how long")
    try:
        latency_s, jitter_s, status = worded(kind, said["value"].strip())
        return Fault(said["operation"].strip(), kind, order.for_s, said["share"], header, latency_s, jitter_s, status)
    except ValueError as error:
        raise OrderError(str(error)) from None
