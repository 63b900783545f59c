"""A hall with an operator before it, in virtual time: rooms that people join, orders that are given, and what was written down."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

from sidecar.admin.audit import Audit
from sidecar.control import Order
from sidecar.hall import Hall
from sidecar.hall.byhand import ByHand
from sidecar.hall.rooming import Rooming
from sidecar.plan import AccountPlan, CoverPlan, RoomPlan
from sidecar.policy.admission import Backing
from sidecar.policy.visitors import Word
from sidecar.stores.keys import fresh
from sidecar.stores.orders import OrdersFile, UnwritableError
from tests.support.world import WALL_S, LoopClock, Recorder

if TYPE_CHECKING:
    from pathlib import Path

    from sidecar.control import Verdict
    from sidecar.hall.house import House
    from sidecar.policy.credentials import PlaceId
    from sidecar.policy.passes import Active

PLAN = RoomPlan(
    "hamlet",
    covers=(CoverPlan("tickets", ("*",), ()),),
    max_active=5,
    account=AccountPlan("parameter", "iCustomer"),
    lanes=(("main", 8), ("fast", 1)),
)


class DayClock(LoopClock):
    """Both clocks go on."""

    def __init__(self) -> None:
        super().__init__()
        self.began = self.now()

    def wall(self) -> float:
        return self.wall_s + self.now() - self.began


class Desk:
    """`file` None: nothing outlives the process."""

    def __init__(self, *plans: RoomPlan, file: Path | None = None) -> None:
        self.clock, self.log = DayClock(), Recorder()
        self.hall = Hall(self.clock, self.log, lambda: 0.5, cast("Any", None), lambda _: Backing(limit=50))
        self.orders = OrdersFile(file, self.log)
        self.orders.read()
        self.by_hand = ByHand(self.hall, self.clock, self.log, self.orders)
        self.audit = Audit(self.clock, self.log)
        self.rooming = Rooming(self.hall, self.by_hand, self.clock, self.audit, UnwritableError)
        self.hall.bound(plans or (PLAN,), fresh(), frozenset(), https=False)
        self.by_hand.restore()
        self.hall.start()

    @property
    def house(self) -> House:
        return self.hall.houses["hamlet"]

    async def order(self, name: str, for_s: float | None = None, **said: Any) -> Verdict:
        noun, verb = name.split()
        remind_s = said.pop("remind_s", 3600.0 if name == "room set" else None)
        return await self.rooming.carry_out(
            Order(noun, verb, {"room": "hamlet", **said}, "alice", "a test", for_s, None, remind_s)
        )

    async def open(self) -> None:
        await self.order("room set", state="open")

    def join(self, account: str = "", lane: str = "main") -> PlaceId:
        """Let somebody come, and be heard of."""
        key = self.house.account_key(f"account {account}") if account else None
        joined = self.house.join(lane, key, "", attaches=False)
        assert isinstance(joined, tuple)
        self.house.room.poll(joined.place)
        return joined.place

    async def admitted(self, place: PlaceId) -> Active:
        """Wait until it is somebody's turn, and let him come."""
        while self.house.word(place) is not Word.CALLED:
            self.house.room.poll(place)
            await asyncio.sleep(0.25)
        held = self.house.room.claim(place, b"")
        assert held is not None
        return held

    def close(self) -> None:
        self.by_hand.close()
        self.hall.close()


__all__ = ["PLAN", "WALL_S", "DayClock", "Desk"]
