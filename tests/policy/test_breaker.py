"""The breaker: tables of what cuts off and what does not, its way back, and a machine that tries every order of things."""

from __future__ import annotations

from dataclasses import replace
from math import ceil

import hypothesis.strategies as st
import pytest
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from sidecar.model import Executed, Refusal
from sidecar.policy.breaker import (
    JITTER,
    LONGEST_FORCED_S,
    REASON,
    UNSAFE_AFTER_S,
    Breaker,
)
from sidecar.policy.breaking import UNCOUNTED, Event, Forced, Permit, Result, Rule, State, View
from sidecar.policy.sliding import Counts

OK, FAILED, SLOW, TIMEOUT = Result.OK, Result.FAILED, Result.SLOW, Result.TIMEOUT
UNREACHABLE, IGNORED = Result.UNREACHABLE, Result.IGNORED
RULE = Rule()


def breaker(rule: Rule = RULE, chance: float = 0.5) -> Breaker:
    return Breaker(rule, lambda: chance)


def permit(here: Breaker, now: float, *, safe: bool = True, lease_s: float = 16.0) -> Permit:
    given = here.ask(now, safe=safe, lease_s=lease_s)
    assert isinstance(given, Permit), given
    return given


def refused(here: Breaker, now: float, *, safe: bool = True) -> Refusal:
    given = here.ask(now, safe=safe, lease_s=16.0)
    assert isinstance(given, Refusal), given
    return given


def call(here: Breaker, now: float, result: Result, *, at_minimum: bool = False) -> tuple[Event, ...]:
    return here.tell(now, permit(here, now), result, at_minimum=at_minimum)


def calls(here: Breaker, now: float, *results: Result, at_minimum: bool = False) -> State:
    for result in results:
        call(here, now, result, at_minimum=at_minimum)
    return here.view(now).state


def cut_off(now: float = 100.0, rule: Rule = RULE, chance: float = 0.5) -> Breaker:
    """Return one that was cut off at `now`, for five seconds where nothing else is said."""
    here = breaker(rule, chance)
    assert calls(here, now, *(FAILED,) * 10) is State.CUT_OFF
    here.news()
    return here


def probed(here: Breaker, now: float, result: Result) -> State:
    here.tell(now, here.probe(now), result, at_minimum=False)
    return here.view(now).state


def closes(here: Breaker, now: float) -> None:
    """Let its trial go well."""
    assert calls(here, now, *(OK,) * 7) is State.CLOSED


@pytest.mark.parametrize(
    ("results", "at_minimum", "state"),
    [
        ((FAILED,) * 9, False, State.CLOSED),
        ((FAILED,) * 10, False, State.CUT_OFF),
        ((UNREACHABLE,) * 10, False, State.CUT_OFF),
        ((*(OK,) * 5, *(FAILED,) * 5), False, State.CUT_OFF),
        ((*(OK,) * 6, *(FAILED,) * 5), False, State.CLOSED),
        ((*(FAILED,) * 9, OK), False, State.CLOSED),
        ((*(FAILED,) * 9, OK, FAILED), False, State.CUT_OFF),
        ((*(FAILED,) * 9, *(IGNORED,) * 99), False, State.CLOSED),
        ((TIMEOUT,) * 99, False, State.CLOSED),
        ((*(FAILED,) * 9, *(TIMEOUT,) * 99), False, State.CLOSED),
        ((TIMEOUT,) * 9, True, State.CLOSED),
        ((TIMEOUT,) * 10, True, State.CUT_OFF),
        ((SLOW,) * 99, False, State.CLOSED),
        ((SLOW,) * 10, True, State.CUT_OFF),
        ((*(OK,) * 2, *(SLOW,) * 8), True, State.CUT_OFF),
        ((*(OK,) * 3, *(SLOW,) * 8), True, State.CLOSED),
        ((*(SLOW,) * 6, *(TIMEOUT,) * 4), True, State.CUT_OFF),
        ((*(SLOW,) * 9, OK), True, State.CLOSED),
    ],
)
def test_what_cuts_off(results: tuple[Result, ...], at_minimum: bool, state: State) -> None:
    """Failures do, by their rate and never fewer than `min_calls`; what is slow or late only at the limit's minimum; a success never."""
    assert calls(breaker(), 100.0, *results, at_minimum=at_minimum) is state


def test_old_calls_do_not_count() -> None:
    """Nine failures of half a minute ago, and one of now, are one."""
    here = breaker()
    calls(here, 100.0, *(FAILED,) * 9)
    assert calls(here, 130.0, FAILED) is State.CLOSED
    assert here.view(130.0).counts == Counts(1, 1, 0)
    assert here.counts(130.0) == Counts(1, 1, 0)


def test_a_brown_out_above_the_minimum_never_cuts_off() -> None:
    """However slow it is, for however long: latency is the limiter's to see to."""
    here = breaker()
    for second in range(600):
        calls(here, 100.0 + second, *(TIMEOUT,) * 20, SLOW)
    assert here.view(700.0).state is State.CLOSED
    assert here.view(700.0).counts.failures == 0


def test_a_brown_out_at_the_minimum_that_answers_now_and_then_goes_by_its_rate() -> None:
    """Every second one in time, one at a time: half a minute holds too few to prove more, and it is never silent."""
    here = breaker()
    for second in range(0, 600, 6):
        calls(here, 100.0 + second, OK if second % 12 else TIMEOUT, at_minimum=True)
    assert here.view(700.0).state is State.CLOSED


