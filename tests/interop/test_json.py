"""JSON callers before real servers: each kind of value there and back, each way to fail, and one key for all who ask the same.

One sidecar stands before every server, which is as its library makes it; the taps before the servers know what was asked of whom.
"""

from __future__ import annotations

import json
from base64 import b64encode
from typing import TYPE_CHECKING

import pytest
from lxml import etree

from tests.interop.desks import opened
from tests.interop.peers import DESKS, Visit
from tests.interop.test_tour import REPORT, TEXT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.interop.desks import Facade, Json
    from tests.interop.peers import Client, Server
    from tests.interop.tap import Exchange

CARD: dict[str, Json] = {
    "text": " \tGrüße aus Ελλάδα ☃ 𝄞: 1 < 2 & \"3\" > '2' ]]> <b/> &amp;\nzweite Zeile\n ",
    "count": 2_147_483_647,
    "price": "12.50",
    "big": "9007199254740993",  # 2 ** 53 + 1, the first that a double does not have
    "sold": True,
    "when": "2026-12-24T20:00:00",
    "tags": {"string": ["one", "two"]},
    "seats": {"Seat": [{"row": "A", "number": 1}, {"row": "B & C", "number": 2}]},
    "home": {"row": " Z ", "number": 0},
    "codes": [7, 8],
    "note": "x",
}

NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"

ALL_SOAP = [name for name, each in DESKS.items() if each.protocol == "soap"]
ALL_RPC = ["desk-simple", "desk-perl", "desk-ruby"]

BYTES = {"$base64": b64encode(b"\0\1").decode()}
"""Bytes that are no characters of XML."""


@pytest.fixture(scope="session")
def facade(servers: dict[str, Server], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Facade]:
    """One sidecar before every desk, and before the box offices, some of whose answers it keeps."""
    with opened(servers, tmp_path_factory.mktemp("desks")) as facade:
        yield facade


# --- SOAP


@pytest.mark.parametrize("desk", ALL_SOAP)
def test_each_kind_of_value_comes_back_as_it_was_sent(facade: Facade, desk: str) -> None:
    """Texts keep their ends and their signs, decimals, long integers and times their form, numbers and booleans are those of JSON."""
    reply, asked = facade.watched(desk, "Tell", {"card": CARD})
    assert reply.data == {"TellResult": CARD}
    assert (reply.said["state"], reply.said["executed"]) == ("ok", "yes")
    assert reply.headers["Sidecar-State"].startswith("ok")
    card = _sent(asked, "card")
    assert {name: card[name] for name in ("text", "price", "big", "when", "sold")} == {
        **{name: CARD[name] for name in ("text", "price", "big", "when")},
        "sold": "true",
    }


def _sent(asked: list[Exchange], name: str) -> dict[str, str]:
    """The texts of what the element that the server got holds; "nil" where it is that."""
    assert len(asked) == 1
    root = etree.fromstring(asked[0].request_body)
    inside = next(each for each in root.iter() if etree.QName(each).localname == name)
    return {etree.QName(each).localname: "nil" if each.get(NIL) else each.text or "" for each in inside}


@pytest.mark.parametrize("desk", ALL_SOAP)
def test_one_item_stays_an_array(facade: Facade, desk: str) -> None:
    """Of texts, of records, and of an element that repeats without a wrapper: none, one and two."""
    for items in (0, 1, 2):
        card = CARD | {
            "tags": {"string": ["t", "u"][:items]},
            "seats": {"Seat": CARD["seats"]["Seat"][:items]},
            "codes": [5, 6][:items],
        }
        got = facade.call(desk, "Tell", {"card": card}).data["TellResult"]
        wanted = (card["tags"]["string"], card["seats"]["Seat"], card["codes"])
        assert (got["tags"].get("string", []), got["seats"].get("Seat", []), got.get("codes", [])) == wanted


NOTHING = {"desk-php": None, "desk-npm": None, "desk-gsoap": "invalid"}
"""What comes of null; to spyne None is None. npm soap writes xsi:nil and declares no xsi, and gSOAP's contract has no nillable note."""


