"""The limit that finds itself, call by call: how many it takes to be sure of a step, and what each of its numbers is for."""

from __future__ import annotations

import math

import pytest

from sidecar.policy.adaptive import Adaptive, Why
from sidecar.policy.limiter import Fixed, Sample
from tests.support.crowd import ALONE_S, Crowd, begun, counts


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
    began = rest_at = crowd.now
    home = crowd.held()
    while len(seen) < number:
        assert crowd.now - began < 600, f"no more than {seen} in ten minutes"
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


def test_elasticity_is_the_part_of_a_step_that_calls_take_longer() -> None:
    """A twentieth longer for half as much again is an eighth of it; down as up."""
    crowd = counts(counts(begun(), 16), 16, longer=0.05)
    assert crowd.limiter.elasticity == pytest.approx(0.05 / math.log(1.5))
    crowd = counts(counts(begun(8, most=8), 16), 16, longer=1.0)
    assert crowd.held() == 8
    assert crowd.limiter.elasticity == pytest.approx(-1.0 / math.log(8 / 6))


def test_a_trial_begins_with_the_calls_of_the_last_minute() -> None:
    """A hundred and fifty calls of the rest weigh against it, however long the rest was."""
    crowd = known(waiting=9)
    crowd.says(ALONE_S, 8)
    assert crowd.limiter.limit == 12
    assert crowd.limiter._here.calls == pytest.approx(150.0)


@pytest.mark.parametrize(("fresh", "cut"), [(0.7, False), (0.8, True), (-0.8, False)])
def test_a_sudden_shift_is_believed_if_fresh_calls_show_half_of_it(fresh: float, cut: bool) -> None:
    """Less was one bad second; and sixteen fresh calls say so."""
    crowd = counts(known(), 24, longer=1.5)
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


def test_a_doubt_ends_the_trial_that_it_came_in() -> None:
    """Its calls are of another minute: once the doubt is cleared a new one begins."""
    crowd = counts(begun(waiting=0), 47)
    crowd.waiting = 9
    counts(counts(crowd, 1), 84, longer=math.log(1.5) / 1.4)
    assert (crowd.limiter.limit, crowd.held()) == (8, 8), "nothing is gained or lost: by now it is home's turn"
    counts(counts(crowd, 24, longer=1.5), 16)
    assert crowd.limiter.limit == 8
    counts(crowd, 1)
    assert (crowd.limiter.limit, crowd.limiter.why) == (12, Why.RAMP)


def test_slower_calls_at_the_least_move_nothing() -> None:
    """There is no less to try, however long it goes on."""
    crowd = known()
    crowd.limiter.bound(8, 200)
    counts(crowd, 24, longer=1.0)
    for _ in range(20):
        counts(crowd, 16, longer=1.0)
    assert (crowd.limiter.epoch, crowd.limiter.elasticity) == (0, None)


def test_after_a_cut_in_vain_the_next_step_is_a_ramps() -> None:
    """Nothing is known of what is above, now that calls take another time."""
    crowd = counts(counts(known(), 24, longer=0.9), 16, longer=0.9)
    assert (crowd.limiter.limit, crowd.limiter.why) == (5, Why.CUT)
    counts(crowd, 16, longer=0.9)
    assert (crowd.limiter.limit, crowd.held()) == (8, 8)
    crowd.waiting = 9
    counts(crowd, 1, longer=0.9)
    assert (crowd.limiter.limit, crowd.limiter.why) == (12, Why.RAMP)


def test_how_much_times_vary_is_learnt_from_a_hundred_calls() -> None:
    """Each by how far it is from those of its kind before it; the first of a kind says nothing."""
    crowd = begun()
    crowd.limiter.bound(8, 8)
    for number in range(100):
        crowd.operation = f"Get{number}"
        counts(counts(crowd, 1), 1, longer=1.0)
    assert 0.7 < crowd.limiter._variance < 0.75


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


