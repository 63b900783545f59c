"""Keeps the overrides of limits: takes orders for them, ends them by a timer, shows them. A reload changes what they go back to, not them.

Stands beside the app, which hands it the one function that changes a limit. The policy decides; this file looks at the clock.
"""

from __future__ import annotations

import asyncio
from math import ceil
from typing import TYPE_CHECKING, Any

from sidecar.control import Order, OrderError, Verdict
from sidecar.durations import rough
from sidecar.instant import rfc3339
from sidecar.policy.overrides import MOST, Override, Overrides

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sidecar.admin.audit import Audit
    from sidecar.ports import Clock

LIMIT = "limit"
_ITSELF = "sidecar"  # the actor of what ends by itself


class Keeper:
    """`apply(backend, value)` lets `value` hold from now on; None is what the settings say, or nothing where the backend has gone from
    them. It must not raise.
    """

    def __init__(self, clock: Clock, audit: Audit, apply: Callable[[str, int | None], None]) -> None:
        self._clock, self._audit, self._apply = clock, audit, apply
        self._overrides = Overrides()
        self._timer: asyncio.TimerHandle | None = None

    def __repr__(self) -> str:
        return f"<Keeper {self._overrides!r}>"

    def carry_out(self, order: Order, configured: Mapping[str, int]) -> Verdict:
        """Do `limit set` or `limit clear`. `configured` is what the settings say, by backend. Raises OrderError."""
        backend = order.arguments["backend"]
        if backend not in configured:
            raise OrderError(f"there is no backend {backend!r} any more: a reload has taken it out")
        if order.verb == "clear":
            return self._clear(backend)
        return self._set(order, backend, configured[backend])

    def _set(self, order: Order, backend: str, configured: int) -> Verdict:
        value, for_s, now = order.arguments["value"], order.for_s, self._clock.now()
        if for_s is None:
            raise OrderError("an override must end: say for how long")
        made = self._overrides.put(now, LIMIT, backend, value, configured, for_s, order.actor, order.reason)
        if made is None:
            raise OrderError(f"{MOST} overrides hold already: clear one, or write into the settings what is to stay")
        self._apply(backend, value)
        self._set_timer()
        text = f"{backend}: limit {value} (was {made.was}) for {rough(for_s)}, then {made.was} again"
        return Verdict(True, text, {"override": self._shown(made)})

    def _clear(self, backend: str) -> Verdict:
        ended = self._overrides.clear(LIMIT, backend)
        if ended is None:
            raise OrderError(f"no override of the limit of {backend} holds: there is nothing to clear")
        self._apply(backend, None)
        self._set_timer()
        return Verdict(True, f"{backend}: limit {ended.was} again (was {ended.value})", {"ended": ended.id})

    def reloaded(self, configured: Mapping[str, int]) -> None:
        """Take what new settings say, once they are in force: overrides stand, those of backends that are gone go."""
        for gone in self._overrides.rebase(LIMIT, configured):
            self._apply(gone.backend, None)  # else it would hold for a backend of that name that comes later
            self._note(
                gone, "its backend is gone from the settings", f"{gone.backend}: override {gone.id} has gone, too"
            )

    def view(self) -> list[dict[str, Any]]:
        """Return the overrides as the status shows them, the next to end first."""
        return [self._shown(each) for each in self._overrides.view()]

    def close(self) -> None:
        """Stop the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set_timer(self) -> None:
        self.close()
        end = self._overrides.next_end
        if end is not None:
            within_s = max(0.0, end - self._clock.now())
            self._timer = asyncio.get_running_loop().call_later(within_s, self._ring, end)

    def _ring(self, due: float) -> None:
        self._timer = None
        # Timers fire early by up to the clock's resolution; the moment that was waited for has come all the same.
        for ended in self._overrides.expired(max(self._clock.now(), due)):
            self._apply(ended.backend, None)
            self._note(ended, "its end has come", f"{ended.backend}: limit {ended.was} again (was {ended.value})")
        self._set_timer()

    def _note(self, ended: Override, reason: str, text: str) -> None:
        arguments = {"backend": ended.backend}
        self._audit.note(LIMIT, "clear", actor=_ITSELF, reason=reason, arguments=arguments, ok=True, text=text)

    def _shown(self, each: Override) -> dict[str, Any]:
        now, wall = self._clock.now(), self._clock.wall()
        return {
            "id": each.id,
            "noun": each.noun,
            "backend": each.backend,
            "value": each.value,
            "was": each.was,
            "actor": each.actor,
            "reason": each.reason,
            "since": rfc3339(wall - (now - each.since)),
            "until": rfc3339(wall + (each.until - now)),
            "left_s": max(0, ceil(each.until - now)),
        }
