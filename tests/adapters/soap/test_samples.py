"""Examples are made of types alone: right for their facets, whole where they can be, and bounded whatever a schema says."""

from __future__ import annotations

from decimal import Decimal

import pytest

from adapters.soap.samples import sample, spelled
from adapters.soap.types import ANYTHING, MANY, Attribute, Complex, Group, Leaf, Member, Message, Scalar, Types, Wild

TEXT = Scalar("string")
INT = Scalar("int")


def named(name: str, *members: Member, content: Group | None = None, **more: object) -> Complex:
    leaves = tuple(Leaf(at, each.fewest, each.most) for at, each in enumerate(members))
    return Complex(f"{{urn:t}}{name}", members, content or Group("sequence", leaves), space="urn:t", **more)  # type: ignore[arg-type]  # whatever a test says of it


def member(key: str, type_: Scalar | str = TEXT, *, fewest: int = 1, most: int = 1, **more: object) -> Member:
    kind = type_ if isinstance(type_, Scalar) else f"{{urn:t}}{type_}"
    return Member(key, f"{{urn:t}}{key}", kind, most > 1, fewest > 0, fewest=fewest, most=most, **more)  # type: ignore[arg-type]  # whatever a test says of it


def types(*kinds: Complex) -> Types:
    return {each.name: each for each in (*kinds, ANYTHING)}


SEATS = named(
    "Seats",
    member("zone", INT),
    member("note", fewest=0),
    member("seat", fewest=0, most=MANY),
    attributes=(Attribute("@lang", "lang", TEXT, required=True), Attribute("@more", "more", INT)),
)


def test_a_full_example_shows_what_is_optional_and_a_least_one_what_must_be_there() -> None:
    """Optional members, optional attributes and a second item are in the full one alone."""
    asked = member("GetSeats", "Seats")
    assert sample(asked, types(SEATS)) == {
        "@lang": "text",
        "@more": 1,
        "zone": 1,
        "note": "text",
        "seat": ["text", "text"],
    }
    assert sample(asked, types(SEATS), full=False) == {"@lang": "text", "zone": 1}


def test_an_array_that_must_be_there_has_as_many_items_as_it_must() -> None:
    """What minOccurs says is kept in both modes, maxOccurs in the full one."""
    kind = named("T", member("three", fewest=3, most=5), member("one", fewest=1, most=MANY))
    assert sample(member("t", "T"), types(kind), full=False) == {"three": ["text"] * 3, "one": ["text"]}
    assert sample(member("t", "T"), types(kind)) == {"three": ["text"] * 3, "one": ["text"] * 2}


@pytest.mark.parametrize(
    ("scalar", "value"),
    [
        (Scalar("string"), "text"),
        (Scalar("string", enum=("Yes", "No")), "Yes"),
        (Scalar("int", enum=("7", "8")), 7),
        (Scalar("string", max_length=2), "A"),
        (Scalar("string", min_length=6, max_length=8), "textte"),
        (Scalar("string", length=3), "123"),
        (Scalar("string", patterns=((r"\d{5}",),)), "12345"),
        (Scalar("string", patterns=((r"[A-Z]{2}", r"[A-Z]{3}"), (r"A.*",))), "AB"),
        (Scalar("int"), 1),
        (Scalar("short", minimum=Decimal(10)), 10),
        (Scalar("int", above=Decimal(10)), 11),
        (Scalar("int", below=Decimal(0)), -1),
        (Scalar("long"), "1"),
        (Scalar("decimal"), "12.50"),
        (Scalar("decimal", fraction_digits=0), "1"),
        (Scalar("decimal", maximum=Decimal("0.5")), "0"),
        (Scalar("double"), 12.5),
        (Scalar("negativeInteger"), "-1"),
        (Scalar("boolean"), True),
        (Scalar("dateTime"), "2026-12-01T19:30:00"),
        (Scalar("base64Binary"), "QQ=="),
        (Scalar("base64Binary", length=4), "QUFBQQ=="),
        (Scalar("hexBinary"), "41"),
        (Scalar("QName"), "{urn:example}name"),
        (Scalar("anyURI"), "https://example.org/"),
        (Scalar("anySimpleType"), "text"),
        (Scalar("anySimpleType", items=Scalar("int")), [1]),
        (Scalar("anySimpleType", items=Scalar("NMTOKEN"), length=2), ["text", "text"]),
        (Scalar("anySimpleType", members=(Scalar("string", patterns=(("no",),)), Scalar("date"))), "2026-12-01"),
    ],
)
def test_a_text_is_one_that_its_type_allows(scalar: Scalar, value: object) -> None:
    """Enumerations first, then lengths, ranges, digits and patterns."""
    assert sample(member("t", scalar), {}) == value


