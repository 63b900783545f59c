"""What a shop says of a customer and signs: which account he has, or that he is invited to a lane. A compact JWS (RFC 7515) with HS256.

Asked by rooms when somebody joins. Reading is total: whatever comes is claims or the reason why it is none. It knows one algorithm, fetches
no key, and believes nothing before its MAC; whether an invite was used before is for others to remember.
"""

from __future__ import annotations

import hmac
from enum import StrEnum
from typing import Final, NamedTuple

import orjson

from sidecar.policy.tokens import unspelled

# A header line holds as much, four times what such a token has; whoever sends more is refused before anything of it is read.
MOST_CHARACTERS: Final = 2048
SECRET_BYTES: Final = 32  # RFC 7518 section 3.2: a key of the size of the hash output or larger must be used
# What is signed for longer is a password: a day, as a shop's own sessions last.
MOST_S: Final = 24 * 3600.0
# Clocks of two machines: RFC 7519 section 4.1.5 allows for "usually no more than a few minutes".
LEEWAY_S: Final = 60.0
_NAME_CHARACTERS: Final = (
    255  # of an account, a lane, an invite: what the tables behind it hold is hashed, what logs show is not
)


class Why(StrEnum):
    """Why a text says nothing that counts."""

    MALFORMED = "malformed"  # not of the form, too long, or with a claim of another type
    ALGORITHM = "algorithm"  # any but HS256, and whatever asks for more than we know (`crit`)
    FORGED = "forged"  # it was not the shop, with another secret, or somebody has changed it
    NO_END = "no_end"  # without `exp`
    TOO_LONG = "too_long"  # it would count for more than a day
    EXPIRED = "expired"
    TOO_EARLY = "too_early"  # before its `nbf`
    OTHER_AUDIENCE = "other_audience"  # for another room


class Claims(NamedTuple):
    """What was signed: an account (`sub`), a lane and the invite's own name (`jti`), each where it is said; until when (wall seconds)."""

    account: str | None
    lane: str | None
    invite: str | None
    until: float


def read(secret: bytes, text: str, wall: float, audience: str) -> Claims | Why:
    """Return what `text` says at `wall` (epoch seconds) to `audience`, the room's name. Raises ValueError for a short secret."""
    if len(secret) < SECRET_BYTES:
        raise ValueError(f"the secret of assertions has {len(secret)} bytes; {SECRET_BYTES} are the least")
    parts = text.split(".") if len(text) <= MOST_CHARACTERS and text.isascii() else []
    if len(parts) != 3:
        return Why.MALFORMED
    head, body, mac = map(unspelled, parts)
    if head is None or body is None or mac is None:
        return Why.MALFORMED
    header = _members(head)
    if header is None:
        return Why.MALFORMED
    if header.get("alg") != "HS256" or "crit" in header:
        return Why.ALGORITHM
    signed = text.rpartition(".")[0].encode()
    if not hmac.compare_digest(mac, hmac.digest(secret, signed, "sha256")):
        return Why.FORGED
    claims = _members(body)
    try:
        return Why.MALFORMED if claims is None else _judged(claims, wall, audience)
    except TypeError:
        return Why.MALFORMED


def _judged(claims: dict[str, object], wall: float, audience: str) -> Claims | Why:
    """Return what is claimed, if it is claimed of now and of here. Raises TypeError for a claim of another type."""
    until, begins, meant = _date(claims, "exp"), _date(claims, "nbf"), claims.get("aud", audience)
    said = Claims(_name(claims, "sub"), _name(claims, "lane"), _name(claims, "jti"), until or 0.0)
    if until is None:
        return Why.NO_END
    if until <= wall:
        return Why.EXPIRED
    if until > wall + MOST_S + LEEWAY_S:
        return Why.TOO_LONG
    if begins is not None and begins > wall + LEEWAY_S:
        return Why.TOO_EARLY
    return said if audience in (meant if isinstance(meant, list) else [meant]) else Why.OTHER_AUDIENCE


def _members(raw: bytes) -> dict[str, object] | None:
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None


def _date(claims: dict[str, object], name: str) -> float | None:
    """Return a NumericDate (RFC 7519 section 2): a JSON number, which `true` is not."""
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(name)
    return float(value)


def _name(claims: dict[str, object], name: str) -> str | None:
    """Return a name; an empty one is none: all customers without an account would be one."""
    value = claims.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not 0 < len(value) <= _NAME_CHARACTERS:
        raise TypeError(name)
    return value
