"""The access line: one request in JSON, written by hand from pieces that are the same for thousands of requests.

Told a request when its reply stands. It writes what is known to an operator (who, what, which way it ended, how long it took) and never a
value of a request: names that callers chose are cleaned, the client is a pseudonym.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import orjson

from sidecar.instant import rfc3339
from sidecar.policy import tracecontext
from sidecar.policy.strangers import shown
from sidecar.watch import names

if TYPE_CHECKING:
    from sidecar.model import Exchange, Executed, RawHeaders, Refusal, Reply

# Every operation of a contract in every state that it takes; a name that is no name is not worth keeping. At most 1 MB.
_REMEMBERED: Final = 2048
_USUAL_NAME: Final = 64


_Facts: TypeAlias = "tuple[Any, ...]"


def facts_of(
    wall_s: float,
    exchange: Exchange,
    reply: Reply,
    state: str,
    reason: str | None,
    effect: Executed,
    total_s: float,
    traceparent: str | None,
) -> _Facts:
    """Return what a line is made of, to be written later: numbers and names, and nothing that holds a request or a reply."""
    call, head, body = exchange.call, exchange.head, reply.body
    return (
        wall_s,
        exchange.request_id,
        exchange.backend,
        "" if call is None else call.operation,
        exchange.dialect,
        head.method,
        state,
        reason,
        effect,
        reply.status,
        exchange.queue_s,
        exchange.backend_s,
        total_s,
        len(exchange.body),
        "null" if reply.stream is not None else len(body[0]) if len(body) == 1 else sum(map(len, body)),
        traceparent,
        # Only a disallowed origin is worth its bytes: its page reads nothing, so nobody else will tell.
        None if exchange.may_write else shown(head.all("Origin")) or "(cross-site)",
    )


def written(facts: _Facts, client: str) -> str:
    """Return the line without its end: no brace, no newline. Milliseconds have one digit, as integers do it in a third of the time."""
    (wall_s, request_id, backend, name, dialect, method, state, reason, effect, status) = facts[:10]
    (queue_s, backend_s, total_s, bytes_in, bytes_out, traceparent, origin) = facts[10:]
    said = (_said if len(name) <= _USUAL_NAME else _written)(
        backend, name, dialect, names.method(method), state, reason, effect
    )
    queue, behind, total = int(queue_s * 10_000 + 0.5), int(backend_s * 10_000 + 0.5), int(total_s * 10_000 + 0.5)
    line = (
        f'{{"at":"{rfc3339(wall_s)}","event":"access","request_id":"{request_id}","client":"{client}",{said}'
        f'"status":{status},"queue_ms":{queue // 10}.{queue % 10},"backend_ms":{behind // 10}.{behind % 10},'
        f'"total_ms":{total // 10}.{total % 10},"bytes_in":{bytes_in},"bytes_out":{bytes_out}'
    )
    if traceparent is not None:
        line += f',"traceparent":"{traceparent}"'
    if origin is not None:
        line += f',"origin":{_quoted(origin)}'
    return line


def access_line(wall_s: float, client: str, *what: Any) -> str:
    """Return the line of `facts_of(wall_s, *what)` at once."""
    return written(facts_of(wall_s, *what), client)


_Refused: TypeAlias = "tuple[str, tuple[tuple[str, float], ...], int | None, str]"


def refused_of(mechanism: str, refusal: Refusal, reply: Reply) -> _Refused:
    """Return what a refusal adds, to be written later: who refused, what was counted, and when its caller was asked to come back."""
    return mechanism, refusal.numbers, refusal.limit_bytes, _retry_after(reply.headers)


@lru_cache(_REMEMBERED)
def refused(mechanism: str, numbers: tuple[tuple[str, float], ...], limit_bytes: int | None, retry_after: str) -> str:
    """Return it as it is written."""
    if not numbers and limit_bytes is not None:
        numbers = (("limit", limit_bytes),)
    counted = ",".join(f'"{name}":{value}' for name, value in numbers)
    return f',"mechanism":"{mechanism}","numbers":{{{counted}}},"retry_after":{retry_after}'


def traceparent_of(exchange: Exchange) -> str | None:
    """Return the trace that the caller says his request belongs to, where he says it well."""
    given = exchange.head.headers.get("traceparent")
    if given is None:
        return None
    trace = tracecontext.read(given)
    return None if trace is None else trace.text


def _written(
    backend: str, name: str, dialect: str, method: str, state: str, reason: str | None, effect: Executed
) -> str:
    """Return the members that are the same for every request of their kind."""
    operation = _quoted(names.operation(name)) if name else "null"
    why = "null" if reason is None else _quoted(reason)
    return (
        f'"backend":{_quoted(backend)},"operation":{operation},"dialect":"{dialect}","method":"{method}",'
        f'"state":"{state}","reason":{why},"executed":"{effect}",'
    )


_said = lru_cache(_REMEMBERED)(_written)


def _quoted(text: str) -> str:
    return orjson.dumps(text).decode()


def _retry_after(headers: RawHeaders) -> str:
    """Return whole seconds, as they are on the wire, or null. It is among the last lines of a refusal."""
    for name, value in reversed(headers):
        if name == b"Retry-After":
            return value.decode()
    return "null"
