"""A scriptable backend on a raw socket, with a journal of what it received, executed and answered.

Stands where the fragile system stands in life: `async with Backend(answer(...)) as b`, then `b.url`, `b.journal`, `b.connections`.
It is on loopback only, bounded by its script, and as a thread it serves blocking clients.
"""

from __future__ import annotations

import asyncio
import contextlib
import select
import socket
import threading
from typing import TYPE_CHECKING, Self, cast

from tests.support.journal import Connection, Entry, Journal
from tests.support.plays import (
    FAULT_POINTS,
    Gate,
    Play,
    Point,
    Turn,
    Way,
    answer,
    by_connection,
    by_operation,
    cut,
    fault_plays,
    idle_close,
    keep_alive_race,
    silent,
)
from tests.support.visit import Stopped, Visit
from tests.support.wire import Gone, Wire

if TYPE_CHECKING:
    import ssl as ssl_module
    from collections.abc import Coroutine, Sequence
    from pathlib import Path
    from types import TracebackType
    from typing import Any, TypeVar

    T = TypeVar("T")

__all__ = [
    "FAULT_POINTS",
    "Backend",
    "Blackhole",
    "Gate",
    "Play",
    "Point",
    "ThreadBackend",
    "Turn",
    "Visit",
    "Way",
    "answer",
    "by_connection",
    "by_operation",
    "cut",
    "fault_plays",
    "idle_close",
    "keep_alive_race",
    "silent",
]


