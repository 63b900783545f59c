"""Outermost on the caller lane: answers preflights before anything else can refuse them, and lets the right pages read everything.

Answers 204 to a preflight, whatever its path. Never refuses: what a stranger's page may not do is decided where the operation is known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sidecar.model import Exchange, Reply
from sidecar.policy.cors import Cors, dressed, is_preflight, is_public, may_write
from sidecar.policy.strangers import Strangers

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from sidecar.plan import Scope
    from sidecar.ports import World


def build(
    scope: Scope, world: World, inner: Callable[[Exchange], Awaitable[Reply]]
) -> Callable[[Exchange], Awaitable[Reply]]:
    """Return the stage. `world` is only told: who may read is a function of plan and request."""
    policy = Cors(scope.plan.cors, scope.plan.public_url)
    strangers, public = Strangers(), policy.public()

    def notice(origins: Sequence[str]) -> None:
        due = strangers.tell(world.clock.now(), origins)
        if due is not None:
            remedy = "if the page is yours, add it to cors.origins"
            world.log.event("origin_disallowed", origin=due.origin, count=due.count, remedy=remedy)

    async def cors(exchange: Exchange) -> Reply:
        head = exchange.head
        origins = head.all("Origin") if "Origin" in head.headers else ()
        verdict = public if is_public(head.path) else policy.ask(origins)
        if not verdict.allowed:
            notice(origins)
        if is_preflight(head.method, head.headers):
            return Reply(204, (*policy.preflight(origins), (b"X-Request-Id", world.new_id().encode())))
        exchange.cors, exchange.may_write = verdict.headers, may_write(verdict, head.headers)
        return dressed(await inner(exchange), verdict)

    return cors


def describe(scope: Scope) -> str:
    """Say whose pages may read."""
    return ", ".join(sorted(scope.plan.cors.origins)) or "no other origin may read"
