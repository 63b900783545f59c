"""JSON values as XML-RPC: what each becomes, what is refused where, and that nothing breaks out of its element."""

from __future__ import annotations

import math
import xmlrpc.client as reader
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from adapters.xmlrpc.values import WRONG_MOST, Given, call
from sidecar.pieces import whole
from sidecar.signatures import ANY, Kind, Member, Signatures, Type
from tests.adapters.yardstick import PIECE, longest_piece

if TYPE_CHECKING:
    from adapters.xmlrpc.values import Wrong

PLAIN = Signatures()
WIDE = Signatures(allow_nil=True, allow_i8=True)
STRUCT = Type(Kind.STRUCT, (Member("id", Type(Kind.INT)), Member("note", Type(Kind.STRING), optional=True)))


def written(value: Any, kind: Type = ANY, speech: Signatures = PLAIN) -> str:
    """Return the markup inside the one `<value>`."""
    parts, wrong = whole(call("m", [Given(value, kind, (None, 0))], speech))
    assert wrong == []
    text = b"".join(parts).decode("ascii")
    return text.partition("<param><value>")[2].rpartition("</value></param>")[0]


def refused(value: Any, kind: Type = ANY, speech: Signatures = PLAIN) -> list[Wrong]:
    """Return what is wrong with a value."""
    wrong = whole(call("m", [Given(value, kind, (None, 0))], speech))[1]
    assert wrong
    return wrong


@pytest.mark.parametrize(
    ("value", "xml"),
    [
        (5, "<int>5</int>"),
        (-(2**31), "<int>-2147483648</int>"),
        (5.0, "<double>5.0</double>"),
        (-0.0, "<double>-0.0</double>"),
        (1e-7, "<double>0.0000001</double>"),
        (1e22, "<double>10000000000000000000000</double>"),
        (True, "<boolean>1</boolean>"),
        (False, "<boolean>0</boolean>"),
        ("a", "<string>a</string>"),
        ("", "<string></string>"),
        ("<b>&\"'\r]]>", "<string>&lt;b&gt;&amp;\"'&#13;]]&gt;</string>"),
        ("é\U0001f3ad", "<string>&#233;&#127917;</string>"),
        ([], "<array><data></data></array>"),
        ([1, "a"], "<array><data><value><int>1</int></value><value><string>a</string></value></data></array>"),
        ({}, "<struct></struct>"),
        ({"a<": 1}, "<struct><member><name>a&lt;</name><value><int>1</int></value></member></struct>"),
        ({"__proto__": 1}, "<struct><member><name>__proto__</name><value><int>1</int></value></member></struct>"),
        ({"$base64": "AAEC"}, "<base64>AAEC</base64>"),
        ({"$base64": ""}, "<base64></base64>"),
        ({"$dateTime": "20261201T09:00:00"}, "<dateTime.iso8601>20261201T09:00:00</dateTime.iso8601>"),
        ({"$dateTime": "2026-12-01T09:00:00Z"}, "<dateTime.iso8601>2026-12-01T09:00:00Z</dateTime.iso8601>"),
    ],
)
def test_what_a_value_is_by_itself(value: Any, xml: str) -> None:
    """Its JSON says its type; a time is sent as it was said."""
    assert written(value) == xml


@pytest.mark.parametrize(
    ("value", "kind", "xml"),
    [
        (5.0, Kind.INT, "<int>5</int>"),
        (5, Kind.I8, "<i8>5</i8>"),
        ("9007199254740993", Kind.I8, "<i8>9007199254740993</i8>"),
        (5, Kind.DOUBLE, "<double>5.0</double>"),
        ("12.50", Kind.DOUBLE, "<double>12.50</double>"),
        ("5", Kind.STRING, "<string>5</string>"),
        ("AAEC", Kind.BASE64, "<base64>AAEC</base64>"),
        ({"$base64": "AAEC"}, Kind.BASE64, "<base64>AAEC</base64>"),
        ("2026-12-01T09:00:00", Kind.DATETIME, "<dateTime.iso8601>20261201T09:00:00</dateTime.iso8601>"),
        ("20261201T09:00:00.5+01:00", Kind.DATETIME, "<dateTime.iso8601>20261201T09:00:00.5+01:00</dateTime.iso8601>"),
        ({"$dateTime": "2026-12-01T09:00:00"}, Kind.DATETIME, "<dateTime.iso8601>2026-12-01T09:00:00</dateTime.iso8601>"),
        (True, Kind.BOOLEAN, "<boolean>1</boolean>"),
        ([], Kind.ARRAY, "<array><data></data></array>"),
        ({"a": 1}, Kind.STRUCT, "<struct><member><name>a</name><value><int>1</int></value></member></struct>"),
    ],
)  # fmt: skip
def test_what_a_value_is_by_its_signature(value: Any, kind: Kind, xml: str) -> None:
    """Plain texts and numbers are taken where the type is said; a date goes out as the specification writes it."""
    assert written(value, Type(kind)) == xml


