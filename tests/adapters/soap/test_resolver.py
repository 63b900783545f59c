"""Schemas become the model that JSON is made of; what no document has makes one operation unspeakable, and nothing else is raised."""

from __future__ import annotations

from contextlib import suppress
from copy import deepcopy
from time import thread_time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from adapters import xml
from adapters.soap import resolver as module
from adapters.soap.definitions import Definitions, Document
from adapters.soap.operations import Assembly
from adapters.soap.resolver import Options, Resolver, camel
from adapters.soap.speech import Speech
from adapters.soap.types import MANY, Attribute, Complex, Group, Leaf, Member, Message, Scalar, Wild
from adapters.soap.unspeakable import Unspeakable
from adapters.xml import XmlRefused
from tests.adapters.soap.contracts import (
    ENCODING,
    QUALIFIED,
    both,
    document,
    element,
    examples,
    extension,
    rpc,
    sequence,
    simple,
    wrapper,
    wsdl,
)
from tests.adapters.soap.library import SOAP_NS, WSDL_NS, XSD_NS, operation, schema, types

ENDLESS_S = 3.0  # of processor time, where a schema without a bound would take minutes
ANY_TYPE = f"{{{XSD_NS}}}anyType"
FLAT, CAMEL = Options(flatten=True), Options(camel=True)
OFTEN = 'minOccurs="0" maxOccurs="unbounded"'
MAY = 'minOccurs="0"'
NEVER, FEW, TWICE = 'maxOccurs="0"', 'minOccurs="2"', 'minOccurs="2" maxOccurs="4"'
NUMBERS, HUGE = 'minOccurs="-1" maxOccurs="x"', f'minOccurs="{"9" * 14}" maxOccurs="{"9" * 14}"'
PLAIN = 'form="unqualified"'
RESPONSE = '<x:element name="OpResponse"/>'


def body(speech: Speech, name: str = "Op") -> Complex:
    """Return the type of the element that an operation takes."""
    found = speech.signature(name).input.element
    assert found is not None
    assert isinstance(found.type, str)
    return speech.types[found.type]


def of(*inside: str, beside: str = "", more: str = QUALIFIED, options: Options | None = None) -> Complex:
    """Return the type of Op, whose content is given, with other components beside it."""
    op = f'<x:element name="Op"><x:complexType>{"".join(inside)}</x:complexType></x:element>'
    return body(document(beside, op, RESPONSE, more=more, options=options))


def named(name: str, *components: str, options: Options | None = None) -> Complex:
    """Return a type of the schema by name."""
    speech = document(*components, wrapper("Op", element("o", f"t:{name}")), RESPONSE, options=options)
    speech.signature("Op")
    return speech.types[f"{{urn:t}}{name}"]


def counts(made: Complex) -> dict[str, tuple[bool, bool, int, int]]:
    """Return, by key, whether a member is many and required, and how often it may stand."""
    return {each.key: (each.many, each.required, each.fewest, each.most) for each in made.members}


def keys(made: Complex) -> dict[str, str]:
    """Return the names in messages by key, of members and attributes."""
    return {each.key: each.clark for each in _all(made)}


def _all(made: Complex) -> list[Member | Attribute]:
    return [*made.members, *made.attributes]


def scalar(made: Complex, key: str) -> Scalar:
    """Return the simple type of a member or an attribute."""
    found = next(each.type for each in _all(made) if each.key == key)
    assert isinstance(found, Scalar)
    return found


def child(speech: Speech, made: Complex, key: str) -> Complex:
    """Return the complex type of a member."""
    found = next(each.type for each in made.members if each.key == key)
    assert isinstance(found, str)
    return speech.types[found]


def linked(*schemas: str, more: str = "", **documents: str) -> Speech:
    """Return the speech of schemas in one WSDL, and of others that they import as file names."""
    others = {f"http://box/{name}.xsd": text.encode() for name, text in documents.items()}
    return Speech.of({"http://box/?wsdl": wsdl(*schemas), **others})


def reason(speech: Speech, name: str = "Op") -> str:
    """Return why an operation cannot be offered; that is known soon."""
    began = thread_time()
    with pytest.raises(Unspeakable) as said:
        speech.signature(name)
    assert thread_time() - began < ENDLESS_S
    return str(said.value)


def soon(speech: Speech, name: str = "Op") -> Complex:
    """As `body`, which takes no second."""
    began = thread_time()
    found = body(speech, name)
    assert thread_time() - began < ENDLESS_S
    return found


# --- content models


@pytest.mark.parametrize(
    ("inside", "meant"),
    [
        pytest.param(
            f"<x:sequence>{element('a')}{element('b', more=MAY)}{element('c', more=OFTEN)}</x:sequence>",
            {"a": (False, True, 1, 1), "b": (False, False, 0, 1), "c": (True, False, 0, MANY)},
            id="sequence",
        ),
        pytest.param(
            f"<x:choice>{element('a')}{element('b')}</x:choice>",
            {"a": (False, False, 0, 1), "b": (False, False, 0, 1)},
            id="of a choice nothing must be there",
        ),
        pytest.param(
            f"<x:all>{element('a')}{element('b', more=MAY)}</x:all>",
            {"a": (False, True, 1, 1), "b": (False, False, 0, 1)},
            id="all",
        ),
        pytest.param(
            f'<x:choice maxOccurs="unbounded">{element("a")}{element("b")}</x:choice>',
            {"a": (True, False, 0, MANY), "b": (True, False, 0, MANY)},
            id="a choice that comes again",
        ),
        pytest.param(
            f'<x:sequence minOccurs="2" maxOccurs="3">{element("a", more=TWICE)}</x:sequence>',
            {"a": (True, True, 4, 12)},
            id="occurrences multiply",
        ),
        pytest.param(
            f"<x:sequence>{element('a')}<x:sequence minOccurs='0'>{element('a', more=OFTEN)}</x:sequence></x:sequence>",
            {"a": (True, True, 1, MANY)},
            id="places of one element add up",
        ),
        pytest.param(
            f"<x:choice>{element('a')}<x:sequence>{element('a')}{element('b')}</x:sequence></x:choice>",
            {"a": (False, True, 1, 1), "b": (False, False, 0, 1)},
            id="what every branch has must be there",
        ),
        pytest.param(
            f"<x:choice>{element('a', more=OFTEN)}{element('a')}<x:any/></x:choice>",
            {"a": (True, False, 0, MANY)},
            id="a branch without it, and one with more",
        ),
        pytest.param(
            f'<x:choice minOccurs="0">{element("a")}</x:choice>',
            {"a": (False, False, 0, 1)},
            id="a choice that may lack",
        ),
        pytest.param(
            f"<x:sequence>{element('a', more=NEVER)}{element('b')}</x:sequence>",
            {"b": (False, True, 1, 1)},
            id="never",
        ),
        pytest.param(f'<x:sequence maxOccurs="0">{element("a")}</x:sequence>', {}, id="a group that is never there"),
        pytest.param(
            f"<x:sequence>{element('a', more=FEW)}</x:sequence>",
            {"a": (False, True, 1, 1)},
            id="fewest is not above most",
        ),
        pytest.param(
            f"<x:sequence>{element('a', more=NUMBERS)}</x:sequence>",
            {"a": (False, True, 1, 1)},
            id="no numbers",
        ),
        pytest.param(
            f"<x:sequence>{element('a', more=HUGE)}</x:sequence>",
            {"a": (True, True, MANY, MANY)},
            id="numbers beyond all lists",
        ),
        pytest.param("<x:sequence/>", {}, id="empty"),
        pytest.param("<x:annotation/>", {}, id="nothing"),
        pytest.param("<x:sequence><x:annotation/><x:bogus/></x:sequence>", {}, id="no particles"),
    ],
)
def test_how_often_a_member_stands_is_what_its_groups_say(inside: str, meant: dict[str, Any]) -> None:
    """Many, required, fewest and most, by key."""
    assert counts(of(inside)) == meant


