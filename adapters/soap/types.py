"""What a schema says of the values of an operation, as the JSON facade needs it: simple types with their facets, elements, contents.

Made by `resolver` out of schema documents, once per operation, and read by the codec, the pages and the tests. It holds no XML and
decides nothing. Complex types refer to one another by name (`Types`), because they may hold themselves.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from decimal import Decimal

MANY: Final = 2**31
"""Stands for maxOccurs="unbounded"."""

VALUE, ANY, TYPE, HEADERS = "$value", "$any", "@type", "$headers"
"""Members of JSON objects that are no elements: text beside attributes, what a wildcard holds, xsi:type, SOAP header blocks."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """A simple type. `base` is the built-in type at its root (XSD 1.0 part 2 section 3), "anySimpleType" of a union and a list.

    `name` is its own in Clark notation, "" where it is written in its place. `patterns` are XSD's own expressions, one list per step of
    derivation: a value matches one of each. `items` of a list, `members` of a union.
    """

    base: str
    name: str = ""
    enum: tuple[str, ...] = ()
    patterns: tuple[tuple[str, ...], ...] = ()
    length: int | None = None
    min_length: int | None = None
    max_length: int | None = None
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    above: Decimal | None = None  # minExclusive
    below: Decimal | None = None  # maxExclusive
    total_digits: int | None = None
    fraction_digits: int | None = None
    items: Scalar | None = None
    members: tuple[Scalar, ...] = ()
    text: str = ""  # its documentation, one line


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute of an element. `key` is its JSON member, with the @; `clark` its name in messages."""

    key: str
    clark: str
    type: Scalar
    required: bool = False
    default: str | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Member:
    """An element inside another. `key` is its JSON member; `type` a simple type, or the name of a complex one.

    `many`: JSON has an array, because the schema allows more than one. `required`: it must be there whatever else is.
    `fewest` and `most` are per array, as far as the schema says (MANY: no bound).
    """

    key: str
    clark: str
    type: Scalar | str
    many: bool = False
    required: bool = False
    nillable: bool = False
    fewest: int = 0
    most: int = 1
    default: str | None = None
    fixed: str | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Leaf:
    """An element's place in a content model: `at` counts in `Complex.members`."""

    at: int
    fewest: int = 1
    most: int = 1


@dataclass(frozen=True, slots=True)
class Wild:
    """A wildcard's place (xs:any). `spaces` is its namespace attribute."""

    fewest: int = 1
    most: int = 1
    spaces: str = "##any"


@dataclass(frozen=True, slots=True)
class Group:
    """A sequence, choice or all."""

    kind: str  # sequence | choice | all
    parts: tuple[Particle, ...] = ()
    fewest: int = 1
    most: int = 1


Particle: TypeAlias = "Leaf | Wild | Group"


@dataclass(frozen=True, slots=True)
class Complex:
    """A complex type. `name` is in Clark notation; of one that is written in its place, its element's path, which has a slash.

    `value` where it has simple content. `array`: JSON has an array in its place, of that member: SOAP's own encoding (`encoded`), or
    a wrapper around one array that is left out in JSON. `dataset`: of .NET, its schema comes with each reply. `derived` are all types
    that extend or restrict it, however far; `space` is the namespace that it is written in.
    """

    name: str
    members: tuple[Member, ...] = ()
    content: Group | None = None
    attributes: tuple[Attribute, ...] = ()
    value: Scalar | None = None
    mixed: bool = False
    abstract: bool = False
    wild: bool = False  # it has a wildcard: $any
    wild_attributes: bool = False
    array: Member | None = None
    encoded: bool = False
    dataset: bool = False
    anything: bool = False  # xs:anyType: any JSON value
    base: str = ""
    derived: tuple[str, ...] = ()
    space: str = ""
    text: str = ""


Types: TypeAlias = dict[str, Complex]
"""Complex types by name; all that an operation can reach are there."""

ANYTHING: Final = Complex("{http://www.w3.org/2001/XMLSchema}anyType", mixed=True, wild=True, anything=True)


@dataclass(frozen=True, slots=True)
class Message:
    """One direction of an operation: the element in the Body, and the header blocks that are declared with it.

    `element` is None where the Body is empty. An rpc call's element has a type of our own, whose members are the parts.
    """

    element: Member | None
    headers: tuple[Member, ...] = ()
    rpc: bool = False
    encoded: bool = False  # SOAP's own encoding: values carry xsi:type


@dataclass(frozen=True, slots=True)
class Signature:
    """All that is known of one operation's values. `faults` are the elements that a fault's detail may hold, by Clark name."""

    name: str
    input: Message
    output: Message | None
    faults: dict[str, Member] = field(default_factory=dict)
    text: str = ""


class Named(Protocol):
    """Types that a schema has and no operation has needed yet: a message may name each where anything may stand."""

    def knows(self, name: str) -> bool:
        """Say whether it has a complex type of that name."""
        ...

    def called(self, plain: str) -> Generator[None, None, Sequence[str]]:
        """Return its complex types of a local name."""
        ...

    def summon(self, name: str) -> Generator[None, None, None]:
        """Resolve one. It is among the `Types` then, as one of anything where it cannot be."""
        ...
