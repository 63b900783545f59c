"""`ports.Rates` in memory: the rates of every backend, by name. What is counted outlives a reload, and ends with the process.

The policy decides; this file looks at the clock and knows which backend has which rules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sidecar.policy.rates import Asked, Go, Rates, rate_limit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sidecar.model import Call, RawHeaders, Refusal
    from sidecar.policy.rates import RateRule, RateView
    from sidecar.ports import Clock


class MemoryRates:
    """One policy per backend that has rules."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._backends: dict[str, Rates] = {}

    def __repr__(self) -> str:
        return f"<MemoryRates {' '.join(f'{name}: {rates!r}' for name, rates in self._backends.items()) or 'none'}>"

    def bound(self, rules: Mapping[str, Sequence[RateRule]]) -> None:
        """Take the rules of a plan, by backend. What is counted under a rule that stays is kept; a backend that is gone is forgotten."""
        before, self._backends = self._backends, {}
        for backend, its in rules.items():
            if its:
                self._backends[backend] = rates = before.get(backend) or Rates()
                rates.bound(self._clock.now(), its)

    def forget(self, backend: str) -> None:
        """Begin anew under a name that means another backend now; its rules are taken with the next plan."""
        self._backends.pop(backend, None)

    def view(self, backend: str) -> tuple[RateView, ...]:
        """Return the rules of one backend with what they have counted, for people."""
        rates = self._backends.get(backend)
        return () if rates is None else rates.view()

    def ask(
        self, backend: str, line: str, call: Call, client: str, within_s: float, *, under_way: bool = False
    ) -> tuple[float | Refusal, RawHeaders]:
        """See `ports.Rates.ask`."""
        now = self._clock.now()
        rates = self._backends.get(backend)
        if rates is None:  # calls of a backend that a reload took away still come to their ends
            return now, ()
        calls = len(call.members) or 1
        verdict = rates.ask(now, Asked(client, call.operation, line, call.parameters.get, calls, under_way), within_s)
        start = verdict.not_before if isinstance(verdict, Go) else verdict.refusal
        if not verdict.told:
            return start, ()
        left = (b"RateLimit", rate_limit(verdict.told).encode())
        # A rate that is not his own has no policy that a caller could keep to.
        policy = rates.policy(line)
        return start, (left, (b"RateLimit-Policy", policy)) if policy else (left,)
