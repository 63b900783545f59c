"""Ports for programs that cannot bind port 0 and tell what they got.

A port that the kernel gave and that was given back may be somebody else's the moment after: another worker's server, or the near
end of any connection. Then one test's questions are answered by another test's sidecar. So these come from below what the
kernel gives away by itself, and each process has a slice of them that no other process of tests takes from.
"""

from __future__ import annotations

import os
import socket
from functools import cache
from itertools import cycle
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_FIRST, _END = 10_240, 32_768
"""From above the ports that browsers refuse (the last is 10080) to Linux's first ephemeral one (net.ipv4.ip_local_port_range)."""

_SLICE = 256


def free_port(host: str = "127.0.0.1") -> int:
    """Return a port that nothing is bound to and that nobody else is given; the same one again after 254 others."""
    _, ports = _claimed()
    for _ in range(_SLICE):
        port = next(ports)
        if (probe := _bound(host, port)) is not None:
            probe.close()
            return port
    raise OSError(f"all ports of this process's {_SLICE} are taken")


@cache
def _claimed() -> tuple[socket.socket, Iterator[int]]:
    """Take a slice for as long as this process lives: its first port stays bound."""
    slices = range(_FIRST, _END, _SLICE)
    for number in range(len(slices)):
        first = slices[(os.getpid() + number) % len(slices)]
        if (guard := _bound("127.0.0.1", first)) is not None:
            return guard, cycle(range(first + 1, first + _SLICE))
    raise OSError("all slices of ports are taken by other processes")


def _bound(host: str, port: int) -> socket.socket | None:
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        sock.bind((host, port))
    except OSError:
        sock.close()
        return None
    return sock
