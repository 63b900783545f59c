"""A whole on-sale in real headless Chromium: real processes, the room on one site, the shop on another, a third that embeds the widget."""

from __future__ import annotations

import json
import time
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.looks import CONTRAST, CUT, keep
from tests.browser.onsale import EVENING, Aside, OnSale, Rival
from tests.browser.page import FLAGS
from tests.support import require

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, BrowserContext, Page, Playwright


# What Playwright tells a browser so that hidden tabs are as quick as others.
AWAKE = [
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
]


@pytest.fixture(scope="module")
def sale(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OnSale]:
    with OnSale(tmp_path_factory.mktemp("onsale")) as sale:
        yield sale


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    context = chromium.new_context(viewport={"width": 900, "height": 900})
    yield context
    context.close()


def heading(page: Page, text: str, within_s: float = 15.0) -> None:
    """Wait until the page says so, by itself."""
    expect(page.locator("#word")).to_have_text(text, timeout=within_s * 1000)


def look_at(page: Page, name: str) -> None:
    """Take a picture of a station, and one as a small telephone shows it at night, where nothing is cut or faint."""
    keep(page, name)
    size = page.viewport_size
    assert size is not None
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 320, "height": 700})
    keep(page, f"{name}-320")
    assert (page.evaluate(CUT), page.evaluate(CONTRAST)) == ([], [])
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(size)


def code_of(page: Page) -> str:
    return page.locator("#code code").inner_text()


def until(page: Page, condition: str, within_s: float = 15.0) -> None:
    page.wait_for_function(condition, timeout=within_s * 1000)


def blocking(playwright: Playwright, folder: Path) -> BrowserContext:
    """Open a browser as privacy settings have it: nothing of third parties is kept."""
    (folder / "Default").mkdir(parents=True)
    prefs = {"profile": {"cookie_controls_mode": 1, "block_third_party_cookies": True}}
    (folder / "Default" / "Preferences").write_text(json.dumps(prefs), "utf-8")
    return playwright.chromium.launch_persistent_context(folder, executable_path=require.browser(), args=FLAGS)


# Notes in the page when it asks a room: what Playwright hears of it comes late on a busy machine.
CLOCKED = """window.asks = [];
const plain = window.fetch;
window.fetch = (url, ...more) => {
  if (String(url).includes("/.sidecar/rooms/")) asks.push(performance.now());
  return plain(url, ...more);
};"""


def tab(context: BrowserContext, sale: OnSale, room: str, asked: list[str]) -> Page:
    """Open the shop and stand in a room's line; `asked` gets what its client asks of the room."""
    page = context.new_page()
    page.add_init_script(CLOCKED)
    page.on("request", lambda request: asked.append(request.url) if f"/rooms/{room}/" in request.url else None)
    page.goto(sale.shop)
    page.evaluate("name => void stand(name)", room)
    return page


RESERVE = """(evening) => api.call("/tickets/json/ReserveTickets", { body: {
  sWebSessionID: window.session, sPriceType: "A", iPerformanceNumber: evening, iNumberOfSeats: 2, iZone: 1 } })"""
PAY = """() => api.call("/tickets/json/Checkout", { key: true, body: {
  sSessionKey: window.session, sCCOwner: "A", sCCNumber: "4111111111111111", iCCType: 1, iCCMonth: 12, iCCYear: 2030 } })"""
SIGN_IN = """async () => {
  window.session = (await api.call("/tickets/json/GetNewSessionKey", { body: { sIP: "192.0.2.7" } })).data.GetNewSessionKeyResult;
}"""


def test_from_the_lobby_to_the_till(context: BrowserContext, sale: OnSale) -> None:
    """Lobby, draw, line, call, and the shop, which gets the pass on the way there: seats are reserved and paid for, and whoever has paid is
    out again.
    """
    page = context.new_page()
    page.goto(sale.open("hamlet", EVENING, in_s=16, draw="8s"))
    page.get_by_role("button", name="Join the queue").click()
    heading(page, "You are in the waiting room")
    look_at(page, "onsale-lobby")
    code = code_of(page)
    page.reload()
    heading(page, "You are in the waiting room")
    assert code_of(page) == code
    sale.wait_state("hamlet", "drawing")
    # By itself it asks at a moment of its own until the opening, which may be the last one; who comes back to the page asks at once.
    page.evaluate("dispatchEvent(new Event('pageshow'))")
    heading(page, "Places are being drawn")
    look_at(page, "onsale-drawing")
    heading(page, "It is your turn", 20)
    expect(page.get_by_role("button", name="Go in now")).to_be_focused()
    look_at(page, "onsale-called")
    page.keyboard.press("Enter")
    heading(page, "You can go in now")
    assert code_of(page) == code
    look_at(page, "onsale-admitted")
    with context.expect_page() as opened:
        page.get_by_role("link", name="Go on").click(modifiers=["Control"])
    shop = opened.value
    until(shop, "window.api && heard.includes('join: ok')")
    assert shop.url == f"{sale.shop}/"  # the pass is nobody's to read there
    assert shop.evaluate("stand('hamlet').pass") is not None
    shop.evaluate(SIGN_IN)
    seats = shop.evaluate(RESERVE, EVENING)
    assert (seats["state"], seats["data"]["ReserveTicketsResult"]) == ("ok", 2)
    assert shop.evaluate(PAY)["state"] == "ok"
    page.bring_to_front()
    page.reload()
    heading(page, "You have finished")
    expect(page.locator("#lead")).to_contain_text("Your purchase is complete")
    look_at(page, "onsale-released")
    assert shop.evaluate(RESERVE, EVENING)["state"] == "pass_expired"


