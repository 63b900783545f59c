"""`ports.Retries` in memory: each backend's budget, by name. The policies know how much and how long; this file knows the clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sidecar.policy.backoff import full_jitter
from sidecar.policy.budget import Budget, RetryRule

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sidecar.ports import Clock


class MemoryRetries:
    """Budgets by backend. `chance` gives a number in [0, 1); `expected_s` says how long an operation of a backend takes, as it is now."""

    def __init__(self, clock: Clock, chance: Callable[[], float], expected_s: Callable[[str, str], float]) -> None:
        self._clock, self._chance, self._expected_s = clock, chance, expected_s
        self._held: dict[str, tuple[RetryRule, Budget]] = {}

    def __repr__(self) -> str:
        return f"<MemoryRetries {' '.join(f'{name}: {budget!r}' for name, (_, budget) in self._held.items())}>"

    def bound(self, rules: Mapping[str, RetryRule]) -> None:
        """Take the rules of a plan, by backend; what is saved stays. A backend that is not named has no retries."""
        before, self._held = self._held, {}
        for name, rule in rules.items():
            budget = before[name][1] if name in before else Budget(rule.ratio)
            budget.bound(rule.ratio)
            self._held[name] = (rule, budget)

    def forget(self, backend: str) -> None:
        """Begin anew under a name that means another backend now: what the old one earned is not this one's."""
        if backend in self._held:
            rule = self._held[backend][0]
            self._held[backend] = (rule, Budget(rule.ratio))

    def earned(self, backend: str) -> None:
        """See `ports.Retries.earned`."""
        if (held := self._held.get(backend)) is not None:
            held[1].deposit()

    def take(self, backend: str, attempts: int) -> float | None:
        """See `ports.Retries.take`."""
        held = self._held.get(backend)
        if held is None or attempts >= held[0].attempts or not held[1].withdraw(self._clock.now()):
            return None
        return full_jitter(attempts, self._chance())

    def expected_s(self, backend: str, operation: str) -> float:
        """See `ports.Retries.expected_s`."""
        return self._expected_s(backend, operation)
