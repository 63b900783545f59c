"""An XML-RPC reply as JSON: its one value, written piece by piece while the tree is walked.

On a JSON call's way back, once the reply has been graded. It answers with JSON, or with why the reply is none of XML-RPC. Where a
value is not what its type says (`<int>1.0</int>`), its text is given as a JSON string: the call has been made, so nothing that it
brought is thrown away. Of two members of one name a struct's first counts, as it does for `results:` rules.
"""

from __future__ import annotations

import re
from math import inf, isfinite
from typing import TYPE_CHECKING, Any, Final, NamedTuple, NoReturn

import orjson

from adapters.xml import local
from adapters.xmlrpc.values import BASE64, DATETIME
from sidecar.signatures import ANY, Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lxml import etree

    from sidecar.pieces import Pieces
    from sidecar.signatures import Type

ELEMENTS: Final = 200_000  # of one reply; each costs 400 bytes at most until its JSON is written
_SAFE: Final = 2**53  # beyond it JavaScript's numbers skip some (Number.MAX_SAFE_INTEGER)
_SHORT: Final = 4_096  # characters of a text that is written at once
_SLICE: Final = 65_536  # characters of a longer one that are written in 0.1 ms
_TURN: Final = 32  # values between two turns, of 2 us, or of 10 where each is as long as it may be
_JOINED: Final = 2_048  # small pieces that become one: 30 bytes of each are Python's own

_WHOLE: Final = re.compile(r"\s*+([+-]?[0-9]++)\s*+")
_DECIMAL: Final = re.compile(r"\s*+[+-]?(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][+-]?[0-9]{1,4})?\s*+")
_DIGITS: Final = 400  # characters of a number: the smallest double has 340, Python's own bound is 4300
_COMPACT: Final = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})(T.*)", re.DOTALL)


class Unreadable(Exception):  # noqa: N818 - named for what happened, as every refusal of ours is
    """A reply that is no value of XML-RPC: `reason` of backend_bad_reply, `detail` for people."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason: Final = reason
        self.detail: Final = detail


def result(root: etree._Element, returns: Type) -> Pieces[list[bytes]]:
    """Return the JSON of what a methodResponse returns, in pieces: null where it returns nothing. Raises `Unreadable`."""
    params = _only(root, "params")
    if params is None or len(params) == 0:
        return [b"null"]
    if len(params) > 1:
        _refuse("it returns more than one value")
    teller = Teller()
    yield from teller.value(_value_of(params[0]), returns)
    return teller.parts


def failure(root: etree._Element) -> Pieces[list[bytes]]:
    """Return the JSON of a fault's value, in pieces. Raises `Unreadable`."""
    fault = _only(root, "fault")
    if fault is None:
        _refuse("it is no fault")
    teller = Teller()
    yield from teller.value(_value_of(fault), ANY)
    return teller.parts


def _only(root: etree._Element, name: str) -> etree._Element | None:
    """Return the one child of a methodResponse; None where it has none."""
    if root.tag != "methodResponse":
        _refuse(f"its root is {str(root.tag)[:60]!r}, not a methodResponse")
    if len(root) == 0:
        return None
    if len(root) > 1 or root[0].tag != name:
        _refuse(f"its methodResponse holds {str(root[0].tag)[:60]!r}, not one {name}")
    return root[0]


def _value_of(param: etree._Element) -> etree._Element:
    if len(param) != 1 or param[0].tag != "value":
        _refuse(f"its {str(param.tag)[:60]!r} holds something else than one value")
    return param[0]


def _refuse(detail: str) -> NoReturn:
    raise Unreadable("root", f"the reply is no XML-RPC: {detail}")


class _Long(NamedTuple):
    """A text that is not written at once; `mark` is the member it stands behind, "" where it stands for itself."""

    text: str
    mark: str = ""
    dense: bool = False  # white space in it means nothing


