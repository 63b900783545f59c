"""Which header lines a flight carries, each way. One table per kind of flight; everything not on a shared flight's list stays behind.

A private flight carries its caller's own lines, end to end (RFC 9110 section 7.6.1 names those that are not), without the word of earlier
hops that nobody vouches for. A shared flight
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
        b"sidecar-debug",
        b"sidecar-fault",
        b"idempotency-key",
    )
)

# What an earlier hop says of who asked it, of how, and of the certificate that he showed. Backends believe it of whoever connects from
# their own machine or network, and now that is us: from a hop that is not trusted it stays here. All of `X-Forwarded-*` and
# `X-Original-*` belongs to it (for, host, proto, port, prefix, user, client-cert, url), and what single products call the same.
FORWARDING: Final = frozenset(
    (
        b"forwarded",  # RFC 7239
        b"forwarded-for",
        b"x-forwarded",
        b"x-real-ip",  # nginx
        b"x-client-ip",  # Apache, Azure
        b"client-ip",  # Akamai; PHP programs read it first
        b"x-cluster-client-ip",  # Riverbed, Rackspace
        b"x-remote-ip",
        b"x-remote-addr",
        b"true-client-ip",  # Akamai, Cloudflare
        b"cf-connecting-ip",
        b"cf-connecting-ipv6",
        b"cf-pseudo-ipv4",
        b"fastly-client-ip",
        b"fly-client-ip",
        b"x-azure-clientip",
        b"x-azure-socketip",
        b"x-appengine-user-ip",
        b"x-envoy-external-address",
        b"x-proxyuser-ip",
        b"proxy-client-ip",  # WebLogic, as the next two
        b"wl-proxy-client-ip",
        b"wl-proxy-ssl",
        b"x-rewrite-url",  # IIS: another path than the one that was asked for
        b"x-http-host-override",
        b"x-scheme",
        b"x-url-scheme",
        b"front-end-https",  # Microsoft ISA
        b"x-arr-ssl",  # IIS ARR, as the next
        b"x-arr-clientcert",
        b"client-cert",  # RFC 9440 section 4: whoever is no TLS endpoint must not have the word
        b"client-cert-chain",
    )
)
_FORWARDING_PREFIXES: Final = (b"x-forwarded-", b"x-original-", b"x-ssl-client-", b"ssl-client-")

# To the caller: we say these ourselves, or they speak of a hop that ends here.
REPLY_STAYS: Final = HOP_BY_HOP | frozenset(
    (
        b"content-length",
        b"alt-svc",
        b"sidecar-state",
        b"sidecar-explain",
        b"sidecar-fault",
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


def to_backend(
    lines: RawHeaders, named: frozenset[bytes] = frozenset(), *, believed: bool = False
) -> list[tuple[bytes, bytes]]:
    """Return the lines of a private flight's request; `named` are the names that its Connection header lists, lowered.

    `believed`: the hop that sent them is trusted, so what it says of earlier ones passes, as it came. We add no word of our own
    (`docs/decisions/0007-forwarding-headers.md`).
    """
    stays = _stays_of_trusted if believed else _stays_of_strangers
    if named:
        return _without(lines, named, stays)
    return list((_trusted_request if believed else _request)(_names(lines)).passing(lines))


def forwards(low: bytes) -> bool:
    """Say whether a header, its name lowered, is an earlier hop's word."""
    return low in FORWARDING or low.startswith(_FORWARDING_PREFIXES)


def to_caller(lines: RawHeaders) -> list[tuple[bytes, bytes]]:
    """Return the lines of a reply that pass on to the caller."""
    shape = _reply(_names(lines))
    named = connection_names(lines) if shape.connection else None
    return _without(lines, named, _stays_of_replies) if named else list(shape.passing(lines))


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


def _stays_of_strangers(low: bytes) -> bool:
    return low in REQUEST_STAYS or forwards(low.replace(b"_", b"-"))


def _stays_of_trusted(low: bytes) -> bool:
    # No proxy writes X_Forwarded_For; whoever does knows that CGI's variables (RFC 3875 section 4.1.18) look the same for both, and
    # that many an edge looks for one spelling alone.
    return low in REQUEST_STAYS or (b"_" in low and forwards(low.replace(b"_", b"-")))


def _stays_of_replies(low: bytes) -> bool:
    return low in REPLY_STAYS


@lru_cache(maxsize=_SHAPES)
def _request(names: tuple[bytes, ...]) -> _Shape:
    return _shape(names, _stays_of_strangers)


@lru_cache(maxsize=_SHAPES)
def _trusted_request(names: tuple[bytes, ...]) -> _Shape:
    return _shape(names, _stays_of_trusted)


@lru_cache(maxsize=_SHAPES)
def _reply(names: tuple[bytes, ...]) -> _Shape:
    return _shape(names, _stays_of_replies)


def _shape(names: tuple[bytes, ...], stays: Callable[[bytes], bool]) -> _Shape:
    lowered = [name.lower() for name in names]
    at = [index for index, name in enumerate(lowered) if not stays(name)]
    # An itemgetter of fewer than two gives no tuple.
    passing = itemgetter(*at) if len(at) > 1 else lambda lines: tuple(lines[index] for index in at)
    return _Shape(passing, b"connection" in lowered)


def _without(lines: RawHeaders, named: frozenset[bytes], stays: Callable[[bytes], bool]) -> list[tuple[bytes, bytes]]:
    return [line for line in lines if (low := line[0].lower()) not in named and not stays(low)]


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
