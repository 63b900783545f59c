"""Rounds: every subject in turn, again and again, so that whatever else the machine does falls on all of them alike.

Returns CPU microseconds per request and round. Ratios are taken within a round and their median is reported.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Final

from bench.load import Load

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.process import Server

WARM_UP: Final = 800  # requests: caches filled, connections open, the allocator at its size
PER_ROUND: Final = 4000  # half a second of CPU: forty times the scheduler's tick


@dataclass(slots=True)
class Subject:
    """One line of the table: a server, what is asked of it, and what it cost in each round, in microseconds of CPU."""

    name: str
    server: Server
    request: bytes | Sequence[bytes]
    status: int = 200
    cost_us: list[float] = field(default_factory=list)

    @property
    def median_us(self) -> float:
        """The usual cost."""
        return median(self.cost_us)

    def over(self, base: Subject) -> float:
        """Return the median of this subject's cost over that of `base` in the same round."""
        return median(mine / theirs for mine, theirs in zip(self.cost_us, base.cost_us, strict=True))


def measure(subjects: Sequence[Subject], rounds: int) -> None:
    """Fill in `cost_us`. The order turns from round to round: nobody is always the first after a pause."""
    loads = [Load(subject.server.port, subject.request, subject.status) for subject in subjects]
    try:
        for load in loads:
            load.run(WARM_UP)
        for number in range(rounds):
            shift = number % len(subjects)
            for at in (*range(shift, len(subjects)), *range(shift)):
                subject = subjects[at]
                before_s = subject.server.cpu_s()
                loads[at].run(PER_ROUND)
                subject.cost_us.append((subject.server.cpu_s() - before_s) / PER_ROUND * 1e6)
    finally:
        for load in loads:
            load.close()
