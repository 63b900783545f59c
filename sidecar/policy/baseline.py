"""What calls take, by operation, in logarithms: so that a shift from cheap calls to dear ones is not taken for congestion.

`Spell` is what was seen while one limit stood, and two spells are compared operation by operation. `Baselines` is what each
operation takes of a backend that is not crowded, `Memory` what an earlier process knew. None of them decides; `adaptive` does.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterable  # noqa: TC003 - a NamedTuple's fields are read when it is made
from typing import Final, NamedTuple

# A backend with more operations than this is none that a person has described; the longest unused one goes.
OPERATIONS_MOST: Final = 500
# The first calls weigh by their number, later ones this much: a baseline follows some two hundred calls, not a bad minute.
_LATER_WEIGH: Final = 0.005
HALF_AGED_S: Final = 600.0  # what is believed above a half is halved with every ten minutes
RESTORED_WEIGHS: Final = 20.0  # calls: soon outvoted by what is seen now
# Nothing that is worth a limit ends sooner; keeps the logarithm of a clock's zero out.
_SHORTEST_S: Final = 1e-6
# The widest times that a state may name: a microsecond to a day.
_LONGEST_S: Final = 86_400.0


class Contrast(NamedTuple):
    """How much longer calls took in one spell than in another: a difference of logarithms, and the calls' worth of evidence for it."""

    longer: float
    weight: float


def log_s(seconds: float) -> float:
    """Return the logarithm of a time; of one that is not positive, that of a microsecond."""
    return math.log(max(seconds, _SHORTEST_S))


# Of a call, after many that came since: callers may invent a name for each of theirs, and none of those is ever heard of again.
FORGOTTEN: Final = 0.01


class Spell:
    """Calls that began while one limit stood: their number and the sum of their logarithms, by operation."""

    __slots__ = ("_sums", "calls")

    def __init__(self) -> None:
        self.calls = 0.0
        self._sums: dict[str, list[float]] = {}

    def __repr__(self) -> str:
        return f"<Spell of {self.calls:.0f} calls, {len(self._sums)} operations>"

    def add(self, operation: str, taken: float) -> float:
        """Count a call that took `taken` (logarithm of seconds); return how far it is from the mean of those before it."""
        self.calls += 1
        sums = self._sums.get(operation)
        if sums is None:
            self._sums[operation] = [1.0, taken]
            return 0.0
        away = taken - sums[1] / sums[0]
        sums[0] += 1.0
        sums[1] += taken
        return away

    def merge(self, other: Spell) -> None:
        """Take in another spell's calls."""
        for operation, (calls, total) in other._sums.items():
            sums = self._sums.setdefault(operation, [0.0, 0.0])
            sums[0] += calls
            sums[1] += total
        self.calls += other.calls

    def fade(self, to: float) -> None:
        """Let all calls weigh less, `to` altogether, so that the newest count."""
        factor = to / self.calls
        self._sums = {
            name: [calls * factor, total * factor]
            for name, (calls, total) in self._sums.items()
            if calls * factor >= FORGOTTEN
        }
        self.calls *= factor

    def against(self, other: Spell) -> Contrast:
        """Compare with another spell, over the operations that both have seen, each by the evidence that it gives."""
        longer = weight = 0.0
        theirs = other._sums
        for operation, (calls, total) in self._sums.items():
            sums = theirs.get(operation)
            if sums is not None:
                counts = calls * sums[0] / (calls + sums[0])
                longer += counts * (total / calls - sums[1] / sums[0])
                weight += counts
        return Contrast(longer / weight if weight else 0.0, weight)


class Memory(NamedTuple):
    """What an earlier process knew: its limit, None where it said none that makes sense, and baselines that are not checked yet."""

    limit: int | None
    baselines: Iterable[tuple[object, object]]

    @classmethod
    def read(cls, state: object) -> Memory:
        """Read a state, whatever it is."""
        said = state if isinstance(state, dict) else {}
        limit, baselines = said.get("limit"), said.get("baselines_s")
        sane = isinstance(limit, int) and not isinstance(limit, bool) and limit >= 1
        return cls(limit if sane else None, baselines.items() if isinstance(baselines, dict) else ())


def worth(age_s: float) -> float:
    """Return the part of a limit of this age that is believed: the whole of a fresh one, half of an old one."""
    return 0.5 + 0.5 * math.pow(2.0, -max(0.0, age_s) / HALF_AGED_S)


class Baselines:
    """What each operation takes when the backend is not crowded: a mean of logarithms, of at most 500 operations."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: OrderedDict[str, list[float]] = (
            OrderedDict()
        )  # the mean and the number of calls; longest unused first

    def __repr__(self) -> str:
        return f"<Baselines of {len(self._known)} operations>"

    def tell(self, operation: str, taken: float, *, crowded_by: float, learn: bool) -> float:
        """Note a call; return how much longer than its baseline it took (logarithms).

        An operation's first call sets its baseline, less what the rest says of the crowding now (`crowded_by`); later ones move it
        where `learn` says that they may.
        """
        known = self._known.get(operation)
        if known is None:
            self._known[operation] = [taken - crowded_by, 1.0]
            if len(self._known) > OPERATIONS_MOST:
                self._known.popitem(last=False)
            return crowded_by
        self._known.move_to_end(operation)
        longer = taken - known[0]
        if learn or known[1] < 1.0 / _LATER_WEIGH:
            known[1] += 1.0
            known[0] += max(_LATER_WEIGH, 1.0 / known[1]) * (longer if learn else longer - crowded_by)
        return longer

    def seconds(self, operation: str) -> float:
        """Return an operation's baseline in seconds (the geometric mean), 0 where it is not known."""
        known = self._known.get(operation)
        return math.exp(known[0]) if known else 0.0

    def as_seconds(self) -> dict[str, float]:
        """Return all of them, the longest unused first."""
        return {name: math.exp(mean) for name, (mean, _) in self._known.items()}

    def restore(self, seconds: Iterable[tuple[object, object]]) -> None:
        """Take what was known in an earlier life; what is no name or no sane time is left out."""
        for name, value in seconds:
            if not isinstance(name, str) or not isinstance(value, int | float) or isinstance(value, bool):
                continue
            if _SHORTEST_S <= value <= _LONGEST_S and len(self._known) < OPERATIONS_MOST:
                self._known[name] = [math.log(value), RESTORED_WEIGHS]
