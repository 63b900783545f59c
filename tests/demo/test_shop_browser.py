"""The shop page in real Chromium: every provoked state is shown, the policy holds, and it fits a phone."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any, Final, Literal

import pytest
from aiohttp import web
from playwright.async_api import Page, async_playwright, expect

from sidecar.demo.shop import Addresses, Shop
from tests.browser.page import FLAGS
from tests.demo.stand_in import FRESH_S, SEASON, StandIn
from tests.support import require
from tests.support.ports import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sidecar.demo.box_office import BoxOffice

expect.set_options(timeout=15_000)  # a busy machine is no failure
SCHEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")

pytestmark = pytest.mark.unmeasured  # its processes alone would take minutes more


@pytest.fixture
def stand_in(box: BoxOffice) -> StandIn:
    """Stands on the sidecar's origin."""
    return StandIn("", box.url)


@pytest.fixture
async def shop(box: BoxOffice, stand_in: StandIn) -> AsyncIterator[Shop]:
    """The shop on one origin and a stand-in for the sidecar on another."""
    port = free_port()
    async with Shop(Addresses(f"http://127.0.0.1:{port}", box.control_url, box.url)) as shop:
        stand_in.shop = shop.url
        server = web.Server(stand_in.handle, access_log=None)
        standing = await asyncio.get_running_loop().create_server(server, "127.0.0.1", port)
        yield shop
        standing.close()
        await server.shutdown(1)


@pytest.fixture
async def page(shop: Shop) -> AsyncIterator[Page]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=require.browser(), args=FLAGS)
        page = await browser.new_page()
        await page.goto(shop.url)
        await expect(page.locator(".performance")).to_have_count(7)
        yield page
        await browser.close()


@pytest.mark.thinned(8)
@pytest.mark.parametrize(
    ("button", "state", "executed"),
    [
        ("Kill it for 6 s, then greet it", "backend_unreachable", "executed: no"),
        ("Kill it for 20 s, then list", "stale", "executed: no"),
        ("Kill it for 6 s, then ask for postage", "fallback", "executed: no"),
        ("List twice", "cached", "executed: no"),
        ("Pay twice with one key", "replayed", "executed: yes"),
        ("Lose the reply to a payment", "outcome_unknown", "executed: unknown"),
        ("Let it answer a web page", "backend_bad_reply", "executed: unknown"),
        ("Freeze it and send 150 people", "overloaded", "executed: no"),
        pytest.param("A denied operation", "operation_denied", "executed: no", marks=pytest.mark.long),
        pytest.param("A path nobody has", "not_found", "executed: no", marks=pytest.mark.long),
        pytest.param("With a session that is none", "backend_fault", "executed: no", marks=pytest.mark.long),
        pytest.param("Broken JSON", "malformed", "executed: no", marks=pytest.mark.long),
        pytest.param("Seats that are no number", "invalid_params", "executed: no", marks=pytest.mark.long),
    ],
)
async def test_a_provoked_state_is_shown(page: Page, button: str, state: str, executed: str) -> None:
    """The newest entry of the ledger names the state and whether anything was executed, and so does the strip on top."""
    await page.get_by_role("button", name=button).click()
    newest = page.locator(".ledger > li").first
    await expect(newest.locator(".state")).to_have_text(state, timeout=10_000)
    await expect(newest.locator(".executed")).to_have_text(executed)
    await expect(page.locator("#latest")).to_have_text(state)


async def test_what_grows_old_between_two_lists_is_listed_once_more(page: Page, stand_in: StandIn) -> None:
    """However late in its five seconds somebody presses the button, what he sees at last is what it says."""
    data, _ = stand_in.kept[SEASON]
    stand_in.kept[SEASON] = data, asyncio.get_running_loop().time() - FRESH_S + 0.4
    button = page.get_by_role("button", name="List twice")
    await button.click()
    await expect(button).to_be_enabled()
    await expect(page.locator(".ledger > li").first.locator(".state")).to_have_text("cached")


async def test_what_is_wrong_is_named_at_its_place(page: Page) -> None:
    """A parameter that does not fit is told with its pointer, and a backend's fault without what .NET puts around it."""
    detail = page.locator(".ledger > li").first.locator(".detail")
    await page.get_by_role("button", name="Seats that are no number").click()
    await expect(detail).to_have_text("/iNumberOfSeats must be an integer")
    await page.get_by_role("button", name="With a session that is none").click()
    await expect(detail).to_have_text("The session key is not valid")


