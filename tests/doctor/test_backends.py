"""Backends that are well, and that are not, in each way that the doctor tells apart: at real sockets, with real certificates.

Nothing but the one question may ever reach them, and the whole must end in time, whatever they do.
"""

from __future__ import annotations

import datetime as dt
import re
import socket
import ssl
import threading
import time
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from sidecar.doctor import backends as doctor
from sidecar.doctor import examine
from sidecar.doctor.report import Verdict
from sidecar.model import Protocol
from sidecar.plan import AdminPlan, BackendPlan, ListenPlan, Plan, TimeoutsPlan, UpstreamTlsPlan
from tests.support.backend import Blackhole, Point, ThreadBackend, answer, cut, silent
from tests.support.replies import garbage, html, http, raw

if TYPE_CHECKING:
    from pathlib import Path

    from sidecar.doctor.report import Finding
    from tests.support.certs import Certs
    from tests.support.plays import Play
    from tests.support.visit import Visit

OK, WARN, FAIL = Verdict
WSDL = b'<?xml version="1.0"?><definitions xmlns="http://schemas.xmlsoap.org/wsdl/"/>'


def dated(offset_s: float = 0.0, body: bytes = WSDL) -> Play:
    """Answer with a WSDL and the time of a clock that is wrong by so much."""
    return answer(http(body, headers=[("Date", formatdate(time.time() + offset_s, usegmt=True))]))


def plan(url: str, **more: Any) -> BackendPlan:
    protocol = more.pop("protocol", Protocol.SOAP)
    endpoints = more.pop("endpoints", (("", f"{url}/Tickets.asmx"),))
    return BackendPlan("t", protocol, "/t", endpoints, **more)


def asked(
    *backends: BackendPlan, probe: bool = False, whole_s: float = doctor.WHOLE_S
) -> tuple[list[Finding], list[str]]:
    return doctor.ask(backends, probe=probe, wall=time.time, whole_s=whole_s)()


def verdicts(findings: list[Finding]) -> dict[str, Verdict]:
    return {found.check: found.verdict for found in findings}


def one(findings: list[Finding], verdict: Verdict = FAIL) -> Finding:
    (found,) = [found for found in findings if found.verdict is verdict]
    return found


def test_one_that_is_well() -> None:
    """Every step is told, and one GET is all that it has got."""
    with ThreadBackend(dated()) as backend:
        findings, sent = asked(plan(backend.url))
        (entry,) = backend.journal.entries
    assert verdicts(findings) == {"connect": OK, "answer": OK, "clock": OK}
    assert (entry.method, entry.target, entry.body) == ("GET", "/Tickets.asmx?wsdl", b"")
    assert entry.header("host") == backend.url.removeprefix("http://")
    assert sent == [f"GET {backend.url}/Tickets.asmx?wsdl"]


def test_a_name_is_resolved() -> None:
    """What a name stands for is what an operator wants to see first."""
    with ThreadBackend(dated()) as backend:
        findings, _ = asked(plan(backend.url.replace("127.0.0.1", "localhost")))
    assert verdicts(findings)["resolve"] is OK
    assert "127.0.0.1" in findings[0].what


def test_a_name_that_nobody_knows() -> None:
    """.invalid is nobody's (RFC 6761): nothing more is tried."""
    findings, sent = asked(plan("http://tickets.invalid"))
    assert verdicts(findings) == {"resolve": FAIL}
    assert "tickets.invalid cannot be resolved" in findings[0].what
    assert sent == []


def test_a_resolver_that_hangs_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """It cannot be interrupted; the report does not wait for it."""
    free = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: free.wait(30) and [])
    began_s = time.monotonic()
    findings, _ = asked(plan("http://tickets.example"), whole_s=0.2)
    assert time.monotonic() - began_s < 5
    free.set()
    assert verdicts(findings) == {"resolve": FAIL}
    assert "no end of it within 0.2 s" in findings[0].what


def test_a_dead_port(dead_url: str) -> None:
    """Refused is refused; the address is named, and the key."""
    findings, sent = asked(plan(dead_url))
    assert (findings[0].check, findings[0].verdict) == ("connect", FAIL)
    assert "Connection refused" in findings[0].what
    assert dead_url.removeprefix("http://") in findings[0].what
    assert "backends.t.url" in findings[0].remedy
    assert sent == []


async def test_a_host_that_swallows_connections() -> None:
    """It is given what the sidecar gives it, and no more; a second address is not tried when the time is up."""
    async with Blackhole() as hole:
        findings, _ = asked(plan(hole.url, timeouts=TimeoutsPlan(connect_s=0.2)))
    assert findings[0].what == (f"no connection within timeouts.connect (0.2 s): 127.0.0.1:{hole.port} said nothing")


