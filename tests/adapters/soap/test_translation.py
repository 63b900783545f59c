"""Faults in the other version of SOAP: codes, text, actor and detail carried over."""

from __future__ import annotations

import pytest
from lxml import etree

from adapters.soap.translation import said, translated
from sidecar.model import Dialect
from tests.adapters.soap.spelling import S11, S12


def fault11(code: str, more: str = "") -> etree._Element:
    """Read a fault of SOAP 1.1."""
    text = f'<s:Fault xmlns:s="{S11}" xmlns:o="urn:own"><faultcode>{code}</faultcode><faultstring>a &lt; b</faultstring>{more}</s:Fault>'
    return etree.fromstring(text)


def fault12(code: str, more: str = "", sub: str = "") -> etree._Element:
    """Read a fault of SOAP 1.2."""
    return etree.fromstring(
        f'<s:Fault xmlns:s="{S12}"><s:Code><s:Value>{code}</s:Value>{sub}</s:Code>'
        f'<s:Reason><s:Text xml:lang="nl">a &lt; b</s:Text><s:Text xml:lang="en">other</s:Text></s:Reason>{more}</s:Fault>'
    )


def across(fault: etree._Element, version: Dialect) -> etree._Element:
    """Translate, and read what came of it in its envelope."""
    text = translated(fault, version, "soap").decode()
    space = S12 if version is Dialect.SOAP12 else S11
    return etree.fromstring(f'<soap:Body xmlns:soap="{space}">{text}</soap:Body>')[0]


@pytest.mark.parametrize(
    ("code", "value", "own"),
    [
        ("s:Client", "soap:Sender", None),
        ("s:Server", "soap:Receiver", None),
        ("s:MustUnderstand", "soap:MustUnderstand", None),
        ("s:Client.Authentication", "soap:Sender", None),
        ("o:Locked", "soap:Receiver", "code:Locked"),
        ("o:Client", "soap:Sender", None),
        ("Locked", "soap:Receiver", None),
        ("", "soap:Receiver", None),
    ],
)
def test_codes_of_1_1_in_1_2(code, value, own):
    """Each code has its twin; one of the backend's own is the receiver's, with the code as subcode where its namespace is known."""
    made = across(fault11(code), Dialect.SOAP12)
    assert made.findtext(f"{{{S12}}}Code/{{{S12}}}Value") == value
    sub = made.find(f"{{{S12}}}Code/{{{S12}}}Subcode/{{{S12}}}Value")
    assert (None if sub is None else sub.text) == own
    if sub is not None:
        assert sub.nsmap["code"] == "urn:own"
    assert made.findtext(f"{{{S12}}}Reason/{{{S12}}}Text") == "a < b"
    assert said(made) == said(fault11(code)) == "a < b"


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("s:Sender", "soap:Client"),
        ("s:Receiver", "soap:Server"),
        ("s:DataEncodingUnknown", "soap:Client"),
        ("s:VersionMismatch", "soap:VersionMismatch"),
        ("o:Own", "soap:Server"),
    ],
)
def test_codes_of_1_2_in_1_1(code, value):
    """Each code has its twin; subcodes have none, and of several texts the first is taken."""
    made = across(fault12(code, sub="<s:Subcode><s:Value>o:Locked</s:Value></s:Subcode>"), Dialect.SOAP11)
    assert made.findtext("faultcode") == value
    assert made.findtext("faultstring") == "a < b"


def test_actor_and_detail_are_carried_over():
    """What a fault says in its detail stays as it is, with the namespaces that it stands in; so does who says it."""
    detail = '<faultactor>urn:me</faultactor><detail><o:why kind="o:T">1 &amp; 2</o:why><o:more/></detail>'
    made = across(fault11("s:Server", detail), Dialect.SOAP12)
    assert made.findtext(f"{{{S12}}}Role") == "urn:me"
    entries = made.findall(f"{{{S12}}}Detail/*")
    assert [each.tag for each in entries] == ["{urn:own}why", "{urn:own}more"]
    assert entries[0].text == "1 & 2"
    assert entries[0].nsmap["o"] == "urn:own"
    back = across(
        fault12("s:Sender", '<s:Role>urn:me</s:Role><s:Detail><x:y xmlns:x="urn:x"/></s:Detail>'), Dialect.SOAP11
    )
    assert back.findtext("faultactor") == "urn:me"
    assert back.find("detail/{urn:x}y") is not None


def test_a_fault_of_nothing_is_still_a_fault():
    """A fault without any of its parts is translated into one that has those that it must have."""
    made = across(etree.fromstring(f'<s:Fault xmlns:s="{S11}"/>'), Dialect.SOAP12)
    assert [each.tag for each in made] == [f"{{{S12}}}Code", f"{{{S12}}}Reason"]
    assert said(made) == ""
