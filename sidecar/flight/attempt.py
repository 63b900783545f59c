"""Innermost: one attempt at the backend, within its own bounds. The I/O seam is `upstream`, which gives facts back as values.

Answers what came or what failed and how far it got; decides nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sidecar.ports import AttemptLimits

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sidecar.model import Failed, Flight, Received
    from sidecar.plan import Scope
    from sidecar.ports import World


def build(scope: Scope, world: World, inner: None) -> Callable[[Flight], Awaitable[Received | Failed]]:
    """Return the stage; nothing stands inside it."""
    del inner
    backend, line = scope.one_backend, scope.one_operation
    upstream = world.upstreams[backend.name]
    bounds = AttemptLimits(
        connect_s=backend.timeouts.connect_s,
        first_byte_s=line.attempt_first_byte_s,
        total_s=line.attempt_total_s,
        reply_bytes=scope.plan.limits.reply_body_bytes,
        stream=line.stream,
    )
    on_a_new_one = AttemptLimits(
        bounds.connect_s, bounds.first_byte_s, bounds.total_s, bounds.reply_bytes, bounds.stream, fresh=True
    )

    def attempt(flight: Flight) -> Awaitable[Received | Failed]:
        return upstream.send(flight.outbound, on_a_new_one if flight.fresh else bounds, flight.track, flight.account)

    return attempt


def describe(scope: Scope) -> str:
    """Say the bounds."""
    backend, line = scope.one_backend, scope.one_operation
    return (
        f"connect {backend.timeouts.connect_s:g} s, first byte {line.attempt_first_byte_s:g} s, "
        f"total {line.attempt_total_s:g} s"
    )
