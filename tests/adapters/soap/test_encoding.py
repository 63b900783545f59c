"""JSON becomes a message as the schema has it, and what is wrong with the JSON is told all at once, with a place for each."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters import xml
from adapters.soap.encoding import InvalidParams
from adapters.soap.speech import Speech
from sidecar.model import Dialect
from tests.adapters.soap.contracts import (
    QUALIFIED,
    SOAP12_NS,
    both,
    document,
    element,
    examples,
    extension,
    places,
    rpc,
    sent,
    sequence,
    simple,
    wrapper,
    wrong,
    wsdl,
)
from tests.adapters.soap.library import schema

MANY = 'minOccurs="0" maxOccurs="unbounded"'
MAY = 'minOccurs="0"'
ATTRIBUTES = '<x:attribute name="lang" type="x:language"/><x:attribute name="n" type="x:int" use="required"/>'
PRICE = (
    '<x:complexType name="Price"><x:simpleContent><x:extension base="x:decimal">'
    '<x:attribute name="currency" type="x:string"/></x:extension></x:simpleContent></x:complexType>'
)
ANIMALS = (
    sequence(element("name"), name="Animal", more="")
    + extension("Dog", "t:Animal", element("bark", "x:int"))
    + extension("Puppy", "t:Dog", element("weeks", "x:int"))
)
SHAPES = '<x:complexType name="Shape" abstract="true"/>' + extension("Circle", "t:Shape", element("r", "x:int"))
CHOICE = f"<x:choice>{element('a', 'x:int')}<x:sequence>{element('b')}{element('c')}</x:sequence></x:choice>"
ANY = '<x:any minOccurs="0" maxOccurs="unbounded" processContents="lax"/>'


# --- the convention, one by one


@pytest.mark.parametrize(
    ("inside", "value", "xml_"),
    [
        pytest.param(element("a"), {"a": "x"}, "<t:Op><t:a>x</></>", id="text"),
        pytest.param(element("a"), {"a": ""}, "<t:Op><t:a/></>", id="empty text is an empty element"),
        pytest.param(element("a", more=MAY), {}, "<t:Op/>", id="what is left out is absent"),
        pytest.param(element("a", more='nillable="true"'), {"a": None}, '<t:Op><t:a i:nil="true"/></>', id="null"),
        pytest.param(element("a", more=MANY), {"a": ["x"]}, "<t:Op><t:a>x</></>", id="an array of one"),
        pytest.param(element("a", more=MANY), {"a": []}, "<t:Op/>", id="an empty array"),
        pytest.param(
            element("a", "x:int", f'{MANY} nillable="true"'),
            {"a": [1, None, 2]},
            '<t:Op><t:a>1</><t:a i:nil="true"/><t:a>2</></>',
            id="null in an array",
        ),
        pytest.param(
            element("b") + element("a"), {"a": "1", "b": "2"}, "<t:Op><t:b>2</><t:a>1</></>", id="the schema's order"
        ),
        pytest.param(f"<x:all>{element('a')}{element('b')}</x:all>", {"b": "1", "a": "2"}, None, id="all"),
        pytest.param(element("f", "x:boolean"), {"f": True}, "<t:Op><t:f>true</></>", id="boolean"),
        pytest.param(element("l", "x:NMTOKENS"), {"l": ["a", "b"]}, "<t:Op><t:l>a b</></>", id="list"),
        pytest.param(element("d", "x:decimal"), {"d": "12.50"}, "<t:Op><t:d>12.50</></>", id="decimal"),
        pytest.param(element("d", "x:decimal"), {"d": 12}, "<t:Op><t:d>12</></>", id="decimal from a number"),
        pytest.param(element("n", "x:long"), {"n": str(2**60)}, f"<t:Op><t:n>{2**60}</></>", id="long"),
        pytest.param(element("x", "x:double"), {"x": "INF"}, "<t:Op><t:x>INF</></>", id="infinity"),
        pytest.param(element("q", "x:QName"), {"q": "{urn:u}n"}, None, id="qname"),
        pytest.param(element("any", "x:anyType"), {"any": {"k": 1}}, None, id="anyType"),
    ],
)
def test_simple_members_are_written_as_they_are_said(inside: str, value: dict[str, Any], xml_: str | None) -> None:
    """One line of the convention each; what has no XML here is compared in the round trips."""
    written = sent(both(inside), value)
    assert xml_ is None or written == xml_


def test_a_qualified_name_brings_its_namespace_along() -> None:
    """Element, attribute, list and simple content; one of no namespace has no prefix, and xml's own needs none."""
    with_value = (
        '<x:complexType name="V"><x:simpleContent><x:extension base="x:QName"><x:attribute name="q" type="x:QName"/>'
        "</x:extension></x:simpleContent></x:complexType>"
    )
    names = '<x:simpleType name="L"><x:list itemType="x:QName"/></x:simpleType>'
    speech = both(element("q", "x:QName"), element("l", "t:L"), element("v", "t:V"), types=with_value + names)
    value = {
        "q": "{urn:a}x",
        "l": ["{urn:b}y", "z", "{urn:c d}w"],
        "v": {"@q": "{urn:a}k", "$value": "{http://www.w3.org/XML/1998/namespace}lang"},
    }
    with pytest.raises(InvalidParams):  # a list is parted by spaces, and a namespace with one would be two items
        speech.encode("Op", value)
    value["l"] = ["{urn:b}y", "z", "{}n"]
    written = speech.encode("Op", value)
    xml.parse(written, charset=None)
    assert b'_q="urn:a">_q:x<' in written
    assert b'xmlns:_q0="urn:b">_q0:y z n<' in written
    assert b'xmlns:_a0="urn:a"' in written
    assert b"xml:lang<" in written


