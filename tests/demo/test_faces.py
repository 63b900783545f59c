"""One inventory behind every face: the same question in five tongues gets the same answer, and each has its own manners."""

from __future__ import annotations

import asyncio
import xmlrpc.client as codec
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import zeep
from lxml import etree

from sidecar.demo.box_office import BoxOffice
from sidecar.demo.operations import OPERATIONS
from tests.demo.speak import API, FORM, SOAP11, TONGUES, Answer, ask, envelope

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

CARD = {"sCCOwner": "A. Chekhov", "sCCNumber": "4111111111111111", "iCCType": 1, "iCCMonth": 12, "iCCYear": 2030}


@pytest.fixture
async def box() -> AsyncIterator[BoxOffice]:
    async with BoxOffice(seed=1) as box:
        box.control({"law": False})
        yield box


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as http:
        yield http


def _wish(key: str, performance: int, seats: int) -> dict[str, Any]:
    return {
        "sWebSessionID": key,
        "sPriceType": "A",
        "iPerformanceNumber": performance,
        "iNumberOfSeats": seats,
        "iZone": 1,
    }


async def _say(http: aiohttp.ClientSession, box: BoxOffice, tongue: str, operation: str, **args: Any) -> Answer:
    return await ask(http, box.url, tongue, operation, args)


async def test_a_purchase_reads_the_same_in_every_tongue(box: BoxOffice, http: aiohttp.ClientSession) -> None:
    """From session to receipt, each step's values are equal but for keys, seats and numbers that must differ."""
    stories = []
    for tongue in TONGUES:
        before = box.house.left(1201)
        key = (await _say(http, box, tongue, "GetNewSessionKey", sIP="192.0.2.7")).value
        count = (await ask(http, box.url, tongue, "ReserveTickets", _wish(key, 1201, 2))).value
        cart = (await _say(http, box, tongue, "GetCart", sWebSessionID=key)).value["Seat"]
        number = (await _say(http, box, tongue, "Checkout", sSessionKey=key, **CARD)).value
        receipt = (await _say(http, box, tongue, "GetOrderDetails", SessionKey=key, OrderNumber=0)).value
        assert [seat["seat_no"] for seat in cart] == [seat["seat_no"] for seat in receipt["Seat"]]
        assert receipt["Order"][0]["order_no"] == number
        assert box.house.left(1201) == before - 2
        stories.append(
            (len(key), count, len(cart), cart[0]["status"], receipt["Order"][0]["total"], receipt["Seat"][0]["status"])
        )
    assert stories == [(40, 2, 2, "held", 96.0, "sold")] * 5
    sold = [seat.number for order in box.house.orders.values() for seat in order.seats]
    assert len(sold) == len(set(sold)) == 10
    assert box.stats()["executed"]["Checkout"] == 5


@pytest.mark.parametrize(
    ("operation", "args"),
    [
        ("HelloWorld", {}),
        ("GetPerformances", {"sStartDate": "", "sEndDate": ""}),
        ("GetPerformancesEx", {"sWebSessionId": "KEY", "sStartDate": "", "sEndDate": "", "iBusinessUnit": 1}),
        ("GetSeats", {"sSessionKey": "KEY", "iPerformanceNumber": 1205, "cSummaryOnly": "N"}),
        ("GetSeats", {"sSessionKey": "KEY", "iPerformanceNumber": 1201, "cSummaryOnly": "Y"}),
        ("GetCart", {"sWebSessionID": "KEY"}),
        ("ClearCart", {"SessionKey": "KEY"}),
        ("GetSalesReport", {"SessionKey": "KEY", "iRows": 9}),
    ],
)
async def test_a_read_reads_the_same_in_every_tongue(
    box: BoxOffice, http: aiohttp.ClientSession, operation: str, args: dict[str, Any]
) -> None:
    """The decoded values of all five faces are equal, nulls, money and escaped text included."""
    key = box.house.open_session()
    args = {name: key if value == "KEY" else value for name, value in args.items()}
    answers = {tongue: await ask(http, box.url, tongue, operation, args) for tongue in TONGUES}
    assert {a.status for a in answers.values()} == {200}
    for tongue, answer in answers.items():
        assert answer.value == answers["soap11"].value, tongue
        assert answer.fault is None


