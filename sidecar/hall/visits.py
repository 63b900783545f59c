"""What visitors ask of a room over HTTP: join, poll, claim, leave, release. One constant address a verb, the place in a header.

Behind the hall. It reads at most a small body, answers 200 with the visitor's word while the room works, and a refusal of the table where
what he shows does not count. A poll is never a penalty: whoever asks too early is told the same thing once more.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs

import orjson

from sidecar.hall import gate, speech
from sidecar.hall.house import Joined
from sidecar.instant import rfc3339
from sidecar.model import Answer, Outcome, Refusal
from sidecar.policy import assertions, credentials, identities, polling
from sidecar.policy.credentials import PlaceId, bind_of
from sidecar.policy.passes import Active
from sidecar.policy.room import Phase
from sidecar.policy.visitors import OVER, Event, Why, Word

if TYPE_CHECKING:
    from sidecar.hall.house import House
    from sidecar.model import Exchange, RawHeaders
    from sidecar.ports import Memory

BODY_BYTES: Final = 8 * 1024
LONG_POLL_S: Final = 20.0
FRONT: Final = 50  # people before somebody whose poll is worth holding
_FORM: Final = "application/x-www-form-urlencoded"
_JSON: Final = "application/json"
_TEXT_MOST: Final = 512
_NOT_OPEN: Final = "not_open"
NO_HEADERS: Final[RawHeaders] = ()


async def join(house: House, exchange: Exchange, memory: Memory) -> Outcome:
    """Give a place, or the one that its bearer or his account has already."""
    said = await read(exchange, memory)
    if isinstance(said, Refusal):
        return said
    account, attaches, refused = _account(house, exchange, said)
    if refused is not None:
        return refused
    mine = _mine(house, exchange)
    if isinstance(mine, Refusal):
        return mine
    if mine is not None:
        return _again(house, exchange, mine, account)
    phase = house.room.phase
    if phase in (Phase.SOLD_OUT, Phase.CLOSED):
        return Refusal(
            "sale_closed",
            phase.value,
            "nobody joins any more",
            room=gate.refusal(house, "sale_closed", phase.value, "").room,
        )
    if phase is Phase.SCHEDULED:
        return gate.refusal(house, "waiting", _NOT_OPEN, "the room is not open yet: join again later")
    lane = _lane(house, said)
    if isinstance(lane, Refusal):
        return lane
    joined = house.join(lane, account, _address(exchange), attaches=attaches)
    if joined is None:
        return Refusal("overloaded", "room_full", "as many are in this room as may be", retry_after_s=30)
    if joined is Why.ACCOUNT:
        detail = "this account has a place already, on the device where it was taken"
        return Refusal(
            "account_limit", "account", detail, links=(("remedy", house.plan.remedy or speech.root(house.plan.name)),)
        )
    assert isinstance(joined, Joined), "the other two have been told"
    if house.plan.account.source == "assertion" and account is None:
        house.room.happen(joined.place, Event.HOLD, Why.SIGN_IN)
    return told(house, exchange, joined.place, signed=True, first=not joined.attached)


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


def _again(house: House, exchange: Exchange, place: PlaceId, account: bytes | None) -> Outcome:
    """Answer one who joins with a place: it is his. Who was held and shows an account now goes on."""
    if account is not None and house.word(place) is Word.NEEDS_ACTION and house.settle(place, account) is None:
        detail = "this account has another place already"
        return Refusal(
            "account_limit", "account", detail, links=(("remedy", house.plan.remedy or speech.root(house.plan.name)),)
        )
    house.room.poll(place)
    return told(house, exchange, place, signed=True)


async def poll(house: House, exchange: Exchange) -> Outcome:
    """Tell somebody how he stands; near the front, and where he asks for it, once it is his turn."""
    place = needed(house, exchange)
    if isinstance(place, Refusal):
        return place
    heard = house.has_heard(place)
    if house.polls_too_often(place):
        return Refusal("poll_too_soon", detail="one poll a second is answered; next_poll_ms says when to ask again")
    house.room.poll(place)
    if exchange.head.query and heard and _wants_to_wait(house, exchange, place):
        held = house.hold(place)
        if held is not None:
            await asyncio.wait((held,), timeout=min(LONG_POLL_S, _wait_s(exchange.head.query)))
            house.room.poll(place)
    return told(house, exchange, place, signed=house.room.follow(place) != place)


def _wants_to_wait(house: House, exchange: Exchange, place: PlaceId) -> bool:
    if _wait_s(exchange.head.query) <= 0.0 or house.room.phase is not Phase.OPEN:
        return False
    return house.word(place) is Word.WAITING and house.room.lanes[place.lane].ahead(place.seq) <= FRONT


def _wait_s(query: str) -> float:
    name, _, value = query.partition("=")
    return float(value) if name == "wait" and value.isascii() and value.isdigit() and len(value) <= 2 else 0.0


async def claim(house: House, exchange: Exchange, memory: Memory) -> Outcome:
    """Give the pass to whoever is called. Sent twice, it gives the same one."""
    said = await read(exchange, memory)
    if isinstance(said, Refusal):
        return said
    place = needed(house, exchange)
    if isinstance(place, Refusal):
        return place
    if house.room.time.paused and house.word(place) is Word.CALLED:
        return gate.paused(house, place)
    held = house.room.claim(place, bind_of(exchange.head.headers.get("User-Agent", "")))
    if held is None:
        return told(house, exchange, place)
    session = _word(said, "session")
    if session is not None:
        house.room.passes.live_on(held, house.session_key(identities.session(session)))
    return told(house, exchange, place, held=held, signed=True)


async def leave(house: House, exchange: Exchange, memory: Memory) -> Outcome:
    """Let somebody go by his own choice."""
    said = await read(exchange, memory)
    place = said if isinstance(said, Refusal) else needed(house, exchange)
    if isinstance(place, Refusal):
        return place
    house.room.leave(place)
    return told(house, exchange, place)


async def release(house: House, exchange: Exchange, memory: Memory) -> Outcome:
    """Take a pass back before its time. It is named by itself, or by the place that it was claimed with."""
    said = await read(exchange, memory)
    if isinstance(said, Refusal):
        return said
    held = gate.shown_pass(house, exchange)
    if not isinstance(held, Active):
        place = needed(house, exchange)
        if isinstance(place, Refusal):
            return held if isinstance(held, Refusal) else place
        found = house.room.passes.of_place(place)
        if found is None:
            return told(house, exchange, place)
        held = found
    house.room.end(held, Why.CHOICE)
    return told(house, exchange, held.place)


def needed(house: House, exchange: Exchange) -> PlaceId | Refusal:
    """Return the place that a request must show, or a refusal that says what is wrong with it."""
    text = gate.place_text(house, exchange)
    if text is None:
        return gate.refusal(house, "waiting", "no_place", "send the place that joining gave as Sidecar-Place")
    place = house.place_of(text)
    if isinstance(place, credentials.Why):
        detail = "what was sent as Sidecar-Place is no place in this room: join it"
        return gate.refusal(house, "waiting", place.value, detail)
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
    common = house.speech.common(room, house.plan, house.notice, house.language(exchange.head), said.word)
    return speech.answer(speech.body(queue, common, time.wall, more), headers)


def place_in(house: House, answer: Answer) -> PlaceId | None:
    """Return the place that an answer gives, None where it gives none."""
    said = orjson.loads(b"".join(answer.body))["queue"]
    place = None if "place" not in said else house.place_of(said["place"])
    return place if isinstance(place, PlaceId) else house.place_of_code(said["place_code"])


# --- what is sent


async def read(exchange: Exchange, memory: Memory) -> dict[str, Any] | Refusal:
    """Return the members of a request's body, none where it has none."""
    if not (exchange.may_write or exchange.head.headers.get("Sec-Fetch-Site") == "same-origin"):
        return Refusal("origin_denied", detail="a page of this origin may not join: add it to cors.origins")
    account = exchange.account = memory.account("")
    body = exchange.source.at_hand(BODY_BYTES, account)
    if body is None:
        body = await exchange.source.read(BODY_BYTES, account)
    if isinstance(body, Refusal):
        return body
    media = exchange.head.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if not body:
        return {}
    if media == _FORM:
        return _form(body)
    if media != _JSON:
        return Refusal("unsupported_media", "content_type", "send application/json, or nothing")
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        return Refusal("malformed", "json", f"the body is no JSON (line {error.lineno}, column {error.colno})")
    if not isinstance(said, dict):
        return Refusal("malformed", "json", "the body is no JSON object")
    return said


