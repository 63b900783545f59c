"""Types of a schema as JSON Schema: the components of an OpenAPI document, and what each operation says of its body and its reply.

It reads `types` alone and answers JSON Schema of draft 2020-12, true of what the codec takes and gives. It leaves out what would be
right but unreadable: a choice is optional members with a note (`x-choice`), types that extend another are listed (`x-derived`).
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from adapters.soap import scalars
from adapters.soap.samples import said, spelled
from adapters.soap.types import ANY, ANYTHING, HEADERS, MANY, TYPE, VALUE, Group, Leaf, Message, Scalar
from sidecar.pieces import whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from adapters.soap.types import Attribute, Complex, Member, Particle, Types
    from sidecar.described import JsonSchema
    from sidecar.pieces import Pieces

_REFERENCE: Final = "#/components/schemas/"
_CLARK: Final = re.compile(r"\{[^{}]*\}")
_UNNAMEABLE: Final = re.compile(r"[^A-Za-z0-9._-]+")  # OpenAPI 3.1, section 4.8.7: what a component may be called
_ROWS: Final = {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "object"}}}
_WILD: Final = {"type": "array", "items": {"type": "object", "minProperties": 1, "maxProperties": 1}}
_TOLD: Final = 8  # branches of a choice that a sentence names; of more it would be no sentence


def components(types: Types, names: Iterable[str]) -> dict[str, JsonSchema]:
    """Return the components that schemas of the types `names` need, by name, in the order of their names."""
    return Shown(types).components(names)


def schema_of(of: Member | Message, types: Types) -> JsonSchema:
    """Return the schema of an element's content, or of a message's; types with a name are references to components."""
    return Shown(types).schema(of)


class Shown:
    """All types of a backend with the names of their components; made once, because clashing names are numbered among all."""

    def __init__(self, types: Types) -> None:
        self._types = types
        unnamed = {name for name in types if "/" in _CLARK.sub("", name)}
        inlined = unnamed - {name for name in unnamed if _holds_itself(name, types, unnamed)}
        self._names = _named(sorted(name for name in types if name not in inlined and not types[name].anything))

    def components(self, names: Iterable[str]) -> dict[str, JsonSchema]:
        """See `components`."""
        return whole(self.pieces(names))

    def pieces(self, names: Iterable[str]) -> Pieces[dict[str, JsonSchema]]:
        """As `components`, one type a piece."""
        found: set[str] = set()
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            if name not in found and name in self._types:  # a derived one that could not be resolved is not
                found.add(name)
                waiting += [*_inside(self._types[name]), *self._types[name].derived]
        shown: dict[str, JsonSchema] = {}
        for name in found:
            yield
            if name in self._names:
                shown[self._names[name]] = self._complex(self._types[name])
        return dict(sorted(shown.items()))

    def schema(self, of: Member | Message) -> JsonSchema:
        """See `schema_of`."""
        return self._message(of) if isinstance(of, Message) else self._member(of)

    def _message(self, message: Message) -> dict[str, Any]:
        element = message.element
        if element is None and not message.headers:
            return {"type": "object", "additionalProperties": False}
        if element is not None and (not message.headers or isinstance(element.type, Scalar)):
            return self._member(element)
        required = [each.key for each in message.headers if each.required]
        blocks = _object({each.key: self._member(each) for each in message.headers}, required)
        # Written out where it stands: a property can be put beside those of an object, but not beside those of a reference.
        content: dict[str, Any] = {"type": "object"} if element is None else self._written(element)
        content["properties"] = {HEADERS: blocks, **content.get("properties", {})}
        if required:
            content["required"] = [HEADERS, *content.get("required", ())]
        return content

    def _member(self, member: Member) -> dict[str, Any]:
        schema = self._typed(member)
        if member.many:
            schema = {"type": "array", "items": schema}
            if member.fewest:
                schema["minItems"] = member.fewest
            if member.most < MANY:
                schema["maxItems"] = member.most
        return {**schema, "description": member.text} if member.text else schema

    def _typed(self, member: Member) -> dict[str, Any]:
        if isinstance(member.type, str) and member.type in self._names:
            schema: dict[str, Any] = {"$ref": _REFERENCE + self._names[member.type]}
        else:
            schema = self._written(member)
        return _or_null(schema) if member.nillable else schema

    def _written(self, member: Member) -> dict[str, Any]:
        if not isinstance(member.type, Scalar):
            return self._complex(
                self._types.get(member.type, ANYTHING)
            )  # not there: of an operation that is not offered
        schema = dict(scalars.schema(member.type))
        if member.fixed is not None:
            schema["const"] = said(member.type, member.fixed)
        elif member.default is not None:
            schema["default"] = said(member.type, member.default)
        return schema

    def _complex(self, kind: Complex) -> dict[str, Any]:
        if kind.anything:
            return {}
        if kind.dataset:
            schema: dict[str, Any] = dict(_ROWS)
        elif kind.array is not None:
            schema = self._member(replace(kind.array, many=True))
        else:
            schema = self._properties(kind)
        if kind.name in self._names:
            schema["x-xsd-type"] = kind.name
        choices = list(_choices(kind, kind.content)) if kind.content is not None else []
        if choices:
            schema["x-choice"] = choices
        text = " ".join(filter(None, (kind.text, *map(_sentence, choices))))
        return {**schema, "description": text} if text else schema

    def _properties(self, kind: Complex) -> dict[str, Any]:
        properties: dict[str, Any] = {}
        if kind.derived:
            known = [self._types[each] for each in (kind.name, *kind.derived) if each in self._types]
            names = [spelled(kind, each.name) for each in known if not each.abstract]
            properties[TYPE] = {"type": "string", "enum": names}
        properties |= {each.key: _attribute(each) for each in kind.attributes}
        if kind.value is not None or kind.mixed:
            properties[VALUE] = {"type": "string"} if kind.value is None else dict(scalars.schema(kind.value))
        properties |= {each.key: self._member(each) for each in kind.members}
        if kind.wild:
            properties[ANY] = dict(_WILD)
        required = [
            *([TYPE] if kind.abstract and kind.derived else []),
            *(each.key for each in kind.attributes if each.required),
            *(each.key for each in kind.members if each.required),
        ]
        schema = _object(properties, required)
        if kind.wild_attributes:
            schema["patternProperties"] = {
                "^@": {"type": ["string", "number", "boolean"]}
            }  # the declared ones match, too
        if kind.derived:
            del schema["additionalProperties"]  # those of the derived type are there too
            offers = {spelled(kind, each): self._names[each] for each in kind.derived if each in self._names}
            schema["x-derived"] = {name: _REFERENCE + component for name, component in offers.items()}
        return schema


def _object(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    return {name: value for name, value in schema.items() if value not in ([], {})}


def _attribute(attribute: Attribute) -> dict[str, Any]:
    schema = dict(scalars.schema(attribute.type))
    if attribute.default is not None:
        schema["default"] = said(attribute.type, attribute.default)
    return {**schema, "description": attribute.text} if attribute.text else schema


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    kind = schema.get("type")
    if not schema:
        return schema
    if "anyOf" in schema and "const" not in schema:
        return {**schema, "anyOf": [*schema["anyOf"], {"type": "null"}]}
    if kind is None or "const" in schema:
        return {"anyOf": [schema, {"type": "null"}]}
    also = {"enum": [*schema["enum"], None]} if "enum" in schema else {}
    return {**schema, "type": [*([kind] if isinstance(kind, str) else kind), "null"], **also}


def _inside(kind: Complex) -> Iterator[str]:
    for member in (*kind.members, *((kind.array,) if kind.array is not None else ())):
        if isinstance(member.type, str):
            yield member.type


def _holds_itself(name: str, types: Types, among: set[str]) -> bool:
    """Ask whether a type without a name comes back to itself through others without one: written in its place it would not end."""
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        for each in _inside(types[waiting.pop()]):
            if each == name:
                return True
            if each in among and each not in seen:
                seen.add(each)
                waiting.append(each)
    return False


def _named(names: list[str]) -> dict[str, str]:
    """Give each type its local name, and those whose name another has already the next free number."""
    taken: dict[str, str] = {}
    later: list[tuple[str, str]] = []
    for name in names:
        wanted = _UNNAMEABLE.sub("_", _CLARK.sub("", name)) or "_"
        if taken.setdefault(wanted, name) != name:
            later.append((wanted, name))
    for wanted, name in later:
        number = 2
        while f"{wanted}{number}" in taken:
            number += 1
        taken[f"{wanted}{number}"] = name
    return {name: component for component, name in taken.items()}


def _choices(kind: Complex, part: Particle) -> Iterator[list[list[str]]]:
    """Return the choices of a content that one is to be made of: the members of each branch."""
    if not isinstance(part, Group):
        return
    if part.kind == "choice" and part.most == 1:
        branches = [[kind.members[at].key for at in dict.fromkeys(_leaves(each))] for each in part.parts]
        if len(branches) > 1 and all(branches):
            yield branches
    for each in part.parts:
        yield from _choices(kind, each)


def _leaves(part: Particle) -> Iterator[int]:
    if isinstance(part, Leaf):
        yield part.at
    elif isinstance(part, Group):
        for each in part.parts:
            yield from _leaves(each)


def _sentence(choice: list[list[str]]) -> str:
    if len(choice) > _TOLD:
        return ""
    return f"Either {', or '.join(' and '.join(branch) for branch in choice)}."