def test_the_tree_says_where_members_stand() -> None:
    """Leaves count in the members, and a group that is referred to is a sequence around it."""
    group = f'<x:group name="G"><x:choice>{element("a")}{element("b")}</x:choice></x:group>'
    made = of(
        f'<x:sequence>{element("b")}<x:group ref="t:G" minOccurs="0"/><x:any namespace="##other"/></x:sequence>',
        beside=group,
    )
    assert [each.key for each in made.members] == ["b", "a"]
    inner = Group("sequence", (Group("choice", (Leaf(1), Leaf(0))),), 0, 1)
    assert made.content == Group("sequence", (Leaf(0), inner, Wild(spaces="##other")))
    assert made.wild


def test_a_group_alone_is_a_content() -> None:
    """A type may hold a reference and nothing else."""
    group = f'<x:group name="G"><x:sequence>{element("a")}</x:sequence></x:group>'
    assert counts(of('<x:group ref="t:G" maxOccurs="2"/>', beside=group)) == {"a": (True, True, 1, 2)}


def test_a_schema_may_have_comments_anywhere() -> None:
    """They are no components."""
    made = of(f"<!-- a --><x:sequence><!-- b -->{element('a')}<?c d?></x:sequence><!-- e -->", beside="<!-- f -->")
    assert list(keys(made)) == ["a"]


# --- derivation

BASE = (
    f'<x:complexType name="Base" mixed="true"><x:sequence>{element("a")}</x:sequence><x:attribute name="k" type="x:int"/>'
    '<x:attribute name="gone"/><x:anyAttribute/></x:complexType>'
)


def derived(step: str, inside: str, content: str = "complexContent", base: str = "t:Base", name: str = "D") -> str:
    """Return a type derived from another."""
    return (
        f'<x:complexType name="{name}"><x:{content}><x:{step} base="{base}">{inside}</x:{step}></x:{content}>'
        "</x:complexType>"
    )


def test_an_extension_has_what_its_base_has_first() -> None:
    """Members, attributes, and whether it is mixed or open."""
    inside = f'<x:sequence>{element("b", more=MAY)}</x:sequence><x:attribute name="k" use="required"/>'
    made = named("D", BASE, derived("extension", inside))
    assert counts(made) == {"a": (False, True, 1, 1), "b": (False, False, 0, 1)}
    assert made.content == Group("sequence", (Group("sequence", (Leaf(0),)), Group("sequence", (Leaf(1, 0),))))
    assert [(each.key, each.required, each.type.base) for each in made.attributes] == [
        ("@gone", False, "string"),
        ("@k", True, "string"),
    ]
    assert (made.mixed, made.wild_attributes, made.base) == (True, True, "{urn:t}Base")


def test_a_restriction_says_its_elements_anew_and_inherits_attributes() -> None:
    """All but one that it prohibits."""
    made = named("D", BASE, derived("restriction", '<x:sequence/><x:attribute name="gone" use="prohibited"/>'))
    assert keys(made) == {"@k": "k"}


def test_simple_content_has_a_value_beside_its_attributes() -> None:
    """Of a built-in type, a simple type, and a type that has one already; a restriction's facets are on the value."""
    price = derived("extension", '<x:attribute name="c"/>', "simpleContent", "x:decimal", "Price")
    cheap = derived("restriction", '<x:maxInclusive value="5"/>', "simpleContent", "t:Price", "Cheap")
    kept = derived("extension", '<x:attribute name="d"/>', "simpleContent", "t:Cheap", "D")
    made = named("D", price, cheap, kept)
    assert (made.value, keys(made), made.base) == (
        Scalar("decimal", maximum=5),  # type: ignore[arg-type]  # an int is compared like a Decimal
        {"@c": "c", "@d": "d"},
        "{urn:t}Cheap",
    )
    short = simple("S", "x:string", ("maxLength", "2"))
    assert named("D", short, derived("extension", "", "simpleContent", "t:S")).value == Scalar(
        "string", name="{urn:t}S", max_length=2
    )
    assert named("D", derived("extension", "", "simpleContent", "e:int")).value == Scalar("int")


def test_what_derives_from_anything_has_its_own_alone() -> None:
    """anyType, and a type of an encoding whose schema is not at hand."""
    inside = f"<x:sequence>{element('b')}</x:sequence>"
    assert keys(named("D", derived("restriction", inside, base="x:anyType"))) == {"b": "{urn:t}b"}
    op = wrapper("Op", element("o", "t:D"))
    newer = 'xmlns:f="http://www.w3.org/2003/05/soap-encoding"'
    speech = document(derived("extension", inside, base="f:string"), op, RESPONSE, more=f"{QUALIFIED} {newer}")
    assert keys(child(speech, body(speech), "o")) == {"b": "{urn:t}b"}


def test_whatever_a_type_says_of_itself_is_kept() -> None:
    """Abstract, mixed in either place, its namespace, its documentation in one line."""
    about = "<x:annotation><x:documentation> One \n <b>li</b>ne </x:documentation></x:annotation>"
    made = named("D", f'<x:complexType name="D" abstract="1">{about}</x:complexType>')
    assert (made.abstract, made.mixed, made.space, made.text) == (True, False, "urn:t", "One line")
    step = derived("extension", "", base="t:B").replace("<x:complexContent", '<x:complexContent mixed="true"')
    assert named("D", sequence(name="B"), step).mixed


def test_derived_types_are_listed_however_far_and_those_that_nobody_can_read_are_dropped() -> None:
    """A message may name each; one of a missing type is read by its looks, and spoils nothing."""
    speech = document(
        sequence(element("a"), name="A"),
        extension("B", "t:A", element("b")),
        extension("C", "t:B", element("c")),
        extension("Broken", "t:A", element("x", "t:Gone")),
        wrapper("Op", element("a", "t:A")),
        RESPONSE,
    )
    speech.signature("Op")
    assert speech.types["{urn:t}A"].derived == ("{urn:t}B", "{urn:t}C")
    assert list(keys(speech.types["{urn:t}C"])) == ["a", "b", "c"]
    assert speech.types["{urn:t}Broken"].anything


def test_a_derived_type_that_is_known_to_be_missing_something_is_not_listed() -> None:
    """Another operation was refused for it before."""
    kinds = sequence(name="A") + extension("B", "t:A", element("x", "t:Gone"))
    lost = wrapper("Lost", element("b", "t:B"))
    found = wsdl(
        schema(kinds, wrapper("Op", element("a", "t:A")), RESPONSE, lost, more=QUALIFIED), messages=operation("Lost")
    )
    speech = Speech.of({"a": found})
    assert "{urn:t}Gone" in reason(speech, "Lost")
    assert child(speech, body(speech), "a").derived == ()


def test_no_more_derived_types_are_listed_than_pages_can_show() -> None:
    """Ten thousand that extend one do not keep an operation from being offered."""
    many = "".join(
        f'<x:complexType name="D{n}"><x:complexContent><x:extension base="t:A"/></x:complexContent></x:complexType>'
        for n in range(10_000)
    )
    speech = document(sequence(name="A"), many, wrapper("Op", element("a", "t:A")), RESPONSE)
    made = soon(speech)
    assert len(child(speech, made, "a").derived) == 200


