"""What is seen of replies that are long, in pieces, compressed or in UTF-16, without reading them whole."""

from __future__ import annotations

import gzip
import zlib

import pytest

from adapters import peek
from adapters.soap.adapter import SoapAdapter
from adapters.soap.wsdl import index_one
from sidecar.demo.wsdl import wsdl
from sidecar.model import Call, Dialect, Executed
from sidecar.plan import ResultRule
from tests.adapters.corpus import soap, xmlrpc
from tests.support.envelopes import soap11_fault, soap11_reply, xmlrpc_reply

CALL = Call("b", "", "Report", Dialect.SOAP11)
LONG = soap11_reply("Report", "row " * 500_000)


def pieces(body: bytes, size: int) -> tuple[bytes, ...]:
    """Cut a body as a connection would."""
    return tuple(body[at : at + size] for at in range(0, len(body), size))


def state(body: tuple[bytes, ...], *headers: tuple[bytes, bytes], partial: bool = False) -> str:
    """Grade a reply under 200."""
    verdict = soap().grade(CALL, 200, headers, body, safe=False, partial=partial)
    return verdict.state + (f"/{verdict.reason}" if verdict.reason else "")


@pytest.mark.parametrize("size", [1_000_000_000, 65_536, 1_447, 4_095])
def test_a_long_reply_is_seen_at_both_ends_however_it_came(size):
    """The closing tag may be spread over pieces; a missing one is seen."""
    assert state(pieces(LONG, size)) == "ok"
    assert state(pieces(LONG[:-5], size)) == "backend_bad_reply/truncated"
    assert state(pieces(LONG[:2_000], size)) == "backend_bad_reply/truncated"


@pytest.mark.parametrize("size", [1, 7, 1_000])
def test_a_reply_that_dribbled_in_means_the_same(size):
    """Pieces of one byte are the worst that a backend can do."""
    assert state(pieces(soap11_fault(), size)) == "backend_fault/server"


def test_a_reply_of_which_only_the_beginning_has_come_is_not_called_truncated():
    """A streamed reply's end is still on its way, and Content-Length promises more than is here."""
    promised = (b"Content-Length", str(len(LONG)).encode())
    assert state((LONG[:5_000],), promised, partial=True) == "ok"
    assert state((soap11_fault()[:230],), promised, partial=True) == "backend_fault/server"
    assert state((LONG[:5_000],), promised) == "backend_bad_reply/truncated"


def test_less_than_content_length_promised_is_a_cut_reply():
    """Whatever the end looks like."""
    body = soap11_reply("Report")
    assert state((body,), (b"content-length", str(len(body)).encode())) == "ok"
    assert state((body,), (b"content-length", str(len(body) + 1).encode())) == "backend_bad_reply/truncated"


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("size", [65_536, 1_001])
def test_utf16_is_read_at_both_ends(codec, size):
    """With a byte order mark or without, long or short, in pieces that split a character."""
    text = LONG.decode().replace("utf-8", "utf-16")
    assert state(pieces(text.encode(codec), size)) == "ok"
    assert state(pieces(text[:-3].encode(codec), size)) == "backend_bad_reply/truncated"
    assert state(pieces(soap11_fault().decode().encode(codec), size)) == "backend_fault/server"


def test_a_long_compressed_reply_is_inflated_in_part_only():
    """A bomb costs what 256 KiB cost; its end is not known, so nothing is said of it."""
    bomb = gzip.compress(LONG[:-40] + b" " * 50_000_000, 1, mtime=0)
    seen = peek.look(((b"Content-Encoding", b"gzip"),), (bomb,))
    assert seen.head == LONG[: peek.HEAD_BYTES]
    assert seen.tail is None
    assert not seen.cut
    assert state((bomb,), (b"Content-Encoding", b"gzip")) == "ok"


@pytest.mark.parametrize("coding", [b"gzip", b"x-gzip", b"deflate", b"GZIP"])
def test_a_short_compressed_reply_is_judged_whole(coding):
    """Its checksum is checked, its closing tag looked for, in pieces of any size."""
    raw = soap11_reply("Report", "x" * 9_000)
    squeeze = zlib.compress if coding == b"deflate" else gzip.compress
    header = (b"Content-Encoding", coding)
    assert state(pieces(squeeze(raw), 11), header) == "ok"
    assert state(pieces(squeeze(raw)[:-9], 11), header) == "backend_bad_reply/truncated"
    assert state(pieces(squeeze(raw[:-9]), 11), header) == "backend_bad_reply/truncated"
    assert state((b"not compressed at all",), header) == "backend_bad_reply/truncated"