def test_attributes_and_the_text_beside_them() -> None:
    """An @ before an attribute, $value for the text; a value alone stands for an object of nothing else."""
    speech = both(element("p", "t:Price"), types=PRICE, attributes=ATTRIBUTES)
    assert sent(speech, {"@n": 1, "@lang": "de", "p": {"$value": "1.50", "@currency": "EUR"}}) == (
        '<t:Op lang="de" n="1"><t:p currency="EUR">1.50</></>'
    )
    assert sent(speech, {"@n": 1, "p": "1.50"}) == '<t:Op n="1"><t:p>1.50</></>'
    assert places(speech, {"@n": 1, "p": {"$value": None, "@currency": "EUR"}}) == [("/p/$value", "null")]
    nillable = both(element("p", "t:Price", 'nillable="true"'), types=PRICE)
    assert sent(nillable, {"p": {"$value": None, "@currency": "EUR"}}) == (
        '<t:Op><t:p currency="EUR" i:nil="true"/></>'
    )
    assert places(speech, {"p": {"@currency": "EUR"}}) == [("/@n", "missing"), ("/p/$value", "missing")]


def test_an_attribute_called_type_is_not_the_type() -> None:
    """`@type` is xsi:type; an attribute of that name has its whole name."""
    speech = both(element("a", "t:A"), types=sequence(name="A", more='<x:attribute name="type" type="x:string"/>'))
    assert sent(speech, {"a": {"@{}type": "x"}}) == '<t:Op><t:a type="x"/></>'


def test_attributes_of_the_xml_namespace_have_its_own_prefix() -> None:
    """No other prefix may be bound to it (Namespaces in XML 1.0 section 3)."""
    speech = both(element("a", more=MAY), attributes='<x:attribute ref="xml:lang"/><x:anyAttribute/>')
    written = speech.encode("Op", {"@lang": "de", "@{http://www.w3.org/XML/1998/namespace}space": "preserve"})
    assert b' xml:lang="de" xml:space="preserve"' in written
    xml.parse(written, charset=None)


