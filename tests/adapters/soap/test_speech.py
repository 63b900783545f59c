"""What is known of one set of documents: which operations there are, in what order, and what each takes and gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from adapters import xml
from adapters.soap.bundled import NAMESPACES
from adapters.soap.definitions import Document
from adapters.soap.encoding import InvalidParams
from adapters.soap.fault import SOAP11_NS, SOAP12_NS
from adapters.soap.resolver import Options
from adapters.soap.speech import NoReplyError, Speech
from adapters.soap.unspeakable import Unspeakable
from adapters.xml import XmlRefused
from sidecar.demo.soap import NS
from sidecar.demo.wsdl import wsdl as demo
from sidecar.model import Dialect
from tests.adapters.soap.contracts import (
    QUALIFIED,
    answer,
    both,
    document,
    element,
    reply,
    rpc,
    sent,
    sequence,
    told,
    wrapper,
    wsdl,
)
from tests.adapters.soap.library import XSD_NS, operation, schema, types
from tests.adapters.soap.library import wsdl as library

if TYPE_CHECKING:
    from collections.abc import Generator

BOX = Speech.of({"http://box/?wsdl": demo("http://box.local/box.asmx", single=True)})
HTTP = "http://schemas.xmlsoap.org/wsdl/http/"


def several(*names: str, inside: str = "") -> bytes:
    """Return a contract with these operations, each of an element of its name."""
    made = types(schema(*(wrapper(name, element("a")) for name in sorted(names)), inside, more=QUALIFIED))
    return library(made, *(operation(name) for name in names))


def speech_of(*documents: bytes, options: Options | None = None) -> Speech:
    return Speech.of({f"http://box/{n}": body for n, body in enumerate(documents)}, options)


# --- which operations there are


def test_names_are_in_the_order_of_the_documents() -> None:
    """As whoever wrote the contract put them."""
    assert speech_of(several("B", "C", "A")).names == ("B", "C", "A")
    assert BOX.names[:3] == ("HelloWorld", "GetNewSessionKey", "GetPerformances")
    assert BOX.names[-1] == "Batch"


def test_overloads_are_named_by_their_elements() -> None:
    """As their callers are told apart; of two with one name the first is meant."""
    overloaded = (
        '<w:message name="AIn"><w:part name="p" element="t:A"/></w:message>'
        '<w:message name="A2In"><w:part name="p" element="t:A2"/></w:message>'
        '<w:portType name="T"><w:operation name="A"><w:input name="one" message="t:AIn"/></w:operation>'
        '<w:operation name="A"><w:input name="two" message="t:A2In"/></w:operation></w:portType>'
        '<w:binding name="B" type="t:T"><soap:binding transport="http://schemas.xmlsoap.org/soap/http"/>'
        '<w:operation name="A"><soap:operation soapAction=""/><w:input name="one"><soap:body use="literal"/></w:input></w:operation>'
        '<w:operation name="A"><soap:operation soapAction=""/><w:input name="two"><soap:body use="literal"/></w:input></w:operation>'
        "</w:binding>"
    )
    speech = speech_of(
        library(types(schema(wrapper("A", element("a")), wrapper("A2", element("b", "x:int")))), overloaded)
    )
    assert speech.names == ("A", "A2")
    assert [speech.signature(name).input.element.clark for name in speech.names] == ["{urn:t}A", "{urn:t}A2"]  # type: ignore[union-attr]  # each has an element


def test_of_two_operations_with_one_name_the_first_is_meant() -> None:
    """As with native calls: rpc operations of two bindings, each in a namespace of its own."""
    listed = "".join(
        f'<w:message name="M{n}"><w:part name="{part}" type="x:string"/></w:message>'
        f'<w:portType name="T{n}"><w:operation name="A"><w:input message="t:M{n}"/></w:operation></w:portType>'
        f'<w:binding name="B{n}" type="t:T{n}"><soap:binding transport="http://schemas.xmlsoap.org/soap/http" style="rpc"/>'
        f'<w:operation name="A"><soap:operation soapAction=""/><w:input><soap:body use="literal" namespace="urn:{n}"/></w:input>'
        "</w:operation></w:binding>"
        for n, part in enumerate(("first", "second"))
    )
    speech = speech_of(library(listed))
    assert speech.names == ("A",)
    asked = speech.signature("A").input.element
    assert asked is not None
    assert asked.clark == "{urn:0}A"


ABSTRACT = (
    '<w:message name="LoneIn"><w:part name="p" element="t:Lone"/></w:message>'
    '<w:portType name="TLone"><w:operation name="Lone"><w:input message="t:LoneIn"/></w:operation></w:portType>'
)


def http_only(name: str) -> str:
    """Return all that a WSDL says of an operation that only HTTP GET carries."""
    return (
        f'<w:message name="{name}Get"><w:part name="a" type="x:string"/></w:message>'
        f'<w:portType name="G{name}"><w:operation name="{name}"><w:input message="t:{name}Get"/></w:operation></w:portType>'
        f'<w:binding name="BG{name}" type="t:G{name}"><h:binding xmlns:h="{HTTP}" verb="GET"/><w:operation name="{name}">'
        f'<h:operation xmlns:h="{HTTP}" location="/{name}"/><w:input><h:urlEncoded xmlns:h="{HTTP}"/></w:input>'
        "</w:operation></w:binding>"
    )


def test_what_no_soap_binding_carries_is_named_last_and_not_spoken() -> None:
    """Abstract operations, and those of HTTP GET alone; one that SOAP carries as well is spoken."""
    made = types(schema(wrapper("A", element("a")), wrapper("Lone", element("a"))))
    speech = speech_of(library(made, ABSTRACT, http_only("Get"), http_only("A"), operation("A")))
    assert speech.names[0] == "A"
    assert set(speech.names) == {"A", "Lone", "Get"}
    for name in speech.names[1:]:
        with pytest.raises(Unspeakable, match=r"^no SOAP binding carries it$"):
            speech.signature(name)
    assert speech.signature("A").input.element is not None


@pytest.mark.parametrize("first", ["abstract", "bound"])
def test_an_abstract_twin_takes_nothing_from_an_operation_that_is_carried(first: str) -> None:
    """In whichever order they stand."""
    twin = (
        '<w:message name="AOtherIn"><w:part name="p" element="u:A"/></w:message><w:portType name="TOther">'
        '<w:operation name="A"><w:input message="t:AOtherIn"/></w:operation></w:portType>'
    )
    parts = (twin, operation("A")) if first == "abstract" else (operation("A"), twin)
    made = types(schema(wrapper("A", element("a"))), schema(wrapper("A", element("b")), target="urn:u"))
    speech = speech_of(library(made, *parts, more='xmlns:u="urn:u"'))
    assert speech.names == ("A",)
    asked = speech.signature("A").input.element
    assert asked is not None
    assert asked.clark == "{urn:t}A"


def test_a_name_that_nobody_has_is_a_key_error() -> None:
    """Whoever asks has looked into the index before."""
    with pytest.raises(KeyError):
        BOX.signature("Nothing")


# --- documents


@pytest.mark.parametrize("space", NAMESPACES)
def test_a_schema_that_everybody_knows_is_there_without_being_fetched(space: str) -> None:
    """Where no document has one of that namespace."""
    documents = {"http://box/?wsdl": Document(xml.parse(several("A"), charset=None), several("A"))}
    run(Speech.pieces(documents, Options()))
    assert f"bundled:{space}" in documents


@pytest.mark.parametrize("place", ["in the WSDL", "alone"])
@pytest.mark.parametrize("space", NAMESPACES)
def test_a_schema_that_the_contract_brings_is_not_added(space: str, place: str) -> None:
    """Its own word counts."""
    own = f'<x:schema xmlns:x="{XSD_NS}" targetNamespace="{space}"/>'
    bodies = [library(types(own))] if place == "in the WSDL" else [several("A"), own.encode()]
    documents = {f"http://box/{n}": Document(xml.parse(body, charset=None), body) for n, body in enumerate(bodies)}
    run(Speech.pieces(documents, Options()))
    assert {at for at in documents if at.startswith("bundled:")} == {
        f"bundled:{each}" for each in {*NAMESPACES} - {space}
    }


def test_types_of_soaps_own_encoding_are_found() -> None:
    """Vendors use them without importing anything."""
    speech = rpc(("a", "e:string"), ("b", "e:int"), encoded=True)
    assert speech.decode("Op", reply("<OpResponse><a>x</a><b>1</b></OpResponse>")) == {"a": "x", "b": 1}


def test_a_document_that_is_no_xml_is_left_out() -> None:
    """Unless it is the first: then nothing is known at all."""
    imports = '<x:import namespace="urn:u" schemaLocation="http://box/1"/>'
    whole = library(types(schema(imports, wrapper("A", element("a")))), operation("A"))
    assert speech_of(whole, b"<html").names == ("A",)
    for body in (b"<html", b"", b'<!DOCTYPE x [<!ENTITY a "b">]><x/>'):
        with pytest.raises(XmlRefused):
            speech_of(body, whole)


def test_what_a_missing_document_would_have_said_keeps_an_operation_unspoken() -> None:
    """With the reason, and the others as they are."""
    broken = wrapper("A", element("a", "u:Far"))
    made = library(
        types(schema(broken, wrapper("B", element("a")))), operation("A"), operation("B"), more='xmlns:u="urn:u"'
    )
    speech = speech_of(made, b"<html")
    assert speech.names == ("A", "B")
    with pytest.raises(Unspeakable, match="urn:u"):
        speech.signature("A")
    assert speech.encode("B", {"a": "x"})


def test_making_it_yields() -> None:
    """A hundred documents are a hundred steps and more."""
    documents = {f"http://box/{n}": Document(xml.parse(several("A"), charset=None), several("A")) for n in range(100)}
    assert sum(1 for _ in Speech.pieces(documents, Options())) >= 100


def run(pieces: Generator[None, None, Any]) -> Any:
    while True:
        try:
            next(pieces)
        except StopIteration as done:
            return done.value


# --- signatures


def test_a_signature_is_made_once() -> None:
    """And nothing is resolved before somebody asks."""
    speech = speech_of(several("A", "B"))
    assert "{urn:t}A" not in {name.partition("/")[0] for name in speech.types}
    first = speech.signature("A")
    known = dict(speech.types)
    assert speech.signature("A") is first
    assert speech.types == known
    assert [*speech.signature_pieces("A")] == []


def test_what_cannot_be_spoken_is_found_out_once() -> None:
    """The same reason whenever somebody asks, in the same place of the list."""
    broken = wrapper("A", element("a", "t:Gone"))
    speech = speech_of(library(types(schema(broken, wrapper("B"))), operation("A"), operation("B")))
    reasons = []
    for _ in range(2):
        with pytest.raises(Unspeakable) as said:
            speech.signature("A")
        reasons.append(str(said.value))
    assert reasons[0] == reasons[1]
    assert "Gone" in reasons[0]
    with pytest.raises(Unspeakable):
        speech.encode("A", {})
    with pytest.raises(Unspeakable):
        speech.decode("A", answer(""))


def test_an_operation_that_cannot_be_spoken_is_named_once() -> None:
    """Also after somebody has asked for it."""
    broken = wrapper("A", element("a", "t:Gone"))
    speech = speech_of(library(types(schema(broken, wrapper("B"))), operation("A"), operation("B")))
    with pytest.raises(Unspeakable):
        speech.signature("A")
    assert speech.names == ("A", "B")


# --- replies


HEADERS = (
    '<soap:header message="t:H" part="h" use="literal"/>',
    '<w:message name="H"><w:part name="h" element="t:Session"/></w:message>',
)


def with_header() -> Speech:
    return document(
        wrapper("Session", element("key", "x:int")),
        wrapper("Op", element("a")),
        wrapper("OpResponse", element("a")),
        headers=HEADERS[0],
        messages=HEADERS[1],
    )


INSIDE = '<OpResponse xmlns="urn:t"><a>x</a></OpResponse>'


@pytest.mark.parametrize(
    ("header", "found"),
    [
        pytest.param("", None, id="no header"),
        pytest.param("<u:Other/>", None, id="another's"),
        pytest.param("<t:Session><t:key>1</t:key></t:Session>", {"Session": {"key": 1}}, id="declared"),
        pytest.param(
            "<u:Other/><t:Session><t:key>1</t:key></t:Session><t:Session><t:key>2</t:key></t:Session>",
            {"Session": {"key": 1}},
            id="the first of two",
        ),
        pytest.param(
            "<u:Other/>" * 600 + "<t:Session><t:key>1</t:key></t:Session>", {"Session": {"key": 1}}, id="after many"
        ),
    ],
)
def test_header_blocks_are_there_where_they_are_declared_and_have_come(header: str, found: Any) -> None:
    """Under $headers, beside the members of the reply."""
    value = with_header().decode("Op", reply(INSIDE, header=header))
    assert value == ({"a": "x"} if found is None else {"a": "x", "$headers": found})


def test_a_header_block_that_nobody_declared_is_left_out() -> None:
    """It is between the servers."""
    session = "<t:Session><t:key>1</t:key></t:Session>"
    assert both(element("a")).decode("Op", reply(INSIDE, header=session)) == {"a": "x"}


def test_headers_of_a_reply_whose_body_is_empty() -> None:
    """They are all that it says."""
    speech = document(
        wrapper("Session", element("key", "x:int")), wrapper("Op"), answered="", headers=HEADERS[0], messages=HEADERS[1]
    )
    assert speech.decode("Op", reply("", header="<t:Session><t:key>1</t:key></t:Session>")) == {
        "$headers": {"Session": {"key": 1}}
    }
    assert speech.decode("Op", reply("")) == {}


def test_the_demos_headers() -> None:
    """What its WSDL declares with a reply is read by its type."""
    inside = f'<ReserveTicketsResponse xmlns="{NS}"/>'
    header = f'<LineItemHeader xmlns="{NS}"/>'
    assert "$headers" in BOX.decode("ReserveTickets", reply(inside, header=header))
    assert "$headers" not in BOX.decode("ReserveTickets", reply(inside))


@pytest.mark.parametrize("name", ["OpResponse", "r:OpResponse", "r:Whatever", "return"])
def test_an_rpc_reply_may_be_called_anything(name: str) -> None:
    """WSDL 1.1 section 3.5 has a habit and no rule."""
    speech = rpc(("a", "x:int"))
    assert speech.decode("Op", reply(f'<{name} xmlns:r="urn:r"><a>1</a></{name}>')) == {"a": 1}


@pytest.mark.parametrize(
    ("body", "why"),
    [
        pytest.param(b"<html><body/></html>", "^the root is html, and holds no Body$", id="html"),
        pytest.param(b"<Body/>", "^the root is Body, and holds no Body$", id="a body of its own"),
        pytest.param(
            f'<a:Envelope xmlns:a="{SOAP11_NS}"/>'.encode(), "^the root is Envelope, and holds no Body$", id="no Body"
        ),
        pytest.param(
            f'<a:Envelope xmlns:a="{SOAP11_NS}">{"<b/>" * 8}<a:Body/></a:Envelope>'.encode(),
            "no Body",
            id="hidden Body",
        ),
        pytest.param(reply(""), "^the Body is empty$", id="an empty Body"),
        pytest.param(
            reply("<t:Other/>"),
            r"^the Body holds \{urn:t\}Other, and a reply has \{urn:t\}OpResponse$",
            id="another element",
        ),
        pytest.param(reply('<OpResponse xmlns="urn:u"/>'), r"holds \{urn:u\}OpResponse", id="another namespace"),
        pytest.param(reply("<OpResponse/>"), "^the Body holds OpResponse, and", id="no namespace"),
        pytest.param(f"<{'x' * 500}/>".encode(), f"^the root is {'x' * 60}, and holds no Body$", id="a long name, cut"),
    ],
)
def test_what_is_no_reply_is_told_with_what_it_is(body: bytes, why: str) -> None:
    """The names are what somebody will look for."""
    with pytest.raises(NoReplyError, match=why):
        both(element("a")).decode("Op", body)


def test_bytes_that_are_no_xml_are_refused_as_everywhere() -> None:
    """By the parser."""
    with pytest.raises(XmlRefused):
        both(element("a")).decode("Op", b"<a")


def test_a_one_way_operation_has_nothing_to_read() -> None:
    """An empty Body is right, anything else is told, and no reply can be written."""
    speech = document(wrapper("Op", element("a")), answered=None)
    assert speech.signature("Op").output is None
    assert speech.decode("Op", reply("")) == {}
    with pytest.raises(NoReplyError, match=r"^Other is not expected$"):
        speech.decode("Op", reply("<t:Other/>"))
    with pytest.raises(Unspeakable, match=r"^it has no reply$"):
        speech.reply("Op", {})
    assert speech.encode("Op", {"a": "x"})


def test_a_reply_that_is_declared_empty() -> None:
    """It has no element, and is written as an empty Body."""
    speech = document(wrapper("Op"), answered="")
    assert speech.decode("Op", speech.reply("Op", {})) == {}
    with pytest.raises(NoReplyError, match="not expected"):
        speech.decode("Op", answer(""))


def test_values_behind_references_are_put_in_their_place() -> None:
    """Also where a literal reply is followed by others, which some toolkits write against the rules."""
    speech = both(element("a"))
    assert speech.decode("Op", reply('<t:OpResponse><t:a href="#1"/></t:OpResponse><m id="1">x</m>')) == {"a": "x"}
    encoded = rpc(("a", "x:string"), ("b", "x:string"), encoded=True)
    assert encoded.decode("Op", reply('<OpResponse><a id="1">x</a><b href="#1"/></OpResponse>')) == {"a": "x", "b": "x"}


# --- there and back


SEATS = sequence(element("row", "x:int"), element("note", more='minOccurs="0" nillable="true"'), name="Seat")
VALUE = {"seat": [{"row": 1}, {"row": 2, "note": None}], "total": "12.50", "sold": True}


@pytest.mark.parametrize(("dialect", "space"), [(Dialect.SOAP11, SOAP11_NS), (Dialect.SOAP12, SOAP12_NS)])
def test_what_is_written_is_read_again(dialect: Dialect, space: str) -> None:
    """In the envelope of either version."""
    members = (
        element("seat", "t:Seat", 'maxOccurs="unbounded"'),
        element("total", "x:decimal"),
        element("sold", "x:boolean"),
    )
    speech = both(*members, types=SEATS)
    written = speech.reply("Op", VALUE, dialect)
    assert xml.parse(written, charset=None).tag == f"{{{space}}}Envelope"
    assert speech.decode("Op", written) == VALUE
    called = speech.encode("Op", VALUE, dialect)
    assert xml.parse(called, charset=None).tag == f"{{{space}}}Envelope"
    assert speech.decode("Op", called.replace(b"Op>", b"OpResponse>").replace(b":Op ", b":OpResponse ")) == VALUE


def test_what_is_written_for_another_message_is_the_same_envelope() -> None:
    """Stand-ins and replies are made by the same writer."""
    speech = both(element("a"))
    output = speech.signature("Op").output
    assert output is not None
    assert run(speech.envelope(output, {"a": "x"}, Dialect.SOAP11)) == speech.reply("Op", {"a": "x"})
    assert run(speech.request(speech.signature("Op"), {"a": "x"}, Dialect.SOAP11)) == speech.encode("Op", {"a": "x"})


def test_a_wrong_value_is_told_both_ways() -> None:
    """A reply of an operator's own is checked like a call."""
    speech = both(element("a", "x:int"))
    for write in (speech.encode, speech.reply):
        with pytest.raises(InvalidParams) as said:
            write("Op", {"a": "x", "b": 1})
        assert {at for at, _, _ in said.value.errors} == {"/a", "/b"}