def test_a_fault_is_found_behind_a_long_header():
    """Security headers come to ten kilobytes; the Body is looked for in the first 64."""
    header = "<h:Sig xmlns:h='urn:h'>" + "A" * 40_000 + "</h:Sig>"
    assert (
        state((soap11_fault().replace(b"<soap:Body>", f"<soap:Header>{header}</soap:Header><soap:Body>".encode()),))
        == "backend_fault/server"
    )


def test_a_body_named_in_a_header_is_not_the_body():
    """A header block that quotes a message must not hide the fault, nor be taken for one."""
    quoted = b"<soap:Header><q><soap:Body><soap:Fault/></soap:Body></q></soap:Header><soap:Body>"
    assert state((soap11_reply("Report").replace(b"<soap:Body>", quoted),)) == "ok"
    assert state((soap11_fault().replace(b"<soap:Body>", quoted),)) == "backend_fault/server"


def test_an_empty_reply_is_fine_where_the_contract_has_none():
    """Accepted one-way calls and void methods of ASMX; anywhere else it is a silent failure."""
    assert soap().grade(CALL, 202, (), (), safe=False).state == "ok"
    assert soap().grade(CALL, 200, (), (), safe=False).reason == "empty"
    assert soap().grade(Call("b", "", "ClearCart", Dialect.ASMX), 200, (), (), safe=False).executed is Executed.YES
    assert xmlrpc().grade(CALL, 202, (), (), safe=False).reason == "empty"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("a", ""),
        ("b", "1"),
        ("list.b", "2"),
        ("list.item.b", "2"),
        ("c", "x & <y> é"),
        ("d", ""),
        ("e", "<raw>"),
        ("f", None),
        ("g", "7"),
        ("list.g", None),
        ("b.g", None),
        ("h", "z"),
        ("nothing", None),
    ],
)
def test_a_value_is_found_by_local_name_or_by_names_joined_with_dots(path, value):
    """Prefixes and attributes do not matter, references and CDATA are text, a name is never half of another."""
    document = (
        '<r xmlns:p="urn:p"><a/><bb>9</bb><p:b t="a>b">1</p:b><list><item><b>2</b></item></list>'
        "<c>x &amp; &lt;y&gt; &#233;</c><d></d><e><![CDATA[<raw>]]></e><f><g>7</g></f><h\n>z</h\n></r>"
    )
    assert peek.text_at(document.encode(), path) == value


