"""Names that callers chose, as they may stand in a log: bounded, printable, and without anything that a name never holds.

Stands before whatever writes down an operation or a method. A value can come in a name's place; what is longer than any name is cut.
"""

from __future__ import annotations

import re
from typing import Final

_LONGEST: Final = 128  # as `Call.operation` of any contract that was ever seen, three times over
_LONGEST_METHOD: Final = 16  # the longest registered one (UPDATEREDIRECTREF) has 17 and is nobody's here
# XML names, XML-RPC's dots and slashes, and what namespaces put before them.
_ODD: Final = re.compile(r"[^\w.:/?-]")


def operation(name: str) -> str:
    """Return an operation's name, or what came in its place."""
    return _ODD.sub("?", name[:_LONGEST])


def method(name: str) -> str:
    """Return a request's method, or the beginning of what came in its place."""
    return _ODD.sub("?", name[:_LONGEST_METHOD])
