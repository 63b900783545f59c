"""What reached the people of a crowd, counted: states, refusals by reason, who was served, who got nothing, and how long it took.

It stands in front of the road, beside the crowd that fills it in. It answers plain values; it sends nothing and waits for nobody.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sidecar.demo.voices import NO_RESPONSE, UNMARKED

if TYPE_CHECKING:
    from sidecar.demo.voices import Heard


@dataclass(slots=True)
class Report:
    """What reached people."""

    people: int = 0
    served: int = 0  # who got all that they had come for; that it is sold out is an answer
    nothing: int = 0  # who did not get one answer that they could use
    left_out: int = 0
    sent_home: int = 0
    calls: int = 0
    returns: int = 0  # of calls that had been told when to come back
    places: int = 0  # of those, how many showed a place
    seats: int = 0  # reserved, as people were told
    orders: int = 0  # confirmed to people
    states: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)  # by state and reason, where somebody said when to come back
    by_dialect: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    waits_s: list[float] = field(default_factory=list)  # from the first asking to the last answer, returns included
    good: Counter[int] = field(default_factory=Counter)  # by part of the time

    def count(self, dialect: str, heard: Heard, part: int = 0) -> None:
        """Count one answer, or that there was none."""
        self.calls += 1
        self.states[heard.state] += 1
        self.by_dialect[dialect][heard.state] += 1
        if heard.good:
            self.good[part] += 1
        elif heard.after_s is not None:
            self.refused[heard.state if heard.reason is None else f"{heard.state}/{heard.reason}"] += 1

    def back(self, *, with_place: bool) -> None:
        """Count somebody who comes back when he was told to."""
        self.returns += 1
        self.places += with_place

    def json(self) -> dict[str, Any]:
        """Return the report as plain values; waits as percentiles in seconds, null where nobody was answered."""
        return {
            "people": self.people,
            "served": self.served,
            "got_nothing": self.nothing,
            "left_out": self.left_out,
            "sent_home": self.sent_home,
            "calls": self.calls,
            "returns": self.returns,
            "returns_with_place": self.places,
            "states": dict(self.states.most_common()),
            "refused": dict(self.refused.most_common()),
            "by_dialect": {dialect: dict(states.most_common()) for dialect, states in sorted(self.by_dialect.items())},
            "without_state": self.states[UNMARKED] + self.states[NO_RESPONSE],
            "wait_s": {name: self._wait_s(share) for name, share in _SHARES.items()},
            "seats_reserved": self.seats,
            "orders_confirmed": self.orders,
        }

    def _wait_s(self, share: float) -> float | None:
        """Return the nearest-rank percentile."""
        if not self.waits_s:
            return None
        ranked = sorted(self.waits_s)
        return round(ranked[max(0, -(-int(share * 1000) * len(ranked) // 1000) - 1)], 3)


_SHARES = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}