async def test_addresses_share_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the sidecar would: a name with ten dead addresses is not ten times as patient."""
    async with Blackhole() as hole:
        dead = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", hole.port))
        other = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.2", hole.port))
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [dead, other])
        findings, _ = asked(plan("http://tickets.example", timeouts=TimeoutsPlan(connect_s=0.2)))
    assert "127.0.0.2" in one(findings).what
    assert "was not tried any more" in one(findings).what


def test_the_next_address_is_tried(dead_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name like localhost is often ::1 first, and the backend on 127.0.0.1 alone."""
    with ThreadBackend(dated()) as backend:
        ports = int(dead_url.rpartition(":")[2]), backend.backend.port
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)) for port in ports]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
        findings, _ = asked(plan("http://tickets.example"))
    assert verdicts(findings)["connect"] is OK


@pytest.mark.parametrize(
    ("play", "words"),
    [
        (answer(html()), "page of HTML"),
        (answer(http(b"", 404)), "404"),
        (answer(http(b"", 302, headers=[("Location", "https://elsewhere.example/login")])), "elsewhere.example"),
        (answer(garbage()), "no HTTP"),
        (answer(raw(b"HTTP/9.9 what\r\n\r\n")), "no HTTP"),
        (cut(Point.HEAD), "no HTTP answer: Connection reset"),
        (cut(Point.HALF_REPLY_BODY, reply=http(WSDL)), "no HTTP answer"),
    ],
    ids=["html", "404", "redirect", "garbage", "version", "reset", "half"],
)
def test_what_is_no_service(play: Play, words: str) -> None:
    """Everything but a WSDL where one was asked for is a no-go, with words of its own."""
    with ThreadBackend(play) as backend:
        findings, sent = asked(plan(backend.url))
    assert one(findings).check == "answer"
    assert words in one(findings).what
    assert len(sent) == 1


def test_one_that_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A step has an end of its own."""
    monkeypatch.setattr(doctor, "STEP_S", 0.2)
    with ThreadBackend(silent()) as backend:
        findings, _ = asked(plan(backend.url))
    assert one(findings).what == "nothing came within 0.2 s"


def test_one_that_drips_is_left_when_the_time_is_up() -> None:
    """A byte now and then keeps every single read alive; the whole has an end all the same."""
    began_s = time.monotonic()
    with ThreadBackend(answer(http(b"x" * 500), piece_bytes=1, gap_s=0.05)) as backend:
        findings, _ = asked(plan(backend.url), whole_s=0.4)
        took_s = time.monotonic() - began_s
    assert took_s < 5
    assert (one(findings).check, one(findings).what) == ("answer", "no end of it within 0.4 s")


def test_backends_are_asked_at_once() -> None:
    """Three that take half a second each take half a second together."""
    slow = answer(http(WSDL), work_s=0.5)
    with ThreadBackend(slow) as one_, ThreadBackend(slow) as two, ThreadBackend(slow) as three:
        began_s = time.monotonic()
        findings, _ = asked(*(plan(each.url) for each in (one_, two, three)))
        took_s = time.monotonic() - began_s
    assert took_s < 1.4
    assert [found.verdict for found in findings if found.check == "answer"] == [OK, OK, OK]


@pytest.mark.parametrize(
    ("offset_s", "verdict", "words"),
    [
        (0, OK, "as ours"),
        (-3, OK, "as ours"),
        (30, WARN, "(29|30|31) seconds ahead of ours"),
        (-250, WARN, "4 minutes behind ours"),
        (-3 * 3600, FAIL, "3 hours behind ours"),
        (50 * 86_400, FAIL, "50 days ahead of ours"),
    ],
)
def test_clocks(offset_s: float, verdict: Verdict, words: str) -> None:
    """A few seconds are the network; five minutes are where signed messages are refused."""
    with ThreadBackend(dated(offset_s)) as backend:
        findings, _ = asked(plan(backend.url))
    (found,) = [found for found in findings if found.check == "clock"]
    assert found.verdict is verdict
    assert re.match(words, found.what)


@pytest.mark.parametrize("date", ["yesterday", "Mon, 99 Nov 2026 99:99:99 GMT", "Mon, 01 Jan 99999 00:00:00 GMT"])
def test_a_date_that_is_none(date: str) -> None:
    """It is said, and is no failure: nothing here depends on it."""
    with ThreadBackend(answer(http(WSDL, headers=[("Date", date)]))) as backend:
        findings, _ = asked(plan(backend.url))
    assert verdicts(findings)["clock"] is WARN


def test_one_without_a_date_is_not_judged() -> None:
    """A server may leave it out (RFC 9110 section 6.6.1)."""
    with ThreadBackend(answer(http(WSDL))) as backend:
        findings, _ = asked(plan(backend.url))
    assert "clock" not in verdicts(findings)


def test_an_unwell_one_still_tells_its_time() -> None:
    """Both faults are told in one go."""
    with ThreadBackend(dated(-7200, b"<html>")) as backend:
        findings, _ = asked(plan(backend.url))
    assert verdicts(findings) == {"connect": OK, "answer": FAIL, "clock": FAIL}


def test_xmlrpc_executes_nothing_unless_it_is_allowed() -> None:
    """A GET; with probe a call of system.listMethods, and it is said what was sent."""
    reply = http(b"<methodResponse><params/></methodResponse>")
    with ThreadBackend(answer(reply)) as backend:
        backend_plan = plan(backend.url, protocol=Protocol.XMLRPC, endpoints=(("", f"{backend.url}/RPC2"),))
        findings, sent = asked(backend_plan)
        assert verdicts(findings)["answer"] is OK
        assert sent == [f"GET {backend.url}/RPC2"]
        findings, sent = asked(backend_plan, probe=True)
        assert sent == [f"POST {backend.url}/RPC2 system.listMethods"]
        first, second = backend.journal.entries
    assert (first.method, first.body) == ("GET", b"")
    assert (second.method, second.header("content-type")) == ("POST", "text/xml")
    assert "names its methods" in next(found.what for found in findings if found.check == "answer")


def test_endpoints_have_their_own_answers() -> None:
    """They share a host: what is told of that is told once."""
    with ThreadBackend(dated()) as backend:
        endpoints = (("main", f"{backend.url}/Main.asmx"), ("reports", f"{backend.url}/Reports.asmx"))
        findings, sent = asked(plan(backend.url, endpoints=endpoints))
    told = sorted((found.check, found.about) for found in findings)
    assert told == [("answer", "t/main"), ("answer", "t/reports"), ("clock", "t/main"), ("connect", "t/main")]
    assert len(sent) == 2


def test_a_fault_of_the_doctor_is_told_and_silences_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody foresaw is one failed check of one backend."""
    real = socket.getaddrinfo

    def resolve(host: str, *args: Any, **more: Any) -> Any:
        if host == "odd.example":
            raise RuntimeError("odd")
        return real(host, *args, **more)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with ThreadBackend(dated()) as backend:
        findings, _ = asked(plan("http://odd.example"), plan(backend.url))
    assert "the doctor itself failed here: RuntimeError odd" in one(findings).what
    assert sum(found.verdict is OK for found in findings) == 3