@pytest.mark.parametrize("desk", ALL_SOAP)
def test_absent_null_and_empty_are_three_things(facade: Facade, desk: str) -> None:
    """An optional text that is left out, null or empty is that on the wire, and comes back as far as the server tells them apart."""
    least = {name: value for name, value in CARD.items() if name != "note"}
    for note, wire, wanted in (
        ({}, None, "absent"),
        ({"note": None}, "nil", NOTHING.get(desk, "absent")),
        ({"note": ""}, "", ""),
    ):
        reply, asked = facade.watched(desk, "Tell", {"card": least | note})
        if wanted == "invalid":
            assert [each["pointer"] for each in reply.problem["errors"]] == ["/card/note"]
            assert asked == []
            continue
        assert _sent(asked, "card").get("note") == wire
        assert reply.data["TellResult"].get("note", "absent") == wanted


@pytest.mark.parametrize("desk", ALL_SOAP)
def test_a_fault_of_the_caller_is_told_with_its_detail(facade: Facade, desk: str) -> None:
    """Nothing happened, it is for the caller to mend, and what the contract declares of it is typed."""
    problem = facade.call(desk, "Refuse", {"reason": "not today & never <again>"}).problem
    assert (problem["status"], problem["state"], problem["executed"]) == (400, "backend_fault", "no")
    assert problem["retry"]["how"] == "fix"
    fault = problem["fault"]
    assert fault["code"] == ("Sender" if desk == "desk-spyne12" else "Client")
    assert fault["text"] == "not today & never <again>"
    code = "42" if desk.startswith("desk-spyne") else 42  # spyne declares its faults without content
    assert fault["detail"] == {"Refusal": {"code": code, "reason": "not today & never <again>"}}


@pytest.mark.parametrize("desk", ALL_SOAP)
def test_a_fault_of_the_server_leaves_the_outcome_open(facade: Facade, desk: str) -> None:
    """The operation is not safe, so it may have happened."""
    problem = facade.call(desk, "Fail", {"reason": "the printer is out of paper"}).problem
    assert (problem["status"], problem["state"], problem["executed"]) == (502, "backend_fault", "unknown")
    assert problem["retry"]["how"] == "confirm"
    assert problem["fault"]["text"] == "the printer is out of paper"
    assert problem["fault"]["code"] == ("Receiver" if desk == "desk-spyne12" else "Server")


def test_a_fault_of_a_safe_operation_is_no_outcome_at_all(facade: Facade) -> None:
    """It changes nothing, so it may be asked again."""
    problem = facade.call("desk-tidy", "Fail", {"reason": "once more"}).problem
    assert (problem["status"], problem["executed"], problem["retry"]["how"]) == (502, "no", "wait")


@pytest.mark.parametrize("desk", ALL_SOAP)
def test_what_the_contract_does_not_know_is_not_asked(facade: Facade, desk: str) -> None:
    """An operation that is not there is not found."""
    reply, asked = facade.watched(desk, "Tel", {"card": CARD})
    assert (reply.problem["status"], reply.problem["state"], reply.problem["executed"]) == (404, "not_found", "no")
    assert asked == []


@pytest.mark.parametrize("desk", ALL_SOAP)
def test_what_the_schema_forbids_is_not_asked(facade: Facade, desk: str) -> None:
    """All that is wrong is told at once, each with its place, and the server never hears of it."""
    wrong = CARD | {
        "count": "many",
        "big": "9223372036854775808",
        "when": "Christmas",
        "text": "a\u0000b",
        "sold": "yes",
    }
    wrong |= {"seats": {"Seat": [{"row": "A", "number": 1}, {"row": 7, "number": 2}]}, "codez": [1]}
    reply, asked = facade.watched(desk, "Tell", {"card": wrong})
    problem = reply.problem
    assert (problem["status"], problem["state"], problem["executed"]) == (400, "invalid_params", "no")
    assert sorted(each["pointer"] for each in problem["errors"]) == [
        "/card/big",
        "/card/codez",
        "/card/count",
        "/card/seats/Seat/1/row",
        "/card/sold",
        "/card/text",
        "/card/when",
    ]
    assert "did you mean 'codes'?" in next(
        each["text"] for each in problem["errors"] if each["pointer"] == "/card/codez"
    )
    assert asked == []


def test_names_and_arrays_as_javascript_has_them(facade: Facade) -> None:
    """With `flatten` and `camel_case` a wrapper of one array is that array, in both directions."""
    card = CARD | {"tags": ["only"], "seats": CARD["seats"]["Seat"]}
    assert facade.call("desk-tidy", "Tell", {"card": card}).data == {"tellResult": card}
    empty = CARD | {"tags": [], "seats": []}
    told = facade.call("desk-tidy", "Tell", {"card": empty}).data["tellResult"]
    assert (told["tags"], told["seats"]) == ([], [])


