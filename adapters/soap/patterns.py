r"""Patterns of XML Schema (XSD 1.0 part 2 appendix F) as expressions of Python and of ECMAScript.

Asked while a codec is made, by `scalars`. What cannot be said exactly is said too widely, so that nothing is refused that a schema
allows: beyond ASCII the classes of Unicode (`\d`, `\w`, `\i`, `\c`, `\p{…}`) take every character. What is not read, or could run for
long, is None and not checked: a pattern comes from a WSDL, the text that it reads from anybody.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from math import gamma
from string import ascii_letters, digits
from typing import Final, TypeAlias
from unicodedata import category

_LONGEST: Final = 1000  # characters of a pattern; the longest of real schemas list some 60 words
_NESTED: Final = 24  # groups inside one another
_TEXT: Final = 4096  # characters of a text that is matched: 0.1 ms where nothing is tried twice
_WORK: Final = 20_000  # steps of backtracking at the very worst: 0.5 ms
_SHORTEST: Final = 32  # characters: a pattern that is safe for shorter texts alone is not worth checking
_MOST: Final = 65_535  # repetitions that the module `re` is asked for

_ASCII: Final = (1 << 128) - 1
_BEYOND: Final = 1 << 128  # stands for all that is not ASCII, where it is asked whether two classes overlap
_LAST: Final = 0x10FFFF

Ranges: TypeAlias = "tuple[tuple[int, int], ...]"
_ALL: Final[Ranges] = ((128, _LAST),)


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern to check with: texts of more than `most` characters are taken unread."""

    expression: re.Pattern[str]
    most: int

    def fits(self, text: str) -> bool:
        """Say whether a text is matched as a whole, as far as it is checked."""
        return len(text) > self.most or self.expression.fullmatch(text) is not None


@lru_cache(maxsize=1024)  # types are shared by a backend's operations
def compiled(source: str) -> Pattern | None:
    """Return what checks a pattern, None where it is not checked."""
    try:
        parser = _Parser(source)
        whole = parser.whole()
        most = parser.most(whole)
        return Pattern(re.compile(whole.python), most) if most else None
    except (_UnreadError, re.error, OverflowError):
        return None


@lru_cache(maxsize=1024)
def ecma(source: str) -> str | None:
    """Return an expression for JSON Schema, anchored, which means the same in ECMAScript and Python; None where there is none.

    None, too, where matching it may run for long.
    """
    shown = _Parser(source).whole().ecma if compiled(source) is not None else None
    return None if shown is None else f"^(?:{shown})$" if "|" in shown else f"^{shown}$"


class _UnreadError(Exception):
    """A pattern that is none of XML Schema, or of which it is not sure what its writer meant."""


@dataclass(frozen=True, slots=True)
class _Class:
    r"""A set of characters: of ASCII as bits, beyond it as ranges, None where that is not known (then: perhaps each).

    `plain`: what is not known is but digits of other scripts, which ECMAScript's `\d` leaves out.
    """

    ascii: int
    beyond: Ranges | None = ()
    plain: bool = True

    def __or__(self, other: _Class) -> _Class:
        known = self.beyond is not None and other.beyond is not None
        beyond = _merged((*(self.beyond or ()), *(other.beyond or ()))) if known else None
        return _Class(self.ascii | other.ascii, beyond, self.plain and other.plain)

    def __invert__(self) -> _Class:
        beyond = None if self.beyond is None else _others(self.beyond)
        return _Class(self.ascii ^ _ASCII, beyond, self.plain and beyond is not None)

    def __sub__(self, other: _Class) -> _Class:
        return ~(~self | other)

    @property
    def mask(self) -> int:
        """What it may overlap with."""
        return self.ascii | (_BEYOND if self.beyond is None or self.beyond else 0)


def _merged(ranges: Ranges) -> Ranges:
    found: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(last, found[-1][1]))
        else:
            found.append((first, last))
    return tuple(found)


