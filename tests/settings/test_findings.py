"""What the checks have in common: what they may repeat of a value, and how they name another place."""

from __future__ import annotations

from pathlib import Path

from sidecar.settings.files import Files
from sidecar.settings.findings import Findings, written
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
