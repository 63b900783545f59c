"""The WSDL: a real client can live on it, its four bindings agree, and its addresses follow Host."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
import zeep
from lxml import etree

from sidecar.demo.operations import OPERATIONS

if TYPE_CHECKING:
    import aiohttp

    from sidecar.demo.box_office import BoxOffice


async def test_zeep_loads_the_wsdl_and_buys(quick: BoxOffice) -> None:
    """A real SOAP client bootstraps from `?wsdl` with its import and from `?singleWsdl`, over 1.1, 1.2 and HTTP GET."""

    def buy() -> None:
        client = zeep.Client(f"{quick.url}/box.asmx?wsdl")
        assert list(client.wsdl.services["BoxOffice"].ports) == [
            "BoxOfficeSoap", "BoxOfficeSoap12", "BoxOfficeHttpGet", "BoxOfficeHttpPost",
        ]  # fmt: skip
        key = client.service.GetNewSessionKey("192.0.2.7")
        assert client.service.GetPerformances()[0]["perf_no"] == 1201
        got = client.service.ReserveTickets(key, "A", 1201, 2, 1)
        assert got["body"]["ReserveTicketsResult"] == 2
        assert got["header"]["LineItemHeader"]["Id"] == 1
        single = zeep.Client(f"{quick.url}/box.asmx?singleWsdl").bind("BoxOffice", "BoxOfficeSoap12")
        done = single.Checkout(key, "A. Chekhov", "4111111111111111", 1, 12, 2030)
        assert done["header"]["CheckoutStatusHeader"]["OrderNumber"] == done["body"]["CheckoutResult"] == 50001
        details = client.service.GetOrderDetails(key, 50001)["_value_1"]["_value_1"]
        assert details[0]["Order"]["num_seats"] == 2
        assert client.bind("BoxOffice", "BoxOfficeHttpGet").HelloWorld() == "Hello World"
        with pytest.raises(zeep.exceptions.Fault, match="The session key is not valid") as caught:
            single.GetCart("nobody")
        assert caught.value.code.endswith(":Sender")

    await asyncio.to_thread(buy)


async def test_every_operation_is_in_all_four_bindings_but_batch(quick: BoxOffice, http: aiohttp.ClientSession) -> None:
    """Soap, Soap12, HttpGet and HttpPost list the same operations; a batch has structures and is in the first two only."""
    async with http.get(f"{quick.url}/box.asmx?wsdl") as reply:
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


async def test_documents_carry_the_host_they_were_asked_under(quick: BoxOffice, http: aiohttp.ClientSession) -> None:
    """Addresses and the schema's location follow Host, as ASMX does it; `?singleWsdl` imports nothing from outside."""
    texts = {}
    for name in ("wsdl", "singleWsdl", "disco", "xsd=1"):
        async with http.get(f"{quick.url}/box.asmx?{name}", headers={"Host": "box.example:81"}) as reply:
            assert reply.status == 200
            texts[name] = (await reply.read()).decode()
            etree.fromstring(texts[name].encode())
    assert texts["wsdl"].count('location="http://box.example:81/box.asmx"') == 4
    assert 'schemaLocation="http://box.example:81/box.asmx?xsd=1"' in texts["wsdl"]
    assert "schemaLocation" not in texts["singleWsdl"]
    assert 'ref="http://box.example:81/box.asmx?wsdl"' in texts["disco"]
    assert 'name="char"' in texts["xsd=1"]
    assert quick.stats()["documents"] == 4
    assert quick.stats()["calls"] == 0
