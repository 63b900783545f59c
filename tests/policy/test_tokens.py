"""Tokens: what was signed comes back, anything else is a reason and never an exception, and nothing has two spellings."""

from __future__ import annotations

import hmac
import string
from base64 import urlsafe_b64encode

import hypothesis.strategies as st
import pytest
from hypothesis import example, given

from sidecar.policy.tokens import MOST_CHARACTERS, Key, Keys, Kind, Series, Token, Why, read, sign

NEW, OLD = Key("k2", b"n" * 32), Key("k1", b"o" * 32)
KEYS = Keys(NEW, OLD)
FIELDS = st.lists(st.binary(max_size=40), max_size=6).map(tuple)
LETTERS = string.ascii_letters + string.digits + "-_"


def signed(said: bytes, secret: bytes = NEW.secret) -> str:
    """Write bytes as a token of ours would be, whatever they are."""
    mac = hmac.digest(secret, said, "sha256")[:16]
    return urlsafe_b64encode(said + mac).rstrip(b"=").decode()


def test_the_form_is_what_it_is() -> None:
    """A release that wrote it otherwise could not read what people hold in their hands."""
    token = Token(Kind.PLACE, (b"a", b"", b"bc"))
    assert sign(KEYS, token) == signed(b"\x01\x01" + b"\x02k2" + b"\x01a" + b"\x00" + b"\x02bc")
    assert read(KEYS, Kind.PLACE, sign(KEYS, token)) == token


@given(st.integers(0, 255), FIELDS)
def test_what_was_signed_comes_back(kind: int, fields: tuple[bytes, ...]) -> None:
    """Every field as it was, in plain characters that go into a header and a link."""
    text = sign(KEYS, Token(kind, fields))
    assert set(text) <= set(LETTERS)
    assert read(KEYS, kind, text) == Token(kind, fields)


@given(FIELDS, FIELDS)
def test_two_lists_are_two_tokens(one: tuple[bytes, ...], other: tuple[bytes, ...]) -> None:
    """However they look when they are strung together."""
    assert (sign(KEYS, Token(1, one)) == sign(KEYS, Token(1, other))) is (one == other)


@pytest.mark.parametrize("at", range(len(sign(KEYS, Token(1, (b"tickets", b"\x00" * 9))))))
def test_every_character_counts(at: int) -> None:
    """No other character in any one place is the same token, or any: the last one's spare bits are no second spelling."""
    text = sign(KEYS, Token(1, (b"tickets", b"\x00" * 9)))
    for letter in LETTERS:
        if letter != text[at]:
            assert isinstance(read(KEYS, 1, text[:at] + letter + text[at + 1 :]), Why)


@given(FIELDS, st.data())
def test_every_byte_counts(fields: tuple[bytes, ...], data: st.DataObject) -> None:
    """One that is changed anywhere, by any bits, is forged, or of no form, or of no key of ours."""
    raw = bytearray(b"\x01\x01\x02k2" + b"".join(bytes((len(each),)) + each for each in fields))
    raw += hmac.digest(NEW.secret, bytes(raw), "sha256")[:16]
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    text = urlsafe_b64encode(bytes(raw)).rstrip(b"=").decode()
    assert read(KEYS, 1, text) in (Why.FORGED, Why.MALFORMED, Why.UNKNOWN_KEY)


@given(st.text(max_size=600) | st.binary(max_size=600).map(lambda raw: raw.decode("latin-1")))
@example("")
@example("=")
@example("A")
@example("A" * 24)
@example("A" * 25)
@example("AQECazI" * 8)
@example("\ud800")
def test_anything_else_is_a_reason(text: str) -> None:
    """Never an exception, whatever somebody sends."""
    assert read(KEYS, 1, text) in (Why.MALFORMED, Why.UNKNOWN_KEY, Why.FORGED)


@given(st.binary(max_size=60))
def test_bytes_that_were_signed_are_still_read_with_care(rest: bytes) -> None:
    """A right MAC over something that is no list of fields is malformed."""
    read_back = read(KEYS, 1, signed(b"\x01\x01\x02k2" + rest))
    assert read_back is Why.MALFORMED or (isinstance(read_back, Token) and sign(KEYS, read_back)[:6] == "AQECaz")


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (b"", Why.MALFORMED),
        (b"\x01", Why.MALFORMED),
        (b"\x01\x01", Why.MALFORMED),
        (b"\x02\x01\x02k2", Why.MALFORMED),
        (b"\x00\x01\x02k2", Why.MALFORMED),
        (b"\x01\x01\x03k2", Why.MALFORMED),
        (b"\x01\x01\x02k2\x01", Why.MALFORMED),
        (b"\x01\x01\x02k2\x05four", Why.MALFORMED),
        (b"\x01\x01\x02k3", Why.UNKNOWN_KEY),
        (b"\x01\x01\x00", Why.UNKNOWN_KEY),
        (b"\x01\x02\x02k2", Why.OTHER_KIND),
        (b"\x01\x01\x02k1", Why.FORGED),
    ],
)
def test_what_is_wrong_with_it(said: bytes, why: Why) -> None:
    """In the order in which it is looked at; an other kind is said only of what is ours."""
    assert read(KEYS, Kind.PLACE, signed(said)) is why


