"""`?singleWsdl` where the backend has none: its WSDL with everything that it imports in one document.

Stands behind the shelf, which feeds it with the documents that it wants. It answers with a WSDL that means the same, or raises
`Unshowable` with what one document cannot hold; it fetches nothing and leaves what is not the backend's where it is.

Parts are joined as text, never moved from tree to tree: libxml2 drops a declaration whose namespace is known there by another
prefix, and the names inside of values (`type="tns:Seat"`) then mean nothing.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from functools import partial
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
_DEFINITIONS, _TYPES, _WSDL_IMPORT = f"{_WSDL}definitions", f"{_WSDL}types", f"{_WSDL}import"
_SCHEMA, _IMPORT, _INCLUDE = f"{_XSD}schema", f"{_XSD}import", f"{_XSD}include"
_OTHERS: Final = (
    f"{_XSD}redefine",
    f"{_XSD}override",
)  # they change what they take in (XSD 1.0 §4.2.2, XSD 1.1 §4.2.5)
_HEAD: Final = (_IMPORT, _INCLUDE, *_OTHERS)
# What stands for a whole document: some may not differ where two become one, others are written down (XSD 1.0 §3.15.2).
_DEFAULTS: Final = ("blockDefault", "finalDefault")
_FORM: Final = "unqualified"
_FORMS: Final = ((f"{_XSD}element", "elementFormDefault"), (f"{_XSD}attribute", "attributeFormDefault"))
_SLICE: Final = 20  # top-level components looked through between two yields: 0.5 ms of PayPal's
# Where a part goes. The parser drops processing instructions, so that a document cannot hold one of these.
_PLACE: Final = re.compile(rb"<\?sidecar-part (\d+)\?>")
_START: Final = re.compile(rb"<[^\s/>]+")


class Single:
    """One WSDL, out of many documents of one endpoint, each known by where it lies at the backend."""

    def __init__(self, names: Names, first: str, *, documents_max: int, bytes_max: int) -> None:
        self._names, self._first = names, first
        self._documents_max, self._bytes_max, self._bytes = documents_max, bytes_max, 0
        self._documents: dict[str, Document] = {}
        self._wanted: dict[str, None] = {first: None}

    @property
    def wanted(self) -> str | None:
        """The next document to `add`, None once they are all here."""
        return next(iter(self._wanted), None)

    async def add(self, source: str, body: bytes) -> None:
        """Take a document. Raises `XmlRefused` for what is not XML, `Unshowable` for too much or what leads nowhere."""
        self._wanted.pop(source, None)
        self._bytes += len(body)
        if len(self._documents) >= self._documents_max or self._bytes > self._bytes_max:
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
        if first.root.tag != _DEFINITIONS:
            raise Unshowable(f"it is {xml.local(first.root.tag)}, not wsdl:definitions")
        if len(self._documents) == 1:
            return first.body
        merge = _Merge(self._documents, self._first, self._at, self._bytes_max)
        for _ in merge.steps():
            await asyncio.sleep(0)
        for fill in merge.whole_schemas():
            await asyncio.to_thread(fill)  # 2 ms a MB, in which lxml lets go of the lock
        return await asyncio.to_thread(merge.joined)

    async def release(self) -> None:
        """Free the trees piece by piece: at once, a large one holds the loop for milliseconds."""
        for _ in Definitions(self._documents, {}).release():
            await asyncio.sleep(0)

    def _at(self, source: str, reference: etree._Element) -> str | None:
        """Return where what an element refers to lies at the backend, in one spelling; None where it is not the backend's."""
        kind: Kind = "wsdl" if reference.tag == _WSDL_IMPORT else "xsd"
        location = reference.get("location" if kind == "wsdl" else "schemaLocation")
        if not location:
            return None
        try:
            name = self._names.name(urljoin(source, location.strip()), kind)
        except ValueError:
            raise Unshowable(f"it imports {location!r}, which is not a location") from None
        return None if name is None else self._names.source(name)


def _references(root: etree._Element) -> Iterator[etree._Element]:
    """Give what refers to other documents, in order."""
    for child in root:
        if child.tag == _WSDL_IMPORT or child.tag in _HEAD:
            yield child
        elif child.tag == _TYPES:
            for schema in child.iterchildren(_SCHEMA):
                yield from schema.iterchildren(*_HEAD)


