"""Simple types of a schema with everything that restricts them: enumerations, patterns, lengths, bounds.

Under the resolver. A named type is read once; what it is derived from and no document has makes it unspeakable.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal, InvalidOperation
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Final

from adapters.soap import namespaces
from adapters.soap.types import Scalar
from adapters.soap.unspeakable import Unspeakable
from adapters.xml import local, ns

if TYPE_CHECKING:
    from lxml import etree

    from adapters.soap.schema import Component, Schemas

_XSD: Final = f"{{{namespaces.XSD}}}"
_DEPTH: Final = 32  # steps of derivation; real chains are 5 long
_DIGITS: Final = 12  # of a length: what is longer restricts nothing
_PARTS_MAX: Final = (
    500  # types in a union of unions of lists: each makes a function of its own, and two of each would grow without end
)
_ENUM_MAX: Final = 5_000  # values of one enumeration, and more restrict nothing; PayPal's country codes are 250
_FACETS_MAX: Final = _ENUM_MAX + 100  # facets of one step that are looked at: 2 ms
_PLACES: Final = 400  # digits of a bound, before or after the point: no double has more
_TEXT: Final = 500  # characters of a component's documentation
_TEXTS: Final = 64  # pieces that it is put together of
# XSD 1.0 part 2 section 3; what is no built-in type is read as a string.
BUILTIN: Final = frozenset(
    (
        *("string", "boolean", "decimal", "float", "double", "duration", "dateTime", "time", "date", "gYearMonth"),
        *("gYear", "gMonthDay", "gDay", "gMonth", "hexBinary", "base64Binary", "anyURI", "QName", "NOTATION"),
        *("normalizedString", "token", "language", "NMTOKEN", "Name", "NCName", "ID", "IDREF", "ENTITY"),
        *("integer", "nonPositiveInteger", "negativeInteger", "long", "int", "short", "byte", "nonNegativeInteger"),
        *("unsignedLong", "unsignedInt", "unsignedShort", "unsignedByte", "positiveInteger", "anySimpleType"),
    )
)
# Of which a bound is a number (XSD 1.0 part 2 section 4.3.7); that of a year looks like one.
_NUMERIC: Final = frozenset(
    (
        *("decimal", "float", "double", "integer", "nonPositiveInteger", "negativeInteger", "nonNegativeInteger"),
        *("positiveInteger", "long", "int", "short", "byte"),
        *("unsignedLong", "unsignedInt", "unsignedShort", "unsignedByte"),
    )
)
_LISTS: Final = {"NMTOKENS": "NMTOKEN", "IDREFS": "IDREF", "ENTITIES": "ENTITY"}
_BUILT: Final = {
    **{name: Scalar(name) for name in BUILTIN},
    **{name: Scalar("anySimpleType", items=Scalar(item), min_length=1) for name, item in _LISTS.items()},
    "base64": Scalar("base64Binary"),  # SOAP encoding's (SOAP 1.1 section 5.2.3)
}
_NUMBERS: Final = {
    "minInclusive": "minimum",
    "maxInclusive": "maximum",
    "minExclusive": "above",
    "maxExclusive": "below",
}
_COUNTS: Final = {
    "length": "length",
    "minLength": "min_length",
    "maxLength": "max_length",
    "totalDigits": "total_digits",
    "fractionDigits": "fraction_digits",
}


class Facets:
    """The simple types of one set of documents."""

    def __init__(self, kinds: Schemas) -> None:
        self._kinds = kinds
        self._known: dict[str, Scalar] = {}
        self._depth = 0

    def builtin(self, name: str) -> Scalar:
        """Return one of XML Schema's own types."""
        return _BUILT.get(name, _BUILT["string"])

    def scalar(self, name: str) -> Scalar:
        """Return a named type. Raises `Unspeakable`."""
        if ns(name) == namespaces.XSD:
            return self.builtin(local(name))
        if name not in self._known:
            found = self._kinds.types.get(name)
            if found is None or local(found.element.tag) != "simpleType":
                raise Unspeakable(f"the simple type {name} is not defined in any document at hand")
            self._known[name] = replace(self.inline(found), name=name, text=documented(found.element))
        return self._known[name]

    def inline(self, component: Component) -> Scalar:
        """Read a definition where it stands. Raises `Unspeakable`."""
        self._depth += 1
        try:
            if self._depth > _DEPTH:
                raise Unspeakable(f"a simple type is derived through more than {_DEPTH} others")
            return self._read(component)
        finally:
            self._depth -= 1

    def restricted(self, base: Scalar, step: Component) -> Scalar:
        """Apply the facets of a restriction (XSD 1.0 part 2 section 4.3); patterns of one step are alternatives."""
        found: dict[str, Any] = {}
        enum: list[str] = []
        patterns: list[str] = []
        for child in islice(step.element, _FACETS_MAX):
            kind, value = local(child.tag), child.get("value")
            if value is None:
                continue
            if kind == "enumeration":
                enum.append(value)
            elif kind == "pattern":
                patterns.append(value)
            elif kind in _COUNTS and (count := _count(value)) is not None:
                found[_COUNTS[kind]] = count
            elif kind in _NUMBERS and base.base in _NUMERIC and (number := _number(value)) is not None:
                found[_NUMBERS[kind]] = number
        if 0 < len(enum) <= _ENUM_MAX:
            found["enum"] = tuple(enum)
        if patterns:
            if len(base.patterns) >= _DEPTH:  # by way of types that were known already
                raise Unspeakable(f"a simple type is derived through more than {_DEPTH} others")
            found["patterns"] = (*base.patterns, tuple(patterns))
        return replace(base, **found) if found else base

    def _read(self, component: Component) -> Scalar:
        for child in component.element:
            at = component.at(child)
            match local(child.tag):
                case "restriction":
                    return self.restricted(self._base(at), at)
                case "list":
                    return self._list(at)
                case "union":
                    return self._union(at)
        return Scalar("string")

    def _list(self, step: Component) -> Scalar:
        named, inner = step.element.get("itemType"), step.element.find(f"{_XSD}simpleType")
        if named:
            item = self.scalar(step.resolve(named))
        elif inner is not None:
            item = self.inline(step.at(inner))
        else:
            return Scalar("string")
        return Scalar("anySimpleType", items=_shallow(item))

    def _union(self, step: Component) -> Scalar:
        members: list[Scalar] = []
        left = _PARTS_MAX
        named = (self.scalar(step.resolve(each)) for each in step.element.get("memberTypes", "").split())
        for each in chain(named, (self.inline(step.at(each)) for each in step.element.iterfind(f"{_XSD}simpleType"))):
            left -= _parts(each)
            if left < 0:
                raise Unspeakable(f"a simple type is a union of more than {_PARTS_MAX} types")
            members.append(_shallow(each))
        return Scalar("anySimpleType", members=tuple(members)) if members else Scalar("string")

    def _base(self, step: Component) -> Scalar:
        named, inner = step.element.get("base"), step.element.find(f"{_XSD}simpleType")
        if named:
            return replace(self.scalar(step.resolve(named)), name="", text="")
        return Scalar("string") if inner is None else self.inline(step.at(inner))


