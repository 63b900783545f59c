"""The documentation page as people have it: of a running sidecar, made of its backend's own WSDL, in real headless Chromium."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal

import orjson
import pytest
from playwright.sync_api import expect

from tests.browser.library import NARROW, WIDE
from tests.browser.looks import CONTRAST, CUT, keep
from tests.browser.standing import Standing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page


@pytest.fixture(scope="module")
def demo() -> Iterator[Standing]:
    with Standing() as demo:
        yield demo


@pytest.fixture
def page(chromium: Browser, demo: Standing) -> Iterator[Page]:
    """The page of `tickets`; what its console complains of fails the test, but for answers that were meant to be failures."""
    context = chromium.new_context(viewport=WIDE)
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()
    assert [each for each in complaints if not each.startswith("Failed to load resource")] == []


def read(page: Page, demo: Standing, operation: str, backend: str = "tickets") -> None:
    """Open an operation."""
    page.goto(f"{demo.sidecar}/{backend}/docs#{operation}")
    expect(page.locator("main h2")).to_have_text(operation)


def send(page: Page, body: object = None) -> dict[str, Any]:
    """Send it, and say yes where the page asks; returns the body of the answer as it is shown."""
    if body is not None:
        page.get_by_label("Body, as JSON").fill(orjson.dumps(body).decode())
    page.evaluate("document.querySelector('.verdict').replaceChildren()")  # of the call before
    page.locator(".try .primary").click()
    if page.locator("#sure").is_visible():
        page.locator("#sure-yes").click()
    page.locator(".verdict .state").wait_for()
    told: dict[str, Any] = orjson.loads(page.get_by_role("region", name="Body of the answer").inner_text())
    return told


def test_an_operation_is_driven(page: Page, demo: Standing) -> None:
    """From the list to the answer of the real backend: what it is, what is sent, what came of it."""
    page.goto(f"{demo.sidecar}/tickets/docs")
    page.locator("nav").get_by_role("link", name="HelloWorld").click()
    expect(page.locator("main h2")).to_have_text("HelloWorld")
    assert "Answers a greeting" in page.locator("article > header").inner_text()
    before = demo.stats()["executed"].get("HelloWorld", 0)
    assert send(page)["data"] == {"HelloWorldResult": "Hello World"}
    assert re.search(r"ok\s*HTTP 200 OK\s*\d+ ms\s*it was done", page.locator(".verdict").inner_text())
    assert demo.stats()["executed"]["HelloWorld"] == before + 1


def test_an_answer_is_shown_and_then_told_from_memory(page: Page, demo: Standing) -> None:
    """Records come typed; the same question by GET is answered by the sidecar, and the page says so."""
    read(page, demo, "GetPerformances")
    evenings = send(page)["data"]["GetPerformancesResult"]["Performance"]
    assert [each["description"] for each in evenings[:2]] == ["Hamlet", "The Tempest"]
    hamlet = evenings[0]
    assert (hamlet["perf_no"], hamlet["price"], hamlet["on_sale_ind"]) == (1201, "48.0000", "Y")
    page.get_by_label("GET, with a query").check()
    assert send(page)["data"]["GetPerformancesResult"]["Performance"] == evenings
    expect(page.locator(".verdict .state")).to_have_text(
        re.compile("^(cached|stale)$")
    )  # past its 5 s on a slow machine
    expect(page.locator(".verdict")).to_contain_text("nothing was done")


def test_what_changes_something_is_sent_after_a_question(page: Page, demo: Standing) -> None:
    """Seats are reserved once somebody has said yes, what is wrong is told at its place before, and what the rules say of a number."""
    key = demo.call("GetNewSessionKey", {"sIP": "192.0.2.7"})["GetNewSessionKeyResult"]
    wish = {"sWebSessionID": key, "sPriceType": "A", "iPerformanceNumber": 1201, "iNumberOfSeats": 2, "iZone": 1}
    read(page, demo, "ReserveTickets")
    assert page.locator("article > header").get_by_role("link", name="GetCart").count() == 1
    before = demo.stats()["calls"]
    wrong = send(page, {**wish, "iNumberOfSeats": "two", "iZon": 1})
    assert sorted(each["pointer"] for each in wrong["errors"]) == ["/iNumberOfSeats", "/iZon"]
    expect(page.locator(".verdict .state")).to_have_text("invalid_params")
    expect(page.locator(".verdict")).to_contain_text("2 places are wrong")
    assert demo.stats()["calls"] == before
    assert send(page, wish)["data"]["ReserveTicketsResult"] == 2
    sold_out = send(page, {**wish, "iPerformanceNumber": 1204})
    assert (sold_out["state"], sold_out["executed"], sold_out["data"]["ReserveTicketsResult"]) == ("sold_out", "no", 0)
    cart = demo.call("GetCart", {"sWebSessionID": key})["GetCartResult"]["Seat"]
    assert [seat["perf_no"] for seat in cart] == [1201, 1201]


def test_what_is_denied_is_not_there(page: Page, demo: Standing) -> None:
    """An operation that the settings deny is in no list, and whoever asks for it by name reads that."""
    page.goto(f"{demo.sidecar}/tickets/docs#DestroyCache")
    expect(page.locator("main")).to_contain_text("not among the operations")
    assert page.locator("nav li").filter(has_text="DestroyCache").count() == 0


def test_a_backend_without_a_contract(page: Page, demo: Standing) -> None:
    """XML-RPC has none: what its operator wrote down of a method can be read and driven all the same."""
    read(page, demo, "tickets.performances", "boxrpc")
    assert [each["perf_no"] for each in send(page, {"from": "", "to": ""})["data"]][:2] == [1201, 1202]
    expect(page.locator(".verdict .state")).to_have_text("ok")


@pytest.mark.parametrize("scheme", ["dark", pytest.param("light", marks=pytest.mark.long)])
def test_it_reads_and_fits(page: Page, demo: Standing, scheme: Literal["light", "dark"]) -> None:
    """With a real contract and a real answer, every text has its contrast, and at 320 px nothing sticks out."""
    page.emulate_media(color_scheme=scheme)
    read(page, demo, "GetPerformances")
    send(page, {})
    assert page.evaluate(CONTRAST) == []
    keep(page, f"docs-real-{scheme}")
    page.set_viewport_size(NARROW)
    assert [each for each in page.evaluate(CUT) if not each.startswith("over: INPUT")] == []
    keep(page, f"docs-real-{scheme}-320")
