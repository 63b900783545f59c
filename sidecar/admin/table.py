"""THE table of orders: what operators may tell a running sidecar to do. Routes, `/admin/v1/commands`, the command line and `docs/admin.md`
are made from it.

It imports nothing heavy and does nothing; `reading` holds what somebody asks against it, the app carries it out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from sidecar.durations import spoken
from sidecar.policy import injection
from sidecar.policy.overrides import EVERY, LONGEST_S
from sidecar.policy.pauses import REMIND_S, SEVERITIES, Scope

ROOT: Final = "/admin/v1"


class Kind(StrEnum):
    """What an argument may be."""

    BACKEND = "backend"  # a name of the settings
    CONFIG = "config"  # the id of settings that were in force
    INTEGER = "integer"
    SHARE = "share"  # a part of a whole, as in 10%
    CHOICE = "choice"  # one of a few words
    TEXT = "text"  # one line
    TARGET = "target"  # all, backend:NAME or room:NAME
    TEXTS = "texts"  # one line for people in each language
    MOMENT = "moment"  # a time of day, or how long from now
    ROOM = "room"  # a name of the settings, as BACKEND


VEILED: Final = "***"  # what stands for a value that somebody typed, and that nobody need read again


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument; `low` and `high` belong to the range of an integer, `choices` are the words that may stand.

    `default` is what stands where it is left out, None where it must not be. `example` is a value as somebody might give it. One that is
    `veiled` may be something that a customer typed: the audit says only that it was given.
    """

    name: str
    kind: Kind
    help: str
    low: int = 0
    high: int = 0
    choices: tuple[str, ...] = ()
    default: str | None = None
    example: str | int | dict[str, str] = ""
    veiled: bool = False

    @property
    def is_option(self) -> bool:
        """Whether a command line names it: what may be left out, and what may be said more than once."""
        return self.default is not None or self.kind is Kind.TEXTS


@dataclass(frozen=True, slots=True)
class End:
    """Bounds of how long an order may hold, in seconds. `suggested_s` is what forms offer: an end has to be said, it is never assumed.

    `remind_s` where it may hold without one: so often, unless the order says otherwise, it is said that it still holds. 0: it must end.
    """

    shortest_s: float
    suggested_s: float
    longest_s: float
    remind_s: float = 0.0

    @property
    def open(self) -> bool:
        """Whether a reminder may stand in place of an end."""
        return self.remind_s > 0


@dataclass(frozen=True, slots=True)
class Row:
    """One order. `why` is a reason as somebody might give it, "" where none is needed; `end` where it must not hold for ever; `remind_s`
    where it can have no end: so often, unless the order says otherwise, it is said that it was done by hand.
    """

    noun: str
    verb: str
    help: str
    more: str
    arguments: tuple[Argument, ...] = ()
    why: str = ""
    end: End | None = None
    remind_s: float = 0.0

    @property
    def reason_needed(self) -> bool:
        """Whether it changes what becomes of traffic."""
        return self.why != ""

    @property
    def reminder_s(self) -> float:
        """How often it is called to mind, unless the order says otherwise; 0: never."""
        return self.remind_s or (self.end.remind_s if self.end is not None else 0.0)

    @property
    def name(self) -> str:
        """The order as people say it."""
        return f"{self.noun} {self.verb}"

    @property
    def path(self) -> str:
        """Where it is posted to."""
        return f"{ROOT}/{self.noun}/{self.verb}"


MECHANISMS: Final = ("breaker", "rate", "queue", "limit", "all")
# As for a fault: what takes protection out is over before the shift is. To look on for longer there is `mode: observe` in the settings.
OBSERVE_S: Final = injection.LONGEST_S

_BACKEND: Final = Argument(
    "backend", Kind.BACKEND, "name of the backend, as in backends.NAME of the settings", example="tickets"
)
_ANY_BACKEND: Final = Argument(
    "backend", Kind.BACKEND, f"name of the backend; left out, or {EVERY}: every one", default=EVERY, example="tickets"
)
_MECHANISM: Final = Argument(
    "mechanism", Kind.CHOICE, "which; left out: all of them", choices=MECHANISMS, default="all", example="breaker"
)

