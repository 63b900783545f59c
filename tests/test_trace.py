"""An error is written down without what it says."""

from __future__ import annotations

from sidecar.trace import trace_of


def fails(secret: str) -> None:
    """Fail over a value, and again over that."""
    try:
        int(secret)
    except ValueError as error:
        raise LookupError(f"no {secret} here") from error


def caught() -> BaseException:
    """Return what `fails` raises."""
    try:
        fails("hunter2")
    except LookupError as error:
        return error
    raise AssertionError


def test_kind_and_place_are_written_and_the_text_is_not() -> None:
    """Both errors of a chain are named with their place; the value that they quote is not there."""
    text = trace_of(caught())
    assert "hunter2" not in text.replace('fails("hunter2")', "")
    assert text.count("test_trace.py") >= 2
    assert "LookupError\nbecause of\n" in text
    assert text.endswith("ValueError")


def test_a_ring_of_causes_ends() -> None:
    """Errors that are each other's cause are written once."""
    one, other = ValueError(), LookupError()
    one.__cause__, other.__cause__ = other, one
    assert trace_of(one) == "ValueError\nbecause of\nLookupError"
