"""What the process tells its service manager (sd_notify(3)): that it is ready, reloads, goes; and, while its loop turns, that it lives.

Stands beside the road; `app` calls it. It answers nobody, waits for nobody and never raises. Where nobody listens ($NOTIFY_SOCKET is not
set) nothing is opened, timed or sent.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_STATUS_CHARS: Final = 500  # a line of `systemctl status`; the manager drops a message of more than 4096 bytes whole
_MICRO: Final = 1_000_000


class Notifier:
    """One process's line to its service manager. `environ` is read once: NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID.

    `ready` starts the watchdog's beat on the running loop, at half of what the manager allows, so that one late turn is not a death
    (sd_watchdog_enabled(3)). The beat is a timer of the loop and nothing else: while the loop is held, none is sent.
    """

    def __init__(self, environ: Mapping[str, str], pid: int | None = None) -> None:
        self._address = _address(environ.get("NOTIFY_SOCKET", ""))
        self._beat_s = _beat_s(environ, os.getpid() if pid is None else pid) if self._address else None
        self._socket: socket.socket | None = None
        self._next: asyncio.TimerHandle | None = None

    def __repr__(self) -> str:
        if not self._address:
            return "<Notifier nobody listens>"
        return f"<Notifier {self._address!r} beat={'off' if self._beat_s is None else f'{self._beat_s:g} s'}>"

    def ready(self, status: str) -> bool:
        """Say that it serves: after the start, and again when a reload is over, however it went. Begins the beat."""
        said = self._send("READY=1", _status(status))
        if self._beat_s is not None and self._next is None:
            self._beat()
        return said

    def reloading(self, status: str = "reading its settings") -> bool:
        """Say that it reloads; `ready` says that it has."""
        # The clock is CLOCK_MONOTONIC, which is Python's own on Linux: a manager from 253 on refuses a reload without it.
        return self._send("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}", _status(status))

    def stopping(self, status: str, within_s: float) -> bool:
        """Say that it goes, and how long that may take: a unit's TimeoutStopSec= that is shorter does not cut the drain."""
        return self._send("STOPPING=1", f"EXTEND_TIMEOUT_USEC={round(within_s * _MICRO)}", _status(status))

    def status(self, text: str) -> bool:
        """Say in one line what `systemctl status` shows."""
        return self._send(_status(text))

    def close(self) -> None:
        """End the beat and let go of the socket."""
        if self._next is not None:
            self._next.cancel()
            self._next = None
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _beat(self) -> None:
        assert self._beat_s is not None, "only who is watched beats"
        self._send("WATCHDOG=1")
        self._next = asyncio.get_running_loop().call_later(self._beat_s, self._beat)

    def _send(self, *lines: str) -> bool:
        """Send one datagram, or not: a manager that does not listen, or not fast enough, is no reason to stop the traffic."""
        if not self._address:
            return False
        try:
            if self._socket is None:
                self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
                self._socket.setblocking(False)
            self._socket.sendto("\n".join(lines).encode(errors="replace"), self._address)
        except OSError:
            return False
        return True


def _address(named: str) -> str:
    """Return what `sendto` wants: a path, or the name of an abstract socket, whose @ stands for a zero (unix(7)). "" for any other."""
    if named.startswith("@") and len(named) > 1:
        return "\0" + named[1:]
    return named if named.startswith("/") else ""


def _beat_s(environ: Mapping[str, str], pid: int) -> float | None:
    """Return the seconds from beat to beat; None where this process is not the one that is watched."""
    allowed, whom = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    if not _is_count(allowed) or int(allowed) == 0 or (whom and whom != str(pid)):
        return None
    return int(allowed) / _MICRO / 2


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= len(str(2**64))  # it is a uint64_t there


def _status(text: str) -> str:
    """Return one line: a line break in a status would be read as the next field."""
    return "STATUS=" + " ".join(text.split())[:_STATUS_CHARS]
