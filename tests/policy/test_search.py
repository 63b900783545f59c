"""Which limit is tried next, and when a trial is over: tables, and a backend with a knee that is found in a handful of trials."""

from __future__ import annotations

import math

import hypothesis.strategies as st
import pytest
from hypothesis import given

from sidecar.policy.baseline import Spell
from sidecar.policy.search import BOLD, CAREFUL, TRIAL_MOST, Bracket, Trial, Verdict, step


def bracket(home: int, low: int | None = None, high: int | None = None, grow: float = 0.5) -> Bracket:
    made = Bracket(home, grow)
    made.low, made.high = low, high
    return made


@pytest.mark.parametrize(("limit", "least"), [(1, 1), (20, 1), (49, 1), (60, 2), (200, 6)])
def test_the_smallest_step_is_three_per_cent(limit: int, least: int) -> None:
    """One, until three per cent of the limit are more."""
    assert step(limit) == least


@pytest.mark.parametrize(
    ("home", "high", "grow", "most", "above"),
    [
        (8, None, 0.5, 200, 12),
        (8, None, 0.5, 10, 10),
        (8, None, 0.5, 8, None),
        (1, None, 0.5, 200, 2),
        (60, None, 0.01, 200, 62),
        (18, 27, 0.5, 200, 22),
        (18, 20, 0.5, 200, 19),
        (18, 19, 0.5, 200, None),
        (100, 103, 0.5, 200, None),
        (100, 104, 0.5, 200, 103),
        (18, 27, 0.5, 20, 20),
    ],
)
def test_what_is_tried_above(home: int, high: int | None, grow: float, most: int, above: int | None) -> None:
    """A bold step where nothing above has lost, else half-way to what has; nothing once they are neighbours or there is no room."""
    assert bracket(home, high=high, grow=grow).above(most) == above


@pytest.mark.parametrize(
    ("home", "low", "least", "below"),
    [
        (20, None, 1, 17),
        (20, None, 18, 18),
        (20, None, 20, None),
        (1, None, 1, None),
        (2, None, 1, 1),
        (20, 12, 1, 16),
        (20, 18, 1, 19),
        (20, 19, 1, None),
        (100, 97, 1, None),
        (100, 96, 1, 97),
        (20, 12, 17, 17),
    ],
)
def test_what_is_tried_below(home: int, low: int | None, least: int, below: int | None) -> None:
    """The mirror image, with the step of a probe where nothing below has lost."""
    assert bracket(home, low=low).below(least) == below


@pytest.mark.parametrize(
    ("home", "up", "limit"),
    [(20, True, 23), (20, False, 17), (1, True, 2), (1, False, 1), (200, True, 200), (8, True, 10)],
)
def test_a_probe_is_a_wider_step_within_the_bounds(home: int, up: bool, limit: int) -> None:
    """Fifteen per cent, rounded away from home."""
    assert bracket(home).probe(up=up, least=1, most=200) == limit


@pytest.mark.parametrize(
    ("home", "longer", "least", "limit"),
    [
        (20, math.log(2.56), 1, 12),
        (20, 9.0, 1, 10),
        (20, 0.01, 1, 17),
        (20, 0.0, 1, 10),
        (20, 9.0, 15, 15),
        (2, 0.01, 1, 1),
    ],
)
def test_a_cut_goes_to_where_the_knee_would_be(home: int, longer: float, least: int, limit: int) -> None:
    """The time grows with the square of the limit: 2.56 times as long is a knee at 5/8; at most half, at least an eighth."""
    assert bracket(home).cut(longer, least) == limit


def test_what_has_won_is_home_and_the_old_home_bounds_it() -> None:
    """A win above makes the old home the lower bound, one below the upper; a bound that was passed is forgotten."""
    here = bracket(20, low=16, high=30)
    assert repr(bracket(20)) == "<Bracket ? < 20 < ?>"
    here.won(25)
    assert (here.low, here.home, here.high) == (20, 25, 30)
    assert repr(here) == "<Bracket 20 < 25 < 30>"
    here.won(30)
    assert (here.low, here.home, here.high) == (25, 30, None)
    here.won(27)
    assert (here.low, here.home, here.high) == (25, 27, 30)
    here.won(25)
    assert (here.low, here.home, here.high) == (None, 25, 27)
    assert repr(here) == "<Bracket ? < 25 < 27>"


@pytest.mark.parametrize(("home", "won", "grow"), [(20, 21, 0.1), (100, 101, 0.1), (20, 24, 0.4), (20, 40, 0.5)])
def test_each_win_above_makes_the_next_step_bolder(home: int, won: int, grow: float) -> None:
    """Twice the step, between a tenth and a half."""
    here = bracket(home)
    here.won(won)
    assert here.grow == pytest.approx(grow)