def test_a_black_hole_is_cut_off_within_the_window() -> None:
    """Twenty calls run out of time at once; the limit falls, the next one at its minimum is the last."""
    here = breaker()
    calls(here, 100.0, *(OK,) * 500)
    began = 100.0
    calls(here, began + 10.0, *(TIMEOUT,) * 20)
    assert here.view(began + 10.0).state is State.CLOSED
    (event,) = call(here, began + 22.0, TIMEOUT, at_minimum=True)
    assert event.state is State.CUT_OFF
    assert event.why == "21 calls in a row were not answered in time"
    assert event.at - began < RULE.window_s


@pytest.mark.parametrize(
    ("at", "state"),
    [((100.0, 105.0, 110.0), State.CUT_OFF), ((100.0, 105.0, 109.9), State.CLOSED), ((100.0, 130.0), State.CLOSED)],
)
def test_silence_is_three_in_a_row_over_a_third_of_the_window(at: tuple[float, ...], state: State) -> None:
    """Those that began together run out of time together: they prove no more than one."""
    here = breaker()
    for now in at:
        calls(here, now, TIMEOUT, at_minimum=True)
    assert here.view(at[-1]).state is state


@pytest.mark.parametrize(("between", "state"), [(OK, State.CLOSED), (SLOW, State.CLOSED), (FAILED, State.CUT_OFF)])
def test_one_answer_breaks_the_silence(between: Result, state: State) -> None:
    """A good one, however slow; a connection that breaks is no answer."""
    here = breaker()
    for now in (100.0, 110.0):
        calls(here, now, TIMEOUT, at_minimum=True)
    calls(here, 115.0, between)
    calls(here, 120.0, TIMEOUT, at_minimum=True)
    assert here.view(120.0).state is state


def test_only_a_call_that_was_not_answered_at_the_minimum_ends_the_silence_with_a_cut_off() -> None:
    """Of calls that ran out of time above it the limiter makes what it can; one that fails in another way meanwhile is one failure."""
    here = breaker()
    for now in (100.0, 105.0, 111.0):
        calls(here, now, TIMEOUT)
    assert calls(here, 112.0, FAILED) is State.CLOSED
    assert calls(here, 113.0, TIMEOUT, at_minimum=True) is State.CUT_OFF


def test_silence_is_counted_anew_after_a_cut_off() -> None:
    """What was not answered before it was closed again does not count."""
    here = breaker()
    for now in (100.0, 110.0, 120.0):
        calls(here, now, TIMEOUT, at_minimum=True)
    closes(here, 130.0)
    assert calls(here, 145.0, TIMEOUT, at_minimum=True) is State.CLOSED


def test_the_refusal_says_what_was_counted_and_when_to_come_back() -> None:
    """Never less than a second, nothing executed, the same object for a second: a crowd that is sent away costs little."""
    here = breaker()
    calls(here, 100.0, *(OK,) * 2, *(FAILED,) * 8)
    refusal = refused(here, 100.5)
    assert (refusal.state, refusal.reason, refusal.executed) == ("backend_unreachable", REASON, Executed.NO)
    assert refusal.detail == "the backend is cut off: 8 of 10 calls failed"
    assert refusal.retry_after_s == 5
    assert dict(refusal.numbers) == {
        "calls": 10,
        "failures": 8,
        "slow": 0,
        "failed_percent": 80,
        "failure_rate_percent": 50,
        "cut_off_ms": 5000,
    }
    assert here.peek(100.9, safe=True) is refusal
    assert refused(here, 104.99).retry_after_s == 1
    assert refused(here, 103.0).retry_after_s == 2
    assert here.view(103.0).refused == 3


@pytest.mark.parametrize(
    ("results", "at_minimum", "detail"),
    [
        ((SLOW,) * 10, True, "this operation is cut off: 10 of 10 calls took longer than 5 s"),
        ((*(SLOW,) * 7, *(FAILED,) * 7), True, "this operation is cut off: 7 of 14 calls failed"),
    ],
)
def test_the_refusal_names_what_it_was(results: tuple[Result, ...], at_minimum: bool, detail: str) -> None:
    """In one sentence, about what it was made for."""
    here = Breaker(RULE, lambda: 0.5, "this operation")
    calls(here, 100.0, *results, at_minimum=at_minimum)
    assert refused(here, 100.0).detail == detail


def test_each_failed_trial_makes_the_cut_off_longer_by_half_up_to_the_longest() -> None:
    """5, 7.5, 11.25 … and never above `open_max`, jitter included."""
    here, now, lengths = cut_off(), 100.0, []
    for _ in range(11):
        left_s = here.view(now).left_s
        assert left_s is not None
        lengths.append(left_s)
        now += left_s
        assert calls(here, now, FAILED) is State.CUT_OFF
    assert lengths[:3] == pytest.approx([5, 7.5, 11.25])
    assert lengths == pytest.approx([min(5 * 1.5**step, 100) for step in range(11)])
    now += 100
    closes(here, now)
    now += 8 * 300
    calls(here, now, *(FAILED,) * 10)
    assert here.view(now).left_s == pytest.approx(5), "eight lengthenings, however often it was the longest"


