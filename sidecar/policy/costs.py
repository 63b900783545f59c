"""What a call of each operation costs: the seconds that it holds a slot, at the load of the moment.

Asked when a call comes, told when its slot comes back. It knows means, no spread: what is made of them says how sure it is.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

# Of a load that keeps still the last hundred calls say it to within some percent; of one that moves the last twenty speak.
REMEMBERED: Final = 100
LATELY: Final = 20
# Standard errors of the last twenty: further off than that is taken for a move, and what is older is forgotten.
MOVED: Final = 3.0
# A backend has some hundred operations; what is asked under made-up names must not fill the memory.
OPERATIONS_MOST: Final = 500
UNKNOWN_S: Final = 1.0  # before anything has been measured: a legacy call's order of magnitude
# Nothing is free: an operation at cost 0 would never use up its client's share.
LEAST_S: Final = 0.001
STALE_AFTER_S: Final = 300.0  # what was measured before the night says little of the morning

_WEIGHT: Final = 1.0 / REMEMBERED  # of the newest, for good; before that each weighs as in a plain mean
_WEIGHT_LATELY: Final = 2.0 / (2 * LATELY + 1)
_ERROR: Final = MOVED**2 * _WEIGHT_LATELY / (2.0 - _WEIGHT_LATELY)  # of an exponential mean, in variances of one call
_STALE_COUNT: Final = 1  # how much what is stale weighs: as one call


@dataclass(eq=False, slots=True)
class _Mean:
    """A long mean beside a short one. The short one takes over where it is too far off for chance (a test of Shewhart's kind, on an
    exponential mean: Roberts 1959); both begin as plain means, so that the first call does not weigh as much as twenty.
    """

    value_s: float = 0.0
    count: int = 0
    at: float = 0.0
    _lately_s: float = 0.0
    _variance: float = 0.0

    def tell(self, now: float, seconds: float) -> None:
        if now - self.at > STALE_AFTER_S and self.count:
            self.count, self._lately_s = _STALE_COUNT, self.value_s
        self.at = now
        count = self.count = self.count + 1
        weight = 1.0 / count if count <= REMEMBERED else _WEIGHT
        off_s = seconds - self.value_s
        self.value_s += weight * off_s
        self._variance += weight * (off_s * off_s * (1.0 - weight) - self._variance)
        if count <= LATELY:
            self._lately_s = self.value_s
            return
        self._lately_s += _WEIGHT_LATELY * (seconds - self._lately_s)
        # The variance has the newest in it: one call alone, however long it hung, is never more than chance.
        if (self._lately_s - self.value_s) ** 2 > _ERROR * self._variance:
            self.value_s, self.count = self._lately_s, LATELY


class Costs:
    """The means of one backend's operations; those that were told of last are kept."""

    __slots__ = ("_all", "_means")

    def __init__(self) -> None:
        self._means: OrderedDict[str, _Mean] = OrderedDict()
        self._all = _Mean()

    def __repr__(self) -> str:
        return f"<Costs {len(self._means)} operations, {self.mean_s:.3g} s on average>"

    @property
    def known(self) -> bool:
        """Whether anything has been measured: nobody is refused for a guess."""
        return self._all.count > 0

    @property
    def mean_s(self) -> float:
        """Seconds that a slot is held, over all operations as they come; `UNKNOWN_S` before the first."""
        return max(LEAST_S, self._all.value_s) if self._all.count else UNKNOWN_S

    def of(self, operation: str) -> float:
        """Return the seconds, at least `LEAST_S`, that a call of `operation` is expected to hold a slot; where it is unknown, the mean."""
        mean = self._means.get(operation)
        return self.mean_s if mean is None else max(LEAST_S, mean.value_s)

    def tell(self, now: float, operation: str, seconds: float) -> float:
        """Note how long a slot was held (a clock that was set back counts as 0 s), and return what such a call costs from now on."""
        seconds = max(0.0, seconds)
        mean = self._means.get(operation)
        if mean is None:
            mean = self._means[operation] = _Mean()
            if len(self._means) > OPERATIONS_MOST:
                self._means.popitem(last=False)
        else:
            self._means.move_to_end(operation)
        mean.tell(now, seconds)
        self._all.tell(now, seconds)
        return max(LEAST_S, mean.value_s)
