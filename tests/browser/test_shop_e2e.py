"""The demo's shop before the real sidecar and the real box office, in real headless Chromium: JSON alone, and each state as it comes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.looks import keep
from tests.browser.standing import Standing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Locator, Page, Request


BUSY_MS = 15_000  # a button that first hurts the box office, or waits for a timeout of 4 s


@pytest.fixture
def demo() -> Iterator[Standing]:
    with Standing() as demo:
        yield demo


@pytest.fixture
def sent() -> list[Request]:
    """What the page sends to the sidecar, preflights left out."""
    return []


@pytest.fixture
def page(chromium: Browser, demo: Standing, sent: list[Request]) -> Iterator[Page]:
    """The shop with its programme; what its console complains of fails the test, but for answers that were meant to be failures."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: sent.append(request) if request.url.startswith(demo.sidecar) else None)
    page.goto(demo.shop)
    expect(page.locator(".performance")).to_have_count(7)
    yield page
    context.close()
    assert [each for each in complaints if not each.startswith("Failed to load resource")] == []


def press(page: Page, button: str) -> Locator:
    """Press a button backstage and wait until it has done what it says; returns the newest entry of the ledger."""
    pressed = page.get_by_role("button", name=button)
    pressed.click()
    expect(pressed).to_be_enabled(timeout=BUSY_MS)
    return page.locator(".ledger > li").first


def check(entry: Locator, state: str, executed: str, detail: str | None = None) -> None:
    """Hold an entry against what it has to say."""
    expect(entry.locator(".state")).to_have_text(state, timeout=BUSY_MS)
    expect(entry.locator(".executed")).to_have_text(f"executed: {executed}")
    if detail is not None:
        expect(entry.locator(".detail")).to_have_text(detail)


def test_an_evening_in_json(page: Page, demo: Standing, sent: list[Request]) -> None:
    """Looking, buying, being told no and asking wrongly: each has its state and its words, and not one byte of XML is sent."""
    basket = page.locator("#basket")
    first = page.locator(".performance").first
    assert re.search(r"19:30 · Main stage\s+£48\.00\s+600 seats left", first.inner_text())
    check(press(page, "Five seats where three are left"), "partial", "yes")
    expect(basket).to_have_text("Only 3 of the seats you wanted were left. 3 seats are held for you.")
    check(press(page, "A sold-out one"), "sold_out", "no", "Nothing is left")
    expect(basket).to_have_text("Sold out. 3 seats are held for you.")
    check(press(page, "A performance not on sale"), "business_no", "no", "Performance 1203 is not on sale")
    page.get_by_role("button", name="Reserve seats for Hamlet").click()
    expect(basket).to_have_text("5 seats are held for you.")
    page.get_by_role("button", name="Check out").click()
    expect(basket).to_have_text("Order 50001 is confirmed.")
    assert demo.stats()["seats_sold"] == 5

    check(press(page, "Pay twice with one key"), "replayed", "yes")
    paid = page.locator(".ledger > li").filter(has_text="Checkout ·").locator(".state")
    expect(paid).to_have_text(["replayed", "ok", "ok"])
    expect(basket).to_have_text("Your basket is empty.")
    assert demo.stats()["orders"] == 2
    check(press(page, "List twice"), "cached", "no")

    check(press(page, "With a session that is none"), "backend_fault", "no", "The session key is not valid")
    check(press(page, "A denied operation"), "operation_denied", "no")
    check(press(page, "Broken JSON"), "malformed", "no")
    check(press(page, "A path nobody has"), "not_found", "no")
    check(press(page, "A body of 2 MiB"), "too_large", "no")
    whole = "/iNumberOfSeats must be an integer from -2147483648 to 2147483647"
    check(press(page, "Seats that are no number"), "invalid_params", "no", whole)
    keep(page, "shop")

    strays = [call.url for call in sent if "/tickets/json/" not in call.url]
    assert strays == [f"{demo.sidecar}/nowhere"]
    assert {(call.method, call.headers["content-type"]) for call in sent} == {("POST", "application/json")}
    assert len(sent) > 15
    assert not any("<" in (call.post_data or "") for call in sent)