# --- certificates


class Theirs:
    """An authority, and what it has issued for a backend of the test."""

    def __init__(self, folder: Path, *names: str, days: float = 365.0) -> None:
        self.authority = trustme.CA()
        self.ca_file = folder / "ca.pem"
        self.authority.cert_pem.write_to_path(str(self.ca_file))
        now = dt.datetime.now(dt.UTC)
        issued = self.authority.issue_cert(
            *(names or ("127.0.0.1",)),
            not_before=now - dt.timedelta(days=400),
            not_after=now + dt.timedelta(days=days),
        )
        self.server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        issued.configure_cert(self.server)

    def trusted(self, **more: Any) -> UpstreamTlsPlan:
        return UpstreamTlsPlan(ca_file=str(self.ca_file), **more)


def test_a_certificate_that_is_well(tmp_path: Path) -> None:
    """Version, names and days are told, and the question goes over it."""
    theirs = Theirs(tmp_path)
    with ThreadBackend(dated(), ssl=theirs.server) as backend:
        findings, sent = asked(plan(backend.url, tls=theirs.trusted()))
    assert verdicts(findings) == {"connect": OK, "tls": OK, "certificate": OK, "answer": OK, "clock": OK}
    said = {found.check: found.what for found in findings}
    assert said["tls"] == "TLSv1.3, trusted for 127.0.0.1"
    assert "for 127.0.0.1, issued by trustme" in said["certificate"]
    assert "364 days left" in said["certificate"]
    assert sent == [f"GET {backend.url}/Tickets.asmx?wsdl"]


def test_a_certificate_that_ends_soon(tmp_path: Path) -> None:
    """It works today, and somebody has a week."""
    theirs = Theirs(tmp_path, days=7.5)
    with ThreadBackend(dated(), ssl=theirs.server) as backend:
        findings, _ = asked(plan(backend.url, tls=theirs.trusted()))
    assert "7 days left" in one(findings, WARN).what


