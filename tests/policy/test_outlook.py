"""The outlook: a band that holds four times in five, no number where nobody knows one, and nothing learnt of a pause."""

from __future__ import annotations

from math import exp
from random import Random

import hypothesis.strategies as st
import pytest
from hypothesis import given

from sidecar.policy.outlook import STALLED, TOO_EARLY, Band, Forecasts, Pace, speed

MANY = 100_000


def steady(per_s: float, seconds: int, pace: Pace | None = None, begin: int = 0) -> Pace:
    """Return a pace that was told the same each second."""
    pace, owed = pace or Pace(), 0.0
    for second in range(begin, begin + seconds + 1):
        owed += per_s
        pace.tell(float(second), int(owed))
        owed -= int(owed)
    return pace


def band(ahead: int, pace: Pace, now: float, forecasts: Forecasts) -> Band:
    """Return what somebody is told with so many before him."""
    said = speed(pace, now)
    return said if isinstance(said, Band) else forecasts.band((ahead + 1) / said)


class Line:
    """People who are called at random times, `per_s` a second on average; each is told a band when it has so many before him."""

    def __init__(self, seed: int, per_s: float) -> None:
        self.rng, self.per_s = Random(seed), per_s
        self.pace, self.forecasts = Pace(), Forecasts()
        self.now, self.called = 0.0, 0
        self.told: dict[int, tuple[float, Band]] = {}
        self.held = self.due = 0

    def second(self, asks: range) -> None:
        """Call those of one second, and tell some of the others."""
        self.now += 1.0
        count = sum(self.rng.random() < self.per_s / 200 for _ in range(200))
        for number in range(self.called, self.called + count):
            self.forecasts.come(self.now, number)
            if number in self.told:
                at, said = self.told.pop(number)
                assert said.low_s is not None
                assert said.high_s is not None
                self.due += 1
                self.held += said.low_s <= self.now - at <= said.high_s
        self.called += count
        self.pace.tell(self.now, count)
        for ahead in asks:
            number, said = self.called + ahead, band(ahead, self.pace, self.now, self.forecasts)
            if number not in self.told and said.eta_s is not None:
                self.told[number] = self.now, said
                self.forecasts.watch(self.now, number, said.plain_s)


@pytest.mark.unmeasured
@pytest.mark.parametrize("per_s", [1.0, 5.0])
def test_the_band_holds_about_four_times_in_five(per_s: float) -> None:
    """Of people who are called at random times at one pace: 60 to 93 % of all bands of four sales together, once there is something to
    learn from. One sale alone says little: forecasts of minutes that overlap err together.
    """
    due = held = 0
    for seed in range(1, 5):
        line = Line(seed, per_s)
        for second in range(3600):
            line.second(range(int(20 * per_s), int(400 * per_s), int(23 * per_s)) if second % 5 == 0 else range(0))
            if second == 900:
                line.told.clear()
                line.due = line.held = 0
        due, held = due + line.due, held + line.held
    assert due > 4000
    assert 0.6 < held / due < 0.93


def test_where_nobody_knows_it_says_why() -> None:
    """Too early before twenty were called, stalled where nearly none are, and a number else."""
    pace, forecasts = Pace(), Forecasts()
    assert band(10, pace, 0.0, forecasts) == Band(None, reason=TOO_EARLY)
    steady(1.0, 19, pace)
    assert band(10, pace, 19.0, forecasts).reason == TOO_EARLY
    pace = steady(1.0, 21)
    assert band(10, pace, 21.0, forecasts).reason is None
    assert band(10, pace, 21.0 + 600.0, forecasts) == Band(None, reason=STALLED), (
        "nobody has been told of for ten minutes"
    )
    steady(0.0, 2000, pace, begin=22)
    assert band(10, pace, 2022.0, forecasts).reason == STALLED


@given(st.floats(0.05, 500), st.integers(0, MANY))
def test_the_middle_is_people_by_pace(per_s: float, ahead: int) -> None:
    """Whole seconds at both ends, outwards, the middle between them."""
    pace = steady(per_s, max(60, round(30 / per_s)))
    said = band(ahead, pace, pace._at or 0.0, Forecasts())
    assert said.eta_s is not None
    assert said.low_s is not None
    assert said.high_s is not None
    assert said.plain_s == pytest.approx((ahead + 1) / pace.per_s)
    assert said.low_s <= said.eta_s <= said.high_s
    assert said.low_s == int(said.low_s)
    assert said.high_s == int(said.high_s)
    assert said.low_s <= said.plain_s <= said.high_s


