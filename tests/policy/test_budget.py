"""The retry budget: no more retries than a part of what went well, and the floor's; never below nothing, never above its cap."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from sidecar.policy.budget import CAP, FLOOR_S, Budget, RetryRule


def drawn(budget: Budget, now: float = 0.0) -> int:
    """Take what there is."""
    taken = 0
    while budget.withdraw(now):
        taken += 1
    return taken


def test_what_a_rule_says_where_nothing_is_written() -> None:
    """One retry for ten good calls, and one for a call."""
    assert RetryRule() == RetryRule(0.1, 2)
    assert RetryRule().attempts == 2


def test_ten_good_calls_pay_for_one_retry() -> None:
    """Ten times a tenth is one, whatever floats make of it; nine are not enough."""
    budget = Budget()
    assert drawn(budget) == 1, "the floor's"
    for _ in range(9):
        budget.deposit()
    assert drawn(budget) == 0
    budget.deposit()
    assert repr(budget) == "<Budget 1.0 of 10 retries>"
    assert drawn(budget) == 1
    assert budget.saved == 0


def test_what_is_saved_is_bounded() -> None:
    """A good hour is no licence for a storm: ten, and the floor's one."""
    budget = Budget(0.5)
    for _ in range(1000):
        budget.deposit()
    assert budget.saved == CAP
    assert drawn(budget) == 11


def test_the_floor_gives_one_in_ten_seconds_and_saves_none() -> None:
    """After an idle night it is one, and not three thousand."""
    budget = Budget(0.1)
    assert drawn(budget, 100.0) == 1
    assert drawn(budget, 109.99) == 0
    assert drawn(budget, 110.0) == 1
    assert drawn(budget, 40_000.0) == 1


def test_what_is_paid_for_goes_first() -> None:
    """The floor is for whoever has nothing."""
    budget = Budget(1.0)
    budget.deposit()
    assert budget.withdraw(0.0)
    assert budget.withdraw(1.0), "the floor is untouched"
    assert not budget.withdraw(2.0)


def test_no_budget_is_none_at_all() -> None:
    """Whoever writes 0 % wants no retries, the floor's neither."""
    budget = Budget(0.0)
    budget.deposit()
    assert drawn(budget, 1e6) == 0
    budget.bound(0.25)
    assert drawn(budget, 1e6) == 1
    for _ in range(4):
        budget.deposit()
    assert drawn(budget, 1e6) == 1


@pytest.mark.parametrize("cap", [1.0, 3.0])
def test_another_cap(cap: float) -> None:
    """As the caller says."""
    budget = Budget(1.0, cap)
    for _ in range(5):
        budget.deposit()
    assert budget.saved == cap


class BudgetMachine(RuleBasedStateMachine):
    """Deposits, withdrawals and time in any order, beside the sum that bounds them."""

    def __init__(self) -> None:
        super().__init__()
        self.budget, self.now = Budget(0.1), 0.0
        self.good = self.taken = 0

    @rule(times=st.integers(1, 150))
    def goes_well(self, times: int) -> None:
        for _ in range(times):
            self.budget.deposit()
        self.good += times

    @rule()
    def fails(self) -> None:
        before = self.budget.saved
        given = self.budget.withdraw(self.now)
        self.taken += given
        assert given or before < 1

    @rule(step_s=st.sampled_from([0.1, 1.0, 5.0, 10.0, 30_000.0]))
    def time_passes(self, step_s: float) -> None:
        self.now += step_s

    @invariant()
    def bounds_hold(self) -> None:
        assert 0 <= self.budget.saved <= CAP
        assert self.taken <= 0.1 * self.good + 1 + self.now / FLOOR_S + 1e-6


TestBudgetMachine = BudgetMachine.TestCase