@pytest.mark.parametrize("chance", [0.0, 0.25, 0.999999])
def test_the_cut_off_is_jittered(chance: float) -> None:
    """By a fifth, shorter or longer, as is drawn; the longest stays the longest."""
    here = cut_off(chance=chance)
    assert here.view(100.0).left_s == pytest.approx(5 * (1 + JITTER * (2 * chance - 1)))
    longest = cut_off(chance=chance, rule=replace(RULE, open_for_s=120.0))
    assert longest.view(100.0).left_s == pytest.approx(100 * (1 + JITTER * (2 * chance - 1)))
    assert (longest.view(100.0).left_s or 0) <= 120


@pytest.mark.parametrize(("quiet_s", "length_s"), [(0.0, 11.25), (299.9, 11.25), (300.0, 7.5), (90_000.0, 5.0)])
def test_five_minutes_closed_take_a_lengthening_back(quiet_s: float, length_s: float) -> None:
    """A backend that failed yesterday is no suspect today."""
    here = cut_off(100.0)
    calls(here, 105.0, FAILED)
    closes(here, 112.5)
    calls(here, 112.5 + quiet_s, *(FAILED,) * 10)
    assert here.view(112.5 + quiet_s).left_s == pytest.approx(length_s)


def test_the_way_back_is_one_two_four() -> None:
    """Never more at once; seven good ones close it, and it says so once."""
    here, widths, held = cut_off(), [], list[Permit]()
    for _ in range(3):
        while isinstance(given := here.ask(105.0, safe=True, lease_s=16.0), Permit):
            held.append(given)
        assert given.retry_after_s == 1
        assert given.detail == "the backend is being tested: 10 of 10 calls failed"
        widths.append(len(held))
        events = [event for each in held for event in here.tell(106.0, each, OK, at_minimum=False)]
        held.clear()
    assert widths == [1, 2, 4]
    assert events == [Event(106.0, State.TESTING, State.CLOSED, "the tests went well")]
    assert isinstance(here.ask(106.0, safe=False, lease_s=1.0), Permit)


def test_a_failed_test_cuts_off_again() -> None:
    """At once, and the others that are under way are of an older generation."""
    here = cut_off()
    calls(here, 105.0, OK)
    one, other = permit(here, 105.0), permit(here, 105.0)
    (event,) = here.tell(106.0, one, FAILED, at_minimum=False)
    assert event == Event(106.0, State.TESTING, State.CUT_OFF, "a test failed", 113.5)
    assert here.tell(106.5, other, OK, at_minimum=False) == ()
    assert here.view(106.5).state is State.CUT_OFF
    assert here.view(106.5).testing == 0
    assert refused(here, 106.5).detail == "the backend is cut off: a test failed"
    assert here.view(116.0)[4:6] == (0, 1)
    assert calls(here, 116.0, *(OK,) * 6) is State.TESTING, "what the first trial has shown is forgotten"
    assert calls(here, 116.0, OK) is State.CLOSED


@pytest.mark.parametrize("at_minimum", [False, True])
def test_a_test_that_runs_out_of_time_has_failed(at_minimum: bool) -> None:
    """Wherever the limit stands: it was to show that the backend answers."""
    here = cut_off()
    assert calls(here, 105.0, TIMEOUT, at_minimum=at_minimum) is State.CUT_OFF
    assert dict(refused(here, 105.0).numbers)["failed_percent"] == 100


def test_a_slow_backend_is_not_closed_but_a_slow_first_answer_does_no_harm() -> None:
    """A restarted one takes its time once; seven slow ones are no recovery."""
    here = cut_off()
    assert calls(here, 105.0, SLOW, *(OK,) * 6) is State.CLOSED
    here = cut_off()
    assert calls(here, 105.0, *(SLOW,) * 7) is State.CUT_OFF
    assert refused(here, 105.0).detail == "the backend is cut off: the tests were slow"


def test_a_cancelled_test_gives_its_permit_back() -> None:
    """Somebody hung up: the next one tests, nothing was shown."""
    here = cut_off()
    mine = permit(here, 105.0)
    refused(here, 105.0)
    here.tell(106.0, mine, IGNORED, at_minimum=False)
    assert here.view(106.0)[4:6] == (0, 1)
    assert calls(here, 106.0, OK) is State.TESTING
    here.tell(106.0, mine, FAILED, at_minimum=False)
    assert here.view(106.0).state is State.TESTING, "it has been given back"


def test_a_lease_that_nobody_brings_back_is_a_failure_when_it_was_due() -> None:
    """Seen long after, it was over long before: the next morning is a new trial and not the end of a cut-off."""
    here = cut_off()
    mine = permit(here, 105.0, lease_s=20.0)
    assert here.view(124.9).state is State.TESTING
    assert here.peek(124.9, safe=True) is not None
    assert here.peek(125.0, safe=True) is None, "it changes nothing, so it cannot know what will come of it"
    assert here.view(125.0).left_s == pytest.approx(7.5)
    events = here.tell(50_000.0, mine, OK, at_minimum=False)
    assert [(event.at, event.state) for event in events] == [
        (105.0, State.TESTING),
        (125.0, State.CUT_OFF),
        (132.5, State.TESTING),
    ]
    assert here.view(50_000.0).state is State.TESTING


def test_who_is_late_is_late_though_nobody_has_looked() -> None:
    """The lease was over when his result came."""
    here = cut_off()
    mine = permit(here, 105.0, lease_s=20.0)
    events = here.tell(125.0, mine, OK, at_minimum=False)
    assert [event.state for event in events] == [State.TESTING, State.CUT_OFF]


