"""The limit that finds itself, call by call: how many it takes to be sure of a step, and what each of its numbers is for."""

from __future__ import annotations

import math

import pytest

from sidecar.policy.adaptive import Adaptive, Why
from sidecar.policy.limiter import Fixed, Sample
from tests.support.crowd import Crowd, knee_at, settled

ALONE_S = 0.1


def begun(start: int = 8, most: int = 200, waiting: int = 9) -> Crowd:
    """Return a house whose limit has seen one call, too soon to count."""
    crowd = Crowd(Adaptive(1, start, most), knee_at(100, ALONE_S), waiting=waiting)
    crowd.says(ALONE_S, start)
    return crowd


def counts(crowd: Crowd, number: int, longer: float = 0.0) -> Crowd:
    """Let so many calls end that began under the limit that stands; `longer` is a logarithm."""
    crowd.now += 2.0
    for _ in range(number):
        crowd.says(ALONE_S * math.exp(longer), crowd.limiter.limit)
    return crowd


def known(waiting: int = 0) -> Crowd:
    """Return a house at rest at eight: 312 calls are known, and nobody wants more as long as nobody waits."""
    crowd = counts(begun(waiting=0), 312)
    crowd.waiting = waiting
    assert crowd.limiter.epoch == 0
    return crowd


def at_rest(home: int = 8) -> Crowd:
    """Return a house whose neighbours have lost."""
    crowd = begun(home)
    crowd.limiter._bracket.low, crowd.limiter._bracket.high = home - 1, home + 1
    return counts(crowd, 15)


def trials(crowd: Crowd, number: int, longer: float) -> list[tuple[float, int]]:
    """Let a call end every tenth of a second, under another limit `longer`; return how long each rest was, and what was tried."""
    seen: list[tuple[float, int]] = []
    rest_at, home = crowd.now, crowd.held()
    while len(seen) < number:
        before = crowd.limiter.limit
        crowd.now += 0.1
        crowd.says(ALONE_S * math.exp(0.0 if before == home else longer), before)
        if before == home != crowd.limiter.limit:
            seen.append((crowd.now - rest_at, crowd.limiter.limit))
        if crowd.limiter._trial is None:
            rest_at = rest_at if before == crowd.limiter.limit else crowd.now
    return seen


def test_sixteen_calls_are_enough_to_try_more() -> None:
    """Fifteen that met the limit are a guess."""
    crowd = counts(begun(), 15)
    assert crowd.limiter.limit == 8
    crowd.says(ALONE_S, 8)
    assert (crowd.limiter.limit, crowd.limiter.why) == (12, Why.RAMP)


def test_nothing_counts_before_a_slow_one_could_be_back() -> None:
    """Three times what a call takes must have passed: sooner only the quick ones are back."""
    crowd = begun()
    for _ in range(50):
        crowd.now = 1000.0 + 1.9 * ALONE_S
        crowd.says(ALONE_S, 8)
    assert crowd.limiter.limit == 8
    for _ in range(16):
        crowd.now = 1000.0 + 2.1 * ALONE_S
        crowd.says(ALONE_S, 8)
    assert crowd.limiter.limit == 12


def test_in_a_crowd_a_slow_one_takes_longer_to_be_back() -> None:
    """Where calls take four times their own time, it is three times that which must have passed."""
    crowd = begun()
    crowd.limiter._crowding = math.log(4.0)
    for after_s, limit in ((11.9, 8), (12.1, 12)):
        crowd.now = 1000.0 + (after_s - 1.0) * ALONE_S
        for _ in range(16):
            crowd.says(4.0 * ALONE_S, 8)
        assert crowd.limiter.limit == limit


def test_what_ran_under_a_number_by_hand_is_no_sample() -> None:
    """It met another limit than the learnt one, even where the two are the same number."""
    crowd = begun()
    crowd.now += 2.0
    for _ in range(50):
        crowd.limiter.tell(crowd.now, Sample("A", ALONE_S, Fixed.epoch, 8), waiting=9)
    assert crowd.limiter.epoch == 0


