"""A reply becomes JSON as the schema has it; what the schema does not have is there by its name, and nothing is raised."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from adapters.soap.resolver import Options
from adapters.soap.speech import NoReplyError, Speech
from adapters.xml import XmlRefused
from tests.adapters.soap.contracts import (
    answer,
    both,
    document,
    element,
    examples,
    extension,
    reply,
    rpc,
    sequence,
    told,
    wrapper,
)
from tests.adapters.soap.test_encoding import ANIMALS, ANY, MANY, MAY, PRICE, SHAPES
from tests.adapters.test_fuzz import EDITS, mutated

DATASET = (
    '<x:element name="ds"><x:complexType><x:sequence><x:element ref="x:schema"/><x:any/></x:sequence></x:complexType>'
    "</x:element>"
)
ROWS = '<diff:diffgram xmlns:diff="urn:schemas-microsoft-com:xml-diffgram-v1"><D xmlns="">{}</D></diff:diffgram>'


# --- the convention, one by one


@pytest.mark.parametrize(
    ("inside", "said", "value"),
    [
        pytest.param(element("a"), "<a>x</a>", {"a": "x"}, id="text"),
        pytest.param(element("a"), "<a/>", {"a": ""}, id="an empty element is empty text"),
        pytest.param(element("a", more=MAY), "", {}, id="what is absent is left out"),
        pytest.param(element("a"), '<a i:nil="true"/>', {"a": None}, id="null"),
        pytest.param(element("a", "x:int"), '<a i:nil="1"/>', {"a": None}, id="null of a number"),
        pytest.param(element("a", "x:int"), "<a/>", {"a": None}, id="a number without digits is none"),
        pytest.param(element("a", more=MANY), "<a>x</a>", {"a": ["x"]}, id="an array of one"),
        pytest.param(element("a", more=MANY), "<a>x</a><b/><a/>", {"a": ["x", ""], "b": ""}, id="an array of two"),
        pytest.param(element("a", "x:int", MANY), '<a>1</a><a i:nil="true"/>', {"a": [1, None]}, id="null in an array"),
        pytest.param(element("a", "x:boolean"), "<a>1</a>", {"a": True}, id="boolean"),
        pytest.param(element("a", "x:long"), "<a>7</a>", {"a": "7"}, id="long"),
        pytest.param(element("a", "x:decimal"), "<a> 1.50 </a>", {"a": "1.50"}, id="decimal"),
        pytest.param(element("a", "x:int"), "<a>many</a>", {"a": "many"}, id="what is not of its type"),
        pytest.param(element("a", "x:NMTOKENS"), "<a> x  y </a>", {"a": ["x", "y"]}, id="list"),
        pytest.param(element("a", "x:QName"), "<a>u:n</a>", {"a": "{urn:u}n"}, id="qname"),
        pytest.param(element("a", "x:QName"), "<a>n</a>", {"a": "{urn:t}n"}, id="qname of the namespace around it"),
        pytest.param(element("a", "x:QName"), "<a>z:n</a><b/>", {"a": "z:n", "b": ""}, id="qname that nobody declared"),
        pytest.param(element("a", "x:QName"), '<a i:nil="true"/>', {"a": None}, id="no qname"),
        pytest.param(
            element("a", "x:QName"),
            "<a>xml:lang</a>",
            {"a": "{http://www.w3.org/XML/1998/namespace}lang"},
            id="qname of xml",
        ),
        pytest.param(
            ANY,
            '<a>1</a><u:b/><c xmlns="" k="v">x</c>',
            {"$any": [{"a": "1"}, {"{urn:u}b": ""}, {"{}c": {"@k": "v", "$value": "x"}}]},
            id="any",
        ),
        pytest.param(
            ANY,
            '<a><b>1</b><b>2</b><b xmlns=""/></a>',
            {"$any": [{"a": {"b": ["1", "2"], "{}b": ""}}]},
            id="any, inside",
        ),
        pytest.param(element("a", "x:anyType"), '<a i:type="x:int">1</a>', {"a": 1}, id="anyType of a number"),
        pytest.param(
            element("a", "x:anyType"), '<a i:type="c:string">1</a>', {"a": "1"}, id="SOAP's own twin of a type"
        ),
        pytest.param(element("a", "x:anyType"), '<a i:type="c:base64">QQ==</a>', {"a": "QQ=="}, id="SOAP's own base64"),
        pytest.param(element("a", "x:anyType"), '<a i:type="x:int" i:nil="true"/>', {"a": None}, id="anyType of null"),
        pytest.param(element("a", "x:anyType"), '<a i:type="x:anyType">1</a>', {"a": "1"}, id="anyType of anyType"),
        pytest.param(element("a", "x:anyType"), '<a i:type="z:z"><b/></a>', {"a": {"b": ""}}, id="anyType of nobody's"),
        pytest.param(element("a", "x:anyType"), '<a i:nil="true" k="v"/>', {"a": None}, id="null beside an attribute"),
        pytest.param(element("a", "x:anyType"), "<a>t<b/>u</a>", {"a": {"$value": "tu", "b": ""}}, id="mixed anyType"),
        pytest.param(
            element("a", "x:anyType"),
            '<a c:arrayType="x:int[1]"><q i:type="x:int">1</q></a>',
            {"a": [1]},
            id="an array of SOAP's own",
        ),
        pytest.param(
            element("a", "x:anyType"), '<a i:type="c:Array"><q>1</q></a>', {"a": ["1"]}, id="an array by its type"
        ),
        pytest.param(DATASET, "<ds/>", {"ds": {}}, id="an empty DataSet"),
        pytest.param(DATASET, '<ds i:nil="true"/>', {"ds": None}, id="no DataSet"),
        pytest.param(DATASET, "<ds><T>1</T></ds>", {"ds": {"T": "1"}}, id="what is no DataSet"),
        pytest.param(
            DATASET,
            f"<ds>{ROWS.format('<T><n>1</n></T><T><n>2</n></T>')}</ds>",
            {"ds": {"T": [{"n": "1"}, {"n": "2"}]}},
            id="a DataSet",
        ),
        pytest.param(
            element("a", "x:anyType"), f"<a>{ROWS.format('<T/>')}</a>", {"a": {"T": [{}]}}, id="a DataSet as anything"
        ),
    ],
)
def test_members_are_read_as_they_are_said(inside: str, said: str, value: Any) -> None:
    """One line of the convention each."""
    assert told(both(inside), said) == value


def test_attributes_and_the_text_beside_them() -> None:
    """An @ before an attribute; what speaks of the XML alone is left out."""
    attributes = (
        '<x:attribute name="n" type="x:int"/><x:attribute name="q" type="x:QName"/><x:attribute ref="xml:lang"/>'
    )
    speech = both(element("p", "t:Price", MANY), types=PRICE, attributes=attributes)
    quiet = 'i:schemaLocation="urn:t http://evil/" e:encodingStyle="x" more="kept"'
    said = '<p currency="EUR">1.50</p><p>2</p><p i:nil="true"/><p currency="EUR" i:nil="true"/><p><new/></p>'
    assert told(speech, said, f'n="1" q="u:k" xml:lang="de" {quiet}') == {
        "@n": 1,
        "@q": "{urn:u}k",
        "@lang": "de",
        "@more": "kept",
        "p": [
            {"@currency": "EUR", "$value": "1.50"},
            {"$value": "2"},
            None,
            {"@currency": "EUR", "$value": None},
            {"$value": "", "new": ""},
        ],
    }


def test_qualified_names_in_lists_and_in_simple_content() -> None:
    """Each with the prefixes of its own place."""
    kinds = (
        '<x:simpleType name="L"><x:list itemType="x:QName"/></x:simpleType><x:complexType name="V"><x:simpleContent>'
        '<x:extension base="x:QName"><x:attribute name="l" type="t:L"/></x:extension></x:simpleContent></x:complexType>'
    )
    speech = both(element("l", "t:L"), element("v", "t:V"), types=kinds)
    assert told(speech, '<l xmlns:u="urn:other">u:a t:b</l><v l="u:a x:b">u:n</v>') == {
        "l": ["{urn:other}a", "{urn:t}b"],
        "v": {"@l": ["{urn:u}a", "{http://www.w3.org/2001/XMLSchema}b"], "$value": "{urn:u}n"},
    }
    assert told(speech, "<l/>") == {"l": []}


def test_a_type_in_place_of_another_is_named() -> None:
    """By its local name, by its whole one in another namespace; one that nobody knows is read as what was expected."""
    speech = both(
        element("a", "t:Animal", MANY),
        element("v", "x:anyType", MAY),
        element("s", "t:Shape", MAY),
        types=ANIMALS + SHAPES,
    )
    said = '<a><name>A</name></a><a i:type="t:Puppy"><name>P</name><weeks>3</weeks></a><a i:type="u:Cat"><name>C</name></a>'
    assert told(speech, said + '<v i:type="t:Dog"><bark>1</bark></v><s i:type="t:Circle"><r>1</r></s>') == {
        "a": [{"name": "A"}, {"@type": "Puppy", "name": "P", "weeks": 3}, {"name": "C"}],
        "v": {"@type": "Dog", "bark": 1},
        "s": {"@type": "Circle", "r": 1},
    }
    assert told(speech, '<a i:type="t:Dog" i:nil="true"/>') == {"a": [None]}


def test_what_a_backend_has_learnt_since_is_kept_and_nothing_after_it_is_lost() -> None:
    """New elements, at any place, by their names."""
    speech = both(element("a", "x:int"), element("b", "x:int"))
    assert told(speech, "<new>1</new><a>1</a><u:new/><more><k>v</k></more><b>2</b><b><c/></b>") == {
        "new": "1",
        "a": 1,
        "{urn:u}new": "",
        "more": {"k": "v"},
        "b": [2, {"c": ""}],
    }


def test_what_comes_again_where_the_schema_has_it_once_is_an_array() -> None:
    """Nothing is lost, be it read at once or in slices."""
    speech = both(element("a", "x:int"), types="")
    assert told(speech, "<a>1</a><a>2</a><a>3</a>") == {"a": [1, 2, 3]}
    assert told(speech, "<a>1</a>" * 2000) == {"a": [1] * 2000}


def test_a_namespace_that_one_side_forgets_is_forgiven() -> None:
    """Which many services do; but where a name could mean two things it means what the schema says."""
    inside = element("a", "x:int") + '<x:element name="b" form="unqualified" type="x:int"/>'
    assert told(both(inside), '<a xmlns="">1</a><b>2</b>') == {"a": 1, "b": 2}
    assert told(both(inside), '<u:a>1</u:a><b xmlns="">2</b>') == {"{urn:u}a": "1", "b": 2}
    assert told(both(inside, ANY), '<a>1</a><u:b>2</u:b><a xmlns="">3</a>') == {
        "a": 1,
        "$any": [{"{urn:u}b": "2"}, {"{}a": "3"}],
    }
    two = element("a", "x:int") + '<x:element name="a" form="unqualified" type="x:boolean"/>'
    assert told(both(two), '<a>1</a><a xmlns="">1</a><u:a>x</u:a>') == {"a": 1, "{}a": True, "{urn:u}a": "x"}


def test_elements_where_the_schema_has_text_alone_are_kept() -> None:
    """In one line or in many, in slices or at once."""
    for kind in ("x:string", "x:int"):
        for many in ("", MANY):
            for space in ("", "\n  "):
                speech = both(element("a", kind, many))
                value = {"b": "1"}
                assert told(speech, f"<a>{space}<b>1</b>{space}</a>") == {"a": [value] if many else value}
    assert told(both(element("a")), "<a>x<b>1</b></a>") == {"a": "x"}
    assert told(both(element("a")), "<a> </a>") == {"a": " "}
    assert told(both(element("a", "x:int")), "<a> </a>") == {"a": None}


def test_a_name_that_sets_a_prototype_in_a_browser_is_spelled_otherwise() -> None:
    """Whoever copies members with such a name changes what all objects have."""
    assert told(both(element("a", more=MAY)), "<__proto__><x/></__proto__>") == {"{urn:t}__proto__": {"x": ""}}
    assert told(both(ANY), '<__proto__/><a><__proto__ xmlns=""/></a>') == {
        "$any": [{"{urn:t}__proto__": ""}, {"a": {"{}__proto__": ""}}]
    }
    assert told(both(element("a", more=MAY)), '<__proto__ xmlns=""/>') == {"{}__proto__": ""}


def test_mixed_content_has_its_text_together() -> None:
    """Where there is any."""
    mixed = sequence(element("b", more=MANY), name="M").replace("name=", 'mixed="true" name=')
    speech = both(element("a", "t:M"), types=mixed)
    assert told(speech, "<a>1 <b>x</b> 2</a>") == {"a": {"$value": "1  2", "b": ["x"]}}
    assert told(speech, "<a>\n <b>x</b></a>") == {"a": {"b": ["x"]}}
    long = told(speech, f"<a>1 {'<b>x</b> ' * 1000}2</a>")["a"]
    assert long == {"$value": f"1 {' ' * 1000}2", "b": ["x"] * 1000}


def test_header_blocks_stand_under_headers() -> None:
    """Those that the contract declares, beside an object or a value of its own."""
    head = {
        "headers": '<soap:header message="t:Head" part="h" use="literal"/>',
        "messages": '<w:message name="Head"><w:part name="h" element="t:Token"/></w:message>',
    }
    token = wrapper("Token", element("key"), more="<x:anyAttribute/>")
    block = '<t:Token e:mustUnderstand="1" k="v"><t:key>x</t:key></t:Token>'
    headers = {"$headers": {"Token": {"@k": "v", "key": "x"}}}
    cases: list[tuple[str, str, Any]] = [
        (wrapper("OpResponse", element("a")), "<t:OpResponse><t:a>1</t:a></t:OpResponse>", {**headers, "a": "1"}),
        (element("OpResponse", "x:int"), "<t:OpResponse>5</t:OpResponse>", {**headers, "$value": 5}),
        (element("OpResponse", "x:anyType"), "<t:OpResponse>5</t:OpResponse>", {**headers, "$value": "5"}),
        (element("OpResponse", "x:anyType"), "<t:OpResponse><t:b/></t:OpResponse>", {**headers, "b": ""}),
        (wrapper("OpResponse", element("a", more=MANY)), '<t:OpResponse i:nil="true"/>', {**headers, "$value": None}),
        (
            wrapper("OpResponse", element("a", more=MANY)),
            f"<t:OpResponse>{'<t:a/>' * 999}</t:OpResponse>",
            {**headers, "a": [""] * 999},
        ),
    ]
    for declared, inside, expected in cases:
        speech = document(token, element("Op"), declared, **head)
        assert speech.decode("Op", reply(inside, header=f"{block}<u:other/>{block}")) == expected
        assert "$headers" not in str(speech.decode("Op", reply(inside, header="<u:other/>")))


def test_rpc_replies_are_known_by_their_place() -> None:
    """Their element may be called anything; parts have no namespace, or the wrong one."""
    speech = rpc(("a", "x:int"), ("b", "t:B"), inside=sequence(element("k"), name="B"))
    for inside in ("<a>1</a><b><k>v</k></b>", "<u:a>1</u:a><b><t:k>v</t:k></b>"):
        assert speech.decode("Op", reply(f"<u:Whatever>{inside}</u:Whatever>")) == {"a": 1, "b": {"k": "v"}}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (reply(""), "the Body is empty"),
        (reply("<t:Other/>"), "the Body holds {urn:t}Other, and a reply has {urn:t}OpResponse"),
        (b"<html/>", "the root is html, and holds no Body"),
    ],
)
def test_what_is_no_reply_of_the_operation_says_what_it_is(body: bytes, said: str) -> None:
    """For the operator's log."""
    with pytest.raises(NoReplyError, match=said.replace("{", r"\{")):
        both(element("a")).decode("Op", body)


