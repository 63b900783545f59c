"""Asking over HTTP with the standard library: what is sent, what comes back, and what is no answer."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest

from sidecar.cli.remote import AddressError, NotReachedError, address_of, ask
from tests.cli.serving import serving

if TYPE_CHECKING:
    from pathlib import Path


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
    ["", "127.0.0.1:8081", "ftp://a", "http://", "http://a:port", "http://[::1"],
)
def test_no_address(where: str) -> None:
    """AddressError, which says what one looks like."""
    with pytest.raises(AddressError, match=r"http://"):
        ask(where, "GET", "/")


@pytest.mark.parametrize(
    ("host", "port", "unix", "where"),
    [
        ("127.0.0.1", 8081, None, "http://127.0.0.1:8081"),
        ("0.0.0.0", 8081, None, "http://127.0.0.1:8081"),
        ("::", 8081, None, "http://[::1]:8081"),
        ("127.0.0.1", 8081, "/run/a.sock", "unix:/run/a.sock"),
    ],
)
def test_addresses_of_listeners(host: str, port: int, unix: str | None, where: str) -> None:
    """As they are asked from their own machine."""
    assert address_of(host, port, unix) == where


def test_nobody_there(dead_url: str, tmp_path: Path) -> None:
    """NotReachedError, which says where and why."""
    with pytest.raises(NotReachedError, match=f"^{dead_url} does not answer: Connection refused$"):
        ask(dead_url, "GET", "/")
    with pytest.raises(NotReachedError, match="No such file"):
        ask(f"unix:{tmp_path / 'none'}", "GET", "/")


def test_somebody_else_there() -> None:
    """What is no HTTP, and silence."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        where = f"http://127.0.0.1:{server.getsockname()[1]}"

        def speak() -> None:
            with server.accept()[0] as met:
                met.recv(65536)
                met.sendall(b"220 mail.example ESMTP\r\n")

        thread = threading.Thread(target=speak)
        thread.start()
        with pytest.raises(NotReachedError, match="does not speak HTTP"):
            ask(where, "GET", "/")
        thread.join()
        with pytest.raises(NotReachedError, match="timed out"):
            ask(where, "GET", "/", timeout_s=0.05)


def test_an_answer_that_ends_early() -> None:
    """Half of the settings in force would be read as few settings."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def speak() -> None:
            with server.accept()[0] as met:
                met.recv(65536)
                met.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n[")

        thread = threading.Thread(target=speak)
        thread.start()
        with pytest.raises(NotReachedError, match="its answer ended early"):
            ask(f"http://127.0.0.1:{server.getsockname()[1]}", "GET", "/")
        thread.join()


def test_tls_is_verified(tls: Any) -> None:
    """Whoever shows a certificate that nobody trusts gets no token; without one, he is asked whether he lives."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def speak() -> None:
            with server.accept()[0] as met, contextlib.suppress(OSError):
                tls.server.wrap_socket(met, server_side=True).close()

        where = f"https://127.0.0.1:{server.getsockname()[1]}"
        for token, why in (("secret", "CERTIFICATE_VERIFY_FAILED|verify failed"), (None, "does not speak HTTP")):
            thread = threading.Thread(target=speak)
            thread.start()
            with pytest.raises(NotReachedError, match=why):
                ask(where, "GET", "/", token=token)
            thread.join()
