"""Answers in the backend's place where it cannot, by the operator's rules, first that fits. Stands around everything that asks the backend.

Answers stale beyond every grace, fallback, or the failure itself in the operator's words. What it says is never kept, and it carries the
`executed` of what it stands in for: a stand-in is no promise that anything was done.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from sidecar.answers import Entry
from sidecar.forms import effect_of
from sidecar.model import Answer, Exchange, Executed, Flight, Grade, Outcome, Protocol, Refusal, Seat, Waiter
from sidecar.outbound import private_request
from sidecar.patience import patience_s
from sidecar.policy.headers import to_caller
from sidecar.policy.origin import vetoes
from sidecar.states import Category, find

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sidecar.model import Call, Dialect, Lane, Outbound, RawHeaders
    from sidecar.plan import BackendPlan, FallbackPlan, OperationPlan, Scope
    from sidecar.ports import World

TAKES_SPARE: Final = True  # it is given the flight lane to the spare
_NO_STORE: Final = ((b"Cache-Control", b"no-store"),)
_GOOD: Final = ("ok", "partial")
_OURS_TO_COVER: Final = (Category.BUSY, Category.UPSTREAM)


def applies(scope: Scope) -> bool:
    """Where the settings have rules."""
    return bool(scope.one_operation.fallback)


def build(
    scope: Scope, world: World, inner: Callable[[Exchange], Awaitable[Outcome]], spare: Lane | None = None
) -> Callable[[Exchange], Awaitable[Outcome]]:
    """Return the stage; `spare` is the flight lane to the backend's spare, where there is one."""
    line, host = scope.one_operation, scope.one_backend.spare_plan
    xmlrpc = scope.one_backend.protocol is Protocol.XMLRPC  # its JSON needs no contract to be written
    made = [rule for rule in line.fallback if rule.kind == "body" or (rule.kind == "data" and xmlrpc)]
    bodies = {rule: _made(rule, scope, world) for rule in made}

    async def fallback(exchange: Exchange) -> Outcome:
        outcome = await inner(exchange)
        state = _state(outcome)
        if state is None:
            return outcome
        for rule in line.fallback:
            if state in rule.on and (said := await by(rule, exchange, outcome, state)) is not None:
                return said
        return outcome

    async def by(rule: FallbackPlan, exchange: Exchange, outcome: Outcome, state: str) -> Outcome | None:
        match rule.kind:
            case "stale":
                return await _old(exchange, state, world, strict=line.cache is not None and line.cache.strict)
            case "body" | "data" if rule in bodies:
                return await _said(
                    exchange, bodies[rule][exchange.endpoint], Grade("fallback", effect(outcome), state), world
                )
            case "data":
                return await _as_json(exchange, rule, Grade("fallback", effect(outcome), state), world)
            case "spare" if spare is not None and host is not None:
                return await _elsewhere(exchange, host, spare, state, world, line)
            case "refuse":
                return _in_their_words(outcome, rule.text, effect(outcome))
        return None

    def effect(outcome: Outcome) -> Executed:
        return outcome.grade.executed if isinstance(outcome, Answer) else effect_of(outcome, safe=line.safe)

    return fallback


async def _as_json(exchange: Exchange, rule: FallbackPlan, grade: Grade, world: World) -> Outcome | None:
    """Say what an operator wrote as JSON, as the contract has such a reply; None where it has not, or nobody knows it yet."""
    call = exchange.call
    assert call is not None, "decode names the call"
    made = await world.facades[exchange.backend, exchange.endpoint].answer(call.operation, rule.body)
    if isinstance(made, Refusal):
        facts = {"backend": exchange.backend, "operation": call.operation, "why": made.detail or made.state}
        world.log.event("fallback_unsaid", **facts)
        return None
    return await _said(exchange, _entry(exchange.backend, exchange.endpoint, call.operation, made, world), grade, world)


def _state(outcome: Outcome) -> str | None:
    """Return the state of a failure that is not its caller's doing."""
    state, reason = (
        (outcome.grade.state, outcome.grade.reason) if isinstance(outcome, Answer) else (outcome.state, outcome.reason)
    )
    return state if find(state, reason).category in _OURS_TO_COVER else None


async def _old(exchange: Exchange, state: str, world: World, *, strict: bool) -> Outcome | None:
    """Give what was known once, however long ago."""
    kept = exchange.kept
    if kept is None or kept.passing or kept.negative:
        return None
    if strict and world.answers.generations(kept.backend, kept.tags) != kept.generations:
        return None
    reason = {"overloaded": "overloaded", "outcome_unknown": "backend-slow"}.get(state, "backend-down")
    answer = await _said(exchange, kept, Grade("stale", Executed.NO, reason), world)
    return None if answer is None else answer._replace(age_s=int(kept.age_s(world.clock.now())))


async def _said(exchange: Exchange, entry: Entry, grade: Grade, world: World) -> Answer | None:
    assert exchange.call is not None, "decode names the call"
    adapter = world.adapters[entry.backend, exchange.endpoint]
    said = await adapter.replay(entry, exchange.head, exchange.rest, exchange.body, exchange.call.dialect)
    if said is None:
        return None
    headers, body = said
    exchange.cache_status = b""  # RFC 9211 section 2: not on what the intermediary makes itself
    return Answer(entry.status, "", (*headers, *_NO_STORE) if entry.key == b"" else headers, (body,), len(body), grade)


