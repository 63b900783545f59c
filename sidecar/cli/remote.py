"""Asks a running sidecar over HTTP, with nothing but the standard library behind it.

Stands below every command that speaks with the admin listener. It follows no redirect and no proxy of the environment: a token goes to
the address that was named, or nowhere.
"""

from __future__ import annotations

import http.client
import socket
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from email.message import Message

UNIX: Final = "unix:"
# Settings in force with all their origins are some hundred kilobytes; what is longer is not our admin listener.
_MOST_BYTES: Final = 8 * 1024 * 1024


def ask(
    where: str, method: str, path: str, body: bytes | None = None, token: str | None = None, timeout_s: float = 10.0
) -> tuple[int, Message, bytes]:
    """Return status, headers and body of one request to `where`: http://HOST:PORT, https://… or unix:/PATH.

    Raises ValueError where `where` is no such address, OSError where nobody answers there as HTTP has it.
    """
    connection = _connection(where, timeout_s)
    headers = {"Accept": "application/json", "Connection": "close"}
    if body is not None:
        headers["Content-Type"] = "application/json"
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    try:
        connection.request(method, path, body=body, headers=headers)
        response = connection.getresponse()
        said = response.read(_MOST_BYTES + 1)
        if len(said) > _MOST_BYTES:
            raise ConnectionError(f"its answer is longer than {_MOST_BYTES} bytes")
    except http.client.HTTPException as error:
        raise ConnectionError(f"it does not speak HTTP ({type(error).__name__})") from error
    else:
        return response.status, response.headers, said
    finally:
        connection.close()


def checked(where: str) -> str:
    """Return `where` if it is an address that `ask` takes. Raises ValueError."""
    _connection(where, 1.0)
    return where


def _connection(where: str, timeout_s: float) -> http.client.HTTPConnection:
    """Return a connection that is not open yet."""
    if where.startswith(UNIX):
        return _UnixConnection(where.removeprefix(UNIX), timeout_s)
    parts = urlsplit(where)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/") or parts.query:
        raise ValueError(f"{where!r} is no address: write http://HOST:PORT or unix:/PATH")
    if parts.scheme == "http":
        return http.client.HTTPConnection(parts.hostname, parts.port or 80, timeout=timeout_s)
    return http.client.HTTPSConnection(parts.hostname, parts.port or 443, timeout=timeout_s)


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: str, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)
