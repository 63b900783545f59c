"""Which header lines a flight carries, each way. One table per kind of flight; everything not on a shared flight's list stays behind.

A private flight carries its caller's own lines, end to end (RFC 9110 section 7.6.1 names those that are not). A shared flight
carries only what is a function of its key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
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

SHARED_REQUEST: Final = frozenset((b"content-type", b"soapaction", b"accept"))
"""What a shared flight sends: the canonical request is a function of the key alone."""


def to_backend(lines: RawHeaders, named: frozenset[bytes] = frozenset()) -> list[tuple[bytes, bytes]]:
    """Return the lines of a private flight's request; `named` are the names that its Connection header lists, lowered."""
    stays = REQUEST_STAYS
    if named:
        return [line for line in lines if (low := line[0].lower()) not in stays and low not in named]
    return [line for line in lines if line[0].lower() not in stays]


def to_caller(lines: RawHeaders) -> list[tuple[bytes, bytes]]:
    """Return the lines of a reply that pass on to the caller."""
    named = connection_names(lines)
    stays = REPLY_STAYS
    if named:
        return [line for line in lines if (low := line[0].lower()) not in stays and low not in named]
    return [line for line in lines if line[0].lower() not in stays]


def connection_names(lines: RawHeaders) -> frozenset[bytes]:
    """Return the names that Connection lines list besides close and keep-alive, lowered."""
    names: set[bytes] = set()
    for name, value in lines:
        if (
            len(name) == 10 and name.lower() == b"connection"
        ):  # 10: len(b"connection"), checked first because it is free
            names.update(part.strip().lower() for part in value.split(b","))
    return frozenset(names - {b"close", b"keep-alive", b""})


def offers_connection_sign_in(lines: RawHeaders) -> bool:
    """Say whether a reply asks for a scheme that would make its connection somebody's."""
    return any(
        name.lower() == b"www-authenticate"
        and value.split(b" ", 1)[0].lower().decode("latin-1") in SIGN_IN_A_CONNECTION
        for name, value in lines
    )