def test_the_same_local_name_in_two_namespaces() -> None:
    """The second has its whole name; one of no namespace says so."""
    first = schema(
        wrapper("Op", element("id"), '<x:element ref="u:id"/><x:element name="id" form="unqualified" type="x:int"/>'),
        more=f'{QUALIFIED} xmlns:u="urn:u"',
    )
    speech = Speech.of(
        {"a": wsdl(first, schema('<x:element name="id" type="x:string"/>', target="urn:u"), answered=None)}
    )
    assert sent(speech, {"id": "1", "{urn:u}id": "2", "{}id": 3}) == "<t:Op><t:id>1</><u:id>2</><id>3</></>"


def test_a_type_that_stands_in_place_of_another_is_named() -> None:
    """By its local name or its whole one; an abstract type must be replaced."""
    speech = both(element("a", "t:Animal", MAY), element("s", "t:Shape", MAY), types=ANIMALS + SHAPES)
    assert sent(speech, {"a": {"name": "Rex"}}) == "<t:Op><t:a><t:name>Rex</></></>"
    puppy = '<t:Op><t:a i:type="t:Puppy"><t:name>Rex</><t:bark>1</><t:weeks>2</></></>'
    for name in ("Puppy", "{urn:t}Puppy"):
        assert sent(speech, {"a": {"@type": name, "name": "Rex", "bark": 1, "weeks": 2}}) == puppy
    assert sent(speech, {"a": {"@type": "Animal", "name": "Rex"}}) == "<t:Op><t:a><t:name>Rex</></></>"
    assert sent(speech, {"s": {"@type": "Circle", "r": 1}}) == '<t:Op><t:s i:type="t:Circle"><t:r>1</></></>'
    assert wrong(speech, {"s": {"r": 1}}) == [("/s/@type", "missing", "is required here: one of Circle")]
    assert wrong(speech, {"a": {"@type": "Pupy"}}) == [
        ("/a/@type", "enum", "must be one of: Animal, Dog, Puppy, did you mean 'Puppy'?")
    ]
    assert places(speech, {"a": {"@type": ["Dog"]}, "s": {"@type": "Shape"}}) == [
        ("/a/@type", "enum"),
        ("/s/@type", "missing"),
    ]


def test_a_derived_type_that_cannot_be_resolved_is_not_offered() -> None:
    """What stands in its place still works."""
    speech = both(
        element("a", "t:Animal"), types=ANIMALS + extension("Cat", "t:Animal", element("z", "t:Gone")), attributes=""
    )
    assert sent(speech, {"a": {"name": "x"}}) == "<t:Op><t:a><t:name>x</></></>"
    assert places(speech, {"a": {"name": "x", "@type": "Cat"}}) == [("/a/@type", "enum")]


def test_members_of_a_choice_are_optional_ones() -> None:
    """One branch, whole; and one of them."""
    speech = both(CHOICE)
    assert sent(speech, {"a": 1}) == "<t:Op><t:a>1</></>"
    assert sent(speech, {"c": "2", "b": "1"}) == "<t:Op><t:b>1</><t:c>2</></>"
    assert wrong(speech, {}) == [("", "missing", "needs one of: a, b, c")]
    assert places(speech, {"b": "1"}) == [("/c", "missing")]
    assert places(speech, {"a": 1, "b": "1", "c": "2"}) == [("/a", "choice")]


def test_the_items_of_arrays_in_a_group_that_repeats_take_turns() -> None:
    """As the schema has them: name, value, name, value."""
    group = f'<x:sequence maxOccurs="unbounded">{element("k")}{element("v", more=MAY)}</x:sequence>'
    assert wrong(both(group), {"k": ["1"], "v": ["a", "b"]}) == [("/k", "length", "must have as many items as v")]
    assert sent(both(group), {"k": ["1", "2", "3"], "v": ["a", "b"]}) == (
        "<t:Op><t:k>1</><t:v>a</><t:k>2</><t:v>b</><t:k>3</></>"
    )


