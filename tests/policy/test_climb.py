"""The straight line on which a backend is led back."""

from __future__ import annotations

import pytest

from sidecar.policy.climb import Climb


@pytest.mark.parametrize(
    ("now", "limit", "over"),
    [
        (100.0, 0, False),
        (101.4, 0, False),
        (101.5, 1, False),
        (115.0, 10, False),
        (129.9, 19, False),
        (130.0, 20, True),
    ],
)
def test_it_goes_straight_from_nothing_to_the_top(now: float, limit: int, over: bool) -> None:
    """The limit grows with time alone and stays at the top."""
    climb = Climb(100.0, 20, 30.0)
    assert (climb.limit(now), climb.over(now)) == (limit, over)


def test_the_top_holds_for_ever_and_no_time_at_all_is_the_top_at_once() -> None:
    """A clock that jumps by hours, and a slow start of 0 s, end at the top."""
    assert Climb(100.0, 20, 30.0).limit(90_000.0) == 20
    assert Climb(100.0, 20, 0.0).limit(100.0) == 20


def test_a_failure_halves_it_and_begins_again() -> None:
    """The climb after a failure starts now, goes half as high, in the same time, and never below one."""
    assert Climb(100.0, 20, 30.0).again(110.0) == Climb(110.0, 10, 30.0)
    assert Climb(0.0, 1, 30.0).again(5.0).to == 1
