"""The hardened parser against a corpus of bytes, whole and in pieces: the same tree or the same refusal by both roads."""

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from adapters import xml
from tests.support.timing import best_s

LAUGHS = b"".join(b'<!ENTITY l%d "%s">' % (n, b"&l%d;" % (n - 1) * 10) for n in range(1, 12))
DTD = '<!DOCTYPE r [<!ENTITY x "y">]><r>&x;</r>'
ATTRIBUTES = " ".join(f'a{n}="{n}"' for n in range(257)).encode()

ACCEPTED = {
    "plain": (b"<r>x</r>", None, "x"),
    "utf-8 by everybody": ('<?xml version="1.0" encoding="UTF-8"?><r>é</r>'.encode(), "utf-8", "é"),
    "quoted parameter": ("<r>é</r>".encode(), ' "UTF-8" ', "é"),
    "empty parameter": ("<r>é</r>".encode(), "", "é"),
    "utf-8 mark": ("\ufeff<r>é</r>".encode(), "utf-8", "é"),
    "utf-8 mark and declaration": ('\ufeff<?xml version="1.0" encoding="utf-8"?><r>é</r>'.encode(), None, "é"),
    "utf-16 mark": ("<r>é</r>".encode("utf-16"), "utf-16", "é"),
    "utf-16 mark, big end first": (b"\xfe\xff" + "<r>é\U0001f3ad</r>".encode("utf-16-be"), None, "é\U0001f3ad"),
    "utf-16 unmarked": ('<?xml version="1.0" encoding="utf-16"?><r>é</r>'.encode("utf-16-le"), "utf-16", "é"),
    "utf-16 unmarked, big end first": ("<r>é</r>".encode("utf-16-be"), "UTF-16", "é"),
    "latin-1 declared": ('<?xml version="1.0" encoding="iso-8859-1"?><r>é</r>'.encode("latin-1"), None, "é"),
    "latin-1 by header alone": ("<r>é</r>".encode("latin-1"), "ISO-8859-1", "é"),
    "windows-1252": ("<r>€</r>".encode("cp1252"), "windows-1252", "€"),
    "ascii": (b"<r>e</r>", "us-ascii", "e"),
    "comment splitting a name": (b"<r>Get<!-- x -->Seats</r>", None, "GetSeats"),
    "instruction splitting a name": (b"<r>Get<?x y?>Seats</r>", None, "GetSeats"),
    "comment before the root": (b"<!-- <!DOCTYPE r> --><?p <!DOCTYPE r>?>\n<r>x</r>", None, "x"),
    "doctype as text": (b"<r><![CDATA[<!DOCTYPE r>]]></r>", None, "<!DOCTYPE r>"),
    "character references": (b"<r>&#233;&lt;&#x20AC;</r>", None, "é<€"),
    "256 attributes": (b"<r " + ATTRIBUTES.replace(b'a256="256"', b"") + b">x</r>", None, "x"),
    "many equal signs in text": (b"<r>" + b"a=b " * 400 + b"</r>", None, "a=b " * 400),
    "64 deep": (b"<a>" * 63 + b"<r>x</r>" + b"</a>" * 63, None, "x"),
}
REFUSED = {
    "dtd": (DTD.encode(), None, "doctype_refused"),
    "dtd in utf-16": (DTD.encode("utf-16"), None, "doctype_refused"),
    "dtd in utf-16, big end first, unmarked": (DTD.encode("utf-16-be"), "utf-16", "doctype_refused"),
    "dtd in utf-7": (b'<?xml version="1.0" encoding="utf-7"?>+ADwAIQ-DOCTYPE r+AD4-<r/>', None, "charset"),
    "dtd after a comment": (b"<!-- x --> <?p?> <!DOCTYPE r><r/>", None, "doctype_refused"),
    "dtd after a long comment": (b"<!--" + b"x" * 70_000 + b"--><!DOCTYPE r><r/>", None, "doctype_refused"),
    "empty dtd": (b"<!DOCTYPE r><r/>", None, "doctype_refused"),
    "html": (b"<!doctype html><html></html>", None, "doctype_refused"),
    "billion laughs": (
        b'<!DOCTYPE r [<!ENTITY l0 "lol">' + LAUGHS + b"]><r>&l11;</r>",
        None,
        "doctype_refused",
    ),
    "quadratic": (
        b'<!DOCTYPE r [<!ENTITY q "' + b"q" * 50_000 + b'">]><r>' + b"&q;" * 4_000 + b"</r>",
        None,
        "doctype_refused",
    ),
    "external entity": (b'<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/hostname">]><r>&x;</r>', None, "doctype_refused"),
    "external dtd": (b'<!DOCTYPE r SYSTEM "http://127.0.0.1:1/x.dtd"><r/>', None, "doctype_refused"),
    "parameter entity": (b'<!DOCTYPE r [<!ENTITY % x SYSTEM "file:///x"> %x;]><r/>', None, "doctype_refused"),
    "dtd after the root": (b"<r/><!DOCTYPE r>", None, "malformed"),
    "undeclared entity": (b"<r>&x;</r>", None, "malformed"),
    "65 deep": (b"<a>" * 65 + b"</a>" * 65, None, "too_deep"),
    "500 deep": (b"<a>" * 500 + b"</a>" * 500, None, "too_deep"),
    "unclosed and deep": (b"<a>" * 20_000, None, "too_deep"),
    "a million empty elements": (b"<r>" + b"<a/>" * 1_000_000 + b"</r>", None, "too_many_elements"),
    "a million in utf-16": (("<r>" + "<a/>" * 1_000_000 + "</r>").encode("utf-16"), None, "too_many_elements"),
    "257 attributes": (b"<r " + ATTRIBUTES + b"/>", None, "too_many_attributes"),
    "257 attributes in utf-16": (
        b"\xff\xfe" + (b"<r " + ATTRIBUTES + b"/>").decode().encode("utf-16-le"),
        None,
        "too_many_attributes",
    ),
    "257 namespaces": (
        b"<r " + " ".join(f"xmlns:a{n}='u'" for n in range(257)).encode() + b"/>",
        None,
        "too_many_attributes",
    ),
    "many elements with a few attributes": (
        b"<r>" + (b"<r " + ATTRIBUTES[:1_000] + b"/>") * 400 + b"</r>",
        None,
        "too_many_attributes",
    ),
    "a start tag without end": (b"<r><a b='" + b"x" * 200_000 + b"'/></r>", None, "too_many_attributes"),
    "header and declaration differ": (
        b'<?xml version="1.0" encoding="utf-8"?><r>\xc3\xa9</r>',
        "iso-8859-1",
        "charset",
    ),
    "header and mark differ": ("<r>é</r>".encode("utf-16"), "utf-8", "charset"),
    "mark and declaration differ": (
        "\ufeff<?xml version='1.0' encoding='iso-8859-1'?><r>é</r>".encode(),
        None,
        "charset",
    ),
    "utf-16 stated, not sent": (b'<?xml version="1.0" encoding="utf-16"?><r/>', None, "charset"),
    "utf-8 declared in utf-16": ('<?xml version="1.0" encoding="utf-8"?><r/>'.encode("utf-16"), None, "charset"),
    "unknown charset": (b"<r/>", "shift_jis", "charset"),
    "unknown declaration": (b"<?xml version='1.0' encoding='iso-2022-jp'?><r/>", None, "charset"),
    "utf-32": ("<r/>".encode("utf-32"), None, "malformed"),
    "no tag for long": (b"\x1f\x8b" + b"x" * 100_000 + b"<r/>", None, "malformed"),
    "a document type far out": (b" " * 100_000 + b"<!DOCTYPE r><r/>", None, "malformed"),
    "endless declaration": (b"<?xml version='1.0'" + b" " * 2_000 + b"encoding='utf-7'?><r/>", None, "malformed"),
    "xml 2.0": (b"<?xml version='2.0'?><r/>", None, "malformed"),
    "space before the declaration": (b" <?xml version='1.0'?><r/>", None, "malformed"),
    "not ascii": (b"<r>\xc3\xa9</r>", "us-ascii", "malformed"),
    "not utf-8": (b"<r>\xff</r>", None, "malformed"),
    "hole in windows-1252": (b"<r>\x81</r>", "windows-1252", "malformed"),
    "half a utf-16 unit": ("<r/>".encode("utf-16")[:-1], None, "malformed"),
    "lone surrogate": ("<r>".encode("utf-16") + b"\x00\xd8" + "</r>".encode("utf-16-le"), None, "malformed"),
    "nul": (b"<r>\0</r>", None, "malformed"),
    "control character": (b"<r>\x08</r>", None, "malformed"),
    "control reference": (b"<r>&#8;</r>", None, "malformed"),
    "nothing": (b"", None, "malformed"),
    "blank": (b" \n", None, "malformed"),
    "json": (b'{"a": 1}', None, "malformed"),
    "truncated tag": (b"<r><a", None, "malformed"),
    "truncated": (b"<r><a>", None, "malformed"),
    "truncated long text": (b"<r><a>" + b"x" * 100_000, None, "malformed"),
    "trailing garbage": (b"<r/>x", None, "malformed"),
    "two roots": (b"<r/><r/>", None, "malformed"),
    "undeclared prefix": (b"<a:r/>", None, "malformed"),
    "attribute twice": (b"<r a='1' a='2'/>", None, "malformed"),
    "mismatch": (b"<r><depth></r></depth>", None, "malformed"),
    "a very long name": (b"<" + b"x" * 60_000 + b"/>", None, "malformed"),
}


