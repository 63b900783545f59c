"""The JSON side of an XML-RPC endpoint: whole calls and replies, against the standard library's server, and against any bytes."""

from __future__ import annotations

import asyncio
import json
import threading
import urllib.request
import xmlrpc.client as peer
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from xmlrpc.server import SimpleXMLRPCServer

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.xmlrpc.facade import XmlRpcFacade
from sidecar.model import Refusal
from sidecar.ports import Asked
from sidecar.signatures import Kind, Member, Signature, Signatures, Type
from tests.adapters.corpus import xmlrpc as endpoint_side
from tests.adapters.test_fuzz import EDITS, mutated, states_reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sidecar.ports import Facade

XML = ((b"Content-Type", b"text/xml"),)
STRING, INT = Type(Kind.STRING), Type(Kind.INT)
RESERVE = Signature(
    "tickets.reserve",
    (Member("session", STRING), Member("seats", INT), Member("at", Type(Kind.DATETIME), optional=True)),
    Type(Kind.STRUCT, (Member("until", Type(Kind.DATETIME)), Member("code", Type(Kind.BASE64)))),
)
FACADE = XmlRpcFacade(Signatures((RESERVE,)))
OPEN = XmlRpcFacade(Signatures(allow_nil=True, allow_i8=True))


async def asked(body: Any, name: str = "m", facade: XmlRpcFacade = FACADE) -> Any:
    """Return the parameters that a backend would read, or the refusal."""
    found = await facade.ask(name, body if isinstance(body, bytes) else json.dumps(body).encode(), "")
    return found if isinstance(found, Refusal) else list(peer.loads(found.body)[0])


def reply(value: Any) -> bytes:
    """Return a methodResponse as Python writes it."""
    return peer.dumps((value,), methodresponse=True, allow_none=True).encode()


async def told(value: Any, name: str = "m") -> Any:
    """Return the value of a reply."""
    found = await FACADE.tell(name, XML, value if isinstance(value, bytes) else reply(value))
    return found if isinstance(found, Refusal) else json.loads(found)


def test_it_is_what_the_port_wants() -> None:
    """By its methods."""
    facade: Facade = FACADE
    assert facade is FACADE


async def test_a_call_and_its_reply() -> None:
    """By names, in and out."""
    sent = {"at": "2026-12-01T09:00:00", "seats": 2, "session": "a&b"}
    assert await asked(sent, "tickets.reserve") == ["a&b", 2, peer.DateTime("20261201T09:00:00")]
    value = {"until": peer.DateTime("20261201T09:10:00"), "code": peer.Binary(b"abc"), "n": [1, 2.5, True, None]}
    assert await told(value, "tickets.reserve") == {
        "until": "2026-12-01T09:10:00",
        "code": "YWJj",
        "n": [1, 2.5, True, None],
    }
    assert await told(value) == {
        "until": {"$dateTime": "20261201T09:10:00"},
        "code": {"$base64": "YWJj"},
        "n": [1, 2.5, True, None],
    }


async def test_a_get() -> None:
    """Its query is read by the signature; a method that takes nothing needs none."""
    found = await FACADE.ask("tickets.reserve", None, "seats=2&session=a")
    assert isinstance(found, Asked)
    assert peer.loads(found.body) == (("a", 2), "tickets.reserve")
    found = await FACADE.ask("m", None, "")
    assert isinstance(found, Asked)
    assert peer.loads(found.body) == ((), "m")
    found = await FACADE.ask("tickets.reserve", None, "seats=x&seats=2&sesion=a")
    assert isinstance(found, Refusal)
    assert (found.state, found.reason) == ("invalid_params", "duplicate")
    assert {(pointer, code) for pointer, code, _ in found.errors} == {
        ("/seats", "duplicate"),
        ("/sesion", "unknown"),
        ("/session", "missing"),
    }


@pytest.mark.parametrize(
    ("body", "state", "errors"),
    [
        (b"{", "malformed", None),
        (b"", "malformed", None),
        (b'{"session":"a","session":"b"}', "invalid_params", [("/session", "duplicate")]),
        (b"[NaN]", "malformed", None),
        (b"[1e400]", "invalid_params", [("/0", "number")]),
        (b'["\\u0000", null, 4294967296]', "invalid_params", [("/0", "characters"), ("/1", "null"), ("/2", "range")]),
        (b"[" * 100_000 + b"]" * 100_000, "malformed", None),
        (b"[" * 60 + b"]" * 60, "invalid_params", [("/0" * 21, "depth")]),
        (b'{"a": 1}', "invalid_params", [("", "type")]),
        (b"5", "invalid_params", [("", "type")]),
    ],
)
async def test_what_never_reaches_the_backend(body: bytes, state: str, errors: list[tuple[str, str]] | None) -> None:
    """It is refused with its place."""
    found = await asked(body)
    assert isinstance(found, Refusal)
    assert found.state == state
    if errors is not None:
        assert [(pointer, code) for pointer, code, _ in found.errors] == errors
    assert states_reason(found.state, found.reason)
    assert found.detail


