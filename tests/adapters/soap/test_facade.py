"""A SOAP endpoint in JSON: calls, replies and faults as the contract has them, refusals that say what to do, and no long turn anywhere."""

from __future__ import annotations

import asyncio
import gc
import time
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from adapters import xml
from adapters.soap.facade import SoapFacade
from adapters.soap.fault import SOAP11_NS, SOAP12_NS
from adapters.soap.resolver import Options
from adapters.soap.speech import ELEMENTS_MAX
from adapters.soap.wsdl import index
from sidecar import heap
from sidecar.demo.soap import NS
from sidecar.demo.wsdl import wsdl as demo
from sidecar.described import Described
from sidecar.model import Dialect, Refusal
from sidecar.ports import Asked, Offered
from sidecar.tasks import spawn
from tests.adapters.soap.contracts import (
    ENCODING,
    QUALIFIED,
    XSI,
    answer,
    element,
    examples,
    reply,
    sequence,
    simple,
    wrapper,
    wsdl,
)
from tests.adapters.soap.contracts import (
    SOAP12_NS as BINDING12,
)
from tests.adapters.soap.library import operation, schema, types
from tests.adapters.soap.library import wsdl as library
from tests.adapters.soap.test_decoding import DATASET, ROWS
from tests.adapters.soap.test_encoding import ANY, MANY, MAY
from tests.adapters.test_fuzz import EDITS, mutated, states_reason
from tests.adapters.yardstick import LIMIT, longest

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from _pytest.mark.structures import ParameterSet

    from adapters.soap.contract import Index

XML: tuple[tuple[bytes, bytes], ...] = ((b"Content-Type", b"text/xml; charset=utf-8"),)
S12 = "application/soap+xml; charset=utf-8"


def made(documents: bytes | Mapping[str, bytes], path: str = "/", **others: Any) -> SoapFacade:
    """Return the facade of a contract that stays as it is."""
    held = {"http://box/?wsdl": documents} if isinstance(documents, bytes) else documents
    found = index(held)
    options = others.pop("options", Options())
    return SoapFacade(lambda: found, lambda: held, path=path, options=options, **others)


def of(*inside: str, options: Options | None = None, **others: Any) -> SoapFacade:
    """Return the facade of a contract in the document style, with one schema."""
    return made(wsdl(schema(*inside, more=QUALIFIED), **others), options=options or Options())


def both(*inside: str, more: str = "", **others: Any) -> SoapFacade:
    """Return the facade of a contract whose Op takes and gives the same."""
    return of(more, wrapper("Op", *inside), wrapper("OpResponse", *inside), **others)


SMALL = both(element("a", "x:int"), element("note", more=MAY), element("many", "x:int", MANY))


def refused(found: object, state: str, reason: str | None = None) -> Refusal:
    """Return a refusal that is what it should be, and that the table of states knows."""
    assert isinstance(found, Refusal)
    assert (found.state, found.reason) == (state, reason)
    assert states_reason(found.state, found.reason)
    assert found.detail
    return found


def asked(found: object) -> Asked:
    assert isinstance(found, Asked)
    return found


async def told(facade: SoapFacade, body: bytes, name: str = "Op") -> Any:
    found = await facade.tell(name, XML, body)
    assert isinstance(found, bytes), found
    return orjson.loads(found)


# --- ask


async def test_a_call_is_written_of_json() -> None:
    """As a client of the contract would have sent it."""
    found = asked(await SMALL.ask("Op", b'{"many": [1, 2], "a": 5}', ""))
    assert found.headers == (*XML, (b"SOAPAction", b'"urn:t#Op"'))
    root = xml.parse(found.body, charset=None)
    assert root.tag == f"{{{SOAP11_NS}}}Envelope"
    assert [(each.tag, each.text) for each in root[0][0]] == [
        ("{urn:t}a", "5"),
        ("{urn:t}many", "1"),
        ("{urn:t}many", "2"),
    ]


async def test_a_query_is_the_same_call() -> None:
    """Byte for byte."""
    by_json = await SMALL.ask("Op", b'{"a": 5, "note": "x y", "many": [1, 2]}', "ignored=1")
    assert await SMALL.ask("Op", None, "many=1&many=2&note=x+y&a=5") == by_json


async def test_a_large_call_is_written_and_let_go_of() -> None:
    """Its values are freed piece by piece, and the call is the same."""
    rows = list(range(9_000))
    found = asked(await SMALL.ask("Op", orjson.dumps({"a": 1, "many": rows}), ""))
    assert [each.text for each in xml.parse(found.body, charset=None)[0][0]][1:] == [str(each) for each in rows]
    text = orjson.dumps("x" * 20_000)
    assert refused(await SMALL.ask("Op", text, ""), "invalid_params").errors[0][:2] == ("", "type")
    wide = orjson.dumps({f"z{n}": [n] for n in range(5_000)})
    assert len(refused(await SMALL.ask("Op", wide, ""), "invalid_params").errors) > 50
    deep = orjson.dumps({"a": {"b": [{"c": n, "d": [n]} for n in range(3_000)]}})
    assert refused(await SMALL.ask("Op", deep, ""), "invalid_params").errors


def box(path: str = "/box.asmx") -> SoapFacade:
    """Return the facade of the demo, which has every binding."""
    return made(demo("http://h/box.asmx", single=True), path)


async def test_soap_11_is_asked_where_there_are_both() -> None:
    """It is what most backends have been tried with."""
    found = asked(await box().ask("HelloWorld", b"{}", ""))
    assert found.headers == (*XML, (b"SOAPAction", f'"{NS}HelloWorld"'.encode()))
    assert xml.parse(found.body, charset=None).tag == f"{{{SOAP11_NS}}}Envelope"


