"""The vocabulary of `signatures:`: the ways to say a type, and what is told to whom says it wrong."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from sidecar.settings.signatures import Named, signatures_of
from sidecar.signatures import ANY, Kind, Member, Type
from sidecar.signatures import Signature as Noun

NAMED: TypeAdapter[Any] = TypeAdapter(Named)


def read(methods: Any) -> tuple[Noun, ...]:
    """Return what the adapter is given."""
    return signatures_of(NAMED.validate_python(methods), allow_nil=False, allow_i8=False).methods


def returned(kind: Any) -> Type:
    """Return a type as it is read."""
    return read({"m": {"returns": kind}})[0].returns


def told(methods: Any) -> str:
    """Return what is wrong, as people are told."""
    with pytest.raises(ValidationError) as caught:
        NAMED.validate_python(methods)
    return " ".join(f"{each['msg']} {each.get('ctx', {}).get('remedy', '')}" for each in caught.value.errors())


def test_a_whole_one() -> None:
    """As in the documentation."""
    [found] = read(
        {
            "tickets.reserve": {
                "params": [
                    {"name": "session", "type": "string"},
                    {"name": "seats", "type": {"array": "int"}},
                    {"name": "note", "type": "string", "optional": True, "text": "for the usher"},
                ],
                "returns": {"struct": {"id": "i8", "until": {"type": "dateTime", "optional": True, "text": "held so long"}}},
                "text": "Reserve seats.",
            }
        }
    )  # fmt: skip
    assert found == Noun(
        "tickets.reserve",
        (
            Member("session", Type(Kind.STRING)),
            Member("seats", Type(Kind.ARRAY, items=Type(Kind.INT))),
            Member("note", Type(Kind.STRING), optional=True, text="for the usher"),
        ),
        Type(
            Kind.STRUCT,
            (Member("id", Type(Kind.I8)), Member("until", Type(Kind.DATETIME), optional=True, text="held so long")),
        ),
        "Reserve seats.",
    )


def test_what_is_left_out() -> None:
    """A method that takes nothing and returns anything; extensions as they are said."""
    assert read({"m": {}}) == (Noun("m", (), ANY),)
    found = signatures_of({}, allow_nil=True, allow_i8=True)
    assert (found.methods, found.allow_nil, found.allow_i8) == ((), True, True)


@pytest.mark.parametrize("kind", [kind.value for kind in Kind])
def test_every_word(kind: str) -> None:
    """Struct and array alone hold anything."""
    assert returned(kind) == Type(Kind(kind))


def test_types_inside_types() -> None:
    """A member may be called as one of our words."""
    assert returned({"array": {"array": "int"}}).items == Type(Kind.ARRAY, items=Type(Kind.INT))
    assert returned({"struct": {"type": "string", "struct": {"struct": {"array": "any"}}}}).members == (
        Member("type", Type(Kind.STRING)),
        Member("struct", Type(Kind.STRUCT, (Member("array", ANY),))),
    )


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("integer", "integer is no type, did you mean int?"),
        ("datetime", "did you mean dateTime?"),
        ("strin", "did you mean string?"),
        ("xyz", "xyz is no type one of int, i8"),
        (5, "a type is a word"),
        (None, "a type is a word"),
        ([], "a type is a word"),
        ({}, "a type is a word"),
        ({"array": "int", "struct": {}}, "a type is a word"),
        ({"map": "int"}, "a type is a word"),
        ({"array": "str"}, "in array: str is no type, did you mean string?"),
        ({"struct": {}}, "in struct: a struct has 1 to 200 members"),
        ({"struct": ["a"]}, "in struct: a struct has 1 to 200 members"),
        ({"struct": {f"a{at}": "int" for at in range(201)}}, "in struct: a struct has 1 to 200 members"),
        ({"struct": {5: "int"}}, "the name of a member is a text"),
        ({"struct": {"": "int"}}, "1 to 200 printable characters"),
        (
            {"struct": {"a": {"type": "int", "optonal": True}}},
            "in struct.a: optonal is none of type, optional and text",
        ),
        ({"struct": {"a": {"type": "int", "optional": "yes"}}}, "in struct.a: optional is true or false"),
        ({"struct": {"a": {"type": "int", "text": 5}}}, "in struct.a: text is a text"),
        ({"struct": {"a": {"type": "int", "text": ""}}}, "1 to 500 printable characters"),
        ({"struct": {"a": {"type": {"array": "nul"}}}}, "in struct.a.array: nul is no type"),
    ],
)
def test_what_is_no_type(kind: Any, words: str) -> None:
    """The message names the place inside it and the word that was meant."""
    assert words in told({"m": {"returns": kind}})


def test_types_end() -> None:
    """However deep they are written."""
    kind: Any = "int"
    for _ in range(17):
        kind = {"array": kind}
    assert "more than 16 structs and arrays inside one another" in told({"m": {"returns": kind}})
    assert returned(kind["array"]).kind is Kind.ARRAY


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ([{"name": "a", "type": "int"}, {"name": "a", "type": "int"}], "a is there twice"),
        ([{"name": "a", "type": "int", "optional": True}, {"name": "b", "type": "int"}], "b is not optional, and a before"),
        ([{"name": "a"}], "Field required"),
        ([{"type": "int"}], "Field required"),
        ([{"name": f"a{at}", "type": "int"} for at in range(101)], "at most 100"),
    ],
)  # fmt: skip
def test_what_no_position_can_say(params: Any, words: str) -> None:
    """Names are there once, what may be left out stands last."""
    assert words in told({"m": {"params": params}})


@pytest.mark.parametrize("name", ["", "a b", "a<b", "a\n", "x" * 256])
def test_what_is_no_method(name: str) -> None:
    """A name as XML-RPC has them."""
    assert "is no name of a method" in told({name: {}})


def test_its_json_schema_takes_what_is_taken() -> None:
    """For editors: a word of the list, or a block."""
    schema = NAMED.json_schema()
    kinds = schema["$defs"]["Signature"]["properties"]["returns"]["anyOf"]
    assert kinds[0] == {"enum": [kind.value for kind in Kind]}
    assert set(kinds[1]["properties"]) == {"array", "struct"}
