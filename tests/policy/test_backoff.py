"""The back-off: between nothing and a bound that doubles, never above the longest."""

from __future__ import annotations

import hypothesis
import hypothesis.strategies as st
import pytest

from sidecar.policy.backoff import FIRST_S, LONGEST_S, full_jitter


@pytest.mark.parametrize(
    ("failures", "bound_s"), [(1, 0.1), (2, 0.2), (3, 0.4), (5, 1.6), (6, 2.0), (17, 2.0), (10_000, 2.0)]
)
def test_the_bound_doubles_up_to_the_longest(failures: int, bound_s: float) -> None:
    """Drawn at its highest it is the bound, at its lowest nothing at all, in the middle the half."""
    assert full_jitter(failures, 1.0) == pytest.approx(bound_s)
    assert full_jitter(failures, 0.5) == pytest.approx(bound_s / 2)
    assert full_jitter(failures, 0.0) == 0.0


def test_a_longest_of_hours_is_reached_in_sixteen_doublings() -> None:
    """And no later one makes it longer."""
    assert full_jitter(17, 1.0, 0.1, 1e9) == full_jitter(18, 1.0, 0.1, 1e9) == pytest.approx(6553.6)
    assert full_jitter(16, 1.0, 0.1, 1e9) == pytest.approx(3276.8)


@hypothesis.given(failures=st.integers(1, 2000), chance=st.floats(0, 1))
def test_it_never_leaves_its_bounds(failures: int, chance: float) -> None:
    """Whatever is drawn, however often it failed."""
    assert 0 <= full_jitter(failures, chance) <= min(LONGEST_S, FIRST_S * 2 ** min(failures, 20))
