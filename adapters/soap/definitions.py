"""The parts of a set of WSDL and schema documents, collected by kind and name, before anybody makes sense of them.

Follows imports and includes among the documents it was given and notes the locations that it was not; it fetches
nothing and never raises over what a document says.
"""

import re
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urljoin, urlsplit

from lxml import etree

from adapters.soap import namespaces
from adapters.soap.schema import Component, Schemas, Scope

__all__ = ["Definitions", "Document"]

_WSDL: Final = f"{{{namespaces.WSDL}}}"
_XSD: Final = f"{{{namespaces.XSD}}}"
_REFERENCES: Final = frozenset(_XSD + name for name in ("import", "include", "redefine"))
_SLICE: Final = 500  # top-level components between two yields: 0.3 ms
_FREED: Final = 100  # components with all they contain freed between two yields: 0.2 ms
_WINDOW: Final = 262_144  # bytes searched between two yields: 0.3 ms
_PROBLEMS_MAX: Final = 100  # for people to read
_XMLNS: Final = re.compile(rb"""xmlns(?::([^\s="'<>]+))?\s*=\s*(?:"([^"<]*)"|'([^'<]*)')""")


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed document and the bytes it was parsed from."""

    root: etree._Element
    body: bytes


@dataclass(slots=True)
class Definitions:
    """Everything named in the documents; filled by `collect`, emptied by `release`."""

    documents: Mapping[str, Document]
    refused: Mapping[str, str]  # locations whose documents were given and are not well-formed, with the reason
    target: str = ""
    messages: dict[str, Component] = field(default_factory=dict)
    port_types: dict[str, Component] = field(default_factory=dict)
    bindings: dict[str, Component] = field(default_factory=dict)
    services: list[Component] = field(default_factory=list)
    wanted: dict[str, None] = field(default_factory=dict)
    problems: dict[str, None] = field(default_factory=dict)
    schemas: Schemas = field(init=False)
    _prefixes: dict[str, Mapping[str, str]] = field(default_factory=dict)
    _seen: set[tuple[str, str]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.schemas = Schemas(self.problem)

    def problem(self, text: str) -> None:
        """Note what could not be understood, once, and no more of it than a person reads."""
        if len(self.problems) < _PROBLEMS_MAX:
            self.problems[text] = None

    def collect(self) -> Iterator[None]:
        """Read all documents, the first one first; gives control back every 500 components."""
        for location, document in self.documents.items():
            self._prefixes[location] = yield from _prefixes(document)
        for location, reason in self.refused.items():
            self.problem(f"{location} is left out: {reason}")
        for location in self.documents:
            if not any(location == at for at, _ in self._seen):
                yield from self._from(location)

    def release(self) -> Iterator[None]:
        """Free the trees piece by piece: at once, a large one holds the loop for milliseconds."""
        self.messages.clear()
        self.port_types.clear()
        self.bindings.clear()
        self.services.clear()
        yield
        self.schemas = Schemas(self.problem)
        for document in self.documents.values():
            for parent in [*document.root.iterfind(f"{_WSDL}types/{_XSD}schema"), document.root]:
                while len(parent):
                    yield
                    del parent[:_FREED]

    def _from(self, location: str) -> Iterator[None]:
        """Read a document and all it refers to, each once per namespace that a schema without one is included into."""
        pending = [(location, "")]
        while pending:
            at, bare = pending.pop()
            document = self.documents.get(at)
            if document is None:
                self.wanted.update({} if at in self.refused else {at: None})
            elif (at, bare) not in self._seen:
                self._seen.add((at, bare))
                yield from self._read(at, document.root, bare, pending)

    def _read(self, location: str, root: etree._Element, bare: str, pending: list[tuple[str, str]]) -> Iterator[None]:
        if root.tag == f"{_XSD}schema":
            yield from self._schema(location, root, bare, pending)
        elif root.tag == f"{_WSDL}definitions":
            yield from self._definitions(location, root, pending)
        else:
            self.problem(f"{location or 'the document'} is {root.tag}, neither wsdl:definitions nor xsd:schema")

    def _definitions(self, location: str, root: etree._Element, pending: list[tuple[str, str]]) -> Iterator[None]:
        scope = Scope(self._prefixes[location], root.get("targetNamespace", ""))
        self.target = self.target or scope.target
        places = {"message": self.messages, "portType": self.port_types, "binding": self.bindings}
        tags = {_WSDL + name: place for name, place in places.items()}
        for count, child in enumerate(root, 1):
            place = tags.get(child.tag)
            if place is not None:
                self._add(place, Component(child, scope))
            elif child.tag == f"{_WSDL}service":
                self.services.append(Component(child, scope))
            elif child.tag == f"{_WSDL}types":
                for schema in child.iterfind(f"{_XSD}schema"):
                    yield from self._schema(location, schema, "", pending)
            elif child.tag == f"{_WSDL}import":
                self._follow(location, child.get("location"), "", pending)
            if count % _SLICE == 0:
                yield

    def _schema(self, location: str, root: etree._Element, bare: str, pending: list[tuple[str, str]]) -> Iterator[None]:
        own = root.get("targetNamespace", "")
        qualified, attributes = (root.get(f"{kind}FormDefault") == "qualified" for kind in ("element", "attribute"))
        scope = Scope(self._prefixes[location], own or bare, "" if own else bare, qualified, attributes)
        kinds = self.schemas
        places = {
            "element": kinds.elements,
            "complexType": kinds.types,
            "simpleType": kinds.types,
            "group": kinds.groups,
            "attribute": kinds.attributes,
            "attributeGroup": kinds.attribute_groups,
        }
        tags = {_XSD + name: place for name, place in places.items()}
        for count, child in enumerate(root, 1):
            place = tags.get(child.tag)
            if place is not None:
                self._add(place, Component(child, scope))
            elif child.tag in _REFERENCES:
                including = "" if child.tag == f"{_XSD}import" else scope.target
                self._follow(location, child.get("schemaLocation"), including, pending)
            if count % _SLICE == 0:
                yield

    def _add(self, place: dict[str, Component], component: Component) -> None:
        name = component.element.get("name")
        if not name:
            self.problem(f"a {component.element.tag} in {component.scope.target or 'no namespace'} has no name")
            return
        target = component.scope.target
        place.setdefault(f"{{{target}}}{name}" if target else name, component)

    def _follow(self, base: str, location: str | None, bare: str, pending: list[tuple[str, str]]) -> None:
        if not location:
            return
        try:
            at = urljoin(base, urlsplit(location.strip()).geturl())
        except ValueError:
            self.problem(f"{location} is not a location")
            return
        # A schema with a namespace of its own is the same whoever includes it.
        document = self.documents.get(at)
        pending.append((at, "" if document is not None and document.root.get("targetNamespace") else bare))


def _prefixes(document: Document) -> Generator[None, None, Mapping[str, str]]:
    """Find out which of the root's prefixes mean the same everywhere: asking lxml at each element costs 3 us a time.

    A prefix that is declared twice with two meanings is left to the element, and so is every prefix of a document in
    UTF-16, where this finds none.
    """
    found: dict[str, str | None] = {}
    for start in range(0, len(document.body), _WINDOW):
        end = start + _WINDOW + 4_096  # the overlap is for a declaration across the cut
        for prefix, double, single in _XMLNS.findall(document.body, start, end):
            name, uri = prefix.decode("utf-8", "replace"), (double or single).decode("utf-8", "replace")
            found[name] = uri if found.get(name, uri) == uri else None
        yield
    root = {prefix or "": uri for prefix, uri in document.root.nsmap.items()}
    return {name: uri for name, uri in root.items() if found.get(name) == uri}
