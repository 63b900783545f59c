"""`sidecar health`: for container health checks, every few seconds, with nothing behind it but sockets.

It asks the public listener, so that what it says is what callers meet. Neither an HTTP library nor TLS is imported for a plain address.
"""

from __future__ import annotations

import socket
import sys
import time
from typing import Final
from urllib.parse import urlsplit

import click

_TIMEOUT_S: Final = 3.0  # for all of it, below the 5 s that container runtimes commonly give a check
_ANSWER_BYTES: Final = 64 * 1024  # a health answer has a hundred
_WELL: Final = 200


@click.command("health")
@click.option(
    "--url",
    default="http://127.0.0.1:8080",
    envvar="SIDECAR_HEALTH_URL",
    show_default=True,
    show_envvar=True,
    help="Where its public listener is; unix:PATH is a socket.",
)
@click.option("--unix", type=click.Path(), help="Its unix socket, in place of --url.")
@click.option("--ready", is_flag=True, help="Ask whether it takes new calls: no while it drains.")
def command(url: str, unix: str | None, ready: bool) -> None:
    """Exit with 0 where the sidecar is well, with 1 and a reason where it is not or does not answer."""
    where = unix or url
    path = unix or (url.removeprefix("unix:") if url.startswith("unix:") else None)
    deadline_s = time.monotonic() + _TIMEOUT_S
    try:
        with _unix(path) if path else _tcp(url) as connection:
            status, body = _ask(connection, "/.sidecar/readyz" if ready else "/.sidecar/healthz", deadline_s)
    except (OSError, ValueError) as error:
        click.echo(f"{where} does not answer: {error}", err=True)
        sys.exit(1)
    well = status == _WELL and not (ready and b'"ready":false' in body)
    word = "ready" if ready else "well"
    click.echo(f"{where} is {word}" if well else f"{where} is not {word}: status {status}", err=not well)
    sys.exit(0 if well else 1)


def _ask(connection: socket.socket, path: str, deadline_s: float) -> tuple[int, bytes]:
    """Return status and all that came. Raises OSError, and ValueError for what is no HTTP."""
    connection.sendall(
        f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\nConnection: close\r\n\r\n".encode()
    )
    answer = b""
    while len(answer) < _ANSWER_BYTES:
        left_s = deadline_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("timed out")
        connection.settimeout(left_s)
        if not (piece := connection.recv(_ANSWER_BYTES)):
            break
        answer += piece
    version, _, rest = answer.partition(b" ")
    if not version.startswith(b"HTTP/1.") or not rest[:3].isdigit():
        raise ValueError("what came is no HTTP" if answer else "the connection was closed without a word")
    return int(rest[:3]), answer


def _tcp(url: str) -> socket.socket:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise click.UsageError(f"--url: {url!r} is no http:// or https:// address")
    if parts.scheme == "http":
        return socket.create_connection((parts.hostname, port or 80), _TIMEOUT_S)

    import ssl  # noqa: PLC0415 - half of all that is imported here, for the few that ask by https

    # It asks its own sidecar whether it lives; whose name the certificate carries is another question.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    plain = socket.create_connection((parts.hostname, port or 443), _TIMEOUT_S)
    try:
        return context.wrap_socket(plain, server_hostname=parts.hostname)
    except BaseException:
        plain.close()
        raise


def _unix(path: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(_TIMEOUT_S)
    try:
        connection.connect(path)
    except BaseException:
        connection.close()
        raise
    return connection
