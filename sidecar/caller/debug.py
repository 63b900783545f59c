"""Right behind the envelope: whoever shows the token of `debug:` is told what decided about his request, and may let his own call go wrong.

Refuses a fault that is none (malformed). Who shows nothing, or another token, gets what everybody gets: he is told nothing, and what he
asks for does not happen. Built only where the settings have `debug:`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sidecar.model import Exchange, Leave, Outcome, Refusal
from sidecar.policy.injection import asked
from sidecar.policy.secret import Secret
from sidecar.policy.strangers import Strangers

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sidecar.model import Head
    from sidecar.plan import Scope
    from sidecar.ports import World

HEADER: Final = "Sidecar-Debug"
FAULT: Final = "Sidecar-Fault"


def applies(scope: Scope) -> bool:
    """Where the settings name a token."""
    return scope.plan.debug is not None


def build(
    scope: Scope, world: World, inner: Callable[[Exchange], Awaitable[Outcome]]
) -> Callable[[Exchange], Awaitable[Outcome]]:
    """Return the stage."""
    plan = scope.plan.debug
    assert plan is not None, "applies says so"
    secret, told = Secret(plan.token), Strangers()

    def debug(exchange: Exchange) -> Awaitable[Outcome]:
        head = exchange.head
        if HEADER not in head.headers:
            return inner(exchange)
        if not admits(secret, head):
            wrong(exchange)
            return inner(exchange)
        exchange.leave = Leave()
        return ordered(exchange) if FAULT in head.headers else inner(exchange)

    async def ordered(exchange: Exchange) -> Outcome:
        lines = exchange.head.all(FAULT)
        if len(lines) > 1:
            return Refusal("malformed", "http", f"{FAULT} stands once: one thing goes wrong at a time")
        try:
            exchange.leave = Leave(asked(lines[0], world.chance))
        except ValueError as error:
            return Refusal("malformed", "http", f"{FAULT}: {error}")
        return await inner(exchange)

    def wrong(exchange: Exchange) -> None:
        """Say that somebody guesses, or has an old one: at once, then once a minute, whoever it is. What he showed is nobody's to read."""
        due = told.tell(world.clock.now(), ())
        if due is not None:
            remedy = f"send the token of debug in {HEADER}; where nobody of yours does, somebody guesses"
            world.log.event("debug_token_wrong", client=exchange.client, count=due.count, remedy=remedy)

    return debug


def admits(secret: Secret, head: Head) -> bool:
    """Say whether a request shows the token, once."""
    return HEADER in head.headers and secret.shown_by(head.all(HEADER))


def describe(scope: Scope) -> str:
    """Say who is told what."""
    del scope
    return f"who shows the token in {HEADER} is told what decided (Sidecar-Explain), and may ask for a fault of his own ({FAULT})"
