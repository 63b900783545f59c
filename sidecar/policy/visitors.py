"""THE table of visitors: what somebody before a waiting room can be, and what makes him something else.

The lane moves people by this table and by nothing else; the diagram in `docs/rooms.md` is made from it. Three words (lobby, waiting,
parked) are one thing in memory, somebody in line: whether the draw was made and whether he has been heard of lately tells them apart.
Silence never costs a place by itself: who is parked is skipped and stands where he stood when he comes back.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


class Word(StrEnum):
    """What a visitor is told that he is."""

    LOBBY = "lobby"  # before the draw: has a place, and no rank yet
    WAITING = "waiting"  # ranked, and heard of lately
    PARKED = "parked"  # silent: keeps his rank, is skipped, is before nobody
    CALLED = "called"  # it is his turn; a seat among the buyers is held for him
    ADMITTED = "admitted"  # holds a pass
    NEEDS_ACTION = "needs_action"  # held until a remedy; keeps his place
    EXPIRED = "expired"  # his pass ran out
    FORFEITED = "forfeited"  # did not come when he was called, twice, or was away long after his turn
    LEFT = "left"  # went by his own choice
    RELEASED = "released"  # gave his pass back, or has bought


class Event(StrEnum):
    """What happens to a visitor."""

    DRAW = "draw"  # the draw is made
    SILENCE = "silence"  # he has missed his polls
    POLL = "poll"  # he is heard of
    CALL = "call"  # the admission tick picks him
    CLAIM = "claim"  # he comes
    MISS = "miss"  # he does not come in time, for the first time
    FORFEIT = "forfeit"  # for the second time, or he was away long after his turn had passed
    HOLD = "hold"  # a limit bites
    REMEDY = "remedy"  # what held him is settled
    EXPIRE = "expire"  # idle or total time of his pass is over, or its wave was called back
    RELEASE = "release"  # he gives the pass back, or an operation ends his purchase
    LEAVE = "leave"  # he says that he goes


W, E = Word, Event
TABLE: Final[Mapping[tuple[Word, Event], Word]] = {
    (W.LOBBY, E.DRAW): W.WAITING,
    (W.LOBBY, E.POLL): W.LOBBY,
    (W.LOBBY, E.HOLD): W.NEEDS_ACTION,
    (W.LOBBY, E.LEAVE): W.LEFT,
    (W.WAITING, E.POLL): W.WAITING,
    (W.WAITING, E.SILENCE): W.PARKED,
    (W.WAITING, E.CALL): W.CALLED,
    (W.WAITING, E.HOLD): W.NEEDS_ACTION,
    (W.WAITING, E.LEAVE): W.LEFT,
    (W.PARKED, E.POLL): W.WAITING,
    (W.PARKED, E.FORFEIT): W.FORFEITED,
    (W.PARKED, E.HOLD): W.NEEDS_ACTION,
    (W.PARKED, E.LEAVE): W.LEFT,
    (W.CALLED, E.POLL): W.CALLED,
    (W.CALLED, E.CLAIM): W.ADMITTED,
    (W.CALLED, E.MISS): W.PARKED,
    (W.CALLED, E.FORFEIT): W.FORFEITED,
    (W.CALLED, E.HOLD): W.NEEDS_ACTION,
    (W.CALLED, E.LEAVE): W.LEFT,
    (W.ADMITTED, E.POLL): W.ADMITTED,
    (W.ADMITTED, E.EXPIRE): W.EXPIRED,
    (W.ADMITTED, E.RELEASE): W.RELEASED,
    (W.ADMITTED, E.LEAVE): W.RELEASED,
    (W.NEEDS_ACTION, E.POLL): W.NEEDS_ACTION,
    (W.NEEDS_ACTION, E.REMEDY): W.WAITING,  # with the place that he had; in the lobby: there
    (W.NEEDS_ACTION, E.LEAVE): W.LEFT,
    (W.EXPIRED, E.POLL): W.EXPIRED,
    (W.FORFEITED, E.POLL): W.FORFEITED,
    (W.LEFT, E.POLL): W.LEFT,
    (W.RELEASED, E.POLL): W.RELEASED,
}
"""What is not here does not happen: the lane says no, and nothing changes."""

OVER: Final = frozenset((W.EXPIRED, W.FORFEITED, W.LEFT, W.RELEASED))
"""Ends of a place. Who joins again gets another one."""
IN_LINE: Final = frozenset((W.LOBBY, W.WAITING, W.PARKED))


class Why(StrEnum):
    """Why somebody is what he is, where that needs a word."""

    NONE = ""
    ACCOUNT = "account_limit"
    CROWD = "crowd"
    SIGN_IN = "sign_in"
    OPERATOR = "operator"
    IDLE = "idle"
    TOTAL = "total"
    WAVE = "wave"
    MISSED = "missed_calls"
    ABSENT = "absent"
    CHOICE = "by_choice"
    PURCHASE = "purchase"


class Code(IntEnum):
    """How one is kept, in three bits of one byte; the other five hold `Why`, or how many calls he has missed."""

    IN_LINE = 0
    CALLED = 1
    ADMITTED = 2
    NEEDS_ACTION = 3
    EXPIRED = 4
    FORFEITED = 5
    LEFT = 6
    RELEASED = 7


WORD_OF: Final[Mapping[int, Word]] = {code: Word[code.name] for code in Code if code is not Code.IN_LINE}
CODE_OF: Final[Mapping[Word, Code]] = {word: Code(code) for code, word in WORD_OF.items()} | dict.fromkeys(
    IN_LINE, Code.IN_LINE
)
WHYS: Final = tuple(Why)


def after(word: Word, event: Event) -> Word | None:
    """Return what somebody is after an event, None where it does not happen to one like him."""
    return TABLE.get((word, event))


def diagram() -> str:
    """Return the table as a Mermaid state diagram."""
    lines = ["stateDiagram-v2", "    [*] --> lobby: join before the draw", "    [*] --> waiting: join after it"]
    for (word, event), then in TABLE.items():
        if then is not word:
            lines.append(f"    {word} --> {then}: {event}")
    lines += [f"    {word} --> [*]" for word in sorted(OVER)]
    return "\n".join(lines)
