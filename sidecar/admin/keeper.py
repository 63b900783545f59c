"""Keeps what was changed by hand: takes orders for it, ends it by a timer, shows it. A reload changes what it goes back to, not it.

Stands beside the app, which hands it a function for each noun that can be changed. The policy decides; this file looks at the clock.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any, Final

from sidecar.control import Order, OrderError, Verdict
from sidecar.durations import rough
from sidecar.instant import rfc3339
from sidecar.policy.overrides import EVERY, MOST, Override, Overrides

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sidecar.admin.audit import Audit
    from sidecar.policy.overrides import Value
    from sidecar.ports import Clock

LIMIT: Final = "limit"
OBSERVE: Final = "observe"
BREAKER: Final = "breaker"
ALL: Final = "all"  # how an order names every part of a noun
_ITSELF: Final = "sidecar"  # the actor of what ends by itself


@dataclass(frozen=True, slots=True)
class Noun:
    """Something that can be changed by hand. `apply(backend, part, value, for_s)` lets `value` hold from now on, for so many
    seconds, after which it is called again; None is what the settings say, or nothing where the backend has gone from them. It must not
    raise.

    `value` is the argument of an order that holds the value; `part` the one that tells several of one backend apart, "" where there is but
    one. `was` is what holds without an override, None: the number that the settings say for the backend.
    """

    name: str
    apply: Callable[[str, str, Value | None, float], None]
    value: str = "value"
    part: str = ""
    was: str | None = None


def observing(apply: Callable[[str, str, bool], None]) -> Noun:
    """Return the noun of `observe set`: `apply(backend, mechanism, on)`, either `EVERY` for all."""
    return Noun(
        OBSERVE,
        lambda backend, mechanism, value, _: apply(backend, mechanism, value is not None),
        value="mechanism",
        part="mechanism",
        was="enforce",
    )


def breaking(apply: Callable[[str, str | None, float], None]) -> Noun:
    """Return the noun of `breaker set`: `apply(backend, state, for_s)`, None where the breaker decides again."""
    return Noun(
        BREAKER,
        lambda backend, _, value, for_s: apply(backend, None if value is None else str(value), for_s),
        value="state",
        was="automatic",
    )


class Keeper:
    """`apply(backend, value)` changes a limit, as `Noun.apply` says; `others` are what else can be changed."""

    def __init__(self, clock: Clock, audit: Audit, apply: Callable[[str, int | None], None], *others: Noun) -> None:
        self._clock, self._audit = clock, audit
        limit = Noun(LIMIT, lambda backend, _, value, __: apply(backend, None if value is None else int(value)))
        self._nouns = {noun.name: noun for noun in (limit, *others)}
        self._overrides = Overrides()
        self._timer: asyncio.TimerHandle | None = None

    def __repr__(self) -> str:
        return f"<Keeper {self._overrides!r}>"

    def carry_out(self, order: Order, configured: Mapping[str, Value]) -> Verdict:
        """Do the `set` or `clear` of a noun. `configured` is what the settings say of limits, by backend. Raises OrderError."""
        noun, backend = self._nouns[order.noun], order.arguments["backend"]
        if backend != EVERY and backend not in configured:
            raise OrderError(f"there is no backend {backend!r} any more: a reload has taken it out")
        part = str(order.arguments[noun.part]) if noun.part else ""
        part = EVERY if part == ALL else part
        if order.verb == "clear":
            return self._clear(noun, backend, part)
        return self._set(noun, order, backend, part, configured[backend] if noun.was is None else noun.was)

    def _set(self, noun: Noun, order: Order, backend: str, part: str, was: Value) -> Verdict:
        value, for_s, now = order.arguments[noun.value], order.for_s, self._clock.now()
        if for_s is None:
            raise OrderError("an override must end: say for how long")
        made = self._overrides.put(now, noun.name, backend, value, was, for_s, order.actor, order.reason, part)
        if made is None:
            raise OrderError(f"{MOST} overrides hold already: clear one, or write into the settings what is to stay")
        noun.apply(backend, part, value, for_s)
        self._set_timer()
        text = f"{_at(backend)}: {noun.name} {value} (was {made.was}) for {rough(for_s)}, then {made.was} again"
        return Verdict(True, text, {"override": self._shown(made)})

    def _clear(self, noun: Noun, backend: str, part: str) -> Verdict:
        ended = self._overrides.clear(noun.name, backend, part)
        if not ended:
            raise OrderError(f"no override `{noun.name}` of {_at(backend)} holds: there is nothing to clear")
        for each in ended:
            noun.apply(each.backend, each.part, None, 0.0)
        self._set_timer()
        facts = {"ended": ended[0].id} if len(ended) == 1 else {"ended": [each.id for each in ended]}
        return Verdict(True, "; ".join(_again(each) for each in ended), facts)

    def reloaded(self, configured: Mapping[str, Value]) -> None:
        """Take what new settings say, once they are in force: overrides stand, those of backends that are gone go."""
        for noun in self._nouns.values():
            said = configured if noun.was is None else dict.fromkeys(configured, noun.was)
            for gone in self._overrides.rebase(noun.name, said):
                noun.apply(
                    gone.backend, gone.part, None, 0.0
                )  # else it would hold for a backend of that name that comes later
                text = f"{gone.backend}: override {gone.id} has gone, too"
                self._note(gone, "its backend is gone from the settings", text)

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
            self._nouns[ended.noun].apply(ended.backend, ended.part, None, 0.0)
            self._note(ended, "its end has come", _again(ended))
        self._set_timer()

    def _note(self, ended: Override, reason: str, text: str) -> None:
        noun = self._nouns[ended.noun]
        arguments = {"backend": ended.backend, **({noun.part: ended.value} if noun.part else {})}
        self._audit.note(ended.noun, "clear", actor=_ITSELF, reason=reason, arguments=arguments, ok=True, text=text)

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


def _again(ended: Override) -> str:
    return f"{_at(ended.backend)}: {ended.noun} {ended.was} again (was {ended.value})"


def _at(backend: str) -> str:
    return "every backend" if backend == EVERY else backend
