"""A count that several pipelines move."""

from __future__ import annotations

from sidecar.headcount import Headcount


def test_it_counts() -> None:
    """Up, down, and says so."""
    headcount = Headcount()
    headcount.enter()
    headcount.enter()
    headcount.leave()
    assert (headcount.count, repr(headcount)) == (1, "<Headcount 1>")
