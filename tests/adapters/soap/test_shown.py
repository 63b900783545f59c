"""JSON Schemas are true of what the codec takes and gives, and readable."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from adapters.soap.samples import sample
from adapters.soap.shown import Shown, components, schema_of
from adapters.soap.speech import Speech
from adapters.soap.types import ANYTHING, MANY, Attribute, Complex, Group, Leaf, Member, Message, Scalar, Types
from tests.adapters.soap.oracle import family
from tests.support.require import wsdl_corpus

TEXT = Scalar("string")
INT = Scalar("int")


def member(key: str, type_: Scalar | str = TEXT, *, fewest: int = 1, most: int = 1, **more: Any) -> Member:
    return Member(key, f"{{urn:t}}{key}", type_, most > 1, fewest > 0, fewest=fewest, most=most, **more)


def types(*kinds: Complex) -> Types:
    return {each.name: each for each in (*kinds, ANYTHING)}


def test_an_object_has_its_members_its_attributes_and_what_it_must_have() -> None:
    """Keys are those of JSON, required ones are listed, and nothing else is allowed."""
    seats = Complex(
        "{urn:t}Seats",
        (member("zone", INT), member("note", fewest=0, text="What for."), member("day", Scalar("date"), nillable=True)),
        attributes=(
            Attribute("@lang", "lang", TEXT, required=True),
            Attribute("@n", "n", INT, default="3", text="How many."),
        ),
        text="Seats of a zone.",
    )
    (found,) = components(types(seats), [seats.name]).items()
    name, schema = found
    assert name == "Seats"
    assert list(schema["properties"]) == ["@lang", "@n", "zone", "note", "day"]
    assert schema["required"] == ["@lang", "zone", "day"]
    assert schema["additionalProperties"] is False
    assert schema["x-xsd-type"] == "{urn:t}Seats"
    assert schema["description"] == "Seats of a zone."
    assert schema["properties"]["note"]["description"] == "What for."
    assert schema["properties"]["@n"]["default"] == 3
    assert schema["properties"]["@n"]["description"] == "How many."
    assert schema["properties"]["zone"]["type"] == "integer"
    assert schema["properties"]["day"]["type"] == ["string", "null"]


def test_types_refer_to_each_other_by_name_and_what_they_need_comes_with_them() -> None:
    """Only what the names reach is there."""
    kinds = types(
        Complex("{urn:t}A", (member("b", "{urn:t}B", nillable=True), member("any", ANYTHING.name))),
        Complex("{urn:t}B", (member("again", "{urn:t}A", fewest=0),)),
        Complex("{urn:t}Apart"),
    )
    found = components(kinds, ["{urn:t}A"])
    assert list(found) == ["A", "B"]
    assert found["A"]["properties"]["b"] == {"anyOf": [{"$ref": "#/components/schemas/B"}, {"type": "null"}]}
    assert found["A"]["properties"]["any"] == {}
    assert found["B"]["properties"]["again"] == {"$ref": "#/components/schemas/A"}
    assert schema_of(member("b", "{urn:t}B"), kinds) == {"$ref": "#/components/schemas/B"}


def test_names_are_what_openapi_allows_and_no_two_types_have_the_same() -> None:
    """Those of other namespaces are numbered, always the same way, and around names that have such a number themselves."""
    names = ["{urn:a}Seat", "{urn:b}Seat", "{urn:c}Seat", "{urn:b}Seat2", "{urn:a}Größe (m²)"]
    forward, backward = ({each: Complex(each) for each in order} for order in (names, names[::-1]))
    found = components(forward, names)
    assert {name: schema["x-xsd-type"] for name, schema in found.items()} == {
        "Seat": "{urn:a}Seat",
        "Seat2": "{urn:b}Seat2",
        "Seat3": "{urn:b}Seat",
        "Seat4": "{urn:c}Seat",
        "Gr_e_m_": "{urn:a}Größe (m²)",
    }
    assert components(backward, names) == found


def test_a_type_without_a_name_is_written_where_it_stands_unless_it_holds_itself() -> None:
    """Then it has a component, named after its place."""
    kinds = types(
        Complex("{urn:t}Get/", (member("row", "{urn:t}Get//row"),)),
        Complex("{urn:t}Get//row", (member("a", nillable=True),)),
        Complex("{http://t/x/}Tree/", (member("child", "{http://t/x/}Tree//child", fewest=0),)),
        Complex("{http://t/x/}Tree//child", (member("child", "{http://t/x/}Tree//child", fewest=0),)),
        Complex("{http://t/x/}Plain"),
    )
    shown = Shown(kinds)
    row = shown.schema(member("Get", "{urn:t}Get/"))["properties"]["row"]
    assert (row["type"], row["required"], row["properties"]["a"]["type"]) == ("object", ["a"], ["string", "null"])
    assert list(shown.components(kinds)) == ["Plain", "Tree_child"]
    assert shown.schema(member("Tree", "{http://t/x/}Tree/"))["properties"]["child"] == {
        "$ref": "#/components/schemas/Tree_child"
    }
    nil = shown.schema(member("r", "{urn:t}Get//row", nillable=True))
    assert nil["type"] == ["object", "null"]


def test_arrays_say_how_many_there_may_be() -> None:
    """Only bounds that are bounds; a wrapper that is not shown, and SOAP's own arrays, are arrays like others."""
    kinds = types(
        Complex("{urn:t}Seats", array=member("seat", INT, fewest=0, most=MANY, nillable=True)),
        Complex("{urn:t}Of", array=member("item", INT, fewest=0, most=1)),
    )
    some = schema_of(member("a", INT, fewest=2, most=5, text="Some."), kinds)
    assert (some["type"], some["minItems"], some["maxItems"], some["description"]) == ("array", 2, 5, "Some.")
    assert some["items"]["type"] == "integer"
    assert not {"minItems", "maxItems"} & set(schema_of(member("a", INT, fewest=0, most=MANY), kinds))
    found = components(kinds, kinds)
    assert (found["Seats"]["type"], found["Seats"]["items"]["type"]) == ("array", ["integer", "null"])
    assert (found["Of"]["type"], found["Of"]["items"]["type"]) == ("array", "integer")


