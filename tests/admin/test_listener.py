"""The listener of operators on real sockets: who may look, who may not, and what it says to whatever comes in."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import stat
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from sidecar.admin import listener, pages, table
from sidecar.admin.listener import AdminListener
from sidecar.plan import AdminPlan, MetricsPlan
from sidecar.sockets import ListenError
from tests.admin.office import TOKEN, FakeControl, Office, open_office
from tests.support.client import Client
from tests.support.world import LoopClock, Recorder

if TYPE_CHECKING:
    from pathlib import Path

LOOKS = ("/status", "/metrics", "/admin/v1/config", "/admin/v1/commands", "/admin/v1/audit")
BEARER = {"Authorization": f"Bearer {TOKEN}"}
SET = {"backend": "tickets", "value": 8, "for": "10m"}


# Looking


async def test_alive_and_ready(office: Office) -> None:
    """Alive while it answers; ready until a drain begins."""
    assert (await office.ask("GET", "/healthz")).json() == {"v": 1, "state": "ok"}
    assert (await office.ask("GET", "/readyz")).json() == {"v": 1, "state": "ok", "ready": True}
    office.control.is_ready = False
    said = await office.ask("GET", "/readyz")
    assert (said.status, said.json()) == (503, {"v": 1, "state": "draining", "ready": False})
    assert (await office.ask("GET", "/healthz")).status == 200


@pytest.mark.parametrize(
    ("query", "accept", "is_text"),
    [
        ("", "*/*", True),
        ("", "text/html,application/xhtml+xml,*/*;q=0.8", True),
        ("", "application/json", False),
        ("", "", False),
        ("?format=json", "*/*", False),
        ("?format=text", "application/json", True),
    ],
)
async def test_the_status_for_people_and_for_machines(office: Office, query: str, accept: str, is_text: bool) -> None:
    """Curl and a browser get the screen, who says JSON or nothing gets the facts."""
    said = await office.ask("GET", f"/status{query}", {"Accept": accept})
    assert said.status == 200
    if is_text:
        assert said.header("Content-Type") == "text/plain; charset=utf-8"
        assert said.text.startswith("sidecar 0.1.0  ready  up 2d 3h")
        assert max(map(len, said.text.splitlines())) <= 80
        assert len(said.text.splitlines()) <= 24
    else:
        assert said.json() == office.control.facts


async def test_metrics_settings_commands_and_audit(office: Office) -> None:
    """Each as the app or the table has it."""
    said = await office.ask("GET", "/metrics")
    assert (said.body, said.header("Content-Type")) == (
        b"sidecar_up 1\n",
        "text/plain; version=1.0.0; charset=utf-8",
    )
    assert (await office.ask("GET", "/admin/v1/config")).json()["settings"] == office.control.effective()
    assert (await office.ask("GET", "/admin/v1/commands")).json()["commands"] == table.facts()
    await office.order("limit/set", SET)
    await office.order("limit/clear", {"backend": "tickets"})
    entries = (await office.ask("GET", "/admin/v1/audit?last=1")).json()["audit"]
    assert [(entry["noun"], entry["verb"], entry["n"]) for entry in entries] == [("limit", "clear", 2)]
    assert len((await office.ask("GET", "/admin/v1/audit")).json()["audit"]) == 2


@pytest.mark.parametrize("last", ["0", "-1", "x", "601", "9" * 5000, "", "٣"])
async def test_so_many_entries_and_no_more(office: Office, last: str) -> None:
    """A number in bounds."""
    assert (await office.ask("GET", f"/admin/v1/audit?last={quote(last)}")).status == 400


@pytest.mark.parametrize("path", [*LOOKS, "/healthz", "/readyz"])
async def test_looks_are_for_get_and_head(office: Office, path: str) -> None:
    """Another method is told which; HEAD has the headers alone."""
    said = await office.ask("POST", path)
    assert (said.status, said.header("Allow"), said.json()["code"]) == (405, "GET, HEAD", "method_not_allowed")
    async with office.client() as client:
        head = await client.exchange(office.request("HEAD", path))
        assert (head.status, head.body) == (200, b"")
        assert (await client.exchange(office.request("GET", path))).status == 200


async def test_every_answer_has_the_headers(office: Office) -> None:
    """No store (the page: asked for anew), no sniffing, no frame, no CORS, on good and bad ones; no software is named."""
    for path in (*LOOKS, "/healthz", "/", "/nothing", "/admin/v1/limit/sett"):
        said = await office.ask("GET", path)
        assert said.header("Cache-Control") == ("no-cache" if path == "/" else "no-store"), path
        assert said.header("X-Content-Type-Options") == "nosniff"
        assert said.header("Content-Security-Policy") is not None
        assert not [name for name, _ in said.headers if name.lower().startswith("access-control")]
        assert "aiohttp" not in (said.header("Server") or "").lower(), said.headers


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/nothing", "not_found"),
        ("/status/", "not_found"),
        ("/admin/v1", "not_found"),
        ("/admin/v1/limit/sett", "unknown_order"),
        ("/admin/v1/limit/set/x", "unknown_order"),
        ("/admin/v1//", "unknown_order"),
        ("/page/nothing.js", "not_found"),
        ("/page/vendor/LICENSE", "not_found"),
        ("/../pages.py", "not_found"),
        ("/%2e%2e/pages.py", "not_found"),
    ],
)
async def test_nothing_there(office: Office, path: str, code: str) -> None:
    """404 as JSON, with what there is."""
    for method in ("GET", "POST"):
        said = await office.ask(method, path, {**BEARER, "Content-Type": "application/json"})
        assert (said.status, said.json()["code"]) == (404, code)
        assert said.json()["remedy"]


async def test_an_order_is_posted(office: Office) -> None:
    """Looking at one gives 405."""
    said = await office.ask("GET", "/admin/v1/limit/set")
    assert (said.status, said.header("Allow")) == (405, "POST")


# Who may


@pytest.mark.parametrize("host", ["evil.example:8081", "localhost.evil.example", "10.1.2.3"])
async def test_a_rebound_name_gets_nothing(office: Office, host: str) -> None:
    """421 for looks and orders alike, whatever token; probes alone may name the host as they like."""
    for path in (*LOOKS, "/", "/nothing"):
        async with office.client() as client:
            said = await client.exchange(office.request("GET", path, {"Host": host, **BEARER}))
            assert (said.status, said.json()["code"]) == (421, "misdirected")
    said = await office.order("limit/set", SET, Host=host)
    assert said.status == 421
    assert office.control.orders == []
    assert (await office.ask("GET", "/healthz", {"Host": host})).status == 200
    assert office.audit()[0]["refused"] == "misdirected"


async def test_who_names_no_host_gets_nothing(office: Office) -> None:
    """HTTP/1.0 has none; a page's request always has one."""
    async with office.client() as client:
        assert (await client.exchange(b"GET /status HTTP/1.0\r\n\r\n")).status == 421


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:1"])
async def test_a_page_of_elsewhere_gets_nothing(office: Office, origin: str) -> None:
    """403 without a CORS header, with the right token as well: an extension may have it."""
    for path in LOOKS:
        said = await office.ask("GET", path, {"Origin": origin})
        assert (said.status, said.json()["code"]) == (403, "origin_denied")
    said = await office.order("limit/set", SET, Origin=origin)
    assert said.status == 403
    preflight = await office.ask("OPTIONS", "/admin/v1/limit/set", {"Origin": origin})
    assert preflight.status == 403
    assert office.control.orders == []


