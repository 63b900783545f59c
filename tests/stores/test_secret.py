"""The secret beside the file: made once, for its owner alone, and never taken for safe where it is not on disk."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from sidecar.stores.secret import Secret
from sidecar.stores.unusable import Unusable, Why

if TYPE_CHECKING:
    from pathlib import Path


def secured(database: Path) -> Secret:
    """Return the secret of a database, on disk."""
    secret = Secret(database)
    secret.secure()
    return secret


def refused(database: Path) -> Why:
    """Return why it cannot be secured; nothing counts as stored then."""
    secret = Secret(database)
    for _ in range(2):
        with pytest.raises(Unusable) as caught:
            secret.secure()
    assert secret.stored is None
    assert repr(secret) == f"<Secret {database.name}.key not on disk>"
    return caught.value.why


def test_it_is_made_once(tmp_path: Path) -> None:
    """Whoever starts again knows the names that were made before."""
    database = tmp_path / "deep" / "state.db"
    first = secured(database)
    assert first.stored == first.own
    assert len(first.own) == 32
    again = secured(database)
    assert again.stored == first.stored != again.own
    assert secured(tmp_path / "other.db").stored != first.stored


def test_it_is_its_owners_alone(tmp_path: Path) -> None:
    """0600 from the first moment, no draft of it is left behind, and it shows nothing of itself."""
    secret = secured(tmp_path / "state.db")
    assert [path.name for path in tmp_path.iterdir()] == ["state.db.key"]
    assert stat.S_IMODE((tmp_path / "state.db.key").stat().st_mode) == 0o600
    assert repr(secret) == "<Secret state.db.key on disk>"


@pytest.mark.parametrize("size_bytes", [0, 31, 33])
def test_one_of_another_length_is_never_written_over(tmp_path: Path, size_bytes: int) -> None:
    """It is somebody's mistake, not ours to mend."""
    (tmp_path / "state.db.key").write_bytes(b"x" * size_bytes)
    assert refused(tmp_path / "state.db") is Why.CORRUPT
    assert (tmp_path / "state.db.key").read_bytes() == b"x" * size_bytes


def test_where_nothing_can_be_made_or_read_it_is_not_stored(tmp_path: Path) -> None:
    """A folder that is a file; a secret that is a folder."""
    (tmp_path / "file").write_bytes(b"")
    assert refused(tmp_path / "file" / "state.db") is Why.UNWRITABLE
    (tmp_path / "state.db.key").mkdir()
    assert refused(tmp_path / "state.db") is Why.UNWRITABLE


def test_one_that_was_written_in_part_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk takes half of it: there is none then, and no draft; when there is space it is made."""
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:16]))
    assert refused(tmp_path / "state.db") is Why.FULL
    assert list(tmp_path.iterdir()) == []
    monkeypatch.undo()
    assert secured(tmp_path / "state.db").stored is not None
