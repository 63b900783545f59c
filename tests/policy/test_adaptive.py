"""The limit that finds itself: before a backend whose times are known, by tables; then every order of everything, by a machine."""

from __future__ import annotations

import itertools
import json
import math

import hypothesis.strategies as st
import pytest
from hypothesis import given
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from sidecar.policy.adaptive import CHANGES, Adaptive, Why
from sidecar.policy.limiter import Sample
from tests.support.crowd import Crowd, knee_at, settled


@pytest.mark.parametrize(
    ("minimum", "start", "maximum", "limit"), [(1, 8, 64, 8), (10, 8, 64, 10), (1, 8, 4, 4), (0, 0, 0, 1), (5, 8, 2, 5)]
)
def test_it_starts_low_and_within_its_bounds(minimum: int, start: int, maximum: int, limit: int) -> None:
    """The start holds until something is known; bounds that contradict give the least, never less than one."""
    made = Adaptive(minimum, start, maximum)
    assert (made.limit, made.epoch, made.why) == (limit, 0, Why.START)
    assert made.at_minimum is (limit == max(1, minimum))


@pytest.mark.parametrize("knee", [1, 2, 4, 8, 12, 20, 60, 150])
def test_it_finds_the_knee(knee: int) -> None:
    """From eight calls at once it comes to within a step of the knee, whatever the knee, and has tried little beyond it."""
    crowd = settled(knee, seconds=30.0 if knee > 3 else 1000.0)  # eight at a knee of one take 64 times as long
    assert abs(crowd.held() - knee) <= max(1, round(0.05 * knee))
    assert max(crowd.limits) <= max(12, 1.75 * knee)


@pytest.mark.parametrize("alone_s", [0.005, 20.0])
def test_it_finds_the_knee_of_a_quick_and_of_a_very_slow_backend(alone_s: float) -> None:
    """What counts is calls, not seconds."""
    crowd = Crowd(Adaptive(1, 8, 200), knee_at(12, alone_s)).sends(600 * alone_s)
    assert abs(crowd.held() - 12) <= 1


def test_it_ramps_within_a_few_hundred_calls() -> None:
    """Half as much again each time: sixty are reached from eight before a second thought."""
    crowd = Crowd(Adaptive(1, 8, 200), knee_at(60))
    while crowd.limiter.limit < 60:
        crowd.sends(0.01)
        assert crowd.calls < 400
    assert crowd.limiter.why is Why.RAMP
    assert crowd.now < 1003


def test_it_holds_still_once_it_has_found_it() -> None:
    """At rest the limit is where it is nearly all the time, and a probe above finds nobody who was refused for it."""
    crowd = settled(20)
    crowd.limits.clear()
    crowd.sends(60)
    home = crowd.held()
    assert crowd.limits.count(home) > 0.93 * len(crowd.limits)
    assert set(crowd.limits) > {home}, "it tries now and then, or it would never see that there is more"
    assert crowd.limiter.elasticity is not None
    ratio = f"{crowd.limiter.ratio:.1f}"
    assert ratio in ("0.9", "1.0", "1.1")
    said = f"<Adaptive {crowd.limiter.limit} in 1..200, {crowd.limiter.why}, calls take {ratio} x their own time>"
    assert repr(crowd.limiter) == said


def test_three_probes_in_four_look_above() -> None:
    """Too much shows in what calls take, too little only in a trial: from rest it looks up more often than down."""
    crowd = settled(20)
    crowd.limits.clear()
    crowd.sends(200)
    home = crowd.held()
    tried = [after for before, after in itertools.pairwise(crowd.limits) if before == home != after]
    above = sum(limit > home for limit in tried)
    assert len(tried) >= 15
    assert 0.6 < above / len(tried) < 0.9


def test_who_begins_below_a_new_limit_with_others_behind_is_no_sign_of_idleness() -> None:
    """After a wide step up dozens begin at once, each below the new limit: the trial goes on while people wait."""
    crowd = Crowd(Adaptive(1, 60, 200), knee_at(100))
    while crowd.limiter.limit == 60:
        crowd.sends(0.01)
    tried = crowd.limiter.limit
    for _ in range(40):
        crowd.says(0.1, tried - 1)
    assert crowd.limiter.limit == tried
    crowd.waiting = 0
    for _ in range(40):
        crowd.says(0.1, tried - 1)
    assert crowd.limiter.limit == 60


