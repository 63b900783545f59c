"""How XML Schema's built-in types are written (XSD 1.0 part 2 section 3), and what a JSON value of each looks like as text.

Under `scalars`. Each type has one function from a JSON value to its text, which is not escaped yet; what it does not take is refused
with `Invalid`. It knows the types alone: what a schema restricts further is checked by `restrictions`.
"""

from __future__ import annotations

import binascii
import re
from calendar import monthrange
from decimal import Decimal
from math import isfinite
from sys import float_info
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

Write: TypeAlias = "Callable[[object], str]"

SPACES: Final = " \t\n\r"
LONG: Final = 65_536  # characters that are searched with an expression: 0.2 ms. Only texts and octets have more
_DIGITS: Final = 4300  # Python's own bound of an integer
_EXACT: Final = 2**53  # what a double counts to without leaving one out
_FLOAT_MAX: Final = 3.4028235677973366e38  # what is rounded to the largest float, at most (IEEE 754 binary32)

INTEGERS: Final[dict[str, tuple[int | None, int | None]]] = {
    "integer": (None, None),
    "nonPositiveInteger": (None, 0),
    "negativeInteger": (None, -1),
    "nonNegativeInteger": (0, None),
    "positiveInteger": (1, None),
    "long": (-(2**63), 2**63 - 1),
    "unsignedLong": (0, 2**64 - 1),
    "int": (-(2**31), 2**31 - 1),
    "short": (-(2**15), 2**15 - 1),
    "byte": (-128, 127),
    "unsignedInt": (0, 2**32 - 1),
    "unsignedShort": (0, 2**16 - 1),
    "unsignedByte": (0, 255),
}
SMALL: Final = frozenset(("int", "short", "byte", "unsignedInt", "unsignedShort", "unsignedByte"))
"""The integers that are JSON numbers: each of their values is exact in a double."""
FLOATS: Final = frozenset(("float", "double"))
NOT_FINITE: Final = ("INF", "-INF", "NaN")


class Invalid(Exception):  # noqa: N818 - a value that is refused, not a failure
    """A value that its type does not take. `code`: type, range, enum, pattern, length or characters; `text` says what is taken."""

    __slots__ = ("code", "text")

    def __init__(self, code: str, text: str) -> None:
        """Say it for the sentence "<place> <text>"."""
        super().__init__(text)
        self.code, self.text = code, text


# --- characters and names -------------------------------------------------------------------------------------------------

_FORBIDDEN: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")  # XML 1.0 section 2.2, Char
_CONTROLS: Final = bytes(code for code in range(32) if chr(code) not in SPACES)
_INITIAL: Final = (
    "A-Z_a-z\xc0-\xd6\xd8-\xf6\xf8-\u02ff\u0370-\u037d\u037f-\u1fff\u200c-\u200d\u2070-\u218f\u2c00-\u2fef\u3001-\ud7ff"
    "\uf900-\ufdcf\ufdf0-\ufffd\U00010000-\U000effff"
)  # XML 1.0 section 2.3, NameStartChar without the colon
_NAMED: Final = _INITIAL + "0-9.\xb7\u0300-\u036f\u203f-\u2040\\-"
_NCNAME: Final = re.compile(f"[{_INITIAL}][{_NAMED}]*+")
_NAME: Final = re.compile(f"[:{_INITIAL}][:{_NAMED}]*+")
_NMTOKEN: Final = re.compile(f"[:{_NAMED}]++")
_LANGUAGE: Final = re.compile(r"[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*+")
_RUNS: Final = re.compile(r"[ \t\n\r]+")


def is_text(text: str) -> bool:
    """Say whether XML can hold a text at all: it has no control characters and no half of a surrogate pair."""
    if len(text) < LONG:
        return text.isprintable() or _FORBIDDEN.search(text) is None  # what is printable, XML can hold
    try:
        data = text.encode()
    except UnicodeEncodeError:
        return False
    return len(data.translate(None, _CONTROLS)) == len(data) and "\ufffe" not in text and "\uffff" not in text


def is_ncname(text: str) -> bool:
    """Say whether a text is a name without a colon."""
    return _NCNAME.fullmatch(text) is not None


