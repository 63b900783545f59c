"""An error as it may be written down: what kind it was and where it came from, never its own text, which may quote what a caller sent.

And an error that stays somewhere after it was handled: without where it came from, which would keep everything that was there.
"""

from __future__ import annotations

import traceback


def trace_of(error: BaseException) -> str:
    """Return kinds and places, innermost cause last."""
    return "\nbecause of\n".join(
        "".join(traceback.format_tb(cause.__traceback__)) + type(cause).__qualname__ for cause in _chain(error)
    )


def untraced(error: BaseException) -> None:
    """Forget where an error and its causes came from, once it has been handled and is kept by what it happened to.

    A stream keeps the error that ended it; with its trace the error keeps every frame that it went through, and one of these the
    stream: a ring that only the collector finds, and it comes round too seldom to be waited for.
    """
    for cause in _chain(error):
        cause.__traceback__ = None


def _chain(error: BaseException) -> list[BaseException]:
    """Return an error and its causes, innermost last."""
    found: dict[int, BaseException] = {}
    cause: BaseException | None = error
    while cause is not None and id(cause) not in found:
        found[id(cause)] = cause
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return list(found.values())
