"""Second from outside, though it acts last: turns every outcome into bytes in the caller's dialect, with the state in the header.

Answers anything; a stage that raises is `internal` here, so that nothing leaves without a state. Never changes a backend's own body.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from sidecar.forms import COMES_BACK, Form, form_of, state_item
from sidecar.instant import rfc3339
from sidecar.model import Answer, Dialect, Exchange, Executed, Outcome, Refusal, Reply, joined
from sidecar.policy.headers import retry_after_s, to_caller
from sidecar.policy.languages import choice
from sidecar.states import Category, find, retry_how

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sidecar.model import Call, Head
    from sidecar.plan import Scope
    from sidecar.ports import Injections, World

# What a caller's own id may look like: it is repeated in headers, bodies and logs.
_WELL_FORMED: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:+/=-]{7,127}")

_ANEW: Final = (b"cache-control", b"sidecar-fault")  # written anew where a request is told more than others
_FAILURES: Final = 400  # from here on a JSON body is a problem (RFC 9457)
_SPEAKS: Final = (Category.WAIT, Category.BUSY, Category.LIMIT, Category.UPSTREAM)  # where people want to know why


def build(
    scope: Scope, world: World, inner: Callable[[Exchange], Awaitable[Outcome]]
) -> Callable[[Exchange], Awaitable[Reply]]:
    """Return the stage."""
    del scope
    passed, injections, explained = world.watch.passed, world.injections, world.explained

    async def envelope(exchange: Exchange) -> Reply:
        exchange.request_id = request_id(exchange.head, world)
        exchange.dialect = world.dialect_of(exchange.head)
        exchange.standing = world.client_of(exchange.head, exchange.peer.address)
        exchange.client = exchange.standing.client
        outcome: Outcome | None = None
        refusal: Refusal | None = None
        try:
            outcome = await inner(exchange)
            if isinstance(outcome, Refusal):
                refusal = outcome
            reply, state, reason, effect = _write(outcome, exchange, world)
        except Exception as bug:  # noqa: BLE001 - whatever a stage raises is our bug, and its caller still gets a state
            world.log.event("bug", where="caller lane", request_id=exchange.request_id, error=bug)
            if isinstance(outcome, Answer) and outcome.stream is not None:
                outcome.stream.close()
            refusal = _bug(exchange)
            reply, state, reason, effect = _write(refusal, exchange, world)
        if injections.active and exchange.call is not None:
            reply = _with_faults(reply, exchange, exchange.call, injections)
        if exchange.leave is not None:
            reply = with_explained(reply, exchange, explained(exchange, state, reason, effect, refusal))
        passed(exchange, reply, state, reason, effect, refusal)
        world.answered(exchange)
        return reply

    return world.watch.over_requests(envelope)


def _write(outcome: Outcome, exchange: Exchange, world: World) -> tuple[Reply, str, str | None, Executed]:
    ours = not isinstance(outcome, Answer)
    if isinstance(outcome, Answer) and exchange.dialect is Dialect.JSON and outcome.grade.state != "ok":
        outcome = as_problem(outcome, world.clock.wall())
    if isinstance(outcome, Answer):
        grade = outcome.grade
        reply = _relay(exchange, outcome, world) if not outcome.block else _written(exchange, outcome)
        return reply, grade.state, grade.reason, grade.executed
    form = _form(outcome, exchange, world, ours=ours)
    return _filled(form, outcome, exchange, world), outcome.state, outcome.reason, form.effect


def _with_faults(reply: Reply, exchange: Exchange, call: Call, injections: Injections) -> Reply:
    """Name what goes wrong on purpose, on every response of an operation while it does: nobody shall take it for the backend's."""
    hit = "" if exchange.flight is None else exchange.flight.injected
    said = injections.named(exchange.backend, (call.operation, *call.members), hit)
    if not said:
        return reply
    line = ((b"Sidecar-Fault", said),)
    return reply._replace(headers=reply.headers + line, block=reply.block and reply.block + joined(line))


def with_explained(reply: Reply, exchange: Exchange, said: bytes) -> Reply:
    """Add what decided, and what went wrong at the caller's own wish. It is his alone: nobody on the way may keep it for others."""
    lines = [line for line in reply.headers if line[0].lower() not in _ANEW]
    wrong = [value for name, value in reply.headers if name == b"Sidecar-Fault"]
    fault = None if exchange.leave is None else exchange.leave.fault
    if fault is not None:
        hit = b";hit" if exchange.flight is not None and exchange.flight.injected == fault.id else b""
        wrong.append(f"injected;kind={fault.kind};id={fault.id}".encode() + hit)
    if wrong:
        lines.append((b"Sidecar-Fault", b", ".join(wrong)))
    return reply._replace(headers=(*lines, (b"Cache-Control", b"no-store"), (b"Sidecar-Explain", said)), block=b"")


