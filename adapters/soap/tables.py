"""What the schema inside a .NET DataSet says of its tables: their columns, how each value is read, which tables stand inside which.

`dataset` asks for it once per schema and keeps the answer. It answers with `Tables`, whatever it is given: what it cannot resolve
is left out, and the rows' own elements are then read as text. It follows no import and ignores keys, relations and constraints.
Source: [MS-DSDG] DataSet DiffGram Structure, section 2; names as XmlConvert.EncodeName writes them.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from adapters.soap import scalars
from adapters.soap.namespaces import XSD
from adapters.soap.types import Scalar
from adapters.xml import local, ns

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

    from lxml import etree

__all__ = ["MSDATA", "Column", "Table", "Tables", "decoded", "read", "reader"]

MSDATA: Final = "urn:schemas-microsoft-com:xml-msdata"

Convert: TypeAlias = "Callable[[str], Any]"
Column: TypeAlias = "tuple[str, Convert | None]"
"""A column's name in JSON and what makes its value out of text; None where the text is the value."""

_IS_DATASET: Final = f"{{{MSDATA}}}IsDataSet"
_COLUMN_NAME: Final = f"{{{MSDATA}}}ColumnName"
_HIDDEN: Final = f"{{{MSDATA}}}hidden"  # before the name of a column that only diffgrams show, as an attribute

_X: Final = f"{{{XSD}}}"
_ELEMENT, _ATTRIBUTE, _SIMPLE = f"{_X}element", f"{_X}attribute", f"{_X}simpleContent"
_SCHEMA, _COMPLEX_TYPE, _SIMPLE_TYPE = f"{_X}schema", f"{_X}complexType", f"{_X}simpleType"
_AROUND: Final = frozenset(_X + name for name in ("sequence", "choice", "all", "complexContent", "restriction"))
_EXTENSION: Final = f"{_X}extension"
_TO_BUILTIN: Final = (_SIMPLE_TYPE, f"{_X}restriction", _EXTENSION, _SIMPLE)

_COLUMNS_MAX: Final = 20_000  # SQL Server's widest table has 30 000 sparse ones, its widest ordinary one 1 024
_TABLE: Final = 10  # as large as so many columns
_GLOBALS_MAX: Final = 4_000  # to let go of them all takes 1.5 ms; .NET writes one per table at most
_BASES_MAX: Final = 32  # types derived from one another; .NET writes one step
_BREATH: Final = 100  # declarations between two yields: 10 microseconds each
_SIGNS: Final = 32  # so much of a name costs as much, where all of it is escapes

_HEX: Final = "[0-9A-Fa-f]"
# two halves of a character of UTF-16 side by side, or one character
_ENCODED: Final = re.compile(
    rf"_[Xx](?:(D[89AB]{_HEX}{{2}})__x(D[C-F]{_HEX}{{2}})|({_HEX}{{8}}|{_HEX}{{4}}))_", re.IGNORECASE
)


@dataclass(slots=True)
class Table:
    """A table. `blank` is a row of it in which every column is null; the others find a column by the name that a row's XML has for it.

    Each is there with and without its namespace. `nested` are tables whose rows stand inside rows of this one, `loose` columns of any
    type. `text` is the column that is the row's own text.
    """

    name: str
    blank: dict[str, None] = field(default_factory=dict)
    columns: dict[str, Column] = field(default_factory=dict)
    attributes: dict[str, Column] = field(default_factory=dict)
    loose: dict[str, str] = field(default_factory=dict)
    nested: dict[str, tuple[str, Table]] = field(default_factory=dict)
    inside: tuple[str, ...] = ()
    text: Column | None = None


@dataclass(slots=True)
class Tables:
    """All tables of a DataSet: `top` those that it lists, in the schema's order; `by_tag` has the nested ones too."""

    top: tuple[str, ...] = ()
    by_tag: dict[str, Table] = field(default_factory=dict)


def decoded(name: str) -> str:
    """Undo XmlConvert.EncodeName: `Seat_x0020_No` is "Seat No". What would be half a character stays as it is written."""
    return _ENCODED.sub(_sign, name) if "_x" in name or "_X" in name else name


def _sign(found: re.Match[str]) -> str:
    if found[1]:
        return chr(0x10000 + ((int(found[1], 16) - 0xD800) << 10) + int(found[2], 16) - 0xDC00)
    code = int(found[3], 16)
    return found[0] if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF else chr(code)


