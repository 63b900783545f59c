"""Which header lines pass, each way: order, case and duplicates of what passes are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sidecar.policy.headers import (
    FORWARDING,
    HOP_BY_HOP,
    connection_names,
    offers_connection_sign_in,
    retry_after_s,
    to_backend,
    to_caller,
)

if TYPE_CHECKING:
    from sidecar.model import RawHeaders


@pytest.mark.parametrize(
    "name",
    [
        *sorted(HOP_BY_HOP),
        b"Host",
        b"CONTENT-LENGTH",
        b"Expect",
        b"Origin",
        b"Access-Control-Request-Method",
        b"Access-Control-Request-Headers",
        b"Access-Control-Request-Private-Network",
        b"Sidecar-Place",
        b"Sidecar-Pass",
        b"Sidecar-Timeout",
        b"Sidecar-Client",
        b"Sidecar-Debug",
        b"Sidecar-Fault",
        b"Idempotency-Key",
    ],
)
def test_what_stays_here_on_the_way_in(name: bytes) -> None:
    """Whatever its case."""
    kept = ((b"SOAPAction", b'"a"'),)
    assert to_backend(((name, b"x"), *kept)) == list(kept)
    assert to_backend(((name.upper(), b"x"), *kept), frozenset((b"other",))) == list(kept)


def test_what_a_caller_says_to_the_backend_passes_as_it_came() -> None:
    """Order, case, duplicates, cookies, credentials and where it has been so far (Via) are the caller's and the backend's."""
    lines = (
        (b"SOAPAction", b'"urn:a"'),
        (b"COOKIE", b"a=1"),
        (b"Cookie", b"b=2"),
        (b"authorization", b"Basic eA=="),
        (b"Via", b"1.1 office"),
        (b"Accept-Encoding", b"gzip"),
        (b"X-Request-Id", b"abc"),
        (b"X_Their_Own", b"1"),
    )
    assert to_backend(lines) == list(lines)
    assert to_backend(lines, believed=True) == list(lines)


@pytest.mark.parametrize(
    "name",
    [
        *sorted(FORWARDING),
        b"X-Forwarded-For",
        b"X-Forwarded-Host",
        b"X-Forwarded-Proto",
        b"X-Forwarded-Port",
        b"X-Forwarded-User",
        b"X-Forwarded-Client-Cert",
        b"X-Original-URL",
        b"X-Original-Forwarded-For",
        b"X-SSL-Client-Cert",
        b"Ssl-Client-Verify",
        b"X-REAL-IP",
        b"CF-Connecting-IP",
    ],
)
def test_a_word_on_earlier_hops_passes_from_trusted_ones_alone(name: bytes) -> None:
    """A backend believes it of whoever is its neighbour; from whoever is trusted it passes as it came, and nothing is added."""
    word, kept = (name, b"198.51.100.1"), (b"SOAPAction", b'"a"')
    other = frozenset((b"other",))
    for named in (frozenset[bytes](), other):
        assert to_backend((word, kept, word), named) == [kept]
        assert to_backend((word, kept, word), named, believed=True) == [word, kept, word]


@pytest.mark.parametrize("believed", [True, False])
@pytest.mark.parametrize("name", [b"X_Forwarded_For", b"X-Forwarded_For", b"X_REAL_IP", b"Client_Cert"])
def test_no_spelling_passes_that_a_backend_cannot_tell_apart(name: bytes, believed: bool) -> None:
    """To CGI an underscore is a hyphen; no proxy writes one, so an edge that let it through has not looked."""
    kept = (b"SOAPAction", b'"a"')
    assert to_backend(((name, b"6.6.6.6"), kept), believed=believed) == [kept]
    assert to_backend(((name, b"6.6.6.6"), kept), frozenset((b"other",)), believed=believed) == [kept]


def test_the_two_tables_are_not_mixed_up() -> None:
    """The same names from a trusted hop and from a stranger, by turns: what is remembered of one is not the other's."""
    lines = ((b"X-Forwarded-For", b"198.51.100.1"), (b"Accept", b"*/*"))
    for _ in range(2):
        assert to_backend(lines, believed=True) == list(lines)
        assert to_backend(lines) == [lines[1]]


def test_what_connection_lists_stays_too() -> None:
    """RFC 9110 section 7.6.1, several lines and any case; close and keep-alive are not names."""
    lines = (
        (b"Connection", b"close, X-Mine"),
        (b"connection", b" keep-alive ,x-other,"),
        (b"X-MINE", b"1"),
        (b"X-Yours", b"2"),
    )
    names = connection_names(lines)
    assert names == {b"x-mine", b"x-other"}
    assert to_backend(lines, names) == [(b"X-Yours", b"2")]


def test_no_connection_line_no_names() -> None:
    """A header of ten bytes is not Connection for that."""
    assert connection_names(((b"X-Ten-Byte", b"a"), (b"Accept", b"b"))) == frozenset()


def test_what_stays_here_on_the_way_out() -> None:
    """Our own words, framing, and what speaks of a hop that ends here; Content-Encoding and Set-Cookie pass."""
    kept = (
        (b"Content-Type", b"text/xml"),
        (b"Set-Cookie", b"a=1"),
        (b"set-cookie", b"b=2"),
        (b"Content-Encoding", b"gzip"),
    )
    stays = (
        (b"Content-Length", b"4"),
        (b"Transfer-Encoding", b"chunked"),
        (b"Keep-Alive", b"timeout=5"),
        (b"Alt-Svc", b"h3"),
        (b"Sidecar-State", b"ok"),
        (b"Server-Timing", b"db"),
        (b"X-Request-ID", b"theirs"),
    )
    assert to_caller((*stays, *kept)) == list(kept)
    assert to_caller(((b"Connection", b"X-Hop"), (b"X-Hop", b"1"), *kept)) == list(kept)


@pytest.mark.parametrize(
    ("lines", "offers"),
    [
        (((b"WWW-Authenticate", b"NTLM"),), True),
        (((b"www-authenticate", b"Negotiate abc"),), True),
        (((b"WWW-Authenticate", b'Basic realm="box"'),), False),
        (((b"X-Other", b"NTLM"),), False),
        ((), False),
    ],
)
def test_a_reply_that_would_sign_a_connection_in_is_known(lines: RawHeaders, offers: bool) -> None:
    """NTLM and Negotiate make a connection somebody's identity; Basic does not."""
    assert offers_connection_sign_in(lines) is offers


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (b"120", 120),
        (b" 7 ", 7),
        (b"Sat, 21 Nov 2026 09:00:30 GMT", 30),
        (b"Sat, 21 Nov 2026 08:00:00 GMT", 1),
        (b"Sat, 21 Nov 99999999999 08:00:00 GMT", None),
        (b"soon", None),
        (b"-3", None),
        (b"99999999", None),
    ],
)
def test_a_backend_s_retry_after_is_whole_seconds_from_now(value: bytes, seconds: int | None) -> None:
    """Seconds or a date (RFC 9110 section 10.2.3); a date that has passed is a second away, what is neither is nothing."""
    nine = 1_795_251_600.0  # 2026-11-21 09:00:00 UTC
    assert retry_after_s(((b"X-Other", b"1"), (b"retry-AFTER", value)), nine) == seconds


def test_without_a_retry_after_there_is_none() -> None:
    """No line, no number."""
    assert retry_after_s(((b"Date", b"now"),), 0.0) is None
