"""Who sets the limit: ours, the oracle, the two controls, and peers written from what their authors say of them.

The peers are approaches, not products. All start at 8 and may go from 1 to 200 where the description leaves it open.
"""

from __future__ import annotations

import math
from collections import defaultdict
from typing import TYPE_CHECKING, Final

from sidecar.policy.adaptive import Adaptive
from sidecar.policy.limiter import Fixed

if TYPE_CHECKING:
    from collections.abc import Callable

    from sidecar.policy.limiter import Limiter, Sample
    from tests.sim.backends import Backend

LEAST: Final = 1
START: Final = 8
MOST: Final = 200


class Oracle(Fixed):
    """Knows the knee, whatever happens to it."""

    __slots__ = ("_backend",)

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    @property
    def limit(self) -> int:  # type: ignore[override]  # a number that follows the backend
        return self._backend.best


class Learner:
    """What the peers have in common: a limit that is a float inside, whole outside."""

    def __init__(self) -> None:
        self.level = float(START)
        self.epoch = 0

    @property
    def limit(self) -> int:
        return max(LEAST, int(self.level))

    def move(self, to: float) -> None:
        self.level = max(float(LEAST), min(float(MOST), to))
        self.epoch += 1


class Aimd(Learner):
    """One more for each call while at least half of the limit is in use; a tenth less for a drop or for more than 5 s."""

    def tell(self, now: float, sample: Sample, *, waiting: int) -> None:
        if sample.dropped or sample.seconds > 5.0:
            self.move(self.level * 0.9)
        elif sample.in_flight * 2 >= self.limit:
            self.move(self.level + 1)


class Vegas(Learner):
    """TCP Vegas for calls, as Netflix describes it: a queue is guessed from the shortest time seen, and kept between log L and 3 log L."""

    PROBE_EVERY: Final = 30  # limits' worth of calls, after which the shortest time is taken anew

    def __init__(self) -> None:
        super().__init__()
        self._shortest_s = math.inf
        self._calls = 0

    def tell(self, now: float, sample: Sample, *, waiting: int) -> None:
        self._calls += 1
        if self._calls >= self.PROBE_EVERY * self.level * 0.75 or sample.seconds < self._shortest_s:
            self._shortest_s, self._calls = sample.seconds, 0
            return
        step = max(1, int(math.log10(self.level)))
        queue = math.ceil(self.level * (1 - self._shortest_s / sample.seconds))
        if sample.dropped:
            self.move(self.level - step)
        elif sample.in_flight * 2 < self.level:
            return
        elif queue <= step:
            self.move(self.level + 6 * step)
        elif queue < 3 * step:
            self.move(self.level + step)
        elif queue > 6 * step:
            self.move(self.level - step)


class Gradient2(Learner):
    """Long mean over short mean, once a second: below 1 it shrinks the limit, plus a small queue, smoothed, drops unseen."""

    def __init__(self) -> None:
        super().__init__()
        self._long_s, self._windows = 0.0, 0
        self._seconds, self._calls, self._most, self._closes = 0.0, 0, 0, 1.0

    def tell(self, now: float, sample: Sample, *, waiting: int) -> None:
        self._seconds += sample.seconds
        self._calls += 1
        self._most = max(self._most, sample.in_flight)
        if now >= self._closes and self._calls >= 10:
            self._window(self._seconds / self._calls, self._most)
            self._seconds, self._calls, self._most, self._closes = 0.0, 0, 0, now + 1.0

    def _window(self, short_s: float, most: int) -> None:
        self._windows += 1
        weight = 1 / self._windows if self._windows <= 10 else 2 / 601  # an exponential mean of 600 windows
        self._long_s += weight * (short_s - self._long_s)
        if self._long_s > 2 * short_s:
            self._long_s *= 0.95
        if most * 2 >= self.level:
            gradient = max(0.5, min(1.0, 1.5 * self._long_s / short_s))
            self.move(0.8 * self.level + 0.2 * (self.level * gradient + 4))


