"""The access line: one request in JSON, written by hand from pieces that are the same for thousands of requests.

Told a request when its reply stands. It writes what is known to an operator (who, what, which way it ended, how long it took) and never a
value of a request: names that callers chose are cleaned, the client is a pseudonym.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

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


def access_line(
    wall_s: float,
    client: str,
    exchange: Exchange,
    reply: Reply,
    state: str,
    reason: str | None,
    effect: Executed,
    total_s: float,
    traceparent: str | None,
) -> str:
    """Return the line without its end: no brace, no newline. Milliseconds have one digit, as integers do it in a third of the time."""
    call, head = exchange.call, exchange.head
    name = "" if call is None else call.operation
    said = (_said if len(name) <= _USUAL_NAME else _written)(
        exchange.backend, name, exchange.dialect, names.method(head.method), state, reason, effect
    )
    queue, behind, total = (
        int(exchange.queue_s * 10_000 + 0.5),
        int(exchange.backend_s * 10_000 + 0.5),
        int(total_s * 10_000 + 0.5),
    )
    body = reply.body
    out: int | str = "null" if reply.stream is not None else len(body[0]) if len(body) == 1 else sum(map(len, body))
    line = (
        f'{{"at":"{rfc3339(wall_s)}","event":"access","request_id":"{exchange.request_id}","client":"{client}",{said}'
        f'"status":{reply.status},"queue_ms":{queue // 10}.{queue % 10},"backend_ms":{behind // 10}.{behind % 10},'
        f'"total_ms":{total // 10}.{total % 10},"bytes_in":{len(exchange.body)},"bytes_out":{out}'
    )
    if traceparent is not None:
        line += f',"traceparent":"{traceparent}"'
    if not exchange.may_write:
        # Only a disallowed origin is worth its bytes: its page reads nothing, so nobody else will tell.
        line += f',"origin":{_quoted(shown(head.all("Origin")) or "(cross-site)")}'
    return line


def refused(mechanism: str, refusal: Refusal, reply: Reply) -> str:
    """Return what a refusal adds: who refused, what was counted, and when its caller was asked to come back."""
    numbers = refusal.numbers
    if not numbers and refusal.limit_bytes is not None:
        numbers = (("limit", refusal.limit_bytes),)
    counted = ",".join(f'"{name}":{value}' for name, value in numbers)
    return f',"mechanism":"{mechanism}","numbers":{{{counted}}},"retry_after":{_retry_after(reply.headers)}'


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
    """Return whole seconds, as they are on the wire, or null."""
    return next((value.decode() for name, value in headers if name == b"Retry-After"), "null")
