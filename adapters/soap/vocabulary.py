"""Which element names a reply may hold, as far as a WSDL says so: for the check of rules that look into replies.

Asked by the command line alone, never on the loop. Where a schema leaves content open (`xs:any`, an untyped element, a substitution
group, a type that is not at hand) it answers that nobody knows: a name that may be right is never called wrong.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from lxml import etree

from adapters import xml
from adapters.soap import namespaces
from adapters.soap.contract import Index
from adapters.soap.definitions import Definitions, Document
from adapters.soap.schema import Component, Schemas
from adapters.xml import local, ns

__all__ = ["reply_names"]

_XSD: Final = f"{{{namespaces.XSD}}}"
_DERIVED: Final = frozenset(_XSD + name for name in ("extension", "restriction"))
_INLINE: Final = frozenset(_XSD + name for name in ("complexType", "simpleType"))
_AROUND: Final = frozenset({"Envelope", "Body"})  # what every reply has


def reply_names(documents: Mapping[str, bytes], index: Index) -> dict[str, frozenset[str] | None]:
    """Return the local names in the replies of each operation of `index`, which was made of `documents`; None where they are open."""
    parsed = {}
    for at, body in documents.items():
        try:
            parsed[at] = Document(xml.parse(body, charset=None, markup_max=xml.REPLY_MARKUP), body)
        except xml.XmlRefused:
            continue  # the index has said so; what is missing leaves content open
    definitions = Definitions(parsed, {})
    for _ in definitions.collect():
        pass
    reader = _Names(definitions.schemas)
    found: dict[str, frozenset[str] | None] = {}
    for operation in index.operations:
        names = reader.below(operation.reply)
        before = found.get(operation.name, frozenset())
        found[operation.name] = None if names is None or before is None else names | before
    return found


class _OpenError(Exception):
    """The content is open."""


class _Names:
    def __init__(self, schemas: Schemas) -> None:
        self._schemas = schemas
        self._is_open = any(each.element.get("substitutionGroup") for each in schemas.elements.values())
        self._derived: dict[str, list[Component]] = {}  # what may stand in place of a type (xsi:type)
        for component in schemas.types.values():
            for base in _bases(component):
                self._derived.setdefault(base, []).append(component)

    def below(self, element: str | None) -> frozenset[str] | None:
        start = None if element is None else self._schemas.elements.get(element)
        if start is None or self._is_open:
            return None
        names, seen, ahead = set(_AROUND), {id(start.element)}, [start]
        try:
            while ahead:
                for name, component in self._inside(ahead.pop()):
                    names.update([name] if name else [])
                    if component is not None and id(component.element) not in seen:
                        seen.add(id(component.element))
                        ahead.append(component)
        except _OpenError:
            return None
        return frozenset(names)

    def _inside(self, component: Component) -> Iterator[tuple[str, Component | None]]:
        """Give the names inside a component, and the components that it leads to."""
        for element in component.element.iter(etree.Element):
            here = component.at(element)
            if element.tag == f"{_XSD}element":
                yield from self._element(here)
            elif element.tag == f"{_XSD}any":
                raise _OpenError
            elif element.tag in _DERIVED:
                yield from self._type(here.resolve(element.get("base", "")))
            elif element.tag == f"{_XSD}group" and (ref := element.get("ref")):
                yield "", _found(self._schemas.groups, here.resolve(ref))

    def _element(self, here: Component) -> Iterator[tuple[str, Component | None]]:
        element = here.element
        if ref := element.get("ref"):
            name = here.resolve(ref)
            yield local(name), _found(self._schemas.elements, name)
            return
        yield element.get("name", ""), None
        if named := element.get("type"):
            yield from self._type(here.resolve(named))
        elif not any(child.tag in _INLINE for child in element):
            raise _OpenError

    def _type(self, name: str) -> Iterator[tuple[str, Component | None]]:
        if ns(name) == namespaces.XSD:
            if local(name) == "anyType":
                raise _OpenError
            return
        yield "", _found(self._schemas.types, name)
        for component in self._derived.get(name, ()):
            yield "", component


def _found(where: Mapping[str, Component], name: str) -> Component:
    component = where.get(name)
    if component is None:
        raise _OpenError
    return component


def _bases(component: Component) -> Iterator[str]:
    for element in component.element.iter(f"{_XSD}extension"):
        yield component.at(element).resolve(element.get("base", ""))
