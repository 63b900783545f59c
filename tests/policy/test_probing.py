"""The probes' schedule: the first at once, one at a time, soon while something is in doubt, never in a herd."""

from __future__ import annotations

import hypothesis
import hypothesis.strategies as st
import pytest

from sidecar.policy.breaking import State
from sidecar.policy.probing import JITTER, SOON_S, Schedule


def schedule(every_s: float = 10.0, chance: float = 0.5) -> Schedule:
    return Schedule(100.0, every_s, lambda: chance)


def test_the_first_is_due_at_once() -> None:
    """A backend that is dead at eight is known before anybody comes at nine."""
    here = schedule()
    assert here.wait_s(100.0) == 0
    assert here.ask(100.0, 3.0)
    assert repr(here) == "<Schedule next at 100, one is under way until 103 at most>"


@pytest.mark.parametrize(
    ("state", "bad", "after_s"),
    [
        (State.CLOSED, False, 10.0),
        (State.CLOSED, True, SOON_S),
        (State.TESTING, False, SOON_S),
        (State.TESTING, True, SOON_S),
        (State.CUT_OFF, True, 10.0),
        (State.CUT_OFF, False, 10.0),
    ],
)
def test_when_the_next_one_is_due(state: State, bad: bool, after_s: float) -> None:
    """Every so often, and soon where its answer is waited for."""
    here = schedule()
    here.ask(100.0, 3.0)
    here.tell(101.0, state, bad=bad)
    assert repr(here) == f"<Schedule next at {101 + after_s:g}>"
    assert here.wait_s(101.0) == after_s in (1.0, 10.0)
    assert here.wait_s(200.0) == 0
    assert not here.ask(101.0 + after_s - 0.01, 3.0)
    assert here.ask(101.0 + after_s, 3.0)


def test_soon_is_never_later_than_usual() -> None:
    """Whoever probes twice a second goes on so."""
    here = schedule(0.5)
    here.ask(100.0, 3.0)
    here.tell(100.0, State.TESTING, bad=False)
    assert here.wait_s(100.0) == 0.5


def test_one_at_a_time_and_none_is_waited_for_for_ever() -> None:
    """A probe that got lost stops the next one for as long as it may take."""
    here = schedule()
    assert here.ask(100.0, 3.0)
    assert here.ask(102.9, 3.0) is False
    assert here.wait_s(102.0) == 1.0
    assert here.ask(103.0, 3.0)


def test_a_night_owes_one_probe() -> None:
    """Time that jumped is not made up for."""
    here = schedule()
    here.ask(100.0, 3.0)
    here.tell(100.0, State.CLOSED, bad=False)
    assert here.ask(50_000.0, 3.0)
    here.tell(50_000.0, State.CLOSED, bad=False)
    assert not here.ask(50_001.0, 3.0)


@pytest.mark.parametrize(("chance", "wait_s"), [(0.0, 9.0), (0.25, 9.5), (0.5, 10.0), (0.75, 10.5)])
def test_a_tenth_is_what_they_drift_by(chance: float, wait_s: float) -> None:
    """Of ten seconds one, either way."""
    here = schedule(10.0, chance)
    here.ask(100.0, 3.0)
    here.tell(100.0, State.CLOSED, bad=False)
    assert here.wait_s(100.0) == pytest.approx(wait_s)


@hypothesis.given(chance=st.floats(0, 1, exclude_max=True))
def test_probes_drift_apart(chance: float) -> None:
    """A tenth earlier or later, as is drawn."""
    here = schedule(10.0, chance)
    here.ask(100.0, 3.0)
    here.tell(100.0, State.CLOSED, bad=False)
    assert here.wait_s(100.0) == pytest.approx(10.0 * (1 + JITTER * (2 * chance - 1)))
    assert 9.0 <= here.wait_s(100.0) <= 11.0


def test_another_time_between_two_holds_at_once() -> None:
    """A shorter one brings the next nearer, a longer one lets it come when it was due."""
    here = schedule(60.0)
    here.ask(100.0, 3.0)
    here.tell(100.0, State.CLOSED, bad=False)
    here.bound(110.0, 300.0)
    assert here.wait_s(110.0) == 50.0
    here.bound(110.0, 5.0)
    assert here.wait_s(110.0) == 5.0
    here.ask(115.0, 3.0)
    here.tell(115.0, State.CLOSED, bad=False)
    assert here.wait_s(115.0) == 5.0
