"""What a backend says of its reply: lifetimes, ages, windows and vetoes, case by case as RFC 9111 has them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import hypothesis.strategies as st
import pytest
from hypothesis import given

from sidecar.policy import origin
from sidecar.policy.freshness import Rule

if TYPE_CHECKING:
    from sidecar.model import RawHeaders

NOW = 784_111_777.0  # Sun, 06 Nov 1994 08:49:37 GMT, the date of RFC 9110's examples
DATE = "Sun, 06 Nov 1994 08:49:37 GMT"
HOUR_ON = "Sun, 06 Nov 1994 09:49:37 GMT"
HOUR_AGO = "Sun, 06 Nov 1994 07:49:37 GMT"


def raw(*lines: tuple[str, str]) -> RawHeaders:
    return tuple((name.encode(), value.encode("latin-1")) for name, value in lines)


def cc(*values: str) -> RawHeaders:
    return raw(*(("Cache-Control", value) for value in values))


@pytest.mark.parametrize(
    ("headers", "lifetime_s"),
    [
        (raw(), None),
        (raw(("Last-Modified", HOUR_AGO), ("Date", DATE)), None),
        (cc("public"), None),
        (cc("max-age=60"), 60),
        (cc("MaX-aGe=60"), 60),
        (cc("foobar, max-age=60"), 60),
        (cc('max-age="60"'), 60),
        (cc("max-age=0"), 0),
        (cc("max-age=-60"), 0),
        (cc("max-age=60.0"), 0),
        (cc("max-age= 60"), 0),
        (cc("max-age"), 0),
        (cc('x="max-age=3600", max-age=1'), 1),
        (cc('max-age=1, x="max-age=3600"'), 1),
        (cc("max-age=1, max-age=1800"), 1),
        (cc("max-age=1800", "max-age=1"), 1800),
        (cc("max-age=99999999999"), 2**31),
        (cc("s-maxage=5"), 5),
        (cc("max-age=3600, s-maxage=5"), 5),
        (cc("s-maxage=3600", "max-age=5"), 3600),
        (cc("s-maxage=x, max-age=5"), 0),
        (raw(("Expires", HOUR_ON), ("Date", DATE)), 3600),
        (raw(("Expires", HOUR_ON)), 3600),
        (raw(("Expires", HOUR_ON), ("Date", "yesterday")), 3600),
        (raw(("Expires", HOUR_ON), ("Date", HOUR_AGO)), 7200),
        (raw(("Expires", HOUR_AGO), ("Date", DATE)), 0),
        (raw(("Expires", "0"), ("Date", DATE)), 0),
        (raw(("Expires", "-1")), 0),
        (raw(("Expires", HOUR_ON), ("Expires", HOUR_AGO), ("Date", DATE)), 3600),
        (raw(("Expires", "Sunday, 06-Nov-94 09:49:37 GMT"), ("Date", DATE)), 3600),
        (raw(("Expires", "Sun Nov  6 09:49:37 1994"), ("Date", DATE)), 3600),
        (raw(("Expires", "Sun, 06 Nov 1994 09:49:37 CET"), ("Date", DATE)), 0),
        (raw(("Expires", "Sun, 06 Nov 1994 09:49 GMT"), ("Date", DATE)), 0),
        (raw(("Expires", "Sun, 99 Nov 1994 09:49:37 GMT"), ("Date", DATE)), 0),
        (raw(("Expires", "Sun, 06 Nov 1994 24:49:37 GMT"), ("Date", DATE)), 0),
        (raw(("Expires", "Sun, 06 Foo 1994 09:49:37 GMT"), ("Date", DATE)), 0),
        (raw(("Expires", "Sun, 06 Nov 0000 09:49:37 GMT"), ("Date", DATE)), 0),
        (raw(("Expires", "Fri, 31 Dec 9999 23:59:59 GMT"), ("Date", DATE)), 2**31),
        (raw(("Cache-Control", "max-age=60"), ("Expires", HOUR_AGO), ("Date", DATE)), 60),
        (raw(("Cache-Control", "max-age=0"), ("Expires", HOUR_ON), ("Date", DATE)), 0),
    ],
)
def test_lifetimes(headers: RawHeaders, lifetime_s: float | None) -> None:
    """s-maxage before max-age before Expires; what cannot be read is over, and what is not said is not guessed."""
    found = origin.of(200, headers, NOW)
    assert found.lifetime_s == (None if lifetime_s is None else pytest.approx(lifetime_s))
    if lifetime_s is None:
        assert (found.storable, found.why) == (False, "lifetime")
    else:
        assert (found.storable, found.why) == (True, None)


@pytest.mark.parametrize(
    ("headers", "age_s"),
    [
        (raw(), 0),
        (raw(("Age", "0")), 0),
        (raw(("Age", "7200")), 7200),
        (raw(("Age", " 7200 ")), 7200),
        (raw(("Age", "2147483649")), 2**31),
        (raw(("Age", "abc")), 0),
        (raw(("Age", "-7200")), 0),
        (raw(("Age", "7200.0")), 0),
        (raw(("Age", "7200;foo=1")), 0),
        (raw(("Age", "7200, 0")), 7200),
        (raw(("Age", "0, 7200")), 0),
        (raw(("Age", "7200"), ("Age", "0")), 7200),
        (raw(("Age", "0"), ("Age", "7200")), 0),
        (raw(("Date", DATE)), 0),
        (raw(("Date", HOUR_AGO)), 3600),
        (raw(("Date", HOUR_ON)), 0),
        (raw(("Date", "0")), 0),
        (raw(("Date", HOUR_AGO), ("Age", "5")), 3600),
        (raw(("Date", HOUR_AGO), ("Age", "7200")), 7200),
    ],
)
def test_the_age_on_arrival(headers: RawHeaders, age_s: float) -> None:
    """The first number that is one, or what the date says where that is more; part of a second of our own clock is not an age."""
    assert origin.of(200, headers, NOW).initial_age_s == age_s
    assert origin.of(200, headers, NOW + 0.9).initial_age_s == age_s


@pytest.mark.parametrize(
    ("status", "said", "why"),
    [
        (200, "max-age=60", None),
        (404, "max-age=60", None),
        (599, "max-age=60", None),
        (200, "max-age=60, must-understand", None),
        (599, "max-age=60, must-understand", "status"),
        (100, "max-age=60", "status"),
        (206, "max-age=60", "status"),
        (304, "max-age=60", "status"),
        (200, "max-age=60, no-store", "no-store"),
        (200, "no-store, must-understand, max-age=60", "no-store"),
        (200, "max-age=60, PRIVATE", "private"),
        (200, 'max-age=60, private="a"', None),
        (200, 'max-age=60, private="a", private', "private"),
        (200, "max-age=60, no-cache", "no-cache"),
        (200, 'max-age=60, no-cache="a"', None),
        (200, 'max-age=60, no-cache=""', "no-cache"),
        (200, 'max-age=60, x="', "malformed"),
    ],
)
def test_what_may_be_kept(status: int, said: str, why: str | None) -> None:
    """Whatever has a lifetime and is not forbidden; the word says what forbade it."""
    found = origin.of(status, cc(said), NOW)
    assert (found.storable, found.why) == (why is None, why)


@pytest.mark.parametrize(
    ("values", "vary", "keyed", "why"),
    [
        ((), (), (), None),
        (("",), (), (), None),
        (("Foo",), ("foo",), ("foo",), None),
        (("Foo",), ("foo",), (), "vary"),
        (("Foo, BAR", "foo"), ("foo", "bar"), ("foo", "bar", "baz"), None),
        (("Foo, Bar",), ("foo", "bar"), ("foo",), "vary"),
        (("Accept-Encoding",), ("accept-encoding",), (), None),
        (("Accept-Encoding,User-Agent",), ("accept-encoding", "user-agent"), (), "vary"),
        (("*",), "*", ("foo",), "vary"),
        (("*, *",), "*", (), "vary"),
        ((", *",), "*", (), "vary"),
        (("", "*"), "*", (), "vary"),
        (("Foo, *",), "*", ("foo",), "vary"),
    ],
)
def test_vary(values: tuple[str, ...], vary: tuple[str, ...] | str, keyed: tuple[str, ...], why: str | None) -> None:
    """Every name must be in the key, or the same for all; a star anywhere is nobody's again. The operator may waive it."""
    headers = cc("max-age=60") + raw(*(("Vary", value) for value in values))
    found = origin.of(200, headers, NOW, frozenset(keyed))
    assert (found.vary, found.why) == (vary, why)
    assert origin.vetoes(headers, frozenset(), frozenset(keyed)) == why
    assert origin.of(200, headers, NOW, ignore=frozenset(("vary",))).storable
    assert origin.vetoes(headers, frozenset(("vary",))) is None


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ("no-store", "no-store"),
        ("private, max-age=10", "private"),
        ("no-cache", "no-cache"),
        ("max-age=0", "max-age"),
        ("max-age=never", "max-age"),
        ("max-age=60, s-maxage=0", "max-age"),
        ("max-age=0, s-maxage=60", None),
        ("public, max-age=10", None),
        ('private="a", no-cache="b"', None),
        ("s-maxage=1", None),
        ("", None),
    ],
)
def test_vetoes_of_the_fixed_mode(said: str, word: str | None) -> None:
    """Each by its word, and each waived by it alone."""
    assert origin.vetoes(cc(said), frozenset()) == word
    if word is not None:
        assert origin.vetoes(cc(said), frozenset((word,))) is None
        assert (
            origin.vetoes(cc(said), frozenset(("no-store", "private", "no-cache", "max-age", "vary")) - {word}) == word
        )