@pytest.mark.parametrize(("before", "after"), [(20, 8), (60, 20), (8, 30), (12, 4)])
def test_it_follows_a_knee_that_moves(before: int, after: int) -> None:
    """Down within seconds, up by the next probe."""
    crowd = settled(before)
    crowd.takes = knee_at(after)
    crowd.sends(8.0 if after < before else 30.0)
    assert abs(crowd.held() - after) <= max(1, round(0.15 * after))


def test_a_brown_out_is_not_answered_by_its_own_limit() -> None:
    """Where everything takes three times as long whatever the limit, it looks for a moment and comes back."""
    crowd = settled(12)
    crowd.takes = knee_at(12, 0.3)
    crowd.limits.clear()
    crowd.sends(30)
    assert min(crowd.limits) < 9
    assert abs(crowd.held() - 12) <= 1
    assert crowd.limits.count(crowd.held()) > len(crowd.limits) / 2


def test_a_leak_is_noticed_although_it_is_slow() -> None:
    """An eighth longer is too little for a moment's look and enough for a longer one: a trial below asks whether that is us."""
    crowd = settled(20)
    epoch = crowd.limiter.epoch
    crowd.takes = knee_at(20, 0.115)
    while crowd.limiter.why is not Why.CUT:
        crowd.sends(0.1)
        assert crowd.calls < 10_000
    assert crowd.limiter.epoch > epoch
    assert 16 <= crowd.limiter.limit <= 18
    crowd.sends(20)
    assert abs(crowd.held() - 20) <= 1


def test_one_bad_second_is_no_reason_to_cut() -> None:
    """A pause that two dozen calls share is doubted, and fresh calls clear it: the limit never moves down for it."""
    crowd = settled(12)
    home, epoch = crowd.held(), crowd.limiter.epoch
    while crowd.limiter.epoch != epoch or crowd.limiter.limit != home:
        epoch = crowd.limiter.epoch
        crowd.sends(0.1)
    for _ in range(24):
        crowd.now += 0.01
        crowd.says(1.0, home)
    crowd.limits.clear()
    crowd.sends(3)
    assert min(crowd.limits) >= home - 1
    assert crowd.held() == home


def test_a_faster_backend_is_tried_harder() -> None:
    """Calls that take a third of their time may mean room: the next trial is up."""
    crowd = settled(12)
    crowd.takes = knee_at(24, 0.03)
    crowd.sends(10)
    assert abs(crowd.held() - 24) <= 2


def test_a_shift_of_the_mix_moves_nothing() -> None:
    """From one operation to another that takes fifty times as long: each has its own time, so nothing is cut."""
    crowd = settled(12)
    home = crowd.held()
    crowd.operation, crowd.takes = "B", knee_at(12, 5.0)
    crowd.limits.clear()
    crowd.sends(60)
    assert min(crowd.limits) >= home - 2
    assert crowd.limiter.baselines["B"] == pytest.approx(5.0, rel=0.3)
    assert crowd.limiter.ratio == pytest.approx(1.0, abs=0.3)


def test_samples_of_another_limit_say_nothing_of_this_one() -> None:
    """Calls that began under the limit before are not counted for the new one, however bad they were."""
    crowd = settled(12)
    limiter, before = crowd.limiter, crowd.limiter.limit
    for _ in range(300):
        crowd.now += 0.01
        limiter.tell(crowd.now, Sample("A", 50.0, limiter.epoch - 1, before), waiting=9)
    assert limiter.limit == before


def test_calls_below_the_limit_say_nothing_of_it() -> None:
    """A house that is not full moves no limit up, however quick its calls are."""
    crowd = Crowd(Adaptive(1, 8, 200), knee_at(100)).whiles(60, in_flight=5)
    assert crowd.limiter.limit == 8
    assert crowd.limiter.epoch == 0


def test_nobody_waits_so_nothing_more_is_tried() -> None:
    """A full house with nobody behind it needs no more."""
    crowd = Crowd(Adaptive(1, 8, 200), knee_at(100), waiting=0).sends(60)
    assert set(crowd.limits) == {8}
    crowd = settled(12)
    crowd.waiting = 0
    crowd.limits.clear()
    crowd.sends(60)
    assert max(crowd.limits) <= crowd.held() + 1


def test_the_maximum_is_kept_and_held() -> None:
    """At the most that is allowed it does not look above, and rests."""
    crowd = settled(100, most=16)
    crowd.limits.clear()
    crowd.sends(30)
    assert max(crowd.limits) == 16
    assert crowd.limits.count(16) > 0.9 * len(crowd.limits)