def _others(ranges: Ranges) -> Ranges:
    found, begin = [], 128
    for first, last in ranges:
        if first > begin:
            found.append((begin, first - 1))
        begin = last + 1
    return (*found, (begin, _LAST)) if begin <= _LAST else tuple(found)


def _of(characters: str, beyond: Ranges | None = ()) -> _Class:
    return _Class(sum(1 << ord(each) for each in set(characters)), beyond)


def _category(prefixes: str) -> _Class:
    """Return the characters of categories, given by their first letters or by one whole name."""
    names = (prefixes,) if len(prefixes) == 2 and prefixes[1].islower() else tuple(prefixes)
    ascii_ = sum(1 << code for code in range(128) if category(chr(code)).startswith(names))
    return _Class(ascii_, None, plain=False)


_DIGITS: Final = _Class(_of(digits).ascii, None)
_SPACES: Final = _of(" \t\n\r")
_INITIAL: Final = _Class(_of(ascii_letters + "_:").ascii, None, plain=False)
_NAMED: Final = _Class(_of(ascii_letters + digits + "_:-.").ascii, None, plain=False)
_WORD: Final = ~_category("PZC")
_CLASSES: Final = {"d": _DIGITS, "s": _SPACES, "i": _INITIAL, "c": _NAMED, "w": _WORD}
_SINGLE: Final = {"n": "\n", "r": "\r", "t": "\t"} | {each: each for each in "\\|.?*+(){}-[]^$"}
_ANY: Final = ~_of("\n\r")
_CATEGORY: Final = re.compile(
    r"\{(?:Is(?P<block>[A-Za-z0-9-]+)|(?P<name>L[ultmo]?|M[nce]?|N[dlo]?|P[cdseifo]?|Z[slp]?|S[mcko]?|C[cfon]?))\}"
)
_QUANTITY: Final = re.compile(r"\{([0-9]{1,9})(?:(,)([0-9]{1,9})?)?\}")
_SPECIAL: Final = frozenset("^$\\.*+?()[]{}|/-")
_NO_END: Final = float("inf")


@dataclass(frozen=True, slots=True)
class _Part:
    """A piece of an expression. How it begins and ends is what tells whether two ways of reading a text are ever open.

    `first`: what it may begin with; `clear`: at most one of its characters can be meant by that. `last`: numbers of the characters that
    it may end with. `ways`, `degree`: a text of n characters is read in at most ways * n ** degree ways.
    """

    python: str
    ecma: str | None
    empty: bool = False
    first: int = 0
    clear: bool = True
    last: tuple[int, ...] = ()
    ways: float = 1
    degree: float = 0