def test_a_body_that_should_be_empty() -> None:
    """A one-way operation's, or one whose message has no parts."""
    for answered in ("", None):
        speech = document(element("Op"), answered=answered)
        assert speech.decode("Op", reply("")) == {}
        with pytest.raises(NoReplyError, match="x is not expected"):
            speech.decode("Op", reply("<x/>"))


# --- large


@pytest.mark.parametrize("count", [1, 63, 64, 65, 300, 3000])
def test_a_large_reply_is_read_as_a_small_one(count: int) -> None:
    """Whatever may be long is read in slices, and says the same."""
    row = sequence(
        element("n", "x:int"),
        element("t", more=MANY),
        element("a", "t:Animal", MAY),
        name="Row",
        more='<x:attribute name="k" type="x:int"/>',
    )
    kinds = ANIMALS + row + sequence(element("Row", "t:Row", MANY), name="Rows", more="")
    speech = both(element("rows", "t:Rows"), element("row", "t:Row", MANY), types=kinds)
    said = "".join(
        f'<row k="{each}"><n>{each}</n><t>a</t><t/><a i:type="t:Dog"><name>x</name><bark>{each}</bark></a></row>'
        for each in range(count)
    )
    rows = [
        {"@k": each, "n": each, "t": ["a", ""], "a": {"@type": "Dog", "name": "x", "bark": each}}
        for each in range(count)
    ]
    assert told(speech, f"<rows>{said.replace('row k', 'Row k').replace('/row>', '/Row>')}</rows>{said}") == {
        "rows": {"Row": rows},
        "row": rows,
    }
    other = "".join(f"<n{each}><k>v</k></n{each}>" for each in range(count))
    unknown = {f"n{each}": {"k": "v"} for each in range(count)}
    assert told(speech, f"<rows><Row><n>1</n>{other}</Row></rows>") == {"rows": {"Row": [{"n": 1, **unknown}]}}
    anything = both(element("v", "x:anyType"), types=ANIMALS)
    assert told(anything, f'<v k="1">{other}</v>') == {"v": {"@k": "1", **unknown}}
    assert told(anything, f"<v>t{'<q>1</q>' * count}u</v>") == {
        "v": {"$value": "tu", "q": "1" if count == 1 else ["1"] * count}
    }
    dog = f'<v i:type="t:Dog">{"<more>1</more>" * count}</v>'
    assert told(anything, dog) == {"v": {"@type": "Dog", "more": "1" if count == 1 else ["1"] * count}}
    items = '<q i:type="x:int">1</q>' * count
    array = f'<v i:type="c:Array">{items}</v>'
    assert told(anything, array) == {"v": [1] * count}
    wild = told(both(ANY), "<a>1</a>" * count)
    assert wild == {"$any": [{"a": "1"}] * count}
    data = told(both(DATASET), f"<ds>{ROWS.format('<T><n>1</n><I><j>2</j></I></T>' * count)}</ds>")
    assert data == {"ds": {"T": [{"n": "1", "I": [{"j": "2"}]}] * count}}


