"""The manners of the SOAP face: it runs what the action names, fills gaps with zero, and its batches are one call."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from lxml import etree

from tests.demo.speak import API, SOAP11, envelope

if TYPE_CHECKING:
    import aiohttp

    from sidecar.demo.box_office import BoxOffice


async def _soap(http: aiohttp.ClientSession, quick: BoxOffice, body: bytes, **headers: str) -> tuple[int, str]:
    headers = {"Content-Type": "text/xml; charset=utf-8", **headers}
    async with http.post(f"{quick.url}/box.asmx", data=body, headers=headers) as reply:
        assert reply.headers["Cache-Control"] == "private, max-age=0"
        return reply.status, (await reply.read()).decode()


async def test_the_action_decides_and_the_body_is_not_asked(quick: BoxOffice, http: aiohttp.ClientSession) -> None:
    """As ASMX: a SOAPAction of HelloWorld over a body of ClearCart runs HelloWorld; without the header the body decides."""
    body = envelope("ClearCart", {"SessionKey": quick.house.open_session()})
    status, text = await _soap(http, quick, body, SOAPAction=f'"{API}HelloWorld"')
    assert (status, "Hello World" in text) == (200, True)
    assert quick.stats()["executed"] == {"HelloWorld": 1}
    await _soap(http, quick, body)
    assert quick.stats()["executed"] == {"HelloWorld": 1, "ClearCart": 1}


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
    quick: BoxOffice, http: aiohttp.ClientSession, body: bytes, headers: dict[str, str], status: int, text: str
) -> None:
    """Each kind of bad request has ASMX's answer, and none reaches the inventory."""
    got, said = await _soap(http, quick, body, **headers)
    assert got == status
    assert text in said
    assert (said == "") == (text == "")
    assert quick.stats()["calls"] == 0


async def test_what_a_soap_call_leaves_out_is_zero_or_empty(quick: BoxOffice, http: aiohttp.ClientSession) -> None:
    """.NET's serializer fills the gaps: no performance number is performance 0."""
    key = quick.house.open_session()
    _, text = await _soap(http, quick, envelope("GetSeats", {"sSessionKey": key}))
    assert "Performance 0 does not exist" in text


async def test_a_batch_runs_its_members_and_faults_stay_in_their_place(
    quick: BoxOffice, http: aiohttp.ClientSession
) -> None:
    """Three nested calls are one call in flight and three executions or refusals, answered by their ids."""
    key = quick.house.open_session()
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
    status, text = await _soap(http, quick, body.encode(), SOAPAction=f"{API}Batch")
    assert status == 200
    answers = etree.fromstring(text.encode()).findall(f".//{{{API}}}BatchResponse/{{{API}}}RequestId/..")
    assert [a.findtext(f"{{{API}}}RequestId") for a in answers] == ["0", "1", "2", "3"]
    assert answers[0].findtext(f"{{{API}}}ResponseStr") == "Hello World"
    assert answers[1].findtext(f"{{{API}}}ResponseError") == "Performance 1203 is not on sale"
    assert answers[2].findtext(f"{{{API}}}ResponseInt") == "2"
    assert len(answers[3].findall(".//Seat")) == 2
    stats = quick.stats()
    assert (stats["calls"], stats["peak"]) == (1, 1)
    assert stats["executed"] == {"HelloWorld": 1, "ReserveTickets": 1, "GetCart": 1}
    assert stats["refused"] == {"ReserveTickets": 1}


@pytest.mark.parametrize(
    "request_xml",
    ["<Operation>Nothing</Operation>", "<Operation>GetSeats</Operation><Arguments>iPerformanceNumber=x</Arguments>"],
)
async def test_a_batch_with_a_bad_member_runs_nothing(
    quick: BoxOffice, http: aiohttp.ClientSession, request_xml: str
) -> None:
    """An unknown operation or an unreadable argument is a Client fault for the whole batch."""
    member = f"<BatchRequest><RequestId>1</RequestId>{request_xml}</BatchRequest>"
    body = f'<s:Envelope xmlns:s="{SOAP11}"><s:Body><Batch xmlns="{API}"><requests>{member}</requests></Batch></s:Body></s:Envelope>'
    status, text = await _soap(http, quick, body.encode())
    assert (status, "soap:Client" in text, quick.stats()["calls"]) == (500, True, 0)