async def test_soap_12_is_asked_where_there_is_nothing_else() -> None:
    """Its action is a parameter of the content type."""
    facade = both(element("a", "x:int"), soap=BINDING12)
    found = asked(await facade.ask("Op", b'{"a": 1}', ""))
    assert found.headers == ((b"Content-Type", f'{S12}; action="urn:t#Op"'.encode()),)
    assert xml.parse(found.body, charset=None).tag == f"{{{SOAP12_NS}}}Envelope"
    answered = await facade.answer("Op", b'{"a": 1}')
    assert not isinstance(answered, Refusal)
    assert answered[0] is Dialect.SOAP12
    assert answered[1][0][1].startswith(b"application/soap+xml")


async def test_the_endpoint_decides_the_version() -> None:
    """Of one service with a port of each, at paths of their own."""
    ports = "".join(
        f'<w:port name="P{n}" binding="t:B{n}"><s{n}:address location="http://h/{n}"/></w:port>' for n in (11, 12)
    )
    bindings = "".join(
        f'<w:binding name="B{n}" type="t:T"><s{n}:binding transport="http://schemas.xmlsoap.org/soap/http"/>'
        f'<w:operation name="A"><s{n}:operation soapAction="urn:{n}"/><w:input><s{n}:body use="literal"/></w:input>'
        "</w:operation></w:binding>"
        for n in (11, 12)
    )
    message = '<w:message name="AIn"><w:part name="p" element="t:A"/></w:message><w:portType name="T">'
    promise = '<w:operation name="A"><w:input message="t:AIn"/></w:operation></w:portType>'
    more = f'xmlns:s11="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:s12="{BINDING12}"'
    service = f'<w:service name="S">{ports}</w:service>'
    found = library(types(schema(wrapper("A"))), message + promise, bindings, service, more=more, address="")
    for path, action in (("/11", b'"urn:11"'), ("/12", b'action="urn:12"')):
        headers = asked(await made(found, path).ask("A", b"{}", "")).headers
        assert headers[-1][1].endswith(action)


@pytest.mark.parametrize(
    ("binding", "headers"),
    [
        pytest.param("http://schemas.xmlsoap.org/wsdl/soap/", (*XML, (b"SOAPAction", b'"urn:t#Op"')), id="SOAP 1.1"),
        pytest.param(BINDING12, ((b"Content-Type", f'{S12}; action="urn:t#Op"'.encode()),), id="SOAP 1.2"),
    ],
)
async def test_soaps_own_encoding_is_asked_in_the_version_of_its_binding(binding: str, headers: Any) -> None:
    """Its values say their types; there and back."""
    parts = '<w:part name="a" type="x:int"/>'
    use = f'namespace="urn:r" use="encoded" encodingStyle="{ENCODING}"'
    facade = made(wsdl(asked=parts, answered=parts, style="rpc", body=use, soap=binding))
    found = asked(await facade.ask("Op", b'{"a": 1}', ""))
    assert found.headers == headers
    (part,) = xml.parse(found.body, charset=None)[0][0]
    assert str(part.get(f"{{{XSI}}}type")).endswith(":int")
    assert await told(facade, reply("<OpResponse><a>1</a></OpResponse>")) == {"a": 1}


async def test_an_operation_has_the_action_of_the_binding_that_carries_it() -> None:
    """Not that of one of the same name that no SOAP binding carries."""
    twin = (
        '<w:message name="AOtherIn"><w:part name="p" element="u:A"/></w:message><w:portType name="TOther">'
        '<w:operation name="A"><w:input message="t:AOtherIn"/></w:operation></w:portType>'
    )
    schemas = types(schema(wrapper("A", element("a"))), schema(wrapper("A", element("b")), target="urn:u"))
    for parts in ((twin, operation("A")), (operation("A"), twin)):
        found = asked(await made(library(schemas, *parts, more='xmlns:u="urn:u"')).ask("A", b'{"a": "x"}', ""))
        assert found.headers[1] == (b"SOAPAction", b'"urn:t#A"')
        assert xml.parse(found.body, charset=None)[0][0].tag == "{urn:t}A"


async def test_an_action_that_is_empty_is_sent_as_soap_11_demands() -> None:
    """The line must be there, with nothing in it."""
    parts = '<w:part name="a" type="x:int"/>'
    encoded = f'namespace="urn:r" use="encoded" encodingStyle="{ENCODING}"'
    for body in (encoded, 'namespace="urn:r" use="literal"'):
        bare = wsdl(asked=parts, answered=parts, style="rpc", body=body).replace(
            b'soapAction="urn:t#Op"', b'soapAction=""'
        )
        found = asked(await made(bare).ask("Op", b'{"a": 1}', ""))
        assert found.headers == (*XML, (b"SOAPAction", b'""'))
        twelve = bare.replace(b"http://schemas.xmlsoap.org/wsdl/soap/", BINDING12.encode())
        found = asked(await made(twelve).ask("Op", b'{"a": 1}', ""))
        assert found.headers == ((b"Content-Type", S12.encode()),)