def test_extensions_are_asked_for() -> None:
    """Nothing and 64 bits go out only where the backend is said to read them."""
    assert written(None, speech=WIDE) == written(None, Type(Kind.NIL), WIDE) == "<nil/>"
    assert written(None, Type(Kind.STRING), WIDE) == "<nil/>"
    assert written(2**31, speech=WIDE) == "<i8>2147483648</i8>"
    assert written(5, speech=WIDE) == "<int>5</int>"
    assert refused(None)[0][:2] == ("/0", "null")
    assert refused(None, Type(Kind.NIL))[0][:2] == ("/0", "null")
    assert refused(2**31)[0][:2] == ("/0", "range")
    assert refused(2**31, Type(Kind.INT), WIDE)[0][:2] == ("/0", "range")
    assert refused(2**63, speech=WIDE)[0][:2] == ("/0", "range")


@pytest.mark.parametrize(
    ("value", "kind", "code"),
    [
        (math.inf, Kind.ANY, "range"),
        (math.nan, Kind.ANY, "range"),
        (math.inf, Kind.INT, "type"),
        (math.nan, Kind.DOUBLE, "range"),
        (2**1024, Kind.DOUBLE, "range"),
        ("1e5", Kind.DOUBLE, "format"),
        ("NaN", Kind.DOUBLE, "format"),
        ("1" * 500, Kind.DOUBLE, "format"),
        (True, Kind.DOUBLE, "type"),
        (True, Kind.INT, "type"),
        ("5", Kind.INT, "type"),
        (5.5, Kind.INT, "type"),
        (5.5, Kind.I8, "type"),
        ("5.0", Kind.I8, "format"),
        ("9" * 19, Kind.I8, "range"),
        (1, Kind.BOOLEAN, "type"),
        ("true", Kind.BOOLEAN, "type"),
        (5, Kind.STRING, "type"),
        ([], Kind.STRING, "type"),
        ({"$base64": "AAEC"}, Kind.STRING, "type"),
        (5, Kind.NIL, "type"),
        ({}, Kind.ARRAY, "type"),
        ([], Kind.STRUCT, "type"),
        ("a\x00b", Kind.ANY, "characters"),
        ("\ud800", Kind.ANY, "characters"),
        ("\ufffe", Kind.STRING, "characters"),
        ("AAE", Kind.BASE64, "format"),
        ("AA=E", Kind.BASE64, "format"),
        ("A===", Kind.BASE64, "format"),
        ("A A=", Kind.BASE64, "format"),
        ("__8=", Kind.BASE64, "format"),
        (5, Kind.BASE64, "type"),
        ("2026-12-01", Kind.DATETIME, "format"),
        ("2026-1201T09:00:00", Kind.DATETIME, "format"),
        ("20260230T09:00:00", Kind.DATETIME, "format"),
        ("20261201T25:00:00", Kind.DATETIME, "format"),
        ("20261201T09:00:00<x/>", Kind.DATETIME, "format"),
        ({"$base64": "AAE"}, Kind.ANY, "format"),
        ({"$base64": 5}, Kind.ANY, "format"),
        ({"$dateTime": "soon"}, Kind.ANY, "format"),
        ({"$dateTime": None}, Kind.DATETIME, "format"),
    ],
)
def test_what_is_no_such_value(value: Any, kind: Kind, code: str) -> None:
    """It is told at its place, before anybody is asked."""
    pointer, found, text = refused(value, Type(kind))[0]
    assert pointer.startswith("/0")
    assert found == code
    assert text


