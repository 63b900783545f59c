"""A stage of its own between decode and coalesce: gives a call the key that its caller names, as a cache's key will later.

Stands in a chain only while a test puts its one name there. It answers nothing and refuses nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sidecar.model import Exchange, Outcome
    from sidecar.plan import Scope
    from sidecar.ports import World


def applies(scope: Scope) -> bool:
    """Only what is safe may be shared."""
    return scope.operation is not None and scope.operation.safe


def build(
    scope: Scope, world: World, inner: Callable[[Exchange], Awaitable[Outcome]]
) -> Callable[[Exchange], Awaitable[Outcome]]:
    """Return the stage."""
    del scope, world

    async def keyed(exchange: Exchange) -> Outcome:
        key = exchange.head.headers.get("X-Key")
        if key is not None and exchange.call is not None:
            exchange.call = exchange.call._replace(key=key.encode())
        return await inner(exchange)

    return keyed


def describe(scope: Scope) -> str:
    """Say what it does."""
    del scope
    return "shared by X-Key"
