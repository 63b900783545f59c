"""Who still comes: learnt from who came and who did not, by the age of the call; forgotten slowly, and never below one in ten."""

from __future__ import annotations

from random import Random

import hypothesis.strategies as st
import pytest
from hypothesis import given

from sidecar.policy.comings import Comings


def audience(comings: Comings, rng: Random, seconds: int, *, part: float, mean_s: float, begin: float = 0.0) -> None:
    """Call ten people a second, of whom a part comes within a while, and the others never do; a call is over after 150 s."""
    out: list[tuple[float, float, bool]] = []
    for tick in range(seconds * 4):
        now = begin + tick / 4
        for called_at, _over_at, came in [each for each in out if each[1] <= now]:
            comings.over(called_at, now, came=came)
        out = [each for each in out if each[1] > now]
        comings.tick(now)
        if tick % 2 == 0:
            comings.called(now, 5)
            for _ in range(5):
                comes = rng.random() < part
                out.append((now, now + min(149.0, rng.expovariate(1 / mean_s)) if comes else now + 150.0, comes))
    for called_at, _, came in out:
        comings.over(called_at, begin + seconds, came=came)


@pytest.mark.unmeasured
@pytest.mark.parametrize("part", [0.3, 0.6, 0.95])
@pytest.mark.parametrize(("mean_s", "within"), [(0.5, 0.2), (2.0, 0.1), (5.0, 0.1), (20.0, 0.1)])
def test_it_learns_how_many_come(part: float, mean_s: float, within: float) -> None:
    """Within a tenth, whether they come soon or take their time; of those who come at once, in less than it looks, within a fifth."""
    comings = Comings()
    audience(comings, Random(5), 600, part=part, mean_s=mean_s)
    assert comings.part == pytest.approx(part, abs=within)


def test_before_anything_was_seen_most_come() -> None:
    """Nine in ten and some; each within ten seconds or so."""
    comings = Comings()
    assert 0.9 < comings.part < 1.0
    assert 2.0 < comings.lag_s < 12.0
    assert repr(comings) == "<Comings 0 called, 97% come>"


@pytest.mark.parametrize("mean_s", [1.0, 10.0])
def test_it_learns_how_long_they_take(mean_s: float) -> None:
    """On average, roughly: ages are few."""
    comings = Comings()
    audience(comings, Random(6), 600, part=0.8, mean_s=mean_s)
    assert mean_s * 0.5 < comings.lag_s < mean_s * 1.6 + 1.0


def test_who_has_not_come_for_a_while_hardly_comes() -> None:
    """A hundred who were called a second ago are nearly a hundred, two minutes later nearly none, after their time none."""
    comings = Comings()
    comings.called(1000.0, 100)
    expected = [comings.expected(1000.0 + age) for age in (0, 1, 5, 20, 60, 130, 600, 3000)]
    assert expected == sorted(expected, reverse=True)
    assert expected[0] > 90
    assert expected[4] < 35
    assert expected[-2:] == [0.0, 0.0]


@pytest.mark.unmeasured
def test_never_fewer_than_one_in_ten() -> None:
    """A network that was down must not let ten rooms' worth of people in."""
    comings = Comings()
    audience(comings, Random(7), 1200, part=0.0, mean_s=1.0)
    assert comings.part == 0.1


@pytest.mark.parametrize("part", [0.3, 0.95])
def test_a_quiet_hour_says_nothing_about_the_next_audience(part: float) -> None:
    """What was seen fades to what was thought before: nobody who is called is no audience that does not come."""
    comings = Comings()
    audience(comings, Random(8), 300, part=part, mean_s=5.0)
    for second in range(301, 4000):
        comings.tick(float(second))
    assert comings.part == pytest.approx(Comings().part, abs=0.02)
    assert comings.lag_s == pytest.approx(Comings().lag_s, rel=0.1)


def test_another_audience_is_learnt_in_minutes() -> None:
    """From nearly all to a third."""
    comings = Comings()
    audience(comings, Random(9), 600, part=0.95, mean_s=5.0)
    audience(comings, Random(10), 400, part=0.33, mean_s=5.0, begin=600.0)
    assert comings.part < 0.5


@given(st.lists(st.tuples(st.floats(0, 400), st.integers(1, 9), st.booleans()), max_size=40))
def test_accounts_come_out_even(calls: list[tuple[float, int, bool]]) -> None:
    """When every call is over nobody is expected, and nothing is kept, in whatever second each was made and ended."""
    comings, now = Comings(), 0.0
    made: list[tuple[float, bool]] = []
    for gap, count, came in calls:
        now += gap
        comings.tick(now)
        comings.called(now, count)
        made += [(now, came)] * count
    for at, came in made:
        comings.over(at, now + 0.75, came=came)
    assert comings.expected(now + 1.0) == 0.0
    assert comings._cohorts == {}


@pytest.mark.unmeasured
def test_what_was_never_closed_is_forgotten() -> None:
    """No call is out for more than an hour."""
    comings = Comings()
    for second in range(0, 20_000, 10):
        comings.called(float(second), 1)
        comings.tick(float(second))
    assert len(comings._cohorts) <= 362


def test_clear_forgets_calls_and_keeps_what_was_learnt() -> None:
    """Calls that are out are expected no more."""
    comings = Comings()
    comings.called(5.0, 10)
    part = comings.part
    comings.clear()
    assert comings.expected(5.0) == 0.0
    assert comings.part == part