# --- names


@pytest.mark.parametrize(
    ("more", "form", "clark"),
    [
        ("", "", "a"),
        (QUALIFIED, "", "{urn:t}a"),
        ("", 'form="qualified"', "{urn:t}a"),
        (QUALIFIED, 'form="unqualified"', "a"),
    ],
)
def test_local_elements_are_qualified_as_the_schema_says(more: str, form: str, clark: str) -> None:
    """By default, and each by its form."""
    assert keys(of(f"<x:sequence>{element('a', more=form)}</x:sequence>", more=more)) == {"a": clark}


@pytest.mark.parametrize(
    ("more", "form", "clark"),
    [
        ("", "", "a"),
        ('attributeFormDefault="qualified"', "", "{urn:t}a"),
        ("", 'form="qualified"', "{urn:t}a"),
        ('attributeFormDefault="qualified"', 'form="unqualified"', "a"),
    ],
)
def test_local_attributes_are_qualified_as_the_schema_says(more: str, form: str, clark: str) -> None:
    """By default, and each by its form."""
    assert keys(of(f'<x:attribute name="a" {form}/>', more=more)) == {"@a": clark}


def test_a_schema_without_a_namespace_has_that_of_who_includes_it() -> None:
    """A chameleon: its types, its elements and the names it refers to."""
    inner = f'<x:schema xmlns:x="{XSD_NS}" {QUALIFIED}>{sequence(element("b", "U"), name="T")}{simple("U", "x:int")}</x:schema>'
    outer = schema('<x:include schemaLocation="in.xsd"/>', wrapper("Op", element("a", "t:T")), RESPONSE, more=QUALIFIED)
    speech = linked(outer, **{"in": inner})
    made = child(speech, body(speech), "a")
    assert (made.name, keys(made), scalar(made, "b").name) == ("{urn:t}T", {"b": "{urn:t}b"}, "{urn:t}U")


def test_what_is_referred_to_has_its_own_namespace() -> None:
    """Elements, attributes, groups and groups of attributes of another schema."""
    theirs = schema(
        element("e", "x:int"),
        '<x:attribute name="k" type="x:int"/>',
        f'<x:group name="G"><x:sequence>{element("g")}</x:sequence></x:group>',
        '<x:attributeGroup name="H"><x:attribute name="h" form="qualified"/><x:anyAttribute/></x:attributeGroup>',
        target="urn:u",
        more=QUALIFIED,
    )
    inside = '<x:sequence><x:element ref="u:e" maxOccurs="2"/><x:group ref="u:G"/></x:sequence>'
    attributes = '<x:attribute ref="u:k" use="required"/><x:attributeGroup ref="u:H"/>'
    ours = f'<x:element name="Op"><x:complexType>{inside}{attributes}</x:complexType></x:element>'
    made = body(linked(theirs, schema(ours, RESPONSE)))
    assert keys(made) == {"e": "{urn:u}e", "g": "{urn:u}g", "@k": "{urn:u}k", "@h": "{urn:u}h"}
    assert counts(made)["e"] == (True, True, 1, 2)
    assert (scalar(made, "@k"), made.attributes[0].required, made.wild_attributes) == (Scalar("int"), True, True)


def test_xml_lang_is_known_without_a_schema_of_it() -> None:
    """The schema of the namespace xml is bundled; its own namespace is no part of the key."""
    made = of('<x:attribute ref="xml:lang"/><x:attribute ref="t:nobodys"/>')
    assert keys(made) == {"@lang": "{http://www.w3.org/XML/1998/namespace}lang", "@nobodys": "{urn:t}nobodys"}
    assert scalar(made, "@nobodys") == Scalar("string")
    assert any(each.base == "language" for each in (scalar(made, "@lang"), *scalar(made, "@lang").members))


def test_an_attribute_is_simple_whatever_its_schema_says() -> None:
    """By name, in its place, of a complex type, of nothing; with its default and its documentation."""
    made = of(
        '<x:attribute name="a" default="7" type="t:S"><x:annotation><x:documentation>About</x:documentation></x:annotation></x:attribute>',
        '<x:attribute name="b"><x:simpleType><x:restriction base="x:int"/></x:simpleType></x:attribute>',
        '<x:attribute name="c" type="t:C"/><x:attribute name="d"/>',
        beside=simple("S", "x:int") + sequence(name="C"),
    )
    assert [scalar(made, f"@{key}").base for key in "abcd"] == ["int", "int", "string", "string"]
    assert (made.attributes[0].default, made.attributes[0].text) == ("7", "About")


def test_two_of_one_local_name_are_told_apart_by_their_namespaces() -> None:
    """The first keeps the short key; one of no namespace shows that, too."""
    theirs = schema(element("a", "x:int"), target="urn:u")
    ours = schema(
        f'<x:element name="Op"><x:complexType><x:sequence>{element("a")}<x:element ref="u:a"/>'
        f'{element("a", more=PLAIN)}</x:sequence><x:attribute name="a" form="qualified"/>'
        '<x:attribute name="a"/><x:attribute name="type"/></x:complexType></x:element>',
        RESPONSE,
        more=QUALIFIED,
    )
    assert keys(body(linked(theirs, ours))) == {
        "a": "{urn:t}a",
        "{urn:u}a": "{urn:u}a",
        "{}a": "a",
        "@a": "{urn:t}a",
        "@{}a": "a",
        "@{}type": "type",  # @type is xsi:type
    }


@pytest.mark.parametrize("name", ["", "$value", "$any", "@type", "a b", "{urn:t}a", "a:b", "1", "&lt;a/&gt;"])
def test_what_is_no_name_is_in_no_message(name: str) -> None:
    """Elements, attributes and parts of that name make their operation unspeakable."""
    for inside in (f'<x:sequence><x:element name="{name}"/></x:sequence>', f'<x:attribute name="{name}"/>'):
        op = f'<x:element name="Op"><x:complexType>{inside}</x:complexType></x:element>'
        assert "which is none" in reason(document(op, RESPONSE))
    assert "which is none" in reason(rpc((name, "x:int")))


def test_a_declaration_without_a_name_is_unspeakable() -> None:
    """So is one in no namespace, and a top-level one is nobody's."""
    assert (
        reason(document(wrapper("Op", "<x:element/>"), RESPONSE))
        == "one element in urn:t has the name '', which is none"
    )
    assert "Op is not defined" in reason(document("<x:element/>", RESPONSE))


# --- types in their places


def test_types_in_their_places_do_not_clash() -> None:
    """One local name in two types, in two namespaces of one type, and in a global element of the name of a type."""
    speech = document(
        sequence(wrapper("in", element("x")), name="A"),
        sequence(
            wrapper("in", element("y")),
            wrapper("in", element("z")).replace("<x:element", '<x:element form="unqualified"', 1),
            name="B",
        ),
        wrapper("Op", element("a", "t:A"), element("b", "t:B"), wrapper("in", element("w"))),
        RESPONSE,
    )
    made = body(speech)
    a, b = child(speech, made, "a"), child(speech, made, "b")
    found = [child(speech, a, "in"), child(speech, b, "in"), child(speech, b, "{}in"), child(speech, made, "in")]
    assert [list(keys(each)) for each in found] == [["x"], ["y"], ["z"], ["w"]]
    assert len({each.name for each in found}) == 4
    assert all("/" in each.name for each in found)


