"""A World without an outside: virtual time, a log that remembers, a backend that does what the test says; slots and flights are real.

Stands under every test of a stage or a lane. `Scene` makes the calls; the test plays the backend with its verbs.
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from itertools import count
from typing import TYPE_CHECKING, Any, Self

from multidict import CIMultiDict

from sidecar.answers import Entry, Fold, Keying, Question, Shared
from sidecar.buffers import Buffers
from sidecar.described import Described
from sidecar.flights import Flights
from sidecar.hall import Hall
from sidecar.headcount import Headcount
from sidecar.model import (
    Account,
    Answer,
    Call,
    Dialect,
    Exchange,
    Executed,
    Failed,
    Flight,
    Grade,
    Head,
    Outbound,
    Peer,
    Progress,
    Protocol,
    Received,
    Refusal,
    Seat,
    Standing,
    Stream,
    Track,
)
from sidecar.plan import BackendPlan, OperationPlan, Plan, Scope
from sidecar.policy.admission import Backing
from sidecar.policy.overrides import Observed
from sidecar.policy.tokens import Key, Keys
from sidecar.ports import Asked, AttemptLimits, Classified, Facts, Offered, Rendered, World
from sidecar.stores.answers import MemoryAnswers
from sidecar.stores.breakers import MemoryBreakers
from sidecar.stores.deeds import MemoryDeeds
from sidecar.stores.injections import MemoryInjections
from sidecar.stores.memory import MemoryIdentities, MemoryPressure
from sidecar.stores.orders import OrdersFile
from sidecar.stores.pauses import HeldPauses
from sidecar.stores.places import SignedPlaces
from sidecar.stores.purchases import MemoryPurchases
from sidecar.stores.rates import MemoryRates
from sidecar.stores.retries import MemoryRetries
from sidecar.stores.slots import MemorySlots
from sidecar.watch.explaining import Explaining
from sidecar.watch.watching import Watching
from sidecar.web.booklet import Booklet

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from sidecar.model import Outcome, RawHeaders, Reply
    from sidecar.ports import Documents

WALL_S = 1_796_115_600.0
"""1 December 2026, 09:00:00 UTC: when the sale opens."""

OK_BODY = b"<ok/>"
OK = Received(200, "OK", ((b"Content-Type", b"text/xml"),), (OK_BODY,), len(OK_BODY))
RESET = Failed("outcome_unknown", "reset", "the backend closed the connection without an answer", sent=True)
REFUSED = Failed("backend_unreachable", "refused", "no connection", sent=False)


class LoopClock:
    """The running loop's time, so that a virtual loop rules everything."""

    def now(self) -> float:
        """Return the loop's seconds."""
        return asyncio.get_running_loop().time()

    def __init__(self) -> None:
        self.wall_s = WALL_S

    def wall(self) -> float:
        """Return a fixed moment, until a test moves it."""
        return self.wall_s


