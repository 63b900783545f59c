"""The dashboard in real headless Chromium: what it shows, at every width and in both themes, and its alerts.

Every test here fails, too, for any error in the console and anything that the page's policy forbids.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.dashboard import (
    Desk,
    View,
    at,
    backend,
    busy_night,
    failed_reload,
    lived,
    moved,
    override,
    status,
    warning,
)
from tests.browser.looks import CONTRAST, CUT, keep

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

SIZES = [(390, 844), (768, 1024), (1280, 800), (1920, 1080)]
OUTERMOST = (SIZES[0], SIZES[-1])  # tried in every run; the others in the long one


def test_the_facts_of_the_status(view: View) -> None:
    """What `sidecar status` says stands on the page, in words."""
    page = view.open(busy_night()).page
    said = page.locator("body").inner_text()
    for fact in (
        "3 h 3 min", "c3f9a1b2d4e5", "0.1.0", "4711", "03:12:4",  # this process
        "7 in flight", "1 ghost", "0 free of 8", "by hand; settings: 16", "61 in line, which holds 500", "31.5", "240 ms", "1,810 ms",
        "outcome_unknown: timeout, 03:11:09", "strained", "has room", "xmlrpc /memberships",
        "The line is full: queue.size.", "912", "before any", "Larger than limits.request_body.",
        "10,280", "85.9 %", "812 open of 10,000, 390 idle", "39.4 MiB of 256 MiB, 92.5 MiB at most so far",
        "http://127.0.0.1:8080", "none of its own", "3.14.5", "/etc/sidecar/tickets.yaml", "failed, nothing changed",
        "sidecar config use 90ab12cd34ef --reason WHY",
    ):  # fmt: skip
        assert fact in said, fact
    assert page.title() == "The last reload failed, and 4 more alerts · sidecar"


def test_a_limit_that_is_learnt_and_who_waits(view: View) -> None:
    """Its range and why it stands where it does; who waits, by class, with what whoever came now would wait."""
    limiter = {"how": "adaptive", "min": 1, "max": 64, "now": 8, "held": 8, "why": "settle", "pinned": None}
    classes = [{"class": "staff", "queued": 0, "eta_s": 0}, {"class": "browse", "queued": 31, "eta_s": 4}]
    learns = backend("tickets", limit=8, limit_configured="1..64", limiter=limiter, queued=31, classes=classes)
    said = view.open(status(learns)).page.locator("#cards").inner_text()
    assert "learnt in 1\N{EN DASH}64: settle" in said
    assert "31 in line, which holds 500, browse 31 (4 s)" in said
    assert "staff" not in said
    by_hand = status({**learns, "limit": 5}, overrides=[override(value=5, was="learnt")])
    said = view.open(by_hand).page.locator("body").inner_text()
    assert "by hand; learnt in 1\N{EN DASH}64: settle" in said
    assert "limit 5 instead of learnt" in said


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


@pytest.mark.thinned(2)
@pytest.mark.parametrize("theme", ["light", pytest.param("dark", marks=pytest.mark.long)])
@pytest.mark.parametrize(
    ("width", "height"),
    [pytest.param(*size, marks=() if size in OUTERMOST else pytest.mark.long) for size in SIZES],
)
def test_every_width(night: View, width: int, height: int, theme: str) -> None:
    """Nothing is cut and nothing scrolls sideways, with every alert opened, too; all text can be read in this theme."""
    page = night.page
    page.emulate_media(color_scheme=theme)
    page.set_viewport_size({"width": width, "height": height})
    page.wait_for_selector(f"html[data-theme={theme}]")
    assert page.evaluate(CUT) == []
    keep(page, f"night-{theme}-{width}")
    for summary in page.locator("summary").all():
        summary.click()
    assert page.evaluate(CUT) == []
    assert page.evaluate(CONTRAST) == []
    keep(page, f"opened-{theme}-{width}")
    for summary in page.locator("summary").all():
        summary.click()


@pytest.mark.long
@pytest.mark.thinned(2)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_what_is_old_can_be_read(view: View, theme: str) -> None:
    """Figures that are no longer true are grey, and meet the same contrast."""
    view.page.emulate_media(color_scheme=theme)
    page = view.open(busy_night()).page
    page.locator("#pause").click()
    assert "is-old" in page.locator("body").get_attribute("class")
    assert page.evaluate(CONTRAST) == []
    keep(page, f"paused-{theme}")


def test_the_checks_can_fail(view: View) -> None:
    """A text that is too faint, and one that is too wide, are noticed."""
    page = view.open().page
    page.evaluate("document.querySelector('#no-alerts').style.color = '#b0b8b6'")
    page.evaluate("document.querySelector('#no-backends').style.whiteSpace = 'nowrap'")
    page.evaluate(
        "Object.assign(document.querySelector('#no-backends'), {hidden: false, textContent: 'wide '.repeat(400)})"
    )
    assert any("Nothing needs you" in found for found in page.evaluate(CONTRAST))
    assert any(found.startswith("over: P.none wide") for found in page.evaluate(CUT))


FAILURE = {"state": "backend_unreachable", "reason": "connect_timeout", "at": at(-9)}
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
        ["It goes back by itself", "sidecar limit clear tickets --reason WHY"],
        id="override",
    ),
    pytest.param(
        {"backends": [backend("tickets", pressure="down", last_failure=FAILURE)]},
        "backend_down",
        ["Backend tickets does not answer", "backend_unreachable: connect timeout"],
        ["restarting it changes nothing"],
        id="down",
    ),
    pytest.param(
        {"backends": [backend("tickets", pressure="strained", in_flight=16, queued=88)]},
        "backend_strained",
        ["Backend tickets is strained", "16 in flight of 16, 88 in line"],
        ["what was load-tested", "sidecar top"],
        id="strained",
    ),
    pytest.param(
        {"config": {"differs_from_disk": True, "file": "/etc/sidecar/a b.yaml"}},
        "config_differs",
        ["The settings on disk are not in force"],
        ["put the file back", "sidecar check '/etc/sidecar/a b.yaml' --diff running"],
        id="differs",
    ),
    pytest.param({"log": {"dropped": 1204}}, "log_dropped", ["1,204 lines"], ["What reads the log is too slow"], id="log"),
    pytest.param(
        {"states": {"by": [{"backend": "tickets", "state": "internal", "count": 2}]}},
        "bug",
        ["2 answers “internal”", "tickets"],
        ["Report the “bug” lines"],
        id="bug",
    ),
    pytest.param({"draining": True, "ready": False}, "draining", ["on its way down"], ["Who sent SIGTERM"], id="drain"),
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


@pytest.mark.thinned(3)
@pytest.mark.parametrize(("members", "code", "shown", "behind"), BANNERS)
def test_one_click_to_what_to_do(
    view: View, members: dict[str, Any], code: str, shown: list[str], behind: list[str]
) -> None:
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
    view.see(moved(status(overrides=[override()]), 120))
    assert "ends in 7 min" in view.alert("override_active").inner_text()
    assert "sidecar limit clear tickets --reason WHY" in view.alert("override_active").inner_text()
    assert summary.evaluate("(node) => node === document.activeElement")


def test_the_worst_comes_first(view: View) -> None:
    """Errors stand before warnings, and the header names the first."""
    said = busy_night()
    page = view.open(said).page
    codes = [each.get_attribute("data-code") for each in page.locator(".alert").all()]
    assert codes == [
        "reload_failed",
        "backend_down",
        "backend_strained",
        "override_active",
        "one_client",
    ]
    assert page.locator("#n-alerts").inner_text() == "5"


def test_many_places_of_one_alert(view: View) -> None:
    """Of 120 errors the first ones are shown, the click says how many are left, and shows them."""
    errors = [
        {"file": "a.yaml", "line": n, "column": 1, "key": f"k{n}", "message": "wrong", "remedy": "right"}
        for n in range(1, 121)
    ]
    view.open(status(config={"last_reload": failed_reload(*errors)}))
    banner = view.alert("reload_failed")
    assert banner.locator("li:visible").count() == 3
    assert banner.locator("summary").inner_text().startswith("What to do, and 117 more")
    banner.locator("summary").click()
    assert "a.yaml:120:1" in banner.inner_text()