@pytest.mark.parametrize("tongue", TONGUES)
async def test_business_refusals_are_faults_in_each_tongue(
    box: BoxOffice, http: aiohttp.ClientSession, tongue: str
) -> None:
    """'not on sale' comes as a fault, with HTTP 500 except in XML-RPC, and nothing is reserved."""
    key = box.house.open_session()
    answer = await ask(http, box.url, tongue, "ReserveTickets", _wish(key, 1203, 2))
    assert answer.status == (200 if tongue == "xmlrpc" else 500)
    assert answer.fault is not None
    assert "Performance 1203 is not on sale" in answer.fault
    assert box.stats()["refused"] == {"ReserveTickets": 1}
    assert "ReserveTickets" not in box.stats()["executed"]


@pytest.mark.parametrize("tongue", TONGUES)
async def test_reserve_answers_with_a_count(box: BoxOffice, http: aiohttp.ClientSession, tongue: str) -> None:
    """Five wanted of three left gives 3, the next try 0: neither is a fault."""
    key = box.house.open_session()
    wish = _wish(key, 1205, 5)
    assert (await ask(http, box.url, tongue, "ReserveTickets", wish)).value == 3
    assert (await ask(http, box.url, tongue, "ReserveTickets", wish)).value == 0


async def test_zeep_loads_the_wsdl_and_buys(box: BoxOffice) -> None:
    """A real SOAP client bootstraps from `?wsdl` with its import and from `?singleWsdl`, over 1.1, 1.2 and HTTP GET."""

    def buy() -> None:
        client = zeep.Client(f"{box.url}/box.asmx?wsdl")
        assert list(client.wsdl.services["BoxOffice"].ports) == [
            "BoxOfficeSoap", "BoxOfficeSoap12", "BoxOfficeHttpGet", "BoxOfficeHttpPost",
        ]  # fmt: skip
        key = client.service.GetNewSessionKey("192.0.2.7")
        assert client.service.GetPerformances()[0]["perf_no"] == 1201
        got = client.service.ReserveTickets(key, "A", 1201, 2, 1)
        assert got["body"]["ReserveTicketsResult"] == 2
        assert got["header"]["LineItemHeader"]["Id"] == 1
        single = zeep.Client(f"{box.url}/box.asmx?singleWsdl").bind("BoxOffice", "BoxOfficeSoap12")
        done = single.Checkout(key, "A. Chekhov", "4111111111111111", 1, 12, 2030)
        assert done["header"]["CheckoutStatusHeader"]["OrderNumber"] == done["body"]["CheckoutResult"] == 50001
        details = client.service.GetOrderDetails(key, 50001)["_value_1"]["_value_1"]
        assert details[0]["Order"]["num_seats"] == 2
        assert client.bind("BoxOffice", "BoxOfficeHttpGet").HelloWorld() == "Hello World"
        with pytest.raises(zeep.exceptions.Fault, match="The session key is not valid") as caught:
            single.GetCart("nobody")
        assert caught.value.code.endswith(":Sender")

    await asyncio.to_thread(buy)


async def test_every_operation_is_in_all_four_bindings_but_batch(box: BoxOffice, http: aiohttp.ClientSession) -> None:
    """Soap, Soap12, HttpGet and HttpPost list the same operations; a batch has structures and is in the first two only."""
    async with http.get(f"{box.url}/box.asmx?wsdl") as reply:
        root = etree.fromstring(await reply.read())
    names = {op.name for op in OPERATIONS}
    found = {
        binding.get("name"): {op.get("name") for op in binding.iter("{*}operation") if op.get("name")}
        for binding in root.findall("{http://schemas.xmlsoap.org/wsdl/}binding")
    }
    assert found == {
        "BoxOfficeSoap": names | {"Batch"},
        "BoxOfficeSoap12": names | {"Batch"},
        "BoxOfficeHttpGet": names,
        "BoxOfficeHttpPost": names,
    }


