"""What visitors ask of a room over HTTP: join, poll, claim, leave, release. One constant address a verb, the place in a header.

Behind the hall. It answers 200 with the visitor's word while the room works, and a refusal of the table where what he shows does not
count. A poll is never a penalty: whoever asks too early is told the same thing once more.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import orjson

from sidecar.hall import gate, papers, speech
from sidecar.hall.house import Joined
from sidecar.hall.refusals import closed, paused, refusal, remedied
from sidecar.instant import rfc3339
from sidecar.model import Answer, Outcome, Refusal
from sidecar.policy import credentials, identities
from sidecar.policy.credentials import PlaceId, bind_of
from sidecar.policy.passes import Active
from sidecar.policy.room import Phase
from sidecar.policy.visitors import OVER, Event, Why, Word

if TYPE_CHECKING:
    from sidecar.hall.house import House
    from sidecar.hall.papers import Account
    from sidecar.model import Exchange, RawHeaders
    from sidecar.ports import Memory

LONG_POLL_S: Final = 20.0
FRONT: Final = 50  # people before somebody whose poll is worth holding
_FULL_S: Final = 30  # a room that is full empties with those who leave: nobody need ask every second
_ENDED: Final = (Phase.SOLD_OUT, Phase.CLOSED)
NO_HEADERS: Final[RawHeaders] = ()


async def join(house: House, exchange: Exchange, memory: Memory) -> Outcome:
    """Give a place, or the one that its bearer or his account has already."""
    said = await papers.read(exchange, memory)
    if isinstance(said, Refusal):
        return said
    account = papers.account(house, said)
    if isinstance(account, Refusal):
        return account
    mine = _mine(house, exchange)
    if isinstance(mine, Refusal):
        return mine
    if mine is not None:
        return _again(house, exchange, mine, account)
    phase = house.room.phase
    if phase in _ENDED:
        return closed(house)
    if phase is Phase.SCHEDULED:
        return refusal(house, "waiting", "not_open", "the room is not open yet: join again later")
    way = papers.way(house, said)
    if isinstance(way, Refusal):
        return way
    joined = house.join(way.lane, account.key, _address(exchange), attaches=account.attaches, proven=account.proven)
    if joined is None:
        return Refusal("overloaded", "room_full", "as many are in this room as may be", retry_after_s=_FULL_S)
    if not isinstance(joined, Joined):
        return _taken(house, "this account has a place already, on the device where it was taken")
    if joined.attached:
        house.room.poll(joined.place)
        return told(house, exchange, joined.place, signed=True)
    if way.invite is not None:
        house.use_invite(way.invite)
    if house.plan.account.source == "assertion" and account.key is None:
        house.room.happen(joined.place, Event.HOLD, Why.SIGN_IN)
    return told(house, exchange, joined.place, signed=True, first=True)


def _mine(house: House, exchange: Exchange) -> PlaceId | Refusal | None:
    """Return the place that somebody has. That of his pass goes first: the shop that he was led to with it may have none yet, or an old
    one. A pass alone that does not count is refused: nobody is put in line who only followed a link.
    """
    held = gate.shown_pass(house, exchange)
    if isinstance(held, Active):
        return held.place
    shown = gate.shown_place(house, exchange)
    if shown is None:
        return held
    return shown if isinstance(shown, PlaceId) and house.word(shown) not in OVER else None


def _again(house: House, exchange: Exchange, place: PlaceId, account: Account) -> Outcome:
    """Answer one who joins with a place: it is his. Who was held and shows whose account he has goes on."""
    shows = account.key if account.proven and house.is_remediable(place) else None
    if shows is not None and house.settle(place, shows) is None:
        return _taken(house, "this account has another place already")
    house.room.poll(place)
    return told(house, exchange, place, signed=True)


def _taken(house: House, detail: str) -> Refusal:
    return remedied(house, "account_limit", "account", detail)


async def poll(house: House, exchange: Exchange) -> Outcome:
    """Tell somebody how he stands; near the front, and where he asks for it, once it is his turn."""
    text = gate.place_text(house, exchange)
    place = _read(house, text)
    if isinstance(place, Refusal):
        return place
    wait_s = min(LONG_POLL_S, _wait_s(exchange.head.query)) if exchange.head.query else 0.0
    heard = bool(wait_s) and house.has_heard(place)
    if house.polls_too_often(place):
        return Refusal("poll_too_soon", detail="one poll a second is answered; next_poll_ms says when to ask again")
    house.room.poll(place)
    held = house.hold(place) if heard and _is_near(house, place) else None
    if held is not None:
        try:
            await asyncio.wait((held,), timeout=wait_s)
        finally:
            house.let_go(place, held)
        place = house.room.follow(place)
        house.room.poll(place)
    return told(house, exchange, place, signed=not house.is_his(place, text or ""))


def _is_near(house: House, place: PlaceId) -> bool:
    if house.room.phase is not Phase.OPEN or house.word(place) is not Word.WAITING:
        return False
    return house.room.lanes[place.lane].ahead(place.seq) <= FRONT


def _wait_s(query: str) -> float:
    name, _, value = query.partition("=")
    return float(value) if name == "wait" and value.isascii() and value.isdigit() and len(value) <= 2 else 0.0


async def claim(house: House, exchange: Exchange, memory: Memory) -> Outcome:
    """Give the pass to whoever is called. Sent twice, it gives the same one."""
    said = await papers.read(exchange, memory)
    if isinstance(said, Refusal):
        return said
    place = needed(house, exchange)
    if isinstance(place, Refusal):
        return place
    if house.word(place) is Word.CALLED:
        if house.room.phase in _ENDED:
            return closed(house)
        if house.room.time.paused:
            return paused(house, place)
    held = house.room.claim(place, bind_of(exchange.head.headers.get("User-Agent", "")))
    if held is None:
        return told(house, exchange, place)
    session = papers.word(said, "session")
    if session is not None:
        house.room.passes.live_on(held, house.session_key(identities.session(session)))
    return told(house, exchange, place, held=held, signed=True)


async def leave(house: House, exchange: Exchange, memory: Memory) -> Outcome:
    """Let somebody go by his own choice."""
    said = await papers.read(exchange, memory)
    place = said if isinstance(said, Refusal) else needed(house, exchange)
    if isinstance(place, Refusal):
        return place
    house.room.leave(place)
    return told(house, exchange, place)


async def release(house: House, exchange: Exchange, memory: Memory) -> Outcome:
    """Take a pass back before its time. It is named by itself, or by the place that it was claimed with."""
    said = await papers.read(exchange, memory)
    if isinstance(said, Refusal):
        return said
    held = gate.shown_pass(house, exchange)
    if isinstance(held, Active):
        house.room.end(held, Why.CHOICE)
        return told(house, exchange, held.place)
    place = needed(house, exchange)
    if isinstance(place, Refusal):
        return place if held is None else held
    out = house.room.passes.of_place(place)
    if out is not None:
        house.room.end(out, Why.CHOICE)
    return told(house, exchange, place)


def needed(house: House, exchange: Exchange) -> PlaceId | Refusal:
    """Return the place that a request must show, or a refusal that says what is wrong with it."""
    return _read(house, gate.place_text(house, exchange))


def _read(house: House, text: str | None) -> PlaceId | Refusal:
    if text is None:
        return refusal(house, "waiting", "no_place", "send the place that joining gave as Sidecar-Place")
    place = house.place_of(text)
    if isinstance(place, credentials.Why):
        detail = "what was sent as Sidecar-Place is no place in this room: join it"
        return refusal(house, "waiting", place.value, detail)
    return place


def told(
    house: House,
    exchange: Exchange,
    place: PlaceId,
    *,
    held: Active | None = None,
    signed: bool = False,
    first: bool = False,
) -> Answer:
    """Return what somebody is told of himself."""
    room, said = house.room, house.tell(place)
    if first and said.word is Word.PARKED:
        said = said._replace(word=Word.WAITING)  # who has just come has not been away, though nobody counts on him yet
    time = room.time
    until = None if said.until is None else time.wall_of_sale(said.until)
    text = house.place_text(place) if signed else None
    queue = speech.queue_of(
        said, room.lanes[place.lane].name, house.code(place), house.next_poll_s(said, first=first), until, text
    )
    more, headers = b"", NO_HEADERS
    if said.word is Word.ADMITTED and said.until is not None and until is not None:
        token = house.pass_text(held) if held is not None else None
        more = b',"pass":' + orjson.dumps({"expires_at": rfc3339(until)} | ({"token": token} if token else {}))
        headers = ((b"Sidecar-Pass", token.encode()),) if token else NO_HEADERS
    accept = exchange.head.headers.get("Accept-Language", "")
    common = house.speech.common(room, house.plan, house.notice, accept, said.word)
    return speech.answer(speech.body(queue, common, time.wall, more), headers)


def place_in(house: House, answer: Answer) -> PlaceId | None:
    """Return the place that an answer gives, None where it gives none."""
    said = orjson.loads(b"".join(answer.body))["queue"]
    place = None if "place" not in said else house.place_of(said["place"])
    return place if isinstance(place, PlaceId) else house.place_of_code(said["place_code"])


def _address(exchange: Exchange) -> str:
    """Return the address that somebody counts by, "" where a trusted caller speaks for many."""
    return "" if exchange.standing.named else exchange.standing.client
