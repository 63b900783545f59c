"""How many people a waiting room calls now: as many as there is room for at the backend, and some more, for not everybody who is called
comes.

Asked by the room four times a second. How many may be in at once follows the backend, as it is measured: where its line grows, slowly
fewer, where it has nothing to do, slowly more, never more than the settings say. It knows nobody and calls nobody.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from sidecar.policy.comings import Comings

# After a pause, or when the backend is back: the room fills anew in half a minute instead of at once (Envoy's slow start, same shape).
RAMP_S: Final = 30.0
# What may gather while nobody could be called: a second's worth. More would be a burst that nobody has asked for.
_BURST_S: Final = 1.0
# A call takes 6 µs: a thousand a second are more than any box office sells, and no tick takes longer than 2 ms.
_CALLS_MOST: Final = 250
# What is counted says something after so long.
_WINDOW_S: Final = 2.0
# Of the room: what ends while who is called makes up his mind is an average, and who is called stays called.
_AHEAD_MOST: Final = 0.5
# A line of half a round at the backend is best: it always has something to do, and nobody notices.
_BEST_ROUNDS: Final = 0.5
_SATURATED: Final = 0.8  # of a window, the backend had a line: what ends then is what it can do
_TOWARDS: Final = 0.2  # of the way to what was worked out, in each window
_MORE: Final = 0.006  # where it has nothing to do, in each window
# Where it bore more than a tenth more not long ago: a backend that had stumbled is as it was within a minute. Closer to what is usual the
# small step is steadier, and forecasts hold more often.
_AGAIN, _BELOW = 0.03, 0.9
_USUAL: Final = 0.01  # in each window, of the way to what is borne now: three minutes
_SPARE: Final = 1.02  # rather a line of a few than a moment without work
_REMEMBERED: Final = 0.98  # of people and their time, in each window: two minutes, a visit or three
_TARGET_LEAST: Final = 0.05  # of the room: below it nothing could be learnt any more
# The backend's line may be filled so far by people with passes before nobody is called at all.
_FULL_FROM, _FULL_TO = 0.4, 0.8


class Backing(NamedTuple):
    """What the room's backends have, added up: whether calls go through, how many at once, how many are there, how many wait, of how
    many that may.
    """

    open: bool = True
    limit: int = 1
    in_flight: int = 0
    queued: int = 0
    queue_size: int = 500

    @property
    def rounds(self) -> float:
        """Return how many times its limit waits in its line."""
        return self.queued / max(1, self.limit)

    @property
    def part(self) -> float:
        """Return what part of the room's pace the backend bears: none while it is cut off or its line is nearly full."""
        if not self.open:
            return 0.0
        filled = self.queued / max(1, self.queue_size)
        return min(1.0, max(0.0, (_FULL_TO - filled) / (_FULL_TO - _FULL_FROM)))


