"""The limit that finds itself: it tries a little more and a little less while people wait, and keeps what serves most of them.

Told of every attempt by the span stage, asked by the line and by the breaker. It never refuses anybody and sends no call of its own: a
trial is served out of the line. It never keeps a limit that nobody fills, and it holds still once both neighbours have lost.

How it goes, and what ends each part:

    start     low, half as much again at each step, until calls take longer than the step gains
    search    half-way to the nearest limit that has lost, on either side, until the neighbours have lost as well
    settle    at rest; a trial above (one in four: below) every few seconds, and all the time a look at what calls take
    cut       calls take longer than they did: at once to where the knee would be; where that gains nothing, back: it was not us
    drops     timeouts, refused connections, overload faults: down by a third; where nothing else comes, down to the least
"""

from __future__ import annotations

import math
from collections import deque
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from sidecar.policy.baseline import Baselines, Memory, Spell, log_s, worth
from sidecar.policy.climb import Climb
from sidecar.policy.headroom import Headroom
from sidecar.policy.search import BOLD, CAREFUL, FAR, FIRST_LOOK, GROW_LEAST, RAMP, Bracket, Trial, Verdict
from sidecar.policy.symptoms import LATEST, Drift, Drops, Loss, Shift

if TYPE_CHECKING:
    from sidecar.policy.limiter import Sample

# A call counts once a slow one of its kind would be back as well: sooner after a change only the quick ones are (censoring).
SETTLE: Final = 3.0
_ROUNDING_S: Final = 1e-6  # between a start that was noted and one that is worked out from an end
VARIANCE: Final = 0.25  # of a call's logarithm before any is known: times that vary by half of themselves
RECENT: Final = 150.0  # calls at rest that a trial begins with; older ones are of another minute

FALSE_ALARM: Final = 0.5  # of the shift that was seen: if fresh calls show less, it was one bad second
GROW_FASTER: Final = (
    0.25  # the first step where calls take less time than they did: there may be room, nobody knows how much
)
GROW_RAMPING: Final = 0.2  # a step that is wider is the ramp's
LEFT_LEAST: Final = (
    0.15  # as long as calls take a seventh longer than before the trouble, the next trial is further down
)

REST_S: Final = 4.0
REST_GROWS: Final = 1.5
REST_MOST_S: Final = 10.0  # a probe costs a tenth of half a second or so: below one per cent in all
DOWN_EVERY: Final = 4  # of the probes: too much shows in what calls take, too little only in a trial
TRIAL_MOST_S: Final = 30.0  # where a call ends every second or two, a trial is over when there is something to go by

DROP: Final = 0.7
RESUME: Final = 0.7  # of the limit before a silence: up to there by doubling, after so many good calls each time
RESUME_CALLS: Final = 8.0

UNCROWDED: Final = 0.7  # of the limit, up to which a call's time is its own
QUIET_S: Final = 60.0  # without a word, beyond what the slowest calls take: nobody asks
SLOW_START_S: Final = 15.0
CHANGES: Final = 20  # kept for people


class Why(StrEnum):
    """What the last change of the limit was for."""

    START = "start"
    RAMP = "ramp"
    CUT = "cut"
    DROPS = "drops"
    SETTLE = "settle"
    SEARCH = "search"
    IDLE = "idle"
    RESTORED = "restored"
    SLOW_START = "slow_start"


class Change(NamedTuple):
    """One change of the limit; `at` is monotonic seconds."""

    at: float
    limit: int
    why: Why