@pytest.mark.parametrize("seconds", [2, 5, 20, 60, 300, 900])
def test_a_young_pace_is_the_mean_of_what_it_has_seen(seconds: int) -> None:
    """From the first second on: nobody is told twice the time because the average began at nothing."""
    assert steady(50.0, seconds).per_s == pytest.approx(50.0, rel=0.001)


def test_a_change_of_pace_is_followed() -> None:
    """Half of it within two minutes, nearly all in a quarter of an hour."""
    pace = steady(10.0, 600)
    steady(2.0, 120, pace, begin=601)
    assert 3.0 < pace.per_s < 6.0
    steady(2.0, 900, pace, begin=722)
    assert pace.per_s == pytest.approx(2.0, rel=0.1)


def test_time_that_does_not_move_is_no_pace() -> None:
    """Told twice in a moment, or of an earlier one, it learns nothing."""
    pace = steady(1.0, 30)
    before = pace.per_s
    pace.tell(30.0, 1000)
    pace.tell(29.0, 1000)
    assert pace.per_s == before


def test_a_pause_is_forgotten() -> None:
    """After it the pace begins anew, and what people had been told is nobody's error: bands are as they were."""
    line = Line(5, 2.0)
    for _ in range(600):
        line.second(range(10, 400, 20))
    bands = [line.forecasts.band(plain_s) for plain_s in (5.0, 20.0, 60.0, 200.0, 900.0)]
    line.forecasts.clear()
    line.pace.forget()
    line.now += 3600.0
    assert line.pace.per_s_at(line.now) == 0.0
    assert band(5, line.pace, line.now, line.forecasts).reason == TOO_EARLY
    told = line.forecasts.told
    for number in range(line.called, line.called + 500):
        line.forecasts.come(line.now, number)
    assert line.forecasts.told == told
    assert [line.forecasts.band(plain_s) for plain_s in (5.0, 20.0, 60.0, 200.0, 900.0)] == bands


def test_an_error_widens_the_band_of_its_horizon_alone() -> None:
    """Far forecasts that fail say nothing of the near ones."""
    forecasts = Forecasts()
    near, far = forecasts.band(15.0), forecasts.band(200.0)
    for number in range(100):
        forecasts.watch(number * 10.0, number, 200.0)
        forecasts.come(number * 10.0 + 800.0, number)
    assert forecasts.band(15.0) == near
    said = forecasts.band(200.0)
    assert said.eta_s is not None
    assert far.eta_s is not None
    assert said.eta_s == pytest.approx(800.0, rel=0.01)


def test_no_band_is_wider_than_says_something() -> None:
    """A forecast of ten seconds that took an hour counts as seven times wrong."""
    forecasts = Forecasts()
    for number in range(100):
        forecasts.watch(number * 10.0, number, 20.0)
        forecasts.come(number * 10.0 + 36_000.0, number)
    assert forecasts.band(20.0).high_s == pytest.approx(20.0 * exp(2.0), abs=1.0)


def test_the_first_thing_that_somebody_was_told_stands() -> None:
    """Later ones are nearer and easier; those of less than a second are none."""
    forecasts = Forecasts()
    forecasts.watch(0.0, 1, 100.0)
    forecasts.watch(90.0, 1, 10.0)
    forecasts.watch(0.0, 2, 0.5)
    forecasts.drop(3)
    forecasts.come(100.0, 1)
    forecasts.come(100.0, 2)
    assert (forecasts.told, forecasts.held) == (1, 1)
    forecasts.watch(0.0, 4, 100.0)
    forecasts.drop(4)
    forecasts.come(100.0, 4)
    assert forecasts.told == 1


def test_people_who_never_come_back_do_not_end_its_learning() -> None:
    """However many have closed the page: what is waited for is bounded, and there is room again when their time is long over."""
    forecasts = Forecasts()
    for seq in range(1000):
        forecasts.watch(0.0, seq, 20.0)
    assert len(forecasts._watched) == 512
    for seq in range(2000, 3000):
        forecasts.watch(10.0 + seq / 1000, seq, 20.0)
    assert all(seq < 1000 for seq in forecasts._watched), "their time is not over"
    for seq in range(3000, 4000):
        forecasts.watch(20.0 * 7.5 + seq / 1000, seq, 20.0)
    assert len(forecasts._watched) == 512
    assert all(seq >= 3000 for seq in forecasts._watched)