def test_wildcards_hold_anything_by_name() -> None:
    """A bare name is of the namespace around it, at every level; {} says none, {uri} another."""
    value = {"$any": [{"a": "1"}, {"{}b": None}, {"{urn:u}c": {"d": [1, True], "@k": "v", "{}e": 1.5}}]}
    assert sent(both(ANY), value) == ('<t:Op><t:a>1</><b i:nil="true"/><u:c k="v"><u:d>1</><u:d>true</><e>1.5</></></>')
    assert places(both(ANY), {"$any": {}}) == [("/$any", "type")]
    assert places(both(ANY), {"$any": [1, {}, {"a": 1, "b": 2}, {"1": 2}, {"a": [1]}]}) == [
        ("/$any/0", "type"),
        ("/$any/1", "type"),
        ("/$any/2", "type"),
        ("/$any/3/1", "name"),
        ("/$any/4/a", "type"),
    ]


def test_anything_is_written_with_its_type() -> None:
    """A string, numbers, an object, or one of the schema's types by its name."""
    speech = both(element("v", "x:anyType", MANY), element("a", "t:Animal", MAY), types=ANIMALS)
    value = [1, 2**40, 2**70, 1.5, "x", True, None, {"k": 1, "$value": "t"}, {"@type": "Dog", "name": "R", "bark": 1}]
    assert sent(speech, {"v": value}) == (
        '<t:Op><t:v i:type="x:int">1</><t:v i:type="x:long">1099511627776</>'
        '<t:v i:type="x:integer">1180591620717411303424</><t:v i:type="x:double">1.5</><t:v i:type="x:string">x</>'
        '<t:v i:type="x:boolean">true</><t:v i:nil="true"/><t:v>t<t:k i:type="x:int">1</></>'
        '<t:v i:type="t:Dog"><t:name>R</><t:bark>1</></></>'
    )
    assert places(speech, {"v": [{"@type": "Gone"}, {"@type": 1}, [1]]}) == [
        ("/v/0/@type", "enum"),
        ("/v/1/@type", "enum"),
        ("/v/2", "type"),
    ]


def test_text_between_the_elements_of_mixed_content_stands_before_them() -> None:
    """Its place between them is not said in JSON."""
    speech = both(element("a", "t:M"), types=sequence(element("b"), name="M").replace("name=", 'mixed="true" name='))
    assert sent(speech, {"a": {"$value": "1 < 2", "b": "x"}}) == "<t:Op><t:a>1 < 2<t:b>x</></></>"
    assert places(speech, {"a": {"$value": 1, "b": "x"}}) == [("/a/$value", "type")]


def test_header_blocks_stand_under_headers() -> None:
    """Those that the contract declares, and no other; beside a value that is no object, that has a member for itself."""
    headers = '<soap:header message="t:Head" part="h" use="literal"/>'
    messages = '<w:message name="Head"><w:part name="h" element="t:Token"/></w:message>'
    token = wrapper("Token", element("key")) + element("Op", "x:int") + element("OpResponse")
    speech = document(token, headers=headers, messages=messages)
    value = {"$headers": {"Token": {"key": "k&"}}, "$value": 5}
    written = speech.encode("Op", value)
    assert b":Header><_n" in written
    assert b">k&amp;<" in written
    assert speech.encode("Op", value) == written, "the caller's value is as it was"
    assert b"Header" not in speech.encode("Op", 5)
    assert places(speech, {"$headers": {"Tokn": {}, "Token": {"key": 1}}, "$value": "x"}) == [
        ("/$headers/Tokn", "unknown"),
        ("/$headers/Token/key", "type"),
        ("", "type"),
    ]
    assert places(speech, {"$headers": [], "$value": 1}) == [("/$headers", "type")]


def test_an_empty_body_takes_nothing() -> None:
    """Neither do two of nothing."""
    speech = document(asked="", answered="")
    for value in ({}, None):
        assert b"Body></_soap:Body>" in speech.encode("Op", value)
    assert places(speech, {"a": 1}) == [("", "unknown")]


