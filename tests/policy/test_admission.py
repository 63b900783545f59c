"""Admission: never more than there is room for, slowly after a pause or a break, no burst, and nobody for a backend that is cut off."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given

from sidecar.policy.admission import RAMP_S, Admission, Backing

TICK_S = 0.25
FREE = Backing(limit=16)
CUT_OFF = Backing(open=False)


def run(
    admission: Admission, seconds: float, *, begin: float = 0.0, active: int = 0, backing: Backing = FREE
) -> list[int]:
    """Ask four times a second while nobody comes or goes, and everybody who is called comes at once and is gone."""
    called = []
    for tick in range(round(seconds / TICK_S) + 1):
        now = begin + tick * TICK_S
        count = admission.ask(now, active, backing)
        for _ in range(count):
            admission.comings.over(now, now, came=True)
        called.append(count)
    return called


def filled(
    admission: Admission, seconds: float, *, begin: float = 0.0, backing: Backing = FREE, active: int = 0
) -> int:
    """Ask while all who are called come at the next tick and stay; returns how many are in."""
    waiting: list[float] = []
    for tick in range(round(seconds / TICK_S) + 1):
        now = begin + tick * TICK_S
        for at in waiting:
            admission.comings.over(at, now, came=True)
        active += len(waiting)
        waiting = [now] * admission.ask(now, active, backing)
    return active + len(waiting)


@pytest.mark.parametrize("most", [1, 2, 10, 200, 2600])
def test_a_room_fills_to_its_target(most: int) -> None:
    """And no further while nobody goes, however long it is asked."""
    admission = Admission(most, None)
    assert filled(admission, 120.0) == most
    assert run(admission, 10.0, begin=121.0, active=most) == [0] * 41
    assert repr(admission).startswith(f"<Admission {most} of {most} at once, ")


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 600), st.integers(0, 500), st.booleans()), max_size=60))
def test_never_more_than_target_and_ends_allow(asks: list[tuple[int, int, int, bool]]) -> None:
    """Whatever the backend does: expected to come are no more than there is room for, and half a room that is about to end."""
    admission, now = Admission(200, None), 0.0
    for active, in_flight, queued, is_open in asks:
        now += TICK_S
        admission.comings.tick(now)  # what is learnt in this second, before it is asked
        expected = admission.comings.expected(now)
        count = admission.ask(now, active, Backing(is_open, 16, in_flight, queued))
        assert count >= 0
        assert 10.0 <= admission.target <= 200.0
        assert admission.ahead <= 100.0
        if count:
            assert is_open
            assert active + expected + count * admission.comings.part <= admission.target + admission.ahead + 1e-6


def test_no_shows_are_called_over() -> None:
    """Where half of the called do not come, twice as many are called."""
    admission = Admission(100, None)
    now, out = 0.0, []
    for tick in range(4 * 600):
        now = tick * TICK_S
        for at, number in [each for each in out if now - each[0] >= (2.0 if each[1] % 2 else 150.0)]:
            admission.comings.over(at, now, came=bool(number % 2))
        out = [each for each in out if now - each[0] < (2.0 if each[1] % 2 else 150.0)]
        out += [(now, number) for number in range(admission.ask(now, 96, FREE))]
    assert admission.comings.part < 0.65
    fresh = Admission(100, None)
    fresh.comings = admission.comings
    fresh.comings.clear()
    fresh.ask(now, 0, FREE)
    assert sum(fresh.ask(now + 1.0, 0, FREE) for _ in range(1)) > 0
    assert filled(Admission(100, None), 30.0) == 100


@pytest.mark.parametrize("rate", [None, 0.1, 5.0, 50.0])
def test_a_backend_that_is_cut_off_gets_nobody(rate: float | None) -> None:
    """Not even after an hour; and what has gathered meanwhile is no more than a moment's worth."""
    admission = Admission(200, rate)
    run(admission, 5.0, backing=CUT_OFF)
    assert sum(run(admission, 3600.0, begin=6.0, backing=CUT_OFF)) == 0
    assert sum(run(admission, 0.25, begin=3606.25)) <= 4


