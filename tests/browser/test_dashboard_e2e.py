"""The dashboard as people have it: served by a running sidecar, of its own status, in real headless Chromium."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.browser.looks import CUT, keep
from tests.scenarios.theatre import Theatre, call, opened
from tests.scenarios.theatre import settings as settings_of
from tests.support.process import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page


TOKEN = "a-token-for-these-tests-only"


@pytest.fixture
def theatre(tmp_path: Path) -> Iterator[Theatre]:
    with opened(tmp_path, admin={"port": 0, "token": TOKEN}) as theatre:
        yield theatre


@pytest.fixture
def page(chromium: Browser, theatre: Theatre) -> Iterator[Page]:
    """The page of that sidecar; what its console complains of fails the test."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(theatre.sidecar.admin_url)
    yield page
    context.close()
    assert [each for each in complaints if "ERR_CONNECTION_REFUSED" not in each] == []


def ask(theatre: Theatre, path: str) -> int:
    """Make one call; return its status."""
    connection = http.client.HTTPConnection("127.0.0.1", theatre.sidecar.port, timeout=10)
    connection.request("POST", path, call("soap11", "GetFine").body, {"Content-Type": "text/xml"})
    status = connection.getresponse().status
    connection.close()
    return status


def order(theatre: Theatre, *argv: str) -> None:
    """Give an order by the command line."""
    environ = {"SIDECAR_ADMIN": theatre.sidecar.admin_url, "SIDECAR_ADMIN_TOKEN": TOKEN, "SIDECAR_ACTOR": "alice"}
    subprocess.run([sys.executable, "-m", "sidecar", *argv], cwd=ROOT, env=environ, capture_output=True, check=True)


def test_a_night_with_a_real_sidecar(page: Page, theatre: Theatre) -> None:
    """What happens to it shows within seconds: calls, a backend that is down, an order, a failed reload, its end."""
    page.locator(".card").first.wait_for()
    assert page.locator(".card").count() == page.locator("#board li").count() == len(settings_of("", "")["backends"])
    assert page.locator("#listeners").inner_text().count(theatre.url) == 1

    assert ask(theatre, "/soap") == 200
    page.locator("#answers th:has-text('The backend answered.')").wait_for()

    for _ in range(4):
        assert ask(theatre, "/deadsoap") == 500  # a fault, as SOAP 1.1 has it
    down = page.locator(".alert[data-code=backend_down]")
    down.wait_for()
    assert "deadsoap backend_unreachable: refused" in " ".join(down.inner_text().split())
    down.locator("summary").press("Enter")
    assert f"sidecar doctor {theatre.sidecar.config}" in down.inner_text()
    assert "docs/operations.md#backend-down" in down.inner_text()
    page.locator("#refusals th:has-text('backend_unreachable')").wait_for()

    order(theatre, "limit", "set", "soap", "3", "--for", "10m", "--reason", "its disk is slow")
    held = page.locator(".alert[data-code=override_active]")
    held.wait_for()
    assert "by alice: its disk is slow" in held.inner_text()
    held.locator("summary").press("Enter")
    assert "sidecar limit clear soap --reason WHY" in held.inner_text()

    settings = json.loads(theatre.sidecar.config.read_text())
    settings["backends"]["soap"]["limt"] = 3
    theatre.sidecar.config.write_text(json.dumps(settings, indent=2))
    theatre.sidecar.send_signal(signal.SIGHUP)
    failed = page.locator(".alert[data-code=reload_failed]")
    failed.wait_for()
    assert f"{theatre.sidecar.config}:" in failed.inner_text()
    assert "backends.soap.limt" in failed.inner_text()
    for width in (390, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate(CUT) == []
        keep(page, f"real-{width}")

    theatre.sidecar.stop()
    page.locator(".alert[data-code=gone]").wait_for()
    assert "backend_unreachable" in page.locator("#refusals").inner_text()
