"""One Chromium per file, and per test a page on an origin of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser.dashboard import Desk, View
from tests.browser.foyer import Foyer, Guest
from tests.browser.library import WIDE, Library, Reader, document
from tests.browser.page import Shop, Tab, launch
from tests.support import require

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Playwright


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    """The driver; its package may be missing as well as the browser."""
    require.module("playwright", "REQUIRE_BROWSER")
    from playwright.sync_api import expect, sync_playwright  # noqa: PLC0415 - only where it is installed

    expect.set_options(timeout=15_000)  # a busy machine is no failure
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="module")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    browser = launch(playwright)
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    """The origin that the sidecar's settings allow."""
    with Shop() as shop:
        yield shop


@pytest.fixture(scope="module")
def stranger() -> Iterator[Shop]:
    """An origin that they do not."""
    with Shop() as shop:
        yield shop


@pytest.fixture
def tab(chromium: Browser, shop: Shop) -> Iterator[Tab]:
    """A page with caches of its own: no preflight of another test is remembered."""
    context = chromium.new_context()
    yield Tab(context.new_page(), shop.url)
    context.close()


@pytest.fixture
def foreign_tab(chromium: Browser, stranger: Shop) -> Iterator[Tab]:
    context = chromium.new_context()
    yield Tab(context.new_page(), stranger.url)
    context.close()


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    """The dashboard's files and a scripted status."""
    with Desk() as desk:
        yield desk


@pytest.fixture
def view(chromium: Browser, desk: Desk) -> Iterator[View]:
    """The dashboard, not yet loaded; whatever its console complains of fails the test."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    view = View(context, desk)
    yield view
    context.close()
    assert view.complaints == []


@pytest.fixture(scope="module")
def library() -> Iterator[Library]:
    with Library() as library:
        library.say(document())
        yield library


@pytest.fixture
def reader(chromium: Browser, library: Library) -> Iterator[Reader]:
    context = chromium.new_context(viewport=WIDE)
    reader = Reader(context, library)
    yield reader
    context.close()
    assert reader.complaints == []


@pytest.fixture(scope="module")
def foyer() -> Iterator[Foyer]:
    """A waiting room's origin, and two sites that embed it."""
    with Foyer() as foyer:
        yield foyer


@pytest.fixture
def guest(chromium: Browser, foyer: Foyer) -> Iterator[Guest]:
    foyer.reset()
    context = chromium.new_context(viewport={"width": 900, "height": 900})
    guest = Guest(context, foyer)
    yield guest
    context.close()
    assert guest.complaints == []
