"""A recording TCP tap: passes bytes between a client and a server untouched and keeps what it passed, and whose connection it was.

Two of them stand around the road, one before the sidecar and one before the backend; what both recorded must be the same. A tap
never changes, delays on purpose or parses a byte while it passes; parsing happens afterwards, on the record.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import io
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from tests.support.process import socket_inodes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PIECE_BYTES = 65536
"""One read; a loopback segment is at most this long."""

NETLINK_SOCK_DIAG, SOCK_DIAG_BY_FAMILY = 4, 20
"""Numbers of linux/netlink.h and linux/sock_diag.h that the socket module does not name."""

WAIT_S = 20.0
"""How long a test waits for something that the tap should see: far above any timer in these tests."""


@dataclass(slots=True)
class Exchange:
    """One request and its reply as they stood on the wire, transfer coding removed, content coding kept."""

    at: float
    method: str
    target: str
    version: str
    request_headers: http.client.HTTPMessage
    request_body: bytes
    interim: bool
    status: int
    reply_version: int
    reply_headers: http.client.HTTPMessage
    reply_body: bytes

    @property
    def fingerprint(self) -> tuple[str, str]:
        """SHA-256 of the request body and of the reply body."""
        return hashlib.sha256(self.request_body).hexdigest(), hashlib.sha256(self.reply_body).hexdigest()

    def __repr__(self) -> str:
        sizes = f"{len(self.request_body)} B -> {self.status}, {len(self.reply_body)} B"
        return f"<{self.method} {self.target} {sizes} at {self.at:.3f}>"


@dataclass(slots=True)
class Connection:
    """One accepted connection: both byte streams, when each piece of the client's came, and who hung up first."""

    peer: tuple[str, int]
    foreign: bool
    up: bytearray = field(default_factory=bytearray)
    down: bytearray = field(default_factory=bytearray)
    moments: list[tuple[int, float]] = field(default_factory=list)
    closed_by: str | None = None
    ended: bool = False

    def exchanges(self) -> list[Exchange]:
        """Parse what was recorded; an exchange that is not finished is left out."""
        return list(_exchanges(self, _Recorded(bytes(self.up)), _Recorded(bytes(self.down))))

    @property
    def settled(self) -> bool:
        """Say whether every request has its whole reply."""
        up, down = _Recorded(bytes(self.up)), _Recorded(bytes(self.down))
        for _ in _exchanges(self, up, down):
            pass
        return up.tell() == len(self.up) and down.tell() == len(self.down)