def test_an_element_without_a_type_has_that_of_the_head_it_substitutes() -> None:
    """By name or in its place, however far; without a head it is anything."""
    speech = document(
        element("head", "x:int"),
        wrapper("tall", element("x")),
        '<x:element name="a" substitutionGroup="t:head"/><x:element name="b" substitutionGroup="t:a"/>',
        '<x:element name="c" substitutionGroup="t:tall"/><x:element name="d" substitutionGroup="t:gone"/>',
        wrapper("Op", *(f'<x:element ref="t:{each}"/>' for each in "abcd"), '<x:element name="e"/>'),
        RESPONSE,
    )
    made = body(speech)
    assert (scalar(made, "a").base, scalar(made, "b").base) == ("int", "int")
    assert list(keys(child(speech, made, "c"))) == ["x"]
    assert [child(speech, made, each).name for each in "de"] == [ANY_TYPE, ANY_TYPE]


def test_what_an_element_says_of_itself_is_kept() -> None:
    """Nillable, default, fixed, its documentation; a simple type in its place."""
    about = f"<x:annotation><x:documentation>{'word ' * 300}</x:documentation></x:annotation>"
    inner = '<x:simpleType><x:restriction base="x:int"/></x:simpleType>'
    made = of(
        f'<x:sequence><x:element name="a" nillable="1" default="1" fixed="2">{about}{inner}</x:element></x:sequence>'
    )
    (member,) = made.members
    assert (member.nillable, member.default, member.fixed, member.type) == (True, "1", "2", Scalar("int"))
    assert member.text.startswith("word word")
    assert len(member.text) == 500


def test_a_type_may_hold_itself() -> None:
    """It is there once, and refers to itself by name."""
    made = named("N", sequence(element("more", "t:N", MAY), name="N"))
    assert made.members[0].type == "{urn:t}N"


def test_both_ways_of_saying_dataset() -> None:
    """The schema beside anything, and two wildcards of which one has the namespace of diffgrams."""
    reference = '<x:sequence><x:element ref="x:schema"/><x:any/></x:sequence>'
    pair = (
        f'<x:sequence><x:any namespace="{XSD_NS}"/><x:any namespace="urn:schemas-microsoft-com:xml-diffgram-v1"/>'
        "</x:sequence>"
    )
    for inside in (reference, pair):
        made = of(inside)
        assert (made.dataset, made.wild) == (True, True)
    assert not of("<x:sequence><x:any/></x:sequence>").dataset


# --- SOAP's own encoding


def array(attributes: str = "", inside: str = "", name: str = "D") -> str:
    """Return an array of SOAP's encoding."""
    typed = f'<x:attribute ref="e:arrayType" w:arrayType="{attributes}"/>' if attributes else ""
    return derived("restriction", f"{inside}{typed}", base="e:Array", name=name)


@pytest.mark.parametrize(
    ("kind", "type_"),
    [
        pytest.param(array("x:int[]"), Scalar("int"), id="of a built-in type"),
        pytest.param(array("x:int[,]"), Scalar("int"), id="of two dimensions"),
        pytest.param(array("e:string[4]"), Scalar("string"), id="of SOAP's twin of one"),
        pytest.param(array("t:S[]"), Scalar("int", name="{urn:t}S"), id="of a simple type"),
        pytest.param(array("t:C[]"), "{urn:t}C", id="of a complex type"),
        pytest.param(array("x:anyType[]"), ANY_TYPE, id="of anything"),
        pytest.param(array("x:int[][]"), ANY_TYPE, id="an item of an array of arrays is read by its looks"),
        pytest.param(array(), ANY_TYPE, id="of nobody knows what"),
        pytest.param(
            array(inside=f"<x:sequence>{element('i', 't:C', OFTEN)}</x:sequence>"), "{urn:t}C", id="by its element"
        ),
        pytest.param(
            array("x:int[]", name="B") + derived("restriction", "", base="t:B"), Scalar("int"), id="of a base"
        ),
    ],
)
def test_an_array_of_soaps_own_is_an_array_of_its_items(kind: str, type_: object) -> None:
    """By its arrayType, or by the element that it holds."""
    made = named("D", kind, sequence(element("x"), name="C"), simple("S", "x:int"))
    assert made.array is not None
    assert (made.encoded, made.name, made.array.type, made.array.many, made.array.most) == (
        True,
        "{urn:t}D",
        type_,
        True,
        MANY,
    )
    assert made.members == (made.array,)


def test_types_of_soaps_encoding_are_what_they_are_twins_of() -> None:
    """Scalars are built-in types, and Array itself is an array of anything."""
    speech = both(element("i", "e:int"), element("d", "e:base64"), element("a", "e:Array"))
    made = body(speech)
    assert (scalar(made, "i"), scalar(made, "d")) == (Scalar("int"), Scalar("base64Binary"))
    inner = child(speech, made, "a")
    assert inner.array is not None
    assert (inner.name, inner.array.type) == (f"{{{ENCODING}}}Array", ANY_TYPE)


# --- messages


def test_an_rpc_call_holds_its_parts_without_a_namespace() -> None:
    """By type and by element; the reply's element is named after the operation."""
    speech = Speech.of(
        {
            "a": wsdl(
                schema(element("e", "x:int"), sequence(element("x"), name="C")),
                asked='<w:part name="one" type="x:int"/><w:part name="two" type="t:C"/><w:part name="three" element="t:e"/>',
                answered="",
                style="rpc",
                body='namespace="urn:r" use="literal"',
            )
        }
    )
    signature = speech.signature("Op")
    assert signature.input.rpc
    assert signature.input.element is not None
    assert signature.input.element.clark == "{urn:r}Op"
    made = body(speech)
    assert keys(made) == {"one": "one", "two": "two", "three": "{urn:t}e"}
    assert [(each.required, each.nillable) for each in made.members] == [(True, True), (True, True), (True, False)]
    assert signature.output is not None
    assert signature.output.element is not None
    assert signature.output.element.clark == "{urn:r}OpResponse"
    assert speech.types[str(signature.output.element.type)].members == ()


def test_an_rpc_call_without_a_namespace_has_a_plain_name() -> None:
    """So has its reply."""
    speech = Speech.of({"a": wsdl(schema(), asked='<w:part name="p" type="x:int"/>', answered="", style="rpc")})
    signature = speech.signature("Op")
    assert [each and each.element and each.element.clark for each in (signature.input, signature.output)] == [
        "Op",
        "OpResponse",
    ]


def test_two_rpc_calls_of_one_element_keep_their_own_types() -> None:
    """The reply to Get is called what a call of GetResponse is called."""

    def said(name: str, part: str) -> tuple[str, str, str]:
        parts = (("In", part), ("Out", "r"))
        messages = (
            f'<w:message name="{name}{way}"><w:part name="{each}" type="x:int"/></w:message>' for way, each in parts
        )
        sides = f'<w:input message="t:{name}In"/><w:output message="t:{name}Out"/>'
        side = '<soap:body namespace="urn:r" use="literal"/>'
        bound = f"<soap:operation/><w:input>{side}</w:input><w:output>{side}</w:output>"
        opened = f'<w:operation name="{name}">'
        return "".join(messages), f"{opened}{sides}</w:operation>", f"{opened}{bound}</w:operation>"

    messages, promises, bound = map("".join, zip(said("Get", "a"), said("GetResponse", "b"), strict=True))
    text = (
        f'<w:definitions xmlns:w="{WSDL_NS}" xmlns:soap="{SOAP_NS}" xmlns:x="{XSD_NS}" xmlns:t="urn:t" targetNamespace="urn:t">'
        f'{messages}<w:portType name="T">{promises}</w:portType><w:binding name="B" type="t:T">'
        f'<soap:binding style="rpc" transport="http://schemas.xmlsoap.org/soap/http"/>{bound}</w:binding></w:definitions>'
    )
    speech = Speech.of({"a": text.encode()})
    assert [list(keys(body(speech, name))) for name in ("Get", "GetResponse", "Get")] == [["a"], ["b"], ["a"]]


