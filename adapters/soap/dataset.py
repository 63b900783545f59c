"""A .NET DataSet as JSON: `{"Table": [{"column": value or null}, …], …}`, out of the schema and the diffgram that a reply holds.

It stands behind a reply's decoding, where an operation's result is a DataSet: the WSDL says nothing of its content, each reply brings
its own schema. It takes breath by yielding, keeps the schemas that it has read, and never raises: what it does not know is text.
Source: [MS-DSDG] DataSet DiffGram Structure.
"""

from __future__ import annotations

from hashlib import blake2b
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from lxml import etree

from adapters.soap.namespaces import XML, XSD, XSI
from adapters.soap.tables import MSDATA, Table, Tables, decoded, read, reader
from adapters.xml import local, ns

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from adapters.soap.tables import Column

__all__ = ["BEFORE", "ERROR", "ERRORS", "STATE", "Readers", "is_dataset", "steps"]

STATE, ERROR, ERRORS, BEFORE = "@state", "@error", "@errors", "$before"
"""Members that say what happened to a row since it was read, what is wrong with it and with its columns, and what rows were before."""

_DIFFGR: Final = "urn:schemas-microsoft-com:xml-diffgram-v1"
_SCHEMA, _DIFFGRAM = f"{{{XSD}}}schema", f"{{{_DIFFGR}}}diffgram"
_WERE, _WRONG = f"{{{_DIFFGR}}}before", f"{{{_DIFFGR}}}errors"
_ID, _FAULT = f"{{{_DIFFGR}}}id", f"{{{_DIFFGR}}}Error"
_CHANGED, _FAULTY = f"{{{_DIFFGR}}}hasChanges", f"{{{_DIFFGR}}}hasErrors"
_ORDER: Final = f"{{{MSDATA}}}rowOrder"
_NIL, _TYPE = f"{{{XSI}}}nil", f"{{{XSI}}}type"
_OURS: Final = frozenset((_DIFFGR, MSDATA, XSI, XML))  # attributes that are no columns
_TRUE: Final = ("true", "1")
_STATES: Final = ("inserted", "modified")  # "descent": only a nested row has changed

_BREATH: Final = 1_000  # cells between two yields, about 100 rows: 0.4 ms
_ROW: Final = 2  # cells that a row costs by itself
_BLANKS: Final = 16  # nulls cost that much less than cells
_SIGNS: Final = 32  # so much of an unknown name costs as much as a cell, where all of it is escapes
# What a thin reply may grow to by a schema with many columns, at 20 bytes each 40 MB. Rows past that lack their nulls.
_NULLS_MAX: Final = 2_000_000
_LISTS: Final = 16  # an empty list is as large as five nulls, and the collector looks at each
_DEPTH: Final = 64  # the parser's own bound; a row deeper than that is read as text
_KEPT_ELEMENTS: Final = 3_000  # to hash a larger schema would take over a millisecond: it is read anew each time

Row: TypeAlias = "dict[str, Any]"
Found: TypeAlias = "dict[str, list[Row]]"


def is_dataset(element: etree._Element) -> bool:
    """Say whether an element holds a diffgram, as a DataSet and a DataTable do; its schema stands beside it, or is left out."""
    return next(element.iterchildren(_DIFFGRAM), None) is not None


def steps(element: etree._Element, readers: Readers | None = None) -> Generator[None, None, dict[str, Any]]:
    """Decode the DataSet that `element` holds; a yield, about every 100 rows, is where others may have their turn. Never raises.

    Each row has every column of its table's schema, in the schema's order, with null where the element is absent: so a DataSet
    writes DBNull, whatever default the schema names. A table without rows is []. A column that the schema does not have is text;
    where there is no schema at all, everything is. Nested tables are lists within their parent's row. Rows are the current ones:
    `@state` is there where one is inserted or modified, `$before` where rows had other values or have been deleted.
    `@error` and `@errors`, by column, are what the service says is wrong with one. Past two million nulls rows come without theirs.
    """
    tables = yield from (_READERS if readers is None else readers).tables(list(element.iterchildren(_SCHEMA)))
    found: Found = {name: [] for name in tables.top}
    reading = _Rows(tables)
    diffgram = next(element.iterchildren(_DIFFGRAM), None)
    before: Found = {}
    for part in () if diffgram is None else diffgram:
        if part.tag == _WERE:
            yield from reading.rows(part, before, deleted=True)
        elif part.tag == _WRONG:
            yield from reading.errors(part)
        elif isinstance(part.tag, str):
            yield from reading.rows(part, found)
    return {**found, BEFORE: before} if before else found


