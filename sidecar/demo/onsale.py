"""The crowd of a waiting room: thousands of people who join it, ask when they are told to, claim, buy, or go home.

It stands in front of the road, beside the browser. It answers how many are at what; it is bounded in people, in how many ask at once and
in time, and speaks to the sidecar on this machine alone. People are entries on one wheel, not tasks: a handful of hands turns it.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any, Final

import aiohttp

from sidecar.demo.visitor import End, Visitor, reply_of

if TYPE_CHECKING:
    from sidecar.demo.visitor import Errand

PEOPLE_MAX: Final = 20_000
HANDS: Final = 100  # how many ask at once; a hundred sockets of this machine
JOINS_PER_S: Final = 400.0  # at most, also of a crowd that comes late: two cores have to act out both sides
JOIN_SPREAD_S: Final = 60.0  # the crowd comes over a minute, or over what is left of the lobby
LAST_MINUTE_S: Final = 5.0  # before the draw nobody is on his way any more
LASTS_S: Final = 900.0  # 20 000 at 40 a second are served in less, those who leave not counted
TURN_S: Final = 0.02  # the wheel's own step
PATIENCE_S: Final = 10.0
STUMBLES_MAX: Final = 5  # answers in a row that are none: then he goes home


@dataclass(frozen=True, slots=True)
class Wish:
    """How many come to which room, and when it opens; `room` and `tickets` are addresses, `opens_in_s` may be over."""

    room: str
    tickets: str
    people: int = PEOPLE_MAX
    opens_in_s: float = 0.0
    draw_s: float = 45.0
    lasts_s: float = LASTS_S
    hands: int = HANDS
    performance: int = 1207
    seed: int | None = None


class OnSale:
    """One on-sale: `run` ends by itself, `json` may be read meanwhile."""

    def __init__(self, wish: Wish) -> None:
        self.wish = wish
        self.words: Counter[str] = Counter()  # how many are what now
        self.states: Counter[str] = Counter()  # of answers
        self.seats = self.orders = self.asked = self.done = 0
        self._rng = random.Random(wish.seed)
        self._due: list[tuple[float, int]] = []
        self._visitors: list[Visitor] = []
        self._ready: asyncio.Queue[int] = asyncio.Queue(wish.hands)

    def __repr__(self) -> str:
        return f"<OnSale {self.done} of {len(self._visitors)} are done, {self.asked} asked>"

    def json(self) -> dict[str, Any]:
        """Return how many came, what they are, and what they got."""
        return {
            "people": self.wish.people,
            "words": dict(self.words),
            "done": self.done,
            "asked": self.asked,
            "seats": self.seats,
            "orders": self.orders,
            "states": dict(self.states.most_common(12)),
        }

    async def run(self) -> None:
        """Let everybody come, and end when all are done or the time is over."""
        self._invite()
        connector = aiohttp.TCPConnector(limit=self.wish.hands)
        timeout = aiohttp.ClientTimeout(total=PATIENCE_S)
        try:
            async with (
                aiohttp.ClientSession(
                    connector=connector, timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()
                ) as http,
                asyncio.timeout(self.wish.lasts_s),
                asyncio.TaskGroup() as group,
            ):
                hands = [group.create_task(self._hand(http)) for _ in range(self.wish.hands)]
                await self._turn()
                for hand in hands:
                    hand.cancel()
        except TimeoutError:
            self.words["sent_home"] += self.wish.people - self.done

    def _invite(self) -> None:
        """Say when each of them comes: spread over what is left until the draw, and never more a second than can be acted out."""
        wish, now = self.wish, asyncio.get_running_loop().time()
        left_s = wish.opens_in_s - wish.draw_s - LAST_MINUTE_S
        over_s = max(min(left_s, JOIN_SPREAD_S) if left_s > 0 else JOIN_SPREAD_S, wish.people / JOINS_PER_S)
        for number in range(wish.people):
            self._visitors.append(Visitor.born(self._rng, number, wish.performance))
            heappush(self._due, (now + self._rng.random() * over_s, number))
        self.words["on_the_way"] = wish.people

    async def _turn(self) -> None:
        """Hand over whoever is due, until all are done."""
        loop = asyncio.get_running_loop()
        while self.done < self.wish.people:
            now = loop.time()
            while self._due and self._due[0][0] <= now:
                await self._ready.put(heappop(self._due)[1])
            await asyncio.sleep(TURN_S)

    async def _hand(self, http: aiohttp.ClientSession) -> None:
        """Do one errand after the other for whoever is due."""
        loop = asyncio.get_running_loop()
        while True:
            number = await self._ready.get()
            visitor = self._visitors[number]
            before = visitor.word
            after = await self._errand(http, visitor)
            self.words[before] -= 1
            if isinstance(after, End):
                self.words[after.word] += 1
                self.done += 1
            else:
                self.words[visitor.word] += 1
                heappush(self._due, (loop.time() + after, number))

    async def _errand(self, http: aiohttp.ClientSession, visitor: Visitor) -> float | End:
        """Let somebody ask once; returns in how many seconds he does the next thing, or how it ended for him."""
        errand = visitor.errand()
        if isinstance(errand, End):
            return errand
        self.asked += 1
        try:
            said = await self._ask(http, errand, visitor)
        except (aiohttp.ClientError, TimeoutError, ValueError):
            self.states["(no response)"] += 1
            said = None
        if said is not None:
            self.states[said.state] += 1
        seats, orders = visitor.seats, visitor.orders
        after = visitor.heard(said, self._rng, STUMBLES_MAX)
        self.seats += visitor.seats - seats
        self.orders += visitor.orders - orders
        return after

    async def _ask(self, http: aiohttp.ClientSession, errand: Errand, visitor: Visitor) -> Any:
        url = (self.wish.room if errand.of_room else self.wish.tickets) + errand.path
        async with http.request(
            errand.method, url, data=errand.body, headers={**errand.headers, "X-Forwarded-For": visitor.address}
        ) as reply:
            return reply_of(reply.headers, await reply.read())
