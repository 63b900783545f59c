"""The crowd that comes when a sale opens: people arrive as a Poisson stream and wait for nobody but themselves.

It stands in front of the road. It answers a report of what reached people, by state and dialect; it is bounded in
people, in time and in how many stand there at once, and it says how many it had to leave out.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp

from sidecar.demo.voices import DIALECTS, UNMARKED, hear, say

if TYPE_CHECKING:
    from sidecar.demo.operations import Args
    from sidecar.demo.voices import Heard

NO_RESPONSE = "(no response)"
EVENINGS = (1201, 1202, 1206)
# a person: key, season, and for half of them seats and payment; each step only after the one before


@dataclass(frozen=True, slots=True)
class Rush:
    """How many come, for how long, where to; `rate` is people a second, each making two to four calls."""

    tickets: str  # URL of the SOAP endpoint; its HTTP-POST operations lie below it
    boxrpc: str  # URL of the XML-RPC endpoint
    rate: float = 40.0
    for_s: float = 20.0
    people_max: int = 5000
    at_once_max: int = 600  # sockets of this process: people beyond it are counted as left out
    patience_s: float = 30.0  # how long a person waits for one answer
    grace_s: float = 10.0  # after the last arrival; whoever still stands there then is sent home
    buyers: float = 0.5
    dialects: tuple[str, ...] = DIALECTS
    seed: int | None = None


@dataclass(slots=True)
class Report:
    """What reached people."""

    people: int = 0
    left_out: int = 0
    sent_home: int = 0
    calls: int = 0
    seats: int = 0  # reserved, as people were told
    orders: int = 0  # confirmed to people
    states: Counter[str] = field(default_factory=Counter)
    by_dialect: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    waits_s: list[float] = field(default_factory=list)

    def json(self) -> dict[str, Any]:
        """Return the report as plain values; waits as percentiles in seconds, null where nobody was answered."""
        return {
            "people": self.people,
            "left_out": self.left_out,
            "sent_home": self.sent_home,
            "calls": self.calls,
            "states": dict(self.states.most_common()),
            "by_dialect": {dialect: dict(states.most_common()) for dialect, states in sorted(self.by_dialect.items())},
            "without_state": self.states[UNMARKED] + self.states[NO_RESPONSE],
            "wait_s": {"p50": self._wait_s(0.5), "p95": self._wait_s(0.95), "max": self._wait_s(1.0)},
            "seats_reserved": self.seats,
            "orders_confirmed": self.orders,
        }

    def _wait_s(self, share: float) -> float | None:
        """Return the nearest-rank percentile."""
        if not self.waits_s:
            return None
        ranked = sorted(self.waits_s)
        return round(ranked[max(0, -(-int(share * 1000) * len(ranked) // 1000) - 1)], 3)


class Crowd:
    """One rush; `run` returns the report, `report` can be read while it goes on."""

    def __init__(self, rush: Rush) -> None:
        self.rush = rush
        self.report = Report()
        self._rng = random.Random(rush.seed)

    async def run(self) -> Report:
        """Let people come for `for_s` seconds, wait `grace_s` for the last of them, and count."""
        connector = aiohttp.TCPConnector(limit=self.rush.at_once_max)
        timeout = aiohttp.ClientTimeout(total=self.rush.patience_s)
        async with (
            aiohttp.ClientSession(connector=connector, timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as http,
            asyncio.TaskGroup() as people,
        ):
            present = await self._arrivals(http, people)
            _, late = await asyncio.wait(present, timeout=self.rush.grace_s) if present else (set(), set())
            self.report.sent_home = len(late)
            for person in late:
                person.cancel()
        return self.report

    async def _arrivals(self, http: aiohttp.ClientSession, group: asyncio.TaskGroup) -> set[asyncio.Task[None]]:
        loop = asyncio.get_running_loop()
        present: set[asyncio.Task[None]] = set()
        next_at, until = loop.time(), loop.time() + self.rush.for_s
        while self.report.people + self.report.left_out < self.rush.people_max:
            # the next arrival counts from the last one's due time: a busy loop must not thin the stream out
            next_at += self._rng.expovariate(self.rush.rate)
            if next_at >= until:
                break
            await asyncio.sleep(next_at - loop.time())
            if len(present) >= self.rush.at_once_max:
                self.report.left_out += 1
                continue
            self.report.people += 1
            person = group.create_task(self._visit(http, self._rng.choice(self.rush.dialects)))
            present.add(person)
            person.add_done_callback(present.discard)
        return present

    async def _visit(self, http: aiohttp.ClientSession, dialect: str) -> None:
        """Go as far as the answers let one go."""
        buys, evening, seats = (
            self._rng.random() < self.rush.buyers,
            self._rng.choice(EVENINGS),
            self._rng.randint(1, 4),
        )
        opened = await self._call(http, dialect, "GetNewSessionKey", {"sIP": "192.0.2.7"})
        season = await self._call(http, dialect, "GetPerformances", {"sStartDate": "", "sEndDate": ""})
        if not (buys and season.good and opened.key):
            return
        wish: Args = {
            "sWebSessionID": opened.key,
            "sPriceType": "A",
            "iPerformanceNumber": evening,
            "iNumberOfSeats": seats,
            "iZone": 1,
        }
        got = await self._call(http, dialect, "ReserveTickets", wish)
        if not (got.good and got.number):
            return
        self.report.seats += got.number
        card: Args = {"iCCType": 1, "iCCMonth": 12, "iCCYear": 2030}
        card = {"sSessionKey": opened.key, "sCCOwner": "A. Visitor", "sCCNumber": "4111111111111111", **card}
        paid = await self._call(http, dialect, "Checkout", card)
        self.report.orders += bool(paid.good and paid.number)

    async def _call(self, http: aiohttp.ClientSession, dialect: str, operation: str, args: Args) -> Heard:
        words = say(dialect, operation, args)
        url = (self.rush.tickets if words.endpoint == "tickets" else self.rush.boxrpc) + words.path
        began = asyncio.get_running_loop().time()
        try:
            async with http.post(url, data=words.body, headers=words.headers) as reply:
                heard = hear(reply.status, reply.headers.get("Sidecar-State"), await reply.read())
        except (aiohttp.ClientError, TimeoutError):
            heard = hear(0, NO_RESPONSE, b"")
        self.report.calls += 1
        self.report.states[heard.state] += 1
        self.report.by_dialect[dialect][heard.state] += 1
        if heard.state != NO_RESPONSE:
            self.report.waits_s.append(asyncio.get_running_loop().time() - began)
        return heard
