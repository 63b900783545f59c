"""THE table of orders: what operators may tell a running sidecar to do. Routes, `/admin/v1/commands`, the command line and `docs/admin.md`
are made from it.

It imports nothing heavy and does nothing; `reading` holds what somebody asks against it, the app carries it out.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sidecar.durations import spoken
from sidecar.policy.overrides import LONGEST_S

ROOT: Final = "/admin/v1"


class Kind(StrEnum):
    """What an argument may be."""

    BACKEND = "backend"  # a name of the settings
    CONFIG = "config"  # the id of settings that were in force
    INTEGER = "integer"
    TEXT = "text"  # one line


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument; `low` and `high` belong to the range of an integer."""

    name: str
    kind: Kind
    help: str
    low: int = 0
    high: int = 0


@dataclass(frozen=True, slots=True)
class End:
    """Bounds of how long an order may hold, in seconds. `suggested_s` is what forms offer: an end has to be said, it is never assumed."""

    shortest_s: float
    suggested_s: float
    longest_s: float


@dataclass(frozen=True, slots=True)
class Row:
    """One order. `why` is a reason as somebody might give it, "" where none is needed; `end` where it must not hold for ever."""

    noun: str
    verb: str
    help: str
    more: str
    arguments: tuple[Argument, ...] = ()
    why: str = ""
    end: End | None = None

    @property
    def reason_needed(self) -> bool:
        """Whether it changes what becomes of traffic."""
        return self.why != ""

    @property
    def name(self) -> str:
        """The order as people say it."""
        return f"{self.noun} {self.verb}"

    @property
    def path(self) -> str:
        """Where it is posted to."""
        return f"{ROOT}/{self.noun}/{self.verb}"


_BACKEND: Final = Argument("backend", Kind.BACKEND, "name of the backend, as in backends.NAME of the settings")

TABLE: Final = (
    Row(
        "config",
        "reload",
        "Read the settings files again and take what they say, or say what is wrong and change nothing.",
        "The reply is the verdict: what changed and how it takes effect, or every error with its line. Calls under way keep the "
        "settings they began with; what has been learnt (queues, limits that were found, counts) stays. The file that changed is the "
        "reason, so none has to be given.",
    ),
    Row(
        "config",
        "use",
        "Go back to settings that were in force: one of the last five.",
        "The files on disk stay as they are, so the status says that they differ; the next reload takes them.",
        arguments=(
            Argument(
                "id",
                Kind.CONFIG,
                "id of the settings, or its beginning, as `sidecar status` and the reply to a reload show it",
            ),
        ),
        why="the new limits were wrong",
    ),
    Row(
        "limit",
        "set",
        "Let a backend have more or fewer calls at once, until an end.",
        "Nobody who holds a slot or stands in line is sent away: a narrower limit takes effect as calls end. A second order for the "
        "same backend takes the place of the first; at the end what the settings say holds again.",
        arguments=(
            _BACKEND,
            # As limit.fixed of the settings: what could not be written there cannot be ordered here.
            Argument("value", Kind.INTEGER, "calls at once, ghosts included", low=1, high=10_000),
        ),
        why="its disk is slow",
        end=End(shortest_s=1.0, suggested_s=600.0, longest_s=LONGEST_S),
    ),
    Row(
        "limit",
        "clear",
        "End an override of a limit before its time.",
        "What the settings say holds again at once.",
        arguments=(_BACKEND,),
        why="the disk is replaced",
    ),
    Row(
        "cache",
        "purge",
        "Count kept answers of a backend as touched: those with a tag, those of an operation, or all.",
        "Nothing is thrown away, so the backend meets no herd: an answer that is touched is given as stale while one call renews it; "
        "where the settings say consistency: strict it is not given any more. Calls that are under way now are kept by nobody.",
        arguments=(
            _BACKEND,
            Argument("what", Kind.TEXT, "a tag as the settings make it (perf:1201), operation:NAME, or all"),
        ),
        why="the programme was corrected in the box office",
    ),
    Row(
        "sidecar",
        "drain",
        "Go in order, as after SIGTERM: not ready at once, then nothing new, then the end.",
        "Cannot be taken back. `drain.delay` and `drain.timeout` of the settings say how long it takes; whoever started the process "
        "may start it again.",
        why="the host is moved",
    ),
)

_BY_NAME: Final = {(row.noun, row.verb): row for row in TABLE}


def find(noun: str, verb: str) -> Row | None:
    """Return the row of an order, None where there is no such order."""
    return _BY_NAME.get((noun, verb))


def facts() -> list[dict[str, Any]]:
    """Return the table as machines read it."""
    return [
        {
            "noun": row.noun,
            "verb": row.verb,
            "method": "POST",
            "path": row.path,
            "help": row.help,
            "more": row.more,
            "reason": "required" if row.reason_needed else "optional",
            "end": None
            if row.end is None
            else {
                "shortest": spoken(row.end.shortest_s),
                "suggested": spoken(row.end.suggested_s),
                "longest": spoken(row.end.longest_s),
            },
            "arguments": [_argument(each) for each in row.arguments],
        }
        for row in TABLE
    ]


def _argument(argument: Argument) -> dict[str, Any]:
    said: dict[str, Any] = {"name": argument.name, "kind": argument.kind.value, "help": argument.help}
    if argument.kind is Kind.INTEGER:
        said |= {"min": argument.low, "max": argument.high}
    return said