def test_wide_elements_inside_small_types_are_read_in_slices() -> None:
    """Types that hold nothing long by their schema do so in life."""
    small = sequence(element("x", more=MAY), name="S", more='<x:attribute name="k" type="x:int"/>')
    valued = PRICE
    speech = both(
        element("s", "t:S", MAY),
        element("a", "t:Animal", MAY),
        element("p", "t:Price", MAY),
        types=small + valued + ANIMALS,
    )
    many, found = "<z>1</z>" * 600, ["1"] * 600
    assert told(speech, f'<s k="1">{many}<x>2</x></s>') == {"s": {"@k": 1, "z": found, "x": "2"}}
    assert told(speech, f'<a i:type="t:Dog">{many}</a>') == {"a": {"@type": "Dog", "z": found}}
    assert told(speech, f'<p currency="EUR">{many}</p>') == {"p": {"@currency": "EUR", "$value": "", "z": found}}
    assert told(speech, f"<p>5{many}</p>") == {"p": {"$value": "5", "z": found}}
    assert told(speech, f'<s i:nil="true">{"<x/>" * 0}</s>') == {"s": None}


def test_types_that_hold_one_another_in_a_long_chain_are_read() -> None:
    """Longer than Python's stack, and of a type that holds itself."""
    chain = "".join(sequence(element("n", f"t:C{each + 1}", MAY), name=f"C{each}") for each in range(1500))
    speech = both(element("n", "t:C0", MAY), types=chain + sequence(element("v"), name="C1500"))
    assert told(speech, "<n>" * 40 + "</n>" * 40) == orjson.loads('{"n":' * 40 + "{}" + "}" * 40)
    tree = both(element("n", "t:N"), types=sequence(element("n", "t:N", MANY), element("v", more=MAY), name="N"))
    deep = told(tree, "<n>" * 60 + "<v>x</v>" + "</n>" * 60)
    assert b'{"v":"x"}' in orjson.dumps(deep)


