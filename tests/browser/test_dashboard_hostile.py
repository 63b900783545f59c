"""What the dashboard makes of statuses that are hostile, have holes, are huge, are none, or do not come, in real headless Chromium."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.dashboard import View, at, backend, busy_night, failed_reload, override, status, warning
from tests.browser.looks import CONTRAST, CUT, keep

EVIL = '<img src=x onerror="document.title=1">'
LONG = "averylongname" * 900  # nowhere a place to break it


def test_hostile_texts_are_text(view: View) -> None:
    """Markup in names, reasons and errors is shown as it is written; nothing of it becomes an element or runs."""
    bad = backend(
        EVIL, protocol=EVIL, path=EVIL, pressure=EVIL, last_failure={"state": EVIL, "reason": EVIL, "at": EVIL}
    )
    said = status(bad, backend("__proto__"), backend("constructor", pressure="toString"))
    said |= {
        "version": EVIL,
        "pid": EVIL,
        "aiohttp": EVIL,
        "listeners": {"public": [EVIL], "admin": EVIL, "metrics": None},
    }
    said["config"] |= {"id": EVIL, "file": EVIL, "history": [{"id": EVIL, "loaded_at": EVIL, "current": False}]}
    said["config"]["last_reload"] = failed_reload(
        dict.fromkeys(("file", "line", "column", "key", "message", "remedy"), EVIL)
    )
    said["config"]["last_reload"]["changes"] = [{"key": EVIL, "before": EVIL, "after": EVIL, "effect": EVIL}]
    said["overrides"] = [
        override(noun=EVIL, backend=EVIL, value=EVIL, was=EVIL, actor=EVIL, reason=EVIL, until=EVIL, left_s=EVIL)
    ]
    said["refusals"]["by"] = [{"backend": EVIL, "state": EVIL, "mechanism": EVIL, "count": 3, "last_at": EVIL}]
    said["states"]["by"] = [
        {"backend": EVIL, "state": EVIL, "count": 3},
        {"backend": "__proto__", "state": "__proto__", "count": 1},
    ]
    said["warnings"] = [warning(EVIL, EVIL, EVIL, EVIL, more=EVIL, since=EVIL), warning("__proto__", "error", "p", "q")]
    page = view.open(said).page
    for summary in page.locator("summary").all():
        summary.click()
    assert page.locator("img").count() == 0
    assert page.locator("main").evaluate("(main) => main.innerHTML.includes('<img')") is False
    assert page.locator("body").inner_text().count(EVIL) > 20
    assert page.title() != "1"
    assert page.evaluate(CUT) == []


@pytest.mark.long
@pytest.mark.parametrize("width", [390, pytest.param(1280, marks=pytest.mark.long)])
def test_very_long_texts(view: View, width: int) -> None:
    """A name of ten thousand letters is shortened with a word about it and breaks no line of the page."""
    view.page.set_viewport_size({"width": width, "height": 800})
    said = status(backend(LONG, path=LONG), backend("short"))
    said["overrides"] = [override(backend=LONG, reason=LONG)]
    said["config"] |= {
        "id": LONG,
        "file": LONG,
        "last_reload": failed_reload(dict.fromkeys(("file", "message", "remedy"), LONG)),
    }
    said["refusals"]["by"] = [{"backend": LONG, "state": LONG, "mechanism": LONG, "count": 10**15, "last_at": at(0)}]
    page = view.open(said).page
    for summary in page.locator("summary").all():
        summary.click()
    assert page.evaluate(CUT) == []
    assert "… (11,300 more characters)" in page.locator(".card h3").first.inner_text()
    keep(page, f"long-{width}")


def holes(value: Any) -> Any:
    """Return the same shape with null for every plain value."""
    if isinstance(value, dict):
        return {key: holes(each) for key, each in value.items()}
    return [holes(each) for each in value] if isinstance(value, list) else None


@pytest.mark.thinned(3)
@pytest.mark.parametrize(
    "said",
    [
        pytest.param({"backends": []}, id="absent"),
        pytest.param({"backends": [{}, {}, None, 7, "x"]}, id="empty"),
        pytest.param(holes(busy_night()), id="null"),
        pytest.param(dict.fromkeys(status(), 7) | {"backends": [backend("a")]}, id="numbers"),
        pytest.param({key: [[]] for key in status()} | {"backends": [backend("a")]}, id="lists"),
        pytest.param(
            status(backend("a", limit=-3, in_flight=1e308, queued=-1, queue_size=0, ghosts=1e9, calls_per_s="x")),
            id="absurd",
        ),
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
    assert page.evaluate(CUT) == []
    view.see(status())
    assert page.locator(".card h3").all_inner_texts() == ["tickets"]
    assert page.locator("#verdict").inner_text() == "All well"


@pytest.mark.long
def test_forty_backends(view: View) -> None:
    """With many backends a board of lamps stands above the cards; each lamp leads to its card, and charts are drawn where one looks."""
    said = status(*(backend(f"backend-{n:02}", pressure="strained" if n == 17 else "ok") for n in range(40)))
    page = view.open(said).page
    view.tick()
    assert page.locator("#board li").count() == page.locator(".card").count() == 40
    assert page.locator("#board [data-tone=strained]").inner_text().split() == [
        "backend-17",
        "3/16",
        "in",
        "flight,",
        "strained",
    ]
    page.wait_for_selector(".card:first-child canvas")
    assert page.locator("canvas").count() < 40
    page.locator("#board a").nth(39).click()
    page.wait_for_selector(".card:last-child canvas")
    box = page.locator(".card").nth(39).bounding_box()
    assert box is not None
    assert 0 <= box["y"] < 800
    assert page.evaluate(CUT) == []
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
            assert page.evaluate(CONTRAST) == []
            keep(page, f"gone-{theme}")
    finally:
        view.desk.start()
    assert view.desk.asked == asked
    before = view.settled
    for _ in range(22):  # it asks every 10 s, and what was under way when the desk came back may have been refused
        page.clock.run_for(1000)
        page.wait_for_timeout(10)
        if page.locator("#verdict").inner_text() == "All well":
            break
    assert view.settled > before
    page.locator("#verdict", has_text="All well").wait_for()  # a busy machine answers late, by its own clock
    assert page.locator("body").get_attribute("class") == ""
    assert {"net::ERR_CONNECTION_REFUSED" in each for each in view.complaints} == {True}
    view.complaints.clear()  # that a fetch failed is said by Chromium itself


@pytest.mark.thinned(3)
@pytest.mark.parametrize(
    ("code", "body", "said"),
    [
        (200, b"<html>welcome", ["HTTP 200, text/html"]),
        (502, b"<html>bad gateway", ["HTTP 502, text/html"]),
        (200, b"{}", ["HTTP 200"]),
        (200, b"[", ["HTTP 200"]),
        (503, b'{"text": "not now", "remedy": "later"}', ["HTTP 503", "not now", "later"]),
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


def test_the_token(view: View) -> None:
    """Where looking needs the token the page stops asking, says so, and has a field for it; the token is kept nowhere."""
    refusal = b'{"text": "this needs the token of admin.token_file", "remedy": "send it"}'
    view.desk.answer(401, refusal)
    view.page.goto(view.desk.url)
    field = view.page.locator("#token")
    field.wait_for()
    assert "this needs the token of admin.token_file" in view.alert("unreadable").inner_text()
    asked = view.desk.asked
    for _ in range(30):
        view.page.clock.run_for(1000)
    assert view.desk.asked == asked  # each try would be a line in the audit
    view.desk.say(status())
    field.click()
    view.page.keyboard.type("tp1-secret?")
    assert view.page.locator("#pause").get_attribute("aria-pressed") == "false"  # what is typed there is no key
    view.page.keyboard.press("Enter")
    view.page.get_by_text("All well").wait_for()
    view.tick()
    assert view.desk.tokens[-2:] == ["Bearer tp1-secret?"] * 2
    assert (
        view.page.evaluate(
            "[Object.values(localStorage), Object.values(sessionStorage), document.cookie].flat().join()"
        )
        == ""
    )
    view.complaints.clear()  # Chromium's own line for the status code
    view.page.reload()
    view.page.get_by_text("All well").wait_for()
    assert view.desk.tokens[-1] is None


def test_without_its_charts(view: View) -> None:
    """Where uPlot does not come, every figure is there all the same."""
    view.page.route("**/vendor/*.js", lambda route: route.abort())
    page = view.open().page
    view.tick()
    view.complaints.clear()  # Chromium's own line for the file
    assert page.locator("canvas").count() == 0
    expect(page.locator(".legend").first).to_contain_text(re.compile(r"in flight\s*3"))
