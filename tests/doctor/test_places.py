"""Where it would listen: free, ours, somebody else's; sockets that are real, and nothing left behind."""

from __future__ import annotations

import os
import socket
import time
from typing import TYPE_CHECKING

import pytest

from sidecar.doctor import places
from sidecar.doctor.report import Verdict
from sidecar.plan import AdminPlan, ListenPlan, MetricsPlan, Plan, TlsPlan
from tests.support.backend import ThreadBackend, answer, silent
from tests.support.replies import http

if TYPE_CHECKING:
    from pathlib import Path

    from sidecar.doctor.report import Finding
    from tests.support.certs import Certs

OK, WARN, FAIL = Verdict
HEALTH = answer(http(b'{"state":"ok","version":"0.1.0"}'))
TOKEN = "0123456789abcdef"


ANY_PORT, ANY_ADMIN = ListenPlan(port=0), AdminPlan(port=0, token=TOKEN)


def plan(listen: ListenPlan = ANY_PORT, admin: AdminPlan = ANY_ADMIN, metrics: MetricsPlan | None = None) -> Plan:
    return Plan(listen=listen, admin=admin, metrics=metrics)


def looked(where: Plan) -> dict[str, Finding]:
    return {found.check: found for found in places.look(where, time.time)}


def test_free_ports(free_port: int) -> None:
    """It can be bound, and still can afterwards; 0 is any."""
    found = looked(plan(ListenPlan(port=free_port), metrics=MetricsPlan(port=0)))
    assert {name: (each.verdict, each.what) for name, each in found.items()} == {
        "listen": (OK, f"127.0.0.1:{free_port} is free"),
        "admin": (OK, "any free port"),
        "metrics": (OK, "any free port"),
        "orders": (OK, "on this machine, with a token"),
    }
    with socket.create_server(("127.0.0.1", free_port)):
        pass


def test_ports_of_ours_that_runs() -> None:
    """A doctor is asked before a reload, too: then the sidecar itself holds the places, and says so on each."""
    numbers = answer(http(b'sidecar_build_info{version="0.1.0"} 1\n'))
    with ThreadBackend(HEALTH) as public, ThreadBackend(HEALTH) as admin, ThreadBackend(numbers) as metrics:
        ports = [each.backend.port for each in (public, admin, metrics)]
        found = looked(plan(ListenPlan(port=ports[0]), AdminPlan(port=ports[1]), MetricsPlan(port=ports[2])))
        asked = [each.journal.entries[0].target for each in (public, admin, metrics)]
    assert [found[name].what for name in ("listen", "admin", "metrics")] == [
        f"127.0.0.1:{port}: a sidecar runs there" for port in ports
    ]
    assert asked == ["/.sidecar/healthz", "/healthz", "/metrics"]


def test_every_address_is_asked_on_this_machine() -> None:
    """Who holds 0.0.0.0 answers on loopback."""
    with ThreadBackend(HEALTH, host="0.0.0.0") as public:
        assert "a sidecar runs" in looked(plan(ListenPlan("0.0.0.0", public.backend.port)))["listen"].what


def test_ours_over_tls(tls: Certs) -> None:
    """It is known by what it says, whomever its certificate names; the certificate is looked at as well."""
    files = TlsPlan(str(tls.cert_file), str(tls.key_file))
    with ThreadBackend(HEALTH, ssl=tls.server) as public:
        found = looked(plan(ListenPlan(port=public.backend.port, tls=files)))
    assert "a sidecar runs" in found["listen"].what
    assert (found["certificate"].verdict, found["certificate"].about) == (OK, "listen")


def test_a_certificate_of_ours_that_cannot_serve(tls: Certs) -> None:
    """The start would fail; the files are named."""
    files = TlsPlan(str(tls.key_file), str(tls.cert_file))
    found = looked(plan(ListenPlan(port=0, tls=files)))["certificate"]
    assert found.verdict is FAIL
    assert str(tls.key_file) in found.what


