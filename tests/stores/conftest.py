"""What the tests of stores share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.stores.files import Disk

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    """A place for a file, which does not exist yet."""
    return Disk(tmp_path / "state.db")
