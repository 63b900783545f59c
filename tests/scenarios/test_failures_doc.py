"""docs/failures.md says what the matrix says, and the matrix says enough."""

from __future__ import annotations

import pytest

from tests.scenarios.failures_doc import TARGET, render
from tests.scenarios.matrix import BY_ID, FAILURES, FAULT_POINTS, Failure


def test_the_document_is_fresh() -> None:
    """Whoever changes a row writes it anew: `python -m tests.scenarios.failures_doc --write`."""
    assert TARGET.read_text(encoding="utf-8") == render()


def test_there_are_twelve_fault_points() -> None:
    """Two ways at six points."""
    assert len(FAULT_POINTS) == 12
    assert len(BY_ID) == len(FAILURES)


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: failure.id)
def test_every_row_tells_who_notices_and_who_acts(failure: Failure) -> None:
    """In a sentence, without its full stop."""
    for text in (failure.what, failure.notices, failure.acts):
        assert len(text) > 10
        assert not text.endswith(".")
