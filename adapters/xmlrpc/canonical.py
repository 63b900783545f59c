"""An XML-RPC value as a stream of tokens that is the same however its sender spelled it, and XML made of such a stream.

Under the question. What is sent is made of the tokens alone, so whatever has one digest is asked in the same bytes. It answers with
tokens or markup, or raises `Unshareable` with the word for what tokens cannot say.

The tokens: `v` + type, text: a scalar; `s` … `/`: a struct, its members as `m` + name and the value's tokens, sorted by name; `y` … `/`:
an array. No two values give one stream: the first letter says what follows, and all that begins ends. One value, one stream: `i4` is
`int` (they are one type), a value without a type is a string, base64 has no white space; all else stays as it was written, and
so do types of a namespace (`ex:nil`), which not every server takes for the plain ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lxml import etree

from adapters.keying import Unshareable
from adapters.xmlrpc import codec

if TYPE_CHECKING:
    from collections.abc import Iterator

_ITEMS: Final = 65_536  # a document that is keyed has 64 KiB, so no array holds more
_SAME: Final = {"i4": "int"}
_NIL: Final = "nil"
_TYPES: Final = frozenset(("array", "struct"))
EMPTY: Final = ("vstring", "")
# What no XML-RPC has and some server may read: attributes, and text beside elements.
_ODD: Final = etree.XPath("boolean(//@* | //*[*]/text()[normalize-space()])")


def is_odd(root: etree._Element) -> bool:
    """Say whether a document holds more than XML-RPC has a meaning for."""
    return bool(_ODD(root))


def tokens_of(value: etree._Element, *, any_order: bool = False) -> list[str]:
    """Return the tokens of a `<value>`; `any_order`: where it is an array, of its sorted items. Raises `Unshareable`."""
    kind = str(value[0].tag) if len(value) == 1 else ""
    if kind == "struct":
        return _struct(value)
    if kind == "array":
        return _array(value, any_order=any_order)
    if (text := codec.scalar(value)) is not None:
        return scalar(kind or "string", text)
    if kind.rpartition("}")[2] == _NIL and not len(value[0]) and not (value[0].text or "").strip():
        return scalar(kind, "")
    raise Unshareable("type")


def scalar(kind: str, text: str) -> list[str]:
    """Return the tokens of a scalar."""
    kind = _SAME.get(kind, kind)
    return ["v" + kind, "".join(text.split()) if kind == "base64" else text]


def text_of(tokens: list[str]) -> str | None:
    """Return a scalar's text, None for a struct or an array."""
    return tokens[1] if tokens[0].startswith("v") else None


def markup(tokens: list[str]) -> str:
    """Write the tokens of values as XML, in ASCII: a document without a charset means the same to every server."""
    return "".join(_written(iter(tokens))).encode("ascii", "xmlcharrefreplace").decode()


def escape(text: str) -> str:
    """Write text that a parser reads as it was."""
    return text.translate(_ESCAPES)


_ESCAPES: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"})


def _struct(value: etree._Element) -> list[str]:
    members = codec.members(value)
    if members is None or len({name for name, _ in members}) < len(members):
        raise Unshareable("struct")
    found = ["s"]
    for name, inside in sorted(members, key=lambda each: each[0]):
        found += ("m" + name, *tokens_of(inside))
    return [*found, "/"]


def _array(value: etree._Element, *, any_order: bool) -> list[str]:
    items = codec.items(value, _ITEMS)
    if items is None:
        raise Unshareable("type")
    inside = [tokens_of(each) for each in items]
    if any_order:
        inside.sort()
    return ["y", *(token for each in inside for token in each), "/"]


def _written(tokens: Iterator[str]) -> Iterator[str]:
    ends: list[tuple[str, bool]] = []  # what closes, and whether a struct's member closes after each value
    for token in tokens:
        kind, said = token[0], token[1:]
        if kind == "m":
            yield f"<member><name>{escape(said)}</name>"
            continue
        if kind == "v":
            yield f"<value>{_scalar(said, next(tokens))}</value>"
        elif kind == "/":
            yield ends.pop()[0]
        else:
            is_struct = kind == "s"
            yield "<value><struct>" if is_struct else "<value><array><data>"
            ends.append(("</struct></value>" if is_struct else "</data></array></value>", is_struct))
            continue
        if ends and ends[-1][1]:
            yield "</member>"


def _scalar(kind: str, text: str) -> str:
    space, _, name = kind[1:].rpartition("}") if kind.startswith("{") else ("", "", kind)
    if not space:
        return f"<{name}>{escape(text)}</{name}>" if name != _NIL else "<nil/>"
    bound = escape(space).replace('"', "&quot;")
    return f'<x:{name} xmlns:x="{bound}">{escape(text)}</x:{name}>'
