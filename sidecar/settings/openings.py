"""Waiting rooms in words, for `sidecar check`: when each opens on which clock, before which calls it stands, and which stay free.

A part of `report`: it reads the plan alone and judges nothing. What time it is it is told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sidecar.plan import EVERY
from sidecar.settings import moments
from sidecar.settings.evenings import free_lines
from sidecar.settings.quantities import spoken
from sidecar.settings.sharers import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sidecar.plan import CoverPlan, Plan, RoomPlan

_DAY_S: Final = 86_400.0


def text(plan: Plan, now: float) -> list[str]:
    """Return what people read, a line each; `now` is in seconds since the epoch."""
    return [line for room in plan.rooms for line in _room(plan, room, now)]


def facts(plan: Plan, now: float) -> list[dict[str, object]]:
    """Return what machines read."""
    return [
        {
            "name": room.name,
            "opens": _utc(room.opens),
            "closes": _utc(room.closes),
            "timezone": room.timezone,
            "in_s": None if room.opens is None else round(room.opens - now),
            "lobby_opens": _utc(None if room.opens is None else room.opens - room.lobby_s),
            "draws": _utc(None if room.opens is None else room.opens - room.draw_s),
            "covers": [
                {
                    "backend": cover.backend,
                    "operations": list(cover.operations),
                    "where": {name: sorted(values) for name, values in cover.where},
                }
                for cover in room.covers
            ],
            "free": list(free(plan, room)),
            "max_active": room.max_active,
        }
        for room in plan.rooms
    ]


def covered(cover: CoverPlan) -> str:
    """Return which calls a room stands before: ReserveTickets* of tickets where iPerformanceNumber is 1201 or 1202."""
    what = "every operation" if cover.operations == (EVERY,) else listed(cover.operations)
    where = [f"{name} is {listed(sorted(values, key=_by_number), 'or')}" for name, values in cover.where]
    return f"{what} of {cover.backend}" + (f" where {listed(where)}" if where else "")


def free(plan: Plan, room: RoomPlan) -> Iterator[str]:
    """Give which calls of its backends need no pass of a room."""
    for name in dict.fromkeys(cover.backend for cover in room.covers):
        covers = [cover for cover in room.covers if cover.backend == name]
        for cover in covers:
            if cover.where:
                others = listed([f"another {param}" for param, _ in cover.where], "or")
                yield f"{'every operation' if cover.operations == (EVERY,) else listed(cover.operations)} of {name} with {others}"
        if all(EVERY not in cover.operations for cover in covers):
            yield f"every other operation of {name}"
        backend = next(each for each in plan.backends if each.name == name)
        lines = [line for cover in covers for pattern in cover.operations for line in free_lines(backend, pattern)]
        if lines:
            yield f"answers of {listed(dict.fromkeys(line.pattern for line in lines))} that are kept"


def opening(room: RoomPlan, now: float) -> str:
    """Return when a room opens: on the clocks of its zone, in UTC, and how far that is from `now`."""
    if room.opens is None:
        return "by hand"
    turned = ", and the clocks are changed before that" if moments.turns(room.opens, now, room.timezone) else ""
    there = "" if room.timezone is None else f" ({room.timezone})"
    local = f"{moments.shown(room.opens, room.timezone)}{there}"
    return f"{local}, {moments.utc(room.opens)}, {moments.until(room.opens, now)}{turned}"


def _room(plan: Plan, room: RoomPlan, now: float) -> Iterator[str]:
    yield f"room {room.name}: stands before {'; '.join(covered(cover) for cover in room.covers)}"
    yield f"  {'opens' if room.opens is None or room.opens > now else 'opened'} {opening(room, now)}"
    yield f"  {_before(room)}"
    if room.closes is not None:
        yield f"  closes {moments.shown(room.closes, room.timezone)}, {moments.utc(room.closes)}, {moments.until(room.closes, now)}"
    rate = "" if room.rate is None else f", at most {room.rate[0]} in {spoken(room.rate[1])}"
    lanes = ", ".join(f"{name} {weight}" for name, weight in room.lanes)
    yield f"  admits while fewer than {room.max_active} buy{rate}; shares {lanes}; who is called has {spoken(room.claim_s)} to come"
    yield (
        f"  a pass ends {spoken(room.pass_idle_s)} after its last call and {spoken(room.pass_total_s)} after it was claimed; a purchase "
        f"that has begun may go on for {spoken(room.purchase_s)}"
    )
    yield f"  {_who(room)}"
    yield f"  free for all: {'; '.join(free(plan, room)) or 'nothing of these backends'}"


def _before(room: RoomPlan) -> str:
    if room.opens is None:
        return "its lobby is opened by hand, too"
    lobby_at, draw_at, zone = room.opens - room.lobby_s, room.opens - room.draw_s, room.timezone
    same_day = room.lobby_s < _DAY_S
    at = moments.clock(lobby_at, zone) if same_day else moments.shown(lobby_at, zone)
    lobby = f"the lobby opens at {at}, {spoken(room.lobby_s)} before"
    return f"{lobby}; the draw is made at {moments.clock(draw_at, zone)}, {spoken(room.draw_s)} before"


def _who(room: RoomPlan) -> str:
    account = room.account
    known = {
        None: "nobody is asked whose account it is",
        "session": f"accounts are known by what {account.login} signs in ({account.parameter})"
        if account.login
        else "every session is an account",
        "parameter": f"accounts are known by the parameter {account.parameter}",
        "assertion": "accounts are known by an assertion of the shop",
    }[account.source]
    places = f", {account.limit} place{'s' if account.limit != 1 else ''} each" if account.source else ""
    crowd = f"more than {room.per_address} of one address are held" if room.per_address else "no rule for one address"
    return f"{known}{places}; {crowd}"


def _by_number(value: str) -> tuple[bool, int, str]:
    return (False, int(value), "") if value.isascii() and value.isdigit() else (True, 0, value)


def _utc(at: float | None) -> str | None:
    return None if at is None else moments.utc(at)
