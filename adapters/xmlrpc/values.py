"""JSON values as XML-RPC writes them, checked while they are written: against a signature's types, and against what XML can carry.

On the road of a JSON call, once its parameters are in order. It answers with the bytes of a methodCall, and with every error, each
at its place in the JSON; it touches no backend and holds the loop for no longer than one value, or one slice of a long text, takes.
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import date
from decimal import Decimal
from math import isfinite
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from adapters.json.pointers import nearest, pointer_to
from adapters.xml import REQUEST_MARKUP
from adapters.xmlrpc.canonical import escape
from sidecar.signatures import ANY, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from adapters.json.pointers import Place
    from sidecar.pieces import Pieces
    from sidecar.signatures import Signatures, Type

Wrong: TypeAlias = "tuple[str, str, str]"
"""An error: the place as a JSON pointer, a word for programs, a sentence for people."""

WRONG_MOST: Final = 50  # errors of one call: whoever has as many mends the first ones first
PARAMS_MOST: Final = 1_000  # as many as are read of any call
BASE64, DATETIME = "$base64", "$dateTime"
"""The one member of an object that stands for a value which JSON has no type for."""

_INT: Final = range(-(2**31), 2**31)  # the specification's
_I8: Final = range(-(2**63), 2**63)
_DEPTH: Final = (
    19  # structs and arrays inside one another: three elements each, below four of the call, and 64 are read
)
_NAME: Final = 255  # characters of a member's name: it stands in pointers, twenty deep and fifty times
_SLICE: Final = 2_048  # characters that are checked, escaped and encoded in 0.2 ms at worst
_MARKUP: Final = REQUEST_MARKUP - 16  # `<` signs of all values; the rest is the call's own
_DOUBLE_BITS: Final = 1_023  # of a whole number that is surely a double: 2 to the power of 1024 is none
_DIGITS: Final = 400  # characters of a decimal number: the smallest double has 340

_ILLEGAL: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0 section 2.2, Char
_BASE64: Final = re.compile(r"[A-Za-z0-9+/]*+")
_DATETIME: Final = re.compile(
    r"([0-9]{4})(-?)(0[1-9]|1[0-2])\2(0[1-9]|[12][0-9]|3[01])"
    r"(T(?:[01][0-9]|2[0-4]):?[0-5][0-9]:?(?:[0-5][0-9]|60)(?:\.[0-9]{1,9})?(?:Z|[+-][0-9]{2}:?[0-9]{2})?)"
)
_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,19}")
_DECIMAL: Final = re.compile(r"[+-]?[0-9]++(?:\.[0-9]++)?")  # the specification has no exponent


class Given(NamedTuple):
    """A parameter: its value, what it should be, and where in the call's JSON it stands."""

    value: Any
    type: Type
    place: Place | None


class _Enough(Exception):  # noqa: N818 - no error of ours: what follows would change nothing
    """The call is refused already, and nobody reads a longer list."""


def call(method: str, params: list[Given], speech: Signatures) -> Pieces[tuple[list[bytes], list[Wrong]]]:
    """Write a methodCall in pieces, which mean something where there is no error. ASCII: it means the same whatever the charset."""
    writer = _Writer(speech)
    with suppress(_Enough):
        yield from writer.params(params)
    named = escape(method).encode("ascii", "xmlcharrefreplace")
    start = b'<?xml version="1.0"?><methodCall><methodName>' + named + b"</methodName><params>"
    return [start, *writer.parts, b"</params></methodCall>"], writer.wrong


def reply(value: Any, returns: Type, speech: Signatures) -> Pieces[tuple[list[bytes], list[Wrong]]]:
    """Write a methodResponse that returns `value`, as `call` does."""
    writer = _Writer(speech)
    with suppress(_Enough):
        yield from writer.params([Given(value, returns, None)])
    start = b'<?xml version="1.0"?><methodResponse><params>'
    return [start, *writer.parts, b"</params></methodResponse>"], writer.wrong


