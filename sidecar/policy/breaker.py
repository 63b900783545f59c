"""Cuts a failing backend off and leads it back: closed, cut off, testing. In other books these are closed, open and half-open.

One for a whole backend, one for each operation; told of every attempt. Failures cut off; what is slow or runs out of time does so only
while the limit stands at its minimum, for until then the limiter sees to it. It never calls anybody: a probe is made by others.
"""

from __future__ import annotations

from collections import deque
from math import ceil
from typing import TYPE_CHECKING, Final

from sidecar.model import Executed, Refusal
from sidecar.policy.breaking import BAD, UNCOUNTED, Event, Forced, Permit, Result, State, View
from sidecar.policy.sliding import Counts, Window
from sidecar.policy.trial import Trial, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from sidecar.policy.breaking import Rule

REASON: Final = "cut_off"

# Many sidecars, and the breakers of many operations, that were cut off together are not tried together (Envoy jitters its ejections so).
JITTER: Final = 0.2
# Each cut-off is longer than the last by a half: so the last one is a third of the outage at most. Twice as long, it would be half of it,
# and all who come wait for its end.
GROWTH: Final = 1.5
# A backend that failed an hour ago is not a suspect for ever: each five minutes closed take one lengthening back.
DECAY_S: Final = 300.0
# Three in a row are an outage, one is a restart of its web server; as the pressure gauge and HAProxy's `fall` count. Of probes that
# failed, and of calls that ran out of time: in a black hole, one at a time, `min_calls` of them would take minutes.
IN_A_ROW: Final = 3
# Those calls must be spread over this part of the window at least: twenty that began together run out of time together, and prove no
# more than one. Calls of 10 s, the usual time for what is safe, come twice into the usual 30 s.
SILENT_PART: Final = 1 / 3
# A run of failures lasts so long at least: when a web server is restarted all that it has in work fails in one moment, and it is back.
RUN_S: Final = 1.0
# So many failures of others, too, or it is one operation that fails, which has a breaker of its own.
ELSEWHERE: Final = 3
# Where nothing safe and no probe has come for so long, a call that may change something has to be the test, or it would never close.
UNSAFE_AFTER_S: Final = 10.0
RETRY_TESTING_S: Final = 1  # a test call takes about that long; who comes back then finds it closed, or cut off
LONGEST_FORCED_S: Final = 86_400.0  # what is to hold longer belongs in the settings
_EVENTS: Final = 16  # transitions that nobody has asked for yet; more are a caller who never asks


