"""Where file names start, and what is remembered of the files."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from sidecar.settings.files import Files

if TYPE_CHECKING:
    from pathlib import Path

AT = ("backends", "t", "wsdl")


def test_a_file_that_is_there(tmp_path: Path) -> None:
    """It is remembered by the key that names it, with its hash."""
    (tmp_path / "a.wsdl").write_text("<x/>")
    files = Files(tmp_path)
    assert files.missing(AT, "a.wsdl") == ""
    assert [(each.kind, each.path) for each in files.sources] == [("wsdl", str(tmp_path / "a.wsdl"))]
    assert files.digest(AT, "a.wsdl") == files.sources[0].sha256
    assert files.digest(AT, "b.wsdl") == ""


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("absent", "there is no file"),
        ("file/below", "there is no file"),
        ("folder", "is no file:"),
        ("pipe", "is no file:"),
        ("x" * 5000, "File name too long:"),
        ("a\0b", "embedded null byte:"),
    ],
)
def test_a_file_that_is_not(tmp_path: Path, name: str, why: str) -> None:
    """Each with its reason, and remembered: it may come."""
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    files = Files(tmp_path)
    assert files.missing(AT, name) == why
    assert [each.sha256 for each in files.sources] == [None]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_rights(tmp_path: Path) -> None:
    """It is there, and not for us."""
    (tmp_path / "a").touch(mode=0o000)
    assert Files(tmp_path).missing(AT, "a") == "may not be read:"


def test_a_token_is_read_once(tmp_path: Path) -> None:
    """What was checked is what is used, whatever the disk says a moment later."""
    (tmp_path / "token").write_text("one")
    files = Files(tmp_path)
    at = ("admin", "token_file")
    assert files.text(at, "token") == "one"
    (tmp_path / "token").write_text("two")
    assert files.text(at, "token") == "one"
    with pytest.raises(OSError, match="No such file"):
        files.text(at, "absent")


def test_a_body_is_read_once(tmp_path: Path) -> None:
    """As a token; what is on another machine is not read at all."""
    at = ("backends", "t", "body_file")
    (tmp_path / "a.xml").write_bytes(b"one")
    files = Files(tmp_path, elsewhere=True)
    assert files.data(at, "a.xml") == b"one"
    (tmp_path / "a.xml").write_bytes(b"two")
    assert files.data(at, "a.xml") == b"one"
    assert files.data(at, "/absent/a.xml") is None
    with pytest.raises(OSError, match="No such file"):
        files.data(at, "absent.xml")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("state.db", ""),
        ("file", ""),  # it is opened, and whoever opens it looks what is in it
        ("folder", "is a folder:"),
        ("absent/state.db", "there is no folder for"),
        ("file/state.db", "there is no folder for"),
        ("/absent/state.db", "there is no folder for"),
        ("x" * 5000 + "/a", "File name too long:"),
    ],
)
def test_where_a_file_can_be_made(tmp_path: Path, name: str, why: str) -> None:
    """Its folder is there; whether anybody may write there is asked where it runs."""
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    assert Files(tmp_path).folder_missing(("store",), name) == why
    assert Files(tmp_path, elsewhere=True).folder_missing(("store",), name) == ("" if name.startswith("/") else why)
