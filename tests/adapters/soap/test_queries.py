"""A query says what JSON would: by the names of members, simple values and arrays of them, and nothing else."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.soap.encoding import InvalidParams
from adapters.soap.queries import Queries
from adapters.soap.resolver import Options
from adapters.soap.speech import Speech
from tests.adapters.soap.contracts import both, document, element, examples, rpc, sequence, wrapper, wsdl
from tests.adapters.soap.library import schema
from tests.adapters.soap.test_encoding import ANY, ATTRIBUTES, MANY, MAY

ARRAY = sequence(element("int", "x:int", MANY), name="ArrayOfInt")
SEAT = sequence(element("row", "x:int"), name="Seat")
HEADER = wrapper("Session", element("key"))


def queries(speech: Speech) -> Queries:
    signature = speech.signature("Op")
    return Queries(speech.types, signature)


def flat(*inside: str) -> Queries:
    """Return the queries of an operation whose arrays have no wrapper in JSON."""
    return queries(both(*inside, types=ARRAY + SEAT, options=Options(flatten=True)))


def wrong(made: Queries, query: str) -> list[tuple[str, str, str]]:
    with pytest.raises(InvalidParams) as said:
        made.value(query)
    return list(said.value.errors)


@pytest.mark.parametrize(
    ("type_", "more", "query", "value"),
    [
        pytest.param("x:string", "", "a=x", {"a": "x"}, id="text"),
        pytest.param("x:string", "", "", {}, id="nothing"),
        pytest.param("x:string", "", "&&a=x&", {"a": "x"}, id="empty pairs"),
        pytest.param("x:string", "", "a", {"a": ""}, id="a name alone"),
        pytest.param("x:string", "", "a=", {"a": ""}, id="an empty value"),
        pytest.param("x:string", "", "a=x=y", {"a": "x=y"}, id="another equals sign"),
        pytest.param("x:string", "", "a=x+y%20z%2B", {"a": "x y z+"}, id="plus signs are spaces"),
        pytest.param("x:string", "", "%61=%C3%A9", {"a": "é"}, id="escapes in names and values"),
        pytest.param("x:string", "", "a=%", {"a": "%"}, id="a lonely percent sign"),
        pytest.param("x:string", "", "a=\u00e9", {"a": "é"}, id="characters as they are"),
        pytest.param("x:string", "", "a=5", {"a": "5"}, id="digits are text where the schema has text"),
        pytest.param("x:int", "", "a=5", {"a": 5}, id="int"),
        pytest.param("x:int", "", "a=-5", {"a": -5}, id="below zero"),
        pytest.param("x:int", "", "a=five", {"a": "five"}, id="no int, which the writer says"),
        pytest.param("x:int", "", "a=", {"a": ""}, id="an empty int, too"),
        pytest.param("x:double", "", "a=1.5e3", {"a": 1500.0}, id="double"),
        pytest.param("x:double", "", "a=INF", {"a": "INF"}, id="infinity"),
        pytest.param("x:boolean", "", "a=true", {"a": True}, id="true"),
        pytest.param("x:boolean", "", "a=0", {"a": False}, id="a boolean as a digit"),
        pytest.param("x:boolean", "", "a=yes", {"a": "yes"}, id="no boolean"),
        pytest.param("x:decimal", "", "a=1.50", {"a": "1.50"}, id="decimal"),
        pytest.param("x:long", "", f"a={2**60}", {"a": str(2**60)}, id="long"),
        pytest.param("x:int", MANY, "a=1&a=2&a=3", {"a": [1, 2, 3]}, id="an array by repetition"),
        pytest.param("x:int", MANY, "a=1", {"a": [1]}, id="an array of one"),
        pytest.param("x:int", MANY, "", {}, id="an array that is left out"),
    ],
)
def test_a_query_is_read_by_its_types(type_: str, more: str, query: str, value: dict[str, Any]) -> None:
    """One pair each."""
    made = queries(both(element("a", type_, more)))
    assert made.possible
    found = made.value(query)
    assert found == value
    assert repr(found) == repr(value)


def test_an_array_with_a_wrapper_is_read_by_repetition_where_json_leaves_the_wrapper_out() -> None:
    """ArrayOfInt is a list of numbers then; where it is an object, no query says it."""
    assert flat(element("a", "t:ArrayOfInt")).value("a=1&a=2") == {"a": [1, 2]}
    assert not queries(both(element("a", "t:ArrayOfInt"), types=ARRAY)).possible


def test_parts_of_an_rpc_call_are_names_like_any_other() -> None:
    """Each is a parameter."""
    assert queries(rpc(("a", "x:int"), ("b", "x:string"))).value("b=x&a=1") == {"a": 1, "b": "x"}


def test_an_operation_that_takes_nothing_takes_no_names() -> None:
    """An element without content, and a Body without an element."""
    empty = queries(document('<x:element name="Op"><x:complexType/></x:element>', wrapper("OpResponse")))
    none = queries(Speech.of({"http://box/?wsdl": wsdl(schema(wrapper("OpResponse")), asked="")}))
    for made in (empty, none):
        assert made.possible
        assert made.value("") == {}
        assert [code for _, code, _ in wrong(made, "a=1")] == ["unknown"]


OBJECT = element("a", "t:Seat")
LIST = '<x:element name="a"><x:simpleType><x:list itemType="x:int"/></x:simpleType></x:element>'
NESTED = element("a", "t:ArrayOfInt", MANY)
SEATS = element("a", "t:ArrayOfSeat")
ARRAYS = sequence(element("Seat", "t:Seat", MANY), name="ArrayOfSeat")
VALUE = (
    '<x:element name="Op"><x:complexType><x:simpleContent><x:extension base="x:int">'
    '<x:attribute name="k"/></x:extension></x:simpleContent></x:complexType></x:element>'
)


@pytest.mark.parametrize(
    "made",
    [
        pytest.param(lambda: flat(OBJECT), id="an object"),
        pytest.param(lambda: flat(LIST), id="a list in one value"),
        pytest.param(lambda: flat(NESTED), id="an array of arrays"),
        pytest.param(lambda: queries(both(SEATS, types=SEAT + ARRAYS)), id="an array of objects"),
        pytest.param(lambda: flat(element("b"), ANY), id="anything beside what is known"),
        pytest.param(lambda: flat(element("a", "x:anyType")), id="any value"),
        pytest.param(lambda: queries(both(element("a"), attributes=ATTRIBUTES)), id="an attribute that must be there"),
        pytest.param(lambda: queries(document(VALUE, wrapper("OpResponse"))), id="a text beside attributes"),
        pytest.param(lambda: queries(document(element("Op", "x:int"), wrapper("OpResponse"))), id="no object at all"),
        pytest.param(
            lambda: queries(document(element("Op", "x:anyType"), wrapper("OpResponse"))), id="anything at all"
        ),
        pytest.param(lambda: queries(with_header()), id="a header block"),
    ],
)
def test_what_has_no_place_in_a_query_is_said_to_have_none(made: Any) -> None:
    """Whatever the query, with the remedy."""
    found = made()
    assert not found.possible
    sentence = "what this operation takes cannot be said in a query: POST it as JSON"
    assert wrong(found, "") == wrong(found, "a=1") == [("", "query", sentence)]


def with_header() -> Speech:
    """Return a contract whose call has a header block."""
    header = '<soap:header message="t:H" part="h" use="literal"/>'
    message = '<w:message name="H"><w:part name="h" element="t:Session"/></w:message>'
    return document(HEADER, wrapper("Op", element("a")), wrapper("OpResponse"), headers=header, messages=message)


def test_attributes_that_may_be_left_out_are() -> None:
    """They are no names of a query."""
    made = queries(both(element("a"), attributes='<x:attribute name="k"/>'))
    assert made.possible
    assert wrong(made, "@k=1&k=1") == [("/@k", "unknown", "is not known here"), ("/k", "unknown", "is not known here")]


def test_all_that_is_wrong_is_told_at_once() -> None:
    """Each with its place; names that were misspelt with the right one, as far as anybody looks for it."""
    made = queries(both(element("zone", "x:int"), element("seat", more=MANY)))
    assert wrong(made, "zoen=1&zone=1&zone=2&seat=x&seat=y&seet=z&a~/b=1&zona=1&%ff=1") == [
        ("/zoen", "unknown", "is not known here, did you mean 'zone'?"),
        ("/zone", "duplicate", "is there twice: send it once"),
        ("/seet", "unknown", "is not known here"),
        ("/a~0~1b", "unknown", "is not known here"),
        ("/zona", "unknown", "is not known here"),
        ("/%ff", "characters", "is not UTF-8"),
    ]


@pytest.mark.parametrize("query", ["a=%ff", "a=%ED%A0%80", "a=\udcff", "a=%C3", "\udcff=1"])
def test_what_is_not_utf_8_is_told(query: str) -> None:
    """Also half a pair, by its bytes or as a server reads a byte that is no character."""
    made = queries(both(element("a")))
    ((_, code, text),) = wrong(made, query)
    assert (code, text) == ("characters", "is not UTF-8")


def test_an_error_can_be_written_whatever_the_query_holds() -> None:
    """A place of half a pair would break the answer that names it."""
    made = queries(both(element("a")))
    for at, _, text in wrong(made, "\udcff=1&a\udc80=%ff"):
        (at + text).encode()


def test_a_long_query_is_refused_before_it_is_read() -> None:
    """By its bytes, or by its pairs."""
    made = queries(both(element("a"), element("n", "x:int", MANY)))
    assert made.value("a=" + "x" * 16_000)["a"] == "x" * 16_000
    assert len(made.value("&".join(["n=1"] * 1_000))["n"]) == 1_000
    said = [("", "length", "the query is too long: POST it as JSON")]
    assert wrong(made, "a=" + "x" * 16_384) == said
    assert wrong(made, "&".join(["n=1"] * 1_002)) == said


def test_errors_are_told_up_to_a_hundred() -> None:
    """Whoever made a thousand has one mistake."""
    made = queries(both(element("a")))
    assert len(wrong(made, "&".join(f"b{n}=1" for n in range(900)))) == 100
    assert len(wrong(made, "&".join(["%ff=1"] * 900))) == 100


def test_what_must_be_there_and_is_not_is_for_the_writer_to_say() -> None:
    """With all else that is wrong with values."""
    speech = both(element("a", "x:int"), element("b", more=MAY))
    value = queries(speech).value("b=x")
    assert value == {"b": "x"}
    with pytest.raises(InvalidParams) as said:
        speech.encode("Op", value)
    assert [(at, code) for at, code, _ in said.value.errors] == [("/a", "missing")]


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
WIDE = queries(both(element("s"), element("i", "x:int"), element("b", "x:boolean"), element("m", more=MANY)))


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "s": TEXTS,
            "i": st.integers(-(2**31), 2**31 - 1),
            "b": st.booleans(),
            "m": st.lists(TEXTS, min_size=1),
        },
    )
)
@examples(2_000)
def test_what_a_form_writes_is_read_again(value: dict[str, Any]) -> None:
    """As every browser and library writes it."""
    said = {name: str(each).lower() if isinstance(each, bool) else each for name, each in value.items()}
    assert WIDE.value(urlencode(said, doseq=True)) == value


@given(
    st.text(max_size=60) | st.lists(st.sampled_from(["s", "=", "&", "%", "+", "ff", "i", "\udc80", "é"])).map("".join)
)
@examples(2_000)
def test_any_query_is_read_or_refused(query: str) -> None:
    """Nothing else is raised, and what is refused says where."""
    errors = wrong_or_none(query)
    assert all(at == "" or at.startswith("/") for at, _, _ in errors)


def wrong_or_none(query: str) -> tuple[tuple[str, str, str], ...]:
    try:
        WIDE.value(query)
    except InvalidParams as said:
        return said.errors
    return ()
