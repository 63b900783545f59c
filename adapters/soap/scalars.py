"""Simple values between XML and JSON: what reads the text of a reply, what writes and checks a parameter, what describes both.

Asked while a codec is made, once per place; what it answers with is called per value. Reading never fails: text that is not of its
type comes through as it is. Writing refuses with `Invalid`, and does not escape. Both are plain functions that hold the loop for the
time of one value, which is bounded for lists by `ITEMS`.
"""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any, Final

from adapters.soap import lexical
from adapters.soap.lexical import (
    FLOATS,
    INTEGERS,
    LONG,
    NOT_FINITE,
    SMALL,
    SPACES,
    Invalid,
    collapsed,
    is_ncname,
    is_text,
    words,
)
from adapters.soap.patterns import ecma
from adapters.soap.restrictions import bounds, checks, sane

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal

    from adapters.soap.lexical import Write
    from adapters.soap.restrictions import Check
    from adapters.soap.types import Scalar

__all__ = ["ITEMS", "Invalid", "from_query", "is_ncname", "is_text", "reader", "schema", "writer"]

ITEMS: Final = 5_000  # of one list: writing so many takes 1.5 ms; what is longer is no parameter
_BOOLEANS: Final = {"true": True, "1": True, "false": False, "0": False}
_PRESERVED: Final = frozenset(("string", "anySimpleType"))


# --- reading --------------------------------------------------------------------------------------------------------------


def reader(scalar: Scalar) -> Callable[[str], object] | None:
    """Return what makes a JSON value of an element's or attribute's text; None where the text is the value."""
    if scalar.items is not None:
        return _list_reader(scalar.items)
    if scalar.members:
        return _union_reader(scalar.members)
    base = scalar.base
    if base in _PRESERVED:
        return None
    if base in SMALL:
        return _small_reader(base)
    return _READERS.get(base, _token if base in lexical.TEXTS else _trimmed)


def _small_reader(base: str) -> Callable[[str], object]:
    low, high = INTEGERS[base]
    assert low is not None, "the small ones have bounds"
    assert high is not None, "the small ones have bounds"

    def read(text: str) -> object:
        if len(text) > LONG:
            return text
        try:
            value = int(text)
        except ValueError:
            return _other(text)
        # Python also takes 1_0 and digits of other scripts.
        return value if low <= value <= high and text.isascii() and "_" not in text else text

    return read


def _float(text: str) -> object:
    if len(text) > LONG:
        return text
    try:
        value = float(text)
    except ValueError:
        return _other(text)
    if isfinite(value) and text.isascii() and "_" not in text:
        return value
    trimmed = text.strip()
    return trimmed if trimmed in NOT_FINITE else text


def _boolean(text: str) -> object:
    value = _BOOLEANS.get(text)
    if value is None:
        value = _BOOLEANS.get(text.strip())
    return _other(text) if value is None else value


def _other(text: str) -> str | None:
    """Return a text that is not of its type; where there is none, there is no value."""
    return text if text.strip() else None


def _trimmed(text: str) -> str | None:
    return text.strip() or None


def _token(text: str) -> str:
    return collapsed(text)


def _normalized(text: str) -> str:
    return text.replace("\t", " ").replace("\n", " ").replace("\r", " ")


def _octets(text: str) -> str:
    """Take out the white space that many writers break base 64 with."""
    for each in SPACES:
        if each in text:
            text = text.replace(each, "")
    return text


_READERS: Final[dict[str, Callable[[str], object]]] = {
    **dict.fromkeys(FLOATS, _float),
    "boolean": _boolean,
    "normalizedString": _normalized,
    "base64Binary": _octets,
    "hexBinary": _octets,
}


def _list_reader(items: Scalar) -> Callable[[str], object]:
    read = reader(items)

    def read_list(text: str) -> object:
        found = words(text, ITEMS)
        if len(found) > ITEMS:
            return text
        return found if read is None else [read(each) for each in found]

    return read_list


def _union_reader(members: tuple[Scalar, ...]) -> Callable[[str], object]:
    ways = [(reader(each), writer(each)) for each in members]

    def read_union(text: str) -> object:
        for read, write in ways:
            value = text if read is None else read(text)
            try:
                write(value)
            except Invalid:
                continue
            return value
        return text

    return read_union


# --- writing --------------------------------------------------------------------------------------------------------------


def writer(scalar: Scalar) -> Write:
    """Return what makes text of a JSON value, not escaped yet. It raises `Invalid`."""
    if scalar.items is not None:
        write = _list_writer(scalar.items)
    elif scalar.members:
        write = _union_writer(scalar.members)
    elif scalar.base in INTEGERS:
        write = _integer_writer(scalar)
    else:
        write = lexical.WRITERS.get(scalar.base, lexical.string)
    found = checks(scalar)
    return _checked(write, found) if found else write


def _integer_writer(scalar: Scalar) -> Write:
    low, high = bounds(scalar)
    if scalar.base in SMALL:
        assert low is not None, "the small ones have bounds"
        assert high is not None, "the small ones have bounds"
        return lexical.small_writer(low, high)
    return lexical.integer_writer(low, high)


def _checked(write: Write, found: list[Check]) -> Write:
    if len(found) == 1:
        (check,) = found

        def write_one(value: object) -> str:
            text = write(value)
            check(text)
            return text

        return write_one

    def write_checked(value: object) -> str:
        text = write(value)
        for check in found:
            check(text)
        return text

    return write_checked