def collapsed(text: str) -> str:
    """Return a text without white space at its ends, and with one space for any inside; what is very long comes back as it is."""
    if len(text) > LONG:
        return text
    if text.isascii():
        return " ".join(text.split())  # of what Python splits at, XML has but the four of its own
    return _RUNS.sub(" ", text).strip(" ")


def words(text: str, most: int = -1) -> list[str]:
    """Return the items of a list, the first `most` and the rest of the text where there are more."""
    if text.isascii():
        return text.split(None, most)
    plain = collapsed(text)
    return plain.split(" ", most) if plain else []


def string(value: object) -> str:
    """Write a text of any kind."""
    if isinstance(value, str):
        if is_text(value):
            return value
        raise Invalid(
            "characters", "must not have control characters or halves of surrogate pairs, which XML cannot hold"
        )
    raise Invalid("type", "must be a string" + _quoted(value))


def anything(value: object) -> str:
    """Write any value that is no object and no array, as anySimpleType."""
    if isinstance(value, bool):
        return boolean(value)
    if isinstance(value, int):
        return _digits(value)
    if isinstance(value, float):
        return WRITERS["double"](value)
    if isinstance(value, str):
        return string(value)
    raise Invalid("type", "must be a string, a number or a boolean")


def _quoted(value: object) -> str:
    return ", write it in quotes" if isinstance(value, (int, float)) else ""


def _formed(form: re.Pattern[str], what: str) -> Write:
    """Return what writes a kind of token that has a form of its own."""

    def write(value: object) -> str:
        text = string(value)
        if form.fullmatch(text) or form.fullmatch(text := text.strip()):
            return text
        raise Invalid("pattern", f"must be {what}")

    return write


def qname(value: object) -> str:
    """Write a qualified name as it is said in JSON: local, or {namespace}local. Whoever writes XML makes a prefix of it."""
    text = string(value).strip()
    uri, _, plain = text[1:].partition("}") if text.startswith("{") else ("", "", text)
    if is_ncname(plain) and "{" not in uri:
        return text
    raise Invalid("pattern", "must be a name, or a qualified one as {namespace}name")


# --- numbers and booleans -------------------------------------------------------------------------------------------------

_INTEGER: Final = re.compile(rf"[+-]?[0-9]{{1,{_DIGITS}}}+")
_DECIMAL: Final = re.compile(rf"[+-]?(?:[0-9]{{1,{_DIGITS}}}+(?:\.[0-9]{{0,{_DIGITS}}}+)?|\.[0-9]{{1,{_DIGITS}}}+)")
_DOUBLE: Final = re.compile(r"[+-]?(?:[0-9]{1,400}+(?:\.[0-9]{0,400}+)?|\.[0-9]{1,400}+)(?:[eE][+-]?[0-9]{1,5})?")


def is_integer(text: str) -> bool:
    """Say whether a text is an integer's."""
    return _INTEGER.fullmatch(text) is not None


def is_double(text: str) -> bool:
    """Say whether a text is a finite double's, in a length that makes sense."""
    return _DOUBLE.fullmatch(text) is not None


def _digits(value: int) -> str:
    try:
        return str(value)
    except ValueError:
        raise Invalid("range", f"must be a number of at most {_DIGITS} digits") from None


def boolean(value: object) -> str:
    """Write a boolean."""
    if value is True:
        return "true"
    if value is False:
        return "false"
    raise Invalid("type", "must be true or false" + (", write it without quotes" if value in ("true", "false") else ""))


def between(low: int | None, high: int | None) -> str:
    """Say in words what integers are taken."""
    if low is not None and high is not None:
        return f"an integer from {low} to {high}"
    if low is not None:
        return f"an integer, {low} or more"
    return "an integer" if high is None else f"an integer, {high} or less"


