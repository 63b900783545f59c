"""What the checks have in common: what they may repeat of a value, and how they name another place."""

from __future__ import annotations

from pathlib import Path

import pytest

from sidecar.settings.files import Files
from sidecar.settings.findings import Findings, NoDocumentError, near, written
from sidecar.settings.schema import Settings
from sidecar.settings.tree import Block, read

SOURCE = 'a: "${X}"\nb: plain\nc: {}\nd: {e: 1}\nf: "${Y:-z}"\n'


def findings() -> Findings:
    root = read(SOURCE, {"X": "hidden"}).root
    assert isinstance(root, Block)
    return Findings(root, Files(Path("/"), root, named="sidecar.yaml"))


def test_what_a_message_may_repeat() -> None:
    """Of a reference the file's own words, never what came out of it."""
    check = findings()
    assert check.shown(("a",), "hidden") == "${X}"
    assert check.shown(("b",), "plain") == "plain"
    assert check.shown(("nowhere",), "default") == "default"


def test_what_stands_in_the_file_itself() -> None:
    """A default inside a reference does."""
    check = findings()
    assert [check.in_clear((key,)) for key in "abf"] == [False, True, True]
    assert not check.in_clear(("nowhere",))


def test_blocks_with_nothing_in_them() -> None:
    """Written and empty, which is another thing than not written."""
    check = findings()
    assert [check.empty((key,)) for key in ("c", "d", "b", "nowhere")] == [True, False, False, False]


def test_what_is_there() -> None:
    """Right or wrong, empty or not."""
    check = findings()
    assert [check.there(loc) for loc in (("a",), ("c",), ("d", "e"), ("d", "x"))] == [True, True, True, False]


def test_what_was_meant() -> None:
    """The end of a sentence, and nothing where no name is like it."""
    assert near("ticket", ["tickets", "members"], 0.5) == ", did you mean tickets?"
    assert near("x", ["tickets"], 0.5) == ""


def test_another_place() -> None:
    """By its line where it is in the same file."""
    check = findings()
    assert check.beside(("c",), ("a",)) == "line 3"
    other = read("x: 1", {}, "other.yaml").root
    assert isinstance(other, Block)
    assert other.entries["x"].place.beside(other.place, "sidecar.yaml") == "line 1"
    main = read("x: 1", {}).root
    assert isinstance(main, Block)
    assert main.place.beside(other.place, "sidecar.yaml") == "sidecar.yaml:1"
    assert other.place.beside(main.place, "sidecar.yaml") == "other.yaml:1"


def test_what_somebody_wrote() -> None:
    """A default is not written, and neither is a null."""
    settings = Settings.model_validate(
        {"listen": {"port": 8080}, "backends": {"t": {"protocol": "soap", "url": "http://h/"}}}
    )
    assert written(settings.listen, "port")
    assert not written(settings.listen, "host")
    assert not written(settings.listen, "unix")


def test_documents(tmp_path: Path) -> None:
    """Read where somebody can read them, with a problem where the file cannot be."""

    def root_of(data: bytes) -> str:
        if data != b"<a/>":
            raise NoDocumentError("a poem")
        return "a"

    (tmp_path / "a.xml").write_bytes(b"<a/>")
    (tmp_path / "b.xml").write_bytes(b"roses")
    root = read(SOURCE, {}).root
    assert isinstance(root, Block)
    check = Findings(root, Files(tmp_path), root_of)
    assert check.document(check.data(("b",), "a.xml") or b"") == "a"
    assert [check.root(("b",), name) for name in ("a.xml", "b.xml", "absent.xml")] == ["a", None, None]
    assert check.problems == []
    with pytest.raises(NoDocumentError, match="a poem"):
        check.document(b"roses")
    assert check.data(("b",), "absent.xml") is None
    assert [each.code for each in check.problems] == ["E302"]
    assert Findings(root, Files(tmp_path)).document(b"roses") is None


def test_folders(tmp_path: Path) -> None:
    """Told at the key that names a file in one."""
    root = read(SOURCE, {}).root
    assert isinstance(root, Block)
    check = Findings(root, Files(tmp_path))
    check.folder(("b",), "state.db")
    assert check.problems == []
    check.folder(("b",), "absent/state.db")
    assert [(each.code, each.key) for each in check.problems] == [("E302", "b")]