@pytest.mark.parametrize(
    ("body", "state", "reason", "detail", "errors"),
    [
        pytest.param(b"", "malformed", None, "the body is empty", (), id="nothing"),
        pytest.param(b'{"a":', "malformed", None, "line 1, column 6", (), id="half of it"),
        pytest.param(b'{"a": "\xff"}', "malformed", "charset", "not UTF-8", (), id="no UTF-8"),
        pytest.param(b'{"a": 1, "a": 2}', "invalid_params", None, "/a ", (("/a", "duplicate"),), id="a member twice"),
        pytest.param(b"[1]", "invalid_params", None, "the body ", (("", "type"),), id="no object"),
        pytest.param(b"{}", "invalid_params", None, "/a ", (("/a", "missing"),), id="a member that must be there"),
        pytest.param(
            b'{"a": "x", "Note": "", "many": [1, "y"]}',
            "invalid_params",
            None,
            "(and 2 more in errors)",
            (("/Note", "unknown"), ("/a", "type"), ("/many/1", "type")),
            id="three at once",
        ),
    ],
)
async def test_a_call_that_is_wrong_is_refused_with_all_that_is(
    body: bytes, state: str, reason: str | None, detail: str, errors: tuple[tuple[str, str], ...]
) -> None:
    """Each with its place; the detail has the first, for those who read no further."""
    found = refused(await SMALL.ask("Op", body, ""), state, reason)
    assert detail in str(found.detail)
    assert tuple((at, code) for at, code, _ in found.errors) == errors
    if errors:
        assert str(found.detail).startswith(f"{errors[0][0] or 'the body'} {found.errors[0][2]}")


async def test_a_wrong_query_is_refused_likewise() -> None:
    """What the names say, or else what the values are."""
    found = refused(await SMALL.ask("Op", None, "a=1&a=2&Many=3"), "invalid_params")
    assert [(at, code) for at, code, _ in found.errors] == [("/a", "duplicate"), ("/Many", "unknown")]
    found = refused(await SMALL.ask("Op", None, "a=x&many=y"), "invalid_params")
    assert [(at, code) for at, code, _ in found.errors] == [("/a", "type"), ("/many/0", "type")]
    found = refused(await SMALL.ask("Op", None, ""), "invalid_params")
    assert [(at, code) for at, code, _ in found.errors] == [("/a", "missing")]


async def test_the_place_of_what_is_too_deep_is_named() -> None:
    """The reader knows where it gave up."""
    deep = b'{"a": ' + b"[" * 80 + b"]" * 80 + b"}"
    assert " at /a/0/0" in str(refused(await SMALL.ask("Op", deep, ""), "malformed", "depth").detail)


CALLS: list[Callable[[SoapFacade, str], Coroutine[Any, Any, object]]] = [
    lambda facade, name: facade.ask(name, b"{}", ""),
    lambda facade, name: facade.ask(name, None, ""),
    lambda facade, name: facade.answer(name, b"{}"),
    lambda facade, name: facade.tell(name, XML, reply("")),
]


@pytest.mark.parametrize("call", CALLS)
async def test_an_operation_that_nobody_has(call: Any) -> None:
    """With the one that was meant."""
    found = refused(await call(box(), "HelloWrold"), "not_found", "path")
    assert found.detail == "there is no operation 'HelloWrold', did you mean 'HelloWorld'?"
    assert refused(await call(box(), "x"), "not_found", "path").detail == "there is no operation 'x'"


@pytest.mark.parametrize("call", CALLS)
async def test_an_operation_whose_schema_cannot_be_followed(call: Any) -> None:
    """Its native callers are served; the reason is the operator's to mend."""
    facade = of(wrapper("Op", element("a", "t:Gone")), wrapper("OpResponse"))
    found = refused(await call(facade, "Op"), "operation_denied", "schema")
    assert str(found.detail).startswith("Op cannot be called in JSON: ")
    assert "Gone" in str(found.detail)
    assert facade.knows("Op")


@pytest.mark.parametrize("call", CALLS)
async def test_nothing_is_known_yet(call: Any) -> None:
    """Neither index nor documents, or the one without the other: somebody reads them at this moment."""
    found = index({"http://box/?wsdl": wsdl()})
    for known, held in ((None, None), (found, None), (None, {"http://box/?wsdl": wsdl()})):
        facade = SoapFacade(always(known), always(held), path="/", options=Options())
        missing = refused(await call(facade, "Op"), "backend_unreachable")
        assert missing.retry_after_s == 2
        refused(await facade.describe(lambda _: True), "backend_unreachable")
        assert await facade.fault("Op", XML, fault11()) == b""


def always(value: Any) -> Callable[[], Any]:
    return lambda: value


def test_what_is_known_of_names() -> None:
    """Those of the index; every name while there is none."""
    assert SMALL.knows("Op")
    assert not SMALL.knows("op")
    unread = SoapFacade(lambda: None, lambda: None, path="/", options=Options())
    assert unread.knows("whatever")
    assert unread.edition is None


def test_what_stands_for_the_form_of_values() -> None:
    """The options, and nothing else."""
    assert SMALL.form == box().form
    assert (
        len({made(wsdl(), options=Options(flatten=f, camel=c)).form for f in (True, False) for c in (True, False)}) == 4
    )


# --- a contract that changes


class Documents(dict[str, bytes]):
    """The documents of a contract, which count how often they are read."""

    read = 0

    def items(self) -> Any:
        self.read += 1
        return super().items()


class Contract:
    """A contract that may be replaced."""

    def __init__(self) -> None:
        self.documents = Documents()
        self.index: Index | None = None
        self.facade = SoapFacade(lambda: self.index, lambda: self.documents, path="/", options=Options())

    def become(self, *names: str, **others: bytes) -> None:
        made = types(schema(*(wrapper(name, element("a", "x:int")) for name in names), more=QUALIFIED))
        self.documents = Documents({"http://box/": library(made, *map(operation, names)), **others})
        self.index = index(self.documents)
        self.documents.read = 0


async def test_a_contract_is_read_once_for_all_who_ask() -> None:
    """Together, and later."""
    contract = Contract()
    contract.become("A")
    assert contract.facade.edition is contract.index
    found = await asyncio.gather(*(contract.facade.ask("A", b'{"a": 1}', "") for _ in range(20)))
    assert all(isinstance(each, Asked) for each in found)
    await contract.facade.ask("A", b'{"a": 1}', "")
    assert contract.documents.read == 1


