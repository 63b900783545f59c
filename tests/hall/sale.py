"""A room with people before it, on made-up time: what they send, what they are told, and what an operator has stopped.

Stands under the tests of the hall. It sends requests to the hall itself and asks it about calls; it knows no rule of a room.
"""

from __future__ import annotations

import asyncio
import hmac
from base64 import urlsafe_b64encode
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import orjson

from sidecar.hall import Hall
from sidecar.model import Answer, Call, Dialect, Exchange, Peer, Refusal, Standing
from sidecar.plan import AccountPlan, CoverPlan, RoomPlan
from sidecar.policy import identities
from sidecar.policy.admission import Backing
from tests.support.world import KEYS, WALL_S, Body, Recorder, Scene, head

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sidecar.model import Outcome
    from sidecar.policy.tokens import Keys

ROOMS: Final = "/.sidecar/rooms"
SECRET: Final = "a secret of thirty-two bytes or a few more"
COVER: Final = CoverPlan("tickets", ("Reserve*",), (("perf", frozenset({"1201"})),))
HAMLET: Final = RoomPlan(
    "hamlet", covers=(COVER,), opens=WALL_S - 60.0, remedy="https://shop.example/signin", invites=SECRET
)
BY_SESSION: Final = AccountPlan("session")
FIREFOX, SAFARI = "Firefox", "Safari"


class Clock:
    """The loop's time, and a time of day that goes with it until a test lets it step."""

    ahead_s = 0.0

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    def wall(self) -> float:
        return WALL_S + self.now() - 1000.0 + self.ahead_s


def signed(secret: str = SECRET, *, until: float = WALL_S + 3600.0, **claims: object) -> str:
    """Return what a shop signs, HS256."""
    parts = [{"alg": "HS256"}, {"exp": until, **claims}]
    text = b".".join(urlsafe_b64encode(orjson.dumps(part)).rstrip(b"=") for part in parts)
    mac = hmac.digest(secret.encode(), text, "sha256")
    return (text + b"." + urlsafe_b64encode(mac).rstrip(b"=")).decode()


class Visitor:
    """What one browser keeps: its place and its pass."""

    def __init__(self, sale: Sale, agent: str = FIREFOX, peer: str = "192.0.2.1") -> None:
        self.sale, self.agent, self.peer = sale, agent, peer
        self.place: str | None = None
        self.pass_: str | None = None
        self.last: Any = None

    async def send(self, verb: str, body: object = None, *, method: str = "POST", **more: str) -> Any:
        """Ask for something of the room; returns what is said, or the refusal."""
        outcome = await self.sale.request(verb, body, method=method, by=self, **more)
        if isinstance(outcome, Refusal):
            return outcome
        self.last = orjson.loads(b"".join(outcome.body))
        self.place = self.last["queue"].get("place", self.place)
        self.pass_ = self.last.get("pass", {}).get("token", self.pass_)
        return self.last

    async def join(self, **body: object) -> Any:
        return await self.send("join", body or None)

    async def poll(self, query: str = "") -> Any:
        return await self.send(f"place{query}", method="GET")

    async def word(self) -> str:
        """Poll, and return the one word."""
        said = await self.poll()
        return str(said["queue"]["visitor"] if isinstance(said, dict) else said.state)

    async def admitted(self, **body: object) -> Any:
        """Join, wait until the call, and claim."""
        await self.join(**body)
        while await self.word() != "called":
            await self.sale.go(1.0)
        return await self.send("claim")

    def call(self, text: str = "Reserve perf=1201", **more: Any) -> Refusal | None:
        return self.sale.ask(text, by=self, **more)


