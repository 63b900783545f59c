"""`?singleWsdl` where the backend has none: its WSDL with everything that it imports in one document.

Stands behind the shelf, which feeds it with the documents that it wants. It answers with a WSDL that means the same, or raises
`Unshowable` with what one document cannot hold; it fetches nothing and leaves what is not the backend's where it is.
"""

from __future__ import annotations

import asyncio
import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin

from lxml import etree

from adapters import xml
from adapters.soap import namespaces
from adapters.soap.definitions import Definitions, Document
from adapters.soap.names import Names, Unshowable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from adapters.soap.names import Kind

__all__ = ["Single", "Unshowable"]

_WSDL: Final = f"{{{namespaces.WSDL}}}"
_XSD: Final = f"{{{namespaces.XSD}}}"
_TYPES: Final = f"{_WSDL}types"
_SCHEMA: Final = f"{_XSD}schema"
_IMPORT, _INCLUDE = f"{_XSD}import", f"{_XSD}include"
_OTHERS: Final = (f"{_XSD}redefine", f"{_XSD}override")  # XSD 1.0 §4.2.2, XSD 1.1 §4.2.5: they change what they take in
_HEAD: Final = (_IMPORT, _INCLUDE, *_OTHERS)
# What stands for a whole document and may not differ where two become one (XSD 1.0 §3.15.2).
_DEFAULTS: Final = ("blockDefault", "finalDefault")
_FORMS: Final = ((f"{_XSD}element", "elementFormDefault"), (f"{_XSD}attribute", "attributeFormDefault"))
# Attributes that hold names with prefixes; `xpath` of a key is not among them, its default namespace is always none.
_NAMED: Final = ("type", "ref", "base", "itemType", "memberTypes", "refer", "substitutionGroup")
_SLICE: Final = 100  # top-level components moved between two yields


class Single:
    """One WSDL, out of many documents of one endpoint, each known by where it lies at the backend."""

    def __init__(self, names: Names, first: str, *, documents_max: int, bytes_max: int) -> None:
        self._names, self._first = names, first
        self._documents_max, self._left_bytes = documents_max, bytes_max
        self._documents: dict[str, Document] = {}
        self._wanted: dict[str, None] = {first: None}

    @property
    def wanted(self) -> str | None:
        """The next document to `add`, None once they are all here."""
        return next(iter(self._wanted), None)

    async def add(self, source: str, body: bytes) -> None:
        """Take a document. Raises `XmlRefused` for what is not XML, `Unshowable` for too much or what leads nowhere."""
        self._wanted.pop(source, None)
        self._left_bytes -= len(body)
        if len(self._documents) >= self._documents_max or self._left_bytes < 0:
            raise Unshowable("it imports more than one document can hold")
        root = await xml.parse_in_pieces(body, charset=None, markup_max=xml.REPLY_MARKUP)
        self._documents[source] = Document(root, body)
        for reference in _references(root):
            at = self._at(source, reference)
            if at is not None and at not in self._documents:
                self._wanted[at] = None

    async def whole(self) -> bytes:
        """Return the one document in UTF-8, or, where nothing is imported, the first one as it came."""
        first = self._documents[self._first]
        if first.root.tag != f"{_WSDL}definitions":
            raise Unshowable(f"it is {xml.local(first.root.tag)}, not wsdl:definitions")
        if len(self._documents) == 1:
            return first.body
        merge = _Merge(self._documents, self._first, self._at)
        for _ in merge.steps():
            await asyncio.sleep(0)
        return await asyncio.to_thread(etree.tostring, first.root, xml_declaration=True, encoding="utf-8")

    async def release(self) -> None:
        """Free the trees piece by piece: at once, a large one holds the loop for milliseconds."""
        for _ in Definitions(self._documents, {}).release():
            await asyncio.sleep(0)

    def _at(self, source: str, reference: etree._Element) -> str | None:
        """Return where what an element refers to lies at the backend, in one spelling; None where it is not the backend's."""
        location = reference.get("location" if reference.tag == f"{_WSDL}import" else "schemaLocation")
        if not location:
            return None
        kind: Kind = "wsdl" if reference.tag == f"{_WSDL}import" else "xsd"
        try:
            name = self._names.name(urljoin(source, location.strip()), kind)
        except ValueError:
            raise Unshowable(f"it imports {location!r}, which is not a location") from None
        return None if name is None else self._names.source(name)


