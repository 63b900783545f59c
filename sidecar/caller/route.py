"""Finds the backend by the path alone, and answers what lives under the reserved path. Splits the road: one chain per backend inside.

Answers not_found, draining, and the sidecar's own resources; never looks at Host, and never reads a body.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sidecar.model import Answer, Exchange, Executed, Grade, Outcome, Refusal
from sidecar.policy.routing import RESERVED, Routes

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from sidecar.plan import Scope
    from sidecar.ports import World

SPLIT: Final = "backend"

_RESERVED: Final = f"{RESERVED}/"
_JSON: Final = ((b"Content-Type", b"application/json"), (b"Cache-Control", b"no-store"))


def build(
    scope: Scope, world: World, inner: Mapping[str, Callable[[Exchange], Awaitable[Outcome]]]
) -> Callable[[Exchange], Awaitable[Outcome]]:
    """Return the stage; `inner` maps a backend's name to its chain."""
    routes = Routes(scope.plan)

    def route(exchange: Exchange) -> Awaitable[Outcome]:
        if world.draining():
            # The listener closes behind the last one.
            return _said(Refusal("draining", detail="this sidecar is shutting down"))
        path = exchange.head.path
        if path.startswith(_RESERVED):
            for prefix, look in world.lookups.items():
                if path.startswith(prefix):
                    return look(exchange)
            return _said(_own(exchange, world))
        found = routes.find(path)
        if found is None:
            detail = "no backend lives at this path; the paths are in the configuration"
            return _said(Refusal("not_found", "path", detail))
        exchange.backend, exchange.endpoint, exchange.rest = found.backend.name, found.endpoint, found.rest
        exchange.facade = found.facade
        exchange.sender_status = found.backend.sender_status
        return inner[found.backend.name](exchange)

    return route


async def _said(outcome: Outcome) -> Outcome:
    return outcome


def _own(exchange: Exchange, world: World) -> Outcome:
    make = world.resources.get(exchange.head.path)
    if make is None:
        return Refusal("not_found", "path", "the sidecar has nothing at this path")
    if exchange.head.method not in ("GET", "HEAD"):
        return Refusal("method_not_allowed", detail="this resource is read with GET", allow="GET, HEAD")
    body = make()
    if isinstance(body, Refusal):
        return body
    return Answer(200, "OK", _JSON, (body,), len(body), Grade("ok", Executed.NO))


def describe(scope: Scope) -> str:
    """Say which path leads to the backend."""
    backend = scope.one_backend
    return " ".join(backend.path + ("/" + name if name else "") for name, _ in backend.endpoints)