@pytest.mark.parametrize("name", ["a.b", "Größe", "system.listMethods", "x" * 255])
def test_names_of_methods(name: str) -> None:
    """Whatever XML-RPC can say may be one."""
    assert FACADE.knows(name)


@pytest.mark.parametrize("name", ["", "a b", "a<b", "a\n", "x" * 256])
async def test_no_names_of_methods(name: str) -> None:
    """Nobody is asked for them."""
    assert not FACADE.knows(name)
    found = await FACADE.ask(name, b"[]", "")
    assert isinstance(found, Refusal)
    assert (found.state, found.reason) == ("malformed", "operation")


async def test_what_is_written_is_read_as_a_call() -> None:
    """By our own endpoint, with the name and the parameters that it means."""
    from sidecar.model import Dialect  # noqa: PLC0415 -- beside its only use
    from tests.adapters.corpus import head  # noqa: PLC0415 -- as above

    found = await FACADE.ask("tickets.reserve", b'["</string>", 1]', "")
    assert isinstance(found, Asked)
    named = await endpoint_side().classify(head("POST", "/r", found.headers), "", Dialect.JSON, found.body)
    assert not isinstance(named, Refusal)
    assert named.operation == "tickets.reserve"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "empty"),
        (b"oops", "not_xml"),
        (b"<html><body>down<br></body></html>", "html"),
        (b"<!DOCTYPE html><html><p></html>", "html"),
        (b"<methodResponse><params>", "truncated"),
        (b"<methodResponse><params></methodResponse>", "not_xml"),
        (b"<methodResponse>\xe9</methodResponse>", "not_xml"),
        (b"<methodResponse><string>\x00\x01</string></methodResponse>", "not_xml"),
        (b"<!DOCTYPE a [<!ENTITY x 'y'>]><methodResponse>&x;</methodResponse>", "not_xml"),
        (b"<methodCall/>", "root"),
        (b"<methodResponse><fault><value/></fault></methodResponse>", "root"),
        (b"<a>" * 70 + b"</a>" * 70, "too_large"),
        (b"<methodResponse>" + b"<a/>" * 530_000 + b"</methodResponse>", "too_large"),
        (reply(["" for _ in range(100_001)]), "too_large"),
    ],
)
async def test_a_reply_that_is_none(body: bytes, reason: str) -> None:
    """The caller is told what came instead."""
    found = await told(body)
    assert isinstance(found, Refusal)
    assert (found.state, found.reason) == ("backend_bad_reply", reason)
    assert found.detail


async def test_the_charset_of_the_header_counts() -> None:
    """What it says of the bytes is believed, where the document says nothing else."""
    latin = "<methodResponse><params><param><value>é</value></param></params></methodResponse>".encode("latin-1")
    assert await FACADE.tell("m", ((b"content-type", b"text/xml; charset=ISO-8859-1"),), latin) == '"é"'.encode()
    assert isinstance(await FACADE.tell("m", XML, latin), Refusal)


async def test_large_replies_are_whole() -> None:
    """Joined elsewhere, freed in pieces, the same."""
    value = [{"name": "Hamlet", "text": "x" * 400, "n": at} for at in range(3_000)]
    assert await told(value) == value


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (peer.Fault(4, "no & no"), {"code": 4, "text": "no & no"}),
        ({"faultCode": "Server", "faultString": "Failed"}, {"code": "Server", "text": "Failed"}),
        ({"faultString": "x" * 5_000}, {"text": "x" * 300}),
        (peer.Fault(1, "no seats\nTraceback (most recent call last):\n  File"), {"code": 1, "text": "no seats"}),
        ({"faultCode": [1], "faultString": ""}, None),
        ("no struct", None),
        ({"faultCode": 1, "faultString": "x" * 70_000}, None),
    ],
)
async def test_what_a_fault_says(fault: Any, said: Any) -> None:
    """Its code, a number or a word, and its text."""
    body = peer.dumps(fault, methodresponse=True) if isinstance(fault, peer.Fault) else reply(fault).decode().replace(
        "<params>\n<param>", "<fault>").replace("</param>\n</params>", "</fault>")  # fmt: skip
    found = await FACADE.fault("m", XML, body.encode())
    assert (json.loads(found) if found else None) == said


async def test_a_fault_is_told_whole_where_the_settings_say_so() -> None:
    """With what Python's servers write below it, as far as anybody reads."""
    whole = XmlRpcFacade(stack_traces=True)
    body = peer.dumps(peer.Fault(1, "no seats\nTraceback" + "x" * 5_000), methodresponse=True).encode()
    said = json.loads(await whole.fault("m", XML, body))
    assert said["text"].startswith("no seats\nTraceback")
    assert len(said["text"]) == 4_096


