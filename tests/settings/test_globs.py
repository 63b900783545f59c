"""Patterns of operations against one another: which can mean the same name, which mean all that another does."""

from __future__ import annotations

from fnmatch import fnmatchcase
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.settings.globs import meet, within

GLOBS = st.text(alphabet="ab?*", max_size=5)


@given(GLOBS, GLOBS)
def test_globs_that_meet(one: str, other: str) -> None:
    """Against trying every short name: two globs of five signs that meet, meet in ten letters."""
    names = ["".join(letters) for length in range(8) for letters in product("ab", repeat=length)]
    tried = any(fnmatchcase(name, one) and fnmatchcase(name, other) for name in names)
    if tried:
        assert meet(one, other)
    elif "*" not in one or "*" not in other or len(one + other) <= 7:
        assert not meet(one, other)


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        ("Get[AB]*", "Get[BC]*", True),
        ("Get[AB]*", "Get[CD]*", False),
        ("Get[!A]x", "GetAx", False),
        ("Get[!A]x", "GetBx", True),
        ("Get[", "Get[", True),
        ("Get[", "Get?", True),
        ("[]]x", "]x", True),
    ],
)
def test_sets_of_signs(one: str, other: str, said: bool) -> None:
    """What stands in brackets is one sign of a set, as fnmatch reads it."""
    assert meet(one, other) is said
    assert meet(other, one) is said


@given(GLOBS, GLOBS)
def test_what_lies_within(one: str, other: str) -> None:
    """Whatever is said to lie within another pattern has no name that the other does not match."""
    names = ["".join(letters) for length in range(7) for letters in product("ab", repeat=length)]
    if within(one, other):
        assert all(fnmatchcase(name, other) for name in names if fnmatchcase(name, one))


def test_what_lies_within_is_found() -> None:
    """A longer pattern within a shorter one, a name within both; where the shorter has a `?` nobody looks."""
    assert within("ReserveTickets*", "Reserve*")
    assert within("ReserveTickets", "*")
    assert not within("Reserve*", "ReserveTickets*")
    assert not within("Reserve*", "Reserv?*")
