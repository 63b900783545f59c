"""The public listener: sockets to connections to exchanges, and back; start, drain, close.

Stands at the outer end of the caller lane. It answers by itself only what no stage can have seen (bad bytes, slow heads,
too many connections, the end of a drain), through the function it is given, and it knows no route and no dialect.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
from typing import TYPE_CHECKING, Final

from aiohttp import http_parser

from sidecar.listener.connection import DRAINING, Connection
from sidecar.listener.reception import Desk, Reception
from sidecar.listener.request import keep_no_urls
from sidecar.sockets import ListenError, bind, forget_unix, load_certificate, shut_out, tls_context, unix_inode

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Awaitable, Callable

    from sidecar.model import Exchange, Head, Peer, Refusal, Reply
    from sidecar.plan import Plan
    from sidecar.ports import Clock, Log, Memory

__all__ = ["ListenError", "Listener"]

BACKLOG: Final = 4096  # asyncio's 100 overflows in the first second of a sale; the kernel's somaxconn may be lower
RECONNECT_S: Final = (
    0.5  # a reply with `Connection: close` makes a client connect anew within a round trip or two, and ask
)
FAREWELL_S: Final = 3.0  # for the last answers and the linger after them, once the drain's time is up


class Listener:
    """The public port.

    `answer` turns an exchange into a reply and does not raise but when it is cancelled; `refuse` renders a refusal made
    before any stage, from what is known of the head, its Origin, and the exchange or at least its peer; `farewell` says what
    becomes of an exchange that is still under way when the time to go has run out: whoever knows how far its flight came gives
    a truer answer than `draining`, which says that nothing was executed.
    """

    def __init__(
        self,
        plan: Plan,
        *,
        answer: Callable[[Exchange], Awaitable[Reply]],
        refuse: Callable[[Refusal, Head | None, str | None, Exchange | Peer], Reply],
        clock: Clock,
        memory: Memory,
        log: Log,
        farewell: Callable[[Exchange], Refusal] | None = None,
    ) -> None:
        self._listen = plan.listen
        self._desk = Desk(
            answer, refuse, farewell or _draining, clock, memory, log, plan.limits, tls=plan.listen.tls is not None
        )
        self._reception: Reception | None = None
        self._servers: list[tuple[asyncio.Server, socket.socket]] = []
        self._context: ssl.SSLContext | None = None
        self._unix: tuple[int, int] | None = None
        self.urls: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"<Listener {' '.join(self.urls) or 'not started'} connections={self.connections}>"

    @property
    def connections(self) -> int:
        """Connections that are open now."""
        return 0 if self._reception is None else len(self._reception.connections)

    @property
    def idle(self) -> int:
        """Of these, the ones that carry no request."""
        return 0 if self._reception is None else len(self._reception.idle) + len(self._reception.silent)

    @property
    def draining(self) -> bool:
        """Whether replies say `Connection: close` because we are going."""
        return self._reception is not None and self._reception.draining

    @property
    def listen_url(self) -> str | None:
        """Scheme, host and port that a client can be told; None for a unix socket and for "every address"."""
        if self._listen.unix is not None or not self.urls:
            return None
        with contextlib.suppress(ValueError):
            if ipaddress.ip_address(self._listen.host).is_unspecified:
                return None
        return self.urls[0] if self._listen.host else None

    async def start(self) -> None:
        """Bind and serve. Raises ListenError with the remedy."""
        refuse_slow_parser()
        keep_no_urls()
        loop = asyncio.get_running_loop()
        self._context = context = None if self._listen.tls is None else tls_context(self._listen.tls)
        self._reception = Reception(self._desk, loop)
        sockets = bind(self._listen)
        self.urls = tuple(self._url(bound) for bound in sockets)
        for bound in sockets:
            self._servers.append((await self._serve(loop, bound, context), bound))
        if self._listen.unix is not None:
            self._unix = unix_inode(self._listen.unix)

    async def _serve(
        self, loop: asyncio.AbstractEventLoop, bound: socket.socket, context: ssl.SSLContext | None
    ) -> asyncio.Server:
        assert self._reception is not None
        handshake_s, shutdown_s = self._tls_times_s()
        listen = loop.create_server if self._listen.unix is None else loop.create_unix_server
        return await listen(
            self._reception,
            sock=bound,
            backlog=BACKLOG,
            ssl=context,
            ssl_handshake_timeout=handshake_s,
            ssl_shutdown_timeout=shutdown_s,
        )

    def _tls_times_s(self) -> tuple[float | None, float | None]:
        """Return how long a handshake and a shutdown may take.

        A shutdown includes the last bytes of a reply: the loop's 30 s are not ours. What is shorter is the connection's to time.
        """
        limits = self._desk.limits
        return (None, None) if self._context is None else (limits.header_timeout_s, limits.body_timeout_s)

    def _url(self, bound: socket.socket) -> str:
        if self._listen.unix is not None:
            return f"unix:{self._listen.unix}"
        host, port = bound.getsockname()[:2]
        shown = self._listen.host if self._listen.host == "localhost" else host
        return f"http{'s' if self._desk.tls else ''}://{f'[{shown}]' if ':' in shown else shown}:{port}"

    async def drain(self, delay_s: float, timeout_s: float, last_call: Callable[[], None] | None = None) -> None:
        """Go in order: serve on for `delay_s` while load balancers learn of it. From `last_call` on whoever still comes is taken in
        only to be told that we go, and what is under way has `timeout_s` to finish. Then answer the rest, and close.
        """
        if self._reception is None:
            return
        self._reception.draining = True
        await asyncio.sleep(delay_s)
        if last_call is not None:
            last_call()
        under_way = [connection for connection in self._open() if not connection.retire(RECONNECT_S)]
        await self._within(self._reception.ended(under_way), timeout_s)
        if under_way:  # who was told to reconnect has: or is about to: he is told that we go, and comes no more
            await asyncio.sleep(min(RECONNECT_S, timeout_s))
        await self._shut()
        waiting = self._open()
        for connection in waiting:
            connection.expel(RECONNECT_S)
        await self._within(self._reception.ended(waiting), RECONNECT_S)
        for connection in self._open():
            connection.expel()
        await self._within(self._reception.emptied(), FAREWELL_S)
        await self.close()

    async def _shut(self) -> None:
        """Let nobody in any more; whom the kernel has let in already is taken in first: closing a door resets all who stand in it."""
        assert self._reception is not None
        reception, (handshake_s, shutdown_s) = self._reception, self._tls_times_s()
        came = [one for _, bound in self._servers for one in shut_out(bound)]
        self._stop_accepting()
        takes = (
            asyncio.get_running_loop().connect_accepted_socket(
                reception, one, ssl=self._context, ssl_handshake_timeout=handshake_s, ssl_shutdown_timeout=shutdown_s
            )
            for one in came
        )
        await asyncio.gather(*takes, return_exceptions=True)  # a handshake that fails ends its own connection

    async def close(self) -> None:
        """End at once: nothing is answered any more."""
        self._stop_accepting()
        for connection in self._open():
            connection.cut()
        if self._reception is not None:
            await self._within(self._reception.emptied(), FAREWELL_S)

    def _open(self) -> list[Connection]:
        if self._reception is None:
            return []
        return [connection for connection in self._reception.connections if isinstance(connection, Connection)]

    async def _within(self, waiting: Awaitable[None], timeout_s: float) -> None:
        """Wait for it, at most `timeout_s`."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await waiting

    def adopt(
        self,
        plan: Plan,
        answer: Callable[[Exchange], Awaitable[Reply]],
        refuse: Callable[[Refusal, Head | None, str | None, Exchange | Peer], Reply],
    ) -> None:
        """Take a new plan: what comes from here on is answered by it, under its limits, with its certificate. The address stays.

        Raises ListenError, and takes nothing, where the certificate cannot be used.
        """
        if plan.listen.tls is not None and self._context is not None:
            load_certificate(self._context, plan.listen.tls)
        self._desk.answer, self._desk.refuse, self._desk.limits = answer, refuse, plan.limits

    def _stop_accepting(self) -> None:
        for server, _ in self._servers:
            server.close()
        self._servers.clear()
        if self._unix is not None and self._listen.unix is not None:
            forget_unix(self._listen.unix, self._unix)
            self._unix = None


def _draining(_exchange: Exchange) -> Refusal:
    return DRAINING


def refuse_slow_parser() -> None:
    """Raise ListenError where aiohttp runs without its C parser: most smuggling advisories of its history lie there."""
    if http_parser.HttpRequestParser is http_parser.HttpRequestParserPy:
        raise ListenError(
            "aiohttp runs on its pure-Python HTTP parser. Install a wheel of aiohttp with C extensions for this Python, "
            "and unset AIOHTTP_NO_EXTENSIONS."
        )