def test_rpc_encoded(facade: Facade) -> None:
    """SOAP's own encoding: parts by name, a struct, a nil inside it, and a fault."""
    assert facade.call("php-rpc", "Echo", {"text": TEXT}).data == {"EchoResult": TEXT}
    assert facade.call("php-rpc", "Add", {"a": 19, "b": 23}).data == {"AddResult": 42}
    seat = {"number": 3, "price": 36.75, "sold": False, "note": None}
    assert facade.call("php-rpc", "Seat", {"row": "A", "number": 3}).data == {"SeatResult": seat}
    when = {"when": "2026-12-24T20:00:00", "ratio": 0.5}
    quote = {"when": "2026-12-25T20:00:00", "ratio": 1.0, "day": 24}
    assert facade.call("php-rpc", "Price", when).data == {"PriceResult": quote}
    problem = facade.call("php-rpc", "Refuse", {"reason": "no"}).problem
    assert (problem["executed"], problem["fault"]) == ("no", {"code": "Client", "text": "no"})


@pytest.mark.parametrize("endpoint", ["spyne11-utf16", "spyne12-utf16"])
def test_replies_in_utf16(facade: Facade, endpoint: str) -> None:
    """They are read as what they say."""
    reply, asked = facade.watched(endpoint, "Echo", {"text": CARD["text"]})
    assert reply.data == {"EchoResult": CARD["text"]}
    seen = asked[0].reply_headers
    assert "utf-16" in seen["Content-Type"]


# --- XML-RPC


@pytest.mark.parametrize("desk", ALL_RPC)
def test_each_type_of_a_reply_has_its_json(facade: Facade, desk: str) -> None:
    """Without a signature, what JSON has no type for is marked."""
    told = facade.call(desk, "desk.types", []).data
    more = (
        {"big": "9007199254740993", "nothing": None} if desk == "desk-perl" else {}
    )  # the others write no i8, and no nil here
    assert told == {
        "int": -7,
        "ratio": 12.5,
        "sold": True,
        "text": ' a & b < "c" ',
        "when": {"$dateTime": "20261224T20:00:00"},
        "bytes": {"$base64": "AAH/"},
        "list": [[1], []],
        **more,
    }


def test_a_signature_says_what_needs_no_mark(facade: Facade) -> None:
    """Times and bytes of a reply are texts where the signature names them."""
    told = facade.call("desk-typed", "desk.types", []).data
    assert (told["when"], told["bytes"]) == ("2026-12-24T20:00:00", "AAH/")


VALUES: list[Json] = [
    CARD["text"],
    "",
    "7",
    -2_147_483_648,
    12.25,
    1e-07,
    True,
    {"$dateTime": "20261224T20:00:00"},
    {"$base64": "AAH/"},
    [],
    [["one"]],
    [[], [1, [2, [3]]]],
    {},
    {"a": {"b & c": [1, "x", {"d": False}]}, " e ": ""},
]


@pytest.mark.parametrize("value", VALUES, ids=[json.dumps(each)[:20] for each in VALUES])
def test_each_type_there_and_back(facade: Facade, value: Json) -> None:
    """Python's server gives each value back with its type."""
    assert facade.call("desk-simple", "desk.echo", [value]).data == value


@pytest.mark.parametrize("desk", ALL_RPC)
def test_texts_arrays_and_structs_there_and_back(facade: Facade, desk: str) -> None:
    """Every server gives back what its language does not turn into something else."""
    value = {"text": CARD["text"], "none": [], "one": ["x"], "deep": [["a"], {"b": [{"c": "d"}]}], "empty": ""}
    assert facade.call(desk, "desk.echo", [value]).data == value


@pytest.mark.parametrize("desk", ALL_RPC)
def test_parameters_go_by_position_or_by_the_signature_s_names(facade: Facade, desk: str) -> None:
    """In any order of names."""
    number = "-9223372036854775808"
    assert facade.call(desk, "desk.digits", {"number": number}).data == number
    assert facade.call(desk, "desk.digits", [9007199254740993]).data == "9007199254740993"
    assert facade.call(desk, "desk.add", {"b": -2, "a": 44}).data == 42
    assert facade.call(desk, "desk.add", [44, -2]).data == 42


