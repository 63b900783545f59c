"""Simple types are read with all that restricts them; what no document has, and what would not end, is told as unspeakable."""

from __future__ import annotations

from decimal import Decimal
from time import thread_time
from typing import TYPE_CHECKING, Any

import pytest

from adapters import xml
from adapters.soap.definitions import Definitions, Document
from adapters.soap.facets import BUILTIN, Facets
from adapters.soap.types import Scalar
from adapters.soap.unspeakable import Unspeakable
from tests.adapters.soap.contracts import simple
from tests.adapters.soap.library import XSD_NS, schema

if TYPE_CHECKING:
    from collections.abc import Callable

ENDLESS_S = 3.0  # of processor time, where a schema without a bound would take minutes


def facets(*inside: str) -> Facets:
    """Return the simple types of one schema, whose prefix is t."""
    body = schema(*inside).encode()
    definitions = Definitions({"a": Document(xml.parse(body, charset=None, markup_max=xml.REPLY_MARKUP), body)}, {})
    for _ in definitions.collect():
        pass
    return Facets(definitions.schemas)


def read(inside: str, name: str = "T") -> Scalar:
    """Return a type of a schema."""
    return facets(inside).scalar(f"{{urn:t}}{name}")


def unspeakable(inside: str, name: str = "T") -> str:
    """Return why a type cannot be read; that is known soon."""
    began = thread_time()
    with pytest.raises(Unspeakable) as said:
        read(inside, name)
    assert thread_time() - began < ENDLESS_S
    return str(said.value)


def union(name: str, members: str, inside: str = "") -> str:
    """Return a union by name."""
    return f'<x:simpleType name="{name}"><x:union memberTypes="{members}">{inside}</x:union></x:simpleType>'


def listed(name: str, item: str) -> str:
    """Return a list by name."""
    return f'<x:simpleType name="{name}"><x:list itemType="{item}"/></x:simpleType>'


@pytest.mark.parametrize(
    ("kind", "value", "field", "meant"),
    [
        ("length", "3", "length", 3),
        ("minLength", " 1 ", "min_length", 1),
        ("maxLength", "20", "max_length", 20),
        ("totalDigits", "9", "total_digits", 9),
        ("fractionDigits", "2", "fraction_digits", 2),
        ("minInclusive", "-1.5", "minimum", Decimal("-1.5")),
        ("maxInclusive", "1E3", "maximum", Decimal(1000)),
        ("minExclusive", "0", "above", Decimal(0)),
        ("maxExclusive", " 7 ", "below", Decimal(7)),
        ("enumeration", "a b", "enum", ("a b",)),
        ("pattern", r"\d+", "patterns", ((r"\d+",),)),
    ],
)
def test_each_facet_has_its_field(kind: str, value: str, field: str, meant: Any) -> None:
    """The values of one facet, on a number."""
    assert getattr(read(simple("T", "x:decimal", (kind, value))), field) == meant


@pytest.mark.parametrize(
    ("base", "kind", "value"),
    [
        pytest.param("x:date", "minInclusive", "2020-01-01", id="a bound of a date"),
        pytest.param("x:gYear", "minInclusive", "2020", id="a bound of a year looks like a number"),
        pytest.param("x:decimal", "minInclusive", "many", id="no number"),
        pytest.param("x:double", "maxInclusive", "INF", id="what is infinite bounds nothing"),
        pytest.param("x:double", "maxInclusive", "NaN", id="not a number"),
        pytest.param("x:decimal", "maxInclusive", "1E999999999", id="a bound that takes memory to write out"),
        pytest.param("x:decimal", "maxInclusive", "-1E-999999999", id="one that is as long behind the point"),
        pytest.param("x:decimal", "maxInclusive", "9" * 900, id="a bound that nobody reads"),
        pytest.param("x:string", "maxLength", "-1", id="a negative length"),
        pytest.param("x:string", "maxLength", "unbounded", id="a length in words"),
        pytest.param("x:string", "maxLength", "9" * 13, id="a length beyond all texts"),
        pytest.param("x:string", "maxLength", "\u0663", id="digits of another script"),
        pytest.param("x:string", "whiteSpace", "collapse", id="a facet that is the base's business"),
    ],
)
def test_what_bounds_nothing_is_left_out(base: str, kind: str, value: str) -> None:
    """The type is its base under another name."""
    assert read(simple("T", base, (kind, value))) == Scalar(base.partition(":")[2], name="{urn:t}T")