def test_contents_of_other_kinds_have_their_own_forms() -> None:
    """Text beside attributes, mixed content, wildcards, foreign attributes, DataSets, anything."""
    kinds = types(
        Complex("{urn:t}Price", value=Scalar("decimal"), attributes=(Attribute("@unit", "unit", TEXT),)),
        Complex("{urn:t}Mixed", mixed=True, wild=True, wild_attributes=True),
        Complex("{urn:t}Rows", dataset=True),
    )
    found = components(kinds, kinds)
    assert list(found) == ["Mixed", "Price", "Rows"]
    assert found["Price"]["properties"]["$value"]["type"] == "string"
    assert found["Mixed"]["properties"]["$value"] == {"type": "string"}
    assert found["Mixed"]["properties"]["$any"]["type"] == "array"
    assert found["Mixed"]["patternProperties"] == {"^@": {"type": ["string", "number", "boolean"]}}
    assert found["Rows"] == {
        "type": "object",
        "additionalProperties": {"type": "array", "items": {"type": "object"}},
        "x-xsd-type": "{urn:t}Rows",
    }
    assert schema_of(member("x", ANYTHING.name, nillable=True), kinds) == {}


def test_a_type_that_others_extend_takes_their_names_and_members() -> None:
    """@type lists the concrete ones, must be there where the type itself is abstract, and each has its component."""
    below = ("{urn:t}Air", "{urn:t}Sea", "{urn:t}Gone")
    kinds = types(
        Complex("{urn:t}Way", abstract=True, derived=below),
        Complex("{urn:t}Air", (member("gate"),), abstract=True),
        Complex("{urn:t}Sea", (member("pier"),)),
    )
    found = components(kinds, ["{urn:t}Way"])
    assert list(found) == ["Air", "Sea", "Way"]
    assert found["Way"]["properties"]["@type"] == {"type": "string", "enum": ["Sea"]}
    assert found["Way"]["required"] == ["@type"]
    assert "additionalProperties" not in found["Way"]
    assert found["Way"]["x-derived"] == {"Air": "#/components/schemas/Air", "Sea": "#/components/schemas/Sea"}