def test_rpc_literal_parts_have_no_namespace_and_the_call_has() -> None:
    """WSDL 1.1 section 3.5."""
    speech = rpc(("a", "x:int"), ("b", "t:B"), inside=sequence(element("k"), name="B"))
    assert sent(speech, {"a": 1, "b": {"k": "v"}}) == "<r:Op><a>1</><b><k>v</></></>"
    assert places(speech, {"b": {}}) == [("/a", "missing"), ("/b/k", "missing")]


ARRAYS = (
    '<x:complexType name="Ints"><x:complexContent><x:restriction base="e:Array"><x:attribute ref="e:arrayType" '
    'w:arrayType="x:int[]" xmlns:w="http://schemas.xmlsoap.org/wsdl/"/></x:restriction></x:complexContent></x:complexType>'
    '<x:complexType name="Rows"><x:complexContent><x:restriction base="e:Array"><x:sequence>'
    '<x:element name="row" minOccurs="0" maxOccurs="unbounded" type="t:Row"/></x:sequence></x:restriction>'
    "</x:complexContent></x:complexType>" + sequence(element("k"), name="Row") + PRICE
)


def test_soap_encoding_says_the_type_of_everything() -> None:
    """SOAP 1.1 section 5: elements, objects, arrays with their sizes."""
    parts = (("n", "x:int"), ("l", "t:Ints"), ("r", "t:Rows"), ("p", "t:Price"), ("a", "x:anyType"), ("e", "e:Array"))
    speech = rpc(*parts, inside=ARRAYS, encoded=True)
    value = {"n": 1, "l": [1, 2], "r": [{"k": "v"}], "p": {"$value": "1"}, "a": "x", "e": [1]}
    assert sent(speech, value) == (
        '<r:Op e:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><n i:type="x:int">1</>'
        '<l c:arrayType="x:int[2]" i:type="c:Array"><item i:type="x:int">1</><item i:type="x:int">2</></>'
        '<r c:arrayType="t:Row[1]" i:type="c:Array"><row i:type="t:Row"><k i:type="x:string">v</></></>'
        '<p i:type="t:Price">1</><a i:type="x:string">x</><e c:arrayType="x:anyType[1]" i:type="c:Array">'
        '<item i:type="x:int">1</></></>'
    )
    assert places(speech, {**value, "l": {"item": 1}, "e": None}) == [("/l", "type")]


def test_soap_encoding_of_soap_12_counts_in_its_own_words() -> None:
    """SOAP 1.2 part 2 section 3.1.6."""
    speech = rpc(("l", "t:Ints"), inside=ARRAYS, encoded=True, soap=SOAP12_NS)
    written = speech.encode("Op", {"l": [1, 2]}, Dialect.SOAP12)
    assert b'itemType="_n' in written
    assert b'arraySize="2"' in written
    assert b"http://www.w3.org/2003/05/soap-envelope" in written


def test_an_array_of_unnamed_objects_is_one_of_anything() -> None:
    """A type that is written in its place has no name that xsi:type could say."""
    inline = (
        '<x:complexType name="L"><x:complexContent><x:restriction base="e:Array"><x:sequence><x:element name="r" '
        f'maxOccurs="unbounded">{sequence(element("k"))}</x:element></x:sequence></x:restriction></x:complexContent></x:complexType>'
    )
    assert 'arrayType="x:anyType[1]"' in sent(rpc(("l", "t:L"), inside=inline, encoded=True), {"l": [{"k": "v"}]})


def test_a_dataset_is_sent_empty_or_not_at_all() -> None:
    """Its schema is the server's own business."""
    speech = both(
        '<x:element name="ds"><x:complexType><x:sequence><x:element ref="x:schema"/><x:any/></x:sequence></x:complexType></x:element>'
    )
    assert sent(speech, {"ds": {}}) == "<t:Op><t:ds/></>"
    assert places(speech, {"ds": {"Table": []}}) == [("/ds", "type")]