def test_a_facet_without_a_value_says_nothing() -> None:
    """Neither does a documentation between them."""
    inside = '<x:annotation/><x:enumeration/><x:maxLength value="2"/>'
    found = read(f'<x:simpleType name="T"><x:restriction base="x:string">{inside}</x:restriction></x:simpleType>')
    assert found == Scalar("string", name="{urn:t}T", max_length=2)


def test_a_step_keeps_what_it_does_not_say_anew() -> None:
    """The base's facets hold below it, and only the named one is replaced."""
    found = read(
        simple("B", "x:string", ("minLength", "1"), ("maxLength", "9")) + simple("T", "t:B", ("maxLength", "5"))
    )
    assert found == Scalar("string", name="{urn:t}T", min_length=1, max_length=5)


def test_patterns_of_one_step_are_alternatives_and_each_step_has_its_own() -> None:
    """A value matches one of each step."""
    found = read(simple("B", "x:string", ("pattern", "a"), ("pattern", "b")) + simple("T", "t:B", ("pattern", "c")))
    assert found.patterns == (("a", "b"), ("c",))


def test_values_of_a_step_take_the_place_of_those_before() -> None:
    """A restriction lists what is left."""
    base = simple("B", "x:string", ("enumeration", "a"), ("enumeration", "b"))
    assert read(base + simple("T", "t:B", ("enumeration", "b"))).enum == ("b",)


def test_a_type_is_written_in_the_place_of_its_base() -> None:
    """Restriction, list and union take one inside."""
    inner = '<x:simpleType><x:restriction base="x:int"><x:minInclusive value="1"/></x:restriction></x:simpleType>'
    assert read(f'<x:simpleType name="T"><x:restriction>{inner}</x:restriction></x:simpleType>').minimum == 1
    assert read(f'<x:simpleType name="T"><x:list>{inner}</x:list></x:simpleType>').items == Scalar(
        "int", minimum=Decimal(1)
    )
    found = read(union("T", "x:boolean", inner))
    assert found.members == (Scalar("boolean"), Scalar("int", minimum=Decimal(1)))
    assert found.base == "anySimpleType"


def test_a_list_has_facets_of_its_own() -> None:
    """They are of the list and not of its items."""
    found = read(listed("L", "x:int") + simple("T", "t:L", ("maxLength", "3")))
    assert (found.items, found.max_length) == (Scalar("int"), 3)


@pytest.mark.parametrize("inside", ["", "<x:restriction/>", "<x:list/>", "<x:union/>", "<x:annotation/>"])
def test_what_says_nothing_is_text(inside: str) -> None:
    """A definition without a base, items or members."""
    assert read(f'<x:simpleType name="T">{inside}</x:simpleType>') == Scalar("string", name="{urn:t}T")


def test_the_lists_of_xml_schema_itself() -> None:
    """They hold one item at least (XSD 1.0 part 2 section 3.3)."""
    for name, item in (("NMTOKENS", "NMTOKEN"), ("IDREFS", "IDREF"), ("ENTITIES", "ENTITY")):
        assert facets().builtin(name) == Scalar("anySimpleType", items=Scalar(item), min_length=1)


def test_built_in_types_are_their_own_base_and_others_are_text() -> None:
    """SOAP's base64 is the schema's base64Binary; what XML Schema has not is a string."""
    assert {facets().scalar(f"{{{XSD_NS}}}{name}").base for name in BUILTIN} == BUILTIN
    assert facets().builtin("base64") == Scalar("base64Binary")
    assert facets().builtin("dateTimeStamp") == Scalar("string")


def test_documentation_is_one_line_and_is_cut() -> None:
    """It is of the type alone: what is derived from it has none of it."""
    about = f"<x:annotation><x:documentation>  A <b>b</b>c\n {'long ' * 400}</x:documentation></x:annotation>"
    base = simple("B", "x:string").replace("<x:restriction", f"{about}<x:restriction", 1)
    found = facets(base, simple("T", "t:B"))
    text = found.scalar("{urn:t}B").text
    assert text.startswith("A bc long long")
    assert len(text) == 500
    assert found.scalar("{urn:t}T").text == ""