def test_a_house_that_is_not_full_teaches_nothing_although_people_wait() -> None:
    """Caps of clients may keep places empty: no more is tried, and one person in line is enough to keep what there is."""
    crowd = begun(40, waiting=1)
    crowd.limiter._start = 8
    for _ in range(50):
        crowd.now += 2.0
        crowd.says(ALONE_S, 39)
    assert crowd.limiter.epoch == 0
    for _ in range(50):
        crowd.now += 2.0
        crowd.says(ALONE_S, 5)
    assert crowd.limiter.epoch == 0
    crowd.waiting = 0
    for _ in range(50):
        crowd.now += 2.0
        crowd.says(ALONE_S, 5)
    assert crowd.limiter.why is Why.IDLE


@pytest.mark.parametrize(("early_s", "limit"), [(0.9e-6, 12), (1.1e-6, 8)])
def test_who_began_before_the_limit_stood_does_not_count(early_s: float, limit: int) -> None:
    """Give or take the microsecond by which a start that is worked out may be off."""
    made = Adaptive(1, 8, 64)
    made.restore({"baselines_s": {"A": 1e-6}}, 0.0)
    for late_s in (0.0, *(early_s,) * 15):
        made.tell(1000.0 - late_s, Sample("A", 1.0, 0, 8), waiting=9)
    assert made.limit == limit


@pytest.mark.parametrize(("longer", "held"), [(0.05, 12), (0.12, 8)])
def test_before_it_knows_better_times_vary_by_half_of_themselves(longer: float, held: int) -> None:
    """With 16 calls on either side half as much again wins at once where calls take a twentieth longer, not where it is an eighth."""
    crowd = counts(counts(begun(), 16), 16, longer)
    assert crowd.limiter.limit == 12
    assert crowd.held() == held


def test_a_trial_begins_with_the_calls_of_the_last_minute() -> None:
    """A hundred and fifty calls of the rest weigh against it, however long the rest was."""
    crowd = known(waiting=9)
    crowd.says(ALONE_S, 8)
    assert crowd.limiter.limit == 12
    assert crowd.limiter._here.calls == pytest.approx(150.0)


@pytest.mark.parametrize(("fresh", "cut"), [(0.45, False), (0.55, True), (-0.55, False)])
def test_a_sudden_shift_is_believed_if_fresh_calls_show_half_of_it(fresh: float, cut: bool) -> None:
    """Less was one bad second; and sixteen fresh calls say so."""
    crowd = counts(known(), 24, longer=1.0)
    counts(crowd, 15, longer=fresh)
    assert crowd.limiter.limit == 8
    crowd.says(ALONE_S * math.exp(fresh), 8)
    assert (crowd.limiter.limit < 8) is cut
    assert (crowd.limiter.why is Why.CUT) is cut


def test_calls_that_clear_a_doubt_are_asked_for_nothing_else() -> None:
    """The next look begins after them: eight bad ones that follow are no two dozen."""
    crowd = counts(counts(known(), 24, longer=1.0), 16)
    counts(counts(crowd, 8, longer=3.0), 16, longer=1.0)
    assert crowd.limiter.epoch == 0


def test_how_much_times_vary_is_learnt_from_a_hundred_calls() -> None:
    """Each by how far it is from those of its kind before it; the first of a kind says nothing."""
    crowd = begun()
    crowd.limiter.bound(8, 8)
    for number in range(100):
        crowd.operation = f"Get{number}"
        counts(counts(crowd, 1), 1, longer=1.0)
    assert 0.7 < crowd.limiter._variance < 0.75


def test_a_way_back_that_was_gone_to_its_end_is_over() -> None:
    """The next silence, an hour later, is a first one again: it goes back to seven tenths, not to half of that."""
    crowd = settled(20)
    for _ in range(2):
        crowd.now += 8.5
        crowd.drops(3)
        assert crowd.limiter.limit == 1
        assert crowd.limiter.state()["limit"] in (13, 14, 15)
        crowd.sends(30)
        assert abs(crowd.held() - 20) <= 1


def test_after_a_silence_at_two_it_is_two_that_is_tried() -> None:
    """The least and what was proved are neighbours: what is beyond them is too much, not they."""
    crowd = counts(begun(2), 16)
    crowd.now += 8.5
    crowd.drops(3)
    counts(crowd, 16)
    assert (crowd.limiter.limit, crowd.limiter.why) == (2, Why.SEARCH)


def test_quicker_calls_are_tried_with_a_quarter_more() -> None:
    """There may be room, nobody knows how much: less than the ramp's half, and as boldly."""
    crowd = counts(counts(known(), 24, longer=-1.0), 16, longer=-1.0)
    assert crowd.limiter.limit == 8
    crowd.waiting = 9
    crowd.says(ALONE_S / math.e, 8)
    assert (crowd.limiter.limit, crowd.limiter.why) == (10, Why.RAMP)