def _bug(exchange: Exchange) -> Refusal:
    """Own up: a bug after the call was sent leaves its outcome unknown."""
    flight = exchange.flight
    effect = Executed.UNKNOWN if flight is not None and flight.sent and not flight.safe else Executed.NO
    return Refusal("internal", detail="the sidecar failed while it handled the call", executed=effect)


def request_id(head: Head | None, world: World) -> str:
    """Take over a caller's id where it is well-formed, else make one."""
    given = head.headers.get("X-Request-Id") if head is not None else None
    return given if given is not None and _WELL_FORMED.fullmatch(given) else world.new_id()


def as_problem(answer: Answer, wall_s: float) -> Answer | Refusal:
    """Turn a backend's fault into a problem for a caller who asked for JSON; what is no failure stays the backend's own."""
    grade = answer.grade
    if find(grade.state, grade.reason).status < _FAILURES or answer.stream is not None:
        return answer
    return Refusal(grade.state, grade.reason, grade.text, grade.executed, retry_after_s(answer.headers, wall_s))


def refuse(refusal: Refusal, exchange: Exchange, world: World) -> Reply:
    """Write a refusal in the exchange's dialect."""
    return _filled(_form(refusal, exchange, world), refusal, exchange, world)


def _form(refusal: Refusal, exchange: Exchange, world: World, *, ours: bool = True) -> Form:
    render, reads = world.renderers[exchange.dialect], 0
    if world.pauses.active and refusal.notice is None:
        refusal = _with_notice(refusal, exchange, world)
    if refusal.notice is not None:
        languages = tuple(language for language, _ in refusal.notice.texts)
        reads = choice(languages, exchange.head.headers.get("Accept-Language", ""))
    return form_of(refusal, render, safe=exchange.safe, sender_status=exchange.sender_status, ours=ours, reads=reads)


def _with_notice(refusal: Refusal, exchange: Exchange, world: World) -> Refusal:
    """Add what an operator says of the backend, or of everything, where waiting is what its caller has to do."""
    if find(refusal.state, refusal.reason).category not in _SPEAKS:
        return refusal  # a mistake of the caller's own is none of the operator's
    notice = world.pauses.notices(exchange.backend or None)
    return refusal if notice is None else replace(refusal, notice=notice)


def _filled(form: Form, refusal: Refusal, exchange: Exchange, world: World) -> Reply:
    name = exchange.request_id.encode()
    headers, block = (*form.before, (b"X-Request-Id", name), *form.after), form.block % name
    if exchange.cache_status:
        asked = ((b"Cache-Status", exchange.cache_status),)
        headers, block = headers + asked, block + joined(asked)
    if exchange.rate_limit:
        headers, block = headers + exchange.rate_limit, block + joined(exchange.rate_limit)
    if exchange.queue_s or exchange.backend_s:
        timing = ((b"Server-Timing", _timing(exchange)),)
        headers, block = headers + timing, block + joined(timing)
    body = form.filled(name, rfc3339(world.clock.wall()))
    return Reply(form.status, headers, (body,), "", refusal.close, None, block)


def _written(exchange: Exchange, answer: Answer) -> Reply:
    block = answer.block % exchange.request_id.encode()
    return Reply(answer.status, answer.headers, answer.body, "", False, None, block)


def _relay(exchange: Exchange, answer: Answer, world: World) -> Reply:
    grade = answer.grade
    headers = to_caller(answer.headers)
    headers.append((b"Sidecar-State", state_item(grade.state, grade.reason, grade.executed.value, answer.age_s)))
    headers.append((b"X-Request-Id", exchange.request_id.encode()))
    if answer.age_s is not None:
        headers.append((b"Age", str(answer.age_s).encode()))
    if exchange.cache_status:
        headers.append((b"Cache-Status", exchange.cache_status))
    elif answer.age_s is not None:
        headers.append((b"Cache-Status", b"sidecar; hit"))
    if exchange.rate_limit:  # the backend's own are about our calls, not about his
        headers = [line for line in headers if not line[0].lower().startswith(b"ratelimit")]
        headers += exchange.rate_limit
    if exchange.backend_s:
        headers.append((b"Server-Timing", _timing(exchange)))
    if grade.state != "ok":
        state = find(grade.state, grade.reason)
        how = retry_how(state, grade.executed, safe=exchange.safe)
        if how in COMES_BACK:  # the longest wins, and it is whole seconds, whatever the backend wrote
            after_s = max(retry_after_s(answer.headers, world.clock.wall()) or 0, state.retry_after_s or 1)
            headers = [line for line in headers if line[0].lower() != b"retry-after"]
            headers.append((b"Retry-After", str(after_s).encode()))
    return Reply(answer.status, tuple(headers), answer.body, answer.phrase, stream=answer.stream)


def _timing(exchange: Exchange) -> bytes:
    return f"queue;dur={exchange.queue_s * 1000:.1f}, backend;dur={exchange.backend_s * 1000:.1f}".encode()


def describe(scope: Scope) -> str:
    """Say what the stage does."""
    del scope
    return "every outcome in the caller's dialect, Sidecar-State on it"