async def _elsewhere(
    exchange: Exchange, host: BackendPlan, lane: Lane, state: str, world: World, line: OperationPlan
) -> Outcome | None:
    """Ask the spare: as the caller did, or, where many ask the same, once for all of them. What it did it did: `executed` is its word."""
    call, question = exchange.call, exchange.question
    assert call is not None, "decode names the call"
    base = urlsplit(host.endpoints[0][1]).path or "/"
    if question is None:
        name, outbound = call._replace(backend=host.name, endpoint="", key=None), private_request(exchange, base)
    else:
        key = b"spare " + (call.key or question.digest)
        name = call._replace(backend=host.name, endpoint="", key=key, dialect=question.dialect)
        outbound = question.request._replace(target=base)
    flown = await _flown(exchange, name, outbound, lane, world, line)
    if flown is None:
        return None
    flight, outcome, joined = flown
    if isinstance(outcome, Answer):
        if outcome.grade.state not in _GOOD:
            return outcome if question is None else None
        grade = replace(outcome.grade, state="fallback", reason=state)
        if question is None:
            exchange.cache_status = b""
            return outcome._replace(grade=grade)
        if joined and line.cache is not None and vetoes(outcome.headers, line.cache.ignore) is not None:
            return None  # it is his alone who asked first, and as whom it was perhaps asked
        return await _said(exchange, _for_all(outcome, name, world), grade, world)
    if outcome is None and flight.sent and not line.safe:
        changed = host.changes(line, call.members, call.parameters)
        world.answers.touch(exchange.backend, changed)  # it may be done by the time that he reads
        return Refusal("outcome_unknown", "timeout", "the spare has the call and did not answer", Executed.UNKNOWN)
    done_nothing = outcome is None or effect_of(outcome, safe=line.safe) is Executed.NO
    return None if done_nothing else outcome


async def _flown(
    exchange: Exchange, call: Call, outbound: Outbound, lane: Lane, world: World, line: OperationPlan
) -> tuple[Flight, Outcome | None, bool] | None:
    """Return the flight to the spare, what came of it in his time, and whether somebody else had begun it; None where he has no time left,
    or as many wait for it as may.
    """
    account = exchange.account
    assert account is not None, "decode opens the account"
    now = world.clock.now()
    client_class = exchange.standing.client_class or line.client_class
    until = exchange.body_at + (patience_s(exchange, line.timeout_s) or 0.0)
    flight = world.flights.find(call.key)
    joined = flight is not None
    if until <= now or (flight is not None and line.cache is not None and len(flight.waiters) >= line.cache.waiters):
        return None
    if flight is None:
        flight = Flight(
            call=call,
            outbound=outbound,
            safe=line.safe,
            seat=Seat(call.backend, call.client, call.operation, client_class, until),
            account=account,
            started_at=now,
        )
    exchange.flight = flight
    return flight, await world.flights.fly(flight, lane, Waiter(call.client, client_class, until)), joined


def _for_all(answer: Answer, call: Call, world: World) -> Entry:
    """Return what the spare said as something that each caller is told in his own dialect; it is kept by nobody."""
    lines = (line for line in to_caller(answer.headers) if line[0].lower().startswith(b"content-"))
    return Entry(
        key=b"",
        backend=call.backend,
        endpoint="",
        operation=call.operation,
        dialect=call.dialect,
        at=world.clock.now(),
        status=answer.status,
        headers=tuple(lines),
        body=b"".join(answer.body),
        grade=answer.grade,
    )


def _in_their_words(outcome: Outcome, text: str, effect: Executed) -> Refusal:
    if isinstance(outcome, Refusal):
        return replace(outcome, detail=text)
    return Refusal(outcome.grade.state, outcome.grade.reason, text, effect)


def _made(rule: FallbackPlan, scope: Scope, world: World) -> dict[str, Entry]:
    """Make the reply of a rule as each endpoint's adapter writes it, once."""
    backend, line = scope.one_backend, scope.one_operation
    made = {}
    for endpoint, _ in backend.endpoints:
        written = world.adapters[backend.name, endpoint].stand_in(rule.body)
        made[endpoint] = _entry(backend.name, endpoint, line.pattern, written, world)
    return made


def _entry(
    backend: str, endpoint: str, operation: str, written: tuple[Dialect, RawHeaders, bytes], world: World
) -> Entry:
    dialect, headers, body = written
    return Entry(
        key=b"",
        backend=backend,
        endpoint=endpoint,
        operation=operation,
        dialect=dialect,
        at=world.clock.now(),
        status=200,
        headers=headers,
        body=body,
        grade=Grade("fallback", Executed.NO),
    )


def describe(scope: Scope) -> str:
    """Say which rules there are."""
    return "; ".join(f"on {', '.join(sorted(rule.on))}: {rule.kind}" for rule in scope.one_operation.fallback)
