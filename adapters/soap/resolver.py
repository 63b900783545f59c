"""From schema documents to the model of types that the JSON facade is made of: elements, contents, attributes, simple types.

Reads the components that `definitions` has collected, and only those that an operation can reach. What an operation needs and no document
has makes that operation unspeakable, with the reason, and no other one. It fetches nothing and validates no schema.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Final

from adapters.soap import namespaces
from adapters.soap.facets import Facets, documented
from adapters.soap.lexical import is_ncname
from adapters.soap.naming import Options, camel
from adapters.soap.particles import GROUPS, Content, told_apart
from adapters.soap.schema import qualified
from adapters.soap.types import (
    ANYTHING,
    MANY,
    TYPE,
    Attribute,
    Complex,
    Group,
    Leaf,
    Member,
    Message,
    Scalar,
    Signature,
    Types,
)
from adapters.soap.unspeakable import Unspeakable
from adapters.xml import local, ns

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from adapters.soap.definitions import Definitions
    from adapters.soap.operations import Assembly, Part, Side, Wire
    from adapters.soap.schema import Component

__all__ = ["Options", "Resolver", "Unspeakable", "camel"]

_XSD: Final = f"{{{namespaces.XSD}}}"
_ANY_TYPE: Final = f"{_XSD}anyType"
_ENCODINGS: Final = (namespaces.ENCODING11, namespaces.ENCODING12)
_ARRAYS: Final = tuple(f"{{{space}}}Array" for space in _ENCODINGS)
_ARRAY_TYPE: Final = f"{{{namespaces.WSDL}}}arrayType"
# Real operations reach some hundreds (Workday's largest 600); PayPal's deepest derivation is 4 long.
_TYPES_MAX: Final = 4_000
_MEMBERS_MAX: Final = 1_000  # elements or attributes of one type: the widest real one (PayPal) has 70
_READ_MAX: Final = 60_000  # elements and attributes, again for each type that inherits them: PayPal has 2 400 in use
_BASES_MAX: Final = 32
_BREATH: Final = 16  # elements of one type that are read between two yields: 0.3 ms
_DERIVED_MAX: Final = 200
_OWN: Final = "/()"  # behind the name of a type that only a message has: no element's path ends so

_ITEM: Final = Member("item", "item", _ANY_TYPE, True, nillable=True, most=MANY)


class Resolver:
    """The types of one set of documents. `types` grows with every operation that is asked for."""

    def __init__(self, definitions: Definitions, options: Options) -> None:
        self._kinds = definitions.schemas
        self._options = options
        self._facets = Facets(self._kinds)
        self._wanted: list[str] = []
        self._inline: dict[str, Component] = {}
        self._derived: dict[str, list[str]] | None = None
        self._broken: dict[str, str] = {}
        self._forget: set[str] = set()
        self._plain: dict[str, list[str]] | None = None
        self._begun: dict[str, None] = {}
        self._spent = 0
        self.types: Types = {ANYTHING.name: ANYTHING}

    # --- operations

    def signature(
        self, name: str, wire: Wire, body: str | None, assembly: Assembly
    ) -> Generator[None, None, Signature]:
        """Resolve one operation and every type that it can reach, with a yield after each. Raises `Unspeakable`."""
        if self._derived is None:
            self._derived = yield from self._derivations()
        asked: Message = self._message(name, assembly.parts(wire.input), wire.asked, wire, body)
        answered: Message | None = None
        if wire.output is not None:
            space = wire.answered.namespace
            reply = f"{{{space}}}{name}Response" if space else f"{name}Response"
            answered = self._message(name, assembly.parts(wire.output), wire.answered, wire, reply)
        faults = {each.clark: each for message in wire.faults for each in self._details(assembly.parts(message))}
        yield from self._reach()
        yield from self._complain(asked, answered)
        return Signature(
            name, self._whole(asked), None if answered is None else self._whole(answered), faults, wire.text
        )

    # --- types by name

    def knows(self, name: str) -> bool:
        """Say whether a document has a complex type of that name."""
        found = self._kinds.types.get(name)
        # SOAP's own twins of simple types, with attributes that nobody uses, are read as what they are twins of.
        return found is not None and local(found.element.tag) == "complexType" and ns(name) not in _ENCODINGS

    def called(self, plain: str) -> Generator[None, None, Sequence[str]]:
        """Return the complex types of a local name."""
        if self._plain is None:
            found: dict[str, list[str]] = {}
            for count, name in enumerate(self._kinds.types, 1):
                if self.knows(name):
                    found.setdefault(local(name), []).append(name)
                if count % 500 == 0:  # 0.3 ms
                    yield
            self._plain = found
        return self._plain.get(plain, ())

    def summon(self, name: str) -> Generator[None, None, None]:
        """Resolve a type that a message names where anything may stand."""
        if name not in self.types and self.knows(name):
            self._wanted.append(name)
            yield from self._reach()

    # --- messages

    def _message(self, name: str, parts: tuple[Part, ...], side: Side, wire: Wire, wrapper: str | None) -> Message:
        elements = dict.fromkeys(element for _, element in side.headers)
        headers = told_apart([replace(self._global(each), required=False, fewest=0) for each in elements])
        listed = set(side.parts)
        hidden = {part for part, _ in side.headers}
        own = [part for part in parts if part.name in listed or (not listed and part.name not in hidden)]
        if wire.rpc:
            return Message(self._call(name, own, wrapper or name), headers, rpc=True, encoded=side.encoded)
        if not own:
            return Message(None, headers)
        first = next((part for part in own if part.element), None)
        if first is None or first.element is None:
            raise Unspeakable(f"the message of {name} is of a type and not an element, in the document style")
        return Message(self._global(first.element), headers, encoded=side.encoded)

    def _call(self, name: str, parts: list[Part], wrapper: str) -> Member:
        """Make the element of an rpc call: its children are the parts, without a namespace (WSDL 1.1 section 3.5)."""
        members = told_apart([self._part(part) for part in parts])
        content = Group("sequence", tuple(Leaf(at) for at in range(len(members))))
        named = self._added(Complex(f"{wrapper}{_OWN}", members, content, space=ns(wrapper)))
        return Member(name, wrapper, named, required=True, fewest=1)

    def _added(self, made: Complex) -> str:
        """Keep a type that only a message has: that of an operation called GetResponse is not that of the reply to Get."""
        while self.types.get(made.name, made) != made:
            made = replace(made, name=f"{made.name}~")
        self.types[made.name] = made
        return made.name

    def _part(self, part: Part) -> Member:
        if part.element is not None:
            return replace(self._global(part.element), key=self._key(part.name), required=True, fewest=1)
        if part.type is None:
            raise Unspeakable(f"the part {part.name} has neither an element nor a type")
        if not is_ncname(part.name):
            raise Unspeakable(f"a part has the name {part.name[:60]!r}, which is none")
        type_ = self._type(part.type, f"the part {part.name}")
        return Member(self._key(part.name), part.name, type_, required=True, nillable=True, fewest=1)

    def _details(self, parts: tuple[Part, ...]) -> Iterator[Member]:
        for part in parts:
            if part.element is not None:
                with suppress(Unspeakable):  # it is read by its looks
                    yield self._global(part.element)

    def _whole(self, message: Message) -> Message:
        """Let a message's own elements be objects, whatever is flattened inside them: they have headers beside them, and may grow."""
        if not self._options.flatten:
            return message
        element, headers = message.element, tuple(self._unflattened(each) for each in message.headers)
        return replace(message, element=None if element is None else self._unflattened(element), headers=headers)

    def _unflattened(self, member: Member) -> Member:
        made = None if isinstance(member.type, Scalar) else self.types[member.type]
        if made is None or made.array is None or made.encoded:
            return member
        return replace(member, type=self._added(replace(made, name=f"{made.name}{_OWN}", array=None)))

    def _complain(self, *messages: Message | None) -> Iterator[None]:
        """Raise for a type that one of the messages reaches and that nobody could resolve."""
        if not self._broken:
            return
        pending = [
            each.type
            for message in messages
            if message is not None
            for each in (*message.headers, *((message.element,) if message.element else ()))
        ]
        seen: set[str] = set()
        while pending:
            type_ = pending.pop()
            if isinstance(type_, Scalar) or type_ in seen:
                continue
            seen.add(type_)
            if type_ in self._broken:
                raise Unspeakable(self._broken[type_])
            if len(seen) % 250 == 0:  # 0.3 ms
                yield
            found = self.types[type_]
            pending += [each.type for each in (*found.members, *((found.array,) if found.array else ()))]

    # --- types

    def _reach(self) -> Iterator[None]:
        """Resolve what is wanted. What another call has begun is done again: nobody waits for one that may have been given up."""
        while self._wanted or self._begun:
            name = self._wanted.pop() if self._wanted else next(iter(self._begun))
            if name not in self.types:
                self._begun[name] = None
                yield from self._resolve(name)
            self._begun.pop(name, None)
        if self._forget:
            yield from self._forgotten()

    def _resolve(self, name: str) -> Iterator[None]:
        try:
            if name in _ARRAYS:  # itself, of which its schema says that it is any array
                made = self._of_items(name, _ITEM)
            else:
                made = yield from self._complex(name, self._component(name), 0)
        except Unspeakable as reason:
            # Whoever needs it complains; where it may only stand in place of another, it is read by its looks.
            self._broken[name] = str(reason)
            self._forget.add(name)
            made = replace(ANYTHING, name=name)
        if name not in self.types:
            self.types[name] = made if name in self._broken else self._shown(replace(made, derived=self._below(name)))
        yield

    def _component(self, name: str) -> Component:
        if len(self.types) > _TYPES_MAX:
            raise Unspeakable(f"its documents have more than {_TYPES_MAX} types in use")
        return self._inline.get(name) or self._kinds.types[name]  # nobody wants one that is in neither

    def _forgotten(self) -> Iterator[None]:
        """Take what could not be resolved out of what may stand in place of other types."""
        gone, self._forget = self._forget, set()
        for count, made in enumerate([*self.types.values()], 1):
            if not gone.isdisjoint(made.derived):
                self.types[made.name] = replace(made, derived=tuple(each for each in made.derived if each not in gone))
            if count % 1000 == 0:  # 0.2 ms
                yield

    def _below(self, name: str) -> tuple[str, ...]:
        """Return all types that are derived from one; they are wanted, too, because a message may name them."""
        found: dict[str, None] = {}
        pending = [name]
        while pending and len(found) < _DERIVED_MAX:
            for each in islice((self._derived or {}).get(pending.pop(), ()), _DERIVED_MAX):
                if each not in found and each != name and each not in self._broken:
                    found[each] = None
                    pending.append(each)
        self._wanted += found
        return tuple(found)

    def _derivations(self) -> Generator[None, None, dict[str, list[str]]]:
        found: dict[str, list[str]] = {}
        for count, (name, component) in enumerate(self._kinds.types.items(), 1):
            for step in component.element.iterfind(f"{_XSD}complexContent/*"):
                base = component.at(step).resolve(step.get("base", ""))
                if ns(base) not in (namespaces.XSD, *_ENCODINGS):
                    found.setdefault(base, []).append(name)
            if count % 100 == 0:  # 0.3 ms
                yield
        return found

    def _type(self, name: str, who: str) -> Scalar | str:
        """Return a simple type, or the name of a complex one, which is resolved later."""
        if name == _ANY_TYPE:
            return name
        if ns(name) == namespaces.XSD or _is_encoded_scalar(name):
            return self._facets.builtin(local(name))
        found = self._kinds.types.get(name)
        if found is None and name not in _ARRAYS:
            raise Unspeakable(f"{who} is of the type {name}, which no document at hand defines")
        if found is not None and found.element.tag == f"{_XSD}simpleType":
            return self._facets.scalar(name)
        self._wanted.append(name)
        return name

    def _complex(self, name: str, component: Component, depth: int) -> Generator[None, None, Complex]:
        if depth > _BASES_MAX:
            raise Unspeakable(f"the type {name} is derived through more than {_BASES_MAX} others")
        element = component.element
        mixed = element.get("mixed") in ("true", "1")
        content = next((each for each in element if local(each.tag) in ("complexContent", "simpleContent")), None)
        if content is None:
            made = yield from self._own(name, component, None)
        else:
            step = next((each for each in content if local(each.tag) in ("extension", "restriction")), None)
            if step is None:
                raise Unspeakable(f"the type {name} neither extends nor restricts anything")
            made = yield from self._derive(name, component.at(step), local(content.tag), depth)
            mixed = mixed or content.get("mixed") in ("true", "1")
        return replace(
            made,
            mixed=made.mixed or mixed,
            abstract=element.get("abstract") in ("true", "1"),
            space=component.scope.target,
            text=documented(element),
        )

    def _derive(self, name: str, step: Component, content: str, depth: int) -> Generator[None, None, Complex]:
        base = step.resolve(step.element.get("base", ""))
        extends = local(step.element.tag) == "extension"
        if content == "simpleContent":
            return (yield from self._simple_content(name, step, base, depth, extends=extends))
        if base in _ARRAYS:
            return self._array(name, step)
        if base == _ANY_TYPE:
            return (yield from self._own(name, step, None))
        found = self._kinds.types.get(base)
        if found is None or local(found.element.tag) != "complexType":
            if ns(base) in _ENCODINGS:
                return (yield from self._own(name, step, None))
            raise Unspeakable(f"the type {name} is derived from {base}, which no document at hand defines")
        under = yield from self._complex(base, found, depth + 1)
        if under.encoded:
            return replace(under, name=name, base=base)
        if not extends:
            under = replace(under, members=(), content=None, wild=False)
        return (yield from self._own(name, step, under))

    def _simple_content(
        self, name: str, step: Component, base: str, depth: int, *, extends: bool
    ) -> Generator[None, None, Complex]:
        under: Complex | None = None
        value: Scalar | None = None
        if ns(base) == namespaces.XSD or _is_encoded_scalar(base):
            value = self._facets.builtin(local(base))
        else:
            found = self._kinds.types.get(base)
            if found is None:
                raise Unspeakable(f"the type {name} is derived from {base}, which no document at hand defines")
            if local(found.element.tag) == "simpleType":
                value = self._facets.scalar(base)
            else:
                under = yield from self._complex(base, found, depth + 1)
                value = under.value
        if value is not None and not extends:
            value = self._facets.restricted(value, step)
        made = yield from self._own(name, step, under)
        return replace(made, value=value, base=base)

    def _own(self, name: str, component: Component, under: Complex | None) -> Generator[None, None, Complex]:
        """Read what stands in a type, an extension or a restriction, after what it inherits (XSD 1.0 part 1 section 3.4.2)."""
        content = Content(self, name, under)
        for child in component.element:
            if local(child.tag) in (*GROUPS, "group"):
                yield from content.add(component.at(child))
        made = yield from content.made()
        mine, wild = yield from self._attributes(component)
        kept = [each for each in (under.attributes if under else ()) if each.clark not in mine]
        base = component.element.get("base")
        return replace(
            made,
            attributes=tuple(self._apart([*kept, *(each for each in mine.values() if each is not None)])),
            value=under.value if under else None,
            mixed=bool(under and under.mixed),
            wild_attributes=wild or bool(under and under.wild_attributes),
            base=component.resolve(base) if base else "",
        )

    def _array(self, name: str, step: Component) -> Complex:
        """Read an array of SOAP's own encoding: by wsdl:arrayType, or by the element that it holds (SOAP 1.1 section 5.4.2)."""
        for attribute in step.element.iterfind(f"{_XSD}attribute"):
            said = attribute.get(_ARRAY_TYPE)
            if said and said.count("[") < 2:  # an item of an array of arrays is read by its looks
                item = step.at(attribute).resolve(said.partition("[")[0])
                type_ = self._type(item, f"an item of {name}")
                return self._of_items(name, Member("item", "item", type_, True, nillable=True, most=MANY))
        found = next(step.element.iter(f"{_XSD}element"), None)
        if found is None:
            return self._of_items(name, _ITEM)
        return self._of_items(name, replace(self.element(step.at(found), name), many=True, required=False, most=MANY))

    @staticmethod
    def _of_items(name: str, item: Member) -> Complex:
        return Complex(name, (item,), Group("sequence", (Leaf(0, 0, MANY),)), array=item, encoded=True)

    # --- elements and attributes

    def _global(self, clark: str) -> Member:
        found = self._kinds.elements.get(clark)
        if found is None:
            raise Unspeakable(f"the element {clark} is not defined in any document at hand")
        return replace(self._declared(found, clark), required=True, fewest=1)

    def element(self, component: Component, parent: str) -> Member:
        """Read a declaration inside a type, or what it refers to; where it may stand, and how often, its group says."""
        if not (ref := component.element.get("ref")):
            return self._declared(component, qualified(component), parent)
        clark = component.resolve(ref)
        if clark == f"{_XSD}schema":  # a DataSet's own
            return Member("schema", clark, _ANY_TYPE)
        return replace(self._global(clark), required=False, fewest=0)

    def _declared(self, component: Component, clark: str, parent: str = "") -> Member:
        element = component.element
        _named(component)
        return Member(
            self._key(local(clark)),
            clark,
            self._of_element(component, f"{parent}/{local(clark)}" if parent else f"{clark}/"),
            nillable=element.get("nillable") in ("true", "1"),
            default=element.get("default"),
            fixed=element.get("fixed"),
            text=documented(element),
        )

    def _of_element(self, component: Component, path: str, depth: int = 0) -> Scalar | str:
        element = component.element
        if named := element.get("type"):
            return self._type(component.resolve(named), f"the element {element.get('name')}")
        for child in element:
            if child.tag == f"{_XSD}complexType":
                return self._in_place(component.at(child), path)
            if child.tag == f"{_XSD}simpleType":
                return self._facets.inline(component.at(child))
        head = element.get("substitutionGroup")
        found = self._kinds.elements.get(component.resolve(head)) if head else None
        if found is None:
            return _ANY_TYPE
        if depth > _BASES_MAX:
            raise Unspeakable(f"the element {element.get('name')} substitutes itself")
        return self._of_element(found, path, depth + 1)

    def _in_place(self, component: Component, path: str) -> str:
        """Name a type that is written in its place; two elements of one name, in two namespaces, have two."""
        while path in self._inline and self._inline[path].element is not component.element:
            path += "~"
        self._inline[path] = component
        self._wanted.append(path)
        return path

    def _attributes(self, component: Component) -> Generator[None, None, tuple[dict[str, Attribute | None], bool]]:
        """Return the attributes that stand in a component by name, None for one that is prohibited; and whether any other may.

        What stands in it goes before what its groups have; a group that holds itself is looked at once.
        """
        found: dict[str, Attribute | None] = {}
        wild, count = False, 0
        pending, seen = [component], set[str]()
        while pending:
            here = pending.pop(0)
            for child in here.element:
                at = here.at(child)
                match local(child.tag):
                    case "attribute":
                        count += 1
                        if count > _MEMBERS_MAX:
                            raise Unspeakable(f"a type has more than {_MEMBERS_MAX} attributes")
                        self.spend()
                        clark, made = self._attribute(at)
                        found.setdefault(clark, made)
                        if count % _BREATH == 0:
                            yield
                    case "anyAttribute":
                        wild = True
                    case "attributeGroup":
                        name = at.resolve(child.get("ref", ""))
                        group = self._kinds.attribute_groups.get(name)
                        if group is not None and name not in seen:
                            seen.add(name)
                            pending.append(group)
        return found, wild

    def _attribute(self, component: Component) -> tuple[str, Attribute | None]:
        element, use = component.element, component.element.get("use")
        if ref := element.get("ref"):
            clark = component.resolve(ref)
            found = self._kinds.attributes.get(clark)
            scalar = self._facets.builtin("string") if found is None else self._of_attribute(found)
        else:
            name, form = _named(component), element.get("form")
            is_qualified = component.scope.qualified_attributes if form is None else form == "qualified"
            clark = f"{{{component.scope.target}}}{name}" if is_qualified and component.scope.target else name
            scalar = self._of_attribute(component)
        if use == "prohibited":
            return clark, None
        key = "@" + self._key(local(clark))
        return clark, Attribute(key, clark, scalar, use == "required", element.get("default"), documented(element))

    def _of_attribute(self, component: Component) -> Scalar:
        if named := component.element.get("type"):
            type_ = self._type(component.resolve(named), f"the attribute {component.element.get('name')}")
            return type_ if isinstance(type_, Scalar) else self._facets.builtin("string")
        inline = component.element.find(f"{_XSD}simpleType")
        return self._facets.builtin("string") if inline is None else self._facets.inline(component.at(inline))

    @staticmethod
    def _apart(attributes: list[Attribute]) -> Iterator[Attribute]:
        """Give attributes whose keys are taken by another, or mean something else, the whole name."""
        taken = {TYPE}
        for each in attributes:
            key = (
                each.key
                if each.key not in taken
                else f"@{each.clark if each.clark.startswith('{') else '{}' + each.clark}"
            )
            taken.add(key)
            yield each if key == each.key else replace(each, key=key)

    def group(self, name: str) -> Component | None:
        """Return a named group."""
        return self._kinds.groups.get(name)

    def spend(self) -> None:
        """Count what is read, again for each type that inherits it."""
        self._spent += 1
        if self._spent > _READ_MAX:
            raise Unspeakable(f"its documents have more than {_READ_MAX} elements and attributes in use")

    # --- how it is shown

    def _key(self, name: str) -> str:
        return camel(name) if self._options.camel else name

    def _shown(self, made: Complex) -> Complex:
        """Leave a wrapper around one array out of JSON, where that is wanted."""
        if not self._options.flatten or made.array is not None or len(made.members) != 1:
            return made
        only = made.members[0]
        loose = made.attributes or made.value or made.mixed or made.wild or made.wild_attributes or made.dataset
        # What stands in place of another type, or has others in its place, says so in a member of its own.
        kin = made.derived or made.base not in ("", _ANY_TYPE)
        return replace(made, array=only) if only.many and not loose and not kin else made


def _named(component: Component) -> str:
    """Return the name of a declaration; what no message can hold would make messages that nobody can read."""
    name = component.element.get("name", "")
    if not is_ncname(name):
        what = local(component.element.tag)
        raise Unspeakable(
            f"one {what} in {component.scope.target or 'no namespace'} has the name {name[:60]!r}, which is none"
        )
    return name


def _is_encoded_scalar(name: str) -> bool:
    """Know SOAP encoding's twins of the built-in types, which add attributes that nobody uses (SOAP 1.1 section 5.2)."""
    return ns(name) in _ENCODINGS and local(name) not in ("Array", "Struct")
