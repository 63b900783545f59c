"""The trial: one, two, four at once, seven good calls to the end, and a lease that nobody brings back is not lost."""

from __future__ import annotations

import hypothesis
import hypothesis.strategies as st
import pytest

from sidecar.policy.sliding import Counts
from sidecar.policy.trial import Trial, Verdict

GOOD, BAD, SLOW = "good", "bad", "slow"


def told(trial: Trial, *results: str, failure_rate: float = 0.5, slow_rate: float = 0.8) -> Verdict | None:
    verdict = None
    for result in results:
        assert verdict is None, f"it was over: {verdict}"
        verdict = trial.tell(bad=result == BAD, slow=result == SLOW, failure_rate=failure_rate, slow_rate=slow_rate)
    return verdict


def test_it_widens_with_what_goes_well() -> None:
    """1, 2, 4: and the seventh good one ends it."""
    trial, widths = Trial(), []
    for _ in range(6):
        widths.append(trial.width)
        assert told(trial, GOOD) is None
    assert [*widths, trial.width] == [1, 2, 2, 4, 4, 4, 4]
    assert told(trial, GOOD) is Verdict.PASSED
    assert trial.counts == Counts(7, 0, 0)


@pytest.mark.parametrize(
    ("results", "rate", "verdict"),
    [
        ((BAD,), 0.5, Verdict.FAILED),
        ((BAD,), 1.0, Verdict.FAILED),
        ((GOOD, BAD), 0.5, Verdict.FAILED),
        ((GOOD, BAD), 0.6, None),
        ((GOOD, GOOD, BAD), 0.5, None),
        ((GOOD, GOOD, BAD, BAD), 0.5, Verdict.FAILED),
        ((GOOD, GOOD, GOOD, BAD, GOOD, GOOD, GOOD, GOOD), 0.5, Verdict.PASSED),
        ((GOOD, *(BAD,) * 6), 1.0, None),
        ((GOOD, *(BAD,) * 7), 1.0, Verdict.FAILED),
        ((SLOW,) * 7, 0.5, Verdict.SLOW),
        ((SLOW,) * 6, 0.5, None),
        ((GOOD, *(SLOW,) * 6), 0.5, Verdict.SLOW),
        ((GOOD, GOOD, *(SLOW,) * 5), 0.5, Verdict.PASSED),
        ((GOOD, GOOD, GOOD, BAD, *(SLOW,) * 4), 0.5, Verdict.PASSED),
        ((GOOD, BAD, *(SLOW,) * 6), 0.6, Verdict.PASSED),
    ],
)
def test_what_it_shows(results: tuple[str, ...], rate: float, verdict: Verdict | None) -> None:
    """One flaky call among good ones is none to end it; a cold first answer is no slow backend; and it always ends."""
    assert told(Trial(), *results, failure_rate=rate) is verdict


@hypothesis.given(
    results=st.lists(st.sampled_from([GOOD, BAD, SLOW]), min_size=13, max_size=13), rate=st.floats(0.01, 1)
)
def test_it_comes_to_an_end(results: list[str], rate: float) -> None:
    """Thirteen results are enough for any rate."""
    trial = Trial()
    assert any(told(trial, result, failure_rate=rate) for result in results)


def test_slow_is_judged_at_its_rate_exactly() -> None:
    """Seven of seven are all of them; and one that failed is among what has come of it."""
    assert told(Trial(), *(SLOW,) * 7, slow_rate=1.0) is Verdict.SLOW
    trial = Trial()
    told(trial, GOOD, SLOW, BAD)
    assert trial.counts == Counts(3, 1, 1)


def test_leases_are_counted_and_come_back_once() -> None:
    """What is overdue takes no room, is found in its order and cannot be given back."""
    trial = Trial()
    first, second, third = object(), object(), object()
    assert trial.has_room(0.0)
    trial.lease(first, 10.0)
    assert not trial.has_room(9.9)
    assert trial.has_room(10.0)
    trial.width = 2
    trial.lease(second, 5.0)
    assert repr(trial) == "<Trial 2 of 2 at once, 0 good, 0 bad>"
    assert trial.overdue(4.9) is None
    assert trial.overdue(99.0) == 5.0
    assert not trial.take_back(second)
    assert not trial.take_back(third)
    assert len(trial) == 1
    assert trial.overdue(10.0) == 10.0
    assert trial.overdue(99.0) is None
    trial.lease(third, 10.0)
    assert trial.take_back(third)
    assert not trial.take_back(third)
