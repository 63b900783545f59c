"""The numbers as Prometheus reads them: the table of the catalogue, filled from the tally and from what lives at this moment.

Asked by whoever serves the metrics. Nothing is registered in the library's global registry, and nothing is kept between two readings.
"""

from __future__ import annotations

import platform
import sys
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Final, TypeVar

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from sidecar import __version__
from sidecar.watch.catalogue import METRICS, Kind
from sidecar.watch.tally import BOUNDS_S

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from prometheus_client.core import Metric as Family

    from sidecar.watch.catalogue import Metric
    from sidecar.watch.tally import Account, Spread, Tally


@dataclass(frozen=True, slots=True)
class BackendNow:
    """One backend of the plan at this moment. `queued` is by class, `pressure` is 0, 1 or 2."""

    name: str
    limit: int
    limit_configured: int
    in_flight: int
    ghosts: int
    queued: tuple[tuple[str, int], ...]
    queue_size: int
    pressure: int


@dataclass(frozen=True, slots=True)
class RoomNow:
    """One waiting room at this moment. `pace` is calls a second, `reached` how many visitors have become what since the start."""

    name: str
    joined: int
    waiting: int
    called: int
    active: int
    target: float
    pace: float
    reached: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class ConfigNow:
    """The settings in force: their id, whether the last ones offered were taken, and when; how many were and were not."""

    id: str = ""
    last_ok: bool = True
    taken_at: float = 0.0  # seconds since 1970
    reloads_ok: int = 0
    reloads_failed: int = 0


@dataclass(frozen=True, slots=True)
class Now:
    """What is not counted but looked at, at the moment of a reading."""

    backends: tuple[BackendNow, ...] = ()
    connections: tuple[int, int] = (0, 0)  # open, and of these idle
    buffered: tuple[int, int] = (0, 0)  # held, and the bound
    config: ConfigNow = ConfigNow()
    overrides: int = 0
    paused: tuple[tuple[str, str], ...] = ()  # target and scope
    rooms: tuple[RoomNow, ...] = ()
    draining: bool = False
    log_dropped: int = 0
    lag_s: float = 0.0
    aiohttp: str = ""


CONTENT_TYPE: Final = CONTENT_TYPE_LATEST

# Rows of one metric that are written without a turn for others: a backend's histogram takes 0.05 ms.
_AT_ONCE: Final = 16

T = TypeVar("T")
_Row = tuple[tuple[str, ...], float]
_Spreads = tuple[tuple[str, ...], "Spread"]


class Exposition(Collector):
    """One tally's metrics; could be registered in any registry, and needs none."""

    def __init__(self, tally: Tally, now: Callable[[], Now]) -> None:
        self._tally, self._now = tally, now

    def pieces(self) -> Iterator[bytes]:
        """Give the text a piece at a time: all of it holds the loop for a third of a millisecond a backend."""
        for begins, family in self._parts(_AT_ONCE):
            text = generate_latest(_Alone(family))
            yield text if begins else text.split(b"\n", 2)[2]  # a metric has its help and its type once

    def collect(self) -> Iterator[Family]:
        """Give every metric of the table."""
        return (family for _, family in self._parts(sys.maxsize))

    def _parts(self, most: int) -> Iterator[tuple[bool, Family]]:
        """Give every metric with at most so many rows at once, and say where one begins."""
        now = self._now()
        for backend in now.backends:  # so that each begins at 0: a rate needs a first value
            self._tally.account(backend.name)
        for row in METRICS:
            if row.kind is Kind.HISTOGRAM:
                for begins, spreads in _split(_SPREADS[row.name](self._tally), most):
                    yield begins, _histogram(row, spreads)
            else:
                for begins, rows in _split(_ROWS[row.name](self._tally, now), most):
                    yield begins, _plain(row, rows)

    def describe(self) -> Iterable[Family]:
        """Give nothing: there is nothing that could be registered twice."""
        return ()


def _split(rows: Iterable[T], most: int) -> Iterator[tuple[bool, list[T]]]:
    """Give all rows as they are now, at most so many at once, and say which are the first; nothing at all is a part, too."""
    found = list(rows)
    for start in range(0, max(1, len(found)), most):
        yield start == 0, found[start : start + most]


class _Alone(Collector):
    """A registry of one metric, as far as `generate_latest` can tell."""

    def __init__(self, family: Family) -> None:
        self._family = family

    def collect(self) -> Iterable[Family]:
        return (self._family,)


def _plain(metric: Metric, rows: Iterable[_Row]) -> Family:
    make = CounterMetricFamily if metric.kind is Kind.COUNTER else GaugeMetricFamily
    family = make(metric.full_name, metric.help, labels=metric.labels)
    for labels, value in rows:
        family.add_metric(labels, value)
    return family