class Recorder:
    """A log that keeps what it was told, in order."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, object]]] = []

    def event(self, name: str, **facts: object) -> None:
        """Keep one line."""
        self.events.append((name, facts))

    def write(self, lines: bytes, count: int = 1) -> None:
        """Keep lines that came whole, as if their facts had come one by one."""
        kept = [json.loads(line) for line in lines.splitlines()]
        assert len(kept) == count
        self.events += [(facts.pop("event"), facts) for facts in kept]

    def later(self, settle: Callable[[], None]) -> None:
        """Let lines that were put aside come at once."""
        settle()

    def named(self, name: str) -> list[dict[str, object]]:
        """Return the facts of every event called `name`."""
        return [facts for event, facts in self.events if event == name]

    @property
    def bugs(self) -> list[BaseException]:
        """What stages raised."""
        return [facts["error"] for facts in self.named("bug") if isinstance(facts["error"], BaseException)]


class Ask:
    """One attempt at the scripted backend, in the hands of the test."""

    def __init__(self, number: int, outbound: Outbound, limits: AttemptLimits, track: Track, account: Account) -> None:
        self.number, self.outbound, self.limits, self.track, self.account = number, outbound, limits, track, account
        self.cancelled = False
        self.received = False  # a byte of the body came
        self.executed = False
        self._end: asyncio.Future[Received | Failed] = asyncio.get_running_loop().create_future()

    def __repr__(self) -> str:
        return f"<Ask {self.number} {self.track.progress.value}{' cancelled' if self.cancelled else ''}>"

    def reach(self, progress: Progress) -> Self:
        """Come so far, as a real attempt reports it; the backend executes once the whole body is there."""
        self.track.progress = progress
        self.received |= progress in (Progress.BODY, Progress.REPLY)
        self.executed |= progress in (Progress.BODY, Progress.REPLY)
        return self

    def answer(self, result: Received | Failed = OK) -> None:
        """End the attempt with `result`; one that brought a reply has sent the body before."""
        if isinstance(result, Received):
            self.reach(Progress.REPLY)
        if not self._end.done():
            self._end.set_result(result)

    def haunt(self, ghost: LateReply) -> None:
        """Time out with the body sent: the connection stays open as `ghost`."""
        self.reach(Progress.BODY)
        self.track.ghost = ghost
        self.answer(Failed("outcome_unknown", "timeout", "no first byte in time", sent=True))

    async def wait(self) -> Received | Failed:
        """Wait for the test."""
        try:
            return await self._end
        except asyncio.CancelledError:
            self.cancelled = True
            raise


class LateReply:
    """A ghost that ends when the test says so."""

    def __init__(self) -> None:
        self.closed = False
        self.within_s: float | None = None
        self._end: asyncio.Future[Received | Failed] = asyncio.get_running_loop().create_future()

    def come(self, result: Received | Failed = OK) -> None:
        """Let the late reply, FIN or RST arrive."""
        self._end.set_result(result)

    async def end(self, within_s: float) -> Received | Failed:
        """See `model.Ghost.end`."""
        self.within_s = within_s
        try:
            async with asyncio.timeout(within_s):
                return await self._end
        except TimeoutError:
            self.close()
            return Failed("outcome_unknown", "timeout", "no reply within the ghost's time", sent=True)

    def close(self) -> None:
        """See `model.Ghost.close`."""
        self.closed = True


class ScriptedUpstream:
    """`ports.Upstream`: each attempt becomes an `Ask`; `auto` answers it at once."""

    def __init__(self) -> None:
        self.asks: list[Ask] = []
        self.auto: Callable[[Ask], Received | Failed] | None = None
        self.running = self.peak = 0  # attempts at once: now, and at most
        self._came = asyncio.Event()

    @property
    def executed(self) -> list[Ask]:
        """The attempts whose body arrived: what a journal would hold."""
        return [ask for ask in self.asks if ask.executed]

    async def send(
        self, outbound: Outbound, limits: AttemptLimits, track: Track, account: Account
    ) -> Received | Failed:
        """See `ports.Upstream.send`."""
        track.progress = Progress.CONNECTING
        ask = Ask(len(self.asks), outbound, limits, track, account)
        self.asks.append(ask)
        self._came.set()
        if self.auto is not None:
            ask.answer(self.auto(ask))
        self.running += 1
        self.peak = max(self.peak, self.running)
        try:
            return await ask.wait()
        finally:
            self.running -= 1

    async def ask(self, number: int = 0) -> Ask:
        """Wait until the attempt of that number is here."""
        while len(self.asks) <= number:
            self._came.clear()
            await self._came.wait()
        return self.asks[number]

    async def close(self) -> None:
        """Nothing to close."""


class PlainAdapter:
    """An adapter whose protocol is: the body's first word is the operation; a reply is ok unless it says otherwise."""

    def __init__(self) -> None:
        self.refusal: Refusal | None = None
        self.members: dict[str, tuple[str, ...]] = {}
        self.bug: Exception | None = None
        self.action: str | None = None

    @property
    def edition(self) -> object:
        """Which requests mean the same as before."""
        return self.action

    def accepts(self, head: Head, rest: str) -> Refusal | None:
        """Take what the test does not refuse."""
        del head, rest
        return self.refusal

    async def classify(self, head: Head, rest: str, dialect: Dialect, body: bytes) -> Classified | Refusal:
        """Read the operation off the body."""
        del head, rest, dialect
        name = body.split(b" ", 1)[0].decode()
        if not name:
            return Refusal("malformed", "operation", "the body names nothing")
        said = dict(word.split("=", 1) for word in body.decode().split() if "=" in word)
        return Classified(name, self.members.get(name, (name,)), self.action, said)

    def question(self, head: Head, rest: str, body: bytes, keying: Keying) -> Question | str:
        """Ask what the words say, in any order: `name=value`, or the one word that keeps it private."""
        del head, rest
        name, *words = body.decode().split()
        if "private" in words:
            return "headers"
        given = dict(word.split("=", 1) for word in words)
        folds = dict(keying.params)
        who = [each for each in keying.identity if given.get(each)]
        keyed = {each: value for each, value in given.items() if folds.get(each) is not Fold.IGNORE}
        sent = dict(keyed)
        if keying.shared not in (None, Shared.OPEN):
            keyed = {each: value for each, value in keyed.items() if each not in keying.identity}
            sent = dict(keyed)
            sent |= dict(keying.stand_in) if keying.shared is Shared.AS else {}
            sent |= {each: given[each] for each in who} if keying.shared is Shared.LEADER else {}
        text = " ".join([name, *(f"{each}={keyed[each]}" for each in sorted(keyed))]).encode()
        asked = " ".join([name, *(f"{each}={sent[each]}" for each in sorted(sent))]).encode()
        request = Outbound("POST", "/Tickets.asmx", ((b"Content-Type", b"text/xml"),), asked)
        return Question(blake2b(text, digest_size=16).digest(), request, Dialect.SOAP11, given, bool(who))

    def veto(self, question: Question, answer: Answer) -> str | None:
        """Object to faults and to `<other/>`."""
        del question
        if answer.grade.state not in ("ok", "partial"):
            return "fault"
        return "root" if answer.body and answer.body[0].startswith(b"<other") else None

    async def replay(
        self, entry: Entry, head: Head, rest: str, body: bytes, dialect: Dialect
    ) -> tuple[RawHeaders, bytes] | None:
        """Say it as it came; in another dialect with its name around it, and not at all by XML-RPC."""
        del head, rest, body
        if dialect in (entry.dialect, Dialect.JSON):
            return entry.headers, entry.body
        if dialect is Dialect.XMLRPC:
            return None
        if dialect not in entry.wrapped:
            said = b"<%b>%b</%b>" % (dialect.encode(), entry.body, dialect.encode())
            entry.wrapped[dialect] = (((b"Content-Type", b"text/xml"),), said)
        return entry.wrapped[dialect]

    def stand_in(self, payload: bytes) -> tuple[Dialect, RawHeaders, bytes]:
        """Take anything that is marked up."""
        if not payload.startswith(b"<"):
            raise ValueError("no markup")
        return Dialect.SOAP11, ((b"Content-Type", b"text/xml"),), payload

    def knock(self, operation: str) -> tuple[Dialect, Outbound] | None:
        """Ask what is named, unless the contract has not come."""
        if operation == "Unknown":
            return None
        return Dialect.SOAP11, Outbound("POST", "/Tickets.asmx", (), operation.encode())

    def grade(
        self,
        call: Call,
        status: int,
        headers: RawHeaders,
        body: tuple[bytes, ...],
        *,
        safe: bool,
        partial: bool = False,
    ) -> Grade:
        """Grade by the first piece: `<ok/>` is ok, a fault is a fault, HTML is none of it."""
        del call, status, headers, partial
        if self.bug is not None:
            raise self.bug
        first = body[0] if body else b""
        effect = Executed.NO if safe else Executed.UNKNOWN
        if first.startswith(b"<fault"):
            return Grade("backend_fault", effect, "server")
        if first.startswith(b"<no"):
            return Grade("business_no", Executed.NO, "fault_rule")
        if first.startswith(b"<html"):
            return Grade("backend_bad_reply", effect, "html", healthy=False)
        return Grade("ok", Executed.YES)