def small_writer(low: int, high: int) -> Write:
    """Return what writes an integer that is a JSON number."""
    what = f"must be {between(low, high)}"

    def write(value: object) -> str:
        if type(value) is int:  # a boolean is none
            if low <= value <= high:
                return str(value)
            raise Invalid("range", what)
        if (
            type(value) is float and value.is_integer()
        ):  # JSON Schema takes 5.0 for an integer, too (draft 2020-12 6.1.1)
            return write(int(value))
        is_number = isinstance(value, str) and len(value) < LONG and is_integer(value.strip())
        raise Invalid("type", what + (", write it without quotes" if is_number else ""))

    return write


def integer_writer(low: int | None, high: int | None) -> Write:
    """Return what writes an integer that is a JSON string, because a double does not hold each."""
    what = f"must be {between(low, high)}"
    any_size, match = low is None and high is None, _INTEGER.fullmatch

    def write(value: object) -> str:
        if type(value) is str:
            text = value
            if not match(text) and not match(text := value.strip()):
                raise Invalid("type", what)
            if any_size:
                return text
            number = int(text)
        elif type(value) is int:
            number, text = value, _digits(value)
        elif type(value) is float and value.is_integer() and abs(value) <= _EXACT:
            number = int(value)
            text = str(number)
        else:
            inexact = type(value) is float and value.is_integer()
            raise Invalid("type", what + (", write one so large in quotes" if inexact else ""))
        if (low is None or low <= number) and (high is None or number <= high):
            return text
        raise Invalid("range", what)

    return write


def decimal(value: object) -> str:
    """Write a decimal."""
    if type(value) is str:
        if _DECIMAL.fullmatch(value) or _DECIMAL.fullmatch(value := value.strip()):
            return value
    elif type(value) is int:
        return _digits(value)
    elif type(value) is float and _DECIMAL.fullmatch(text := repr(value)):
        return text
    hint = ", write one so large or so small in quotes and without exponent" if type(value) is float else ""
    raise Invalid("type", f"must be a decimal number, such as 12.50{hint}")


def float_writer(base: str) -> Write:
    """Return what writes a float or a double."""
    most = _FLOAT_MAX if base == "float" else float_info.max
    out_of_range = f"must be a number of a {base}'s range, {most:.2g} at most"
    what = 'must be a number, or one of the strings "INF", "-INF", "NaN"'

    def write(value: object) -> str:
        if type(value) is float and isfinite(value):
            if -most <= value <= most:
                return repr(value)
            raise Invalid("range", out_of_range)
        if type(value) is int:
            if -most <= value <= most:
                return str(value)
            raise Invalid("range", out_of_range)
        if isinstance(value, str):
            if value in NOT_FINITE:
                return value
            raise Invalid("type", what + (", write it without quotes" if is_double(value[:LONG].strip()) else ""))
        raise Invalid("type", what)

    return write


# --- octets ---------------------------------------------------------------------------------------------------------------

_HEX: Final = re.compile(r"[0-9A-Fa-f]*+")
_BLANKS: Final = b" \t\n\r"


def base64(value: object) -> str:
    """Write octets in base 64, without the white space that may be in it."""
    text = value if isinstance(value, str) else "-"  # which is none
    try:
        data = text.encode("ascii")
        if any(each in data for each in _BLANKS):
            data = data.translate(None, _BLANKS)
            text = data.decode()
        binascii.a2b_base64(data, strict_mode=True)
        is_whole = len(data) % 4 == 0 and not data.endswith(b"===")  # Python takes padding that is not needed
    except ValueError:  # not ASCII, or no base 64
        is_whole = False
    if is_whole:
        return text
    raise Invalid("pattern", "must be a string in base 64, with its padding (RFC 4648 section 4)")


def hexadecimal(value: object) -> str:
    """Write octets in hexadecimal digits."""
    if isinstance(value, str):
        text = value.strip()
        if len(text) % 2 == 0 and _HEX.fullmatch(text):
            return text
    raise Invalid("pattern", "must be a string of hexadecimal digits, two per octet")


# --- dates and times ------------------------------------------------------------------------------------------------------

