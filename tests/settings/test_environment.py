"""References: what they expand to, and what is said of those that cannot."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.settings.environment import expand

ENV = {"A": "1", "EMPTY": "", "TRICKY": "${A}"}


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("plain", "plain"),
        ("${A}", "1"),
        ("x${A}y${A}", "x1y1"),
        ("${A:-2}", "1"),
        ("${B:-2}", "2"),
        ("${B:-}", ""),
        ("${EMPTY:-2}", "2"),
        ("${EMPTY}", ""),
        ("${B:-a:-b $c}", "a:-b $c"),
        ("$${A}", "${A}"),
        ("$A $ {A} $", "$A $ {A} $"),
        ("${TRICKY}", "${A}"),
    ],
)
def test_expansion(text: str, expanded: str) -> None:
    """As a POSIX shell does it; what comes out of the environment is not expanded again."""
    done = expand(text, ENV)
    assert (done.text, done.faults) == (expanded, ())
    assert done.changed is (text != expanded and "$${" not in text)


@pytest.mark.parametrize(
    ("text", "code", "nth"),
    [
        ("${B}", "E106", 0),
        ("${A}${B}", "E106", 1),
        ("$${x} ${B}", "E106", 1),
        ("${1}", "E107", 0),
        ("${A", "E107", 0),
    ],
)
def test_faults_say_which_reference(text: str, code: str, nth: int) -> None:
    """The count is of `${` in the text, so that whoever knows the file finds its place."""
    (fault,) = expand(text, ENV).faults
    assert (fault.code, fault.nth) == (code, nth)
    assert fault.remedy


@given(st.text(alphabet="${}:-AB x"))
def test_it_never_raises_and_never_invents(text: str) -> None:
    """Without a reference a text stays what it is."""
    done = expand(text, ENV)
    assert done.changed or done.faults or done.text == text.replace("$${", "${")
