"""What a page of an allowed origin must be able to read of any response, asked of the raw bytes.

Stands between the CORS tests and the raw client. It repeats the contract (docs/states.md, the CORS checklist) in its own words and
asks nothing of the product's code.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tests.scenarios.theatre import SHOP

if TYPE_CHECKING:
    from tests.support.client import Response

EXPOSED = {
    "sidecar-state",
    "sidecar-place",
    "sidecar-pass",
    "sidecar-fault",
    "x-request-id",
    "retry-after",
    "server-timing",
    "cache-status",
    "age",
    "ratelimit",
    "ratelimit-policy",
    "location",
    "etag",
    "date",
    "idempotency-key",
    "preference-applied",
}
_STATE = re.compile(r"(?P<state>[a-z_]+)(?P<parameters>(;[a-z]+=[a-z0-9_-]+)*)")


def names(value: str | None) -> set[str]:
    """Return a comma-separated header as a set, lower case."""
    return {each.strip().lower() for each in (value or "").split(",") if each.strip()}


def state_of(response: Response) -> tuple[str, dict[str, str]]:
    """Return the word of Sidecar-State and its parameters; exactly one such header stands there."""
    value = response.header("Sidecar-State")
    found = _STATE.fullmatch(value or "")
    assert found, f"no Sidecar-State that can be read: {value!r}"
    pairs = (each.split("=") for each in found["parameters"].split(";") if each)
    return found["state"], dict(pairs)


def readable(response: Response, origin: str = SHOP, *, credentials: bool = False) -> None:
    """Assert that a page of `origin` may read it: one origin, Vary, the exposed headers, timing."""
    assert response.header("Access-Control-Allow-Origin") == origin
    assert response.header("Access-Control-Allow-Credentials") == ("true" if credentials else None)
    assert names(response.header("Access-Control-Expose-Headers")) == EXPOSED
    assert response.header("Timing-Allow-Origin") == origin
    varies(response)


def varies(response: Response) -> None:
    """Assert that no cache gives it to another origin: one Vary line, with Origin in it."""
    assert "origin" in names(response.header("Vary"))


def unreadable(response: Response) -> None:
    """Assert that no page may read it, and that no cache mixes it up with one that some page may read."""
    assert [name for name, _ in response.headers if name.lower().startswith("access-control-")] == []
    assert response.header("Timing-Allow-Origin") is None
    varies(response)


def problem(response: Response, state: str, status: int) -> dict[str, Any]:
    """Assert that header and JSON body tell the same facts, and return the body."""
    assert response.status == status, response.raw[:600]
    word, parameters = state_of(response)
    assert word == state
    assert response.header("Content-Type") == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert (body["state"], body["status"], body["v"]) == (state, status, 1)
    assert body["executed"] == parameters["executed"]
    assert body["instance"] == response.header("X-Request-Id")
    after = response.header("Retry-After")
    assert body["retry"].get("after_s") == (None if after is None else int(after))
    return body
