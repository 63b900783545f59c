"""W3C Trace Context (recommendation of 2021, section 3.2): whether a traceparent can be believed, and what it says.

Asked by whoever logs a request and by the tracer. It answers with the value's parts, or None; it never repairs one, and it changes no
header.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

# Version, trace, parent, flags. A later version may have more behind a dash; what is known of it stays where it is (section 4.3).
_WELL_FORMED: Final = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.DOTALL)
_NO_TRACE: Final = "0" * 32
_NO_PARENT: Final = "0" * 16
_SHOWN_CHARS: Final = 55  # the four parts; what a later version puts behind them is not ours to repeat


class TraceParent(NamedTuple):
    """A well-formed value. `text` is its first four parts, as it came."""

    text: str
    trace_id: str
    parent_id: str
    sampled: bool


def read(value: str) -> TraceParent | None:
    """Return the parts of one traceparent header, None where it is not well-formed."""
    found = _WELL_FORMED.fullmatch(value)
    if found is None:
        return None
    version, trace_id, parent_id, flags, more = found.groups()
    if version == "ff" or (version == "00" and more) or trace_id == _NO_TRACE or parent_id == _NO_PARENT:
        return None
    return TraceParent(value[:_SHOWN_CHARS], trace_id, parent_id, bool(int(flags, 16) & 1))
