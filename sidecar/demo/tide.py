"""The crowds that a visitor of the shop sends: a rush of so many people, a tide that he turns up and down, or an on-sale's thousands.

It stands behind the shop's own doors. It answers at once, lets one of each kind run at a time, and each ends by itself.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sidecar.demo.crowd import Crowd, Rush
from sidecar.demo.onsale import PEOPLE_MAX, OnSale

if TYPE_CHECKING:
    from collections.abc import Callable

    from sidecar.demo.onsale import Wish
    from sidecar.demo.tally import Report

RUSH_PEOPLE_MAX = 600
RUSH_MAX_S = 10.0
TIDE_RATE_MAX = 400.0  # people a second: four times what the box office can serve, and about what one core can act out
TIDE_MAX_S = 60.0  # from the last word of the page: where nobody turns it any more, it ends
TIDE_PEOPLE_MAX = 1_000_000
# Peer Gynt is left to the visitor: a crowd like this one has sold out any evening within a minute.
TIDE_EVENINGS = (1201, 1202)


class AskError(ValueError):
    """A request to the shop's own doors that does not fit; the text says what would."""


class BusyError(AskError):
    """It fits, but not now."""


class Tide:
    """`to(past)` returns the two endpoints that a crowd calls: behind the sidecar's, or `past` it the box office's own; `onsale()`
    the crowd that comes to a waiting room.
    """

    def __init__(self, to: Callable[[bool], tuple[str, str]], onsale: Callable[[], Wish] | None = None) -> None:
        self._to, self._onsale = to, onsale
        self._sale: OnSale | None = None
        self._sale_task: asyncio.Task[None] | None = None
        self._crowd: Crowd | None = None
        self._tide: asyncio.Task[Report] | None = None
        self.last_rush: asyncio.Task[Report] | None = None

    def __repr__(self) -> str:
        return f"<Tide {self._crowd!r}>"

    def rush(self, wish: dict[str, Any]) -> dict[str, Any]:
        """Start a crowd of `people` within `for_s` seconds; one at a time. Raises `AskError`."""
        people, past = wish.get("people", 100), wish.get("past", False) is True
        if not isinstance(people, int) or not 1 <= people <= RUSH_PEOPLE_MAX:
            raise AskError(f"people must be a number from 1 to {RUSH_PEOPLE_MAX}")
        for_s = _seconds(wish.get("for_s", 2.0), RUSH_MAX_S)
        if self.last_rush is not None and not self.last_rush.done():
            raise BusyError("a crowd is already on its way: wait for it")
        tickets, boxrpc = self._to(past)
        rush = Rush(tickets, boxrpc, rate=people / for_s, for_s=for_s, people_max=people, patience_s=10, grace_s=10)
        self.last_rush = _task(Crowd(rush), "shop: rush")
        return {"people": people, "for_s": for_s, "past": past}

    def turn(self, wish: dict[str, Any]) -> dict[str, Any]:
        """Let `rate` people a second come, for `for_s` seconds from now; 0 is the end of it. Raises `AskError`."""
        rate = wish.get("rate")
        if not isinstance(rate, int | float) or isinstance(rate, bool) or not 0 <= rate <= TIDE_RATE_MAX:
            raise AskError(f"rate must be a number of people a second from 0 to {TIDE_RATE_MAX:.0f}")
        for_s = _seconds(wish.get("for_s", TIDE_MAX_S), TIDE_MAX_S)
        if self._crowd is not None and self._crowd.rate > 0:
            self._crowd.steer(rate, for_s)
        elif rate > 0:
            self._begin(rate, for_s)
        return {"rate": rate, "for_s": for_s}

    def sale(self, wish: dict[str, Any]) -> dict[str, Any]:
        """Let `people` come to the waiting room; one such crowd at a time. Raises `AskError`."""
        people = wish.get("people", PEOPLE_MAX)
        if not isinstance(people, int) or isinstance(people, bool) or not 1 <= people <= PEOPLE_MAX:
            raise AskError(f"people must be a number from 1 to {PEOPLE_MAX}")
        if self._onsale is None:
            raise AskError("there is no waiting room here")
        if self._sale_task is not None and not self._sale_task.done():
            raise BusyError("the crowd of this on-sale is already there")
        self._sale = OnSale(replace(self._onsale(), people=people))
        self._sale_task = asyncio.get_running_loop().create_task(self._sale.run(), name="shop: on-sale")
        return {"people": people}

    def sale_json(self) -> dict[str, Any] | None:
        """Return what has become of the on-sale's crowd, None where none has come."""
        return None if self._sale is None else self._sale.json()

    def json(self) -> dict[str, Any]:
        """Return how many come each second, how many are here, and what has become of all since the tide began."""
        if self._crowd is None:
            return {"rate": 0.0, "here": 0, "people": 0, "served": 0, "good_answers": 0}
        report = self._crowd.report
        return {
            "rate": self._crowd.rate,
            "here": self._crowd.present,
            "people": report.people,
            "served": report.served,
            "good_answers": report.good.total(),
        }

    async def close(self) -> None:
        """Send everybody home."""
        tasks = [task for task in (self._tide, self.last_rush, self._sale_task) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _begin(self, rate: float, for_s: float) -> None:
        if self._tide is not None:
            self._tide.cancel()  # those of the last one who are still there
        tickets, boxrpc = self._to(False)
        rush = Rush(tickets, boxrpc, rate, for_s, people_max=TIDE_PEOPLE_MAX, evenings=TIDE_EVENINGS)
        self._crowd = Crowd(rush)
        self._tide = _task(self._crowd, "shop: tide")


def _task(crowd: Crowd, name: str) -> asyncio.Task[Report]:
    return asyncio.get_running_loop().create_task(crowd.run(), name=name)


def _seconds(value: Any, most: float) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= most:
        return value
    raise AskError(f"for_s must be a number of seconds up to {most:.0f}")