def _form(body: bytes) -> dict[str, Any] | Refusal:
    try:
        fields = parse_qs(body.decode("utf-8"), max_num_fields=16)
    except ValueError:
        return Refusal("malformed", "http", "the form cannot be read")
    return {name: values[-1] for name, values in fields.items()}


def _word(said: dict[str, Any], name: str) -> str | None:
    value = said.get(name)
    return value if isinstance(value, str) and 0 < len(value) <= 4 * _TEXT_MOST else None


def _account(house: House, exchange: Exchange, said: dict[str, Any]) -> tuple[bytes | None, bool, Refusal | None]:
    """Return the account that somebody shows, whether that proves it, and a refusal where what he shows is no good."""
    plan = house.plan.account
    if plan.source == "assertion" and (text := _word(said, "assertion")) is not None:
        claims = assertions.read(plan.secret.encode(), text, house.room.time.wall, house.plan.name)
        if isinstance(claims, assertions.Why) or claims.account is None:
            why = claims.value if isinstance(claims, assertions.Why) else "no sub"
            detail = f"the assertion does not count ({why}): sign in at the shop again"
            return (
                None,
                False,
                Refusal(
                    "verify_required",
                    "sign_in",
                    detail,
                    links=(("remedy", house.plan.remedy or speech.root(house.plan.name)),),
                ),
            )
        return house.account_key(f"sub {claims.account}"), True, None
    if plan.source == "parameter" and (text := _word(said, "account")) is not None:
        return house.account_key(f"account {text}"), False, None
    if plan.source == "session" and (text := _word(said, "session")) is not None:
        return house.account_of_session(house.session_key(identities.session(text))), True, None
    del exchange
    return None, False, None


