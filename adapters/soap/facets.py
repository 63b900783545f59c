"""Simple types of a schema with everything that restricts them: enumerations, patterns, lengths, bounds.

Under the resolver. A named type is read once; what it is derived from and no document has makes it unspeakable.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal, InvalidOperation
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from adapters.soap import namespaces
from adapters.soap.types import Scalar
from adapters.soap.unspeakable import Unspeakable
from adapters.xml import local, ns

if TYPE_CHECKING:
    from adapters.soap.schema import Component, Schemas

_XSD: Final = f"{{{namespaces.XSD}}}"
_DEPTH: Final = 32  # steps of derivation; real chains are 5 long
_DIGITS: Final = 12  # of a length: what is longer restricts nothing
_PARTS_MAX: Final = (
    500  # types in a union of unions of lists: each makes a function of its own, and two of each would grow without end
)
_ENUM_MAX: Final = 5_000  # values of one enumeration; PayPal's country codes are 250
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
_LISTS: Final = {"NMTOKENS": "NMTOKEN", "IDREFS": "IDREF", "ENTITIES": "ENTITY"}
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
        if name in _LISTS:
            return Scalar("anySimpleType", items=Scalar(_LISTS[name]), min_length=1)
        if name == "base64":  # SOAP encoding's (SOAP 1.1 section 5.2.3)
            return Scalar("base64Binary")
        return Scalar(name if name in BUILTIN else "string")

    def scalar(self, name: str) -> Scalar:
        """Return a named type. Raises `Unspeakable`."""
        if ns(name) == namespaces.XSD:
            return self.builtin(local(name))
        if name not in self._known:
            found = self._kinds.types.get(name)
            if found is None or local(found.element.tag) != "simpleType":
                raise Unspeakable(f"the simple type {name} is not defined in any document at hand")
            self._known[name] = replace(self.inline(found), name=name)
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
        for child in step.element:
            kind, value = local(child.tag), child.get("value")
            if value is None:
                continue
            if kind == "enumeration" and len(enum) < _ENUM_MAX:
                enum.append(value)
            elif kind == "pattern":
                patterns.append(value)
            elif kind in _COUNTS and (count := _count(value)) is not None:
                found[_COUNTS[kind]] = count
            elif kind in _NUMBERS and (number := _number(value)) is not None:
                found[_NUMBERS[kind]] = number
        if enum:
            found["enum"] = tuple(enum)
        if patterns:
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
            return Scalar("anySimpleType", items=self.scalar(step.resolve(named)))
        return Scalar(
            "string" if inner is None else "anySimpleType", items=None if inner is None else self.inline(step.at(inner))
        )

    def _union(self, step: Component) -> Scalar:
        members: list[Scalar] = []
        left = _PARTS_MAX
        named = (self.scalar(step.resolve(each)) for each in step.element.get("memberTypes", "").split())
        for each in chain(named, (self.inline(step.at(each)) for each in step.element.iterfind(f"{_XSD}simpleType"))):
            left -= _parts(each)
            if left < 0:
                raise Unspeakable(f"a simple type is a union of more than {_PARTS_MAX} types")
            members.append(each)
        return Scalar("anySimpleType", members=tuple(members)) if members else Scalar("string")

    def _base(self, step: Component) -> Scalar:
        named, inner = step.element.get("base"), step.element.find(f"{_XSD}simpleType")
        if named:
            return replace(self.scalar(step.resolve(named)), name="")
        return Scalar("string") if inner is None else self.inline(step.at(inner))


def _parts(scalar: Scalar) -> int:
    """Return how many types a type is made of, one by one."""
    inner = (scalar.items,) if scalar.items is not None else scalar.members
    return 1 + sum(map(_parts, inner))


def _count(text: str) -> int | None:
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS else None


def _number(text: str) -> Decimal | None:
    try:
        found = Decimal(text.strip())
    except InvalidOperation:  # a bound of a date
        return None
    return found if found.is_finite() else None
