"""Every metric in one table: what it counts, by what, in which unit, and what an operator does about it.

Registration, `docs/metrics.md` and the tests are made from it. A metric that is not here does not exist; one that is here is served.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sidecar.watch.mechanisms import MECHANISMS
from sidecar.watch.tally import BOUNDS_S, EVENTS

PREFIX: Final = "sidecar_"
# What one person can know by heart; a new one has to be worth an old one. The seven of waiting rooms stand apart: they are looked at on the
# evening of an on-sale, and where there is no room they have no row.
MOST: Final = 31 + 7


class Kind(StrEnum):
    """The types of the Prometheus text format."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Metric:
    """One row. `name` has no prefix; a counter's ends in `_total`, and a unit stands before that."""

    name: str
    kind: Kind
    labels: tuple[str, ...]
    help: str
    act: str
    unit: str = ""

    @property
    def full_name(self) -> str:
        """Return the name as it is served."""
        return PREFIX + self.name


_C, _G, _H = Kind.COUNTER, Kind.GAUGE, Kind.HISTOGRAM
_EACH = ("backend",)
_ROOM = ("room",)

METRICS: Final[tuple[Metric, ...]] = (
    Metric(
        "requests_total",
        _C,
        ("backend", "dialect", "state"),
        "Requests that got a reply, by the state that it named.",
        "States other than ok, cached, business_no and sold_out are what people see as failures: alert on their share.",
    ),
    Metric(
        "request_seconds",
        _H,
        _EACH,
        "From the first byte of a request to its reply, line and backend included.",
        "What people wait. Compare with attempt_seconds: the difference is the line.",
        "seconds",
    ),
    Metric(
        "queue_seconds",
        _H,
        _EACH,
        "Time that calls stood in line before the backend.",
        "Long while in_flight is at the limit: the backend is the bottleneck. Raise the limit only after a load test.",
        "seconds",
    ),
    Metric(
        "attempts_total",
        _C,
        ("backend", "state"),
        "Attempts at the backend, by what came of each.",
        "backend_unreachable and outcome_unknown here are the backend's own trouble: look there.",
    ),
    Metric(
        "attempt_seconds",
        _H,
        _EACH,
        "Time of one attempt at the backend.",
        "Rising with the load: the limit is above what the backend can do. Rising without: something behind it is slow.",
        "seconds",
    ),
    Metric(
        "refusals_total",
        _C,
        ("backend", "state", "mechanism"),
        "Requests that were refused, by the part that refused; an empty backend: before one was found.",
        "The mechanism names the screw: see below.",
    ),
    Metric(
        "late_outcomes_total",
        _C,
        ("backend", "executed"),
        "Calls whose callers had gone when the backend answered.",
        "executed yes or unknown on an operation that sells: look the orders up, by the late_outcome lines of the log.",
    ),
    Metric(
        "retries_total",
        _C,
        _EACH,
        "Safe calls that were sent again because a kept connection had been closed.",
        "Many: set pool_idle below the backend's keep-alive.",
    ),
    Metric(
        "limit",
        _G,
        _EACH,
        "Calls that the backend gets at once, now.",
        "Where it is learnt: at limit_configured for minutes while calls are queued, the settings hold it back; at 1 for minutes, the "
        "backend is in trouble. A fixed one differs from limit_configured while an override is active.",
    ),
    Metric(
        "limit_configured",
        _G,
        _EACH,
        "Calls that the backend gets at once, by the settings; the most of them where the limit is learnt.",
        "Nothing; it stands beside limit.",
    ),
    Metric(
        "in_flight",
        _G,
        _EACH,
        "Calls at the backend that somebody waits for.",
        "At the limit for minutes: see queue_seconds.",
    ),
    Metric(
        "ghosts",
        _G,
        _EACH,
        "Slots of calls that were given up while the backend still works on them.",
        "Above 0 for minutes: the backend hangs. They end by themselves after ghost.",
    ),
    Metric(
        "queued",
        _G,
        ("backend", "class"),
        "Calls that stand in line, by class.",
        "In sum near queue_size: the next ones are refused, those of the lightest class first.",
    ),
    Metric(
        "queue_size",
        _G,
        _EACH,
        "Calls that may stand in line, by the settings.",
        "Nothing; it stands beside queued.",
    ),
    Metric(
        "pressure",
        _G,
        _EACH,
        "How the backend fares: 0 ok, 1 strained, 2 down.",
        "2 for a minute: the backend does not take connections.",
    ),
    Metric(
        "connections",
        _G,
        ("state",),
        "Callers' connections, busy and idle.",
        "Together near limits.connections: idle ones go first, then newcomers are refused.",
    ),
    Metric(
        "connections_dropped_total",
        _C,
        (),
        "Connections cut without an answer, because even refusals were too many.",
        "Somebody opens connections in a loop: stop him before us.",
    ),
    Metric(
        "buffered_bytes",
        _G,
        (),
        "Bytes of requests and replies held now.",
        "Near buffered_limit_bytes: large replies or slow readers; see limits.buffered and stream.",
        "bytes",
    ),
    Metric(
        "buffered_limit_bytes",
        _G,
        (),
        "Bytes that may be held, by the settings.",
        "Nothing; it stands beside buffered_bytes.",
        "bytes",
    ),
    Metric(
        "events_total",
        _C,
        ("event",),
        "Rare events of the log that have no metric of their own.",
        "Look for the event in docs/operations.md.",
    ),
    Metric(
        "bugs_total",
        _C,
        (),
        "Errors of the sidecar's own; each caller got internal.",
        "Above 0: report the bug lines of the log.",
    ),
    Metric(
        "log_lines_dropped_total",
        _C,
        (),
        "Lines of the log that nobody read in time.",
        "Rising: whatever reads standard output is too slow; the numbers here are complete all the same.",
    ),
    Metric(
        "config_last_reload_successful",
        _G,
        (),
        "1 while the last settings that were offered are in force, 0 after a failed reload.",
        "0: the old settings go on; sidecar status says what is wrong with the new ones.",
    ),
    Metric(
        "config_last_reload_timestamp_seconds",
        _G,
        (),
        "When settings were last taken, in seconds since 1970.",
        "Compare with when they were last changed.",
        "seconds",
    ),
    Metric(
        "config_reloads_total",
        _C,
        ("ok",),
        "Reloads that were asked for, by whether the settings were taken.",
        "Nothing; config_last_reload_successful is the one to watch.",
    ),
    Metric(
        "config_info",
        _G,
        ("id",),
        "Always 1; the label is the id of the settings in force.",
        "Replicas of one service that differ for long: one was not reloaded.",
    ),
    Metric(
        "overrides",
        _G,
        (),
        "Manual changes that are in force.",
        "Above 0 for longer than whoever made them said: sidecar status names them and their ends.",
    ),
    Metric(
        "paused",
        _G,
        ("target", "scope"),
        "1 for each pause of an operator that holds: all, backend:NAME or room:NAME, for newcomers (entry) or everybody (all).",
        "There for longer than whoever paused it said: sidecar status says who, and sidecar resume ends it.",
    ),
    Metric(
        "room_joined",
        _G,
        _ROOM,
        "Visitors who have joined a waiting room.",
        "At capacity of the settings newcomers are refused.",
    ),
    Metric(
        "room_waiting",
        _G,
        _ROOM,
        "Visitors who are in line and were heard of lately.",
        "Falling faster than room_active allows: people give up, or cannot reach us.",
    ),
    Metric(
        "room_called",
        _G,
        _ROOM,
        "Visitors who were called and have not come yet.",
        "Much above room_pace times a few seconds: people do not see that it is their turn; see room_visitors_total of missed.",
    ),
    Metric(
        "room_active",
        _G,
        _ROOM,
        "Passes that are out: people who buy.",
        "At max_active while the backend has nothing to do: raise max_active.",
    ),
    Metric(
        "room_target",
        _G,
        _ROOM,
        "Passes that may be out at once, as the backend bears it now.",
        "Far below max_active: the backend bears no more; see queued and breaker of sidecar status.",
    ),
    Metric(
        "room_pace",
        _G,
        _ROOM,
        "Visitors called a second, of late; 0 while nobody knows.",
        "0 with people in room_waiting: paused, the backend is cut off, or its line is full.",
    ),
    Metric(
        "room_visitors_total",
        _C,
        ("room", "event"),
        "Visitors by what has become of them: called, admitted, missed, expired, forfeited, released, left, held.",
        "missed above a tenth of called: claim of the settings is too short, or crowds of tabs wait that nobody looks at.",
    ),
    Metric(
        "draining",
        _G,
        (),
        "1 from the signal to go until the end.",
        "Nothing.",
    ),
    Metric(
        "loop_lag_seconds",
        _G,
        (),
        "How late the event loop was at worst in the last minute.",
        "Above 0.25: the process gets too little of a core.",
        "seconds",
    ),
    Metric(
        "build_info",
        _G,
        ("version", "aiohttp", "python"),
        "Always 1; the labels are the versions that run.",
        "Nothing.",
    ),
)


