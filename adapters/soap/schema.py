"""XML Schema as far as the WSDL index needs it: which parameters an element has, in which order, of which simple type.

Reads components that `definitions` collected and answers with `Parameter`s. It never validates and never raises over a
schema: what it cannot resolve is told to `problem` and left out.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from lxml import etree

from adapters.soap import namespaces
from adapters.xml import local, ns

__all__ = ["Component", "Parameter", "Schemas", "Scope", "Typed", "qualified"]

_XSD: Final = f"{{{namespaces.XSD}}}"
_ELEMENT: Final = f"{_XSD}element"
_GROUPS: Final = frozenset(_XSD + name for name in ("sequence", "all", "choice"))
_CONTENT: Final = frozenset(_XSD + name for name in ("complexContent", "simpleContent"))
_DERIVED: Final = frozenset(_XSD + name for name in ("extension", "restriction"))
# The widest wrapper in the vendors' WSDLs at hand has 60; groups inside groups could otherwise grow without end.
_PARAMETERS_MAX: Final = 1_000
_NAMING: Final = frozenset(("ref", "type", "base"))  # attributes whose values are names
# A DataSet's has three, which is what this is for; a longer type that stands in its place is nobody's habit.
_WORDS_MAX: Final = 64
_BASES_MAX: Final = 32  # types derived from one another, which we follow by recursion; real chains are 5 long


@dataclass(frozen=True, slots=True)
class Parameter:
    """A child of an operation's element: `type` is the built-in simple type's name, None for a tree or an unknown."""

    name: str
    type: str | None
    many: bool = False
    clark: str = field(default="", compare=False)  # the name as a message has it
    declared: str = field(
        default="", compare=False
    )  # the type as the schema names it, in Clark notation; "" written in its place


class Typed(NamedTuple):
    """An element of a reply: its name in Clark notation, and its type in words that are equal where the types are one."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a component stands: the prefixes that its whole document agrees on, and its target namespace."""

    prefixes: Mapping[str, str]
    target: str
    bare: str = ""  # for a schema without a namespace of its own, that of the schema that includes it
    qualified: bool = (
        False  # local elements are of the target namespace, unless they say otherwise (elementFormDefault)
    )
    qualified_attributes: bool = False  # the same of attributes (attributeFormDefault)

    def resolve(self, element: etree._Element, name: str) -> str:
        """Turn a QName value into Clark notation; a prefix that nobody declared stands as its own namespace."""
        prefix, _, plain = name.strip().rpartition(":")
        uri = self.prefixes.get(prefix)
        if uri is None:
            # `xml` is bound without being declared (Namespaces in XML 1.0 section 3), and lxml does not list it.
            uri = namespaces.XML if prefix == "xml" else element.nsmap.get(prefix or None, prefix) or self.bare
        return f"{{{uri}}}{plain}" if uri else plain


class Component(NamedTuple):
    """An element, type, group, message, … of a document, with the scope that its names are read in."""

    element: etree._Element
    scope: Scope

    def resolve(self, name: str) -> str:
        """As `Scope.resolve`, at this element."""
        return self.scope.resolve(self.element, name)

    def at(self, element: etree._Element) -> "Component":
        """Return the same scope at another element."""
        return Component(element, self.scope)


