"""aiohttp's low-level server for a handful of operators: few connections, short patience, and none of aiohttp's own pages.

Stands between the sockets and the listener's one handler. Its hooks into aiohttp: `Server.__call__` makes the connection,
`RequestHandler.handle_error` answers what no handler sees, `finish_response` sends.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from sidecar.admin import answers

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sidecar.ports import Log

CONNECTIONS: Final = 64  # some dashboards, a scraper, an operator: nobody needs more, and descriptors are for callers
# From one answer (or from the connection) to the end of the next request's head: a dashboard asks every second or two.
KEEP_ALIVE_S: Final = 15.0
SEND_S: Final = 10.0  # for the last byte of an answer; on a local network it takes a millisecond
_LINGER_S: Final = 2.0  # for whoever still sends a body that was refused, so that he reads why
_LINE_BYTES: Final = 8190  # one line or field; no request here is longer than a token and a path
_FIELDS: Final = 64
_PEERCRED: Final = struct.Struct("3i")  # pid, uid, gid: struct ucred of unix(7)


class Server(web.Server):
    """Makes the connections and counts them; where there are too many, the oldest that carries no request goes first."""

    def __init__(self, handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]], log: Log) -> None:
        # Who hangs up while he waits for the answer to a wrong token leaves the line.
        super().__init__(handler, handler_cancellation=True)
        self.log = log

    def __call__(self) -> Connection:
        """Return the protocol of a new connection."""
        return Connection(self, self._loop)

    def connection_made(self, handler: web.RequestHandler, transport: asyncio.Transport) -> None:
        super().connection_made(handler, transport)
        open_now = [each for each in self._connections if each.transport is not None]
        if len(open_now) > CONNECTIONS:
            idle = (each for each in open_now if each is not handler and not each._request_in_progress)  # noqa: SLF001 - aiohttp tells nobody else which connections are idle
            spare = next(idle, None)
            (handler if spare is None else spare).force_close()

    async def close(self, within_s: float) -> None:
        """End every connection; what is being answered has so long to get out."""
        self.pre_shutdown()
        transports = list(self._connections.values())
        await self.shutdown(within_s)
        for transport in transports:
            transport.abort()  # whoever has not read by now does not get it


class Connection(web.RequestHandler):
    """One operator's connection."""

    __slots__ = ("log",)

    def __init__(self, server: Server, loop: asyncio.AbstractEventLoop) -> None:
        options: dict[str, Any] = {
            "keepalive_timeout": KEEP_ALIVE_S,
            "access_log": None,
            "max_line_size": _LINE_BYTES,
            "max_field_size": _LINE_BYTES,
            "max_headers": _FIELDS,
            "lingering_time": _LINGER_S,
            "auto_decompress": False,  # an order is a hundred bytes: whoever packs them has something else in mind
        }
        super().__init__(server, loop=loop, **options)
        self.log = server.log

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what no handler sees: bytes that are no HTTP, and errors of our own, which only the log knows more of."""
        del message  # it quotes what was sent
        if request.writer.output_size > 0:  # half an answer is out: a second one behind it would be read as its rest
            raise ConnectionError("the answer broke off")
        if status >= 500:
            self.log.event("bug", where="admin", error=exc)
            said = answers.internal()
        else:
            said = answers.problem(status, "malformed", "this is no HTTP request", "send HTTP/1.1")
        said.force_close()
        return said

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send, but not for ever to somebody who does not read."""
        try:
            async with asyncio.timeout(SEND_S):
                return await super().finish_response(request, resp, start_time)
        except TimeoutError:
            if self.transport is not None:
                self.transport.abort()  # a close would wait for the bytes that nobody takes
            return resp, True


def peer_of(request: web.BaseRequest) -> str:
    """Return where a request comes from: an address, or the user behind a unix socket."""
    if request.remote:
        return request.remote
    bare = None if request.transport is None else request.transport.get_extra_info("socket")
    if bare is None:
        return "unix"
    try:
        credentials = bare.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEERCRED.size)
    except (AttributeError, OSError):  # not on Linux, or gone meanwhile
        return "unix"
    return f"uid{_PEERCRED.unpack(credentials)[1]}"