@pytest.mark.parametrize("change", ["{}=", "{}==", " {}", "{}\n", "{}.", "+{}", "{}A"])
def test_there_is_no_second_spelling(change: str) -> None:
    """Padding, blanks and what a lenient reader drops make it another text."""
    text = sign(KEYS, Token(1, (b"abc",)))
    assert len(text) % 4 == 2
    assert read(KEYS, 1, change.format(text)) in (Why.MALFORMED, Why.FORGED)


def test_an_older_key_still_reads_and_a_lost_one_does_not() -> None:
    """Keys are changed while people hold tokens."""
    token = Token(1, (b"x",))
    before, between, after = Keys(OLD), Keys(NEW, OLD), Keys(NEW)
    text = sign(before, token)
    assert [read(keys, 1, text) for keys in (before, between, after)] == [token, token, Why.UNKNOWN_KEY]
    text = sign(between, token)
    assert [read(keys, 1, text) for keys in (before, between, after)] == [Why.UNKNOWN_KEY, token, token]
    assert read(Keys(Key("k2", b"x" * 32)), 1, text) is Why.FORGED


def test_the_length_is_bounded_both_ways() -> None:
    """At 512 characters: none longer is made, and none longer is looked at."""
    longest = Token(1, (b"x" * 255, b"x" * 106))
    text = sign(KEYS, longest)
    assert len(text) == MOST_CHARACTERS == 512
    assert read(KEYS, 1, text) == longest
    with pytest.raises(ValueError, match="514 characters"):
        sign(KEYS, Token(1, (b"x" * 255, b"x" * 107)))
    with pytest.raises(ValueError, match="more than 255 bytes"):
        sign(KEYS, Token(1, (b"x" * 256,)))
    assert read(KEYS, 1, signed(b"\x01\x01\x02k2" + b"\xffx" + b"x" * 254 + b"\x6bx" + b"x" * 106)) is Why.MALFORMED


@pytest.mark.parametrize("name", ["", "a b", "k" * 17, "schlüssel", "k2", "a\n"])
def test_what_is_no_name_of_a_key(name: str) -> None:
    """Nor one that another key has already."""
    with pytest.raises(ValueError, match="no name of a key"):
        Keys(NEW, Key(name, b"x" * 32))


def test_a_short_secret_is_none() -> None:
    """Sixteen bytes are the least."""
    with pytest.raises(ValueError, match="k1 has 15 bytes; 16 are the least"):
        Keys(NEW, Key("k1", b"x" * 15))
    assert sign(Keys(Key("k" * 16, b"x" * 16)), Token(1, ()))


def test_what_people_see_of_keys() -> None:
    """Their names, never a secret."""
    assert repr(KEYS) == "<Keys k2, older k1>"
    assert repr(Keys(NEW)) == "<Keys k2>"
    assert repr(NEW) == "<Key k2>"


@given(FIELDS, st.binary(min_size=5, max_size=5))
def test_the_last_field_alone(fields: tuple[bytes, ...], last: bytes) -> None:
    """Whoever knows how a token begins gets its last field, of a good one alone: any other text is for `read` to look at."""
    series = Series(KEYS, 2, 5, *fields)
    text = sign(KEYS, Token(2, (*fields, last)))
    assert series.last(text) == last
    assert series.begins(text)
    assert repr(series) == f"<Series of {len(text)} characters, {series._prefix}…>"
    others = [
        sign(KEYS, Token(1, (*fields, last))),
        sign(KEYS, Token(2, (*fields, last + b"x"))),
        sign(KEYS, Token(2, (b"other", *fields, last))),
        sign(Keys(OLD), Token(2, (*fields, last))),
        sign(Keys(Key("k2", b"f" * 32)), Token(2, (*fields, last))),
        *(text[:-1], text[1:], text + "=", text + "A", text + "ä", "", "x" * 600),
    ]
    assert [series.last(other) for other in others] == [None] * len(others)