def _lane(house: House, said: dict[str, Any]) -> str | Refusal:
    """Return the lane that an invite leads to, the first where there is none."""
    text = _word(said, "invite")
    first = house.room.lanes[0].name
    if text is None:
        return first
    if not house.plan.invites:
        return Refusal("verify_required", "sign_in", "this room takes no invites")
    claims = assertions.read(house.plan.invites.encode(), text, house.room.time.wall, house.plan.name)
    if isinstance(claims, assertions.Why):
        detail = f"the invite does not count ({claims.value}): ask for another one, or join without"
        return Refusal("verify_required", "sign_in", detail)
    if claims.lane is None or house.room.lane(claims.lane) is None:
        return Refusal("verify_required", "sign_in", "the invite names no lane of this room")
    if claims.invite is not None and not house.invited(claims.invite):
        return Refusal("verify_required", "sign_in", "the invite has been used")
    return claims.lane


def _address(exchange: Exchange) -> str:
    """Return the address that somebody counts by, "" where a trusted caller speaks for many."""
    return "" if exchange.standing.named else exchange.standing.client


def scheduled_poll_s(house: House, chance: float) -> float:
    """Return in how many seconds somebody asks again who has come before the lobby opens."""
    opens = house.plan.opens
    wait_s = polling.MOST_S if opens is None else opens - house.plan.lobby_s - house.room.time.wall
    return min(polling.MOST_S, max(1.0, wait_s)) * polling.spread(chance)
