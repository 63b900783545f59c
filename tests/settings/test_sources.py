"""The files of a configuration by content: what counts as a change, whatever the disk does with links, times and inodes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from sidecar.settings.sources import INCLUDED_MOST, Source, fingerprint, identity, look, matches, recorded

if TYPE_CHECKING:
    from pathlib import Path


def seen(folder: Path) -> list[Source]:
    return [look("settings", str(folder / "a.yaml")), look("glob", str(folder / "parts" / "*.yaml"))]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.yaml").write_text("one")
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "b.yaml").write_text("two")
    return tmp_path


def test_nothing_changed(folder: Path) -> None:
    """Read again, the same; also where only the time has changed, or the file was written anew."""
    sources = seen(folder)
    assert fingerprint(sources) == recorded(sources)
    (folder / "new").write_text("one")
    (folder / "new").replace(folder / "a.yaml")
    os.utime(folder / "a.yaml", (1, 1))
    assert fingerprint(sources) == recorded(sources)


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "a.yaml").write_text("two"),
        lambda folder: (folder / "a.yaml").unlink(),
        lambda folder: (folder / "parts" / "b.yaml").write_text("three"),
        lambda folder: (folder / "parts" / "b.yaml").unlink(),
        lambda folder: (folder / "parts" / "c.yaml").write_text(""),
        lambda folder: (folder / "parts" / "b.yaml").rename(folder / "parts" / "c.yaml"),
    ],
    ids=["another content", "gone", "another content below", "gone below", "a new one below", "another name below"],
)
def test_changes(folder: Path, change) -> None:
    """A missing file is one, and so is a new one that a glob matches."""
    sources = seen(folder)
    change(folder)
    assert fingerprint(sources) != recorded(sources)


def test_a_change_of_what_is_not_there_yet(folder: Path) -> None:
    """A file that was looked for and missing: once it comes, it is worth another try."""
    sources = [look("wsdl", str(folder / "a.wsdl"))]
    assert sources[0].sha256 is None
    assert fingerprint(sources) == recorded(sources)
    (folder / "a.wsdl").write_text("<x/>")
    assert fingerprint(sources) != recorded(sources)


def test_a_swapped_link_is_a_change(tmp_path: Path) -> None:
    """As the kubelet does it: a.yaml -> ..data/a.yaml, and ..data -> the newest folder. Times of the old and the new are the same."""
    for version in ("1", "2"):
        (tmp_path / f"..{version}").mkdir()
        (tmp_path / f"..{version}" / "a.yaml").write_text(f"version {version}")
        os.utime(tmp_path / f"..{version}" / "a.yaml", (1, 1))
    (tmp_path / "..data").symlink_to("..1")
    (tmp_path / "a.yaml").symlink_to("..data/a.yaml")
    sources = [look("settings", str(tmp_path / "a.yaml")), look("glob", str(tmp_path / "*"))]
    assert fingerprint(sources) == recorded(sources)
    (tmp_path / "..data_tmp").symlink_to("..2")
    (tmp_path / "..data_tmp").replace(tmp_path / "..data")
    assert fingerprint(sources[:1]) != recorded(sources[:1])
    assert fingerprint(sources[1:]) != recorded(sources[1:])


def test_what_matches(folder: Path) -> None:
    """Files alone, in the order of their names, and none that begins with a dot; many are cut short before they are looked at."""
    (folder / "parts" / ".b.yaml.swp").touch()
    (folder / "parts" / "..data").mkdir()
    (folder / "parts" / "z").mkdir()
    (folder / "parts" / "a.yaml").touch()
    assert matches(str(folder / "parts" / "*")) == [str(folder / "parts" / name) for name in ("a.yaml", "b.yaml")]
    for number in range(INCLUDED_MOST + 20):
        (folder / "parts" / f"{number}.yaml").touch()
    assert len(matches(str(folder / "parts" / "*"))) == INCLUDED_MOST + 1


def test_a_pipe_is_read_once(tmp_path: Path) -> None:
    """`sidecar run <(decrypt settings.yaml)`: reading it again would wait for ever."""
    os.mkfifo(tmp_path / "pipe")
    source = Source("settings", str(tmp_path / "pipe"), "0" * 64)
    assert look("settings", source.path).sha256 is None
    assert fingerprint([source]) == recorded([source])


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b"])
@pytest.mark.parametrize("kind", ["settings", "glob"])
def test_names_that_no_disk_takes(tmp_path: Path, name: str, kind: str) -> None:
    """They are missing, and no more."""
    pattern = str(tmp_path / name) + ("*" if kind == "glob" else "")
    source = look(kind, pattern)
    assert fingerprint([source]) == recorded([source])


def test_an_id_is_of_contents_and_values() -> None:
    """Twelve digits; the same on two machines with the same content, another where a file or a variable differs."""
    here, there = [Source("settings", "/a/x.yaml", "1" * 64)], [Source("settings", "/b/y.yaml", "1" * 64)]
    one = identity(here, {"A": "1"})
    assert len(one) == 12
    assert int(one, 16) >= 0
    assert identity(there, {"A": "1"}) == one
    assert identity([*here, Source("glob", "/a/*", "3" * 64)], {"A": "1"}) == one
    assert identity(here, {"A": "2"}) != one
    assert identity(here, {"B": "1"}) != one
    assert identity([Source("settings", "/a/x.yaml", "2" * 64)], {"A": "1"}) != one
    assert identity([Source("settings", "/a/x.yaml", None)], {"A": "1"}) != one
