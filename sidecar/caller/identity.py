"""Who asks, by what he shows the backend: a session key among the parameters, an `Authorization` line. Stands behind decode.

Answers nothing and refuses nothing: until the backend has answered what is shown well, its sender counts as his address. Whom a trusted
caller has named is left alone: one account of its server may stand for all of its people.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sidecar.model import Answer, Exchange, Outcome
from sidecar.policy.identities import claimed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sidecar.plan import Scope
    from sidecar.ports import World

_WELL: Final = frozenset(("ok", "partial"))
_UNAUTHORISED: Final = 401


def applies(scope: Scope) -> bool:
    """Where the settings name anything that people show."""
    return bool(scope.one_backend.identity_params or scope.one_backend.identity_headers)


def build(
    scope: Scope, world: World, inner: Callable[[Exchange], Awaitable[Outcome]]
) -> Callable[[Exchange], Awaitable[Outcome]]:
    """Return the stage."""
    backend = scope.one_backend
    name, params, headers = backend.name, backend.identity_params, backend.identity_headers
    identities = world.identities

    def identity(exchange: Exchange) -> Awaitable[Outcome]:
        parameters = exchange.call.parameters if exchange.call is not None else {}
        shown = claimed(parameters, exchange.head, params, headers)
        exchange.shown = shown or b""
        return inner(exchange) if shown is None or exchange.standing.named else known(exchange, shown)

    async def known(exchange: Exchange, shown: bytes) -> Outcome:
        address, call = exchange.client, exchange.call
        assert call is not None, "decode names the call before anybody is known by it"
        exchange.client = identities.ask(name, address, shown)
        if exchange.client != address:
            exchange.call = call._replace(client=exchange.client)
        outcome = await inner(exchange)
        well = _verdict(exchange, outcome)
        if well is not None:
            identities.tell(name, address, shown, well=well, roomy=bool(exchange.standing.caller))
            if well:
                world.rooms.learn(exchange)
        return outcome

    return identity


def _verdict(exchange: Exchange, outcome: Outcome) -> bool | None:
    """Say what the backend made of what was shown to it; None where it says nothing of that, or was asked for somebody else, too."""
    flight = exchange.flight
    if not isinstance(outcome, Answer) or flight is None or flight.call.key is not None:
        return None
    if outcome.status == _UNAUTHORISED:
        return False
    return True if outcome.grade.state in _WELL else None


def describe(scope: Scope) -> str:
    """Say what is looked at."""
    backend = scope.one_backend
    shown = ", ".join((*backend.identity_params, *(f"{name} (header)" for name in backend.identity_headers)))
    return f"a client is known by {shown}, once the backend has answered it well"
