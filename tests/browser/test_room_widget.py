"""The embedded waiting room in real headless Chromium, on an origin of its own in the page of another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.browser.foyer import FORGETFUL, Foyer, Guest
from tests.browser.looks import keep
from tests.web.rooms import NOBODY, VIEWS, WAITING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, FrameLocator, Page

CALLED, ADMITTED = VIEWS["called"], VIEWS["admitted"]


@pytest.fixture
def shop(guest: Guest) -> Page:
    """A page that may embed the room, not yet loaded."""
    return guest.page


@pytest.fixture
def forgetful(chromium: Browser, foyer: Foyer) -> Iterator[Page]:
    """The same where the frame may keep nothing."""
    foyer.reset()
    context = chromium.new_context()
    context.add_init_script("if (window !== top) { " + FORGETFUL + " }")
    guest = Guest(context, foyer)
    yield guest.page
    context.close()
    assert guest.complaints == []


def _open(page: Page, foyer: Foyer) -> FrameLocator:
    page.goto(foyer.shop)
    frame = page.frame_locator("iframe[title]")
    frame.locator("html.on").wait_for()
    return frame


def _heard(page: Page, kind: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = page.evaluate(f"heard.filter((each) => each.type === 'sidecar:{kind}')")
    return found


def test_a_visit_in_a_frame(shop: Page, foyer: Foyer) -> None:
    """Somebody joins, is called and comes, without a cookie; the page around it hears where he stands and gets the pass, from the
    room's origin and with the room's name, as messages and as events.
    """
    foyer.reset(NOBODY, join=WAITING, claim=ADMITTED)
    foyer.token = "v1.pass"
    frame = _open(shop, foyer)
    frame.get_by_role("button", name="Join the queue").click()
    expect(frame.locator("#ahead b")).to_have_text("790")
    keep(shop, "room-widget")
    (state,) = _heard(shop, "state")
    assert state == {
        "type": "sidecar:state", "room": "hamlet", "origin": foyer.url, "state": "open", "visitor": "waiting", "ahead": 790,
        "eta_low_s": 250, "eta_high_s": 410, "eta_reason": None, "place_code": "7KQ2-9F", "reason": None,
    }  # fmt: skip
    assert [each["place"] for each in _heard(shop, "place")] == ["v1.place"]
    foyer.view = CALLED
    frame.locator("main").evaluate("() => stub.poll()")
    frame.get_by_role("button", name="Go in now").click()
    expect(frame.get_by_role("heading", name="You can go in now")).to_be_visible()
    assert [(each["token"], each["origin"]) for each in _heard(shop, "pass")] == [("v1.pass", foyer.url)]
    assert shop.evaluate("events.filter((each) => each.type === 'sidecar:pass').length") == 1
    assert all("cookie" not in each.headers for each in foyer.asked)


def test_the_frame_is_as_high_as_what_is_in_it(shop: Page, foyer: Foyer) -> None:
    """It grows and shrinks with its content, at any width, so that it never scrolls."""
    frame = _open(shop, foyer)
    fits = """() => {
      const { height } = document.documentElement.getBoundingClientRect();
      return height <= innerHeight && innerHeight < height + 2 && document.documentElement.scrollWidth <= innerWidth;
    }"""

    def settled() -> int:
        for _ in range(50):
            if frame.locator("html").evaluate(fits):
                return int(shop.evaluate("document.querySelector('iframe').clientHeight"))
            shop.evaluate("new Promise(requestAnimationFrame)")
        raise AssertionError("the frame's height does not settle")

    small = settled()
    foyer.view = WAITING._replace(message=("info", "one\ntwo\nthree\nfour\nfive"))
    frame.get_by_role("button", name="Join the queue").click()
    expect(frame.locator("#ahead b")).to_have_text("790")
    large = settled()
    assert large > small + 100
    shop.set_viewport_size({"width": 320, "height": 700})
    assert settled() > large
    keep(shop, "room-widget-320")


def test_a_page_that_may_not_embed_it_does_not(guest: Guest, foyer: Foyer) -> None:
    """The browser refuses the frame to an origin that is not listed, and nothing is told to it."""
    guest.page.goto(foyer.stranger)
    frame = guest.page.frames[1]
    frame.wait_for_load_state()
    assert frame.url.startswith("chrome-error://")
    assert guest.page.evaluate("heard.length") == 0
    assert any("frame-ancestors" in each for each in guest.complaints)
    guest.complaints.clear()


def test_a_place_is_kept_by_the_page_where_the_frame_may_not(forgetful: Page, foyer: Foyer) -> None:
    """With storage blocked in the frame the place is in memory, the page around keeps it, and gives it back after it was loaded again."""
    foyer.reset(NOBODY, join=WAITING)
    frame = _open(forgetful, foyer)
    frame.get_by_role("button", name="Join the queue").click()
    expect(frame.locator("#note")).to_contain_text("You may close this page")
    foyer.view, foyer.asked = NOBODY, []
    frame = _open(forgetful, foyer)
    expect(frame.locator("#ahead b")).to_have_text("790")
    assert foyer.asked[0].headers["sidecar-place"] == "v1.place"


def test_a_place_that_is_given_up_is_forgotten(shop: Page, foyer: Foyer) -> None:
    """Who leaves has no place anywhere: the next visit begins with the question whether to join."""
    foyer.reset(NOBODY, join=WAITING, leave=VIEWS["left, by_choice"])
    frame = _open(shop, foyer)
    frame.get_by_role("button", name="Join the queue").click()
    frame.get_by_text("Leave the queue").click()
    frame.get_by_role("button", name="Yes, leave").click()
    expect(frame.get_by_role("heading", name="You have left the queue")).to_be_visible()
    assert shop.evaluate("localStorage.length") == 0
    assert [each["place"] for each in _heard(shop, "place")] == ["v1.place", None]


def test_only_the_page_around_is_heard(shop: Page, foyer: Foyer) -> None:
    """A place from another window of an allowed origin, or from the frame itself, is not taken; one from the page around is."""
    foyer.reset(NOBODY, join=WAITING)
    frame = _open(shop, foyer)
    shop.evaluate(
        """url => new Promise((done) => {
          const other = document.createElement("iframe");
          other.srcdoc = `<script>parent.frames[0].postMessage({ type: "sidecar:restore", place: "forged" }, "${url}")</` + "script>";
          other.onload = done;
          document.body.append(other);
        })""",
        foyer.url,
    )
    frame.locator("main").evaluate("() => postMessage({ type: 'sidecar:restore', place: 'forged' }, location.origin)")
    for said in (
        "'sidecar:restore'",
        "{ type: 'sidecar:restore', place: 7 }",
        "{ type: 'sidecar:restore', room: 'x', place: 'forged' }",
    ):
        shop.evaluate(f"url => frames[0].postMessage({said}, url)", foyer.url)
    assert foyer.asked == []
    shop.evaluate("url => frames[0].postMessage({ type: 'sidecar:restore', place: 'v1.mine' }, url)", foyer.url)
    expect(frame.locator("#ahead b")).to_have_text("790")
    assert [each.headers["sidecar-place"] for each in foyer.asked] == ["v1.mine"]


def test_a_call_does_not_take_the_focus_from_the_page_around(shop: Page, foyer: Foyer) -> None:
    """Who types in the shop goes on typing when his turn comes in the frame."""
    foyer.reset(NOBODY, join=WAITING)
    frame = _open(shop, foyer)
    frame.get_by_role("button", name="Join the queue").click()
    expect(frame.locator("#ahead b")).to_have_text("790")
    shop.evaluate("document.querySelector('main').insertAdjacentHTML('beforeend', '<label>Name <input></label>')")
    shop.get_by_label("Name").focus()
    foyer.view = CALLED
    frame.locator("main").evaluate("() => stub.poll()")
    expect(frame.get_by_role("button", name="Go in now")).to_be_visible()
    expect(shop.get_by_label("Name")).to_be_focused()


def test_without_script_a_frame_leads_to_the_page(chromium: Browser, foyer: Foyer) -> None:
    """A form in another site's frame would be forgotten: the frame has a link to a window, where everything works."""
    foyer.reset(NOBODY)
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(foyer.room + "/widget")
    expect(page.get_by_role("button", name="Join the queue")).to_be_hidden()
    with context.expect_page() as opened:
        page.get_by_role("link", name="Open the waiting room").click()
    expect(opened.value.get_by_role("button", name="Join the queue")).to_be_visible()
    context.close()
