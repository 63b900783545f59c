"""Which limit is tried next, and whether it was better: the arithmetic behind `adaptive`.

`Bracket` remembers what is known to be worse on either side of the limit that is held; `Trial` weighs what calls took under another
limit against what they took under that one, and says so as soon as the evidence is enough. Neither knows a clock or a backend.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

from sidecar.policy.baseline import Spell

# What is sought is the greatest limit / time^POWER. Throughput is limit / time (Little's law), flat at the top of a soft knee; Kleinrock's
# power (1979) squares the time and stops short of a soft knee. In between, the elasticity of time to the limit that is steered to is 0.7.
POWER: Final = 1.4
RAMP: Final = (
    0.5  # half as much again: eight becomes sixty in five steps, and the last of them is at most a third too far
)
GROW_LEAST: Final = 0.1
FINEST: Final = 0.03  # two limits that differ by less than this part are one
FAR: Final = (
    0.15  # of a probe from rest: evidence grows with the square of the step, the price of a trial only with the step
)

CUT_POWER: Final = 2.0  # beyond a knee the time grows about with the square of the limit
CUT_TO: Final = (0.5, 0.88)  # of the limit: a deeper cut would be a guess, a smaller one would not show

# Evidence in standard errors, to accept and to reject. Who leaves a good limit for a worse one pays until the next trial, who stays pays
# a few per cent: leaving takes more. Where a step is wide, either error shows at once and the next trial mends it.
CAREFUL: Final = (2.0, 1.0)
BOLD: Final = (1.0, 1.5)
ALIKE: Final = 1.2  # calls of one moment are somewhat alike, so that their mean varies more than their number says
FIRST_LOOK: Final = 16.0  # calls: below it the variance is a guess
LOOKS: Final = 1.3  # the next look is at 1.3 times as many calls: a dozen looks in all
SIDES: Final = 1.5  # one side may be so far ahead; then the other has its turn, so that what drifts meanwhile cancels
TRIAL_MOST: Final = 400.0  # calls on either side, after which what is left to win is not worth more waiting


def step(limit: int) -> int:
    """Return the smallest step from a limit that is worth a trial, at least 1."""
    return max(1, round(FINEST * limit))


class Bracket:
    """The limit that is held (`home`), the nearest ones that are known to be worse, None where none is, and how bold the next step is."""

    __slots__ = ("grow", "high", "home", "low")

    def __init__(self, home: int, grow: float = RAMP) -> None:
        self.home, self.grow = home, grow
        self.low: int | None = None
        self.high: int | None = None

    def __repr__(self) -> str:
        return f"<Bracket {self.low or '?'} < {self.home} < {self.high or '?'}>"

    def above(self, most: int) -> int | None:
        """Return what is tried next above home, at most `most`; None where the bracket is closed on this side."""
        if self.high is None:
            wanted = self.home + max(step(self.home), round(self.grow * self.home))
        elif self.high - self.home > step(self.home):
            wanted = self.home + max(step(self.home), (self.high - self.home) // 2)
        else:
            return None
        return min(wanted, most) if most > self.home else None

    def below(self, least: int) -> int | None:
        """Return what is tried next below home, at least `least`; None where the bracket is closed on this side."""
        if self.low is None:
            wanted = self.home - math.ceil(FAR * self.home)
        elif self.home - self.low > step(self.home):
            wanted = self.home - max(step(self.home), (self.home - self.low) // 2)
        else:
            return None
        return max(wanted, least) if least < self.home else None

    def probe(self, *, up: bool, least: int, most: int) -> int:
        """Return a limit to try from rest; home itself where there is no room."""
        far = math.ceil(FAR * self.home)
        return min(self.home + far, most) if up else max(self.home - far, least)

    def cut(self, longer: float, least: int) -> int:
        """Return where the knee would be, if calls take `longer` (a logarithm) for it; half of home where only drops speak (0)."""
        deepest, shallowest = CUT_TO
        part = min(shallowest, max(deepest, math.exp(-longer / CUT_POWER))) if longer else deepest
        return max(least, int(self.home * part))

    def won(self, limit: int) -> None:
        """Hold `limit`, which was better than home."""
        if limit > self.home:
            self.grow = min(RAMP, max(2 * (limit - self.home) / self.home, GROW_LEAST))
            self.low = self.home
            self.high = self.high if self.high is not None and self.high > limit else None
        else:
            self.high = self.home
            self.low = self.low if self.low is not None and self.low < limit else None
        self.home = limit

    def lost(self, limit: int) -> None:
        """Note that `limit` was worse than home."""
        if limit > self.home:
            self.high = limit if self.high is None else min(limit, self.high)
        else:
            self.low = limit if self.low is None else max(limit, self.low)


class Verdict(NamedTuple):
    """`better` None: not enough evidence. `longer`: how much longer calls took, a logarithm; `score`: what the trial's limit gains."""

    better: bool | None
    longer: float
    score: float


class Trial:
    """Another limit, tried by turns with home. `away`: the trial's limit is in force; `begun`: monotonic seconds."""

    __slots__ = ("_accept", "_look", "_reject", "away", "begun", "home", "limit", "spell")

    def __init__(self, begun: float, home: int, limit: int, evidence: tuple[float, float]) -> None:
        self.begun, self.home, self.limit = begun, home, limit
        self.spell = Spell()
        self.away = True
        self._accept, self._reject = evidence
        self._look = FIRST_LOOK

    def __repr__(self) -> str:
        return f"<Trial of {self.limit} against {self.home}, {self.spell.calls:.0f} calls>"

    def due(self, here: Spell) -> bool:
        """Say whether enough calls have come for another look; `here` are those under the limit of home."""
        return (self.spell if self.away else here).calls >= self._look

    def look(self, here: Spell, variance: float) -> Verdict:
        """Weigh the two limits; `variance` is that of one call's logarithm."""
        _, longer, score = self.weigh(here)
        weight = self.spell.against(here).weight
        error = POWER * math.sqrt(ALIKE * variance / weight) if weight else math.inf
        known = score > self._accept * error or score < -self._reject * error
        enough = min(self.spell.calls, here.calls) >= TRIAL_MOST
        return Verdict(score > 0 if known or enough else None, longer, score)

    def weigh(self, here: Spell) -> Verdict:
        """Say which is better by what there is, however little."""
        longer = self.spell.against(here).longer
        score = math.log(self.limit / self.home) - POWER * longer
        return Verdict(score > 0, longer, score)

    def turn(self, here: Spell) -> int:
        """Return the limit whose turn it is after a look without a verdict."""
        ours, theirs = (self.spell.calls, here.calls) if self.away else (here.calls, self.spell.calls)
        self._look = LOOKS * ours
        if ours > SIDES * theirs:
            self.away = not self.away
            self._look = SIDES * ours
        return self.limit if self.away else self.home
