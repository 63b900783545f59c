"""The gauge: worse at once, better only after five quiet seconds, at the very boundaries."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from sidecar.model import Executed, Grade, Level
from sidecar.policy.pressure import FAILURES_TO_BE_DOWN, HYSTERESIS_S, Gauge

OK = Grade("ok", Executed.YES)
AWAY = Grade("backend_unreachable", Executed.NO, "refused", healthy=False)
SLOW = Grade("outcome_unknown", Executed.UNKNOWN, "timeout", healthy=False)
PAGE = Grade("backend_bad_reply", Executed.UNKNOWN, "html", healthy=False)
FAULT = Grade("backend_fault", Executed.NO, "client")


def test_a_new_backend_is_well() -> None:
    """Nothing is known against it."""
    assert Gauge().ask(0.0) is Level.OK


@pytest.mark.parametrize("grade", [AWAY, SLOW, PAGE], ids=lambda grade: grade.state)
def test_one_bad_attempt_strains_for_five_seconds(grade: Grade) -> None:
    """Up to, not including, the fifth second."""
    gauge = Gauge()
    gauge.tell(10.0, grade, waiting=0)
    assert gauge.ask(10.0) is Level.STRAINED
    assert gauge.ask(10.0 + HYSTERESIS_S - 0.001) is Level.STRAINED
    assert gauge.ask(10.0 + HYSTERESIS_S) is Level.OK


@pytest.mark.parametrize("grade", [OK, FAULT], ids=lambda grade: grade.state)
def test_an_answer_is_no_strain_whatever_it_says(grade: Grade) -> None:
    """A fault that blames the request says that the backend is alive."""
    gauge = Gauge()
    gauge.tell(10.0, grade, waiting=0)
    assert gauge.ask(10.0) is Level.OK


def test_somebody_who_waits_is_strain() -> None:
    """With a grade and without; a line that has emptied tells nothing."""
    gauge = Gauge()
    gauge.tell(10.0, None, waiting=1)
    assert gauge.ask(14.9) is Level.STRAINED
    gauge.tell(14.9, OK, waiting=2)
    assert gauge.ask(19.8) is Level.STRAINED
    gauge.tell(19.8, None, waiting=0)
    assert gauge.ask(20.0) is Level.OK


def test_three_refusals_in_a_row_are_an_outage() -> None:
    """One is a restart of its web server, and anything that answers in between starts the count anew."""
    gauge = Gauge()
    for now in (1.0, 2.0):
        gauge.tell(now, AWAY, waiting=0)
    gauge.tell(3.0, OK, waiting=0)
    for now in (4.0, 5.0):
        gauge.tell(now, AWAY, waiting=0)
    assert gauge.ask(5.0) is Level.STRAINED
    gauge.tell(6.0, AWAY, waiting=0)
    assert gauge.ask(6.0) is Level.DOWN


def test_down_lasts_until_a_sign_of_life_and_five_seconds_more() -> None:
    """Silence proves nothing: without an attempt it stays down."""
    gauge = Gauge()
    for now in (1.0, 2.0, 3.0):
        gauge.tell(now, AWAY, waiting=0)
    assert gauge.ask(1000.0) is Level.DOWN
    gauge.tell(1000.0, OK, waiting=0)
    assert gauge.ask(1004.999) is Level.DOWN
    assert gauge.ask(1005.0) is Level.OK


def test_a_timeout_after_an_outage_is_a_sign_of_life_of_a_strained_backend() -> None:
    """It took the connection; five seconds from then it is neither down nor strained any more."""
    gauge = Gauge()
    for now in (1.0, 2.0, 3.0):
        gauge.tell(now, AWAY, waiting=0)
    gauge.tell(10.0, SLOW, waiting=0)
    assert gauge.ask(10.0) is Level.DOWN
    assert gauge.ask(14.9) is Level.DOWN
    assert gauge.ask(15.0) is Level.OK


class GaugeMachine(RuleBasedStateMachine):
    """Any order of grades and waits: the level gets worse at once and better only after quiet."""

    def __init__(self) -> None:
        super().__init__()
        self.gauge = Gauge()
        self.now = 0.0
        self.in_a_row = 0
        self.bad_at = self.down_at = float("-inf")

    @rule(grade=st.sampled_from([OK, AWAY, SLOW, PAGE, FAULT, None]), waiting=st.integers(0, 2))
    def tell(self, grade: Grade | None, waiting: int) -> None:
        before = self.gauge.ask(self.now)
        self.gauge.tell(self.now, grade, waiting=waiting)
        if waiting or (grade is not None and not grade.healthy):
            self.bad_at = self.now
        if grade is AWAY:
            self.in_a_row += 1
        elif grade is not None:
            if self.in_a_row >= FAILURES_TO_BE_DOWN:
                self.down_at = self.now
            self.in_a_row = 0
        assert self.gauge.ask(self.now) >= before, "nothing that is told makes it better at once"

    @rule(step_s=st.sampled_from([0.0, 0.5, 2.5, 5.0, 7.0]))
    def pass_time(self, step_s: float) -> None:
        self.now += step_s

    @invariant()
    def the_level_is_what_the_story_says(self) -> None:
        down = self.in_a_row >= FAILURES_TO_BE_DOWN or self.now - self.down_at < HYSTERESIS_S
        strained = self.now - self.bad_at < HYSTERESIS_S
        expected = Level.DOWN if down else Level.STRAINED if strained else Level.OK
        assert self.gauge.ask(self.now) is expected


TestGaugeMachine = GaugeMachine.TestCase
