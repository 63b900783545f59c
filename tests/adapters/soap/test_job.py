"""One message while it is written: names with prefixes of its own, escaped texts, errors with places, and an end to each."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters import xml
from adapters.soap.job import (
    InvalidParams,
    Job,
    Prefixes,
    all_qualified,
    attribute,
    escaped,
    is_namespace,
    qualified,
)
from adapters.soap.namespaces import XML, XSI
from adapters.soap.scalars import Invalid

XMLNS = "http://www.w3.org/2000/xmlns/"


def test_prefixes_are_the_same_in_whatever_order_they_are_asked_for() -> None:
    """So that the bytes of a message do not depend on those before it."""
    spaces = [f"urn:{each}" for each in range(200)]
    one, other = Prefixes(), Prefixes()
    found = [one.prefix(each) for each in spaces]
    assert [other.prefix(each) for each in reversed(spaces)] == found[::-1]
    assert len({*found}) == 200
    assert [one.space(f"{prefix}:x") for prefix in found] == spaces
    assert (one.space("x"), one.space("nobodys:x"), one.space("xml:lang")) == ("", "", XML)
    assert one.tag("x") == "x"
    assert one.tag(f"{{{XML}}}lang") == "xml:lang"


def test_only_what_is_named_is_declared() -> None:
    """The schema's and the caller's; what XML has built in is not."""
    job = Job(Prefixes())
    job.tag("{urn:a}x")
    job.tag("y")
    assert job.named("{urn:a}z", "") == (job.tag("{urn:a}z"), "{urn:a}z")
    assert job.named("{urn:b&c}z", "") == ("_w0:z", "{urn:b&c}z")
    assert job.named("z", "urn:b&c") == ("_w0:z", "{urn:b&c}z")
    assert job.named("{}z", "urn:a") == ("z", "z")
    assert job.named(f"{{{XML}}}lang", "") == ("xml:lang", f"{{{XML}}}lang")
    declared = job.declared()
    assert declared.count("xmlns:") == 2
    assert 'xmlns:_w0="urn:b&amp;c"' in declared


@pytest.mark.parametrize(
    "key",
    ["", "1a", "a b", "a:b", "{urn:a}", "{urn:a", "{urn a}b", f"{{{XMLNS}}}a", "{\x00}a", "{\ud800}a", "a" * 1001],
)
def test_what_is_no_name_is_none(key: str) -> None:
    """Nor is one of a namespace that no parser takes."""
    assert Job(Prefixes()).named(key, "") is None


@pytest.mark.parametrize("key", ["xmlns", f"{{{XSI}}}nil", f"{{{XSI}}}type"])
def test_an_attribute_that_means_something_to_xml_is_no_name(key: str) -> None:
    """Of an element, it is one."""
    assert Job(Prefixes()).named(key, "", attribute=True) is None
    assert Job(Prefixes()).named(key, "") is not None


@given(st.text(max_size=12) | st.text("abc:/#?%[]@!$&'()*+,;=.-_~{}|\\^ <>\"`é0", max_size=20))
def test_a_namespace_is_what_a_parser_takes(uri: str) -> None:
    """By asking one, so that a message is XML whatever somebody sends."""
    if uri not in ("", XML) and is_namespace(uri):
        assert xml.parse(f'<a xmlns:p="{attribute(uri)}"/>'.encode(), charset=None).nsmap == {"p": uri}


def test_mistakes_have_places_and_an_end() -> None:
    """A hundred, and the first few say what was probably meant."""
    job = Job(Prefixes())
    job.wrong(((None, "a/b"), 3), "type", "must be otherwise")
    assert job.errors == [("/a~1b/3", "type", "must be otherwise")]
    assert job.left == 0
    assert [job.nearest("numbr", ["number"]) for _ in range(4)] == [", did you mean 'number'?"] * 3 + [""]
    assert Job(Prefixes()).nearest(5, ["number"]) == ""
    for _ in range(98):
        job.wrong(None, "x", "no")
    with pytest.raises(InvalidParams, match="/a~1b/3 must be otherwise; / no"):
        job.wrong(None, "x", "no")
    with pytest.raises(InvalidParams):
        job.whole("", "")
    deep = Job(Prefixes())
    deep.wrong((None, "k" * 5000), "x", "no")
    assert len(deep.errors[0][0]) == 1000


def test_a_message_is_whole_however_it_was_cut() -> None:
    """Pieces become bytes on the way."""
    job = Job(Prefixes())
    for each in range(5000):
        job.out.append(f"<{each}")
        if each % 700 == 0:
            job.breathe()
    for _ in job.long("<é" * 40_000):
        pass
    assert job.whole("begun", "ended").decode() == (
        "begun" + "".join(f"<{each}" for each in range(5000)) + "&lt;é" * 40_000 + "ended"
    )


def test_a_message_that_nobody_would_read_is_given_up() -> None:
    """The reader of calls takes so many tags; it is told in words of JSON."""
    job = Job(Prefixes(), markup_max=2000)
    job.out += ["<a>"] * 2001
    with pytest.raises(InvalidParams, match="send it in parts"):
        job.breathe()
    last = Job(Prefixes(), markup_max=3000)
    last.out += ["<a>"] * 2001
    last.breathe()
    last.out += ["<a>"] * 1000
    with pytest.raises(InvalidParams, match="send it in parts"):
        last.whole("", "")


@given(st.text())
def test_an_escaped_text_is_read_as_it_was(text: str) -> None:
    """In an element and in an attribute, white space and all."""
    job = Job(Prefixes())
    if job.text(text, None) != text:
        assert [code for _, code, _ in job.errors] == ["characters"]
        return
    root = xml.parse(f'<a b="{attribute(text)}">{escaped(text)}</a>'.encode(), charset=None)
    assert (root.text or "", root.get("b")) == (text, text)


def test_qualified_names_bring_their_prefix() -> None:
    """None needs one of no namespace, and xml's own is known."""
    assert qualified("a", "_q") == ("", "a")
    assert qualified("{}a", "_q") == ("", "a")
    assert qualified(f"{{{XML}}}lang", "_q") == ("", "xml:lang")
    assert all_qualified("{urn:a}b c {urn:d}e", "_q") == (' xmlns:_q0="urn:a" xmlns:_q2="urn:d"', "_q0:b c _q2:e")
    for name in (f"{{{XMLNS}}}a", "{not a uri}a", f"{{urn:{'a' * 1000}}}b"):
        with pytest.raises(Invalid):
            qualified(name, "_q")
