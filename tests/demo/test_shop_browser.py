"""The shop page in real Chromium: every provoked state is shown, the policy holds, and it fits a phone."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from playwright.async_api import Page, async_playwright, expect

from sidecar.demo.shop import Addresses, Shop
from tests.demo.stand_in import StandIn

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sidecar.demo.box_office import BoxOffice

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason="needs a Chromium at /usr/bin/chromium")


@pytest.fixture
async def shop(box: BoxOffice) -> AsyncIterator[Shop]:
    """The shop on one origin and a stand-in for the sidecar on another."""
    listening = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    listening.close()
    async with Shop(Addresses(f"http://127.0.0.1:{port}", box.control_url, box.url)) as shop:
        server = web.Server(StandIn(shop.url, box.url).handle, access_log=None)
        stand_in = await asyncio.get_running_loop().create_server(server, "127.0.0.1", port)
        yield shop
        stand_in.close()
        await server.shutdown(1)


@pytest.fixture
async def page(shop: Shop) -> AsyncIterator[Page]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = await browser.new_page()
        await page.goto(shop.url)
        await expect(page.locator(".performance")).to_have_count(6)
        yield page
        await browser.close()


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
        ("A denied operation", "operation_denied", "executed: no"),
        ("A path nobody has", "not_found", "executed: no"),
        ("With a session that is none", "backend_fault", "executed: unknown"),
    ],
)
async def test_a_provoked_state_is_shown(page: Page, button: str, state: str, executed: str) -> None:
    """The newest entry of the ledger names the state and whether anything was executed, and so does the strip on top."""
    await page.get_by_role("button", name=button).click()
    newest = page.locator(".ledger > li").first
    await expect(newest.locator(".state")).to_have_text(state, timeout=10_000)
    await expect(newest.locator(".executed")).to_have_text(executed)
    await expect(page.locator("#latest")).to_have_text(state)


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


async def test_a_wait_is_counted_down_before_the_call_can_be_repeated(page: Page) -> None:
    """`retry: wait` disables the button until its time, then the same call works."""
    await page.get_by_role("button", name="Kill it for 6 s, then greet it").click()
    again = page.locator(".ledger > li").first.locator(".act")
    await expect(again).to_be_disabled()
    await page.get_by_role("button", name="Heal the backend").click()
    await expect(again).to_have_text("Try again", timeout=10_000)
    await again.click()
    await expect(page.locator("#latest")).to_have_text("ok")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 900, 1440])
async def test_it_fits_and_reads_at_every_width(page: Page, width: int, scheme: str) -> None:
    """Nothing sticks out sideways, and the ink differs from the wall in both schemes."""
    await page.set_viewport_size({"width": width, "height": 844})
    await page.emulate_media(color_scheme=scheme)
    assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") == 0
    ink, wall = await page.evaluate(
        "[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]"
    )
    assert _contrast(ink, wall) >= 7  # WCAG 2.2, 1.4.6


async def test_the_policy_is_kept_by_the_page_itself(shop: Shop) -> None:
    """Loading and one call break no line of the Content-Security-Policy, and no script fails."""
    broken: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = await browser.new_page()
        page.on("console", lambda message: broken.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: broken.append(str(error)))
        await page.goto(shop.url)
        await expect(page.locator(".performance")).to_have_count(6)
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
