"""The access line: one request in JSON, written by hand from pieces that are the same for thousands of requests.

Told a request when its reply stands. It writes what is known to an operator (who, what, which way it ended, how long it took) and never a
value of a request: names that callers chose are cleaned, the client is a pseudonym.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final, TypeAlias

import orjson

from sidecar.instant import rfc3339
from sidecar.policy import tracecontext
from sidecar.policy.strangers import shown
from sidecar.watch import names
from sidecar.watch.mechanisms import mechanism_of

if TYPE_CHECKING:
    from sidecar.model import Exchange, Executed, Refusal, Reply

# Every operation of a contract in every state that it takes; a name that is no name is not worth keeping. At most 1 MB.
_REMEMBERED: Final = 2048
_USUAL_NAME: Final = 64


Kind: TypeAlias = "tuple[str, str, str, str, str, str | None, str, int, bool, _Refused | None]"
"""What thousands of requests have in common: backend, operation, dialect, method, state, reason, executed, status, whether they came as
far as the line; of those that were refused what that adds."""

_Refused: TypeAlias = "tuple[tuple[tuple[str, float], ...], int | None, str]"
"""What was counted, the limit, and when its caller was asked to come back."""

Facts: TypeAlias = "tuple[float, Kind, str, float, str, float, float, float, int, int | str, str | None, str | None]"
"""When (monotonic seconds), the kind, and what is each request's own: client, when (wall), id, seconds in the line, at the backend and in
all, bytes in and out, trace, origin. One flat tuple: each more that is put aside costs a tenth of a microsecond."""


def facts_of(
    now: float,
    wall_s: float,
    exchange: Exchange,
    reply: Reply,
    state: str,
    reason: str | None,
    effect: Executed,
    refusal: Refusal | None,
    traceparent: str | None,
) -> Facts:
    """Return what a line is made of, to be written later: numbers and names, and nothing that holds a request or a reply."""
    call, body = exchange.call, reply.body
    return (
        now,
        (
            exchange.backend,
            "" if call is None else call.operation,
            exchange.dialect,
            names.method(exchange.head.method),  # at once: what stands in its place may be long, and a kind is kept
            state,
            reason,
            effect,
            reply.status,
            exchange.flight is not None,
            None if refusal is None else (refusal.numbers, refusal.limit_bytes, _retry_after(reply)),
        ),
        exchange.client,
        wall_s,
        exchange.request_id,
        exchange.queue_s,
        exchange.backend_s,
        now - exchange.received_at,
        len(exchange.body),
        "null" if reply.stream is not None else len(body[0]) if len(body) == 1 else sum(map(len, body)),
        traceparent,
        # Only a disallowed origin is worth its bytes: its page reads nothing, so nobody else will tell.
        None if exchange.may_write else shown(exchange.head.all("Origin")) or "(cross-site)",
    )


def written(facts: Facts, client: str) -> str:
    """Return the line, newline and all; `client` is a pseudonym. Milliseconds have one digit: as integers, in a third of the time."""
    _, kind, _, wall_s, request_id, queue_s, backend_s, total_s, bytes_in, bytes_out, traceparent, origin = facts
    begun, end = (_said if len(kind[1]) <= _USUAL_NAME else _written)(kind)
    total = int(total_s * 10_000 + 0.5)
    if traceparent is not None or origin is not None:
        end = _origin(traceparent, origin) + end
    return (
        f'{{"at":"{rfc3339(wall_s)}","event":"access","request_id":"{request_id}","client":"{client}",{begun}'
        f'{_waits(queue_s, backend_s) if backend_s or queue_s else _NO_WAITS}"total_ms":{total // 10}.{total % 10},'
        f'"bytes_in":{bytes_in},"bytes_out":{bytes_out}{end}'
    )


_NO_WAITS: Final = '"queue_ms":0.0,"backend_ms":0.0,'


def _waits(queue_s: float, backend_s: float) -> str:
    queue, behind = int(queue_s * 10_000 + 0.5), int(backend_s * 10_000 + 0.5)
    return f'"queue_ms":{queue // 10}.{queue % 10},"backend_ms":{behind // 10}.{behind % 10},'


def _origin(traceparent: str | None, origin: str | None) -> str:
    line = "" if traceparent is None else f',"traceparent":"{traceparent}"'
    return line if origin is None else f'{line},"origin":{_quoted(origin)}'


def traceparent_of(exchange: Exchange) -> str | None:
    """Return the trace that the caller says his request belongs to, where he says it well."""
    given = exchange.head.headers.get("traceparent")
    if given is None:
        return None
    trace = tracecontext.read(given)
    return None if trace is None else trace.text


def _written(kind: Kind) -> tuple[str, str]:
    """Return the members that are the same for every request of a kind: those before the times, and the end of the line."""
    backend, name, dialect, method, state, reason, effect, status, _, refused = kind
    operation = _quoted(names.operation(name)) if name else "null"
    why = "null" if reason is None else _quoted(reason)
    begun = (
        f'"backend":{_quoted(backend)},"operation":{operation},"dialect":"{dialect}","method":"{method}",'
        f'"state":"{state}","reason":{why},"executed":"{effect}","status":{status},'
    )
    return begun, "}\n" if refused is None else f"{_refused(mechanism_of(state, reason), *refused)}}}\n"


def _refused(mechanism: str, numbers: tuple[tuple[str, float], ...], limit_bytes: int | None, retry_after: str) -> str:
    if not numbers and limit_bytes is not None:
        numbers = (("limit", limit_bytes),)
    counted = ",".join(f'"{name}":{value}' for name, value in numbers)
    return f',"mechanism":"{mechanism}","numbers":{{{counted}}},"retry_after":{retry_after}'


_said = lru_cache(_REMEMBERED)(_written)


def _quoted(text: str) -> str:
    return orjson.dumps(text).decode()


def _retry_after(reply: Reply) -> str:
    """Return whole seconds, as they are on the wire, or null. It is among the last lines of a refusal."""
    if reply.block and b"\r\nRetry-After: " not in reply.block:
        return "null"
    for name, value in reversed(reply.headers):
        if name == b"Retry-After":
            return value.decode()
    return "null"
