"""The file of keys: made once, for its owner alone; read with care; and what is wrong with it is said with its place and the remedy."""

from __future__ import annotations

import os
import re
import stat
from typing import TYPE_CHECKING

import pytest

from sidecar.policy.tokens import Key, Keys, Token, Why, read, sign
from sidecar.stores.keys import KeysUnusable, fresh, keys_in

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "5e" * 32
TOKEN = Token(1, (b"x",))


def written(path: Path, content: str | bytes, mode: int = 0o600) -> Path:
    """Write a file of keys as an operator does."""
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(mode)
    return path


def refused(path: Path) -> str:
    """Return what is said of a file that cannot be used; its path is, its content never."""
    with pytest.raises(KeysUnusable) as caught:
        keys_in(path)
    said = str(caught.value)
    assert said == f"keys.file {path}: {caught.value.what}; {caught.value.remedy}"
    assert SECRET not in said
    return said


def test_it_is_made_once(tmp_path: Path) -> None:
    """Whoever starts again reads what was signed before; each file has a key of its own."""
    path = tmp_path / "deep" / "keys"
    text = sign(keys_in(path), TOKEN)
    assert read(keys_in(path), 1, text) == TOKEN
    assert read(keys_in(tmp_path / "other"), 1, text) is Why.UNKNOWN_KEY


def test_it_is_its_owners_alone(tmp_path: Path) -> None:
    """0600 from the first moment, no draft of it is left behind, and an operator can read what it is."""
    path = tmp_path / "keys"
    keys_in(path)
    assert [each.name for each in tmp_path.iterdir()] == ["keys"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert re.fullmatch(r"k[0-9a-f]{6}:[0-9a-f]{64}\n", path.read_text())


def test_the_first_signs_and_the_others_still_verify(tmp_path: Path) -> None:
    """A key is changed by a new first line; remarks, empty lines and the ends of other systems' lines are no keys."""
    path = written(tmp_path / "keys", f"# changed in May\r\n\r\nnew:{'4e' * 32}\r\n  old:{SECRET}  \r\n")
    keys = keys_in(path)
    assert repr(keys) == "<Keys new, older old>"
    old = sign(Keys(Key("old", bytes.fromhex(SECRET))), TOKEN)
    assert read(keys, 1, old) == TOKEN
    assert read(Keys(Key("new", b"\x4e" * 32)), 1, sign(keys, TOKEN)) == TOKEN


def test_no_file_is_ever_written_over(tmp_path: Path) -> None:
    """Not an empty one, and not one of another kind: it is somebody's mistake, not ours to mend."""
    path = written(tmp_path / "keys", "")
    assert "there is no key in it; remove the file, and one is made" in refused(path)
    assert path.read_bytes() == b""


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o610, 0o602, 0o777])
def test_one_that_others_may_use_is_refused(tmp_path: Path, mode: int) -> None:
    """Read or write, group or world: whoever knows the key can make himself any place."""
    said = refused(written(tmp_path / "keys", f"k:{SECRET}\n", mode))
    assert f"others than its owner may use it (mode {mode:04o}); chmod 600 it" in said


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
def test_one_that_its_owner_alone_may_use_is_fine(tmp_path: Path, mode: int) -> None:
    """As secrets are mounted, too."""
    assert repr(keys_in(written(tmp_path / "keys", f"k:{SECRET}", mode))) == "<Keys k>"


@pytest.mark.parametrize(
    "line",
    [
        SECRET,
        "k:",
        f"k;{SECRET}",
        f"k:{SECRET}5",
        f"k:{'5g' * 32}",
        f":{SECRET}",
        f"schlüssel:{SECRET}",
        f"a b:{SECRET}",
    ],
)
def test_a_line_that_is_no_key(tmp_path: Path, line: str) -> None:
    """The whole file is refused, so that nobody signs with another key than he thinks."""
    said = refused(written(tmp_path / "keys", f"# one\nk1:{SECRET}\n{line}\n"))
    assert "line 3 is no key" in said or "no name of a key" in said or "16 are the least" in said


def test_what_is_wrong_is_said_with_its_line(tmp_path: Path) -> None:
    """Counted as an editor counts."""
    assert "line 2 is no key; a key is written `id:hex`" in refused(written(tmp_path / "keys", f"k1:{SECRET}\nwhat\n"))
    assert "line 1 is no key" in refused(written(tmp_path / "keys", b"\xff\xfe:00\n"))


@pytest.mark.parametrize(
    ("second", "what"),
    [(f"k1:{SECRET}", "or that of another one, too"), ("k2:5e5e", "the key k2 has 2 bytes; 16 are the least")],
)
def test_keys_that_do_not_go_together(tmp_path: Path, second: str, what: str) -> None:
    """One name for two, or a secret that is none."""
    said = refused(written(tmp_path / "keys", f"k1:{SECRET}\n{second}\n"))
    assert what in said
    assert said.endswith("; give each key an id of its own and at least 16 bytes")


def test_what_is_no_file(tmp_path: Path) -> None:
    """A folder, a pipe that nobody writes to, or something that is far too long to be keys."""
    (tmp_path / "folder").mkdir()
    assert "it is no file" in refused(tmp_path / "folder")
    os.mkfifo(tmp_path / "pipe", 0o600)
    assert "it is no file" in refused(tmp_path / "pipe")
    line = f"k:{SECRET}\n"
    fits = written(tmp_path / "keys", line + "#" * (16 * 1024 - len(line)))
    assert repr(keys_in(fits)) == "<Keys k>"
    assert "it has 16385 bytes" in refused(written(tmp_path / "keys", line + "#" * (16 * 1024 - len(line) + 1)))


def test_where_nothing_can_be_made_or_read(tmp_path: Path) -> None:
    """The folder is a file: said as the system says it, with what to do."""
    (tmp_path / "file").write_bytes(b"")
    said = refused(tmp_path / "file" / "keys")
    assert said.endswith("let the sidecar's user read and write the file and its folder")


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes half of the file: there is none then, and no draft; when there is space it is made."""
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:16]))
    assert refused(tmp_path / "keys").endswith("No space left on device; free space on its disk")
    assert list(tmp_path.iterdir()) == []
    monkeypatch.undo()
    assert isinstance(keys_in(tmp_path / "keys"), Keys)


def test_without_a_file_each_start_has_its_own() -> None:
    """Of which nothing is known afterwards."""
    text = sign(fresh(), TOKEN)
    assert read(fresh(), 1, text) is Why.UNKNOWN_KEY
