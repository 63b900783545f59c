"""A certificate authority for one test run, and the two ends of TLS made from it.

Stands beside servers and clients of tests that speak TLS. Nothing outside the run trusts it.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING

import trustme

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Certs:
    """Files for programs that read them, contexts for ourselves."""

    ca_file: Path
    cert_file: Path
    key_file: Path
    server: ssl.SSLContext
    client: ssl.SSLContext


def make(folder: Path, *names: str) -> Certs:
    """Issue one certificate for `names` (localhost, 127.0.0.1 and ::1 where none are given) below a new authority."""
    authority = trustme.CA()
    issued = authority.issue_cert(*(names or ("localhost", "127.0.0.1", "::1")))
    ca_file, cert_file, key_file = folder / "ca.pem", folder / "cert.pem", folder / "key.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    key_file.write_bytes(issued.private_key_pem.bytes())
    cert_file.write_bytes(b"".join(pem.bytes() for pem in issued.cert_chain_pems))
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    issued.configure_cert(server)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    return Certs(ca_file, cert_file, key_file, server, client)
