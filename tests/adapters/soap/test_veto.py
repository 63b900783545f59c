"""What of a SOAP backend's answers may not be kept, in one word each."""

from __future__ import annotations

import gzip

import pytest

from adapters.soap.veto import veto
from sidecar.answers import Question
from sidecar.model import Answer, Dialect, Executed, Grade, Outbound
from tests.adapters.soap.spelling import S11, S12
from tests.adapters.yardstick import parses

WSA = "http://www.w3.org/2005/08/addressing"
SECURITY = '<w:Security xmlns:w="urn:oasis:wsse"/>'
XENC = "http://www.w3.org/2001/04/xmlenc#"


def asked(expects: str = "{urn:x}GetResponse", dialect: Dialect = Dialect.SOAP11) -> Question:
    """Return a question."""
    return Question(b"d", Outbound("POST", "/", (), b""), dialect, {}, False, expects)


def answer(
    body: bytes | str, state: str = "ok", media: bytes = b"text/xml", more: tuple[tuple[bytes, bytes], ...] = ()
) -> Answer:
    """Return an answer."""
    text = body.encode() if isinstance(body, str) else body
    return Answer(
        200, "OK", ((b"Content-Type", media), *more), (text[:50], text[50:]), len(text), Grade(state, Executed.NO)
    )


def soap(inside: str = '<GetResponse xmlns="urn:x"/>', header: str = "", version: str = S11) -> str:
    """Write a reply."""
    return f'<?xml version="1.0"?><s:Envelope xmlns:s="{version}">{header}<s:Body>{inside}</s:Body></s:Envelope>'


def of(*blocks: str) -> str:
    """Write a header."""
    return f'<s:Header xmlns:a="{WSA}">{"".join(blocks)}</s:Header>'


@pytest.mark.parametrize(
    ("word", "body"),
    [
        (None, soap()),
        (None, soap('\n <!-- made by hand --> <?x?><r:GetResponse xmlns:r="urn:x">text</r:GetResponse>')),
        (None, soap(header="<s:Header/>")),
        (None, soap(header=of("<a:RelatesTo>1</a:RelatesTo>", "<a:Action>2</a:Action>", "<a:To>3</a:To>"))),
        (None, soap('<GetResponse xmlns="urn:x">&lt;a href="#x"&gt;</GetResponse>')),
        (None, soap('<GetResponse xmlns="urn:x"><a href="http://t/"/></GetResponse>')),
        (None, soap(f'<GetResponse xmlns="urn:x">{"<n>1</n>" * 20_000}</GetResponse>')),
        ("root", soap('<GetResponse xmlns="urn:y"/>')),
        ("root", soap("<GetResponse/>")),
        ("root", soap("")),
        ("root", soap().replace("<s:Body>", "<s:Body/>").split("<GetR")[0] + "</s:Envelope>"),
        ("root", "<html><body/></html>"),
        ("root", "text"),
        ("root", b""),
        ("root", soap(version=S12)),
        ("root", soap()[:70]),
        ("fault", soap("<s:Fault><faultcode>s:Server</faultcode></s:Fault>")),
        ("secured", soap(header=of(SECURITY))),
        ("secured", soap(header=of('<b xmlns="urn:own"/>', SECURITY))),
        ("secured", soap(f'<e:EncryptedData xmlns:e="{XENC}"/>')),
        ("header", soap(header=of('<Session xmlns="urn:own">K1</Session>'))),
        ("header", soap(header=of('<Session xmlns="urn:own">K1</Session>', "<a:RelatesTo>1</a:RelatesTo>"))),
        (
            "attachment",
            soap(
                '<GetResponse xmlns="urn:x"><i:Include xmlns:i="http://www.w3.org/2004/08/xop/include"/></GetResponse>'
            ),
        ),
        ("href", soap('<GetResponse xmlns="urn:x"><r href="#id0"/></GetResponse><multi id="id0"/>')),
        ("href", soap("<GetResponse xmlns=\"urn:x\"><r href = 'cid:1'/></GetResponse>")),
        (
            "href",
            soap(
                '<GetResponse xmlns="urn:x"><r e:ref="1" xmlns:e="http://www.w3.org/2003/05/soap-encoding"/></GetResponse>'
            ),
        ),
    ],
)
def test_why_an_answer_may_not_be_kept(word, body):
    """An answer is kept where its first element is the contract's and nothing in it is meant for its receiver alone."""
    assert veto(asked(), answer(body)) == word


def test_without_a_contract_any_element_will_do():
    """Where nobody knows what should come, what comes is kept, but no fault, and nothing that is no message."""
    assert veto(asked(""), answer(soap('<Whatever xmlns="urn:y"/>'))) is None
    assert veto(asked(""), answer(soap("<s:Fault/>"))) == "fault"
    assert veto(asked(""), answer("<html/>")) == "root"


def test_a_graded_fault_is_one():
    """Whatever the rules call a failure is a fault, whatever it looks like; what is secured besides says so first."""
    assert veto(asked(), answer(soap(), "business_no")) == "fault"
    assert veto(asked(), answer("Server too busy", "overloaded")) == "fault"
    assert veto(asked(), answer(soap(), "partial")) is None
    assert veto(asked(), answer(soap(header=of(SECURITY)), "business_no")) == "secured"


def test_parts_and_codings():
    """A message in parts is an attachment; one that came compressed, which nobody asked for, cannot be put into another envelope."""
    assert veto(asked(), answer(soap(), media=b"multipart/related; boundary=x")) == "attachment"
    packed = gzip.compress(soap().encode())
    assert veto(asked(), answer(packed, more=((b"Content-Encoding", b"gzip"),))) == "root"
    assert veto(asked(), answer(soap(), more=((b"Content-Encoding", b"identity"),))) is None


@pytest.mark.parametrize("charset", ["utf-16", "iso-8859-1", "windows-1252"])
def test_a_reply_in_another_charset(charset):
    """Names are read in any charset that ASCII is a part of, and in UTF-16."""
    text = soap('<GetResponse xmlns="urn:x">é</GetResponse>').replace('"1.0"', f'"1.0" encoding="{charset}"')
    assert veto(asked(), answer(text.encode(charset))) is None
    assert veto(asked("{urn:x}Other"), answer(text.encode(charset))) == "root"


def test_a_name_in_another_charset():
    """A name that is no UTF-8 is some other name, and no reason to keep nothing at all; what is no tag is no message."""
    text = soap('<Größe xmlns="urn:x"/>').encode("iso-8859-1")
    assert veto(asked(""), answer(text)) is None
    assert veto(asked(""), answer(soap('<a a="1" a="2"/>'))) == "root"


def test_a_header_that_never_ends_is_somebody_s():
    """A Body beyond the first 64 KiB is not looked for."""
    assert veto(asked(), answer(soap(header=of(f"<a:To>{'x' * 70_000}</a:To>")))) == "root"


def test_the_other_version():
    """A question asked in SOAP 1.2 is answered in it."""
    assert veto(asked(dialect=Dialect.SOAP12), answer(soap(version=S12))) is None
    assert veto(asked(dialect=Dialect.SOAP12), answer(soap())) == "root"


@pytest.mark.parametrize(
    "inside", ["<n>1</n>" * 500_000, "<n href='x'>" * 500_000, "<" * 4_000_000, "x:ref " * 600_000]
)
def test_a_look_costs_the_same_for_any_size(inside):
    """Four megabytes, of whatever kind, are looked at in one go."""
    found = answer(soap(f'<GetResponse xmlns="urn:x">{inside}</GetResponse>'))
    assert parses(lambda: veto(asked(), found)) < 1.5
