"""The first steps to a backend: its name, its addresses, a connection to one of them, within the times that the sidecar would give it."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING, Any, TypeAlias

from sidecar.doctor.visit import STEP_S, reason, spoken_ms

if TYPE_CHECKING:
    from sidecar.doctor.visit import Visit

Address: TypeAlias = "tuple[int, Any]"  # the family, and what connect() takes for it


def resolve(visit: Visit) -> list[Address]:
    """Return the addresses of the backend's host."""
    visit.step = "resolve"
    try:
        found = socket.getaddrinfo(visit.host, visit.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        remedy = f"mend backends.{visit.backend.name}.url, or this machine's resolver (/etc/resolv.conf)"
        visit.fail("resolve", f"{visit.host} cannot be resolved: {reason(error)}", remedy)
    addresses: list[Address] = list(dict.fromkeys((int(family), address) for family, _, _, _, address in found))
    names = list(dict.fromkeys(str(address[0]) for _, address in addresses))
    if names != [visit.host]:
        visit.ok("resolve", f"{visit.host} is {', '.join(names)}")
    return addresses


def connect(visit: Visit, addresses: list[Address]) -> socket.socket:
    """Return a connection to the first address that takes one; all of them together have timeouts.connect."""
    visit.step = "connect"
    within_s = min(visit.backend.timeouts.connect_s, STEP_S)
    sock, said = _first(visit, addresses, within_s)
    if sock is None:
        remedy = f"start the backend, open the way to it, or mend backends.{visit.backend.name}.url"
        visit.fail("connect", f"no connection within timeouts.connect ({within_s:g} s): {'; '.join(said)}", remedy)
    return sock


def _first(visit: Visit, addresses: list[Address], within_s: float) -> tuple[socket.socket | None, list[str]]:
    began_s = time.monotonic()
    said: list[str] = []
    for address in addresses:
        left_s = within_s - (time.monotonic() - began_s)
        if left_s <= 0:
            said.append(f"{shown(address)} was not tried any more")
            continue
        try:
            sock = connected(address, left_s)
        except TimeoutError:
            said.append(f"{shown(address)} said nothing")
        except OSError as error:
            said.append(f"{shown(address)}: {reason(error)}")
        else:
            visit.ok("connect", f"{shown(address)} within {spoken_ms(time.monotonic() - began_s)}")
            return sock, said
    return None, said


def connected(address: Address, within_s: float) -> socket.socket:
    """Return a connection. Raises OSError."""
    sock = socket.socket(address[0], socket.SOCK_STREAM)
    try:
        sock.settimeout(within_s)
        sock.connect(address[1])
    except BaseException:
        sock.close()
        raise
    return sock


def shown(address: Address) -> str:
    """Return an address as people write it."""
    host, port = str(address[1][0]), address[1][1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
