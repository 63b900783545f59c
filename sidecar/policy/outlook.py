"""How long somebody in a waiting room still waits, as a band, and how sure that is: learnt from what became of earlier forecasts.

The middle is people before him by people called a second. How wide the band must be, nobody can say beforehand: a quiet evening keeps to
the minute, a stumbling backend does not. So the room remembers some of what it has said, looks what came of it, and makes the band as wide
as four in five of these needed (quantiles of past errors: conformal prediction, Vovk, Gammerman and Shafer 2005). An evening drifts, so
past errors are not quite the coming ones: each end goes out while it is missed more than one time in eight, and in while it is missed less
(Gibbs and Candès 2021). Where it cannot say, it says why.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict, deque
from math import ceil, exp, floor, log
from typing import Final, NamedTuple

# Two memories of the pace, short and long, as routers keep: the short one follows a change, the long one steadies it.
_SHORT_S: Final = 60.0
_LONG_S: Final = 300.0
_LATE_S: Final = 10.0  # without a word on calls, and the pace is falling
_SEEN_LEAST: Final = 20  # calls: before that many a pace is a guess
_STALLED: Final = 1 / 600  # calls a second: below one in ten minutes nobody should be told a time
# At each end of what is learnt from: of all that is told four in five lie between, and a little more.
_OUTSIDE: Final = 0.11
# Before anything was learnt: as likely a third more as a third less. A visit or two later it has been replaced.
_FIRST: Final = (-0.25, -0.2, -0.14, -0.09, -0.03, 0.03, 0.09, 0.14, 0.2, 0.25)
# Errors of one moment are one error: the pace was another. So one is kept every few seconds, and of the last few minutes.
_APART_S: Final = 3.0
# And so are, nearly, those of forecasts that share most of their time: of long ones fewer are kept. Twenty to one holds four in five.
_APART_PART: Final = 0.05
_ERRORS: Final = 50
# An end that was missed goes out by a fifth, one that held comes in by a fiftieth: as fast as a sale changes, within a minute or two, and
# one miss in eight keeps it where it is. Tuned in virtual time, with seeds that are not reported.
_STEP: Final = 0.2
_STRETCH_LEAST, _STRETCH_MOST = (
    0.2,
    3.0,
)  # a lucky quarter of an hour leaves a band, an unlucky one leaves it of some use
_WIDEST: Final = 2.0  # e**2: from a seventh to seven times; wider says nothing
_HORIZONS_S: Final = (10.0, 30.0, 90.0, 300.0)  # the near is surer than the far, so each learns for itself
_KEPT: Final = 512  # forecasts that are waited for; a new one comes in when an old one is due
_GRAIN_S: Final = 1.0  # people are told whole seconds, and the tick is a quarter of one

NOT_OPEN: Final = "not_open"
PAUSED: Final = "paused"
TOO_EARLY: Final = "too_early"
STALLED: Final = "stalled"


class Band(NamedTuple):
    """What somebody is told: seconds in the middle and at both ends, None with the reason where nobody knows. `plain_s`: people by pace."""

    eta_s: float | None
    low_s: float | None = None
    high_s: float | None = None
    reason: str | None = None
    plain_s: float = 0.0


class Pace:
    """People called a second, as two averages over time. Times are seconds of any one clock."""

    __slots__ = ("_at", "_long", "_seen", "_short", "_since")

    def __init__(self) -> None:
        self._short = self._long = 0.0
        self._at: float | None = None
        self._since: float | None = None
        self._seen = 0

    def tell(self, now: float, called: int) -> None:
        """Note how many have been called since the last time."""
        if self._at is None or self._since is None:
            self._at = self._since = now
            return
        passed_s = now - self._at
        if passed_s <= 0.0:
            return
        self._at = now
        self._seen += called
        rate = called / passed_s
        # While it is young an average weighs what it has seen alone, else it would rise from nothing for minutes.
        age_s = now - self._since
        for name, memory_s in (("_short", _SHORT_S), ("_long", _LONG_S)):
            weight = passed_s / age_s if age_s < memory_s else 1.0 - exp(-passed_s / memory_s)
            setattr(self, name, getattr(self, name) + weight * (rate - getattr(self, name)))

    def forget(self) -> None:
        """Begin anew: another pace holds from now on."""
        self._at = self._since = None
        self._seen = 0
        self._short = self._long = 0.0

    @property
    def known(self) -> bool:
        """Say whether enough has been seen."""
        return self._seen >= _SEEN_LEAST

    @property
    def per_s(self) -> float:
        """The pace, the two memories blended."""
        return 0.5 * (self._short + self._long)

    def per_s_at(self, now: float) -> float:
        """Return the pace, falling where nobody has been told of for a while."""
        if self._at is None:
            return 0.0
        late_s = now - self._at - _LATE_S
        return self.per_s if late_s <= 0.0 else self.per_s * exp(-late_s / _SHORT_S)


class _Forecast(NamedTuple):
    made_at: float
    plain_s: float  # people by pace, before anything was learnt
    low_s: float
    high_s: float


class _Errors:
    """How far off forecasts of one horizon were: logarithms of what it took by what was said."""

    __slots__ = ("_at", "_errors", "_stretch_high", "_stretch_low", "factors")

    def __init__(self) -> None:
        self._errors: deque[float] = deque(_FIRST, _ERRORS)
        self._stretch_low = self._stretch_high = 1.0
        self._at = float("-inf")
        self.factors = self._quantiles()

    def tell(self, now: float, plain_s: float, error: float, *, below: bool, above: bool) -> None:
        """Learn from a forecast that has come true, whether `below` its band, `above` it, or within."""
        if now - self._at < max(_APART_S, _APART_PART * plain_s):
            return
        self._at = now
        self._errors.append(min(_WIDEST, max(-_WIDEST, error)))
        self._stretch_low = _stretched(self._stretch_low, missed=below)
        self._stretch_high = _stretched(self._stretch_high, missed=above)
        self.factors = self._quantiles()

    def _quantiles(self) -> tuple[float, float, float]:
        """Return what a forecast is multiplied by at its low end, in the middle and at its high end."""
        ordered = sorted(self._errors)
        last = len(ordered) - 1
        outside, middle = int(_OUTSIDE * last), ordered[last // 2]
        low, high = ordered[outside] - middle, ordered[last - outside] - middle
        return exp(middle + self._stretch_low * low), exp(middle), exp(middle + self._stretch_high * high)


def _stretched(by: float, *, missed: bool) -> float:
    return min(_STRETCH_MOST, max(_STRETCH_LEAST, by * exp(_STEP * (missed - _OUTSIDE))))


class Forecasts:
    """The bands of one lane. `watched` is what it waits to see the end of, by the visitor's number."""

    __slots__ = ("_errors", "_looked_at", "_watched", "held", "told")

    def __init__(self) -> None:
        self._errors = [_Errors() for _ in (*_HORIZONS_S, 0.0)]
        # An ordinary dict would look through all that was taken out of its front, each time the first is asked for.
        self._watched: OrderedDict[int, _Forecast] = OrderedDict()
        self._looked_at = float("-inf")
        self.told = self.held = 0  # forecasts that came due, and of them those that held, as they were told

    def band(self, plain_s: float) -> Band:
        """Return the band of people by pace."""
        low, middle, high = self._errors[bisect_right(_HORIZONS_S, plain_s)].factors
        return Band(plain_s * middle, float(floor(plain_s * low)), float(ceil(plain_s * high)), None, plain_s)

    def watch(self, now: float, seq: int, plain_s: float) -> None:
        """Remember what somebody is told, if there is room; the first thing that he was told stands."""
        if seq in self._watched or plain_s < _GRAIN_S:
            return
        if len(self._watched) >= _KEPT and now != self._looked_at:
            self._look_over(now)
        if len(self._watched) < _KEPT:
            said = self.band(plain_s)
            assert said.low_s is not None and said.high_s is not None, "a time is told with both ends"  # noqa: PT018 - one fact
            self._watched[seq] = _Forecast(now, plain_s, said.low_s, said.high_s)

    def _look_over(self, now: float) -> None:
        """Forget one of whom nothing is to be learnt any more: who never comes back must not hold his room. One a tick, in turns."""
        self._looked_at = now
        seq, forecast = next(iter(self._watched.items()))
        self._watched.move_to_end(seq)
        if now - forecast.made_at >= forecast.plain_s * exp(_WIDEST):
            del self._watched[seq]

    def come(self, now: float, seq: int) -> None:
        """Note that somebody is called now, and learn from what he was told."""
        forecast = self._watched.pop(seq, None)
        if forecast is None:
            return
        took_s = max(_GRAIN_S / 4, now - forecast.made_at)
        below, above = took_s < forecast.low_s, took_s > forecast.high_s
        self.told += 1
        self.held += not (below or above)
        error = log(took_s / forecast.plain_s)
        self._errors[bisect_right(_HORIZONS_S, forecast.plain_s)].tell(
            now, forecast.plain_s, error, below=below, above=above
        )

    def drop(self, seq: int) -> None:
        """Forget what somebody was told: he will not be called, or time stands still."""
        self._watched.pop(seq, None)

    def clear(self) -> None:
        """Forget all that is waited for: a pause is nobody's wrong forecast."""
        self._watched.clear()


def speed(pace: Pace, now: float) -> float | Band:
    """Return how many people are called a second as far as somebody may be told a time by it, else what he is told instead."""
    if not pace.known:
        return Band(None, reason=TOO_EARLY)
    per_s = pace.per_s_at(now)
    return Band(None, reason=STALLED) if per_s < _STALLED else per_s
