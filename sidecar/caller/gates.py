"""The last of the caller lane: what somebody has to pass who would start a flight. Who joins one, or is answered from memory, passes it by.

Asked by `coalesce` when it has found no flight, and before it makes one: so a refusal here is its caller's alone, and nobody follows him.
It answers at once: paused, rate_limited, or the moment from which the call may start; the waiting is done in the backend's line, where all
wait. A pause comes before the rates: who is held up has paid for nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sidecar.model import Gated, Refusal

if TYPE_CHECKING:
    from sidecar.model import Exchange, Lane
    from sidecar.plan import Scope
    from sidecar.policy.rates import RateRule
    from sidecar.ports import World

_AT_ONCE: Final = 0.0  # the beginning of time: whoever may start from then on may start now


def build(scope: Scope, world: World, inner: Lane) -> Gated:
    """Return the stage: what `coalesce` asks, and the lane that it starts then."""
    backend, line, rates, clock = scope.one_backend, scope.one_operation.pattern, world.rates, world.clock
    pauses, rooms = world.pauses, world.rooms
    rated, covered = bool(_rules(scope)), bool(_rooms(scope))

    def ask(exchange: Exchange, until: float) -> float | Refusal:
        if pauses.active:
            refusal = pauses.ask(backend.name, under_way=exchange.under_way)
            if refusal is not None:
                return refusal
        if covered and not exchange.ours:
            refusal = rooms.ask(exchange)
            if refusal is not None:
                return refusal
        return rate(exchange, until) if rated else _AT_ONCE

    def rate(exchange: Exchange, until: float) -> float | Refusal:
        call = exchange.call
        assert call is not None, "decode names the call before anybody flies"
        # A renewal is nobody's: no client pays for it, and it has no time to wait, for something is known already.
        client = "" if exchange.ours else exchange.client
        within_s = 0.0 if exchange.ours else min(until - clock.now(), backend.queue_wait_s)
        start, exchange.rate_limit = rates.ask(backend.name, line, call, client, within_s, under_way=exchange.under_way)
        if isinstance(start, Refusal) and world.observing(backend.name, "rate"):
            world.log.event(
                "observed",
                backend=backend.name,
                operation=call.operation,
                mechanism="rate",
                numbers=dict(start.numbers),
            )
            return clock.now()
        return start

    return Gated(ask, inner)


def _rooms(scope: Scope) -> list[str]:
    """Return the rooms that stand before calls of the backend; whether before this one, each call is asked."""
    backend = scope.one_backend.name
    return [room.name for room in scope.plan.rooms if any(cover.backend == backend for cover in room.covers)]


def _rules(scope: Scope) -> tuple[RateRule, ...]:
    return (*scope.one_backend.rates, *scope.one_operation.rates)


def describe(scope: Scope) -> str:
    """Say the rules."""
    rooms = [f"the waiting room {name}, for what it covers" for name in _rooms(scope)]
    return "; ".join(("what an operator has paused", *rooms, *map(str, _rules(scope))))