def _references(root: etree._Element) -> Iterator[etree._Element]:
    """Give what refers to other documents, in order."""
    for child in root:
        if child.tag == f"{_WSDL}import" or child.tag in _HEAD:
            yield child
        elif child.tag == _TYPES:
            for schema in child.iterchildren(_SCHEMA):
                yield from schema.iterchildren(*_HEAD)


@dataclass(slots=True)
class _Merge:
    documents: Mapping[str, Document]
    first: str
    at: Callable[[str, etree._Element], str | None]
    _taken: set[tuple[str, str]] = field(default_factory=set)  # a document, and the namespace that it was taken into

    def steps(self) -> Iterator[None]:
        """Move everything into the first document: WSDLs first, then the schemas of all of them."""
        root = self.documents[self.first].root
        types = root.find(_TYPES)
        if types is None:
            types = etree.Element(_TYPES)
            root.insert(0, types)
        schemas = [(schema, self.first) for schema in types.iterchildren(_SCHEMA)]
        yield from self._definitions(root, types, schemas)
        while schemas:
            schema, source = schemas.pop(0)
            yield from self._schema(schema, source, types, schemas)

    def _definitions(
        self, root: etree._Element, types: etree._Element, schemas: list[tuple[etree._Element, str]]
    ) -> Iterator[None]:
        pending = [(each, self.first) for each in root.iterchildren(f"{_WSDL}import")]
        taken = {self.first}
        while pending:
            reference, source = pending.pop(0)
            at = self.at(source, reference)
            if at is None:
                if source != self.first:
                    _move(reference, root, len(root))  # somebody else's, and still needed
                continue
            _drop(reference)
            found = self.documents[at].root
            if found.tag == _SCHEMA:  # common, though WSDL 1.1 §2.1.1 wants definitions
                self._take_schema(found, at, types, schemas)
            elif at not in taken:
                taken.add(at)
                _same_namespace(root, found, "WSDLs")
                yield from self._move_definitions(found, at, root, types, schemas, pending)

    def _move_definitions(
        self,
        found: etree._Element,
        at: str,
        root: etree._Element,
        types: etree._Element,
        schemas: list[tuple[etree._Element, str]],
        pending: list[tuple[etree._Element, str]],
    ) -> Iterator[None]:
        for count, child in enumerate(list(found), 1):
            if child.tag == f"{_WSDL}import":
                pending.append((child, at))
            elif child.tag == _TYPES:
                inside = list(child.iterchildren(_SCHEMA))
                schemas.extend((_move(schema, types, len(types)), at) for schema in inside)
            elif child.tag != f"{_WSDL}documentation":
                _move(child, root, len(root))
            if count % _SLICE == 0:
                yield
        yield

    def _take_schema(
        self, found: etree._Element, at: str, types: etree._Element, schemas: list[tuple[etree._Element, str]]
    ) -> None:
        key = (at, found.get("targetNamespace", ""))
        if key not in self._taken:
            self._taken.add(key)
            schemas.append((_move(found, types, len(types)), at))

    def _schema(
        self, schema: etree._Element, source: str, types: etree._Element, schemas: list[tuple[etree._Element, str]]
    ) -> Iterator[None]:
        """Turn imports with a location into imports of a schema beside this one; put what is included in its place."""
        target = schema.get("targetNamespace", "")
        pending = [(child, source) for child in schema.iterchildren(*_HEAD)]
        while pending:
            reference, base = pending.pop(0)
            at = self.at(base, reference)
            if at is None:
                continue
            found = self.documents[at].root
            if reference.tag in _OTHERS:
                raise Unshowable(f"a schema uses xsd:{xml.local(reference.tag)}, which one document cannot hold")
            if found.tag != _SCHEMA:
                raise Unshowable(f"a schema imports {xml.local(found.tag)}, which is no schema")
            if reference.tag == _IMPORT:
                del reference.attrib["schemaLocation"]
                self._take_schema(found, at, types, schemas)
                continue
            if (at, target) not in self._taken:
                self._taken.add((at, target))
                yield from self._include(found, at, schema, reference, pending)
            _drop(reference)

    def _include(
        self,
        found: etree._Element,
        at: str,
        schema: etree._Element,
        reference: etree._Element,
        pending: list[tuple[etree._Element, str]],
    ) -> Iterator[None]:
        own, target = found.get("targetNamespace", ""), schema.get("targetNamespace", "")
        if own != target and own:
            raise Unshowable(f"a schema of {target or 'no namespace'} includes one of {own}")
        for name in _DEFAULTS:
            if found.get(name, "") != schema.get(name, ""):
                raise Unshowable(f"a schema includes another with a different {name}")
        taken = copy.deepcopy(found)  # it may be included into several namespaces
        yield
        yield from _keep_forms(taken, schema)
        for count, child in enumerate(list(taken), 1):
            if child.tag in _HEAD:  # XSD 1.0 §3.15.2: before all components
                pending.append((_move(child, schema, schema.index(reference), target, chameleon=not own), at))
            else:
                _move(child, schema, len(schema), target, chameleon=not own)
            if count % _SLICE == 0:
                yield