@pytest.mark.parametrize(
    ("said", "state", "executed"),
    [({"Sidecar-State": "ok;executed=yes"}, "ok", "yes"), ({}, "no state", "unknown")],
)
async def test_an_answer_that_is_no_json_is_still_a_state(
    page: Page, said: dict[str, str], state: str, executed: str
) -> None:
    """What the headers say of the effect holds where a box on the way has cut the body off, or wrote a page of its own."""
    headers = {**said, "Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "Sidecar-State"}
    await page.route("**/json/DestroyCache", lambda route: route.fulfill(headers=headers, body='{"state": "o'))
    await page.get_by_role("button", name="A denied operation").click()
    newest = page.locator(".ledger > li").first
    await expect(newest.locator(".state")).to_have_text(state)
    await expect(newest.locator(".executed")).to_have_text(f"executed: {executed}")
    await expect(newest.locator(".detail")).to_have_text("The answer was cut off.")


async def test_a_purchase_by_keyboard_alone(page: Page, box: BoxOffice) -> None:
    """Reserve and check out with Tab and Enter; the order's number is told and the box office has sold two seats."""
    await page.get_by_role("button", name="Reserve seats for Hamlet").focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("#basket")).to_have_text("2 seats are held for you.")
    checkout = page.get_by_role("button", name="Check out")
    for _ in range(20):
        if await checkout.evaluate("button => button === document.activeElement"):
            break
        await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.locator("#basket")).to_have_text("Order 50001 is confirmed.")
    assert box.stats()["seats_sold"] == 2


async def test_an_unknown_payment_is_confirmed_before_it_is_repeated(page: Page, box: BoxOffice) -> None:
    """After a lost reply the page offers to check, and the check finds the order that was made."""
    await page.get_by_role("button", name="Lose the reply to a payment").click()
    await expect(page.locator("#basket")).to_contain_text("Check before you pay again")
    await page.get_by_role("button", name="Heal the backend").click()
    await page.get_by_role("button", name="Check whether it went through").click()
    newest = page.locator(".ledger > li").first
    await expect(newest).to_contain_text("GetOrderDetails")
    await expect(newest.locator(".state")).to_have_text("ok")
    assert box.stats()["orders"] == 1


@pytest.mark.long
async def test_a_wait_is_counted_down_before_the_call_can_be_repeated(page: Page) -> None:
    """`retry: wait` disables the button until its time, then the same call works."""
    await page.get_by_role("button", name="Kill it for 6 s, then greet it").click()
    again = page.locator(".ledger > li").first.locator(".act")
    await expect(again).to_be_disabled()
    await page.get_by_role("button", name="Heal the backend").click()
    await expect(again).to_have_text("Try again", timeout=10_000)
    await again.click()
    await expect(page.locator("#latest")).to_have_text("ok")


def _line(place: str, ahead: int, eta_s: int, after_s: int, reason: str | None = None) -> dict[str, Any]:
    """Return what the sidecar tells somebody who has to wait."""
    queue = {
        "kind": "call",
        "place_code": f"CODE-{place}",
        "place": f"signed-{place}",
        "ahead": ahead,
        "eta_reason": reason,
    }
    queue |= {"eta_s": eta_s, "eta_low_s": eta_s - 10, "eta_high_s": eta_s + 15, "next_poll_ms": after_s * 1000}
    return {"state": "overloaded", "retry": {"how": "wait", "after_s": after_s, "same_key": True}, "queue": queue}


async def test_who_is_held_up_sees_where_he_stands_and_comes_back_by_himself(page: Page, stand_in: StandIn) -> None:
    """Position, a range, the place's code and a countdown; the call returns with the place that it was given, until it is its turn."""
    await page.clock.install()
    stand_in.told = [_line("one", 12, 37, 20), _line("two", 3, 12, 5)]
    await page.get_by_role("button", name="Reserve seats for Hamlet").click()
    card = page.locator(".turn")
    await expect(card.locator(".turn-head")).to_have_text("Your seats: you are in line")
    await expect(card.locator(".turn-ahead")).to_have_text("12 before you")
    await expect(card.locator(".turn-eta")).to_have_text("about 25 to 55 seconds")
    await expect(card.locator(".turn-code")).to_have_text("Your place is CODE-one")
    await expect(card.locator(".turn-timer")).to_have_text(re.compile(r"Asks again by itself in (20|19) s"))
    await expect(page.get_by_role("status").filter(has_text="12 before you. about 25 to 55 seconds")).to_have_count(1)
    await expect(page.get_by_role("button", name="Reserve seats for Hamlet")).to_be_disabled()
    await page.clock.run_for(10_000)
    await expect(card.locator(".turn-eta")).to_have_text("about 15 to 45 seconds")
    await page.clock.run_for(10_000)
    await expect(card.locator(".turn-ahead")).to_have_text("3 before you")
    await expect(card.locator(".turn-why")).to_be_hidden()
    await page.clock.run_for(5_000)
    await expect(card.locator(".turn-head")).to_have_text("Your seats: it was your turn")
    await expect(card.locator(".turn-trail")).to_have_text("overloaded → overloaded → ok")
    await expect(page.locator("#basket")).to_have_text("2 seats are held for you.")
    assert stand_in.places == [None, "signed-one", "signed-two"]
    await page.clock.run_for(8_000)
    await expect(card).to_have_count(0)