class Tap:
    """Listens on `port`, connects to `target` for each connection that it accepts."""

    def __init__(self, target: tuple[str, int]) -> None:
        self.target = target
        self.connections: list[Connection] = []
        self.rightful_pid: int | None = None
        self._changed = threading.Condition()
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), name=f"tap {self.port}", daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.down()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def only(self, pid: int | None) -> None:
        """From now on every connection that process `pid` does not hold is recorded as foreign."""
        self.rightful_pid = pid

    def clear(self) -> None:
        """Forget what was recorded, once nothing is under way: the sidecar fetches WSDLs when it likes."""
        self.wait(lambda tap: all(each.ended or each.settled for each in tap.connections))
        with self._changed:
            self.connections = [each for each in self.connections if not each.ended]
            for each in self.connections:
                each.up.clear()
                each.down.clear()
                each.moments.clear()

    def exchanges(self, method: str | None = "POST") -> list[Exchange]:
        """Return what passed since the last `clear`, in the order of the requests' first bytes."""
        with self._changed:
            found = [exchange for each in self.connections for exchange in each.exchanges()]
        return sorted((each for each in found if method in {None, each.method}), key=lambda each: each.at)

    def wait(self, seen: Callable[[Tap], bool], timeout_s: float = WAIT_S) -> None:
        """Wait until `seen(tap)` holds; it is asked again after each event."""
        with self._changed:
            if not self._changed.wait_for(lambda: seen(self), timeout_s):
                raise TimeoutError(
                    f"the tap on {self.port} did not see it in {timeout_s:g} s: {self.connections!r:.2000}"
                )

    def down(self) -> None:
        """Stop listening and cut every connection, as a backend that has died; the port then refuses."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits in accept
        self._listener.close()
        for each in list(self._open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def up(self) -> None:
        """Listen again on the same port after `down`."""
        self._listener = socket.create_server(("127.0.0.1", self.port), backlog=256)
        threading.Thread(target=self._accept, args=(self._listener,), name=f"tap {self.port}", daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, peer = listener.accept()
            except OSError:
                return
            pid = self.rightful_pid
            foreign = pid is not None and _inode_of(peer, client.getsockname()) not in socket_inodes(pid)
            connection = Connection(peer, foreign)
            try:
                server = socket.create_connection(self.target, timeout=10)
            except OSError:
                client.close()
                connection.closed_by, connection.ended = "server", True
                with self._changed:
                    self.connections.append(connection)
                    self._changed.notify_all()
                continue
            server.settimeout(None)
            for each in (client, server):
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._changed:
                self.connections.append(connection)
                self._open += [client, server]
                self._changed.notify_all()
            threading.Thread(target=self._serve, args=(connection, client, server), daemon=True).start()

    def _serve(self, connection: Connection, client: socket.socket, server: socket.socket) -> None:
        back = threading.Thread(target=self._pump, args=(connection, server, client, "server"), daemon=True)
        back.start()
        self._pump(connection, client, server, "client")
        back.join()
        with self._changed:
            connection.ended = True
            for each in (client, server):
                self._open.remove(each)
                each.close()
            self._changed.notify_all()

    def _pump(self, connection: Connection, source: socket.socket, sink: socket.socket, name: str) -> None:
        kept = connection.up if name == "client" else connection.down
        while True:
            try:
                piece = source.recv(PIECE_BYTES)
            except OSError:
                piece = b""
            with self._changed:
                if not piece:
                    connection.closed_by = connection.closed_by or name
                elif name == "client":
                    connection.moments.append((len(kept), time.monotonic()))
                kept += piece
                self._changed.notify_all()
            try:
                if not piece:
                    sink.shutdown(socket.SHUT_WR)
                    return
                sink.sendall(piece)
            except OSError:
                return


def _inode_of(peer: tuple[str, int], own: tuple[str, int]) -> int:
    """Ask the kernel for the inode of the socket at the other end (sock_diag(7), inet_diag_req_v2); 0 when it has gone.

    The table in /proc/net/tcp says the same, but walking it while others open connections misses lines.
    """
    request = struct.pack("=BBBxI", socket.AF_INET, socket.IPPROTO_TCP, 0, 0xFFFFFFFF)
    request += struct.pack("!HH4s12x4s12x", peer[1], own[1], socket.inet_aton(peer[0]), socket.inet_aton(own[0]))
    request += struct.pack("=III", 0, 0xFFFFFFFF, 0xFFFFFFFF)  # any interface, no cookie
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG) as kernel:
        kernel.send(struct.pack("=IHHII", 16 + len(request), SOCK_DIAG_BY_FAMILY, 1, 1, 0) + request)
        reply = kernel.recv(8192)
    if struct.unpack_from("=IH", reply)[1] != SOCK_DIAG_BY_FAMILY:  # an error message instead: no such socket any more
        return 0
    inode: int = struct.unpack_from("=I", reply, 16 + 68)[0]  # idiag_inode, the last member of inet_diag_msg
    return inode


class _Recorded(io.BytesIO):
    """A record that survives its reader's close, and stands in for the socket that http.client asks for a file."""

    def makefile(self, *_: object) -> Self:
        return self

    def close(self) -> None:
        """Stay open: the next reply is read from the same record."""


def _exchanges(connection: Connection, up: _Recorded, down: _Recorded) -> Iterator[Exchange]:
    while True:
        at = up.tell()
        line = up.readline().decode("latin-1").split()
        if len(line) != 3:  # method, target, version; less is the end of the record
            return
        headers = http.client.parse_headers(up)
        body = _body(up, headers)
        interim = down.getbuffer()[down.tell() :][:12].tobytes() == b"HTTP/1.1 100"
        reply = http.client.HTTPResponse(down, method=line[0])
        try:
            reply.begin()
            reply_body = reply.read()
        except (http.client.HTTPException, OSError):
            up.seek(at)  # not a whole exchange: its request counts as unread
            return
        yield Exchange(
            at=max(moment for offset, moment in connection.moments if offset <= at),
            method=line[0],
            target=line[1],
            version=line[2],
            request_headers=headers,
            request_body=body,
            interim=interim,
            status=reply.status,
            reply_version=reply.version,
            reply_headers=reply.headers,
            reply_body=reply_body,
        )


def _body(stream: io.BytesIO, headers: http.client.HTTPMessage) -> bytes:
    if headers.get("Transfer-Encoding", "").lower() != "chunked":
        return stream.read(int(headers.get("Content-Length", 0)))
    body = bytearray()
    while size := int(stream.readline().split(b";")[0] or b"0", 16):
        body += stream.read(size)
        stream.readline()
    while stream.readline().strip():
        pass
    return bytes(body)
