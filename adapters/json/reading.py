"""The JSON of a call, read strictly: what two readers could take for two things is refused, with its place and the remedy.

First on the road of a JSON call, before anybody knows what the call should hold. It answers with the value, or raises `JsonRefused`.
It never holds the loop: what is small is read at once, all else value by value, with yields between.
"""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import suppress
from itertools import accumulate
from math import isinf
from typing import Any, Final, NoReturn

from adapters.json.pointers import pointer

DEPTH: Final = 64  # objects and arrays inside one another; deep replies of real schemas have 12, PHP's own bound is 512
VALUES: Final = 100_000  # what a megabyte of records holds ten times over; each becomes an element of 400 bytes
_DIGITS: Final = 4300  # Python's own bound of an integer (sys.int_info): reading one takes the square of its length
_SMALL: Final = 16_384  # bytes that the standard library reads in 0.6 ms at worst ("{},{},…")
_SLICE: Final = 600  # steps between two yields: 0.4 ms
_STEP_BITS: Final = 6  # 64 characters of one value count as another step: digits take 15 ns each, letters 2
_PROTO: Final = "__proto__"  # sets an object's prototype in JavaScript programs that copy members (CWE-1321)
_BOM: Final = b"\xef\xbb\xbf"  # a reader may ignore it (RFC 8259 section 8.1), and PowerShell writes it

_NAME_MOST: Final = 16_384  # characters of a member's name as it is written: looking for its end takes 0.3 ms
_EASY: Final = 16_384  # escapes in a string that is read at once: 0.2 ms

_WINDOW: Final = (
    4096  # characters of an object or array that is read at once: 0.1 ms; a record of real lists has some hundred
)