def test_the_gala_is_waited_for(page: Page, demo: Standing) -> None:
    """Who joins sees the lobby, his place and the countdown, and the crowd beside him; a reload keeps the place, and he may leave."""
    page.route("**/sale", lambda route: route.continue_(post_data='{"people": 30}'))
    codes = set()
    for _ in range(2):
        page.get_by_role("button", name="Join the on-sale").click()
        expect(page.locator("#gala-head")).to_have_text("You are in the lobby")
        expect(page.locator("#gala-eta")).to_have_text(
            re.compile(r"^The sale opens in [01]:\d\d\. Everybody in the lobby")
        )
        expect(page.locator("#gala-code")).to_have_text(re.compile(r"^Your place is \w{4}-\w\w$"))
        expect(page.locator("#gala-crowd")).to_contain_text("30 people with you")
        codes.add(page.locator("#gala-code").inner_text())
        page.reload()
    page.get_by_role("button", name="Join the on-sale").click()
    check(press(page, "Reserve for the gala without a pass"), "waiting", "no")
    check(press(page, "The same with a pass that is none"), "pass_expired", "no")
    check(press(page, "A matinee that is over"), "sale_closed", "no")
    keep(page, "gala")
    page.get_by_role("button", name="Leave the line").click()
    expect(page.locator("#gala-head")).to_have_text("You have left")
    assert len(codes) == 1
    assert demo.stats()["executed"].get("ReserveTickets") is None


@pytest.mark.long
def test_a_bad_night(page: Page, demo: Standing) -> None:
    """A box office that dies, freezes, hangs up or talks nonsense: what is not known is asked for before it is done again."""
    basket = page.locator("#basket")
    check(press(page, "Kill it for 6 s, then ask for postage"), "fallback", "no")
    demo.hurt()
    lost = press(page, "Lose the reply to a payment")
    check(lost, "outcome_unknown", "unknown")
    expect(basket).to_have_text("We do not know yet whether you paid. Check before you pay again.")
    demo.hurt()
    lost.get_by_role("button", name="Check whether it went through").click()
    confirmed = page.locator(".ledger > li").filter(has_text="GetOrderDetails").first
    check(confirmed, "ok", "yes")
    expect(basket).to_have_text("Your basket is empty.")
    assert demo.stats()["orders"] == 1
    frozen = press(page, "Freeze it while a seat is reserved")
    check(frozen, "outcome_unknown", "unknown")
    expect(basket).to_have_text("We do not know yet whether the seats were held. Check before you try again.")
    demo.hurt()
    frozen.get_by_role("button", name="Check whether it went through").click()
    check(page.locator(".ledger > li").filter(has_text="GetCart").first, "ok", "yes")
    expect(basket).to_have_text(re.compile(r"^(1 seat is held for you|Your basket is empty)\.$"))
    check(press(page, "Let it answer a web page"), "backend_bad_reply", "no")
    dead = press(page, "Kill it for 6 s, then greet it")
    check(dead, "backend_unreachable", "no")
    expect(dead.locator(".act")).to_be_disabled()
    check(press(page, "Kill it for 20 s, then list"), "stale", "no")
    expect(page.locator(".performance")).to_have_count(7)


@pytest.mark.long
def test_a_line_that_is_full(page: Page, demo: Standing) -> None:
    """Who is held up gets a place and is told so, comes back by himself with the place that he was given, and can leave."""
    button = page.get_by_role("button", name="Freeze it and send 150 people")
    shown = "sidecar-place"
    with page.expect_request(lambda request: shown in request.headers, timeout=2 * BUSY_MS) as came_back:
        button.click()
        card = page.locator(".turn")
        expect(card.locator(".turn-head")).to_have_text("A greeting: you are in line", timeout=BUSY_MS)
        expect(card.locator(".turn-code")).to_have_text(re.compile(r"^Your place is [0-9A-Z]{4}-[0-9A-Z]{2}$"))
        expect(page.get_by_role("status").filter(has_text="Your place is")).to_have_count(1)
        check(page.locator(".ledger > li").filter(has_text="HelloWorld").last, "overloaded", "no")
        keep(page, "shop-line")
    assert came_back.value.url == f"{demo.sidecar}/tickets/json/HelloWorld"
    expect(card.locator(".turn-trail")).to_have_text(re.compile("^overloaded → "), timeout=BUSY_MS)
    demo.hurt()
    page.evaluate(
        "document.querySelectorAll('.turn-leave').forEach((leave) => leave.click())"
    )  # none where it was his turn
    expect(card).to_have_count(0, timeout=BUSY_MS)
    expect(button).to_be_enabled()
