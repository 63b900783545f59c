"""What a certificate says of itself: whom it names, who issued it, until when; for one that a backend shows, and for our own.

It judges dates alone; whether a chain can be trusted is for the TLS library to say.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sidecar.doctor.report import Finding, Verdict
from sidecar.instant import rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# Whoever renews by hand needs a fortnight; automatic renewal of public certificates has happened by then.
_SOON_DAYS: Final = 14
_DAY_S: Final = 86_400
_NO_CHECK_TIME: Final = 0x200000  # X509_V_FLAG_NO_CHECK_TIME of OpenSSL's x509_vfy.h; Python has no name for it
_NAMES: Final = 3  # of a certificate with a hundred names, people need to see what kind of names they are


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a certificate says; `ends_at` in seconds since 1970, `now` when it was looked at."""

    names: tuple[str, ...]
    issuer: str
    ends_at: float
    now: float

    @property
    def days_left(self) -> int:
        """Return whole days until its end, negative once it is over."""
        return int((self.ends_at - self.now) // _DAY_S)

    def finding(self, about: str, remedy: str) -> Finding:
        """Return what its dates mean."""
        day = rfc3339(self.ends_at).partition("T")[0]
        what = f"for {self.shown_names}, issued by {self.issuer}, "
        if self.days_left < 0:
            return Finding("certificate", Verdict.FAIL, what + f"expired on {day}", remedy, about)
        left = f"{self.days_left} day{'s' if self.days_left != 1 else ''} left, until {day}"
        if self.days_left < _SOON_DAYS:
            return Finding("certificate", Verdict.WARN, what + left, remedy, about)
        return Finding("certificate", Verdict.OK, what + left, "", about)

    @property
    def shown_names(self) -> str:
        """Return whom it names, in a few words."""
        more = len(self.names) - _NAMES
        return ", ".join(self.names[:_NAMES]) + (f" and {more} more" if more > 0 else "") or "nobody"


def read(told: Mapping[str, Any], now: float) -> Certificate:
    """Return what `SSLSocket.getpeercert()` told."""
    names = tuple(str(value) for _, value in told.get("subjectAltName", ()))
    issuer = {key: value for part in told.get("issuer", ()) for key, value in part}
    known_as = issuer.get("organizationName") or issuer.get("commonName") or "somebody unnamed"
    return Certificate(names, known_as, ssl.cert_time_to_seconds(told["notAfter"]), now)


def lenient(context: ssl.SSLContext) -> ssl.SSLContext:
    """Let any name and any date pass, of a chain that is trusted otherwise: what is wrong with a certificate can only be read from one
    that was let through.
    """
    context.check_hostname = False
    context.verify_flags |= _NO_CHECK_TIME
    return context


def certificate_of(cert_file: str, key_file: str, wall: Callable[[], float]) -> Certificate:
    """Read our own, by a handshake with ourselves in memory. Raises OSError or ssl.SSLError where the files cannot serve."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(cert_file, key_file, password=_no_passphrase)
    client = lenient(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    client.load_verify_locations(cert_file)
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = client.wrap_bio(back, there), server.wrap_bio(there, back, server_side=True)
    done = [False, False]
    while not all(done):
        for index, end in enumerate(ends):
            try:
                end.do_handshake()
                done[index] = True
            except ssl.SSLWantReadError:
                pass
    return read(ends[0].getpeercert() or {}, wall())


def _no_passphrase() -> str:
    """Stand in for a question at the terminal."""
    return ""