def test_a_message_of_a_simple_type_is_a_value_alone() -> None:
    """No object around it."""
    speech = document(element("Op", "x:int", 'nillable="true"'), element("OpResponse"))
    assert sent(speech, 5) == "<t:Op>5</>"
    assert sent(speech, None) == '<t:Op i:nil="true"/>'
    assert places(speech, {}) == [("", "type")]


# --- what is wrong


FACETS = (
    simple("Code", "x:string", ("enumeration", "red"), ("enumeration", "green"))
    + simple("Small", "x:int", ("minInclusive", "1"), ("maxExclusive", "10"))
    + simple("Short", "x:string", ("maxLength", "3"), ("pattern", "[a-z]*"))
)


def test_everything_that_is_wrong_is_told_at_once() -> None:
    """Each with its place in the JSON, a word for programs and a sentence for people."""
    kinds = (
        *(
            element("number", "x:int"),
            element("code", "t:Code"),
            element("small", "t:Small"),
            element("short", "t:Short"),
        ),
        *(
            element("gone"),
            element("when", "x:dateTime"),
            element("text"),
            element("nothing"),
            element("list", more=MANY),
        ),
        element("deep", "t:Deep"),
    )
    deep = sequence(element("two", more='minOccurs="2" maxOccurs="3"'), name="Deep")
    speech = both(*kinds, types=FACETS + deep)
    value = {
        "number": "7",
        "code": "blue",
        "small": 10,
        "short": "abcd",
        "when": "2026-02-30T00:00:00",
        "text": "\x00",
        "nothing": None,
        "list": "x",
        "deep": {"two": ["1"], "tow": 1},
        "numbr": 1,
    }
    assert places(speech, value) == [
        ("/numbr", "unknown"),
        ("/number", "type"),
        ("/code", "enum"),
        ("/small", "range"),
        ("/short", "length"),
        ("/gone", "missing"),
        ("/when", "range"),
        ("/text", "characters"),
        ("/nothing", "null"),
        ("/list", "type"),
        ("/deep/tow", "unknown"),
        ("/deep/two", "length"),
    ]
    said = {at: text for at, _, text in wrong(speech, value)}
    assert said["/numbr"] == "is not known here, did you mean 'number'?"
    assert said["/deep/two"] == "must have 2 to 3 items"
    assert said["/nothing"] == "must not be null"


def test_null_for_what_may_be_left_out_says_so() -> None:
    """The usual mistake of a form."""
    assert wrong(both(element("a", more=MAY)), {"a": None}) == [
        ("/a", "null", "must not be null; leave it out instead")
    ]


@pytest.mark.parametrize("value", [1, "x", [], True, None, 1.5])
def test_what_is_no_object_is_refused(value: Any) -> None:
    """But for null, which is an object of nothing."""
    speech = both(element("a"))
    assert places(speech, value) == ([("/a", "missing")] if value is None else [("", "type")])


def test_a_fixed_value_is_that_or_nothing() -> None:
    """XSD 1.0 part 1 section 3.3.1."""
    speech = both(element("v", more='fixed="2"'))
    assert sent(speech, {"v": "2"}) == "<t:Op><t:v>2</></>"
    assert places(speech, {"v": "3"}) == [("/v", "fixed")]


def test_a_hundred_mistakes_are_enough() -> None:
    """Nobody reads more, and who sends a megabyte of them gets no two."""
    speech = both(element("a", "x:int", MANY))
    assert len(wrong(speech, {"a": ["x"] * 5000})) == 100
    assert len(wrong(speech, {f"k{each}": 1 for each in range(5000)})) == 100
    long = wrong(both(ANY), {"$any": [{"a" * 5000: 1}, {"a": {"b" * 5000: 1, "{" + "u" * 5000 + "}c": 1}}]})
    assert all(len(at) < 200 for at, _, _ in long)