def test_options_are_of_the_names_in_json() -> None:
    """Not of those in messages."""
    made = wsdl(
        schema(
            wrapper("Op", element("SeatRow", "x:int")),
            wrapper("OpResponse", element("SeatRow", "x:int")),
            more=QUALIFIED,
        )
    )
    speech = speech_of(made, options=Options(camel=True))
    assert sent(speech, {"seatRow": 1}) == "<t:Op><t:SeatRow>1</></>"
    assert told(speech, "<SeatRow>1</SeatRow>") == {"seatRow": 1}


# --- faults


def test_a_faults_detail_is_read_by_the_type_that_is_declared() -> None:
    """And by its looks where none is."""
    speech = document(
        wrapper("Op"),
        wrapper("OpResponse"),
        wrapper("Full", element("left", "x:int")),
        faults='<w:fault name="Full" message="t:FullFault"/>',
        messages='<w:message name="FullFault"><w:part name="f" element="t:Full"/></w:message>',
    )
    detail = xml.parse(b'<detail><Full xmlns="urn:t"><left>3</left></Full><Other>3</Other></detail>', charset=None)
    found = run(speech.detail(speech.signature("Op"), detail))
    assert found["Full"] == {"left": 3}
    assert [value for name, value in found.items() if "Other" in name] == ["3"]