def test_results_of_older_generations_are_lost() -> None:
    """A call from before the cut-off that fails only now says nothing about the backend of now, nor does one that went well."""
    here = breaker()
    old = permit(here, 100.0)
    calls(here, 100.0, *(FAILED,) * 10)
    for result in Result:
        here.tell(104.0, old, result, at_minimum=True)
    assert here.view(104.0).state is State.CUT_OFF
    for result in Result:
        here.tell(105.0, old, result, at_minimum=True)
    assert here.view(105.0).state is State.TESTING
    closes(here, 105.0)
    for _ in range(20):
        here.tell(106.0, old, FAILED, at_minimum=True)
    assert here.view(106.0).counts == Counts()


def test_what_may_change_something_does_not_test_where_something_safe_does() -> None:
    """It waits a second, and again, until nothing safe has come for ten; then somebody has to, and it is said."""
    here = cut_off()
    assert refused(here, 105.0, safe=False).retry_after_s == 1
    assert here.peek(105.0 + UNSAFE_AFTER_S - 0.1, safe=False) is not None
    calls(here, 110.0, OK)
    assert here.peek(115.0, safe=False) is not None
    assert here.peek(119.9, safe=False) is not None
    here.news()
    assert isinstance(here.ask(120.0, safe=False, lease_s=16.0), Permit)
    (event,) = here.news()
    assert event == Event(
        120.0,
        State.TESTING,
        State.TESTING,
        "a call that may change something is the test: nothing safe has come for 10 s",
    )


def test_after_an_idle_night_the_first_purchase_may_be_the_test() -> None:
    """Nobody else has come since the cut-off was over; whether anybody noticed that it was does not matter."""
    here = cut_off()
    assert here.peek(50_000.0, safe=False) is None
    assert isinstance(here.ask(50_000.0, safe=False, lease_s=16.0), Permit)
    assert here.view(50_000.0).state is State.TESTING


def test_where_a_probe_tests_no_purchase_has_to() -> None:
    """Each probe puts it off, but for one that could not be asked."""
    here = cut_off()
    for now in (105.0, 114.0, 123.0):
        assert probed(here, now, OK) is State.TESTING
    assert probed(here, 132.0, IGNORED) is State.TESTING
    assert refused(here, 132.9, safe=False).retry_after_s == 1
    assert isinstance(here.ask(133.0, safe=False, lease_s=16.0), Permit), "no probe for ten seconds: it may be broken"


def test_probes_alone_close_it() -> None:
    """A backend that gets only purchases: seven good probes, the first while it is cut off."""
    here = cut_off()
    assert probed(here, 102.0, FAILED) is State.CUT_OFF
    assert here.view(102.0).left_s == pytest.approx(3.0)
    assert probed(here, 103.0, OK) is State.TESTING
    assert here.view(103.0).width == 2
    for second in range(5):
        assert probed(here, 104.0 + second, OK) is State.TESTING
    assert probed(here, 109.0, OK) is State.CLOSED
    assert [event.why for event in here.news()] == []


def test_a_probe_that_fails_while_testing_cuts_off_again() -> None:
    """So that no caller has to be the one who finds out."""
    here = cut_off()
    assert probed(here, 105.0, IGNORED) is State.TESTING
    assert probed(here, 105.0, TIMEOUT) is State.CUT_OFF
    assert here.view(105.0).left_s == pytest.approx(7.5)


def test_a_probe_of_an_older_generation_is_lost() -> None:
    """It began before the cut-off was over."""
    here = cut_off()
    mine = here.probe(104.0)
    here.tell(106.0, mine, FAILED, at_minimum=False)
    here.tell(106.0, mine, OK, at_minimum=False)
    assert here.view(106.0) == View(State.TESTING, None, None, Counts(10, 10, 0), 0, 1, 0, 0, 2)


@pytest.mark.parametrize("bad", [FAILED, UNREACHABLE, TIMEOUT])
def test_a_dead_backend_is_known_before_any_call(bad: Result) -> None:
    """Three probes in a row; one that goes well between them begins anew, one that was broken off counts for nothing."""
    here = breaker()
    for result, state in [(bad, 1), (bad, 1), (OK, 1), (bad, 1), (IGNORED, 1), (bad, 1), (bad, 0)]:
        assert (probed(here, 100.0, result) is State.CLOSED) == state
    assert refused(here, 100.0).detail == "the backend is cut off: 3 of our own probes in a row failed"
    assert here.view(100.0).counts == Counts()


def test_probes_that_fail_beside_calls_that_go_well_prove_nothing() -> None:
    """The probed operation may be the one that is broken; and they count for nothing in the rates."""
    here = breaker()
    for _ in range(20):
        probed(here, 100.0, FAILED)
        probed(here, 100.0, FAILED)
        calls(here, 100.0, OK)
    assert here.view(100.0).state is State.CLOSED
    assert here.counts(100.0) == Counts(20, 0, 0)


def test_probes_are_counted_anew_after_a_cut_off() -> None:
    """Two that failed before it was closed again do not make a third."""
    here = breaker()
    probed(here, 100.0, FAILED)
    probed(here, 100.0, FAILED)
    calls(here, 100.0, *(FAILED,) * 10)
    closes(here, 105.0)
    assert probed(here, 106.0, FAILED) is State.CLOSED
    assert probed(here, 107.0, FAILED) is State.CLOSED
    assert probed(here, 108.0, FAILED) is State.CUT_OFF


