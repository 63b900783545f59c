"""One tree out of several files. What is refused is in `broken/include.txt`; here is what is taken, and what is remembered of it."""

from __future__ import annotations

import os
from pathlib import Path
from threading import Timer
from typing import Any

import pytest

from sidecar.settings.include import UnreadableError, contents, gather
from sidecar.settings.load import load, load_all
from sidecar.settings.problem import SettingsError
from sidecar.settings.sources import fingerprint
from sidecar.settings.tree import plain

RIGHT = "backends: {t: {protocol: soap, url: 'http://h/x'}}\n"


def write(folder: Path, **files: str) -> Path:
    """Write `a` as a.yaml and `parts_a` as parts/a.yaml; return the first."""
    paths = [folder / (name.replace("_", "/") + ".yaml") for name in files]
    for path, text in zip(paths, files.values(), strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return paths[0]


def whole(file: Path) -> Any:
    gathered = gather(file.read_text(), str(file), file.parent, {})
    assert gathered.problems == []
    assert gathered.root is not None
    return plain(gathered.root)


def test_blocks_grow_together(tmp_path: Path) -> None:
    """Key by key, as deep as they go, in the order of the files; `include` of the first file is kept, as what was written."""
    file = write(
        tmp_path,
        main="include: [a.yaml, b.yaml]\nlimits: {connections: 50}\n",
        a="limits: {buffered: 1MiB}\nbackends: {t: {limit: {fixed: 1}}}\n",
        b="backends: {t: {queue: {size: 2}}, u: {protocol: soap}}\n",
    )
    assert whole(file) == {
        "include": ["a.yaml", "b.yaml"],
        "limits": {"connections": 50, "buffered": "1MiB"},
        "backends": {"t": {"limit": {"fixed": 1}, "queue": {"size": 2}}, "u": {"protocol": "soap"}},
    }


def test_names_start_at_the_file_that_they_stand_in(tmp_path: Path) -> None:
    """A folder can be moved with all that is in it."""
    file = write(
        tmp_path,
        main="include: [parts/a.yaml]\n" + RIGHT,
        parts_a="include: ['more/*.yaml']\n",
        parts_more_b="drain: {delay: 1s}\n",
    )
    assert whole(file)["drain"] == {"delay": "1s"}
    assert load(file, {}).drain.delay_s == 1


def test_absolute_names(tmp_path: Path) -> None:
    """As they are, globs too."""
    write(tmp_path, parts_a="drain: {delay: 1s}", parts_b="cors: {max_age: 1h}")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    file = write(elsewhere, main=f"include: ['{tmp_path}/parts/a.yaml', '{tmp_path}/parts/[b-z]*.yaml']\n" + RIGHT)
    assert set(whole(file)) == {"include", "backends", "drain", "cors"}


def test_references_in_names(tmp_path: Path) -> None:
    """One file for all hosts, and one beside it for each."""
    file = write(tmp_path, main="include: ['${SITE}.yaml']\n" + RIGHT, north="drain: {delay: 1s}")
    assert load(file, {"SITE": "north"}).drain.delay_s == 1


def test_every_file_may_say_its_version(tmp_path: Path) -> None:
    """As long as they agree; an empty file is a file."""
    file = write(
        tmp_path, main="version: 1\ninclude: [a.yaml, b.yaml]\n" + RIGHT, a="version: 1\n", b="# nothing yet\n"
    )
    assert load(file, {}).backends


def test_a_file_that_was_read_is_a_source(tmp_path: Path) -> None:
    """Also the glob itself: a new file in the folder is a change."""
    file = write(tmp_path, main="include: ['parts/*.yaml']\n" + RIGHT, parts_a="drain: {delay: 1s}")
    loaded = load_all(file)
    assert [(each.kind, Path(each.path).name) for each in loaded.sources] == [
        ("settings", "main.yaml"),
        ("glob", "*.yaml"),
        ("include", "a.yaml"),
    ]
    assert fingerprint(loaded.sources) == loaded.fingerprint
    write(tmp_path, parts_b="cors: {max_age: 1h}")
    assert fingerprint(loaded.sources) != loaded.fingerprint


def test_a_file_that_failed_is_a_source(tmp_path: Path) -> None:
    """So that whoever watches tries again once it is mended, and not before."""
    file = write(tmp_path, main="include: [a.yaml]\n" + RIGHT)
    with pytest.raises(SettingsError) as caught:
        load_all(file)
    before = fingerprint(caught.value.sources)
    assert before == fingerprint(caught.value.sources)
    write(tmp_path, a="drain: {delay: 1s}")
    assert fingerprint(caught.value.sources) != before


def test_the_order_of_problems_is_that_of_the_files(tmp_path: Path) -> None:
    """First the file that was named, then what it includes, each from above."""
    file = write(
        tmp_path,
        main="include: [z.yaml, a.yaml]\nlisten: {port: x}\n" + RIGHT,
        z="cors: {credentials: x}\n",
        a="drain: {delay: x}\n",
    )
    with pytest.raises(SettingsError) as caught:
        load(file, {})
    assert [Path(str(fact["file"])).name for fact in caught.value.facts()] == ["main.yaml", "z.yaml", "a.yaml"]


def test_names_are_shown_as_they_were_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative to where somebody stands, so that the place can be clicked."""
    write(tmp_path, conf_main="include: [parts/a.yaml]\n" + RIGHT, conf_parts_a="drain: {delay: x}\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError, match=r"^conf/parts/a\.yaml:1:16 drain\.delay"):
        load("conf/main.yaml", {})


def test_a_link_to_a_file_keeps_the_folder_of_the_link(tmp_path: Path) -> None:
    """A ConfigMap is links to a folder that is swapped: what lies beside the link is what is meant."""
    write(tmp_path, data_main="include: [a.yaml]\n" + RIGHT, main_a="drain: {delay: 1s}")
    (tmp_path / "main" / "main.yaml").symlink_to("../data/main.yaml")
    assert load(tmp_path / "main" / "main.yaml", {}).drain.delay_s == 1


def test_contents(tmp_path: Path) -> None:
    """The text without its mark of byte order, and the hash of all its bytes."""
    (tmp_path / "a").write_bytes(b"\xef\xbb\xbfx")
    text, digest = contents(tmp_path / "a")
    assert (text, len(digest)) == ("x", 64)
    with pytest.raises(UnreadableError, match="cannot be read"):
        contents(tmp_path / "b")


def test_a_pipe_that_nobody_fills_holds_up_nobody(tmp_path: Path) -> None:
    """It has nothing in it; one that somebody fills is read to its end, as in `run <(generate)`."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert contents(pipe)[0] == ""
    read, write = os.pipe()
    Timer(0.05, lambda: (os.write(write, b"a: 1"), os.close(write))).start()
    assert contents(Path(f"/dev/fd/{read}"))[0] == "a: 1"
    os.close(read)
