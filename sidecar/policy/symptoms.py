"""What tells a limit that something has changed: calls take another time than they did, or they do not come back at all.

`Drift` and `Drops` only notice; `adaptive` decides what follows. They know no limit and no clock but the `now` that they are given.
"""

from __future__ import annotations

import math
from enum import Enum
from typing import Final, NamedTuple

from sidecar.policy.baseline import Spell
from sidecar.policy.search import ALIKE

LATEST: Final = 0.02  # weight of the newest call in a running mean: the last fifty count

DROPS_LEAST: Final = 2.9  # three in a row, faded: one refused connection is a restart of a web server, two are bad luck
DROPS_SHARE: Final = 0.10  # of the last fifty calls: where one in a hundred times out, that is not met by chance
UNWELL_SHARE: Final = 0.03
DROP_EVERY_S: Final = 0.5  # refusals come in hundreds a second; the backend has to have felt the last cut
# Nothing but drops for so long, and for half as long as the last of them took (it began while others still came back): nobody is there.
SILENCE_S: Final = 1.0
SILENCE_SHARE: Final = 0.5

ANCHOR: Final = 300.0  # calls that "as it was" is made of: twice the larger window; then it stays, or a slow leak would move it along


class Bar(NamedTuple):
    """What a shift must reach: over so many calls, by `least` (a logarithm), and by `sure` standard errors."""

    calls: float
    least: float
    sure: float


# A great shift shows in a second or less, a small one needs more calls; four standard errors are one false alarm in thousands of windows.
SOON: Final = Bar(24.0, 0.25, 4.0)
LATER: Final = Bar(150.0, 0.10, 3.5)


class Shift(NamedTuple):
    """A shift by `longer` (a logarithm) against `was`, seen in `now`; `sure` False: it was sudden, so `now` is half from before it."""

    was: Spell
    now: Spell
    longer: float
    sure: bool


class Drift:
    """Whether calls under one limit still take what they took when it began to be held."""

    __slots__ = ("_large", "_small", "was")

    def __init__(self, was: Spell | None = None) -> None:
        self.was = Spell()
        if was is not None:
            self.was.merge(was)
        self._small, self._large = Spell(), Spell()

    def __repr__(self) -> str:
        return f"<Drift against {self.was.calls:.0f} calls, {self._small.calls + self._large.calls:.0f} since>"

    def tell(self, operation: str, taken: float, variance: float) -> Shift | None:
        """Count a call that took `taken` (logarithm of seconds, of this `variance`); return the shift that it completes, if any."""
        small = self._small
        small.add(operation, taken)
        if small.calls < SOON.calls:
            return None
        self._small = Spell()
        if self.was.calls >= SOON.calls and (shift := self._beyond(small, SOON, variance)):
            return shift
        if self.was.calls < ANCHOR:
            self.was.merge(small)
            return None
        large = self._large
        large.merge(small)
        if large.calls < LATER.calls:
            return None
        self._large = Spell()
        return self._beyond(large, LATER, variance)

    def _beyond(self, spell: Spell, bar: Bar, variance: float) -> Shift | None:
        longer, weight = spell.against(self.was)
        if weight and abs(longer) > max(bar.least, bar.sure * math.sqrt(ALIKE * variance / weight)):
            return Shift(self.was, spell, longer, sure=bar is LATER)
        return None


class Loss(Enum):
    """How bad it is."""

    NONE = "none"
    MANY = "many"
    ALL = "all"


class Drops:
    """Timeouts, refused connections and overload faults among the last fifty calls or so."""

    __slots__ = ("_cut_at", "_drops", "_served", "_served_at")

    def __init__(self) -> None:
        self._served = self._drops = 0.0
        self._served_at = self._cut_at = -math.inf

    def __repr__(self) -> str:
        return f"<Drops: {self._drops:.1f} beside {self._served:.1f} calls>"

    def served(self, now: float) -> None:
        """Note a call that came back."""
        self._served_at = now
        self._served += 1.0 - LATEST * self._served
        self._drops -= LATEST * self._drops

    def dropped(self, now: float, seconds: float) -> Loss:
        """Note one that did not, after `seconds`; what is not NONE is an order to cut, and counting starts again."""
        self._served -= LATEST * self._served
        self._drops += 1.0 - LATEST * self._drops
        if self._drops < DROPS_LEAST:
            return Loss.NONE
        silent = now - self._served_at > max(SILENCE_S, SILENCE_SHARE * seconds)
        many = self._drops > DROPS_SHARE * (self._served + self._drops) and now - self._cut_at > DROP_EVERY_S
        if not silent and not many:
            return Loss.NONE
        self._cut_at, self._drops = now, 0.0
        return Loss.ALL if silent else Loss.MANY

    @property
    def unwell(self) -> bool:
        """Whether so many were dropped lately that more calls at once would be reckless."""
        return self._drops > UNWELL_SHARE * (self._served + self._drops)