# --- anything at all


NAMES = [
    "Op",
    "OpResponse",
    "a",
    "b",
    "c",
    "k",
    "p",
    "s",
    "v",
    "ds",
    "rows",
    "row",
    "x:schema",
    "u:a",
    "name",
    "bark",
    "e:Fault",
    "z:z",
    "__proto__",
    "i:x",
]
KINDS = ["t:Dog", "t:Animal", "x:int", "x:string", "x:anyType", "c:Array", "t:Price", "z:z", "u:a", "x:QName"]
ATTRIBUTES = st.dictionaries(
    st.sampled_from(
        ["k", "currency", "i:nil", "i:type", "href", "id", "c:arrayType", "xml:lang", "u:k", "e:mustUnderstand"]
    ),
    st.sampled_from(["true", "1", "", "#1", "x y", "x:int[2]", *KINDS]),
    max_size=3,
)


def _written(name: str, attributes: dict[str, str], inside: str) -> str:
    said = "".join(f' {key}="{value}"' for key, value in attributes.items())
    name = "q" if name == "z:z" else name
    return f"<{name}{said}>{inside}</{name}>"


TEXT = st.sampled_from(["", " ", "1", "true", "x", "\n", "u:a", "99999999999999999999", "&#13;", "<![CDATA[<]]>"])
TREES = st.recursive(
    TEXT | st.builds(_written, st.sampled_from(NAMES), ATTRIBUTES, TEXT),
    lambda inner: st.builds(
        lambda name, attributes, inside: _written(name, attributes, "".join(inside)),
        st.sampled_from(NAMES),
        ATTRIBUTES,
        st.lists(inner, max_size=5),
    ),
    max_leaves=25,
)
MIXED = sequence(element("b", more=MANY), name="M").replace("name=", 'mixed="true" name=')
WHOLE = (
    *(element("a", "t:Animal", MANY), element("p", "t:Price", MAY), element("v", "x:anyType", MAY)),
    *(element("s", "t:M", MAY), element("k", "x:QName", MAY), DATASET, element("row", "t:R", MANY)),
)


