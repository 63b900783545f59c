"""The crowd that comes when a sale opens: people arrive as a Poisson stream and wait for nobody but themselves.

It stands in front of the road. Who is told when to come back comes back then, with the place that he was given; who is told
nothing goes home. It is bounded in people, in time and in how many ask at once, and it says how many it had to leave out.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp

from sidecar.demo.tally import Report
from sidecar.demo.voices import DIALECTS, NO_RESPONSE, Heard, hear, say

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sidecar.demo.operations import Args
    from sidecar.demo.voices import Words

EVENINGS = (1201, 1202, 1206)
LATE_S = 0.2  # nobody comes back on the very second: a crowd that did would be a rush of its own
# a person: key, season, and for half of them seats and payment; each step only after the one before


@dataclass(frozen=True, slots=True)
class Rush:
    """How many come, for how long, where to; `rate` is people a second, each making two to four calls.

    `swell`: what `rate` is multiplied with, over as many equal parts of the time.
    """

    tickets: str  # URL of the SOAP endpoint; its HTTP-POST operations lie below it
    boxrpc: str  # URL of the XML-RPC endpoint
    rate: float = 40.0
    for_s: float = 20.0
    swell: tuple[float, ...] = (1.0,)
    people_max: int = 5000
    at_once_max: int = 600  # sockets of this process: who comes while so many calls are out is counted as left out
    patience_s: float = (
        30.0  # how long a person waits for one answer, and how long after he first asked he still comes back
    )
    grace_s: float = 10.0  # after the last arrival; whoever still stands there then is sent home
    buyers: float = 0.5
    evenings: tuple[int, ...] = EVENINGS
    dialects: tuple[str, ...] = DIALECTS
    seed: int | None = None


@dataclass(slots=True)
class _Person:
    dialect: str
    headers: Mapping[str, str]
    got: bool = False  # any answer that he could use


class Crowd:
    """One rush; `run` returns the report, `report` can be read while it goes on, and `steer` changes how many come."""

    def __init__(self, rush: Rush) -> None:
        self.rush = rush
        self.report = Report()
        self.present = 0
        self._out = 0  # calls
        self._rng = random.Random(rush.seed)
        self._rates = [rush.rate * factor for factor in rush.swell]
        self._began = self._until = 0.0
        self._turned = asyncio.Event()  # somebody has steered

    def __repr__(self) -> str:
        return f"<Crowd {self.present} here, {self.report.people} came, {self.report.served} were served>"

    @property
    def rate(self) -> float:
        """People a second now; 0 when no more come."""
        now = asyncio.get_running_loop().time()
        return self._rate(now) if now < self._until else 0.0

    def steer(self, rate: float, for_s: float) -> None:
        """Let `rate` people a second come from now on, for so many seconds more; 0 ends it. One that has ended does not begin again."""
        now = asyncio.get_running_loop().time()
        if rate > 0:
            self._rates, self._until = [rate], now + for_s
        else:
            self._until = now
        self._turned.set()

    async def run(self) -> Report:
        """Let people come for `for_s` seconds, wait `grace_s` for the last of them, and count."""
        connector = aiohttp.TCPConnector(limit=self.rush.at_once_max)
        timeout = aiohttp.ClientTimeout(total=self.rush.patience_s)
        loop = asyncio.get_running_loop()
        self._began = loop.time()
        self._until = self._began + self.rush.for_s
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

    def _rate(self, now: float) -> float:
        return self._rates[min(len(self._rates) - 1, self._part(now))]

    def _part(self, now: float) -> int:
        """Return in which part of the time `now` is; the time after the last arrival is one more."""
        parts = len(self.rush.swell)
        return min(parts, int((now - self._began) / self.rush.for_s * parts))

    async def _arrivals(self, http: aiohttp.ClientSession, group: asyncio.TaskGroup) -> set[asyncio.Task[None]]:
        loop = asyncio.get_running_loop()
        present: set[asyncio.Task[None]] = set()
        next_at = loop.time()
        while next_at < self._until and self.report.people + self.report.left_out < self.rush.people_max:
            self._turned.clear()
            # the next arrival counts from the last one's due time: a busy loop must not thin the stream out
            next_at += self._rng.expovariate(self._rate(next_at))
            if not await self._until_due(next_at):
                next_at = loop.time()  # how long until the next one was drawn for another rate
            elif next_at < self._until and self._out >= self.rush.at_once_max:
                self.report.left_out += 1
            elif next_at < self._until:
                self.report.people += 1
                person = group.create_task(self._come(http, self.report.people))
                present.add(person)
                person.add_done_callback(present.discard)
        return present

    async def _until_due(self, at: float) -> bool:
        """Wait until then, or until the end; False where somebody steered meanwhile."""
        wait_s = min(at, self._until) - asyncio.get_running_loop().time()
        if wait_s <= 0:
            await asyncio.sleep(0)
            return True
        try:
            async with asyncio.timeout(wait_s):
                await self._turned.wait()
        except TimeoutError:
            return True
        return False

    async def _come(self, http: aiohttp.ClientSession, number: int) -> None:
        """Be one of the crowd, with an address of one's own."""
        # as a web server in front writes it: else all were one client, who may not fill the line
        address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        person = _Person(self._rng.choice(self.rush.dialects), {"X-Forwarded-For": address})
        self.present += 1
        try:
            served = await self._visit(http, person)
            self.report.served += served  # not in one line: what was read before the wait would be written after it
        finally:
            self.present -= 1
            self.report.nothing += not person.got

    async def _visit(self, http: aiohttp.ClientSession, person: _Person) -> bool:
        """Go as far as the answers let one go; returns whether that was as far as one wanted."""
        buys, evening, seats = (
            self._rng.random() < self.rush.buyers,
            self._rng.choice(self.rush.evenings),
            self._rng.randint(1, 4),
        )
        opened = await self._call(http, person, "GetNewSessionKey", {"sIP": "192.0.2.7"})
        season = await self._call(http, person, "GetPerformances", {"sStartDate": "", "sEndDate": ""})
        if not (buys and season.good and opened.key):
            return season.good and opened.good
        wish: Args = {
            "sWebSessionID": opened.key,
            "sPriceType": "A",
            "iPerformanceNumber": evening,
            "iNumberOfSeats": seats,
            "iZone": 1,
        }
        got = await self._call(http, person, "ReserveTickets", wish)
        if not (got.good and got.number):
            return got.good  # sold out is an answer
        self.report.seats += got.number
        card: Args = {"iCCType": 1, "iCCMonth": 12, "iCCYear": 2030}
        card = {"sSessionKey": opened.key, "sCCOwner": "A. Visitor", "sCCNumber": "4111111111111111", **card}
        paid = await self._call(http, person, "Checkout", card)
        self.report.orders += bool(paid.good and paid.number)
        return bool(paid.good and paid.number)

    async def _call(self, http: aiohttp.ClientSession, person: _Person, operation: str, args: Args) -> Heard:
        """Ask, and come back as often as one is told to and has patience for."""
        words, loop = say(person.dialect, operation, args), asyncio.get_running_loop()
        began = loop.time()
        heard = await self._ask(http, person, words, {})
        while heard.after_s is not None and loop.time() + heard.after_s < began + self.rush.patience_s:
            await asyncio.sleep(heard.after_s + self._rng.random() * LATE_S)
            shown = {} if heard.place is None else {"Sidecar-Place": heard.place}
            self.report.back(with_place=bool(shown))
            heard = await self._ask(http, person, words, shown)
        person.got |= heard.good
        if heard.state != NO_RESPONSE:
            self.report.waits_s.append(loop.time() - began)
        return heard

    async def _ask(self, http: aiohttp.ClientSession, person: _Person, words: Words, shown: Mapping[str, str]) -> Heard:
        url = (self.rush.tickets if words.endpoint == "tickets" else self.rush.boxrpc) + words.path
        self._out += 1
        try:
            headers = {**words.headers, **person.headers, **shown}
            async with http.post(url, data=words.body, headers=headers) as reply:
                heard = hear(reply.status, reply.headers, await reply.read())
        except (aiohttp.ClientError, TimeoutError):
            heard = Heard(NO_RESPONSE, False, None, None)
        finally:
            self._out -= 1
        self.report.count(person.dialect, heard, self._part(asyncio.get_running_loop().time()))
        return heard
