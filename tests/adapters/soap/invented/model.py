"""What a made-up contract is made of: choices out of bytes, and the declarations of a schema."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from hypothesis import strategies as st

from tests.adapters.soap.library import XSD_NS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MANY: Final = 10**9
T, U, W, R = "urn:t", "urn:u", "urn:w", "urn:r"
PREFIXES: Final = {T: "t", U: "u"}


def choices(size: int) -> st.SearchStrategy[bytes]:
    """Return a strategy for what a `Source` is made of: what hypothesis likes, and what is all mixed up, cut off anywhere."""
    length = st.sampled_from((size // 8, size // 2, size, size, size))
    mixed = (st.builds(_mixed, st.integers(0, 2**32), length) for _ in range(4))
    return st.one_of(st.binary(min_size=size, max_size=size), *mixed)


def _mixed(seed: int, length: int) -> bytes:
    return random.Random(seed).randbytes(length)


class Source:
    """Choices out of bytes."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def below(self, most: int) -> int:
        """Choose a number below `most`."""
        self._at += 1
        return self._data[self._at - 1] % most if self._at <= len(self._data) else 0

    def pick(self, choices: Sequence[Any]) -> Any:
        """Choose one of several, the first being the simplest."""
        return choices[self.below(len(choices))]

    def chance(self, of: int = 3) -> bool:
        """Say yes once in so many times."""
        return self.below(of) == of - 1


# --- the model


@dataclass(frozen=True)
class Simple:
    """A simple type: its name, or what stands in its place. `wrong` are no values of it."""

    named: str
    values: tuple[Any, ...]
    wrong: tuple[Any, ...]
    inside: str = ""

    @property
    def said(self) -> tuple[str, str]:
        """Return what a declaration of it has as an attribute, and as its content."""
        return (f' type="{self.named}"', "") if self.named else ("", f"<x:simpleType>{self.inside}</x:simpleType>")


@dataclass(eq=False)
class Field:
    """An element's declaration. `space` "" is none; `ref` where it is global and referred to."""

    plain: str
    camel: str
    space: str
    type: Any = None
    fewest: int = 1
    most: int = 1
    many: bool = False
    nillable: bool = False
    more: str = ""
    ref: bool = False

    @property
    def clark(self) -> str:
        return f"{{{self.space}}}{self.plain}" if self.space else self.plain


@dataclass(eq=False)
class Attr:
    """An attribute's declaration."""

    key: str
    said: str
    type: Simple
    required: bool


@dataclass(eq=False)
class Group:
    """A sequence, choice or all; `named` where it is a group's."""

    kind: str
    parts: list[Any]
    fewest: int = 1
    most: int = 1
    named: str = ""


@dataclass(eq=False)
class Type:
    """A complex type. `kind`: content, valued (simple content), array (SOAP's own), anything."""

    name: str
    space: str
    kind: str = "content"
    base: Type | None = None
    derived: list[Type] = field(default_factory=list)
    abstract: bool = False
    group: Group | None = None
    attributes: list[Attr] = field(default_factory=list)
    value: Any = None
    wild: str = ""
    any_attribute: bool = False
    mixed: bool = False

    @property
    def chain(self) -> list[Type]:
        return [*(self.base.chain if self.base else ()), self]

    @property
    def below(self) -> list[Type]:
        return [each for child in self.derived for each in (child, *child.below)]

    @property
    def ends(self) -> bool:
        """Whether it asks for no other."""
        return not any(each.fewest and isinstance(each.type, Type) for each in self.fields)

    @property
    def fields(self) -> list[Field]:
        return [each for type_ in self.chain if type_.group for each in fields_of(type_.group)]


ANYTHING: Final = Type("anyType", XSD_NS, "anything")


def fields_of(group: Group) -> Iterator[Field]:
    for part in group.parts:
        yield from fields_of(part) if isinstance(part, Group) else (part,)
