"""Keeps one backend's callers from taking every connection: each backend has its share, and the rest stays for its neighbours.

Answers overloaded (connections) to whoever comes above the share; before anything of his body is read. A place is held until the
connection is free again, not only until there is an answer: whoever does not read his reply holds the connection, too. Built only
where there are neighbours to protect.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sidecar.model import Exchange, Outcome, Refusal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sidecar.plan import Scope
    from sidecar.ports import World


def applies(scope: Scope) -> bool:
    """A single backend shares with nobody."""
    return len(scope.plan.backends) > 1


def build(
    scope: Scope, world: World, inner: Callable[[Exchange], Awaitable[Outcome]]
) -> Callable[[Exchange], Awaitable[Outcome]]:
    """Return the stage. The count is of exchanges under way: idle connections belong to nobody."""
    most = _most(scope)
    headcount = world.headcounts[scope.one_backend.name]

    def share(exchange: Exchange) -> Awaitable[Outcome]:
        if headcount.count >= most:
            return _full(most, headcount.count)
        headcount.enter()
        exchange.done.append(headcount.leave)
        return inner(exchange)

    return share


async def _full(most: int, count: int) -> Outcome:
    detail = f"{most} requests for this backend are under way, its share of limits.connections (limits.per_backend)"
    return Refusal("overloaded", "connections", detail, numbers=(("in_flight", count), ("limit", most)))


def describe(scope: Scope) -> str:
    """Say how many."""
    return f"at most {_most(scope)} requests at once for this backend, of {scope.plan.limits.connections} connections"


def _most(scope: Scope) -> int:
    limits = scope.plan.limits
    return max(1, int(limits.connections * limits.per_backend))
