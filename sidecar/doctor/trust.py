"""The handshake with an https backend, with the sidecar's own context; and where it fails, a second look that says why.

The second look trusts the same authorities and closes its eyes to name and date alone, so that both can be read. Nothing is sent over it.
"""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Final, NoReturn

from sidecar.doctor import certificate
from sidecar.doctor.reach import connected
from sidecar.doctor.visit import STEP_S, reason
from sidecar.upstream import client_context

if TYPE_CHECKING:
    import socket

    from sidecar.doctor.reach import Address
    from sidecar.doctor.visit import Visit

_OLD: Final = ("TLSv1", "TLSv1.1")  # RFC 8996


def trust(visit: Visit, sock: socket.socket) -> ssl.SSLSocket:
    """Return the secured connection."""
    visit.step = "tls"
    plan, name = visit.backend.tls, _name(visit)
    try:
        context = client_context(plan)
    except OSError as error:
        remedy = f"it must hold PEM certificates, readable for this user (backends.{visit.backend.name}.tls.ca_file)"
        visit.fail("tls", f"{plan.ca_file} cannot be used: {reason(error)}", remedy)
    sock.settimeout(STEP_S)
    address = int(sock.family), sock.getpeername()
    try:
        talk = context.wrap_socket(sock, server_hostname=name)
    except ssl.SSLCertVerificationError as error:
        _distrust(visit, address, error)
    except (OSError, ValueError) as error:
        remedy = f"does it speak TLS on this port? an old one may need backends.{visit.backend.name}.tls.min_version"
        visit.fail("tls", f"no handshake: {reason(error)}", remedy)
    version = talk.version() or "TLS"
    if version in _OLD:
        visit.warn("tls", version, "it has been retired (RFC 8996): plan to put something newer before the backend")
    elif not plan.verify:
        remedy = "anybody on the way can be the backend: name its authority in tls.ca_file, and take verify out"
        visit.warn("tls", f"{version}, and the certificate is not checked (tls.verify: false)", remedy)
    else:
        visit.ok("tls", f"{version}, trusted for {name}")
    told = talk.getpeercert()
    if told:
        remedy = "have it renewed before that day: from then on every call fails"
        visit.tell(certificate.read(told, visit.wall()).finding(visit.about, remedy))
    return talk


def _name(visit: Visit) -> str:
    return visit.backend.tls.server_name or visit.host


def _distrust(visit: Visit, address: Address, error: ssl.SSLCertVerificationError) -> NoReturn:
    """Say why a certificate was refused."""
    tls, name = f"backends.{visit.backend.name}.tls", _name(visit)
    seen = _look_again(visit, address)
    if seen is None:  # not the name nor the date: the chain
        remedy = f"name the authority that issued it in {tls}.ca_file (PEM)"
        visit.fail("certificate", f"not trusted: {error.verify_message}", remedy)
    if seen.days_left < 0:
        found = seen.finding(visit.about, "have it renewed: until then every call fails")
        visit.fail(found.check, found.what, found.remedy)
    remedy = f"if this is the right host, write the name as the certificate has it in {tls}.server_name"
    visit.fail("certificate", f"for {seen.shown_names}, not for {name}: {error.verify_message}", remedy)


def _look_again(visit: Visit, address: Address) -> certificate.Certificate | None:
    context = certificate.lenient(client_context(visit.backend.tls))
    try:
        with (
            connected(address, STEP_S) as sock,
            context.wrap_socket(sock, server_hostname=_name(visit)) as talk,
        ):
            return certificate.read(talk.getpeercert() or {}, visit.wall())
    except (OSError, ValueError, KeyError):
        return None
