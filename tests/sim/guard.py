"""The product's breakers before the backend of a run: they see the clock of the run, and what its stages would tell them.

`peek` is what the queue stage asks at the door, `ask` and `tell` what the breaker stage does around an attempt.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Final

from sidecar.model import Refusal, Result
from sidecar.policy.adaptive import Adaptive
from sidecar.policy.breaking import Rule, State
from sidecar.stores.breakers import MemoryBreakers
from tests.sim.backends import End

if TYPE_CHECKING:
    from sidecar.policy.limiter import Limiter
    from sidecar.stores.breakers import Passed
    from tests.sim.backends import Job
    from tests.sim.scenario import Scenario

_BACKEND: Final = "backend"
_CONNECT_S, _GRACE_S = (
    2.0,
    1.0,
)  # what a lease outlasts the attempt's own bound by: the default of `connect`, and the stage's grace
_RESULTS: Final = {
    End.ANSWER: Result.OK,
    End.ERROR: Result.FAILED,
    End.REFUSED: Result.UNREACHABLE,
    End.LOST: Result.FAILED,
}


class Guard:
    """Breakers with the default rule, of the whole and of each operation. It is its own clock and log."""

    def __init__(self, limiter: Limiter, scenario: Scenario, seed: int) -> None:
        self._limiter, self._operations = limiter, scenario.operations
        self._lease_s = scenario.timeout_s + _CONNECT_S + _GRACE_S
        self._now = 0.0
        self.events: list[tuple[float, str | None, str]] = []  # when it was noticed, the operation, the state
        self._breakers = MemoryBreakers(
            self, self, Random(seed).random, self._at_minimum, self._closed, lambda _, __: False
        )
        self._breakers.bound({_BACKEND: Rule()})

    def now(self) -> float:
        return self._now

    def wall(self) -> float:
        return self._now

    def event(self, name: str, **facts: object) -> None:
        self.events.append((self._now, facts["operation"], str(facts["state"])))  # type: ignore[arg-type]  # a name or None

    def peek(self, now: float, job: Job) -> bool:
        """Say whether somebody who comes now is refused at the door."""
        self._now = now
        safe = self._operations[job.operation].safe
        return self._breakers.peek(_BACKEND, job.operation, safe=safe) is not None

    def ask(self, now: float, job: Job) -> Passed | None:
        """Let a call that has a slot through, None where it is spared after all."""
        self._now = now
        safe = self._operations[job.operation].safe
        passed = self._breakers.ask(_BACKEND, job.operation, safe=safe, lease_s=self._lease_s)
        return None if isinstance(passed, Refusal) else passed

    def tell(self, now: float, job: Job, *, timeout: bool = False) -> None:
        """Tell what came of it."""
        self._now = now
        result = Result.TIMEOUT if timeout else _RESULTS[job.end]
        self._breakers.tell(job.passed, result, now - job.started)

    def _at_minimum(self, _: str) -> bool:
        return not isinstance(self._limiter, Adaptive) or self._limiter.at_minimum

    def _closed(self, _: str) -> None:
        if isinstance(self._limiter, Adaptive):
            self._limiter.slow_start(self._now)


def is_test(passed: Passed) -> bool:
    """Say whether a call is one of a trial, which somebody has to make where a backend is cut off."""
    return State.TESTING in (passed.whole.state, passed.part.state)