class _Writer:
    """A call on its way; `_left` is how much markup it may still have."""

    __slots__ = ("_left", "_speech", "parts", "wrong")

    def __init__(self, speech: Signatures) -> None:
        self._speech = speech
        self._left = _MARKUP
        self.parts: list[bytes] = []
        self.wrong: list[Wrong] = []

    def params(self, params: list[Given]) -> Pieces[None]:
        for given in params:
            self._write(b"<param>")
            yield from self._value(given.value, given.type, given.place, 0)
            self._write(b"</param>")

    def _value(self, value: Any, kind: Type, place: Place | None, depth: int) -> Pieces[None]:
        """Write any value."""
        yield
        self._write(b"<value>")
        if value is None or kind.kind is Kind.NIL:
            self._nil(value, place)
        elif kind.kind is Kind.ANY:
            yield from self._as_it_is(value, place, depth)
        else:
            yield from self._as_said(value, kind, place, depth)
        self._write(b"</value>")

    def _nil(self, value: Any, place: Place | None) -> None:
        if value is not None:
            self._refuse(place, "type", f"must be null, it is {_called(value)}")
        elif not self._speech.allow_nil:
            self._refuse(place, "null", "must not be null: XML-RPC has none; leave it out, or set allow_nil")
        self._write(b"<nil/>")

    def _as_it_is(self, value: Any, place: Place | None, depth: int) -> Pieces[None]:
        """Write a value whose type is that of its JSON."""
        match value:
            case bool():
                self._scalar("boolean", str(int(value)))
            case int():
                self._integer(value, place, wide=self._speech.allow_i8)
            case float():
                self._double(value, place)
            case str():
                yield from self._string(value, place)
            case list():
                yield from self._array(value, ANY, place, depth)
            case {"$base64": text} if len(value) == 1:
                yield from self._base64(text, (place, BASE64))
            case {"$dateTime": text} if len(value) == 1:
                self._datetime(text, (place, DATETIME))
            case _:
                yield from self._struct(value, place, depth)

    def _as_said(self, value: Any, kind: Type, place: Place | None, depth: int) -> Pieces[None]:
        """Write a value of a type that its signature says."""
        is_bool = isinstance(value, bool)
        fits = is_bool if kind.kind is Kind.BOOLEAN else isinstance(value, _TAKEN[kind.kind]) and not is_bool
        if _is_marked(value, kind.kind):
            yield from self._as_it_is(value, place, depth)
        elif not fits:
            self._refuse(place, "type", f"must be {_WORDS[kind.kind]}, it is {_called(value)}")
        elif kind.kind is Kind.STRUCT:
            yield from self._members(value, kind, place, depth) if kind.members else self._struct(value, place, depth)
        elif kind.kind is Kind.ARRAY:
            yield from self._array(value, kind.items or ANY, place, depth)
        elif kind.kind is Kind.STRING:
            yield from self._string(value, place)
        elif kind.kind is Kind.BASE64:
            yield from self._base64(value, place)
        elif kind.kind is Kind.DATETIME:
            self._datetime(value, place, compact=True)
        elif kind.kind is Kind.BOOLEAN:
            self._scalar("boolean", str(int(value)))
        elif kind.kind is Kind.DOUBLE:
            self._double(value, place)
        elif kind.kind is Kind.I8:
            self._i8(value, place)
        else:
            self._integer(value, place, wide=False)

    def _array(self, value: list[Any], items: Type, place: Place | None, depth: int) -> Pieces[None]:
        self._descend(place, depth)
        self._write(b"<array><data>")
        for index, each in enumerate(value):
            yield from self._value(each, items, (place, index), depth + 1)
        self._write(b"</data></array>")

    def _struct(self, value: Mapping[str, Any], place: Place | None, depth: int) -> Pieces[None]:
        self._descend(place, depth)
        self._write(b"<struct>")
        for name, each in value.items():
            yield from self._member(name, each, ANY, place, depth)
        self._write(b"</struct>")

    def _members(self, value: Mapping[str, Any], kind: Type, place: Place | None, depth: int) -> Pieces[None]:
        """Write a struct whose members a signature names, in the order in which they came."""
        self._descend(place, depth)
        self._write(b"<struct>")
        known = {member.name: member for member in kind.members}
        for name, each in value.items():
            if name in known:
                yield from self._member(name, each, known[name].type, place, depth)
            else:
                self._refuse((place, name), "unknown", f"no member of that name{nearest(name, known)}")
                yield
        for name, member in known.items():
            if name not in value and not member.optional:
                self._refuse((place, name), "missing", "is missing")
        self._write(b"</struct>")

    def _member(self, name: str, value: Any, kind: Type, place: Place | None, depth: int) -> Pieces[None]:
        if len(name) > _NAME:
            self._refuse(place, "name", f"a member's name has more than {_NAME} characters: {name[:40]!r}…")
            return
        inside = (place, name)
        self._write(b"<member><name>", self._text(name, inside), b"</name>")
        yield from self._value(value, kind, inside, depth + 1)
        self._write(b"</member>")

    def _string(self, text: str, place: Place | None) -> Pieces[None]:
        self._write(b"<string>")
        for piece in _slices(text):
            self._write(self._text(piece, place))
            yield
        self._write(b"</string>")

    def _base64(self, text: Any, place: Place | None) -> Pieces[None]:
        plain = text.removesuffix("=").removesuffix("=") if isinstance(text, str) else ""
        fine = isinstance(text, str) and len(text) % 4 == 0
        for piece in _slices(plain):
            fine = fine and _BASE64.fullmatch(piece) is not None
            yield
        if not fine:
            self._refuse(place, "format", "must be base64 (RFC 4648 section 4): A-Z a-z 0-9 + /, filled up with =")
        else:
            self._scalar("base64", text)

    def _datetime(self, text: Any, place: Place | None, *, compact: bool = False) -> None:
        """Write a time as it was said; `compact`: its date without dashes, as the specification has it."""
        found = _DATETIME.fullmatch(text) if isinstance(text, str) else None
        if found is None or not _is_day(found[1], found[3], found[4]):
            self._refuse(place, "format", "must be a date with a time, as in 2026-12-01T09:00:00 or 20261201T09:00:00")
        else:
            self._scalar("dateTime.iso8601", "".join(found.group(1, 3, 4, 5)) if compact else found[0])

    def _i8(self, value: float | str, place: Place | None) -> None:
        if isinstance(value, str):
            if not _WHOLE.fullmatch(value):
                self._refuse(place, "format", "must be a whole number, as in 9007199254740993")
                return
            value = int(value)
        self._integer(value, place, wide=True, always=True)

    def _integer(self, value: float, place: Place | None, *, wide: bool, always: bool = False) -> None:
        """Write a whole number; `wide`: i8 where it must be, `always`: whatever it is."""
        if value != value // 1:
            self._refuse(place, "type", "must be a whole number")
            return
        whole = int(value)
        if whole in _INT and not always:
            self._scalar("int", str(whole))
        elif wide and whole in _I8:
            self._scalar("i8", str(whole))
        else:
            hint = "" if wide else "; send it as a string, or let the signature say i8 where the backend reads it"
            self._refuse(place, "range", f"has more than {64 if wide else 32} bits{hint}")

    def _double(self, value: float | str, place: Place | None) -> None:
        """Write decimals: XML-RPC has no exponent, no infinity. A text is kept as it is, so that 12.50 stays that."""
        if isinstance(value, str):
            if len(value) > _DIGITS or not _DECIMAL.fullmatch(value):
                self._refuse(place, "format", "must be a decimal number without an exponent, as in 12.50")
            else:
                self._scalar("double", value)
        elif isinstance(value, int):
            if value.bit_length() > _DOUBLE_BITS:
                self._refuse(place, "range", "is larger than a double can be")
            else:
                self._scalar("double", f"{value}.0")
        elif isfinite(value):
            self._scalar("double", f"{Decimal(repr(value)):f}")
        else:
            self._refuse(place, "range", "must be finite: XML-RPC has no infinity and no NaN")

    def _scalar(self, kind: str, text: str) -> None:
        """Write a value whose text is ASCII without markup."""
        self._write(f"<{kind}>{text}</{kind}>".encode("ascii"))

    def _text(self, text: str, place: Place | None) -> bytes:
        if found := _ILLEGAL.search(text):
            what = f"the character U+{ord(found[0]):04X} cannot stand in XML; leave it out, or send base64"
            self._refuse(place, "characters", what)
            return b""
        return escape(text).encode("ascii", "xmlcharrefreplace")

    def _descend(self, place: Place | None, depth: int) -> None:
        if depth > _DEPTH:
            self._refuse(place, "depth", f"more than {_DEPTH} objects and arrays around it; send it flatter")
            raise _Enough

    def _write(self, *pieces: bytes) -> None:
        for piece in pieces:
            self._left -= piece.count(b"<")
            self.parts.append(piece)
        if self._left < 0:
            self.wrong.append(("", "count", f"more than {_MARKUP // 4} values, or fewer with names; send it in parts"))
            raise _Enough

    def _refuse(self, place: Place | None, code: str, text: str) -> None:
        self.wrong.append((pointer_to(place), code, text))
        if len(self.wrong) >= WRONG_MOST:
            raise _Enough


