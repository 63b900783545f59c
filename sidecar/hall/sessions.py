"""A place for whoever only ever calls: a SOAP or XML-RPC client whose session the backend knows, and who has never heard of a room.

Behind the gate, where the settings say that accounts are sessions. His first call takes a place, each call that he repeats is a poll of it,
and the one that comes when it is his turn claims the pass, which lives on his session: he calls again as he was told, and gets through.
Nobody gets a place so who only shows a key: the backend has to have answered it well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sidecar.hall.house import Joined
from sidecar.policy.room import Phase
from sidecar.policy.visitors import OVER, Word

if TYPE_CHECKING:
    from sidecar.hall.house import House
    from sidecar.model import Exchange
    from sidecar.policy.credentials import PlaceId
    from sidecar.policy.passes import Active


def place_of(house: House, exchange: Exchange) -> PlaceId | None:
    """Return the place of a caller's session, taken now where he has none; None where he is nobody that the backend knows."""
    session = house.session_of(exchange)
    if house.plan.account.source != "session" or session is None or not _is_known(exchange):
        return None
    if house.room.phase not in (Phase.LOBBY, Phase.DRAWING, Phase.OPEN):
        return None
    joined = house.join(house.room.lanes[0].name, house.account_of_session(session), "", attaches=True)
    if not isinstance(joined, Joined) or house.word(joined.place) in OVER:
        return None
    if joined.attached:
        house.room.poll(joined.place)
    return joined.place


def claim(house: House, exchange: Exchange, place: PlaceId) -> Active | None:
    """Let him in if it is his turn: the pass lives on his session from now on."""
    session = house.session_of(exchange)
    held = None if session is None else house.room.claim(place, b"")
    if held is not None and session is not None:
        house.room.passes.live_on(held, session)
    return held


def in_or_called(house: House, session: bytes) -> PlaceId | None:
    """Return the place of a session whose turn it is, or who is in."""
    if house.plan.account.source != "session":
        return None
    place = house.place_of_account(house.account_of_session(session))
    return place if place is not None and house.word(place) in (Word.CALLED, Word.ADMITTED) else None


def _is_known(exchange: Exchange) -> bool:
    """Say whether the backend has answered well what he shows, or a trusted caller names him."""
    return exchange.standing.named or exchange.client != exchange.standing.client