class Readers:
    """The schemas that have been read, by the hash of their bytes: a service sends the same few for ever.

    At most `most` schemas of `size_max_bytes` together, the longest unused goes first. For one thread.
    """

    def __init__(self, most: int = 128, size_max_bytes: int = 4_194_304) -> None:
        self.most: Final = most
        self.size_max_bytes: Final = size_max_bytes  # what is kept takes three times that
        self._kept: dict[bytes, tuple[Tables, int]] = {}
        self._size = 0

    def __len__(self) -> int:
        return len(self._kept)

    def tables(self, schemas: list[etree._Element]) -> Generator[None, None, Tables]:
        """Return what the schemas of a DataSet say. Yields where it has to read them and they are long."""
        if not schemas:
            return Tables()
        if (hashed := _hashed(schemas)) is None:
            return (yield from read(schemas))
        key, size = hashed
        if (kept := self._kept.pop(key, None)) is not None:
            self._kept[key] = kept  # as the latest
            return kept[0]
        tables = yield from read(schemas)
        self._keep(key, tables, size)
        return tables

    def _keep(self, key: bytes, tables: Tables, size: int) -> None:
        _, before = self._kept.pop(key, (tables, 0))  # another reply with the same schema may have been faster
        self._size += size - before
        self._kept[key] = (tables, size)
        while self._kept and (len(self._kept) > self.most or self._size > self.size_max_bytes):
            self._size -= self._kept.pop(next(iter(self._kept)))[1]


_READERS: Final = Readers()


def _hashed(schemas: list[etree._Element]) -> tuple[bytes, int] | None:
    """Return a hash and the size of the schemas, with the prefixes in their scope; None where that would take long."""
    digest = blake2b(digest_size=16)
    left, size = _KEPT_ELEMENTS, 0
    for schema in schemas:
        left -= sum(1 for _ in islice(schema.iter(), left))
        if left <= 0:
            return None
        text = etree.tostring(schema, with_tail=False)
        size += len(text)
        digest.update(text)
    return digest.digest(), size


