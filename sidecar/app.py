"""The composition root: the one file that knows every name. Makes the World from a Plan, folds the road, starts, drains, stops.

What outlives a configuration (slots, pressure, flights, documents) is made once here and handed to every pipeline.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from pathlib import Path
from random import random
from secrets import token_bytes, token_hex
from typing import TYPE_CHECKING, Final, TypeAlias
from typing import Protocol as Port
from urllib.parse import urlsplit
from uuid import uuid4

import orjson

from adapters.dialects import dialect_by
from adapters.json.problem import problem
from adapters.soap.adapter import SoapAdapter
from adapters.soap.facade import SoapFacade
from adapters.soap.fault import asmx, soap11, soap12
from adapters.soap.resolver import Options
from adapters.soap.shelf import Shelf
from adapters.xmlrpc.adapter import XmlRpcAdapter
from adapters.xmlrpc.facade import XmlRpcFacade
from adapters.xmlrpc.fault import xmlrpc
from sidecar import __version__, outlook, pipeline
from sidecar.aside import aside
from sidecar.buffers import Buffers
from sidecar.caller.coalesce import farewell
from sidecar.descriptors import raise_limit
from sidecar.early import refuser
from sidecar.flights import Flights
from sidecar.hall import PREFIX as ROOMS
from sidecar.hall import Hall
from sidecar.hall.byhand import ByHand
from sidecar.hall.house import Stop
from sidecar.headcount import Headcount
from sidecar.kept import Kept
from sidecar.listener import Listener
from sidecar.lookup import PREFIX, Lookup
from sidecar.model import Dialect, Exchange, Head, Protocol, Refusal, Reply
from sidecar.pieces import in_turns, whole
from sidecar.plan import EVERY, SPARE
from sidecar.policy.admission import Backing
from sidecar.policy.breaking import Forced
from sidecar.policy.clients import Clients
from sidecar.policy.overrides import LONGEST_S, Observed
from sidecar.policy.pauses import Scope, What
from sidecar.policy.routing import RESERVED, Routes
from sidecar.ports import World
from sidecar.prober import Prober
from sidecar.states import ROWS
from sidecar.stores.breakers import MemoryBreakers
from sidecar.stores.injections import MemoryInjections
from sidecar.stores.keys import fresh, keys_in
from sidecar.stores.memory import MemoryIdentities, MemoryPressure
from sidecar.stores.opening import Stores
from sidecar.stores.orders import OrdersFile, place_of
from sidecar.stores.pauses import HeldPauses
from sidecar.stores.places import SignedPlaces
from sidecar.stores.purchases import MemoryPurchases
from sidecar.stores.rates import MemoryRates
from sidecar.stores.retries import MemoryRetries
from sidecar.stores.slots import MemorySlots
from sidecar.tasks import alive, spawn
from sidecar.trust import context_of, trust_of
from sidecar.upstream import HttpUpstream
from sidecar.watch.crowd import Crowds
from sidecar.watch.explaining import Explaining
from sidecar.watch.limits import LimitWatch, Looked
from sidecar.watch.log import JsonLog
from sidecar.watch.visitors import Visitors
from sidecar.watch.watching import Watching
from sidecar.web import booklet, client

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping

    from adapters.soap.contract import Index
    from adapters.soap.stock import DocumentFetch
    from sidecar.described import Described
    from sidecar.kept import Renewal
    from sidecar.model import Peer, Result, Seat, SlotsView
    from sidecar.pieces import Pieces
    from sidecar.plan import BackendPlan, Plan
    from sidecar.policy.pauses import Target
    from sidecar.policy.tokens import Keys
    from sidecar.ports import Adapter, Booklet, Clock, Facade, Renderer, Watch
    from sidecar.trust import Trust
    from sidecar.watch.spans import Tracing
    from sidecar.watch.watching import Sink

    _Thing: TypeAlias = "HttpUpstream | Shelf | Tracing"

# Paths and media types that were asked for lately, unless they are long: at most 300 KB.
_HEADS_REMEMBERED: Final = 1024
_SHORT_HEAD: Final = 300
_READY: Final = orjson.dumps({"state": "ok", "ready": True})
_GOING: Final = Refusal("draining", detail="this sidecar is shutting down: send new requests to another one")
# Tasks that speak with a backend, by the first word of their names; once its connections are closed, they end in a turn or two.
_FLYING: Final = ("flight ", "ghost ")
_LAST_WORDS_S: Final = 2.0
_BUSY_S: Final = 1.0  # until it is looked again whether a reply is still read from what has retired
_PULSE_S: Final = 1.0
_REMEMBER_S: Final = 10.0  # a limit is found again in about as long
_TRUST_S: Final = 30.0  # to read what says whom to trust, from a disk that answers


class SystemClock:
    """`ports.Clock` on the machine's clocks: the functions themselves, for they are asked a dozen times in each call."""

    now = staticmethod(time.monotonic)
    wall = staticmethod(time.time)


