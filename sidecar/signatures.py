"""The signatures of XML-RPC methods: what an operator says that each takes and returns, because no contract of the protocol does.

Settings makes these nouns, the adapter reads them; here nothing is checked and nothing decided.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """What a value is. `any` is whatever JSON says it is; a struct without members and an array without a type hold anything."""

    INT = "int"
    I8 = "i8"
    DOUBLE = "double"
    STRING = "string"
    BOOLEAN = "boolean"
    DATETIME = "dateTime"
    BASE64 = "base64"
    NIL = "nil"
    ANY = "any"
    STRUCT = "struct"
    ARRAY = "array"


SIMPLE: Final = frozenset(
    (Kind.INT, Kind.I8, Kind.DOUBLE, Kind.STRING, Kind.BOOLEAN, Kind.DATETIME, Kind.BASE64)
)  # what a text can say, as in a query


@dataclass(frozen=True, slots=True)
class Type:
    """A type: `members` of a struct, `items` of an array."""

    kind: Kind = Kind.ANY
    members: tuple[Member, ...] = ()
    items: Type | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """A parameter, or a member of a struct."""

    name: str
    type: Type = Type()
    optional: bool = False
    text: str = ""


ANY: Final = Type()


@dataclass(frozen=True, slots=True)
class Signature:
    """One method. Parameters stand in their order; optional ones come last, because a position cannot be left out between others."""

    method: str
    params: tuple[Member, ...] = ()
    returns: Type = ANY
    text: str = ""


@dataclass(frozen=True, slots=True)
class Signatures:
    """What is known of one backend's methods, and which extensions of XML-RPC it reads: <nil/>, and <i8> where no signature asks for it."""

    methods: tuple[Signature, ...] = ()
    allow_nil: bool = False
    allow_i8: bool = False


NO_SIGNATURES: Final = Signatures()