def test_an_expired_certificate(tmp_path: Path) -> None:
    """When it ended is told, although the handshake failed; nothing was sent over the second look."""
    theirs = Theirs(tmp_path, days=-3.5)
    with ThreadBackend(dated(), ssl=theirs.server) as backend:
        findings, sent = asked(plan(backend.url, tls=theirs.trusted()))
        assert backend.journal.entries == []
    day = (dt.datetime.now(dt.UTC) - dt.timedelta(days=3.5)).strftime("%Y-%m-%d")
    assert verdicts(findings) == {"connect": OK, "certificate": FAIL}
    assert f"expired on {day}" in one(findings).what
    assert sent == []


def test_a_certificate_for_another_name(tmp_path: Path) -> None:
    """Whom it names is told; written as server_name, it is right."""
    theirs = Theirs(tmp_path, "tix.local", "www.tix.local")
    with ThreadBackend(dated(), ssl=theirs.server) as backend:
        findings, sent = asked(plan(backend.url, tls=theirs.trusted()))
        assert sent == []
        named, _ = asked(plan(backend.url, tls=theirs.trusted(server_name="tix.local")))
    assert "for tix.local, www.tix.local, not for 127.0.0.1" in one(findings).what
    assert "tls.server_name" in one(findings).remedy
    assert verdicts(named)["tls"] is OK


def test_a_certificate_of_nobody_whom_we_trust(tmp_path: Path) -> None:
    """The remedy is the authority's file."""
    theirs = Theirs(tmp_path)
    with ThreadBackend(dated(), ssl=theirs.server) as backend:
        findings, sent = asked(plan(backend.url))
    assert one(findings).check == "certificate"
    assert "not trusted: " in one(findings).what
    assert "tls.ca_file" in one(findings).remedy
    assert sent == []


def test_a_certificate_that_is_not_checked(tmp_path: Path) -> None:
    """It goes, and everybody should know that it is only for a test host."""
    theirs = Theirs(tmp_path, "tix.local", days=-3)
    with ThreadBackend(dated(), ssl=theirs.server) as backend:
        findings, _ = asked(plan(backend.url, tls=UpstreamTlsPlan(verify=False)))
    assert "not checked" in one(findings, WARN).what
    assert verdicts(findings)["answer"] is OK


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "wrong version number"),
        (b"\x15\x03\x01\x00\x02\x02\x46", "alert protocol version"),  # RFC 8446 section 6: fatal, protocol_version
    ],
    ids=["plain", "version"],
)
def test_a_handshake_that_is_refused(said: bytes, words: str) -> None:
    """A plain port where TLS was meant, a version that the backend has not: the reason is said in words, with the key for it."""

    async def refuse(visit: Visit) -> None:
        await visit.send(said)

    with ThreadBackend(refuse) as backend:
        findings, sent = asked(plan(backend.url.replace("http:", "https:")))
    assert one(findings).check == "tls"
    assert one(findings).what.startswith("no handshake: ")
    assert words in one(findings).what
    assert "tls.min_version" in one(findings).remedy
    assert sent == []


def test_a_handshake_that_never_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """It gets the time of one step."""
    monkeypatch.setattr("sidecar.doctor.trust.STEP_S", 0.2)
    with ThreadBackend(silent()) as backend:
        findings, _ = asked(plan(backend.url.replace("http:", "https:")))
    assert "timed out" in one(findings).what


def test_a_retired_version_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Old Windows hosts speak nothing else; it works, and is said."""
    theirs = Theirs(tmp_path)
    monkeypatch.setattr(ssl.SSLSocket, "version", lambda _: "TLSv1.1")
    with ThreadBackend(dated(), ssl=theirs.server) as backend:
        findings, _ = asked(plan(backend.url, tls=theirs.trusted()))
    assert one(findings, WARN).what == "TLSv1.1"


def test_a_file_of_authorities_that_holds_none(tmp_path: Path, tls: Certs) -> None:
    """The file is named, not the backend blamed."""
    empty = tmp_path / "empty.pem"
    empty.write_text("no certificate")
    with ThreadBackend(dated(), ssl=tls.server) as backend:
        findings, _ = asked(plan(backend.url, tls=UpstreamTlsPlan(ca_file=str(empty))))
    assert f"{empty} cannot be used" in one(findings).what


def test_the_whole_examination() -> None:
    """Machine, places, addresses and backends in one report, in this order."""
    with ThreadBackend(dated()) as backend:
        whole = Plan(
            listen=ListenPlan(port=0),
            admin=AdminPlan(port=0, token="0123456789abcdef"),
            backends=(plan(backend.url),),
        )
        report = examine(whole, "a.yaml")
    checks = [found.check for found in report.findings]
    assert checks == [
        *("settings", "parts", "descriptors", "memory", "grace"),
        *("listen", "admin", "orders"),
        *("public_url", "origins"),
        *("connect", "answer", "clock"),
    ]
    assert report.sent == (f"GET {backend.url}/Tickets.asmx?wsdl",)
    assert 0 < report.took_s < doctor.WHOLE_S
