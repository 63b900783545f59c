"""The stage for the real peers: servers behind taps, one sidecar before all of them, and a road that is direct or through it."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.interop.peers import (
    CLIENTS,
    ENDPOINTS,
    IDLE_S,
    STARTS,
    Client,
    Server,
    Visit,
    compile_csharp,
    found,
    require_server,
)
from tests.interop.tap import Tap
from tests.support.ports import free_port
from tests.support.process import SidecarProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Server]]:
    """Every server that this machine can run, each behind its tap."""
    with company(filter(found, STARTS), tmp_path_factory.mktemp("servers")) as running:
        yield running


@pytest.fixture(scope="session")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Client]:
    """Give a client by name, the .NET one compiled at its first use; skip what the machine lacks."""
    ready: dict[str, Client] = {}

    def client(name: str) -> Client:
        if name not in ready:
            CLIENTS[name].require()
            ready[name] = CLIENTS[name]
            if name == "csharp":
                program = compile_csharp(tmp_path_factory.mktemp("csharp"))
                ready[name] = replace(ready[name], argv=("mono", str(program)))
        return ready[name]

    return client


@dataclass(frozen=True, slots=True)
class Road:
    """How clients reach the backends: straight to each server's tap, or to a front tap with the sidecar behind it."""

    servers: Mapping[str, Server]
    front: Tap | None = None
    sidecar: SidecarProcess | None = None

    def url(self, endpoint: str) -> str:
        server = self.server(endpoint)
        if self.sidecar is None:
            return server.url + ENDPOINTS[endpoint].path
        return f"{(self.front or self.sidecar).url}/{endpoint}"

    def entrance(self, endpoint: str) -> str:
        """What a client is given: the WSDL's address for SOAP, the service's for XML-RPC."""
        return self.url(endpoint) + ("?wsdl" if ENDPOINTS[endpoint].protocol == "soap" else "")

    def server(self, endpoint: str) -> Server:
        """The endpoint's server; skips where that server cannot run here."""
        name = ENDPOINTS[endpoint].server
        require_server(name)
        return self.servers[name]

    def back(self, endpoint: str) -> Tap:
        """The tap before the endpoint's server."""
        tap = self.server(endpoint).tap
        assert tap is not None, "this road was laid without taps, to be measured"
        return tap

    def clear(self, endpoint: str) -> None:
        """Forget what the taps recorded, and watch from now on who comes to the server."""
        back = self.back(endpoint)
        back.only(self.sidecar.pid if self.sidecar else None)
        back.wait(lambda tap: not [each for each in tap.connections if each.foreign and not each.ended])
        back.clear()
        if self.front:
            self.front.clear()


def backend(endpoint: str, servers: Mapping[str, Server], **more: Any) -> dict[str, Any]:
    """What an operator would write for this endpoint."""
    which = ENDPOINTS[endpoint]
    url = servers[which.server].url + which.path
    return {"protocol": which.protocol, "path": f"/{endpoint}", "url": url, "limit": {"fixed": 16}, **more}


@contextmanager
def lay(
    servers: Mapping[str, Server], endpoints: Iterable[str], directory: Path, *, tapped: bool = True, **more: Any
) -> Iterator[Road]:
    """Start a sidecar before these endpoints, with a tap in front of it unless the measuring itself would be measured."""
    port = free_port()
    settings: dict[str, Any] = {
        "listen": {"port": port},
        "backends": {name: backend(name, servers, **more) for name in endpoints},
    }
    with ExitStack() as stack:
        front = stack.enter_context(Tap(("127.0.0.1", port))) if tapped else None
        if front:
            settings["public_url"] = front.url
        sidecar = stack.enter_context(SidecarProcess(settings, directory))
        yield Road(servers, front, sidecar)
        traces = [number for number, line in enumerate(sidecar.lines) if line.startswith("Traceback")]
        assert not traces, "the sidecar's log has a traceback:\n" + "\n".join(sidecar.lines[traces[0] - 1 :][:40])


@pytest.fixture(scope="session")
def direct(servers: dict[str, Server]) -> Road:
    """Without the sidecar: what the clients must get."""
    return Road(servers)


@pytest.fixture(scope="session")
def through(servers: dict[str, Server], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Road]:
    """Through one sidecar that stands before every server; clients see it at the front tap's address."""
    endpoints = [name for name, each in ENDPOINTS.items() if each.server in servers]
    with lay(servers, endpoints, tmp_path_factory.mktemp("sidecar")) as road:
        yield road


@contextmanager
def company(
    names: Iterable[str], directory: Path, idle_s: float = IDLE_S, *, tapped: bool = True
) -> Iterator[dict[str, Server]]:
    """Start these servers, and stop them at the end."""
    with ExitStack() as stack:
        running = {}
        for name in names:
            running[name] = Server(name, directory / name, idle_s, tapped=tapped)
            stack.callback(running[name].stop)
        yield running


@pytest.fixture(params=["direct", "through"])
def road(request: pytest.FixtureRequest) -> Road:
    """Both roads in turn: a pair that fails on both has a fault of its own."""
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="session")
def ask(clients: Callable[[str], Client]) -> Callable[..., list[dict[str, Any]]]:
    """Run a client once and return its answers."""
    return lambda *what: Visit(clients(what[0]), *what[1:]).answers()
