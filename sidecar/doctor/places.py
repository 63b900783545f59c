"""Where the sidecar would listen: whether the places are free, ours already, or somebody else's.

A port is bound for a moment and let go; whoever holds one is asked who he is. A socket file is looked at, never made nor removed.
"""

from __future__ import annotations

import http.client
import os
import socket
import ssl
import stat
from contextlib import closing
from dataclasses import dataclass
from errno import EACCES, EADDRINUSE
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sidecar.doctor.certificate import certificate_of
from sidecar.doctor.report import Finding, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from sidecar.plan import ListenPlan, Plan

_WHO_S: Final = 1.0  # a sidecar on this machine answers in a millisecond


@dataclass(frozen=True, slots=True)
class _Place:
    """One listener; `path` is what a sidecar answers there, with `sign` in it. It starts without one that nobody `asked_for`."""

    name: str
    host: str
    port: int
    unix: str | None
    path: str
    sign: bytes
    tls: bool = False
    asked_for: bool = True


def look(plan: Plan, wall: Callable[[], float]) -> list[Finding]:
    """Return what was found about each listener, and about who may give orders; `wall` is what certificates are dated by."""
    admin = plan.admin
    places = [
        _Place(
            "listen",
            plan.listen.host,
            plan.listen.port,
            plan.listen.unix,
            "/.sidecar/healthz",
            b'"version"',
            tls=plan.listen.tls is not None,
        ),
        _Place("admin", admin.host, admin.port, admin.unix, "/healthz", b'"state":"ok"', asked_for=admin.written),
    ]
    if plan.metrics is not None:
        places.append(_Place("metrics", plan.metrics.host, plan.metrics.port, None, "/metrics", b"sidecar_build_info"))
    found = [_file(place, place.unix) if place.unix is not None else _port(place) for place in places]
    return [*found, *_certificate(plan.listen, wall), _orders(plan)]


def _port(place: _Place) -> Finding:
    shown = f"{_bracketed(place.host)}:{place.port}"
    try:
        family, _, _, _, address = socket.getaddrinfo(
            place.host, place.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE | socket.AI_NUMERICSERV
        )[0]
        with socket.socket(family, socket.SOCK_STREAM) as bound:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the listener does
            bound.bind(address)
            bound.listen(1)
    except socket.gaierror as error:
        what = f"{place.host} is no address of this machine: {error.strerror}"
        return Finding(place.name, Verdict.FAIL, what, f"mend {place.name}.host; 0.0.0.0 is every address")
    except OSError as error:
        return _taken(place, shown, error)
    return Finding(place.name, Verdict.OK, "any free port" if place.port == 0 else f"{shown} is free")


def _taken(place: _Place, shown: str, error: OSError) -> Finding:
    if error.errno == EADDRINUSE:
        return _whose(place, shown)
    remedy = f"mend {place.name}.host: this machine has no such address"
    if error.errno == EACCES:
        remedy = f"choose {place.name}.port above 1023, or give the process CAP_NET_BIND_SERVICE"
    return Finding(place.name, Verdict.FAIL, f"{shown} cannot be bound: {error.strerror}", remedy)


def _file(place: _Place, path: str) -> Finding:
    folder = Path(path).parent
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        what = f"nobody can make a socket in {folder}: it is not there, or not writable for this user"
        return Finding(place.name, Verdict.FAIL, what, "make the folder for the sidecar's user (RuntimeDirectory=)")
    try:
        mode = Path(path).stat().st_mode
    except FileNotFoundError:
        return Finding(place.name, Verdict.OK, f"{path} is free")
    if not stat.S_ISSOCK(mode):
        return Finding(
            place.name, Verdict.FAIL, f"{path} is no socket, and in the way", "remove it, or choose another path"
        )
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as probe:
        probe.settimeout(_WHO_S)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            return Finding(
                place.name, Verdict.OK, f"{path} was left by a process that is gone: the next start takes it"
            )
        except OSError as error:
            return Finding(place.name, Verdict.FAIL, f"{path}: {error}", "choose another path")
    return _whose(place, path)


def _whose(place: _Place, shown: str) -> Finding:
    """Say who listens there already."""
    if _is_ours(place):
        return Finding(place.name, Verdict.OK, f"{shown}: a sidecar runs there")
    what = f"{shown} is taken by something that is no sidecar"
    verdict = Verdict.FAIL if place.asked_for else Verdict.WARN
    return Finding(place.name, verdict, what, f"stop it, or choose another {place.name}.port")


def _is_ours(place: _Place) -> bool:
    connection = http.client.HTTPConnection("localhost", timeout=_WHO_S)
    try:
        connection.sock = _reach(place)
        connection.request("GET", place.path, headers={"Connection": "close"})
        return place.sign in connection.getresponse().read(256 * 1024)  # metrics of many backends
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _reach(place: _Place) -> socket.socket:
    if place.unix is not None:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.settimeout(_WHO_S)
        try:
            sock.connect(place.unix)
        except BaseException:
            sock.close()
            raise
        return sock
    every = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared with, not bound
    sock = socket.create_connection((every.get(place.host, place.host), place.port), _WHO_S)
    if not place.tls:
        return sock
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # who he is shows in what he says
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        return context.wrap_socket(sock)
    except BaseException:
        sock.close()
        raise


def _certificate(listen: ListenPlan, wall: Callable[[], float]) -> list[Finding]:
    """Look at our own certificate."""
    if listen.tls is None:
        return []
    try:
        told = certificate_of(listen.tls.cert_file, listen.tls.key_file, wall)
    except (OSError, ssl.SSLError) as error:
        what = f"cannot use {listen.tls.cert_file} with {listen.tls.key_file}: {error}"
        remedy = "both must be PEM, readable for this user, without a passphrase, and belong together"
        return [Finding("certificate", Verdict.FAIL, what, remedy, "listen")]
    return [told.finding("listen", "renew it, put it in the place of the old one, and restart")]


def _orders(plan: Plan) -> Finding:
    """Look who can give orders."""
    admin = plan.admin
    if admin.unix is None and not _is_loopback(admin.host):
        what = f"the admin listener is on {admin.host}: tokens and what it shows cross the network readable"
        return Finding(
            "orders",
            Verdict.WARN,
            what,
            "bind it to 127.0.0.1 or a unix socket; metrics can have a listener of their own",
        )
    if admin.token is None:
        what = "no token: nobody can give orders there; SIGHUP reloads and SIGTERM drains all the same"
        return Finding("orders", Verdict.WARN, what, "set admin.token_file, as openssl rand -hex 16 makes one")
    return Finding("orders", Verdict.OK, "on this machine, with a token")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