def test_headers_are_optional_and_no_part_of_the_body() -> None:
    """Each once, and two of one local name are told apart."""
    names = (("H", "t:Session"), ("I", "u:Session"), ("J", "t:Session"))
    speech = Speech.of(
        {
            "a": wsdl(
                schema(wrapper("Session", element("k")), target="urn:u"),
                schema(wrapper("Session", element("k")), wrapper("Op", element("a")), RESPONSE),
                messages="".join(
                    f'<w:message name="{n}"><w:part name="h" element="{e}"/></w:message>' for n, e in names
                ),
                headers="".join(f'<soap:header message="t:{n}" part="h" use="literal"/>' for n, _ in names),
            )
        }
    )
    signature = speech.signature("Op")
    assert [(each.key, each.clark, each.required) for each in signature.input.headers] == [
        ("Session", "{urn:t}Session", False),
        ("{urn:u}Session", "{urn:u}Session", False),
    ]
    assert signature.input.element is not None
    assert signature.input.element.key == "Op"
    assert signature.output is not None
    assert signature.output.headers == signature.input.headers


@pytest.mark.parametrize(
    ("body_", "headers", "clark"),
    [
        ('use="literal" parts="b"', "", "{urn:t}Other"),
        ('use="literal"', '<soap:header message="t:OpIn" part="a" use="literal"/>', "{urn:t}Other"),
        ('use="literal"', "", "{urn:t}Op"),
    ],
)
def test_the_body_has_the_part_that_the_binding_lists_or_the_first_in_no_header(
    body_: str, headers: str, clark: str
) -> None:
    """Of a message with two."""
    found = wsdl(
        schema(wrapper("Op"), wrapper("Other", element("o"))),
        asked='<w:part name="a" element="t:Op"/><w:part name="b" element="t:Other"/>',
        answered=None,
        body=body_,
        headers=headers,
    )
    speech = Speech.of({"a": found})
    (name,) = speech.names
    element_ = speech.signature(name).input.element
    assert element_ is not None
    assert element_.clark == clark


def test_a_fault_has_the_elements_that_are_declared_for_it() -> None:
    """By their names in messages; one that nobody defines, or of a type that nobody has, is read by its looks."""
    names = ("Bad", "Gone", "Lost")
    speech = Speech.of(
        {
            "a": wsdl(
                schema(wrapper("Op"), RESPONSE, wrapper("Bad", element("why")), element("Lost", "t:Nowhere")),
                messages="".join(
                    f'<w:message name="{n}F"><w:part name="f" element="t:{n}"/></w:message>' for n in names
                )
                + '<w:message name="OldF"><w:part name="f" type="x:int"/></w:message>',
                faults="".join(f'<w:fault name="{n}" message="t:{n}F"/>' for n in (*names, "Old", "Unsaid")),
            )
        }
    )
    faults = speech.signature("Op").faults
    assert list(faults) == ["{urn:t}Bad"]
    assert list(keys(speech.types[str(faults["{urn:t}Bad"].type)])) == ["why"]


def test_a_message_without_parts_is_an_empty_body_and_one_way_has_no_reply() -> None:
    """The two are not the same."""
    empty = Speech.of({"a": wsdl(schema(), asked="", answered="")})
    signature = empty.signature("Op")
    assert (signature.input, signature.output) == (Message(None), Message(None))
    oneway = Speech.of({"a": wsdl(schema(wrapper("Op")), answered=None)})
    assert oneway.signature("Op").output is None


def test_overloaded_operations_are_named_by_their_input_elements() -> None:
    """In the document style they are apart, whatever the port type calls them (WSDL 1.1 section 2.5)."""
    bound = "".join(
        f'<w:operation name="Do"><soap:operation/><w:input name="{n}"><soap:body use="literal"/></w:input></w:operation>'
        for n in "AB"
    )
    text = (
        f'<w:definitions xmlns:w="{WSDL_NS}" xmlns:soap="{SOAP_NS}" xmlns:x="{XSD_NS}" xmlns:t="urn:t" targetNamespace="urn:t">'
        f"{types(schema(wrapper('DoA', element('a')), wrapper('DoB', element('b'))))}"
        + "".join(f'<w:message name="M{n}"><w:part name="p" element="t:Do{n}"/></w:message>' for n in "AB")
        + '<w:portType name="T">'
        + "".join(f'<w:operation name="Do"><w:input name="{n}" message="t:M{n}"/></w:operation>' for n in "AB")
        + '</w:portType><w:binding name="B" type="t:T"><soap:binding transport="http://schemas.xmlsoap.org/soap/http"/>'
        f"{bound}</w:binding></w:definitions>"
    )
    speech = Speech.of({"a": text.encode()})
    assert speech.names == ("DoA", "DoB")
    assert [list(keys(body(speech, name))) for name in speech.names] == [["a"], ["b"]]


def test_one_operation_of_a_missing_type_leaves_the_others() -> None:
    """Also where both refer to one type that is whole."""
    shared = sequence(element("x"), name="C")
    found = wsdl(
        schema(
            shared,
            wrapper("Op", element("c", "t:C")),
            RESPONSE,
            wrapper("Lost", element("c", "t:C"), element("d", "t:Gone")),
        ),
        messages=operation("Lost"),
    )
    speech = Speech.of({"a": found})
    assert "{urn:t}Gone" in reason(speech, "Lost")
    assert list(keys(body(speech))) == ["c"]
    assert "{urn:t}Gone" in reason(speech, "Lost")


# --- what is missing

GONE = "is not defined in any document at hand"


@pytest.mark.parametrize(
    ("components", "said"),
    [
        pytest.param((), f"the element {{urn:t}}Op {GONE}", id="the element of the body"),
        pytest.param(
            (element("Op", "t:Gone"),),
            "the element Op is of the type {urn:t}Gone, which no document at hand defines",
            id="its type",
        ),
        pytest.param(
            (wrapper("Op", element("a", "n:Gone")),),
            "the element a is of the type {n}Gone, which no document at hand defines",
            id="a prefix that nobody declared",
        ),
        pytest.param(
            (wrapper("Op", '<x:element ref="t:gone"/>'),), f"the element {{urn:t}}gone {GONE}", id="what is referred to"
        ),
        pytest.param((wrapper("Op", '<x:group ref="t:Gone"/>'),), f"the group {{urn:t}}Gone {GONE}", id="a group"),
        pytest.param((wrapper("Op", "<x:group/>"),), f"the group  {GONE}", id="a group without a name"),
        pytest.param(
            (wrapper("Op", more='<x:attribute name="k" type="t:Gone"/>'),),
            "the attribute k is of the type {urn:t}Gone, which no document at hand defines",
            id="an attribute's type",
        ),
        pytest.param(
            (element("Op", "t:D"), derived("extension", "", base="t:Gone")),
            "the type {urn:t}D is derived from {urn:t}Gone, which no document at hand defines",
            id="a base",
        ),
        pytest.param(
            (element("Op", "t:D"), derived("extension", "", "simpleContent", "t:Gone")),
            "the type {urn:t}D is derived from {urn:t}Gone, which no document at hand defines",
            id="the base of a simple content",
        ),
        pytest.param(
            (element("Op", "t:D"), '<x:complexType name="D"><x:complexContent/></x:complexType>'),
            "the type {urn:t}D neither extends nor restricts anything",
            id="a content of nothing",
        ),
        pytest.param(
            (element("Op", "t:D"), array("t:Gone[]")),
            "an item of {urn:t}D is of the type {urn:t}Gone, which no document at hand defines",
            id="an array's items",
        ),
        pytest.param(
            (element("Op", "t:S"), simple("S", "t:Gone")), f"the simple type {{urn:t}}Gone {GONE}", id="a simple base"
        ),
    ],
)
def test_what_is_missing_is_named(components: tuple[str, ...], said: str) -> None:
    """The whole sentence, which a person reads on a page."""
    assert reason(document(*components, RESPONSE)) == said


