"""One request to a running sidecar: what is sent, what comes back, what is said where nothing does."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from sidecar.cli.remote import AddressError, NotReachedError, address_of, ask

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class UnixServer(HTTPServer):
    """The same on a unix socket."""

    address_family = socket.AF_UNIX

    def server_bind(self) -> None:
        self.socket.bind(self.server_address)


@contextlib.contextmanager
def echoing(unix: Path | None = None) -> Iterator[str]:
    """Answer each request with what it was, status 418."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            seen = {
                "method": self.command,
                "path": self.path,
                "body": body,
                **{k.lower(): v for k, v in self.headers.items()},
            }
            reply = json.dumps(seen).encode()
            self.send_response(418)
            self.send_header("Content-Length", str(len(reply)))
            self.send_header("X-Odd", "1")
            self.end_headers()
            self.wfile.write(reply)

        do_GET = do_POST = answer  # noqa: N815 - the names that http.server looks for

        def address_string(self) -> str:
            return "somebody"

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server: Any = UnixServer(str(unix), Handler) if unix else HTTPServer(("127.0.0.1", 0), Handler)
    with server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"unix:{unix}" if unix else f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("unix", [False, True])
def test_what_is_sent_and_what_comes_back(unix: bool, tmp_path: Path) -> None:
    """Over TCP and over a unix socket alike; a mapping goes as JSON, a token as a bearer's."""
    with echoing(tmp_path / "s" if unix else None) as where:
        status, headers, body = ask(where, "POST", "/admin/v1/config/reload", {"actor": "a"}, token="t", timeout_s=5)
        seen = json.loads(body)
        assert (status, headers["x-odd"]) == (418, "1")
        assert (seen["method"], seen["path"], seen["body"]) == ("POST", "/admin/v1/config/reload", '{"actor": "a"}')
        assert (seen["authorization"], seen["content-type"], seen["accept"]) == (
            "Bearer t",
            "application/json",
            "application/json",
        )
        assert seen["host"] == ("localhost" if unix else where.removeprefix("http://"))
        plain = json.loads(ask(where, "GET", "/x")[2])
        assert "authorization" not in plain
        assert json.loads(ask(where, "POST", "/x", b"raw")[2])["body"] == "raw"


@pytest.mark.parametrize("where", ["http://127.0.0.1:1", "unix:/nowhere/s.sock", "https://127.0.0.1:1", "http://"])
def test_nobody_there(where: str) -> None:
    """The address and the reason; for what is no address, what one looks like."""
    error = AddressError if where == "http://" else NotReachedError
    with pytest.raises(error, match=f"{where}"):
        ask(where, "GET", "/")


@pytest.mark.parametrize("where", ["127.0.0.1:80", "ftp://h", "http://h:port", "unix", ""])
def test_no_address(where: str) -> None:
    """Told before anything is sent."""
    with pytest.raises(AddressError, match="no http:// or https:// address, and no unix:/path"):
        ask(where, "GET", "/")


@pytest.mark.parametrize("reply", [b"", b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"])
def test_an_answer_that_is_none(reply: bytes) -> None:
    """Another kind of server, or one that goes half-way."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(reply)

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(NotReachedError, match=r"does not answer: ."):
            ask(f"http://127.0.0.1:{server.getsockname()[1]}", "GET", "/")
        thread.join()


@pytest.mark.parametrize(
    ("host", "unix", "address"),
    [
        ("127.0.0.1", None, "http://127.0.0.1:81"),
        ("0.0.0.0", None, "http://127.0.0.1:81"),
        ("::", None, "http://[::1]:81"),
        ("box.local", None, "http://box.local:81"),
        ("127.0.0.1", "/run/a.sock", "unix:/run/a.sock"),
    ],
)
def test_addresses(host: str, unix: str | None, address: str) -> None:
    """Where a listener with these settings is asked from its own machine."""
    assert address_of(host, 81, unix) == address
