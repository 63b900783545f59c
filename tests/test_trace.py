"""An error is written down without what it says."""

from __future__ import annotations

import gc
import weakref

from sidecar.trace import trace_of, untraced


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


class Stream:
    """Keeps the error that ended it, as streams do."""

    def __init__(self) -> None:
        self.error = LookupError("closed")

    def read(self) -> None:
        raise self.error


def test_an_untraced_error_keeps_nothing_of_where_it_was() -> None:
    """What it happened to is free without the collector, although it keeps the error."""
    gc.collect()
    gc.disable()
    try:
        stream = Stream()
        left = weakref.ref(stream)
        try:
            stream.read()
        except LookupError as error:
            untraced(error)
        del stream
        assert left() is None
    finally:
        gc.enable()


def test_causes_are_untraced_with_their_error() -> None:
    """A chain keeps as much as its innermost link."""
    error = caught()
    untraced(error)
    assert error.__traceback__ is None
    assert error.__cause__ is not None
    assert error.__cause__.__traceback__ is None
