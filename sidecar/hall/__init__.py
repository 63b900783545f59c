"""All waiting rooms of a process: made once, handed to every pipeline, kept over reloads by their names.

Stands beside the app like slots and breakers do. It ticks four times a second, answers the resources below `/.sidecar/rooms/`, and is asked
at the gate of every call that a room covers.
"""

from __future__ import annotations

import asyncio
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sidecar.hall import gate, pages, visits
from sidecar.hall.board import Board
from sidecar.hall.house import House, Stop
from sidecar.hall.memory import Memory
from sidecar.hall.papers import FORM
from sidecar.model import Exchange, Outcome, Refusal
from sidecar.policy.room import TICK_S
from sidecar.policy.routing import RESERVED
from sidecar.policy.visitors import Why
from sidecar.web import roompages

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Iterable

    from sidecar.model import Notice
    from sidecar.plan import CoverPlan, RoomPlan
    from sidecar.policy.admission import Backing
    from sidecar.policy.room import Happenings
    from sidecar.policy.tokens import Keys
    from sidecar.ports import Clock, Log
    from sidecar.ports import Memory as Bytes
    from sidecar.stores.roomfile import Pages, RoomFile

PREFIX: Final = f"{RESERVED}/rooms/"
ASSETS: Final = "assets"
_PAGES: Final = ("", "widget", "theme.css")
_KEEP_TICKS: Final = 2  # twice a second: a crash costs no more than one
_DRAW_PATIENCE_S: Final = 0.25  # for a disk that takes some milliseconds as a rule, once in an evening
# A slice of the carry-over, 1.5 ms, and the time between two: a million people in 25 seconds.
_CARRY: Final = 800
_CARRY_S: Final = 0.02
_CALLED_BACK: Final = 200  # people who are told in one turn that their pass was called back: 1 ms
_READ: Final = ("place", "board", "events")
_WRITTEN: Final = {"join": visits.join, "claim": visits.claim, "leave": visits.leave, "release": visits.release}