class RestartNeededError(RuntimeError):
    """A new plan asks for something that only a start can give; the text names the keys. Nothing has changed."""


@dataclass(frozen=True, slots=True)
class _Road:
    """What a plan becomes: the functions that the listener asks, and what their stages were handed."""

    world: World
    answer: Callable[[Exchange], Awaitable[Reply]]
    refuse: Callable[[Refusal, Head | None, str | None, Exchange | Peer], Reply]
    fetchers: dict[str, DocumentFetch]
    probes: dict[str, tuple[float, Callable[[], Awaitable[Result]]]]


@dataclass(frozen=True, slots=True)
class _Needs:
    """What a plan needs of what outlives plans: kept where it would be made of the same, else made anew."""

    upstreams: Renewal[HttpUpstream]
    shelves: Renewal[Shelf]
    tracing: Renewal[Tracing]
    trust: Trust

    @property
    def new(self) -> list[_Thing]:
        """What was made for it."""
        return [*self.upstreams.new, *self.shelves.new, *self.tracing.new]

    @property
    def gone(self) -> list[_Thing]:
        """What it does not need any more."""
        return [*self.upstreams.gone, *self.shelves.gone, *self.tracing.gone]


class GoingError(RuntimeError):
    """A new plan comes when the sidecar has been told to go. Nothing has changed."""


