"""Answers what a client asks before it can call: ?wsdl, ?xsd=N, ?singleWsdl, ?disco, with our addresses in it and never the backend's.

Answers a document or says why there is none; passes on everything that is a call. Stands before decode because it has no body.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sidecar.model import Exchange, Outcome, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sidecar.plan import Scope
    from sidecar.ports import World


def applies(scope: Scope) -> bool:
    """XML-RPC has no documents."""
    return scope.one_backend.protocol is Protocol.SOAP


def build(
    scope: Scope, world: World, inner: Callable[[Exchange], Awaitable[Outcome]]
) -> Callable[[Exchange], Awaitable[Outcome]]:
    """Return the stage."""
    shelf = world.documents[scope.one_backend.name]
    public_url = scope.plan.public_url

    def documents(exchange: Exchange) -> Awaitable[Outcome]:
        head = exchange.head
        if head.method not in ("GET", "HEAD") or not shelf.owns(head, exchange.rest):
            return inner(exchange)
        exchange.safe = True
        return shelf.serve(head, exchange.endpoint, public_url or world.listen_url())

    return documents


def describe(scope: Scope) -> str:
    """Say where the documents come from."""
    backend = scope.one_backend
    return f"?wsdl from {backend.wsdl}" if backend.wsdl else "?wsdl from the backend, kept and served stale"