def test_what_asmx_stamps_on_everything() -> None:
    """`private, max-age=0` is two words, and takes two to be waived."""
    stamp = cc("private, max-age=0")
    assert origin.vetoes(stamp, frozenset()) == "private"
    assert origin.vetoes(stamp, frozenset(("private",))) == "max-age"
    assert origin.vetoes(stamp, frozenset(("private", "max-age"))) is None


@pytest.mark.parametrize("name", ["Set-Cookie", "set-cookie", "Set-Cookie2"])
def test_a_cookie_is_never_kept(name: str) -> None:
    """Whatever is waived."""
    everything = frozenset(("no-store", "private", "no-cache", "max-age", "vary", "set-cookie"))
    headers = cc("max-age=60") + raw((name, "a=b"))
    assert origin.vetoes(headers, everything) == "set-cookie"
    assert origin.of(200, headers, NOW, ignore=everything).why == "set-cookie"


def test_a_list_that_nobody_can_read_is_a_veto() -> None:
    """What stands behind an open quote might be no-store."""
    assert origin.vetoes(cc('x="y, no-store'), frozenset(("no-store",))) == "malformed"


@pytest.mark.parametrize("word", ["no-store", "private", "no-cache"])
def test_an_operator_may_know_better(word: str) -> None:
    """A waived word leaves the lifetime as it is."""
    found = origin.of(200, cc(f"{word}, max-age=60"), NOW, ignore=frozenset((word,)))
    assert (found.storable, found.lifetime_s) == (True, 60)