class Adaptive:
    """The pure policy of one backend: `limit` is whole, between `minimum` (at least 1) and `maximum`; it begins at `start`."""

    __slots__ = (
        "_bracket",
        "_climb",
        "_crowding",
        "_cut_epoch",
        "_doubt",
        "_drift",
        "_drops",
        "_headroom",
        "_here",
        "_known",
        "_left",
        "_longest_s",
        "_max",
        "_min",
        "_next_at",
        "_probes",
        "_proved",
        "_rest_s",
        "_resume",
        "_since",
        "_start",
        "_told_at",
        "_trial",
        "_variance",
        "changes",
        "elasticity",
        "epoch",
        "limit",
        "why",
    )

    def __init__(self, minimum: int, start: int, maximum: int) -> None:
        self._min, self._max = max(1, minimum), max(1, minimum, maximum)
        self._start = self.limit = min(max(start, self._min), self._max)
        self.epoch = 0
        self.why = Why.START
        self.changes: deque[Change] = deque(maxlen=CHANGES)
        self.elasticity: float | None = None  # of a call's time to the limit, as the last trial found it
        self._known, self._drops, self._headroom = Baselines(), Drops(), Headroom()
        self._variance, self._crowding, self._longest_s = VARIANCE, 0.0, 0.0
        self._since = self._told_at = self._next_at = -math.inf
        self._probes = self._cut_epoch = self._resume = self._proved = 0
        self._climb: Climb | None = None
        self._hold(self.limit)

    def __repr__(self) -> str:
        return f"<Adaptive {self.limit} in {self._min}..{self._max}, {self.why}, calls take {self.ratio:.1f} x their own time>"

    @property
    def at_minimum(self) -> bool:
        """Whether it can go no lower: from there on timeouts are the breaker's."""
        return self.limit <= self._min

    @property
    def ratio(self) -> float:
        """How many times its own, uncrowded time a call takes now."""
        return math.exp(self._crowding)

    @property
    def baselines(self) -> dict[str, float]:
        """What each operation takes when it is not crowded, seconds (the geometric mean); at most 500 of them."""
        return self._known.as_seconds()

    def numbers(self) -> tuple[tuple[str, float], ...]:
        """Return what an operator asks of it. `held` is the limit that a trial is measured against."""
        said: tuple[tuple[str, float], ...] = (
            ("limit", self.limit),
            ("held", self._bracket.home),
            ("minimum", self._min),
            ("maximum", self._max),
            ("ratio", round(self.ratio, 2)),
        )
        return said if self.elasticity is None else (*said, ("elasticity", round(self.elasticity, 2)))

    def tell(self, now: float, sample: Sample, *, waiting: int) -> None:
        """Learn from an attempt that ended at `now` (monotonic seconds)."""
        if self._since == -math.inf:
            self._since = now - sample.seconds
        self.pulse(now)
        self._told_at = now
        self._longest_s = max(sample.seconds, self._longest_s * (1.0 - LATEST))
        if not sample.dropped:
            self._served(now, sample, waiting)
        elif sample.epoch >= self._cut_epoch:  # else begun before the last cut, which was the answer to it
            loss = self._drops.dropped(now, sample.seconds)
            if loss is not Loss.NONE:
                self._cut(now, loss)

    def pulse(self, now: float) -> None:
        """Let time pass: a slow start climbs, head-room that nobody fills decays. Once a second is plenty, where nothing ends."""
        if self._climb is not None:
            self._climbing(now, self._climb)
        if now - self._told_at > QUIET_S + SETTLE * self._longest_s and self._told_at > -math.inf:
            self._headroom.quiet()
            self._idle(now)

    @property
    def climbing(self) -> bool:
        """Say whether a slow start is under way."""
        return self._climb is not None

    def slow_start(self, now: float, over_s: float = SLOW_START_S) -> None:
        """Climb straight from the least to the limit before the trouble, in `over_s` (HAProxy's slowstart, on maxconn)."""
        to = max(self._bracket.home, self._proved)
        self._resume = 0
        self._hold(to)
        self._climb = Climb(now, to, over_s)
        self._climbing(now, self._climb)

    def bound(self, minimum: int, maximum: int) -> None:
        """Take new bounds: what is learnt stays, the limit moves only where it is outside of them."""
        self._min, self._max = max(1, minimum), max(1, minimum, maximum)
        self._start = self._within(self._start)
        home = self._within(self._bracket.home)
        if home != self._bracket.home or self.limit != self._within(self.limit):
            self._hold(home)
            self._move(self._told_at, home if self._climb is None else self._within(self.limit), Why.SETTLE)

    def state(self) -> dict[str, object]:
        """Return what is worth knowing after a restart, plain values for JSON."""
        return {"limit": max(self._bracket.home, self._resume), "baselines_s": self.baselines}

    def restore(self, state: object, age_s: float) -> bool:
        """Take a state that is `age_s` old and say whether there was a limit in it; what makes no sense is left out.

        The limit comes back whole where it is fresh and at half where it is old, at `start` at least: the backend may be another by now,
        and the way up is short.
        """
        memory = Memory.read(state)
        self._known.restore(memory.baselines)
        if memory.limit is None:
            return False
        home = max(round(worth(age_s) * self._within(memory.limit)), min(memory.limit, self._start))
        self._hold(self._within(home))
        self._move(self._told_at, home, Why.RESTORED)
        return True

    def _within(self, limit: int) -> int:
        return min(max(limit, self._min), self._max)

    def _move(self, now: float, limit: int, why: Why) -> None:
        limit = self._within(limit)
        if limit != self.limit:
            self.limit, self.why = limit, why
            self._since = now
            self.epoch += 1
            if now > -math.inf:  # before the first call there is no time to name
                self.changes.append(Change(now, limit, why))

    def _hold(self, home: int, grow: float = RAMP) -> None:
        """Make `home` the limit that is held; nothing is known of it, nor of any other."""
        self._bracket = Bracket(home, grow)
        self._here, self._drift = Spell(), Drift()
        self._trial: Trial | None = None
        self._doubt: Shift | None = None
        self._left = 0.0  # by how much calls still take longer than before the trouble, a logarithm
        self._rest_s = REST_S

    def _served(self, now: float, sample: Sample, waiting: int) -> None:
        self._drops.served(now)
        self._headroom.began(sample.in_flight)
        taken = log_s(sample.seconds)
        alone = sample.in_flight <= UNCROWDED * self.limit
        longer = self._known.tell(sample.operation, taken, crowded_by=self._crowding, learn=alone)
        self._crowding += LATEST * (longer - self._crowding)
        if sample.epoch != self.epoch or self._climb is not None:
            return
        full = sample.in_flight >= self.limit
        # After a step up some begin below the new limit, with others waiting behind them.
        self._headroom.met(full or waiting > 0)
        if self._headroom.idle:
            self._idle(now)
        elif full and self._settled(now, sample):
            self._learn(now, sample.operation, taken, waiting)

    def _settled(self, now: float, sample: Sample) -> bool:
        """Whether it began after the last change, and a slow one of its kind that began with it would be back."""
        due_s = SETTLE * self._known.seconds(sample.operation) * math.exp(max(0.0, self._crowding))
        return now - self._since >= due_s and now - sample.seconds >= self._since - _ROUNDING_S

    def _learn(self, now: float, operation: str, taken: float, waiting: int) -> None:
        """Count a call that met the limit that is in force."""
        trial = self._trial
        away = trial.spell if trial is not None and trial.away else None
        spell = self._here if away is None else away
        if apart := spell.add(operation, taken):
            self._variance += 0.01 * (apart * apart - self._variance)
        if self._doubt is not None:
            if self._here.calls >= FIRST_LOOK:
                self._answer(now, self._doubt)
            return
        if away is None and (shift := self._drift.tell(operation, taken, self._variance)):
            self._notice(now, shift)
            return
        if trial is not None:
            self._weigh(now, trial)
        elif now >= self._next_at:
            if self._here.calls > RECENT:
                self._here.fade(RECENT)
            self._go_on(now, waiting)

    def _go_on(self, now: float, waiting: int) -> None:
        """Take the next step from rest: back to where it was before a silence, or a trial."""
        home = self._bracket.home
        if self._resume > home:
            if waiting and self._here.calls >= RESUME_CALLS:
                self._hold(min(self._resume, 2 * home))
                self._move(now, self._bracket.home, Why.RAMP)
        elif self._here.calls >= FIRST_LOOK:
            if self._resume:
                # What was too much before the silence probably still is; a probe from rest will tell.
                self._bracket.high = self._within(max(home + 2, math.ceil(self._resume / RESUME * (1.0 + FAR))))
                self._resume = 0
            self._proved = home
            self._choose(now, waiting)

    def _choose(self, now: float, waiting: int) -> None:
        """Begin a trial: down after trouble; up where more may be had; down where less may be better; else a probe now and then."""
        bracket = self._bracket
        if (self._left > LEFT_LEAST or self._drops.unwell) and bracket.low is None and bracket.home > self._min:
            self._try(now, bracket.cut(self._left, self._min), BOLD, Why.CUT)
            return
        above, below = bracket.above(self._max), bracket.below(self._min)
        if above is not None and waiting:
            ramping = bracket.high is None and bracket.grow > GROW_RAMPING
            self._try(now, above, BOLD if ramping else CAREFUL, Why.RAMP if ramping else Why.SEARCH)
        elif above is not None and bracket.high is None:
            return  # nobody wants more: what is there will do
        elif below is not None:
            self._try(now, below, CAREFUL, Why.SEARCH)
        else:
            self._probe(now, waiting)

    def _probe(self, now: float, waiting: int) -> None:
        self._probes += 1
        up = self._probes % DOWN_EVERY != 0
        limit = self._bracket.probe(up=up, least=self._min, most=self._max)
        if limit == self._bracket.home or (up and not waiting):
            self._next_at = now + self._rest_s
        else:
            self._try(now, limit, CAREFUL, Why.SEARCH)

    def _try(self, now: float, limit: int, evidence: tuple[float, float], why: Why) -> None:
        self._trial = Trial(now, self._bracket.home, limit, evidence)
        self._move(now, limit, why)

    def _weigh(self, now: float, trial: Trial) -> None:
        if trial.due(self._here):
            verdict = trial.look(self._here, self._variance)
            if verdict.better is None:
                self._move(now, trial.turn(self._here), Why.SEARCH)
            else:
                self._end(now, trial, verdict)
        elif now - trial.begun > TRIAL_MOST_S and trial.spell.calls >= FIRST_LOOK:
            self._end(now, trial, trial.weigh(self._here))

    def _end(self, now: float, trial: Trial, verdict: Verdict) -> None:
        bracket, down = self._bracket, trial.limit < trial.home
        self._trial, self._next_at = None, now
        self.elasticity = verdict.longer / math.log(trial.limit / trial.home)
        if verdict.better:
            bracket.won(trial.limit)
            self._here, self._drift = trial.spell, Drift(trial.spell)
            self._left = max(0.0, self._left + verdict.longer) if down else 0.0
            self._rest_s = REST_S
        else:
            bracket.lost(trial.limit)
            self._left = 0.0 if down else self._left
            if bracket.above(self._max) is None and bracket.below(self._min) is None:
                self._next_at = now + self._rest_s
                self._rest_s = min(REST_MOST_S, REST_GROWS * self._rest_s)
                bracket.grow = GROW_LEAST
        self._move(now, bracket.home, Why.SETTLE)

    def _notice(self, now: float, shift: Shift) -> None:
        """Calls take another time than they did. A sudden shift is doubted: it may be one pause, and nobody knows yet how great it is."""
        if shift.sure:
            self._here = shift.now
            self._believe(now, shift)
        else:
            self._doubt, self._here, self._since = shift, Spell(), now

    def _answer(self, now: float, shift: Shift) -> None:
        """Say whether a doubted shift shows in fresh calls as well."""
        self._doubt = None
        if abs(self._here.against(shift.was).longer) > FALSE_ALARM * abs(shift.longer):
            self._believe(now, shift)
        else:
            self._trial = None

    def _believe(self, now: float, shift: Shift) -> None:
        """Forget what was known of other limits; where calls take longer, cut."""
        here, home = self._here, self._bracket.home
        longer = here.against(shift.was).longer
        self._hold(home, RAMP if longer > 0 else GROW_FASTER)
        self._here, self._drift, self._next_at = here, Drift(here), now
        if longer > 0 and home > self._min:
            self._left = longer
            self._try(now, self._bracket.cut(longer, self._min), BOLD, Why.CUT)

    def _cut(self, now: float, loss: Loss) -> None:
        home, climb = self._bracket.home, self._climb
        if climb is not None:
            self._climb = climb.again(now)
            self._hold(self._climb.to)
        elif loss is Loss.ALL:
            if self._resume and home > self._min:
                self._resume //= 2  # it was too much again
            elif home > self._min:
                self._resume = int(RESUME * self._proved)
            self._hold(self._min)
        else:
            self._resume = 0
            self._hold(max(self._min, int(DROP * min(home, self.limit))))
        self._move(now, self._min if climb else self._bracket.home, Why.DROPS)
        self._next_at, self._cut_epoch = now, self.epoch

    def _climbing(self, now: float, climb: Climb) -> None:
        if climb.over(now):
            self._climb, self._next_at = None, now
        self._move(now, min(climb.limit(now), self._bracket.home), Why.SLOW_START)

    def _idle(self, now: float) -> None:
        """Nobody fills the limit: a trial is off, and head-room decays."""
        home = self._bracket.home
        if self._trial is not None:
            self._trial = None
            self._move(now, home, Why.SETTLE)
        keep = self._headroom.keep(now, home, self._start)
        if keep < home:
            self._hold(keep)
            self._move(now, keep, Why.IDLE)
