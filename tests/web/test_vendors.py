"""The pages of real vendors' contracts: every operation exposed, the OpenAPI document valid, the types compile."""

from __future__ import annotations

import asyncio
import gc
import time
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from adapters.soap.facade import SoapFacade
from adapters.soap.resolver import Options
from adapters.soap.wsdl import index
from sidecar.model import Protocol, Refusal
from sidecar.plan import BackendPlan
from sidecar.web.booklet import Booklet, rules_of
from sidecar.web.typescript import types
from tests.adapters.soap.oracle import family
from tests.support import require
from tests.web.test_typescript import compiled

if TYPE_CHECKING:
    from pathlib import Path

    from sidecar.described import Description

_LONG = pytest.mark.long
# WSDL, operations, what cannot be offered (Marketo's file was cut by whoever published it: a type of its reply is gone).
VENDORS = [
    pytest.param("marketo.wsdl", 0, 1, id="marketo"),
    pytest.param("tradetracker.wsdl", 26, 0, id="tradetracker"),
    pytest.param("onvif/ptz.wsdl", 27, 0, id="onvif", marks=_LONG),
    pytest.param("salesforce/partner.wsdl", 57, 0, id="salesforce", marks=_LONG),
    pytest.param("paypal/PayPalSvc.wsdl", 57, 0, id="paypal", marks=_LONG),
    pytest.param("fedex/RateService_v24.wsdl", 1, 0, id="fedex", marks=_LONG),
    pytest.param("tessitura.wsdl", 230, 0, id="tessitura", marks=_LONG),
]


def booklet(name: str) -> Booklet:
    """Return the booklet of a WSDL whose every operation is exposed."""
    folder = require.wsdl_corpus()
    documents = family((folder / name).parent, (folder / name).name)
    found = index(documents)
    plan = BackendPlan("tickets", Protocol.SOAP, "/tickets", (("", "http://h/x"),), expose=("*",))
    facade = SoapFacade(
        lambda: found, lambda: documents, path="/x", options=Options(), rules=lambda each: rules_of(plan, each)
    )
    return Booklet(plan, {"": facade}, lambda: "http://h")


async def described(name: str) -> tuple[Description, dict[str, Any]]:
    """Return what is offered, and the document of it."""
    made = booklet(name)
    found, body = await made.description(), await made._make("openapi.json")
    assert not isinstance(found, Refusal)
    assert not isinstance(body, Refusal)
    return found, orjson.loads(body)


@pytest.mark.parametrize(("name", "operations", "missing"), VENDORS)
async def test_every_operation_has_its_page(name: str, operations: int, missing: int, tmp_path: Path) -> None:
    """All are there, or named with the reason; the document is valid and its types compile."""
    found, document = await described(name)
    assert (len(found.operations), len(found.missing)) == (operations, missing)
    assert len(document["paths"]) == operations
    errors = [*OpenAPIV31SpecValidator(document).iter_errors()]
    assert errors == []
    assert compiled(tmp_path, tickets=types(found)) == []


@pytest.mark.unmeasured
async def test_nobody_waits_for_the_largest() -> None:
    """While Tessitura's 230 operations are described others have their turn: the longest takes 2 ms of processor time here."""
    made, worst = booklet("tessitura.wsdl"), 0.0
    gc.collect()
    gc.freeze()  # what other tests have left behind is nobody's turn here
    task = asyncio.get_running_loop().create_task(made.description())
    while not task.done():
        began = time.thread_time()
        await asyncio.sleep(0)
        worst = max(worst, time.thread_time() - began)
    gc.unfreeze()
    found = task.result()
    assert not isinstance(found, Refusal)
    assert len(found.operations) == 230
    assert worst < 0.010
