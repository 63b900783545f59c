"""WS-Addressing: which header blocks are no more than an address, and what answers a MessageID."""

from __future__ import annotations

import pytest
from lxml import etree

from adapters.soap.addressing import bypass, related

WSA = "http://www.w3.org/2005/08/addressing"
WSA4 = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
ANONYMOUS = {WSA: f"{WSA}/anonymous", WSA4: f"{WSA4}/role/anonymous"}


def header(*blocks: str, space: str = WSA) -> etree._Element:
    """Read a header."""
    return etree.fromstring(f'<h xmlns:a="{space}">{"".join(blocks)}</h>')


def reply_to(address: str, more: str = "", name: str = "ReplyTo") -> str:
    """Write an endpoint reference."""
    return f"<a:{name}><a:Address> {address} </a:Address>{more}</a:{name}>"


@pytest.mark.parametrize("space", [WSA, WSA4])
def test_what_every_wcf_client_sends_is_no_more_than_an_address(space):
    """Action, To, MessageID, and replies over the same connection."""
    blocks = ("<a:Action>x</a:Action>", "<a:To>y</a:To>", "<a:MessageID>z</a:MessageID>")
    back = (reply_to(ANONYMOUS[space]), reply_to(ANONYMOUS[space], name="FaultTo"))
    assert bypass(header(*blocks, *back, space=space)) == ""
    assert bypass(()) == ""


@pytest.mark.parametrize(
    ("block", "word"),
    [
        (reply_to("http://elsewhere/"), "addressing"),
        (reply_to(f"{WSA}/none"), "addressing"),
        (reply_to(ANONYMOUS[WSA4]), "addressing"),
        (reply_to(ANONYMOUS[WSA], "<a:ReferenceParameters/>"), "addressing"),
        ("<a:ReplyTo/>", "addressing"),
        ("<a:RelatesTo>1</a:RelatesTo>", "addressing"),
        (f"<a:From><a:Address>{WSA}/anonymous</a:Address></a:From>", "addressing"),
        ("<own/>", "headers"),
        ('<Action xmlns="urn:own"/>', "headers"),
    ],
)
def test_what_says_more(block, word):
    """A reply to another place, what would have to be echoed, and any block of somebody else."""
    assert bypass(header("<a:Action>x</a:Action>", block)) == word


def test_an_own_block_weighs_more():
    """Headers are named before addressing."""
    assert bypass(header(reply_to("http://elsewhere/"), "<own/>")) == "headers"


def test_a_message_without_an_id_is_not_answered():
    """No MessageID, no RelatesTo; an empty one is none."""
    assert related(None, "urn:x", fault=False) == ""
    assert related(header("<a:Action>x</a:Action>"), "urn:x", fault=False) == ""
    assert related(header("<a:MessageID> </a:MessageID>"), "urn:x", fault=False) == ""


@pytest.mark.parametrize(
    ("blocks", "action", "fault", "said"),
    [
        ("<a:Action>urn:a</a:Action>", "urn:x", False, "urn:aResponse"),
        ("", "urn:x", False, "urn:xResponse"),
        ("", "", False, None),
        ("<a:Action>urn:a</a:Action>", "urn:x", True, f"{WSA}/soap/fault"),
        ("", "", True, f"{WSA}/soap/fault"),
    ],
)
def test_a_message_id_is_answered_with_an_action(blocks, action, fault, said):
    """The answer's action is the request's with Response, as contracts have it by default, or that of faults."""
    text = related(header("<a:MessageID> urn:1&amp;2 </a:MessageID>", blocks), action, fault=fault)
    found = header(text)
    assert found.findtext(f"{{{WSA}}}RelatesTo") == "urn:1&2"
    assert found.findtext(f"{{{WSA}}}Action") == said


def test_it_answers_in_the_namespace_that_it_was_asked_in():
    """A client of the submission of 2004 reads no other."""
    text = related(header("<a:MessageID>1</a:MessageID>", space=WSA4), "", fault=True)
    assert header(text).findtext(f"{{{WSA4}}}Action") == f"{WSA4}/fault"