def test_lines_that_are_for_the_first_alone() -> None:
    """The names that private and no-cache are limited to, together."""
    assert origin.of(200, cc('max-age=60, private="A", no-cache="b, c"'), NOW).without == {b"a", b"b", b"c"}
    assert origin.of(200, cc("max-age=60"), NOW).without == frozenset()


RULE = Rule(ttl_s=1, swr_s=10, grace_s=20, error_s=30, soft_s=2, jitter=0.1, strict=True)


@pytest.mark.parametrize(
    ("said", "swr_s", "grace_s", "error_s"),
    [
        ("max-age=60", 10, 20, 30),
        ("max-age=60, stale-while-revalidate=5, stale-if-error=6", 5, 20, 6),
        ("max-age=60, stale-while-revalidate=0, stale-if-error=0", 0, 20, 0),
        ("max-age=60, stale-while-revalidate=x, stale-if-error", 10, 20, 30),
        ("max-age=60, must-revalidate", 0, 0, 0),
        ("max-age=60, proxy-revalidate, stale-if-error=60", 0, 0, 0),
        ("s-maxage=60", 0, 0, 0),
    ],
)
def test_the_rule_as_a_reply_bends_it(said: str, swr_s: float, grace_s: float, error_s: float) -> None:
    """Its own windows before the settings'; none where it must be asked for again, which s-maxage says, too. No jitter on its lifetime."""
    found = origin.of(200, cc(said), NOW).rule(RULE)
    assert (found.ttl_s, found.swr_s, found.grace_s, found.error_s) == (60, swr_s, grace_s, error_s)
    assert (found.jitter, found.strict) == (0, True)


def test_a_reply_without_a_lifetime_has_none() -> None:
    """Its rule begins to be past at once."""
    assert origin.of(200, raw(), NOW).rule(RULE) == replace(RULE, ttl_s=0, jitter=0)


names = st.sampled_from(["Cache-Control", "cache-control", "Expires", "Date", "Age", "Vary", "Set-Cookie"])
words = st.sampled_from(
    [
        "no-store",
        "private",
        "no-cache",
        "max-age=1",
        "s-maxage=",
        'a="',
        ",",
        "*",
        "0",
        "-1",
        DATE,
        "Sun, 00 Foo 0000 00:00:00 GMT",
    ]
)
values = st.lists(words | st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=5), max_size=4)


@given(st.integers(100, 999), st.lists(st.tuples(names, values.map(", ".join)), max_size=6))
def test_anything_can_be_said(status: int, said: list[tuple[str, str]]) -> None:
    """Without an error; what may be kept has a lifetime, its age is no less than 0, and what forbids it in the fixed mode does so here."""
    headers = raw(*said)
    found = origin.of(status, headers, NOW)
    assert found.storable is (found.why is None)
    assert found.initial_age_s >= 0
    if found.storable:
        assert found.lifetime_s is not None
        assert origin.vetoes(headers, frozenset()) in (None, "max-age")


MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "foo", "gmt", "Sun"]
TIMES = st.sampled_from(["00:00:00", "23:59:59", "12:30:60"])


@given(
    st.sampled_from(["Sun", "May", "gmt", "the"]),
    st.integers(1, 31),
    st.sampled_from(MONTHS),
    st.integers(1000, 9999),
    TIMES,
)
def test_any_date_is_one_or_none(word: str, day: int, month: str, year: int, time: str) -> None:
    """In each of the three forms, with a day that its month does not have, in a year long ago: never an error."""
    forms = (
        f"{word}, {day:02} {month} {year} {time} GMT",
        f"{word}day, {day:02}-{month}-{year % 100:02} {time} GMT",
        f"{word} {month} {day:2} {time} {year}",
    )
    for date in forms:
        found = origin.of(200, raw(("Expires", date), ("Date", DATE)), NOW)
        assert found.lifetime_s is not None
        assert found.lifetime_s >= 0