@pytest.mark.parametrize(
    ("document", "name", "namespace", "empty"),
    [
        (b"<a/>", b"a", b"", True),
        (b"<p:a xmlns:p='u'>", b"p:a", b"u", False),
        (b'<a x="1>2" xmlns = "u" >', b"a", b"u", False),
        (b'<a xmlns:p="v" p:xmlns="w">', b"a", b"", False),
        (b'<a axmlns="v" xmlns="u"/>', b"a", b"u", True),
        (b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- <b> --><!DOCTYPE a><a>", b"a", b"", False),
        (b"\n\n <a>", b"a", b"", False),
    ],
)
def test_the_root_is_read_past_everything_that_may_stand_before_it(document, name, namespace, empty):
    """A byte order mark, the declaration, comments, white space, a document type."""
    root = peek.root_of(document)
    assert root is not None
    assert (root.name, root.namespace, root.empty) == (name, namespace, empty)


@pytest.mark.parametrize(
    "document", [b"", b"a", b"<", b"< a>", b"{}", b"</a>", b"<?xml ?>", b"<!-- ", b"<a", b"<a b='>"]
)
def test_what_is_no_document_has_no_root(document):
    """Nor does one whose root's tag has not ended."""
    assert peek.root_of(document) is None


@pytest.mark.parametrize("filler", [b"<!--", b"<!", b"<?", b"<a ", b"\"'", b"<a b='", b" ", b"<![CDATA[", b"</", b"&"])
def test_hostile_bytes_cost_no_more_than_a_look(filler):
    """64 KiB of anything are looked at in linear time: a quadratic search would take minutes here, and time out."""
    junk = filler * (peek.HEAD_BYTES // len(filler))
    for body in (
        junk,
        soap11_fault()[:150] + junk,
        b"<methodResponse><fault>" + junk,
        soap11_reply("R", "")[:150] + junk,
    ):
        for kind in (soap(), xmlrpc()):
            assert kind.grade(CALL, 200, (), (body,), safe=False).state in ("backend_bad_reply", "ok", "backend_fault")
    assert peek.text_at(junk, "a.b.c") is None or filler == b"<a "


def test_an_xmlrpc_reply_of_any_length_is_seen_at_both_ends():
    """As for SOAP."""
    body = xmlrpc_reply("a", "x" * 300_000)
    assert xmlrpc().grade(CALL, 200, (), pieces(body, 65_536), safe=False).state == "ok"
    assert xmlrpc().grade(CALL, 200, (), pieces(body[:-2], 65_536), safe=False).reason == "truncated"


@pytest.mark.parametrize(
    ("body", "status", "headers", "partial", "reason"),
    [
        (xmlrpc_reply("a")[:60], 200, (), True, None),
        (xmlrpc_reply("a")[:60], 200, ((b"Content-Length", b"900"),), False, "truncated"),
        (b"\x01\x02", 200, ((b"Content-Encoding", b"br"),), False, None),
        (b"\x01\x02", 502, ((b"Content-Encoding", b"br"),), False, "http_error"),
        (b"<HTML></HTML>", 200, (), False, "html"),
        (b"Bad gateway", 502, ((b"Content-Type", b"text/html; charset=x"),), False, "html"),
        (b"<methodResponse", 200, (), False, "truncated"),
    ],
)
def test_an_xmlrpc_reply_is_judged_by_what_can_be_seen_of_it(body, status, headers, partial, reason):
    """A beginning, a coding that we do not read, a page in the place of a response."""
    verdict = xmlrpc().grade(CALL, status, headers, (body,), safe=False, partial=partial)
    assert verdict.reason == reason


def test_a_coding_that_we_do_not_read_is_judged_by_its_status():
    """We pass it on as it came: the client asked for it."""
    coding = ((b"Content-Encoding", b"zstd"),)
    assert soap().grade(CALL, 200, coding, (b"\x01",), safe=False).state == "ok"
    assert soap().grade(CALL, 500, coding, (b"\x01",), safe=False).reason == "http_error"


def test_a_body_beyond_what_is_looked_at_is_taken_for_a_message():
    """A header block of 100 KB hides the Body from us, so nothing is said against the reply."""
    header = f"<soap:Header>{'<h>' + 'A' * 100_000 + '</h>'}</soap:Header><soap:Body>".encode()
    assert state((soap11_fault().replace(b"<soap:Body>", header),)) == "ok"


@pytest.mark.parametrize("content_type", [b"multipart/related", b"multipart/related; boundary=other"])
def test_parts_without_their_boundary_are_no_reply(content_type):
    """The message cannot be found in them."""
    assert state((b"--b\r\n\r\n<a/>\r\n--b--",), (b"Content-Type", content_type)) == "backend_bad_reply/not_xml"


def test_an_asmx_value_may_lie_below_the_result():
    """A path that begins with the result's name goes on inside the root; any other is looked for as it is."""
    call = Call("b", "", "Op", Dialect.ASMX)
    body = b'<Order xmlns="urn:x"><left>0</left></Order>'
    for path, expected in (
        ("OpResult.left", "sold_out"),
        ("left", "sold_out"),
        ("Order.left", "sold_out"),
        ("other", "ok"),
    ):
        adapter = SoapAdapter(results=[ResultRule("Op", path, "eq", "0", than_param=False, state="sold_out")])
        assert adapter.grade(call, 200, (), (body,), safe=False).state == expected


def test_a_one_way_operation_of_the_wsdl_may_answer_200_with_nothing():
    """The contract has no reply message, so an empty reply is all that there can be."""
    text = wsdl("http://backend.example/box.asmx", single=True)
    one_way = index_one(text.replace(b'<wsdl:output message="tns:ClearCartSoapOut" />', b""))
    assert one_way.by_name("ClearCart")[0].reply is None
    adapter = SoapAdapter(lambda: one_way)
    verdicts = [
        adapter.grade(Call("b", "", name, Dialect.SOAP11), 200, (), (), safe=False)
        for name in ("ClearCart", "GetSeats")
    ]
    assert [verdict.reason for verdict in verdicts] == [None, "empty"]


def test_only_so_many_elements_of_a_name_are_looked_at():
    """Elements that hold no text are not counted as texts: 9 000 of them took seven milliseconds."""
    few = b"<Value>" * 63 + b"<Value>last</Value>"
    assert peek.all_texts_at(few, "Value") == ("last",)
    assert peek.all_texts_at(b"<Value>" + few, "Value") == ()