def test_all_that_is_wrong_is_told_at_once() -> None:
    """Each with the pointer to it, names escaped."""
    kind = Type(Kind.ARRAY, items=STRUCT)
    wrong = refused([{"id": "x", "not": "a"}, {"note": 5}, {"id": 1, "a/b~": 1}], kind)
    assert [(pointer, code) for pointer, code, _ in wrong] == [
        ("/0/0/id", "type"),
        ("/0/0/not", "unknown"),
        ("/0/1/note", "type"),
        ("/0/1/id", "missing"),
        ("/0/2/a~1b~0", "unknown"),
    ]
    assert wrong[1][2] == "no member of that name, did you mean 'note'?"


def test_members_are_checked_by_their_types() -> None:
    """In the order in which they came; what is optional may be away."""
    assert written({"id": 1}, STRUCT) == "<struct><member><name>id</name><value><int>1</int></value></member></struct>"
    assert written({"note": "a", "id": 1}, STRUCT).startswith("<struct><member><name>note</name>")


def test_the_list_of_errors_ends() -> None:
    """Nobody reads a hundred thousand."""
    assert len(refused([None] * 10_000)) == WRONG_MOST


def test_depth_and_number_are_what_is_read_again() -> None:
    """As deep as the parser takes; what is more is refused here, with the remedy."""
    deep: Any = []
    for _ in range(19):
        deep = [deep]
    assert written(deep).count("<array>") == 20
    assert refused([deep])[0][1] == "depth"
    assert refused([1] * 20_000)[-1][:2] == ("", "count")
    assert refused({"x" * 300: 1})[0][:2] == ("/0", "name")


def test_the_methods_name_is_text() -> None:
    """Whatever it is."""
    parts, _ = whole(call("a<b>é", [], PLAIN))
    assert b"".join(parts) == (
        b'<?xml version="1.0"?><methodCall><methodName>a&lt;b&gt;&#233;</methodName><params></params></methodCall>'
    )


TEXTS = st.text(st.characters(codec="utf-8"), max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(TEXTS, inside, max_size=3),
    max_leaves=8,
)
KINDS = st.recursive(
    st.sampled_from([Type(kind) for kind in Kind]),
    lambda inside: (
        st.builds(lambda items: Type(Kind.ARRAY, items=items), inside)
        | st.builds(lambda kind: Type(Kind.STRUCT, (Member("a", kind), Member("", kind, optional=True))), inside)
    ),
    max_leaves=4,
)


@given(VALUES, KINDS, st.booleans())
def test_whatever_is_said_is_one_value_or_an_error(value: Any, kind: Type, wide: bool) -> None:
    """Nothing is raised; what is written is a well-formed call of one parameter, which the standard library's reader takes."""
    parts, wrong = whole(call("m", [Given(value, kind, (None, 0))], WIDE if wide else PLAIN))
    if wrong:
        assert all(pointer == "" or pointer.startswith("/0") for pointer, _, _ in wrong)
        return
    document = b"".join(parts)
    root = etree.fromstring(document)
    assert len(root.findall("params/param/value")) == len(root.findall("params/param")) == 1
    params, method = reader.loads(document)
    assert (len(params), method) == (1, "m")


@pytest.mark.unmeasured
@pytest.mark.parametrize(
    "value",
    ["é" * 500_000, "&" * 1_000_000, {"$base64": "AAAA" * 250_000}, [1] * 16_000, [5e-324] * 12_000, [{"a": 1}] * 3_000],
    ids=["references", "escapes", "base64", "integers", "doubles", "structs"],
)  # fmt: skip
def test_no_step_holds_the_loop(value: Any) -> None:
    """Of a megabyte, each piece of work takes less than the 2 ms that nobody may exceed."""
    assert longest_piece(lambda: call("m", [Given(value, ANY, (None, 0))], PLAIN)) < PIECE