@pytest.mark.parametrize(
    ("others", "mine", "result", "state"),
    [
        ((), 15, FAILED, State.CLOSED),  # nobody else has been heard of
        ((OK,) * 8, 15, FAILED, State.CLOSED),  # others are well
        ((FAILED,) * 2, 15, FAILED, State.CLOSED),  # too few of them
        ((FAILED,) * 3, 15, FAILED, State.CUT_OFF),
        ((*(OK,) * 4, *(FAILED,) * 4), 15, FAILED, State.CUT_OFF),
        ((*(OK,) * 5, *(FAILED,) * 4), 15, FAILED, State.CLOSED),
        ((), 15, UNREACHABLE, State.CUT_OFF),  # no operation's doing
        ((FAILED,) * 3, 5, FAILED, State.CLOSED),  # too few in all
    ],
)
def test_one_operation_that_fails_does_not_cut_the_whole_off(
    others: tuple[Result, ...], mine: int, result: Result, state: State
) -> None:
    """Most calls are its, and most fail: the backend is cut off only where the others fail as well, or nobody listens."""
    here, alone = breaker(), Counts()
    calls(here, 100.0, *others)
    for _ in range(mine):
        given = here.ask(100.0, safe=True, lease_s=16.0)
        if isinstance(given, Permit):
            here.tell(100.0, given, result, at_minimum=False, apart=alone)
            alone = Counts(alone.calls + 1, alone.failures + 1, 0)
    assert here.view(100.0).state is state


def test_what_an_operation_was_cut_off_for_is_taken_off_the_account() -> None:
    """The rest is what the others have met."""
    whole, part = breaker(replace(RULE, min_calls=50)), breaker()
    calls(whole, 100.0, *(OK,) * 6)
    for _ in range(10):
        call(whole, 100.0, FAILED)
        call(part, 100.0, FAILED)
    assert part.state is State.CUT_OFF
    assert part.counts(100.0) == Counts(), "it counts nothing while it is not closed"
    whole.forgive(100.0, part)
    assert whole.view(100.0).counts == Counts(6, 0, 0)


def test_observed_it_refuses_nobody_and_counts_whom_it_would_have() -> None:
    """Its own way goes on as if it did; what comes of those whom it would have refused moves nothing."""
    here = cut_off(rule=replace(RULE, observe=True))
    assert here.closed
    assert here.peek(101.0, safe=True) is None
    for _ in range(3):
        given = here.ask(101.0, safe=True, lease_s=16.0)
        assert given is UNCOUNTED
        here.tell(101.0, given, OK, at_minimum=False)
    assert here.view(101.0).state is State.CUT_OFF
    assert here.view(101.0)[6:8] == (0, 3)
    closes(here, 105.0)
    here = cut_off()
    assert here.ask(101.0, safe=True, lease_s=16.0, observe=True) is UNCOUNTED
    assert here.view(101.0)[6:8] == (0, 1)
    assert isinstance(here.ask(105.0, safe=True, lease_s=16.0, observe=True), Permit)
    assert here.view(105.0).testing == 1, "who would have been let through is counted"
    assert not cut_off().closed
    assert breaker().closed


@pytest.mark.parametrize("forced", list(Forced))
def test_an_order_ends_by_itself(forced: Forced) -> None:
    """What was cut off by it is tested then, the rest is closed; until then nothing that happens changes it."""
    here = breaker()
    here.force(100.0, forced, 160.0)
    for now in (100.0, 130.0, 159.9):
        for _ in range(30):
            probed(here, now, FAILED)
            given = here.ask(now, safe=True, lease_s=16.0)
            assert isinstance(given, Refusal) == (forced is Forced.CUT_OFF)
            if isinstance(given, Permit):
                here.tell(now, given, FAILED, at_minimum=True)
        probed(here, now, OK)
        view = here.view(now)
        assert (view.forced, view.state is State.CUT_OFF) == (forced, forced is Forced.CUT_OFF)
        assert view.left_s == pytest.approx(160.0 - now)
        assert view.counts == (Counts() if forced is not Forced.CLOSED else view.counts)
    here.news()
    view = here.view(161.0)
    assert view.forced is None
    assert view.state is (State.TESTING if forced is Forced.CUT_OFF else State.CLOSED)
    (event,) = here.news()
    assert event.at == 160.0
    assert event.why == ("the cut-off is over" if forced is Forced.CUT_OFF else f"{forced} is over")


def test_what_was_counted_under_a_forced_closed_bites_when_the_order_is_over() -> None:
    """An operator may overrule it, and not make it forget."""
    here = breaker()
    here.force(100.0, Forced.CLOSED, 160.0)
    calls(here, 159.0, *(FAILED,) * 20)
    assert here.view(159.0).state is State.CLOSED
    mine = permit(here, 159.0)
    (over, event) = here.tell(160.0, mine, FAILED, at_minimum=False)
    assert (over.why, event.state) == ("forced closed is over", State.CUT_OFF)


