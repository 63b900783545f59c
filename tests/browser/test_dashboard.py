"""The dashboard in real headless Chromium: what it shows, at every width and in both themes, and what it makes of statuses that are hostile.

Every test here fails, too, for any error in the console and anything that the page's policy forbids.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser import dashboard
from tests.browser.dashboard import Desk, View, at, backend, busy_night, failed_reload, lived, override, status, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

SIZES = [(390, 844), (768, 1024), (1280, 800), (1920, 1080)]

# What sticks out of the window sideways, or is cut where people should read it.
_CUT = """
() => {
  const found = [];
  const meant = '.unseen, .skip, #alerts h2, .plot, .seats, .bar, thead';
  for (const node of document.querySelectorAll('body *')) {
    if (node.closest(meant) || !node.offsetParent) continue;
    const box = node.getBoundingClientRect();
    const name = `${node.tagName}.${node.className} ${node.textContent.slice(0, 40)}`;
    if (box.right > innerWidth + 1 || box.left < -1) found.push(`out: ${name}`);
    const style = getComputedStyle(node);
    if (node.clientWidth && node.scrollWidth > node.clientWidth + 1) found.push(`over: ${name}`);
    if (style.textOverflow === 'ellipsis') found.push(`dots: ${name}`);
  }
  if (document.documentElement.scrollWidth > innerWidth) found.push('the window scrolls sideways');
  return found;
}
"""

# WCAG 2.2, 1.4.3: every piece of text against what is painted below it, the opacity of its ancestors reckoned in.
_CONTRAST = """
() => {
  const parse = (colour) => {
    const [r, g, b, a = 1] = colour.match(/[\\d.]+/g).map(Number);
    return { r, g, b, a };
  };
  const over = (top, below) => Object.fromEntries('rgb'.split('').map((c) => [c, top[c] * top.a + below[c] * (1 - top.a)]).concat([['a', 1]]));
  const light = ({ r, g, b }) => [r, g, b].map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let text = walker.nextNode(); text; text = walker.nextNode()) {
    const node = text.parentElement;
    if (!text.data.trim() || node.closest('.unseen, .skip, noscript, dialog:not([open])') || !node.getClientRects().length) continue;
    const chain = [];
    for (let each = node; each; each = each.parentElement) chain.unshift(each);
    let ground = { r: 255, g: 255, b: 255, a: 1 }, opacity = 1, behind = ground;
    for (const each of chain) {
      const style = getComputedStyle(each);
      if (Number(style.opacity) < 1) { opacity *= Number(style.opacity); behind = ground; }
      ground = over(parse(style.backgroundColor), ground);
    }
    const style = getComputedStyle(node);
    const seenGround = over({ ...ground, a: opacity }, behind);
    const seenText = over({ ...over(parse(style.color), ground), a: opacity }, behind);
    const [high, low] = [light(seenGround), light(seenText)].sort((a, b) => b - a);
    const size = parseFloat(style.fontSize), large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const ratio = (high + 0.05) / (low + 0.05);
    if (ratio < (large ? 3 : 4.5)) found.push(`${ratio.toFixed(2)} ${node.tagName}.${node.className}: ${text.data.trim().slice(0, 40)}`);
  }
  return found;
}
"""


def keep(page: Page, name: str) -> None:
    """Write a screenshot of the whole page where somebody asked for some."""
    if folder := os.environ.get("SIDECAR_SCREENSHOTS"):
        size = page.viewport_size
        height = page.evaluate("document.documentElement.scrollHeight")
        page.set_viewport_size({"width": size["width"], "height": height})  # charts are drawn where they are in sight
        for _ in range(2):  # the first one is a frame, in which cards come into sight
            page.screenshot(path=str(Path(folder) / f"dashboard-{name}.png"))
        page.set_viewport_size(size)


def test_the_facts_of_the_status(view: View) -> None:
    """What `sidecar status` says stands on the page, in words."""
    page = view.open(busy_night()).page
    said = page.locator("body").inner_text()
    for fact in (
        "3 h 3 min", "c3f9a1b2d4e5", "0.1.0", "4711", "03:12:4",  # this process
        "7 in flight", "1 ghost", "0 free of 8", "by hand; settings: 16", "61 in line, which holds 500", "31.5", "240 ms", "1,810 ms",
        "outcome_unknown: timeout, 03:11:09", "strained", "has room", "xmlrpc /memberships",
        "The line is full (queue.size)", "912", "before any", "Larger than limits.request_body.",
        "10,280", "85.9 %", "812 open of 10,000, 390 idle", "39.4 MiB of 256 MiB, 92.5 MiB at most so far",
        "http://127.0.0.1:8080", "none of its own", "3.14.5", "/etc/sidecar/tickets.yaml", "failed, nothing changed",
        "sidecar config use 90ab12cd34ef",
    ):  # fmt: skip
        assert fact in said, fact
    assert page.title() == "The last reload failed, and 5 more alerts · sidecar"


def test_all_well(view: View) -> None:
    """A quiet night is said in two words, and no alert stands there."""
    page = view.open().page
    assert page.locator("#verdict").inner_text() == "All well"
    assert page.locator("#no-alerts").inner_text() == "Nothing needs you."
    assert page.locator(".alert").count() == 0


@pytest.fixture(scope="module")
def night(chromium: Browser, desk: Desk) -> Iterator[View]:
    """A page that has watched a busy night for a while: five minutes where its pictures are kept."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    view = View(context, desk).open(lived(0))
    for second in range(1, 300 if "SIDECAR_SCREENSHOTS" in os.environ else 20):
        view.see(lived(second))
    yield view
    context.close()
    assert view.complaints == []


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_every_width(night: View, width: int, height: int, theme: str) -> None:
    """Nothing is cut and nothing scrolls sideways, with every alert opened, too; all text can be read in this theme."""
    page = night.page
    page.emulate_media(color_scheme=theme)
    page.set_viewport_size({"width": width, "height": height})
    page.wait_for_selector(f"html[data-theme={theme}]")
    assert page.evaluate(_CUT) == []
    keep(page, f"night-{theme}-{width}")
    for summary in page.locator("summary").all():
        summary.click()
    assert page.evaluate(_CUT) == []
    assert page.evaluate(_CONTRAST) == []
    keep(page, f"opened-{theme}-{width}")
    for summary in page.locator("summary").all():
        summary.click()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_what_is_old_can_be_read(view: View, theme: str) -> None:
    """Figures that are no longer true are grey, and meet the same contrast."""
    view.page.emulate_media(color_scheme=theme)
    page = view.open(busy_night()).page
    page.locator("#pause").click()
    assert "is-old" in page.locator("body").get_attribute("class")
    assert page.evaluate(_CONTRAST) == []
    keep(page, f"paused-{theme}")