class _Parser:
    """One pattern. `follows` has, per character of the expression, what may come behind it; `forks`: two may be meant by one."""

    def __init__(self, source: str) -> None:
        if len(source) > _LONGEST:
            raise _UnreadError
        self.source, self.at, self.deep = source, 0, 0
        self.follows: list[int] = []
        self.forks = False

    def whole(self) -> _Part:
        """Read all of it."""
        part = self._choice()
        if self.at < len(self.source):
            raise _UnreadError
        return part

    def most(self, whole: _Part) -> int:
        """Return how long a text may be so that matching it takes no time worth speaking of, 0 where that is too short."""
        if whole.clear and not self.forks:
            return _TEXT
        work = _WORK / whole.ways
        if whole.degree:  # so many places out of n: n ** degree / degree!
            longest = (work * gamma(whole.degree + 1)) ** (1 / whole.degree)
            return min(_TEXT, int(longest)) if longest >= _SHORTEST else 0
        return _TEXT if work >= 1 else 0

    def _choice(self) -> _Part:
        part = self._sequence()
        while self._take("|"):
            part = self._either(part, self._sequence())
        return part

    def _either(self, one: _Part, other: _Part) -> _Part:
        return _Part(
            f"{one.python}|{other.python}",
            None if one.ecma is None or other.ecma is None else f"{one.ecma}|{other.ecma}",
            one.empty or other.empty,
            one.first | other.first,
            one.clear and other.clear and not one.first & other.first,
            one.last + other.last,
            one.ways + other.ways,
            max(one.degree, other.degree),
        )

    def _sequence(self) -> _Part:
        part = _Part("", "", empty=True)
        while self.source[self.at : self.at + 1] not in ("", "|", ")"):
            part = self._both(part, self._piece())
        return part

    def _both(self, one: _Part, other: _Part) -> _Part:
        self._follow(one, other)
        return _Part(
            one.python + other.python,
            None if one.ecma is None or other.ecma is None else one.ecma + other.ecma,
            one.empty and other.empty,
            one.first | (other.first if one.empty else 0),
            one.clear and not (one.empty and (one.first & other.first or not other.clear)),
            other.last + (one.last if other.empty else ()),
            one.ways * other.ways,
            one.degree + other.degree,
        )

    def _follow(self, one: _Part, other: _Part) -> None:
        for each in one.last:
            self.forks |= bool(self.follows[each] & other.first) or not other.clear
            self.follows[each] |= other.first

    def _piece(self) -> _Part:
        atom = self._atom()
        begun = self.at
        char = self.source[self.at : self.at + 1]
        if char in ("?", "*", "+"):
            self.at += 1
            fewest, most = int(char == "+"), 1 if char == "?" else _NO_END
        elif char == "{":
            fewest, most = self._quantity()
        else:
            return atom
        return self._repeated(atom, self.source[begun : self.at], fewest, most)

    def _quantity(self) -> tuple[int, float]:
        found = _QUANTITY.match(self.source, self.at)
        if found is None:
            raise _UnreadError
        self.at = found.end()
        fewest = int(found[1])
        most = int(found[3]) if found[3] else _NO_END if found[2] else fewest
        if max(fewest, most if most != _NO_END else 0) > _MOST or most < fewest:
            raise _UnreadError
        return fewest, most

    def _repeated(self, atom: _Part, mark: str, fewest: int, most: float) -> _Part:
        if most > 1:
            self._follow(atom, atom)
        one = atom.ways == 1 and not atom.degree and not atom.empty
        if most == _NO_END:
            ways, degree = (1.0, 1.0) if one else (_NO_END, 0.0)
        else:
            ways, degree = (most - fewest + 1, 0.0) if one else (_power(atom.ways + 1, most), atom.degree * most)
        return _Part(
            atom.python + mark,
            None if atom.ecma is None else atom.ecma + mark,
            atom.empty or fewest == 0,
            atom.first,
            atom.clear,
            atom.last,
            ways,
            degree,
        )

    def _atom(self) -> _Part:
        char = self.source[self.at]
        self.at += 1
        if char == "(":
            return self._group()
        if char == "[":
            return self._character(self._class())
        if char == "\\":
            return self._character(self._escape())
        if char == ".":
            return self._character(_ANY)
        if (
            char in "?*+)]{}^$"
        ):  # the last two are characters by the standard, and anchors by what people write and .NET reads
            raise _UnreadError
        return self._character(_one(char))

    def _group(self) -> _Part:
        self.deep += 1
        if self.deep > _NESTED:
            raise _UnreadError
        part = self._choice()
        if not self._take(")"):
            raise _UnreadError
        self.deep -= 1
        return _Part(
            f"(?:{part.python})",
            None if part.ecma is None else f"(?:{part.ecma})",
            part.empty,
            part.first,
            part.clear,
            part.last,
            part.ways,
            part.degree,
        )

    def _character(self, of: _Class) -> _Part:
        self.follows.append(0)
        shown = _written(of, of.beyond if of.beyond is not None else ()) if of.plain else None
        return _Part(
            _written(of, _ALL if of.beyond is None else of.beyond), shown, first=of.mask, last=(len(self.follows) - 1,)
        )

    def _escape(self) -> _Class:
        char = self.source[self.at : self.at + 1]
        self.at += 1
        if char in _SINGLE:
            return _one(_SINGLE[char])
        if char in ("p", "P"):
            found = _CATEGORY.match(self.source, self.at)
            if found is None:
                raise _UnreadError
            self.at = found.end()
            of = _block(found["block"]) if found["block"] else _category(found["name"])
        elif char.lower() in _CLASSES:
            of = _CLASSES[char.lower()]
        else:
            raise _UnreadError
        return ~of if char.isupper() else of

    def _class(self) -> _Class:
        """Read what stands behind a bracket, and the bracket that closes it."""
        is_not = self._take("^")
        found, begun = _Class(0), self.at
        while not self._take("]"):
            if self.source.startswith("-[", self.at) and self.at > begun:
                self.at += 2
                self.deep += 1
                less = self._class() if self.deep < _NESTED else None
                if less is None or not self._take("]"):
                    raise _UnreadError
                self.deep -= 1
                return (~found if is_not else found) - less
            found |= self._span()
        if self.at == begun + 1:
            raise _UnreadError
        return ~found if is_not else found

    def _span(self) -> _Class:
        """Read one member of a class: a character, a range, an escape."""
        first, one = self._member()
        if not self.source.startswith("-", self.at) or self.source[self.at + 1 : self.at + 2] in ("]", "[", ""):
            return first
        self.at += 1
        _, other = self._member()
        if one is None or other is None or other < one:
            raise _UnreadError
        ascii_ = (1 << min(other, 127) + 1) - (1 << one) if one < 128 else 0
        return _Class(ascii_, ((max(one, 128), other),) if other > 127 else ())

    def _member(self) -> tuple[_Class, int | None]:
        char = self.source[self.at : self.at + 1]
        self.at += 1
        if char == "\\":
            escaped = self.source[self.at : self.at + 1]
            return self._escape(), ord(_SINGLE[escaped]) if escaped in _SINGLE else None
        if char in ("", "["):
            raise _UnreadError
        return _one(char), ord(char)

    def _take(self, char: str) -> bool:
        if self.source.startswith(char, self.at):
            self.at += 1
            return True
        return False