def test_what_was_ordered_cut_off_says_so() -> None:
    """And when it ends."""
    here = breaker()
    (event,) = here.force(100.0, Forced.CUT_OFF, 160.0)
    assert event == Event(100.0, State.CLOSED, State.CUT_OFF, "forced cut off", 160.0)
    refusal = refused(here, 100.5)
    assert refusal.detail == "the backend is cut off: an operator has ordered it"
    assert refusal.retry_after_s == 60
    assert dict(refusal.numbers)["cut_off_ms"] == 60_000
    assert dict(refusal.numbers)["failed_percent"] == 0
    assert here.peek(160.0, safe=True) is None
    assert here.peek(165.0, safe=False) is not None, "and what may change something is not the first to try"


@pytest.mark.parametrize("forced", [Forced.CLOSED, Forced.DISABLED])
def test_an_order_closes_what_is_cut_off(forced: Forced) -> None:
    """It hands over to slow start like any closing, and what was cut off for is forgotten."""
    here = cut_off()
    (event,) = here.force(101.0, forced, 160.0)
    assert event == Event(101.0, State.CUT_OFF, State.CLOSED, forced)
    assert here.peek(101.0, safe=False) is None
    assert isinstance(here.ask(101.0, safe=False, lease_s=1.0), Permit)
    assert here.view(101.0).counts == Counts()
    assert here.forced is forced


@pytest.mark.parametrize(("forced", "state"), [(Forced.CUT_OFF, State.TESTING), (Forced.CLOSED, State.CLOSED)])
def test_an_order_can_be_lifted(forced: Forced, state: State) -> None:
    """Before its time, and twice harms nobody."""
    here = breaker()
    assert here.lift(100.0) == ()
    here.force(100.0, forced, 160.0)
    (event,) = here.lift(110.0)
    assert (event.at, event.state) == (110.0, state)
    assert here.view(110.0)[:3] == (state, None, None)
    assert here.lift(110.0) == ()


def test_what_was_over_before_an_order_or_a_rule_is_over_at_its_own_moment() -> None:
    """Nobody had looked; the order and the rule that come now change nothing of it."""
    here = breaker()
    here.force(100.0, Forced.CLOSED, 160.0)
    assert here.force(200.0, Forced.DISABLED, 300.0)[0] == Event(
        160.0, State.CLOSED, State.CLOSED, "forced closed is over"
    )
    assert [event.at for event in here.lift(400.0)] == [300.0]
    here = cut_off()
    permit(here, 105.0, lease_s=20.0)
    here.bound(126.0, replace(RULE, open_for_s=60.0))
    assert here.view(126.0).left_s == pytest.approx(6.5)


@pytest.mark.parametrize("until", [99.0, 100.0, 100.1 + LONGEST_FORCED_S])
def test_an_order_has_an_end_that_can_be_waited_for(until: float) -> None:
    """In the future, and within a day; else nothing has changed."""
    here = breaker()
    with pytest.raises(ValueError, match="an order ends within 86400 s"):
        here.force(100.0, Forced.CUT_OFF, until)
    assert here.view(100.0).state is State.CLOSED
    with pytest.raises(ValueError, match="not after -1 s"):
        here.force(100.0, Forced.CUT_OFF, 99.0)
    here.force(100.0, Forced.CUT_OFF, 100.0 + LONGEST_FORCED_S)
    here.force(101.0, Forced.CLOSED, 102.0)
    assert here.view(101.0).forced is Forced.CLOSED, "a second order takes the first one's place"


def test_another_rule_keeps_what_is_known() -> None:
    """Counts go into the new window, a cut-off that is too long is shortened, the lengthenings stay."""
    here = breaker()
    calls(here, 100.0, *(FAILED,) * 9)
    here.bound(100.0, replace(RULE, window_s=60.0))
    assert here.rule.window_s == 60.0
    assert calls(here, 140.0, FAILED) is State.CUT_OFF
    here.bound(140.0, replace(RULE, open_max_s=2.0))
    assert here.view(140.0).left_s == pytest.approx(2.0)
    assert refused(here, 140.0, safe=False).retry_after_s == 2
    assert here.peek(142.0, safe=False) is not None
    assert here.peek(152.0, safe=False) is None
    here.bound(141.0, RULE)
    assert here.view(141.0).left_s == pytest.approx(1.0)
    calls(here, 142.0, FAILED)
    assert here.view(142.0).left_s == pytest.approx(7.5)


def test_an_order_is_not_shortened_by_another_rule() -> None:
    """Its end was the operator's word."""
    here = breaker()
    here.force(100.0, Forced.CUT_OFF, 5000.0)
    here.bound(101.0, replace(RULE, open_max_s=10.0))
    assert here.view(101.0).left_s == pytest.approx(4899.0)


def test_a_refusal_is_made_anew_under_another_rule() -> None:
    """Its numbers name the bound."""
    here = cut_off()
    refused(here, 100.0)
    here.bound(100.0, replace(RULE, failure_rate=1.0))
    assert dict(refused(here, 100.0).numbers)["failure_rate_percent"] == 100
    assert dict(refused(here, 100.0).numbers)["failed_percent"] == 100


def test_what_it_says_of_itself() -> None:
    """One line that a person reads: never open, always until when."""
    here = breaker()
    calls(here, 100.0, OK, FAILED)
    assert repr(here) == "<Breaker closed, <Window 30 s: 2 calls, 1 failed, 0 slow>>"
    here = cut_off()
    assert repr(here).startswith("<Breaker cut off until 105, ")
    permit(here, 105.0)
    assert repr(here).startswith("<Breaker testing 1 of 1, ")
    here.force(106.0, Forced.DISABLED, 200.0)
    assert repr(here).startswith("<Breaker closed (disabled until 200), ")


