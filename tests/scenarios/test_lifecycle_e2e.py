"""The life of the process: what it says when it starts, why it does not, and how it goes without losing anybody's answer.

Real processes, real signals; the backend behind them is scripted.
"""

from __future__ import annotations

import asyncio
import json
import resource
import signal
import socket
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sidecar import __version__
from tests.support import envelopes as env
from tests.support.backend import Gate, ThreadBackend, answer
from tests.support.client import Client, ask
from tests.support.ports import free_port
from tests.support.process import Program, SidecarProcess
from tests.support.replies import http

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.certs import Certs

RESERVE = env.soap11("Reserve").raw("/box")
READY = b"GET /.sidecar/readyz HTTP/1.1\r\nHost: a\r\n\r\n"
WELL = b"GET /.sidecar/healthz HTTP/1.1\r\nHost: a\r\n\r\n"


class Stage:
    """A backend that answers when its gate opens, and sidecars before it that end with the test."""

    def __init__(self, stack: ExitStack, directory: Path) -> None:
        self._stack, self._directory = stack, directory
        self.gate = Gate()
        self.backend = stack.enter_context(ThreadBackend(answer(http(env.soap11_reply("Reserve")), gate=self.gate)))

    def open(self, *, wait: bool = True, listen: dict[str, Any] | None = None, **settings: Any) -> SidecarProcess:
        # XML-RPC has no documents, so that every request at the backend is a call; SOAP only where a test speaks it.
        box = {
            "protocol": "soap",
            "url": f"{self.backend.url}/box",
            "wsdl": str(self._wsdl()),
            **settings.pop("box", {}),
        }
        whole = {"backends": {"box": box}, **settings, **({"listen": listen} if listen else {})}
        return self._stack.enter_context(SidecarProcess(whole, self._directory, wait=wait))

    def _wsdl(self) -> Path:
        file = self._directory / "box.wsdl"
        file.write_text('<w:definitions xmlns:w="http://schemas.xmlsoap.org/wsdl/"/>')
        return file

    async def called(self, count: int) -> None:
        """Wait until the backend has so many calls."""
        await asyncio.to_thread(self.backend.call, self.backend.journal.arrived(count))


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """What it started ends with it, in a thread: the test's loop has to go on."""
    stack = ExitStack()
    made = Stage(stack, tmp_path)
    yield made
    made.gate.open()
    await asyncio.to_thread(stack.close)


def said(sidecar: Program, event: str) -> list[dict[str, Any]]:
    """Return the log's lines of one event."""
    lines = [json.loads(line) for line in sidecar.lines if line.startswith("{")]
    return [line for line in lines if line["event"] == event]


async def ended(sidecar: Program, within_s: float) -> int:
    """Wait for the process to end by itself, and return its exit code."""
    deadline = time.monotonic() + within_s
    while sidecar.running:
        assert time.monotonic() < deadline, f"still there after {within_s:g} s: {sidecar.lines[-10:]}"
        await asyncio.sleep(0.02)
    code = sidecar.kill()  # it has ended: this reads what is left of its output
    assert not [line for line in sidecar.lines if "Traceback" in line or "Warning" in line], sidecar.lines
    return code


# Start


async def test_it_says_where_it_is(stage: Stage) -> None:
    """One line for people and machines, with addresses that can be asked."""
    sidecar = stage.open()
    sidecar.wait_line('"event":"started"')
    (line,) = said(sidecar, "started")
    assert (line["urls"], line["version"]) == ([sidecar.url], __version__)