class Admission:
    """The pace of one room. Times are the room's own seconds. `most`: passes at once; `rate`: calls a second at most, None without."""

    __slots__ = (
        "_at",
        "_bears",
        "_credit",
        "_ended",
        "_ends",
        "_looked",
        "_open",
        "_ramp_from",
        "_saturated",
        "_shut",
        "_since",
        "_target",
        "_usual",
        "_visits",
        "_visits_s",
        "comings",
        "most",
        "rate",
        "seen",
    )

    def __init__(self, most: int, rate: float | None) -> None:
        self.most, self.rate = most, rate
        self.comings = Comings()
        self._target = 1.0  # of the room
        self._usual = 1.0  # of the room, as it was lately
        self._credit = 0.0
        self._shut = False  # the backend was cut off when it was last looked at
        self._at: float | None = None
        self._open = True  # whether the backend was not cut off, the last time
        self._ramp_from: float | None = None
        self._ends = 0.0
        self.seen = 0  # visits that have ended
        self._bears = 0.0  # visits a second, as it was when it had a line
        self._visits = self._visits_s = 0.0
        self._since = 0.0  # this window's
        self._ended = self._looked = self._saturated = 0

    def __repr__(self) -> str:
        return f"<Admission {self.target:.0f} of {self.most} at once, {self.comings.part:.0%} come>"

    @property
    def target(self) -> float:
        """How many may be in at once, as the backend bears it now."""
        return max(1.0, self.most * self._target)

    @property
    def ahead(self) -> float:
        """How many passes end while somebody who is called now makes up his mind: so many can be called before there is room."""
        return min(self._ends * self.comings.lag_s, self.most * _AHEAD_MOST)

    def ended(self, count: int) -> None:
        """Note that so many passes have ended."""
        self._ended += count
        self.seen += count

    def slow_start(self, now: float) -> None:
        """Begin slowly from now on."""
        self._ramp_from = now

    def ask(self, now: float, active: int, backing: Backing) -> int:
        """Return how many to call now, where `active` hold passes."""
        passed_s = 0.0 if self._at is None else max(0.0, now - self._at)
        self._at = now
        if backing.open and not self._open:
            self.slow_start(now)
        self._open = backing.open
        self.comings.tick(now)
        self._learn(now, active, backing, passed_s)
        if self._shut and backing.open:
            self.slow_start(now)
        self._shut = not backing.open
        pace = self._pace(now) * backing.part
        self._credit = min(self._credit + pace * passed_s, max(1.0, pace * _BURST_S))
        free = (self.target + self.ahead - active - self.comings.expected(now)) / self.comings.part
        wanted = int(min(free, self._credit, _CALLS_MOST))
        if wanted < 1 or backing.part == 0.0:
            return 0
        self._credit -= wanted
        self.comings.called(now, wanted)
        return wanted

    def fewer(self, now: float, count: int) -> None:
        """Note that so many were not called after all: nobody was there."""
        for _ in range(count):
            self.comings.over(now, now, came=False)

    def _learn(self, now: float, active: int, backing: Backing, passed_s: float) -> None:
        """Let the target follow the backend, once in a window."""
        self._looked += 1
        self._saturated += backing.rounds > _BEST_ROUNDS
        self._visits_s += active * passed_s
        if now - self._since < _WINDOW_S:
            return
        rate = self._ended / (now - self._since)
        self._ends += (rate - self._ends) * (0.5 if rate < self._ends else 0.1)  # it falls faster than it rises
        self._visits += self._ended
        if self._saturated >= _SATURATED * self._looked:
            self._towards(rate, backing)
        elif active >= 0.8 * self.target:  # only who has been there knows that more would be borne
            self._target = min(1.0, self._target * (1.0 + (_AGAIN if self._target < _BELOW * self._usual else _MORE)))
        self._usual += _USUAL * (self._target - self._usual)
        self._visits *= _REMEMBERED
        self._visits_s *= _REMEMBERED
        self._since, self._ended, self._looked, self._saturated = now, 0, 0, 0

    def _towards(self, rate: float, backing: Backing) -> None:
        """Go towards as many as the backend can serve: what it does a second, times the time of a visit less what of it is its line
        (Little 1961). The time of those who are still in counts, too, or a room would take its quickest visitors for all.
        """
        self._bears = rate if not self._bears else self._bears + _TOWARDS * (rate - self._bears)
        if self._bears <= 0.0 or self._visits < 1.0:
            return
        line_s = backing.queued / self._bears
        visit_s = max(1.0, self._visits_s / self._visits - line_s)
        wanted = (self._bears * visit_s * _SPARE + _BEST_ROUNDS * backing.limit) / self.most
        self._target += _TOWARDS * (wanted - self._target)
        self._target = min(1.0, max(_TARGET_LEAST, self._target))

    def _pace(self, now: float) -> float:
        """Return the calls a second at most."""
        pace = self.rate if self.rate is not None else float(self.most) / _BURST_S
        if self._ramp_from is None:
            return pace
        done = (now - self._ramp_from) / RAMP_S
        if done >= 1.0:
            self._ramp_from = None
            return pace
        # The whole room again over the ramp where nothing else bounds it; a rate that is lower anyway comes in bit by bit.
        if self.rate is None:
            return min(pace, max(1.0, self.most / RAMP_S))
        return min(pace, max(1.0, pace * done))
