"""Our own failures in five dialects: well-formed for any text, read by real clients, with the contract's members and no more."""

from __future__ import annotations

import json
import xmlrpc.client
from dataclasses import replace

import pytest
import zeep.exceptions
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from zeep.wsdl.bindings import soap as zeep_soap

from adapters.json.problem import problem
from adapters.soap.fault import SOAP11_NS, SOAP12_NS, STATE_NS, asmx, soap11, soap12
from adapters.xmlrpc.fault import xmlrpc as as_xmlrpc
from sidecar.model import Executed
from sidecar.ports import Facts, Saying
from sidecar.states import ROWS, TABLE, Blame

RENDERERS = {"json": problem, "soap11": soap11, "soap12": soap12, "asmx": asmx, "xmlrpc": as_xmlrpc}
FACTS = Facts(
    TABLE["overloaded"], Executed.NO, 503, "wait", "400 callers wait & nobody <leaves>", "req-1", "2026-12-01T09:00:03.120Z",
    reason="queue_full", after_s=4,
)  # fmt: skip

texts = st.text(st.characters(exclude_categories=()), max_size=60)
facts = st.builds(
    Facts,
    st.sampled_from(ROWS),
    st.sampled_from(Executed),
    st.sampled_from((400, 429, 503)),
    st.sampled_from(("", "wait", "confirm", "fix", "never")),
    texts,
    texts,
    st.just("2026-12-01T09:00:03.120Z"),
    reason=st.sampled_from((None, "xml", "envelope")),
    after_s=st.none() | st.integers(0, 10_000),
    same_key=st.booleans(),
    errors=st.lists(st.tuples(texts, texts, texts), max_size=3).map(tuple),
    message=st.none() | st.builds(Saying, texts, texts, texts, texts, st.none() | texts),
)
SAYING = Saying("p3f9a1", "warning", "de-CH", "Um 9:20 Uhr geht es weiter & weiter", "2026-12-01T09:20:00.000Z")
PAUSED = Facts(
    TABLE["paused"], Executed.NO, 503, "wait", "everything is paused by the operator", "req-1", "2026-12-01T09:00:03.120Z",
    reason="everything", after_s=20, message=SAYING,
)  # fmt: skip
SPOKEN = replace(FACTS, message=SAYING)  # a message, and something else is the reason


@given(facts)
def test_every_dialect_is_well_formed_whatever_the_texts_are(made):
    """Control characters, lone surrogates and markup in a detail never break the document, nor raise."""
    json.loads(problem(made).body)
    for render in (soap11, soap12):
        etree.fromstring(render(made).body)
    line = asmx(made).body.decode()
    assert len(line.splitlines()) == 1
    with pytest.raises(xmlrpc.client.Fault):
        xmlrpc.client.loads(as_xmlrpc(made).body)


def test_json_has_exactly_the_members_of_the_contract():
    """What does not apply is absent, what is not known is null, and nothing else is there."""
    made = problem(FACTS)
    assert (made.status, made.content_type) == (503, "application/problem+json")
    assert json.loads(made.body) == {
        "state": "overloaded",
        "category": "busy",
        "executed": "no",
        "retry": {"how": "wait", "after_s": 4, "same_key": True},
        "type": "/.sidecar/states#overloaded",
        "title": "The backend is at its limit",
        "status": 503,
        "detail": "400 callers wait & nobody <leaves>",
        "instance": "req-1",
        "server_time": "2026-12-01T09:00:03.120Z",
        "v": 1,
    }
    assert json.loads(problem(replace(FACTS, after_s=None)).body)["retry"]["after_s"] is None
    assert json.loads(problem(replace(FACTS, how="fix")).body)["retry"] == {"how": "fix"}
    wrong = json.loads(problem(replace(FACTS, errors=(("/a", "duplicate", "twice"),))).body)
    assert wrong["errors"] == [{"pointer": "/a", "code": "duplicate", "text": "twice"}]


