"""The report of a demo with a crowd: what people got, what the box office went through, and what the sidecar had learnt meanwhile.

It stands beside the road, at its end. It answers plain values, and the same in words; it counts nothing itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sidecar.demo.tally import Report


@dataclass(frozen=True, slots=True)
class Mark:
    """What was seen at one moment: calls and work that the box office had executed, and the limits of the backends before it, by name."""

    at: float  # seconds
    executed: int
    work: float  # in calls of the usual kind
    limits: dict[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """All that the report is made of. `marks`: one at the start, one at the end of each part of the time, one when the last had left."""

    for_s: float
    cut_short: bool
    protected: bool
    rates: Sequence[float]  # people a second, by part
    marks: Sequence[Mark]
    crowd: Report
    box: dict[str, Any]  # as its control address gives them

    def json(self) -> dict[str, Any]:
        """Return the report as plain values."""
        people = self.crowd.json()
        return {
            "protected": self.protected,
            "for_s": self.for_s,
            "cut_short": self.cut_short,
            "goodput_per_s": self._goodput(),
            "people": people["people"],
            "served": people["served"],
            "got_nothing": people["got_nothing"],
            "refused": people["refused"],
            "wait_s": people["wait_s"],
            "falls": self.box["resets"],
            "highest_in_flight": self.box["peak"],
            "parts": self._parts(),
            "reached_people": people,
            "backend": self.box,
        }

    def words(self) -> str:
        """Return the same for a person at a terminal."""
        report = self.json()
        people, box, wait_s = report["reached_people"], self.box, report["wait_s"]
        states = "\n".join(f"  {count:7}  {state}" for state, count in people["states"].items())
        head = "" if self.protected else f"{UNPROTECTED}\n\n"
        return (
            f"{head}{people['people']} people came in {self.for_s:g} s and made {people['calls']} calls; what reached them:\n{states}\n"
            f"{people['served']} were served, {people['got_nothing']} got nothing"
            f"{self._at_the_end(people)}; {people['orders_confirmed']} orders were confirmed\n"
            f"half of the answers took {wait_s['p50']} s or less, 99 % {wait_s['p99']} s, coming back included "
            f"({people['returns']} times)\n{self._table()}\n"
            f"the box office had {box['peak']} calls in flight at most, fell {box['resets']} times and executed "
            f"{sum(box['executed'].values())} calls; {box['orphans']} callers had left before it was done"
        )

    def _at_the_end(self, people: dict[str, Any]) -> str:
        left = f", {people['left_out']} found no room to ask" if people["left_out"] else ""
        return f"{left}, {people['sent_home']} still stood there at the end" if people["sent_home"] else left

    def _goodput(self) -> float:
        """Return the good answers of each second while people came."""
        coming = range(min(len(self.rates), len(self.marks) - 1))
        spent_s = self.marks[len(coming)].at - self.marks[0].at
        return _rate(sum(self.crowd.good[part] for part in coming), spent_s)

    def _parts(self) -> list[dict[str, Any]]:
        """Return the parts of the time that are over, and the time after the last arrival."""
        spans = zip((*self.rates, 0.0), self.marks, self.marks[1:], strict=False)
        return [
            {
                "people_per_s": rate,
                "goodput_per_s": _rate(self.crowd.good[part], end.at - start.at),
                "executed_per_s": _rate(end.executed - start.executed, end.at - start.at),
                "share_of_best": _rate((end.work - start.work) / self.box["best_work_per_s"], end.at - start.at, 3),
                "limits": end.limits,
            }
            for part, (rate, start, end) in enumerate(spans)
        ]

    def _table(self) -> str:
        rows = ["people/s   good answers/s   executed/s   of its best   limits as the sidecar says them"]
        for part in self._parts():
            limits = ", ".join(f"{name} {limit}" for name, limit in (part["limits"] or {}).items()) or "-"
            rows.append(
                f"{part['people_per_s']:8.0f}   {part['goodput_per_s']:14.0f}   {part['executed_per_s']:10.0f}"
                f"   {part['share_of_best']:11.0%}   {limits}"
            )
        return "\n".join(rows)


UNPROTECTED = "UNPROTECTED: this crowd went straight to the box office; no sidecar stood in between, and nobody was told anything."


def _rate(amount: float, seconds: float, digits: int = 1) -> float:
    return round(amount / seconds, digits) if seconds > 0 else 0.0
