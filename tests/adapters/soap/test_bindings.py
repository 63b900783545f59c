"""ASMX by path: the same question as the envelope's where the WSDL proves it, and nobody's where it does not."""

from __future__ import annotations

import pytest

from adapters.soap.adapter import SoapAdapter
from adapters.soap.bindings import answer
from adapters.soap.contract import Kind
from adapters.soap.wsdl import index_one
from sidecar.answers import Fold, Keying, Question
from sidecar.demo.operations import OPERATIONS
from sidecar.demo.wsdl import wsdl
from tests.adapters.corpus import demo_index, head
from tests.adapters.soap.box import BINDINGS, Request, answer_to, arguments, request
from tests.demo.speak import FORM

PLAIN = Keying()
KNOWN = SoapAdapter(demo_index, path="/box.asmx")
DEMO = wsdl("http://backend.example/box.asmx", single=True)
SEATS = "sSessionKey=K&iPerformanceNumber=7&cSummaryOnly=N"


def ask(asked: Request, adapter: SoapAdapter = KNOWN, keying: Keying = PLAIN) -> Question | str:
    """Ask what a request asks."""
    return adapter.question(asked.head, asked.rest, asked.body, keying)


def get(query: str, name: str = "GetSeats", adapter: SoapAdapter = KNOWN) -> Question | str:
    """Ask what a GET asks."""
    return adapter.question(head("GET", f"/t/{name}?{query}", ()), f"/{name}", b"", PLAIN)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.name)
def test_every_binding_asks_one_question(operation):
    """SOAP 1.1, SOAP 1.2, HTTP-GET and HTTP-POST of a call give one digest and one request, and the backend understands it."""
    found = [ask(request(binding, operation.name, arguments(operation))) for binding in BINDINGS]
    first = found[0]
    assert isinstance(first, Question), first
    assert found == [first] * len(BINDINGS)
    assert answer_to(first.request).status in (200, 500)
    assert b"did not recognize" not in answer_to(first.request).body


def test_the_order_of_a_query_does_not_matter():
    """A query has no order; the question has the schema's."""
    assert get("cSummaryOnly=N&iPerformanceNumber=7&sSessionKey=K") == get(SEATS)
    assert get(SEATS.replace("=7", "=8")) != get(SEATS)


def test_rules_read_a_call_by_path_as_an_envelope():
    """Folds and identities apply to what a query says, under the same names."""
    keying = Keying((("iPerformanceNumber", Fold.INT),), ("sSessionKey",))
    one = KNOWN.question(head("GET", "/t/GetSeats?" + SEATS.replace("=7", "=007"), ()), "/GetSeats", b"", keying)
    assert isinstance(one, Question)
    assert one.identified
    assert dict(one.parameters) == {"sSessionKey": "K", "iPerformanceNumber": "7", "cSummaryOnly": "78"}


@pytest.mark.parametrize(
    "query",
    [
        "sSessionKey=K&iPerformanceNumber=7",
        SEATS + "&more=1",
        SEATS + "&sSessionKey=K",
        SEATS + "&",
        SEATS + "&bare",
        SEATS.replace("sSessionKey", "ssessionkey"),
        SEATS.replace("=7", "=+7"),
        SEATS.replace("=7", "=7.0"),
        SEATS.replace("=7", "="),
        SEATS.replace("=7", "=%D9%A7"),
        SEATS.replace("=N", "=NN"),
        SEATS.replace("=N", "="),
        SEATS.replace("=K", "=%FF"),
        SEATS.replace("=K", "=%00"),
        SEATS.replace("=K", "=%u0041"),
        SEATS.replace("=K", "=%"),
        SEATS.replace("=K", "=é"),
    ],
)
def test_what_two_readers_may_read_differently_is_left_alone(query):
    """Parameters missing, odd or twice, and values that .NET reads otherwise in a query than in XML, prove nothing."""
    assert get(query) == "asmx"


def test_text_is_taken_as_it_is():
    """Percent and plus are decoded once, as UTF-8; two texts are two questions."""
    plain, coded = get(SEATS.replace("=K", "=a+b%2B%C3%A9%25")), get(SEATS.replace("=K", "=%61%20b%2b%c3%a9%25"))
    assert isinstance(plain, Question)
    assert plain == coded
    assert plain.parameters["sSessionKey"] == "a b+é%"