@dataclass(slots=True)
class Schemas:
    """All global components by kind and name; `parameters` answers once per name and remembers."""

    problem: Callable[[str], None]
    elements: dict[str, Component] = field(default_factory=dict)
    types: dict[str, Component] = field(default_factory=dict)
    groups: dict[str, Component] = field(default_factory=dict)
    attributes: dict[str, Component] = field(default_factory=dict)
    attribute_groups: dict[str, Component] = field(default_factory=dict)
    _done: dict[tuple[str, str], tuple[Parameter, ...] | None] = field(default_factory=dict)
    _typed: dict[str, Typed | None] = field(default_factory=dict)
    _depth: int = 0

    def parameters(self, element: str) -> tuple[Parameter, ...] | None:
        """Return the children of a global element in schema order, None where its schema is not at hand."""
        return self._once("element", element, self.elements, self._of_element)

    def typed(self, element: str) -> Typed | None:
        """Return a global element with its type, None where that is not at hand or too large to compare."""
        if element not in self._typed:
            found = self.elements.get(element)
            words = None if found is None else _words(found)
            self._typed[element] = None if words is None else Typed(element, words)
        return self._typed[element]

    def children(self, element: str) -> tuple[Typed, ...] | None:
        """Return the children of a global element whose type is one plain sequence written in its place; None for anything else."""
        found = self.elements.get(element)
        inline = None if found is None else found.element.find(f"{_XSD}complexType")
        if found is None or inline is None or any(inline.attrib) or len(inline) > 1:
            return None
        sequence = inline[0] if len(inline) else ()
        if len(inline) and (inline[0].tag != f"{_XSD}sequence" or any(inline[0].attrib)):
            return None
        typed = [self._child(found.at(each)) for each in sequence]
        return None if None in typed else tuple(each for each in typed if each is not None)

    def _child(self, component: Component) -> Typed | None:
        element = component.element
        if element.tag != _ELEMENT or element.get("maxOccurs", "1") != "1":
            return None
        if ref := element.get("ref"):
            return self.typed(component.resolve(ref))
        words = _words(component)
        return None if words is None else Typed(qualified(component), words)

    def simple(self, type_name: str) -> str | None:
        """Return the built-in type below a simple type, None for a complex or unknown one."""
        for _ in range(_BASES_MAX):
            if ns(type_name) == namespaces.XSD:
                return local(type_name)
            found = self.types.get(type_name)
            base = _base(found) if found else None
            if base is None:
                return None
            type_name = base
        return None

    def _once(
        self,
        kind: str,
        name: str,
        where: Mapping[str, Component],
        read: Callable[[Component], tuple[Parameter, ...] | None],
    ) -> tuple[Parameter, ...] | None:
        key = (kind, name)
        if key not in self._done:
            self._done[key] = None  # what stands for a component inside itself
            found = where.get(name)
            if found is None:
                self.problem(f"{kind} {name} is not defined in any document at hand")
            elif self._depth == _BASES_MAX:
                self.problem(f"{kind} {name} is derived through more than {_BASES_MAX} others")
            else:
                self._depth += 1
                self._done[key] = read(found)
                self._depth -= 1
        return self._done[key]

    def _of_element(self, component: Component) -> tuple[Parameter, ...] | None:
        if named := component.element.get("type"):
            return self._of_type(component.resolve(named))
        inline = component.element.find(f"{_XSD}complexType")
        return () if inline is None else self._of_content(component.at(inline))

    def _of_type(self, name: str) -> tuple[Parameter, ...] | None:
        if ns(name) == namespaces.XSD:
            return ()
        return self._once("type", name, self.types, self._of_content)

    def _of_content(self, component: Component) -> tuple[Parameter, ...] | None:
        """Read a complex type, a derivation or a model group: the base's children come first (XSD 1.0 part 1 §3.4.2)."""
        found: list[Parameter] = []
        for child in component.element:
            part = self._of_child(component.at(child))
            if part is None:
                return None
            found += part
            if len(found) > _PARAMETERS_MAX:
                self.problem(f"more than {_PARAMETERS_MAX} parameters in one element; the rest is left out")
                return tuple(found[:_PARAMETERS_MAX])
        return tuple(found)

    def _of_child(self, component: Component) -> tuple[Parameter, ...] | None:
        tag = component.element.tag
        if tag == _ELEMENT:
            return (self._parameter(component),)
        if tag in _GROUPS or tag in _CONTENT:
            return self._of_content(component)
        if tag in _DERIVED:
            base = component.element.get("base")
            inherited = self._of_type(component.resolve(base)) if base and tag == f"{_XSD}extension" else ()
            own = self._of_content(component)
            return None if inherited is None or own is None else inherited + own
        if tag == f"{_XSD}group" and (ref := component.element.get("ref")):
            return self._once("group", component.resolve(ref), self.groups, self._of_content)
        return ()

    def _parameter(self, component: Component) -> Parameter:
        element = component.element
        many = element.get("maxOccurs", "1") not in ("0", "1")
        if ref := element.get("ref"):
            name = component.resolve(ref)
            target = self.elements.get(name)
            return Parameter(local(name), self._type(target) if target else None, many, name, _declared(target))
        return Parameter(
            element.get("name", ""), self._type(component), many, qualified(component), _declared(component)
        )

    def _type(self, component: Component) -> str | None:
        if named := component.element.get("type"):
            return self.simple(component.resolve(named))
        base = _base(component)
        return self.simple(base) if base else None


def _base(component: Component) -> str | None:
    """Return what an element's inline simple type, or a simple type, restricts."""
    restriction = component.element.find(f"{_XSD}restriction")
    if restriction is None:
        restriction = component.element.find(f"{_XSD}simpleType/{_XSD}restriction")
    named = None if restriction is None else restriction.get("base")
    return component.at(restriction).resolve(named) if restriction is not None and named else None


def _declared(component: Component | None) -> str:
    named = None if component is None else component.element.get("type")
    return component.resolve(named) if component is not None and named else ""


def qualified(component: Component) -> str:
    """Return the name of a local element as messages have it (XSD 1.0 part 1 section 3.3.2, `form`)."""
    element, scope = component
    name = element.get("name", "")
    form = element.get("form")
    is_qualified = scope.qualified if form is None else form == "qualified"
    return f"{{{scope.target}}}{name}" if is_qualified and scope.target else name


def _words(component: Component) -> str | None:
    """Write an element's type down: its name, or what is written in its place; None where that is longer than `_WORDS_MAX` elements."""
    if named := component.element.get("type"):
        return component.resolve(named)
    words: list[str] = []
    for child in component.element:
        if child.tag != f"{_XSD}annotation" and not _write(component.at(child), words):
            return None
    return " ".join(words)


def _write(component: Component, words: list[str]) -> bool:
    element = component.element
    if len(words) > _WORDS_MAX:
        return False
    values = [
        (str(name), component.resolve(str(value)) if name in _NAMING else str(value)) for name, value in element.items()
    ]
    if element.tag == _ELEMENT:  # whose name depends on the schema that it stands in
        values.append(("", qualified(component)))
    words.append(f"<{local(element.tag)} {sorted(values)}")
    found = all(_write(component.at(child), words) for child in element if child.tag != f"{_XSD}annotation")
    words.append(">")
    return found