def test_a_place_outlives_tabs_and_networks(context: BrowserContext, sale: OnSale) -> None:
    """Two tabs are one who asks; a tab that is loaded again, closed and opened, or offline for a while has the place that it had, and
    comes in when it is free.
    """
    sale.open("lear", 1202)
    rival, asked, asked_too = Rival(sale, "lear").come_in(), list[str](), list[str]()
    first = tab(context, sale, "lear", asked)
    until(first, "room.queue?.visitor === 'waiting'")
    code = first.evaluate("room.queue.place_code")
    second = tab(context, sale, "lear", asked_too)
    until(second, "room.queue")
    assert second.evaluate("room.queue.place_code") == code
    assert [each.rpartition("/")[2] for each in asked + asked_too].count("join") == 1
    second.reload()
    second.evaluate("void stand('lear')")
    until(second, "room.queue")
    assert second.evaluate("room.queue.place_code") == code
    first.close()
    second.close()
    third = tab(context, sale, "lear", asked)
    until(third, "room.queue")
    assert third.evaluate("room.queue.place_code") == code
    context.set_offline(True)
    said = third.evaluate(RESERVE.replace("{ body", "{ attempts: 1, body"), 1202)
    assert (said["state"], said["executed"]) == ("offline", "no")
    before, end = len(asked), time.monotonic() + 15.0
    context.set_offline(False)
    until(third, "navigator.onLine")
    until(third, "room.queue")
    while len(asked) == before and time.monotonic() < end:
        third.wait_for_timeout(20)  # on a busy machine it takes a while to be told
    assert len(asked) > before
    third.wait_for_timeout(700)
    moments = third.evaluate("asks")
    assert min(later - sooner for sooner, later in pairwise(moments)) >= 990, "never twice within a second"
    assert third.evaluate("room.queue.place_code") == code
    rival.ask("release")
    until(third, "room.pass")
    third.evaluate(SIGN_IN)
    assert third.evaluate(RESERVE, 1202)["state"] == "ok"


def test_a_pause_is_said_in_front_of_who_waits(context: BrowserContext, sale: OnSale) -> None:
    """The operator's sentence comes to the open page, is announced, and goes; nobody has lost his place by it."""
    page = context.new_page()
    page.goto(sale.open("tempest"))
    rival = Rival(sale, "tempest").come_in()
    page.get_by_role("button", name="Join the queue").click()
    heading(page, "You are in the queue")
    code = code_of(page)
    with page.expect_response(lambda response: "/place" in response.url):
        pass  # the second time he asks: from the third on he is held for his turn
    with page.expect_request(lambda request: request.url.endswith("place?wait=20")):
        pass
    sale.order("pause", "room:tempest", "--text", "en=The card company is down.", "--for", "10m", "--next-update", "5m")
    heading(page, "The queue is paused", 10)  # a request is held for 20 s where nothing happens
    expect(page.locator("#message p")).to_have_text("The card company is down.")
    expect(page.locator("#polite")).to_contain_text("Message from the organiser: The card company is down.")
    assert code_of(page) == code
    look_at(page, "onsale-paused")
    sale.order("resume", "room:tempest")
    # Who comes back asks at once, the others within half a minute.
    page.evaluate("dispatchEvent(new Event('pageshow'))")
    heading(page, "You are in the queue")
    expect(page.locator("#message")).to_be_hidden()
    rival.ask("release")
    heading(page, "It is your turn", 25)