def test_what_is_missing_deep_inside_is_named() -> None:
    """In a type of a type, in items of an array, in a header, and in the reply alone."""
    deep = sequence(element("c", "t:C"), name="B") + sequence(element("g", "t:Gone"), name="C")
    assert "{urn:t}Gone" in reason(document(deep, wrapper("Op", element("b", "t:B")), RESPONSE))
    assert "{urn:t}Gone" in reason(document(deep, array("t:C[]"), element("Op", "t:D"), RESPONSE))
    assert "{urn:t}Gone" in reason(document(deep, wrapper("Op"), element("OpResponse", "t:B")))
    header = '<w:message name="H"><w:part name="h" element="t:Op"/></w:message>'
    bound = '<soap:header message="t:H" part="h" use="literal"/>'
    found = wsdl(schema(deep, element("Op", "t:C"), RESPONSE), asked="", answered="", messages=header, headers=bound)
    assert "{urn:t}Gone" in reason(Speech.of({"a": found}))


def test_parts_that_cannot_be_written_are_named() -> None:
    """A type in the document style, a part of neither, and two of one name."""
    found = wsdl(schema(), asked='<w:part name="p" type="x:int"/>')
    assert reason(Speech.of({"a": found})) == "the message of Op is of a type and not an element, in the document style"
    found = wsdl(schema(), asked='<w:part name="p"/>', style="rpc")
    assert reason(Speech.of({"a": found})) == "the part p has neither an element nor a type"
    assert "the part p is of the type {urn:t}Gone" in reason(rpc(("p", "t:Gone")))
    assert reason(rpc(*[("p", "x:int")] * 3)) == "two parts of one message are called p"


# --- how it is shown


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("iPerf_no", "iPerfNo"),
        ("SKUCode", "skuCode"),
        ("ID", "id"),
        ("GetSeatsResult", "getSeatsResult"),
        ("perf-no.of_day", "perfNoOfDay"),
        ("A", "a"),
        ("URL2", "url2"),
        ("X1Y", "x1Y"),
        ("_private", "private"),
        ("__", "__"),
        ("\u00c4rger", "\u00c4rger"),
        ("already", "already"),
    ],
)
def test_names_as_in_javascript(name: str, shown: str) -> None:
    """The table of the documentation, and its corners."""
    assert camel(name) == shown


def test_members_and_attributes_are_called_as_in_javascript_and_keep_their_names_in_messages() -> None:
    """So are the parts of an rpc call."""
    made = of(f'<x:sequence>{element("iPerf_no")}</x:sequence><x:attribute name="Sales_ID"/>', options=CAMEL)
    assert keys(made) == {"iPerfNo": "{urn:t}iPerf_no", "@salesID": "Sales_ID"}


def test_where_names_as_in_javascript_clash_the_original_is_kept() -> None:
    """One that a schema has goes before one that is made up, wherever it stands."""
    inside = "".join(element(each) for each in ("a_b", "aB", "A_b", "c_d", "C_d"))
    assert keys(of(f"<x:sequence>{inside}</x:sequence>", options=CAMEL)) == {
        "a_b": "{urn:t}a_b",
        "aB": "{urn:t}aB",
        "A_b": "{urn:t}A_b",
        "cD": "{urn:t}c_d",
        "C_d": "{urn:t}C_d",
    }
    attributes = "".join(f'<x:attribute name="{each}"/>' for each in ("a_b", "aB"))
    assert keys(of(attributes, options=CAMEL)) == {"@aB": "a_b", "@{}aB": "aB"}


def listing(*inside: str, more: str = "", name: str = "ArrayOfX") -> str:
    """Return a wrapper around what is given."""
    return sequence(*inside, more=more, name=name)


def test_a_wrapper_around_one_array_is_left_out_where_that_is_wanted() -> None:
    """Its items stand in its place; the element of the Body is an object always, and so are headers."""
    components = (
        listing(element("X", "x:int", OFTEN)),
        wrapper("Op", element("list", "t:ArrayOfX")),
        element("OpResponse", "t:ArrayOfX"),
    )
    speech = document(*components, options=FLAT)
    made = child(speech, body(speech), "list")
    assert made.array is not None
    assert (made.array.key, made.array.type) == ("X", Scalar("int"))
    output = speech.signature("Op").output
    assert output is not None
    assert output.element is not None
    assert speech.types[str(output.element.type)].array is None
    plain = document(*components)
    assert child(plain, body(plain), "list").array is None


@pytest.mark.parametrize(
    "kinds",
    [
        pytest.param(listing(element("X", "x:int")), id="one item"),
        pytest.param(listing(element("X", "x:int", OFTEN), element("Y")), id="another member"),
        pytest.param(listing(element("X", "x:int", OFTEN), more='<x:attribute name="k"/>'), id="an attribute"),
        pytest.param(listing(element("X", "x:int", OFTEN), more="<x:anyAttribute/>"), id="any attribute"),
        pytest.param(listing(element("X", "x:int", OFTEN), "<x:any/>"), id="a wildcard"),
        pytest.param(listing(element("X", "x:int", OFTEN)).replace(" name", ' mixed="true" name', 1), id="text"),
        pytest.param(
            listing(element("X", "x:int", OFTEN)) + extension("D", "t:ArrayOfX", element("y")), id="a type below it"
        ),
        pytest.param(
            sequence(name="B") + extension("ArrayOfX", "t:B", element("X", "x:int", OFTEN)), id="a type above it"
        ),
    ],
)
def test_a_wrapper_that_says_more_is_kept(kinds: str) -> None:
    """Nothing that a message may hold is lost."""
    assert named("ArrayOfX", kinds, options=FLAT).array is None


# --- any type of the documents


def resolver(*inside: str) -> tuple[Resolver, Assembly]:
    """Return a resolver of one contract that nobody has asked yet."""
    text = wsdl(schema(*inside, more=QUALIFIED))
    definitions = Definitions({"a": Document(xml.parse(text, charset=None, markup_max=xml.REPLY_MARKUP), text)}, {})
    for _ in definitions.collect():
        pass
    assembly = Assembly(definitions)
    for _ in assembly.steps():
        pass
    return Resolver(definitions, Options()), assembly


def all_of(pieces: Any) -> Any:
    """Run a generator to its end."""
    while True:
        try:
            next(pieces)
        except StopIteration as done:
            return done.value