async def test_what_is_no_fault_says_nothing() -> None:
    """Its grade has said all."""
    assert await FACADE.fault("m", XML, reply(1)) == b""
    assert await FACADE.fault("m", XML, b"<html>") == b""


async def test_an_operators_answer() -> None:
    """Is a reply as the backend would write it, and read like one; what the signature does not allow is told."""
    value = {"until": "2026-12-01T09:00:00", "code": "YWJj"}
    found = await FACADE.answer("tickets.reserve", json.dumps(value).encode())
    assert not isinstance(found, Refusal)
    dialect, headers, body = found
    assert (dialect.value, headers) == ("xmlrpc", XML)
    assert peer.loads(body)[0] == ({"until": peer.DateTime("20261201T09:00:00"), "code": peer.Binary(b"abc")},)
    assert await told(body, "tickets.reserve") == value
    wrong = await FACADE.answer("tickets.reserve", b'{"until": 5}')
    assert isinstance(wrong, Refusal)
    assert [(pointer, code) for pointer, code, _ in wrong.errors] == [("/until", "type"), ("/code", "missing")]
    bare = await FACADE.answer("m", b"null")
    assert isinstance(bare, Refusal)
    assert bare.errors[0][:2] == ("", "null")
    assert isinstance(await FACADE.answer("m", b"{"), Refusal)


def test_what_decides_how_a_reply_looks() -> None:
    """What methods return, and nothing else: a parameter more leaves what was made of an answer as good as it was."""
    same = Signature("tickets.reserve", (), RESERVE.returns)
    assert FACADE.form == XmlRpcFacade(Signatures((same,), allow_nil=True)).form
    assert FACADE.form != XmlRpcFacade(Signatures((Signature("tickets.reserve"),))).form


async def test_what_the_pages_are_told() -> None:
    """The methods with a signature, as far as they are offered."""
    assert [each.name for each in (await FACADE.describe(lambda _: True)).operations] == ["tickets.reserve"]
    assert (await FACADE.describe(lambda _: False)).operations == ()
    assert (await OPEN.describe(lambda _: True)).operations == ()


ALPHABET = st.characters(codec="utf-8", exclude_characters="\ufffe\uffff", exclude_categories=["Cs", "Cc"])
LEGAL = st.text(ALPHABET, max_size=8) | st.sampled_from(["\r", "\t\n", "]]>", "&amp;"])
NAMES = LEGAL.filter(lambda name: name not in ("__proto__", "$base64", "$dateTime"))
MARKED = st.sampled_from([{"$base64": "AAEC"}, {"$dateTime": "20261201T09:00:00"}])
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | LEGAL
    | MARKED,
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(NAMES, inside, max_size=3),
    max_leaves=10,
)


@given(VALUES)
def test_a_value_comes_back_as_it_went(value: Any) -> None:
    """JSON, a call, the same parameter as a reply, JSON."""

    async def round_trip() -> Any:
        found = await OPEN.ask("m", json.dumps([value]).encode(), "")
        assert isinstance(found, Asked)
        inside = found.body.partition(b"</methodName>")[2].removesuffix(b"</methodCall>")
        back = await OPEN.tell("m", XML, b"<methodResponse>" + inside + b"</methodResponse>")
        assert isinstance(back, bytes)
        return json.loads(back)

    back = asyncio.run(round_trip())
    assert back == value
    assert repr(back) == repr(value)


TEMPLATE = reply({"a": [1, 2.5, True, None, "x"], "t": peer.DateTime("20261201T09:00:00"), "b": peer.Binary(b"abc")})


@given(
    st.binary(max_size=200) | EDITS.map(lambda edits: mutated(TEMPLATE, edits)),
    st.sampled_from(["m", "tickets.reserve"]),
)
def test_any_bytes_are_read_or_refused(body: bytes, name: str) -> None:
    """Nothing is raised; what is read is JSON, what is refused has its reason in the table."""
    found = asyncio.run(FACADE.tell(name, XML, body))
    if isinstance(found, Refusal):
        assert found.state == "backend_bad_reply"
        assert states_reason(found.state, found.reason)
    else:
        json.loads(found)
    said = asyncio.run(FACADE.fault(name, XML, body))
    assert said == b"" or isinstance(json.loads(said), dict)


@given(
    st.binary(max_size=60)
    | EDITS.map(lambda edits: mutated(b'{"session": "a", "seats": [2, {"$base64": "AA=="}]}', edits)),
    st.text(max_size=40),
)
def test_any_json_is_asked_or_refused(body: bytes, query: str) -> None:
    """Nothing is raised, by a body or by a query."""
    for found in (asyncio.run(OPEN.ask("m", body, "")), asyncio.run(FACADE.ask("tickets.reserve", None, query))):
        if isinstance(found, Refusal):
            assert found.state in ("invalid_params", "malformed")
            assert states_reason(found.state, found.reason)
        else:
            peer.loads(found.body)


