"""How commands ask a running sidecar: one request over TCP or a unix socket, with nothing but the standard library behind it.

Stands before `health`, `check --diff running` and everything that gives orders to the admin listener. It keeps no connection and never
tries twice: an order may not be given twice without its author knowing. It follows no redirect and no proxy of the environment: a token
goes to the address that was named, or nowhere.
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

TIMEOUT_S: Final = 3.0  # below the 5 s that container runtimes commonly give a check
_REPLY_BYTES: Final = 16 * 1024 * 1024  # the settings in force of 500 backends are some MB
_UNIX: Final = "unix:"
_EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - bound by the sidecar; from here it is reached at its loopback


class NotReachedError(Exception):
    """Nobody answered, or what came was no HTTP; the text says where and why. What was sent may have arrived."""


class AddressError(ValueError):
    """An address that is none; the text says what one looks like."""


def ask(
    where: str,
    method: str,
    path: str,
    body: bytes | Mapping[str, Any] | None = None,
    token: str | None = None,
    timeout_s: float = TIMEOUT_S,
) -> tuple[int, dict[str, str], bytes]:
    """Send one request to `where` (http://host:port, https://host:port or unix:/path) and return status, headers, body.

    Names of headers are in lower case. A mapping is sent as JSON, `token` as a bearer token. `timeout_s` bounds each step, not the whole.
    Raises AddressError and NotReachedError.
    """
    headers = {"Accept": "application/json", "Connection": "close"}
    sent = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    if sent is not None:
        headers["Content-Type"] = "application/json"
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    connection = _connection(where, timeout_s, verify=token is not None)
    try:
        connection.request(method, path, body=sent, headers=headers)
        reply = connection.getresponse()
        content = reply.read(_REPLY_BYTES)
        if reply.length:  # what is still to come: read(n) says nothing of a reply that ends early
            raise http.client.IncompleteRead(content, reply.length)
        return reply.status, {name.lower(): value for name, value in reply.getheaders()}, content
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise NotReachedError(f"{where} does not answer: {_reason(error)}") from error
    finally:
        connection.close()


def address_of(host: str, port: int, unix: str | None = None) -> str:
    """Return where a listener with these settings is asked from its own machine."""
    if unix is not None:
        return _UNIX + unix
    host = _EVERYWHERE.get(host, host)
    return f"http://[{quote(host, safe=':')}]:{port}" if ":" in host else f"http://{host}:{port}"


def _reason(error: Exception) -> str:
    if isinstance(error, http.client.IncompleteRead):
        return "its answer ended early"
    if isinstance(error, http.client.HTTPException):
        return f"it does not speak HTTP ({type(error).__name__})"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _connection(where: str, timeout_s: float, *, verify: bool) -> http.client.HTTPConnection:
    if where.startswith(_UNIX):
        return _UnixConnection(where.removeprefix(_UNIX), timeout_s)
    try:
        parts = urlsplit(where)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise AddressError(f"{where!r} is no http:// or https:// address, and no unix:/path")
    if parts.scheme == "http":
        return http.client.HTTPConnection(parts.hostname, port or 80, timeout=timeout_s)
    context = ssl.create_default_context()
    if (
        not verify
    ):  # it asks its own sidecar; whose name the certificate carries is another question, until a token is shown
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return http.client.HTTPSConnection(parts.hostname, port or 443, timeout=timeout_s, context=context)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)
