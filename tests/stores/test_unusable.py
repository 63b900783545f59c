"""What an error of the system means for a file of ours, and what a person is told to do."""

from __future__ import annotations

from errno import EACCES, EDQUOT, ENOSPC, EROFS
from os import strerror

import pytest

from sidecar.stores.unusable import REMEDY, Why, of_system


def test_every_reason_has_its_remedy() -> None:
    """A person is told what to do."""
    assert REMEDY.keys() == set(Why)


@pytest.mark.parametrize(
    ("code", "why"), [(ENOSPC, Why.FULL), (EDQUOT, Why.FULL), (EACCES, Why.UNWRITABLE), (EROFS, Why.UNWRITABLE)]
)
def test_a_full_disk_is_told_from_one_that_nobody_may_write(code: int, why: Why) -> None:
    """In the system's own words."""
    unusable = of_system(OSError(code, strerror(code)))
    assert (unusable.why, str(unusable)) == (why, strerror(code))


def test_an_error_without_words_says_what_it_is() -> None:
    """As asyncio raises some."""
    assert str(of_system(OSError("nothing there"))) == "nothing there"
