"""A waiting room, and somebody in it, as facts: what the status shows of the one, and what an operator is shown of the other.

Made of what the hall knows, each time anew. It changes nothing and asks nobody; who may see it `rooming` and the listener have decided.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any, Final

from sidecar.instant import rfc3339
from sidecar.policy.visitors import Word

if TYPE_CHECKING:
    from sidecar.hall.byhand import Hand, Hold
    from sidecar.hall.house import House
    from sidecar.policy.credentials import PlaceId
    from sidecar.policy.passes import Active
    from sidecar.ports import Clock

_EVENTS_MOST: Final = 200  # of one visitor: nobody has as many who is not a script


def room(house: House, hand: Hand | None, clock: Clock, kept: bool | None) -> dict[str, Any]:
    """Return how a room stands; `hand` is what was set in it by hand, `kept` whether it is written down."""
    it, plan = house.room, house.plan
    return {
        "name": plan.name,
        "state": it.state,
        "by_hand": None if hand is None else _hand(hand, clock),
        "opens_at": None if plan.opens is None else rfc3339(plan.opens),
        "paused": it.time.paused,
        "joined": it.joined,
        "waiting": it.waiting,
        "called": it.called,
        "active": len(it.passes),
        "max_active": plan.max_active,
        "target": round(it.admission.target),
        "comes_percent": round(100 * it.admission.comings.part),
        "pace_per_min": round(60 * it.pace.per_s_at(it.time.life)) if it.pace.known else None,
        "lanes": [
            {
                "name": lane.name,
                "joined": lane.joined,
                "drawn": lane.drawn,
                "eligible": lane.eligible,
                "frontier": lane.frontier,
            }
            for lane in it.lanes
        ],
        "reached": dict(it.reached),
        "early_polls": house.early_polls,
        "longest_stall_s": round(it.time.longest_s, 1),
        "clock_step_s": round(it.time.stepped_s, 1),
        "store_ok": kept,
    }


def _hand(hand: Hand, clock: Clock) -> dict[str, Any]:
    return {
        "state": hand.phase.value,
        "since": rfc3339(clock.wall() - (clock.now() - hand.since)),
        "actor": hand.actor,
        "reason": hand.reason,
        "remind_s": hand.remind_s,
    }


def visitor(house: House, place: PlaceId, hold: Hold | None, now: float) -> dict[str, Any]:
    """Return all that is known of somebody: what he is, how he came here, what has happened to him. `hold`: who holds him, if anybody."""
    it = house.room
    lane, told, way = it.lanes[place.lane], it.tell(place), _way(house, place)
    since, held = it.story.since(way[0].lane, way[0].seq), it.passes.of_place(place)
    return {
        "room": house.plan.name,
        "place_code": house.code(place),
        "lane": lane.name,
        "word": told.word.value,
        "why": told.why.value or None,
        "rank": None if lane.drawn is None else lane.position(place.seq) + 1,
        "ahead": told.ahead,
        "eta_s": None if told.band.eta_s is None else round(told.band.eta_s),
        "missed": lane.missed(place.seq),
        "claim_by": _at(house, told.until) if told.word is Word.CALLED else None,
        "joined_at": None if since is None else rfc3339(since),
        "moved_from": [{"lane": it.lanes[each.lane].name, "place_code": house.code(each)} for each in way[:-1]],
        "held": None
        if hold is None
        else {"actor": hold.actor, "reason": hold.reason, "left_s": max(0, ceil(hold.end - now))},
        "pass": None if held is None else _pass(house, held),
        "events": [
            {
                "at": rfc3339(each.at),
                "event": each.event.value,
                "why": each.why.value or None,
                "lane": it.lanes[where.lane].name,
            }
            for where in way
            for each in it.story.of(where.lane, where.seq)
        ][-_EVENTS_MOST:],
    }


def _way(house: House, place: PlaceId) -> list[PlaceId]:
    """Return all places that somebody has had, the last, his, last."""
    way = [place]
    while (before := house.room.moved_from.get(way[-1])) is not None:
        way.append(before)
    return way[::-1]


def _pass(house: House, held: Active) -> dict[str, Any]:
    return {
        "since": _at(house, held.since),
        "idle_at": _at(house, held.idle_at),
        "total_at": _at(house, held.total_at),
        "calls": held.calls,
        "wave": held.wave,
        "sessions": len(held.sessions),
    }


def _at(house: House, sale: float | None) -> str | None:
    """Return the time of day of a moment of the sale, as it is unless something stops the sale."""
    return None if sale is None else rfc3339(house.room.time.wall_of_sale(sale))
