"""What of the README a browser has to show: the function for pages, against a running demo, and the picture of the road, wide and narrow,
light and dark.
"""

from __future__ import annotations

import re
import sys
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.browser.page import launch
from tests.house.newcomer import CALLERS, Addresses, blocks
from tests.house.tree import ROOT, text
from tests.support import require
from tests.support.ports import free_port
from tests.support.process import Program

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

README = text(Path("README.md"))
SCRIPT = next(each.text for each in blocks(README) if each.language == "js")
PICTURES = sorted((ROOT / "docs").glob("road*.svg"))

# The demo as `make demo` starts it, on free ports.
_DEMO: Final = (
    "import asyncio; from sidecar.demo.show import FREE, main; raise SystemExit(asyncio.run(main(ports=FREE)))"
)
_QUIET: Final = "icon.svg"  # on the shop's origin, and without the scripts of its page, which call and wait, too
_CARD: Final = {"sCCNumber": "4111111111111111", "iCCType": 1, "iCCMonth": 12, "iCCYear": 2030}
# Waits are noted and not waited for; `mends`: what made the backend fail is over when the first of them is.
_ASK: Final = """
async ([operation, params, mends]) => {
  const waits = [], real = window.setTimeout;
  window.setTimeout = async (wake, ms) => {
    waits.push(ms);
    if (mends) await fetch("/control", {method: "POST", headers: {"Content-Type": "application/json"}, body: '{"reset": true}'});
    real(wake, 1);
  };
  try {
    %s
    return {...await call(operation, params), waits};
  } finally {
    window.setTimeout = real;
  }
}
"""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    require.module("playwright", "REQUIRE_BROWSER")
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - only where it is installed

    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@dataclass(frozen=True, slots=True)
class Shop:
    """A page on the demo's shop origin, and where the demo's sidecar is."""

    page: Page
    sidecar: str

    def hurt(self, control: str) -> None:
        """Do something to the box office."""
        where = self.page.url.replace(_QUIET, "control")
        assert self.page.request.post(where, data=control, headers={"Content-Type": "application/json"}).ok

    def ask(
        self, operation: str, params: dict[str, Any] | None = None, *, mends: bool = False, port: int | None = None
    ) -> dict[str, Any]:
        """Run the README's function in the page, and return what it gives, and the waits that it made."""
        there = Addresses({CALLERS: port or int(self.sidecar.rpartition(":")[2])})
        found: dict[str, Any] = self.page.evaluate(_ASK % there.moved(SCRIPT), [operation, params or {}, mends])
        return found


@pytest.fixture(scope="module")
def demo(chromium: Browser) -> Iterator[Shop]:
    with Program([sys.executable, "-c", _DEMO], name="demo") as program:
        shop = program.wait_line(r"^shop page\s+(\S+)")[1]
        sidecar = program.wait_line(r"^sidecar\s+(\S+)/tickets")[1]
        page = chromium.new_page()
        page.goto(shop + _QUIET)
        yield Shop(page, sidecar)
        page.close()


@pytest.fixture
def shop(demo: Shop) -> Iterator[Shop]:
    """The demo with a box office that is well, before and after."""
    demo.hurt('{"reset": true}')
    yield demo
    demo.hurt('{"reset": true}')


def test_the_function_gives_an_answer(shop: Shop) -> None:
    """Where all is well it gives the backend's own result, at once."""
    said = shop.ask("HelloWorld")
    assert (said["state"], said["executed"], said["waits"]) == ("ok", "yes", [])
    assert said["data"] == {"HelloWorldResult": "Hello World"}


def test_the_function_comes_back_when_it_is_told_to(shop: Shop) -> None:
    """Told to wait, it waits for as long as it was told, up to twice that, and has its answer as soon as there is one."""
    shop.hurt('{"dead": true, "for_s": 30}')
    said = shop.ask("HelloWorld", mends=True)
    assert said["state"] == "ok"
    assert len(said["waits"]) == 1
    assert 1000 <= said["waits"][0] < 60_000


def test_the_function_gives_up_after_three(shop: Shop) -> None:
    """It does not ask for ever: what it was told last comes out, with the words for it."""
    shop.hurt('{"dead": true, "for_s": 30}')
    said = shop.ask("HelloWorld")
    assert (said["state"], said["executed"], len(said["waits"])) == ("backend_unreachable", "no", 2)
    assert said["title"]


def test_the_function_never_repeats_what_may_have_happened(shop: Shop) -> None:
    """A purchase whose reply is lost is `unknown`, and is not sent again."""
    shop.hurt('{"hangup": true, "for_s": 30}')
    said = shop.ask("Checkout", _CARD)
    assert (said["state"], said["executed"], said["waits"]) == ("outcome_unknown", "unknown", [])


def test_the_function_takes_no_for_an_answer(shop: Shop) -> None:
    """What nobody may call is told once, and not asked again."""
    said = shop.ask("DestroyCache")
    assert (said["state"], said["executed"], said["waits"]) == ("operation_denied", "no", [])


