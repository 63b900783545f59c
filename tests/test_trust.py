"""Whom https backends may be: one context for all that are checked alike, and another one when the file that says so changes."""

from __future__ import annotations

import ssl
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from sidecar.model import Protocol
from sidecar.plan import BackendPlan, Plan, UpstreamTlsPlan
from sidecar.trust import context_of, trust_of
from tests.support.certs import make

if TYPE_CHECKING:
    from pathlib import Path


def backend(name: str, url: str = "https://127.0.0.1:9/x", **tls: str) -> BackendPlan:
    return BackendPlan(name, Protocol.SOAP, f"/{name}", (("", url),), tls=UpstreamTlsPlan(**tls))  # type: ignore[arg-type] - all are texts


def test_who_is_checked_alike_shares_one() -> None:
    """Under whatever name he is asked for; who is asked without TLS has none, and costs nothing."""
    one, two = backend("one"), backend("two", server_name="other")
    plain, strict = backend("plain", "http://127.0.0.1:9/x"), backend("strict", min_version="1.3")
    made = trust_of(Plan(backends=(one, two, plain, strict)), {})
    assert context_of(one, made) is context_of(two, made)
    found = context_of(strict, made)
    assert found is not None
    assert found.minimum_version is ssl.TLSVersion.TLSv1_3
    assert context_of(replace(plain, tls=UpstreamTlsPlan(verify=False)), made) is None
    assert trust_of(Plan(backends=(plain,)), made) == {}


def test_an_authority_is_renewed_in_place(tmp_path: Path) -> None:
    """What has not changed is kept, with the connections that are checked by it; another content under the same name is another."""
    ca = make(tmp_path).ca_file
    whole = Plan(backends=(backend("one", ca_file=str(ca)),))
    first = trust_of(whole, {})
    assert trust_of(whole, first) == first
    make(tmp_path)
    second = trust_of(whole, first)
    assert context_of(whole.backends[0], second) is not context_of(whole.backends[0], first)
    ca.unlink()
    with pytest.raises(OSError, match="No such file"):
        trust_of(whole, second)