def _power(ways: float, times: float) -> float:
    try:
        return float(ways**times)
    except OverflowError:
        return _NO_END


def _one(char: str) -> _Class:
    code = ord(char)
    return _Class(1 << code) if code < 128 else _Class(0, ((code, code),))


def _block(name: str) -> _Class:
    """Return a block of Unicode: the first is all of ASCII, no other has any of it."""
    return _Class(_ASCII) if name == "BasicLatin" else _Class(0, None, plain=False)


def _written(of: _Class, beyond: Ranges) -> str:
    """Write a class, as one character where it is one, as what it leaves out where that is shorter."""
    spans = _spans(of.ascii)
    if len(spans) == 1 and spans[0][0] == spans[0][1] and not beyond:
        return _shown(spans[0][0], in_class=False)
    is_not = beyond == _ALL
    if is_not:
        spans, beyond = _spans(of.ascii ^ _ASCII), ()
        if not spans:
            return r"[\s\S]"
    if not spans and not beyond:
        return r"[^\s\S]"
    inside = "".join(
        _shown(first) + ("" if first == last else "-" * (last - first > 1) + _shown(last))
        for first, last in (*spans, *beyond)
    )
    return f"[{'^' * is_not}{inside}]"


def _spans(bits: int) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for code in range(128):
        if bits >> code & 1:
            if found and found[-1][1] == code - 1:
                found[-1] = (found[-1][0], code)
            else:
                found.append((code, code))
    return found


def _shown(code: int, *, in_class: bool = True) -> str:
    char = chr(code)
    if char in _SPECIAL:
        return char if char == "-" and not in_class else "\\" + char
    if char in "\n\r\t":
        return {"\n": r"\n", "\r": r"\r", "\t": r"\t"}[char]
    if code < 32 or 0x7F <= code < 0xA0 or 0xD800 <= code < 0xE000:
        return f"\\u{code:04x}"
    return char
