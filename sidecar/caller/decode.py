"""Reads the request and names the operation that the backend would run. Splits the road: one chain per line of `operations:` inside.

Answers what is wrong with the request (malformed, too_large, body_timeout, unsupported_media, …), operation_denied and origin_denied.
Never changes the caller's bytes, and never lets a page of a foreign origin write.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import TYPE_CHECKING, Final

from sidecar.answers import Seen
from sidecar.forms import effect_of
from sidecar.model import Call, Exchange, Outcome, Refusal
from sidecar.policy.headers import SIGN_IN_A_CONNECTION
from sidecar.recall import Recall

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from sidecar.model import Head
    from sidecar.plan import BackendPlan, OperationPlan, Scope
    from sidecar.ports import Classified, World

SPLIT: Final = "operation"

# Names that were asked for lately, if they are like any contract's: its patterns need not be tried again. At most 600 KB.
_REMEMBERED: Final = 1024
_USUAL_NAME: Final = 128


def build(
    scope: Scope, world: World, inner: Mapping[str, Callable[[Exchange], Awaitable[Outcome]]]
) -> Callable[[Exchange], Awaitable[Outcome]]:
    """Return the stage; `inner` maps an operation pattern to its chain."""
    backend = scope.one_backend
    adapters = {name: world.adapters[backend.name, name] for name, _ in backend.endpoints}
    limit_bytes = scope.plan.limits.request_body_bytes

    # Only where answers are kept: there most requests are ones that were read before.
    shares = any(line.cache is not None for line in backend.operations)
    recall = Recall() if shares else None
    ruling = partial(rule, backend)
    remembered = lru_cache(_REMEMBERED)(ruling)

    async def decode(exchange: Exchange) -> Outcome:
        adapter = adapters[exchange.endpoint]
        refusal = adapter.accepts(exchange.head, exchange.rest) or _of_a_connection(exchange.head)
        if refusal is not None:
            return refusal
        account = exchange.account = exchange.account or world.memory.account(backend.name)
        source = exchange.source
        body = source.at_hand(limit_bytes, account)
        if body is None:
            body = await source.read(limit_bytes, account)
        if isinstance(body, Refusal):
            return body
        exchange.body, exchange.body_at = body, world.clock.now()
        name = recall.name(exchange) if recall is not None else b""
        if recall is not None and name and (seen := recall.find(name, adapter.edition)) is not None:
            exchange.seen, exchange.safe = seen, True
            if seen.call.client != exchange.client:
                seen.call = seen.call._replace(client=exchange.client)
            exchange.call = seen.call
            if exchange.facade and (hidden := _hidden(backend, seen.call.members)) is not None:
                return hidden
            return await inner[seen.pattern](exchange)  # it is safe: nobody has to ask what became of it
        read = await adapter.classify(exchange.head, exchange.rest, exchange.dialect, body)
        if isinstance(read, Refusal):
            return read
        usual = len(read.operation) <= _USUAL_NAME and len(read.members) <= 1
        line, denied = (remembered if usual else ruling)(read.operation, read.members)
        exchange.call = _call(exchange, read)
        exchange.safe = line.safe
        if denied is None and exchange.facade:
            denied = _hidden(backend, read.members)
        if denied is not None:
            return denied
        if not exchange.may_write and not line.safe:
            return Refusal(
                "origin_denied",
                detail=f"{read.operation} may change something, and the page's origin is not one of cors.origins",
            )
        if recall is not None and name and line.cache is not None and not (read.private_only or read.parameters):
            exchange.seen = Seen(exchange.call, line.pattern, adapter.edition)
            recall.keep(name, exchange.seen)
        outcome = await inner[line.pattern](exchange)
        if line.confirm is not None and isinstance(outcome, Refusal):
            return backend.confirming(line, outcome, executed=effect_of(outcome, safe=line.safe))
        return outcome

    return decode


def _hidden(backend: BackendPlan, members: tuple[str, ...]) -> Refusal | None:
    """Refuse a call in JSON that would run what is not exposed: a multicall or a Batch, whose own name says nothing of it."""
    hidden = next((name for name in members if not backend.exposes(name)), None)
    if hidden is None:
        return None
    return Refusal("operation_denied", "expose", f"{hidden} is not exposed in JSON, and this call would run it")


def _of_a_connection(head: Head) -> Refusal | None:
    """Refuse credentials that sign a connection in rather than a request: behind us connections are everybody's."""
    if "Authorization" not in head.headers:
        return None
    schemes = [line.split(None, 1)[0].lower() for line in head.all("Authorization") if line.strip()]
    scheme = next((each for each in schemes if each in SIGN_IN_A_CONNECTION), None)
    if scheme is None:
        return None
    detail = f"{scheme.upper()} signs a connection in, and connections to the backend are shared; use Basic, or a session key"
    return Refusal("unsupported_media", "ntlm", detail)


def rule(backend: BackendPlan, operation: str, members: tuple[str, ...]) -> tuple[OperationPlan, Refusal | None]:
    """Return the line that rules a request, and why it may not pass: what its names decide, whatever else it says."""
    denied = next((name for name in (operation, *members) if backend.denies(name)), None)
    refusal = None if denied is None else Refusal("operation_denied", "deny", f"{denied} is not offered here")
    return _strictest(backend, operation, members), refusal


def _strictest(backend: BackendPlan, operation: str, members: tuple[str, ...]) -> OperationPlan:
    """Return the line of several members: one that may change something if there is one, and of those the slowest."""
    lines = [backend.operation(name) for name in members or (operation,)]
    unsafe = [line for line in lines if not line.safe]
    return max(unsafe or lines, key=lambda line: line.timeout_s)


def _call(exchange: Exchange, read: Classified) -> Call:
    return Call(
        backend=exchange.backend,
        endpoint=exchange.endpoint,
        operation=read.operation,
        dialect=read.dialect or exchange.dialect,
        members=read.members,
        action=read.action,
        parameters=read.parameters or {},
        client=exchange.client,
    )


def describe(scope: Scope) -> str:
    """Say what is refused here."""
    backend = scope.one_backend
    deny = f"; deny {', '.join(backend.deny)}" if backend.deny else ""
    return f"bodies up to {scope.plan.limits.request_body_bytes} bytes{deny}"
