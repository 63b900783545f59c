"""What is read of certificates, ours included."""

from __future__ import annotations

import ssl
import time
from typing import TYPE_CHECKING

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from sidecar.doctor.certificate import Certificate, certificate_of, read
from sidecar.doctor.report import Verdict

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.certs import Certs

DAY_S = 86_400.0


@pytest.mark.parametrize(
    ("days", "verdict", "said"),
    [
        (400.5, Verdict.OK, "400 days left, until 1971-02-05"),
        (14.0, Verdict.OK, "14 days left"),
        (13.9, Verdict.WARN, "13 days left"),
        (1.5, Verdict.WARN, "1 day left"),
        (0.1, Verdict.WARN, "0 days left, until 1970-01-01"),
        (-0.1, Verdict.FAIL, "expired on 1969-12-31"),
    ],
)
def test_days(days: float, verdict: Verdict, said: str) -> None:
    """A fortnight's notice; from the second on which it is over, a failure."""
    found = Certificate(("a.example",), "Them", days * DAY_S, 0.0).finding("t", "renew it")
    assert found.verdict is verdict
    assert said in found.what
    assert bool(found.remedy) is (verdict is not Verdict.OK)


def test_many_names_are_few_words() -> None:
    """A certificate of a hundred hosts does not fill the screen, and one without names says so."""
    many = Certificate(tuple(f"h{number}.example" for number in range(100)), "Them", 0.0, 0.0)
    assert many.shown_names == "h0.example, h1.example, h2.example and 97 more"
    assert Certificate((), "Them", 0.0, 0.0).shown_names == "nobody"


def test_who_issued_it() -> None:
    """The organisation, else the common name, else that nobody says."""
    end = {"notAfter": "Jan  2 00:00:00 1970 GMT"}
    organisation = ((("commonName", "R11"),), (("organizationName", "Let's Encrypt"),))
    assert read({**end, "issuer": organisation}, 0.0).issuer == "Let's Encrypt"
    assert read({**end, "issuer": ((("commonName", "Corp Root"),),)}, 0.0).issuer == "Corp Root"
    assert read(end, 0.0).issuer == "somebody unnamed"
    assert read(end, 0.0).days_left == 1


def test_our_own_is_read_without_anybody_who_calls(tls: Certs) -> None:
    """Names and days of the files that a listener would serve, whoever issued them."""
    seen = certificate_of(str(tls.cert_file), str(tls.key_file), time.time)
    assert set(seen.names) == {"localhost", "127.0.0.1", "0:0:0:0:0:0:0:1"}
    assert seen.issuer.startswith("trustme")
    assert seen.days_left > 300


def test_our_own_that_cannot_serve(tls: Certs, tmp_path: Path) -> None:
    """No such file, a key of another certificate, a key with a passphrase: each is an error, and nobody is asked at the terminal."""
    other = tmp_path / "other.pem"
    trustme.CA().issue_cert("a.example").private_key_pem.write_to_path(str(other))
    locked = tmp_path / "locked.pem"
    key = load_pem_private_key(tls.key_file.read_bytes(), None)
    secret = BestAvailableEncryption(b"secret")
    locked.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, secret))
    for cert_file, key_file in (
        (tmp_path / "none.pem", tls.key_file),
        (tls.cert_file, other),
        (tls.cert_file, locked),
        (tls.key_file, tls.key_file),
    ):
        with pytest.raises((OSError, ssl.SSLError)):
            certificate_of(str(cert_file), str(key_file), time.time)