class PlainFacade:
    """A JSON side to `PlainAdapter`: an object is its words, a reply the text that it is; it counts what it reads."""

    def __init__(self) -> None:
        self.told: list[bytes] = []
        self.refusal: Refusal | None = None
        self.unknown: frozenset[str] = frozenset({"Unknown"})
        self.form: object = "plain"
        self.edition: object = "first"

    def knows(self, name: str) -> bool:
        """Know all but a few."""
        return name not in self.unknown

    async def ask(self, name: str, body: bytes | None, query: str) -> Asked | Refusal:
        """Write `Name key=value`."""
        if self.refusal is not None:
            return self.refusal
        pairs = json.loads(body) if body is not None else dict(pair.split("=") for pair in query.split("&") if pair)
        if not isinstance(pairs, dict):
            return Refusal("invalid_params", errors=(("", "type", "must be an object"),))
        words = " ".join([name, *(f"{key}={value}" for key, value in pairs.items())])
        return Asked(((b"Content-Type", b"text/xml"), (b"SOAPAction", b'"plain"')), words.encode())

    async def tell(self, name: str, headers: RawHeaders, body: bytes) -> bytes | Refusal:
        """Quote what came."""
        del name, headers
        self.told.append(body)
        if body.startswith(b"<odd"):
            return Refusal("backend_bad_reply", "root", "it is odd")
        return json.dumps({"said": body.decode()}).encode()

    async def answer(self, name: str, data: bytes) -> tuple[Dialect, RawHeaders, bytes] | Refusal:
        """Mark it up, unless it is of an operation that is not known."""
        if not self.knows(name):
            return Refusal("not_found", "path", "no such operation")
        return Dialect.SOAP11, ((b"Content-Type", b"text/xml"),), b"<ok>%b</ok>" % data

    async def fault(self, name: str, headers: RawHeaders, body: bytes) -> bytes:
        """Quote it, if it is one."""
        del name, headers
        if not body.startswith(b"<fault"):
            return b""
        return json.dumps({"text": body.decode()}).encode()

    async def describe(self, offered: Callable[[str], bool]) -> Offered | Refusal:
        """Describe two operations and one that cannot be."""
        if self.refusal is not None:
            return self.refusal
        names = [name for name in ("GetSeats", "Reserve") if offered(name)]
        described = tuple(Described(name, {"type": "object"}, {"type": "object"}) for name in names)
        return Offered(described, {"Seat": {"type": "string"}}, {"GetOdd": "it is odd"})