async def test_a_contract_that_has_changed_is_read_anew() -> None:
    """Once for all who ask; what is gone is not there, what is new is."""
    contract = Contract()
    contract.become("A")
    asked(await contract.facade.ask("A", b'{"a": 1}', ""))
    contract.become("B")
    found = await asyncio.gather(*(contract.facade.ask("B", b'{"a": 1}', "") for _ in range(20)))
    assert all(isinstance(each, Asked) for each in found)
    assert contract.documents.read == 1
    refused(await contract.facade.ask("A", b'{"a": 1}', ""), "not_found", "path")


async def test_a_contract_that_changes_while_it_is_read() -> None:
    """Whoever asked before has an answer, and whoever asks after has one of the new contract."""
    contract = Contract()
    contract.become("A", *(f"A{n}" for n in range(200)))
    before = spawn(contract.facade.ask("A", b'{"a": 1}', ""), "asks")
    await asyncio.sleep(0)
    contract.become("B")
    asked(await contract.facade.ask("B", b'{"a": 1}', ""))
    asked(await before)
    asked(await contract.facade.ask("B", b'{"a": 1}', ""))


async def test_a_caller_who_leaves_takes_nothing_with_him() -> None:
    """The others wait for the same work."""
    contract = Contract()
    contract.become("A")
    first = spawn(contract.facade.ask("A", b'{"a": 1}', ""), "asks")
    second = spawn(contract.facade.ask("A", b'{"a": 1}', ""), "asks")
    await asyncio.sleep(0)
    first.cancel()
    asked(await second)
    assert contract.documents.read == 1


async def test_a_document_that_is_no_xml_is_left_out() -> None:
    """The index has it among its problems."""
    contract = Contract()
    contract.become("A", broken=b"<html")
    asked(await contract.facade.ask("A", b'{"a": 1}', ""))


# --- tell


async def test_a_good_reply_is_told() -> None:
    """In JSON, by its schema."""
    assert await told(SMALL, answer("<a>1</a><many>2</many>")) == {"a": 1, "many": [2]}


async def test_a_large_reply_is_told_whole() -> None:
    """It is read in pieces, and its tree let go of."""
    rows = "".join(f"<many>{n}</many>" for n in range(20_000))
    assert (await told(SMALL, answer(f"<a>1</a>{rows}")))["many"] == list(range(20_000))


async def test_a_small_reply_that_grows_by_its_references_is_told_whole() -> None:
    """And let go of like a large one."""
    parts = '<w:part name="a" type="x:anyType"/>'
    facade = made(wsdl(asked=parts, answered=parts, style="rpc", body=f'use="encoded" encodingStyle="{ENCODING}"'))
    steps = "".join(f'<m id="{n}"><a href="#{n + 1}"/><b href="#{n + 1}"/></m>' for n in range(12))
    found = await told(facade, reply(f'<OpResponse><a href="#0"/></OpResponse>{steps}<m id="12">x</m>'))
    assert str(found).count("'x'") == 2**12


def undeclared(inside: str) -> bytes:
    """Return a reply as npm's servers write it: with a prefix that they never say the meaning of."""
    return answer(inside).replace(f'xmlns:i="{XSI}"'.encode(), b"")


async def test_what_npms_servers_forget_is_put_right() -> None:
    """xsi:nil without a word of what xsi is; what is wrong besides is told as it was sent."""
    facade = both(element("a", "x:int", 'nillable="true"'), element("note", more=MAY))
    assert await told(facade, undeclared('<a xsi:nil="true"/><note>xsi:</note>')) == {"a": None, "note": "xsi:"}
    assert await told(facade, b"\xef\xbb\xbf<!-- a -->" + undeclared('<a xsi:nil="1"/>')) == {"a": None}
    for wrong in ('<a xsi:nil="true"><b>', '<a xsi:nil="true" z:b=""/>', f'<a xsi:nil="true"/><b xmlns:xsi="{XSI}"/>'):
        found = refused(await facade.tell("Op", XML, undeclared(wrong)), "backend_bad_reply", "not_xml")
        assert "cannot be read: " in str(found.detail)
    refused(await facade.tell("Op", XML, b"xsi: no document"), "backend_bad_reply", "not_xml")


async def test_no_body_is_no_value() -> None:
    """A one-way operation has said all by its status."""
    assert await SMALL.tell("Op", XML, b"") == b"{}"


@pytest.mark.parametrize(
    ("headers", "body", "reason", "detail"),
    [
        pytest.param(
            ((b"content-type", b'multipart/related; boundary="x"; type="text/xml"'),),
            b"--x",
            "not_xml",
            "attachments",
            id="attachments",
        ),
        pytest.param(XML, b"<html>", "not_xml", "cannot be read", id="half a document"),
        pytest.param(XML, b"no", "not_xml", "cannot be read", id="text"),
        pytest.param((), b"{}", "not_xml", "cannot be read", id="JSON without a type"),
        pytest.param(XML, b"<!DOCTYPE x><x/>", "not_xml", "document type", id="a document type"),
        pytest.param(XML, b'<?xml version="1.0" encoding="iso-8859-1"?><x/>', "not_xml", "charset", id="two charsets"),
        pytest.param(XML, b"<x>" * 65 + b"</x>" * 65, "not_xml", "64 elements inside", id="too deep"),
        pytest.param(XML, answer('<a z:nil="true"/>'), "not_xml", "prefix z", id="a prefix that nobody declared"),
        pytest.param(XML, b"<html/>", "root", "the root is html", id="no envelope"),
        pytest.param(XML, reply(""), "root", "the Body is empty", id="an empty Body"),
        pytest.param(XML, reply("<t:Other/>"), "root", "{urn:t}Other", id="another's reply"),
    ],
)
async def test_a_reply_that_is_none_is_refused_with_what_it_is(
    headers: Any, body: bytes, reason: str, detail: str
) -> None:
    """The backend's fault, and said so."""
    assert detail in str(refused(await SMALL.tell("Op", headers, body), "backend_bad_reply", reason).detail)


