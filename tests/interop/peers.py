"""The cast: which servers and clients there are, how each is started, what it needs installed, and how it says a fault.

Servers run for a whole session behind a tap each; clients run once per question and answer in JSON lines.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.interop.tap import Tap
from tests.support import require
from tests.support.ports import free_port
from tests.support.process import Program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

HERE = Path(__file__).parent
ANSWER_TIMEOUT_S = 60.0
"""A client with a cold runtime and a 10 MB reply takes 2 s on two busy cores."""

LIGHTEST: Final = "SoapClient"
"""Starts in a twentieth of the time of the others."""

IDLE_S = 30.0
"""How long the servers keep an idle connection, where a test does not say otherwise: longer than any test."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One address of one server: the name that the sidecar gives it, and what it speaks."""

    name: str
    server: str
    path: str
    dialects: tuple[str, ...]

    @property
    def protocol(self) -> str:
        return "xmlrpc" if self.dialects == ("xmlrpc",) else "soap"


ENDPOINTS = {
    each.name: each
    for each in (
        Endpoint("spyne11", "spyne", "/soap11", ("soap11",)),
        Endpoint("spyne12", "spyne", "/soap12", ("soap12",)),
        Endpoint("spyne11-gzip", "spyne", "/soap11/gzip", ("soap11",)),
        Endpoint("spyne11-utf16", "spyne", "/soap11/utf16", ("soap11",)),
        Endpoint("spyne12-utf16", "spyne", "/soap12/utf16", ("soap12",)),
        Endpoint("php", "php", "/doc", ("soap11", "soap12")),
        Endpoint("php-rpc", "php", "/rpc", ("rpc",)),
        Endpoint("simple", "simple", "/RPC2", ("xmlrpc",)),
        Endpoint("simple-utf16", "simple-utf16", "/RPC2", ("xmlrpc",)),
        Endpoint("supervisord", "supervisord", "/RPC2", ("xmlrpc",)),
    )
}


DESKS = {
    each.name: each
    for each in (
        Endpoint("desk-spyne11", "spyne", "/desk11", ("soap11",)),
        Endpoint("desk-spyne12", "spyne", "/desk12", ("soap12",)),
        Endpoint("desk-php", "php", "/desk", ("soap11",)),
        Endpoint("desk-npm", "npm", "/desk", ("soap11",)),
        Endpoint("desk-gsoap", "gsoap", "/", ("soap11",)),
        Endpoint("desk-simple", "simple", "/RPC2", ("xmlrpc",)),
        Endpoint("desk-perl", "perl", "/RPC2", ("xmlrpc",)),
        Endpoint("desk-perl-ascii", "perl-ascii", "/RPC2", ("xmlrpc",)),
        Endpoint("desk-ruby", "ruby", "/RPC2", ("xmlrpc",)),
    )
}
"""Endpoints that only JSON callers ask: no client program of ours speaks with a desk."""


@dataclass(frozen=True, slots=True)
class Client:
    """One client library: how its script is started, what it speaks, and the class of the faults that it raises."""

    name: str
    argv: tuple[str, ...]
    dialects: tuple[str, ...]
    fault: str
    need: Callable[[], object] | None = None

    def require(self) -> None:
        """Skip, or fail where peers are required, when the machine has not what this client runs on."""
        if self.need:
            self.need()


def _python(script: str) -> tuple[str, ...]:
    return (sys.executable, str(HERE / "clients" / script))


def _node(package: str) -> None:
    require.program("node", package="nodejs")
    require.node_package(package, HERE / "node")


def _mono() -> None:
    require.program("mcs", package="mono-mcs")
    require.program("mono", package="mono-runtime libmono-system-web-services4.0-cil")


CLIENTS = {
    each.name: each
    for each in (
        Client("zeep", _python("zeep_client.py"), ("soap11", "soap12", "rpc"), "zeep.exceptions.Fault"),
        Client("suds", _python("suds_client.py"), ("soap11", "rpc"), "suds.WebFault"),
        Client(
            "soap",
            ("node", str(HERE / "node" / "soap_client.js")),
            ("soap11", "soap12", "rpc"),
            "Error with root.Envelope.Body.Fault",
            lambda: _node("soap"),
        ),
        Client(
            "SoapClient",
            ("php", str(HERE / "clients" / "php_client.php")),
            ("soap11", "soap12", "rpc"),
            "SoapFault",
            lambda: require.program("php", package="php-cli php-soap"),
        ),
        Client(
            "csharp",
            ("mono", "Client.exe"),  # compiled by the fixture, which puts its path here
            ("soap11", "soap12", "rpc"),
            "System.Web.Services.Protocols.SoapException",
            _mono,
        ),
        Client("xmlrpc.client", _python("xmlrpc_client.py"), ("xmlrpc",), "xmlrpc.client.Fault"),
        Client(
            "xmlrpc",
            ("node", str(HERE / "node" / "xmlrpc_client.js")),
            ("xmlrpc",),
            "Error with faultCode",
            lambda: _node("xmlrpc"),
        ),
    )
}


