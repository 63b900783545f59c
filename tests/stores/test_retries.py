"""Retry budgets by name: what one backend earns is spent on no other, and a new plan keeps what is saved."""

from __future__ import annotations

import pytest

from sidecar.policy.budget import RetryRule
from sidecar.stores.retries import MemoryRetries


class Clock:
    """Time in the hands of the test."""

    def __init__(self) -> None:
        self.time = 100.0

    def now(self) -> float:
        return self.time

    def wall(self) -> float:
        raise AssertionError("the time of day decides nothing here")


def retries(**rules: RetryRule) -> MemoryRetries:
    made = MemoryRetries(Clock(), lambda: 0.5, lambda backend, operation: len(backend + operation) / 10)
    made.bound(rules or {"tickets": RetryRule(1.0, 3)})
    return made


def test_a_retry_is_paid_for_and_backs_off() -> None:
    """Half of its bound as drawn, the bound twice as long for the second."""
    here = retries()
    for _ in range(5):
        here.earned("tickets")
    assert here.take("tickets", 1) == pytest.approx(0.05)
    assert here.take("tickets", 2) == pytest.approx(0.1)
    assert here.take("tickets", 3) is None, "three attempts are three"
    assert repr(here) == "<MemoryRetries tickets: <Budget 3.0 of 10 retries>>"


def test_where_nothing_is_saved_there_is_the_floor() -> None:
    """One in ten seconds."""
    here = retries()
    assert here.take("tickets", 1) is not None
    assert here.take("tickets", 1) is None


def test_each_backend_has_its_own() -> None:
    """And one without a rule has none."""
    here = retries(tickets=RetryRule(1.0), members=RetryRule(1.0))
    here.earned("members")
    here.earned("nobody")
    assert here.take("tickets", 1) is not None
    assert here.take("tickets", 1) is None
    assert here.take("members", 1) is not None
    assert here.take("members", 1) is not None
    assert here.take("nobody", 1) is None
    assert here.expected_s("tickets", "Get") == 1.0


def test_another_plan_keeps_what_is_saved() -> None:
    """Its ratio holds from now on; a name that means another backend has saved nothing."""
    here = retries()
    here.earned("tickets")
    here.bound({"tickets": RetryRule(0.5, 3)})
    here.earned("tickets")
    assert repr(here) == "<MemoryRetries tickets: <Budget 1.5 of 10 retries>>"
    here.forget("tickets")
    here.forget("nobody")
    assert repr(here) == "<MemoryRetries tickets: <Budget 0.0 of 10 retries>>"
    here.earned("tickets")
    assert repr(here) == "<MemoryRetries tickets: <Budget 0.5 of 10 retries>>"
    here.bound({})
    assert here.take("tickets", 1) is None