async def test_a_port_that_is_taken_is_said_with_the_remedy(stage: Stage) -> None:
    """Exit code 1, and nothing left behind that would keep it from ending."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        sidecar = stage.open(wait=False, listen={"port": taken.getsockname()[1]})
        assert await ended(sidecar, 20) == 1
    (line,) = said(sidecar, "cannot_listen")
    assert "Address already in use" in line["error"]
    assert "Choose another listen.port or stop it" in line["error"]
    assert said(sidecar, "started") == []


async def test_wrong_settings_are_told_before_anything_runs(stage: Stage) -> None:
    """Exit code 78 (EX_CONFIG), with file, line and remedy."""
    sidecar = stage.open(wait=False, box={"protokol": "soap"})
    assert await ended(sidecar, 20) == 78
    assert any("protokol" in line and "did you mean" in line for line in sidecar.lines), sidecar.lines


async def test_unusable_certificates_are_told(stage: Stage, tmp_path: Path) -> None:
    """Exit code 1: the settings are right, what they name is not."""
    for name in ("cert.pem", "key.pem"):
        (tmp_path / name).write_text("not a certificate")
    sidecar = stage.open(wait=False, listen={"tls": {"cert_file": "cert.pem", "key_file": "key.pem"}})
    assert await ended(sidecar, 20) == 1
    assert "Both must be PEM" in said(sidecar, "cannot_listen")[0]["error"]


@pytest.mark.long
@pytest.mark.parametrize(("soft", "has"), [(128, 664), (900, 900)])
async def test_descriptors_are_raised_to_what_the_connections_need(stage: Stage, soft: int, has: int) -> None:
    """Two each and 64; more is left as it is."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, before[1]))
    try:
        sidecar = stage.open(limits={"connections": 300})
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    await asyncio.to_thread(sidecar.wait_line, '"event":"started"')
    assert _open_files(sidecar.pid) == has
    assert said(sidecar, "nofile_low") == []


async def test_too_few_descriptors_are_told(stage: Stage, tmp_path: Path) -> None:
    """It serves all the same."""
    sidecar = stage.open(limits={"connections": 300})
    port = free_port()
    config = json.loads(sidecar.config.read_text()) | {"listen": {"port": port}}
    file = tmp_path / "low.yaml"
    file.write_text(json.dumps(config))
    run = f'ulimit -n 200; exec "{sys.executable}" -m sidecar run "{file}"'
    async with Program(["/bin/sh", "-c", run], name="low") as low:
        await asyncio.to_thread(low.wait_line, '"event":"started"')
        assert (await ask(f"http://127.0.0.1:{port}", WELL)).status == 200
        (line,) = said(low, "nofile_low")
        assert (line["descriptors"], line["needed"]) == (200, 664)
        assert "LimitNOFILE=664" in line["remedy"]


def _open_files(pid: int) -> int:
    lines = Path(f"/proc/{pid}/limits").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("Max open files")).split()[3])


# Going


async def test_during_the_delay_it_serves_and_says_that_it_goes(stage: Stage) -> None:
    """Load balancers are told by readyz and clients by Connection: close; it lives until then, and ends well."""
    stage.gate.open()
    sidecar = stage.open(drain={"delay": "1s", "timeout": "5s"})
    ready = await ask(sidecar.url, READY)
    assert (ready.status, ready.state, ready.json()["ready"]) == (200, "ok", True)
    async with Client.to(sidecar.url) as kept:
        assert (await kept.exchange(RESERVE)).header("Connection") is None
        began = time.monotonic()
        sidecar.send_signal(signal.SIGTERM)
        await asyncio.to_thread(sidecar.wait_line, '"event":"draining"')
        ready = await ask(sidecar.url, READY)
        assert (ready.status, ready.state) == (503, "draining")
        assert int(ready.header("Retry-After") or 0) >= 1
        assert ready.json()["executed"] == "no"
        well = await ask(sidecar.url, WELL)
        assert (well.status, well.state, well.header("Connection")) == (200, "ok", "close")
        for served in (await kept.exchange(RESERVE), await ask(sidecar.url, RESERVE)):
            assert (served.status, served.state, served.header("Connection")) == (200, "ok", "close")
        assert await kept.until_end() == "fin"
    assert await ended(sidecar, 10) == 0
    assert 0.9 < time.monotonic() - began < 4
    with pytest.raises(ConnectionRefusedError):
        await ask(sidecar.url, READY)
    assert [len(said(sidecar, event)) for event in ("draining", "stopped")] == [1, 1]


async def test_what_is_in_flight_is_finished(stage: Stage) -> None:
    """Who comes meanwhile is told that we go, and it does not wait longer than it must."""
    sidecar = stage.open(drain={"delay": "0s", "timeout": "20s"})
    async with Client.to(sidecar.url) as caller, Client.to(sidecar.url) as idle:
        await caller.send(RESERVE)
        await stage.called(1)
        began = time.monotonic()
        sidecar.send_signal(signal.SIGTERM)
        assert await idle.until_end() == "fin"
        late = await ask(sidecar.url, RESERVE)
        stage.gate.open()
        done = await caller.response()
    assert (late.state, late.header("Connection"), late.header("Retry-After")) == ("draining", "close", "1")
    assert (done.status, done.state, done.header("Connection")) == (200, "ok", "close")
    assert await ended(sidecar, 10) == 0
    assert time.monotonic() - began < 8


