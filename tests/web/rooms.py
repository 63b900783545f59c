"""Visitors and rooms for the tests of the waiting room's page, in every situation that it knows."""

from __future__ import annotations

from typing import Any

from sidecar.instant import rfc3339
from sidecar.plan import RoomLook, RoomPlan
from sidecar.web.roomsaid import View

OPENS = 1_796_115_600.0  # 2026-12-01 09:00 in London
LOOK = RoomLook(title=(("en", "Hamlet"), ("de", "Hamlet"), ("fr", "Hamlet")), back="https://shop.example/buy")
ROOM = RoomPlan("hamlet", timezone="Europe/London", look=LOOK, remedy="https://shop.example/signin")
NOBODY = View(ROOM, "open", OPENS + 600, "en")
_STANDING: dict[str, Any] = {"code": "7KQ2-9F", "ahead": 790, "eta_low_s": 250.0, "eta_high_s": 410.0}
WAITING = NOBODY._replace(visitor="waiting", **_STANDING)
_EARLY: dict[str, Any] = {"opens_at": OPENS, "draws_at": OPENS - 60}

# Each situation, and each reason of those that have some. By a name for people.
VIEWS: dict[str, View] = {
    "scheduled": NOBODY._replace(state="scheduled", wall=OPENS - 90_000, **_EARLY),
    "join_lobby": NOBODY._replace(state="lobby", wall=OPENS - 900, **_EARLY),
    "join_drawing": NOBODY._replace(state="drawing", wall=OPENS - 30, **_EARLY),
    "join_open": NOBODY,
    "join_paused": NOBODY._replace(state="paused"),
    "lobby": NOBODY._replace(
        state="lobby", visitor="lobby", code="7KQ2-9F", wall=OPENS - 900, eta_reason="not_open", **_EARLY
    ),
    "drawing": NOBODY._replace(
        state="drawing", visitor="lobby", code="7KQ2-9F", wall=OPENS - 30, eta_reason="not_open", **_EARLY
    ),
    "waiting": WAITING,
    "waiting, next": WAITING._replace(ahead=1, eta_low_s=0.0, eta_high_s=20.0),
    "waiting, stalled": WAITING._replace(ahead=12_790, eta_low_s=None, eta_high_s=None, eta_reason="stalled"),
    "parked": WAITING._replace(visitor="parked"),
    "paused": WAITING._replace(
        state="paused",
        eta_low_s=None,
        eta_high_s=None,
        eta_reason="paused",
        message=("warning", "The box office has a fault.\nWe are on it."),
        next_update_at=OPENS + 1800,
    ),
    "called": NOBODY._replace(visitor="called", code="7KQ2-9F", claim_by=OPENS + 750),
    "admitted": NOBODY._replace(visitor="admitted", code="7KQ2-9F", pass_until=OPENS + 1200),
    **{
        f"{visitor}, {reason}": NOBODY._replace(visitor=visitor, code="7KQ2-9F", reason=reason)
        for visitor, reasons in {
            "needs_action": (None, "account_limit", "crowd", "sign_in"),
            "expired": (None, "idle", "total", "wave"),
            "forfeited": (None, "missed_calls", "absent"),
            "left": ("by_choice",),
            "released": (None, "by_choice", "purchase", "operator"),
        }.items()
        for reason in reasons
    },
    "sold_out": WAITING._replace(state="sold_out"),
    "closed": NOBODY._replace(state="closed"),
}


def envelope(view: View) -> dict[str, Any]:
    """Return the JSON in which a reply says the same as the view."""

    def moment(at: float | None) -> str | None:
        return None if at is None else rfc3339(at)

    said: dict[str, Any] = {"state": "ok", "category": "ok", "executed": "no", "v": 1}
    said["room"] = {
        "name": view.room.name,
        "state": view.state,
        "opens_at": moment(view.opens_at),
        "draws_at": moment(view.draws_at),
    }
    if view.visitor is not None:
        names = ("ahead", "eta_reason", "reason")
        times = {"eta_low_s": view.eta_low_s, "eta_high_s": view.eta_high_s, "claim_by": moment(view.claim_by)}
        known = {name: getattr(view, name) for name in names}
        said["queue"] = {"visitor": view.visitor, "place_code": view.code, "place": "v1.place", **known, **times}
    if view.message is not None:
        severity, text = view.message
        said["message"] = {"severity": severity, "text": text, "next_update_at": moment(view.next_update_at)}
    if view.pass_until is not None:
        said["pass"] = {"expires_at": moment(view.pass_until)}
    return {**said, "server_time": moment(view.wall)}
