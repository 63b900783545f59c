"""Values of structured fields: a word stays a word, and nothing that is written can end a field early."""

from __future__ import annotations

import re

import hypothesis.strategies as st
import pytest
from hypothesis import given

from sidecar.policy.structured import quoted, word

_STRING = re.compile(r'"(?:[ !#-\[\]-~]|\\["\\])*"')  # RFC 8941 section 3.3.3
_TOKEN = re.compile(r"[A-Za-z*][!#$%&'*+.^_`|~0-9A-Za-z:/-]*")


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("stale-if-error", "stale-if-error"),
        ("tickets.reserve", "tickets.reserve"),
        ("*", "*"),
        ("a:b/c", "a:b/c"),
        ("", '""'),
        ("1st", '"1st"'),
        ("two words", '"two words"'),
        ("a;b", '"a;b"'),
        ('say "no"', r'"say \"no\""'),
        ("back\\slash", r'"back\\slash"'),
        ("Plätze\n", '"Pl?tze?"'),
    ],
)
def test_words(text: str, written: str) -> None:
    """A token where it is one, else a string."""
    assert word(text) == written


@given(st.text())
def test_whatever_comes_is_one_value(text: str) -> None:
    """Of one line, in ASCII."""
    assert _STRING.fullmatch(quoted(text))
    assert _TOKEN.fullmatch(word(text)) or word(text) == quoted(text)