_CLIENT: Final = Argument(
    "client",
    Kind.TEXT,
    "whose, by the digits that the log calls him; left out: anybody's",
    default="",
    example="5d0c9a81b2e7",
)
_REQUEST: Final = Argument(
    "request_id",
    Kind.TEXT,
    "id of the request, as `sidecar queue list` shows it, and X-Request-Id its caller",
    example="7f3a",
)

_TARGET: Final = Argument(
    "target", Kind.TARGET, "where: all, backend:NAME or room:NAME, as in the settings", example="backend:tickets"
)
_TEXTS: Final = Argument(
    "text",
    Kind.TEXTS,
    'what people read, by language, as in {"en": "Back at 9:20"}, or one English sentence; the first is for whoever reads none of '
    "them; left out: the state alone",
    default="",
    example={"en": "Back at 9:20", "de": "Um 9:20 Uhr geht es weiter"},
)
_NEWS: Final = Argument(
    "next_update",
    Kind.MOMENT,
    "when there is news, as in 10m or 2026-12-01T09:20:00Z: so long those who are held up are told to wait; left out: nobody knows",
    default="",
    example="10m",
)


def _severity(usual: str) -> Argument:
    return Argument(
        "severity",
        Kind.CHOICE,
        f"how much it matters; left out: {usual}",
        choices=SEVERITIES,
        default=usual,
        example=usual,
    )


# A pause may have to last over a weekend; whatever is to hold for longer than a week belongs in the settings.
WEEK_S: Final = 7 * 86_400.0
_HELD: Final = End(shortest_s=1.0, suggested_s=900.0, longest_s=WEEK_S, remind_s=REMIND_S)
SHORTEST_REMINDER_S: Final = 60.0  # more often it is noise
_PHASE_REMIND_S: Final = 3600.0  # a sale lasts an evening, and a phase that was set by hand is meant to stand