async def test_our_own_page_may(office: Office) -> None:
    """The dashboard, as it was addressed."""
    assert (await office.order("limit/set", SET, Origin=f"http://{office.host}")).status == 200
    port = office.host.rpartition(":")[2]
    host = f"localhost:{port}"
    assert (await office.order("limit/set", SET, Host=host, Origin=f"http://{host}")).status == 200
    assert (await office.order("limit/set", SET, Host=host, Origin=f"http://{office.host}")).status == 403


async def test_changing_needs_the_token(office: Office) -> None:
    """401 with the scheme where it is missing or wrong; the attempts are in the audit once, not a hundred times."""
    said = await office.order("limit/set", SET, Authorization="")
    assert (said.status, said.json()["code"]) == (401, "token_missing")
    assert (said.header("WWW-Authenticate") or "").startswith("Bearer")
    for _ in range(3):
        said = await office.order("limit/set", SET, Authorization="Bearer wrong")
        assert (said.status, said.json()["code"]) == (401, "token_wrong")
    assert office.control.orders == []
    assert [entry["refused"] for entry in office.audit()] == ["token_missing", "token_wrong"]
    assert TOKEN not in json.dumps(office.log.events)
    assert "wrong" not in json.dumps([entry["text"] for entry in office.audit()]).replace("token_wrong", "")