class Breaker:
    """The pure policy. `chance` gives a number in [0, 1); `subject` begins the sentences that callers read."""

    __slots__ = (
        "_because",
        "_chance",
        "_cut_off_s",
        "_events",
        "_failed",
        "_failed_at",
        "_forced",
        "_forced_until",
        "_generation",
        "_lengthened",
        "_permit",
        "_probes_failed",
        "_rule",
        "_safe_at",
        "_said",
        "_since",
        "_state",
        "_subject",
        "_trial",
        "_unanswered",
        "_unanswered_at",
        "_until",
        "_why",
        "_window",
        "observed",
        "refused",
    )

    def __init__(self, rule: Rule, chance: Callable[[], float], subject: str = "the backend") -> None:
        self._rule, self._chance, self._subject = rule, chance, subject
        self._state, self._generation, self._since, self._until = State.CLOSED, 0, 0.0, 0.0
        self._permit = Permit(0)  # one for all while it is closed: nothing is given back then
        self._window = Window(rule.window_s)
        self._why, self._because, self._cut_off_s, self._lengthened = Counts(), "", 0.0, 0
        self._trial = Trial()
        self._safe_at = 0.0
        self._probes_failed = self._unanswered = self._failed = 0  # in a row, with nothing good between them
        self._unanswered_at = self._failed_at = 0.0  # when the first of them did
        self._forced: Forced | None = None
        self._forced_until = 0.0
        self._events: deque[Event] = deque(maxlen=_EVENTS)
        self._said: Refusal | None = None
        self.refused = self.observed = 0

    def __repr__(self) -> str:
        order = "" if self._forced is None else f" ({self._forced} until {self._forced_until:g})"
        more = {
            State.CLOSED: "",
            State.CUT_OFF: f" until {self._until:g}",
            State.TESTING: f" {len(self._trial)} of {self._trial.width}",
        }[self._state]
        return f"<Breaker {self._state}{more}{order}, {self._window!r}>"

    @property
    def rule(self) -> Rule:
        """What it goes by."""
        return self._rule

    @property
    def state(self) -> State:
        """As far as anybody has noticed: time may have ended it."""
        return self._state

    @property
    def forced(self) -> Forced | None:
        """An operator's order that holds, as far as anybody has noticed."""
        return self._forced

    @property
    def closed(self) -> bool:
        """Whether nothing speaks against a call, as far as anybody has noticed; a retry is made only then."""
        return self._state is State.CLOSED or (self._rule.observe and not self.ordered)

    @property
    def ordered(self) -> bool:
        """Whether an operator has it cut off: that holds where its own word is only counted, too."""
        return self._forced is Forced.CUT_OFF

    def peek(self, now: float, *, safe: bool) -> Refusal | None:
        """Say whether a call would be refused now (monotonic seconds), and change nothing. `ask` may refuse whom this lets in, never
        the other way round.
        """
        return None if self.closed else self._refusal(now, safe)

    def ask(self, now: float, *, safe: bool, lease_s: float, observe: bool = False) -> Permit | Refusal:
        """Give a permit, whose result is to be told, or a refusal. While testing it is a lease: a failure unless told in `lease_s`.

        `safe`: the call changes nothing. Others test only where nothing safe and no probe has come for UNSAFE_AFTER_S. `observe`: as the
        rule's, for this call.
        """
        if self._state is State.CLOSED and self._forced is None:
            return self._permit
        self._advance(now)
        refusal = None if self._state is State.CLOSED else self._refusal(now, safe)
        if refusal is None:
            return self._permit if self._state is State.CLOSED else self._lease(now, safe, lease_s)
        if (observe or self._rule.observe) and not self.ordered:
            self.observed += 1
            return UNCOUNTED
        self.refused += 1
        return refusal

    def probe(self, now: float) -> Permit:
        """Give the permit of a probe: always, for it is how a cut-off ends early, and how a dead backend is known before any call."""
        self._advance(now)
        return Permit(self._generation, probe=True)

    def tell(
        self, now: float, permit: Permit, result: Result, *, at_minimum: bool, apart: Counts | None = None
    ) -> tuple[Event, ...]:
        """Note what came of a permit, and return what has happened since anybody last asked. Results of older generations are lost.

        `at_minimum`: the limit can go no lower (a fixed one never can). `apart`: what one operation has met in the same seconds,
        without this result; a reply that failed cuts the whole off only where others fail, too.
        """
        if self._state is not State.CLOSED or self._forced is not None:
            self._advance(now)
        if permit.generation == self._generation:
            if permit.probe:
                self._probed(now, result)
            elif self._state is State.CLOSED:
                self._count(now, result, at_minimum, apart)
            elif self._trial.take_back(permit) and result is not Result.IGNORED:
                self._judge(now, result)
        return self.news()

    def news(self) -> tuple[Event, ...]:
        """Return what has happened since anybody last asked, and forget it."""
        if not self._events:
            return ()
        told = tuple(self._events)
        self._events.clear()
        return told

    def counts(self, now: float) -> Counts:
        """Return what was counted while it was closed; nothing in another state."""
        return self._window.counts(now) if self._state is State.CLOSED else Counts()

    def outage(self, now: float, operations: int) -> tuple[Event, ...]:
        """Cut the whole off: so many operations are cut off by themselves, and no other has gone well lately."""
        if self._state is State.CLOSED and self._forced is None:
            self._cut_off(now, self._window.counts(now), f"{operations} operations are cut off, and no other goes well")
        return self.news()

    def forgive(self, now: float, part: Breaker) -> None:
        """Take off the account what `part`, an operation's breaker that has cut it off, answers for."""
        self._window.take_off(now, part._window)

    def force(self, now: float, forced: Forced, until: float) -> tuple[Event, ...]:
        """Let an operator's order hold until `until` (monotonic seconds, at most LONGEST_FORCED_S ahead; ValueError else).

        What was ordered cut off is tested when the order ends, what was ordered closed or disabled is closed.
        """
        if not now < until <= now + LONGEST_FORCED_S:
            raise ValueError(f"an order ends within {LONGEST_FORCED_S:g} s, not after {until - now:g} s")
        self._advance(now)
        self._forced, self._forced_until = forced, until
        if forced is Forced.CUT_OFF:
            self._why, self._because, self._cut_off_s = Counts(), "an operator has ordered it", until - now
            self._move(State.CUT_OFF, now, forced, until)
        else:
            self._move(State.CLOSED, now, forced)
        return self.news()

    def lift(self, now: float) -> tuple[Event, ...]:
        """End an order before its time; harmless where there is none."""
        self._advance(now)
        if self._forced is not None:
            self._end_order(now)
            self._advance(now)
        return self.news()

    def bound(self, now: float, rule: Rule) -> None:
        """Take another rule and keep everything; a cut-off that is longer than may be is shortened."""
        self._advance(now)
        if rule.window_s != self._rule.window_s:
            self._window = self._window.rescaled(now, rule.window_s)
        self._rule, self._said = rule, None
        if self._state is State.CUT_OFF and self._forced is None and self._until > now + rule.open_max_s:
            self._until = self._safe_at = now + rule.open_max_s

    def rest_s(self, now: float) -> float:
        """Return for how many seconds it is cut off yet, by itself or by order; 0 where it is not."""
        said = self.view(now)
        cut_off = said.forced is Forced.CUT_OFF if said.forced is not None else said.state is State.CUT_OFF
        return max(0.0, said.left_s or 0.0) if cut_off else 0.0

    def view(self, now: float) -> View:
        """Return what there is to see."""
        self._advance(now)
        left_s = None
        if self._forced is not None:
            left_s = self._forced_until - now
        elif self._state is State.CUT_OFF:
            left_s = self._until - now
        counts = self._window.counts(now) if self._state is State.CLOSED else self._why
        testing, width = len(self._trial), self._trial.width if self._state is State.TESTING else 0
        return View(
            self._state, self._forced, left_s, counts, testing, width, self.refused, self.observed, self._generation
        )

    def _advance(self, now: float) -> None:
        """Let happen what time alone brings, each at its own moment: after an idle night nothing is older than it is."""
        if self._forced is not None and now >= self._forced_until:
            self._end_order(self._forced_until)
        while (due := self._trial.overdue(now)) is not None:
            self._judge(due, Result.TIMEOUT)
        if self._state is State.CUT_OFF and now >= self._until:
            self._move(State.TESTING, self._until, "the cut-off is over")

    def _end_order(self, at: float) -> None:
        order, self._forced = self._forced, None
        if order is Forced.CUT_OFF:
            self._until = self._safe_at = at
        else:
            self._events.append(Event(at, self._state, self._state, f"{order} is over"))

    def _refusal(self, now: float, safe: bool) -> Refusal | None:
        """Say what speaks against a call while it is not closed, whether or not anybody has noticed that a cut-off is over."""
        if self._state is State.CUT_OFF and now < self._until:
            return self._say(ceil(self._until - now))
        may = safe or now >= self._safe_at + UNSAFE_AFTER_S
        return None if may and self._trial.has_room(now) else self._say(RETRY_TESTING_S)

    def _say(self, after_s: int) -> Refusal:
        """Return the refusal, the same one for a second: while a crowd is sent away, none is made anew."""
        if self._said is None or self._said.retry_after_s != after_s:
            calls, failures, slow = self._why
            doing = "being tested" if self._state is State.TESTING else "cut off"
            numbers = (
                ("calls", calls),
                ("failures", failures),
                ("slow", slow),
                ("failed_percent", round(100 * failures / max(1, calls))),
                ("failure_rate_percent", round(100 * self._rule.failure_rate)),
                ("cut_off_ms", round(1000 * self._cut_off_s)),
            )
            detail = f"{self._subject} is {doing}: {self._because}"
            self._said = Refusal("backend_unreachable", REASON, detail, Executed.NO, after_s, numbers=numbers)
        return self._said

    def _lease(self, now: float, safe: bool, lease_s: float) -> Permit:
        if safe:
            self._safe_at = now
        else:
            why = f"a call that may change something is the test: nothing safe has come for {UNSAFE_AFTER_S:g} s"
            self._events.append(Event(now, self._state, self._state, why))
        permit = Permit(self._generation)
        self._trial.lease(permit, now + lease_s)
        return permit

    def _count(self, now: float, result: Result, at_minimum: bool, apart: Counts | None) -> None:
        """Count a result while it is closed, and cut off where it is one too many. A good one never does, unless it was slow."""
        if self._forced is Forced.DISABLED or result is Result.IGNORED:
            return
        failed = result in BAD
        if result is Result.TIMEOUT:
            if not self._unanswered:
                self._unanswered_at = now
            self._unanswered += 1
            if not at_minimum:
                return  # the limiter has heard of it, and can still do something about it
        elif not failed:
            self._probes_failed = self._unanswered = self._failed = 0
        else:
            if not self._failed:
                self._failed_at = now
            self._failed += 1
        slow = at_minimum and result in (Result.SLOW, Result.TIMEOUT)
        self._window.note(now, failed=failed, slow=slow)
        if (failed or slow) and self._forced is None:
            self._weigh(now, result, Counts(1, int(failed), int(slow)), apart)

    def _weigh(self, now: float, result: Result, this: Counts, apart: Counts | None) -> None:
        rule, counts = self._rule, self._window.counts(now)
        if result is Result.TIMEOUT and self._is_silent(now):
            self._cut_off(now, counts, f"{self._unanswered} calls in a row were not answered in time")
        elif (apart is None or result is Result.UNREACHABLE) and self._is_a_run(now):
            self._cut_off(now, counts, f"{self._failed} calls in a row failed")
        elif rule.is_too_much(counts, rule.min_calls) and (
            apart is None or result is Result.UNREACHABLE or rule.is_too_much(_less(counts, this, apart), ELSEWHERE)
        ):
            failing = f"{counts.failures} of {counts.calls} calls failed"
            slow = f"{counts.slow} of {counts.calls} calls took longer than {rule.slow_after_s:g} s"
            self._cut_off(now, counts, failing if this.failures else slow)

    def _is_silent(self, now: float) -> bool:
        silent_s = now - self._unanswered_at
        return self._unanswered >= IN_A_ROW and silent_s >= SILENT_PART * self._rule.window_s

    def _is_a_run(self, now: float) -> bool:
        return self._failed >= self._rule.run and now - self._failed_at >= RUN_S

    def _judge(self, now: float, result: Result) -> None:
        """Take a test's result into account; the trial knows what it shows."""
        rule, trial = self._rule, self._trial
        bad, slow = result in BAD, result is Result.SLOW
        match trial.tell(bad=bad, slow=slow, failure_rate=rule.failure_rate, slow_rate=rule.slow_rate):
            case Verdict.PASSED:
                self._move(State.CLOSED, now, Verdict.PASSED.value)
            case Verdict() as verdict:
                self._cut_off(now, trial.counts, verdict.value)

    def _probed(self, now: float, result: Result) -> None:
        """Take a probe's word: three bad ones in a row cut off, where no call went well meanwhile; a good one ends a cut-off."""
        if self._forced is not None or result is Result.IGNORED:
            return  # one that could not be asked is no test, and keeps nobody else from being it
        self._safe_at = max(self._safe_at, now)
        bad = result in BAD
        if self._state is State.CLOSED:
            self._probes_failed = self._probes_failed + 1 if bad else 0
            if self._probes_failed >= IN_A_ROW:
                self._cut_off(now, Counts(), f"{IN_A_ROW} of our own probes in a row failed")
            return
        if self._state is State.CUT_OFF:
            if bad:
                return
            self._move(State.TESTING, now, "a probe went well")
        self._judge(now, result)

    def _cut_off(self, now: float, why: Counts, what: str) -> None:
        rule = self._rule
        if self._state is State.CLOSED:
            self._lengthened = max(0, self._lengthened - int((now - self._since) / DECAY_S))
        longest_s = rule.open_max_s / (1 + JITTER)
        middle_s = min(rule.open_for_s * GROWTH**self._lengthened, longest_s)
        self._lengthened += middle_s < longest_s
        self._cut_off_s = middle_s * (1 + JITTER * (2 * self._chance() - 1))
        self._why, self._because = why, what
        self._move(State.CUT_OFF, now, what, now + self._cut_off_s)

    def _move(self, state: State, now: float, why: str, until: float | None = None) -> None:
        """Begin a new generation."""
        self._events.append(Event(now, self._state, state, why, until))
        self._state, self._since, self._said = state, now, None
        self._generation += 1
        self._trial = Trial()
        if until is not None:
            self._until = self._safe_at = until
        if state is State.CLOSED:
            self._permit, self._window = Permit(self._generation), Window(self._rule.window_s)
            self._probes_failed = self._unanswered = self._failed = 0


def _less(counts: Counts, *parts: Counts) -> Counts:
    return Counts(*(whole - sum(column) for whole, *column in zip(counts, *parts, strict=True)))