def test_of_two_losers_the_nearer_one_bounds() -> None:
    """A wider loss says nothing new."""
    here = bracket(20)
    for lost in (30, 25, 28, 12, 15, 10):
        here.lost(lost)
    assert (here.low, here.high) == (15, 25)


@given(st.integers(1, 300), st.floats(1.0, 3.0), st.integers(1, 300))
def test_a_sharp_knee_is_found(knee: int, power: float, start: int) -> None:
    """Where times are even, the bracket closes on the knee to within a step, from any start, and does not go in circles."""

    def score(limit: int) -> float:
        return math.log(limit) - 1.4 * (power * math.log(limit / knee) if limit > knee else 0.0)

    here = Bracket(start)
    trials = 0
    while tried := here.above(300) or here.below(1):
        trials += 1
        assert trials <= 80
        (here.won if score(tried) > score(here.home) else here.lost)(tried)
    assert abs(here.home - knee) <= step(knee)


def spell(taken: float, calls: int) -> Spell:
    made = Spell()
    for _ in range(calls):
        made.add("A", taken)
    return made


def trial(taken: float, calls: int, limit: int = 12, evidence: tuple[float, float] = CAREFUL) -> Trial:
    made = Trial(0.0, 8, limit, evidence)
    made.spell = spell(taken, calls)
    return made


def test_half_as_much_again_at_the_same_time_wins() -> None:
    """What is gained is the logarithm of the step, less the power of what calls take longer."""
    verdict = trial(0.0, 50).look(spell(0.0, 50), 0.1)
    assert verdict.better is True
    assert verdict.score == pytest.approx(math.log(1.5))
    verdict = trial(0.5, 50).look(spell(0.0, 50), 0.1)
    assert verdict.better is False
    assert verdict.longer == pytest.approx(0.5)
    assert verdict.score == pytest.approx(math.log(1.5) - 0.7)


@pytest.mark.parametrize(
    ("taken", "evidence", "better"),
    [
        (0.10, CAREFUL, None),
        (0.10, BOLD, True),
        (0.42, CAREFUL, False),
        (0.42, BOLD, None),
        (0.29, CAREFUL, None),
        (0.38, CAREFUL, None),
        (0.20, BOLD, None),
        (0.50, BOLD, False),
        (0.02, CAREFUL, True),
    ],
)
def test_the_evidence_must_be_enough(taken: float, evidence: tuple[float, float], better: bool | None) -> None:
    """At 16 calls a side and a variance of a tenth an error is 0.17: two of them to leave, one to stay; boldly one and one and a half."""
    assert trial(taken, 16, evidence=evidence).look(spell(0.0, 16), 0.1).better is better


def test_enough_calls_are_enough() -> None:
    """After 400 calls on either side the sign decides, however little it is; one side alone is not enough."""
    assert trial(0.289, int(TRIAL_MOST)).look(spell(0.0, 400), 100.0).better is True
    assert trial(0.291, int(TRIAL_MOST)).look(spell(0.0, 400), 100.0).better is False
    assert trial(0.291, 400).look(spell(0.0, 399), 100.0).better is None
    assert trial(0.291, 399).look(spell(0.0, 400), 100.0).better is None


def test_nothing_in_common_is_no_evidence() -> None:
    """Two sides that have seen other operations wait for each other."""
    other = Spell()
    other.add("B", 0.0)
    assert trial(0.0, 50).look(other, 0.1) == Verdict(None, 0.0, math.log(1.5))


def test_a_trial_that_is_broken_off_goes_by_what_there_is() -> None:
    """Without enough evidence the sign decides."""
    assert trial(0.28, 16).weigh(spell(0.0, 16)).better is True
    assert trial(0.30, 16).weigh(spell(0.0, 16)).better is False


def test_looks_are_rarer_and_the_sides_take_turns() -> None:
    """The first look after 16 calls, each next at 1.3 times as many; the side that is half as much again ahead makes room."""
    tried, here = trial(0.0, 15), spell(0.0, 20)
    assert not tried.due(here)
    tried.spell.add("A", 0.0)
    assert tried.due(here)
    assert tried.turn(here) == 12
    assert not tried.due(here)
    tried.spell = spell(0.0, 21)
    assert tried.due(here)
    tried.spell = spell(0.0, 30)
    assert tried.turn(here) == 12, "half as much again is not yet ahead"
    tried.spell = spell(0.0, 31)
    assert tried.turn(here) == 8
    assert not tried.away
    assert not tried.due(spell(0.0, 46))
    assert tried.due(spell(0.0, 47))
    assert tried.turn(spell(0.0, 47)) == 12
    assert tried.away
    assert repr(tried) == "<Trial of 12 against 8, 31 calls>"