async def test_without_a_token_in_the_settings_nobody_changes_anything() -> None:
    """403 with what to write; looking is as before."""
    async with open_office(AdminPlan(port=0, written=True)) as office:
        said = await office.order("limit/set", SET)
        assert (said.status, said.json()["code"]) == (403, "no_token_configured")
        assert "admin.token_file" in said.json()["remedy"]
        assert office.control.orders == []
        assert (await office.ask("GET", "/status")).status == 200


async def test_a_reload_changes_the_token(office: Office) -> None:
    """From the next request on."""
    office.listener.adopt(AdminPlan(token="another"))
    assert (await office.order("limit/set", SET)).status == 401
    assert (await office.order("limit/set", SET, Authorization="Bearer another")).status == 200


async def test_on_an_address_of_others_looking_needs_the_token_too() -> None:
    """Probes and the page's own files stay open: a probe has no token, a page asks for it."""
    async with open_office(AdminPlan(host="0.0.0.0", port=0, token=TOKEN, written=True)) as office:
        for path in LOOKS:
            assert (await office.ask("GET", path)).status == 401
            assert (await office.ask("GET", path, {"Authorization": "Bearer wrong"})).status == 401
            assert (await office.ask("GET", path, BEARER)).status == 200
        assert (await office.ask("GET", "/healthz")).status == 200
        assert (await office.ask("GET", "/readyz")).status == 200
        assert (await office.ask("GET", "/")).status == 200, "the page holds no fact, and asks for the token"
    async with open_office(AdminPlan(host="0.0.0.0", port=0, written=True)) as office:
        assert (await office.ask("GET", "/status")).status == 403
        assert (await office.ask("GET", "/healthz")).status == 200


# Unix sockets


async def test_behind_a_unix_socket(tmp_path: Path) -> None:
    """Mode 0600; the machine knows who asks; changing needs the token all the same; the file goes with the listener."""
    await _behind_a_unix_socket(tmp_path)


@pytest.mark.uvloop
async def test_behind_a_unix_socket_on_the_loop_of_production(tmp_path: Path) -> None:
    """The same there."""
    assert "uvloop" in type(asyncio.get_running_loop()).__module__
    await _behind_a_unix_socket(tmp_path)


async def _behind_a_unix_socket(tmp_path: Path) -> None:
    path = tmp_path / "admin.sock"
    async with open_office(AdminPlan(unix=str(path), token=TOKEN, written=True)) as office:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert office.listener.urls == (f"unix:{path}",)
        assert (await office.ask("GET", "/status", {"Host": "whatever"})).status == 200
        assert (await office.order("limit/set", SET, Authorization="")).status == 401
        said = await office.ask(
            "POST", "/admin/v1/config/reload", {**BEARER, "Content-Type": "application/json"}, b"{}"
        )
        assert said.status == 200
        entry = office.audit()[-1]
        assert (entry["actor"], entry["peer"]) == (f"unknown@uid{os.getuid()}", f"uid{os.getuid()}")
    assert not path.exists()


# The metrics alone