def _same_namespace(one: etree._Element, other: etree._Element, what: str) -> None:
    spaces = [each.get("targetNamespace", "") or "none" for each in (one, other)]
    if spaces[0] != spaces[1]:
        raise Unshowable(f"its {what} are of several namespaces ({', '.join(spaces)}), and one document has only one")


def _keep_forms(taken: etree._Element, schema: etree._Element) -> Iterator[None]:
    """Write down what local elements and attributes had by default, where their new schema has another default."""
    for tag, default in _FORMS:
        own = taken.get(default, "unqualified")
        if own == schema.get(default, "unqualified"):
            continue
        for count, each in enumerate(taken.iter(tag), 1):
            if each.getparent() is not taken and each.get("ref") is None and each.get("form") is None:
                each.set("form", own)
            if count % (2 * _SLICE) == 0:
                yield


def _drop(element: etree._Element) -> None:
    parent = element.getparent()
    if parent is not None:
        parent.remove(element)


def _move(
    element: etree._Element, parent: etree._Element, index: int, target: str = "", *, chameleon: bool = False
) -> etree._Element:
    """Put an element into `parent` with every prefix that it sees: values hold prefixes too, which lxml does not know of.

    A schema without a namespace takes the one that it is included into (`chameleon`, XSD 1.0 §4.2.1): its names without a
    prefix then mean that one.
    """
    seen: dict[str | None, str] = dict(element.nsmap)
    if None not in seen:
        if chameleon and target:
            seen[None] = target
        elif parent.nsmap.get(None) and _says_bare_names(element):
            raise Unshowable("a schema uses names of no namespace, which the document around it would change")
    element.tail = None
    if element.getparent() is not None and any(parent.nsmap.get(prefix) != uri for prefix, uri in seen.items()):
        made = etree.Element(element.tag, {str(k): str(v) for k, v in element.items()}, nsmap=seen)  # type: ignore[arg-type]  # the stubs know no default namespace
        made.text = element.text
        made.extend(list(element))
        _drop(element)
        element = made
    parent.insert(index, element)
    return element


def _says_bare_names(element: etree._Element) -> bool:
    return any(
        ":" not in name
        for each in element.iter(f"{_XSD}*")
        for key in _NAMED
        if (value := each.get(key)) is not None
        for name in value.split()
    )