def test_one_limit_alone_is_one_limit() -> None:
    """Between equal bounds nothing moves and nothing fails."""
    crowd = Crowd(Adaptive(5, 5, 5), knee_at(2)).sends(30)
    crowd.takes = knee_at(2, 0.5)
    crowd.sends(30).drops(20)
    assert set(crowd.limits) == {5}
    assert crowd.limiter.epoch == 0


def test_an_idle_night_leaves_no_limit_that_nobody_has_proved() -> None:
    """What is not filled decays to the start within minutes, by calls that come or by a clock that jumps."""
    crowd = settled(60)
    crowd.whiles(300, in_flight=2, every_s=1.0)
    assert crowd.limiter.limit == 8
    assert crowd.limiter.why is Why.IDLE
    crowd = settled(60)
    home = crowd.held()
    crowd.limiter.pulse(crowd.now + 59)
    assert crowd.held() == home
    crowd.limiter.pulse(crowd.now + 36_000)
    assert crowd.held() == home, "the morning's first look still knows the evening's peak"
    crowd.limiter.pulse(crowd.now + 36_010)
    assert home / 2 < crowd.held() < home
    crowd.limiter.pulse(crowd.now + 40_000)
    assert crowd.limiter.limit == 8


def test_head_room_that_is_used_by_half_stays() -> None:
    """Thirty at once of sixty are no reason to give any away."""
    crowd = settled(60)
    home = crowd.held()
    crowd.whiles(100, in_flight=home // 2 + 1)
    assert crowd.limiter.limit == home


def test_a_trial_is_off_when_the_crowd_goes() -> None:
    """With nobody to fill it, the limit goes back to what it was tried against."""
    crowd = Crowd(Adaptive(1, 8, 200), knee_at(100))
    while crowd.limiter.limit == crowd.held():
        crowd.sends(0.01)
    crowd.whiles(5, in_flight=1)
    assert crowd.limiter.limit == crowd.held() == 8


def test_a_pulse_before_anything_was_told_is_nothing() -> None:
    """A limiter that nobody has asked yet keeps its start."""
    limiter = Adaptive(1, 8, 64)
    limiter.pulse(1e6)
    assert (limiter.limit, limiter.epoch) == (8, 0)


def test_a_silence_takes_it_to_the_least() -> None:
    """Three timeouts and nothing else: one call at a time goes on asking, from there on the breaker counts."""
    crowd = settled(20)
    crowd.now += 8.5
    crowd.drops(2)
    assert not crowd.limiter.at_minimum
    crowd.drops(1)
    assert crowd.limiter.at_minimum
    assert (crowd.limiter.limit, crowd.limiter.why) == (1, Why.DROPS)


def test_after_a_silence_it_is_back_by_doubling() -> None:
    """What was proved before is reached again within a few dozen good calls, and not passed at once."""
    crowd = settled(20)
    crowd.now += 8.5
    crowd.drops(3)
    crowd.limits.clear()
    calls = crowd.calls
    while crowd.held() < 14:
        crowd.sends(0.05)
    assert crowd.calls - calls < 100
    assert list(dict.fromkeys(crowd.limits))[:5] == [1, 2, 4, 8, 14]
    crowd.sends(20)
    assert abs(crowd.held() - 20) <= 1
    assert max(crowd.limits) <= 24


def test_a_resume_waits_for_somebody_who_wants_it() -> None:
    """With nobody in line one call at a time is enough, however many there were before the silence."""
    crowd = settled(20)
    crowd.now += 8.5
    crowd.drops(3)
    crowd.waiting = 0
    crowd.sends(10)
    assert crowd.limiter.limit == 1


def test_a_second_silence_on_the_way_back_halves_the_way() -> None:
    """Where the way back itself silences the backend, it ends lower the next time."""
    crowd = settled(20)
    crowd.now += 8.5
    crowd.drops(3)
    while crowd.held() < 8:
        crowd.sends(0.05)
    crowd.now += 8.5
    crowd.drops(3)
    crowd.limits.clear()
    while crowd.held() < 7:
        crowd.sends(0.05)
    assert list(dict.fromkeys(crowd.limits))[:4] == [1, 2, 4, 7]


def test_a_start_that_never_worked_is_not_gone_back_to() -> None:
    """Eight calls that never came back have proved nothing: from one on it tries step by step."""
    crowd = Crowd(Adaptive(1, 8, 64), knee_at(2))
    crowd.now += 8.5
    crowd.drops(8)
    assert crowd.limiter.limit == 1
    crowd.sends(20)
    assert max(crowd.limits) <= 3


def test_many_drops_among_good_calls_cut_by_a_third() -> None:
    """Where a tenth and more are refused, three tenths of the limit go, once in half a second."""
    crowd = settled(20)
    home = crowd.held()
    crowd.drops(8, seconds=0.01)
    assert (crowd.limiter.limit, crowd.limiter.why) == (int(0.7 * home), Why.DROPS)
    crowd.drops(3, seconds=0.01)
    assert crowd.limiter.limit == int(0.7 * home)


def test_drops_of_calls_from_before_a_cut_have_been_answered() -> None:
    """The rest of the calls that were under way when it was cut do not cut again."""
    crowd = settled(20)
    epoch, limit = crowd.limiter.epoch, crowd.limiter.limit
    crowd.drops(8, seconds=0.01)
    cut = crowd.limiter.limit
    for _ in range(50):
        crowd.now += 0.1
        crowd.limiter.tell(crowd.now, Sample("A", 8.0, epoch, limit, dropped=True), waiting=9)
    assert crowd.limiter.limit == cut


def test_who_has_just_dropped_some_looks_below_first() -> None:
    """A backend that loses one call in twenty as it starts is not asked for more, but for less."""
    crowd = Crowd(Adaptive(1, 8, 64), knee_at(100))
    crowd.sends(0.4).drops(2, seconds=0.1)
    while crowd.limiter.epoch == 0:
        crowd.sends(0.01)
    assert (crowd.limiter.limit, crowd.limiter.why) == (4, Why.CUT)


def test_slow_start_climbs_on_a_straight_line_to_what_it_was() -> None:
    """From the least to the old limit within fifteen seconds, by calls or by the clock alone."""
    crowd = settled(20)
    home, began = crowd.held(), crowd.now
    crowd.limiter.slow_start(began)
    seen = []
    for second in (0, 3, 7.5, 14, 15, 16):
        crowd.limiter.pulse(began + second)
        seen.append(crowd.limiter.limit)
    assert seen == [1, home // 5, home // 2, int(home * 14 / 15), home, home]
    assert crowd.limiter.why is Why.SLOW_START


def test_slow_start_goes_to_what_was_proved_before_the_silence() -> None:
    """The least that a silence left is not what it was."""
    crowd = settled(20)
    home = crowd.held()
    crowd.now += 8.5
    crowd.drops(3)
    crowd.limiter.slow_start(crowd.now, over_s=10.0)
    assert crowd.limiter.limit == 1
    crowd.sends(10.5)
    assert crowd.held() == home
    crowd.sends(20)
    assert abs(crowd.held() - 20) <= 1


def test_a_slow_start_that_nobody_uses_ends_low() -> None:
    """Head-room that decays on the way is not climbed to."""
    crowd = settled(60)
    crowd.limiter.slow_start(crowd.now, over_s=5000.0)
    for minutes in range(1, 90):
        crowd.limiter.pulse(crowd.now + 60 * minutes)
    assert crowd.limiter.limit == crowd.held() == 8


def test_a_failure_in_the_slow_start_begins_it_again_half_as_high() -> None:
    """Three drops on the way: from the least again, to half of what was aimed at."""
    crowd = settled(20)
    crowd.limiter.slow_start(crowd.now)
    crowd.now += 12
    crowd.drops(3)
    assert (crowd.limiter.limit, crowd.limiter.why) == (1, Why.DROPS)
    crowd.limiter.pulse(crowd.now + 16)
    assert crowd.limiter.limit == crowd.held() == 10


def test_bounds_clamp_and_never_reset() -> None:
    """Wider ones change nothing, narrower ones only what is outside of them; what operations take is still known."""
    crowd = settled(20)
    limiter, epoch = crowd.limiter, crowd.limiter.epoch
    limit, known = limiter.limit, limiter.baselines
    limiter.bound(1, 500)
    assert (limiter.limit, limiter.epoch) == (limit, epoch)
    limiter.bound(1, 10)
    assert (limiter.limit, limiter.epoch, limiter.why) == (10, epoch + 1, Why.SETTLE)
    limiter.bound(12, 30)
    assert limiter.limit == 12
    assert limiter.at_minimum
    limiter.bound(0, 0)
    assert limiter.limit == 1
    assert limiter.baselines == known


def test_bounds_break_off_a_trial_that_is_outside_of_them() -> None:
    """A trial above a new maximum is off; home stays."""
    crowd = Crowd(Adaptive(1, 8, 200), knee_at(100))
    while crowd.limiter.limit == 8:
        crowd.sends(0.01)
    crowd.limiter.bound(1, 9)
    assert (crowd.limiter.limit, crowd.held()) == (8, 8)


def test_what_it_knew_survives_a_restart() -> None:
    """Through JSON and back: a fresh state gives the whole limit, an old one half, and the operations' times."""
    state = json.loads(json.dumps(settled(20).limiter.state()))
    fresh, old = Adaptive(1, 8, 64), Adaptive(1, 8, 64)
    assert fresh.restore(state, 0.0)
    assert old.restore(state, 1e9)
    assert (fresh.limit, fresh.why) == (state["limit"], Why.RESTORED)
    assert not fresh.changes, "before the first call there is no time to name"
    assert old.limit == round(state["limit"] / 2)
    assert fresh.baselines["A"] == pytest.approx(0.1, rel=0.1)


@pytest.mark.parametrize(
    ("limit", "age_s", "restored"),
    [(4, 0, 4), (4, 1e9, 4), (10, 1e9, 8), (100, 0, 64), (100, 1e9, 32), (1, 0, 1), (10**400, 0, 64)],
)
def test_a_restored_limit_is_within_the_bounds_and_at_least_the_start(limit: int, age_s: float, restored: int) -> None:
    """Half of an old one, but the start at least, unless less than that had been found."""
    made = Adaptive(1, 8, 64)
    made.restore({"limit": limit}, age_s)
    assert made.limit == restored


@pytest.mark.parametrize(
    "state",
    [
        None,
        7,
        "x",
        [],
        {},
        {"limit": None},
        {"limit": -3},
        {"limit": True},
        {"limit": 9.5},
        {"baselines_s": {"A": 2.0}},
    ],
)
def test_garbage_is_a_new_start(state: object) -> None:
    """What is no state leaves the start as it is; times that make sense are taken all the same."""
    made = Adaptive(1, 8, 64)
    assert made.restore(state, 5.0) is False
    assert (made.limit, made.epoch, made.why) == (8, 0, Why.START)
    assert made.baselines == ({"A": pytest.approx(2.0)} if state == {"baselines_s": {"A": 2.0}} else {})


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["limit", "baselines_s", "x"]), inner, max_size=3)
        ),
        max_leaves=8,
    ),
    st.floats(),
)
def test_no_state_is_an_error(state: object, age_s: float) -> None:
    """Whatever a file says, there is a limit within the bounds afterwards."""
    made = Adaptive(2, 8, 64)
    made.restore(state, age_s)
    assert 2 <= made.limit <= 64