@dataclass(slots=True)
class _Merge:
    """The work of `whole`, bit by bit: references become places for parts, and parts become text."""

    documents: Mapping[str, Document]
    first: str
    at: Callable[[str, etree._Element], str | None]
    left_bytes: int
    _parts: list[bytes] = field(default_factory=list)
    _schemas: list[tuple[etree._Element, str, int | None]] = field(default_factory=list)  # where from, for which place
    _changes: list[Callable[[], None]] = field(default_factory=list)  # made last: what is included is read as it came
    _taken: set[tuple[str, str]] = field(default_factory=set)  # a document, and the namespace that it was taken into

    def steps(self) -> Iterator[None]:
        """Find a place for everything: WSDLs first, then the schemas of all of them, which grow in number meanwhile."""
        root = self.documents[self.first].root
        self._schemas += [(each, self.first, None) for each in root.iterfind(f"{_TYPES}/{_SCHEMA}")]
        yield from self._imports(root)
        done = 0
        while done < len(self._schemas):
            yield from self._schema(*self._schemas[done][:2])
            done += 1
        for change in self._changes:
            change()
        types = root.find(_TYPES)
        if types is None:
            types = etree.Element(_TYPES)
            root.insert(0, types)
        types.extend(_place(place) for _, _, place in self._schemas if place is not None)

    def whole_schemas(self) -> Iterator[Callable[[], None]]:
        """Give, one by one, what makes the texts of whole schemas: the largest parts."""

        def fill(schema: etree._Element, place: int) -> None:
            self._parts[place] = self._text(schema)

        return (partial(fill, schema, place) for schema, _, place in self._schemas if place is not None)

    def joined(self) -> bytes:
        """Return the first document with every part in its place, in UTF-8."""
        root = etree.tostring(self.documents[self.first].root, xml_declaration=True, encoding="utf-8")
        return self._filled(root)

    def _filled(self, text: bytes) -> bytes:
        """Put the parts in, and the parts of parts; none is in itself, because each is taken once."""
        return _PLACE.sub(lambda found: self._filled(self._parts[int(found[1])]), text)

    def _imports(self, root: etree._Element) -> Iterator[None]:
        pending = [(each, self.first) for each in root.iterchildren(_WSDL_IMPORT)]
        taken = {self.first}
        while pending:
            reference, source = pending.pop(0)
            at = self.at(source, reference)
            if at is None:
                if source != self.first:
                    root.append(self._part(self._text(reference)))  # somebody else's, and still needed
                continue
            if source == self.first:
                _drop(reference)
            found = self.documents[at].root
            if found.tag == _SCHEMA:  # common, though WSDL 1.1 section 2.1.1 wants definitions
                self._beside(found, at)
            elif at not in taken:
                taken.add(at)
                yield from self._definitions(found, at, root, pending)

    def _definitions(
        self, found: etree._Element, at: str, root: etree._Element, pending: list[tuple[etree._Element, str]]
    ) -> Iterator[None]:
        spaces = [each.get("targetNamespace", "") or "none" for each in (root, found)]
        if spaces[0] != spaces[1]:
            raise Unshowable(
                f"its WSDLs are of several namespaces ({', '.join(spaces)}), and one document has only one"
            )
        for count, child in enumerate(found, 1):
            if child.tag == _WSDL_IMPORT:
                pending.append((child, at))
            elif child.tag == _TYPES:
                for schema in child.iterchildren(_SCHEMA):
                    self._schemas.append((schema, at, self._reserve()))
            elif child.tag != f"{_WSDL}documentation":
                root.append(self._part(self._text(child)))
            if count % _SLICE == 0:
                yield

    def _beside(self, found: etree._Element, at: str) -> None:
        """Put an imported schema beside the others, once."""
        key = (at, found.get("targetNamespace", ""))
        if key not in self._taken:
            self._taken.add(key)
            self._schemas.append((found, at, self._reserve()))

    def _schema(self, schema: etree._Element, source: str) -> Iterator[None]:
        """Turn imports with a location into imports of a schema beside this one; put what is included in its place."""
        for reference in schema.iterchildren(*_HEAD):
            at = self.at(source, reference)
            if at is None:
                continue
            if reference.tag == _IMPORT:
                self._beside(self._found(reference, at), at)
                self._changes.append(_unlocated(reference))
                continue
            head: list[bytes] = []
            rest: list[bytes] = []
            yield from self._include(reference, at, schema, head, rest)
            self._changes.append(_replaced(reference, self._part(b"".join(head))))
            self._changes.append(_appended(schema, self._part(b"".join(rest))))

    def _include(
        self, reference: etree._Element, at: str, schema: etree._Element, head: list[bytes], rest: list[bytes]
    ) -> Iterator[None]:
        """Add the text of an included schema: its own imports to `head`, for they go before all components, the others to `rest`."""
        found = self._found(reference, at)
        own, target = found.get("targetNamespace", ""), schema.get("targetNamespace", "")
        if (at, target) in self._taken:
            return
        self._taken.add((at, target))
        _judge(found, schema)
        forms = [
            (tag, found.get(name, _FORM)) for tag, name in _FORMS if found.get(name, _FORM) != schema.get(name, _FORM)
        ]
        for count, child in enumerate(found, 1):
            further = self.at(at, child) if child.tag in _HEAD else None
            if further is not None and child.tag == _IMPORT:
                self._beside(self._found(child, further), further)
                head.append(_of_import(child))
            elif further is not None:
                yield from self._include(child, further, schema, head, rest)
            else:
                _keep_forms(child, forms)
                (head if child.tag in _HEAD else rest).append(self._text(child, "" if own else target))
            if count % _SLICE == 0:
                yield

    def _found(self, reference: etree._Element, at: str) -> etree._Element:
        found = self.documents[at].root
        if reference.tag in _OTHERS:
            raise Unshowable(f"a schema uses xsd:{xml.local(reference.tag)}, which one document cannot hold")
        if found.tag != _SCHEMA:
            raise Unshowable(f"a schema imports {xml.local(found.tag)}, which is no schema")
        return found

    def _reserve(self) -> int:
        self._parts.append(b"")
        return len(self._parts) - 1

    def _part(self, text: bytes) -> etree._Element:
        self._parts.append(text)
        return _place(len(self._parts) - 1)

    def _text(self, element: etree._Element, chameleon: str = "") -> bytes:
        """Return an element as text that means the same wherever it is put.

        lxml writes every prefix that it sees. Where names without a prefix are of no namespace, that is written too, or, for a
        schema without one, the namespace that it is included into (`chameleon`, XSD 1.0 section 4.2.1).
        """
        text: bytes = etree.tostring(element, encoding="utf-8", with_tail=False)
        if None not in element.nsmap:
            end = _START.match(text).end()  # type: ignore[union-attr]  # an element begins with its name
            text = b'%b xmlns="%b"%b' % (text[:end], xml.escape(chameleon).encode(), text[end:])
        self.left_bytes -= len(text)
        if self.left_bytes < 0:
            raise Unshowable("it comes to more than one document can hold")
        return text