def test_a_sure_shift_is_as_great_as_the_calls_that_show_it() -> None:
    """A hundred and sixty-eight calls that take half as long again cut by a fifth, however many came before them."""
    crowd = counts(begun(40, waiting=0), 312)
    for _ in range(7):
        crowd.limiter._variance = 0.25  # so much that two dozen of them are no sudden shift
        counts(crowd, 24, longer=0.4)
    assert (crowd.limiter.limit, crowd.limiter.why) == (32, Why.CUT)


def test_trouble_that_a_cut_does_not_mend_is_not_ours() -> None:
    """Nothing of it is left once half the limit was no better, nor once more than before was."""
    crowd = counts(counts(known(), 24, longer=1.0), 16, longer=1.0)
    assert (crowd.limiter.limit, crowd.limiter._left) == (4, pytest.approx(1.0))
    counts(crowd, 16, longer=1.0)
    assert (crowd.held(), crowd.limiter._left) == (8, 0.0)
    crowd = counts(counts(begun(), 16), 16)
    assert (crowd.held(), crowd.limiter._left) == (12, 0.0)


def test_a_cut_that_mends_more_than_all_leaves_nothing() -> None:
    """Drops a moment later are a trouble of their own, which halves."""
    crowd = counts(counts(known(), 24, longer=1.0), 16, longer=1.0)
    counts(crowd, 16, longer=-0.2)
    assert (crowd.limiter.limit, crowd.held()) == (4, 4)
    counts(crowd.drops(2, seconds=0.1), 1, longer=-0.2)
    assert (crowd.limiter.limit, crowd.limiter.why) == (2, Why.CUT)


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


def test_what_wins_makes_the_next_rest_a_short_one() -> None:
    """Whoever has moved looks around at once, and again after four seconds."""
    crowd = at_rest()
    trials(crowd, 5, longer=1.0)
    while crowd.held() == 8:
        crowd.now += 0.1
        crowd.says(ALONE_S, crowd.limiter.limit)
    seen = trials(crowd, 5, longer=1.0)
    assert [tried for _, tried in seen] == [15, 12, 11, 9, 12]
    assert [rest for rest, _ in seen] == pytest.approx([0.0, 0.0, 0.0, 0.0, 4.0], abs=0.7)


def test_it_rests_only_once_both_neighbours_have_lost() -> None:
    """With the lower one known the steps above follow upon each other."""
    crowd = begun()
    crowd.limiter._bracket.low = 7
    counts(crowd, 15)
    seen = trials(crowd, 4, longer=1.0)
    assert [tried for _, tried in seen] == [12, 10, 9, 10]
    assert [rest for rest, _ in seen] == pytest.approx([0.0, 0.0, 0.0, 4.0], abs=0.7)


def test_who_was_at_rest_takes_small_steps_into_new_room() -> None:
    """A most that is raised is no reason to begin again with the ramp."""
    crowd = at_rest()
    crowd.limiter.bound(1, 8)
    crowd.limiter._bracket.high = None
    trials(crowd, 1, longer=1.0)
    while crowd.limiter.limit != 8:
        crowd.now += 0.1
        crowd.says(ALONE_S * math.e, crowd.limiter.limit)
    crowd.limiter.bound(1, 200)
    crowd.now += 20.0
    counts(crowd, 1)
    assert (crowd.limiter.limit, crowd.limiter.why) == (9, Why.SEARCH)


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
    crowd.now = began + 30.0
    crowd.says(ALONE_S * math.exp(0.12), 12)
    assert (crowd.limiter.limit, crowd.held()) == (12, 8)
    crowd.now = began + 30.1
    crowd.says(ALONE_S * math.exp(0.12), 12)
    assert (crowd.limiter.limit, crowd.held()) == (12, 12)


def test_numbers_for_people_have_two_places() -> None:
    """A ratio of 1.2346 is 1.23."""
    made = Adaptive(1, 8, 64)
    made._crowding, made.elasticity = math.log(1.2346), 0.6789
    said = dict(made.numbers())
    assert (said["ratio"], said["elasticity"]) == (1.23, 0.68)
