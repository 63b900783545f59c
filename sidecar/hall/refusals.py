"""What somebody is told whom a room does not let on: how the room stands, how he does in it, and where he goes.

Behind the gate and the room's own resources, which decide. Every refusal of a room is made here, so that none of them leaves its reader
without the next step.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from sidecar.hall import speech
from sidecar.instant import rfc3339
from sidecar.model import Refusal, RoomWord
from sidecar.policy import polling
from sidecar.policy.room import Phase

if TYPE_CHECKING:
    from sidecar.hall.house import House
    from sidecar.policy.credentials import PlaceId
    from sidecar.policy.visitors import Word

_JOIN_S: Final = 2.0  # who has no place yet: long enough that nobody hammers, short enough that nobody waits for it
_SAID: Final = {Phase.SOLD_OUT: "everything is sold", Phase.CLOSED: "the sale has ended"}


def refusal(house: House, state: str, reason: str, detail: str, place: PlaceId | None = None) -> Refusal:
    """Return a refusal of a room, to whoever has that place in it, or none."""
    after_s = _JOIN_S
    queue: tuple[tuple[str, object], ...] = ()
    word: Word | None = None
    if house.room.phase is Phase.SCHEDULED:
        after_s = _to_lobby_s(house)
    if place is not None:
        told = house.tell(place)
        word, band = told.word, told.band
        after_s = house.next_poll_s(told)
        queue = (
            ("visitor", word.value),
            ("place_code", house.code(place)),
            ("ahead", told.ahead),
            ("eta_s", _whole(band.eta_s)),
            ("eta_low_s", _whole(band.low_s)),
            ("eta_high_s", _whole(band.high_s)),
            ("eta_reason", band.reason),
            ("next_poll_ms", int(after_s * 1000)),
        )
    return Refusal(
        state,
        reason,
        detail,
        retry_after_s=max(1, round(after_s)),
        links=tuple(speech.links(house.plan.name, word, house.plan.remedy).items()),
        room=replace(room_word(house), queue=queue),
        notice=house.notice,
    )


def closed(house: House) -> Refusal:
    """Return what is said once it is over."""
    phase = house.room.phase
    return Refusal("sale_closed", phase.value, _SAID[phase], room=room_word(house), notice=house.notice)


def paused(house: House, place: PlaceId | None) -> Refusal:
    """Return what an operator says of a pause: times stand still, places are kept, whoever wants may join."""
    told = refusal(house, "paused", "room", "the room is paused: places and passes keep their time", place)
    if house.stop is None:
        return told
    said = house.stop.refusal
    return replace(told, reason=said.reason, notice=said.notice, retry_after_s=said.retry_after_s)


def remedied(house: House, state: str, reason: str, detail: str) -> Refusal:
    """Return a refusal that something can be done about elsewhere: at the remedy of the room, or on its page."""
    remedy = house.plan.remedy or speech.root(house.plan.name)
    return Refusal(state, reason, detail, links=(("remedy", remedy),), room=room_word(house))


def room_word(house: House) -> RoomWord:
    """Return how the room stands."""
    opens = house.plan.opens
    return RoomWord(house.plan.name, house.room.state, None if opens is None else rfc3339(opens))


def _to_lobby_s(house: House) -> float:
    """Return in how many seconds somebody asks again who has come before the lobby opens."""
    opens, chance = house.plan.opens, house.chance()
    wait_s = polling.MOST_S if opens is None else opens - house.plan.lobby_s - house.room.time.wall
    return min(polling.MOST_S, max(1.0, wait_s)) * polling.spread(chance)


def _whole(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds)
