"""The room as pages: for people whose browser came here, or to a frame of the shop's, with a script or without one.

Behind the hall. A form does what the resource of its name does and leads back to the page (303), which says in words what came of it; the
place is kept in a cookie of this room's path then. Answers HTML, never JSON.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sidecar.hall import gate, speech
from sidecar.hall.cookies import cookies
from sidecar.model import Answer, Executed, Grade, Refusal
from sidecar.policy.languages import chosen
from sidecar.policy.visitors import OVER, Why, Word
from sidecar.web import roompages
from sidecar.web.roomsaid import View

if TYPE_CHECKING:
    from sidecar.hall.house import House
    from sidecar.model import Exchange, RawHeaders
    from sidecar.policy.credentials import PlaceId
    from sidecar.policy.room import Told

_GRADE: Final = Grade("ok", Executed.NO)
_KEPT_S: Final = 86_400  # a cookie outlives a reload of the browser, and no second evening


def page(house: House, exchange: Exchange, cors_origins: frozenset[str], *, widget: bool) -> Answer:
    """Return the page of a room as its visitor finds it."""
    place = gate.shown_place(house, exchange)
    known = place if isinstance(place, tuple) else None
    if known is not None:
        house.room.poll(known)
    view = _view(house, exchange, known, None)
    return roompages.page(view, widget=widget, cors_origins=cors_origins, still=exchange.head.query == "still")


def told(house: House, exchange: Exchange, refusal: Refusal, cors_origins: frozenset[str]) -> Answer:
    """Return the page of somebody whose form did not do what he wanted."""
    return roompages.page(_view(house, exchange, None, refusal), widget=False, cors_origins=cors_origins)


def back(house: House, place: PlaceId | None, token: str | None) -> Answer:
    """Lead a form back to the page, which shows what came of it."""
    headers: RawHeaders = ((b"Location", speech.root(house.plan.name).encode()), (b"Cache-Control", b"no-store"))
    if place is not None:
        ended = house.word(place) in OVER
        headers += (_cookie(house, "", "" if ended else house.place_text(place)),)
        if ended or token is not None:
            headers += (_cookie(house, "-pass", token or ""),)
    return Answer(303, "See Other", headers, (), 0, _GRADE)


def _cookie(house: House, suffix: str, value: str) -> tuple[bytes, bytes]:
    name, path = f"sidecar-{house.plan.name}{suffix}", speech.root(house.plan.name)
    age_s = _KEPT_S if value else 0
    secure = "; Secure" if house.is_https else ""
    line = f"{name}={value}; Path={path}; Max-Age={age_s}; HttpOnly; SameSite=Lax{secure}"
    return b"Set-Cookie", line.encode()


def _view(house: House, exchange: Exchange, place: PlaceId | None, refusal: Refusal | None) -> View:
    room, plan = house.room, house.plan
    lang = house.language(exchange.head)
    said = None if house.notice is None else chosen(house.notice.texts, lang)
    view = View(
        plan,
        room.state,
        room.time.wall,
        lang,
        opens_at=plan.opens,
        draws_at=room.draws_at,
        remedy=plan.remedy,
        message=None if said is None or house.notice is None else (house.notice.severity, said[1]),
        next_update_at=None if house.notice is None else house.notice.next_update,
    )
    if refusal is not None:
        return view._replace(visitor=Word.NEEDS_ACTION.value, reason=_reason(refusal))
    if place is None:
        return view
    return _visitor(house, exchange, view, house.tell(place))


def _visitor(house: House, exchange: Exchange, view: View, told: Told) -> View:
    until = None if told.until is None else house.room.time.wall_of_sale(told.until)
    called, admitted = told.word is Word.CALLED, told.word is Word.ADMITTED
    token = cookies(exchange, house.plan.name).get("pass") if admitted else None
    back_to = house.plan.look.back
    return view._replace(
        visitor=told.word.value,
        code=house.code(told.place),
        ahead=told.ahead,
        eta_low_s=told.band.low_s,
        eta_high_s=told.band.high_s,
        eta_reason=told.band.reason,
        claim_by=until if called else None,
        pass_until=until if admitted else None,
        reason=None if told.why is Why.NONE else told.why.value,
        next_poll_s=max(2, round(house.next_poll_s(told))),
        back=f"{back_to.partition('#')[0]}#sidecar-pass={house.plan.name}:{token}" if back_to and token else None,
    )


def _reason(refusal: Refusal) -> str:
    return Why.ACCOUNT.value if refusal.state == "account_limit" else Why.SIGN_IN.value
