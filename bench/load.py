"""The load: a few kept connections, one request each at a time, written and read in lockstep by one thread.

Its own cost falls on the other core. It says what came back, and stops at the first reply that is not like the first one.
"""

from __future__ import annotations

import socket
from typing import Final

CONNECTIONS: Final = 8  # below the default limit of 16 calls at the backend: nobody stands in line
_READ: Final = 262_144
TIMEOUT_S: Final = 20.0


class Odd(RuntimeError):  # noqa: N818 - what it says is what happened
    """A reply that was not expected; the text shows its beginning."""


def read_reply(sock: socket.socket) -> tuple[bytes, bytes]:
    """Read one reply with a Content-Length; returns its head and its body."""
    got = b""
    while (end := got.find(b"\r\n\r\n")) < 0:
        piece = sock.recv(_READ)
        if not piece:
            raise Odd(f"the connection ended in a reply's head: {got[:200]!r}")
        got += piece
    head, rest = got[:end], [got[end + 4 :]]
    found = head.lower().find(b"content-length:")
    if found < 0:
        raise Odd(f"a reply without Content-Length: {head[:200]!r}")
    left = int(head[found + 15 :].split(b"\r\n", 1)[0]) - len(rest[0])
    while left > 0:
        piece = sock.recv(_READ)
        if not piece:
            raise Odd(f"the connection ended in a reply's body, {left} bytes early")
        rest.append(piece)
        left -= len(piece)
    return head, b"".join(rest)


def connect(port: int) -> socket.socket:
    """Open one connection."""
    sock = socket.create_connection(("127.0.0.1", port), TIMEOUT_S)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def once(port: int, request: bytes) -> tuple[bytes, bytes]:
    """Send one request on a connection of its own."""
    with connect(port) as sock:
        sock.sendall(request)
        return read_reply(sock)


class Load:
    """Connections that are kept from round to round."""

    def __init__(self, port: int, request: bytes, status: int) -> None:
        self._request, self._status = request, b" %d " % status
        self._sockets = [connect(port) for _ in range(CONNECTIONS)]

    def run(self, count: int) -> None:
        """Send `count` requests, rounded down to a multiple of the connections."""
        for _ in range(count // CONNECTIONS):
            for sock in self._sockets:
                sock.sendall(self._request)
            for sock in self._sockets:
                head, _ = read_reply(sock)
                if self._status not in head[:16]:
                    raise Odd(f"expected{self._status.decode()}, got {head[:200]!r}")

    def close(self) -> None:
        """Hang up."""
        for sock in self._sockets:
            sock.close()