async def whole(body: bytes, charset: str | None) -> etree._Element:
    return xml.parse(body, charset=charset)


async def pieces(body: bytes, charset: str | None) -> etree._Element:
    return await xml.parse_in_pieces(body, charset=charset)


ROADS = pytest.mark.parametrize("road", [whole, pieces])
Road = Callable[[bytes, str | None], Awaitable[etree._Element]]


@pytest.fixture(params=["as it is", "byte by byte"])
def small(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Send small bodies through the pieces too, in the smallest pieces there are."""
    if request.param == "byte by byte":
        monkeypatch.setattr(xml, "WHOLE_SIZE_BYTES", 0)
        monkeypatch.setattr(xml, "_PIECE", 7)


@ROADS
@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("case", ACCEPTED)
async def test_good_documents_are_read_by_their_meaning(road: Road, case: str) -> None:
    """Whatever of the five charsets carries it, the text of `r` is what its sender meant."""
    body, charset, text = ACCEPTED[case]
    root = await road(body, charset)
    (found,) = root.xpath("descendant-or-self::r")
    assert found.text == text


async def _reason(road: Road, body: bytes, charset: str | None) -> str:
    with pytest.raises(xml.XmlRefused) as caught:
        await road(body, charset)
    assert 0 < len(caught.value.detail) <= 200
    return caught.value.reason


@ROADS
@pytest.mark.parametrize("case", REFUSED)
async def test_bad_documents_are_refused_with_their_reason(road: Road, case: str) -> None:
    """Each bad document has one reason, by both roads."""
    body, charset, reason = REFUSED[case]
    assert await _reason(road, body, charset) == reason


@pytest.mark.parametrize("case", [name for name in REFUSED if len(REFUSED[name][0]) < 2_000])
async def test_small_pieces_change_no_reason(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bad document cut into pieces of seven bytes is refused for the same reason as whole."""
    monkeypatch.setattr(xml, "WHOLE_SIZE_BYTES", 0)
    monkeypatch.setattr(xml, "_PIECE", 7)
    body, charset, reason = REFUSED[case]
    assert await _reason(pieces, body, charset) == reason


@pytest.mark.parametrize("size", range(1, 16))
async def test_nothing_behind_an_undeclared_entity_is_read_as_a_document(
    size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After one lxml gives the document up without a word and begins anew with the next piece: what a caller hides there is never ours."""
    monkeypatch.setattr(xml, "WHOLE_SIZE_BYTES", 0)
    monkeypatch.setattr(xml, "_PIECE", size)
    for body in (b"<r>&x;<a/>", b"<r>&x;<a/></r>", b"<r b='&x;'><a/>", b"<r>t &x; u<a></a>"):
        with pytest.raises(xml.XmlRefused, match="Entity 'x' not defined, line 1"):
            await pieces(body, None)


async def test_a_second_document_behind_an_undeclared_entity_is_refused_in_large() -> None:
    """The same with the pieces that a real body is read in: the envelope behind the padding would be another call than the backend's."""
    body = b"<r>&x;" + b" " * xml.WHOLE_SIZE_BYTES
    for hidden in (b"<a/>", b"<a/></r>"):
        with pytest.raises(xml.XmlRefused, match="Entity 'x' not defined"):
            await pieces(body + hidden, None)


ROWS = b"<r>" + b"<row><id>12</id><name x='y'>Hamlet</name></row>" * 9_000 + b"</r>"
LARGE = {
    "rows": ROWS,
    "rows in utf-16": ROWS.decode().encode("utf-16"),
    "text with signs": b"<r>" + b"a=b&amp;" * 100_000 + b"</r>",
    "long text after an end tag": b"<r><a></a>" + b"x=" * 200_000 + b"</r>",
    "cdata": b"<r><![CDATA[" + b"<x>" * 10_000 + b"x" * 300_000 + b"]]></r>",
    "comment": b"<r>a<!--" + b"<x>" * 10_000 + b"-->b" + b"x" * 70_000 + b"</r>",
    "instruction": b"<r>a<?p " + b"x" * 100_000 + b"?>b</r>",
    "empties": b"<r>" + b"<a/>" * 65_000 + b"</r>",
    "text": b"<r>" + b"x" * 1_000_000 + b"</r>",
    "references": b"<r>" + b"&lt;" * 250_000 + b"</r>",
}


@pytest.mark.parametrize("case", LARGE)
async def test_a_large_document_is_the_same_tree_by_both_roads(case: str) -> None:
    """Above 64 KiB the pieces, or the thread for long sections, build what one parse builds."""
    expected = xml.parse(LARGE[case], charset=None)
    assert etree.tostring(await xml.parse_in_pieces(LARGE[case], charset=None)) == etree.tostring(expected)


async def test_a_reply_may_have_more_markup_than_a_request_and_keeps_the_other_bounds() -> None:
    """`markup_max` lifts the count alone; depth is still checked, by a thread where the tree is large."""
    many = b"<r>" + b"<a/>" * 70_000 + b"</r>"
    assert await _reason(pieces, many, None) == "too_many_elements"
    assert len(await xml.parse_in_pieces(many, charset=None, markup_max=xml.REPLY_MARKUP)) == 70_000
    deep = many[:-4] + b"<a>" * 64 + b"</a>" * 64 + b"</r>"
    with pytest.raises(xml.XmlRefused, match="too_deep"):
        await xml.parse_in_pieces(deep, charset=None, markup_max=xml.REPLY_MARKUP)


SNIPPETS = [
    b"<r>", b"</r>", b"<a b='1'>", b"</a>", b"<a/>", b"x", b"&amp;", b"&x;", b"<!-- c -->", b"<?p i?>", b"<![CDATA[<]]>",
    b"<!DOCTYPE r>", b"\xef\xbb\xbf", b"\xff\xfe", b"\0", b"\xc3\xa9", b"\xe9", b" ", b"]]>", b"xmlns:a='u'", b"<a:b/>",
    b"<?xml version='1.0' encoding='utf-8'?>", b"<?xml version='1.0' encoding='iso-8859-1'?>", b"<", b">", b"=", b"'",
]  # fmt: skip
DOCUMENTS = st.lists(st.sampled_from(SNIPPETS) | st.binary(max_size=3), max_size=14).map(b"".join)
CHARSETS = st.sampled_from([None, "utf-8", "utf-16", "iso-8859-1", "us-ascii", "koi8-r"])


def _outcome(road: Road, body: bytes, charset: str | None) -> bytes:
    try:
        return etree.tostring(asyncio.run(road(body, charset)))
    except xml.XmlRefused as refused:
        return refused.reason.encode()


@settings(deadline=None, max_examples=300)
@given(inner=DOCUMENTS, wrap=st.booleans(), charset=CHARSETS, piece=st.integers(1, 9))
def test_both_roads_agree_on_any_bytes(inner: bytes, wrap: bool, charset: str | None, piece: int) -> None:
    """No bytes give one outcome whole and another in pieces, and nothing but `XmlRefused` ever comes out."""
    body = b"<r>" + inner + b"</r>" if wrap else inner
    expected = _outcome(whole, body, charset)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(xml, "WHOLE_SIZE_BYTES", 0)
        patch.setattr(xml, "_PIECE", piece)
        assert _outcome(pieces, body, charset) == expected


def test_a_million_elements_are_refused_before_they_are_built() -> None:
    """The refusal costs a look at the bytes: under a tenth of what the parse alone would."""
    body = b"<r>" + b"<a/>" * 1_000_000 + b"</r>"

    def refuse() -> None:
        with pytest.raises(xml.XmlRefused, match="too_many_elements"):
            xml.parse(body, charset=None)

    assert best_s(refuse) < best_s(lambda: etree.fromstring(body), times=1) / 10


@pytest.mark.parametrize("case", ["rows", "empties", "cdata", "references"])
async def test_the_loop_goes_round_while_a_large_document_is_parsed(case: str) -> None:
    """Another task gets its turns during the parse of a megabyte: one per piece at least, or the parse is a thread's."""
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        task = group.create_task(other())
        await xml.parse_in_pieces(LARGE[case], charset=None)
        task.cancel()
    # A thread is done when it is done: how often the loop goes round meanwhile is the machine's business, that it does is ours.
    assert turns >= (2 if case == "cdata" else len(LARGE[case]) // 32_768)


# Eighty documents of 300 KB, each given up with most of its tree made: 4 MB each where that is left behind.
HALVES = """
import asyncio, sys
from contextlib import suppress
from pathlib import Path
from adapters import xml

ROWS = b"<r>" + b"<a>aisle, row 7</a>" * 15_000
CROWDED = b"<a " + b" ".join(b'a%d=""' % number for number in range(300)) + b"/>"

async def cancelled():
    task = asyncio.ensure_future(xml.parse_in_pieces(ROWS + b"</r>", charset=None))
    for _ in range(10):  # eight turns before the first piece is fed, then one for each half millisecond of four
        await asyncio.sleep(0)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
        raise AssertionError("it was over before")

async def refused():
    with suppress(xml.XmlRefused):
        await xml.parse_in_pieces(ROWS + CROWDED + b"</r>", charset=None)

async def broken():
    with suppress(xml.XmlRefused):
        await xml.parse_in_pieces(ROWS + b"</b></r>", charset=None)

async def unclosed():
    with suppress(xml.XmlRefused):
        await xml.parse_in_pieces(ROWS, charset=None)

async def times(count):
    for _ in range(count):
        await globals()[sys.argv[1]]()

def rss_bytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

asyncio.run(times(8))  # for what stays in any case
before = rss_bytes()
asyncio.run(times(80))
print(rss_bytes() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="there is no /proc to read the memory from")
@pytest.mark.parametrize("end", ["cancelled", "refused", "broken", "unclosed"])
def test_a_document_that_is_given_up_half_way_leaves_nothing(end: str) -> None:
    """Its caller hung up, it broke a bound, or it was no XML after all: half a tree is freed as a whole one is."""
    said = subprocess.run([sys.executable, "-c", HALVES, end], capture_output=True, text=True, check=True, timeout=60)
    assert int(said.stdout) < 8 * 1024 * 1024


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("<a b=\"c\" d='e'>&amp;\r\n\t", "&lt;a b=&quot;c&quot; d=&#39;e&#39;&gt;&amp;amp;&#13;\n\t"),
        ("\0\x08\x0b\ufffe\ud800", "\ufffd" * 5),
        ("é€\U0001f3ad", "é€\U0001f3ad"),
        ("", ""),
    ],
)
def test_escape_gives_what_xml_can_carry(text: str, escaped: str) -> None:
    """The five signs and the carriage return become references, what XML 1.0 cannot carry becomes U+FFFD."""
    assert xml.escape(text) == escaped


@given(st.text(st.characters(exclude_categories=[])))
def test_escaped_text_comes_back_from_the_parser(text: str) -> None:
    """What was escaped parses, as text and as attribute, and reads as the text with its illegal characters replaced."""
    legal = "".join(
        c if c in "\t\n\r" or (" " <= c < "\ud800") or ("\udfff" < c < "\ufffe") or c > "\uffff" else "\ufffd"
        for c in text
    )
    root = xml.parse(f"<r a='{xml.escape(text)}'>{xml.escape(text)}</r>".encode(), charset=None)
    assert (root.text or "") == legal


@pytest.mark.parametrize(("tag", "name", "namespace"), [("{u:x}a", "a", "u:x"), ("a", "a", ""), ("{}a", "a", "")])
def test_tags_are_taken_apart(tag: str, name: str, namespace: str) -> None:
    """A tag of lxml gives its local name and its namespace, empty where there is none."""
    assert (xml.local(tag), xml.ns(tag)) == (name, namespace)
