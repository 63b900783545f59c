"""Where a caller meets a flight: joins the one of the same key, or starts one, and waits for it with a deadline of his own.

Answers what the flight brought, or, when the caller's time is over first, how far it had come. A caller that leaves never makes a
second backend call, and one that only waits takes nothing from the others.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from sidecar.model import (
    Answer,
    Exchange,
    Executed,
    Flight,
    Gated,
    Outbound,
    Outcome,
    Progress,
    Refusal,
    Seat,
    Waiter,
)
from sidecar.outbound import private_request
from sidecar.patience import patience_s
from sidecar.policy.queue import UNDERWAY

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sidecar.model import Call, Lane
    from sidecar.plan import Scope
    from sidecar.ports import World

JOINABLE: Final = 0.5
"""How much of the operation's timeout a flight may have behind it and still be joined: who comes later would not live to see its end."""


def build(scope: Scope, world: World, inner: Lane | Gated) -> Callable[[Exchange], Awaitable[Outcome]]:
    """Return the stage; `inner` is the flight lane of this operation, perhaps behind gates."""
    gate, lane = inner if isinstance(inner, Gated) else (_open, inner)
    backend, line = scope.one_backend, scope.one_operation
    paths = {name: urlsplit(url).path or "/" for name, url in backend.endpoints}
    flights, clock = world.flights, world.clock
    findable, weights = backend.queue_find, {each.name: each.weight for each in scope.plan.classes}
    most = line.cache.waiters if line.cache is not None else 0

    async def coalesce(exchange: Exchange) -> Outcome:
        call = exchange.call
        assert call is not None, "decode names the call before anybody flies"
        waits_s = patience_s(exchange, line.timeout_s)
        if waits_s is None:
            return Refusal("malformed", "http", "Sidecar-Timeout is a number of seconds, or has the unit s or ms")
        until = exchange.body_at + waits_s
        try:
            outcome = (
                await shared(exchange, call, until)
                if exchange.question is not None
                else await private(exchange, call, until)
            )
        except asyncio.CancelledError:
            if exchange.flight is not None and exchange.flight.sent:
                left_alone(call)  # who hangs up reads next, too
            raise
        flight = exchange.flight
        if outcome is not None or flight is None:
            return outcome or Refusal("internal")
        since_s = clock.now() - flight.started_at
        if flight.track.progress is Progress.QUEUED:
            exchange.queue_s = since_s
        elif flight.sent:
            exchange.backend_s = max(0.0, since_s - flight.queue_s)
            left_alone(call)
        refusal = out_of_time(flight, waits_s)
        if refusal.reason == "deadline" and (stands := world.slots.stands(flight.seat)) is not None:
            # His own time was over before his turn. He leaves with his place, and comes back to it.
            ahead, after_s = stands
            return replace(refusal, line=ahead, retry_after_s=after_s)
        return refusal

    def left_alone(call: Call) -> None:
        """Note that a write's caller has gone on while the backend has it: whoever is told so reads next, and it may be done by then."""
        if changed := backend.changes(line, call.members, call.parameters):
            world.answers.touch(backend.name, changed)

    async def private(exchange: Exchange, call: Call, until: float) -> Outcome | None:
        flight = flights.find(call.key)
        if flight is None:
            start = gate(exchange, until)
            if isinstance(start, Refusal):
                return start
            flight = made(exchange, call, until, start, private_request(exchange, paths[exchange.endpoint]))
            if exchange.leave is not None:
                flight.fault = exchange.leave.fault
            if exchange.follow is not None:
                flight.ends.append(partial(exchange.follow, flight))
        return await flown(exchange, flight, until)

    async def shared(exchange: Exchange, call: Call, until: float) -> Outcome | None:
        question = exchange.question
        assert question is not None, "whoever asks for everybody says what"
        exchange.generations = world.answers.generations(backend.name, exchange.tags)
        flight = flights.find(call.key)
        if flight is not None and (
            flight.generations != exchange.generations or clock.now() - flight.started_at > line.timeout_s * JOINABLE
        ):
            flight = None  # it asked before a write went through, or it hangs: whoever comes now is not its follower
        exchange.joined = flight is not None
        if flight is None:
            start = gate(exchange, until)
            if isinstance(start, Refusal):
                return start
            flight = made(exchange, call._replace(dialect=question.dialect), until, start, question.request)
            flight.question, flight.tags, flight.generations = question, exchange.tags, exchange.generations
        elif len(flight.waiters) >= most:
            numbers = (("waiting", len(flight.waiters)), ("limit", most))
            return Refusal("overloaded", "queue_full", "as many as may already wait for this answer", numbers=numbers)
        outcome = await flown(exchange, flight, until)
        if exchange.joined and isinstance(outcome, Answer) and outcome.private and not exchange.ours:
            # For him alone who asked first, and as whom it was perhaps asked. The others ask for themselves, one by one.
            exchange.question, exchange.joined, exchange.call = None, False, call._replace(key=None)
            return await private(exchange, exchange.call, until)
        return outcome

    def made(exchange: Exchange, call: Call, until: float, start: float, outbound: Outbound) -> Flight:
        assert exchange.account is not None, "decode opens the account"
        return Flight(
            call=call,
            outbound=outbound,
            safe=line.safe,
            seat=Seat(
                backend.name,
                call.client,
                call.operation,
                class_of(exchange),
                until,
                line.bulkhead,
                exchange.place,
                exchange.request_id,
                shown(call),
                not_before=start,
            ),
            account=exchange.account,
            started_at=clock.now(),
        )

    async def flown(exchange: Exchange, flight: Flight, until: float) -> Outcome | None:
        client_class = class_of(exchange)
        waiter = exchange.waiter = Waiter(exchange.client, client_class, until, weights.get(client_class, 0.0))
        exchange.flight = flight
        outcome = await flights.fly(flight, lane, waiter)
        exchange.queue_s, exchange.backend_s = flight.queue_s, flight.backend_s
        return outcome

    def shown(call: Call) -> tuple[tuple[str, str], ...]:
        """Return by what an operator finds a call that waits."""
        return tuple((name, call.parameters[name]) for name in findable if name in call.parameters)

    def class_of(exchange: Exchange) -> str:
        usual = exchange.standing.client_class or line.client_class
        if not exchange.under_way or weights.get(usual, 0.0) > weights.get(UNDERWAY, 0.0):
            return usual
        return UNDERWAY

    return coalesce


def _open(exchange: Exchange, until: float) -> float:
    """Be the gate where there is none."""
    del exchange, until
    return 0.0


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


def describe(scope: Scope) -> str:
    """Say how long a caller waits and with whom he shares."""
    line = scope.one_operation
    kind = (
        "private flights"
        if line.cache is None
        else f"one flight for all who ask the same, {line.cache.waiters} callers at most"
    )
    return f"{kind}; a caller waits at most {line.timeout_s:g} s"