def _histogram(metric: Metric, spreads: Iterable[_Spreads]) -> Family:
    family = HistogramMetricFamily(metric.full_name, metric.help, labels=metric.labels)
    for labels, spread in spreads:
        family.add_metric(labels, list(zip(_LE, map(float, accumulate(spread.counts)), strict=True)), spread.sum_s)
    return family


_LE: Final = (*(str(bound) for bound in BOUNDS_S), "+Inf")


def _spread(of: Callable[[Account], Spread], *, found: bool = True) -> Callable[[Tally], Iterable[_Spreads]]:
    """Return what reads one distribution of every account; `found`: not of the one whose requests found no backend."""
    return lambda tally: [((name,), of(account)) for name, account in tally.accounts.items() if name or not found]


def _each(of: Callable[[Account], Mapping[str, int] | Mapping[tuple[str, str], int]]) -> _Reader:
    """Return what reads one table of every account."""

    def rows(tally: Tally, _now: Now) -> Iterator[_Row]:
        for backend, account in tally.accounts.items():
            for key, count in of(account).items():
                yield (backend, *((key,) if isinstance(key, str) else key)), count

    return rows


def _now(of: Callable[[BackendNow], float]) -> _Reader:
    """Return what looks at every backend of the plan."""
    return lambda _tally, now: [((backend.name,), of(backend)) for backend in now.backends]


def _room(of: Callable[[RoomNow], float]) -> _Reader:
    """Return what looks at every waiting room."""
    return lambda _tally, now: [((room.name,), of(room)) for room in now.rooms]


def _one(of: Callable[[Tally, Now], float]) -> _Reader:
    """Return what gives the one number of a metric without labels."""
    return lambda tally, now: [((), of(tally, now))]


def _connections(_tally: Tally, now: Now) -> list[_Row]:
    opened, idle = now.connections
    return [(("busy",), opened - idle), (("idle",), idle)]


def _reloads(_tally: Tally, now: Now) -> list[_Row]:
    return [(("true",), now.config.reloads_ok), (("false",), now.config.reloads_failed)]


if TYPE_CHECKING:
    _Reader = Callable[[Tally, Now], Iterable[_Row]]

_SPREADS: Final[Mapping[str, Callable[[Tally], Iterable[_Spreads]]]] = {
    "request_seconds": _spread(lambda account: account.request_s, found=False),
    "queue_seconds": _spread(lambda account: account.queue_s),
    "attempt_seconds": _spread(lambda account: account.attempt_s),
}
_ROWS: Final[Mapping[str, _Reader]] = {
    "requests_total": _each(lambda account: account.requests),
    "attempts_total": _each(lambda account: account.attempts),
    "refusals_total": _each(lambda account: account.refusals),
    "late_outcomes_total": _each(lambda account: account.late),
    "retries_total": lambda tally, _now: [
        ((name,), account.retries) for name, account in tally.accounts.items() if name
    ],
    "limit": _now(lambda backend: backend.limit),
    "limit_configured": _now(lambda backend: backend.limit_configured),
    "in_flight": _now(lambda backend: backend.in_flight),
    "ghosts": _now(lambda backend: backend.ghosts),
    "queued": lambda _tally, now: [
        ((backend.name, name), count) for backend in now.backends for name, count in backend.queued
    ],
    "queue_size": _now(lambda backend: backend.queue_size),
    "pressure": _now(lambda backend: backend.pressure),
    "connections": _connections,
    "connections_dropped_total": _one(lambda tally, _now: tally.connections_dropped),
    "buffered_bytes": _one(lambda _tally, now: now.buffered[0]),
    "buffered_limit_bytes": _one(lambda _tally, now: now.buffered[1]),
    "events_total": lambda tally, _now: [((name,), count) for name, count in tally.events.items()],
    "bugs_total": _one(lambda tally, _now: tally.bugs),
    "log_lines_dropped_total": _one(lambda _tally, now: now.log_dropped),
    "config_last_reload_successful": _one(lambda _tally, now: now.config.last_ok),
    "config_last_reload_timestamp_seconds": _one(lambda _tally, now: now.config.taken_at),
    "config_reloads_total": _reloads,
    "config_info": lambda _tally, now: [((now.config.id,), 1)],
    "overrides": _one(lambda _tally, now: now.overrides),
    "paused": lambda _tally, now: [(row, 1) for row in now.paused],
    "room_joined": _room(lambda room: room.joined),
    "room_waiting": _room(lambda room: room.waiting),
    "room_called": _room(lambda room: room.called),
    "room_active": _room(lambda room: room.active),
    "room_target": _room(lambda room: room.target),
    "room_pace": _room(lambda room: room.pace),
    "room_visitors_total": lambda _tally, now: [
        ((room.name, name), count) for room in now.rooms for name, count in room.reached
    ],
    "draining": _one(lambda _tally, now: now.draining),
    "loop_lag_seconds": _one(lambda _tally, now: now.lag_s),
    "build_info": lambda _tally, now: [((__version__, now.aiohttp, platform.python_version()), 1)],
}