def test_nil_only_where_it_is_allowed(facade: Facade) -> None:
    """Python and Perl give it back; a backend that is not said to read it never sees it."""
    for desk in ("desk-simple", "desk-perl"):
        assert facade.call(desk, "desk.echo", [None]).data is None
        assert facade.call(desk, "desk.echo", [{"a": [None]}]).data == {"a": [None]}
    assert facade.call("desk-strict", "desk.nothing", []).data is None
    reply, asked = facade.watched("desk-strict", "desk.echo", [{"a": [None]}])
    assert (reply.problem["state"], reply.problem["errors"][0]["pointer"]) == ("invalid_params", "/0/a/0")
    assert asked == []


def test_i8_only_where_it_is_allowed(facade: Facade) -> None:
    """Without a signature an integer is sent as i8 only if it must be and the backend is said to read it."""
    reply, asked = facade.watched("desk-perl", "desk.count", [2**31, 1])
    assert reply.data == 2
    assert b"<i8>2147483648</i8>" in asked[0].request_body
    assert b"<int>1</int>" in asked[0].request_body
    reply, asked = facade.watched("desk-strict", "desk.count", [2**31, 1])
    assert (reply.problem["state"], reply.problem["errors"][0]["pointer"]) == ("invalid_params", "/0")
    assert asked == []


@pytest.mark.parametrize("desk", ALL_RPC)
def test_a_fault_leaves_the_outcome_open(facade: Facade, desk: str) -> None:
    """Nobody can say of an XML-RPC fault whether anything happened."""
    problem = facade.call(desk, "desk.refuse", {"reason": "nö & <never>"}).problem
    assert (problem["status"], problem["state"], problem["executed"]) == (502, "backend_fault", "unknown")
    assert problem["retry"]["how"] == "confirm"
    assert problem["fault"] == {"code": 42, "text": "nö & <never>"}


@pytest.mark.parametrize(
    ("desk", "code", "text"),
    [
        ("desk-simple", 1, "nosuch"),
        ("desk-perl", 200, "nosuch"),
        ("desk-ruby", -99, "nosuch"),
        ("supervisord", 1, "UNKNOWN_METHOD"),
    ],
)
def test_a_method_that_is_not_there_is_the_server_s_to_say(facade: Facade, desk: str, code: int, text: str) -> None:
    """XML-RPC has no contract, so the server is asked, and its own fault told."""
    reply, asked = facade.watched(desk, "nosuch", [])
    assert (reply.problem["state"], reply.problem["fault"]["code"], len(asked)) == ("backend_fault", code, 1)
    assert text in reply.problem["fault"]["text"]


@pytest.mark.parametrize("desk", ALL_RPC)
@pytest.mark.parametrize(
    ("method", "params", "pointers"),
    [
        ("desk.echo", {"value": 1}, [""]),  # no signature, so no names
        ("desk.echo", ["a\u0001"], ["/0"]),
        ("desk.refuse", {"raeson": "x"}, ["/raeson", "/reason"]),
        ("desk.refuse", [7], ["/0"]),
        ("desk.digits", {"number": "many"}, ["/number"]),
        ("desk.add", {"a": 2**31, "b": 1.5}, ["/a", "/b"]),
        ("desk.add", [1, 2, 3], ["/2"]),
    ],
)
def test_what_the_signature_forbids_is_not_asked(
    facade: Facade, desk: str, method: str, params: Json, pointers: list[str]
) -> None:
    """All that is wrong is told at once, and the server never hears of it."""
    reply, asked = facade.watched(desk, method, params)
    problem = reply.problem
    assert (problem["status"], problem["state"], problem["executed"]) == (400, "invalid_params", "no")
    assert sorted(each["pointer"] for each in problem["errors"]) == pointers
    assert asked == []


@pytest.mark.parametrize(
    ("desk", "params"),
    [
        ("desk-ruby", [BYTES]),  # as a string, whatever they are
        ("desk-ruby", [None]),  # an error page
        ("desk-perl", [BYTES]),
        ("desk-perl-ascii", ["Grüße"]),  # RPC::XML declares us-ascii unless it is told what it sends
    ],
)
def test_a_reply_that_is_no_xml_is_named_so(facade: Facade, desk: str, params: list[Json]) -> None:
    """It confirms nothing, and what can be read is read as before."""
    reply, asked = facade.watched(desk, "desk.echo", params)
    problem = reply.problem
    assert (problem["status"], problem["state"], problem["executed"]) == (502, "backend_bad_reply", "unknown")
    assert problem["retry"]["how"] == "confirm"
    assert len(asked) == 1
    assert facade.call(desk, "desk.echo", ["still there"]).data == "still there"