def test_the_function_survives_that_nobody_is_there(shop: Shop) -> None:
    """Where `fetch` itself fails it says so, and claims nothing."""
    said = shop.ask("HelloWorld", port=free_port())
    assert (said["state"], said["executed"]) == ("unreachable", "unknown")


# The picture


def test_there_are_two_pictures_and_the_readme_shows_both() -> None:
    """One for wide screens and one for narrow ones; where pictures are not shown, words say the same."""
    assert [each.name for each in PICTURES] == ["road-narrow.svg", "road.svg"]
    assert all(f'"docs/{each.name}"' in README for each in PICTURES)
    assert len(re.findall(r'alt="([^"]*)"', README)[0]) > 100


@pytest.mark.parametrize("picture", PICTURES, ids=lambda each: each.name)
def test_a_picture_stands_alone(picture: Path) -> None:
    """It loads nothing from anywhere, follows the reader's scheme, and says in words what it shows."""
    source = picture.read_text()
    root = ET.fromstring(source)
    assert re.findall(r"https?://(?!www\.w3\.org/)|url\(|@import|@font-face|href=|<script", source) == []
    assert "@media (prefers-color-scheme: dark)" in source
    assert {"title", "desc"} <= {each.tag.rpartition("}")[2] for each in root}


def _luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("picture", PICTURES, ids=lambda each: each.name)
@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_words_stand_out_in_both_schemes(picture: Path, scheme: int) -> None:
    """Every colour of text has a contrast of 4.5 to 1 with every ground that it stands on (WCAG 2.2, 1.4.3)."""
    schemes = re.findall(r"svg \{(.*?)\}", picture.read_text(), re.DOTALL)
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", schemes[scheme]))
    pairs = [(word, ground) for word in ("ink", "soft") for ground in ("paper", "card", "tint")]
    pairs += [("ours", "tint"), ("ours", "paper"), ("good", "tint"), ("state", "state-tint"), ("ink", "state-tint")]
    low = {}
    for word, ground in pairs:
        dark, light = sorted(_luminance(colours[each]) for each in (word, ground))
        if (ratio := (light + 0.05) / (dark + 0.05)) < 4.5:
            low[word, ground] = ratio
    assert low == {}


# Every text of the picture: what it says, how large it is as it is shown, whether it stays within the panel, and on which others it
# lies. Boxes have the height of a line, which is a few pixels more than the letters.
_TEXTS: Final = """
() => {
  const all = [...document.querySelectorAll("text")], panel = document.querySelector("rect").getBoundingClientRect();
  const boxes = all.map((each) => each.getBoundingClientRect());
  const common = (a, b, from, to) => Math.min(a[to], b[to]) - Math.max(a[from], b[from]);
  const meet = (a, b) => common(a, b, "left", "right") > 0 && common(a, b, "top", "bottom") > 4;
  return all.map((each, at) => {
    const box = each.getBoundingClientRect(), scale = each.getScreenCTM().a;
    const smallest = Math.min(...[each, ...each.children].map((part) => parseFloat(getComputedStyle(part).fontSize)));
    const over = all.filter((_, other) => other !== at && meet(box, boxes[other])).map((one) => one.textContent);
    return {text: each.textContent, px: smallest * scale, over, inside: box.left >= panel.left + 8 && box.right <= panel.right - 8};
  });
}
"""


@pytest.mark.parametrize(("name", "width"), [("road-narrow.svg", 358), ("road.svg", 846)])
def test_the_picture_can_be_read_where_it_is_shown(chromium: Browser, name: str, width: int) -> None:
    """On a phone of 390 px and on a page of the usual width no text is smaller than 12 px, cut off, or on top of another."""
    page = chromium.new_page(viewport={"width": width, "height": 900})
    source = re.sub(r' width="\d+" height="\d+"', f' width="{width}"', (ROOT / "docs" / name).read_text(), count=1)
    page.set_content(f'<body style="margin:0">{source}')
    texts = page.evaluate(_TEXTS)
    page.close()
    assert len(texts) > 10
    assert [each for each in texts if each["px"] < 11.99 or each["over"] or not each["inside"]] == []


@pytest.mark.parametrize(("width", "shown"), [(390, "road-narrow.svg"), (1012, "road.svg")])
def test_the_readme_shows_the_picture_that_fits(chromium: Browser, tmp_path: Path, width: int, shown: str) -> None:
    """A phone gets the narrow one, a desk the wide one."""
    found = re.search(r"<picture>.*?</picture>", README, re.DOTALL)
    assert found is not None
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    (tmp_path / "page.html").write_text(f"<!doctype html>{found[0]}")
    page = chromium.new_page(viewport={"width": width, "height": 800})
    page.goto((tmp_path / "page.html").as_uri())
    source, wide = page.evaluate("() => [document.images[0].currentSrc, document.images[0].naturalWidth]")
    page.close()
    assert source.endswith(f"/docs/{shown}")
    assert wide > 0
