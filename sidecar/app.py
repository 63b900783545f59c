"""The composition root: the one file that knows every name. Makes the World from a Plan, folds the road, starts, drains, stops.

What outlives a configuration (slots, pressure, flights, documents) is made once here and handed to every pipeline.
"""

from __future__ import annotations

import asyncio
import signal
import time
from contextlib import suppress
from functools import lru_cache
from itertools import count
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit
from uuid import uuid4

import orjson
from aiohttp import __version__ as aiohttp_version

from adapters.dialects import dialect_by
from adapters.json.problem import problem
from adapters.soap.adapter import SoapAdapter
from adapters.soap.fault import asmx, soap11, soap12
from adapters.soap.shelf import Shelf
from adapters.xmlrpc.adapter import XmlRpcAdapter
from adapters.xmlrpc.fault import xmlrpc
from sidecar import __version__, heap, pipeline
from sidecar.buffers import Buffers
from sidecar.caller.coalesce import farewell
from sidecar.caller.envelope import refuse, request_id
from sidecar.descriptors import raise_limit
from sidecar.flights import Flights
from sidecar.forms import effect_of
from sidecar.listener import Listener, ListenError
from sidecar.model import Dialect, Exchange, Head, Peer, Protocol, Refusal, Reply
from sidecar.plan import EVERY
from sidecar.policy.clients import Clients
from sidecar.policy.cors import Cors, is_preflight, merge
from sidecar.policy.routing import RESERVED, Routes
from sidecar.ports import World
from sidecar.states import ROWS
from sidecar.stores.memory import MemoryPressure, MemorySlots
from sidecar.tasks import alive, spawn
from sidecar.upstream import HttpUpstream
from sidecar.watch.log import JsonLog
from sidecar.watch.metrics import BackendNow, Now
from sidecar.watch.watching import Watching

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sidecar.plan import BackendPlan, Plan
    from sidecar.ports import Adapter, Clock, Renderer, Watch
    from sidecar.watch.spans import Tracing
    from sidecar.watch.watching import Sink

# Clients of one on-sale that are remembered by their header lines; an address is 40 bytes, this is under a megabyte.
_CLIENTS_REMEMBERED: Final = 4096
# Paths and media types that were asked for lately, unless they are long: at most 300 KB.
_HEADS_REMEMBERED: Final = 1024
_SHORT_HEAD: Final = 300
_NO_HEAD: Final = Head("", "/", "/", "", {}, ())
_READY: Final = orjson.dumps({"state": "ok", "ready": True})
_GOING: Final = Refusal("draining", detail="this sidecar is shutting down: send new requests to another one")
# Tasks that speak with a backend, by the first word of their names; once its connections are closed, they end in a turn or two.
_FLYING: Final = ("flight ", "ghost ")
_LAST_WORDS_S: Final = 2.0


class SystemClock:
    """`ports.Clock` on the machine's clocks: the functions themselves, for they are asked a dozen times in each call."""

    now = staticmethod(time.monotonic)
    wall = staticmethod(time.time)