async def test_the_rest_is_told_how_far_it_came(stage: Stage) -> None:
    """A call in the line was not executed, one at the backend may be; and the log says what became of it."""
    sidecar = stage.open(
        drain={"delay": "0s", "timeout": "300ms"}, box={"limit": {"fixed": 1}, "queue": {"size": 5, "wait": "30s"}}
    )
    async with Client.to(sidecar.url) as first, Client.to(sidecar.url) as second, Client.to(sidecar.url) as half:
        await first.send(RESERVE)
        await stage.called(1)
        await second.send(RESERVE)
        await half.send(RESERVE[:-10])
        await asyncio.sleep(0.1)
        sidecar.send_signal(signal.SIGTERM)
        told = [await client.response() for client in (first, second, half)]
    assert [each.state for each in told] == ["outcome_unknown", "draining", "draining"]
    assert [b"executed>unknown<" in each.body for each in told] == [True, False, False]
    assert {each.header("Connection") for each in told} == {"close"}
    assert await ended(sidecar, 10) == 0
    assert len(stage.backend.journal.executed) == 1
    (late,) = said(sidecar, "late_outcome")
    assert (late["operation"], late["executed"]) == ("Reserve", "unknown")


@pytest.mark.parametrize("signals", [(signal.SIGINT, signal.SIGINT), (signal.SIGTERM, signal.SIGINT)])
async def test_a_second_signal_hurries(stage: Stage, signals: tuple[signal.Signals, ...]) -> None:
    """Whoever is impatient gets an end at once, still in order."""
    sidecar = stage.open(drain={"delay": "1m", "timeout": "1m"})
    async with Client.to(sidecar.url) as caller:
        await caller.send(RESERVE)
        await stage.called(1)
        began = time.monotonic()
        sidecar.send_signal(signals[0])
        await asyncio.to_thread(sidecar.wait_line, '"event":"draining"')
        assert (await ask(sidecar.url, READY)).state == "draining"
        sidecar.send_signal(signals[1])
        assert await ended(sidecar, 10) == 0
    assert time.monotonic() - began < 8
    assert said(sidecar, "stopped")


async def test_a_signal_while_nothing_is_going_on_ends_it(stage: Stage) -> None:
    """With connections that only stand there."""
    sidecar = stage.open(drain={"delay": "0s", "timeout": "20s"})
    async with Client.to(sidecar.url) as one, Client.to(sidecar.url) as other:
        await other.exchange(WELL)
        began = time.monotonic()
        sidecar.send_signal(signal.SIGINT)
        assert await ended(sidecar, 10) == 0
        assert await one.until_end() == await other.until_end() == "fin"
    assert time.monotonic() - began < 5


# Where it listens


async def test_a_unix_socket_is_there_for_its_life(stage: Stage, tmp_path: Path) -> None:
    """For the owner and the group, removed at the end; a new start takes one that a crash left."""
    stage.gate.open()
    path = tmp_path / "sidecar.sock"
    for end in ("crash", "order"):
        sidecar = stage.open(listen={"unix": str(path)})
        async with Client(unix=path) as client:
            assert (await client.exchange(RESERVE)).state == "ok"
        assert path.stat().st_mode & 0o777 == 0o660
        if end == "crash":
            await asyncio.to_thread(sidecar.kill)
            assert path.exists()
    assert await asyncio.to_thread(sidecar.stop) == 0
    assert not path.exists()


async def test_tls_and_ipv6(stage: Stage, tls: Certs) -> None:
    """By certificate files, drained like any other."""
    stage.gate.open()
    files = {"cert_file": str(tls.cert_file), "key_file": str(tls.key_file)}
    sidecar = stage.open(listen={"host": "::1", "tls": files})
    await asyncio.to_thread(sidecar.wait_line, '"event":"started"')
    assert said(sidecar, "started")[0]["urls"] == [f"https://[::1]:{sidecar.port}"]
    async with Client.to(sidecar.url, ssl=tls.client) as client:
        assert (await client.exchange(RESERVE)).state == "ok"
        sidecar.send_signal(signal.SIGTERM)
        assert await ended(sidecar, 10) == 0