# --- what cannot be followed


def test_what_no_document_has_is_named() -> None:
    """Base, item and member; a complex type is no simple one."""
    for inside in (simple("T", "t:Gone"), listed("T", "t:Gone"), union("T", "x:int t:Gone")):
        assert unspeakable(inside) == "the simple type {urn:t}Gone is not defined in any document at hand"
    complex_ = '<x:complexType name="C"/>'
    assert "{urn:t}C" in unspeakable(complex_ + simple("T", "t:C"))
    assert "{nobody}U" in unspeakable(simple("T", "nobody:U"))


@pytest.mark.parametrize(
    "inside",
    [
        pytest.param(simple("T", "t:T"), id="a type of itself"),
        pytest.param(simple("T", "t:U") + simple("U", "t:T"), id="two of each other"),
        pytest.param(listed("T", "t:T"), id="a list of itself"),
        pytest.param(union("T", "t:T t:T"), id="a union of itself, twice"),
        pytest.param(union("T", "t:U t:U") + listed("U", "t:V") + simple("V", "t:T"), id="all three"),
        pytest.param("".join(simple(f"T{n or ''}", f"t:T{n + 1}") for n in range(100)), id="a hundred steps"),
    ],
)
def test_what_does_not_end_is_unspeakable(inside: str) -> None:
    """A bound on the steps ends it, however it goes round."""
    assert unspeakable(inside) == "a simple type is derived through more than 32 others"


def test_a_union_of_unions_does_not_grow_without_end() -> None:
    """Two of each would be a million at twenty."""
    doubled = "".join(union(f"U{n}", f"t:U{n + 1} t:U{n + 1}") for n in range(20)) + simple("U20", "x:string")
    assert unspeakable(doubled, "U0") == "a simple type is a union of more than 500 types"
    many = " ".join(["x:int"] * 10_000)
    assert unspeakable(union("T", many)) == "a simple type is a union of more than 500 types"


@pytest.mark.parametrize(
    ("first", "others", "said"),
    [
        pytest.param(simple("T0", "x:int"), lambda n: listed(f"T{n}", f"t:T{n - 1}"), "lists and unions", id="lists"),
        pytest.param(simple("T0", "x:int"), lambda n: union(f"T{n}", f"t:T{n - 1}"), "lists and unions", id="unions"),
        pytest.param(
            simple("T0", "x:string", ("pattern", "a")),
            lambda n: simple(f"T{n}", f"t:T{n - 1}", ("pattern", "a")),
            "derived through",
            id="patterns",
        ),
    ],
)
def test_a_chain_is_as_long_as_it_may_be_whichever_end_is_read_first(
    first: str, others: Callable[[int], str], said: str
) -> None:
    """Types that are known already do not hide how deep another is that is made of them."""
    found = facets(first, *map(others, range(1, 100)))
    for n in range(32):
        found.scalar(f"{{urn:t}}T{n}")
    with pytest.raises(Unspeakable, match=said):
        found.scalar("{urn:t}T32")


def test_a_depth_that_was_left_by_a_refusal_is_none() -> None:
    """One type that does not end leaves the others as they are."""
    found = facets(simple("T", "t:T"), simple("U", "x:int"))
    for _ in range(50):
        with pytest.raises(Unspeakable):
            found.scalar("{urn:t}T")
    assert found.scalar("{urn:t}U").base == "int"


def test_five_thousand_values_are_kept_and_more_restrict_nothing() -> None:
    """A value that was cut off would be refused although it is right."""
    began = thread_time()
    kept = read(simple("T", "x:string", *(("enumeration", str(n)) for n in range(5_000))))
    free = read(simple("T", "x:string", *(("enumeration", str(n)) for n in range(50_000))))
    assert thread_time() - began < ENDLESS_S
    assert kept.enum == tuple(map(str, range(5_000)))
    assert free == Scalar("string", name="{urn:t}T")
