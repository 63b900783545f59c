"""Places in the line that outlast a request: taken from whoever shows one, handed to whoever was let go. Stands around coalesce.

Refuses nothing: a place that does not count (used, another's, for another call, too old) is worth none, and its bearer stands behind those
who wait. Each caller of a flight that was let go gets a place of his own; whose place was of no use to him (a rate, a breaker, a deadline
stopped him before the backend had his call) gets it back.
"""

from __future__ import annotations

from dataclasses import replace
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

from sidecar.model import Ahead, Bearer, Refusal, Seat

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sidecar.model import Call, Exchange, Outcome, Place
    from sidecar.plan import Scope
    from sidecar.ports import World

HEADER: Final = "Sidecar-Place"
# By state, and by reason where the state has others: the backend was not asked, and he is not to blame.
_IN_VAIN: Final = {
    "rate_limited": None,
    "overloaded": ("queue_full", "queue_wait", "deadline", "client_cap", "pushed_out"),
    "backend_unreachable": ("cut_off",),
}


def build(
    scope: Scope, world: World, inner: Callable[[Exchange], Awaitable[Outcome]]
) -> Callable[[Exchange], Awaitable[Outcome]]:
    """Return the stage."""
    backend, line = scope.one_backend, scope.one_operation
    places, wait_s = world.places, backend.queue_wait_s

    async def place(exchange: Exchange) -> Outcome:
        if exchange.ours:
            return await inner(exchange)  # nobody would come back with it
        call = exchange.call  # as its caller will repeat it: further in it may become a private one
        assert call is not None, "decode names the call"
        shown = exchange.head.headers.get(HEADER)
        if shown is not None:
            exchange.place = places.take(bearer(exchange, call), shown, wait_s)
        outcome = await inner(exchange)
        if not isinstance(outcome, Refusal):
            return outcome
        if exchange.place is not None and _in_vain(outcome):
            told = outcome.line or ahead(exchange, call)
            outcome = replace(outcome, line=replace(told, stood=_earlier(told.stood, exchange.place)))
        if outcome.line is not None and outcome.line.stood is not None:
            return given(exchange, call, outcome)
        return outcome

    def ahead(exchange: Exchange, call: Call) -> Ahead:
        """Say how long he would wait from his place."""
        told = bearer(exchange, call)
        until, place = float("inf"), exchange.place
        seat = Seat(backend.name, call.client, call.operation, told.client_class, until, line.bulkhead, place)
        return world.slots.outlook(seat) or Ahead(0, 0, 0, 0)

    def given(exchange: Exchange, call: Call, refusal: Refusal) -> Refusal:
        """Sign where he stood. Who has as many places as he may gets none, and comes back as anybody."""
        told = refusal.line
        assert told is not None, "asked of those alone"
        assert told.stood is not None, "as above"
        whose, stood, flight = bearer(exchange, call), told.stood, exchange.flight
        if flight is not None and flight.seat.client_class != whose.client_class:
            stood = stood._replace(start_tag=None)  # it stood among those of another class: its age counts in all
        issued = places.give(whose, stood, (refusal.retry_after_s or 1) + wait_s)
        if issued is None:
            return replace(refusal, line=replace(told, stood=None))
        text, code = issued
        return replace(refusal, line=replace(told, stood=None, place=text, place_code=code))

    def bearer(exchange: Exchange, call: Call) -> Bearer:
        client_class = exchange.standing.client_class or line.client_class
        return Bearer(backend.name, client_class, exchange.client, call.key or _asked(exchange))

    return place


def _earlier(stood: Place | None, shown: Place) -> Place:
    """Return the better of where a flight stood and where one who joined it would have: nobody loses by asking with others."""
    return shown if stood is None or shown.since < stood.since else stood


def _in_vain(refusal: Refusal) -> bool:
    reasons = _IN_VAIN.get(refusal.state, ())
    return reasons is None or refusal.reason in reasons


def _asked(exchange: Exchange) -> bytes:
    """Return what tells a private call from another one: where it goes, and its own bytes."""
    head = exchange.head
    return blake2b(exchange.body, digest_size=16).digest() + f"{head.method} {head.path} {head.query}".encode()


def describe(scope: Scope) -> str:
    """Say what a place is worth."""
    return f"who was let go comes back to where he stood: worth at most {scope.one_backend.queue_wait_s:g} s"