class Sale:
    """`plans` are the rooms. Made inside a running loop; `Sale` ticks as soon as it is made."""

    def __init__(self, *plans: RoomPlan, keys: Keys = KEYS, store: str | None = None, start: bool = True) -> None:
        self.plans, self.clock, self.log = plans or (HAMLET,), Clock(), Recorder()
        self.scene = Scene()
        self.backing = Backing()
        memory = self.scene.memory
        self.hall = Hall(self.clock, self.log, lambda: 0.5, memory, lambda _: self.backing, store)
        self.hall.bound(self.plans, keys, frozenset({"https://shop.example"}), https=False)
        self.scene.lookups[f"{ROOMS}/"] = self.hall
        self.scene.world = replace(self.scene.world, rooms=self.hall)
        if start:
            self.hall.start()

    @property
    def house(self) -> Any:
        return next(iter(self.hall.houses.values()))

    async def go(self, seconds: float) -> None:
        """Let time go by."""
        await asyncio.sleep(seconds)

    def visitor(self, agent: str = FIREFOX, peer: str = "192.0.2.1") -> Visitor:
        return Visitor(self, agent, peer)

    async def visitors(self, count: int) -> list[Visitor]:
        """Let so many come, one after the other, each from an address of his own, and ask twice."""
        found = [self.visitor(peer=f"198.51.{number >> 8}.{number & 255}") for number in range(count)]
        for each in found:
            await each.join()
            await each.poll()
        return found

    async def request(
        self,
        verb: str,
        body: object = None,
        *,
        method: str = "GET",
        by: Visitor | None = None,
        room: str = "",
        media: str = "application/json",
        may_write: bool = True,
        **headers: str,
    ) -> Outcome:
        """Send one request to the hall, and return its outcome."""
        lines = [(name.replace("_", "-"), value) for name, value in headers.items()]
        if by is not None:
            lines += [("User-Agent", by.agent)]
            lines += [("Sidecar-Place", by.place)] if by.place and "Sidecar_Place" not in headers else []
            lines += [("Sidecar-Pass", by.pass_)] if by.pass_ and "Sidecar_Pass" not in headers else []
        data = body if isinstance(body, bytes) else b"" if body is None else orjson.dumps(body)
        if data:
            lines.append(("Content-Type", media))
        path = f"{ROOMS}/{room or self.plans[0].name}" + (f"/{verb}" if verb else "")
        exchange = self.exchange(method, path, lines, data, by.peer if by is not None else "192.0.2.1")
        exchange.may_write = may_write
        return await self.hall(exchange)

    def exchange(
        self, method: str, path: str, lines: Sequence[tuple[str, str]], data: bytes = b"", peer: str = "192.0.2.1"
    ) -> Exchange:
        found = Exchange(head(method, path, lines), Body(data), Peer(peer, tls=False), self.clock.now())
        found.standing, found.client = Standing(peer), peer
        return found

    def ask(
        self,
        text: str,
        *,
        by: Visitor | None = None,
        session: str | None = None,
        account: str | None = None,
        known: bool = True,
        named: str | None = None,
        members: tuple[str, ...] = (),
        ends: bool = True,
        under_way: bool = False,
        begun_as: tuple[bytes, ...] | None = None,
        **headers: str,
    ) -> Refusal | None:
        """Ask at the gate about a call: `Operation name=value …`. `ends`: its connection is free again at once."""
        exchange = self.called(
            text, by=by, session=session, account=account, known=known, named=named, members=members, **headers
        )
        exchange.under_way, exchange.begun_as = under_way, begun_as
        refused = self.hall.ask(exchange)
        if ends:
            for done in exchange.done:
                done()
        return refused

    def called(
        self,
        text: str,
        *,
        by: Visitor | None = None,
        session: str | None = None,
        account: str | None = None,
        known: bool = True,
        named: str | None = None,
        members: tuple[str, ...] = (),
        **headers: str,
    ) -> Exchange:
        """Return a call on its way."""
        name, *words = text.split()
        lines = [(header.replace("_", "-"), value) for header, value in headers.items()]
        if by is not None:
            lines += [("User-Agent", by.agent)] + ([("Sidecar-Pass", by.pass_)] if by.pass_ else [])
            lines += [("Sidecar-Place", by.place)] if by.place else []
        exchange = self.exchange("POST", "/tickets", lines, text.encode(), by.peer if by is not None else "192.0.2.1")
        if named is not None:
            exchange.standing = Standing(named, named=True)
            exchange.client = named
        exchange.backend = "tickets"
        given = dict(word.split("=") for word in words)
        exchange.call = Call("tickets", "", name, Dialect.SOAP11, members, parameters=given, client="x")
        if session is not None:
            exchange.shown = identities.session(session)
            exchange.client = "identity:x" if known and named is None else exchange.client
        if account is not None:
            exchange.shown = f"header Authorization {account}".encode()
        return exchange


def queue(refused: Refusal | None) -> dict[str, object]:
    """Return what a refusal says of its caller."""
    assert refused is not None
    assert refused.room is not None
    return dict(refused.room.queue)


def told(outcome: object) -> tuple[str, str | None]:
    """Return state and reason of a refusal."""
    assert isinstance(outcome, Refusal), outcome
    return outcome.state, outcome.reason


def lines(answer: Outcome) -> dict[str, str]:
    """Return the header lines of an answer; of several cookies the last."""
    assert isinstance(answer, Answer), answer
    return {name.decode(): value.decode() for name, value in answer.headers}
