"""Who of those that were called still comes: learnt from the age of calls, for who has not come after a minute will hardly come at all.

A hazard for each age (Kaplan and Meier, 1958): of those who had been called so long ago, how many came in the next second. So a room that
has called a thousand does not wait two and a half minutes to learn that three hundred of them were tabs that nobody looks at.
"""

from __future__ import annotations

from math import exp
from typing import Final

# Ends of the ages, in seconds: most come within the few seconds of their next poll, and the rest says little more precisely.
_AGES: Final = (2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 600.0)
_STARTS: Final = (0.0, *_AGES[:-1])
# Before anything was seen: nine in ten come, most of them within ten seconds. It weighs as much as so many people.
_FIRST: Final = (0.06, 0.12, 0.15, 0.10, 0.05, 0.02, 0.005, 0.0)
_FIRST_WEIGHT: Final = 20.0
# Of what was seen: an audience changes in minutes.
_KEPT_A_SECOND: Final = 0.995
# Who has come was there for half a second, on average, since the last look.
_HALF_S: Final = 0.5
# No call is out longer (the settings allow an hour), so what is older is an account that was not closed.
_OUT_MOST_S: Final = 3600
# It never believes that fewer than one in ten come: a network that was down must not let ten rooms' worth of people in when it is back.
_LEAST: Final = 0.1


class Comings:
    """Calls that are out, by the second in which they were made. Times are the room's sale time."""

    __slots__ = ("_at", "_came", "_cohorts", "_hazards", "_later", "_risk")

    def __init__(self) -> None:
        self._cohorts: dict[int, int] = {}
        self._risk = [_FIRST_WEIGHT] * len(_AGES)
        self._came = [_FIRST_WEIGHT * hazard for hazard in _FIRST]
        self._hazards: list[float] = list(_FIRST)
        self._later: list[float] = []
        self._at = 0
        self._learn()

    def __repr__(self) -> str:
        return f"<Comings {sum(self._cohorts.values())} called, {self.part:.0%} come>"

    @property
    def part(self) -> float:
        """The part of those who are called now that will come."""
        return max(_LEAST, self._later[0])

    @property
    def lag_s(self) -> float:
        """How long who comes takes for it, on average of those who come within a minute."""
        there, total, came = 1.0, 0.0, 0.0
        for start, end, hazard in zip(_STARTS[:-2], _AGES[:-2], self._hazards[:-2], strict=True):
            gone = there * (1.0 - exp(-hazard * (end - start)))
            total += gone * min((start + end) / 2, start + (1.0 / hazard if hazard else 0.0))
            came += gone
            there -= gone
        return total / came if came else 0.0

    def called(self, now: float, count: int) -> None:
        """Note calls."""
        second = int(now)
        self._cohorts[second] = self._cohorts.get(second, 0) + count

    def over(self, called_at: float, now: float, *, came: bool) -> None:
        """Note that somebody who was called has come, or that his call is over without it."""
        second = int(called_at)
        left = self._cohorts.get(second, 0) - 1
        if left > 0:
            self._cohorts[second] = left
        else:
            self._cohorts.pop(second, None)
        if came:
            age = _age(now - called_at)
            self._came[age] += 1.0
            self._risk[age] += _HALF_S

    def tick(self, now: float) -> None:
        """Learn once a second from who has not come."""
        second = int(now)
        if second <= self._at:
            return
        self._at = second
        self._cohorts = {at: count for at, count in self._cohorts.items() if second - at <= _OUT_MOST_S}
        for at, count in self._cohorts.items():
            self._risk[_age(now - at)] += count
        # What was seen fades to what was thought before anything was: a quiet hour is no audience that does not come.
        for index, first in enumerate(_FIRST):
            self._risk[index] = _FIRST_WEIGHT + (self._risk[index] - _FIRST_WEIGHT) * _KEPT_A_SECOND
            self._came[index] = _FIRST_WEIGHT * (first + (self._came[index] / _FIRST_WEIGHT - first) * _KEPT_A_SECOND)
        self._learn()

    def _learn(self) -> None:
        self._hazards = [min(5.0, came / risk) for came, risk in zip(self._came, self._risk, strict=True)]
        later, total = [], 0.0
        for start, end, hazard in zip(reversed(_STARTS), reversed(_AGES), reversed(self._hazards), strict=True):
            total += hazard * (min(end, 150.0) - start)
            later.append(1.0 - exp(-total))
        self._later = later[::-1]

    def expected(self, now: float) -> float:
        """Return how many of those who are called will still come."""
        return sum(count * self._later_at(now - at) for at, count in self._cohorts.items())

    def _later_at(self, age_s: float) -> float:
        index = _age(age_s)
        start, end = _STARTS[index], _AGES[index]
        nearer = self._later[index + 1] if index + 1 < len(_AGES) else 0.0
        part = min(1.0, max(0.0, (age_s - start) / (end - start)))
        return self._later[index] + part * (nearer - self._later[index])

    def clear(self) -> None:
        """Forget the calls that are out, not what was learnt."""
        self._cohorts.clear()


def _age(age_s: float) -> int:
    for index, end in enumerate(_AGES):
        if age_s < end:
            return index
    return len(_AGES) - 1
