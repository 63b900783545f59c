"""Using the dashboard in real headless Chromium: by keyboard, by ear, in a tab that nobody looks at, with what a browser may forbid."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.dashboard import Desk, View, backend, busy_night, failed_reload, moved, override, status

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Route

_FOCUSED = """
() => {
  const node = document.activeElement, style = getComputedStyle(node);
  const box = node.getBoundingClientRect();
  return {
    what: node.id || node.getAttribute('href') || node.getAttribute('aria-label') || node.textContent.trim(),
    tag: node.tagName,
    ringed: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2,
    inside: box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
  };
}
"""
# How often the region that is read aloud has changed.
_LISTEN = """
() => {
  window.heard = 0;
  const observer = new MutationObserver(() => { window.heard += 1; });
  observer.observe(document.getElementById('live'), { childList: true, characterData: true, subtree: true });
}
"""
# A headless Chromium shows every tab, so what says that nobody sees one is played.
_COVER = """
(covered) => {
  Object.defineProperty(document, 'hidden', { get: () => covered, configurable: true });
  document.dispatchEvent(new Event('visibilitychange'));
}
"""


def walked(view: View) -> list[dict[str, Any]]:
    """Press Tab from the top of the page until the focus has left it; return where it was."""
    steps: list[dict[str, Any]] = []
    for _ in range(200):
        view.page.keyboard.press("Tab")
        step = view.page.evaluate(_FOCUSED)
        if step["tag"] == "BODY" or (steps and step["what"] == steps[0]["what"]):
            return steps
        steps.append(step)
    raise AssertionError(f"the focus never left: {steps[-3:]}")


def test_a_walk_by_tab(view: View) -> None:
    """Tab meets everything that can be used, in the order of the page, with a ring around it and in sight, and comes out at the end."""
    page = view.open(busy_night()).page
    steps = walked(view)
    assert [step["what"] for step in steps[:10]] == [
        "#main", "pause", "theme", "show-keys", "#alerts", "#backends", "#refusals", "#answers", "#process", "#settings",
    ]  # fmt: skip
    assert [step for step in steps if not (step["ringed"] and step["inside"])] == []
    usable = page.locator("a:visible, button:visible, summary:visible, input:visible").count()
    assert len(steps) == usable


def test_the_skip_link(view: View) -> None:
    """The first Tab offers to skip the header, in sight; what comes next is the first alert."""
    page = view.open(busy_night()).page
    page.keyboard.press("Tab")
    skip = page.locator(".skip")
    box = skip.bounding_box()
    assert box is not None
    assert box["width"] > 50
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('.alert').dataset.code") == "reload_failed"


def test_keys(view: View) -> None:
    """`?` lists the keys and Esc closes the list; digits go to the sections, P pauses, T changes the theme."""
    page = view.open(busy_night()).page
    page.locator("#show-keys").focus()
    page.keyboard.press("?")
    assert page.locator("#keys").is_visible()
    assert "Alerts, Backends, Refusals, Answers, Process, Settings" in page.locator("#keys").inner_text()
    page.keyboard.press("p")
    assert page.locator("#pause").get_attribute("aria-pressed") == "false"  # not below an open list
    page.keyboard.press("Escape")
    assert page.locator("#keys").is_hidden()
    assert page.evaluate("document.activeElement.id") == "show-keys"
    for key, title in enumerate(["Alerts", "Backends", "Refusals", "Answers", "Process", "Settings"], 1):
        page.keyboard.press(str(key))
        assert page.evaluate("document.activeElement.textContent") == title
        assert page.evaluate(_FOCUSED)["inside"]
    page.keyboard.press("p")
    assert page.locator("#pause").get_attribute("aria-pressed") == "true"
    page.keyboard.press("t")
    assert page.locator("#theme").inner_text() == "Theme: light"
    page.keyboard.press("Control+p")
    assert page.locator("#pause").get_attribute("aria-pressed") == "true"


def test_single_keys_can_be_switched_off(view: View) -> None:
    """Whoever speaks to the computer must not set keys off: the list has a switch (WCAG 2.1.4)."""
    page = view.open().page
    page.locator("#show-keys").click()
    page.locator("#single-keys").uncheck()
    page.locator("#keys button").click()
    for key in ("p", "t", "?", "2"):
        page.keyboard.press(key)
    assert page.locator("#pause").get_attribute("aria-pressed") == "false"
    assert page.locator("#theme").inner_text() == "Theme: system"
    assert page.locator("#keys").is_hidden()


def test_what_is_said_aloud(view: View) -> None:
    """A screen reader hears of an alert when it comes and when it is over, not every second what only counts down."""
    page = view.open(status()).page
    live = page.locator("#live")
    assert (live.get_attribute("aria-live"), live.inner_text()) == ("polite", "")
    assert page.locator("[aria-live], [role=alert], [role=status]").count() == 1
    view.see(status(overrides=[override()]))
    assert live.inner_text() == "1 setting is overridden by hand"
    page.evaluate(_LISTEN)
    for second in range(1, 4):
        view.see(moved(status(overrides=[override()]), second))
    assert page.evaluate("heard") == 0
    view.see(status(backend("tickets", pressure="down"), overrides=[override()]))
    assert live.inner_text() == "Backend tickets does not answer"
    view.see(status(backend("tickets", pressure="down"), backend("shop", pressure="down"), overrides=[override()]))
    assert live.inner_text() == "2 backends do not answer"
    view.see(status(overrides=[override()]))
    assert live.inner_text() == "Over: 2 backends do not answer"


def test_what_a_screen_reader_meets(view: View) -> None:
    """Headings in order, tables with captions and scopes (rows shown as blocks included), charts in words, no picture without them."""
    page = view.open(busy_night()).page
    view.tick()
    for width in (390, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        tree = page.locator("main").aria_snapshot()
        assert 'table "What was turned away in the last 5 min, and which part of the sidecar did it"' in tree
        assert '- columnheader "refused by"' in tree
        assert '- rowheader "overloaded The backend has all that it can bear.' in tree
    levels = page.evaluate(
        "[...document.querySelectorAll(':is(h1, main :is(h2, h3))')].map((each) => Number(each.tagName[1]))"
    )
    assert levels[0] == 1
    assert [(a, b) for a, b in itertools.pairwise(levels) if b > a + 1] == []
    assert page.locator("th:not([scope])").count() == 0
    assert page.locator("canvas").count() > 0
    assert page.evaluate("[...document.querySelectorAll('canvas')].every((each) => each.closest('[aria-hidden=true]'))")
    assert (
        "In the last 5 minutes: in flight 7 to 7; in line 61 to 61; limit 8 to 8."
        in page.locator("figure").first.text_content()
    )
    nameless = "[...document.querySelectorAll('button, a, summary')].filter((each) => !(each.ariaLabel || each.textContent.trim()))"
    assert page.evaluate(nameless) == []


def test_a_tab_that_nobody_sees_asks_nothing(view: View) -> None:
    """Hidden, the page is silent; shown again it asks at once, and draws a hole instead of a line across it."""
    page = view.open().page
    view.tick()
    page.evaluate(_COVER, True)
    asked, settled = view.desk.asked, view.settled
    for _ in range(30):
        page.clock.run_for(1000)
    page.wait_for_timeout(50)
    assert (view.desk.asked, view.settled) == (asked, settled)
    page.evaluate(_COVER, False)
    view.tick()
    assert view.desk.asked > asked


def test_a_tab_that_is_covered_while_it_asks(view: View) -> None:
    """The answer that was under way is the last one."""
    page = view.open().page
    held: list[Route] = []
    page.route("**/status*", lambda route: held.append(route))  # noqa: PLW0108 - Playwright marks what it is given, and cannot mark a built-in
    page.clock.run_for(1000)
    for _ in range(1000):  # of 10 ms, or it does not ask
        if held:
            break
        page.wait_for_timeout(10)
    page.evaluate(_COVER, True)
    settled = view.settled
    held.pop().continue_()
    view.until(settled + 1)
    for _ in range(5):
        page.clock.run_for(1000)
    page.wait_for_timeout(50)
    assert held == []


def test_paused(view: View) -> None:
    """Paused, the page says so loudly and asks nothing, until it is told to go on."""
    page = view.open(status(overrides=[override()])).page
    page.locator("#pause").click()
    asked = view.desk.asked
    assert "Paused, nothing moves." in page.locator("#verdict").inner_text()
    for _ in range(5):
        page.clock.run_for(1000)
    assert view.desk.asked == asked
    view.desk.say(status(backend("tickets", in_flight=9)))
    page.locator("#pause").click()
    page.get_by_text("9 in flight").wait_for()
    assert page.locator("#verdict").inner_text() == "All well"


def test_the_theme_is_chosen_and_kept(chromium: Browser, desk: Desk) -> None:
    """System, light, dark: one button; the choice outlives the page, and what the system says holds until there is one."""
    context = chromium.new_context(color_scheme="dark")
    view = View(context, desk).open()
    page, ground = view.page, "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(ground)
    page.locator("#theme").click()
    assert page.locator("#theme").inner_text() == "Theme: light"
    assert page.evaluate(ground) != dark
    page.locator("#theme").click()
    assert (page.locator("#theme").inner_text(), page.evaluate(ground)) == ("Theme: dark", dark)
    page.emulate_media(color_scheme="light")
    assert page.evaluate(ground) == dark
    page.reload()
    assert (page.locator("#theme").inner_text(), page.evaluate(ground)) == ("Theme: dark", dark)
    page.locator("#theme").click()
    assert page.evaluate(ground) != dark
    assert view.complaints == []
    context.close()


def test_a_theme_repaints_the_charts(view: View) -> None:
    """A chart's colours are those of the theme, also after it has changed."""
    page = view.open().page
    view.tick()
    page.wait_for_selector("canvas")
    light = page.locator("canvas").first.evaluate("(node) => node.toDataURL()")
    page.emulate_media(color_scheme="dark")
    page.wait_for_selector("html[data-theme=dark] canvas")
    assert page.locator("canvas").first.evaluate("(node) => node.toDataURL()") != light


