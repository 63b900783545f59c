"""Where a caller meets a flight: joins the one of the same key, or starts one, and waits for it with a deadline of his own.

Answers what the flight brought, or, when the caller's time is over first, how far it had come. A caller that leaves never makes a
second backend call, and one that only waits takes nothing from the others.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from sidecar.model import Dialect, Exchange, Executed, Flight, Outbound, Outcome, Progress, Refusal, Seat, Waiter
from sidecar.policy.headers import connection_names, to_backend

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sidecar.model import Lane, RawHeaders
    from sidecar.plan import Scope
    from sidecar.ports import World

_TIMEOUT: Final = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)(ms|s)?")


def build(scope: Scope, world: World, inner: Lane) -> Callable[[Exchange], Awaitable[Outcome]]:
    """Return the stage; `inner` is the flight lane of this operation."""
    backend, line = scope.one_backend, scope.one_operation
    paths = {name: urlsplit(url).path or "/" for name, url in backend.endpoints}
    flights, clock = world.flights, world.clock

    async def coalesce(exchange: Exchange) -> Outcome:
        call = exchange.call
        assert call is not None, "decode names the call before anybody flies"
        assert exchange.account is not None, "decode opens the account"
        patience_s = line.timeout_s
        if (given := exchange.head.headers.get("Sidecar-Timeout")) is not None:
            shorter = _seconds(given)
            if shorter is None:
                return Refusal("malformed", "http", "Sidecar-Timeout is a number of seconds, or has the unit s or ms")
            patience_s = min(patience_s, shorter)
        until = exchange.body_at + patience_s
        client_class = exchange.standing.client_class or line.client_class
        flight = flights.find(call.key) or Flight(
            call=call,
            outbound=_outbound(exchange, paths[exchange.endpoint]),
            safe=line.safe,
            seat=Seat(backend.name, call.client, call.operation, client_class, until),
            account=exchange.account,
            started_at=clock.now(),
        )
        exchange.flight = flight
        outcome = await flights.fly(flight, inner, Waiter(call.client, client_class, until))
        exchange.queue_s, exchange.backend_s = flight.queue_s, flight.backend_s
        if outcome is None:
            since_s = clock.now() - flight.started_at
            if flight.track.progress is Progress.QUEUED:
                exchange.queue_s = since_s
            elif flight.sent:
                exchange.backend_s = max(0.0, since_s - flight.queue_s)
            return out_of_time(flight, patience_s)
        return outcome

    return coalesce


def out_of_time(flight: Flight, patience_s: float) -> Refusal:
    """Say how far a flight had come when its caller's deadline passed; only what was sent can have an effect."""
    waited = (("waited_ms", round(patience_s * 1000)),)
    if flight.track.progress is Progress.QUEUED:
        detail = f"no slot came free within the {patience_s:g} s that the caller waits"
        return Refusal("overloaded", "deadline", detail, numbers=waited)
    if not flight.sent:
        detail = "no connection within the time that the caller waits"
        return Refusal("backend_unreachable", "connect_timeout", detail, Executed.NO, numbers=waited)
    detail = f"the backend has the call and did not answer within {patience_s:g} s"
    effect = Executed.NO if flight.safe else Executed.UNKNOWN
    return Refusal("outcome_unknown", "timeout", detail, effect, numbers=waited)


def farewell(exchange: Exchange) -> Refusal:
    """Say what becomes of a call that is still under way when the sidecar has to go."""
    flight = exchange.flight
    if flight is None or not flight.sent:
        return Refusal("draining", detail="this sidecar is shutting down")
    effect = Executed.NO if flight.safe else Executed.UNKNOWN
    return Refusal("outcome_unknown", "cut", "this sidecar shuts down and the backend has not answered", effect)


def _outbound(exchange: Exchange, base: str) -> Outbound:
    """Make a private flight's request: the caller's own bytes, with one canonical SOAPAction where the WSDL knows it."""
    head = exchange.head
    raw = head.raw
    lines = to_backend(raw, connection_names(raw), believed=exchange.standing.believed)
    call = exchange.call
    if call is not None and call.action is not None and call.dialect is Dialect.SOAP11:
        lines = _canonical(lines, call.action)
    target = base.rstrip("/") + exchange.rest if exchange.rest else base
    if head.query:
        target += "?" + head.query
    return Outbound(head.method, target, tuple(lines), exchange.body)


def _canonical(lines: list[tuple[bytes, bytes]], action: str) -> list[tuple[bytes, bytes]]:
    value = b'"' + action.encode() + b'"'
    seen = False
    out: RawHeaders = ()
    for name, old in lines:
        if name.lower() != b"soapaction":
            out += ((name, old),)
        elif not seen:
            seen = True
            # Unquoted is how some clients write it; what they wrote is kept where it says the same.
            out += ((name, old if old.strip(b' "') == value[1:-1] else value),)
    return list(out)


def _seconds(text: str) -> float | None:
    match = _TIMEOUT.fullmatch(text.strip())
    if match is None:
        return None
    number = float(match.group(1))
    return number / 1000 if match.group(2) == "ms" else number


def describe(scope: Scope) -> str:
    """Say how long a caller waits and with whom he shares."""
    return f"private flights; a caller waits at most {scope.one_operation.timeout_s:g} s"