def test_a_message_may_name_any_type_that_a_document_has() -> None:
    """It is resolved when it is named; one that cannot be is anything."""
    made, _ = resolver(
        sequence(element("x"), name="C"), sequence(element("g", "t:Gone"), name="B"), simple("S", "x:int")
    )
    assert [made.knows(f"{{urn:t}}{each}") for each in ("C", "B", "S", "Gone")] == [True, True, False, False]
    assert not made.knows(f"{{{ENCODING}}}string")
    assert (all_of(made.called("C")), all_of(made.called("Gone"))) == (["{urn:t}C"], ())
    for name in ("C", "C", "B", "S", "Gone"):
        all_of(made.summon(f"{{urn:t}}{name}"))
    assert list(keys(made.types["{urn:t}C"])) == ["x"]
    assert made.types["{urn:t}B"].anything
    assert {"{urn:t}S", "{urn:t}Gone"}.isdisjoint(made.types)


def test_types_are_found_by_their_local_names_among_many() -> None:
    """In pieces, and from memory the second time."""
    made, _ = resolver(*(sequence(name=f"T{n}") for n in range(600)))
    assert len([*made.called("T599")]) == 1  # a yield
    assert all_of(made.called("T599")) == ["{urn:t}T599"]


def test_a_call_that_was_given_up_leaves_nothing_half_done() -> None:
    """Whoever asks next resolves what the other has begun."""
    many = "".join(element(f"e{n}", f"t:T{n}") for n in range(40))
    kinds = "".join(sequence(element("x"), name=f"T{n}") for n in range(40))
    for steps in range(0, 50, 7):
        made, assembly = resolver(kinds, wrapper("Op", many), RESPONSE)
        ((name, clark, wire),) = assembly.wires()
        assert wire is not None
        begun = made.signature(name, wire, clark, assembly)
        for _ in range(steps):
            next(begun, None)
        begun.close()
        signature = all_of(made.signature(name, wire, clark, assembly))
        assert len(made.types[signature.input.element.type].members) == 40
        assert all(f"{{urn:t}}T{n}" in made.types for n in range(40))


def test_two_calls_at_once_do_not_disturb_each_other() -> None:
    """One stops anywhere, the other does all that it needs, and the first goes on."""
    kinds = "".join(sequence(*(element(f"x{m}") for m in range(40)), name=f"T{n}") for n in range(5))
    for steps in range(30):
        made, assembly = resolver(kinds, wrapper("Op", *(element(f"e{n}", f"t:T{n}") for n in range(5))), RESPONSE)
        ((name, clark, wire),) = assembly.wires()
        assert wire is not None
        one, two = (made.signature(name, wire, clark, assembly) for _ in range(2))
        for _ in range(steps):
            next(one, None)
        after = all_of(two)
        assert all_of(one) in (after, None)  # None: it was done before
        assert [len(made.types[f"{{urn:t}}T{n}"].members) for n in range(5)] == [40] * 5


# --- hostile schemas


@pytest.mark.parametrize(
    ("components", "said"),
    [
        pytest.param(
            (element("Op", "t:D"), derived("extension", "", base="t:D")), "derived through more than 32", id="of itself"
        ),
        pytest.param(
            (
                element("Op", "t:D"),
                derived("extension", "", base="t:E"),
                derived("restriction", "", base="t:D", name="E"),
            ),
            "derived through more than 32",
            id="of each other",
        ),
        pytest.param(
            (element("Op", "t:D"), derived("extension", "", "simpleContent", "t:D")),
            "derived through more than 32",
            id="a simple content of itself",
        ),
        pytest.param(
            (element("Op", "t:D0"), *(derived("extension", "", base=f"t:D{n + 1}", name=f"D{n}") for n in range(99))),
            "derived through more than 32",
            id="a hundred steps",
        ),
        pytest.param(
            (
                wrapper("Op", '<x:group ref="t:G"/>'),
                '<x:group name="G"><x:sequence><x:group ref="t:G"/><x:group ref="t:G"/></x:sequence></x:group>',
            ),
            "one that holds itself",
            id="a group that holds itself twice",
        ),
        pytest.param(
            (
                wrapper("Op", '<x:group ref="t:G0"/>'),
                *(
                    f'<x:group name="G{n}"><x:sequence><x:group ref="t:G{n + 1}"/><x:group ref="t:G{n + 1}"/>'
                    "</x:sequence></x:group>"
                    for n in range(25)
                ),
                f'<x:group name="G25"><x:sequence>{element("a")}</x:sequence></x:group>',
            ),
            "more than 4000 places",
            id="groups that double",
        ),
        pytest.param(
            (element("Op", "t:S"), simple("S", "t:S")),
            "a simple type is derived through more than 32",
            id="a simple type",
        ),
        pytest.param(
            (
                '<x:element name="Op" substitutionGroup="t:b"/><x:element name="b" substitutionGroup="t:c"/>',
                '<x:element name="c" substitutionGroup="t:b"/>',
            ),
            "substitutes itself",
            id="substitutes of each other",
        ),
        pytest.param(
            (wrapper("Op", *(element(f"e{n}") for n in range(10_000))),),
            "holds more than 1000 elements",
            id="ten thousand elements",
        ),
        pytest.param(
            (wrapper("Op", *(element("e", more='maxOccurs="0"') for n in range(10_000))),),
            "more than 4000 places",
            id="ten thousand elements that are never there",
        ),
        pytest.param(
            (wrapper("Op", more="".join(f'<x:attribute name="a{n}"/>' for n in range(10_000))),),
            "more than 1000 attributes",
            id="ten thousand attributes",
        ),
        pytest.param(
            (wrapper("Op", more='<x:attribute name="a"/>' * 10_000),),
            "more than 1000 attributes",
            id="one attribute ten thousand times",
        ),
        pytest.param(
            (
                wrapper("Op", element("t", "t:T0")),
                *(sequence(element("t", f"t:T{n + 1}"), name=f"T{n}") for n in range(4_100)),
                sequence(name="T4100"),
            ),
            "more than 4000 types in use",
            id="four thousand types",
        ),
    ],
)
def test_what_does_not_end_is_told_soon(components: tuple[str, ...], said: str) -> None:
    """Each is bounded, and names its bound."""
    assert said in reason(document(*components, RESPONSE))


def sharing(many: int) -> Speech:
    """Return the speech of so many types that hold one group of as many elements."""
    return document(
        wrapper("Op", *(element(f"t{n}", f"t:T{n}") for n in range(many))),
        f'<x:group name="G"><x:sequence>{"".join(element(f"e{n}") for n in range(many))}</x:sequence></x:group>',
        *(sequence('<x:group ref="t:G"/>', name=f"T{n}") for n in range(many)),
        RESPONSE,
    )


@pytest.mark.unmeasured
def test_a_large_group_in_many_types_does_not_become_a_large_model() -> None:
    """Nine hundred times nine hundred elements are written with two thousand."""
    assert reason(sharing(900)) == "its documents have more than 60000 elements and attributes in use"


