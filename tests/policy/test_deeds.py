"""Names of keyed calls: digests whose parts cannot run into each other, and keys as clients write them."""

from __future__ import annotations

import pytest

from sidecar.plan import Plan
from sidecar.policy.deeds import LONGEST, digest, given, is_sensitive, key_of, who_is

SECRET = b"a test's secret"


def test_borders_count() -> None:
    """Parts that read the same one after the other are different calls."""
    made = {
        digest(SECRET, *parts)
        for parts in ((b"ab", b"c"), (b"a", b"bc"), (b"abc",), (b"abc", b""), (b"", b"abc"), (b"1:a",), (b"a",))
    }
    assert len(made) == 7


def test_nobody_can_make_a_name_without_the_secret() -> None:
    """Another secret, other names; and the key itself is in none."""
    name = key_of(SECRET, "tickets", "order-77")
    assert name != key_of(b"another", "tickets", "order-77")
    assert b"order-77" not in name
    assert len(name) == 16


def test_a_key_belongs_to_its_backend() -> None:
    """Two houses may number their orders alike."""
    assert key_of(SECRET, "tickets", "1") != key_of(SECRET, "shop", "1")


def test_a_key_is_never_an_identity() -> None:
    """Nor does nobody have the name of somebody."""
    assert who_is(SECRET, ()) == b""
    assert who_is(SECRET, (b"",)) != b""
    assert who_is(SECRET, (b"a",)) != key_of(SECRET, "a", "a")


def test_all_that_is_shown_counts() -> None:
    """Two who share an account and have a session each are two."""
    assert len({who_is(SECRET, shown) for shown in ((b"a",), (b"a", b"b"), (b"a", b"c"), (b"ab",), (b"b", b"a"))}) == 5


@pytest.mark.parametrize(
    ("name", "is_secret"),
    [
        ("sSessionKey", True),
        ("sWebSessionID", True),
        ("SESSION_KEY", True),
        ("sessionid", True),
        ("sCardNumber", True),
        ("cardnumber", True),
        ("pin", True),
        ("PIN", True),
        ("sPIN", True),
        ("PinCode", True),
        ("card_pin2", True),
        ("sPassword", True),
        ("AccessTokens", True),
        ("sOwn", True),
        ("SOWN", True),
        ("my_api_key", True),
        ("ShippingMethod", False),
        ("SpinCount", False),
        ("opinion", False),
        ("Discard", False),
        ("sOwner", False),
        ("iSeats", False),
        ("", False),
        ("42", False),
    ],
)
def test_what_is_no_part_of_a_call(name: str, is_secret: bool) -> None:
    """Secrets, which differ after signing in anew, and not every name that has the letters of one somewhere."""
    assert is_sensitive(name, (*Plan().sensitive, "sOwn", "*api*key*")) is is_secret


@pytest.mark.parametrize(
    ("lines", "key"),
    [
        (["a1"], "a1"),
        (['"a1"'], "a1"),
        (["  a1\t"], "a1"),
        (['"a b"'], "a b"),
        (['"'], '"'),
        (['"a'], '"a'),
        (["a" * LONGEST], "a" * LONGEST),
        (["a" * (LONGEST + 1)], None),
        ([""], None),
        (['""'], None),
        (["ä"], None),
        (["a\x00"], None),
        (["a", "a"], None),
        ([], None),
    ],
)
def test_a_key_as_it_is_written(lines: list[str], key: str | None) -> None:
    """Quoted, as the header's draft has it, or bare, as everybody writes it; one of it, or none."""
    assert given(lines) == key
