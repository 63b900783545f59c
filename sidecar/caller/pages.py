"""Answers what a frontend developer reads before he calls: the OpenAPI document, the page that shows it, types for TypeScript.

Stands before the JSON facade. Answers pages of our own, made of the contract and the settings; nothing of it asks the backend.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sidecar.model import Exchange, Outcome, Refusal
from sidecar.policy.routing import PAGES

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sidecar.plan import Scope
    from sidecar.ports import World


def build(
    scope: Scope, world: World, inner: Callable[[Exchange], Awaitable[Outcome]]
) -> Callable[[Exchange], Awaitable[Outcome]]:
    """Return the stage."""
    booklet = world.booklets[scope.one_backend.name]

    async def page(exchange: Exchange) -> Outcome:
        exchange.safe = True
        if exchange.head.method not in ("GET", "HEAD"):
            return Refusal("method_not_allowed", detail="a page is read with GET", allow="GET, HEAD")
        return await booklet.page(exchange.facade, exchange.head)

    def pages(exchange: Exchange) -> Awaitable[Outcome]:
        return page(exchange) if exchange.facade in PAGES else inner(exchange)

    return pages


def describe(scope: Scope) -> str:
    """Say where they are."""
    return " ".join(f"{scope.one_backend.path}/{name}" for name in PAGES)