@pytest.mark.parametrize("charset", ["utf-8", "utf-16", "utf-16-le", "utf-16-be"])
async def test_a_reply_with_too_many_elements_is_refused_before_it_is_parsed(charset: str) -> None:
    """In whatever encoding; as many as may be are read."""
    facade = both(element("b", more=MANY))
    headers = XML if charset == "utf-8" else ((b"Content-Type", b"text/xml"),)
    few, many = ((answer("<b/>" * n).decode()).encode(charset) for n in (1_000, ELEMENTS_MAX))
    assert isinstance(await facade.tell("Op", headers, few), bytes)
    began = time.thread_time()
    found = refused(await facade.tell("Op", headers, many), "backend_bad_reply", "too_large")
    assert time.thread_time() - began < 1.0
    assert "200000 elements" in str(found.detail)


async def test_ends_comments_and_sections_are_no_elements() -> None:
    """What begins like one and is none counts for nothing."""
    facade = both(element("b", more=MANY))
    body = answer("<b>x</b>" * (ELEMENTS_MAX // 2 + 1_000))
    assert len((await told(facade, body))["b"]) == ELEMENTS_MAX // 2 + 1_000
    assert (await told(facade, answer("<b><![CDATA[<x>]]></b><!-- <c> -->"))) == {"b": ["<x>"]}


# --- fault


def fault11(text: str = "no seats", code: str = "e:Client", detail: str = "") -> bytes:
    return reply(f"<e:Fault><faultcode>{code}</faultcode><faultstring>{text}</faultstring>{detail}</e:Fault>")


def fault12(code: str, reason: str, detail: str = "") -> bytes:
    return (
        f'<e:Envelope xmlns:e="{SOAP12_NS}" xmlns:t="urn:t"><e:Body><e:Fault><e:Code>{code}</e:Code>{reason}{detail}'
        "</e:Fault></e:Body></e:Envelope>"
    ).encode()


REASON = '<e:Reason><e:Text xml:lang="en">no seats</e:Text><e:Text xml:lang="nl">vol</e:Text></e:Reason>'
SENDER = "<e:Value>e:Sender</e:Value>"
TYPED = of(
    wrapper("Op"),
    wrapper("OpResponse"),
    wrapper("Full", element("left", "x:int")),
    faults='<w:fault name="Full" message="t:FullFault"/>',
    messages='<w:message name="FullFault"><w:part name="f" element="t:Full"/></w:message>',
)
FULL = "<t:Full><t:left>3</t:left></t:Full>"


@pytest.mark.parametrize(
    ("body", "value"),
    [
        pytest.param(fault11(), {"code": "Client", "text": "no seats"}, id="SOAP 1.1"),
        pytest.param(fault11(code="soap:Server.Busy"), {"code": "Server.Busy", "text": "no seats"}, id="with dots"),
        pytest.param(fault11(" \n a \n"), {"code": "Client", "text": "a"}, id="blanks"),
        pytest.param(fault11(""), {"code": "Client", "text": None}, id="no text"),
        pytest.param(reply("<e:Fault/>"), {"code": None, "text": None}, id="nothing in it"),
        pytest.param(
            reply("<Fault><e:faultcode>x</e:faultcode></Fault>"), {"code": "x", "text": None}, id="other namespaces"
        ),
        pytest.param(fault12(SENDER, REASON), {"code": "Sender", "text": "no seats"}, id="SOAP 1.2"),
        pytest.param(
            fault12(
                f"{SENDER}<e:Subcode><e:Value>t:Full</e:Value><e:Subcode><e:Value>Hall</e:Value></e:Subcode></e:Subcode>",
                REASON,
            ),
            {"code": "Sender", "text": "no seats", "subcodes": ["Full", "Hall"]},
            id="subcodes",
        ),
        pytest.param(
            fault12("<e:Subcode><e:Value>t:Full</e:Value></e:Subcode>", "<e:Reason/>"),
            {"code": "Full", "text": None},
            id="a code without a value, a reason without a text",
        ),
        pytest.param(
            fault11(detail=f"<detail>{FULL}</detail>"),
            {"code": "Client", "text": "no seats", "detail": {"Full": {"left": 3}}},
            id="a typed detail",
        ),
        pytest.param(
            fault12(SENDER, REASON, f"<e:Detail>{FULL}</e:Detail>"),
            {"code": "Sender", "text": "no seats", "detail": {"Full": {"left": 3}}},
            id="a typed detail of SOAP 1.2",
        ),
        pytest.param(fault11(detail="<detail/>"), {"code": "Client", "text": "no seats"}, id="an empty detail"),
        pytest.param(fault11(detail="<detail> \n </detail>"), {"code": "Client", "text": "no seats"}, id="a blank one"),
    ],
)
async def test_what_a_fault_says_is_told(body: bytes, value: Any) -> None:
    """Code, text, and its detail by its type."""
    found = await TYPED.fault("Op", XML, body)
    assert orjson.loads(found) == value
    assert list(orjson.loads(found)) == list(value)


async def test_a_detail_that_nobody_declared_is_told_by_its_looks() -> None:
    """Names, texts and attributes."""
    found = await TYPED.fault("Op", XML, fault11(detail='<detail><left k="v">3</left></detail>'))
    ((_, value),) = orjson.loads(found)["detail"].items()
    assert value == {"@k": "v", "$value": "3"}


TRACE = (
    "System.Web.Services.Protocols.SoapException: Server failed. ---&gt; System.Exception: no seats\n   at Box.Sell()"
)


async def test_a_stack_trace_is_not_told() -> None:
    """Unless the settings say so."""
    body = fault11(TRACE)
    assert orjson.loads(await TYPED.fault("Op", XML, body))["text"] == "System.Exception: no seats"
    whole = made(wsdl(schema(wrapper("Op"), wrapper("OpResponse"))), stack_traces=True)
    assert orjson.loads(await whole.fault("Op", XML, body))["text"] == TRACE.replace("&gt;", ">")


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"<html", id="no XML"),
        pytest.param(b"<html/>", id="no envelope"),
        pytest.param(reply(""), id="an empty Body"),
        pytest.param(answer(""), id="a good reply"),
        pytest.param(reply("<a/>" * 8 + "<e:Fault/>"), id="a fault behind others"),
        pytest.param(b"<b/>" * (ELEMENTS_MAX + 1), id="too much"),
    ],
)
async def test_what_is_no_fault_says_nothing(body: bytes) -> None:
    """Its grade has said all."""
    assert await TYPED.fault("Op", XML, body) == b""