def test_elements_are_counted_again_for_each_type_that_has_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the test before, with a smaller bound."""
    monkeypatch.setattr(module, "_READ_MAX", 300)
    assert body(sharing(10)).members
    assert reason(sharing(30)) == "its documents have more than 300 elements and attributes in use"


GOOD = wsdl(
    schema(
        BASE,
        derived("extension", f"<x:sequence>{element('b')}</x:sequence>"),
        derived("extension", '<x:attribute name="m"/>', "simpleContent", "t:S", "V"),
        array("t:D[]", name="Arr"),
        simple("S", "x:int", ("minInclusive", "1"), ("pattern", "a")),
        '<x:simpleType name="U"><x:union memberTypes="t:S t:L"/></x:simpleType>',
        '<x:simpleType name="L"><x:list itemType="t:S"/></x:simpleType>',
        f'<x:group name="G"><x:choice>{element("g", "t:S")}<x:any/></x:choice></x:group>',
        '<x:attributeGroup name="H"><x:attribute name="h" type="t:S"/><x:attributeGroup ref="t:H"/></x:attributeGroup>',
        '<x:element name="head" type="t:D"/><x:element name="sub" substitutionGroup="t:head"/>',
        wrapper(
            "Op",
            *(element(f"e{kind}", f"t:{kind}") for kind in ("D", "V", "U", "Arr")),
            '<x:group ref="t:G"/><x:element ref="t:sub" minOccurs="0" maxOccurs="2"/>',
            wrapper("in", element("z"), more='<x:attributeGroup ref="t:H"/>'),
            more='<x:attribute name="k"/>',
        ),
        wrapper("OpResponse", element("l", "t:L", OFTEN)),
        more=QUALIFIED,
    )
)
VALUES = sorted({each for node in xml.parse(GOOD, charset=None).iter() for each in node.attrib.values()})
ODD = (
    "",
    "0",
    "-1",
    "unbounded",
    "9" * 14,
    "n:z",
    "xml:lang",
    "$value",
    "@type",
    "a b",
    "x:schema",
    "e:Array",
    "e:int",
)
CHANGES = st.lists(
    st.tuples(
        st.sampled_from(("say", "move", "drop", "tag")),
        st.integers(0, 200),
        st.integers(0, 200),
        st.sampled_from((*VALUES, *ODD)),
    ),
    min_size=1,
    max_size=6,
)


def changed(root: etree._Element, changes: list[tuple[str, int, int, str]]) -> bytes:
    """Say something else in attributes, put copies of elements into others, drop some, call some by others' names."""
    nodes = [*root.iter()]
    for kind, at, other, value in changes:
        node, from_ = nodes[at % len(nodes)], nodes[other % len(nodes)]
        parent = node.getparent()
        if kind == "say" and node.attrib:
            node.set([*node.attrib][other % len(node.attrib)], value)
        elif kind == "move":
            node.append(deepcopy(from_))
        elif kind == "drop" and parent is not None:
            parent.remove(node)
        else:
            node.tag = from_.tag
    return etree.tostring(root)


@examples(20_000)
@pytest.mark.timeout(1800)
@given(CHANGES, st.sampled_from((Options(), Options(flatten=True, camel=True))))
def test_a_mutated_contract_is_followed_or_unspeakable(
    changes: list[tuple[str, int, int, str]], options: Options
) -> None:
    """Nothing else is raised, no key stands for two, and every type that is referred to is there."""
    try:
        speech = Speech.of({"a": changed(xml.parse(GOOD, charset=None), changes)}, options)
    except XmlRefused:
        return
    for name in speech.names:
        with suppress(Unspeakable):
            speech.signature(name)
    for made in speech.types.values():
        assert len(keys(made)) == len(_all(made))
    assert {each.type for made in speech.types.values() for each in made.members if isinstance(each.type, str)} <= {
        *speech.types
    }


def test_groups_of_attributes_that_hold_themselves_are_looked_at_once() -> None:
    """As is one that nobody defines, which has none."""
    groups = (
        '<x:attributeGroup name="G"><x:attribute name="a"/><x:attributeGroup ref="t:H"/></x:attributeGroup>'
        '<x:attributeGroup name="H"><x:attribute name="b"/><x:attributeGroup ref="t:G"/><x:attributeGroup ref="t:H"/>'
        '<x:attributeGroup ref="t:Gone"/><x:attributeGroup/></x:attributeGroup>'
    )
    assert keys(of('<x:attributeGroup ref="t:G"/>', beside=groups)) == {"@a": "a", "@b": "b"}


def test_derivation_in_a_circle_below_a_whole_type_spoils_nothing() -> None:
    """Those that extend each other are dropped from what may stand in its place."""
    speech = document(
        sequence(element("a"), name="A"),
        extension("B", "t:A", element("b")),
        derived("extension", "", base="t:Y", name="X") + derived("extension", "", base="t:X", name="Y"),
        wrapper("Op", element("a", "t:A"), '<x:any minOccurs="0"/>'),
        RESPONSE,
    )
    assert child(speech, soon(speech), "a").derived == ("{urn:t}B",)


def test_elements_of_one_name_with_a_type_each_are_one_element() -> None:
    """Two of one name are of one type (XSD 1.0 part 1 section 3.8.6); thousands do not take longer than they are."""
    made = soon(document(wrapper("Op", *(wrapper("e", element(f"x{n}")) for n in range(3_000))), RESPONSE))
    assert counts(made) == {"e": (True, True, 3_000, 3_000)}


def test_one_local_name_in_hundreds_of_namespaces_is_told_apart_soon() -> None:
    """Types in their places, too."""
    spaces = [f"urn:n{n}" for n in range(200)]
    theirs = [
        schema(
            f'<x:group name="G"><x:sequence>{wrapper("a", element("x"))}</x:sequence></x:group>',
            target=each,
            more=QUALIFIED,
        )
        for each in spaces
    ]
    declared = " ".join(f'xmlns:n{n}="{each}"' for n, each in enumerate(spaces))
    groups = "".join(f'<x:group ref="n{n}:G"/>' for n in range(len(spaces)))
    made = soon(linked(*theirs, schema(wrapper("Op", groups), RESPONSE, more=f"{declared} {QUALIFIED}")))
    assert len({each.type for each in made.members}) == len({each.key for each in made.members}) == len(spaces)


def test_groups_as_deep_as_a_document_may_be_are_followed() -> None:
    """The parser bounds what is written inside one another; only references go deeper."""
    deep = 50
    made = soon(document(wrapper("Op", "<x:sequence>" * deep, element("a"), "</x:sequence>" * deep), RESPONSE))
    assert counts(made) == {"a": (False, True, 1, 1)}


def test_types_that_extend_a_large_one_are_read_soon() -> None:
    """A base of five hundred elements and nineteen steps below it."""
    base = sequence(*(element(f"e{n}") for n in range(500)), name="D0")
    steps = (extension(f"D{n}", f"t:D{n - 1}", element(f"x{n}")) for n in range(1, 20))
    made = soon(document(base, *steps, wrapper("Op", element("d", "t:D19")), RESPONSE))
    assert list(keys(made)) == ["d"]


def test_no_piece_of_work_holds_the_loop() -> None:
    """A thousand elements and as many attributes of one type are read with a yield after every few."""
    kinds = sequence(
        *(element(f"e{n}") for n in range(999)), more="".join(f'<x:attribute name="a{n}"/>' for n in range(999))
    )
    made, assembly = resolver(f'<x:element name="Op">{kinds}</x:element>', RESPONSE)
    ((name, clark, wire),) = assembly.wires()
    assert wire is not None
    assert sum(1 for _ in made.signature(name, wire, clark, assembly)) > 100


def test_members_are_members_of_the_model() -> None:
    """One element, whole."""
    (member,) = of(f"<x:sequence>{element('a', 'x:int', OFTEN)}</x:sequence>").members
    assert member == Member("a", "{urn:t}a", Scalar("int"), many=True, most=MANY)