@pytest.mark.parametrize(("won", "tried"), [(43, 49), (44, 53)])
def test_a_step_of_a_fifth_at_most_is_no_ramp(won: int, tried: int) -> None:
    """After a small win the next step is small as well, and is weighed with care."""
    crowd = begun(40, most=won)
    crowd.limiter._variance = 0.001
    counts(counts(crowd, 16), 16)
    assert crowd.held() == won
    crowd.limiter.bound(1, 200)
    counts(crowd, 1)
    assert (crowd.limiter.limit, crowd.limiter.why) == (tried, Why.SEARCH)


def test_where_more_is_out_of_reach_it_looks_below() -> None:
    """At the most that is allowed, and where what is above has lost and nobody waits for more."""
    assert counts(begun(8, most=8), 16).limiter.limit == 6
    crowd = begun(waiting=0)
    crowd.limiter._bracket.high = 12
    assert counts(crowd, 16).limiter.limit == 6


def test_who_is_unwell_looks_below_once() -> None:
    """What lost a moment ago is not tried again, although the drops are still fresh."""
    crowd = counts(counts(begun(), 15).drops(2, seconds=0.1), 1)
    assert (crowd.limiter.limit, crowd.limiter.why) == (4, Why.CUT)
    counts(counts(crowd, 16), 1)
    assert crowd.limiter._drops.unwell
    assert (crowd.held(), crowd.limiter.limit) == (8, 12)


def test_who_is_unwell_at_the_least_has_nothing_to_look_for_below() -> None:
    """There the drops are the breaker's."""
    crowd = begun()
    crowd.limiter.bound(8, 200)
    counts(counts(crowd, 15).drops(2, seconds=0.1), 1)
    assert crowd.limiter._drops.unwell
    assert crowd.limiter.limit == 12


@pytest.mark.parametrize(("left", "limit", "why"), [(0.18, 3, Why.CUT), (0.12, 6, Why.SEARCH)])
def test_a_cut_that_did_not_mend_all_of_it_is_followed_by_another(left: float, limit: int, why: Why) -> None:
    """As long as calls take a seventh longer than before the trouble, it is further down that is looked."""
    crowd = counts(counts(known(), 24, longer=1.0), 16, longer=1.0)
    assert (crowd.limiter.limit, crowd.limiter.why) == (4, Why.CUT)
    counts(crowd, 16, longer=left)
    assert (crowd.limiter.limit, crowd.held()) == (4, 4)
    crowd.waiting = 9
    counts(crowd, 1, longer=left)
    assert (crowd.limiter.limit, crowd.limiter.why) == (limit, why)


def test_a_rest_is_longer_each_time_up_to_ten_seconds() -> None:
    """Four seconds, six, nine and ten; three probes go up, the fourth down."""
    seen = trials(at_rest(), 7, longer=1.0)
    assert [tried for _, tried in seen] == [10, 10, 10, 6, 10, 10, 10]
    assert [rest for rest, _ in seen[1:6]] == pytest.approx([4.0, 6.0, 9.0, 10.0, 10.0], abs=0.11)


def test_a_probe_that_nobody_wants_is_left_out() -> None:
    """With nobody in line three rests pass instead of the probes above; the one below is made all the same."""
    crowd = at_rest()
    crowd.waiting = 0
    ((rest_s, tried),) = trials(crowd, 1, longer=1.0)
    assert (rest_s, tried) == (pytest.approx(12.0, abs=0.5), 6)


def test_a_trial_is_over_after_half_a_minute() -> None:
    """Where calls are few the sign decides by then, if there are sixteen."""
    crowd = counts(begun(), 16)
    began = crowd.now
    counts(crowd, 16, longer=0.12)
    crowd.now = began + 29.9
    crowd.says(ALONE_S * math.exp(0.12), 12)
    assert (crowd.limiter.limit, crowd.held()) == (12, 8)
    crowd.now = began + 30.1
    crowd.says(ALONE_S * math.exp(0.12), 12)
    assert (crowd.limiter.limit, crowd.held()) == (12, 12)