def _whole(*more: str) -> Speech:
    kinds = ANIMALS + PRICE + MIXED + sequence(element("row", "t:R", MANY), element("c", "x:int"), name="R")
    return both(*WHOLE, *more, types=kinds)


SPEECHES = (
    _whole(),
    _whole(ANY),
    rpc(
        ("a", "t:D"),
        ("b", "x:anyType"),
        ("c", "e:Array"),
        inside=sequence(element("k", "x:int", MANY), name="D"),
        encoded=True,
    ),
    document(element("Op"), element("OpResponse", "x:anyType")),
)


@pytest.mark.unmeasured
@examples(50_000)
@pytest.mark.timeout(1800)
@given(st.sampled_from(SPEECHES), st.lists(TREES, max_size=4), st.lists(TREES, max_size=3))
def test_any_reply_is_read_or_said_to_be_none(speech: Speech, inside: list[str], beside: list[str]) -> None:
    """Whatever stands where: what is read is JSON, and nothing is raised but what is declared."""
    body = reply(f'<OpResponse xmlns="urn:t">{"".join(inside)}</OpResponse>{"".join(beside)}')
    try:
        value = speech.decode("Op", body)
    except XmlRefused:  # a prefix that nobody declared
        return
    assert orjson.dumps(value)


GOOD = answer(
    '<a i:type="t:Dog"><name>R</name><bark>1</bark></a><p currency="EUR">1</p><v i:type="x:int">5</v><s>1<b>x</b></s>'
    "<k>u:n</k><row><c>1</c><row/></row>"
)