class App:
    """One running sidecar. `start` inside a running loop; `urls` afterwards."""

    def __init__(self, plan: Plan, *, clock: Clock | None = None, log: Sink | None = None) -> None:
        self.plan = plan
        self.clock: Clock = clock or SystemClock()
        self.log: Sink = log or JsonLog(self.clock)
        self.watch = Watching(self.clock, self.log)
        self._tracing: Tracing | None = None
        self.slots = MemorySlots(self.clock)
        self.pressure = MemoryPressure(self.clock)
        self.flights = Flights(self.clock, self.watch, self.slots)
        self.memory = Buffers(plan.limits.buffered_bytes, plan.limits.per_backend)
        self._shelves: dict[str, Shelf] = {}
        self._upstreams: dict[str, HttpUpstream] = {}
        self._gone = False

    async def start(self) -> None:
        """Bind, fold the road, begin to fetch what clients bootstrap from. Raises OSError where the address is taken."""
        plan = self.plan
        self.slots.bound(plan.backends)
        routes = Routes(plan)
        self._upstreams = {backend.name: HttpUpstream(backend, self.watch) for backend in plan.backends}
        soap = [backend for backend in plan.backends if backend.protocol is Protocol.SOAP]
        self._shelves = shelves = {
            backend.name: Shelf(backend.name, backend.path, backend.endpoints, backend.wsdl, self.clock, self.watch)
            for backend in soap
        }
        self.world = world = World(
            clock=self.clock,
            log=self.watch,
            watch=self._watch(),
            memory=self.memory,
            slots=self.slots,
            pressure=self.pressure,
            renderers=_RENDERERS,
            adapters={
                (backend.name, endpoint): _adapter(backend, endpoint, url, shelves.get(backend.name))
                for backend in plan.backends
                for endpoint, url in backend.endpoints
            },
            documents=shelves,
            upstreams=self._upstreams,
            flights=self.flights,
            new_id=_new_ids(),
            listen_url=lambda: self.listener.listen_url,
            draining=lambda: self._gone,
            client_of=_client_of(Clients(plan.clients)),
            dialect_of=_dialect_of(routes),
            resources={
                f"{RESERVED}/healthz": lambda: orjson.dumps({"state": "ok", "version": __version__}),
                f"{RESERVED}/readyz": lambda: _GOING if self.listener.draining else _READY,
                f"{RESERVED}/states": _states,
            },
        )
        answer = pipeline.build(plan, world)
        self.listener = Listener(
            plan,
            answer=answer,
            refuse=_refuser(plan, world),
            clock=self.clock,
            memory=self.memory,
            log=self.watch,
            farewell=farewell,
        )
        for backend in soap:  # before anybody can ask for a document
            shelves[backend.name].bind(pipeline.fetcher(plan, backend, world), self.pressure)
        try:
            await self.listener.start()
        except BaseException:
            await self._release()
            raise
        self.watch.lag.start()
        self.log.event("started", urls=self.listener.urls, version=__version__)

    def _watch(self) -> Watch:
        """Return who looks on: with a tracer before him where the settings say where spans go."""
        trace = self.plan.trace
        if trace.endpoint is None:
            return self.watch
        from sidecar.watch.spans import Tracing  # noqa: PLC0415 - 20 MB that nobody pays who does not trace

        self._tracing = Tracing(self.watch, trace.endpoint, trace.sample)
        return self._tracing

    def now(self) -> Now:
        """Return what the metrics look at."""
        views = [(plan, self.slots.view(plan.name)) for plan in self.plan.backends]
        return Now(
            backends=tuple(
                BackendNow(
                    plan.name,
                    view.limit,
                    plan.limit,
                    view.in_flight,
                    view.ghosts,
                    view.queued,
                    plan.queue_size,
                    self.pressure.level(plan.name),
                )
                for plan, view in views
            ),
            connections=(self.listener.connections, self.listener.idle),
            buffered=(self.memory.held_bytes, self.memory.limit_bytes),
            draining=self.listener.draining,
            log_dropped=self.log.dropped if isinstance(self.log, JsonLog) else 0,
            lag_s=self.watch.lag.largest_s,
            aiohttp=aiohttp_version,
        )

    def exposition(self) -> tuple[str, bytes]:
        """Return the metrics: content type and text."""
        return self.watch.exposition(self.now)

    @property
    def urls(self) -> list[str]:
        """Where the public listener is."""
        return list(self.listener.urls)

    async def stop(self, *, at_once: bool = False) -> None:
        """Drain, unless `at_once`, then close everything."""
        drain = self.plan.drain
        self.log.event("draining", delay_s=drain.delay_s, timeout_s=drain.timeout_s)
        if at_once:
            self._gone = True
            await self.listener.close()
        else:
            await self.listener.drain(drain.delay_s, drain.timeout_s)
            self._gone = True
            await self.listener.close()
        await self._release()
        self.log.event("stopped")
        if isinstance(self.log, JsonLog):
            self.log.close()

    async def _release(self) -> None:
        """Close what the backends see of us, then let flights and ghosts say how they ended: their outcomes are in no other place."""
        self.watch.lag.stop()
        for shelf in self._shelves.values():
            await shelf.close()
        for upstream in self._upstreams.values():
            await upstream.close()
        left = [task for task in alive() if task.get_name().startswith(_FLYING)]
        if left:
            _, late = await asyncio.wait(left, timeout=_LAST_WORDS_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        if self._tracing is not None:
            await self._tracing.close()


async def serve(plan: Plan) -> int:
    """Run until SIGTERM or SIGINT; a second one hurries. Returns the exit code."""
    app = App(plan)
    loop = asyncio.get_running_loop()
    asked, hurried = asyncio.Event(), asyncio.Event()

    def on_signal() -> None:
        (hurried if asked.is_set() else asked).set()

    for number in (signal.SIGTERM, signal.SIGINT):  # who is told to go while he starts goes in order, too
        loop.add_signal_handler(number, on_signal)
    raise_limit(plan.limits.connections, app.watch)
    try:
        await app.start()
    except OSError as error:
        # A ListenError says itself what to do.
        remedy = {} if isinstance(error, ListenError) else {"remedy": "look at listen: and at the files that it names"}
        app.log.event("cannot_listen", error=str(error), **remedy)
        if isinstance(app.log, JsonLog):
            app.log.close()
        return 1
    heap.settle()
    await asked.wait()
    stopping = spawn(app.stop(), "drain")
    hurry = spawn(hurried.wait(), "hurry")
    await asyncio.wait((stopping, hurry), return_when=asyncio.FIRST_COMPLETED)
    hurry.cancel()
    if not stopping.done():
        stopping.cancel()
        with suppress(asyncio.CancelledError):
            await stopping
        await app.stop(at_once=True)
    return 0


_RENDERERS: Final[Mapping[Dialect, Renderer]] = {
    Dialect.SOAP11: soap11,
    Dialect.SOAP12: soap12,
    Dialect.ASMX: asmx,
    Dialect.XMLRPC: xmlrpc,
    Dialect.JSON: problem,
}


def _adapter(backend: BackendPlan, endpoint: str, url: str, shelf: Shelf | None) -> Adapter:
    """Make one endpoint's adapter from its backend's plan."""

    def is_declared(name: str) -> bool:
        return backend.operation(name).pattern != EVERY

    if shelf is None:
        return XmlRpcAdapter(
            faults=backend.faults,
            results=backend.results,
            is_declared=is_declared,
            strict=backend.strict,
            multicall_max=backend.multicall_max,
        )
    return SoapAdapter(
        lambda: shelf.index(endpoint),
        faults=backend.faults,
        results=backend.results,
        asmx_get=backend.asmx_get,
        is_safe=lambda name: backend.operation(name).safe,
        is_declared=is_declared,
        strict=backend.strict,
        multicall_max=backend.multicall_max,
        path=urlsplit(url).path or "/",
    )


def _new_ids() -> Callable[[], str]:
    """Return what makes request ids: chance once, then a counter; an id has to be unique, not secret."""
    origin, numbers = uuid4().hex[:16], count(1)
    return lambda: f"{origin}{next(numbers):010x}"


def _client_of(policy: Clients) -> Callable[[Head, str], str]:
    remembered = lru_cache(_CLIENTS_REMEMBERED)(policy.ask)

    def client_of(head: Head, peer: str) -> str:
        if not policy.believes_anybody or policy.header not in head.headers:
            return remembered(peer, ())
        hops = tuple(head.all(policy.header))
        short = sum(map(len, hops)) <= _SHORT_HEAD
        return (remembered if short else policy.ask)(peer, hops)

    return client_of


def _dialect_of(routes: Routes[BackendPlan]) -> Callable[[Head], Dialect]:
    def by(accept: str, content_type: str, path: str) -> Dialect:
        if path.startswith(RESERVED):
            return Dialect.JSON
        found = routes.find(path)
        if found is None:
            return dialect_by(accept, content_type, path, "/json/" in path, None)
        return dialect_by(accept, content_type, path, False, found.backend.protocol, found.rest)

    remembered = lru_cache(_HEADS_REMEMBERED)(by)

    def of(head: Head) -> Dialect:
        path = head.path
        accept, content_type = head.headers.get("Accept", ""), head.headers.get("Content-Type", "")
        short = len(accept) + len(content_type) + len(path) <= _SHORT_HEAD
        return (remembered if short else by)(accept, content_type, path)

    return of


def _refuser(plan: Plan, world: World) -> Callable[[Refusal, Head | None, str | None, Exchange | Peer], Reply]:
    """Return what renders an error that was made before any handler: the same envelope, with CORS headers.

    A preflight gets its 204 even here (its address is as long as the request's that would follow, and no connection may be left):
    a page could read no other answer to it, and never sends the request whose failure it could read.
    """
    cors, routes = Cors(plan.cors, plan.public_url), Routes(plan)

    def refuse_early(refusal: Refusal, head: Head | None, origin: str | None, who: Exchange | Peer) -> Reply:
        seen = head or _NO_HEAD
        origins = seen.all("Origin") or ([] if origin is None else [origin])
        if is_preflight(seen.method, seen.headers) and refusal.state != "malformed":
            headers = (*cors.preflight(origins), (b"X-Request-Id", request_id(head, world).encode()))
            return Reply(204, headers, close=refusal.close)
        exchange = who if isinstance(who, Exchange) else Exchange(seen, _Nothing(), who, world.clock.now())
        exchange.request_id = exchange.request_id or request_id(head, world)
        exchange.client = exchange.client or world.client_of(seen, exchange.peer.address)
        exchange.dialect = world.dialect_of(seen)
        found = routes.find(seen.path)
        if found is not None:
            exchange.sender_status = found.backend.sender_status
        verdict = cors.ask(origins) if origins else cors.unknown()
        exchange.may_write = verdict.allowed or not origins
        reply = refuse(refusal, exchange, world)
        effect = effect_of(refusal, safe=exchange.safe)
        world.watch.passed(exchange, reply, refusal.state, refusal.reason, effect, refusal)
        return Reply(reply.status, merge(reply.headers, verdict.headers), reply.body, reply.phrase, close=reply.close)

    return refuse_early


class _Nothing:
    """The body of a request that was never understood."""

    declared_bytes = None

    async def read(self, limit_bytes: int, account: object) -> bytes:
        del limit_bytes, account
        return b""


def _states() -> bytes:
    rows = [
        {"state": row.name, "category": row.category, "status": row.status, "title": row.title, "reasons": row.reasons}
        for row in ROWS
    ]
    return orjson.dumps({"v": 1, "states": rows})
