"""The last minutes, for people who look now: who was refused and why, how calls ended, how fast the backend is.

Told of every request and attempt with the time; it owns no clock. A ring of small buckets: what is older than the window is forgotten by
itself, and what is kept is bounded by backends, states and mechanisms, not by traffic.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import Final, TypeAlias

from sidecar.instant import rfc3339

BUCKET_S: Final = 10
BUCKETS: Final = 30
WINDOW_S: Final = BUCKET_S * BUCKETS
# How fast a backend is now: long enough for a few calls at a quiet hour, short enough that an outage shows within the half minute.
RATE_S: Final = 30
# Durations kept for the percentiles: half a minute at 17 calls a second, the last moments at more. 8 KB a backend.
SAMPLES: Final = 512
_FAILED: Final = ("backend_unreachable", "outcome_unknown", "backend_bad_reply")

_Key: TypeAlias = "tuple[str, str, str]"  # backend, state, mechanism ("" where nobody refused)


@dataclass(slots=True)
class Count:
    """How many, and when the last was."""

    count: int = 0
    last_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Failure:
    """The last attempt of a backend that failed."""

    state: str
    reason: str | None
    at_s: float


@dataclass(frozen=True, slots=True)
class Pace:
    """How a backend fares: calls a second, and milliseconds of its median and its 95th percentile; None where nothing was called."""

    calls_per_s: float
    p50_ms: float | None
    p95_ms: float | None


class _Bucket:
    __slots__ = ("attempts", "counts")

    def __init__(self) -> None:
        self.counts: dict[_Key, Count] = {}
        self.attempts: dict[str, int] = {}


class _Samples:
    """The last durations of one backend, and when they were taken: two rings that never grow."""

    __slots__ = ("_at", "_at_s", "_took_s")

    def __init__(self) -> None:
        self._at = 0
        self._at_s = array("d", [float("-inf")]) * SAMPLES
        self._took_s = array("d", [0.0]) * SAMPLES

    def tell(self, now: float, took_s: float) -> None:
        at = self._at
        self._at_s[at], self._took_s[at] = now, took_s
        self._at = (at + 1) % SAMPLES

    def since(self, since_s: float) -> list[float]:
        """Return what is no older, the shortest first."""
        return sorted(took for at, took in zip(self._at_s, self._took_s, strict=True) if at > since_s)


class Window:
    """The ring. `now` is monotonic seconds and never goes back."""

    __slots__ = ("_born_s", "_failures", "_now", "_ring", "_samples", "next_s")

    def __init__(self, now: float) -> None:
        self._born_s = now
        self._ring = [_Bucket()]  # the newest last
        self._now = self._ring[-1]
        self.next_s = now + BUCKET_S  # when the running bucket ends
        self._samples: dict[str, _Samples] = {}
        self._failures: dict[str, Failure] = {}

    def passed(self, now: float, backend: str, state: str, mechanism: str, size: int = 1) -> None:
        """Note requests that got their replies, the last of them `now`, and none before the running bucket."""
        if now >= self.next_s:
            self._turn(now)
        counts, key = self._now.counts, (backend, state, mechanism)
        count = counts.get(key)
        if count is None:
            count = counts[key] = Count()
        count.count += size
        count.last_s = now

    def attempted(self, now: float, backend: str, state: str, reason: str | None, took_s: float) -> None:
        """Note an attempt at a backend."""
        if now >= self.next_s:
            self._turn(now)
        attempts = self._now.attempts
        attempts[backend] = attempts.get(backend, 0) + 1
        samples = self._samples.get(backend)
        if samples is None:
            samples = self._samples[backend] = _Samples()
        samples.tell(now, took_s)
        if state in _FAILED:
            self._failures[backend] = Failure(state, reason, now)

    def keep(self, backends: frozenset[str]) -> None:
        """Forget the pace of backends that are in no plan any more; their counts run out by themselves."""
        for kept in (self._samples, self._failures):
            for name in kept.keys() - backends:
                del kept[name]

    def refusals(self, now: float, wall_s: float) -> dict[str, object]:
        """Return the member `refusals` of the status: how many of which kind, the most first."""
        found = [(key, count) for key, count in self._totals(now).items() if key[2]]
        found.sort(key=lambda each: (-each[1].count, each[0]))
        rows = [
            {
                "backend": backend,
                "state": state,
                "mechanism": mechanism,
                "count": count.count,
                "last_at": rfc3339(wall_s - (now - count.last_s)),
            }
            for (backend, state, mechanism), count in found
        ]
        return {"window_s": WINDOW_S, "total": sum(count.count for _, count in found), "by": rows}

    def states(self, now: float) -> dict[str, object]:
        """Return the member `states` of the status: how requests ended, by backend."""
        sums: dict[tuple[str, str], int] = {}
        for (backend, state, _), count in self._totals(now).items():
            sums[backend, state] = sums.get((backend, state), 0) + count.count
        rows = [
            {"backend": backend, "state": state, "count": sums[backend, state]}
            for backend, state in sorted(sums, key=lambda each: (each[0], -sums[each], each[1]))
        ]
        return {"window_s": WINDOW_S, "by": rows}

    def pace(self, now: float, backend: str) -> Pace:
        """Return how fast a backend is asked and answers, over the last `RATE_S` or a little less."""
        self._catch_up(now)
        recent = self._ring[-(RATE_S // BUCKET_S) :]
        # The newest bucket has only begun: what is counted is divided by the time that it was counted in.
        since_s = max(self._born_s, self.next_s - BUCKET_S * len(recent))
        span_s = max(1.0, now - since_s)
        calls = sum(bucket.attempts.get(backend, 0) for bucket in recent)
        samples = self._samples.get(backend)
        took = [] if samples is None else samples.since(now - RATE_S)
        return Pace(round(calls / span_s, 1), _percentile(took, 0.50), _percentile(took, 0.95))

    def last_failure(self, backend: str, now: float, wall_s: float) -> dict[str, object] | None:
        """Return the member `last_failure` of a backend in the status."""
        failure = self._failures.get(backend)
        if failure is None:
            return None
        return {"state": failure.state, "reason": failure.reason, "at": rfc3339(wall_s - (now - failure.at_s))}

    def _totals(self, now: float) -> dict[_Key, Count]:
        self._catch_up(now)
        sums: dict[_Key, Count] = {}
        for bucket in self._ring:
            for key, count in bucket.counts.items():
                total = sums.setdefault(key, Count())
                total.count += count.count
                total.last_s = max(total.last_s, count.last_s)
        return sums

    def _catch_up(self, now: float) -> None:
        if now >= self.next_s:
            self._turn(now)

    def _turn(self, now: float) -> None:
        """Begin the bucket of `now`, and forget what has left the window."""
        steps = int((now - self.next_s) // BUCKET_S) + 1
        self.next_s += steps * BUCKET_S
        self._ring += [_Bucket() for _ in range(min(steps, BUCKETS))]
        del self._ring[:-BUCKETS]
        self._now = self._ring[-1]


def _percentile(rising: list[float], part: float) -> float | None:
    """Return the nearest rank in milliseconds, to a tenth."""
    if not rising:
        return None
    return round(rising[min(len(rising) - 1, int(part * len(rising)))] * 1000, 1)
