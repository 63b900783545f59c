"""A backend's pages: made once per contract, with a tag, and the truth about what the settings expose."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from sidecar.model import Answer, Refusal
from sidecar.plan import CachePlan, IdempotencyPlan, OperationPlan
from sidecar.web import booklet
from sidecar.web.booklet import ASSETS, Booklet, asset, rules_of
from tests.support.world import PlainFacade, Scene, head, tickets

if TYPE_CHECKING:
    from sidecar.plan import BackendPlan


def book(plan: BackendPlan | None = None, *facades: PlainFacade) -> tuple[Booklet, PlainFacade]:
    """Return a booklet and the facade of its first endpoint."""
    own = facades or (PlainFacade(),)
    named = {str(at): each for at, each in enumerate(own)}
    return Booklet(plan or tickets(expose=("*",)), named, lambda: "http://box.example"), own[0]


async def page(made: Booklet, name: str, *headers: tuple[str, str]) -> Answer:
    """Return a page that is there."""
    said = await made.page(name, head("GET", f"/tickets/{name}", headers))
    assert isinstance(said, Answer)
    return said


async def test_a_page_is_made_once_per_contract() -> None:
    """And again where the contract is another; who has it is told so."""
    made, facade = book()
    first = await page(made, "openapi.json")
    assert json.loads(first.body[0])["servers"] == [{"url": "http://box.example"}]
    assert (await page(made, "openapi.json")).body[0] is first.body[0]
    tag = dict(first.headers)[b"ETag"].decode()
    again = await page(made, "openapi.json", ("If-None-Match", tag))
    assert (again.status, again.body) == (304, ())
    facade.edition = "second"
    assert (await page(made, "openapi.json")).body[0] is not first.body[0]


async def test_types_and_the_page() -> None:
    """Types are text, the page is HTML that runs no script but ours."""
    made, _ = book()
    assert b"GetSeats" in (await page(made, "types.ts")).body[0]
    docs = dict((await page(made, "docs")).headers)
    assert docs[b"Content-Security-Policy"].startswith(b"default-src 'none'")


async def test_nobody_knows_the_contract_yet() -> None:
    """The page says so, and is made when it is there."""
    made, facade = book()
    facade.refusal = Refusal("backend_unreachable", detail="the WSDL is not read yet")
    assert await made.page("openapi.json", head("GET", "/tickets/openapi.json")) is facade.refusal
    facade.refusal = None
    assert (await page(made, "openapi.json")).status == 200


async def test_of_two_endpoints_the_first_has_the_name() -> None:
    """Each operation once."""
    found = await book(None, PlainFacade(), PlainFacade())[0].description()
    assert not isinstance(found, Refusal)
    assert [each.name for each in found.operations] == ["GetSeats", "Reserve"]
    assert dict(found.missing) == {"GetOdd": "it is odd"}


def test_what_the_settings_say_of_an_operation() -> None:
    """Whether it is safe, kept, keyed, and what is asked when nobody knows what became of it."""
    lines = (
        OperationPlan("Get*", safe=True, cache=CachePlan()),
        OperationPlan("Buy", idempotency=IdempotencyPlan(required=True), confirm="GetOrder"),
        OperationPlan("Hold", idempotency=IdempotencyPlan()),
        OperationPlan("*"),
    )
    plan = tickets(operations=lines)
    said = {name: rules_of(plan, name) for name in ("GetSeats", "Buy", "Hold", "Other")}
    assert [(each.safe, each.cached, each.keyed, each.confirm) for each in said.values()] == [
        (True, True, "no", None),
        (False, False, "needed", "GetOrder"),
        (False, False, "taken", None),
        (False, False, "no", None),
    ]


@pytest.mark.virtual
async def test_what_the_page_is_made_of() -> None:
    """Files by name, nothing else, by GET."""
    scene = Scene()
    for path, method, status in (
        (f"{ASSETS}docs.js", "GET", 200),
        (f"{ASSETS}docs.css", "HEAD", 200),
        (f"{ASSETS}../pages.py", "GET", 404),
        (f"{ASSETS}index.html", "GET", 404),
        (f"{ASSETS}docs.js", "POST", 405),
    ):
        said = await asset(scene.exchange(b"", method=method, target=path, headers=()))
        found = said.status if isinstance(said, Answer) else {"not_found": 404, "method_not_allowed": 405}[said.state]
        assert (path, found) == (path, status)
    assert booklet.ASSETS == "/.sidecar/docs/"