def pairs(endpoints: Iterable[str]) -> list[tuple[str, str, str]]:
    """Every (client, endpoint, dialect) that the client and the endpoint both speak."""
    return [
        (client.name, name, dialect)
        for name in endpoints
        for client in CLIENTS.values()
        for dialect in ENDPOINTS[name].dialects
        if dialect in client.dialects
    ]


def ordinary(of: Iterable[tuple[str, str, str]]) -> list[Any]:
    """Leave to the long run who speaks a dialect with a second server; one light client speaks with all, so that each is met."""
    met: set[tuple[str, str]] = set()
    marked = []
    for client, endpoint, dialect in of:
        again = (client, dialect) in met and client != LIGHTEST
        met.add((client, dialect))
        marked.append(pytest.param(client, endpoint, dialect, marks=[pytest.mark.long] if again else []))
    return marked


class Server:
    """One server program, behind a tap whose address is then the only one that anybody is told."""

    def __init__(self, name: str, directory: Path, idle_s: float = IDLE_S, *, tapped: bool = True) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        port = free_port()
        self.tap = Tap(("127.0.0.1", port)) if tapped else None
        self.url = self.tap.url if self.tap else f"http://127.0.0.1:{port}"
        argv, env = (STARTS | DESK_STARTS)[name](port, directory, self.url, idle_s)
        self.program = Program(argv, env=env, name=name)
        self.program.wait_port(port)

    def stop(self) -> None:
        if self.tap:
            self.tap.down()
        self.program.stop()


Start = tuple[list[str], dict[str, str]]


def _spyne(port: int, directory: Path, url: str, idle_s: float) -> Start:
    return [sys.executable, str(HERE / "servers" / "spyne_server.py"), str(port), str(idle_s)], {}


def _php(port: int, directory: Path, url: str, idle_s: float) -> Start:
    for name, path in (("boxoffice.wsdl", "/doc"), ("boxoffice-rpc.wsdl", "/rpc"), ("desk.wsdl", "/desk")):
        text = (HERE / "wsdl" / name).read_text(encoding="utf-8").replace("@ADDRESS@", url + path)
        (directory / name).write_text(text, encoding="utf-8")
    script = str(HERE / "servers" / "php_server.php")
    return ["php", "-S", f"127.0.0.1:{port}", script], {"BOXOFFICE_WSDL_DIR": str(directory)}


def _simple(encoding: str) -> Callable[[int, Path, str, float], Start]:
    def start(port: int, directory: Path, url: str, idle_s: float) -> Start:
        return [sys.executable, str(HERE / "servers" / "xmlrpc_server.py"), str(port), str(idle_s), encoding], {}

    return start


def _supervisord(port: int, directory: Path, url: str, idle_s: float) -> Start:
    argv = [sys.executable, "-m", "supervisor.supervisord", "-c", str(HERE / "servers" / "supervisord.conf")]
    return argv, {"BOXOFFICE_DIR": str(directory), "BOXOFFICE_PORT": str(port)}


def _npm(port: int, directory: Path, url: str, idle_s: float) -> Start:
    wsdl = directory / "desk.wsdl"
    text = (HERE / "wsdl" / "desk.wsdl").read_text(encoding="utf-8").replace("@ADDRESS@", f"{url}/desk")
    wsdl.write_text(text, encoding="utf-8")
    return ["node", str(HERE / "node" / "soap_server.js"), str(port), str(wsdl)], {}


def _gsoap(port: int, directory: Path, url: str, idle_s: float) -> Start:
    """Compile it: soapcpp2 makes the code and the WSDL of the header."""
    sources = HERE / "servers"
    shutil.copy(sources / "gsoap_desk.h", directory / "desk.h")
    _run(["soapcpp2", "-c", "-S", "-L", "desk.h"], directory)
    made = ("soapC.c", "soapServer.c")
    _run(["gcc", "-w", "-I.", "-o", "desk", str(sources / "gsoap_desk.c"), *made, "-lgsoap"], directory)
    return [str(directory / "desk"), str(port)], {}


def _perl(encoding: str) -> Callable[[int, Path, str, float], Start]:
    def start(port: int, directory: Path, url: str, idle_s: float) -> Start:
        return ["perl", str(HERE / "servers" / "rpcxml_server.pl"), str(port), str(int(idle_s)), encoding], {}

    return start