class Elastic(Learner):
    """Steers to an elasticity of a half: latency by operation against its baseline, three seconds a bit above the limit, three below."""

    SWING: Final = 0.12
    WINDOWS: Final = 3
    HIGH: Final = 6.0

    def __init__(self) -> None:
        super().__init__()
        self.middle = self.level
        self._base: dict[str, float] = {}
        self._new: dict[str, list[float]] = {}
        self._closes, self._since = 0.0, 0.0
        self._ramping, self._threshold = True, math.inf
        self._side = 0
        self._swings: dict[int, list[tuple[float, int]]] = {1: [], -1: []}
        self._cut: tuple[int, float] | None = None
        self._clear()

    def _clear(self) -> None:
        self._sums: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
        self._calls = self._drops = self._most = 0

    def _set(self, now: float, to: float) -> None:
        if round(to) != self.limit:
            self._since = now
        self.move(float(max(1, int(to + 0.5))))

    def tell(self, now: float, sample: Sample, *, waiting: int) -> None:
        self._most = max(self._most, sample.in_flight)
        began = now - sample.seconds
        if sample.dropped:
            self._drops += 1
        elif sample.operation not in self._base:
            self._meet(now, sample)
        elif began >= self._since:
            sums = self._sums[sample.operation]
            sums[0] += sample.seconds
            sums[1] += 1
            self._calls += 1
        if now >= self._closes and (self._calls >= 20 or self._drops >= 3):
            self._window(now)

    def _meet(self, now: float, sample: Sample) -> None:
        """A baseline takes 20 calls and four times its own length: before that only the fast ones are back."""
        known = self._new.setdefault(sample.operation, [now - sample.seconds, 0.0, 0.0])
        known[1] += sample.seconds
        known[2] += 1
        mean = known[1] / known[2]
        if known[2] >= 20 and now - known[0] > 4 * mean:
            self._base[sample.operation] = mean

    def _scale(self, factor: float) -> None:
        for name in self._base:
            self._base[name] *= factor

    def _window(self, now: float) -> None:
        took = sum(seconds for seconds, _ in self._sums.values())
        due = sum(count * self._base[name] for name, (_, count) in self._sums.items())
        ratio, before = took / due if due else 9.0, self.limit
        bad = self._drops > 0.05 * (self._calls + self._drops)
        if not self._drops and self._most <= 0.7 * self.limit:
            for name, (seconds, count) in self._sums.items():
                weight, base = count / (count + 50), self._base[name]
                self._base[name] += weight * (min(seconds / count, 1.1 * base) - base)
        if bad or ratio > self.HIGH:
            self._fall(now, ratio, bad=bad)
        elif self._most >= self.limit:
            if ratio < 0.9:
                self._scale(1 - 0.2 * (1 - ratio))
            if self._ramping:
                self._ramp(now, ratio)
            else:
                self._dither(now, ratio)
        else:
            self._rest(now)
        mean = took / max(1, self._calls)
        self._closes = now + max(1.0, min(3.0, mean) if self.limit < before else 0.0)
        self._clear()

    def _fall(self, now: float, ratio: float, *, bad: bool) -> None:
        known = self._threshold if math.isfinite(self._threshold) and self.middle < self._threshold else 0.0
        self._threshold = max(2.0, 0.7 * self.middle if self._ramping else 0.8 * max(self.middle, known))
        if bad:
            self.middle, self._cut = max(1.0, 0.7 * min(self.middle, self.limit)), None
        elif (
            self._cut
            and self._most <= self.limit + 1
            and self._cut[0] > 1.3 * self.limit
            and math.log(self._cut[1] / ratio) < 0.25 * math.log(self._cut[0] / self.limit)
        ):
            self._scale(min(2.0, ratio / 1.2))
            self.middle, self._cut = 0.9 * self._cut[0], None
        else:
            self._cut = self._cut or (self.limit, ratio)
            self.middle = max(1.0, 0.75 * min(self.middle, self.limit))
        self._ramping, self._side = True, 0
        self._set(now, self.middle)

    def _ramp(self, now: float, ratio: float) -> None:
        if ratio > 1.3 or self.middle >= self._threshold:
            self._ramping = False
            if ratio > 1.3 and math.isinf(self._threshold):
                self.middle *= 0.8
        else:
            self.middle = self.middle * 1.25 + 0.5
        self._set(now, self.middle)

    def _dither(self, now: float, ratio: float) -> None:
        self._cut = None
        swing = max(1.0, self.SWING * self.middle)
        if self._side == 0:
            self._side, self._swings = 1, {1: [], -1: []}
        else:
            self._swings[self._side].append((ratio, self.limit))
            if len(self._swings[self._side]) < self.WINDOWS:
                return
            if self._side == 1:
                self._side = -1
            else:
                self._steer()
                self._side, self._swings = 1, {1: [], -1: []}
                swing = max(1.0, self.SWING * self.middle)
        self._set(now, self.middle + self._side * swing)

    def _steer(self) -> None:
        (high, above), (low, below) = (
            (sum(ratio for ratio, _ in self._swings[side]) / self.WINDOWS, self._swings[side][0][1]) for side in (1, -1)
        )
        elasticity = math.log(high / low) / math.log(above / below) if above > below else 0.0
        step = 0.2 * (0.5 - max(-1.0, min(3.0, elasticity)))
        self.middle = max(1.0, min(float(MOST), self.middle * math.exp(max(-0.25, min(0.12, step)))))

    def _rest(self, now: float) -> None:
        if self._side and self._most < 0.8 * self.limit:
            self._side = 0
            self._set(now, self.middle)
        if self.middle > 2 * max(self._most, 4):
            self.middle -= max(1.0, 0.05 * self.middle)
            self._set(now, self.middle)


CONTESTANTS: Final[dict[str, Callable[[Backend], Limiter]]] = {
    "oracle": Oracle,
    "none": lambda _: Fixed(10**9),
    "aimd": lambda _: Aimd(),
    "vegas": lambda _: Vegas(),
    "gradient2": lambda _: Gradient2(),
    "elastic": lambda _: Elastic(),
    "ours": lambda _: Adaptive(LEAST, START, MOST),
}
PEERS: Final = ("vegas", "gradient2", "elastic")
