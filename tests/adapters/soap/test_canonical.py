"""Tokens of elements: the same whatever the spelling, and XML made of them that reads as the same."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from lxml import etree

from adapters.keying import Unshareable
from adapters.soap.canonical import has_text, markup, start_of, text_of, tokens_of
from tests.adapters.soap.spelling import EXAMPLES, OPERATIONS, SEEDS, spelled

XSI = "http://www.w3.org/2001/XMLSchema-instance"
NAMES = f'xmlns:p="urn:p" xmlns:x="{XSI}"'


def of(text: str) -> list[str]:
    """Return the tokens of a text."""
    return tokens_of(etree.fromstring(text))


@settings(max_examples=EXAMPLES // 10, deadline=None)
@given(tree=OPERATIONS, seed=SEEDS)
def test_tokens_are_read_back(tree, seed):
    """XML made of tokens has those tokens: nothing is in a tree that the tokens do not say, and they say nothing twice."""
    tokens = of(spelled(tree, Random(seed)))
    assert of(markup(tokens)) == tokens


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("<a/>", ["la", ""]),
        ("<a></a>", ["la", ""]),
        ("<a> </a>", ["la", " "]),
        ('<a xmlns="urn:x">1</a>', ["l{urn:x}a", "1"]),
        ('<a c="3" b="2">1</a>', ["ea", "ab", "2", "ac", "3", "t1", "/"]),
        ('<a b=""/>', ["ea", "ab", "", "/"]),
        ("<a>\n <b/> <c/>\n</a>", ["ea", "lb", "", "lc", "", "/"]),
        ("<a>\n <b/>x<c/>\n</a>", ["ea", "t\n ", "lb", "", "tx", "lc", "", "t\n", "/"]),
        (f'<a {NAMES} x:type=" p:T "/>', ["ea", f"q{{{XSI}}}type", "urn:p", "T", "/"]),
        (f'<a {NAMES} x:type="T"/>', ["ea", f"q{{{XSI}}}type", "", "T", "/"]),
        (f"<a {NAMES}>p:T</a>", ["ea", "bp", "urn:p", "tp:T", "/"]),
        (f'<a {NAMES} k="p:T x:y"/>', ["ea", "ak", "p:T x:y", "bp", "urn:p", "bx", XSI, "/"]),
        (f"<a {NAMES}>10:30</a>", ["la", "10:30"]),
        ("<a>week1:2</a>", ["la", "week1:2"]),
        ('<a xml:lang="nl"/>', ["ea", "a{http://www.w3.org/XML/1998/namespace}lang", "nl", "/"]),
    ],
)
def test_the_tokens_of(text, tokens):
    """The forms that a stream takes."""
    assert of(text) == tokens
    assert of(markup(tokens)) == tokens


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ('<a href="#1"/>', "href"),
        ('<a><b><c href="#1"/></b></a>', "href"),
        ('<a><b xml:space="preserve"/></a>', "body"),
        ("<a>k7:T</a>", "qname"),
        ('<a xmlns:k7="urn:k">k7:T</a>', "qname"),
        ('<a b="soap:T"/>', "qname"),
        (f'<a xmlns:x="{XSI}" x:type="p:T"/>', "qname"),
    ],
)
def test_what_tokens_cannot_say(text, word):
    """A prefix that means nothing may not begin to mean something by a declaration of ours, and references lead out of the element."""
    with pytest.raises(Unshareable, match=word):
        of(text)


def test_a_prefix_of_the_senders_is_his():
    """`soap:` in a text is what the sender bound it to, not what our envelope does."""
    tokens = of('<a xmlns:soap="urn:own">soap:T</a>')
    assert tokens == ["ea", "bsoap", "urn:own", "tsoap:T", "/"]
    assert markup(tokens) == '<a xmlns:soap="urn:own">soap:T</a>'


def test_an_array_of_the_encoding_names_its_type():
    """An arrayType holds a QName with sizes behind it."""
    text = '<a xmlns:e="http://schemas.xmlsoap.org/soap/encoding/" xmlns:p="urn:p" e:arrayType="p:T[2]"/>'
    assert of(text) == ["ea", "q{http://schemas.xmlsoap.org/soap/encoding/}arrayType", "urn:p", "T[2]", "/"]


@pytest.mark.parametrize("text", ["<a>1</a>", '<a b="t/" c="/">1</a>', f'<a {NAMES} x:type="p:T" k="p:t">p:1</a>'])
def test_a_leaf_gets_another_text(text):
    """All but the text stays, whatever the attributes hold."""
    element = etree.fromstring(text)
    tokens = tokens_of(element)
    element.text = "2"
    assert text_of(tokens, "2")[-2:] in (["t2", "/"], [*tokens[:1], "2"])
    assert [each for each in text_of(tokens, "2") if each not in tokens] in (["t2"], ["2"])
    assert text_of(text_of(tokens, ""), element.text) == text_of(tokens, "2")


def test_start_tags_and_texts():
    """A start tag declares what the texts that it is given use; white space is no text."""
    element = etree.fromstring('<a xmlns:p="urn:p" b="1"> <c/> </a>')
    assert start_of(element) == ["ea", "ab", "1"]
    assert start_of(element, ("p:T",)) == ["ea", "ab", "1", "bp", "urn:p"]
    assert not has_text(element)
    assert has_text(etree.fromstring("<a> <c/>\u00a0</a>"))


def test_namespaces_are_numbered_as_they_come():
    """Equal tokens are equal bytes, and one declaration serves all."""
    tokens = of('<a xmlns="urn:a"><b xmlns="urn:b" q:c="&lt;&quot;&#9;" xmlns:q="urn:a"/></a>')
    assert markup(tokens) == ('<k0:a xmlns:k0="urn:a" xmlns:k1="urn:b"><k1:b k0:c="&lt;&quot;&#9;"></k1:b></k0:a>')
