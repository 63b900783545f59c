"""An error as it may be written down: what kind it was and where it came from, never its own text, which may quote what a caller sent."""

from __future__ import annotations

import traceback


def trace_of(error: BaseException) -> str:
    """Return kinds and places, innermost cause last."""
    parts = []
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        parts.append("".join(traceback.format_tb(cause.__traceback__)) + type(cause).__qualname__)
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return "\nbecause of\n".join(parts)
