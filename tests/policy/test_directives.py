"""Cache-Control's grammar: lists over lines, quoted strings, and what is none of it."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given

from sidecar.policy.directives import DELTA_MAX_S, delta_s, directives, lines, names


def read(*values: str) -> dict[str, tuple[str | None, ...]] | None:
    found = directives(tuple((b"Cache-Control", value.encode("latin-1")) for value in values))
    return None if found is None else dict(found)


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ((), {}),
        (("",), {}),
        ((" , ,",), {}),
        (("no-store",), {"no-store": (None,)}),
        (("No-StOrE",), {"no-store": (None,)}),
        (("private, max-age=0",), {"private": (None,), "max-age": ("0",)}),
        (("private,max-age=0,",), {"private": (None,), "max-age": ("0",)}),
        (("private", "max-age=0"), {"private": (None,), "max-age": ("0",)}),
        (("max-age=1, max-age=2", "max-age=3"), {"max-age": ("1", "2", "3")}),
        (('max-age="10"',), {"max-age": ("10",)}),
        (('x="max-age=3600, no-store", max-age=1',), {"x": ("max-age=3600, no-store",), "max-age": ("1",)}),
        (('x="a\\"b", y',), {"x": ('a"b',), "y": (None,)}),
        (('no-cache="a, b"',), {"no-cache": ("a, b",)}),
        (("max-age='10'",), {"max-age": ("'10'",)}),
        (("max-age =10",), {"max-age": ("",)}),
        (("max-age= 10",), {"max-age": ("",)}),
        (("max-age=",), {"max-age": ("",)}),
        (('no-store"',), None),
        (('x="no end', "no-store"), None),
        (('no-store"x"',), {"no-store": ("",)}),
        (("no-store at all",), {"no-store": ("",)}),
        (("=5, public",), {"public": (None,)}),
    ],
)
def test_what_is_read(values: tuple[str, ...], found: dict[str, tuple[str | None, ...]] | None) -> None:
    """Names without regard to case, values as they mean; what is no directive says nothing, an open string makes all of it unsure."""
    assert read(*values) == found


@given(st.lists(st.text(st.characters(min_codepoint=9, max_codepoint=255, exclude_characters="\r\n")), max_size=4))
def test_any_line_is_read_or_given_up(values: list[str]) -> None:
    """Whatever stands in it; a word at its beginning is never overlooked."""
    read(*values)
    found = read("no-store", *values)
    assert found is None or "no-store" in found


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        ("3600", 3600),
        ("003600", 3600),
        ("2147483647", 2147483647),
        ("2147483648", DELTA_MAX_S),
        ("2147483649", DELTA_MAX_S),
        ("9" * 5000, DELTA_MAX_S),
        (None, None),
        ("", None),
        ("-1", None),
        ("+1", None),
        ("1.0", None),
        ("1a", None),
        ("\u00b2", None),
        (" 1", None),
    ],
)
def test_delta_seconds(value: str | None, seconds: int | None) -> None:
    """Digits alone, and never more than 2^31."""
    assert delta_s(value) == seconds


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (("a",), {b"a"}),
        (("A, b", "c"), {b"a", b"b", b"c"}),
        ((None,), None),
        (("a", None), None),
        (("",), None),
        ((" , ",), None),
        (("a", ","), None),
    ],
)
def test_the_names_that_a_directive_is_limited_to(values: tuple[str | None, ...], found: set[bytes] | None) -> None:
    """All of them; said once without a limit, or with an empty one, it means the whole reply."""
    assert names(values) == found


def test_the_lines_of_a_name() -> None:
    """In order, in any case, none of a longer or another name."""
    headers = ((b"Vary", b"a"), (b"X-Vary", b"b"), (b"VARY", b"c"), (b"Date", b"d"))
    assert lines(headers, b"vary") == ("a", "c")
