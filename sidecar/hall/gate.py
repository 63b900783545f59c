"""Whether a call may pass the rooms that stand before it: asked of who would start a flight, so kept answers stay free for all.

Behind `coalesce`, with the other gates. It answers `waiting` to whoever has no pass, `pass_expired` where his is none any more, `paused`,
`sale_closed`, and `rate_limited` to a pass that is used too often; whoever has a purchase under way it lets through. It fails closed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from sidecar.hall import sessions, speech
from sidecar.hall.cookies import cookies
from sidecar.instant import rfc3339
from sidecar.model import Refusal, RoomWord
from sidecar.policy import credentials, polling
from sidecar.policy.credentials import PlaceId, bind_of
from sidecar.policy.passes import Active
from sidecar.policy.room import Phase
from sidecar.policy.visitors import OVER, Word

if TYPE_CHECKING:
    from sidecar.hall.house import House
    from sidecar.model import Exchange

PASS: Final = "Sidecar-Pass"  # noqa: S105 - the name of a header
PLACE: Final = "Sidecar-Place"
_PASSES: Final = 4  # of several rooms, in one line, with commas between


def ask(house: House, exchange: Exchange) -> Refusal | None:
    """Let a call through, and book it on its pass until its connection is free of it; or say why not."""
    if exchange.under_way and (house.stop is None or not house.stop.for_all):
        return None
    held = shown_pass(house, exchange)
    if isinstance(held, Active):
        return _with_pass(house, exchange, held)
    place = shown_place(house, exchange)
    if place is None and (place := sessions.place_of(house, exchange)) is not None:
        claimed = None if house.room.time.paused else sessions.claim(house, exchange, place)
        if claimed is not None:
            return _with_pass(house, exchange, claimed)
        held = None  # what ran out has been told by where he stands now
    return held or _without(house, place)


def _with_pass(house: House, exchange: Exchange, held: Active) -> Refusal | None:
    room = house.room
    if room.time.paused:
        return paused(house, held.place)
    if room.phase is Phase.CLOSED:
        return Refusal("sale_closed", "closed", "the sale has ended", room=_word(house))
    refused = room.passes.enter(room.time.sale, held)
    if refused is not None:
        return replace(refused, room=_word(house), links=_links(house, None))
    session = house.session_of(exchange)
    if session is not None:
        room.passes.live_on(held, session)
    exchange.done.append(lambda: room.passes.leave(room.time.sale, held))
    return None


def _without(house: House, place: PlaceId | credentials.Why | None) -> Refusal:
    room = house.room
    if room.phase is Phase.SOLD_OUT:
        return Refusal("sale_closed", "sold_out", "everything is sold", room=_word(house))
    if room.phase is Phase.CLOSED:
        return Refusal("sale_closed", "closed", "the sale has ended", room=_word(house))
    if isinstance(place, credentials.Why):
        return refusal(house, "waiting", place.value, "the place that was shown is none of this room")
    if room.time.paused:
        return paused(house, place)
    detail = "this call needs a pass of the waiting room: join it, wait, claim the pass, and send it as Sidecar-Pass"
    return refusal(house, "waiting", "no_pass", detail, place)


def shown_pass(house: House, exchange: Exchange) -> Active | Refusal | None:
    """Return the pass that a call is made with: one that it shows, or one that lives on the session that it shows."""
    line = exchange.head.headers.get(PASS)
    why: str | None = None
    if line is not None:
        for text in line.split(",", _PASSES)[:_PASSES]:
            found = of_text(house, exchange, text.strip())
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


def of_text(house: House, exchange: Exchange, text: str) -> Active | str:
    """Return the pass that a text is, or the reason why it is none."""
    read = credentials.read_pass(house.keys, house.id, house.room.epoch, text)
    if isinstance(read, credentials.Why):
        return read.value
    return house.room.passes.find(read, _bind(exchange))


def place_of_pass(house: House, exchange: Exchange) -> PlaceId | None:
    """Return whose pass a call shows, also of one that has run out: what it has begun is not over by that."""
    line = exchange.head.headers.get(PASS)
    for text in () if line is None else line.split(",", _PASSES)[:_PASSES]:
        read = credentials.read_pass(house.keys, house.id, house.room.epoch, text.strip())
        if isinstance(read, credentials.PassId) and read.bind in (b"", _bind(exchange) or read.bind):
            return PlaceId(read.lane, read.seq)
    return None


def purchase_key(house: House, place: PlaceId) -> bytes:
    """Return by what a purchase is known that somebody makes with a pass."""
    return b"pass " + house.id + house.room.epoch + place.lane.to_bytes(1) + place.seq.to_bytes(4)


def _bind(exchange: Exchange) -> bytes | None:
    """Return what stands for the browser of a caller, None where he speaks for others."""
    return None if exchange.standing.named else bind_of(exchange.head.headers.get("User-Agent", ""))


def of_purchase(house: House, key: bytes) -> Active | None:
    """Return the pass that a purchase is known by, None where the key is no pass of this room."""
    start = b"pass " + house.id + house.room.epoch
    if not key.startswith(start) or len(key) != len(start) + 5:
        return None
    return house.room.passes.of_place(PlaceId(key[len(start)], int.from_bytes(key[len(start) + 1 :])))


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


def paused(house: House, place: PlaceId | None) -> Refusal:
    """Return what an operator says of a pause: times stand still, places are kept, whoever wants may join."""
    told = refusal(house, "paused", "room", "the room is paused: places and passes keep their time", place)
    if house.stop is None:
        return told
    said = house.stop.refusal
    return replace(told, reason=said.reason, notice=said.notice, retry_after_s=said.retry_after_s)


def refusal(house: House, state: str, reason: str, detail: str, place: PlaceId | None = None) -> Refusal:
    """Return a refusal that says how the room stands, how its caller does in it, and where he goes."""
    room = house.room
    queue: tuple[tuple[str, object], ...] = ()
    after_s = polling.most_s(room.joined) if room.phase is Phase.SCHEDULED else 2.0
    word: Word | None = None
    if place is not None:
        told = house.tell(place)
        word = told.word
        after_s = house.next_poll_s(told)
        band = told.band
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
        links=_links(house, word),
        room=replace(_word(house), queue=queue),
        notice=house.notice,
    )


def _whole(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds)


def _word(house: House) -> RoomWord:
    opens = house.plan.opens
    return RoomWord(house.plan.name, house.room.state, None if opens is None else rfc3339(opens))


def _links(house: House, word: Word | None) -> tuple[tuple[str, str], ...]:
    found = speech.links(house.plan.name, word, house.plan.remedy)
    if word is None or word in OVER:
        found["join"] = f"{speech.root(house.plan.name)}/join"
    return tuple(found.items())