@pytest.mark.long
@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("limit_cut", "It takes longer than we said: the box office has slowed down, and takes fewer calls at once."),
        ("a_new_one", "It takes longer than we said: more has to be done before you than was reckoned."),
    ],
)
async def test_a_wait_that_rises_says_why(page: Page, stand_in: StandIn, reason: str, words: str) -> None:
    """What was said less the time that has passed is the measure; a reason that the page does not know has words, too."""
    await page.clock.install()
    stand_in.told = [_line("one", 12, 35, 20), _line("two", 11, 70, 30, reason)]
    await page.get_by_role("button", name="Reserve seats for Hamlet").click()
    await expect(page.locator(".turn-ahead")).to_have_text("12 before you")
    await page.clock.run_for(20_000)
    await expect(page.locator(".turn-eta")).to_have_text("about 1 to 2 minutes")
    await expect(page.locator(".turn-why")).to_have_text(words)
    await expect(page.locator("#turn-said")).to_contain_text(words)


async def test_who_leaves_the_line_does_not_come_back(page: Page, stand_in: StandIn) -> None:
    """The card goes, the button works again, and nothing more is sent."""
    await page.clock.install()
    stand_in.told = [_line("one", 12, 35, 20)]
    await page.get_by_role("button", name="Reserve seats for Hamlet").click()
    await page.get_by_role("button", name="Leave the line").click()
    await expect(page.locator(".turn")).to_have_count(0)
    await expect(page.get_by_role("button", name="Reserve seats for Hamlet")).to_be_enabled()
    await page.clock.run_for(30_000)
    assert stand_in.places == [None]


async def test_who_asks_too_often_is_told_in_a_moment(page: Page, stand_in: StandIn) -> None:
    """A rate is no line: no position, no place, only the moment; then the call comes back by itself."""
    await page.clock.install()
    stand_in.told = [{"state": "rate_limited"}]
    await page.get_by_role("button", name="Reserve seats for Hamlet").click()
    await expect(page.locator(".turn-head")).to_have_text("Your seats: in a moment")
    await expect(page.locator(".turn-ahead")).to_be_hidden()
    await expect(page.locator(".turn-code")).to_be_hidden()
    await page.clock.run_for(2_000)
    await expect(page.locator("#basket")).to_have_text("2 seats are held for you.")


async def test_the_panel_shows_the_knee_and_the_crowd_that_was_sent(page: Page, box: BoxOffice) -> None:
    """A slow disk is marked and undone by the same button, and the slider sends people who are counted."""
    await page.get_by_role("button", name="The disk is slow today").click()
    await expect(page.locator("#knee")).to_have_text("8")
    await expect(page.locator("#backend")).to_have_text("slow")
    assert box.law.knee == 8
    await page.get_by_role("button", name="The disk is slow today", pressed=True).click()
    await expect(page.locator("#knee")).to_have_text("20")
    await page.get_by_label("People who come each second").fill("25")
    await expect(page.locator("#tide-rate")).to_have_text("25")
    await expect(page.locator("#tide-said")).to_contain_text("people came")
    await expect(page.locator("#limit")).to_have_text("\u2013")  # the stand-in has no operators


async def test_it_fits_and_reads_at_every_width(page: Page, stand_in: StandIn) -> None:
    """Nothing sticks out sideways, with somebody in line neither, and the ink differs from the wall in both schemes."""
    stand_in.told = [_line("a-code-as-long-as-none-is", 123_456, 7000, 600)]
    await page.get_by_role("button", name="Reserve seats for Hamlet").click()
    await expect(page.locator(".turn-ahead")).to_have_text("123,456 before you")
    for width in (320, 390, 900, 1440):
        await page.set_viewport_size({"width": width, "height": 844})
        for scheme in SCHEMES:
            await page.emulate_media(color_scheme=scheme)
            assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") == 0, (width, scheme)
            ink, wall = await page.evaluate(
                "[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]"
            )
            assert _contrast(ink, wall) >= 7, (width, scheme)  # WCAG 2.2, 1.4.6


async def test_the_policy_is_kept_by_the_page_itself(shop: Shop) -> None:
    """Loading and one call break no line of the Content-Security-Policy, and no script fails."""
    broken: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=require.browser(), args=FLAGS)
        page = await browser.new_page()
        page.on("console", lambda message: broken.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: broken.append(str(error)))
        await page.goto(shop.url)
        await expect(page.locator(".performance")).to_have_count(7)
        await page.get_by_role("button", name="Reserve seats for Hamlet").click()
        await expect(page.locator("#basket")).to_have_text("2 seats are held for you.")
        await browser.close()
    assert broken == []


def _contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two `rgb()` colours (WCAG 2.2, relative luminance)."""

    def luminance(colour: str) -> float:
        channels = [int(part) / 255 for part in colour.removeprefix("rgb(").removesuffix(")").split(",")]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)
