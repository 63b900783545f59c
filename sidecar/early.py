"""Errors that are made before any handler runs, in the same envelope as all others: the caller's dialect, the state, CORS headers, a line.

Stands between the listener, which found the bytes wrong, and the envelope stage, whose forms it uses. It never reads a body.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from multidict import CIMultiDict

from sidecar.caller.debug import admits
from sidecar.caller.envelope import refuse, request_id, with_explained
from sidecar.forms import effect_of
from sidecar.model import Exchange, Head, Leave, Refusal, Reply
from sidecar.policy.cors import Cors, dressed, is_preflight
from sidecar.policy.routing import Routes
from sidecar.policy.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from sidecar.model import Peer
    from sidecar.plan import Plan
    from sidecar.ports import World

_NO_HEAD: Final = Head("", "/", "/", "", CIMultiDict(), ())


def refuser(plan: Plan, world: World) -> Callable[[Refusal, Head | None, str | None, Exchange | Peer], Reply]:
    """Return what renders an error that was made before any handler: the same envelope, with CORS headers.

    A preflight gets its 204 even here (its address is as long as the request's that would follow, and no connection may be left):
    a page could read no other answer to it, and never sends the request whose failure it could read.
    """
    cors, routes = Cors(plan.cors, plan.public_url), Routes(plan)
    secret = None if plan.debug is None else Secret(plan.debug.token)

    def refuse_early(refusal: Refusal, head: Head | None, origin: str | None, who: Exchange | Peer) -> Reply:
        seen = head or _NO_HEAD
        origins = seen.all("Origin") or ([] if origin is None else [origin])
        if is_preflight(seen.method, seen.headers) and refusal.state != "malformed":
            headers = (*cors.preflight(origins), (b"X-Request-Id", request_id(head, world).encode()))
            return Reply(204, headers, close=refusal.close)
        exchange = who if isinstance(who, Exchange) else Exchange(seen, _Nothing(), who, world.clock.now())
        exchange.request_id = exchange.request_id or request_id(head, world)
        if not exchange.client:
            exchange.standing = world.client_of(seen, exchange.peer.address)
            exchange.client = exchange.standing.client
        exchange.dialect = world.dialect_of(seen)
        found = routes.find(seen.path)
        if found is not None:
            exchange.sender_status = found.backend.sender_status
        verdict = cors.ask(origins) if origins else cors.unknown()
        exchange.may_write = verdict.allowed or not origins
        reply = refuse(refusal, exchange, world)
        effect = effect_of(refusal, safe=exchange.safe)
        if secret is not None and exchange.leave is None and admits(secret, seen):
            exchange.leave = Leave()
        if exchange.leave is not None:
            said = world.explained(exchange, refusal.state, refusal.reason, effect, refusal)
            reply = with_explained(reply, exchange, said)
        world.watch.passed(exchange, reply, refusal.state, refusal.reason, effect, refusal)
        return dressed(reply, verdict)

    return refuse_early


class _Nothing:
    """The body of a request that was never understood."""

    declared_bytes = None

    def at_hand(self, limit_bytes: int, account: object) -> bytes:
        del limit_bytes, account
        return b""

    async def read(self, limit_bytes: int, account: object) -> bytes:
        del limit_bytes, account
        return b""
