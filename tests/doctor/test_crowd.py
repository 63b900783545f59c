"""The arithmetic of a crowd, against the sum that it bounds and against numbers that were worked out by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.doctor.crowd import CONNECTION_BYTES, VISITOR_BYTES, Evening, foreseen, polls_per_s
from sidecar.plan import RoomPlan

ROOM = RoomPlan("hamlet", opens=0.0, max_active=300, pass_total_s=600.0, draw_s=60.0)


def summed(waiting: int, admissions: float) -> float:
    """Add up what each client does: k-th from the front, it polls every fifth of its wait, from 3 s to the longest."""
    far_s = max(120.0, waiting / 1000)
    return sum(1 / min(max(0.2 * k / admissions, 3.0), far_s) for k in range(1, waiting + 1))


@given(st.integers(1, 20_000), st.floats(0.1, 500))
def test_the_bound_is_one(waiting: int, admissions: float) -> None:
    """Never below the sum, and not so far above that it says nothing."""
    exact, bound = summed(waiting, admissions), polls_per_s(waiting, admissions)
    assert exact <= bound * 1.0001
    assert bound <= 2 * exact + 1


def test_it_grows_with_the_logarithm() -> None:
    """A hundred times as many who wait are not three times the polls that come from near the front."""
    near = polls_per_s(1_000_000, 50) - 1_000_000 / 1000
    assert near < 3 * (polls_per_s(10_000, 50) - 10_000 / 120)


def test_a_sale_by_hand() -> None:
    """300 people for 5 minutes each are one a second; 1200 seats by two are 600 orders, and the last one has to buy, too."""
    found = foreseen(ROOM, Evening("hamlet", 20_000, seats=1200), keep_alive_s=75.0)
    assert (found.admissions, found.session_s) == (1.0, 300.0)
    assert (found.orders, found.longest_wait_s, found.sale_s) == (600, 600, 900)
    assert found.last_polls == pytest.approx(20_000 / 60)
    assert found.most_polls == found.last_polls
    assert found.connections == 20_000 + 300 * 4  # everybody has polled within the last 75 s
    assert found.visitor_bytes == 20_000 * (VISITOR_BYTES + CONNECTION_BYTES)


def test_what_is_said_wins() -> None:
    """A session that was measured, a rate that is lower than what max_active gives, orders of four."""
    room = RoomPlan("a", max_active=600, rate=(1, 2.0))
    found = foreseen(room, Evening("a", 100, seats=400, per_order=4.0, session_s=60.0), keep_alive_s=75.0)
    assert (found.admissions, found.orders, found.longest_wait_s) == (0.5, 100, 200)
    found = foreseen(room, Evening("a", 10), keep_alive_s=1.0)
    assert (found.orders, found.sale_s, found.longest_wait_s) == (None, None, 20)
    assert found.last_polls == 0  # by hand: nobody knows when, and nobody asks at once


def test_fewer_people_than_seats() -> None:
    """The sale is over when nobody is left."""
    found = foreseen(ROOM, Evening("hamlet", 100, seats=10_000), keep_alive_s=1.0)
    assert (found.longest_wait_s, found.sale_s) == (100, 400)
    assert found.connections == 16 + 300 * 4  # a poll holds its connection for a second, and 15.3 come in one
    instant = foreseen(RoomPlan("a", opens=0.0, draw_s=0.0), Evening("a", 100), keep_alive_s=1.0)
    assert instant.last_polls == 100
