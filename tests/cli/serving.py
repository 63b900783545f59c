"""One fixed answer on a port or a unix socket, for commands that ask: `with serving(body=b"{}") as (where, asked)`."""

from __future__ import annotations

import contextlib
import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


class _UnixServer(HTTPServer):
    address_family = socket.AF_UNIX

    def server_bind(self) -> None:
        self.socket.bind(self.server_address)
        self.server_name, self.server_port = "localhost", 0

    def get_request(self) -> tuple[socket.socket, Any]:
        return self.socket.accept()[0], ("unix", 0)


@contextlib.contextmanager
def serving(address: Any = ("127.0.0.1", 0), status: int = 200, body: bytes = b"{}") -> Iterator[tuple[str, list[Any]]]:
    """Serve one fixed answer; the list gets (method, path, headers, body) of each request."""
    asked: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            sent = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            asked.append((self.command, self.path, self.headers, sent))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Location", "http://evil.example/")
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    made = HTTPServer if isinstance(address, tuple) else _UnixServer
    with made(address, Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        where = f"http://127.0.0.1:{server.server_address[1]}" if isinstance(address, tuple) else f"unix:{address}"
        try:
            yield where, asked
        finally:
            server.shutdown()
            thread.join()