@lru_cache(maxsize=64)  # there are 44 built-in types; what a schema makes up does not stay
def reader(builtin: str) -> Convert | None:
    """Return what makes a JSON value out of a built-in type's text, as everywhere; None where the text is the value."""
    return scalars.reader(Scalar(builtin))


_ANY: Final = frozenset(("anyType", "anySimpleType", ""))


def read(schemas: Iterable[etree._Element]) -> Generator[None, None, Tables]:
    """Read a DataSet's schemas; one has several where its tables are in several namespaces. Yields where others may have a turn."""
    return (yield from _Reading().tables(schemas))


@dataclass(frozen=True, slots=True)
class _Declared:
    """A declaration, and the target namespace of the schema that it stands in."""

    element: etree._Element
    space: str

    def at(self, element: etree._Element) -> _Declared:
        return _Declared(element, self.space)

    def refers(self, attribute: str) -> str:
        """Return the name that an attribute's value means, in Clark notation; "" where there is none."""
        prefix, _, plain = (self.element.get(attribute) or "").strip().rpartition(":")
        return _clark(self.element.nsmap.get(prefix or None) or "", plain) if plain else ""

    @property
    def names(self) -> tuple[str, ...]:
        """Say how messages may spell it: most DataSets have no namespace, typed ones qualify their elements."""
        name = self.element.get("name") or ""
        return (f"{{{self.space}}}{name}", name) if self.space else (name,)