def test_the_numbers_are_what_an_operator_asks() -> None:
    """Before anything is known there is no elasticity; afterwards there is, and the last changes stand with their reason."""
    assert dict(Adaptive(1, 8, 64).numbers()) == {"limit": 8, "held": 8, "minimum": 1, "maximum": 64, "ratio": 1.0}
    crowd = settled(20, seconds=60.0)
    said = dict(crowd.limiter.numbers())
    assert said["elasticity"] == pytest.approx(0.0 if crowd.limiter.elasticity < 1 else 2.0, abs=0.5)
    changes = list(crowd.limiter.changes)
    assert len(changes) == CHANGES == 20
    assert changes[-1].limit == crowd.limiter.limit
    assert changes[-1].why is crowd.limiter.why
    assert [change.at for change in changes] == sorted(change.at for change in changes)


def test_a_trial_on_a_slow_backend_ends_in_time() -> None:
    """Where a call ends every four seconds, half a minute and sixteen calls are enough to go by."""
    crowd = Crowd(Adaptive(1, 2, 4), knee_at(100, 8.0)).sends(120)
    assert crowd.limiter.limit > 2
    crowd = Crowd(Adaptive(1, 8, 200), knee_at(8, 8.0))
    crowd.takes = lambda calls: 8.0 * (calls / 8) ** 0.7
    crowd.sends(300)
    assert 7 <= crowd.held() <= 30


