"""The stage for JSON callers: one sidecar before every server that has a desk, and the page that calls through it.

Which backends there are is a table, as an operator would write it; the servers are those of `peers`, each behind its tap.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.interop.conftest import company
from tests.interop.peers import DESK_STARTS, DESKS, ENDPOINTS, Endpoint, Server, found, require_server
from tests.support.ports import free_port
from tests.support.process import SidecarProcess

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from email.message import Message
    from pathlib import Path

    from tests.interop.tap import Exchange, Tap

Json = Any

ANSWER_S = 30.0
"""As long as the slowest server takes for its first call on a busy machine, ten times over."""

TYPES = {
    "struct": {
        "int": "int",
        "ratio": "double",
        "sold": "boolean",
        "text": "string",
        "when": "dateTime",
        "bytes": "base64",
        "list": {"array": {"array": "int"}},
    }
}
ADD = {"params": [{"name": "a", "type": "int"}, {"name": "b", "type": "int"}], "returns": "int"}
SIGNATURES = {
    "add": ADD,
    "desk.add": ADD,
    "desk.digits": {"params": [{"name": "number", "type": "i8"}], "returns": "string"},
    "desk.refuse": {"params": [{"name": "reason", "type": "string"}], "returns": "string"},
    "supervisor.getProcessInfo": {"params": [{"name": "name", "type": "string"}], "returns": "struct"},
}
"""What XML-RPC methods take and return. `desk.types` has one with a single backend, to show the difference."""

KEPT = {"safe": True, "cache": {"ttl": "30s"}}

BACKENDS: dict[str, tuple[Endpoint, dict[str, Json]]] = {
    **{name: (each, {}) for name, each in DESKS.items()},
    **{
        name: (ENDPOINTS[name], {})
        for name in ("php-rpc", "spyne11-utf16", "spyne12-utf16", "simple-utf16", "supervisord")
    },
    "desk-tidy": (
        DESKS["desk-php"],
        {"json": {"flatten": True, "camel_case": True}, "operations": {"*": {"safe": True}}},
    ),
    "desk-strict": (DESKS["desk-simple"], {"allow_nil": False, "allow_i8": False}),
    "desk-typed": (DESKS["desk-simple"], {"signatures": SIGNATURES | {"desk.types": {"returns": TYPES}}}),
    "spyne11": (ENDPOINTS["spyne11"], {"operations": {"Echo": KEPT, "Add": KEPT}}),
    "php": (ENDPOINTS["php"], {"operations": {"Echo": KEPT, "Add": KEPT}}),
    "simple": (ENDPOINTS["simple"], {"operations": {"echo": KEPT, "add": KEPT}}),
}
"""Each backend of the sidecar: its endpoint, and what is set beside what all have."""


class Reply(NamedTuple):
    """What a page gets."""

    status: int
    headers: Message
    said: dict[str, Json]

    @property
    def data(self) -> Json:
        """The result; the call must have gone well."""
        assert self.status == 200, self.said
        assert self.headers["Content-Type"] == "application/json"
        return self.said["data"]

    @property
    def problem(self) -> dict[str, Json]:
        """The failure; the call must have failed."""
        assert self.status >= 400, self.said
        assert self.headers["Content-Type"] == "application/problem+json"
        return self.said


class Facade:
    """The sidecar as a page sees it, and the taps behind it."""

    def __init__(self, sidecar: SidecarProcess, servers: Mapping[str, Server]) -> None:
        self.sidecar, self._servers = sidecar, servers

    def back(self, backend: str) -> Tap:
        """The tap before a backend's server; skips where that cannot run here."""
        server = BACKENDS[backend][0].server
        require_server(server)
        tap = self._servers[server].tap
        assert tap is not None, "every server has one here"
        return tap

    def call(self, backend: str, operation: str, body: Json) -> Reply:
        """Call an operation as a page does."""
        return self._ask(backend, operation, json.dumps(body).encode())

    def get(self, backend: str, operation: str, query: str) -> Reply:
        """Call a safe operation by GET."""
        return self._ask(backend, f"{operation}?{query}", None)

    def watched(self, backend: str, operation: str, body: Json) -> tuple[Reply, list[Exchange]]:
        """Call an operation; return what the server was asked, too."""
        self.back(backend).clear()
        reply = self.call(backend, operation, body)
        return reply, self.back(backend).exchanges()

    def _ask(self, backend: str, target: str, body: bytes | None) -> Reply:
        self.back(backend)
        headers = {"Content-Type": "application/json"} if body else {}
        request = urllib.request.Request(f"{self.sidecar.url}/{backend}/json/{target}", body, headers)
        try:
            with urllib.request.urlopen(request, timeout=ANSWER_S) as reply:
                return Reply(reply.status, reply.headers, json.load(reply))
        except urllib.error.HTTPError as error:
            with error:
                return Reply(error.code, error.headers, json.load(error))


@contextmanager
def opened(servers: Mapping[str, Server], folder: Path) -> Iterator[Facade]:
    """Start the servers that have nothing but a desk, and one sidecar before all; it has read every WSDL when this yields."""
    with company(filter(found, DESK_STARTS), folder) as desks:
        running = {**servers, **desks}
        backends = {
            name: _settings(endpoint, running[endpoint.server].url, folder) | more
            for name, (endpoint, more) in BACKENDS.items()
            if endpoint.server in running
        }
        port = free_port()
        settings = {"listen": {"port": port}, "public_url": f"http://127.0.0.1:{port}", "backends": backends}
        with SidecarProcess(settings, folder) as sidecar:
            for name, each in backends.items():
                if each["protocol"] == "soap":
                    sidecar.wait_line(rf'"event":"indexed".*"backend":"{name}"')
            yield Facade(sidecar, running)
            assert not [line for line in sidecar.lines if line.startswith("Traceback")], (
                "the sidecar's log has a traceback"
            )


def _settings(endpoint: Endpoint, url: str, folder: Path) -> dict[str, Json]:
    plain: dict[str, Json] = {"protocol": endpoint.protocol, "url": url + endpoint.path, "expose": ["*"]}
    plain["limit"] = {"fixed": 4}  # as many connections as Ruby's server has
    if endpoint.server.startswith("perl"):
        plain |= {"limit": {"fixed": 1}, "pool_idle": "1ms"}  # one that is kept keeps all others out
    if endpoint.server == "gsoap":
        plain["wsdl"] = str(folder / "gsoap" / "desk.wsdl")
    if endpoint.protocol == "xmlrpc":
        plain |= {"signatures": SIGNATURES, "allow_nil": True, "allow_i8": True}
    return plain
