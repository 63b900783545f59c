"""Rates of arriving work, by how much debt it came with."""

from __future__ import annotations

import math

import pytest

from sidecar.policy.arrivals import LAGS, REMEMBERED_S, Arrivals


def test_a_steady_stream_is_its_rate() -> None:
    """A call of 0.2 s ten times a second is two slots' worth of work."""
    arrivals = Arrivals()
    for step in range(2000):
        arrivals.tell(step / 10, 0.2, 0.0)
    assert arrivals.rate(200.0) == pytest.approx(2.0, rel=0.02)


def test_it_scatters_by_the_squares_of_what_comes() -> None:
    """The same work in calls ten times as long comes ten times as unevenly; twice as much as means alone do, and it fades as they do."""
    cheap, dear = Arrivals(), Arrivals()
    for step in range(20000):
        cheap.tell(step / 10, 0.2, 0.0)
        if step % 10 == 9:
            dear.tell(step / 10, 2.0, 0.0)
    assert cheap.scatter(2000.0) == pytest.approx(2 * 10 * 0.2**2, rel=0.02)
    assert dear.scatter(2000.0) == pytest.approx(2 * 2.0**2, rel=0.07)
    assert dear.scatter(2000.0 + REMEMBERED_S) == pytest.approx(dear.scatter(2000.0) / math.e)


def test_it_forgets_evenly_and_over_a_night_wholly() -> None:
    """After as long as it remembers an e-th is left; after hours nothing, and no number is too large for it."""
    arrivals = Arrivals()
    arrivals.tell(0.0, 3.0, 0.0)
    assert arrivals.rate(0.0) == pytest.approx(3.0 / REMEMBERED_S)
    assert arrivals.rate(REMEMBERED_S) == pytest.approx(3.0 / REMEMBERED_S / math.e)
    assert arrivals.rate(1e6) < 1e-100
    arrivals.tell(1e6, 3.0, 1.0)
    assert arrivals.rate(1e6) == pytest.approx(3.0 / REMEMBERED_S)
    assert arrivals.passing(1e6, 2.0)[-1] == (pytest.approx(3.0 / REMEMBERED_S), 1.0)


def test_hours_of_calls_lose_nothing() -> None:
    """Where the weights are brought down, what was just told is not."""
    arrivals = Arrivals()
    for step in range(3000):
        arrivals.tell(float(step), 1.0, 0.3)
        assert arrivals.rate(float(step)) == pytest.approx(
            (1 - math.exp(-(step + 1) / REMEMBERED_S)) / (1 - math.exp(-1 / REMEMBERED_S)) / REMEMBERED_S, rel=1e-6
        )


def test_who_comes_with_less_debt_passes_until_time_has_come_so_far() -> None:
    """Of what comes, only that which stands before somebody passes him, the less its debt the longer; nothing passes who has none."""
    arrivals = Arrivals()
    arrivals.tell(0.0, 1.0, 0.0)
    arrivals.tell(0.0, 2.0, 0.07)
    arrivals.tell(0.0, 4.0, 99.0)
    assert arrivals.passing(0.0, 0.0) == []
    assert arrivals.passing(0.0, 0.05) == [(1.0 / REMEMBERED_S, 0.05)]
    both = arrivals.passing(0.0, 0.5)
    assert both == [(1.0 / REMEMBERED_S, 0.5), (2.0 / REMEMBERED_S, pytest.approx(0.4))]
    assert len(arrivals.passing(0.0, 1000.0)) == 2, "whoever owes more than anybody passes nobody"
    assert repr(arrivals) == "<Arrivals 3 kinds of debt>"
    assert LAGS[0] == 0.0
