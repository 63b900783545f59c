"""The work that waits in a line, at what it cost when it came and at what it costs now, and what part of it is ever served.

Told by the line of each call that comes, goes and ends; read where a wait is foretold. A change of load is so felt by all who wait, without
touching any of them.
"""

from __future__ import annotations

from typing import Final

from sidecar.policy.costs import Costs

_WEIGHT: Final = 0.02  # of the newest, in the part of those in line who are served: some fifty calls


class _Operation:
    """How many calls of one operation wait, each at the cost that it has now."""

    __slots__ = ("cost_s", "count")

    def __init__(self, cost_s: float) -> None:
        self.cost_s = cost_s
        self.count = 0


class Backlog:
    """Sums, kept as calls come and go: each is O(1)."""

    __slots__ = ("_operations", "_then_s", "costs", "count", "served", "today_s")

    def __init__(self) -> None:
        self.costs = Costs()
        self.count = 0
        self.today_s = 0.0  # of all that wait, in seconds of a slot
        self.served = 1.0  # 0 to 1: who hangs up, or runs out of time, is nobody's work
        self._then_s = 0.0
        self._operations: dict[str, _Operation] = {}

    def __repr__(self) -> str:
        return f"<Backlog {self.count} calls, {self.today_s:.3g} s, {self.served:.0%} of it served>"

    @property
    def scale(self) -> float:
        """What a second of work in line is now, where it was a second when it came."""
        return self.today_s / self._then_s if self._then_s > 0.0 else 1.0

    @property
    def mean_s(self) -> float:
        """What a call in line costs; where nobody waits, any call."""
        return self.today_s / self.count if self.count else self.costs.mean_s

    def add(self, name: str, cost_s: float) -> None:
        """Count a call of the operation `name`, reckoned at `cost_s` when it came."""
        operation = self._operations.get(name)
        if operation is None:
            operation = self._operations[name] = _Operation(cost_s)
        operation.count += 1
        self.count += 1
        self.today_s += operation.cost_s
        self._then_s += cost_s

    def remove(self, name: str, cost_s: float) -> None:
        """Take out one that was counted so."""
        operation = self._operations[name]
        operation.count -= 1
        self.count -= 1
        self.today_s -= operation.cost_s
        self._then_s -= cost_s
        if not operation.count:
            del self._operations[name]
            if not self._operations:
                self.today_s = self._then_s = 0.0  # what sums of fractions leave behind

    def left(self, served: float) -> None:
        """Note how one who waited ended: 1 served, 0 not, between them the chance that he will be."""
        self.served += _WEIGHT * (served - self.served)

    def learn(self, now: float, name: str, took_s: float) -> None:
        """Note how long a call has held its slot: whoever waits for the same is reckoned at the new mean."""
        cost_s, operation = self.costs.tell(now, name, took_s), self._operations.get(name)
        if operation is not None:
            self.today_s += operation.count * (cost_s - operation.cost_s)
            operation.cost_s = cost_s