# --- what nobody may say


EVIL_URI = "urn:a&lt;'b';c=%22"  # a URI, as far as anybody looks
EVIL = "</a><b x='1' y=\"2\">&amp;]]><!-- <![CDATA["


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param({"text": EVIL}, None, id="text"),
        pytest.param({"@attr": EVIL}, None, id="attribute"),
        pytest.param({"price": {"$value": "1", "@currency": EVIL}}, None, id="attribute beside text"),
        pytest.param({"said": {"$value": EVIL}}, None, id="text beside attributes"),
        pytest.param({"name": "{" + EVIL.replace("}", "") + "}n"}, "/", id="namespace of a name"),
        pytest.param({"name": EVIL}, "/name", id="name"),
        pytest.param({"open": {"$any": [{"a": EVIL}]}}, None, id="text of a wildcard"),
        pytest.param({"open": {"$any": [{EVIL: "a"}]}}, "/open/$any/0/", id="name of a wildcard"),
        pytest.param({"open": {"$any": [{"{" + EVIL + "}a": "b"}]}}, "/", id="namespace of a wildcard"),
        pytest.param({"open": {"$any": [{"{" + EVIL_URI + "}a": EVIL}]}}, None, id="URI of a wildcard"),
        pytest.param({"open": {"@{" + EVIL_URI + "}a": EVIL}}, None, id="URI of any attribute"),
        pytest.param({"text": EVIL, "name": "{" + EVIL_URI + "}a"}, None, id="URI of a name"),
        pytest.param({"open": {"$any": [{"a": {EVIL: "b"}}]}}, "/open/$any/0/a/", id="name inside a wildcard"),
        pytest.param({"open": {"$any": [{"a": {"@" + EVIL: "b"}}]}}, "/open/$any/0/a/@", id="attribute inside one"),
        pytest.param({"open": {"$any": [{"a": {"@b": EVIL}}]}}, None, id="attribute's text inside one"),
        pytest.param({"open": {"@" + EVIL: "b"}}, "/open/@", id="any attribute"),
        pytest.param({"open": {"@{" + EVIL + "}b": "c"}}, "/", id="namespace of any attribute"),
        pytest.param({"animal": {"@type": EVIL, "name": "x"}}, "/animal/@type", id="type"),
        pytest.param({"anything": {"@type": EVIL}}, "/anything/@type", id="type of anything"),
        pytest.param({"anything": EVIL}, None, id="anything"),
        pytest.param({"anything": {"$value": EVIL}}, None, id="text of anything"),
        pytest.param({EVIL: 1}, "/", id="member"),
        pytest.param({"$headers": {"Token": {"key": EVIL}}}, None, id="header block"),
        pytest.param({"$headers": {EVIL: {}}}, "/$headers/", id="name of a header block"),
        pytest.param({"list": [EVIL]}, "/list", id="list"),
        pytest.param({"union": EVIL}, None, id="union"),
    ],
)
def test_no_string_becomes_markup(value: dict[str, Any], expected: str | None) -> None:
    """It is refused, or comes out of a parser as the one string that it was."""
    speech = evil_speech()
    if expected is not None:
        (error,) = wrong(speech, value)
        assert error[0].startswith(expected)
        return
    root = xml.parse(speech.encode("Op", value), charset=None)
    found = [
        text
        for each in root.iter()
        for text in (each.text, each.tail, *each.attrib.values(), *each.nsmap.values(), each.tag)
    ]
    assert any(EVIL.replace("}", "") in str(text).replace("}", "") for text in found)
    assert not any(xml.local(each.tag) == "b" and each.get("x") for each in root.iter())


