"""What may stay of a limit that nobody fills."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import given

from sidecar.policy.headroom import Headroom


def used(peak: int) -> Headroom:
    room = Headroom()
    room.began(peak)
    return room


def test_it_is_in_use_until_most_calls_find_it_empty() -> None:
    """Fourteen calls that did not meet the limit make it idle, and as many that did undo it."""
    room = Headroom()
    for _ in range(13):
        room.met(False)
    assert not room.idle
    room.met(False)
    assert room.idle
    assert repr(room) == "<Headroom: 0 at once, 49% met the limit>"
    room.met(True)
    assert not room.idle
    room.quiet()
    assert room.idle


def test_a_limit_that_is_half_used_stays() -> None:
    """Twice the most calls at once is what a limit may be; the start is always kept."""
    assert used(30).keep(0.0, 60, 8) == 60
    assert used(30).keep(0.0, 61, 8) == 60
    assert used(2).keep(0.0, 8, 8) == 8
    assert used(2).keep(0.0, 5, 8) == 5


def test_it_decays_by_the_second_and_by_the_night() -> None:
    """Once a second at most; after a jump of hours nothing but the start is left, and the peak is forgotten as well."""
    room = used(10)
    assert room.keep(0.0, 100, 8) == 20, "the first look leaves nothing but twice the peak"
    room.began(10)
    assert room.keep(0.9, 100, 8) == 100
    assert room.keep(1.0, 100, 8) == 95
    assert room.keep(3.0, 95, 8) == int(95 * 0.95**2)
    assert room.keep(40_000.0, 85, 8) == 15, "what was used before the night is kept at the first look after it"
    assert room.keep(80_000.0, 15, 8) == 8


def test_the_most_at_once_is_not_forgotten_for_a_smaller_number() -> None:
    """Who begins alone after thirty at once takes nothing from their head-room."""
    room = used(30)
    room.began(1)
    assert room.keep(0.0, 100, 8) == 60


@given(
    st.integers(1, 500), st.integers(1, 500), st.lists(st.tuples(st.floats(0, 1e5), st.integers(0, 500)), max_size=20)
)
def test_it_only_takes_away(limit: int, start: int, looks: list[tuple[float, int]]) -> None:
    """Whatever the clock does forwards: never more than the limit, never below the start unless the limit was."""
    room, now = Headroom(), 0.0
    for past_s, peak in looks:
        now += past_s
        room.began(peak)
        kept = room.keep(now, limit, start)
        assert min(limit, start) <= kept <= limit
        limit = kept