def render(facts: Facts) -> Rendered:
    """Write a failure so that a test can read every fact of it."""
    text = f"{facts.state.name} {facts.reason} {facts.executed.value} {facts.how} {facts.after_s} {facts.detail}"
    if facts.members or facts.links:
        text += f" {facts.members.decode()} {dict(facts.links)}"
    return Rendered(facts.status, "text/plain", text.encode())


@dataclass(frozen=True, slots=True)
class Body:
    """A request's body that is here already, or a refusal in its place; booked like a real one."""

    data: bytes | Refusal

    @property
    def declared_bytes(self) -> int | None:
        """Its length."""
        return None if isinstance(self.data, Refusal) else len(self.data)

    def at_hand(self, limit_bytes: int, account: Account) -> bytes | Refusal | None:
        """It is on its way."""
        del limit_bytes, account
        return None

    async def read(self, limit_bytes: int, account: Account) -> bytes | Refusal:
        """Give it."""
        if isinstance(self.data, Refusal):
            return self.data
        if len(self.data) > limit_bytes:
            return Refusal("too_large", "body", limit_bytes=limit_bytes)
        return self.data if account.take(len(self.data)) else Refusal("overloaded", "buffered")


def head(
    method: str = "POST", target: str = "/tickets", headers: Sequence[tuple[str, str]] = (("Content-Type", "text/xml"),)
) -> Head:
    """Make a request head from a target and header lines."""
    path, _, query = target.partition("?")
    raw = tuple((name.encode("latin-1"), value.encode("latin-1")) for name, value in headers)
    return Head(method, target, path, query, CIMultiDict(headers), raw)


