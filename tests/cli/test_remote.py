"""Asking over HTTP with the standard library: what is sent, what comes back, and what is no answer."""

from __future__ import annotations

import contextlib
import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from sidecar.cli import remote
from sidecar.cli.remote import ask, checked

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


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


def test_a_request_and_its_answer() -> None:
    """Method, path, body and token are sent; status, headers and body come back, whatever the status."""
    with serving(status=422, body=b'{"ok":false}') as (where, asked):
        status, headers, body = ask(where, "POST", "/admin/v1/config/reload", b'{"actor":"a"}', "secret", 5.0)
    assert (status, headers["content-length"], body) == (422, "12", b'{"ok":false}')
    [(method, path, sent, said)] = asked
    assert (method, path, said) == ("POST", "/admin/v1/config/reload", b'{"actor":"a"}')
    assert sent["Authorization"] == "Bearer secret"
    assert sent["Content-Type"] == "application/json"
    assert sent["Accept"] == "application/json"


def test_what_is_not_given_is_not_sent() -> None:
    """A look has no body, no type, no token."""
    with serving() as (where, asked):
        ask(where, "GET", "/status")
    assert {"authorization", "content-type"}.isdisjoint(name.lower() for name in asked[0][2])


def test_over_a_unix_socket(tmp_path: Path) -> None:
    """By its path."""
    with serving(str(tmp_path / "s.sock"), body=b"[]") as (where, asked):
        assert ask(where, "GET", "/status")[2] == b"[]"
    assert asked[0][1] == "/status"


def test_no_proxy_of_the_environment_sees_the_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was named is asked, and nobody else."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    with serving() as (where, _):
        assert ask(where, "GET", "/status")[0] == 200


def test_no_redirect_is_followed() -> None:
    """A token goes nowhere else."""
    with serving(status=302) as (where, asked):
        assert ask(where, "GET", "/status", token="secret")[0] == 302
    assert len(asked) == 1


@pytest.mark.parametrize(
    "where",
    ["", "127.0.0.1:8081", "ftp://a", "http://", "http://a:port", "http://a/path", "http://a?x=1", "http://[::1"],
)
def test_no_address(where: str) -> None:
    """ValueError, before anything is sent."""
    with pytest.raises(ValueError, match=r"."):
        checked(where)
    with pytest.raises(ValueError, match=r"."):
        ask(where, "GET", "/")


@pytest.mark.parametrize("where", ["http://127.0.0.1:8081", "http://[::1]", "https://ops.example/", "unix:/run/s.sock"])
def test_addresses(where: str) -> None:
    """With and without a port, IPv6, TLS, a socket."""
    assert checked(where) == where


def test_nobody_there(dead_url: str, tmp_path: Path) -> None:
    """OSError, which says why."""
    with pytest.raises(ConnectionRefusedError):
        ask(dead_url, "GET", "/")
    with pytest.raises(FileNotFoundError):
        ask(f"unix:{tmp_path / 'none'}", "GET", "/")


def test_somebody_else_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is no HTTP, too much, or silence is an OSError, too."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        where = f"http://127.0.0.1:{server.getsockname()[1]}"

        def speak() -> None:
            with server.accept()[0] as met:
                met.recv(65536)
                met.sendall(b"220 mail.example ESMTP\r\n")

        thread = threading.Thread(target=speak)
        thread.start()
        with pytest.raises(OSError, match="does not speak HTTP"):
            ask(where, "GET", "/")
        thread.join()
        with pytest.raises(TimeoutError):
            ask(where, "GET", "/", timeout_s=0.05)
    monkeypatch.setattr(remote, "_MOST_BYTES", 10)
    with serving(body=b"x" * 11) as (where, _), pytest.raises(OSError, match="longer than 10 bytes"):
        ask(where, "GET", "/")


def test_tls_is_verified(tls: Any) -> None:
    """Whoever shows a certificate that nobody trusts gets no token."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def speak() -> None:
            with server.accept()[0] as met, contextlib.suppress(OSError):
                tls.server.wrap_socket(met, server_side=True).close()

        thread = threading.Thread(target=speak)
        thread.start()
        with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
            ask(f"https://127.0.0.1:{server.getsockname()[1]}", "GET", "/", token="secret")
        thread.join()