@pytest.mark.long
def test_a_sidecar_that_dies_is_waited_for(context: BrowserContext, sale: OnSale) -> None:
    """Killed while people wait: the page says that it gets no answer, and when it is back the place is, too, in the same line."""
    page = context.new_page()
    page.goto(sale.open("macbeth"))
    rival = Rival(sale, "macbeth").come_in()
    page.get_by_role("button", name="Join the queue").click()
    heading(page, "You are in the queue")
    code = code_of(page)
    page.wait_for_timeout(1500)  # a crash may cost a second
    sale.kill()
    expect(page.locator("#trouble")).to_be_visible(timeout=30_000)
    look_at(page, "onsale-trouble")
    sale.revive()
    expect(page.locator("#trouble")).to_be_hidden(timeout=30_000)
    heading(page, "You are in the queue")
    assert code_of(page) == code
    rival.ask("release")
    heading(page, "It is your turn", 25)
    page.get_by_role("button", name="Go in now").click()
    heading(page, "You can go in now")


@pytest.mark.long
def test_without_script_from_the_lobby_to_the_shop(chromium: Browser, sale: OnSale) -> None:
    """Pages that load themselves and forms lead from the lobby to the way on, with the pass."""
    address = sale.open("othello", in_s=12, lobby="20s", draw="2s")
    context = chromium.new_context(
        java_script_enabled=False, viewport={"width": 320, "height": 700}, color_scheme="dark"
    )
    page = context.new_page()
    page.goto(address)
    page.get_by_role("button", name="Join the queue").click()
    heading(page, "You are in the waiting room")
    keep(page, "onsale-plain-lobby")
    code = code_of(page)
    heading(page, "It is your turn", 20)
    keep(page, "onsale-plain-called")
    page.get_by_role("button", name="Go in now").click()
    heading(page, "You can go in now")
    assert code_of(page) == code
    keep(page, "onsale-plain-admitted")
    there = page.get_by_role("link", name="Go on").get_attribute("href")
    assert there is not None
    assert there.startswith(f"{sale.shop}/#sidecar-pass=othello:")
    context.close()


def test_a_widget_works_where_third_parties_may_keep_nothing(
    playwright: Playwright, sale: OnSale, tmp_path: Path
) -> None:
    """In another site's frame, its cookies blocked: joined, called, and the pass handed to the page around; the place outlives a reload."""
    sale.open("cymbeline")
    rival = Rival(sale, "cymbeline").come_in()
    context = blocking(playwright, tmp_path)
    page = context.new_page()
    page.goto(f"{sale.site}/cymbeline")
    frame = page.frame_locator("iframe")
    frame.get_by_role("button", name="Join the queue").click()
    expect(frame.locator("#word")).to_have_text("You are in the queue")
    assert page.frames[1].evaluate("(document.cookie = 'a=1', document.cookie)") == ""
    code = frame.locator("#code code").inner_text()
    keep(page, "onsale-widget")
    page.reload()
    expect(frame.locator("#code code")).to_have_text(code)
    rival.ask("release")
    frame.get_by_role("button", name="Go in now").click(timeout=25_000)
    expect(frame.locator("#word")).to_have_text("You can go in now")
    until(page, "told.some(({ type, token }) => type === 'sidecar:pass' && token)")
    context.close()


@pytest.mark.long
def test_a_tab_in_the_background_is_called(playwright: Playwright, sale: OnSale) -> None:
    """Behind another tab its timers are slowed down: its title says soon that it is called. Frozen it hears nothing, keeps its place,
    and comes in when it is looked at again.
    """
    sale.open("pericles")
    browser = playwright.chromium.launch(executable_path=require.browser(), args=FLAGS, ignore_default_args=AWAKE)
    for frozen in (False, True):
        rival = Rival(sale, "pericles").come_in()
        aside = Aside(browser, sale.page("pericles"))
        aside.until("document.documentElement.classList.contains('on')")
        aside.get("document.querySelector('#join button').click()")
        aside.until("document.title.startsWith('You are in the queue')")
        code = aside.get("document.querySelector('#code code').textContent")
        aside.cover()
        if frozen:
            aside.freeze(on=True)
        time.sleep(5)
        rival.ask("release")
        if frozen:
            time.sleep(20)  # as long as a request is held
            aside.freeze(on=False)
        else:
            aside.until("document.title.startsWith('● It is your turn')", 10)
        aside.look()
        aside.until("document.querySelector('#claim').getClientRects().length > 0")
        assert aside.get("document.querySelector('#code code').textContent") == code
        aside.get("document.querySelector('#claim button').click()")
        aside.until("document.querySelector('#release').getClientRects().length > 0")
        aside.get("document.querySelector('#release button').click()")
        aside.until("document.title.startsWith('You have finished')")
        aside.get("localStorage.clear()")
    browser.close()