def _list_writer(items: Scalar) -> Write:
    write = writer(items)

    def write_list(value: object) -> str:
        if not isinstance(value, list):
            raise Invalid("type", "must be an array")
        if len(value) > ITEMS:
            raise Invalid("length", f"must have at most {ITEMS} items")
        found = []
        for index, each in enumerate(value):
            try:
                text = write(each)
            except Invalid as wrong:
                raise Invalid(wrong.code, f"must have other items: number {index} {wrong.text}") from None
            if not text or any(space in text for space in SPACES):
                raise Invalid("characters", f"must have items without white space, unlike number {index}")
            found.append(text)
        return " ".join(found)

    return write_list


def _union_writer(members: tuple[Scalar, ...]) -> Write:
    writes = [writer(each) for each in members]

    def write_union(value: object) -> str:
        said: dict[str, Invalid] = {}
        for write in writes:
            try:
                return write(value)
            except Invalid as wrong:
                said.setdefault(wrong.text, wrong)
        first = next(iter(said.values()))
        raise Invalid(first.code, ", or ".join(list(said)[:_SAID]))

    return write_union


_SAID: Final = 3  # of the types of a union, so many say what they take


# --- queries --------------------------------------------------------------------------------------------------------------


def from_query(scalar: Scalar, text: str) -> Any:
    """Return what a text of a query means as the JSON value that the writer takes; what is wrong stays as it is, for him to say."""
    if scalar.items is not None:
        return [from_query(scalar.items, each) for each in words(text, ITEMS)]
    if scalar.members:
        return _union_of_query(scalar.members, text)
    plain = text.strip() if len(text) < _QUERY_MAX else text
    if scalar.base in SMALL and len(plain) < _QUERY_MAX and lexical.is_integer(plain):
        return int(plain)
    if scalar.base in FLOATS and lexical.is_double(plain) and isfinite(value := float(plain)):
        return value
    if scalar.base == "boolean":
        return _BOOLEANS.get(plain, text)
    return text


_QUERY_MAX: Final = 1000  # characters of a number; what is longer is none


def _union_of_query(members: tuple[Scalar, ...], text: str) -> Any:
    for each in members:
        value = from_query(each, text)
        try:
            writer(each)(value)
        except Invalid:
            continue
        return value
    return text


# --- describing -----------------------------------------------------------------------------------------------------------


def schema(scalar: Scalar) -> dict[str, Any]:
    """Return a JSON Schema (draft 2020-12) of the JSON form, with the type of XML Schema beside it."""
    found = _form(scalar) | {"x-xsd-type": f"xs:{scalar.base}"}
    if scalar.enum and scalar.items is None and scalar.base not in ("QName", "NOTATION"):
        found = {"enum": _values(scalar)} | {name: found[name] for name in ("type", "x-xsd-type") if name in found}
    if scalar.text:
        found["description"] = scalar.text
    return found


def _values(scalar: Scalar) -> list[Any]:
    """Return the values of an enumeration as JSON has them, each once."""
    read = reader(scalar)
    return list(dict.fromkeys(each if read is None else read(each) for each in scalar.enum))


def _form(scalar: Scalar) -> dict[str, Any]:
    base = scalar.base
    if scalar.items is not None:
        low, high = _lengths(scalar)
        return _without_none({"type": "array", "items": schema(scalar.items), "minItems": low, "maxItems": high})
    if scalar.members:
        return {"anyOf": [schema(each) for each in scalar.members]}
    if base in SMALL:
        low, high = bounds(scalar)
        return {"type": "integer", "minimum": low, "maximum": high}
    if base in FLOATS:
        return _float_form(scalar)
    if base == "boolean":
        return {"type": "boolean"}
    if base == "anySimpleType":
        return {"type": ["string", "number", "boolean"]}
    return _string_form(scalar)


def _float_form(scalar: Scalar) -> dict[str, Any]:
    known = {name: float(limit) for name, limit in _limits(scalar).items()}
    return {"anyOf": [{"type": "number", **known}, {"enum": list(NOT_FINITE)}]}


def _limits(scalar: Scalar) -> dict[str, Decimal]:
    limits = {
        "minimum": sane(scalar.minimum),
        "maximum": sane(scalar.maximum),
        "exclusiveMinimum": sane(scalar.above),
        "exclusiveMaximum": sane(scalar.below),
    }
    return _without_none(limits)


def _string_form(scalar: Scalar) -> dict[str, Any]:
    base = scalar.base
    found: dict[str, Any] = {"type": "string"}
    if base in INTEGERS:
        low, high = bounds(scalar)
        limits = _without_none({"x-minimum": low, "x-maximum": high})
        found |= {name: str(limit) for name, limit in limits.items()}
        own = [_INTEGER_FORM]
    elif base == "decimal":
        found |= {f"x-{name}": format(limit, "f") for name, limit in _limits(scalar).items()}
        own = [_DECIMAL_FORM]
    else:
        own = []
    if base == "base64Binary":
        found["contentEncoding"] = "base64"
    elif base in lexical.TEXTS and base not in ("QName", "NOTATION"):
        low, high = _lengths(scalar)
        found |= _without_none({"minLength": low, "maxLength": high})
    patterns = [*own, *_ecma(scalar)]
    if len(patterns) == 1:
        found["pattern"] = patterns[0]
    elif patterns:
        found["allOf"] = [{"pattern": each} for each in patterns]
    return found


_INTEGER_FORM: Final = r"^[+\-]?[0-9]+$"
_DECIMAL_FORM: Final = r"^[+\-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)$"


def _ecma(scalar: Scalar) -> list[str]:
    """Return an expression per step of derivation of which each alternative can be said."""
    steps = [[ecma(each) for each in step] for step in scalar.patterns]
    known = [[each for each in step if each is not None] for step in steps]
    return ["|".join(said) for said, step in zip(known, steps, strict=True) if said and len(said) == len(step)]


def _lengths(scalar: Scalar) -> tuple[int | None, int | None]:
    return (scalar.min_length, scalar.max_length) if scalar.length is None else (scalar.length, scalar.length)


def _without_none(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}
