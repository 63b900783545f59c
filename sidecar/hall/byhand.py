"""What operators have set in waiting rooms by hand: a phase before its time, visitors who are held until an end.

Stands beside the hall, which goes by the clock. It is written down before it counts, so a room that was closed by hand is closed after a
kill -9, whatever else was lost with it; a phase is called to mind while it is not the clock's as well, and who is held goes on at the end.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sidecar.instant import rfc3339
from sidecar.policy.credentials import PlaceId
from sidecar.policy.room import ORDER, Phase
from sidecar.policy.visitors import Event, Why, Word
from sidecar.stores.orders import UnwritableError
from sidecar.tasks import spawn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sidecar.hall import Hall
    from sidecar.hall.house import House
    from sidecar.ports import Clock, Log
    from sidecar.stores.orders import OrdersFile

SECTION: Final = "rooms"
HOLDS_MOST: Final = 500  # people whom an operator has looked at one by one; more are a script that has gone wrong
_BEAT_S: Final = 1.0  # an end comes a second late at most


@dataclass(frozen=True, slots=True)
class Hand:
    """A phase that was set by hand. `since` is monotonic."""

    room: str
    phase: Phase
    since: float
    actor: str
    reason: str
    remind_s: float


@dataclass(frozen=True, slots=True)
class Hold:
    """Somebody who is held until `end`, monotonic seconds; `epoch` is that of the room in which he has this place."""

    room: str
    epoch: bytes
    place: PlaceId
    end: float
    actor: str
    reason: str


class ByHand:
    """One process's. `told` hears of everybody whose hold has ended by itself."""

    def __init__(self, hall: Hall, clock: Clock, log: Log, file: OrdersFile) -> None:
        self._hall, self._clock, self._log, self._file = hall, clock, log, file
        self._hands: dict[str, Hand] = {}
        self._holds: list[Hold] = []
        self._reminded: dict[str, float] = {}
        self._ordering = asyncio.Lock()
        self._timer: asyncio.TimerHandle | None = None
        self.told: Callable[[Hold], None] | None = None

    def __repr__(self) -> str:
        return f"<ByHand {' '.join(map(str, self._hands)) or 'no room'}, {len(self._holds)} held>"

    # --- what operators order

    async def set(self, house: House, hand: Hand) -> str | None:
        """Let a room go on to a phase; None where it is there already, or further.

        Returns "" where that outlives the process, else why it does not. Raises UnwritableError; then nothing has changed.
        """
        async with self._ordering:
            if ORDER.index(hand.phase) <= ORDER.index(house.room.phase):
                return None
            kept = await self._write([*(each for each in self._hands.values() if each.room != hand.room), hand])
            self._hands[hand.room] = hand
            self._reminded.pop(hand.room, None)
            house.room.set_phase(hand.phase)
            self._hall.tick()
            self._wind()
        return kept

    async def hold(self, house: House, hold: Hold) -> str | None:
        """Hold somebody; None where one like him cannot be, or too many are. Returns and raises as `set` does."""
        async with self._ordering:
            if len(self._holds) >= HOLDS_MOST:
                return None
            kept = await self._write(holds=[*self._holds, hold])
            if house.room.happen(hold.place, Event.HOLD, Why.OPERATOR) is not Word.NEEDS_ACTION:
                await self._write()
                return None
            self._holds.append(hold)
            self._wind()
        return kept

    async def let_go(self, house: House, place: PlaceId) -> str | None:
        """Let somebody go on who is held, for whatever reason; None where he is not. Returns and raises as `set` does."""
        async with self._ordering:
            left = [each for each in self._holds if self._place(each) != (house, place)]
            kept = await self._write(holds=left)
            self._holds = left
        return None if house.room.happen(place, Event.REMEDY) is None else kept

    # --- what stands

    def of_room(self, name: str) -> Hand | None:
        """Return what was set by hand in a room, None where nothing was, or the clock says so by now."""
        return self._hands.get(name)

    def of_place(self, house: House, place: PlaceId) -> Hold | None:
        """Return who holds somebody, and until when."""
        return next((each for each in self._holds if self._place(each) == (house, place)), None)

    def _place(self, hold: Hold) -> tuple[House, PlaceId] | None:
        """Return where somebody stands now who was held; None where that room is gone."""
        house = self._hall.houses.get(hold.room)
        if house is None or house.room.epoch != hold.epoch or not house.room.knows(hold.place):
            return None
        return house, house.room.follow(hold.place)

    # --- what outlives the process

    def restore(self) -> None:
        """Let hold again what held when the process ended. Garbage is put aside."""
        said = self._file.section(SECTION)
        if said is None:
            return
        try:
            hands = [self._hand(each) for each in said["phases"]]
            self._holds = [self._held(each) for each in said["holds"]]
        except (ValueError, KeyError, TypeError) as error:
            self._file.put_aside(f"{SECTION}: {type(error).__name__} {error}")
            return
        for hand in hands:
            house = self._hall.houses.get(hand.room)
            if house is not None:
                house.room.set_phase(hand.phase)
                self._hands[hand.room] = hand
                self._log.event("room_restored", **self._facts(hand))
        self._hall.tick()
        self._beat()

    def _hand(self, said: Any) -> Hand:
        return Hand(
            str(said["room"]),
            Phase(said["state"]),
            self._clock.now() - (self._clock.wall() - float(said["since"])),
            str(said["actor"]),
            str(said["reason"]),
            float(said["remind_s"]),
        )

    def _held(self, said: Any) -> Hold:
        lane, seq = said["place"]
        end = self._clock.now() + (float(said["until"]) - self._clock.wall())
        place = PlaceId(int(lane), int(seq))
        return Hold(
            str(said["room"]), bytes.fromhex(said["epoch"]), place, end, str(said["actor"]), str(said["reason"])
        )

    async def _write(self, hands: Iterable[Hand] | None = None, holds: Iterable[Hold] | None = None) -> str:
        ahead_s = self._clock.wall() - self._clock.now()
        phases = [
            {
                "room": each.room,
                "state": each.phase.value,
                "since": each.since + ahead_s,
                "actor": each.actor,
                "reason": each.reason,
                "remind_s": each.remind_s,
            }
            for each in (self._hands.values() if hands is None else hands)
        ]
        held = [
            {
                "room": each.room,
                "epoch": each.epoch.hex(),
                "place": list(each.place),
                "until": each.end + ahead_s,
                "actor": each.actor,
                "reason": each.reason,
            }
            for each in (self._holds if holds is None else holds)
        ]
        return await self._file.write(SECTION, {"phases": phases, "holds": held} if phases or held else None)

    async def _write_what_is_left(self) -> None:
        """Write down that something is over. Where that fails, it is over all the same, and so it is found after a restart."""
        async with self._ordering:
            try:
                await self._write()
            except UnwritableError as error:
                self._log.event("orders_not_written", why=str(error))

    # --- what time does

    def close(self) -> None:
        """Stop the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wind(self) -> None:
        self.close()
        if self._hands or self._holds:
            self._timer = asyncio.get_running_loop().call_later(_BEAT_S, self._beat)

    def _beat(self) -> None:
        now = self._clock.now()
        before = len(self._hands) + len(self._holds)
        self._hands = {name: each for name, each in self._hands.items() if self._is_by_hand(name)}
        self._holds = [each for each in self._holds if self._is_held(each, now)]
        for hand in self._hands.values():
            if now - self._reminded.get(hand.room, hand.since) >= hand.remind_s:
                self._reminded[hand.room] = now
                self._log.event("room_by_hand", **self._facts(hand))
        if len(self._hands) + len(self._holds) < before:
            spawn(self._write_what_is_left(), "orders")
        self._wind()

    def _is_by_hand(self, name: str) -> bool:
        house = self._hall.houses.get(name)
        return house is not None and house.room.is_by_hand

    def _is_held(self, hold: Hold, now: float) -> bool:
        """Say whether somebody is held still; at the end he goes on, with the place that he had."""
        found = self._place(hold)
        if found is None:
            return False
        house, place = found
        lane = house.room.lanes[place.lane]
        if lane.word(place.seq) is not Word.NEEDS_ACTION or lane.why(place.seq) is not Why.OPERATOR:
            return False
        if now < hold.end:
            return True
        house.room.happen(place, Event.REMEDY)
        if self.told is not None:
            self.told(hold)
        return False

    def _facts(self, hand: Hand) -> dict[str, str]:
        return {
            "room": hand.room,
            "state": hand.phase.value,
            "since": rfc3339(self._clock.wall() - (self._clock.now() - hand.since)),
            "by": hand.actor,
            "reason": hand.reason,
            "remedy": "it only goes on: sidecar room set NAME STATE; the clock takes over where opens and closes are written",
        }