def test_an_xmlrpc_reply_in_utf16(facade: Facade) -> None:
    """It is read as what it says."""
    reply, asked = facade.watched("simple-utf16", "echo", [CARD["text"]])
    assert reply.data == CARD["text"]
    assert asked[0].reply_body.startswith((b"\xff\xfe", b"\xfe\xff"))


@pytest.mark.parametrize(("backend", "operation"), [("php", "Report"), ("simple", "report")])
def test_ten_megabytes_arrive(facade: Facade, backend: str, operation: str) -> None:
    """A reply of 10 000 rows arrives whole and in order."""
    rows, width = 10_000, 1_024
    told = facade.call(backend, operation, {"rows": rows, "width": width} if backend == "php" else [rows, width]).data
    lines = told["ReportResult"]["string"] if backend == "php" else told
    assert "".join(lines).encode() == REPORT


def test_supervisord(facade: Facade) -> None:
    """A program that people run: what it says of itself, and its own fault."""
    assert facade.call("supervisord", "supervisor.getState", []).data == {"statecode": 1, "statename": "RUNNING"}
    told = facade.call("supervisord", "supervisor.getProcessInfo", {"name": "usher"}).data
    assert (told["name"], told["statename"], told["spawnerr"]) == ("usher", "STOPPED", "")
    problem = facade.call("supervisord", "supervisor.getProcessInfo", {"name": "nobody"}).problem
    assert problem["fault"] == {"code": 10, "text": "BAD_NAME: nobody"}
    methods = facade.call("supervisord", "system.listMethods", []).data
    assert "supervisor.getProcessInfo" in methods


STOOGES = {"moe": 5, "larry": -6, "curly": 41}
MANY = [7, True, "a string", 3.5, {"$dateTime": "19980717T14:08:55"}, {"$base64": b64encode(b"of bytes").decode()}]
VALIDATOR1: dict[str, tuple[list[Json], Json]] = {
    "arrayOfStructsTest": ([[STOOGES, {"moe": 1, "larry": 2, "curly": -20}]], 21),
    "countTheEntities": (
        ['<<>&&&\'""x'],
        {"ctLeftAngleBrackets": 2, "ctRightAngleBrackets": 1, "ctAmpersands": 3, "ctApostrophes": 1, "ctQuotes": 2},
    ),
    "easyStructTest": ([STOOGES], 40),
    "echoStructTest": ([{"a": STOOGES, "b": {"c": {"d": "e"}}}], {"a": STOOGES, "b": {"c": {"d": "e"}}}),
    "manyTypesTest": (MANY, MANY),
    "moderateSizeArrayCheck": ([[f"item {n}" for n in range(150)]], "item 0item 149"),
    "nestedStructTest": ([{"2000": {"04": {"01": STOOGES}}, "1999": {}}], 40),
    "simpleStructReturnTest": ([7], {"times10": 70, "times100": 700, "times1000": 7000}),
}


def test_validator1_eight_of_eight(facade: Facade) -> None:
    """The classic suite passes whole in JSON."""
    got = {
        name: facade.call("desk-simple", f"validator1.{name}", params).data for name, (params, _) in VALIDATOR1.items()
    }
    assert got == {name: result for name, (_, result) in VALIDATOR1.items()}


# --- one key


@pytest.mark.parametrize(
    ("backend", "client", "wrapped"),
    [("spyne11", "zeep", True), ("php", "SoapClient", True), ("simple", "xmlrpc.client", False)],
)
def test_json_and_native_callers_share_an_answer(
    facade: Facade, clients: Callable[[str], Client], backend: str, client: str, wrapped: bool
) -> None:
    """Whoever asks the same within the ttl, in whichever dialect and order, the server is asked once."""
    echo, add = ("Echo", "Add") if wrapped else ("echo", "add")
    back = facade.back(backend)
    back.clear()
    first = facade.call(backend, echo, {"text": TEXT} if wrapped else [TEXT])
    assert first.said["state"] == "ok"
    url = f"{facade.sidecar.url}/{backend}" + ("?wsdl" if wrapped else "")
    answers = {each["step"]: each["value"] for each in Visit(clients(client), url, "echo,add").answers()}
    assert answers == {"echo": TEXT, "add": 42}
    after = facade.call(backend, add, {"b": 23, "a": 19})
    assert after.said["state"] == "cached"
    assert after.data == ({"AddResult": 42} if wrapped else 42)
    assert facade.get(backend, add, "a=19&b=23").said == after.said
    assert len(back.exchanges()) == 2, "one for each operation"