def test_what_nobody_asks_for_is_bounded() -> None:
    """The last transitions are kept, the first forgotten."""
    here = breaker()
    for number in range(100):
        here._advance(100.0 + number)
        here._forced, here._forced_until = Forced.CLOSED, 0.0
    assert len(here.news()) == 16
    assert here.news() == ()


class BreakerMachine(RuleBasedStateMachine):
    """Calls, hang-ups, lost permits, probes, orders, reloads and jumps of time in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0
        self.drawn = 0.5
        self.held: list[tuple[Permit, float]] = []
        self.old: list[Permit] = []
        self.told = list[Event]()
        self.state, self.generation = State.CLOSED, 0

    @initialize(rate=st.sampled_from([0.1, 0.5, 1.0]), observe=st.booleans())
    def made(self, rate: float, observe: bool) -> None:
        self.rule = Rule(failure_rate=rate, min_calls=3, observe=observe)
        self.breaker = Breaker(self.rule, lambda: self.drawn)

    def seen(self) -> View:
        """Look, and put away what is of an older generation."""
        view = self.breaker.view(self.now)
        assert view.generation >= self.generation
        if view.generation != self.generation:
            self.old += [each for each, _ in self.held]
            self.held.clear()
        self.state, self.generation = view.state, view.generation
        self.held = [each for each in self.held if self.state is State.CLOSED or each[1] > self.now]
        return view

    @rule(safe=st.booleans(), lease_s=st.sampled_from([1.0, 16.0]))
    def ask(self, safe: bool, lease_s: float) -> None:
        before = self.seen()
        peeked = self.breaker.peek(self.now, safe=safe)
        given = self.breaker.ask(self.now, safe=safe, lease_s=lease_s)
        if isinstance(given, Refusal):
            assert not self.rule.observe or before.forced is Forced.CUT_OFF, "an order is no word of its own"
            assert before.state is not State.CLOSED
            assert given.retry_after_s is not None
            assert given.retry_after_s >= 1
            if before.state is State.CUT_OFF:
                assert given.retry_after_s == ceil(before.left_s or 0)
            return
        assert peeked is None
        if given is not UNCOUNTED:
            assert before.state is not State.CUT_OFF
            self.held.append((given, self.now + lease_s))

    @precondition(lambda self: self.held)
    @rule(data=st.data(), result=st.sampled_from(list(Result)), at_minimum=st.booleans(), twice=st.booleans())
    def tell(self, data: st.DataObject, result: Result, at_minimum: bool, twice: bool) -> None:
        before = self.seen()
        if not self.held:
            return
        mine = data.draw(st.sampled_from(self.held))
        self.held.remove(mine)
        self.told += self.breaker.tell(self.now, mine[0], result, at_minimum=at_minimum)
        after = self.breaker.view(self.now)
        if before.forced is not None or result is Result.IGNORED:
            assert after.state is before.state
        if result in (Result.TIMEOUT, Result.SLOW) and not at_minimum and before.state is State.CLOSED:
            assert after.state is State.CLOSED, "above the minimum it is the limiter's"
        if before.state is State.TESTING and twice:
            seen = self.breaker.view(self.now)
            self.breaker.tell(self.now, mine[0], Result.FAILED, at_minimum=True)
            assert self.breaker.view(self.now) == seen, "a permit counts once"

    @precondition(lambda self: self.old)
    @rule(data=st.data(), result=st.sampled_from(list(Result)))
    def tell_late(self, data: st.DataObject, result: Result) -> None:
        before = self.seen()
        late = data.draw(st.sampled_from(self.old))
        self.breaker.tell(self.now, late, result, at_minimum=True)
        assert self.breaker.view(self.now) == before, "an old generation moves nothing"

    @rule(result=st.sampled_from(list(Result)), step_s=st.sampled_from([0.0, 1.0, 7.0]))
    def probe(self, result: Result, step_s: float) -> None:
        mine = self.breaker.probe(self.now)
        self.now += step_s
        before = self.seen()
        self.breaker.tell(self.now, mine, result, at_minimum=False)
        if mine.generation != before.generation or before.forced is not None:
            assert self.breaker.view(self.now) == before

    @rule(step_s=st.sampled_from([0.5, 1.0, 4.0, 6.0, 16.0, 130.0, 40_000.0]))
    def time_passes(self, step_s: float) -> None:
        self.now += step_s

    @rule(forced=st.sampled_from(list(Forced)), for_s=st.sampled_from([1.0, 60.0, 3600.0]))
    def order(self, forced: Forced, for_s: float) -> None:
        self.breaker.force(self.now, forced, self.now + for_s)
        assert self.seen().forced is forced
        self.until = self.now + for_s

    @rule()
    def lift(self) -> None:
        self.breaker.lift(self.now)
        assert self.seen().forced is None

    @rule(
        open_max_s=st.sampled_from([1.0, 120.0]), window_s=st.sampled_from([5.0, 30.0]), drawn=st.sampled_from([0, 0.9])
    )
    def bound(self, open_max_s: float, window_s: float, drawn: float) -> None:
        self.rule = replace(self.rule, open_max_s=open_max_s, window_s=window_s)
        self.drawn = drawn
        self.breaker.bound(self.now, self.rule)

    @invariant()
    def bounds_hold(self) -> None:
        if not hasattr(self, "breaker"):
            return
        view = self.seen()
        assert view.testing <= view.width <= 4
        assert view.width in ((1, 2, 4) if view.state is State.TESTING else (0,))
        if view.state is State.TESTING:
            assert view.testing == len(self.held), "no permit is lost and none is made"
        else:
            assert view.testing == 0
        assert view.counts.failures <= view.counts.calls
        assert view.counts.slow <= view.counts.calls
        if view.forced is not None:
            assert self.now < self.until
            assert view.left_s == pytest.approx(self.until - self.now)
        elif view.state is State.CUT_OFF:
            assert view.left_s is not None
            assert 0 < view.left_s <= 120.0

    @invariant()
    def it_can_always_be_closed_again(self) -> None:
        """Whatever has happened: when orders and leases are over, seven good safe calls close it."""
        if not hasattr(self, "breaker") or self.state is State.CLOSED or self.breaker.forced is not None:
            return
        view = self.breaker.view(self.now)
        assert view.left_s is None or view.left_s <= 120.0
        refusal = self.breaker.peek(self.now + 121.0, safe=True)
        assert refusal is None


TestBreakerMachine = BreakerMachine.TestCase


# --- runs of failures


def healthy(now: float = 100.0, rule: Rule = RULE) -> Breaker:
    """Return one that has so many good calls behind it that the rate alone would need minutes."""
    here = breaker(rule)
    assert calls(here, now, *(OK,) * 1000) is State.CLOSED
    return here


@pytest.mark.parametrize("result", [FAILED, UNREACHABLE])
def test_a_backend_that_only_fails_is_known_in_a_second(result: Result) -> None:
    """Twenty in a row, over a second: half of the window need not fail first."""
    here = healthy()
    assert calls(here, 110.0, *(result,) * 19) is State.CLOSED
    assert calls(here, 110.99, result) is State.CLOSED, "twenty, but not over a second"
    (event,) = call(here, 111.0, result)
    assert (event.state, event.why) == (State.CUT_OFF, "21 calls in a row failed")


def test_nineteen_in_a_row_are_no_run() -> None:
    """However long they take."""
    here = healthy()
    for second in range(19):
        assert calls(here, 100.0 + 0.1 * second, FAILED) is State.CLOSED
    assert calls(here, 102.0, FAILED) is State.CUT_OFF


@pytest.mark.parametrize("good", [OK, SLOW])
def test_a_good_call_ends_a_run(good: Result) -> None:
    """Also a slow one; a caller who went away is no sign of anything."""
    here = healthy()
    assert calls(here, 110.0, *(FAILED,) * 19, good) is State.CLOSED
    assert calls(here, 112.0, *(FAILED,) * 10, IGNORED, *(FAILED,) * 9) is State.CLOSED
    assert calls(here, 112.9, FAILED) is State.CLOSED, "the run began at 112"
    assert calls(here, 113.0, FAILED) is State.CUT_OFF


def test_calls_that_ran_out_of_time_are_no_part_of_a_run() -> None:
    """They are slow, and the limiter's; they have a rule of their own."""
    here = healthy()
    assert calls(here, 110.0, *(FAILED,) * 19, at_minimum=True) is State.CLOSED
    assert calls(here, 112.0, TIMEOUT, TIMEOUT, at_minimum=True) is State.CLOSED
    assert calls(here, 112.0, FAILED, at_minimum=True) is State.CUT_OFF