class _Reading:
    """One reading. Tables that wait for their columns stand in a line, so that types which hold themselves end it, and deep ones do."""

    def __init__(self) -> None:
        self.globals: dict[tuple[str, str], _Declared] = {}
        self.waiting: deque[tuple[Table, _Declared]] = deque()
        self.made: dict[tuple[str, str], Table] = {}
        self.found = Tables()
        self.size = 0  # columns and tables
        self.spent = 0

    def tables(self, schemas: Iterable[etree._Element]) -> Generator[None, None, Tables]:
        roots = []
        for schema in schemas:
            for each in schema:
                yield from self._breathe(each)
                declared = _Declared(each, schema.get("targetNamespace") or "")
                if len(self.globals) < _GLOBALS_MAX and (name := each.get("name")):
                    self.globals.setdefault((each.tag, _clark(declared.space, name)), declared)
                    roots += [declared] if each.tag == _ELEMENT else []
        yield from self._list_top(roots)
        while self.waiting and self.size < _COLUMNS_MAX:
            yield from self._fill(*self.waiting.popleft())
        return self.found

    def _breathe(self, part: etree._Element) -> Generator[None, None, None]:
        self.spent += 1 + len(part.get("name") or "") // _SIGNS
        if self.spent >= _BREATH:
            self.spent = 0
            yield

    def _list_top(self, roots: list[_Declared]) -> Generator[None, None, None]:
        """Without an element that says it is the data set, what .NET infers: it is the one that has only tables, or there is none."""
        sets = [each for each in roots if each.element.get(_IS_DATASET) in ("true", "1")] or self._inferred(roots)
        top: dict[str, Table] = {}
        for declared in chain.from_iterable(self._inside(each) for each in sets) if sets else roots:
            yield from self._breathe(declared.element)
            if declared.element.tag == _ELEMENT and (table := self._table(declared)):
                if top.get(table.name, table) is not table:  # tables may differ in their namespaces alone
                    table.name = declared.names[0]
                top[table.name] = table
        self.found.top = tuple(top)

    def _inside(self, declared: _Declared) -> Iterator[_Declared]:
        complex_type = self._complex(declared)
        return (self._target(part) for part in self._parts(complex_type)) if complex_type else iter(())

    def _inferred(self, roots: list[_Declared]) -> list[_Declared]:
        if len(roots) != 1:
            return []
        parts = islice(self._inside(roots[0]), _BREATH)  # of a wider one these tell as much
        inside = [part for part in parts if part.element.tag == _ELEMENT]
        return roots if inside and all(map(self._complex, inside)) else []

    def _target(self, declared: _Declared) -> _Declared:
        """Return what a `ref` refers to, the declaration itself where it is none."""
        ref = declared.refers("ref")
        return self.globals.get((declared.element.tag, ref), declared) if ref else declared

    def _complex(self, declared: _Declared) -> _Declared | None:
        """Return an element's complex type, written in its place or elsewhere."""
        if (inline := declared.element.find(_COMPLEX_TYPE)) is not None:
            return declared.at(inline)
        return self.globals.get((_COMPLEX_TYPE, declared.refers("type")))

    def _table(self, declared: _Declared) -> Table | None:
        """Return the table that an element declares, which is filled later; None without a name or above the bound."""
        name = declared.element.get("name")
        if not name or self.size >= _COLUMNS_MAX:
            return None
        key = (_clark(declared.space, name), declared.refers("type"))
        parent = declared.element.getparent()
        is_global = parent is not None and parent.tag == _SCHEMA
        named = is_global or declared.element.find(_COMPLEX_TYPE) is None
        if named and key in self.made:
            return self.made[key]
        table = Table(decoded(name))
        self.size += _TABLE
        self.waiting.append((table, declared))
        if named:
            self.made[key] = table
        for tag in declared.names:
            self.found.by_tag.setdefault(tag, table)
        return table

    def _fill(self, table: Table, declared: _Declared) -> Generator[None, None, None]:
        if (complex_type := self._complex(declared)) is None:
            name = declared.element.get(_COLUMN_NAME)
            self._add_text(table, name, self._builtin(declared))
            return
        for part in self._parts(complex_type):
            yield from self._breathe(part.element)
            if self.size >= _COLUMNS_MAX:
                return
            self.size += 1
            if part.element.tag == _SIMPLE:
                self._add_text(table, part.element.get(_COLUMN_NAME), self._builtin(part))
            elif part.element.tag == _ATTRIBUTE:
                self._add_attribute(table, self._target(part))
            elif part.element.tag == _ELEMENT:
                self._add_element(table, part)

    def _add_text(self, table: Table, name: str | None, builtin: str) -> None:
        if column := self._free(table, name or f"{table.name}_Text"):
            table.text = (column, reader(builtin))

    def _add_attribute(self, table: Table, declared: _Declared) -> None:
        if name := self._free(table, *reversed(declared.names)):
            for tag in (*declared.names, _HIDDEN + declared.names[-1]):
                table.attributes.setdefault(tag, (name, reader(self._builtin(declared))))

    def _add_element(self, table: Table, part: _Declared) -> None:
        declared = self._target(part)
        if self._complex(declared) or part.element.get("maxOccurs", "1") not in ("0", "1"):
            self._nest(table, declared)
        elif name := self._free(table, *reversed(declared.names)):
            builtin = self._builtin(declared)
            for tag in declared.names:
                if builtin in _ANY:
                    table.loose.setdefault(tag, name)
                else:
                    table.columns.setdefault(tag, (name, reader(builtin)))

    def _nest(self, table: Table, declared: _Declared) -> None:
        if (nested := self._table(declared)) and (name := self._free(table, *reversed(declared.names))):
            del table.blank[name]  # a row has a list of its own there
            table.inside += (name,)
            for tag in declared.names:
                table.nested.setdefault(tag, (name, nested))

    def _free(self, table: Table, *names: str) -> str | None:
        """Add a column, null, under the first of its names that no other has: they may differ in their namespaces alone."""
        for name in map(decoded, names):
            if name and name not in table.blank and name not in table.inside:
                table.blank[name] = None
                return name
        return None

    def _builtin(self, declared: _Declared) -> str:
        """Return the built-in type below a simple one; "" where nothing says it, "string" of unions and lists."""
        for _ in range(_BASES_MAX):
            if name := declared.refers("type") or declared.refers("base"):
                if ns(name) == XSD:
                    return local(name)
                found = self.globals.get((_SIMPLE_TYPE, name)) or self.globals.get((_COMPLEX_TYPE, name))
                if found is None:
                    return ""
                declared = found
            inner = next((each for each in declared.element if each.tag in _TO_BUILTIN), None)
            if inner is None:
                return "string" if declared.element.tag == _SIMPLE_TYPE else ""
            declared = declared.at(inner)
        return ""

    def _parts(self, declared: _Declared) -> Iterator[_Declared]:
        """Yield the elements, attributes and whatever else a complex type has, what is in its bases first, groups laid flat."""
        stack = [(iter(declared.element), declared.space)]
        seen = set()
        while stack:
            children, space = stack[-1]
            if (part := next(children, None)) is None:
                stack.pop()
                continue
            each = _Declared(part, space)
            yield each
            if part.tag in _AROUND or part.tag in (_SIMPLE, _EXTENSION, _COMPLEX_TYPE):
                stack.append((iter(part), space))
            base = each.refers("base") if part.tag == _EXTENSION else ""
            if base not in seen and (found := self.globals.get((_COMPLEX_TYPE, base))):
                seen.add(base)
                stack.append((iter(found.element), found.space))


def _clark(space: str, name: str) -> str:
    return f"{{{space}}}{name}" if space else name
