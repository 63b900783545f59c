"""What a client sees before its first call: a WSDL that leads it to the sidecar and says nothing of the backend."""

from __future__ import annotations

import re
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from tests.interop.conftest import backend
from tests.interop.peers import ENDPOINTS
from tests.support.process import SidecarProcess

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.interop.conftest import Road
    from tests.interop.peers import Server

SOAP = [name for name, each in ENDPOINTS.items() if each.protocol == "soap"]


def addresses(wsdl: str) -> list[str]:
    """Every address element's location, whatever its prefix."""
    return re.findall(r"<[\w-]*:?address\s[^>]*location=[\"']([^\"']+)", wsdl)


def fetch(url: str) -> str:
    with urllib.request.urlopen(url, timeout=20) as reply:
        text: str = reply.read().decode()
    return text


@pytest.mark.parametrize("endpoint", SOAP)
def test_wsdl_leads_to_the_sidecar_only(through: Road, endpoint: str) -> None:
    """Each address is the public one, and the backend's host and port stand nowhere in the document."""
    wsdl = fetch(through.entrance(endpoint))
    assert addresses(wsdl)
    assert set(addresses(wsdl)) == {through.url(endpoint)}
    back = through.back(endpoint)
    for port in (back.port, back.target[1]):
        assert f":{port}" not in wsdl


def test_without_public_url_the_listen_address_is_given(
    servers: dict[str, Server], ask: Callable[..., list[dict[str, Any]]], tmp_path: Path
) -> None:
    """A concrete listen address serves as the public one, and a client gets along with it."""
    with SidecarProcess({"backends": {"spyne11": backend("spyne11", servers)}}, tmp_path) as sidecar:
        url = f"{sidecar.url}/spyne11?wsdl"
        assert set(addresses(fetch(url))) == {f"{sidecar.url}/spyne11"}
        assert [each.get("value", each) for each in ask("zeep", url, "add", "soap11")] == [42]


@pytest.mark.parametrize("client", ["zeep", "suds", "soap", "SoapClient", "csharp"])
def test_whole_bootstrap_passes_the_sidecar(
    through: Road, ask: Callable[..., list[dict[str, Any]]], client: str
) -> None:
    """From the WSDL on, everything that a client asks for comes to the sidecar, and the server meets nobody else."""
    through.clear("php")
    ask(client, through.entrance("php"), "add", "soap11")
    assert through.front is not None
    assert [each.method for each in through.front.exchanges(None)].count("POST") == 1
    assert {each.method for each in through.front.exchanges(None)} == {"GET", "POST"}
    assert not [each for each in through.back("php").connections if each.foreign]