def test_who_takes_minutes_is_not_silent_for_minutes() -> None:
    """Where a call takes a hundred seconds nobody is missed before three of them and a minute are over."""
    limiter = Adaptive(1, 8, 200)
    limiter.restore({"limit": 100}, 0.0)
    limiter.tell(1000.0, Sample("A", 100.0, limiter.epoch, 1), waiting=0)
    limiter.pulse(1359.0)
    assert limiter.limit == 100
    limiter.pulse(1361.0)
    assert (limiter.limit, limiter.why) == (8, Why.IDLE)


def test_what_was_proved_outlives_a_restart_in_the_middle_of_a_silence() -> None:
    """What is remembered is the limit that it goes back to, not the least that the silence left."""
    crowd = settled(20)
    home = crowd.held()
    crowd.now += 8.5
    crowd.drops(3)
    assert crowd.limiter.limit == 1
    assert crowd.limiter.state()["limit"] == int(0.7 * home)


def test_a_least_above_the_start_is_what_a_night_leaves() -> None:
    """New bounds hold for the start as well."""
    crowd = settled(60)
    crowd.limiter.bound(20, 100)
    crowd.whiles(300, in_flight=2, every_s=1.0)
    assert crowd.limiter.limit == crowd.held() == 20


def test_what_a_call_takes_alone_is_learnt_where_it_is_alone() -> None:
    """Up to seven tenths of the limit a call's time is its own; beyond, the crowd has a part in it."""
    crowd = settled(20)
    uncrowded, known = int(0.7 * crowd.limiter.limit), crowd.limiter.baselines["A"]
    crowd.says(0.5, uncrowded + 1)
    assert crowd.limiter.baselines["A"] == known
    crowd.says(0.5, uncrowded)
    assert crowd.limiter.baselines["A"] > known