async def test_documents_carry_the_host_they_were_asked_under(box: BoxOffice, http: aiohttp.ClientSession) -> None:
    """Addresses and the schema's location follow Host, as ASMX does it; `?singleWsdl` imports nothing from outside."""
    texts = {}
    for name in ("wsdl", "singleWsdl", "disco", "xsd=1"):
        async with http.get(f"{box.url}/box.asmx?{name}", headers={"Host": "box.example:81"}) as reply:
            assert reply.status == 200
            texts[name] = (await reply.read()).decode()
            etree.fromstring(texts[name].encode())
    assert texts["wsdl"].count('location="http://box.example:81/box.asmx"') == 4
    assert 'schemaLocation="http://box.example:81/box.asmx?xsd=1"' in texts["wsdl"]
    assert "schemaLocation" not in texts["singleWsdl"]
    assert 'ref="http://box.example:81/box.asmx?wsdl"' in texts["disco"]
    assert 'name="char"' in texts["xsd=1"]
    assert box.stats()["documents"] == 4
    assert box.stats()["calls"] == 0


async def _soap(http: aiohttp.ClientSession, box: BoxOffice, body: bytes, **headers: str) -> tuple[int, str]:
    headers = {"Content-Type": "text/xml; charset=utf-8", **headers}
    async with http.post(f"{box.url}/box.asmx", data=body, headers=headers) as reply:
        assert reply.headers["Cache-Control"] == "private, max-age=0"
        return reply.status, (await reply.read()).decode()


async def test_the_action_decides_and_the_body_is_not_asked(box: BoxOffice, http: aiohttp.ClientSession) -> None:
    """As ASMX: a SOAPAction of HelloWorld over a body of ClearCart runs HelloWorld; without the header the body decides."""
    body = envelope("ClearCart", {"SessionKey": box.house.open_session()})
    status, text = await _soap(http, box, body, SOAPAction=f'"{API}HelloWorld"')
    assert (status, "Hello World" in text) == (200, True)
    assert box.stats()["executed"] == {"HelloWorld": 1}
    await _soap(http, box, body)
    assert box.stats()["executed"] == {"HelloWorld": 1, "ClearCart": 1}


@pytest.mark.parametrize(
    ("body", "headers", "status", "text"),
    [
        (
            envelope("HelloWorld", {}),
            {"SOAPAction": '""'},
            500,
            "did not recognize the value of HTTP Header SOAPAction",
        ),
        (envelope("HelloWorld", {}), {"SOAPAction": f"{API}Nothing"}, 500, "<faultcode>soap:Client</faultcode>"),
        (envelope("Nothing", {}), {}, 500, "did not recognize the request element"),
        (envelope("GetSeats", {"iPerformanceNumber": "many"}), {}, 500, "was not in a correct format"),
        (envelope("GetSeats", {"iPerformanceNumber": 2**31}), {}, 500, "was not in a correct format"),
        (f'<s:Envelope xmlns:s="{SOAP11}"><s:Body/></s:Envelope>'.encode(), {}, 500, "request element (none)"),
        (envelope("HelloWorld", {}, "urn:other"), {}, 500, "soap:VersionMismatch"),
        (b"<not", {}, 400, ""),
        (b"<!DOCTYPE a [<!ENTITY b 'c'>]>" + envelope("HelloWorld", {}), {}, 400, ""),
        (envelope("HelloWorld", {}), {"Content-Type": "application/json"}, 415, "Unsupported Media Type"),
    ],
)
async def test_soap_that_cannot_be_read(
    box: BoxOffice, http: aiohttp.ClientSession, body: bytes, headers: dict[str, str], status: int, text: str
) -> None:
    """Each kind of bad request has ASMX's answer, and none reaches the inventory."""
    got, said = await _soap(http, box, body, **headers)
    assert got == status
    assert text in said
    assert (said == "") == (text == "")
    assert box.stats()["calls"] == 0


async def test_what_a_soap_call_leaves_out_is_zero_or_empty(box: BoxOffice, http: aiohttp.ClientSession) -> None:
    """.NET's serializer fills the gaps: no performance number is performance 0."""
    key = box.house.open_session()
    _, text = await _soap(http, box, envelope("GetSeats", {"sSessionKey": key}))
    assert "Performance 0 does not exist" in text


