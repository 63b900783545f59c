"""The limit that finds itself, in trouble: drops, silences and the way back, slow starts, nights and bounds."""

from __future__ import annotations

from sidecar.policy.adaptive import Adaptive, Why
from sidecar.policy.limiter import Sample
from tests.support.crowd import ALONE_S, Crowd, begun, counts, knee_at, settled


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


def test_bounds_in_the_middle_of_a_slow_start_bound_its_end() -> None:
    """It goes on climbing from where it is, to the new most; a least that is above where it is holds at once."""
    crowd = settled(20)
    crowd.limiter.slow_start(crowd.now, over_s=20.0)
    crowd.limiter.pulse(crowd.now + 10)
    assert crowd.limiter.limit == 10
    crowd.limiter.bound(1, 15)
    assert (crowd.limiter.limit, crowd.limiter.climbing) == (10, True)
    crowd.limiter.pulse(crowd.now + 12)
    assert crowd.limiter.limit == 12
    crowd.limiter.bound(14, 15)
    assert crowd.limiter.limit == 14
    crowd.limiter.pulse(crowd.now + 13)
    assert crowd.limiter.limit == 14
    crowd.limiter.pulse(crowd.now + 20)
    assert (crowd.limiter.limit, crowd.held(), crowd.limiter.climbing) == (15, 15, False)


def test_bounds_below_what_was_climbed_to_hold_at_once() -> None:
    """And no clock takes it down again."""
    crowd = settled(20)
    crowd.limiter.slow_start(crowd.now, over_s=20.0)
    crowd.limiter.pulse(crowd.now + 18)
    crowd.limiter.bound(1, 15)
    assert crowd.limiter.limit == 15
    for second in (18.5, 19, 20, 21):
        crowd.limiter.pulse(crowd.now + second)
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


def test_drops_cut_what_is_in_force_or_what_is_held_whichever_is_less() -> None:
    """Seven tenths of home in a trial above, seven tenths of the trial below; never less than the least."""
    assert counts(begun(), 16).drops(3, seconds=0.1).held() == 5
    assert counts(begun(8, most=8), 16).drops(3, seconds=0.1).held() == 4
    crowd = begun()
    crowd.limiter.bound(8, 200)
    assert counts(crowd, 10).drops(3, seconds=0.1).held() == 8


def test_a_silence_that_goes_on_takes_no_more_of_the_way_back() -> None:
    """Each drop at the least is the breaker's; what was proved before is still gone back to."""
    crowd = settled(20)
    for _ in range(3):
        crowd.now += 8.5
        crowd.drops(3)
    assert crowd.limiter.state()["limit"] in (13, 14, 15)


def test_a_silence_at_the_least_promises_no_way_back() -> None:
    """Whoever came down by an idle night has nothing to go back to, whatever was proved the evening before."""
    crowd = Crowd(Adaptive(2, 2, 200), knee_at(20)).sends(60)
    crowd.whiles(600, in_flight=1, every_s=1.0)
    assert crowd.limiter.limit == 2
    crowd.now += 8.5
    crowd.drops(3)
    assert crowd.limiter.state()["limit"] == 2


def test_drops_on_the_way_back_end_it() -> None:
    """From there on it is found anew, step by step."""
    crowd = settled(20)
    crowd.now += 8.5
    crowd.drops(3)
    counts(counts(crowd, 8), 8)
    counts(crowd, 7)
    while crowd.limiter.limit == 4:
        crowd.drops(1, seconds=0.01)
    assert (crowd.limiter.limit, crowd.limiter.state()["limit"]) == (2, 2)
    counts(crowd, 16)
    assert (crowd.limiter.limit, crowd.limiter.why) == (3, Why.RAMP)


def test_a_trial_that_the_crowd_left_is_not_gone_on_with() -> None:
    """When people are back it begins anew, and what it had seen decides nothing."""
    crowd = counts(counts(begun(), 16), 15).whiles(3.0, in_flight=1)
    assert crowd.limiter.limit == 8
    counts(crowd, 20)
    assert (crowd.limiter.limit, crowd.held()) == (12, 8)


def test_a_least_that_was_raised_in_a_silence_has_a_step_to_go() -> None:
    """What was too much before the silence is less than the least now: one more is tried, then a probe looks further."""
    crowd = counts(begun(20), 16)
    crowd.now += 8.5
    crowd.drops(3)
    crowd.limiter.bound(30, 200)
    crowd.limiter._variance = 1e-6
    counts(crowd, 16)
    assert (crowd.limiter.limit, crowd.held()) == (31, 30)
    counts(crowd, 16)
    counts(crowd, 1)
    assert (crowd.limiter.limit, crowd.held()) == (36, 31)
