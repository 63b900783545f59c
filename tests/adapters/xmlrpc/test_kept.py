"""Which XML-RPC replies may be kept, and replies made of an operator's JSON."""

from __future__ import annotations

import xmlrpc.client as codec

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.xmlrpc.adapter import XmlRpcAdapter
from adapters.xmlrpc.kept import veto
from sidecar.answers import Entry, Question
from sidecar.model import Answer, Dialect, Executed, Grade, Outbound
from tests.adapters.corpus import head

ADAPTER = XmlRpcAdapter()
FINE = b"<?xml version='1.0'?>\n<methodResponse>\n<!-- x --><params><param><value>1</value></param></params></methodResponse>"


def answer(body: bytes, state: str = "ok") -> Answer:
    """Return an answer."""
    return Answer(200, "OK", ((b"Content-Type", b"text/xml"),), (body,), len(body), Grade(state, Executed.NO))


@pytest.mark.parametrize(
    ("word", "body", "state"),
    [
        (None, FINE, "ok"),
        (None, FINE, "partial"),
        ("fault", FINE, "sold_out"),
        ("fault", codec.dumps(codec.Fault(1, "no"), methodresponse=True).encode(), "ok"),
        ("fault", b"Bad Gateway", "backend_bad_reply"),
        ("root", b"<methodResponse/>", "ok"),
        ("root", b"<methodCall/>", "ok"),
        ("root", b"<html/>", "ok"),
        ("root", b"text", "ok"),
        ("root", b"", "ok"),
    ],
)
def test_why_an_answer_may_not_be_kept(word, body, state):
    """Only a methodResponse with params is kept."""
    question = Question(b"d", Outbound("POST", "/", (), b""), Dialect.XMLRPC, {})
    assert veto(answer(body, state)) == word
    assert ADAPTER.veto(question, answer(body, state)) == word


async def test_a_kept_answer_is_given_byte_for_byte():
    """There is one dialect, and it has no headers of its own."""
    lines = ((b"Content-Type", b"text/xml"), (b"X-Server", b"1"))
    entry = Entry(b"", "b", "", "m", Dialect.XMLRPC, 0.0, 200, lines, FINE, Grade("ok", Executed.NO))
    assert await ADAPTER.replay(entry, head("POST", "/r", ()), "", b"", Dialect.XMLRPC) == (lines, FINE)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(alphabet="aé <&>\r\n\t\U0001f3ad", max_size=4),
        lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(alphabet="ab<&é", max_size=2), inside, max_size=3),
        max_leaves=8,
    )
)  # fmt: skip
def test_json_becomes_a_reply(value):
    """Any JSON value is returned as it is, as another implementation reads it."""
    dialect, headers, body = ADAPTER.stand_in(orjson.dumps(value))
    assert dialect is Dialect.XMLRPC
    assert headers == ((b"Content-Type", b"text/xml"),)
    (read,), method = codec.loads(body)
    assert method is None
    assert read == value
    assert veto(answer(body)) is None


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (b"2147483647", b"<int>2147483647</int>"),
        (b"2147483648", b"<i8>2147483648</i8>"),
        (b"-2147483649", b"<i8>-2147483649</i8>"),
        (b"1.5", b"<double>1.5</double>"),
        (b"5.0", b"<double>5.0</double>"),
        (b"1e-10", b"<double>0.0000000001</double>"),
        (b"1e22", b"<double>10000000000000000000000</double>"),
        (b"true", b"<boolean>1</boolean>"),
        (b"null", b"<nil/>"),
    ],
)
def test_numbers_are_written_as_xml_rpc_has_them(number, text):
    """`i8` only where it must be, doubles without an exponent."""
    assert text in ADAPTER.stand_in(number)[2]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (b"", "no JSON"),
        (b"{", "no JSON"),
        (b"\xff", "no JSON"),
        (b"NaN", "no infinity"),
        (b"1e999", "no infinity"),
        (b"9223372036854775808", "64 bits"),
        (b'"\\u0000"', "cannot stand in XML"),
        (b'"\\ud800"', "cannot stand in XML"),
        (b'{"\\u0001": 1}', "cannot stand in XML"),
        (b"[" * 30 + b"]" * 30, "inside one another"),
        (b"[" * 100_000, "no JSON"),
    ],
)
def test_what_is_no_reply_says_so(text, wrong):
    """The sentence is for the operator who wrote it."""
    with pytest.raises(ValueError, match=wrong):
        ADAPTER.stand_in(text)
