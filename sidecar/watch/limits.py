"""The limits that are learnt, looked at once a second: a line for each change, and whether one has been at an end of its range for long.

Stands beside the road and moves nothing. A limit that tries its neighbours changes several times a minute; a look a second bounds what is
written of it, whatever it does. What a trial does for a moment is no end: an end is where the limit rests.
"""

from __future__ import annotations

import asyncio
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sidecar.model import SlotsView
    from sidecar.policy.adaptive import Adaptive
    from sidecar.ports import Clock, Log

EVERY_S: Final = 1.0
PINNED_S: Final = 60.0  # before that it is a search that happens to pass there, or one bad moment
# Somebody asked for more, or for a slot at all, within that time; else it is a quiet hour, and says nothing of the limit.
WANTED_S: Final = 10.0


class End(StrEnum):
    """An end of a range."""

    MINIMUM = "minimum"
    MAXIMUM = "maximum"


class Looked(NamedTuple):
    """One backend's learnt limit at this moment, and its slots."""

    backend: str
    learnt: Adaptive
    view: SlotsView


class Pinned(NamedTuple):
    """A limit that has been at an end for a minute or more while calls came; `since` is monotonic seconds."""

    end: End
    since: float


class _Seen:
    __slots__ = ("end", "learnt", "limit", "since", "wanted_at")

    def __init__(self, learnt: Adaptive) -> None:
        self.learnt, self.limit = learnt, learnt.limit
        self.end: End | None = None
        self.since = self.wanted_at = 0.0

    def look(self, now: float, end: End | None) -> None:
        """Note which end it is wanted at, None at none."""
        if end is not None:
            if end is not self.end or now - self.wanted_at > WANTED_S:
                self.end, self.since = end, now
            self.wanted_at = now
        elif now - self.wanted_at > WANTED_S:
            self.end = None


class LimitWatch:
    """`looks` gives what is learnt now. Nothing runs before `start`, nothing after `stop`."""

    __slots__ = ("_clock", "_log", "_looks", "_seen", "_timer")

    def __init__(self, clock: Clock, log: Log, looks: Callable[[], Iterable[Looked]]) -> None:
        self._clock, self._log, self._looks = clock, log, looks
        self._seen: dict[str, _Seen] = {}
        self._timer: asyncio.TimerHandle | None = None

    def __repr__(self) -> str:
        return f"<LimitWatch {' '.join(f'{name}: {seen.limit}' for name, seen in self._seen.items()) or 'of nothing'}>"

    def start(self) -> None:
        """Begin; harmless when repeated."""
        if self._timer is None:
            self._tick()

    def stop(self) -> None:
        """End; harmless when repeated."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tick(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(EVERY_S, self._tick)
        self.look()

    def look(self) -> None:
        """Look at all: what has changed is a line of the log, what is not learnt any more is forgotten."""
        now, before = self._clock.now(), self._seen
        self._seen = {}
        for looked in self._looks():
            seen = before.get(looked.backend)
            if seen is None or seen.learnt is not looked.learnt:
                seen = _Seen(looked.learnt)
            self._seen[looked.backend] = seen
            if seen.limit != looked.learnt.limit:
                self._tell(looked, seen.limit)
                seen.limit = looked.learnt.limit
            seen.look(now, _end(looked))

    def _tell(self, looked: Looked, before: int) -> None:
        learnt = looked.learnt
        said = {"from": before, "to": learnt.limit}
        self._log.event("limit", backend=looked.backend, **said, why=learnt.why.value)

    def pinned(self, backend: str) -> Pinned | None:
        """Return the end that a limit has been at for a minute while it was asked for, None where it has not."""
        seen, now = self._seen.get(backend), self._clock.now()
        if seen is None or seen.end is None or now - seen.wanted_at > WANTED_S or now - seen.since < PINNED_S:
            return None
        return Pinned(seen.end, seen.since)


def _end(looked: Looked) -> End | None:
    """Return the end that it rests at while it is asked for: at the least whoever calls, at the most whoever waits."""
    _, learnt, view = looked
    numbers = dict(learnt.numbers())
    held, least, most = numbers["held"], numbers["minimum"], numbers["maximum"]
    if least == most or view.limit != learnt.limit:  # there is no range, or somebody's number holds in its place
        return None
    if held <= least and view.full:
        return End.MINIMUM
    return End.MAXIMUM if held >= most and view.queued > view.later else None