def test_a_soap11_fault_is_a_500_with_a_plain_code_and_our_members_in_its_detail():
    """WS-I wants 500 and an undotted code; the true status is in the detail."""
    made = soap11(FACTS)
    assert (made.status, made.content_type) == (500, "text/xml; charset=utf-8")
    fault = etree.fromstring(made.body).find(f"{{{SOAP11_NS}}}Body/{{{SOAP11_NS}}}Fault")
    assert [child.tag for child in fault] == ["faultcode", "faultstring", "detail"]
    assert fault.findtext("faultcode") == "soap:Server"
    assert fault.findtext("faultstring") == "The backend is at its limit: 400 callers wait & nobody <leaves>"
    said = fault.find(f"detail/{{{STATE_NS}}}failure")
    found = {etree.QName(child).localname: child.text for child in said}
    assert {name: found[name] for name in ("state", "executed", "status")} == {
        "state": "overloaded", "executed": "no", "status": "503",
    }  # fmt: skip
    assert list(found) == list(json.loads(problem(FACTS).body))
    assert said.findtext(f"{{{STATE_NS}}}retry/{{{STATE_NS}}}same_key") == "true"


def test_an_operators_words_are_a_member_in_json():
    """Where the contract has them, in the reader's language; when there is news nobody knows is null."""
    said = json.loads(problem(PAUSED).body)
    assert list(said)[:5] == ["state", "category", "executed", "message", "retry"]
    assert said["message"] == {
        "id": "p3f9a1", "severity": "warning", "lang": "de-CH", "text": SAYING.text, "next_update_at": "2026-12-01T09:20:00.000Z",
    }  # fmt: skip
    unknown = json.loads(problem(replace(PAUSED, message=SAYING._replace(next_update_at=None))).body)
    assert unknown["message"]["next_update_at"] is None


def test_an_operators_words_come_first_in_soap():
    """Of a pause they are all; before anything else they stand before the reason. The language is said, and the detail has the member."""
    first = etree.fromstring(soap11(PAUSED).body)
    assert first.findtext(".//faultstring") == SAYING.text
    assert first.findtext(f".//{{{STATE_NS}}}message/{{{STATE_NS}}}text") == SAYING.text
    second = etree.fromstring(soap12(PAUSED).body).find(f".//{{{SOAP12_NS}}}Text")
    assert second.text == SAYING.text
    assert second.get("{http://www.w3.org/XML/1998/namespace}lang") == "de-CH"
    assert (
        etree.fromstring(soap12(FACTS).body)
        .find(f".//{{{SOAP12_NS}}}Text")
        .get("{http://www.w3.org/XML/1998/namespace}lang")
        == "en"
    )
    assert etree.fromstring(soap11(SPOKEN).body).findtext(".//faultstring") == (
        f"{SAYING.text} (The backend is at its limit: 400 callers wait & nobody <leaves>)"
    )


def test_an_operators_words_come_first_in_a_line_of_text():
    """And a program's behind them."""
    signature = "[state=paused retry_after=20 executed=no ref=req-1]"
    assert asmx(PAUSED).body.decode() == f"{SAYING.text} {signature}\r\n"
    with pytest.raises(xmlrpc.client.Fault) as raised:
        xmlrpc.client.loads(as_xmlrpc(PAUSED).body)
    assert (raised.value.faultCode, raised.value.faultString) == (-32051, f"{SAYING.text} {signature}")


def test_what_is_not_known_is_nil_in_soap():
    """As null is in JSON."""
    said = etree.fromstring(soap11(replace(FACTS, after_s=None)).body).find(f".//{{{STATE_NS}}}after_s")
    assert said.get("{http://www.w3.org/2001/XMLSchema-instance}nil") == "true"


@pytest.mark.parametrize("state", [row for row in ROWS if row.built], ids=lambda row: row.name)
def test_soap12_says_sender_or_receiver_by_whose_fault_it_is(state):
    """Sender with the operator's status, Receiver with 500, and our state as a qualified Subcode."""
    made = soap12(replace(FACTS, state=state, sender_status=418))
    root = etree.fromstring(made.body)
    value, subvalue = root.findall(f".//{{{SOAP12_NS}}}Value")
    sender = state.blame is Blame.CLIENT
    assert (value.text, made.status) == (("soap:Sender", 418) if sender else ("soap:Receiver", 500))
    prefix, _, name = subvalue.text.partition(":")
    assert (subvalue.nsmap[prefix], name) == (STATE_NS, state.name)


