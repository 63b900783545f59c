"""One inventory behind every face: the same question in five tongues gets the same answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.demo.speak import TONGUES, Answer, ask

if TYPE_CHECKING:
    import aiohttp

    from sidecar.demo.box_office import BoxOffice

CARD = {"sCCOwner": "A. Chekhov", "sCCNumber": "4111111111111111", "iCCType": 1, "iCCMonth": 12, "iCCYear": 2030}


def _wish(key: str, performance: int, seats: int) -> dict[str, Any]:
    return {
        "sWebSessionID": key,
        "sPriceType": "A",
        "iPerformanceNumber": performance,
        "iNumberOfSeats": seats,
        "iZone": 1,
    }


async def _say(http: aiohttp.ClientSession, quick: BoxOffice, tongue: str, operation: str, **args: Any) -> Answer:
    return await ask(http, quick.url, tongue, operation, args)


async def test_a_purchase_reads_the_same_in_every_tongue(quick: BoxOffice, http: aiohttp.ClientSession) -> None:
    """From session to receipt, each step's values are equal but for keys, seats and numbers that must differ."""
    stories = []
    for tongue in TONGUES:
        before = quick.house.left(1201)
        key = (await _say(http, quick, tongue, "GetNewSessionKey", sIP="192.0.2.7")).value
        count = (await ask(http, quick.url, tongue, "ReserveTickets", _wish(key, 1201, 2))).value
        cart = (await _say(http, quick, tongue, "GetCart", sWebSessionID=key)).value["Seat"]
        number = (await _say(http, quick, tongue, "Checkout", sSessionKey=key, **CARD)).value
        receipt = (await _say(http, quick, tongue, "GetOrderDetails", SessionKey=key, OrderNumber=0)).value
        assert [seat["seat_no"] for seat in cart] == [seat["seat_no"] for seat in receipt["Seat"]]
        assert receipt["Order"][0]["order_no"] == number
        assert quick.house.left(1201) == before - 2
        stories.append(
            (len(key), count, len(cart), cart[0]["status"], receipt["Order"][0]["total"], receipt["Seat"][0]["status"])
        )
    assert stories == [(40, 2, 2, "held", 96.0, "sold")] * 5
    sold = [seat.number for order in quick.house.orders.values() for seat in order.seats]
    assert len(sold) == len(set(sold)) == 10
    assert quick.stats()["executed"]["Checkout"] == 5


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
    quick: BoxOffice, http: aiohttp.ClientSession, operation: str, args: dict[str, Any]
) -> None:
    """The decoded values of all five faces are equal, nulls, money and escaped text included."""
    key = quick.house.open_session()
    args = {name: key if value == "KEY" else value for name, value in args.items()}
    answers = {tongue: await ask(http, quick.url, tongue, operation, args) for tongue in TONGUES}
    assert {a.status for a in answers.values()} == {200}
    for tongue, answer in answers.items():
        assert answer.value == answers["soap11"].value, tongue
        assert answer.fault is None


@pytest.mark.parametrize("tongue", TONGUES)
async def test_business_refusals_are_faults_in_each_tongue(
    quick: BoxOffice, http: aiohttp.ClientSession, tongue: str
) -> None:
    """'not on sale' comes as a fault, with HTTP 500 except in XML-RPC, and nothing is reserved."""
    key = quick.house.open_session()
    answer = await ask(http, quick.url, tongue, "ReserveTickets", _wish(key, 1203, 2))
    assert answer.status == (200 if tongue == "xmlrpc" else 500)
    assert answer.fault is not None
    assert "Performance 1203 is not on sale" in answer.fault
    assert quick.stats()["refused"] == {"ReserveTickets": 1}
    assert "ReserveTickets" not in quick.stats()["executed"]


@pytest.mark.parametrize("tongue", TONGUES)
async def test_reserve_answers_with_a_count(quick: BoxOffice, http: aiohttp.ClientSession, tongue: str) -> None:
    """Five wanted of three left gives 3, the next try 0: neither is a fault."""
    key = quick.house.open_session()
    wish = _wish(key, 1205, 5)
    assert (await ask(http, quick.url, tongue, "ReserveTickets", wish)).value == 3
    assert (await ask(http, quick.url, tongue, "ReserveTickets", wish)).value == 0
