"""The door of a server that can refuse: it listens, slams shut with a reset for everybody inside, and opens again.

It stands behind the road, under the box office's server. Shut, the port refuses connections but stays ours: a second
socket is bound to it and never listens, so nobody else can take it meanwhile.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from aiohttp import web

BACKLOG = 1024  # a full fall must be seen by the law, not by the kernel's queue


class Door:
    """One listening address of an aiohttp server."""

    def __init__(self, server: web.Server, host: str, port: int) -> None:
        self._server = server
        self._host = host
        self._holder = _bound(host, port)
        self.port: int = self._holder.getsockname()[1]
        self._listening: asyncio.Server | None = None
        self._turn = asyncio.Lock()

    @property
    def is_open(self) -> bool:
        return self._listening is not None

    async def open(self) -> None:
        async with self._turn:
            if self._listening is None:
                sock = _bound(self._host, self.port)
                self._listening = await asyncio.get_running_loop().create_server(
                    self._server, sock=sock, backlog=BACKLOG
                )

    def slam(self) -> int:
        """Refuse newcomers and reset every connection; returns how many were reset."""
        if self._listening is not None:
            self._listening.close()
            self._listening = None
        inside = [connection.transport for connection in self._server.connections if connection.transport is not None]
        for transport in inside:
            reset(transport)
        return len(inside)

    async def close(self) -> None:
        async with self._turn:
            if self._listening is not None:
                self._listening.close()
                self._listening = None
            self._holder.close()


def reset(transport: asyncio.BaseTransport) -> None:
    """Close with RST: lingering for zero seconds throws the unsent bytes away."""
    if (sock := transport.get_extra_info("socket")) is not None and sock.fileno() >= 0:
        # the option belongs to the open connection, not to the descriptor: set through a copy, it works with any loop's socket object
        with socket.socket(fileno=os.dup(sock.fileno())) as twin:
            twin.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    cast("asyncio.Transport", transport).abort()  # uvloop's transports are none by inheritance


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    # enough for two sockets of which one listens; SO_REUSEPORT would let a second box office share the port unnoticed
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        raise OSError(
            error.errno, f"cannot listen on {host}:{port} ({error.strerror}): choose another port, or 0 for a free one"
        ) from error
    sock.setblocking(False)
    return sock
