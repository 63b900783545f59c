"""What a caller names himself is looked at, declared with his message alone, and never the schema's loss."""

from __future__ import annotations

from typing import Any

import pytest

from adapters import xml
from adapters.soap.speech import Speech
from tests.adapters.soap.contracts import both, element, extension, places, sent, sequence, wrapper, wsdl
from tests.adapters.soap.library import schema

MANY = 'minOccurs="0" maxOccurs="unbounded"'
ANY = f"<x:any {MANY}/>"
KINDS = (
    sequence(element("n"), name="Base").replace("name=", 'abstract="true" name=', 1)
    + extension("Own", "t:Base", element("k", "x:int"))
    + sequence(name="Open", more="<x:anyAttribute/>")
)


def test_a_type_may_be_named_that_no_operation_needs() -> None:
    """Where anything may stand; whether another call has needed it before is no matter."""
    speech = both(element("v", "x:anyType", MANY), ANY, types=KINDS)
    value = {"v": [{"@type": "Own", "n": "x", "k": 1}], "$any": [{"w": {"@type": "{urn:t}Own", "n": "y", "k": 2}}]}
    written = sent(speech, value)
    assert written == ('<t:Op><t:v i:type="t:Own"><t:n>x</><t:k>1</></><t:w i:type="t:Own"><t:n>y</><t:k>2</></></>')
    assert sent(both(element("v", "x:anyType", MANY), ANY, types=KINDS), value) == written
    assert places(speech, {"v": [{"@type": "Base"}, {"@type": "Own", "k": "1"}]}) == [
        ("/v/0/@type", "enum"),
        ("/v/1/n", "missing"),
        ("/v/1/k", "type"),
    ]


def test_a_local_name_of_two_types_means_the_one_around_it() -> None:
    """Or nothing, and the whole name has to be said."""
    two = schema(sequence(element("b", "x:int"), name="Own"), target="urn:u")
    first = schema(KINDS, wrapper("Op", element("v", "x:anyType")), more='elementFormDefault="qualified"')
    speech = Speech.of({"a": wsdl(first, two, answered=None)})
    assert sent(speech, {"v": {"@type": "Own", "n": "", "k": 1}}) == '<t:Op><t:v i:type="t:Own"><t:n/><t:k>1</></></>'
    assert sent(speech, {"v": {"@type": "{urn:u}Own", "b": 1}}) == '<t:Op><t:v i:type="u:Own"><b>1</></></>'
    assert places(speech, {"v": {"{}w": {"@type": "Own", "k": 1}}}) == [("/v/{}w/@type", "enum")]
    assert places(speech, {"v": {"@type": "{urn:t}Gone"}}) == [("/v/@type", "enum")]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"@a": "1", "@{urn:u}b": "2"}, '<t:a a="1" u:b="2"/>'),
        ({"$value": True}, "<t:a>true</>"),
        ({"$value": 1.5, "b": "x"}, "<t:a>1.5<t:b>x</></>"),
        ({"b": "x", "$value": 1.5, "@c": "1"}, '<t:a c="1">1.5<t:b>x</></>'),
        ({"b": [None, {"c": []}]}, '<t:a><t:b i:nil="true"/><t:b/></>'),
        (-1, "<t:a>-1</>"),
        ("", "<t:a/>"),
    ],
)
def test_values_of_any_shape(value: Any, said: str) -> None:
    """Below a name of the caller's own."""
    assert sent(both(ANY), {"$any": [{"a": value}]}) == f"<t:Op>{said}</>"


def test_what_cannot_be_written_has_its_place() -> None:
    """Arrays of arrays, names that are none, attributes that are no text."""
    value = {"$any": [{"a": {"b": [[1], {"c d": 1}], "@k": 5, "@": "", "$value": {}}}]}
    assert places(both(ANY), value) == [
        ("/$any/0/a/@k", "type"),
        ("/$any/0/a/@", "name"),
        ("/$any/0/a/$value", "type"),
        ("/$any/0/a/b/0", "type"),
        ("/$any/0/a/b/1/c d", "name"),
    ]


def test_attributes_are_as_many_and_as_long_as_a_parser_takes() -> None:
    """More is said to be too much here, and not by somebody who speaks of XML."""
    speech = both(element("o", "t:Open"), types=KINDS)
    assert places(speech, {"o": {f"@a{each}": "" for each in range(5000)}}) == [("/o/@a201", "length")]
    assert places(speech, {"o": {"@a": "x" * 40_000}}) == [("/o/@a", "length")]
    most = {f"@a{each}": "&" * 50 for each in range(201)}
    xml.parse(speech.encode("Op", {"o": most}), charset=None)


def test_long_texts_are_written_in_pieces() -> None:
    """As members, beside attributes, in wildcards, as anything."""
    text = "<é" * 30_000
    speech = both(
        element("a"),
        element("v", "x:anyType"),
        element("s", "t:S"),
        element("m", "t:M"),
        ANY,
        types='<x:complexType name="S"><x:simpleContent><x:extension base="x:string"/></x:simpleContent></x:complexType>'
        '<x:complexType name="M" mixed="true"/>',
    )
    value = {"a": text, "v": text, "s": text, "m": {"$value": text}, "$any": [{"w": text}, {"w": {"$value": text}}]}
    body = xml.parse(speech.encode("Op", value), charset=None)[0][0]
    assert [each.text for each in body] == [text] * 6
    assert places(speech, {**value, "a": text + "\x00", "v": text + "\x00"}) == [
        ("/a", "characters"),
        ("/v", "characters"),
    ]
