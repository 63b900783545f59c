"""The files of the documentation page: what is served, where, and under which policy."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest

from sidecar.policy.routing import RESERVED
from sidecar.web import pages

if TYPE_CHECKING:
    from pathlib import Path


def test_the_page_and_what_it_is_made_of() -> None:
    """The page is HTML; each of its files has its own type, and a tag of its own content."""
    types = {name.rpartition(".")[2]: pages.page(name).content_type for name in [pages.INDEX, *pages.PATHS.values()]}
    assert types == {
        "html": "text/html; charset=utf-8",
        "css": "text/css; charset=utf-8",
        "js": "text/javascript; charset=utf-8",
        "svg": "image/svg+xml",
    }
    for name in pages.PATHS.values():
        assert pages.page(name).headers["ETag"] == f'"{sha256(pages.page(name).body).hexdigest()[:32]}"'


@pytest.mark.parametrize("name", ["", "nothing.js", "../pages.py", "/etc/passwd", "docs.js/", "__init__.py"])
def test_no_other_file(name: str) -> None:
    """A name that is none of the page's files finds nothing, however it is written."""
    with pytest.raises(KeyError):
        pages.page(name)


def test_leftovers_are_not_served(tmp_path: Path) -> None:
    """What a page is not made of stays away, should it lie in the folder."""
    for name in ("docs.js", "docs.js~", "notes.txt", "pages.py", "README"):
        (tmp_path / name).write_text("1")
    assert list(pages.load(tmp_path)) == ["docs.js"]


def test_the_page_asks_for_nothing_that_is_not_served() -> None:
    """Each address in the page and each import of a script is one of the paths; none leads to another host."""
    html = pages.page(pages.INDEX).body.decode()
    asked = set(re.findall(r'(?:src|href)="([^"]+)"', html)) - {"openapi.json"}
    for name in pages.PATHS.values():
        for found in re.findall(r'^import .* from "\./([^"]+)";$', pages.page(name).body.decode(), re.MULTILINE):
            asked.add(f"{RESERVED}/docs/{found}")
    assert asked == set(pages.PATHS)


def test_no_script_writes_markup() -> None:
    """What comes from a backend is text: no script of the page has a way to make markup, code or style out of it."""
    ways = re.compile(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|srcdoc|createContextualFragment|cssText"
    )
    scripts = [name for name in pages.PATHS.values() if name.endswith(".js")]
    assert [name for name in scripts if ways.search(pages.page(name).body.decode())] == []
    assert "docs.js" in scripts


def test_the_policy_lets_nothing_in_from_elsewhere() -> None:
    """No inline script or style, no other host, no frame; and it stands on every file."""
    assert pages.POLICY.split("; ") == [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
    for name in [pages.INDEX, *pages.PATHS.values()]:
        assert pages.page(name).headers["Content-Security-Policy"] == pages.POLICY
        assert pages.page(name).headers["X-Content-Type-Options"] == "nosniff"
    html = pages.page(pages.INDEX).body.decode()
    assert re.findall(r"<script(?![^>]* src=)|<style|\son\w+=|\sstyle=", html) == []
