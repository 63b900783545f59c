"""The dashboard's files: small, plain, from here alone, fit for the policy that they are served with, and in the wheel."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest

from tests.house.tree import ROOT, files

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = ROOT / "sidecar" / "admin" / "page"
VENDOR = FOLDER / "vendor"
FILES = [ROOT / path for path in files() if (ROOT / path).is_relative_to(FOLDER)]
OURS = [path for path in FILES if not path.is_relative_to(VENDOR)]
SCRIPTS = [path for path in OURS if path.suffix == ".js"]
# Read over a tunnel by somebody in a hurry: without the charts' library, uncompressed.
MOST_BYTES = 60 * 1024


def test_the_page_is_small() -> None:
    """All files of ours together stay within the budget."""
    assert {path.suffix for path in OURS} == {".html", ".js", ".css"}
    assert sum(path.stat().st_size for path in OURS) <= MOST_BYTES


def test_the_library_is_what_its_list_says() -> None:
    """Vendored files are unchanged, with their licence, and the README names source, version and digest of each."""
    said = (VENDOR / "README.md").read_text()
    digests = dict(re.findall(r"^\| `([\w.]+)` \| `([0-9a-f]{64})` \|$", said, re.MULTILINE))
    assert {path.name for path in VENDOR.iterdir()} == {*digests, "README.md"}
    assert {name: sha256((VENDOR / name).read_bytes()).hexdigest() for name in digests} == digests
    assert "LICENSE" in digests
    assert "uPlot 1.6.32" in said
    assert "https://github.com/leeoniya/uPlot" in said


def test_every_file_that_is_named_is_there() -> None:
    """What the page loads and what scripts import exists, under the address that the listener serves."""
    index = (FOLDER / "index.html").read_text()
    named = re.findall(r'(?:src|href)="(page/[^"]+)"', index)
    assert len(named) == 5
    assert [name for name in named if not (FOLDER / name.removeprefix("page/")).is_file()] == []
    imported = {name for path in SCRIPTS for name in re.findall(r' from "\./([\w.]+)"', path.read_text())}
    assert [name for name in imported if not (FOLDER / name).is_file()] == []
    assert {path.name for path in SCRIPTS} == imported | {"dashboard.js", "theme.js"}


FORBIDDEN = {
    "inline script": r"<script(?![^>]*\bsrc=)",
    "inline style": r"<style|\sstyle=",
    "inline handler": r"\son[a-z]+=",
    "markup from data": r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment|DOMParser",
    "code from text": r"\beval\(|new Function|setTimeout\(\s*[\"'`]",
    "style from text": r"cssText|setAttribute\(\s*[\"']style",
    "another origin": r"(?:https?:)?//(?!www\.w3\.org/2000/svg)[\w-]+\.[a-z]",
    "a thing to send": r"method:|<form(?! method=\"dialog\")",
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_what_no_file_of_ours_holds(what: str) -> None:
    """The policy forbids some of it anyway; the rest it cannot see."""
    found = [f"{path.name}: {hit[0]}" for path in OURS for hit in re.finditer(FORBIDDEN[what], path.read_text())]
    assert found == []


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("inline script", "<script>alert(1)</script>"),
        ("inline style", '<p style="color: red">'),
        ("inline handler", '<img onerror="x()">'),
        ("markup from data", "node.innerHTML = name"),
        ("code from text", "setTimeout('x()', 1)"),
        ("style from text", 'node.setAttribute("style", x)'),
        ("another origin", 'src="https://cdn.example/x.js"'),
        ("a thing to send", 'fetch(x, {method: "POST"})'),
    ],
)
def test_the_patterns_find_it(what: str, text: str) -> None:
    """Each pattern knows what it is for."""
    assert re.search(FORBIDDEN[what], text)


def test_both_themes_name_the_same_colours() -> None:
    """A colour that the dark theme forgot would be the light one's."""
    css = (FOLDER / "dashboard.css").read_text()
    light = re.search(r":root \{(.*?)\n\}", css, re.DOTALL)
    dark = re.search(r"\[data-theme=dark\] \{(.*?)\n\}", css, re.DOTALL)
    assert light is not None
    assert dark is not None
    colours = set(re.findall(r"(--[\w-]+): #", light[1]))
    assert len(colours) > 15
    assert set(re.findall(r"(--[\w-]+): #", dark[1])) == colours
    used = set(re.findall(r"var\((--[\w-]+)", css))
    set_elsewhere = {"--tone", "--of", "--least", "--seats", "--side", "--display", "--text", "--mono", "--limit"}
    assert used <= colours | set_elsewhere


def test_the_wheel_carries_the_page(tmp_path: Path) -> None:
    """Whoever installs the package has the page, licence and all."""
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        names = set(packed.namelist())
    assert {str(path.relative_to(ROOT)) for path in FILES} - names == set()
    assert "sidecar/admin/page/vendor/LICENSE" in names