class AdaptiveMachine(RuleBasedStateMachine):
    """Calls, drops, idle hours, slow starts, restarts and new bounds in any order."""

    @initialize(minimum=st.integers(0, 5), start=st.integers(0, 20), maximum=st.integers(0, 40))
    def begin(self, minimum: int, start: int, maximum: int) -> None:
        self.least, self.most = max(1, minimum), max(1, minimum, maximum)
        self.start = start
        self.limiter = Adaptive(minimum, start, maximum)
        self.now, self.epoch, self.limit = 50.0, 0, self.limiter.limit

    @rule(
        operation=st.sampled_from("ABC"),
        seconds=st.floats(0, 100),
        back=st.integers(0, 2),
        part=st.floats(0, 2),
        dropped=st.booleans(),
        waiting=st.integers(0, 3),
        number=st.integers(1, 60),
        every_s=st.floats(0, 1),
    )
    def calls(
        self,
        operation: str,
        seconds: float,
        back: int,
        part: float,
        dropped: bool,
        waiting: int,
        number: int,
        every_s: float,
    ) -> None:
        for _ in range(number):
            self.now += every_s
            epoch, in_flight = max(0, self.limiter.epoch - back), max(1, round(part * self.limiter.limit))
            self.limiter.tell(self.now, Sample(operation, seconds, epoch, in_flight, dropped), waiting=waiting)
            self.check()

    @rule(seconds=st.floats(0, 5), number=st.integers(20, 200))
    def full_house(self, seconds: float, number: int) -> None:
        for _ in range(number):
            self.now += 0.02
            sample = Sample("A", seconds * (1 + 0.1 * math.sin(self.now)), self.limiter.epoch, self.limiter.limit)
            self.limiter.tell(self.now, sample, waiting=5)
            self.check()

    @rule(hours=st.floats(0, 20))
    def night(self, hours: float) -> None:
        self.now += 3600 * hours
        self.limiter.pulse(self.now)

    @rule(over_s=st.floats(0, 60))
    def slow_start(self, over_s: float) -> None:
        self.limiter.slow_start(self.now, over_s)

    @rule(minimum=st.integers(0, 10), maximum=st.integers(0, 40))
    def bound(self, minimum: int, maximum: int) -> None:
        self.least, self.most = max(1, minimum), max(1, minimum, maximum)
        self.limiter.bound(minimum, maximum)

    @rule(age_s=st.floats(0, 1e6))
    def restart(self, age_s: float) -> None:
        state = json.loads(json.dumps(self.limiter.state()))
        self.limiter = Adaptive(self.least, self.start, self.most)
        self.limiter.restore(state, age_s)
        self.epoch, self.limit = self.limiter.epoch, self.limiter.limit

    @invariant()
    def check(self) -> None:
        assert self.least <= self.limiter.limit <= self.most
        assert self.limiter.epoch >= self.epoch
        assert (self.limiter.epoch > self.epoch) or self.limiter.limit == self.limit, "a change is a new epoch"
        assert self.limiter.at_minimum == (self.limiter.limit == self.least)
        assert math.isfinite(self.limiter.ratio)
        self.epoch, self.limit = self.limiter.epoch, self.limiter.limit


TestAdaptiveMachine = AdaptiveMachine.TestCase