def _judge(found: etree._Element, schema: etree._Element) -> None:
    """Raise for a schema that cannot become part of another."""
    own, target = found.get("targetNamespace", ""), schema.get("targetNamespace", "")
    if own not in (target, ""):
        raise Unshowable(f"a schema of {target or 'no namespace'} includes one of {own}")
    for name in _DEFAULTS:
        if found.get(name, "") != schema.get(name, ""):
            raise Unshowable(f"a schema includes another with a different {name}")


def _keep_forms(component: etree._Element, forms: list[tuple[str, str]]) -> None:
    """Write down what local elements and attributes had by default, where their new schema has another default."""
    for tag, form in forms:
        for each in component.iterdescendants(tag):
            if each.get("ref") is None and each.get("form") is None:
                each.set("form", form)


def _of_import(element: etree._Element) -> bytes:
    """Return an import as text, without its location."""
    space = element.get("namespace")
    made = etree.Element(_IMPORT, {} if space is None else {"namespace": space})
    return etree.tostring(made)


def _place(number: int) -> etree._Element:
    return etree.ProcessingInstruction("sidecar-part", str(number))


def _drop(element: etree._Element) -> None:
    parent = element.getparent()
    if parent is not None:
        parent.remove(element)


def _unlocated(reference: etree._Element) -> Callable[[], None]:
    return lambda: reference.attrib.__delitem__("schemaLocation")


def _replaced(reference: etree._Element, place: etree._Element) -> Callable[[], None]:
    parent = reference.getparent()
    assert parent is not None, "an include stands in a schema"
    return lambda: parent.replace(reference, place)


def _appended(schema: etree._Element, place: etree._Element) -> Callable[[], None]:
    return lambda: schema.append(place)