def test_what_no_usual_text_fits_is_left_out_where_it_may_be() -> None:
    """An optional member with a pattern that nobody meets is absent; with a required one there is no example."""
    odd = Scalar("string", patterns=(("qx{7}",),))
    may, must = named("May", member("odd", odd, fewest=0), member("a")), named("Must", member("odd", odd))
    assert sample(member("t", "May"), types(may)) == {"a": "text"}
    assert sample(member("t", "Must"), types(must)) == {}


@pytest.mark.parametrize("pattern", [r"\i\c*", "[a-z-[aeiou]]", "(", "[[]"])
def test_a_pattern_that_python_reads_otherwise_raises_nothing(pattern: str) -> None:
    """Patterns are XML Schema's own, and a schema may hold broken ones."""
    assert sample(member("t", Scalar("string", patterns=((pattern,),))), {}) in ({}, "text", "a1", "A")


def test_defaults_and_fixed_values_are_the_examples_that_the_schema_gives() -> None:
    """As JSON values of their type."""
    kind = named(
        "T", member("a", INT, default="5"), member("b", fixed="x"), member("c", Scalar("boolean"), default="0")
    )
    assert sample(member("t", "T"), types(kind)) == {"a": 5, "b": "x", "c": False}


def test_a_choice_has_its_first_branch_that_can_be_had() -> None:
    """Whole branches, and never two; a repeated choice shows one after the other."""
    a, b, c = member("a", "Loop"), member("b"), member("c", INT)
    loop = named("Loop", member("more", "Loop"))
    once = Group("choice", (Leaf(0), Group("sequence", (Leaf(1), Leaf(2)))))
    assert sample(member("t", "T"), types(loop, named("T", a, b, c, content=once))) == {"b": "text", "c": 1}
    many = (member("b", most=MANY), member("c", INT, most=MANY))
    again = named("T", *many, content=Group("choice", (Leaf(0), Leaf(1)), most=MANY))
    assert sample(member("t", "T"), types(again)) == {"b": ["text"], "c": [1]}
    assert sample(member("t", "T"), types(again), full=False) == {"b": ["text"]}


def test_recursion_ends_at_what_is_optional_or_null() -> None:
    """A tree has no child within itself; a required one is null where it may be, and an impossible one ends the example."""
    tree = named("Tree", member("name"), member("child", "Tree", fewest=0, most=MANY))
    chain = named("Chain", member("name"), member("next", "Chain", nillable=True))
    endless = named("Endless", member("next", "Endless"))
    kinds = types(tree, chain, endless)
    assert sample(member("t", "Tree"), kinds) == {"name": "text"}
    assert sample(member("t", "Chain"), kinds) == {"name": "text", "next": None}
    assert sample(member("t", "Endless"), kinds) == {}


def test_an_abstract_type_says_which_one_it_is() -> None:
    """The first concrete type that extends it, in Clark notation where it is of another namespace."""
    kinds = types(
        named("Way", abstract=True, derived=("{urn:t}Gone", "{urn:t}Mid", "{urn:t}Post", "{urn:u}Post")),
        named("Far", abstract=True, derived=("{urn:u}Post",)),
        named("Mid", abstract=True),
        named("Post", member("city")),
    ) | {"{urn:u}Post": Complex("{urn:u}Post")}
    assert sample(member("t", "Way"), kinds) == {"@type": "Post", "city": "text"}
    assert sample(member("t", "Far"), kinds) == {"@type": "{urn:u}Post"}
    assert spelled(Complex("Bare"), "{urn:u}Post") == "Post"
    assert sample(member("t", "Mid"), kinds) == {}


def test_it_shows_optional_things_only_so_deep_and_never_more_than_its_bound() -> None:
    """Past `deep` there is what must be there; where that is still too large, less deep."""
    wide = [named(f"W{at}", *(member(f"m{each}", f"W{at + 1}", fewest=0) for each in range(9))) for at in range(6)]
    kinds = types(*wide, named("W6", member("end")))
    assert sample(member("t", "W0"), kinds, deep=1)["m0"] == {f"m{each}": {} for each in range(9)}
    assert _values(sample(member("t", "W0"), kinds)) <= 300
    bomb = [named(f"B{at}", *(member(f"m{each}", f"B{at + 1}") for each in range(9))) for at in range(9)]
    assert sample(member("t", "B0"), types(*bomb, named("B9"))) == {}
    hollow = named("H", content=Group("sequence", (Group("sequence", (), 2**31, 2**31),)))
    assert sample(member("t", "H"), types(hollow)) == {}
    assert sample(member("t", Scalar("string", length=2**31)), {}) == {}


def _values(value: object) -> int:
    return 1 + sum(_values(each) for each in value.values()) if isinstance(value, dict) else 1