@examples(20_000)
@pytest.mark.timeout(1800)
@given(st.sampled_from(SPEECHES), EDITS)
def test_a_mutated_reply_is_read_or_refused(speech: Speech, edits: list[tuple[float, int, bytes]]) -> None:
    """Bytes of a good one are changed anywhere."""
    try:
        value = speech.decode("Op", mutated(GOOD, edits))
    except (XmlRefused, NoReplyError):
        return
    assert orjson.dumps(value)


def test_extensions_are_read_behind_what_they_extend() -> None:
    """A type of four steps, as PayPal has them, with attributes at each."""
    kinds = sequence(element("a"), name="T0", more='<x:attribute name="k0" type="x:int"/>')
    for each in range(1, 5):
        kinds += extension(f"T{each}", f"t:T{each - 1}", element(f"b{each}", "x:int"))
    assert told(both(element("v", "t:T4"), types=kinds), '<v k0="1"><a/><b1>1</b1><b4>4</b4></v>') == {
        "v": {"@k0": 1, "a": "", "b1": 1, "b4": 4}
    }


def test_a_faults_detail_is_read_by_what_is_declared() -> None:
    """Anything else by its looks, and nothing is lost."""
    speech = document(
        wrapper("Op"),
        wrapper("OpResponse"),
        wrapper("Sold", element("left", "x:int", MANY)),
        faults='<w:fault name="f" message="t:SoldOut"/>',
        messages='<w:message name="SoldOut"><w:part name="f" element="t:Sold"/></w:message>',
    )
    detail = etree.fromstring(
        '<d xmlns="urn:t" xmlns:u="urn:u"><Sold><left>1</left></Sold><u:more><code>2</code></u:more><u:more/>'
        f"{'<x/>' * 600}</d>"
    )
    steps = speech.detail(speech.signature("Op"), detail)
    found: Any = None
    while found is None:
        try:
            next(steps)
        except StopIteration as done:
            found = orjson.loads(orjson.dumps(done.value))
    assert found == {"Sold": {"left": [1]}, "more": [{"{urn:t}code": "2"}, ""], "x": [""] * 600}


