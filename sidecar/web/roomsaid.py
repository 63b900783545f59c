"""What a waiting room's page tells a visitor, as words without markup: where he stands, what he may do, until when.

Stands between the room, which has decided everything (`View`), and `roompages`, which makes HTML of it. `room/room.js` says the same of
a reply's JSON. It decides nothing about anybody, and knows no time but the `wall` that it is given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from sidecar.web.roomwords import WORDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sidecar.plan import RoomPlan
    from sidecar.web.roomwords import Words

# Whose word counts more than what the room is: he may still finish, or has finished.
_FIRST: Final = frozenset({"admitted", "called", "released", "left"})
# Nobody changes anything about them but they themselves: the page need not ask again.
SETTLED: Final = frozenset({"released", "left", "expired", "forfeited"})
ENDED: Final = frozenset({"sold_out", "closed"})
_STANDING: Final = frozenset({"lobby", "waiting", "parked"})
_ACTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "join_lobby": ("join",),
    "join_drawing": ("join",),
    "join_open": ("join",),
    "join_paused": ("join",),
    "lobby": ("leave",),
    "drawing": ("leave",),
    "waiting": ("leave",),
    "parked": ("leave",),
    "paused": ("leave",),
    "called": ("claim", "leave"),
    "admitted": ("back", "release"),
    "needs_action": ("remedy", "leave"),
    "expired": ("join",),
    "forfeited": ("join",),
    "left": ("join",),
}
_KEPT: Final = frozenset(
    {"lobby", "drawing", "waiting", "parked", "paused"}
)  # where somebody wonders whether he may go


class View(NamedTuple):
    """What a page is told of a visitor and his room, all of it decided. Moments in seconds since the epoch.

    `visitor` is his word, None where he has no place; `message` the operator's severity and text, in the page's language; `back` where
    who is admitted goes on, None: as the room's plan says.
    """

    room: RoomPlan
    state: str
    wall: float
    lang: str
    visitor: str | None = None
    code: str | None = None
    ahead: int | None = None
    eta_low_s: float | None = None
    eta_high_s: float | None = None
    eta_reason: str | None = None
    opens_at: float | None = None
    draws_at: float | None = None
    claim_by: float | None = None
    pass_until: float | None = None
    reason: str | None = None
    remedy: str | None = None
    message: tuple[str, str] | None = None
    next_update_at: float | None = None
    next_poll_s: int = 30
    back: str | None = None


class Moment(NamedTuple):
    """A time that the page shows: `at` for machines and for counting down, None without one."""

    text: str
    at: float


class Said(NamedTuple):
    """What the page shows; what is None or missing is not there."""

    situation: str
    headline: str
    lead: str
    number: str | None
    label: str | None
    eta: str | None
    eta_known: bool  # else it is why not
    moments: Mapping[str, Moment]  # lobby, draw, opens, claim_by, pass_until, next
    code: str | None
    note: str | None
    actions: tuple[str, ...]  # join, claim, leave, release, remedy, back


def situation(state: str, visitor: str | None) -> str:
    """Return the one word for what a visitor meets in a room of this state."""
    if visitor in _FIRST:
        return str(visitor)
    if state in ENDED:
        return state
    if visitor is None:
        return "scheduled" if state == "scheduled" else f"join_{state}"
    if visitor in _STANDING and state in ("paused", "drawing"):
        return state
    return visitor


def said(view: View) -> Said:
    """Return what the page tells."""
    words, where = WORDS[view.lang], situation(view.state, view.visitor)
    headline, lead = words.said(where, view.reason)
    stands = where in ("waiting", "parked", "paused") and view.visitor is not None and view.visitor != "lobby"
    counted = stands and view.ahead is not None
    return Said(
        where,
        headline,
        lead,
        words.number(view.ahead or 0) if counted else None,
        words.plural("ahead", view.ahead or 0) if counted else None,
        _eta(view, words) if where in _KEPT else None,
        _is_known(view),
        _moments(view, words, where),
        view.code if view.visitor is not None else None,
        words("notes", "keep") if where in _KEPT else None,
        _actions(view, where),
    )


def _actions(view: View, where: str) -> tuple[str, ...]:
    has = {"remedy": view.remedy or view.room.remedy, "back": view.back or view.room.look.back}
    return tuple(each for each in _ACTIONS.get(where, ()) if has.get(each, True))


def _is_known(view: View) -> bool:
    return view.eta_reason is None and view.eta_low_s is not None and view.eta_high_s is not None


def _eta(view: View, words: Words) -> str:
    if _is_known(view):
        return words.band(view.eta_low_s or 0.0, view.eta_high_s or 0.0)
    known = view.eta_reason is not None and words.known("reasons", view.eta_reason)
    return words("reasons", str(view.eta_reason) if known else "unknown")


def _moments(view: View, words: Words, where: str) -> dict[str, Moment]:
    zone, before = view.room.timezone, view.state in ("scheduled", "lobby", "drawing")
    opens = view.opens_at if before and where not in SETTLED else None
    told = {
        "lobby": opens - view.room.lobby_s if opens is not None and view.state == "scheduled" else None,
        "draw": view.draws_at if opens is not None and view.state != "drawing" else None,
        "opens": opens,
        "claim_by": view.claim_by if where == "called" else None,
        "pass_until": view.pass_until if where == "admitted" else None,
        "next": view.next_update_at if view.message is not None else None,
    }
    soon = ("claim_by", "pass_until")
    return {
        name: Moment(words.clock(at, zone) if name in soon else words.moment(at, zone, view.wall), at)
        for name, at in told.items()
        if at is not None
    }
