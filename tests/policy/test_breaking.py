"""The breaker's one sum: how much is too much, and when nothing is proved."""

from __future__ import annotations

import math

import pytest

from sidecar.policy.breaking import BAD, UNCOUNTED, Permit, Result, Rule, State
from sidecar.policy.sliding import Counts


@pytest.mark.parametrize(
    ("counts", "least", "too_much"),
    [
        (Counts(10, 5, 0), 10, True),
        (Counts(10, 4, 0), 10, False),
        (Counts(9, 9, 9), 10, False),
        (Counts(10, 0, 8), 10, True),
        (Counts(10, 0, 7), 10, False),
        (Counts(10, 4, 7), 10, False),
        (Counts(3, 2, 0), 3, True),
        (Counts(1000, 499, 0), 10, False),
        (Counts(1000, 500, 0), 10, True),
    ],
)
def test_how_much_is_too_much(counts: Counts, least: int, too_much: bool) -> None:
    """Either rate is enough, exactly at its number, and too few calls are never."""
    assert Rule().is_too_much(counts, least) is too_much


def test_the_usual_rule() -> None:
    """As the settings' reference says it, and as long as nobody only looks on."""
    assert Rule() == Rule(0.5, 0.8, 5.0, 30.0, 10, 5.0, 120.0, observe=False)
    assert not Permit(1).probe


def test_what_people_read_has_no_open() -> None:
    """Nobody at three in the morning knows whether an open breaker is good."""
    assert [state.value for state in State] == ["closed", "cut off", "testing"]


def test_permits_are_known_by_themselves() -> None:
    """Two of one generation are two."""
    assert Permit(1) != Permit(1)
    assert UNCOUNTED.generation < 0
    assert {result for result in Result if result in BAD} == {Result.FAILED, Result.UNREACHABLE, Result.TIMEOUT}


@pytest.mark.parametrize(
    ("failure_rate", "min_calls", "run"),
    [(0.5, 10, 20), (0.5, 100, 100), (0.25, 10, 10), (0.3, 1, 12), (0.9, 10, 132), (1.0, 10, math.inf)],
)
def test_a_run_that_no_chance_would_bring(failure_rate: float, min_calls: int, run: float) -> None:
    """Where nearly as many may fail as bear being cut off, so many in a row come once in a million times."""
    assert Rule(failure_rate=failure_rate, min_calls=min_calls).run == run