INTS = (
    '<x:complexType name="Ints"><x:complexContent><x:restriction base="e:Array"><x:attribute ref="e:arrayType" '
    'w:arrayType="x:int[]" xmlns:w="http://schemas.xmlsoap.org/wsdl/"/></x:restriction></x:complexContent></x:complexType>'
    '<x:complexType name="Rows"><x:complexContent><x:restriction base="e:Array"><x:attribute ref="e:arrayType" '
    'w:arrayType="t:Row[]" xmlns:w="http://schemas.xmlsoap.org/wsdl/"/></x:restriction></x:complexContent></x:complexType>'
)


@pytest.mark.parametrize("count", [0, 1, 400, 1000])
def test_arrays_of_soaps_own_encoding(count: int) -> None:
    """Of numbers and of objects, whatever their items are called; null is null."""
    kinds = INTS + sequence(element("k", "x:int"), name="Row")
    speech = rpc(("a", "t:Ints"), ("r", "t:Rows"), ("n", "t:Ints"), inside=kinds, encoded=True)
    said = f'<a>{"<q>1</q>" * count}</a><r>{"<q><k>2</k></q>" * count}</r><n i:nil="true"/>'
    assert speech.decode("Op", reply(f'<m:OpResponse xmlns:m="urn:r">{said}</m:OpResponse>')) == {
        "a": [1] * count,
        "r": [{"k": 2}] * count,
        "n": None,
    }


@pytest.mark.parametrize("count", [0, 1, 400, 1000])
def test_wrappers_around_one_array_are_left_out_where_that_is_wanted(count: int) -> None:
    """Inside an operation's own element, which stays an object."""
    kinds = sequence(element("Seat", "x:int", MANY), name="ArrayOfSeat")
    speech = both(
        element("seats", "t:ArrayOfSeat", 'nillable="true" minOccurs="0"'), types=kinds, options=Options(flatten=True)
    )
    value = {"seats": [1] * count}
    assert told(speech, f"<seats>{'<Seat>1</Seat>' * count}</seats>") == value
    assert speech.decode("Op", speech.reply("Op", value)) == value
    assert told(speech, '<seats i:nil="true"/>') == {"seats": None}
    own = document(
        wrapper("Op", element("a", more=MANY)),
        wrapper("OpResponse", element("a", more=MANY)),
        options=Options(flatten=True),
    )
    assert told(own, "<a>x</a>") == {"a": ["x"]}