def test_forbidden_storage(chromium: Browser, desk: Desk) -> None:
    """Where a browser lets a page keep nothing, a theme can be chosen all the same."""
    context = chromium.new_context()
    view = View(context, desk)
    view.page.add_init_script(
        "Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('no', 'SecurityError'); }})"
    )
    page = view.open().page
    page.locator("#theme").click()
    assert page.locator("#theme").inner_text() == "Theme: light"
    assert view.complaints == []
    context.close()


def test_a_command_is_copied(chromium: Browser, desk: Desk) -> None:
    """The button beside a command copies it; where that is forbidden it is selected instead."""
    context = chromium.new_context()
    view = View(context, desk)
    page = view.open(busy_night()).page
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    button = page.get_by_role("button", name="Copy: sidecar config use 90ab12cd34ef --reason WHY")
    button.click()
    button.get_by_text("Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == "sidecar config use 90ab12cd34ef --reason WHY"
    page.evaluate("() => { navigator.clipboard.writeText = async () => { throw new Error('no'); }; }")
    page.clock.run_for(3000)
    assert button.inner_text() == "Copy"
    button.click()
    button.get_by_text("Selected").wait_for()
    assert page.evaluate("getSelection().toString()") == "sidecar config use 90ab12cd34ef --reason WHY"
    context.close()


def test_nothing_moves(view: View) -> None:
    """No animation and no transition, whether or not somebody asked for less motion."""
    page = view.open(busy_night()).page
    styles = "[...document.querySelectorAll('*')].map((each) => getComputedStyle(each))"
    assert page.evaluate(
        f"[...new Set({styles}.map((style) => `${{style.transitionDuration}} ${{style.animationName}}`))]"
    ) == ["0s none"]


@pytest.mark.long
def test_the_pointer_reads_a_chart(view: View) -> None:
    """Over a chart the figures below it are those of that moment, and those of now again when the pointer leaves."""
    page = view.open(status(backend("tickets", in_flight=4))).page
    for second in range(1, 100):
        view.see(moved(status(backend("tickets", in_flight=4 if second < 80 else 12)), second))
    figure = page.locator("figure").first
    box = figure.locator(".u-over").bounding_box()
    assert box is not None
    assert "in flight12" in figure.locator(".legend").inner_text().replace("\n", "").replace(" 12", "12")
    page.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + 20)
    assert figure.locator(".since").first.inner_text() in ("59 s ago", "1 min ago", "1 min 1 s ago")
    assert figure.locator(".legend b").first.inner_text() == "4"
    page.mouse.move(5, 5)
    assert figure.locator(".since").first.inner_text() == "now"
    assert figure.locator(".legend b").first.inner_text() == "12"


@pytest.mark.parametrize("pixels", [390, 1280])
def test_text_twice_as_large(view: View, pixels: int) -> None:
    """With text at 200 percent nothing scrolls sideways (WCAG 1.4.4)."""
    view.page.set_viewport_size({"width": pixels, "height": 900})
    page = view.open(status(config={"last_reload": failed_reload()})).page
    page.evaluate("document.documentElement.style.fontSize = '32px'; document.body.style.fontSize = '30px'")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