_ROOM: Final = Argument("room", Kind.ROOM, "name of the room, as in rooms.NAME of the settings", example="hamlet")
_CODE: Final = Argument("code", Kind.TEXT, "what his page calls his place", example="7KQ2-9F")

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
                example="c3f9a1b2d4e5",
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
            Argument("value", Kind.INTEGER, "calls at once, ghosts included", low=1, high=10_000, example=8),
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
        "breaker",
        "set",
        "Decide yourself whether a backend is cut off, until an end.",
        "`cut_off`: nobody is let near it, callers get stale answers, fallbacks or backend_unreachable, while somebody works on it. "
        "`closed`: everybody is, whatever fails. `disabled`: as closed, and nothing is counted. At the end the breaker decides again; "
        "after a cut-off it tests with a few calls first.",
        arguments=(
            _BACKEND,
            Argument("state", Kind.CHOICE, "what holds", choices=("cut_off", "closed", "disabled"), example="cut_off"),
        ),
        why="its database is restored",
        end=End(shortest_s=1.0, suggested_s=600.0, longest_s=LONGEST_S),
    ),
    Row(
        "breaker",
        "clear",
        "Let the breaker of a backend decide again before its time.",
        "What was cut off is tested with a few calls first.",
        arguments=(_BACKEND,),
        why="the database is back",
    ),
    Row(
        "observe",
        "set",
        "Take protection out: let a mechanism count what it would refuse, and refuse nobody, until an end.",
        "To tell whether it is the sidecar that turns people away, and whether it is right. The backend gets whatever comes meanwhile. "
        "At the end the mechanism refuses again, as the settings say.",
        arguments=(_ANY_BACKEND, _MECHANISM),
        why="are these refusals right?",
        end=End(shortest_s=1.0, suggested_s=900.0, longest_s=OBSERVE_S),
    ),
    Row(
        "observe",
        "clear",
        "Put protection back before its time.",
        "Ends what was ordered for that backend and mechanism; left out, what was ordered for any.",
        arguments=(_ANY_BACKEND, _MECHANISM),
        why="they were right",
    ),
    Row(
        "pause",
        "set",
        "Hold up whoever wants in, with a sentence that every page shows, until an end or until you resume.",
        "Whoever would start a call is told `paused`, and nothing of it reaches the backend; kept answers are given, waiting rooms are "
        "polled, nobody loses a place. A second order for the same target takes the place of the first. At the end the backend gets its "
        "calls back slowly. Written down before it counts, where the settings have a store or a file of keys: then it outlives a restart.",
        arguments=(
            _TARGET,
            Argument(
                "scope",
                Kind.CHOICE,
                "whom; entry: newcomers, who has begun a purchase may end it; all: everybody; left out: entry",
                choices=tuple(scope.value for scope in Scope),
                default=Scope.ENTRY.value,
                example=Scope.ENTRY.value,
            ),
            _severity("warning"),
            _NEWS,
            _TEXTS,
        ),
        why="the payment provider is down",
        end=_HELD,
    ),
    Row(
        "pause",
        "clear",
        "Let in again who was held up, before the end.",
        "The backend gets its calls back slowly: it begins with few at once.",
        arguments=(_TARGET,),
        why="payments work again",
    ),
    Row(
        "message",
        "set",
        "Say something to people, and hold nobody up.",
        "Whoever is refused by that backend, or waits in that room, reads it; of several the most severe, of these the newest. A second "
        "order for the same target takes the place of the first.",
        arguments=(
            _TARGET,
            replace(_TEXTS, help=_TEXTS.help.partition("; left out")[0], default=None),
            _severity("info"),
            _NEWS,
        ),
        why="people ask",
        end=_HELD,
    ),
    Row(
        "message",
        "clear",
        "Say it no more.",
        "A pause of the same target, and its words, stay.",
        arguments=(_TARGET,),
        why="it is over",
    ),
    Row(
        "fault",
        "inject",
        "Let calls of a backend go wrong on purpose, until an end.",
        "What is injected looks like the backend's own doing to all that protects it, and every response of these operations says so in "
        "Sidecar-Fault. The backend meets nothing of an error or a reset; a call whose reply is truncated it has carried out.",
        arguments=(
            _BACKEND,
            Argument(
                "operation",
                Kind.TEXT,
                "name of the operations, or a pattern as in GetSeats*",
                example="GetSeats*",
            ),
            Argument(
                "kind",
                Kind.CHOICE,
                "latency: the call begins later; error: the backend says no; reset: the connection breaks, with the call sent; "
                "truncate: the reply ends half-way",
                choices=tuple(kind.value for kind in injection.Kind),
                example="latency",
            ),
            Argument(
                "value",
                Kind.TEXT,
                "of latency how much, as in 2s, or 2s~500ms to give or take some; of error the HTTP status, or fault for one of the "
                "protocol",
                default="",
                example="2s",
            ),
            Argument(
                "share", Kind.SHARE, "the part of the calls that it hits; left out: 100%", default="100%", example="10%"
            ),
            Argument(
                "header",
                Kind.TEXT,
                "only calls that carry this header, as in NAME=PATTERN; left out: whoever calls",
                default="",
                example="X-Chaos=yes",
            ),
        ),
        why="rehearsal of a slow evening",
        end=End(shortest_s=1.0, suggested_s=900.0, longest_s=injection.LONGEST_S),
    ),
    Row(
        "fault",
        "clear",
        "End injected faults before their time, those of the settings, too.",
        "The backend's calls go through as they come, at once.",
        arguments=(
            _BACKEND,
            Argument("id", Kind.TEXT, "of one, as `sidecar status` shows it; left out: all", default="", example="f1"),
        ),
        why="the rehearsal is over",
    ),
    Row(
        "cache",
        "purge",
        "Count kept answers of a backend as touched: those with a tag, those of an operation, or all.",
        "Nothing is thrown away, so the backend meets no herd: an answer that is touched is given as stale while one call renews it; "
        "where the settings say consistency: strict it is not given any more. Calls that are under way now are kept by nobody.",
        arguments=(
            _BACKEND,
            Argument(
                "what",
                Kind.TEXT,
                "a tag as the settings make it (perf:1201), operation:NAME, or all",
                example="perf:1201",
            ),
        ),
        why="the programme was corrected in the box office",
    ),
    Row(
        "queue",
        "list",
        "Show the calls that wait, all of them or those of a client, an operation, an order number.",
        "The longest waiting of each class first, at most 100. It changes nothing, and is an order because it shows what people have sent: "
        "it needs the token, and the audit says who looked. Clients are called what the log calls them.",
        arguments=(
            _ANY_BACKEND,
            _CLIENT,
            Argument(
                "operation", Kind.TEXT, "name of the operation; left out: any", default="", example="ReserveTickets"
            ),
            Argument(
                "request_id",
                Kind.TEXT,
                "id of the request, as its caller got it; left out: any",
                default="",
                example="7f3a",
            ),
            Argument(
                "param",
                Kind.TEXT,
                "value of a parameter that queue.find of the settings names, an order number say; left out: any",
                default="",
                example="48151623",
                veiled=True,
            ),
        ),
    ),
    Row(
        "queue",
        "promote",
        "Let a call that waits go before all others.",
        "After those that were put there before it. It gets the next slot that it may have: bulkheads and the limit hold for it, too.",
        arguments=(_REQUEST, _ANY_BACKEND, _CLIENT),
        why="the customer stands at the counter",
    ),
    Row(
        "queue",
        "drop",
        "Send a call that waits away.",
        "Its caller is told `overloaded` with the reason `dropped`, and that nothing was executed. He may call again: to keep a client "
        "out, look at rate and deny of the settings.",
        arguments=(_REQUEST, _ANY_BACKEND, _CLIENT),
        why="a script that has gone wrong",
    ),
    Row(
        "room",
        "set",
        "Open a waiting room by hand, or say that it is sold out or closed.",
        "A room only goes on: lobby, open, sold_out, closed; an order that would take it back is refused. To open makes the draw first, "
        "if it is not made yet. What the clock says of `opens` and `closes` still comes. In sold_out who has a pass may go on and nobody "
        "else is called; in closed nobody is, and only purchases under way are finished. Written down before it counts, as a pause is.",
        arguments=(
            _ROOM,
            Argument(
                "state",
                Kind.CHOICE,
                "what it is from now on",
                choices=("lobby", "open", "sold_out", "closed"),
                example="open",
            ),
        ),
        why="the house is ready",
        remind_s=_PHASE_REMIND_S,
    ),
    Row(
        "room",
        "recall",
        "Call back every pass of a room, and begin a new wave.",
        "Whoever has one is told `pass_expired` with the reason wave, and joins again at the end; a purchase that has begun may be ended. "
        "Nobody who waits loses anything, and people are called again slowly. It cannot be taken back: the reason confirms it.",
        arguments=(_ROOM,),
        why="passes were sold on",
    ),
    Row(
        "visitor",
        "find",
        "Show all that is known of somebody in a room: where he stands, why, and what has happened to him.",
        "It changes nothing, and is an order because it shows what somebody has done: it needs the token, and the audit says who looked.",
        arguments=(
            _ROOM,
            Argument(
                "what",
                Kind.TEXT,
                "the code of his place, or account:TEXT with the account as the room knows it (assertion, parameter or login)",
                example="7KQ2-9F",
                veiled=True,
            ),
        ),
    ),
    Row(
        "visitor",
        "move",
        "Give somebody who waits a place in another lane.",
        "At the end of that lane. The place that he holds counts there, and both codes find him; who is held stays held.",
        arguments=(
            _ROOM,
            _CODE,
            Argument("lane", Kind.TEXT, "name of the lane: main, fast or access", example="access"),
        ),
        why="he needs more time",
    ),
    Row(
        "visitor",
        "release",
        "Take somebody's pass in; or, where he is held, let him go on.",
        "A pass that is taken in gives its room to the next one at once; a purchase that has begun may be ended. Who is held, by an "
        "operator or by a rule, goes on with the place that he had.",
        arguments=(_ROOM, _CODE),
        why="he has proved who he is",
    ),
    Row(
        "visitor",
        "hold",
        "Hold somebody who waits, until an end.",
        "He reads `needs_action` with the reason operator, is not called, and keeps his place: at the end, or by `visitor release`, he "
        "goes on with it. Who has a pass cannot be held: release it. Written down before it counts.",
        arguments=(_ROOM, _CODE),
        why="forty places of one card",
        end=End(shortest_s=1.0, suggested_s=900.0, longest_s=LONGEST_S),
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
                **({"remind": spoken(row.end.remind_s)} if row.end.open else {}),
            },
            **({"remind": spoken(row.remind_s)} if row.remind_s else {}),
            "arguments": [_argument(each) for each in row.arguments],
        }
        for row in TABLE
    ]


def _argument(argument: Argument) -> dict[str, Any]:
    said: dict[str, Any] = {"name": argument.name, "kind": argument.kind.value, "help": argument.help}
    if argument.kind is Kind.INTEGER:
        said |= {"min": argument.low, "max": argument.high}
    if argument.choices:
        said["choices"] = list(argument.choices)
    if argument.default is not None:
        said["default"] = argument.default
    return said