_YEAR: Final = (
    r"(?P<year>-?(?!0000)(?:[1-9][0-9]{4,8}|[0-9]{4}))"  # no year is 0000, and none has more digits than it needs
)
_MONTH: Final = r"(?P<month>0[1-9]|1[0-2])"
_DAY: Final = r"(?P<day>0[1-9]|[12][0-9]|3[01])"
_ZONE: Final = r"(?:Z|[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00))?"
_TIME: Final = r"(?:(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,40})?|24:00:00(?:\.0{1,40})?)"
_NUMBER: Final = "[0-9]{1,18}+"
_DURATION: Final = (
    rf"-?P(?=[0-9T])(?:{_NUMBER}Y)?(?:{_NUMBER}M)?(?:{_NUMBER}D)?"
    rf"(?:T(?=[0-9])(?:{_NUMBER}H)?(?:{_NUMBER}M)?(?:{_NUMBER}(?:\.{_NUMBER})?S)?)?"
)
_SURE: Final = "28"  # a day that each month has
_LEAP: Final = 2000  # stands for the year where none is said: 29 February is a day

_DATES: Final = {
    "dateTime": (f"{_YEAR}-{_MONTH}-{_DAY}T{_TIME}{_ZONE}", "a date and a time, such as 2024-02-29T19:30:00"),
    "date": (f"{_YEAR}-{_MONTH}-{_DAY}{_ZONE}", "a date of the calendar, such as 2024-02-29"),
    "time": (_TIME + _ZONE, "a time, such as 19:30:00"),
    "gYear": (_YEAR + _ZONE, "a year, such as 2024"),
    "gYearMonth": (f"{_YEAR}-{_MONTH}{_ZONE}", "a month of a year, such as 2024-02"),
    "gMonth": (f"--{_MONTH}(?:--)?{_ZONE}", "a month, such as --02"),  # --02-- before the erratum R-48
    "gMonthDay": (f"--{_MONTH}-{_DAY}{_ZONE}", "a day of a month, such as --02-29"),
    "gDay": (f"---{_DAY}{_ZONE}", "a day, such as ---29"),
    "duration": (_DURATION, "a duration, such as P1DT2H30M"),
}


def _date_writer(base: str) -> Write:
    form, what = _DATES[base]
    match = re.compile(form).fullmatch
    has_year, has_day = "(?P<year>" in form, "(?P<day>" in form and "(?P<month>" in form

    def write(value: object) -> str:
        text = value if isinstance(value, str) else ""
        found = match(text) or match(text := text.strip())
        if found is None:
            raise Invalid("type", f"must be {what}")
        if has_day and (day := found["day"]) > _SURE:
            year = int(found["year"]) if has_year else _LEAP
            # Before the common era there was no year 0: -0001 is the year before 0001 (XSD 1.0 part 2 section 3.2.7).
            if int(day) > monthrange((year + (year < 0)) % 400 + 2000, int(found["month"]))[1]:
                raise Invalid("range", f"must be {what}")
        return text

    return write


WRITERS: Final[dict[str, Write]] = {
    **dict.fromkeys(("string", "normalizedString", "token", "anyURI"), string),
    **dict.fromkeys(("QName", "NOTATION"), qname),
    **{each: _formed(_NCNAME, "a name without a colon") for each in ("NCName", "ID", "IDREF", "ENTITY")},
    "Name": _formed(_NAME, "a name as XML has them"),
    "NMTOKEN": _formed(_NMTOKEN, "a token of letters, digits and . : _ -"),
    "language": _formed(_LANGUAGE, "a language, such as en or nl-BE"),
    "anySimpleType": anything,
    "boolean": boolean,
    "decimal": decimal,
    "base64Binary": base64,
    "hexBinary": hexadecimal,
    **{each: float_writer(each) for each in FLOATS},
    **{each: _date_writer(each) for each in _DATES},
}
"""What writes each type but the integers, whose bounds a schema may draw closer."""
TEXTS: Final = frozenset(
    (
        *("string", "normalizedString", "token", "anyURI", "QName", "NOTATION", "NCName", "ID", "IDREF", "ENTITY"),
        *("Name", "NMTOKEN", "language"),
    )
)
"""The types of which empty text is a value."""


def exact(text: str) -> Decimal:
    """Return the number that a text of a numeric type stands for."""
    return Decimal("Infinity" if text == "INF" else "-Infinity" if text == "-INF" else text)