_BLANK: Final = re.compile(r"[ \t\n\r]*+")
_STRING: Final = re.compile(r'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_BRACKET: Final = re.compile(r"[\[\]{}]")
_STEP: Final = {"[": 1, "{": 1, "]": -1, "}": -1}
_HALF: Final = re.compile(r"\\u[dD][89a-fA-F]")  # an escape that is half a pair, unless its other half is beside it
_NAME: Final = re.compile(rf'"(?:[^"\\]|\\.){{0,{_NAME_MOST}}}+"')
# A part of a string that ends at no escape, and at no half of a pair: reading one takes 0.6 ms.
_PIECE: Final = re.compile(
    r"""(?:[^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[0-9a-fA-F]{4}|\\u[0-9a-fA-F]{4}){1,8192}+"""
)
_CLOSER: Final = {"[": "]", "{": "}"}


class JsonRefused(Exception):  # noqa: N818 - a refusal, as the whole project says
    """A body that is not read. `state` and `reason` are of the table of states, `pointer` the place, `code` a word for programs."""

    def __init__(self, state: str, code: str, text: str, *, reason: str | None = None, at: str = "") -> None:
        """Write it for people: `text` says what is wrong and what to do."""
        super().__init__(text)
        self.state, self.reason, self.pointer, self.code, self.text = state, reason, at, code, text


async def read(body: bytes) -> Any:
    """Return the value of a JSON text of UTF-8: dict, list, str, int, float, bool or None; 5.0 is a float, 5 an int.

    Raises `JsonRefused`: malformed for what is no JSON or too deep or too much, invalid_params for what is JSON and has two meanings.
    """
    text = _decoded(body)
    if len(body) <= _SMALL:
        with suppress(ValueError):  # whatever is wrong is met again below, where its place is known
            return _at_once(text)
    await asyncio.sleep(0)
    walk = _Walk(text)
    await asyncio.sleep(0)
    return await walk.read()


def _decoded(body: bytes) -> str:
    try:
        text = body.removeprefix(_BOM).decode()
    except UnicodeDecodeError as error:
        what = f"the body is not UTF-8 (byte {error.start} is 0x{body[error.start]:02x}): send JSON in UTF-8"
        raise JsonRefused("malformed", "charset", what, reason="charset") from None
    if not text or text.isspace():
        raise JsonRefused(
            "malformed", "empty", "the body is empty: send a JSON object, {} where there is nothing to say"
        )
    return text


def _at_once(text: str) -> Any:
    """Read what is small and right; anything else raises ValueError, and so does what needs a closer look."""
    if text.count("[") + text.count("{") > DEPTH and _depth(text) > DEPTH:
        raise ValueError
    if _HALF.search(text):
        raise ValueError
    return _DECODER.decode(text)


def _depth(text: str) -> int:
    """Return how deep a text goes up to its first mistake, at least."""
    return max(accumulate(map(_STEP.__getitem__, _BRACKET.findall(_STRING.sub("", text)))))


def _unique(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(members)
    if len(found) < len(members) or _PROTO in found:
        raise ValueError
    return found


class _TooLargeError(ValueError):
    """A number that no double is."""


class _ConstantError(ValueError):
    """NaN, Infinity or -Infinity, which the standard library would take."""


def _finite(text: str) -> float:
    value = float(text)
    if isinf(value):
        raise _TooLargeError
    return value


def _constant(_: str) -> NoReturn:
    raise _ConstantError


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_unique, parse_float=_finite, parse_constant=_constant)


class _Walk:
    """A text that is read value by value; `holders` are the open objects and arrays, `names` the open member of each object.

    What is small is read at once here, too, from `window` on: no more than once in so many characters in vain. It is not where values
    have to be counted or searched for halves of pairs.
    """

    __slots__ = ("at", "halves", "holders", "names", "text", "values", "window")

    def __init__(self, text: str) -> None:
        self.text, self.at, self.values = text, 0, 0
        self.holders: list[dict[str, Any] | list[Any]] = []
        self.names: list[str] = []
        self.halves = _HALF.search(text) is not None
        may_be_many = text.count(",") + text.count("[") + text.count("{") >= VALUES
        self.window = len(text) if self.halves or may_be_many else 0

    async def read(self) -> Any:
        """Return the value. Raises `JsonRefused`."""
        left = _SLICE
        while True:
            begun = self._blank(self.at)
            self.values += 1
            if self.values > VALUES:
                self._refuse(f"the body has more than {VALUES} values: send it in parts", "count", reason="elements")
            value = await self._long() if self._is_long() else self._value()
            if value is not _OPENED:
                value = self._close(value)
                if not self.holders:
                    return self._whole(value)
            left -= 1 + (self.at - begun >> _STEP_BITS)
            if left < 0:
                left = _SLICE
                await asyncio.sleep(0)

    def _is_long(self) -> bool:
        """Say whether here is a string that is not read at once: one of many escapes, or where it ends takes a closer look."""
        if not self.text.startswith('"', self.at):
            return False
        end = self.text.find('"', self.at + 1)
        return end > 0 and (self.text[end - 1] == "\\" or self.text.count("\\", self.at, end) > _EASY)

    async def _long(self) -> str:
        begun, parts, slept = self.at, [], self.at
        self.at += 1
        while piece := _PIECE.match(self.text, self.at):
            parts.append(_DECODER.decode(f'"{piece[0]}"'))
            self._whole_characters(parts[-1])
            self.at = piece.end()
            if self.at - slept > _EASY:
                slept = self.at
                await asyncio.sleep(0)
        if not self.text.startswith('"', self.at):
            self._unended(begun)
        self.at += 1
        return "".join(parts)

    def _unended(self, begun: int) -> NoReturn:
        """Say what is wrong with a string of which nothing more can be read."""
        char = self.text[self.at : self.at + 1]
        self.at = self.at if char else begun
        self._syntax(_UNENDED.get(char, _CONTROL))

    def _value(self) -> Any:
        """Read a scalar or an empty object or array; `_OPENED` where one was opened, and its first value is next."""
        opener = self.text[self.at : self.at + 1]
        if opener not in ("{", "["):
            return self._scalar()
        if self.at >= self.window and (found := self._at_once()) is not _OPENED:
            return found
        if len(self.holders) == DEPTH:
            what = f"objects and arrays are nested deeper than {DEPTH} levels: send it flatter"
            self._refuse(what, "depth", reason="depth")
        if self._char(self.at + 1) == _CLOSER[opener]:
            self.at += 1
            return {} if opener == "{" else []
        self.holders.append({} if opener == "{" else [])
        if opener == "{":
            self.names.append("")
            self._name(closable=True)
        return _OPENED

    def _at_once(self) -> Any:
        """Read an object or array that is small and right; `_OPENED` where it is to be read value by value."""
        piece = self.text[self.at : self.at + _WINDOW]
        try:
            value, end = _DECODER.raw_decode(piece)
        except (ValueError, RecursionError):  # it goes on behind the piece, or whatever is wrong is met again
            end = 0
        if not end or piece.count("[", 0, end) + piece.count("{", 0, end) > DEPTH - len(self.holders):
            self.window = self.at + _WINDOW
            return _OPENED
        self.at += end
        return value

    def _close(self, value: Any) -> Any:
        """Put a value where it belongs, and close what ends behind it. Returns the last that was closed."""
        while self.holders:
            holder = self.holders[-1]
            if isinstance(holder, dict):
                holder[self.names[-1]] = value
                closer = "}"
            else:
                holder.append(value)
                closer = "]"
            char = self._char(self.at)
            if char == ",":
                self.at += 1
                if closer == "}":
                    self._name()
                return value
            if char != closer:
                self._syntax(f"',' or '{closer}' expected")
            self.at += 1
            value = self.holders.pop()
            if closer == "}":
                self.names.pop()
        return value

    def _name(self, *, closable: bool = False) -> None:
        """Read a member's name and the colon behind it."""
        if self._char(self.at) != '"':
            self._syntax("a name in double quotes expected" + (" or '}'" if closable else ", no comma before '}'"))
        if not self._has_end():
            self._syntax(f"a name that begins here does not end, or has more than {_NAME_MOST} characters")
        self.names[-1] = name = self._scalar()
        holder = self.holders[-1]
        if name in holder:
            what = f"{name[:100]!r} is there twice: name each member once"
            self._refuse(what, "duplicate", state="invalid_params", reason="duplicate")
        if name == _PROTO:
            self._refuse(f"{_PROTO} is not taken as a name: leave it out", "name", state="invalid_params")
        if self._char(self.at) != ":":
            self._syntax("':' expected")
        self.at += 1

    def _has_end(self) -> bool:
        """Say whether a name ends before it is too long."""
        end = self.text.find('"', self.at + 1, self.at + _NAME_MOST)
        return end > 0 and (self.text[end - 1] != "\\" or _NAME.match(self.text, self.at) is not None)

    def _scalar(self) -> Any:
        try:
            value, self.at = _DECODER.raw_decode(self.text, self.at)
        except json.JSONDecodeError as error:
            self.at = error.pos
            self._syntax(_EXPECTED.get(error.msg, "a value expected"))
        except _TooLargeError:
            what = "the number is too large for a double (1.8e308 at most): send it as a string"
            self._refuse(what, "number", state="invalid_params")
        except _ConstantError:
            self._syntax('NaN and Infinity are not of JSON, send them as strings ("NaN", "INF", "-INF")')
        except ValueError:
            what = f"the number has more than {_DIGITS} digits: send a shorter one"
            self._refuse(what, "number", state="invalid_params")
        if type(value) is str:
            self._whole_characters(value)
        return value

    def _whole_characters(self, text: str) -> None:
        if self.halves and _is_torn(text):
            what = (
                r"the string holds half a surrogate pair (\ud800 to \udfff): send both halves, or the character itself"
            )
            self._refuse(what, "characters", state="invalid_params")

    def _whole(self, value: Any) -> Any:
        if self._char(self.at):
            self._syntax("nothing more expected behind the value")
        return value

    def _char(self, at: int) -> str:
        at = self._blank(at)
        return self.text[at : at + 1]

    def _blank(self, at: int) -> int:
        """Go to what stands behind white space."""
        if self.text[at : at + 1] in _SPACES:
            at = _BLANK.match(self.text, at).end()  # type: ignore[union-attr]  # it matches the empty text, too
        self.at = at
        return at

    def _syntax(self, expected: str) -> NoReturn:
        line = self.text.count("\n", 0, self.at) + 1
        column = self.at - self.text.rfind("\n", 0, self.at)
        what = f"the body is not JSON: {expected} (line {line}, column {column})"
        raise JsonRefused("malformed", "json", what, at=pointer(self._steps()[:-1])) from None  # what it stands in

    def _refuse(self, text: str, code: str, *, state: str = "malformed", reason: str | None = None) -> NoReturn:
        raise JsonRefused(state, code, text, reason=reason, at=pointer(self._steps())) from None

    def _steps(self) -> list[str | int]:
        """Return the way to the value, or to the member, that is being read."""
        names = iter(self.names)
        return [next(names) if isinstance(holder, dict) else len(holder) for holder in self.holders]


_OPENED: Final = object()
_SPACES: Final = frozenset(" \t\n\r")
_CONTROL: Final = r"a control character in a string, write it as an escape (\n, \t, …)"
_ESCAPE: Final = r"an escape that is none, write \\ for a backslash"
_UNENDED: Final = {"": "a string that begins here does not end", "\\": _ESCAPE}
_EXPECTED: Final = {  # by what the standard library says
    "Unterminated string starting at": _UNENDED[""],
    "Invalid control character at": _CONTROL,
    "Invalid \\escape": _ESCAPE,
    "Invalid \\escape: ": _ESCAPE,
    "Invalid \\uXXXX escape": r"four hexadecimal digits behind \u expected",
}


def _is_torn(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False