def test_contents_of_other_kinds_have_their_own_forms() -> None:
    """Text beside attributes, wildcards that must be there, anything, DataSets, arrays of SOAP's encoding."""
    price = named("Price", value=Scalar("decimal"), attributes=(Attribute("@unit", "unit", TEXT),))
    wild = named("Wild", content=Group("sequence", (Wild(), Wild(0, MANY))), wild=True)
    foreign = named("Foreign", content=Group("sequence", (Wild(1, 1, "##other"), Wild(1, 1, "urn:x urn:y"))), wild=True)
    rows = named("Rows", dataset=True)
    array = named("Array", array=member("item", "Price", fewest=0, most=MANY))
    kinds = types(price, wild, rows, array, foreign)
    assert sample(member("t", "Price"), kinds) == {"@unit": "text", "$value": "12.50"}
    assert sample(member("t", "Price"), kinds, full=False) == {"$value": "12.50"}
    assert sample(member("t", "Foreign"), kinds)["$any"] == [{"{urn:example}item": "text"}, {"{urn:x}item": "text"}]
    assert sample(Member("t", "t", ANYTHING.name), kinds) == "text"
    assert sample(member("t", "Rows"), kinds) == {"Table": [{"id": "1", "name": "text"}]}
    assert sample(member("t", "Rows"), kinds, sent=True) == {}
    assert sample(member("t", "Array"), kinds) == [{"@unit": "text", "$value": "12.50"}] * 2
    assert sample(member("t", "Wild"), kinds) == {"$any": [{"{urn:example}item": "text"}]}
    assert sample(member("t", "Wild"), kinds, wild=True) == {"$any": [{"{urn:example}item": "text"}] * 2}


def test_a_message_has_the_content_of_its_element_and_its_headers_beside_it() -> None:
    """Header blocks that may be absent are in the full example alone; an empty Body is an empty object."""
    asked = Message(member("Get", "T"), (member("Session", fewest=0), member("Key")))
    kinds = types(named("T", member("a")))
    assert sample(asked, kinds) == {"$headers": {"Session": "text", "Key": "text"}, "a": "text"}
    assert sample(asked, kinds, full=False) == {"$headers": {"Key": "text"}, "a": "text"}
    assert sample(Message(None), kinds) == {}
    assert sample(Message(member("Get", INT)), kinds) == 1


def test_other_branches_other_types_and_nulls_are_shown_where_they_are_asked_for() -> None:
    """`turn` begins with another branch and type, `nil` has null where it may be, but never for the whole or in arrays."""
    once = Group("choice", (Leaf(0), Leaf(1)))
    kinds = types(
        named("T", member("a"), member("b", INT), content=once, derived=("{urn:t}U",)),
        named("U", member("u", nillable=True), member("v", fewest=1, most=MANY, nillable=True)),
    )
    assert sample(member("t", "T"), kinds) == {"a": "text"}
    assert sample(member("t", "T"), kinds, turn=1) == {"@type": "U", "u": "text", "v": ["text", "text"]}
    assert sample(member("t", "T"), kinds, turn=2) == {"a": "text"}
    alone = types(named("T", member("a"), member("b", INT), content=once))
    assert sample(member("t", "T"), alone, turn=1) == {"b": 1}
    assert sample(member("t", "U", nillable=True), kinds, nil=True) == {"u": None, "v": ["text", "text"]}


def test_what_has_no_value_takes_down_only_what_needs_it() -> None:
    """An array of what cannot end is empty, an optional attribute absent; what must have either has no example, or null."""
    odd = Scalar("string", patterns=(("qx{7}",),))
    loop = named("Loop", array=member("item", "Loop", fewest=0, most=MANY))
    full = named("Full", array=member("item", "Full", fewest=1, most=MANY))
    may = named("May", attributes=(Attribute("@a", "a", odd), Attribute("@b", "b", INT, default="2")))
    must = named("Must", attributes=(Attribute("@a", "a", odd, required=True),))
    either = named(
        "Either", member("must", "Must"), member("full", "Full"), content=Group("choice", (Leaf(0), Leaf(1)))
    )
    nulls = named("Nulls", member("must", "Must", nillable=True), content=Group("choice", (Leaf(0), Group("choice"))))
    kinds = types(loop, full, may, must, either, nulls)
    assert sample(member("t", "Loop"), kinds) == []
    assert sample(member("t", "Full"), kinds) == {}
    assert sample(member("t", "May"), kinds) == {"@b": 2}
    assert sample(member("t", "Must"), kinds) == {}
    assert sample(member("t", "Either"), kinds) == {}
    assert sample(member("t", "Nulls"), kinds) == {"must": None}
    assert sample(member("t", "May", most=MANY, fewest=2), kinds, full=False) == [{}, {}]