class _Rows:
    """The decoding of one diffgram's rows. It remembers the rows whose errors come later, and which have changed."""

    def __init__(self, tables: Tables) -> None:
        self._by_tag: Final = dict(tables.by_tag)  # grows by what the schema does not have
        self._spent = 0
        self._nulls = _NULLS_MAX
        self._modified: set[str] = set()
        self._faulty: dict[str, Row] = {}
        self._unknown: dict[str, Table] = {}

    def rows(self, parent: etree._Element, found: Found, *, deleted: bool = False) -> Generator[None, None, None]:
        """Add the rows that are children of `parent` to their tables in `found`. `deleted`: those that are no longer there say so."""
        for element in parent:
            table = self._by_tag.get(element.tag) or self._stranger(element.tag)
            if table is None:
                continue
            row = yield from self._row(table, element, 1)
            if deleted and element.get(_ID) not in self._modified:
                row.setdefault(STATE, "deleted")
            if (rows := found.get(table.name)) is None:
                rows = found[table.name] = []
            rows.append(row)

    def errors(self, parent: etree._Element) -> Generator[None, None, None]:
        """Give the rows that have errors their texts."""
        for element in parent:
            row = self._faulty.get(element.get(_ID) or "")
            if row is not None:
                if text := element.get(_FAULT):
                    row.setdefault(ERROR, text)
                columns = islice(element.iterchildren(etree.Element), _BREATH)  # no row has more that are wrong
                if texts := {self._decoded(local(each.tag)): each.get(_FAULT) or "" for each in columns}:
                    row.setdefault(ERRORS, texts)
            yield from self._breathe(1 + len(element))

    def _stranger(self, tag: object) -> Table | None:
        """Return the table for an element that the schema does not have: the one of that name elsewhere, or one without columns."""
        if not isinstance(tag, str):  # a comment
            return None
        name = local(tag)
        table = self._by_tag[tag] = self._by_tag.get(name) or self._undeclared(self._decoded(name))
        return table

    def _undeclared(self, name: str) -> Table:
        if (table := self._unknown.get(name)) is None:
            table = self._unknown[name] = Table(name)
        return table

    def _decoded(self, name: str) -> str:
        self._spent += len(name) // _SIGNS
        return decoded(name)

    def _row(self, table: Table, element: etree._Element, depth: int) -> Generator[None, None, Row]:
        row: Row = self._blank(table)
        if len(element.attrib) != 2 or element.get(_ORDER) is None or element.get(_ID) is None:
            self._attributes(table, element, row)
        columns = table.columns
        cells = len(element)
        for part in (element,) if cells <= _BREATH else _slices(element):
            for cell in part:
                column = columns.get(cell.tag)
                if column is None:
                    yield from self._other(table, cell, row, depth)
                    continue
                name, convert = column
                text = cell.text
                if text is None:
                    row[name] = _empty(cell, column)
                else:
                    row[name] = text if convert is None else convert(text)
            self._spent += len(part)
            if self._spent >= _BREATH:
                self._spent = 0
                yield
        if (text := element.text) is not None and (table.text or not cells):
            self._text(table, text, row)
        return row

    def _breathe(self, spent: int) -> Generator[None, None, None]:
        self._spent += spent
        if self._spent >= _BREATH:
            self._spent = 0
            yield

    def _blank(self, table: Table) -> Row:
        blanks = len(table.blank) + _LISTS * len(table.inside)
        self._spent += _ROW + blanks // _BLANKS
        self._nulls -= blanks
        if self._nulls < 0:
            return {}
        row: Row = dict(table.blank)
        for name in table.inside:
            row[name] = []
        return row

    def _attributes(self, table: Table, element: etree._Element, row: Row) -> None:
        self._spent += len(element.attrib)
        for tag, value in [(str(tag), str(value)) for tag, value in element.items()]:
            if column := table.attributes.get(tag):
                row[column[0]] = _value(value, column)
            elif tag == _CHANGED:
                if (
                    state := value.lower()
                ) in _STATES:  # the specification's schema writes it with a capital, its examples do not
                    row.setdefault(STATE, state)
                if state == "modified":
                    self._modified.add(element.get(_ID) or "")
            elif tag == _FAULTY:
                self._faulty.setdefault(element.get(_ID) or "", row)
            elif ns(tag) not in _OURS:
                column = table.attributes.get(local(tag)) or (self._decoded(local(tag)), None)
                row[column[0]] = _value(value, column)

    def _text(self, table: Table, text: str, row: Row) -> None:
        """Read a row's own text. A row that nobody declared, with text alone, is what .NET infers a text column from."""
        if table.text is not None:
            row[table.text[0]] = _value(text, table.text)
        elif not table.blank and text.strip():
            row[f"{table.name}_Text"] = text

    def _other(self, table: Table, cell: etree._Element, row: Row, depth: int) -> Generator[None, None, None]:
        """Read what is no plain column under its expected name: a nested table, a column of any type, one that is not in the schema."""
        tag: object = cell.tag
        if not isinstance(tag, str):
            return
        name = local(tag)
        if nested := table.nested.get(tag) or table.nested.get(name):
            yield from self._nested(*nested, cell, row, depth)
        elif column := table.columns.get(name):
            row[column[0]] = _empty(cell, column) if cell.text is None else _value(cell.text, column)
        elif loose := table.loose.get(tag) or table.loose.get(name):
            row[loose] = yield from self._anything(loose, cell, depth)
        elif len(cell):
            table = self._undeclared(self._decoded(name))
            yield from self._nested(table.name, table, cell, row, depth)
        else:
            row[self._decoded(name)] = _empty(cell, ("", None)) if cell.text is None else cell.text
            yield from self._breathe(1)

    def _nested(
        self, name: str, table: Table, cell: etree._Element, row: Row, depth: int
    ) -> Generator[None, None, None]:
        if depth >= _DEPTH:
            row[name] = cell.text or ""
            return
        inside = yield from self._row(table, cell, depth + 1)
        if not isinstance(rows := row.get(name), list):
            rows = row[name] = []
        rows.append(inside)

    def _anything(self, name: str, cell: etree._Element, depth: int) -> Generator[None, None, Any]:
        """Read a value whose type is its own: xsi:type says which; one with elements is an object of texts."""
        if len(cell) and depth < _DEPTH:
            return (yield from self._row(self._undeclared(name), cell, depth + 1))
        prefix, _, plain = (cell.get(_TYPE) or "").strip().rpartition(":")
        convert = reader(plain) if plain and cell.nsmap.get(prefix or None) == XSD else None
        return _empty(cell, (name, convert)) if cell.text is None else _value(cell.text, (name, convert))


def _value(text: str, column: Column) -> Any:
    convert = column[1]
    return text if convert is None else convert(text)


def _empty(cell: etree._Element, column: Column) -> Any:
    """Read an element without text: null where it says so, an empty text elsewhere."""
    return None if cell.get(_NIL) in _TRUE else _value("", column)


def _slices(element: etree._Element) -> Iterator[list[etree._Element]]:
    cells = iter(element)
    while part := list(islice(cells, _BREATH)):
        yield part
