"""Says what a reply means, by sniffing it, never by parsing: its root, a Fault, its closing tag, the operator's rules.

Answers backend_bad_reply in place of HTML, half a message or nothing; relays everything else untouched with its state. What never came
back is named here too, with what it says of effect.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from sidecar.model import Answer, Executed, Failed, Flight, Outcome, Received, Refusal
from sidecar.policy.headers import retry_after_s
from sidecar.states import TABLE, executed

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from sidecar.model import Lane
    from sidecar.plan import Scope
    from sidecar.ports import World


# What says that a server has had too much (RFC 6585 section 4, RFC 9110 section 15.6.4), whatever stands in its body.
_TOO_MUCH: Final = (429, 503)


class _Attempt(Protocol):
    def __call__(self, flight: Flight) -> Awaitable[Received | Failed]: ...


def build(scope: Scope, world: World, inner: _Attempt) -> Lane:
    """Return the stage."""
    backend, line = scope.one_backend, scope.one_operation
    adapters = {name: world.adapters[backend.name, name] for name, _ in backend.endpoints}

    async def grade(flight: Flight) -> Outcome:
        result = await inner(flight)
        if isinstance(result, Failed):
            flight.stale, flight.refused = result.stale, False
            effect = executed(TABLE[result.state], safe=line.safe, sent=result.sent) if result.sent else Executed.NO
            return Refusal(result.state, result.reason, result.detail, effect)
        flight.stale, flight.refused = False, result.status in _TOO_MUCH
        try:
            verdict = adapters[flight.call.endpoint].grade(
                flight.call,
                result.status,
                result.headers,
                result.body,
                safe=line.safe,
                partial=result.stream is not None,
            )
        except BaseException:
            _drop(result)
            raise
        if verdict.state == "backend_bad_reply":
            _drop(result)
            after_s = retry_after_s(result.headers, world.clock.wall())
            return Refusal(
                "backend_bad_reply", verdict.reason, _BAD.get(verdict.reason or ""), verdict.executed, after_s
            )
        return Answer(
            result.status, result.phrase, result.headers, result.body, result.size_bytes, verdict, stream=result.stream
        )

    return grade


def _drop(result: Received) -> None:
    if result.stream is not None:
        result.stream.close()


_BAD = {
    "html": "the backend answered with an HTML page",
    "truncated": "the backend's reply ends before its closing tag",
    "not_xml": "the backend's reply is no XML",
    "root": "the backend's reply is XML, but no reply of its protocol",
    "empty": "the backend's reply is empty",
}


def describe(scope: Scope) -> str:
    """Say which rules apply."""
    backend = scope.one_backend
    return f"{len(backend.faults)} rules for faults, {len(backend.results)} for results"