def test_each_doubling_on_the_way_back_takes_eight_good_calls() -> None:
    """Seven are not enough."""
    crowd = settled(20)
    crowd.now += 8.5
    crowd.drops(3)
    for limit in (1, 2, 4, 8):
        counts(crowd, 7)
        assert crowd.limiter.limit == limit
        crowd.says(ALONE_S, limit)
        assert crowd.limiter.limit == min(2 * limit, 14)


def test_after_a_slow_start_nothing_is_known_above() -> None:
    """What was too much before a silence is tried anew once the backend has been led back: half as much again."""
    crowd = settled(20)
    home = crowd.held()
    crowd.now += 8.5
    crowd.drops(3)
    crowd.limiter.slow_start(crowd.now, over_s=1.0)
    crowd.now += 1.0
    crowd.limiter.pulse(crowd.now)
    crowd.takes = knee_at(100)
    while crowd.limiter.limit <= home:
        crowd.sends(0.01)
    assert (crowd.limiter.limit, crowd.limiter.why) == (home + round(home / 2), Why.RAMP)


def test_a_slow_start_begins_at_the_least_at_once() -> None:
    """And goes to what is held, proved or not."""
    made = Adaptive(1, 8, 64)
    made.restore({"limit": 40}, 0.0)
    made.slow_start(1000.0, over_s=10.0)
    assert (made.limit, made.why) == (1, Why.SLOW_START)
    made.pulse(1010.0)
    assert made.limit == 40


def test_bounds_that_end_a_slow_start_end_it() -> None:
    """What was climbed to is no longer allowed: the new most holds, and no clock takes it down again."""
    crowd = settled(20)
    crowd.limiter.slow_start(crowd.now)
    crowd.limiter.pulse(crowd.now + 15)
    crowd.limiter.bound(1, 15)
    assert crowd.limiter.limit == 15
    crowd.limiter.pulse(crowd.now + 16)
    assert crowd.limiter.limit == 15


def test_a_home_out_of_bounds_ends_a_trial_that_is_within() -> None:
    """A most between a trial below and its home: it is the most from now on."""
    crowd = settled(20)
    while crowd.limiter.limit >= crowd.held():
        crowd.sends(0.05)
    below = crowd.limiter.limit
    crowd.limiter.bound(1, below + 1)
    assert (crowd.limiter.limit, crowd.held()) == (below + 1, below + 1)


def test_nobody_is_missed_before_a_minute_is_over() -> None:
    """To the second, where calls take no time."""
    made = Adaptive(1, 8, 200)
    made.restore({"limit": 100}, 0.0)
    made.tell(1000.0, Sample("A", 0.0, made.epoch, 1), waiting=0)
    made.pulse(1060.0)
    assert made.limit == 100
    made.pulse(1060.1)
    assert made.limit == 8


def test_a_slow_call_is_remembered_for_fifty_quick_ones() -> None:
    """Ten after one of a hundred seconds leave four fifths of it: three times that and a minute are waited."""
    made = Adaptive(1, 8, 200)
    made.restore({"limit": 100}, 0.0)
    for seconds in (100.0, *(0.1,) * 10):
        made.tell(1000.0, Sample("A", seconds, made.epoch, 1), waiting=0)
    made.pulse(1300.0)
    assert made.limit == 100
    made.pulse(1310.0)
    assert made.limit == 8


def test_who_comes_back_after_a_night_fills_the_limit_before_more_is_tried() -> None:
    """Fourteen calls in a full house say that the night is over; the ones before them count for nothing."""
    crowd = counts(begun(), 10)
    crowd.limiter.pulse(crowd.now + 100)
    crowd.now += 100
    counts(crowd, 18)
    assert crowd.limiter.limit == 8
    crowd.says(ALONE_S, 8)
    assert crowd.limiter.limit == 12


def test_the_most_is_one_at_least() -> None:
    """Bounds of nothing leave one call at a time, and no more."""
    made = Adaptive(0, 0, 0)
    assert dict(made.numbers())["maximum"] == 1
    made.bound(0, 3)
    assert dict(made.numbers())["minimum"] == 1
    made.bound(0, 0)
    assert dict(made.numbers())["maximum"] == 1


def test_numbers_for_people_have_two_places() -> None:
    """A ratio of 1.2346 is 1.23."""
    made = Adaptive(1, 8, 64)
    made._crowding, made.elasticity = math.log(1.2346), 0.6789
    said = dict(made.numbers())
    assert (said["ratio"], said["elasticity"]) == (1.23, 0.68)
