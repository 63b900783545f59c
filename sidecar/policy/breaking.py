"""What a breaker is told and what it says: its rule, the results of attempts, permits, transitions, and what an operator sees.

Values without behaviour, but for the one sum that the rule is about.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import ceil, inf, log
from typing import TYPE_CHECKING, Final, NamedTuple

from sidecar.model import Result

__all__ = ["BAD", "UNCOUNTED", "Event", "Forced", "Permit", "Result", "Rule", "State", "View"]

if TYPE_CHECKING:
    from sidecar.policy.sliding import Counts


class State(StrEnum):
    """What a breaker does, in the words that people read. Nobody at three in the morning knows whether "open" is good."""

    CLOSED = "closed"
    CUT_OFF = "cut off"
    TESTING = "testing"


class Forced(StrEnum):
    """What an operator has ordered. Disabled: nothing is refused and nothing counted."""

    CLOSED = "forced closed"
    CUT_OFF = "forced cut off"
    DISABLED = "disabled"


CHANCE: Final = 1e-6  # of a run of failures that means nothing

BAD: Final = frozenset((Result.FAILED, Result.UNREACHABLE, Result.TIMEOUT))
"""What counts as a failure, where it counts at all."""


@dataclass(frozen=True, slots=True)
class Rule:
    """`breaker:` of a backend. Rates are parts above 0 up to 1; `open_max_s` bounds a cut-off, jitter included.

    `observe`: refuses nobody and counts whom it would have.
    """

    failure_rate: float = 0.5
    slow_rate: float = 0.8
    slow_after_s: float = 5.0
    window_s: float = 30.0
    min_calls: int = 10
    open_for_s: float = 5.0
    open_max_s: float = 120.0
    observe: bool = False

    @property
    def run(self) -> float:
        """How many failures in a row are an outage: at just less than failure_rate they would come by chance once in a million times."""
        rate = self.failure_rate
        return inf if rate >= 1.0 else max(self.min_calls, ceil(log(CHANCE) / log(rate)))

    def is_too_much(self, counts: Counts, least: int) -> bool:
        """Say whether so much has failed, or was slow, that it is to be cut off; fewer calls than `least` prove nothing."""
        calls = counts.calls
        return calls >= least and (
            counts.failures / calls >= self.failure_rate or counts.slow / calls >= self.slow_rate
        )


@dataclass(frozen=True, slots=True, eq=False)
class Permit:
    """The right to one attempt, and the generation that its result counts in. While testing identity counts, too."""

    generation: int
    probe: bool = False


UNCOUNTED: Final = Permit(-1)
"""Whoever is let through although he would have been refused: what comes of him moves nothing."""


class Event(NamedTuple):
    """A transition, or a word on one. `at`: when it was due, which may be long before anybody noticed; `until` of a cut-off."""

    at: float
    was: State
    state: State
    why: str
    until: float | None = None


class View(NamedTuple):
    """What an operator asks for first. `left_s` of the cut-off or of the order; `refused` and `observed` since the beginning."""

    state: State
    forced: Forced | None
    left_s: float | None
    counts: Counts
    testing: int
    width: int
    refused: int
    observed: int
    generation: int