SAFE = OperationPlan("Get*", safe=True, timeout_s=4.0, attempt_first_byte_s=10.0, attempt_total_s=15.0)
UNSAFE = OperationPlan("*", timeout_s=60.0)


def tickets(**changes: Any) -> BackendPlan:
    """Return a SOAP backend with a safe and an unsafe line."""
    plain = BackendPlan(
        name="tickets",
        protocol=Protocol.XMLRPC,  # no documents; the lanes know no other difference
        path="/tickets",
        endpoints=(("", "http://127.0.0.1:9/Tickets.asmx"),),
        limit=2,
        queue_size=3,
        queue_wait_s=5.0,
        retry=None,  # so that a test counts the calls that it means
        operations=(SAFE, UNSAFE),
    )
    return replace(plain, **changes)


KEYS = Keys(Key("test", bytes(range(32))))


@dataclass
class Scene:
    """One World, one backend, and verbs for a test. Made inside a running loop."""

    backend: BackendPlan = field(default_factory=tickets)
    plan: Plan = field(default_factory=Plan)
    documents: Mapping[str, Documents] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.plan = replace(self.plan, backends=self.plan.backends or (self.backend,))
        self.clock, self.log = LoopClock(), Recorder()
        self.watch = Watching(self.clock, self.log)
        self.slots, self.pressure = MemorySlots(self.clock), MemoryPressure(self.clock)
        self.slots.bound(self.plan.hosts, classes=self.plan.classes)
        self.places = SignedPlaces(self.clock, self.log, KEYS)
        self.places.bound(self.plan.backends, KEYS)
        self.identities = MemoryIdentities(self.clock, b"a test's key")
        self.identities.bound(self.plan.backends)
        self.rates = MemoryRates(self.clock)
        self.purchases = MemoryPurchases(self.clock, self.log, b"a test's secret")
        self.purchases.bound(self.plan.backends)
        self.breakers = MemoryBreakers(
            self.clock, self.log, lambda: 0.5, self.slots.at_minimum, self.slots.slow_start, lambda *_: False
        )
        self.slots.rest_s = self.breakers.rest_s
        self.breakers.bound({plan.name: plan.breaker for plan in self.plan.hosts if plan.breaker is not None})
        self.retries = MemoryRetries(self.clock, lambda: 0.5, self.slots.expected_s)
        self.retries.bound({plan.name: plan.retry for plan in self.plan.hosts if plan.retry is not None})
        self.rates.bound({plan.name: plan.all_rates for plan in self.plan.backends})
        self.answered: list[Exchange] = []
        self.flights = Flights(self.clock, self.log, self.slots)
        self.memory = Buffers(self.plan.limits.buffered_bytes, self.plan.limits.per_backend)
        self.adapter, self.facade, self.upstream = PlainAdapter(), PlainFacade(), ScriptedUpstream()
        self.going = False
        self.dialect = Dialect.JSON
        self._ids, self._secrets = 0, count(1)
        self.lookups: dict[str, Callable[[Exchange], Awaitable[Outcome]]] = {}
        self.answers, self.deeds = MemoryAnswers(1024 * 1024), MemoryDeeds(self.clock)
        endpoints = [(plan.name, name) for plan in self.plan.hosts for name, _ in plan.endpoints]
        self.injections, self.observed = MemoryInjections(self.clock, self.log), Observed()
        self.pauses = HeldPauses(self.clock, self.log, lambda: 0.0, OrdersFile(None, self.log), lambda _: None)
        self.world = World(
            clock=self.clock,
            log=self.log,
            watch=self.watch,
            memory=self.memory,
            slots=self.slots,
            rates=self.rates,
            breakers=self.breakers,
            retries=self.retries,
            pressure=self.pressure,
            rooms=Hall(self.clock, self.log, lambda: 0.5, self.memory, lambda _: Backing()),
            renderers=dict.fromkeys(Dialect, render),
            adapters=dict.fromkeys(endpoints, self.adapter),
            facades=dict.fromkeys(endpoints, self.facade),
            booklets={
                plan.name: Booklet(plan, {"": self.facade}, lambda: "http://127.0.0.1:8080")
                for plan in self.plan.backends
            },
            documents=self.documents,
            upstreams=dict.fromkeys((plan.name for plan in self.plan.hosts), self.upstream),
            headcounts=defaultdict(Headcount),
            flights=self.flights,
            new_id=self._new_id,
            listen_url=lambda: "http://127.0.0.1:8080",
            draining=lambda: self.going,
            client_of=lambda seen, peer: Standing(seen.headers.get("X-Client", peer)),
            identities=self.identities,
            purchases=self.purchases,
            answers=self.answers,
            deeds=self.deeds,
            places=self.places,
            new_secret=lambda: f"secret-{next(self._secrets)}",
            chance=lambda: 1.0,
            lookups=self.lookups,
            injections=self.injections,
            pauses=self.pauses,
            observing=self.observed.ask,
            answered=self.answered.append,
            explained=Explaining(self.clock, self.slots, self.breakers, self.pressure).of,
            dialect_of=lambda _: self.dialect,
            resources={"/.sidecar/healthz": lambda: b"{}"},
        )

    def _new_id(self) -> str:
        self._ids += 1
        return f"id-{self._ids}"

    def scope(self, operation: str = "Reserve") -> Scope:
        """Return what a stage of one operation is built for."""
        return Scope(self.plan, self.backend, self.backend.operation(operation))

    def exchange(
        self,
        body: bytes | Refusal = b"Reserve 2",
        *,
        method: str = "POST",
        target: str = "/tickets",
        headers: Sequence[tuple[str, str]] = (("Content-Type", "text/xml"),),
        peer: str = "192.0.2.1",
    ) -> Exchange:
        """Make one caller's request."""
        return Exchange(head(method, target, headers), Body(body), Peer(peer, tls=False), self.clock.now())

    def flight(
        self,
        operation: str = "Reserve",
        *,
        key: bytes | None = None,
        client: str = "ada",
        until_s: float = 60.0,
        safe: bool | None = None,
    ) -> Flight:
        """Make a flight that has not started; `until_s` from now."""
        now, line = self.clock.now(), self.backend.operation(operation)
        call = Call(self.backend.name, "", operation, Dialect.SOAP11, (operation,), key=key, client=client)
        return Flight(
            call=call,
            outbound=Outbound("POST", "/Tickets.asmx", (), operation.encode()),
            safe=line.safe if safe is None else safe,
            seat=Seat(self.backend.name, client, operation, line.client_class, now + until_s),
            account=self.memory.account(self.backend.name),
            started_at=now,
        )

    @property
    def view(self) -> str:
        """The backend's slots in one line: in flight, ghosts, queued."""
        view = self.slots.view(self.backend.name)
        return f"{view.in_flight}+{view.ghosts} of {view.limit}, {view.queued} queued"


class Pieces:
    """A streamed reply: pieces that the test gives, and whether it was closed."""

    def __init__(self, *pieces: bytes | OSError) -> None:
        self.left, self.closed = list(pieces), 0

    async def next(self) -> bytes:
        """Give the next piece; b"" at the end."""
        if not self.left:
            return b""
        piece = self.left.pop(0)
        if isinstance(piece, OSError):
            raise piece
        return piece

    def close(self) -> None:
        """Count the call."""
        self.closed += 1

    def received(self, first: bytes = OK_BODY) -> Received:
        """Return a reply whose body begins with `first` and goes on with the pieces."""
        return Received(200, "OK", OK.headers, (first,), len(first), Stream(self.next, self.close))


def state_of(reply: Reply) -> str:
    """Return the word of a reply's Sidecar-State with its parameters."""
    return next(value.decode() for name, value in reply.headers if name == b"Sidecar-State")


async def settle(turns: int = 10) -> None:
    """Let every callback that is ready run; ten turns are more than any chain of ours needs."""
    for _ in range(turns):
        await asyncio.sleep(0)