async def test_a_fault_of_an_operation_that_cannot_be_spoken_says_nothing() -> None:
    """Nor of one that is not there."""
    assert await TYPED.fault("Other", XML, fault11()) == b""
    assert await of(wrapper("Op", element("a", "t:Gone"))).fault("Op", XML, fault11()) == b""


async def test_codes_inside_codes_have_an_end() -> None:
    """Real ones have two."""
    code = SENDER + "<e:Subcode><e:Value>t:x</e:Value>" * 50 + "</e:Subcode>" * 50
    assert len(orjson.loads(await TYPED.fault("Op", XML, fault12(code, REASON)))["subcodes"]) == 19


# --- answer


async def test_an_operators_answer_is_written_as_the_backend_would() -> None:
    """Dialect, the content type alone, and an envelope that is read like any reply."""
    found = await SMALL.answer("Op", b'{"a": 1, "many": [2]}')
    assert not isinstance(found, Refusal)
    dialect, headers, body = found
    assert (dialect, headers) == (Dialect.SOAP11, XML)
    assert await told(SMALL, body) == {"a": 1, "many": [2]}


async def test_an_operators_answer_that_is_wrong_is_refused_like_a_call() -> None:
    """With the places."""
    found = refused(await SMALL.answer("Op", b'{"a": "x", "b": 1}'), "invalid_params")
    assert [(at, code) for at, code, _ in found.errors] == [("/b", "unknown"), ("/a", "type")]
    refused(await SMALL.answer("Op", b"{"), "malformed")


async def test_there_is_no_answer_where_there_is_no_reply() -> None:
    """Of a one-way operation."""
    facade = of(wrapper("Op"), answered=None)
    assert refused(await facade.answer("Op", b"{}"), "operation_denied", "schema").detail == "Op has no reply"


# --- describe


async def described(facade: SoapFacade, *names: str) -> Offered:
    found = await facade.describe(lambda name: not names or name in names)
    assert isinstance(found, Offered)
    return found


async def test_what_is_offered_is_described_and_nothing_else() -> None:
    """In the contract's order, with what the settings say of each."""
    facade = made(
        demo("http://h/box.asmx", single=True), rules=lambda name: Described(name, {}, None, safe=name == "GetSeats")
    )
    found = await described(facade, "GetSeats", "GetPerformances", "Nothing")
    assert [(each.name, each.safe) for each in found.operations] == [("GetPerformances", False), ("GetSeats", True)]
    assert found.missing == {}
    assert len((await described(facade)).operations) == 14
    assert (await described(facade, "None")).operations == ()


async def test_what_cannot_be_offered_is_named_with_the_reason() -> None:
    """The same, whenever somebody looks."""
    made_ = types(schema(wrapper("A", element("a", "t:Gone")), wrapper("B")))
    facade = made(library(made_, operation("A"), operation("B")))
    first, second = await described(facade), await described(facade)
    assert [each.name for each in first.operations] == ["B"]
    assert first.missing.keys() == {"A"}
    assert "Gone" in first.missing["A"]
    assert first == second


SEAT = sequence(element("row", "x:int"), element("zone", "t:Zone"), name="Seat") + simple(
    "Zone", "x:string", ("pattern", "[A-C]")
)


async def test_schemas_and_samples_agree() -> None:
    """A sample is valid by its schema, is taken as a call, and what comes back is valid too."""
    header = '<soap:header message="t:H" part="h" use="literal"/>'
    rich = both(
        element("a", "x:int"),
        element("seat", "t:Seat", 'maxOccurs="4"'),
        element("at", "x:dateTime", 'nillable="true"'),
        element("price", "x:decimal"),
        more=SEAT + wrapper("Session", element("key")),
        headers=header,
        messages='<w:message name="H"><w:part name="h" element="t:Session"/></w:message>',
    )
    for facade in (rich, box(), TYPED):
        found = await described(facade)
        for each in found.operations:
            valid(each.input, found, each.sample)
            assert isinstance(await facade.ask(each.name, orjson.dumps(each.sample), ""), Asked)
            assert each.output is not None
            valid(each.output, found, each.reply)
            answered = await facade.answer(each.name, orjson.dumps(each.reply))
            if isinstance(answered, Refusal):  # its rows are shown, and nobody can send any
                assert "DataSet can only be sent empty" in str(answered.detail)
                continue
            valid(each.output, found, await told(facade, answered[2], each.name))


