"""Which header lines a flight carries, each way. One table per kind of flight; everything not on a shared flight's list stays behind.

A private flight carries its caller's own lines, end to end (RFC 9110 section 7.6.1 names those that are not). A shared flight
carries only what is a function of its key.
"""

from __future__ import annotations

from email.utils import mktime_tz, parsedate_tz
from functools import lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sidecar.model import RawHeaders

HOP_BY_HOP: Final = frozenset(
    (
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        b"http2-settings",
    )
)

# To the backend: Host and Content-Length are written anew, Expect was answered by the listener, Origin and the like are the
# browser's talk with us (some .NET handlers refuse a foreign Origin), and our own request headers are ours.
REQUEST_STAYS: Final = HOP_BY_HOP | frozenset(
    (
        b"host",
        b"content-length",
        b"expect",
        b"origin",
        b"access-control-request-method",
        b"access-control-request-headers",
        b"access-control-request-private-network",
        b"sidecar-place",
        b"sidecar-pass",
        b"sidecar-timeout",
        b"sidecar-client",
        b"idempotency-key",
    )
)

# To the caller: we say these ourselves, or they speak of a hop that ends here.
REPLY_STAYS: Final = HOP_BY_HOP | frozenset(
    (
        b"content-length",
        b"alt-svc",
        b"sidecar-state",
        b"server-timing",
        b"x-request-id",
    )
)

SIGN_IN_A_CONNECTION: Final = ("ntlm", "negotiate")
"""Schemes that make a connection somebody's identity (RFC 4559 section 6, and NTLM, which never had a standard)."""

_LONGEST_DIGITS: Final = 6  # eleven days; what asks for more was never meant for a page


class _Shape(NamedTuple):
    """What a list of names says: which lines pass, and whether Connection may name more that do not."""

    passing: Callable[[RawHeaders], Sequence[tuple[bytes, bytes]]]
    connection: bool


# Peers send their names in one order all day, so what passes is looked up by all names at once. 128 of the longest heads that
# are taken are 8 MB.
_SHAPES: Final = 128


def to_backend(lines: RawHeaders, named: frozenset[bytes] = frozenset()) -> list[tuple[bytes, bytes]]:
    """Return the lines of a private flight's request; `named` are the names that its Connection header lists, lowered."""
    if named:
        return _without(lines, named, REQUEST_STAYS)
    return list(_request(_names(lines)).passing(lines))


def to_caller(lines: RawHeaders) -> list[tuple[bytes, bytes]]:
    """Return the lines of a reply that pass on to the caller."""
    shape = _reply(_names(lines))
    named = connection_names(lines) if shape.connection else None
    return _without(lines, named, REPLY_STAYS) if named else list(shape.passing(lines))


def connection_names(lines: RawHeaders) -> frozenset[bytes]:
    """Return the names that Connection lines list besides close and keep-alive, lowered."""
    names: frozenset[bytes] = frozenset()
    for name, value in lines:
        if len(name) == 10 and name.lower() == b"connection":  # 10: its length, looked at first because it is free
            names |= _listed(value)
    return names


def _names(lines: RawHeaders) -> tuple[bytes, ...]:
    return next(zip(*lines, strict=True), ())


@lru_cache(maxsize=_SHAPES)
def _listed(connection: bytes) -> frozenset[bytes]:
    names = {part.strip().lower() for part in connection.split(b",")}
    return frozenset(names - {b"close", b"keep-alive", b""})


@lru_cache(maxsize=_SHAPES)
def _request(names: tuple[bytes, ...]) -> _Shape:
    return _shape(names, REQUEST_STAYS)


@lru_cache(maxsize=_SHAPES)
def _reply(names: tuple[bytes, ...]) -> _Shape:
    return _shape(names, REPLY_STAYS)


def _shape(names: tuple[bytes, ...], stays: frozenset[bytes]) -> _Shape:
    lowered = [name.lower() for name in names]
    at = [index for index, name in enumerate(lowered) if name not in stays]
    # An itemgetter of fewer than two gives no tuple.
    passing = itemgetter(*at) if len(at) > 1 else lambda lines: tuple(lines[index] for index in at)
    return _Shape(passing, b"connection" in lowered)


def _without(lines: RawHeaders, named: frozenset[bytes], stays: frozenset[bytes]) -> list[tuple[bytes, bytes]]:
    return [line for line in lines if (low := line[0].lower()) not in stays and low not in named]


def offers_connection_sign_in(lines: RawHeaders) -> bool:
    """Say whether a reply asks for a scheme that would make its connection somebody's."""
    return any(
        name.lower() == b"www-authenticate"
        and value.split(b" ", 1)[0].lower().decode("latin-1") in SIGN_IN_A_CONNECTION
        for name, value in lines
    )


def retry_after_s(lines: RawHeaders, wall_s: float) -> int | None:
    """Return the whole seconds after which a reply asks to come back; it may name them or a date (RFC 9110 section 10.2.3)."""
    for name, value in lines:
        if name.lower() == b"retry-after":
            return _seconds(value.strip().decode("latin-1"), wall_s)
    return None


def _seconds(text: str, wall_s: float) -> int | None:
    if text.isascii() and text.isdigit() and len(text) <= _LONGEST_DIGITS:
        return int(text)
    date = parsedate_tz(text)
    try:
        return None if date is None else max(1, round(mktime_tz(date) - wall_s))
    except (OverflowError, ValueError):  # a year that no calendar has
        return None
