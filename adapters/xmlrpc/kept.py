"""Which answers of an XML-RPC backend may be kept, and a reply that an operator wrote in JSON.

Asked once per flight, and while settings are read. It answers with one word or None, from the first 64 KiB of a reply and without a
parse; or with a whole reply, or ValueError with what is wrong.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from math import isfinite
from typing import TYPE_CHECKING, Any, Final

from adapters import peek
from adapters.xml import escape
from sidecar.model import Dialect

if TYPE_CHECKING:
    from sidecar.model import Answer, RawHeaders

_ANSWERS: Final = frozenset(("ok", "partial"))
_PARAMS: Final = re.compile(rb"(?s:\s++|<!--.*?-->|<\?.*?\?>)*+<params\s*+>")
_FAULT: Final = re.compile(rb"(?s:\s++|<!--.*?-->|<\?.*?\?>)*+<fault\s*+>")
_INT: Final = range(
    -(2**31), 2**31
)  # the specification's; `i8` is an extension, so it is written only where it must be
_I8: Final = range(-(2**63), 2**63)
_DEPTH: Final = 20  # structs and arrays inside one another: three elements each, and 64 is what we read
_ILLEGAL: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0 section 2.2, Char
_HEADERS: Final[RawHeaders] = ((b"Content-Type", b"text/xml"),)


def veto(answer: Answer) -> str | None:
    """Return fault or root; None where the answer may be kept."""
    seen = peek.look(answer.headers, answer.body)
    root = peek.root_of(seen.head)
    is_fault = answer.grade.state not in _ANSWERS
    if root is not None and root.name == b"methodResponse":
        if is_fault or _FAULT.match(seen.head, root.end):
            return "fault"
        return None if _PARAMS.match(seen.head, root.end) else "root"
    return "fault" if is_fault else "root"


def stand_in(payload: bytes) -> tuple[Dialect, RawHeaders, bytes]:
    """Make a reply that returns a JSON value. Raises ValueError."""
    try:
        value = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"it is no JSON: {error}") from None
    text = f'<?xml version="1.0"?><methodResponse><params><param>{_value(value, 0)}</param></params></methodResponse>'
    return Dialect.XMLRPC, _HEADERS, text.encode("ascii", "xmlcharrefreplace")


def _value(value: Any, depth: int) -> str:
    if depth > _DEPTH:
        raise ValueError(f"more than {_DEPTH} objects and lists inside one another")
    return f"<value>{_typed(value, depth)}</value>"


def _typed(value: Any, depth: int) -> str:
    match value:
        case None:
            return "<nil/>"
        case bool():
            return f"<boolean>{int(value)}</boolean>"
        case int():
            return _integer(value)
        case float():
            return f"<double>{_double(value)}</double>"
        case str():
            return f"<string>{_text(value)}</string>"
        case list():
            return f"<array><data>{''.join(_value(each, depth + 1) for each in value)}</data></array>"
        case _:
            return f"<struct>{''.join(_member(name, each, depth) for name, each in value.items())}</struct>"


def _member(name: str, value: Any, depth: int) -> str:
    return f"<member><name>{_text(name)}</name>{_value(value, depth + 1)}</member>"


def _integer(value: int) -> str:
    if value not in _I8:
        raise ValueError(f"{value} has more than 64 bits; write it as a text")
    kind = "int" if value in _INT else "i8"
    return f"<{kind}>{value}</{kind}>"


def _double(value: float) -> str:
    """XML-RPC has decimals alone: no exponent, no infinity."""
    if not isfinite(value):
        raise ValueError("XML-RPC has no infinity and no NaN")
    return f"{Decimal(repr(value)):f}"


def _text(text: str) -> str:
    if found := _ILLEGAL.search(text):
        raise ValueError(f"the character {found[0]!r} cannot stand in XML")
    return escape(text)