_TAKEN: Final[Mapping[Kind, type | tuple[type, ...]]] = {
    Kind.INT: (int, float),  # 5.0 is 5: the schema's own idea of an integer
    Kind.I8: (int, float, str),
    Kind.DOUBLE: (int, float, str),
    Kind.STRING: str,
    Kind.DATETIME: str,
    Kind.BASE64: str,
    Kind.STRUCT: dict,
    Kind.ARRAY: list,
}
_WORDS: Final[Mapping[Kind, str]] = {
    Kind.INT: "a whole number",
    Kind.I8: "a whole number, or a string of one",
    Kind.DOUBLE: "a number, or a string of decimals",
    Kind.STRING: "a string",
    Kind.BOOLEAN: "true or false",
    Kind.DATETIME: "a string with a date and a time",
    Kind.BASE64: "a string of base64",
    Kind.STRUCT: "an object",
    Kind.ARRAY: "an array",
}
_MARKS: Final[Mapping[Kind, str]] = {Kind.BASE64: BASE64, Kind.DATETIME: DATETIME}


def _is_marked(value: Any, kind: Kind) -> bool:
    """Say whether a value is written with the mark of its type, which a signature makes needless and not wrong."""
    return kind in _MARKS and isinstance(value, dict) and value.keys() == {_MARKS[kind]}


def _called(value: Any) -> str:
    """Name what a value is that is not null, in JSON's words."""
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case _:
            return "an array" if isinstance(value, list) else "an object"


def _slices(text: str) -> Iterator[str]:
    for at in range(0, len(text), _SLICE):
        yield text[at : at + _SLICE]


def _is_day(year: str, month: str, day: str) -> bool:
    try:
        date(int(year), int(month), int(day))
    except ValueError:
        return False
    return True