class Teller:
    """JSON on its way: `parts` joined are what has been written so far."""

    __slots__ = ("_elements", "_joined", "_turn", "parts")

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self._elements = self._joined = 0
        self._turn = _TURN

    def value(self, value: etree._Element, kind: Type) -> Pieces[None]:
        """Write a `<value>`; `kind` is what its signature says, which decides how times and bytes look."""
        rest = self._flat(value, kind)
        if rest is not None:
            yield from self._more(rest, kind)
        self._rest()

    def _flat(self, value: etree._Element, kind: Type) -> etree._Element | _Long | None:
        """Write a short scalar, and return what takes longer: a struct, an array, a long text."""
        children = len(value)
        self._elements += 1 + children
        if children == 0:
            text = value.text or ""
            if len(text) > _SHORT:
                return _Long(text)
            self.parts.append(orjson.dumps(text))
            return None
        if children > 1:
            _refuse("a value holds more than one thing")
        typed = value[0]
        name = typed.tag
        write = _WRITE.get(name)
        if write is None:
            if name in _HOLDERS:
                return typed
            name = local(str(name))
            write = _WRITE.get(name, _as_text)
        if len(typed):
            _refuse(f"there are elements inside a {str(name)[:60]!r}")
        text = typed.text or ""
        if len(text) > _SHORT:
            marked = name == "base64" and kind.kind is not Kind.BASE64
            return _Long(text, BASE64 if marked else "", name == "base64")
        self.parts.append(write(text, kind))
        return None

    def _more(self, rest: etree._Element | _Long, kind: Type) -> Pieces[None]:
        if isinstance(rest, _Long):
            return self._long(rest)
        return self._struct(rest, kind) if rest.tag == "struct" else self._array(rest, kind)

    def _long(self, rest: _Long) -> Pieces[None]:
        self._join()
        self.parts.append(f'{{"{rest.mark}":"'.encode() if rest.mark else b'"')
        for at in range(0, len(rest.text), _SLICE):
            piece = rest.text[at : at + _SLICE]
            self.parts.append(orjson.dumps("".join(piece.split()) if rest.dense else piece)[1:-1])
            yield
        self.parts.append(b'"}' if rest.mark else b'"')
        self._joined = len(self.parts)

    def _array(self, array: etree._Element, kind: Type) -> Pieces[None]:
        inside = kind.items or ANY
        opening = b"["
        for each in _items(array):
            if each.tag != "value":
                _refuse(f"an array holds {str(each.tag)[:60]!r}")
            self.parts.append(opening)
            opening = b","
            rest = self._flat(each, inside)
            if rest is not None:
                yield from self._more(rest, inside)
            if self._is_turn():
                yield
        self._elements += 1
        self.parts.append(b"]" if opening == b"," else b"[]")

    def _struct(self, struct: etree._Element, kind: Type) -> Pieces[None]:
        known = {member.name: member.type for member in kind.members}
        seen: set[str] = set()
        opening = b"{"
        for member in struct:
            name, value = _member(member)
            self._elements += 2
            if name not in seen:
                seen.add(name)
                self.parts.append(opening + orjson.dumps(name) + b":")
                opening = b","
                inside = known.get(name, ANY)
                rest = self._flat(value, inside)
                if rest is not None:
                    yield from self._more(rest, inside)
            if self._is_turn():
                yield
        self.parts.append(b"}" if opening == b"," else b"{}")

    def _is_turn(self) -> bool:
        """Say whether others should have their turn; what is checked then need not be checked each time."""
        self._turn -= 1
        if self._turn:
            return False
        self._turn = _TURN
        self._rest()
        return True

    def _rest(self) -> None:
        if self._elements > ELEMENTS:
            raise Unreadable("too_large", f"the reply has more than {ELEMENTS} elements: ask for less at a time")
        if len(self.parts) - self._joined > _JOINED:
            self._join()

    def _join(self) -> None:
        """Let the small pieces since the last time become one."""
        self.parts[self._joined :] = [b"".join(self.parts[self._joined :])]
        self._joined = len(self.parts)


def _items(array: etree._Element) -> etree._Element | tuple[etree._Element, ...]:
    if len(array) == 0:
        return ()
    if len(array) > 1 or array[0].tag != "data":
        _refuse("an array holds something else than data")
    return array[0]


def _member(member: etree._Element) -> tuple[str, etree._Element]:
    """Return the name and the value of a struct's member, whichever comes first."""
    if len(member) == _PAIR and member.tag == "member":
        name, value = member
        if name.tag == "value":
            name, value = value, name
        if name.tag == "name" and value.tag == "value" and not len(name):
            return name.text or "", value
    _refuse("a struct's member is not one name and one value")


def _as_text(text: str, kind: Type) -> bytes:
    """Write a string, and whatever has a type that nobody knows; white space is part of it."""
    del kind
    return orjson.dumps(text)


def _integer(text: str, kind: Type) -> bytes:
    """Write a whole number: a JSON number where every reader gets the same, else a string."""
    del kind
    found = _WHOLE.fullmatch(text) if len(text) <= _DIGITS else None
    if found is None:
        return orjson.dumps(text)
    value = int(found[1])
    return str(value).encode() if abs(value) <= _SAFE else f'"{value}"'.encode()


def _double(text: str, kind: Type) -> bytes:
    del kind
    found = _DECIMAL.fullmatch(text) if len(text) <= _DIGITS else None
    value = float(text) if found is not None else inf
    return orjson.dumps(value if isfinite(value) else text.strip())


def _decimal(text: str, kind: Type) -> bytes:
    """Write decimals in their lexical form: a double would round them."""
    del kind
    return orjson.dumps(text.strip())


def _boolean(text: str, kind: Type) -> bytes:
    del kind
    return _BOOLEANS.get(text.strip().lower()) or orjson.dumps(text)


def _nil(text: str, kind: Type) -> bytes:
    del text, kind
    return b"null"


def _datetime(text: str, kind: Type) -> bytes:
    """Write a time as it was said; only where the signature says that it is one, with dashes in its date, and without a mark."""
    said = text.strip()
    if kind.kind is not Kind.DATETIME:
        return orjson.dumps({DATETIME: said})
    found = _COMPACT.fullmatch(said)
    return orjson.dumps("-".join(found.group(1, 2, 3)) + found[4] if found else said)


def _base64(text: str, kind: Type) -> bytes:
    dense = "".join(text.split())
    return orjson.dumps(dense if kind.kind is Kind.BASE64 else {BASE64: dense})


_PAIR: Final = 2
_HOLDERS: Final = frozenset(("struct", "array"))
_BOOLEANS: Final = {"1": b"true", "true": b"true", "0": b"false", "false": b"false"}
_INTEGERS: Final = ("i1", "i2", "i4", "i8", "int", "biginteger")
# The specification's, and what Apache (ex:), Python, PHP and xmlrpc-c add.
_WRITE: Final[Mapping[Any, Callable[[str, Type], bytes]]] = {
    **dict.fromkeys(_INTEGERS, _integer),
    "double": _double,
    "float": _double,
    "bigdecimal": _decimal,
    "boolean": _boolean,
    "string": _as_text,
    "nil": _nil,
    "dateTime.iso8601": _datetime,
    "dateTime": _datetime,
    "base64": _base64,
}
