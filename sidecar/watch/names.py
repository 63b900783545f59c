"""Names that callers chose, as they may stand in a log: bounded, printable, and without anything that a name never holds.

Stands before whatever writes down an operation or a method. A value can come in a name's place; what is no name is cut, or left out.
"""

from __future__ import annotations

import re
from typing import Final

_LONGEST: Final = 128  # as `Call.operation` of any contract that was ever seen, three times over
# XML names, XML-RPC's dots and slashes, and what namespaces put before them.
_ODD: Final = re.compile(r"[^\w.:/?-]")
# RFC 9110 section 9.3 and PATCH. What stands first in a broken request line may be anything, a card number too.
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"})
_OTHER: Final = "other"


def operation(name: str) -> str:
    """Return an operation's name, or what came in its place."""
    return _ODD.sub("?", name[:_LONGEST])


def method(name: str) -> str:
    """Return a request's method, if it is one."""
    return name if name in _METHODS else _OTHER
