"""How old an answer may be: which of its ages an entry is in, whether it may be given now, and whether the backend is asked meanwhile.

Asked by the cache stage for every entry that is found, and once more when a flight has failed. It answers with one of a dozen fixed
decisions; it never asks the backend itself, and never widens a window because a caller would like it wider.

Ages are seconds since the backend said it. Of a lifetime F:

    F                           fresh before it
    W = F + swr_s               given at once before it, while one flight brings a new answer (RFC 5861 section 3)
    G = F + grace_s             given at once before it, while the backend is strained or down (Varnish's grace, capped by its health)
    X = F + max of all windows  given before it to whoever has waited soft_s, or whose flight has failed (RFC 5861 section 4)
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple

from sidecar.model import Level

PASSING_S: Final = 120.0  # how long it is remembered that an answer cannot be shared: Varnish's hit-for-miss
HITS_AHEAD: Final = 2  # asked for less often, an answer is not worth a call that nobody waits for
REST_FIRST_S: Final = 0.5
REST_LONGEST_S: Final = 30.0  # a backend that is back is seen within half a minute
_DOUBLINGS: Final = 6  # 0.5 s doubled six times is past the longest


class Stage(Enum):
    """The age that an entry is in."""

    FRESH = "fresh"
    AHEAD = "ahead"  # fresh, and renewed before it is not
    REVALIDATING = "revalidating"
    GRACE = "grace"
    SOFT = "soft"
    EXPIRED = "expired"
    NEGATIVE = "negative"  # a fault that is worth keeping
    PASS = "pass"  # noqa: S105 - no answer, but the mark that there is none to share


class Fetch(Enum):
    """Whether the backend is asked."""

    NO = "no"
    BEHIND = "behind"  # in the background; nobody waits
    FIRST = "first"  # the caller waits; after soft_s, or where it fails, he is given the entry
    ONLY = "only"  # the entry is of no use


@dataclass(frozen=True, slots=True)
class Rule:
    """What the settings say of one operation's ages, in seconds >= 0; `jitter` and `ahead` are parts (0 to 1) of the lifetime.

    `soft_s` None: whoever waits does so as long as his own deadline lets him. `ahead` 1: never. `strict`: what a write has touched is
    not given any more, whatever fails.
    """

    ttl_s: float = 0.0
    swr_s: float = 0.0
    grace_s: float = 0.0
    error_s: float = 0.0
    soft_s: float | None = None
    jitter: float = 0.0
    ahead: float = 1.0
    strict: bool = False
    negative_s: float = 0.0


class Decision(NamedTuple):
    """What is done with an entry. `give`: it may be given now. `reason`: of the state `stale`, where it is given past its time."""

    stage: Stage
    give: bool
    fetch: Fetch
    reason: str | None = None


_FRESH: Final = Decision(Stage.FRESH, True, Fetch.NO)
_AHEAD: Final = Decision(Stage.AHEAD, True, Fetch.BEHIND)
_REVALIDATING: Final = Decision(Stage.REVALIDATING, True, Fetch.BEHIND, "revalidating")
_SOFT: Final = Decision(Stage.SOFT, False, Fetch.FIRST, "backend-slow")
_EXPIRED: Final = Decision(Stage.EXPIRED, False, Fetch.ONLY)
_NEGATIVE: Final = Decision(Stage.NEGATIVE, True, Fetch.NO)
_PASS: Final = Decision(Stage.PASS, False, Fetch.ONLY)
_GRACE: Final = Decision(Stage.GRACE, True, Fetch.BEHIND, "overloaded")
_DOWN: Final = {s: Decision(s, True, Fetch.NO, "backend-down") for s in (Stage.REVALIDATING, Stage.GRACE, Stage.SOFT)}
_TIRED: Final = {s: Decision(s, True, Fetch.NO, "overloaded") for s in _DOWN}

# What a failure, by its state, makes of the entry that is given in its place. Whatever is not named has answered, but not well.
_AFTER: Final = {"outcome_unknown": "backend-slow", "overloaded": "overloaded"}


def decide(
    entry_age_s: float,
    lifetime_s: float,
    rule: Rule,
    level: Level,
    touched: bool,
    negative: bool,
    passing: bool,
    hits: int,
    resting: bool,
) -> Decision:
    """Say what to do with an entry of this age.

    `touched`: a write has gone through since; the entry counts as just past its lifetime. `resting`: renewing it has failed a moment
    ago, so nobody tries again while it can be given. While `level` is DOWN nothing is renewed behind anybody's back, so whoever calls
    this must send somebody now and then by passing STRAINED: where only kept answers are asked for, nobody else sees it come back.
    """
    if passing:
        return _PASS if entry_age_s < PASSING_S else _EXPIRED
    if negative:
        return _NEGATIVE if entry_age_s < rule.negative_s and not touched else _EXPIRED
    if touched and rule.strict:
        return _EXPIRED
    if entry_age_s < lifetime_s and not touched:
        wanted = hits >= HITS_AHEAD and entry_age_s > rule.ahead * lifetime_s
        return _AHEAD if wanted and level is Level.OK and not resting else _FRESH
    return _past(max(entry_age_s, lifetime_s) if touched else entry_age_s, lifetime_s, rule, level, resting)


def _past(age_s: float, lifetime_s: float, rule: Rule, level: Level, resting: bool) -> Decision:
    if age_s < lifetime_s + rule.swr_s:
        return _REVALIDATING if level is not Level.DOWN and not resting else _still(Stage.REVALIDATING, level)
    if level is not Level.OK and age_s < lifetime_s + rule.grace_s:
        return _GRACE if level is Level.STRAINED and not resting else _still(Stage.GRACE, level)
    if age_s < kept_for_s(rule, lifetime_s):
        return _still(Stage.SOFT, level) if resting else _SOFT
    return _EXPIRED


def _still(stage: Stage, level: Level) -> Decision:
    """Give it and leave the backend alone; where that is because of a failure a moment ago, it has been down for this entry."""
    return (_TIRED if level is Level.STRAINED else _DOWN)[stage]


def if_failed(age_s: float, lifetime_s: float, rule: Rule, touched: bool) -> bool:
    """Say whether an entry may be given in place of a failure (stale-if-error, RFC 5861 section 4)."""
    if touched and rule.strict:
        return False
    age_s = max(age_s, lifetime_s) if touched else age_s
    return age_s < lifetime_s + max(rule.error_s, rule.grace_s)


def after(state: str) -> str:
    """Return the reason of an entry that is given in place of a failure of this state."""
    return _AFTER.get(state, "backend-down")


def lifetime(ttl_s: float, jitter: float, key: bytes) -> float:
    """Return the ttl, longer or shorter by at most that part of it, so that what was kept together does not expire together.

    `key` is a digest: all its bytes are as good as drawn, and every replica finds the same.
    """
    drawn = int.from_bytes(key[-4:], "big") / 0xFFFF_FFFF
    return ttl_s * (1.0 + jitter * (2.0 * drawn - 1.0))


def kept_for_s(rule: Rule, lifetime_s: float) -> float:
    """Return the age from which on an entry is of no use (X)."""
    return lifetime_s + max(rule.swr_s, rule.error_s, rule.grace_s)


class Rest:
    """One key's rest after a refresh that failed: longer each time, so that a failing backend is not asked by everybody who comes."""

    __slots__ = ("_failures", "until")

    def __init__(self) -> None:
        self._failures = 0
        self.until = float("-inf")  # monotonic seconds

    def failed(self, now: float, chance: float) -> None:
        """Note a failure. `chance` (0 to 1, drawn) makes the rest half as long at least, so that keys do not come back together."""
        longest = min(REST_LONGEST_S, REST_FIRST_S * 2**self._failures)
        self._failures = min(self._failures + 1, _DOUBLINGS)
        self.until = now + longest * (0.5 + 0.5 * chance)

    def done(self) -> None:
        """Note a success: the next failure is the first."""
        self._failures = 0
        self.until = float("-inf")

    def resting(self, now: float) -> bool:
        """Say whether it lasts."""
        return now < self.until
