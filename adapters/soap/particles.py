"""Content models: which elements a type holds, where each may stand and how often, and what each is called in JSON.

Under the resolver, which reads the declarations. It answers with a type that has members and a model, or raises `Unspeakable` for what
has no end: groups that hold themselves, models of thousands of places.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, Protocol

from adapters.soap import namespaces
from adapters.soap.naming import camel
from adapters.soap.schema import qualified
from adapters.soap.types import ANY, MANY, TYPE, VALUE, Complex, Group, Leaf, Member, Wild
from adapters.soap.unspeakable import Unspeakable
from adapters.xml import local

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from lxml import etree

    from adapters.soap.schema import Component
    from adapters.soap.types import Particle

__all__ = ["GROUPS", "Content", "occurs", "told_apart"]

GROUPS: Final = frozenset(("sequence", "choice", "all"))
_SCHEMA: Final = f"{{{namespaces.XSD}}}schema"
_DIFFGRAM: Final = "urn:schemas-microsoft-com:xml-diffgram-v1"
_MEMBERS_MAX: Final = 1_000  # elements of one type: the widest real one (PayPal) has 70
_PARTICLES_MAX: Final = 4_000  # places of one content model: groups that name groups twice would grow without end
_GROUPS_MAX: Final = 64  # groups within groups, which are followed by recursion
_BREATH: Final = 16  # elements of one type that are read between two yields: 0.3 ms
_MANY: Final = 200  # elements of one type that each further step is a piece of work of its own with: 0.3 ms
_DIGITS: Final = 12  # of minOccurs and maxOccurs: more are as good as unbounded


class Declarations(Protocol):
    """Who reads what a model names."""

    def element(self, component: Component, parent: str) -> Member:
        """Read the declaration of an element inside the type `parent`."""
        ...

    def group(self, name: str) -> Component | None:
        """Return a named group."""
        ...

    def spend(self) -> None:
        """Count one place. Raises `Unspeakable` where all documents have too many."""
        ...


class Content:
    """The content model of one type while it is put together: members by name, and the tree that says where they stand."""

    def __init__(self, of: Declarations, name: str, under: Complex | None) -> None:
        self._of, self._name = of, name
        self._members: list[Member] = list(under.members) if under else []
        self._at = {each.clark: at for at, each in enumerate(self._members)}
        self._parts: list[Particle] = [under.content] if under and under.content else []
        self._wild = bool(under and under.wild)
        self._spaces: list[str] = []
        self._depth = self._count = 0

    def add(self, component: Component) -> Generator[None, None, None]:
        """Take a model group."""
        made = yield from self._particle(component)
        if made is not None:
            self._parts.append(made)

    def made(self) -> Generator[None, None, Complex]:
        """Return the type so far."""
        content = Group("sequence", tuple(self._parts)) if len(self._parts) != 1 else self._parts[0]
        assert isinstance(content, Group), "only groups are added"
        counts = occurs(content)
        if self._count > _MANY:
            yield
        members, apart = [], told_apart(self._members)
        if self._count > _MANY:
            yield
        for at, each in enumerate(apart):
            fewest, most = counts.get(at, (0, 0))
            # In order and in place: `replace` takes five times as long.
            stands = most > 1, fewest > 0, each.nillable, fewest, max(most, 1)
            members.append(Member(each.key, each.clark, each.type, *stands, each.default, each.fixed, each.text))
        dataset = any(each.clark == _SCHEMA for each in self._members) or _DIFFGRAM in self._spaces
        return Complex(self._name, tuple(members), content, wild=self._wild, dataset=dataset)

    def _particle(self, component: Component) -> Generator[None, None, Particle | None]:
        element, kind = component.element, local(component.element.tag)
        fewest, most = _times(element, "minOccurs"), _times(element, "maxOccurs")
        fewest = min(fewest, most)  # a minOccurs of 2 alone
        self._of.spend()
        self._count += 1
        if self._count > _PARTICLES_MAX:
            raise Unspeakable(f"{self._name} has more than {_PARTICLES_MAX} places for elements")
        if self._count % _BREATH == 0:
            yield
        if most == 0:
            return None
        if kind == "element":
            return Leaf(self._member(component), fewest, most)
        if kind == "any":
            self._wild = True
            self._spaces += element.get("namespace", "##any").split()
            return Wild(fewest, most, element.get("namespace", "##any"))
        if kind not in (*GROUPS, "group"):
            return None
        self._depth += 1
        if self._depth > _GROUPS_MAX:
            raise Unspeakable(f"{self._name} has groups more than {_GROUPS_MAX} deep, or one that holds itself")
        of = self._referred(component) if kind == "group" else component
        parts = []
        for child in of.element:
            part = yield from self._particle(of.at(child))
            if part is not None:
                parts.append(part)
        self._depth -= 1
        return Group("sequence" if kind == "group" else kind, tuple(parts), fewest, most)

    def _referred(self, component: Component) -> Component:
        name = component.resolve(component.element.get("ref", ""))
        found = self._of.group(name)
        if found is None:
            raise Unspeakable(f"the group {name} is not defined in any document at hand")
        return found

    def _member(self, component: Component) -> int:
        ref = component.element.get("ref")
        clark = component.resolve(ref) if ref else qualified(component)
        if clark not in self._at:  # two of one name are of one type (XSD 1.0 part 1 section 3.8.6)
            if len(self._members) >= _MEMBERS_MAX:
                raise Unspeakable(f"{self._name} holds more than {_MEMBERS_MAX} elements")
            self._members.append(self._of.element(component, self._name))
            self._at[clark] = len(self._members) - 1
        return self._at[clark]


def told_apart(members: list[Member]) -> tuple[Member, ...]:
    """Give each member a key of its own: what it has, else its name, else its name with the namespace."""
    names, taken = {local(each.clark) for each in members}, {VALUE, ANY, TYPE}
    found: list[Member] = []
    for each in members:
        own = local(each.clark)
        whole = each.clark if each.clark.startswith("{") else f"{{}}{each.clark}"
        # A name that is made up gives way to one that a schema has, wherever that stands.
        made_up = each.key != own and each.key == camel(own) and each.key in names
        key = next((key for key in (own if made_up else each.key, own, whole) if key not in taken), None)
        if key is None:
            raise Unspeakable(f"two parts of one message are called {own}")
        taken.add(key)
        found.append(each if key == each.key else replace(each, key=key))
    return tuple(found)


def occurs(particle: Particle) -> Mapping[int, tuple[int, int]]:
    """Return how often each member may stand in a content model, at least and at most."""
    if isinstance(particle, Leaf):
        return {particle.at: (particle.fewest, particle.most)}
    if isinstance(particle, Wild):
        return {}
    found: dict[int, tuple[int, int]] = {}
    branches: dict[int, int] = {}  # of a choice, in which a member is
    for part in particle.parts:
        for at, (fewest, most) in occurs(part).items():
            branches[at] = branches.get(at, 0) + 1
            few, many = found.get(at, (fewest, 0) if particle.kind == "choice" else (0, 0))
            found[at] = (
                (min(few, fewest), max(many, most)) if particle.kind == "choice" else (few + fewest, many + most)
            )
    for at, (fewest, most) in found.items():
        always = particle.kind != "choice" or branches[at] == len(particle.parts)
        found[at] = min(MANY, fewest * particle.fewest) if always else 0, min(MANY, most * particle.most)
    return found


def _times(element: etree._Element, which: str) -> int:
    """Read how often something may stand in its place; what is no such number is 1, as what is left out is."""
    said = element.get(which, "1").strip()
    if said == "unbounded":
        return MANY
    if not (said.isascii() and said.isdigit()):
        return 1
    return min(MANY, int(said)) if len(said) < _DIGITS else MANY
