"""Whether a call may pass the rooms that stand before it: asked of who would start a flight, so kept answers stay free for all.

Behind `coalesce`, with the other gates. It answers `waiting` to whoever has no pass, `pass_expired` where his is none any more, `paused`,
`sale_closed`, and `rate_limited` to a pass that is used too often; whoever has a purchase under way it lets through. It fails closed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from sidecar.hall import sessions
from sidecar.hall.cookies import cookies
from sidecar.hall.refusals import closed, paused, refusal, room_word
from sidecar.policy import credentials
from sidecar.policy.credentials import PassId, PlaceId, bind_of
from sidecar.policy.passes import Active
from sidecar.policy.room import Phase
from sidecar.policy.visitors import Why, Word

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sidecar.hall.house import House
    from sidecar.model import Exchange, Refusal

PASS: Final = "Sidecar-Pass"  # noqa: S105 - the name of a header
PLACE: Final = "Sidecar-Place"
_PASSES: Final = 4  # of several rooms, in one line, with commas between
# What became of a pass that is not out any more; whatever else it was, its time was over.
_GONE: Final = {Why.IDLE: "idle", Why.WAVE: "wave"}


def ask(house: House, exchange: Exchange) -> Refusal | None:
    """Let a call through, and book it on its pass until its connection is free of it; or say why not."""
    room = house.room
    if _may_finish(house, exchange):
        return None
    if room.phase is Phase.CLOSED:
        return closed(house)
    held = shown_pass(house, exchange)
    if isinstance(held, Active):
        return paused(house, held.place) if room.time.paused else _with_pass(house, exchange, held)
    if room.phase is Phase.SOLD_OUT:
        return closed(house)
    place = shown_place(house, exchange)
    if place is None and (place := sessions.place_of(house, exchange)) is not None:
        claimed = None if room.time.paused else sessions.claim(house, exchange, place)
        if claimed is not None:
            return _with_pass(house, exchange, claimed)
        held = None  # what ran out has been told by where he stands now
    if room.time.paused:
        return paused(house, place if isinstance(place, PlaceId) else None)
    return held or _without(house, place)


def _may_finish(house: House, exchange: Exchange) -> bool:
    """Say whether a call goes on with a purchase. Who would begin another one must have begun the first with a pass of this very room: else
    a seat of any other show would be the way around it.
    """
    if not exchange.under_way or (house.stop is not None and house.stop.for_all):
        return False
    return exchange.begun_as is None or any(is_purchase_key(house, key) for key in exchange.begun_as)


def _with_pass(house: House, exchange: Exchange, held: Active) -> Refusal | None:
    room = house.room
    refused = room.passes.enter(room.time.sale, held)
    if refused is not None and refused.state == "pass_expired":  # in the quarter of a second before the room notices
        return refusal(house, refused.state, refused.reason or "expired", refused.detail or "", held.place)
    if refused is not None:
        return replace(refused, room=room_word(house))
    session = house.session_of(exchange)
    if session is not None:
        room.passes.live_on(held, session)
    exchange.done.append(lambda: room.passes.leave(room.time.sale, held))
    return None


def _without(house: House, place: PlaceId | credentials.Why | None) -> Refusal:
    if isinstance(place, credentials.Why):
        return refusal(house, "waiting", place.value, "the place that was shown is none of this room")
    detail = "this call needs a pass of the waiting room: join it, wait, claim the pass, and send it as Sidecar-Pass"
    return refusal(house, "waiting", "no_pass", detail, place)


# --- passes


def shown_pass(house: House, exchange: Exchange) -> Active | Refusal | None:
    """Return the pass that a call is made with: one that it shows, or one that lives on the session that it shows."""
    why: str | None = None
    for text in _texts(exchange):
        found = of_text(house, exchange, text)
        if isinstance(found, Active):
            return found
        if why is None or found != credentials.Why.OTHER_ROOM:
            why = found
    session = house.session_of(exchange)
    if session is not None:
        held = house.room.passes.of_session(session)
        if held is not None:
            return held
    if why is None:
        return None
    return refusal(house, "pass_expired", why, "the pass that was shown does not count; join again")


def _texts(exchange: Exchange) -> Iterator[str]:
    """Return what a call shows as passes; of many no more than may be its own are read."""
    line = exchange.head.headers.get(PASS)
    return (text.strip() for text in ([] if line is None else line.split(",", _PASSES)[:_PASSES]))


def of_text(house: House, exchange: Exchange, text: str) -> Active | str:
    """Return the pass that a text is, or the reason why it is none."""
    read = credentials.read_pass(house.keys, house.id, house.room.epoch, text)
    if isinstance(read, credentials.Why):
        return read.value
    found = house.room.passes.find(read, _bind(exchange))
    return _gone(house, read) if found == "expired" else found


def _gone(house: House, read: PassId) -> str:
    """Say what became of a pass that was given once and is not out any more."""
    place = PlaceId(read.lane, read.seq)
    if not house.room.knows(place):
        return "expired"
    if house.word(place) is Word.RELEASED:
        return "released"
    return _GONE.get(house.room.lanes[place.lane].why(place.seq), "expired")


def _bind(exchange: Exchange) -> bytes | None:
    """Return what stands for the browser of a caller, None where he speaks for others."""
    return None if exchange.standing.named else bind_of(exchange.head.headers.get("User-Agent", ""))


# --- purchases that were begun with a pass


def place_of_pass(house: House, exchange: Exchange) -> PlaceId | None:
    """Return whose pass a call is made with, also one that has run out, or is claimed by this very call: what it begins is known by it."""
    for text in _texts(exchange):
        read = credentials.read_pass(house.keys, house.id, house.room.epoch, text)
        if isinstance(read, PassId) and read.bind in (b"", _bind(exchange) or read.bind):
            return PlaceId(read.lane, read.seq)
    session = house.session_of(exchange)
    if session is None:
        return None
    held = house.room.passes.of_session(session)
    return sessions.in_or_called(house, session) if held is None else held.place


def purchase_key(house: House, place: PlaceId) -> bytes:
    """Return by what a purchase is known that somebody makes with a pass."""
    return _start(house) + place.lane.to_bytes(1) + place.seq.to_bytes(4)


def is_purchase_key(house: House, key: bytes) -> bool:
    """Say whether a purchase is known by a pass of this room."""
    start = _start(house)
    return key.startswith(start) and len(key) == len(start) + 5


def of_purchase(house: House, key: bytes) -> Active | None:
    """Return the pass that a purchase is known by, None where the key is no pass of this room."""
    if not is_purchase_key(house, key):
        return None
    lane, seq = key[-5], int.from_bytes(key[-4:])
    return house.room.passes.of_place(PlaceId(lane, seq))


def _start(house: House) -> bytes:
    return b"pass " + house.id + house.room.epoch


# --- places


def shown_place(house: House, exchange: Exchange) -> PlaceId | credentials.Why | None:
    """Return the place in this room that a request shows; one in a backend's line is none."""
    text = place_text(house, exchange)
    if text is None:
        return None
    place = house.place_of(text)
    return None if place in (credentials.Why.OTHER_KIND, credentials.Why.OTHER_ROOM) else place


def place_text(house: House, exchange: Exchange) -> str | None:
    """Return what a request shows as a place: in the header, or, of the room's own resources alone, in the cookie of its page."""
    text = exchange.head.headers.get(PLACE)
    if text is None and not exchange.backend and "Cookie" in exchange.head.headers:
        return cookies(exchange, house.plan.name).get("place")
    return text