async def test_a_batch_runs_its_members_and_faults_stay_in_their_place(
    box: BoxOffice, http: aiohttp.ClientSession
) -> None:
    """Three nested calls are one call in flight and three executions or refusals, answered by their ids."""
    key = box.house.open_session()
    calls = [
        ("HelloWorld", ""),
        ("ReserveTickets", f"sWebSessionID={key}&amp;iPerformanceNumber=1203&amp;iNumberOfSeats=1"),
        ("ReserveTickets", f"sWebSessionID={key}&amp;iPerformanceNumber=1201&amp;iNumberOfSeats=2"),
        ("GetCart", f"sWebSessionID={key}"),
    ]
    requests = "".join(
        f"<BatchRequest><RequestId>{at}</RequestId><Operation>{op}</Operation><Arguments>{args}</Arguments></BatchRequest>"
        for at, (op, args) in enumerate(calls)
    )
    body = f'<s:Envelope xmlns:s="{SOAP11}"><s:Body><Batch xmlns="{API}"><requests>{requests}</requests></Batch></s:Body></s:Envelope>'
    status, text = await _soap(http, box, body.encode(), SOAPAction=f"{API}Batch")
    assert status == 200
    answers = etree.fromstring(text.encode()).findall(f".//{{{API}}}BatchResponse/{{{API}}}RequestId/..")
    assert [a.findtext(f"{{{API}}}RequestId") for a in answers] == ["0", "1", "2", "3"]
    assert answers[0].findtext(f"{{{API}}}ResponseStr") == "Hello World"
    assert answers[1].findtext(f"{{{API}}}ResponseError") == "Performance 1203 is not on sale"
    assert answers[2].findtext(f"{{{API}}}ResponseInt") == "2"
    assert len(answers[3].findall(".//Seat")) == 2
    stats = box.stats()
    assert (stats["calls"], stats["peak"]) == (1, 1)
    assert stats["executed"] == {"HelloWorld": 1, "ReserveTickets": 1, "GetCart": 1}
    assert stats["refused"] == {"ReserveTickets": 1}


@pytest.mark.parametrize(
    "request_xml",
    ["<Operation>Nothing</Operation>", "<Operation>GetSeats</Operation><Arguments>iPerformanceNumber=x</Arguments>"],
)
async def test_a_batch_with_a_bad_member_runs_nothing(
    box: BoxOffice, http: aiohttp.ClientSession, request_xml: str
) -> None:
    """An unknown operation or an unreadable argument is a Client fault for the whole batch."""
    member = f"<BatchRequest><RequestId>1</RequestId>{request_xml}</BatchRequest>"
    body = f'<s:Envelope xmlns:s="{SOAP11}"><s:Body><Batch xmlns="{API}"><requests>{member}</requests></Batch></s:Body></s:Envelope>'
    status, text = await _soap(http, box, body.encode())
    assert (status, "soap:Client" in text, box.stats()["calls"]) == (500, True, 0)


@pytest.mark.parametrize(
    ("path", "status", "media", "text"),
    [
        ("GetSeats?sSessionKey=x&cSummaryOnly=N", 500, "text/plain", "Missing parameter: iPerformanceNumber."),
        ("GetNewSessionKey", 500, "text/plain", "Missing parameter: sIP."),
        (
            "GetSeats?sSessionKey=x&iPerformanceNumber=x&cSummaryOnly=N",
            500,
            "text/plain",
            "Cannot convert x to System.Int32.",
        ),
        ("GetSeats?sSessionKey=x&iPerformanceNumber=1&cSummaryOnly=NN", 500, "text/plain", "cSummaryOnly"),
        ("Nothing", 500, "text/html", "unexpectedly ending in '/Nothing'"),
        ("HelloWorld", 200, "text/xml", '<string xmlns="http://boxoffice.example/api/">Hello World</string>'),
    ],
)
async def test_the_manners_of_asmx_over_get(
    box: BoxOffice, http: aiohttp.ClientSession, path: str, status: int, media: str, text: str
) -> None:
    """A missing or bad parameter is plain text, an unknown operation a page, a result a bare element."""
    async with http.get(f"{box.url}/box.asmx/{path}") as reply:
        assert (reply.status, reply.content_type) == (status, media)
        assert text in await reply.text()


