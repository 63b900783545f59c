"""What a room says to a visitor, as bytes: made of one part that is the same for all for a while, and one that is his own.

Stands behind the hall's resources. A poll is most of what an on-sale brings, so nothing is written twice: the common part is kept by
language, and of a reply only the numbers are new.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import orjson

from sidecar.forms import state_item
from sidecar.instant import rfc3339
from sidecar.model import Answer, Executed, Grade, joined
from sidecar.policy.languages import choice, chosen
from sidecar.policy.visitors import OVER, Why, Word
from sidecar.web.roomwords import title

if TYPE_CHECKING:
    from sidecar.model import Notice, RawHeaders
    from sidecar.plan import RoomPlan
    from sidecar.policy.room import Room, Told

_GRADE: Final = Grade("ok", Executed.NO)
_HEADERS: Final[RawHeaders] = (
    (b"Content-Type", b"application/json"),
    (b"Cache-Control", b"no-store"),
    (b"X-Content-Type-Options", b"nosniff"),
    (b"Sidecar-State", state_item("ok", None, Executed.NO.value)),
)
_NAMED: Final = (*_HEADERS, (b"X-Request-Id", b""))
_BLOCK: Final = joined(_HEADERS) + b"X-Request-Id: %b\r\n"
_LANGUAGE: Final = "en"
# A crowd sends some dozens of headers, and what each of its readers is told is a kilobyte at most.
_KEPT_MOST: Final = 256
_ACCEPT_MOST: Final = 100
_OPENING: Final = b'{"state":"ok","category":"ok","executed":"no",'


def answer(body: bytes, more: RawHeaders = ()) -> Answer:
    """Return a good answer of a room, with these header lines besides."""
    if not more:
        return Answer(200, "OK", _NAMED, (body,), len(body), _GRADE, block=_BLOCK)
    block = joined((*_HEADERS, *more)).replace(b"%", b"%%") + b"X-Request-Id: %b\r\n"
    return Answer(200, "OK", (*_NAMED, *more), (body,), len(body), _GRADE, block=block)


def root(name: str) -> str:
    """Return where a room's resources are."""
    return f"/.sidecar/rooms/{name}"


def links(name: str, word: Word | None, remedy: str | None = None) -> dict[str, str]:
    """Return where a visitor like him goes next."""
    at = root(name)
    found = {"poll": f"{at}/place", "board": f"{at}/board"}
    if word is None or word in OVER:
        return found | {"join": f"{at}/join"}
    if word is Word.CALLED:
        found["claim"] = f"{at}/claim"
    if word is Word.ADMITTED:
        found["release"] = f"{at}/release"
    else:
        found["leave"] = f"{at}/leave"
    if word is Word.NEEDS_ACTION:
        found["remedy"] = remedy or at
    return found


def page_language(plan: RoomPlan, accept: str) -> str:
    """Return the language of the page's that a reader wants most who sends that Accept-Language."""
    there = plan.look.languages
    return there[choice(there, accept)] if there else _LANGUAGE


def notice_member(notice: Notice, language: str) -> dict[str, object]:
    """Return the member `message`."""
    tag, text = chosen(notice.texts, language)
    said = None if notice.next_update is None else rfc3339(notice.next_update)
    return {"id": notice.id, "severity": notice.severity, "lang": tag, "text": text, "next_update_at": said}


def room_member(room: Room, plan: RoomPlan, language: str) -> dict[str, object]:
    """Return the member `room`."""
    return {
        "name": plan.name,
        "state": room.state,
        "opens_at": None if plan.opens is None else rfc3339(plan.opens),
        "draws_at": None if room.draws_at is None else rfc3339(room.draws_at),
        "title": title(plan.look, language, plan.name),
    }


class Speech:
    """What one room says. `common` is kept by who reads it, and by what he is, until the room or its notice is another."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, Word | None], bytes] = {}
        self._about: object = None

    def common(self, room: Room, plan: RoomPlan, notice: Notice | None, accept: str, word: Word | None) -> bytes:
        """Return the members that all visitors like him are told, each with a comma before it. `accept`: his Accept-Language."""
        about = (room.phase, room.time.paused, plan, notice)
        if about != self._about:
            self._about, self._kept = about, {}
        kept = self._kept.get((accept, word))
        if kept is None:
            language = page_language(plan, accept)
            said: dict[str, object] = {"room": room_member(room, plan, language)}
            if notice is not None:
                said["message"] = notice_member(notice, language)
            said["links"] = links(plan.name, word, plan.remedy)
            kept = b"," + orjson.dumps(said)[1:-1]
            if len(accept) <= _ACCEPT_MOST:
                if len(self._kept) >= _KEPT_MOST:
                    self._kept.clear()
                self._kept[accept, word] = kept
        return kept


def body(queue: bytes, common: bytes, wall: float, more: bytes = b"") -> bytes:
    """Return a whole body: `queue` is that member's object, `more` further members with a comma before each."""
    return b'%b"queue":%b%b%b,"server_time":"%b","v":1}' % (_OPENING, queue, common, more, rfc3339(wall).encode())


def queue_of(told: Told, lane: str, code: str, poll_s: float, until: float | None, place: str | None = None) -> bytes:
    """Return the member `queue`. `until`: wall seconds until when he may claim. All values are ours: nothing has to be escaped."""
    band = told.band
    given = "" if place is None else f'"place":"{place}",'
    claim = "null" if until is None or told.word is not Word.CALLED else f'"{rfc3339(until)}"'
    why = "null" if told.why is Why.NONE else f'"{told.why.value}"'
    reason = "null" if band.reason is None else f'"{band.reason}"'
    ahead = "null" if told.ahead is None else told.ahead
    return (
        f'{{"kind":"room","visitor":"{told.word}","lane":"{lane}","place_code":"{code}",{given}"ahead":{ahead},'
        f'"eta_s":{_whole(band.eta_s)},"eta_low_s":{_whole(band.low_s)},"eta_high_s":{_whole(band.high_s)},'
        f'"eta_reason":{reason},"next_poll_ms":{max(1000, int(poll_s * 1000))},"claim_by":{claim},"reason":{why}}}'
    ).encode()


def _whole(seconds: float | None) -> str:
    return "null" if seconds is None else str(round(seconds))