def documented(element: etree._Element) -> str:
    """Return a component's documentation in one line, cut."""
    found = element.find(f"{_XSD}annotation/{_XSD}documentation")
    if found is None:
        return ""
    return " ".join("".join(str(piece)[: 4 * _TEXT] for piece in islice(found.itertext(), _TEXTS)).split())[:_TEXT]


def _parts(scalar: Scalar) -> int:
    """Return how many types a type is made of, one by one."""
    inner = (scalar.items,) if scalar.items is not None else scalar.members
    return 1 + sum(map(_parts, inner))


def _deep(scalar: Scalar) -> int:
    """Return how many lists and unions a type is inside one another: each is written and read by recursion."""
    inner = (scalar.items,) if scalar.items is not None else scalar.members
    return 1 + max(map(_deep, inner), default=0)


def _shallow(scalar: Scalar) -> Scalar:
    """Let no type grow by way of others that were known already."""
    if _deep(scalar) >= _DEPTH:
        raise Unspeakable(f"a simple type has lists and unions more than {_DEPTH} deep")
    return scalar


def _count(text: str) -> int | None:
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS else None


def _number(text: str) -> Decimal | None:
    if len(text) > 2 * _PLACES:
        return None
    try:
        found = Decimal(text.strip())
    except InvalidOperation:
        return None
    return found if found.is_finite() and -_PLACES < found.adjusted() < _PLACES else None
