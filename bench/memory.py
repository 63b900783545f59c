"""What the process holds: after its start, and per idle connection that has carried a call."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from bench import messages
from bench.cost import sidecar
from bench.load import connect, read_reply
from bench.report import Line

if TYPE_CHECKING:
    import socket
    from pathlib import Path

    from bench.process import Server

CONNECTIONS: Final = 10_000
_MIB: Final = 1024 * 1024


def memory(folder: Path, core: int, origin: Server, connections: int = CONNECTIONS) -> list[Line]:
    """Measure a fresh sidecar."""
    request = messages.post(messages.call(messages.OPERATION), messages.OPERATION)
    with sidecar(folder, origin.port, core) as server:
        time.sleep(1.0)  # the index of the WSDL is made after the start
        start_bytes = server.rss_bytes()
        for _ in range(200):  # what the first calls load belongs to no connection
            with connect(server.port) as sock:
                sock.sendall(request)
                read_reply(sock)
        before_bytes = server.rss_bytes()
        kept: list[socket.socket] = []
        try:
            for _ in range(connections):
                kept.append(connect(server.port))
                kept[-1].sendall(request)
                read_reply(kept[-1])
            held_bytes = (server.rss_bytes() - before_bytes) / connections
        finally:
            for sock in kept:
                sock.close()
    return [
        Line("memory after the start", start_bytes / _MIB, "MB", 75.0, "RSS, with a WSDL indexed"),
        Line(f"each of {connections} idle connections after a call", held_bytes / 1024, "KiB", 16.0, "growth of RSS"),
    ]