@pytest.mark.parametrize(("render", "binding"), [(soap11, zeep_soap.Soap11Binding), (soap12, zeep_soap.Soap12Binding)])
def test_zeep_reads_our_fault_as_a_fault(render, binding):
    """A real client gets code, message and detail out of it, not "Unknown fault"."""
    reader = binding.__new__(binding)
    reader.wsdl = type("Wsdl", (), {"types": type("Types", (), {"prefix_map": {}})()})()
    with pytest.raises(zeep.exceptions.Fault) as raised:
        reader.process_error(etree.fromstring(render(FACTS).body), None)
    assert "The backend is at its limit" in raised.value.message
    assert raised.value.code.endswith(("Server", "Receiver"))
    assert raised.value.detail.find(f"{{{STATE_NS}}}failure/{{{STATE_NS}}}state").text == "overloaded"


def test_asmx_gets_one_line_of_text_with_the_true_status():
    """As .NET answers HTTP-GET and HTTP-POST when something throws."""
    made = asmx(FACTS)
    assert (made.status, made.content_type) == (503, "text/plain; charset=utf-8")
    assert made.body == (
        b"The backend is at its limit: 400 callers wait & nobody <leaves> [state=overloaded retry_after=4 executed=no ref=req-1]\r\n"
    )


@pytest.mark.parametrize("state", ROWS, ids=lambda row: row.name)
def test_an_xmlrpc_fault_is_a_200_with_two_members(state):
    """Its code is the table's, its text ends in our facts, and the standard library reads it."""
    made = as_xmlrpc(replace(FACTS, state=state))
    assert (made.status, made.content_type) == (200, "text/xml; charset=utf-8")
    with pytest.raises(xmlrpc.client.Fault) as raised:
        xmlrpc.client.loads(made.body)
    expected = {None: -32500}.get(state.xmlrpc, state.xmlrpc)
    if state.name == "malformed":
        expected = -32600  # queue_full is no reason for which a document cannot be read
    assert raised.value.faultCode == expected
    assert raised.value.faultString.endswith(f" [state={state.name} retry_after=4 executed=no ref=req-1]")
    assert made.body.count(b"<member>") == 2


@pytest.mark.parametrize(
    ("reason", "code"),
    [("xml", -32700), ("charset", -32700), ("http", -32700), (None, -32700), ("operation", -32600), ("nested", -32600), ("boxcar", -32600)],
)  # fmt: skip
def test_a_call_that_could_be_parsed_is_no_parse_error(reason, code):
    """The interoperability codes tell apart what is not well-formed and what is no call."""
    with pytest.raises(xmlrpc.client.Fault) as raised:
        xmlrpc.client.loads(as_xmlrpc(replace(FACTS, state=TABLE["malformed"], reason=reason)).body)
    assert raised.value.faultCode == code


def test_a_detail_that_repeats_the_title_is_said_once():
    """A refusal without words of its own says its state's title as detail."""
    same = replace(FACTS, detail=FACTS.state.title)
    for render in (soap11, soap12, asmx, as_xmlrpc):
        assert render(same).body.count(FACTS.state.title.encode()) == (2 if render in (soap11, soap12) else 1) + (
            render in (soap11, soap12)
        )


def test_half_a_character_is_shown_as_a_question_mark_in_json():
    """What a caller sent that is no text, and we quote, costs him no answer: neither in the detail nor in an error's pointer."""
    made = replace(FACTS, detail="half \udcff", errors=(("/a\udcff", "type", "must be an integer"),))
    said = json.loads(problem(made).body)
    assert said["detail"] == "half ?"
    assert said["errors"] == [{"pointer": "/a?", "code": "type", "text": "must be an integer"}]
    assert said["status"] == 503
