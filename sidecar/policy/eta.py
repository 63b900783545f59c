"""How long somebody will still wait, from the work that is served before him, and what of that he is told.

The line gives the numbers; this gives seconds with a spread, and sees to it that what a person has been told rises only with a reason.
"""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING, Final, NamedTuple

from sidecar.policy.arrivals import REMEMBERED_S

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# Service times of legacy calls scatter about as much as their mean; the sum of k of them as the root of k. One in ten is past 1.28 of that.
_NINE_IN_TEN: Final = 1.28
# What does not average out: load and mix move while one waits. With it nine in ten long waits were within what had been told.
_DRIFT: Final = 0.10
# The mean of what is waiting moves by some percent with every call that comes or goes: more than this is another mix.
_MIX_MOVED: Final = 1.05
_LEFT_LEAST: Final = 0.1  # of the slots, is left by other classes; with less the spread would be without end
_STEPS: Final = 3  # of the fixed point: each changes what comes meanwhile by less than half of what the last did

LIMIT_CUT: Final = "limit_cut"
CUT_OFF: Final = "cut_off"
SLOW_START: Final = "slow_start"
OVERTAKEN: Final = "overtaken"
MIX: Final = "mix"


class Quote(NamedTuple):
    """A wait as it is told: how many are served before, seconds in the middle, and the borders of four in five. `reason`: why it rose."""

    ahead: int
    eta_s: float
    low_s: float
    high_s: float
    reason: str | None = None

    @property
    def numbers(self) -> tuple[tuple[str, float], ...]:
        """What an operator reads of it beside a refusal, in milliseconds."""
        return ("ahead", self.ahead), ("eta_ms", round(self.eta_s * 1000)), ("eta_high_ms", round(self.high_s * 1000))

    def later(self, rest_s: float) -> Quote:
        """Return the wait of one for whom nothing is served until `rest_s` seconds from now."""
        return self._replace(eta_s=self.eta_s + rest_s, low_s=self.low_s + rest_s, high_s=self.high_s + rest_s)

    def at_least(self, held_s: float) -> Quote:
        """Return the wait of one who may not start before `held_s` seconds from now, while others are served."""
        return self._replace(
            eta_s=max(self.eta_s, held_s), low_s=max(self.low_s, held_s), high_s=max(self.high_s, held_s)
        )


class Rival(NamedTuple):
    """Another class: its start tag among the classes, its weight, the work that waits there in seconds, and what comes each second.

    `scatter`: of what comes, the sum of the squares each second; how far one quarter of a minute differs from the next.
    """

    start: float
    weight: float
    work_s: float
    rate: float
    scatter: float = 0.0


class Ahead(NamedTuple):
    """What is before somebody. Work is in seconds of a slot.

    `work_s`: of his own class. `start`, `weight`: of his class among the classes. `passing`: what comes into his class and passes him, as
    pairs of work each second and for how many seconds, until virtual time is where he stands.
    """

    work_s: float
    start: float
    weight: float
    passing: Sequence[tuple[float, float]] = ()


class Wait(NamedTuple):
    """Seconds until a slot comes free for somebody, the work of other classes before him, and the standard error of what comes yet."""

    waits_s: float
    others_s: float
    unsure_s: float


def wait_s(ahead: Ahead, rivals: Sequence[Rival], slots: int, last_s: float) -> Wait:
    """Return how long he waits for his slot.

    The slots are one server of `slots` seconds a second that gives the classes their weights (a fluid); `last_s` is the mean call, of which
    he waits for one more than are before him. Nobody knows what comes into a class that is not held to its weight: calls come as they like
    (a compound Poisson process), and each second of them delays him by more than a second of theirs, because more come meanwhile.
    """
    waits_s = (ahead.work_s + last_s) / slots
    others_s = rate = scatter = 0.0
    for _ in range(_STEPS if rivals or ahead.passing else 0):
        passed_s = sum([each * min(waits_s, until_s) for each, until_s in ahead.passing])
        mine = ahead.start + (ahead.work_s + passed_s) / ahead.weight
        others_s = rate = scatter = 0.0
        for rival in rivals:
            turn_s = (mine - rival.start) * rival.weight
            comes_s = rival.work_s + rival.rate * waits_s
            if turn_s > comes_s:
                others_s += comes_s
                rate += rival.rate
                scatter += rival.scatter
            elif turn_s > 0.0:
                others_s += turn_s
        waits_s = (ahead.work_s + passed_s + others_s + last_s) / slots
    if not scatter:
        return Wait(waits_s, others_s, 0.0)
    # The rates are those of the last REMEMBERED_S: an exponential memory knows as much as a window twice as long.
    variance = scatter * waits_s * (1.0 + waits_s / (2.0 * REMEMBERED_S))
    return Wait(waits_s, others_s, sqrt(variance) / max(slots - rate, _LEFT_LEAST * slots))


def quote(ahead: int, eta_s: float, call_s: float, unsure_s: float = 0.0) -> Quote:
    """Return a wait with its spread. `call_s`: how often a slot comes free, in seconds; `unsure_s`: what `Wait` says."""
    spread_s = _NINE_IN_TEN * sqrt(call_s * call_s * (ahead + 1) + unsure_s * unsure_s) + _DRIFT * eta_s
    return Quote(ahead, eta_s, max(0.0, eta_s - spread_s), eta_s + spread_s)


class Told:
    """What one who waits has been told. It falls freely; it rises with one of the reasons, and keeps still where there is none."""

    __slots__ = ("_ahead", "_mean_s", "_quote", "_slots")

    def __init__(self) -> None:
        self._quote: Quote | None = None
        self._ahead = 0
        self._slots = 0
        self._mean_s = 0.0

    def __repr__(self) -> str:
        said = self._quote
        return "<Told nothing>" if said is None else f"<Told {said.eta_s:.1f} s, {said.ahead} ahead>"

    def tell(self, quote: Quote, slots: int, mean_s: float, reasons: Iterable[str] = ()) -> Quote:
        """Return what he is told now.

        `slots` and `mean_s` (of a call before him) are compared with what they were when he was last told something new. `reasons` are
        those in force that the line cannot see (`cut_off`, `slow_start`); they come first.
        """
        said = self._quote
        if said is None or quote.eta_s <= said.eta_s:
            return self._say(quote, slots, mean_s)
        reason = next(iter(reasons), None) or self._why(quote, slots, mean_s)
        if reason is not None:
            return self._say(quote._replace(reason=reason), slots, mean_s)
        spread = quote.high_s - quote.eta_s
        self._quote = Quote(min(said.ahead, quote.ahead), said.eta_s, min(said.low_s, quote.low_s), said.eta_s + spread)
        return self._quote

    def _why(self, quote: Quote, slots: int, mean_s: float) -> str | None:
        if slots < self._slots:
            return LIMIT_CUT
        if quote.ahead > self._ahead:
            return OVERTAKEN
        return MIX if mean_s > _MIX_MOVED * self._mean_s else None

    def _say(self, quote: Quote, slots: int, mean_s: float) -> Quote:
        self._quote, self._ahead, self._slots, self._mean_s = quote, quote.ahead, slots, mean_s
        return quote
