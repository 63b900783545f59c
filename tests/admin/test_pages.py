"""The dashboard's files: read once, served from memory, none where there is no index."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sidecar.admin import pages

if TYPE_CHECKING:
    from pathlib import Path


def test_no_index_no_dashboard(tmp_path: Path) -> None:
    """A folder of leftovers is not served, nor is one that is not there."""
    (tmp_path / "app.js").write_text("1")
    assert pages.load(tmp_path) == {}
    assert pages.load(tmp_path / "nowhere") == {}


def test_files_by_path(tmp_path: Path) -> None:
    """The index at /, files below /page/, with type and ETag; what a page is not made of stays away."""
    (tmp_path / "vendor").mkdir()
    (tmp_path / "index.html").write_text("<p>")
    (tmp_path / "vendor" / "plot.js").write_text("1")
    (tmp_path / "LICENSE").write_text("x")
    (tmp_path / "secret.py").write_text("x")
    found = pages.load(tmp_path)
    assert sorted(found) == ["/", "/page/index.html", "/page/vendor/plot.js"]
    assert found["/"] is found["/page/index.html"] or found["/"] == found["/page/index.html"]
    assert found["/"].content_type == "text/html; charset=utf-8"
    assert found["/page/vendor/plot.js"].body == b"1"
    assert found["/"].etag != found["/page/vendor/plot.js"].etag
    assert found["/"].etag.startswith('"')


def test_folders_are_read_so_deep_and_files_so_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded; too much is an error of whoever built it, told at the start."""
    deep = tmp_path / "a" / "b" / "c"
    deep.mkdir(parents=True)
    (tmp_path / "index.html").write_text("<p>")
    (deep / "x.js").write_text("1")
    (deep.parent / "y.js").write_text("1")
    assert sorted(pages.load(tmp_path)) == ["/", "/page/a/b/y.js", "/page/index.html"]
    monkeypatch.setattr(pages, "_MOST_BYTES", 3)
    with pytest.raises(ValueError, match="held in memory"):
        pages.load(tmp_path)


def test_the_policy_lets_nothing_in_from_elsewhere() -> None:
    """No inline script, no other host, no frame."""
    assert "unsafe" not in pages.POLICY
    assert "default-src 'none'" in pages.POLICY
    assert "frame-ancestors 'none'" in pages.POLICY