class Backend:
    """Plays its script in order of arrival, one play per request, the last one for ever.

    A play that breaks off at ACCEPT is taken by a new connection, every other by a request. `idle_s` is the backend's own
    keep-alive time. `sends_continue=False` lets `Expect: 100-continue` wait.
    """

    def __init__(
        self,
        script: Play | Sequence[Play] | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        unix: Path | None = None,
        ssl: ssl_module.SSLContext | None = None,
        idle_s: float | None = None,
        sends_continue: bool = True,
        receive_buffer_bytes: int | None = None,
    ) -> None:
        self.host, self.port, self.unix = host, port, unix
        self.journal = Journal()
        self.connections: list[Connection] = []
        self.errors: list[BaseException] = []  # of plays: bugs in the test, raised when the backend is left
        self._ssl, self._idle_s, self._sends_continue = ssl, idle_s, sends_continue
        self._receive_buffer_bytes = receive_buffer_bytes
        self._server: asyncio.Server | None = None
        self._wires: set[Wire] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._plays: list[Play] = []
        self.play(*([answer()] if script is None else [script] if callable(script) else script))

    def play(self, *plays: Play) -> None:
        """Replace the script from here on."""
        if not plays:
            raise ValueError("a script needs at least one play")
        self._plays = list(plays)

    @property
    def url(self) -> str:
        scheme = "https" if self._ssl else "http"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}:{self.port}"

    @property
    def open_connections(self) -> int:
        return sum(connection.closed_s is None for connection in self.connections)

    @property
    def listening(self) -> asyncio.Server | None:
        return self._server

    # --- its life

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
        if self.errors and error is None:
            raise self.errors[0]

    async def start(self) -> Self:
        """Listen; after `stop` again on the same port, as a restarted backend does."""
        loop = asyncio.get_running_loop()
        if self.unix is not None:
            self._server = await loop.create_unix_server(self._wire, self.unix, ssl=self._ssl)
            return self
        sock = socket.socket(socket.AF_INET6 if ":" in self.host else socket.AF_INET)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if self._receive_buffer_bytes is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._receive_buffer_bytes)
        sock.bind((self.host, self.port))
        self.port = sock.getsockname()[1]
        self._server = await loop.create_server(self._wire, sock=sock, ssl=self._ssl, backlog=1024)
        return self

    async def refuse(self) -> None:
        """Stop listening (new connections are refused) and go on serving the ones that stand."""
        if self._server is not None:
            self._server.close()
            self._server = None

    async def stop(self) -> None:
        """Die: stop listening and reset every connection."""
        await self.refuse()
        wires, tasks = list(self._wires), list(self._tasks)
        for task in tasks:
            task.cancel()
        for wire in wires:
            wire.rst()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(wire.lost.wait() for wire in wires))

    def close_idle(self) -> None:
        """End every connection that is between two requests, politely and unasked."""
        for wire in [wire for wire in self._wires if wire.idle]:
            wire.fin()

    # --- serving

    def _wire(self) -> Wire:
        return Wire(self._opened, self._wire_changed, tls=self._ssl is not None)

    def _opened(self, wire: Wire) -> None:
        peer = wire.transport.get_extra_info("peername")
        connection = Connection(len(self.connections), _now(), peer)
        self.connections.append(connection)
        wire.connection = connection
        self._wires.add(wire)
        task = asyncio.get_running_loop().create_task(
            self._serve(wire, connection), name=f"backend {connection.number}"
        )
        self._tasks.add(task)
        task.add_done_callback(self._served)
        self.journal.changed()

    def _served(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.errors.append(error)

    def _wire_changed(self, wire: Wire) -> None:
        if wire.entry is not None and wire.peer_gone and wire.entry.peer_gone != wire.peer_gone:
            wire.entry.peer_gone, wire.entry.peer_gone_s = wire.peer_gone, _now()
        if wire.lost.is_set() and wire.connection is not None:
            wire.connection.closed_s, wire.connection.ended = _now(), wire.ended
            self._wires.discard(wire)
        self.journal.changed()

    async def _serve(self, wire: Wire, connection: Connection) -> None:
        try:
            if getattr(self._plays[0], "at_accept", False):
                await self._break_at_accept(wire, cast("Turn", self._take()))
                return
            wait_s = self._idle_s
            while await self._next_request(wire, wait_s):
                visit = await self._visit(wire, connection)
                if not visit.keeps or not visit.entry.body_whole or wire.ended:
                    return
                wait_s = visit.idle_s if visit.idle_s is not None else self._idle_s
        finally:
            wire.fin()

    async def _break_at_accept(self, wire: Wire, turn: Turn) -> None:
        if turn.way is Way.RST:
            wire.rst()
        elif turn.way is Way.HOLD:
            wire.stop_reading()
            await wire.lost.wait()

    async def _next_request(self, wire: Wire, wait_s: float | None) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                return await wire.any()
        return False

    async def _visit(self, wire: Wire, connection: Connection) -> Visit:
        entry = Entry(len(self.journal), connection.number, connection.requests > 0, _now())
        connection.requests += 1
        wire.entry = entry
        self.journal.add(entry)
        visit = Visit(entry, wire, self.journal, sends_continue=self._sends_continue)
        try:
            await self._take()(visit)
        except Stopped:
            pass
        except (Gone, ValueError) as error:  # the peer left, or sent what is no request
            entry.error, visit.keeps = str(error), False
        finally:
            wire.entry = None
            self.journal.end(entry, _now())
        return visit

    def _take(self) -> Play:
        return self._plays.pop(0) if len(self._plays) > 1 else self._plays[0]


class ThreadBackend:
    """A `Backend` on a loop and a thread of its own, for clients that block; `with ThreadBackend(answer()) as b`.

    The journal may be read from outside at any time; verbs that act go through `call`.
    """

    def __init__(self, script: Play | Sequence[Play] | None = None, **options: Any) -> None:
        self.backend = Backend(script, **options)
        self._loop = asyncio.SelectorEventLoop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="backend", daemon=True)

    @property
    def url(self) -> str:
        return self.backend.url

    @property
    def journal(self) -> Journal:
        return self.backend.journal

    @property
    def connections(self) -> list[Connection]:
        return self.backend.connections

    def call(self, coro: Coroutine[Any, Any, T], within_s: float = 30.0) -> T:
        """Run `coro` on the backend's loop and return its result: `b.call(b.journal.arrived(2))`."""
        return asyncio.run_coroutine_threadsafe(coro, self._loop).result(within_s)

    def play(self, *plays: Play) -> None:
        self._loop.call_soon_threadsafe(self.backend.play, *plays)

    def __enter__(self) -> Self:
        self._thread.start()
        self.call(self.backend.start())
        return self

    async def _end(self) -> None:
        """Stop; leave nobody half taken in: asyncio loses the socket of whom it has accepted when the server closes before his turn."""
        if self.backend.listening is not None:
            for sock in self.backend.listening.sockets:
                self._loop.remove_reader(sock)
            await asyncio.sleep(0)
        await self.backend.stop()
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        if rest:
            await asyncio.wait(rest, timeout=1)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.call(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        if self.backend.errors and error is None:
            raise self.backend.errors[0]


class Blackhole:
    """A port that never completes a handshake: its accept queue is full, so the kernel drops every SYN (listen(2), Linux)."""

    def __init__(self) -> None:
        self._listener = socket.socket()
        self._fillers: list[socket.socket] = []
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(0)
        self.port = self._listener.getsockname()[1]
        # One more than the backlog completes on Linux; a fourth that does would be a surprise.
        for _ in range(4):
            if not await self._fill():
                return self
        raise AssertionError("the accept queue of a listener with backlog 0 did not fill")

    async def _fill(self) -> bool:
        """Open one connection that nobody accepts; False once the kernel leaves it hanging."""
        filler = socket.socket()
        filler.setblocking(False)
        self._fillers.append(filler)
        try:
            async with asyncio.timeout(0.1):  # a loopback handshake takes microseconds
                await asyncio.get_running_loop().sock_connect(filler, ("127.0.0.1", self.port))
        except TimeoutError:  # or the loop was late: the kernel knows whether it stands
            return bool(select.select((), (filler,), (), 0)[1])
        return True

    async def __aexit__(self, *_: object) -> None:
        for sock in (*self._fillers, self._listener):
            sock.close()


def _now() -> float:
    return asyncio.get_running_loop().time()