def test_a_line_that_is_nearly_full_calls_fewer_and_then_nobody() -> None:
    """From two fifths on fewer, from four fifths on nobody, with the buyers in the line having the rest to themselves."""
    for queued, part in ((0, 1.0), (200, 1.0), (300, 0.5), (400, 0.0), (500, 0.0)):
        backing = Backing(limit=16, queued=queued)
        assert backing.part == pytest.approx(part)
        assert sum(run(Admission(10_000, 40.0), 10.0, backing=backing)) == pytest.approx(400 * part, abs=1)
    assert Backing(queue_size=0, queued=1).part == 0.0
    assert Backing(limit=0, queued=3).rounds == 3.0


@pytest.mark.parametrize("rate", [0.1, 1.0, 7.0, 50.0])
def test_the_rate_holds(rate: float) -> None:
    """Over every stretch, to within what may gather in a second."""
    called = run(Admission(100_000, rate), 120.0)
    assert sum(called) == pytest.approx(rate * 120.0, abs=1.0)
    for seconds in (1, 10, 60):
        ticks = round(seconds / TICK_S)
        most = max(sum(called[at : at + ticks]) for at in range(len(called) - ticks))
        assert most <= rate * seconds + max(1.0, rate)


def test_credit_does_not_burst() -> None:
    """A room that had nobody to call for an hour, or a process that stood still: a second's worth, at once, and then the rate."""
    admission = Admission(100_000, 50.0)
    admission.ask(0.0, 200_000, FREE)
    assert admission.ask(3600.0, 0, FREE) == 50
    assert admission.ask(3600.0, 0, FREE) == 0
    assert sum(run(admission, 10.0, begin=3600.0)) == 500


@pytest.mark.parametrize("rate", [None, 0.1, 0.5, 5.0, 50.0, 1000.0])
def test_a_slow_start_is_slow(rate: float | None) -> None:
    """A third of the way at most after ten seconds, all the way after thirty, and never faster than without."""
    plain, slow = Admission(600, rate), Admission(600, rate)
    slow.slow_start(0.0)
    usual, slowly = run(plain, 29.75), run(slow, 29.75)
    assert sum(slowly) <= sum(usual)
    at = round(10.0 / TICK_S)
    assert sum(slowly[:at]) <= max(600 / RAMP_S * 10.0, 10.0 * (rate or 0.0) / 3.0) + 1
    assert sum(slowly) > 0 or rate == 0.1
    again, ever = run(slow, 20.0, begin=40.0), run(plain, 20.0, begin=40.0)
    assert sum(again) == pytest.approx(sum(ever), abs=1)


def test_a_backend_that_is_back_gets_a_slow_start() -> None:
    """A breaker that closes lets nobody in by the roomful."""
    admission = Admission(600, None)
    assert filled(admission, 30.0) == 600
    run(admission, 60.0, begin=31.0, backing=CUT_OFF)
    assert sum(run(admission, 10.0, begin=91.25)) <= 600 / RAMP_S * 10.25 + 1
    assert sum(run(admission, 10.0, begin=130.0)) > 1200


def test_where_the_backend_has_a_line_fewer_are_in() -> None:
    """It goes towards what the backend can do, never to nothing; and back again when the line is gone."""
    admission, now, active = Admission(200, None), 0.0, 200
    for _ in range(4 * 300):
        now += TICK_S
        admission.ask(now, active, Backing(limit=4, in_flight=4, queued=100))
        if now % 1.0 == 0.0:
            admission.ended(2)
            active = round(admission.target)
    assert 10.0 <= admission.target < 150.0
    low = admission.target
    for _ in range(4 * 400):
        now += TICK_S
        admission.ask(now, round(admission.target), Backing(limit=4, in_flight=1))
    assert admission.target > low
    assert admission.target <= 200.0
    assert admission.seen == 600


def test_nobody_was_there_after_all() -> None:
    """Who was not called is not expected."""
    admission = Admission(100, None)
    admission.ask(0.0, 0, FREE)
    count = admission.ask(1.0, 0, FREE)
    assert count == 100
    admission.fewer(1.0, count)
    assert admission.comings.expected(1.0) == 0.0


def test_a_clock_that_does_not_move_calls_nobody() -> None:
    """Credit comes of time alone."""
    admission = Admission(100, 10.0)
    assert [admission.ask(5.0, 0, FREE) for _ in range(100)] == [0] * 100