class Hall:
    """`backing` says what a room's backends bear, `notices` what an operator says of it, `stops` whether he has paused it, and for whom."""

    def __init__(
        self,
        clock: Clock,
        log: Log,
        chance: Callable[[], float],
        memory: Bytes,
        backing: Callable[[Collection[str]], Backing],
        store: str | None = None,
    ) -> None:
        self._clock, self._log, self._chance, self._memory = clock, log, chance, memory
        self._backing = backing
        self.notices: Callable[[str], Notice | None] = lambda _: None
        self.stops: Callable[[str], Stop | None] = lambda _: None
        self.houses: dict[str, House] = {}
        self._boards: dict[str, Board] = {}
        self._cors: frozenset[str] = frozenset()
        self._covers: dict[str, list[tuple[House, CoverPlan]]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._carrying: asyncio.TimerHandle | None = None
        self._file = None if store is None else _kept_in(Path(f"{store}.rooms"), self._say)
        self._kept: dict[str, Pages] = {} if self._file is None else self._file.open()
        self._memories: dict[str, Memory] = {}
        self._ticks = 0
        self._loop: asyncio.AbstractEventLoop | None = None

    def __repr__(self) -> str:
        return f"<Hall {' '.join(map(repr, self.houses.values())) or 'without rooms'}>"

    # --- settings and time

    def bound(self, plans: Iterable[RoomPlan], keys: Keys, cors: frozenset[str], *, https: bool) -> None:
        """Take the rooms of a plan: those that there are stay as they are, those that it does not name are gone."""
        houses: dict[str, House] = {}
        for plan in plans:
            house = self.houses.get(plan.name)
            if house is None:
                house = self._opened(plan, keys)
            house.bound(plan, keys)
            house.is_https = https
            houses[plan.name] = house
        for gone in self.houses.keys() - houses.keys():
            self._memories.pop(gone, None)
        self.houses, self._cors = houses, cors
        self._boards = {name: self._boards.get(name) or Board(house) for name, house in houses.items()}
        self._covers = {}
        for house in houses.values():
            for cover in house.plan.covers:
                self._covers.setdefault(cover.backend, []).append((house, cover))
        self.tick()

    def start(self) -> None:
        """Begin to tick."""
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(TICK_S, self._ring)
        self._carry()  # a room may have been drawn before anybody ticked

    def drain(self) -> None:
        """Let nobody wait at a connection any more: who polls or listens comes back, to whoever takes over."""
        for name, house in self.houses.items():
            house.drain()
            self._boards[name].drain()

    def close(self) -> None:
        """Tick no more, and write what is left."""
        for timer in (self._timer, self._carrying):
            if timer is not None:
                timer.cancel()
        self._timer = self._carrying = None
        if self._file is not None:
            self._keep(closing=True)
            self._file.close()
            self._file = None

    def _ring(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(TICK_S, self._ring)
        self.tick()
        self._ticks += 1
        if self._ticks % _KEEP_TICKS == 0:
            self._keep()

    def _opened(self, plan: RoomPlan, keys: Keys) -> House:
        """Return a room that is new here, as a store has kept it, if one has."""
        house = House(plan, keys, self._clock, self._log, self._chance)
        memory = self._memories[plan.name] = Memory(house)
        pages = self._kept.pop(plan.name, None)
        if pages is None:
            self._forget(plan.name)
        else:
            try:
                memory.recall(pages)
            except Exception as error:  # noqa: BLE001 - whatever a damaged page makes of it: the sale goes on without it
                remedy = "the room begins anew: whoever had a place joins again"
                self._log.event("room_lost", room=plan.name, error=error, remedy=remedy)
                house = House(plan, keys, self._clock, self._log, self._chance)
                self._memories[plan.name] = Memory(house)
                self._forget(plan.name)
            else:
                self._log.event("room_recalled", room=plan.name, state=house.room.state, joined=house.room.joined)
        return house

    def _forget(self, name: str) -> None:
        """Let nothing be left on disk of an earlier room of that name: a page of each would be a third one."""
        if self._file is not None:
            self._file.forget(name)

    def _keep(self, *, closing: bool = False) -> None:
        """Hand over what has changed."""
        if self._file is None:
            return
        for name, memory in self._memories.items():
            if changes := memory.changes(closing=closing):
                self._file.keep(name, changes)

    def _keep_draw(self, name: str) -> None:
        """See to it that a draw is on disk before anybody is told his rank: after a crash it would be made again, and be another one. It
        is the one moment of an evening in which the loop waits for a disk, and not for long.
        """
        if self._file is None:
            return
        self._keep()
        if not self._file.settle(_DRAW_PATIENCE_S):
            remedy = "should the process be killed before it is, the draw is made anew: look at the disk of store:"
            self._log.event("draw_not_written", room=name, remedy=remedy)

    def _say(self, event: str, **facts: object) -> None:
        """Write to the log, from the thread that writes rooms."""
        if self._loop is None or self._loop.is_closed():
            self._log.event(event, **facts)
        else:
            self._loop.call_soon_threadsafe(lambda: self._log.event(event, **facts))

    def _carry(self) -> None:
        """Carry over who is there after a draw, in slices between which everybody else has his turn."""
        self._carrying = None
        if any([house.room.carry(_CARRY) for house in self.houses.values()]):  # noqa: C419 - every room goes on
            self._carrying = asyncio.get_running_loop().call_later(_CARRY_S, self._carry)

    def tick(self) -> None:
        """Let every room go on to now."""
        for name, house in self.houses.items():
            house.notice = self.notices(name)
            house.stop = self.stops(name)
            house.room.pause(on=house.stop is not None)
            found = house.tick(self._backing({cover.backend for cover in house.plan.covers}))
            if found.sealed:
                self._keep_draw(name)
                if self._loop is not None and self._carrying is None:
                    self._carry()
            if found:
                self._log_of(house, found)
            self._boards[name].fresh(self._clock.now())

    def _log_of(self, house: House, found: Happenings) -> None:
        name = house.plan.name
        if found.phase is not None:
            self._log.event("room", room=name, state=found.phase.value, joined=house.room.joined)
        if found.stalled_s:
            self._log.event("room_stalled", room=name, stalled_s=round(found.stalled_s, 1))

    # --- the gate

    def ask(self, exchange: Exchange) -> Refusal | None:
        """Let a call through the rooms that stand before it, or say why not."""
        call = exchange.call
        assert call is not None, "decode names the call before anybody flies"
        names, asked = call.members or (call.operation,), None
        for house, cover in self._covers.get(call.backend, ()):  # those of one room stand together
            if house is not asked and any(cover.means(name, call.parameters) for name in names):
                asked, refused = house, gate.ask(house, exchange)
                if refused is not None:
                    return refused
        return None

    def purchase_keys(self, exchange: Exchange) -> tuple[bytes, ...]:
        """Return what a purchase is known by of whoever shows passes."""
        places = ((house, gate.place_of_pass(house, exchange)) for house in self._before(exchange.backend))
        return tuple(gate.purchase_key(house, place) for house, place in places if place is not None)

    def ended(self, backend: str, keys: tuple[bytes, ...]) -> None:
        """Take the passes in of somebody who has got through with his purchase."""
        for house in self._before(backend):
            for key in keys:
                held = gate.of_purchase(house, key)
                if held is not None:
                    house.room.end(held, Why.PURCHASE)

    def _before(self, backend: str) -> list[House]:
        """Return the rooms before a backend, each once."""
        return list(dict.fromkeys(house for house, _ in self._covers.get(backend, ())))

    def learn(self, exchange: Exchange) -> None:
        """Note that the backend knows a session, and whose account it is that has just signed in well."""
        call = exchange.call
        for house in self._before(exchange.backend):
            account, session = house.plan.account, house.session_of(exchange)
            if call is None or session is None or account.source != "session":
                continue
            house.confirm(session)
            value = call.parameters.get(account.parameter)
            if value and account.login and fnmatchcase(call.operation.lower(), account.login.lower()):
                house.learn(session, value)

    # --- what operators do

    @property
    def is_kept(self) -> bool | None:
        """Whether what changes in the rooms is written; None where no store is named."""
        return None if self._file is None else self._file.ok

    async def recall(self, house: House) -> int:
        """Call back every pass of a room, and begin another wave; returns how many. They count no more when it begins."""
        gone = house.room.recall()
        for start in range(0, len(gone), _CALLED_BACK):
            for held in gone[start : start + _CALLED_BACK]:
                house.room.called_back(held)
            await asyncio.sleep(0)
        return len(gone)

    # --- resources

    def __call__(self, exchange: Exchange) -> Awaitable[Outcome]:
        """Answer what lives below the prefix."""
        name, _, verb = exchange.head.path.removeprefix(PREFIX).partition("/")
        if name == ASSETS:
            return _said(_file(exchange, roompages.asset(verb)))
        house = self.houses.get(name)
        if house is None:
            return _said(Refusal("not_found", "path", "there is no room of this name"))
        method = exchange.head.method
        if verb in _READ:
            if method not in ("GET", "HEAD"):
                return _said(Refusal("method_not_allowed", detail="this resource is read with GET", allow="GET, HEAD"))
            if verb == "place":
                return visits.poll(house, exchange)
            board, now = self._boards[name], self._clock.now()
            return _said(board.answer(exchange, now) if verb == "board" else board.listen())
        if verb in _WRITTEN:
            if method != "POST":
                return _said(Refusal("method_not_allowed", detail=f"{verb} by POST", allow="POST"))
            if exchange.head.headers.get("Content-Type", "").startswith(FORM):
                return self._formed(house, exchange, verb)
            return _WRITTEN[verb](house, exchange, self._memory)
        if verb in _PAGES and method in ("GET", "HEAD"):
            if verb == "theme.css":
                return _said(_file(exchange, roompages.theme(house.plan.look)))
            return _said(pages.page(house, exchange, self._cors, widget=verb == "widget"))
        if verb in _PAGES:
            return _said(Refusal("method_not_allowed", detail="a page is read with GET", allow="GET, HEAD"))
        return _said(Refusal("not_found", "path", "a room has nothing at this path"))

    async def _formed(self, house: House, exchange: Exchange, verb: str) -> Outcome:
        """Do what a form asks for, and show the page."""
        outcome = await _WRITTEN[verb](house, exchange, self._memory)
        if isinstance(outcome, Refusal):
            if outcome.state in ("account_limit", "verify_required"):
                return pages.told(house, exchange, outcome, self._cors)
            return outcome if outcome.state in ("origin_denied", "overloaded") else pages.back(house, None, None)
        token = next((value.decode() for name, value in outcome.headers if name == b"Sidecar-Pass"), None)
        return pages.back(house, visits.place_in(house, outcome), token)


def _kept_in(path: Path, say: Callable[..., None]) -> RoomFile:
    from sidecar.stores.roomfile import RoomFile  # noqa: PLC0415 - SQLite: a megabyte that nobody needs who stores nothing

    return RoomFile(path, say)


def _file(exchange: Exchange, found: Outcome) -> Outcome:
    if isinstance(found, Refusal):
        return found
    return roompages.unless_known(found, exchange.head.all("If-None-Match"))


async def _said(outcome: Outcome) -> Outcome:
    return outcome
