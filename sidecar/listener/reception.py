"""Where connections come in: aiohttp's low-level server with a cap, and the list of who is idle.

Stands between the sockets and the connections. It may turn a connection away, which then is answered `overloaded`; it never
looks at bytes. Its hooks into aiohttp's `web_server.Server`: `__call__` makes the
protocol, `connection_made` and `connection_lost` keep `_connections`.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from aiohttp import web

from sidecar.listener import faults
from sidecar.listener.connection import Connection
from sidecar.listener.outbox import Outbox

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from aiohttp.web_protocol import RequestHandler

    from sidecar.model import Exchange, Head, Peer, Refusal, Reply
    from sidecar.plan import LimitsPlan
    from sidecar.ports import Clock, Log, Memory

SILENT_S: Final = (
    1.0  # a request follows its connection by a round trip: whoever is closed on before that hears nothing at all
)


@dataclass(slots=True)
class Desk:
    """Everything a connection asks of the outside; one for all connections. A reload replaces answer, refuse and limits."""

    answer: Callable[[Exchange], Awaitable[Reply]]
    refuse: Callable[[Refusal, Head | None, str | None, Exchange | Peer], Reply]
    farewell: Callable[[Exchange], Refusal]
    clock: Clock
    memory: Memory
    log: Log
    limits: LimitsPlan
    tls: bool


class Reception(web.Server):
    """aiohttp's low-level server, with a cap on connections and the list of idle ones, the longest idle first."""

    def __init__(self, desk: Desk, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(_unused, handler_cancellation=True, loop=loop)
        self.desk = desk
        self.outbox = Outbox(loop)
        self.draining = False
        self.idle: dict[Connection, None] = {}  # between two requests, the longest idle first
        self.silent: dict[Connection, float] = {}  # have not asked anything yet, since when, the oldest first
        self._leaving: set[Connection] = set()  # closed by either side, and not gone yet
        self.turned_away = 0  # connections over the cap that still wait for their answer
        self._gone: asyncio.Event | None = None  # set whenever a connection has ended, once somebody waits for it

    def __call__(self) -> Connection:
        return Connection(self, self._loop, self.desk.limits.header_bytes)

    def connection_made(self, handler: RequestHandler, transport: asyncio.Transport) -> None:
        super().connection_made(handler, transport)
        assert isinstance(handler, Connection)
        over = len(self._connections) - len(self._leaving) - self.turned_away - self.desk.limits.connections
        if over <= 0:
            return
        spare = self._spare()
        if spare is not None:
            spare.dismiss(at_once=True)
        elif self.turned_away < max(16, self.desk.limits.connections // 16):  # refusals have a bound of their own
            self.turned_away += 1
            handler.turned_away = True
        else:
            self.desk.log.event("connection_dropped", reason="connections", connections=len(self._connections))
            transport.abort()

    def full(self) -> Refusal:
        """Return what whoever is turned away is told."""
        numbers = (("open", len(self._connections)), ("limit", self.desk.limits.connections))
        return replace(faults.TURNED_AWAY, numbers=numbers)

    def _spare(self) -> Connection | None:
        """Return whose end nobody would notice: a kept connection, else one that has said nothing for a while."""
        if self.idle:
            return next(iter(self.idle))
        oldest, since = next(iter(self.silent.items()), (None, 0.0))
        return oldest if self._loop.time() - since >= SILENT_S else None

    def rests(self, connection: Connection) -> None:
        """Note that it carries nothing."""
        if connection.asked:
            self.idle[connection] = None
        else:
            self.silent[connection] = self._loop.time()

    def stirs(self, connection: Connection) -> None:
        """Note that a request has begun there, or that it ends: from here on nobody may close it to make room."""
        self.idle.pop(connection, None)
        self.silent.pop(connection, None)

    def leaves(self, connection: Connection) -> None:
        """Note that it has begun to end: it takes a turn of the loop or two, and nobody's place meanwhile."""
        self.stirs(connection)
        if not connection.turned_away:  # that one never had a place
            self._leaving.add(connection)

    def connection_lost(self, handler: RequestHandler, exc: BaseException | None = None) -> None:
        assert isinstance(handler, Connection)
        self.stirs(handler)
        if handler.turned_away:
            self.turned_away -= 1
        task = handler._task_handler  # noqa: SLF001 - aiohttp keeps a connection listed until this has ended
        super().connection_lost(handler, exc)
        if task is None:
            self._leaving.discard(handler)
        else:
            self._leaving.add(handler)
            task.add_done_callback(lambda _: self._left(handler))

    def _left(self, handler: Connection) -> None:
        self._leaving.discard(handler)
        self._look()

    async def emptied(self) -> None:
        """Wait until the last connection and its task have ended."""
        await self._until(lambda: not self._connections)

    async def ended(self, whom: Iterable[Connection]) -> None:
        """Wait until these connections and their tasks have ended."""
        left = set(whom)
        await self._until(lambda: left.isdisjoint(self._connections))

    async def _until(self, holds: Callable[[], bool]) -> None:
        self._gone = asyncio.Event()
        while not holds():
            await self._gone.wait()
            self._gone.clear()

    def _look(self) -> None:
        if self._gone is not None:
            self._gone.set()


async def _unused(request: web.BaseRequest) -> web.StreamResponse:
    raise NotImplementedError(f"Connection.start never hands {request} to aiohttp's handler")