class App:
    """One running sidecar. `start` inside a running loop; `urls` afterwards; `adopt` takes another plan while it runs."""

    def __init__(self, plan: Plan, *, clock: Clock | None = None, log: Sink | None = None) -> None:
        self.plan = plan
        self.clock: Clock = clock or SystemClock()
        self.log: Sink = log or JsonLog(self.clock)
        self.watch = Watching(self.clock, self.log)
        self._tracing: Kept[Tracing] = Kept()
        self.stores = Stores(plan.store, plan.kept_bytes, self.clock, self.watch)
        self.slots = MemorySlots(self.clock, self.stores.notes)
        self.limits = LimitWatch(self.clock, self.watch, self._learnt)
        self.rates = MemoryRates(self.clock)
        self.observed = Observed()
        self.breakers = MemoryBreakers(
            self.clock, self.watch, random, self.slots.at_minimum, self.slots.slow_start, self.observed.ask
        )
        self.slots.rest_s, self.slots.observed = self.breakers.rest_s, self._would_be_refused
        self.retries = MemoryRetries(self.clock, random, self.slots.expected_s)
        self.prober = Prober(self.clock, self.watch, self.breakers, random)
        self.pressure = MemoryPressure(self.clock)
        self.flights = Flights(self.clock, self.watch, self.slots)
        self.memory = Buffers(plan.limits.buffered_bytes, plan.limits.per_backend)
        self._headcounts: defaultdict[str, Headcount] = defaultdict(Headcount)
        self.identities = MemoryIdentities(self.clock, token_bytes(32))
        self._keys = fresh()
        self.places = SignedPlaces(self.clock, self.watch, self._keys)
        self.hall = Hall(self.clock, self.watch, random, self.memory, self._backing, plan.store)
        self.answers, self.deeds = self.stores.answers, self.stores.deeds
        durable = self.stores.notes if plan.store is not None else None
        self.purchases = MemoryPurchases(self.clock, self.watch, self.deeds.secret, durable)
        self.hall.stops, self.hall.notices = self._stop, lambda room: self.pauses.notices(None, room)
        self.purchases.passes, self.purchases.on_end = self.hall.purchase_keys, self.hall.ended
        self.crowds = Crowds(self.clock, self.watch, Clients(plan.clients, plan.callers))
        self._shelves: Kept[Shelf] = Kept()
        self._upstreams: Kept[HttpUpstream] = Kept()
        self._retired: dict[_Thing, asyncio.TimerHandle] = {}
        self._new_id = _new_ids()
        self._limits: dict[str, int] = {}  # by backend, in place of the plan's
        self.injections = MemoryInjections(self.clock, self.watch)
        self.orders = OrdersFile(place_of(plan), self.watch)
        self.pauses = HeldPauses(self.clock, self.watch, random, self.orders, self._resumed)
        self.pauses.changed = self.hall.tick  # so that a room is paused before its verdict is given
        self.by_hand = ByHand(self.hall, self.clock, self.watch, self.orders)
        self.visitors = Visitors(self.clock, self.watch)
        self._trust: Trust = {}
        self._learnt_of: dict[str, object] = {}  # by backend: whom what has been learnt under its name is about
        self._remembering: asyncio.TimerHandle | None = None
        self._pulsing: asyncio.TimerHandle | None = None
        self._gone = self._going = False

    async def start(self, **settings: str) -> None:
        """Bind, fold the road, begin to fetch what clients bootstrap from; the log says with which `settings`.

        Raises OSError where the address is taken.
        """
        plan = self.plan
        self._keys = _keys_of(plan, self._keys)
        needs = whole(self._needs(plan, trust_of(plan, {})))
        self._bound(plan)
        self.purchases.recall(plan.backends)
        road = whole(self._fold(plan, needs))
        self._learnt_of = {backend.name: backend.identity for backend in plan.hosts}
        self._keep(needs)
        self.injections.load(plan.backends)
        self.orders.read()
        self.pauses.restore()
        self.by_hand.restore()
        self.world = road.world
        self.listener = Listener(
            plan,
            answer=road.answer,
            refuse=road.refuse,
            clock=self.clock,
            memory=self.memory,
            log=self.watch,
            farewell=farewell,
        )
        self._fetch(road)
        try:
            await self.listener.start()
        except BaseException:
            await self._release()
            raise
        self.watch.lag.start()
        self.limits.start()
        self._remember()
        self._pulse()
        self.hall.start()
        self.log.event("started", urls=self.listener.urls, version=__version__, **settings)

    async def adopt(self, plan: Plan) -> None:
        """Take another plan, whole or not at all: build its road while calls pass, then swap. Calls under way end on the old one.

        Raises RestartNeededError, GoingError, ListenError or OSError (a certificate that cannot be used); then nothing has changed.
        One after the other: whoever calls it waits for its end before he calls again.
        """
        fixed = [key for key, old, new in _addresses(self.plan, plan) if old != new]
        if fixed:
            raise RestartNeededError(f"{', '.join(fixed)} cannot change while the sidecar runs: restart it")
        trust = await aside(lambda: trust_of(plan, self._trust), _TRUST_S)
        keys = await aside(lambda: _keys_of(plan, self._keys), _TRUST_S)
        needs = await in_turns(self._needs(plan, trust))
        try:
            learnt_of = {**self._learnt_of, **{backend.name: backend.identity for backend in plan.hosts}}
            longest_s = await in_turns(_longest_s(self.plan))
            road = await in_turns(self._fold(plan, needs))
            self._stay()
            self.listener.adopt(plan, road.answer, road.refuse)
        except BaseException:
            self._retire(needs.new, 0.0)
            raise
        # From here on nothing waits and nothing fails.
        for name in [name for name, whom in self._learnt_of.items() if learnt_of[name] != whom]:
            self._forget(name)
        self.plan, self.world, self._learnt_of = plan, road.world, learnt_of
        self._keep(needs)
        self.memory.resize(plan.limits.buffered_bytes, plan.limits.per_backend)
        self.answers.resize(plan.kept_bytes)
        self._keys = keys
        self._bound(plan)
        self.injections.load(plan.backends)
        self._fetch(road)
        self.watch.window.keep(frozenset(backend.name for backend in plan.backends))
        raise_limit(plan.limits.connections, self.watch)
        spawn(self.orders.move(place_of(plan)), "orders")
        self._retire(needs.gone, longest_s)

    def _stay(self) -> None:
        if self._going:
            raise GoingError("this sidecar is about to end: it takes no other configuration")

    def _forget(self, backend: str) -> None:
        """Begin anew under a name: it means another backend now, or nothing."""
        self.slots.forget(backend)
        self.rates.forget(backend)
        self.breakers.forget(backend)
        self.retries.forget(backend)
        self.pressure.forget(backend)
        self.identities.forget(backend)
        self.purchases.forget(backend)
        self.answers.forget(backend)
        self.injections.forget(backend)

    def limit(self, backend: str, value: int | None) -> None:
        """Hold a backend to another limit than the plan's; None: the plan's again. Nobody who holds or waits is sent away."""
        if value is None:
            self._limits.pop(backend, None)
        else:
            self._limits[backend] = value
        self._bound(self.plan)

    def _resumed(self, target: Target) -> None:
        """Lead what was paused back gently: whoever was held up comes back, and comes at once."""
        if target.what is not What.ROOM:
            for host in self.plan.hosts:
                if target.what is What.EVERYTHING or host.name == target.name:
                    self.slots.slow_start(host.name)

    def observe(self, backend: str, mechanism: str, on: bool) -> None:
        """Let a mechanism count and refuse nobody, or refuse again; `overrides.EVERY` for either means all."""
        (self.observed.put if on else self.observed.clear)(backend, mechanism)
        self._bound(self.plan)  # limit and line are as wide as they can be, or as the settings say again

    def _would_be_refused(self, seat: Seat, mechanism: str, reason: str, view: SlotsView) -> None:
        numbers = {"in_flight": view.in_flight, "ghosts": view.ghosts, "queued": view.queued}
        self.watch.event(
            "observed",
            backend=seat.backend,
            operation=seat.operation,
            client=seat.client,
            mechanism=mechanism,
            reason=reason,
            numbers=numbers,
        )

    def cut_off(self, backend: str, state: str | None, for_s: float = LONGEST_S) -> None:
        """Let an operator's word hold in place of a breaker's: cut_off, closed or disabled; None: the breaker decides again."""
        with suppress(
            LookupError
        ):  # it is gone from the settings, or has no breaker: there is nothing to hold or to end
            if state is None:
                self.breakers.lift(backend, None)
            else:
                self.breakers.force(backend, None, Forced[state.upper()], self.clock.now() + for_s)

    @property
    def urls(self) -> list[str]:
        """Where the public listener is."""
        return list(self.listener.urls)

    def _needs(self, plan: Plan, trust: Trust) -> Pieces[_Needs]:
        """Say which connections, documents and tracers a plan needs, and make those that are not there yet."""
        by_name = {backend.name: backend for backend in plan.hosts}
        contexts = {name: context_of(backend, trust) for name, backend in by_name.items()}
        return _Needs(
            (
                yield from self._upstreams.renew(
                    {
                        name: (backend.endpoints, backend.tls, backend.pool_idle_s, contexts[name])
                        for name, backend in by_name.items()
                    },
                    lambda name: HttpUpstream(by_name[name], self.watch, contexts[name]),
                )
            ),
            (
                yield from self._shelves.renew(
                    {
                        name: (backend.path, backend.endpoints, backend.wsdl)
                        for name, backend in by_name.items()
                        if backend.protocol is Protocol.SOAP and backend in plan.backends
                    },
                    lambda name: self._shelf(by_name[name]),
                )
            ),
            (
                yield from self._tracing.renew(
                    {plan.trace.endpoint: plan.trace} if plan.trace.endpoint is not None else {},
                    lambda endpoint: _tracing(self.watch, endpoint, plan.trace.sample),
                )
            ),
            trust,
        )

    def _shelf(self, backend: BackendPlan) -> Shelf:
        return Shelf(backend.name, backend.path, backend.endpoints, backend.wsdl, self.clock, self.watch)

    def _keep(self, needs: _Needs) -> None:
        self._upstreams.take(needs.upstreams)
        self._shelves.take(needs.shelves)
        self._tracing.take(needs.tracing)
        self._trust = needs.trust

    def _bound(self, plan: Plan) -> None:
        names = [backend.name for backend in plan.hosts]
        unlimited, wide = (
            frozenset(name for name in names if self.observed.ask(name, what)) for what in ("limit", "queue")
        )
        self.slots.bound(plan.hosts, self._limits, plan.classes, wide, unlimited)
        self.rates.bound({backend.name: backend.all_rates for backend in plan.backends})
        rules = {backend.name: backend.breaker for backend in plan.hosts if backend.breaker is not None}
        self.breakers.bound(rules, {backend.name: backend.identity for backend in plan.hosts})
        self.retries.bound({backend.name: backend.retry for backend in plan.hosts if backend.retry is not None})
        self.identities.bound(plan.backends)
        self.purchases.bound(plan.backends)
        self.places.bound(plan.backends, self._keys)
        https = plan.listen.tls is not None or (plan.public_url or "").startswith("https:")
        self.hall.bound(plan.rooms, self._keys, plan.cors.origins, https=https)
        self.crowds.bound(Clients(plan.clients, plan.callers))

    def _fold(self, plan: Plan, needs: _Needs) -> Pieces[_Road]:
        routes = Routes(plan)
        yield
        upstreams, shelves = needs.upstreams.now, needs.shelves.now
        adapters: dict[tuple[str, str], Adapter] = {}
        facades: dict[tuple[str, str], Facade] = {}
        booklets: dict[str, Booklet] = {}
        for backend in plan.hosts:
            for endpoint, url in backend.endpoints:
                adapters[backend.name, endpoint] = _adapter(
                    backend, endpoint, url, shelves.get(backend.name.removesuffix(SPARE))
                )
            yield
        for backend in plan.backends:
            own = {
                endpoint: facade_of(backend, url, _contract(shelves.get(backend.name), endpoint))
                for endpoint, url in backend.endpoints
            }
            facades |= {(backend.name, endpoint): facade for endpoint, facade in own.items()}
            booklets[backend.name] = booklet.Booklet(backend, own, lambda: self.listener.listen_url)
            yield
        watch: Watch = next(iter(needs.tracing.now.values()), self.watch)
        world = World(
            clock=self.clock,
            log=self.watch,
            watch=watch,
            memory=self.memory,
            slots=self.slots,
            rates=self.rates,
            breakers=self.breakers,
            retries=self.retries,
            pressure=self.pressure,
            rooms=self.hall,
            renderers=_RENDERERS,
            adapters=adapters,
            facades=facades,
            booklets=booklets,
            documents=shelves,
            upstreams=upstreams,
            headcounts=self._headcounts,
            flights=self.flights,
            new_id=self._new_id,
            new_secret=lambda: token_hex(16),
            chance=random,
            listen_url=lambda: self.listener.listen_url,
            draining=lambda: self._gone,
            client_of=Clients(plan.clients, plan.callers).of,
            identities=self.identities,
            purchases=self.purchases,
            answers=self.answers,
            deeds=self.deeds,
            places=self.places,
            injections=self.injections,
            pauses=self.pauses,
            observing=self.observed.ask,
            answered=self.crowds.tell,
            explained=Explaining(self.clock, self.slots, self.breakers, self.pressure).of,
            dialect_of=_dialect_of(routes),
            resources={
                f"{RESERVED}/healthz": lambda: orjson.dumps({"state": "ok", "version": __version__}),
                f"{RESERVED}/readyz": lambda: _GOING if self.listener.draining else _READY,
                f"{RESERVED}/states": _states,
            },
            lookups={
                ROOMS: self.hall,  # first: a crowd asks for nothing else
                booklet.ASSETS: booklet.asset,
                client.PREFIX: client.serve,
                PREFIX: Lookup(self.deeds, {backend.name: backend.identity_headers for backend in plan.backends}),
                outlook.PREFIX: outlook.Outlook(
                    self.slots.outlook,
                    self.clock,
                    random,
                    [backend.name for backend in plan.backends],
                    [each.name for each in plan.classes],
                ),
            },
        )
        answer = yield from pipeline.building(plan, world)
        yield
        refuse = refuser(plan, world)
        fetchers: dict[str, DocumentFetch] = {}
        for backend in plan.backends:
            if backend.protocol is Protocol.SOAP:
                yield
                fetchers[backend.name] = pipeline.fetcher(plan, backend, world)
        probes = {}
        for backend in plan.backends:
            probe = pipeline.prober(plan, backend, world)
            if probe is not None and backend.probe is not None:
                probes[backend.name] = (backend.probe.every_s, probe)
        return _Road(world, answer, refuse, fetchers, probes)

    def _fetch(self, road: _Road) -> None:
        """Let every shelf fetch by the current road; a new one begins to index."""
        self.prober.bound(road.probes)
        for name, fetch in road.fetchers.items():
            self._shelves[name].bind(fetch, self.pressure)

    def _retire(self, things: list[_Thing], after_s: float) -> None:
        """Close what no plan needs any more, once nobody who came before can still use it."""
        loop = asyncio.get_running_loop()
        for thing in things:
            if isinstance(thing, (Shelf, HttpUpstream)):
                thing.rest()
            self._retired[thing] = loop.call_later(after_s, self._close, thing)

    def _close(self, thing: _Thing) -> None:
        if isinstance(thing, HttpUpstream) and thing.busy:
            self._retired[thing] = asyncio.get_running_loop().call_later(_BUSY_S, self._close, thing)
            return
        del self._retired[thing]
        spawn(thing.close(), "retire")
        self._forget_the_gone()

    def _forget_the_gone(self) -> None:
        """Let go of what was learnt under names that no plan has, once nobody who came before can ask for it."""
        if not any(isinstance(thing, HttpUpstream) for thing in self._retired):
            for name in self._learnt_of.keys() - {backend.name for backend in self.plan.hosts}:
                self._forget(name)
                del self._learnt_of[name]

    async def stop(self, *, at_once: bool = False) -> None:
        """Drain, unless `at_once`, then close everything."""
        self._going = True
        drain = self.plan.drain
        self.log.event("draining", delay_s=drain.delay_s, timeout_s=drain.timeout_s)
        self.hall.drain()
        if not at_once:
            await self.listener.drain(drain.delay_s, drain.timeout_s, self._last_call)
        self._last_call()
        await self.listener.close()
        await self._release()
        self.log.event("stopped")

    def close(self) -> None:
        """Write the last lines of the log."""
        if isinstance(self.log, JsonLog):
            self.log.close()

    @property
    def log_dropped(self) -> int:
        """How many lines the log has lost since the start."""
        return self.log.dropped if isinstance(self.log, JsonLog) else 0

    def is_wary_of(self, backend: str) -> bool:
        """Whether a backend's connections are not kept, because it spoke unasked."""
        return self._upstreams[backend].wary

    def _learnt(self) -> list[Looked]:
        """Return the limits that are learnt."""
        found = [(host.name, self.slots.limits.find(host.name)) for host in self.plan.hosts]
        return [Looked(name, learnt, self.slots.view(name)) for name, learnt in found if learnt is not None]

    def _remember(self) -> None:
        """Write down now and then what has been learnt: a restart in the middle of a sale begins with it."""
        self._remembering = asyncio.get_running_loop().call_later(_REMEMBER_S, self._remember)
        self.slots.limits.remember()

    def _pulse(self) -> None:
        self._pulsing = asyncio.get_running_loop().call_later(_PULSE_S, self._pulse)
        self.slots.pulse()
        self.purchases.pulse()
        self.visitors.pulse(house.room for house in self.hall.houses.values())

    def _stop(self, room: str) -> Stop | None:
        """Return what an operator has stopped a room with."""
        sign = self.pauses.room(room)
        return None if sign is None else Stop(self.pauses.refusal(sign), sign.scope is Scope.ALL)

    def _backing(self, backends: Collection[str]) -> Backing:
        """Return what a room's backends bear together."""
        views = [self.slots.view(name) for name in backends]
        return Backing(
            all(self.breakers.peek(name, "", safe=False) is None for name in backends),
            sum(view.limit for view in views),
            sum(view.in_flight + view.ghosts for view in views),
            sum(view.queued - view.later for view in views),
            sum(each.queue_size for each in self.plan.backends if each.name in backends),
        )

    def _last_call(self) -> None:
        self._gone = True

    async def _release(self) -> None:
        """Close what the backends see of us, then let flights and ghosts say how they ended: their outcomes are in no other place."""
        self.watch.lag.stop()
        self.limits.stop()
        self.hall.close()
        self.prober.close()
        self.injections.close()
        self.pauses.close()
        self.by_hand.close()
        if self._pulsing is not None:
            self._pulsing.cancel()
        if self._remembering is not None:
            self._remembering.cancel()
            self.slots.limits.remember()
        for timer in self._retired.values():
            timer.cancel()
        for thing in (*self._shelves.all(), *self._upstreams.all(), *self._retired):
            await thing.close()
        self._retired.clear()
        left = [task for task in alive() if task.get_name().startswith(_FLYING)]
        if left:
            _, late = await asyncio.wait(left, timeout=_LAST_WORDS_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        await self.stores.close()  # what flights brought in their last words is written, too
        for tracing in self._tracing.all():  # last: it has the spans of all that ended here
            await tracing.close()


def _keys_of(plan: Plan, own: Keys) -> Keys:
    """Return what places are signed with: the keys of a file, else those that this process has had. Raises KeysUnusable."""
    return own if plan.keys is None else keys_in(Path(plan.keys))


def _tracing(watching: Watching, endpoint: str, sample: float) -> Tracing:
    from sidecar.watch.spans import Tracing  # noqa: PLC0415 - 20 MB that nobody pays who does not trace

    return Tracing(watching, endpoint, sample)


def _addresses(before: Plan, after: Plan) -> list[tuple[str, object, object]]:
    """Return what a listener is bound to, by key, in both plans."""
    return [
        ("listen.host", before.listen.host, after.listen.host),
        ("listen.port", before.listen.port, after.listen.port),
        ("listen.unix", before.listen.unix, after.listen.unix),
        ("listen.tls", before.listen.tls is None, after.listen.tls is None),
        ("admin.host", before.admin.host, after.admin.host),
        ("admin.port", before.admin.port, after.admin.port),
        ("admin.unix", before.admin.unix, after.admin.unix),
        ("metrics", before.metrics, after.metrics),
        ("store", before.store, after.store),
    ]


def _longest_s(plan: Plan) -> Pieces[float]:
    """Return for how long a request of a plan may still need what it began with: its body, its caller's patience, its ghost."""
    longest_s = 0.0
    for backend in plan.backends:
        ghost_s = backend.ghost_after_s
        longest_s = max(longest_s, *(line.timeout_s + ghost_s for line in backend.operations))
        yield
    return plan.limits.body_timeout_s + longest_s


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

    wanted = backend.wanted_params
    if shelf is None:
        return XmlRpcAdapter(
            faults=backend.faults,
            results=backend.results,
            is_declared=is_declared,
            strict=backend.strict,
            multicall_max=backend.multicall_max,
            wanted=wanted,
            path=urlsplit(url).path or "/",
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
        wanted=wanted,
        path=urlsplit(url).path or "/",
    )


class Contract(Port):
    """What is known of an endpoint's contract."""

    @property
    def index(self) -> Index | None:
        """The index, None while there is none."""
        ...

    @property
    def documents(self) -> Mapping[str, bytes] | None:
        """What it was made of, by location, the WSDL first."""
        ...


@dataclass(frozen=True, slots=True)
class _Shelved:
    """The contract of one endpoint, as its shelf has it at the moment."""

    shelf: Shelf
    endpoint: str

    @property
    def index(self) -> Index | None:
        return self.shelf.index(self.endpoint)

    @property
    def documents(self) -> Mapping[str, bytes] | None:
        return self.shelf.documents(self.endpoint)


def _contract(shelf: Shelf | None, endpoint: str) -> Contract | None:
    return None if shelf is None else _Shelved(shelf, endpoint)


def facade_of(backend: BackendPlan, url: str, contract: Contract | None) -> Facade:
    """Make one endpoint's JSON side; XML-RPC has no contract but the settings'."""

    def rules(name: str) -> Described:
        return booklet.rules_of(backend, name)

    if contract is None:
        return XmlRpcFacade(backend.signatures, rules, stack_traces=backend.json.stack_traces)
    return SoapFacade(
        lambda: contract.index,
        lambda: contract.documents,
        path=urlsplit(url).path or "/",
        options=Options(flatten=backend.json.flatten, camel=backend.json.camel_case),
        stack_traces=backend.json.stack_traces,
        rules=rules,
    )


def _new_ids() -> Callable[[], str]:
    """Return what makes request ids: chance once, then a counter; an id has to be unique, not secret."""
    origin, numbers = uuid4().hex[:16], count(1)
    return lambda: f"{origin}{next(numbers):010x}"


def _dialect_of(routes: Routes[BackendPlan]) -> Callable[[Head], Dialect]:
    def by(accept: str, content_type: str, path: str) -> Dialect:
        found = routes.find(path)
        if found is None:
            return dialect_by(accept, content_type, path, "/json/" in path, None)
        return dialect_by(accept, content_type, path, bool(found.facade), found.backend.protocol, found.rest)

    remembered = lru_cache(_HEADS_REMEMBERED)(by)

    def of(head: Head) -> Dialect:
        path = head.path
        if path.startswith(RESERVED):
            return Dialect.JSON
        accept, content_type = head.headers.get("Accept", ""), head.headers.get("Content-Type", "")
        short = len(accept) + len(content_type) + len(path) <= _SHORT_HEAD
        return (remembered if short else by)(accept, content_type, path)

    return of


def _states() -> bytes:
    rows = [
        {"state": row.name, "category": row.category, "status": row.status, "title": row.title, "reasons": row.reasons}
        for row in ROWS
    ]
    return orjson.dumps({"v": 1, "states": rows})
