"""A TCP relay between browser and sidecar: it listens in, and where it is told to, it stalls a request half-way.

A browser cannot be made to send slowly; the network before it can. It changes no byte and ends what either side ends.
"""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType

_READ_BYTES = 64 * 1024
_REQUEST_LINE = re.compile(rb"(?:^|\r\n\r\n)((?:GET|POST|PUT|OPTIONS|HEAD) \S+ HTTP/1\.1)\r\n")


@dataclass
class Relay:
    """Listens on a free loopback port. `stall`: after this, the rest of that connection's requests is held back."""

    port_behind: int
    stall: bytes | None = None
    after_bytes: int = 0  # so much behind `stall` still passes
    requests: list[str] = field(default_factory=list)  # request lines, in order of arrival

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._acceptor = threading.Thread(target=self._accept, name="relay", daemon=True)
        self._acceptor.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                self._open.append(near)
                try:
                    far = socket.create_connection(("127.0.0.1", self.port_behind))
                except OSError:
                    near.close()
                    continue
                self._open.append(far)
                for pump, ends in ((self._requests, (near, far)), (self._responses, (far, near))):
                    self._threads.append(threading.Thread(target=pump, args=ends, daemon=True))
                    self._threads[-1].start()

    def _requests(self, near: socket.socket, far: socket.socket) -> None:
        seen = b""
        with contextlib.suppress(OSError):
            while data := near.recv(_READ_BYTES):
                if not data.startswith((b"x", b" ")):  # not the filler of large bodies
                    self.requests += [found[1].decode() for found in _REQUEST_LINE.finditer(data)]
                seen += data
                at = -1 if self.stall is None else seen.find(self.stall)
                if at >= 0 and self.stall is not None:
                    keep = at + len(self.stall) + self.after_bytes - (len(seen) - len(data))
                    far.sendall(data[: max(0, keep)])
                    return  # neither sent on nor read any more
                far.sendall(data)
            far.shutdown(socket.SHUT_WR)

    def _responses(self, far: socket.socket, near: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := far.recv(_READ_BYTES):
                near.sendall(data)
            near.shutdown(socket.SHUT_WR)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End everything; a socket is closed once no thread uses it, because its number may be somebody else's the moment after."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._acceptor.join()
        for each in self._open:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for each in (self._listener, *self._open):
            each.close()