def test_the_checks_can_fail(view: View) -> None:
    """A text that is too faint, and one that is too wide, are noticed."""
    page = view.open().page
    page.evaluate("document.querySelector('#no-alerts').style.color = '#b0b8b6'")
    page.evaluate("document.querySelector('#no-backends').style.whiteSpace = 'nowrap'")
    page.evaluate("Object.assign(document.querySelector('#no-backends'), {hidden: false, textContent: 'wide '.repeat(400)})")
    assert any("Nothing needs you" in found for found in page.evaluate(_CONTRAST))
    assert any(found.startswith("over: P.none wide") for found in page.evaluate(_CUT))


BANNERS = [
    pytest.param(
        {"config": {"last_reload": failed_reload(), "file": "/etc/sidecar/tickets.yaml"}},
        "reload_failed",
        ["/etc/sidecar/tickets.yaml:12:7", "backends.tickets.limt: there is no such key", "did you mean limit?", ":19:14"],
        ["Mend what is named", "sidecar check /etc/sidecar/tickets.yaml", "sidecar reload"],
        id="reload",
    ),
    pytest.param(
        {"overrides": [override()]},
        "override_active",
        ["tickets: limit 8 instead of 16", "by alice: the box office is on its spare machine", "ends in 9 min"],
        ["It goes back by itself", "sidecar limit clear tickets"],
        id="override",
    ),
    pytest.param(
        {"backends": [backend("tickets", pressure="down", last_failure={"state": "backend_unreachable", "reason": "connect_timeout", "at": at(-9)})]},
        "backend_down",
        ["Backend tickets does not answer", "backend_unreachable: connect timeout"],
        ["restarting it changes nothing"],
        id="down",
    ),
    pytest.param(
        {"backends": [backend("tickets", pressure="strained", in_flight=16, queued=88)]},
        "backend_strained",
        ["Backend tickets is at its limit", "16 in flight of 16, 88 in line"],
        ["Find out who asks", "sidecar top"],
        id="strained",
    ),
    pytest.param(
        {"config": {"differs_from_disk": True, "file": "/etc/sidecar/a b.yaml"}},
        "config_differs",
        ["The settings on disk are not in force"],
        ["then reload", "sidecar check --diff '/etc/sidecar/a b.yaml'"],
        id="differs",
    ),
    pytest.param({"log": {"dropped": 1204}}, "log_dropped", ["1,204 lines"], ["Look at the log collector"], id="log"),
    pytest.param(
        {"states": {"by": [{"backend": "tickets", "state": "internal", "count": 2}]}},
        "bug",
        ["2 answers “internal”", "tickets"],
        ["Report the line"],
        id="bug",
    ),
    pytest.param({"draining": True, "ready": False}, "draining", ["on its way down"], ["who sent SIGTERM"], id="drain"),
    pytest.param(
        {"warnings": [warning("one_client", "warning", "k3f9 made 91 % of 1000 requests", "name the proxy")]},
        "one_client",
        ["One client makes nearly all requests", "k3f9 made 91 %", "since 03:12:24"],
        ["name the proxy", "docs/operations.md#one_client"],
        id="client",
    ),
    pytest.param(
        {"warnings": [warning("moon_full", "error", "the moon is full", "wait a night")]},
        "moon_full",
        ["Warning: moon_full", "the moon is full"],
        ["wait a night"],
        id="unknown",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("members", "code", "shown", "behind"), BANNERS)
def test_one_click_to_what_to_do(view: View, members: dict[str, Any], code: str, shown: list[str], behind: list[str]) -> None:
    """An alert appears by itself; what to do is one click or one key away, and not in the way before; it goes when it is over."""
    view.open()
    view.see(status(**members))
    banner = view.alert(code)
    closed = banner.inner_text()
    assert [text for text in shown if text not in closed] == []
    assert [text for text in behind if text in closed] == []
    summary = banner.locator("summary")
    assert summary.count() == 1
    summary.press("Enter")
    assert [text for text in behind if text not in banner.inner_text()] == []
    summary.press("Enter")
    assert banner.inner_text() == closed
    summary.click()
    assert [text for text in behind if text not in banner.inner_text()] == []
    view.see(status())
    assert banner.count() == 0


def test_an_opened_alert_stays_open(view: View) -> None:
    """A status that comes while somebody reads changes the figures in an alert, closes nothing and takes no focus away."""
    view.open(status(overrides=[override()]))
    summary = view.alert("override_active").locator("summary")
    summary.press("Enter")
    view.see(dashboard.moved(status(overrides=[override()]), 120))
    assert "ends in 7 min" in view.alert("override_active").inner_text()
    assert "sidecar limit clear tickets" in view.alert("override_active").inner_text()
    assert summary.evaluate("(node) => node === document.activeElement")


def test_the_worst_comes_first(view: View) -> None:
    """Errors stand before warnings, and the header names the first."""
    said = busy_night()
    page = view.open(said).page
    codes = [each.get_attribute("data-code") for each in page.locator(".alert").all()]
    assert codes == ["reload_failed", "backend_down", "backend_strained", "override_active", "config_differs", "one_client"]
    assert page.locator("#n-alerts").inner_text() == "6"


def test_many_places_of_one_alert(view: View) -> None:
    """Of 120 errors the first ones are shown, the click says how many are left, and shows them."""
    errors = [{"file": "a.yaml", "line": n, "column": 1, "key": f"k{n}", "message": "wrong", "remedy": "right"} for n in range(1, 121)]
    view.open(status(config={"last_reload": failed_reload(*errors)}))
    banner = view.alert("reload_failed")
    assert banner.locator("li:visible").count() == 3
    assert banner.locator("summary").inner_text().startswith("What to do, and 117 more")
    banner.locator("summary").click()
    assert "a.yaml:120:1" in banner.inner_text()


EVIL = '<img src=x onerror="document.title=1">'
LONG = "a-very-long-name" * 700


def test_hostile_texts_are_text(view: View) -> None:
    """Markup in names, reasons and errors is shown as it is written; nothing of it becomes an element or runs."""
    bad = backend(EVIL, protocol=EVIL, path=EVIL, pressure=EVIL, last_failure={"state": EVIL, "reason": EVIL, "at": EVIL})
    said = status(bad, backend("__proto__"), backend("constructor", pressure="toString"))
    said |= {"version": EVIL, "pid": EVIL, "aiohttp": EVIL, "listeners": {"public": [EVIL], "admin": EVIL, "metrics": None}}
    said["config"] |= {"id": EVIL, "file": EVIL, "history": [{"id": EVIL, "loaded_at": EVIL, "current": False}]}
    said["config"]["last_reload"] = failed_reload({"file": EVIL, "line": EVIL, "column": EVIL, "key": EVIL, "message": EVIL, "remedy": EVIL})
    said["config"]["last_reload"]["changes"] = [{"key": EVIL, "before": EVIL, "after": EVIL, "effect": EVIL}]
    said["overrides"] = [override(noun=EVIL, backend=EVIL, value=EVIL, was=EVIL, actor=EVIL, reason=EVIL, until=EVIL, left_s=EVIL)]
    said["refusals"]["by"] = [{"backend": EVIL, "state": EVIL, "mechanism": EVIL, "count": 3, "last_at": EVIL}]
    said["states"]["by"] = [{"backend": EVIL, "state": EVIL, "count": 3}, {"backend": "__proto__", "state": "__proto__", "count": 1}]
    said["warnings"] = [warning(EVIL, EVIL, EVIL, EVIL, more=EVIL, since=EVIL), warning("__proto__", "error", "p", "q")]
    page = view.open(said).page
    for summary in page.locator("summary").all():
        summary.click()
    assert page.locator("img").count() == 0
    assert page.locator("main").evaluate("(main) => main.innerHTML.includes('<img')") is False
    assert page.locator("body").inner_text().count(EVIL) > 20
    assert page.title() != "1"
    assert page.evaluate(_CUT) == []


@pytest.mark.parametrize("width", [390, 1280])
def test_very_long_texts(view: View, width: int) -> None:
    """A name of ten thousand letters is shortened with a word about it and breaks no line of the page."""
    view.page.set_viewport_size({"width": width, "height": 800})
    said = status(backend(LONG, path=LONG), backend("short"))
    said["overrides"] = [override(backend=LONG, reason=LONG)]
    said["config"] |= {"id": LONG, "file": LONG, "last_reload": failed_reload({"file": LONG, "line": 1, "column": 1, "message": LONG, "remedy": LONG})}
    said["refusals"]["by"] = [{"backend": LONG, "state": LONG, "mechanism": LONG, "count": 10**15, "last_at": at(0)}]
    page = view.open(said).page
    for summary in page.locator("summary").all():
        summary.click()
    assert page.evaluate(_CUT) == []
    assert "… (10,800 more characters)" in page.locator(".card h3").first.inner_text()
    keep(page, f"long-{width}")


def _holes(value: Any) -> Any:
    """Return the same shape with null for every plain value."""
    if isinstance(value, dict):
        return {key: _holes(each) for key, each in value.items()}
    return [_holes(each) for each in value] if isinstance(value, list) else None


@pytest.mark.parametrize(
    "said",
    [
        pytest.param({"backends": []}, id="absent"),
        pytest.param({"backends": [{}, {}, None, 7, "x"]}, id="empty"),
        pytest.param(_holes(busy_night()), id="null"),
        pytest.param({key: 7 for key in status()} | {"backends": [backend("a")]}, id="numbers"),
        pytest.param({key: [[]] for key in status()} | {"backends": [backend("a")]}, id="lists"),
        pytest.param(status(backend("a", limit=-3, in_flight=1e308, queued=-1, queue_size=0, ghosts=1e9, calls_per_s="x")), id="absurd"),
        pytest.param(status(backend("a", limit=0, limit_configured=0, queue_size=None)), id="zero"),
        pytest.param(status(backend("a"), backend("a"), backend("a")), id="twins"),
    ],
)
def test_statuses_with_holes(view: View, said: dict[str, Any]) -> None:
    """What is null, missing or of another kind is a dash; the page stands, and says nothing that it does not know."""
    page = view.open(said).page
    view.tick()
    text = page.locator("body").inner_text()
    assert "This page has a bug" not in text
    assert [word for word in ("undefined", "NaN", "null", "[object", "Infinity") if word in text] == []
    assert page.evaluate(_CUT) == []
    view.see(status())
    assert page.locator(".card h3").all_inner_texts() == ["tickets"]
    assert page.locator("#verdict").inner_text() == "All well"


def test_forty_backends(view: View) -> None:
    """With many backends a board of lamps stands above the cards; each lamp leads to its card, and charts are drawn where one looks."""
    said = status(*(backend(f"backend-{n:02}", pressure="strained" if n == 17 else "ok") for n in range(40)))
    page = view.open(said).page
    view.tick()
    assert page.locator("#board li").count() == page.locator(".card").count() == 40
    assert page.locator("#board [data-tone=strained]").inner_text().split() == ["backend-17", "3/16", "in", "flight,", "strained"]
    page.wait_for_selector(".card:first-child canvas")
    assert page.locator("canvas").count() < 40
    page.locator("#board a").nth(39).click()
    page.wait_for_selector(".card:last-child canvas")
    box = page.locator(".card").nth(39).bounding_box()
    assert box is not None
    assert 0 <= box["y"] < 800
    assert page.evaluate(_CUT) == []
    keep(page, "forty")


def test_the_sidecar_goes_and_comes_back(view: View) -> None:
    """Without an answer the page says so loudly and since when, keeps the last figures, grey, asks less and less often, and recovers."""
    page = view.open(status(backend("tickets", in_flight=5))).page
    asked = view.desk.asked
    view.desk.stop()
    try:
        view.tick()
        assert "No answer since 03:12:44" in page.locator("#verdict").inner_text()
        assert "those of 03:12:44" in view.alert("gone").inner_text()
        assert "5 in flight" in page.locator(".card").inner_text()
        assert page.locator("#figures").evaluate("(node) => getComputedStyle(node).filter") == "grayscale(1)"
        view.alert("gone").locator("summary").press("Enter")
        assert "journalctl -u sidecar" in view.alert("gone").inner_text()
        before = view.settled
        for _ in range(60):
            page.clock.run_for(1000)
            page.wait_for_timeout(10)  # a refused connection takes no time, but some
        assert 5 <= view.settled - before <= 9  # after 1, 2, 4, 8, then every 10 s
        assert "1 min" in view.alert("gone").locator("h3").inner_text()
        for theme in ("dark", "light"):
            page.emulate_media(color_scheme=theme)
            page.wait_for_selector(f"html[data-theme={theme}]")
            assert page.evaluate(_CONTRAST) == []
            keep(page, f"gone-{theme}")
    finally:
        view.desk.start()
    assert view.desk.asked == asked
    before = view.settled
    for _ in range(11):
        page.clock.run_for(1000)
        page.wait_for_timeout(10)
    assert view.settled > before
    assert page.locator("#verdict").inner_text() == "All well"
    assert page.locator("body").get_attribute("class") == ""
    assert {"net::ERR_CONNECTION_REFUSED" in each for each in view.complaints} == {True}
    view.complaints.clear()  # that a fetch failed is said by Chromium itself


@pytest.mark.parametrize(
    ("code", "body", "said"),
    [
        (200, b"<html>welcome", ["HTTP 200, text/html"]),
        (502, b"<html>bad gateway", ["HTTP 502, text/html"]),
        (200, b"{}", ["HTTP 200"]),
        (200, b"[", ["HTTP 200"]),
        (401, b'{"text": "this needs the token", "remedy": "send it"}', ["HTTP 401", "this needs the token", "send it"]),
    ],
)
def test_an_answer_that_is_no_status(view: View, code: int, body: bytes, said: list[str]) -> None:
    """Whatever else stands at the address is not taken for a status, nor for a sidecar that is gone."""
    view.open()
    view.desk.answer(code, body)
    view.tick()
    view.complaints.clear()  # Chromium's own line for the status code
    text = view.alert("unreadable").inner_text()
    assert [each for each in said if each not in text] == []
    assert view.alert("gone").count() == 0
    view.see(status())
    assert view.alert("unreadable").count() == 0


def test_without_its_charts(view: View) -> None:
    """Where uPlot does not come, every figure is there all the same."""
    view.page.route("**/vendor/*.js", lambda route: route.abort())
    page = view.open().page
    view.tick()
    view.complaints.clear()  # Chromium's own line for the file
    assert page.locator("canvas").count() == 0
    assert "in flight 3" in " ".join(page.locator(".legend").first.inner_text().split())