@contextmanager
def serving(**methods: Callable[..., Any]) -> Iterator[str]:
    """Serve methods with the standard library."""
    with SimpleXMLRPCServer(("127.0.0.1", 0), allow_none=True, logRequests=False) as server:
        for name, method in methods.items():
            server.register_function(method, name)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/RPC2"
        finally:
            server.shutdown()
            thread.join()


async def through(url: str, name: str, value: Any) -> Any:
    """Call a live method with JSON and return its JSON."""
    found = await OPEN.ask(name, json.dumps(value).encode(), "")
    assert isinstance(found, Asked)
    request = urllib.request.Request(url, found.body, {key.decode(): line.decode() for key, line in found.headers})
    with await asyncio.to_thread(urllib.request.urlopen, request) as got:
        body = got.read()
    fault = await OPEN.fault(name, XML, body)
    if fault:
        return json.loads(fault)
    back = await OPEN.tell(name, XML, body)
    assert isinstance(back, bytes)
    return json.loads(back)


async def test_through_a_live_server() -> None:
    """What is sent arrives as what it is, and comes back so."""
    values = [1, -5.25, True, None, "é <&> \U0001f3ad\n", [], {}, {"a": [{"$base64": "AAEC"}]}]
    values += [{"$dateTime": "20261201T09:00:00"}, ["nested", [["deep"]]]]
    with serving(echo=lambda *values: list(values), kind=lambda value: type(value).__name__) as url:
        assert await through(url, "echo", values) == values
        kinds = [await through(url, "kind", [value]) for value in values]
        assert kinds == ["int", "float", "bool", "NoneType", "str", "list", "dict", "dict", "DateTime", "list"]
        failed = await through(url, "nobody", [])
    assert failed["code"] == 1
    assert "nobody" in failed["text"]


MANY = [1, True, "a", 2.5, {"$dateTime": "19980717T14:08:55"}, {"$base64": "AAEC"}]
SIGNS = {"ctLeftAngleBrackets": 2, "ctRightAngleBrackets": 1, "ctAmpersands": 1, "ctApostrophes": 2, "ctQuotes": 2}
VALIDATOR: list[tuple[str, Any, Any]] = [
    ("arrayOfStructsTest", [[{"moe": 1, "larry": 2, "curly": 3}, {"moe": 1, "larry": 2, "curly": 4}]], 7),
    ("countTheEntities", ["<a>&'\"'\"<"], SIGNS),
    ("easyStructTest", [{"moe": 1, "larry": 2, "curly": 3, "shemp": 9}], 6),
    ("echoStructTest", [{"a": {"b": [1, "x"]}}], {"a": {"b": [1, "x"]}}),
    ("manyTypesTest", MANY, MANY),
    ("moderateSizeArrayCheck", [["first", *["x"] * 150, "last"]], "firstlast"),
    ("nestedStructTest", [{"2000": {"04": {"01": {"moe": 1, "larry": 2, "curly": 3}}}}], 6),
    ("simpleStructReturnTest", [5], {"times10": 50, "times100": 500, "times1000": 5000}),
]


def stooges(value: Any) -> int:
    """Return the sum of the three."""
    return int(value["moe"] + value["larry"] + value["curly"])


def entities(text: str) -> dict[str, int]:
    """Count the five."""
    names = {"<": "LeftAngleBrackets", ">": "RightAngleBrackets", "&": "Ampersands", "'": "Apostrophes", '"': "Quotes"}
    return {f"ct{name}": text.count(sign) for sign, name in names.items()}


METHODS: dict[str, Callable[..., Any]] = {
    "arrayOfStructsTest": lambda structs: sum(each["curly"] for each in structs),
    "countTheEntities": entities,
    "easyStructTest": stooges,
    "echoStructTest": lambda value: value,
    "manyTypesTest": lambda *values: list(values),
    "moderateSizeArrayCheck": lambda texts: texts[0] + texts[-1],
    "nestedStructTest": lambda years: stooges(years["2000"]["04"]["01"]),
    "simpleStructReturnTest": lambda value: {f"times{10**at}": value * 10**at for at in (1, 2, 3)},
}


async def test_the_classical_suite() -> None:
    """The eight calls of validator1 (UserLand, 1999), as JSON."""
    with serving(**{f"validator1.{name}": method for name, method in METHODS.items()}) as url:
        found = [await through(url, f"validator1.{name}", params) for name, params, _ in VALIDATOR]
    assert found == [expected for _, _, expected in VALIDATOR]