def test_a_run_begins_anew_with_the_breaker() -> None:
    """What failed before a cut-off is no part of what fails after it."""
    here = healthy()
    calls(here, 110.0, *(FAILED,) * 20)
    assert calls(here, 111.0, FAILED) is State.CUT_OFF
    closes(here, 120.0)
    calls(here, 120.0, *(OK,) * 1000)
    assert calls(here, 121.0, *(FAILED,) * 19) is State.CLOSED


def test_the_whole_is_cut_off_by_a_run_only_where_nobody_connects() -> None:
    """Replies that failed are the operation's, which has a breaker of its own."""
    none = Counts()
    here = healthy()
    for second in range(40):
        here.tell(110.0 + second / 10, permit(here, 110.0), FAILED, at_minimum=False, apart=none)
    assert here.view(114.0).state is State.CLOSED
    (event,) = here.tell(114.0, permit(here, 114.0), UNREACHABLE, at_minimum=False, apart=none)
    assert event.state is State.CUT_OFF


def test_an_outage_is_told_from_outside() -> None:
    """All operations that anybody asks for are cut off by themselves; what is cut off already, or held by an order, stays as it is."""
    here = healthy()
    (event,) = here.outage(101.0, 3)
    assert (event.state, event.why) == (State.CUT_OFF, "3 operations are cut off, and no other goes well")
    assert here.outage(102.0, 3) == ()
    held = breaker()
    held.force(100.0, Forced.DISABLED, 200.0)
    assert held.outage(101.0, 2) == ()


def test_how_long_it_is_cut_off_yet() -> None:
    """By itself or by order; what is closed, tested or disabled is not."""
    here = cut_off()
    assert here.rest_s(101.0) == pytest.approx(4.0)
    assert here.rest_s(105.0) == 0.0
    here.force(105.0, Forced.CUT_OFF, 165.0)
    assert here.rest_s(106.0) == pytest.approx(59.0)
    here.force(106.0, Forced.DISABLED, 165.0)
    assert here.rest_s(106.0) == 0.0
    assert breaker().rest_s(1.0) == 0.0