def evil_speech() -> Speech:
    """Return a contract with every place where a caller may put a string."""
    kinds = (
        ANIMALS
        + PRICE
        + sequence(ANY, name="Open", more="<x:anyAttribute/>")
        + '<x:complexType name="Said"><x:simpleContent><x:extension base="x:string"/></x:simpleContent></x:complexType>'
        + '<x:simpleType name="U"><x:union memberTypes="x:int x:string"/></x:simpleType>'
        + '<x:simpleType name="L"><x:list itemType="x:string"/></x:simpleType>'
        + wrapper("Token", element("key"))
    )
    names = {
        "text": "x:string",
        "price": "t:Price",
        "said": "t:Said",
        "name": "x:QName",
        "open": "t:Open",
        "animal": "t:Animal",
        "anything": "x:anyType",
        "list": "t:L",
        "union": "t:U",
    }
    inside = [element(name, type_, MAY) for name, type_ in names.items()]
    attribute = '<x:attribute name="attr" type="x:string"/>'
    return document(
        kinds,
        wrapper("Op", *inside, more=attribute),
        wrapper("OpResponse"),
        headers='<soap:header message="t:Head" part="h" use="literal"/>',
        messages='<w:message name="Head"><w:part name="h" element="t:Token"/></w:message>',
    )


@pytest.mark.parametrize(
    "key",
    [
        "@xmlns",
        "@{http://www.w3.org/2000/xmlns/}a",
        "@{http://www.w3.org/2001/XMLSchema-instance}nil",
        "@{http://www.w3.org/2001/XMLSchema-instance}type",
        "@{}attr",
        "@a:b",
        "@",
        "@{urn:u",
    ],
)
def test_an_attribute_of_a_callers_own_changes_no_meaning(key: str) -> None:
    """No namespace is declared, no type said, no attribute of the schema said twice."""
    declared = '<x:attribute name="attr" type="x:string"/><x:anyAttribute/>'
    speech = both(element("a", more=MAY), attributes=declared)
    (error,) = wrong(speech, {"@attr": "x", key: "urn:evil"})
    assert error[1] == "name"


def test_what_one_caller_names_is_in_his_message_alone() -> None:
    """The bytes of a message are the same whatever was written before it, and in whatever order."""
    kinds = [element("n", "x:int", MAY), element("p", "t:Price", MAY), ANY]
    plain, other = {"n": 1}, {"p": {"$value": "1"}, "$any": [{"{urn:secret}a": {"@{urn:b}c": "d"}}]}
    first, second = both(*kinds, types=PRICE), both(*kinds, types=PRICE)
    written = first.encode("Op", plain), first.encode("Op", other)
    assert (second.encode("Op", other), second.encode("Op", plain)) == written[::-1]
    assert b"secret" not in first.encode("Op", plain)
    for each in range(500):
        first.encode("Op", {"$any": [{f"{{urn:{each}}}a": "b"}]})
    assert (first.encode("Op", plain), first.encode("Op", other)) == written
    many = {f"{{urn:{each}}}a": "b" for each in range(101)}
    assert places(first, {"$any": [{"a": many}]}) == [("/$any/0/a/{urn:100}a".replace("/{", "/{"), "name")]


# --- anything at all

NAMED = (
    "text @attr price said name open animal anything list union $any $value @type $headers Token key Dog bark a "
    "{urn:u}a {}a @{urn:u}b @xmlns __proto__"
)
NAMES = st.sampled_from(NAMED.split())
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES | st.text(max_size=6), inner, max_size=5),
    max_leaves=20,
)


@pytest.mark.unmeasured
@examples(50_000)
@pytest.mark.timeout(1800)
@given(st.dictionaries(NAMES, JSON, max_size=6) | JSON)
def test_any_value_is_written_so_that_it_can_be_read_or_refused(value: Any) -> None:
    """Nothing is raised but what is declared, and what is written is XML."""
    written, errors = b"", None
    try:
        written = _EVIL.encode("Op", value)
    except InvalidParams as said:
        errors = said.errors
    if errors is None:
        xml.parse(written, charset=None)
    else:
        assert errors
        assert all(at == "" or at.startswith("/") for at, _, _ in errors)


_EVIL = evil_speech()
