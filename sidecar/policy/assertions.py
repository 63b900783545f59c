"""What a shop signs about somebody: whose account he is, or that he is invited. A compact JWS with HS256 (RFC 7515, 7519), no other.

Asked where somebody joins a room. Reading is total: a text is claims that count now, or the reason why it is none. No other algorithm is
known here, so none can be asked for.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from enum import StrEnum
from typing import Any, Final, NamedTuple

import orjson

MOST_CHARACTERS: Final = 2048
LONGEST_S: Final = 86_400.0  # who signs for longer signs a password
LEEWAY_S: Final = 60.0  # the shop's clock and ours
_TEXT_MOST: Final = 256


class Why(StrEnum):
    """Why a text says nothing."""

    MALFORMED = "malformed"
    ALGORITHM = "algorithm"
    FORGED = "forged"
    EXPIRED = "expired"
    NOT_YET = "not_yet"
    TOO_LONG = "too_long"  # it counts for more than a day
    OTHER_AUDIENCE = "other_audience"


class Claims(NamedTuple):
    """What is said: an account (`sub`), a lane, and the name of the invite."""

    sub: str | None = None
    lane: str | None = None
    jti: str | None = None


def read(secret: bytes, text: str, wall: float, audience: str) -> Claims | Why:
    """Return what a text says for `audience` at `wall` (seconds since the epoch). Nothing in it is believed before its MAC is."""
    if len(text) > MOST_CHARACTERS or not text.isascii() or text.count(".") != 2:
        return Why.MALFORMED
    signed, _, mac_text = text.rpartition(".")
    head_text, _, body_text = signed.partition(".")
    head, body, mac = _object(_raw(head_text)), _raw(body_text), _raw(mac_text)
    if head is None or body is None or mac is None:
        return Why.MALFORMED
    if head.get("alg") != "HS256" or "crit" in head:
        return Why.ALGORITHM
    if not hmac.compare_digest(mac, hmac.digest(secret, signed.encode(), "sha256")):
        return Why.FORGED
    claims = _object(body)
    return Why.MALFORMED if claims is None else _counted(claims, wall, audience)


def _counted(claims: dict[str, Any], wall: float, audience: str) -> Claims | Why:
    ends, begins = claims.get("exp"), claims.get("nbf", 0)
    if not isinstance(ends, (int, float)) or not isinstance(begins, (int, float)):
        return Why.MALFORMED
    if ends <= wall - LEEWAY_S:
        return Why.EXPIRED
    if ends > wall + LONGEST_S + LEEWAY_S:
        return Why.TOO_LONG
    if begins > wall + LEEWAY_S:
        return Why.NOT_YET
    meant = claims.get("aud")
    if meant is not None and audience not in (meant if isinstance(meant, list) else [meant]):
        return Why.OTHER_AUDIENCE
    said = [claims.get(name) for name in ("sub", "lane", "jti")]
    if any(each is not None and not (isinstance(each, str) and 0 < len(each) <= _TEXT_MOST) for each in said):
        return Why.MALFORMED
    return Claims(*said)


def _raw(text: str) -> bytes | None:
    """Return the bytes of URL-safe base64 without padding; None where it is not the one way to write them."""
    try:
        raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        return None
    return raw if urlsafe_b64encode(raw).rstrip(b"=").decode() == text else None


def _object(raw: bytes | None) -> dict[str, Any] | None:
    try:
        said = orjson.loads(raw or b"")
    except orjson.JSONDecodeError:
        return None
    return said if isinstance(said, dict) else None
