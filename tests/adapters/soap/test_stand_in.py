"""A reply that an operator wrote: wrapped where it is one element, refused with what is wrong where it is not."""

from __future__ import annotations

import pytest
from lxml import etree

from adapters.soap.adapter import SoapAdapter
from adapters.soap.stand_in import root_of
from sidecar.answers import Entry
from sidecar.model import Dialect, Executed, Grade
from tests.adapters.corpus import demo_index
from tests.adapters.soap.box import request
from tests.adapters.soap.spelling import S11, S12

REPLY = b'<?xml version="1.0"?>\n<!-- by hand --><r:GetResponse xmlns:r="urn:x"><r:n>\xc3\xa9</r:n></r:GetResponse>\n'


def test_an_element_becomes_a_reply():
    """What an operator wrote stands in the Body of a SOAP 1.1 envelope, as a kept answer would."""
    dialect, headers, body = SoapAdapter().stand_in(REPLY)
    root = etree.fromstring(body)
    assert dialect is Dialect.SOAP11
    assert headers == ((b"Content-Type", b"text/xml; charset=utf-8"),)
    assert root.tag == f"{{{S11}}}Envelope"
    assert root[0][0].tag == root_of(REPLY) == "{urn:x}GetResponse"
    assert root[0][0][0].text == "é"


async def test_it_is_given_in_every_dialect():
    """A stand-in is replayed as any kept answer: in the other version, and by path under the name of its root there."""
    adapter = SoapAdapter(demo_index, path="/box.asmx")
    text = b'<HelloWorldResponse xmlns="http://boxoffice.example/api/"><HelloWorldResult>Later</HelloWorldResult></HelloWorldResponse>'
    dialect, headers, body = adapter.stand_in(text)
    found = Entry(b"", "b", "", "HelloWorld", dialect, 0.0, 200, headers, body, Grade("ok", Executed.NO))
    for binding, tag in (("soap12", f"{{{S12}}}Envelope"), ("asmx_get", "{http://boxoffice.example/api/}string")):
        asked = request(binding, "HelloWorld", {})
        made = await adapter.replay(found, asked.head, asked.rest, asked.body, dialect)
        assert made is not None
        assert etree.fromstring(made[1]).tag == tag
        assert b"Later" in made[1]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (b"", "cannot be read"),
        (b"plain", "cannot be read"),
        (b"<a/><b/>", "cannot be read"),
        (b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>', "document type"),
        (b'<s:Envelope xmlns:s="%b"/>' % S11.encode(), "it is Envelope"),
        (b'<s:Fault xmlns:s="%b"/>' % S12.encode(), "it is Fault"),
    ],
)
def test_what_is_no_reply_says_so(text, wrong):
    """The sentence is for the operator who wrote it."""
    with pytest.raises(ValueError, match=wrong):
        SoapAdapter().stand_in(text)
    with pytest.raises(ValueError, match=wrong):
        root_of(text)
