"""Orders to rooms and to those who wait in them: carries them out, and shows how every room stands and what has become of somebody.

Behind the listener that has heard who asks. What a visitor has done is shown to whoever looks him up by his code or his account, so looking
is an order, too; what he typed is kept by nobody. What holds by hand, and until when, `byhand` knows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sidecar.control import Order, OrderError, Verdict
from sidecar.durations import rough, spoken
from sidecar.hall import facts
from sidecar.hall.byhand import HOLDS_MOST, Hand, Hold
from sidecar.policy import identities
from sidecar.policy.room import ORDER, Phase
from sidecar.policy.visitors import OVER, Why, Word

if TYPE_CHECKING:
    from sidecar.admin.audit import Audit
    from sidecar.hall import Hall
    from sidecar.hall.byhand import ByHand
    from sidecar.hall.house import House
    from sidecar.policy.credentials import PlaceId
    from sidecar.ports import Clock

ACCOUNT: Final = "account:"  # how an order names somebody by his account
_ITSELF: Final = "sidecar"  # the actor of what ends by itself
_OVER: Final = "its end has come"


class Rooming:
    """One per process. `unwritable` is what `by_hand` raises where nothing could be written down; its text is for people."""

    def __init__(self, hall: Hall, by_hand: ByHand, clock: Clock, audit: Audit, unwritable: type[Exception]) -> None:
        self._hall, self._by_hand, self._clock, self._audit = hall, by_hand, clock, audit
        self._unwritable = unwritable
        by_hand.told = self._note

    async def carry_out(self, order: Order) -> Verdict:
        """Do the orders of `room` and `visitor`. Raises OrderError."""
        house = self._hall.houses.get(order.arguments["room"])
        if house is None:
            raise OrderError(f"there is no room {order.arguments['room']!r} any more")
        try:
            match order.noun, order.verb:
                case "room", "set":
                    return await self._set(house, order)
                case "room", _:
                    return await self._recall(house)
                case _, "find":
                    return self._find(house, order.arguments["what"].strip())
                case _, "move":
                    return self._move(house, order)
                case _, "release":
                    return await self._release(house, self._meant(house, order.arguments["code"]))
                case _:
                    return await self._hold(house, order)
        except self._unwritable as error:
            raise OrderError(f"{error}; what a restart would forget is not done") from None

    # --- rooms

    async def _set(self, house: House, order: Order) -> Verdict:
        name, phase = house.plan.name, Phase(order.arguments["state"])
        hand = Hand(name, phase, self._clock.now(), order.actor, order.reason, order.remind_s or 0.0)
        before = house.room.phase
        kept = await self._by_hand.set(house, hand)
        if kept is None:
            left = ", ".join(each.value for each in ORDER[ORDER.index(before) + 1 :] if each is not Phase.DRAWING)
            more = f"; it can go on to {left}" if left else ": its sale is over"
            raise OrderError(f"room {name} is {before}, and a room never goes back{more}")
        drawn = "; the draw is made" if house.room.lanes[0].drawn is not None and phase is Phase.OPEN else ""
        text = f"room {name}: {before} -> {house.room.phase}{drawn}; a reminder every {spoken(hand.remind_s)}"
        return Verdict(True, f"{text}{_forgotten(kept)}", {"room": self._shown(house)})

    async def _recall(self, house: House) -> Verdict:
        count = await self._hall.recall(house)
        text = f"room {house.plan.name}: {count} pass{'es' if count != 1 else ''} called back, wave {house.room.passes.wave} begins"
        return Verdict(True, text, {"recalled": count, "wave": house.room.passes.wave})

    # --- visitors

    def _find(self, house: House, what: str) -> Verdict:
        if what.startswith(ACCOUNT):
            places = self._of_account(house, what)
            if not places:
                raise OrderError(f"room {house.plan.name} knows no place of that account ({_accounts(house)})")
        else:
            places = [self._meant(house, what)]
        story = self._of(house, places[0])
        at = f"lane {story['lane']}"
        at += "" if story["ahead"] is None else f", {story['ahead']} ahead"
        why = f" ({story['why']})" if story["why"] else ""
        others = [{"place_code": house.code(each), "word": house.word(each).value} for each in places[1:]]
        more = ", ".join(f"{each['place_code']} ({each['word']})" for each in others)
        text = f"{story['place_code']}: {story['word']}{why}, {at}" + (f"; before it he had {more}" if more else "")
        return Verdict(True, text, {"visitor": story, "others": others})

    def _move(self, house: House, order: Order) -> Verdict:
        place, room = self._meant(house, order.arguments["code"]), house.room
        wanted = order.arguments["lane"].strip()
        lane = room.lane(wanted)
        if lane is None:
            lanes = ", ".join(each.name for each in room.lanes)
            raise OrderError(f"room {house.plan.name} has no lane {wanted[:60]!r}; it has {lanes}")
        then = room.move(place, lane)
        if then is None:
            raise OrderError(f"{house.code(place)} {_cannot_move(house, place, lane.name)}")
        before, code = room.lanes[place.lane].name, house.code(then)
        text = f"{house.code(place)} is {code} now: lane {before} -> {lane.name}, at its end; both codes find him, and his place counts"
        return Verdict(True, text, {"visitor": self._of(house, then)})

    async def _release(self, house: House, place: PlaceId) -> Verdict:
        room, code = house.room, house.code(place)
        held = room.passes.of_place(place)
        if held is not None:
            room.end(held, Why.OPERATOR)
            return Verdict(True, f"{code}: his pass is taken in", {"visitor": self._of(house, place)})
        if house.word(place) is not Word.NEEDS_ACTION:
            raise OrderError(f"{code} is {house.word(place)}: he has no pass to take in, and is not held")
        kept = await self._by_hand.let_go(house, place)
        if kept is None:
            raise OrderError(f"{code} is held no more")
        text = f"{code} goes on, with the place that he had{_forgotten(kept)}"
        return Verdict(True, text, {"visitor": self._of(house, place)})

    async def _hold(self, house: House, order: Order) -> Verdict:
        place = self._meant(house, order.arguments["code"])
        assert order.for_s is not None, "reading has asked for an end"
        code, word = house.code(place), house.word(place)
        if word is Word.ADMITTED:
            raise OrderError(f"{code} holds a pass: sidecar visitor release takes it in")
        if word in OVER or word is Word.NEEDS_ACTION:
            raise OrderError(f"{code} is {word}: he cannot be held")
        end = self._clock.now() + order.for_s
        hold = Hold(house.plan.name, house.room.epoch, place, end, order.actor, order.reason)
        kept = await self._by_hand.hold(house, hold)
        if kept is None:
            raise OrderError(
                f"{code} is {house.word(place)}, or {HOLDS_MOST} people are held already: release one of them"
            )
        text = f"{code} is held for {rough(order.for_s)}, then he goes on with the place that he has{_forgotten(kept)}"
        return Verdict(True, text, {"visitor": self._of(house, place)})

    def _note(self, hold: Hold) -> None:
        house = self._hall.houses[hold.room]
        code = house.code(house.room.follow(hold.place))
        text = f"{code} goes on, with the place that he had"
        arguments = {"room": hold.room, "code": code}
        self._audit.note("visitor", "release", actor=_ITSELF, reason=_OVER, arguments=arguments, ok=True, text=text)

    def _meant(self, house: House, code: str) -> PlaceId:
        place = house.place_of_code(code)
        if place is None:
            raise OrderError(_no_code(house))
        return place

    def _of_account(self, house: House, what: str) -> list[PlaceId]:
        """Return the places of an account, the last one first, by whatever this room knows accounts by."""
        text = what.removeprefix(ACCOUNT)
        source = {"assertion": "sub", "parameter": "account", "session": "login"}.get(house.plan.account.source or "")
        if source is None:
            return []
        found = house.places_of_account(house.account_key(f"{source} {text}"))
        if not found and source == "login":  # who has not signed in is known by his session alone
            session = house.session_key(identities.session(text))
            found = house.places_of_account(house.account_of_session(session))
        return found

    # --- what is shown

    def view(self) -> list[dict[str, Any]]:
        """Return how every room stands, as the status shows it."""
        return [self._shown(house) for house in self._hall.houses.values()]

    def _shown(self, house: House) -> dict[str, Any]:
        return facts.room(house, self._by_hand.of_room(house.plan.name), self._clock, self._hall.is_kept)

    def _of(self, house: House, place: PlaceId) -> dict[str, Any]:
        return facts.visitor(house, place, self._by_hand.of_place(house, place), self._clock.now())


def _no_code(house: House) -> str:
    return (
        f"nobody in room {house.plan.name} has that code: codes look like 7KQ2-9F, and one wrong character is noticed"
    )


def _accounts(house: House) -> str:
    source = house.plan.account.source
    return "it asks for none" if source is None else f"it knows accounts by {source}"


def _cannot_move(house: House, place: PlaceId, lane: str) -> str:
    """Say why somebody stays where he is."""
    word = house.word(place)
    if house.room.lanes[place.lane].name == lane:
        return f"is in lane {lane} already"
    if word is Word.CALLED:
        return "is called: it is his turn, and in another lane he would wait again"
    if word is Word.ADMITTED or word in OVER:
        return f"is {word}: there is no place in line to move"
    return "cannot be moved: as many are in this room as may be"


def _forgotten(kept: str) -> str:
    """Say what a restart does to what is written nowhere."""
    return f". A restart ends this: {kept}" if kept else ""
