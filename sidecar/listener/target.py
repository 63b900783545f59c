"""The request target in its four forms (RFC 9112 §3.2), reduced to the one that routes are looked up by.

Stands between the parser and the Head. It never looks at the authority of an absolute target: no request decides which
host it is sent to.
"""

from __future__ import annotations


def split_target(raw: str) -> tuple[str, str, str]:
    """Return (origin form, path, query), still percent-encoded; `*` stays itself, a fragment is dropped."""
    raw = raw.partition("#")[0]
    if not raw.startswith("/") and raw != "*":
        rest = raw.partition("://")[2]
        cut = next((at for at, char in enumerate(rest) if char in "/?"), len(rest))
        raw = rest[cut:] if rest[cut : cut + 1] == "/" else "/" + rest[cut:]
    path, _, query = raw.partition("?")
    return raw, path, query
