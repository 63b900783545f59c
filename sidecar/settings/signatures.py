"""The vocabulary of `signatures:`: what an XML-RPC backend's methods take and return, because no contract of the protocol says it.

A part of `schema`, and like it without judgement of other keys. A type takes a word or a block, and is checked here whole, so that the
message names the place inside it.
"""

from __future__ import annotations

from difflib import get_close_matches
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, Final, NoReturn, TypeAlias

from pydantic import AfterValidator, Field, PlainValidator, WithJsonSchema

from sidecar import signatures as nouns
from sidecar.settings import shapes
from sidecar.settings.quantities import wrong
from sidecar.settings.section import Section
from sidecar.signatures import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

_METHOD: Final = 255  # characters; the longest seen has 60
_PARAMS: Final = 100
_MEMBERS: Final = 200  # of one struct
_DEPTH: Final = 16  # structs and arrays inside one another; the parser's own bound is 19
_METHODS: Final = 2_000
_WORDS: Final = [kind.value for kind in Kind]
# What people write who mean one of ours: other languages' names, and the protocol's own for the same.
_MEANT: Final = {
    "i4": "int",
    "integer": "int",
    "long": "i8",
    "float": "double",
    "number": "double",
    "decimal": "double",
    "str": "string",
    "text": "string",
    "bool": "boolean",
    "datetime": "dateTime",
    "datetime.iso8601": "dateTime",
    "date": "dateTime",
    "binary": "base64",
    "bytes": "base64",
    "null": "nil",
    "none": "nil",
    "void": "nil",
    "list": "array",
    "object": "struct",
    "dict": "struct",
}
_BLOCKS: Final = "as in int, {array: int} or {struct: {id: int, note: {type: string, optional: true}}}"
_MEMBER_KEYS: Final = frozenset(("type", "optional", "text"))


def _type(value: object) -> object:
    """Check a type and return it as it is written."""
    _check(value, "", 0)
    return value


def _check(value: object, at: str, depth: int) -> None:
    if depth > _DEPTH:
        raise wrong("E204", f"has more than {_DEPTH} structs and arrays inside one another", "say any further down")
    if isinstance(value, str):
        if value not in _WORDS:
            _refuse(at, f"{value[:40]} is no type{_hint(value)}")
    elif not isinstance(value, dict) or len(value) != 1 or next(iter(value)) not in ("struct", "array"):
        _refuse(at, "a type is a word, {array: TYPE} or {struct: {NAME: TYPE}}")
    elif "array" in value:
        _check(value["array"], f"{at}.array", depth + 1)
    else:
        _members(value["struct"], f"{at}.struct", depth + 1)


def _members(value: object, at: str, depth: int) -> None:
    if not isinstance(value, dict) or not 0 < len(value) <= _MEMBERS:
        _refuse(at, f"a struct has 1 to {_MEMBERS} members by name; the word struct alone is one that may hold any")
    for name, each in value.items():
        if not isinstance(name, str):
            _refuse(at, "the name of a member is a text, in quotes where it looks like something else")
        inside = f"{at}.{shapes.words(name)}"
        if not isinstance(each, dict) or "type" not in each:
            _check(each, inside, depth)
            continue
        if unknown := set(each) - _MEMBER_KEYS:
            _refuse(inside, f"{min(map(str, unknown))[:40]} is none of type, optional and text")
        if not isinstance(each.get("optional", False), bool):
            _refuse(inside, "optional is true or false")
        text = each.get("text")
        if text is not None:
            if not isinstance(text, str):
                _refuse(inside, "text is a text")
            shapes.sentence(text)
        _check(each["type"], inside, depth)


def _refuse(at: str, what: str) -> NoReturn:
    place = f"in {at.removeprefix('.')}: " if at else ""
    raise wrong("E207", f"{place}{what}", f"one of {', '.join(_WORDS)}, or a block, {_BLOCKS}")


def _hint(word: str) -> str:
    near = [_MEANT[word.lower()]] if word.lower() in _MEANT else get_close_matches(word, _WORDS, n=1)
    return f", did you mean {near[0]}?" if near else ""


TypeName: TypeAlias = Annotated[
    str | dict[str, Any],
    PlainValidator(_type),
    WithJsonSchema(
        {
            "anyOf": [
                {"enum": _WORDS},
                {
                    "type": "object",
                    "properties": {"array": {}, "struct": {"type": "object", "minProperties": 1}},
                    "minProperties": 1,
                    "maxProperties": 1,
                    "additionalProperties": False,
                },
            ]
        }
    ),
]


def _method(text: str) -> str:
    """Check the name of one method; it is no pattern, though a name may hold such a sign."""
    if not 0 < len(text) <= _METHOD or not text.isprintable() or any(sign in text for sign in " <>&\"'"):
        raise wrong("E210", "{value} is no name of a method", "as in tickets.reserve")
    return text


Method: TypeAlias = Annotated[str, AfterValidator(_method)]


class Param(Section):
    """A parameter of a method."""

    name: shapes.Words = Field(description="how JSON callers name it; the backend sees only its position")
    type: TypeName = Field(description=f"what it is, {_BLOCKS}")
    optional: bool = Field(default=False, description="whether it may be left out; only where all that follow may, too")
    text: shapes.Sentence | None = Field(default=None, description="what it means, for the pages")


def _in_order(params: list[Param]) -> list[Param]:
    """Refuse what no position can say: a name twice, and a parameter that is needed behind one that is not."""
    names = [param.name for param in params]
    for name in names:
        if names.count(name) > 1:
            raise wrong("E207", f"{name} is there twice", "name each parameter once")
    for before, after in pairwise(params):
        if before.optional and not after.optional:
            what = f"{after.name} is not optional, and {before.name} before it is: positions cannot be left out between"
            raise wrong("E207", what, "put the optional ones last")
    return params


class Signature(Section):
    """What one method takes and returns."""

    params: Annotated[list[Param], AfterValidator(_in_order)] = Field(
        default_factory=list, max_length=_PARAMS, description="its parameters, in their order"
    )
    returns: TypeName = Field(default="any", description=f"what it returns, {_BLOCKS}; nil is nothing")
    text: shapes.Sentence | None = Field(default=None, description="what it does, for the pages")


Named: TypeAlias = Annotated[dict[Method, Signature], Field(max_length=_METHODS)]
"""The block itself: signatures by method."""


def signatures_of(named: Mapping[str, Signature], *, allow_nil: bool, allow_i8: bool) -> nouns.Signatures:
    """Return what the adapter reads. It cannot fail: all has been checked."""
    methods = tuple(
        nouns.Signature(
            method,
            tuple(nouns.Member(each.name, _noun(each.type), each.optional, each.text or "") for each in one.params),
            _noun(one.returns),
            one.text or "",
        )
        for method, one in named.items()
    )
    return nouns.Signatures(methods, allow_nil, allow_i8)


def _noun(value: Any) -> nouns.Type:
    if isinstance(value, str):
        return nouns.Type(Kind(value))
    if "array" in value:
        return nouns.Type(Kind.ARRAY, items=_noun(value["array"]))
    return nouns.Type(Kind.STRUCT, tuple(_member(name, each) for name, each in value["struct"].items()))


def _member(name: str, value: Any) -> nouns.Member:
    if isinstance(value, dict) and "type" in value:
        return nouns.Member(name, _noun(value["type"]), value.get("optional", False), value.get("text") or "")
    return nouns.Member(name, _noun(value))
