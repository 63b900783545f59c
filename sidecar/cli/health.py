"""`sidecar health`: for container health checks, with nothing but the standard library behind it."""

from __future__ import annotations

import http.client
import socket
import ssl
import sys
from typing import Final
from urllib.parse import urlsplit

import click

_TIMEOUT_S: Final = 3.0  # below the 5 s that container runtimes commonly give a check


@click.command("health")
@click.option("--url", default="http://127.0.0.1:8080", show_default=True, help="Where its public listener is.")
@click.option("--unix", type=click.Path(), help="Its unix socket, in place of --url.")
@click.option("--ready", is_flag=True, help="Ask whether it takes new calls: no while it drains.")
def command(url: str, unix: str | None, ready: bool) -> None:
    """Exit with 0 where the sidecar is well, with 1 and a reason where it is not or does not answer."""
    path = "/.sidecar/readyz" if ready else "/.sidecar/healthz"
    where = unix or url
    try:
        status, body = _ask(_unix(unix) if unix else _tcp(url), path)
    except (OSError, http.client.HTTPException) as error:
        click.echo(f"{where} does not answer: {error}", err=True)
        sys.exit(1)
    well = status == http.client.OK and not (ready and b'"ready":false' in body)
    click.echo(f"{where} {'is well' if well else f'is not: status {status}'}", err=not well)
    sys.exit(0 if well else 1)


def _ask(connection: http.client.HTTPConnection, path: str) -> tuple[int, bytes]:
    try:
        connection.request("GET", path, headers={"Accept": "application/json", "Connection": "close"})
        response = connection.getresponse()
        return response.status, response.read(64 * 1024)  # a health answer has a hundred bytes
    finally:
        connection.close()


def _tcp(url: str) -> http.client.HTTPConnection:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise click.UsageError(f"--url: {url!r} is no http:// or https:// address")
    if parts.scheme == "http":
        return http.client.HTTPConnection(parts.hostname, port or 80, timeout=_TIMEOUT_S)
    # It asks its own sidecar whether it lives; whose name the certificate carries is another question.
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return http.client.HTTPSConnection(parts.hostname, port or 443, timeout=_TIMEOUT_S, context=context)


def _unix(path: str) -> http.client.HTTPConnection:
    connection = http.client.HTTPConnection("localhost", timeout=_TIMEOUT_S)
    connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.sock.settimeout(_TIMEOUT_S)
    try:
        connection.sock.connect(path)
    except OSError:
        connection.close()
        raise
    return connection
