"""The documents stage: what a client asks before it can call; everything else goes on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from sidecar.caller import documents
from sidecar.model import Answer, Exchange, Executed, Grade, Head, Outcome, Protocol, Refusal
from sidecar.plan import Plan
from tests.support.world import PlainAdapter, Scene, tickets

if TYPE_CHECKING:
    from sidecar.ports import Adapter

pytestmark = pytest.mark.virtual

FINE = Answer(200, "OK", (), (), 0, Grade("ok", Executed.YES))
WSDL = Answer(200, "OK", (), (b"<definitions/>",), 14, Grade("ok", Executed.NO))


class Shelf:
    """A shelf that owns `?wsdl` and notes whose address it is asked to write."""

    def __init__(self) -> None:
        self.told: list[str | None] = []

    @property
    def reader(self) -> Adapter:
        return PlainAdapter()

    def owns(self, head: Head, rest: str) -> bool:
        return head.query == "wsdl"

    async def serve(self, head: Head, endpoint: str, listen_url: str | None) -> Answer | Refusal:
        self.told.append(listen_url)
        return WSDL


async def asked(method: str, target: str, plan: Plan | None = None) -> tuple[Outcome, Exchange, Shelf]:
    shelf = Shelf()
    scene = Scene(tickets(protocol=Protocol.SOAP), plan or Plan(), {"tickets": shelf})

    async def inner(_: Exchange) -> Outcome:
        return FINE

    exchange = scene.exchange(method=method, target=target)
    return await documents.build(scene.scope(), scene.world, inner)(exchange), exchange, shelf


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_document_is_served_with_our_address(method: str) -> None:
    """The listener's, where no public one is configured; reading it changes nothing."""
    outcome, exchange, shelf = await asked(method, "/tickets?wsdl")
    assert outcome is WSDL
    assert exchange.safe
    assert shelf.told == ["http://127.0.0.1:8080"]


async def test_the_public_address_comes_first() -> None:
    """It is what clients can reach."""
    _, _, shelf = await asked("GET", "/tickets?wsdl", Plan(public_url="https://api.theatre.example"))
    assert shelf.told == ["https://api.theatre.example"]


@pytest.mark.parametrize(("method", "target"), [("POST", "/tickets?wsdl"), ("GET", "/tickets/Op?x=1")])
async def test_a_call_goes_on(method: str, target: str) -> None:
    """A POST is never a question for a document."""
    outcome, _, shelf = await asked(method, target)
    assert outcome is FINE
    assert shelf.told == []


async def test_xmlrpc_has_none() -> None:
    """So the stage is not built."""
    soap, xmlrpc = Scene(tickets(protocol=Protocol.SOAP)), Scene()
    assert documents.applies(soap.scope())
    assert not documents.applies(xmlrpc.scope())
    assert documents.describe(soap.scope()) == "?wsdl from the backend, kept and served stale"
    from_file = replace(soap.scope(), backend=tickets(wsdl="tickets.wsdl"))
    assert documents.describe(from_file) == "?wsdl from tickets.wsdl"
