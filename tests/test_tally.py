"""A count that several pipelines move."""

from __future__ import annotations

from sidecar.tally import Tally


def test_it_counts() -> None:
    """Up, down, and says so."""
    tally = Tally()
    tally.enter()
    tally.enter()
    tally.leave()
    assert (tally.count, repr(tally)) == (1, "<Tally 1>")