def test_a_form_is_read_where_it_should_be():
    """A form with a query beside it, in another charset or too large is its sender's alone, and so is a GET with a body."""
    media = (b"Content-Type", FORM.encode())

    def post(target: str, body: str, *lines: tuple[bytes, bytes]) -> Question | str:
        return KNOWN.question(head("POST", target, lines or (media,)), "/GetSeats", body.encode(), PLAIN)

    assert post("/t/GetSeats", SEATS) == get(SEATS)
    assert post("/t/GetSeats?x=1", SEATS) == "asmx"
    assert post("/t/GetSeats", SEATS, (b"Content-Type", FORM.encode() + b"; charset=utf-16")) == "asmx"
    assert post("/t/GetSeats", SEATS.replace("K", "K" * 65_536)) == "large"
    assert get(SEATS.replace("K", "K" * 8_192)) == "large"
    assert KNOWN.question(head("GET", f"/t/GetSeats?{SEATS}", ()), "/GetSeats", b"x", PLAIN) == "asmx"
    assert KNOWN.question(head("PUT", f"/t/GetSeats?{SEATS}", ()), "/GetSeats", b"", PLAIN) == "asmx"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'name="sSessionKey" type="s:string"', b'name="sSessionKey" type="tns:Kind"'),
        (b'maxOccurs="1" name="iPerformanceNumber"', b'maxOccurs="9" name="iPerformanceNumber"'),
        (b'<wsdl:part name="cSummaryOnly" type="s:string" />', b'<wsdl:part name="cSummary" type="s:string" />'),
        (b'name="Body" element="tns:DataSet"', b'name="Body" element="tns:string"'),
        (b'name="Body" element="tns:DataSet"', b'name="Body" type="s:string"'),
        (b'<mime:mimeXml part="Body" />', b'<mime:content type="text/plain" />'),
        (b'<soap:body use="literal" />', b'<soap:body use="encoded" />'),
        (b'style="document"', b'style="rpc"'),
        (b'<s:element ref="s:schema" /><s:any />', b'<s:any /><s:element ref="s:schema" />'),
    ],
)
def test_a_contract_that_proves_nothing(old, new):
    """Wherever the two bindings of a contract do not say the same, a call by path is its sender's alone."""
    assert old in DEMO
    changed = DEMO.replace(old, new)
    if old.startswith((b"<soap:body", b"style")):
        changed = changed.replace(old.replace(b"soap:", b"soap12:"), new.replace(b"soap:", b"soap12:"))
    if old.startswith(b"<s:element ref"):  # of the reply alone: the root keeps its own
        changed = DEMO.replace(
            b'name="GetSeatsResult"><s:complexType><s:sequence>' + old,
            b'name="GetSeatsResult"><s:complexType><s:sequence>' + new,
        )
    assert changed != DEMO
    adapter = SoapAdapter(lambda: index_one(changed), path="/box.asmx")
    assert get(SEATS, adapter=adapter) == "asmx"


def test_without_a_contract_nothing_is_proven():
    """Nobody knows what a path means without a WSDL, nor what a path means that it does not have."""
    assert get(SEATS, adapter=SoapAdapter(path="/box.asmx")) == "asmx"
    assert get(SEATS, name="GetSeat") == "asmx"


@pytest.mark.parametrize(
    ("kind", "value", "taken"),
    [
        ("boolean", "true", True),
        ("boolean", "True", False),
        ("boolean", "1", False),
        ("decimal", "-1.50", True),
        ("decimal", "1,50", False),
        ("double", "1e3", False),
        ("dateTime", "2026-11-20T20%3A00%3A00", True),
        ("dateTime", "2026-11-20T20%3A00%3A00Z", False),
        ("dateTime", "11/20/2026", False),
        ("base64Binary", "AA%3D%3D", False),
    ],
)
def test_only_what_both_readers_read_alike(kind, value, taken):
    """Of each simple type, the forms that a query and XML have in common."""
    changed = DEMO.replace(b'name="sSessionKey" type="s:string"', f'name="sSessionKey" type="s:{kind}"'.encode())
    adapter = SoapAdapter(lambda: index_one(changed), path="/box.asmx")
    assert isinstance(get(SEATS.replace("=K", f"={value}"), adapter=adapter), Question) is taken


def test_what_answers_by_path():
    """The root by path stands for the one child of the SOAP reply; a void method has neither."""
    by_name = {each.name: each for each in demo_index().operations}
    pair = answer(by_name["GetSeats"], Kind.HTTP_GET, "/box.asmx")
    assert pair is not None
    assert [each.name.partition("}")[2] for each in pair] == ["GetSeatsResult", "DataSet"]
    assert answer(by_name["ClearCart"], Kind.HTTP_POST, "/box.asmx") == ()
    assert answer(by_name["Batch"], Kind.HTTP_GET, "/box.asmx") is None


def test_what_is_known_again_needs_no_contract():
    """By path too: names and values in any order, with or without a contract; what is left out by rule does not count."""
    keying = Keying((("sSessionKey", Fold.IGNORE),), alone=True)

    def digest(query: str, adapter: SoapAdapter, name: str = "GetSeats") -> bytes:
        found = adapter.question(head("GET", f"/t/{name}?{query}", ()), f"/{name}", b"", keying)
        assert isinstance(found, Question)
        return found.digest

    first = digest(SEATS, SoapAdapter(path="/box.asmx"))
    assert digest(SEATS, KNOWN) == first
    assert digest("cSummaryOnly=N&iPerformanceNumber=7&sSessionKey=M", KNOWN) == first
    assert digest(SEATS.replace("=7", "=8"), KNOWN) != first
    assert digest(SEATS, KNOWN, "GetSeatsToo") != first
    assert digest("", KNOWN) != first
    asked = KNOWN.question(head("GET", "/t/GetSeats?" + SEATS + "&sSessionKey=M", ()), "/GetSeats", b"", keying)
    assert asked == "asmx"