def _ruby(port: int, directory: Path, url: str, idle_s: float) -> Start:
    return ["ruby", str(HERE / "servers" / "ruby_server.rb"), str(port)], {}


def _run(argv: list[str], directory: Path) -> None:
    done = subprocess.run(argv, cwd=directory, capture_output=True, text=True, timeout=ANSWER_TIMEOUT_S, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@cache
def _has(*argv: str) -> bool:
    """Say whether an interpreter is there and has a library: whether this ends well."""
    return shutil.which(argv[0]) is not None and subprocess.run(argv, capture_output=True, check=False).returncode == 0


_SPOKEN = {
    "perl": (("perl", "-MRPC::XML::Server", "-e1"), "librpc-xml-perl"),
    "ruby": (("ruby", "-rxmlrpc/server", "-e0"), "ruby ruby-xmlrpc ruby-webrick"),
    "gsoap": (("soapcpp2", "-V"), "gsoap libgsoap-dev gcc libc6-dev"),
}
"""Per server, what ends well where it can run, and Debian's packages."""


def require_server(name: str) -> None:
    """Skip, or fail where peers are required, when the machine has not what the server runs on."""
    if name == "spyne":
        require.module("spyne")  # its last release, 2.14, does not import on Python 3.12 and later: not installed there
    elif name == "php":
        require.program("php", package="php-cli php-soap")
    elif name == "supervisord":
        require.module("supervisor")
    elif name == "npm":
        _node("soap")
    elif (base := name.partition("-")[0]) in _SPOKEN and not found(name):
        require.missing(f"what the server {name} runs on", "REQUIRE_PEERS", f"Debian has it as `{_SPOKEN[base][1]}`")


def found(name: str) -> bool:
    """Say whether this machine has what the server runs on."""
    if name == "php":
        return shutil.which("php") is not None
    if name == "npm":
        return shutil.which("node") is not None and (HERE / "node" / "node_modules" / "soap").is_dir()
    if (base := name.partition("-")[0]) in _SPOKEN:
        return _has(*_SPOKEN[base][0])
    return (
        name.startswith("simple") or importlib.util.find_spec({"supervisord": "supervisor"}.get(name, name)) is not None
    )


STARTS: dict[str, Callable[[int, Path, str, float], Start]] = {
    "spyne": _spyne,
    "php": _php,
    "simple": _simple("utf-8"),
    "simple-utf16": _simple("utf-16"),
    "supervisord": _supervisord,
}

DESK_STARTS: dict[str, Callable[[int, Path, str, float], Start]] = {
    "npm": _npm,
    "gsoap": _gsoap,
    "perl": _perl("utf-8"),
    "perl-ascii": _perl("us-ascii"),
    "ruby": _ruby,
}
"""Servers that have nothing but a desk."""


class Visit:
    """One run of a client: starts it, reads its JSON lines, lets it go on where it waits."""

    def __init__(self, client: Client, url: str, steps: str, *options: str) -> None:
        # The dialect is an option where a client has several; XML-RPC has none to choose.
        self.argv = [*client.argv, url, steps, *(each for each in options if each != "xmlrpc")]
        self._process = subprocess.Popen(
            self.argv, cwd=HERE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8"
        )

    def until_wait(self) -> list[dict[str, Any]]:
        """Read answers until the client says that it waits."""
        answers = []
        assert self._process.stdout is not None
        for line in self._process.stdout:
            answers.append(json.loads(line))
            if answers[-1]["step"] == "wait":
                return answers[:-1]
        raise AssertionError(f"{self.argv} ended before its wait: {answers}\n{self._finish()[1]}")

    def go_on(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def answers(self) -> list[dict[str, Any]]:
        """Read the rest of the answers and see the client end by itself, cleanly."""
        out, err = self._finish()
        assert self._process.returncode == 0, f"{self.argv} ended with {self._process.returncode}:\n{out}\n{err}"
        return [json.loads(line) for line in out.splitlines()]

    def _finish(self) -> tuple[str, str]:
        try:
            return self._process.communicate(timeout=ANSWER_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            out, err = self._process.communicate()
            raise AssertionError(f"{self.argv} did not end within {ANSWER_TIMEOUT_S:g} s:\n{out}\n{err}") from None


def compile_csharp(directory: Path) -> Path:
    """Compile the .NET client once; return the program."""
    program = directory / "Client.exe"
    argv = ["mcs", f"-out:{program}", "-r:System.Web.Services", "-r:System.Xml", str(HERE / "csharp" / "Client.cs")]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=ANSWER_TIMEOUT_S, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return program


def without_time(answers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The answers without how long each took."""
    return [{key: value for key, value in each.items() if key != "ms"} for each in answers]
