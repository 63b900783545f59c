"""What became of a keyed call, for whoever asks by its id: `GET /.sidecar/operations/ID`.

Stands behind the route stage. It tells only who shows the same key or the same identity as the call's own caller; to anybody else there
is nothing at that address.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import orjson

from sidecar.model import Answer, Grade, Outcome, Refusal
from sidecar.outcomes import thaw, unknown
from sidecar.policy.deeds import given, key_of, who_is
from sidecar.policy.identities import everything
from sidecar.policy.routing import RESERVED
from sidecar.ports import Deed, DeedState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sidecar.model import Exchange
    from sidecar.ports import Deeds

PREFIX: Final = f"{RESERVED}/operations/"
_JSON: Final = ((b"Content-Type", b"application/json"), (b"Cache-Control", b"no-store"))
_NOT_FOUND: Final = Refusal("not_found", "path", "no call is known by this id, or it is somebody else's")


class Lookup:
    """Answers by id. `headers` names by backend what its callers are known by."""

    def __init__(self, deeds: Deeds, headers: Mapping[str, tuple[str, ...]]) -> None:
        self._deeds, self._headers = deeds, headers

    async def __call__(self, exchange: Exchange) -> Outcome:
        """Tell what is known of the call that the path names."""
        if exchange.head.method not in ("GET", "HEAD"):
            return Refusal("method_not_allowed", detail="this resource is read with GET", allow="GET, HEAD")
        deed = await self._deeds.find(exchange.head.path.removeprefix(PREFIX))
        if deed is None or not self._may_know(exchange, deed):
            return _NOT_FOUND
        if deed.state is DeedState.RUNNING:
            return Refusal("in_progress", detail="the call is under way", links=(("poll", exchange.head.path),))
        found = thaw(deed.outcome)
        if found is None:
            return unknown(deed)
        outcome, _ = found
        if isinstance(outcome, Refusal):
            return outcome
        return _as_json(deed, outcome)

    def _may_know(self, exchange: Exchange, deed: Deed) -> bool:
        head, secret = exchange.head, self._deeds.secret
        key = given(head.all("Idempotency-Key"))
        if key is not None and key_of(secret, deed.backend, key) == deed.key:
            return True
        shown = everything({}, head, (), self._headers.get(deed.backend, ()))
        return bool(shown) and who_is(secret, shown) == deed.who


def _as_json(deed: Deed, outcome: Answer) -> Answer:
    grade = outcome.grade
    said: dict[str, object] = {
        "state": "replayed",
        "category": "ok",
        "executed": grade.executed.value,
        "first": {"state": grade.state, "reason": grade.reason, "status": outcome.status},
        "backend": deed.backend,
        "operation": deed.operation,
        "v": 1,
    }
    body = orjson.dumps(said)
    return Answer(200, "OK", _JSON, (body,), len(body), Grade("replayed", grade.executed))