def valid(schema_: Any, offered: Offered, value: Any) -> None:
    """Fail where a value is not what a schema says."""
    whole = {**schema_, "components": {"schemas": dict(offered.components)}}
    Draft202012Validator(whole).validate(value)


async def test_what_can_be_said_in_a_query_is_told() -> None:
    """And then can be."""
    found = {each.name: each.queryable for each in (await described(box())).operations}
    assert found["GetSeats"]
    assert not found["Batch"]
    for name, queryable in found.items():
        said = await box().ask(name, None, "")
        wrong = isinstance(said, Refusal) and any(code == "query" for _, code, _ in said.errors)
        assert wrong is not queryable


async def test_details_of_faults_are_described() -> None:
    """By the name that they have in JSON; None where the contract declares none."""
    (one,) = (await described(TYPED)).operations
    assert one.detail is not None
    assert [*one.detail["properties"]] == ["Full"]
    (other,) = (await described(SMALL)).operations
    assert other.detail is None


async def test_an_operation_without_a_reply_is_described_without() -> None:
    """Neither schema nor example."""
    (one,) = (await described(of(wrapper("Op"), answered=None))).operations
    assert (one.output, one.reply) == (None, None)


# --- whatever comes


ODD = both(
    element("a", "x:int", MAY), element("b", "t:Seat", MANY), element("c", "x:anyType", MAY), more=SEAT, faults=""
)
TEMPLATE = answer('<a>1</a><b><row>1</row><zone>A</zone></b><c i:type="x:int" k="v">5</c>')


@given(st.binary(max_size=200) | EDITS.map(lambda edits: mutated(TEMPLATE, edits)))
@examples(2_000)
def test_any_bytes_are_told_or_refused(body: bytes) -> None:
    """Nothing is raised; what is read is JSON, what is refused has its reason in the table."""
    found = asyncio.run(ODD.tell("Op", XML, body))
    if isinstance(found, Refusal):
        assert found.state == "backend_bad_reply"
        assert states_reason(found.state, found.reason)
    else:
        orjson.loads(found)
    said = asyncio.run(ODD.fault("Op", XML, body))
    assert said == b"" or isinstance(orjson.loads(said), dict)


CALL = b'{"a": 1, "b": [{"row": 1, "zone": "A"}], "c": {"k": ["v", 1.5, null]}}'


@given(st.binary(max_size=100) | EDITS.map(lambda edits: mutated(CALL, edits)), st.text(max_size=30))
@examples(2_000)
def test_any_call_is_asked_or_refused(body: bytes, query: str) -> None:
    """What is asked is XML."""
    for found in (asyncio.run(ODD.ask("Op", body, "")), asyncio.run(ODD.ask("Op", None, query))):
        if isinstance(found, Refusal):
            assert found.state in ("invalid_params", "malformed")
            assert states_reason(found.state, found.reason)
        else:
            xml.parse(found.body, charset=None)


# --- the longest turn

MEGABYTE = 1_000_000