async def test_a_listener_for_the_metrics_alone() -> None:
    """It serves them to whoever comes, under whatever name, and nothing else."""
    async with open_office(metrics=MetricsPlan(port=0)) as office:
        [url] = office.listener.metrics_urls
        assert url != office.url
        for path, host, status in [
            ("/metrics", "prometheus-target", 200),
            ("/status", "localhost", 404),
            ("/admin/v1/audit", "localhost", 404),
            ("/healthz", "localhost", 404),
        ]:
            async with Client.to(url) as client:
                said = await client.exchange(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
                assert said.status == status, path
        async with Client.to(url) as client:
            said = await client.exchange(b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
            assert said.status == 405
        assert (await office.ask("GET", "/metrics")).status == 200, "on the one of admin they stay"


# The dashboard


async def test_the_dashboard_is_served_from_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a policy that lets in nothing of elsewhere, and an ETag that spares it the second time."""
    (tmp_path / "index.html").write_text("<!doctype html><title>sidecar</title>")
    (tmp_path / "app.js").write_text("1")
    loaded = pages.load(tmp_path)
    monkeypatch.setattr(pages, "load", lambda: loaded)
    async with open_office() as office:
        (tmp_path / "index.html").unlink()
        said = await office.ask("GET", "/")
        assert (said.status, said.header("Content-Type")) == (200, "text/html; charset=utf-8")
        assert said.header("Content-Security-Policy") == pages.POLICY
        assert said.header("Cache-Control") == "no-cache"
        etag = said.header("ETag")
        assert etag
        again = await office.ask("GET", "/", {"If-None-Match": etag})
        assert (again.status, again.body, again.header("ETag")) == (304, b"", etag)
        assert (await office.ask("GET", "/page/app.js")).body == b"1"
        assert (await office.ask("POST", "/page/app.js")).status == 405
        assert (await office.ask("GET", "/", {"Host": "evil.example"})).status == 421


# Starting and closing


async def test_where_it_listens(office: Office) -> None:
    """The port that it got."""
    assert office.url.startswith("http://127.0.0.1:")
    assert repr(office.listener) == f"<AdminListener {office.url}>"
    assert (
        repr(AdminListener(AdminPlan(), None, FakeControl(), LoopClock(), Recorder())) == "<AdminListener not started>"
    )


async def test_on_ipv6(monkeypatch: pytest.MonkeyPatch) -> None:
    """The address stands in brackets."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("this machine has no ::1")
    async with open_office(AdminPlan(host="::1", port=0, token=TOKEN, written=True)) as office:
        assert office.url.startswith("http://[::1]:")
        assert (await office.ask("GET", "/status")).status == 200


async def test_a_taken_port_that_was_asked_for_is_an_error() -> None:
    """With where, why and what to do."""
    async with open_office() as office:
        port = int(office.host.rpartition(":")[2])
        with pytest.raises(ListenError, match=r"^admin: cannot bind 127\.0\.0\.1 port \d+ .*admin\.port"):
            async with open_office(AdminPlan(port=port, written=True)):
                pass
        with pytest.raises(ListenError, match=r"^metrics: cannot bind .*metrics\.port"):
            async with open_office(metrics=MetricsPlan(port=port)):
                pass


async def test_a_taken_port_that_nobody_asked_for_is_a_line_of_the_log() -> None:
    """Two sidecars on one machine need no line each; the second says what it lacks and how to get it."""
    async with open_office() as first, open_office(AdminPlan(port=int(first.host.rpartition(":")[2]))) as second:
        assert second.listener.urls == ()
        [line] = second.log.named("admin_unavailable")
        assert "admin.port" in str(line["remedy"])


async def test_a_host_that_is_none_is_an_error_even_so() -> None:
    """Only a taken port may be missing silently."""
    with pytest.raises(ListenError, match=r"^admin\.host"):
        async with open_office(AdminPlan(host="no such host", port=0)):
            pass


async def test_closing_lets_answers_out_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Idle connections end at once, the port is free, closing twice harms nobody."""
    monkeypatch.setattr(listener, "_CLOSE_S", 0.2)
    async with open_office() as office:
        async with office.client() as client:
            assert (await client.exchange(office.request("GET", "/healthz"))).status == 200
            await office.listener.close()
            await client.until_end()
        await office.listener.close()
        with pytest.raises(OSError, match=r"."):
            await office.ask("GET", "/healthz")
