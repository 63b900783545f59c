"""Templates of tags: their form, their names, and which of them can give the same tag."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from sidecar.settings.tags import may_meet, parameters, prefix, tag


@pytest.mark.parametrize("text", ["all", "perf:{n}", "{a}", "{a}{b}", "unit:{a}:{b c}:x", "é"])
def test_templates(text: str) -> None:
    """A text with names in braces."""
    assert tag(text) == text


@pytest.mark.parametrize("text", ["", "{", "}", "a{b", "a}b", "{a}}", "{{a}}", "{}", "{ a}", "a\nb", "x" * 201])
def test_what_is_no_template(text: str) -> None:
    """Each with a sentence of its own and the same code."""
    with pytest.raises(PydanticCustomError) as caught:
        tag(text)
    assert (caught.value.context or {})["code"] == "E213"


def test_parts() -> None:
    """What stands before the first brace, and the names in their order."""
    assert prefix("a:{b}:{c}") == "a:"
    assert parameters("a:{b}:{c}:{b}") == ("b", "c", "b")
    assert parameters("a") == ()


TEMPLATES = st.lists(st.sampled_from(["a", "b", ":", "{x}", "{y}"]), min_size=1, max_size=4).map("".join)
VALUES = st.text(alphabet="ab:", max_size=2)


@given(TEMPLATES, TEMPLATES, VALUES, VALUES)
def test_templates_that_give_the_same_tag_may_meet(one: str, other: str, x: str, y: str) -> None:
    """Never is it said of two that they cannot, where some values make them equal."""
    filled = [re.sub(r"\{(.)\}", lambda found: {"x": x, "y": y}[found[1]], each) for each in (one, other)]
    if filled[0] == filled[1]:
        assert may_meet(one, other)


@pytest.mark.parametrize(
    ("one", "other", "may"),
    [
        ("perf:{a}", "perf:{b}", True),
        ("perf:{a}", "perf:1201", True),
        ("perf:{a}", "prf:{a}", False),
        ("all", "all", True),
        ("all", "alle", False),
        ("{a}", "anything", True),
    ],
)
def test_templates_that_may_meet(one: str, other: str, may: bool) -> None:
    """By what stands before the first brace, whichever of the two is asked."""
    assert may_meet(one, other) is may_meet(other, one) is may
