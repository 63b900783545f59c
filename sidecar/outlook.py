"""How long a call would wait if it came now, for whoever asks before he calls: `GET /.sidecar/queue/BACKEND`, of a class with `?class=`.

Stands behind the route stage. It takes no place and tells of nobody: who comes now is somebody without a history, and how many calls the
backend gets is nobody's business. All who ask within a moment are told the same, and each to come back at another time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs

import orjson

from sidecar.model import Answer, Executed, Grade, Outcome, Refusal, Seat
from sidecar.policy.routing import RESERVED

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from sidecar.model import Ahead, Exchange
    from sidecar.ports import Clock

PREFIX: Final = f"{RESERVED}/queue/"
CLASS: Final = "browse"  # that of an operation of which the settings say nothing
# A line moves by one call in a few milliseconds: nobody can tell, and thousands of pages that poll cost one look.
FRESH_S: Final = 0.25
# A tenth of the wait: whoever polls sees it fall, and is there when it is over. Never more often than a person looks.
POLL_PART: Final = 0.1
POLL_LEAST_S: Final = 1.0
POLL_MOST_S: Final = 15.0
_FIELDS: Final = 8  # one is known, and some caches are fooled with another
SPREAD: Final = 0.2  # so that those who came in one moment do not come back in one
_JSON: Final = ((b"Content-Type", b"application/json"), (b"Cache-Control", b"no-store"))


def next_poll_ms(eta_s: float, chance: float) -> int:
    """Return when to ask again, in milliseconds, 800 to 18 000: a tenth of the wait, up to a fifth sooner or later (`chance` 0 to 1)."""
    poll_s = min(POLL_MOST_S, max(POLL_LEAST_S, POLL_PART * eta_s))
    return round(1000 * poll_s * (1.0 - SPREAD + 2.0 * SPREAD * chance))


class Outlook:
    """Answers by a backend's name. `ahead` says what is before such a seat, None where there is no such line."""

    def __init__(
        self,
        ahead: Callable[[Seat], Ahead | None],
        clock: Clock,
        chance: Callable[[], float],
        backends: Collection[str],
        classes: Collection[str],
    ) -> None:
        self._ahead, self._clock, self._chance = ahead, clock, chance
        self._backends, self._classes = frozenset(backends), tuple(classes)
        self._seen: dict[tuple[str, str], tuple[float, Ahead]] = {}  # as many as there are backends and classes

    def __repr__(self) -> str:
        return f"<Outlook of {', '.join(sorted(self._backends)) or 'nothing'}>"

    async def __call__(self, exchange: Exchange) -> Outcome:
        """Tell how long the line of the backend is that the path names."""
        head = exchange.head
        if head.method not in ("GET", "HEAD"):
            return Refusal("method_not_allowed", detail="this resource is read with GET", allow="GET, HEAD")
        backend, asked = head.path.removeprefix(PREFIX), _class_of(head.query)
        if asked is None or (asked != CLASS and asked not in self._classes):
            text = f"must be one of {', '.join(self._classes)}, and there once"
            return Refusal("invalid_params", detail=f"the class {text}", errors=(("/class", "unknown", text),))
        ahead = self._look(backend, asked) if backend in self._backends else None
        if ahead is None:
            return Refusal("not_found", "path", "there is no backend of this name, and so no line")
        return self._said(ahead)

    def _look(self, backend: str, client_class: str) -> Ahead | None:
        now, key = self._clock.now(), (backend, client_class)
        seen = self._seen.get(key)
        if seen is not None and 0.0 <= now - seen[0] < FRESH_S:
            return seen[1]
        ahead = self._ahead(Seat(backend, "", "", client_class, float("inf")))
        if ahead is not None:
            self._seen[key] = now, ahead
        return ahead

    def _said(self, ahead: Ahead) -> Answer:
        said = {
            "state": "ok",
            "category": "ok",
            "executed": Executed.NO.value,
            "queue": {
                "kind": "call",
                "ahead": ahead.ahead,
                "eta_s": ahead.eta_s,
                "eta_low_s": ahead.eta_low_s,
                "eta_high_s": ahead.eta_high_s,
                "eta_reason": ahead.reason,
                "next_poll_ms": next_poll_ms(ahead.eta_s, self._chance()),
            },
            "v": 1,
        }
        body = orjson.dumps(said)
        return Answer(200, "OK", _JSON, (body,), len(body), Grade("ok", Executed.NO))


def _class_of(query: str) -> str | None:
    """Return which class is asked for, None where that cannot be told."""
    try:
        asked = parse_qs(query, keep_blank_values=True, max_num_fields=_FIELDS).get("class", [CLASS])
    except ValueError:
        return None
    return asked[0] if len(asked) == 1 else None