def markdown() -> str:
    """Return the reference: `docs/metrics.md`."""
    rows = "\n".join(
        f"| `{row.full_name}` | {row.kind} | {', '.join(row.labels) or '-'} | {row.help} | {row.act} |"
        for row in METRICS
    )
    words = "\n".join(f"| `{word}` | {meaning} |" for word, meaning in MECHANISMS.items())
    bounds = ", ".join(f"{bound:g}" for bound in BOUNDS_S)
    events = ", ".join(f"`{name}`" for name in EVENTS)
    return _TEXT.format(rows=rows, words=words, bounds=bounds, events=events)


_TEXT: Final = """\
# Metrics

Made by `sidecar metrics` from the table in `sidecar/watch/catalogue.py`. They are served in the Prometheus text format on the admin
listener, or on one of their own where the settings have `metrics:`.

Labels are bounded: `backend`, `room` and `class` come from the settings, `state` and `dialect` from `docs/states.md`, `mechanism` and
`event` from the lists below; whatever is none of these is `other`. A reload sets nothing back, and a backend that has left the settings
keeps its numbers until the process ends.

| metric | type | labels | what it says | what to do |
|---|---|---|---|---|
{rows}

Seconds are counted up to {bounds}.

## Mechanisms

Which part of the sidecar refused; the access line of the refusal says the same word, with its numbers.

| mechanism | what it means |
|---|---|
{words}

## Events

{events}. What each means stands in `docs/operations.md`.
"""