def filled(one: str, most: int = 190_000, size: int = MEGABYTE) -> str:
    """Repeat something until it is a megabyte, or as many elements as a reply may have."""
    return one * min(size // len(one), most // max(one.count("<") - one.count("</"), 1))


def nested(depth: int) -> str:
    return "<c>" * depth + "x" + "</c>" * depth


ROW = sequence(*(element(f"c{n}", "x:int" if n % 2 else "x:string", MAY) for n in range(8)), name="Row")
CELLS = "".join(f"<c{n}>{n}</c{n}>" for n in range(8))
ROWS_OF = both(element("row", "t:Row", MANY), more=ROW)
ONE = both(element("a", more=MAY), element("b", "x:int", MAY))
WILD = both(ANY)
FREE = both(element("c", "x:anyType", MAY))
BEANS = both(
    element("b", "t:Bean", MAY),
    more=sequence(element("n", "x:int", MANY), element("b", "t:Bean", MAY), name="Bean"),
)
TABLE = both(DATASET)
CODED = made(
    wsdl(
        asked='<w:part name="a" type="x:anyType"/>',
        answered='<w:part name="a" type="x:anyType"/>',
        style="rpc",
        body=f'use="encoded" encodingStyle="{ENCODING}"',
    )
)
REPLIES = [
    pytest.param(ROWS_OF, lambda: answer(filled(f"<row>{CELLS}</row>")), id="rows"),
    pytest.param(ROWS_OF, lambda: answer(filled("<row/>")), id="empty rows"),
    pytest.param(ROWS_OF, lambda: answer(filled('<row i:nil="true"/>')), id="rows of null"),
    pytest.param(ONE, lambda: answer(filled("<a/>")), id="one member again and again"),
    pytest.param(ONE, lambda: answer(filled("<b>1</b>")), id="one number again and again"),
    pytest.param(
        ONE, lambda: answer("".join(f"<z{n}/>" for n in range(100_000))), id="unknown members, each with a name"
    ),
    pytest.param(ONE, lambda: answer(filled("<z><y>1</y></z>")), id="unknown members"),
    pytest.param(ONE, lambda: answer(f"<z>{filled('<y/>')}</z>"), id="one unknown member that is wide"),
    pytest.param(WILD, lambda: answer(filled("<z>1</z>")), id="anything"),
    pytest.param(WILD, lambda: answer(filled('<z i:type="x:int">1</z>')), id="anything with types"),
    pytest.param(FREE, lambda: answer(f"<c>{filled(nested(40))}</c>"), id="deep nesting"),
    pytest.param(
        FREE, lambda: answer(f"<c>{'<d>' * 58}{filled('<e>1</e>')}{'</d>' * 58}</c>"), id="wide content deep down"
    ),
    pytest.param(
        FREE, lambda: answer(f"<c>{'<d><f/>' * 58}{'x' * MEGABYTE}{'</d>' * 58}</c>"), id="long text deep down"
    ),
    pytest.param(
        BEANS, lambda: answer(f"{'<b>' * 58}{filled('<n>1</n>')}{'</b>' * 58}"), id="an array deep down in a type"
    ),
    pytest.param(FREE, lambda: answer(f"<c>{filled('<d>t</d>u')}</c>"), id="mixed content"),
    pytest.param(
        FREE,
        lambda: answer(
            "<c>" + filled("<d " + " ".join(f'a{n}="{n}"' for n in range(200)) + "/>", size=900_000) + "</c>"
        ),
        id="many attributes",
    ),
    pytest.param(ONE, lambda: answer(f"<a>{'x' * MEGABYTE}</a>"), id="long text"),
    pytest.param(ONE, lambda: answer(f"<a>{'é&lt;' * 170_000}</a>"), id="long text of escapes"),
    pytest.param(ONE, lambda: answer(f"<b>{'9' * MEGABYTE}</b>"), id="a long number"),
    pytest.param(FREE, lambda: answer(f"<c>{'x' * MEGABYTE}</c>"), id="long text of anything"),
    pytest.param(TABLE, lambda: answer(f"<ds>{ROWS.format(filled('<T><n>1</n><m>x</m></T>'))}</ds>"), id="a DataSet"),
    pytest.param(
        CODED,
        lambda: reply(f'<OpResponse><a i:type="c:Array">{filled("<i>1</i>")}</a></OpResponse>'),
        id="an encoded array",
    ),
    pytest.param(
        CODED,
        lambda: reply(
            '<OpResponse><a href="#0"/></OpResponse>'
            + "".join(f'<m id="{n}"><a href="#{n + 1}"/><b href="#{n + 1}"/></m>' for n in range(30))
            + '<m id="30">x</m>'
        ),
        id="references that double",
    ),
    pytest.param(
        CODED,
        lambda: reply(
            "<OpResponse><a>"
            + "".join(f'<i href="#{n}"/>' for n in range(12_000))
            + "</a></OpResponse>"
            + "".join(f'<m id="{n}" xmlns:q="urn:{n}" i:type="x:int">1</m>' for n in range(12_000))
        ),
        id="many references",
    ),
]


# What took longest before something was done about it; the others are left to the long run.
OFTEN = frozenset({"long text deep down", "wide content deep down", "rows"})


def _often(cases: list[ParameterSet]) -> list[ParameterSet]:
    return [
        each if each.id in OFTEN else pytest.param(*each.values, id=each.id, marks=pytest.mark.long) for each in cases
    ]


@pytest.mark.thinned(2)
@pytest.mark.unmeasured
@pytest.mark.parametrize(("facade", "body"), _often(REPLIES))
async def test_no_reply_holds_the_loop(facade: SoapFacade, body: Callable[[], bytes]) -> None:
    """A megabyte of the worst of each kind; the longest turn in processor time, by the parser's measure."""
    said = body()
    assert isinstance(await facade.tell("Op", XML, said), bytes)
    assert await turn(lambda: facade.tell("Op", XML, said)) < LIMIT


REQUESTS = [
    pytest.param(
        ROWS_OF,
        lambda: {"row": [{f"c{n}": n if n % 2 else "x" * 80 for n in range(8)} for _ in range(2_800)]},
        True,
        id="rows",
    ),
    pytest.param(
        ROWS_OF,
        lambda: {"row": [{f"c{n}": n for n in range(1, 8, 2)} for _ in range(30_000)]},
        False,
        id="more rows than one message may hold",
    ),
    pytest.param(ROWS_OF, lambda: {"row": [{}] * 30_000}, True, id="empty rows"),
    pytest.param(ROWS_OF, lambda: {"row": [{"z": 1}] * 40_000}, False, id="wrong rows"),
    pytest.param(ONE, lambda: {f"z{n}": 1 for n in range(80_000)}, False, id="unknown members"),
    pytest.param(ONE, lambda: {"a": "x" * MEGABYTE}, True, id="long text"),
    pytest.param(ONE, lambda: {"a": "<é" * 300_000}, True, id="long text that is escaped"),
    pytest.param(ONE, lambda: {"b": "9" * MEGABYTE}, False, id="a long number"),
    pytest.param(WILD, lambda: {"$any": [{"z": 1}] * 30_000}, True, id="anything"),
    pytest.param(FREE, lambda: {"c": {f"z{n}": n for n in range(30_000)}}, True, id="members of anything"),
    pytest.param(FREE, lambda: {"c": {"z": [[]] * 90_000}}, False, id="nested arrays"),
    pytest.param(FREE, lambda: {"c": {f"@a{n}": "1" for n in range(60_000)}}, False, id="many attributes"),
    pytest.param(FREE, lambda: {"c": deep(58, 500)}, True, id="deep nesting"),
]


def deep(depth: int, many: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = {"d": value}
    return {f"e{n}": value for n in range(many)}


@pytest.mark.unmeasured
@pytest.mark.parametrize(("facade", "value", "good"), _often(REQUESTS))
async def test_no_call_holds_the_loop(facade: SoapFacade, value: Callable[[], Any], good: bool) -> None:
    """As above; what is wrong with a call takes no longer to find."""
    body = orjson.dumps(value())
    found = await facade.ask("Op", body, "")
    assert isinstance(found, Asked) is good
    del found
    assert await turn(lambda: facade.ask("Op", body, "")) < LIMIT


async def turn(work: Callable[[], Coroutine[Any, Any, object]]) -> float:
    """Return the longest turn of some work, in the parser's longest pieces."""
    thresholds = gc.get_threshold()
    heap.settle()  # as the product does: what the tests before have left would be looked through here
    try:
        return await longest(work)
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()