async def test_a_form_must_be_a_form(box: BoxOffice, http: aiohttp.ClientSession) -> None:
    """A POST to an operation's path in any other media type is not recognised."""
    async with http.post(
        f"{box.url}/box.asmx/HelloWorld", data=b"{}", headers={"Content-Type": "application/json"}
    ) as reply:
        assert (reply.status, "unexpectedly ending" in await reply.text()) == (500, True)
    async with http.post(f"{box.url}/box.asmx/HelloWorld", data=b"", headers={"Content-Type": FORM}) as reply:
        assert reply.status == 200


async def _rpc(http: aiohttp.ClientSession, box: BoxOffice, method: str, *params: Any) -> Any:
    body = codec.dumps(params, method, allow_none=True).encode()
    async with http.post(f"{box.url}/xmlrpc", data=body, headers={"Content-Type": "text/xml"}) as reply:
        assert reply.status == 200
        return codec.loads(await reply.read())[0][0]


async def test_xmlrpc_tells_about_itself(box: BoxOffice, http: aiohttp.ClientSession) -> None:
    """listMethods, methodHelp and methodSignature answer for every operation and take no time of the law."""
    methods = await _rpc(http, box, "system.listMethods")
    assert {"tickets.performances", "tickets.reserve", "tickets.checkout", "system.multicall"} <= set(methods)
    assert await _rpc(http, box, "system.methodHelp", "tickets.hello") == "Answers a greeting; for probes."
    assert await _rpc(http, box, "system.methodSignature", "tickets.reserve") == [
        ["int", "string", "string", "int", "int", "int"]
    ]
    assert box.stats()["calls"] == 0


async def test_xmlrpc_knows_nil_both_ways(box: BoxOffice, http: aiohttp.ClientSession) -> None:
    """A null column is nil, and nil stands for a text parameter that is left out."""
    rows = await _rpc(http, box, "tickets.performances", None)
    assert rows[0]["text1"] is None
    assert rows[1]["text1"] == "Relaxed performance"


async def test_multicall_answers_each_member_in_its_place(box: BoxOffice, http: aiohttp.ClientSession) -> None:
    """Results come in arrays, faults as structs, and a nested multicall is not a method; all in one slot."""
    key = box.house.open_session()
    members = [
        {"methodName": "tickets.hello", "params": []},
        {"methodName": "tickets.nothing", "params": []},
        {"methodName": "tickets.reserve", "params": [key, "A", 1203, 1, 1]},
        {"methodName": "system.multicall", "params": [[]]},
        "not a struct",
        {"methodName": "tickets.reserve", "params": [key, "A", 1201, 2, 1]},
    ]
    answers = await _rpc(http, box, "system.multicall", members)
    assert answers[0] == ["Hello World"]
    assert [a["faultCode"] for a in answers[1:5]] == [-32601, 410, -32601, -32602]
    assert answers[5] == [2]
    assert (box.stats()["calls"], box.stats()["peak"]) == (1, 1)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"<methodCall>", -32700),
        (b"<methodResponse><params/></methodResponse>", -32600),
        (codec.dumps((), "tickets.nothing").encode(), -32601),
        (codec.dumps((), "tickets.reserve").encode(), -32602),
        (codec.dumps((1, 2), "tickets.hello").encode(), -32602),
        (codec.dumps(("k", 1.5, "N"), "tickets.seats").encode(), -32602),
        (codec.dumps((True,), "tickets.session").encode(), -32602),
        (codec.dumps((1,), "system.multicall").encode(), -32602),
        (codec.dumps(([{}] * 51,), "system.multicall").encode(), -32602),
        (codec.dumps(("no",), "system.methodHelp").encode(), -32602),
    ],
)
async def test_xmlrpc_that_cannot_be_read(box: BoxOffice, http: aiohttp.ClientSession, body: bytes, code: int) -> None:
    """Each kind of bad call is a fault of the interoperability range with HTTP 200, and nothing runs."""
    async with http.post(f"{box.url}/xmlrpc", data=body, headers={"Content-Type": "text/xml"}) as reply:
        assert reply.status == 200
        with pytest.raises(codec.Fault) as caught:
            codec.loads(await reply.read())
    assert caught.value.faultCode == code
    assert box.stats()["executed"] == {}