@pytest.mark.parametrize("play", [answer(http(b"<html>")), silent()], ids=["page", "silence"])
def test_a_port_of_somebody_else(play: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not speak like a sidecar is none; a port of admin that nobody wrote is given up by the sidecar, and is no failure."""
    monkeypatch.setattr(places, "_WHO_S", 0.2)
    with ThreadBackend(play) as other:  # type: ignore[arg-type] # a play, as the parameters above say
        port = other.backend.port
        found = looked(plan(ListenPlan(port=port), AdminPlan(port=port)))
        written = looked(plan(ListenPlan(port=0), AdminPlan(port=port, written=True)))
    assert [found[name].verdict for name in ("listen", "admin")] == [FAIL, WARN]
    assert written["admin"].verdict is FAIL
    assert "no sidecar" in found["listen"].what
    assert "listen.port" in found["listen"].remedy


def test_a_bound_port_that_does_not_listen(dead_url: str) -> None:
    """Nobody answers there, and still it cannot be had."""
    found = looked(plan(ListenPlan(port=int(dead_url.rpartition(":")[2]))))["listen"]
    assert found.verdict is FAIL


@pytest.mark.parametrize(
    ("host", "said"),
    [("192.0.2.7", "cannot be bound"), ("no-such-host.invalid", "no address of this machine")],
)
def test_an_address_of_another_machine(host: str, said: str) -> None:
    """Nobody can listen there."""
    found = looked(plan(ListenPlan(host, 0)))["listen"]
    assert (found.verdict, said in found.what, "listen.host" in found.remedy) == (FAIL, True, True)


def test_a_port_of_the_privileged(monkeypatch: pytest.MonkeyPatch) -> None:
    """The remedy names the capability."""

    class Refused(socket.socket):
        def bind(self, *_: object) -> None:
            raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(places.socket, "socket", Refused)
    found = looked(plan(ListenPlan(port=443)))["listen"]
    assert found.verdict is FAIL
    assert "CAP_NET_BIND_SERVICE" in found.remedy


def test_socket_files(tmp_path: Path) -> None:
    """Free, left behind, ours, somebody else's, in the way: each is told, and none is touched."""
    path = tmp_path / "s.sock"
    where = plan(ListenPlan(unix=str(path)))
    assert looked(where)["listen"].what == f"{path} is free"
    assert list(tmp_path.iterdir()) == []
    with ThreadBackend(HEALTH, unix=path):
        assert looked(where)["listen"].what == f"{path}: a sidecar runs there"
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    assert (looked(where)["listen"].verdict, path.exists()) == (OK, True)
    path.unlink()
    with ThreadBackend(answer(http(b"?")), unix=path):
        assert looked(where)["listen"].verdict is FAIL
    path.unlink(missing_ok=True)
    path.write_text("a file")
    found = looked(where)["listen"]
    assert (found.verdict, path.read_text()) == (FAIL, "a file")
    assert "in the way" in found.what


def test_a_folder_that_cannot_hold_a_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not there, or not ours to write to."""
    missing = plan(ListenPlan(unix=str(tmp_path / "no" / "s.sock")))
    assert looked(missing)["listen"].verdict is FAIL
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write everywhere
    closed = looked(plan(ListenPlan(unix=str(tmp_path / "s.sock"))))["listen"]
    assert closed.verdict is FAIL
    assert "RuntimeDirectory" in closed.remedy


@pytest.mark.parametrize(
    ("admin", "verdict", "said"),
    [
        (AdminPlan(port=0, token=TOKEN), OK, "with a token"),
        (AdminPlan(port=0), WARN, "no token"),
        (AdminPlan("0.0.0.0", 0, token=TOKEN), WARN, "readable"),
        (AdminPlan("localhost", 0, token=TOKEN), OK, "with a token"),
    ],
)
def test_who_may_give_orders(admin: AdminPlan, verdict: Verdict, said: str) -> None:
    """Without a token nobody; on an address of the network more than should."""
    found = looked(plan(admin=admin))["orders"]
    assert found.verdict is verdict
    assert said in found.what
    assert TOKEN not in found.what + found.remedy