@pytest.mark.parametrize("branches", [2, 20])
def test_a_choice_is_noted_beside_optional_members(branches: int) -> None:
    """The members of each branch, and a sentence where it can be read."""
    members = tuple(member(f"m{at}", fewest=0) for at in range(branches + 1))
    parts = (Leaf(0), Group("sequence", (Leaf(1), Leaf(branches))), *(Leaf(at) for at in range(2, branches)))
    kind = Complex("{urn:t}T", members, Group("sequence", (Group("choice", parts),)))
    schema = components(types(kind), [kind.name])["T"]
    assert schema["x-choice"][0][:2] == [["m0"], ["m1", f"m{branches}"]]
    assert "required" not in schema
    assert schema.get("description") == ("Either m0, or m1 and m2." if branches == 2 else None)


def test_defaults_constants_and_enumerations_are_values_of_their_type() -> None:
    """And null is one of them where the element may be nil."""
    assert schema_of(member("a", INT, default="5"), {})["default"] == 5
    assert schema_of(member("a", Scalar("boolean"), fixed="true"), {})["const"] is True
    assert schema_of(member("a", Scalar("string", enum=("x", "y")), nillable=True), {})["enum"] == ["x", "y", None]
    fixed = schema_of(member("a", INT, fixed="1", nillable=True), {})
    assert (fixed["anyOf"][0]["const"], fixed["anyOf"][1]) == (1, {"type": "null"})


def test_a_message_with_header_blocks_has_them_beside_its_own_members() -> None:
    """Written out where it stands, and required as its headers are; an empty Body takes an empty object."""
    kinds = types(Complex("{urn:t}Ask", (member("a"),)))
    asked = Message(member("Ask", "{urn:t}Ask"), (member("Session"), member("Trace", fewest=0)))
    schema = schema_of(asked, kinds)
    assert list(schema["properties"]) == ["$headers", "a"]
    assert schema["required"] == ["$headers", "a"]
    assert schema["properties"]["$headers"]["required"] == ["Session"]
    assert schema_of(Message(member("Ask", "{urn:t}Ask")), kinds) == {"$ref": "#/components/schemas/Ask"}
    assert schema_of(Message(None), kinds) == {"type": "object", "additionalProperties": False}
    only = schema_of(Message(None, (member("Trace", fewest=0),)), kinds)
    assert list(only["properties"]) == ["$headers"]
    assert "required" not in only


@pytest.mark.thinned(2)
@pytest.mark.unmeasured
@pytest.mark.parametrize(
    "first", ["tessitura.wsdl", "paypal/PayPalSvc.wsdl", "salesforce/partner.wsdl", "onvif/ptz.wsdl"]
)
def test_examples_of_real_operations_are_valid(first: str) -> None:
    """Components and schemas are JSON Schema, all references lead somewhere, and every example is valid by its operation's schema."""
    speech = Speech.of(family(wsdl_corpus(), first))
    signatures = [speech.signature(name) for name in speech.names]
    shown = Shown(speech.types)
    named = {"components": {"schemas": shown.components(speech.types)}}
    for schema in named["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    for signature in signatures:
        for message in filter(None, (signature.input, signature.output)):
            schema = shown.schema(message)
            Draft202012Validator.check_schema(schema)
            check = Draft202012Validator({**schema, **named})
            for full in (True, False):
                assert not list(check.iter_errors(sample(message, speech.types, full=full))), signature.name
