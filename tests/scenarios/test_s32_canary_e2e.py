"""Secrets of the people: what a person types into a form is in no log, no metric, no file, and after the reply in no object of ours.

Real processes: the demo's box office, the sidecar with the demo's settings, and a backend that quotes whatever it was sent. Every request
carries values that stand nowhere else; afterwards everything that the sidecar says, writes and holds is searched for them.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from ruamel.yaml import YAML

from sidecar.app import App
from sidecar.settings.load import load
from sidecar.watch.metrics import Now
from tests.scenarios.canary import CARD, WORD, Marks, bodies, ordinary, quoting, traffic
from tests.support.backend import ThreadBackend
from tests.support.client import BadResponse, Client
from tests.support.ports import free_port
from tests.support.process import ROOT, Program, SidecarProcess
from tests.support.world import Recorder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


# What must have happened at least, or the search proves nothing.
MET = {
    "ok", "backend_fault", "backend_bad_reply", "backend_unreachable", "outcome_unknown", "overloaded", "operation_denied",
    "malformed", "doctype_refused", "action_mismatch", "invalid_params", "unsupported_media", "too_large", "uri_too_long",
    "headers_too_large", "not_found", "method_not_allowed",
}  # fmt: skip
WHERE_ADMIN_SPEAKS = (
    "/metrics",
    "/status",
    "/admin/v1/config",
    "/admin/v1/audit",
    "/admin/v1/commands",
    "/",
    "/healthz",
)


class Stage:
    """A running sidecar with all its backends, the marks that it was sent, and what it answered."""

    def __init__(self, folder: Path, box: str, quoting_url: str) -> None:
        self.folder, self.marks = folder, Marks()
        self.states: Counter[str] = Counter()
        self.settings = settings(box, quoting_url)

    async def send(self, url: str, requests: Iterable[bytes]) -> None:
        """Send each on a connection of its own, a few at once, as people do."""
        gate = asyncio.Semaphore(8)

        async def one(request: bytes) -> None:
            async with gate, Client.to(url) as client:
                await client.send(request)
                if b"Content-Length: 900" in request:
                    client.half_close()
                with contextlib.suppress(BadResponse):
                    self.states[(await client.response(request.partition(b" ")[0].decode())).state or ""] += 1

        await asyncio.gather(*map(one, requests))


def settings(box: str, quoting_url: str) -> dict[str, Any]:
    """Return the demo's settings, with a backend that quotes, one that is dead and one that has room for one call beside them."""
    written: dict[str, Any] = YAML(typ="safe").load((ROOT / "config/demo.yaml").read_text("utf-8"))
    backends = {name: {**backend, "url": box + path} for (name, backend), path in zip(
        written["backends"].items(), ("/box.asmx", "/xmlrpc"), strict=True
    )}  # fmt: skip
    stand_in = backends["tickets"]["operations"]["GetShippingMethods"]["fallback"][0]
    stand_in["body_file"] = str(ROOT / "config" / stand_in["body_file"])  # relative to the file that is copied
    quick = {
        "timeouts": {"connect": "200ms", "first_byte": "400ms", "total": "600ms"},
        "ghost": "1s",
        "asmx_get": "allow",
    }
    narrow = {**quick, "limit": {"fixed": 1}, "queue": {"size": 1, "wait": "50ms"}}
    dead = f"http://127.0.0.1:{free_port()}"
    for name, url, more in (("quoting", quoting_url, quick), ("dead", dead, quick), ("narrow", quoting_url, narrow)):
        backends[name] = {"protocol": "soap", "url": f"{url}/q.asmx", **more}
        rpc = {key: value for key, value in more.items() if key != "asmx_get"}
        backends[f"{name}rpc"] = {"protocol": "xmlrpc", "url": f"{url}/rpc", **rpc}
    common = {"cors": written["cors"], "public_url": "http://127.0.0.1:8080", "admin": {"port": 0}}
    return {**common, "backends": backends}


@pytest.fixture(scope="module")
def backends() -> Iterator[tuple[str, str]]:
    """Start the box office and the one that quotes."""
    box = Program([sys.executable, "-m", "sidecar.demo.box_office", "--port", "0"], name="box office")
    with box, ThreadBackend(quoting) as other:
        told = json.loads(box.wait_line(r'^\{"url":.*\}$').group())
        got(told["control"], "/_control", json.dumps({"law": False}).encode())  # as quick as it can be: nobody measures
        yield told["url"], other.url


@pytest.fixture(scope="module")
def staged(
    tmp_path_factory: pytest.TempPathFactory, backends: tuple[str, str]
) -> Iterator[tuple[Stage, SidecarProcess]]:
    """Run the real thing, and send it everything once."""
    folder = tmp_path_factory.mktemp("canary")
    stage = Stage(folder, *backends)
    sidecar = SidecarProcess(stage.settings, folder, env={"TMPDIR": str(folder), "HOME": str(folder)})
    with sidecar:
        asyncio.run(stage.send(sidecar.url, traffic(stage.marks)))
        asyncio.run(stage.send(sidecar.url, ordinary()))
        yield stage, sidecar


def test_it_has_seen_the_world(staged: tuple[Stage, SidecarProcess]) -> None:
    """A search that finds nothing where nothing was sent proves nothing."""
    stage, sidecar = staged
    assert len(stage.marks.made) > 2000
    assert set(stage.states) >= MET, stage.states
    sidecar.wait_line('"event":"access".*"dialect":"xmlrpc"')
    lines = [json.loads(line) for line in list(sidecar.lines) if line.startswith("{")]
    assert {line.get("dialect") for line in lines} >= {"soap11", "soap12", "asmx", "xmlrpc", "json"}


def test_the_log_holds_none(staged: tuple[Stage, SidecarProcess]) -> None:
    """Standard output and standard error, every line."""
    stage, sidecar = staged
    sidecar.wait_line('"event":"access"')
    told = "\n".join(sidecar.lines)
    assert stage.marks.found_in(told) == set()
    assert WORD not in told, "not even a part of one"
    assert "Traceback" not in told


def test_no_file_holds_one(staged: tuple[Stage, SidecarProcess]) -> None:
    """Wherever it may have written: its folder, its home, the place for what is temporary."""
    stage, _ = staged
    for path in stage.folder.rglob("*"):
        if path.is_file():
            assert stage.marks.found_in(path.read_bytes()) == set(), path


def test_admin_says_none(staged: tuple[Stage, SidecarProcess]) -> None:
    """Metrics, status, settings, audit and whatever else it serves to operators."""
    stage, sidecar = staged
    (url,) = json.loads(sidecar.wait_line('"event":"admin"').string)["urls"]
    told = {path: got(url, path) for path in WHERE_ADMIN_SPEAKS}
    assert b"sidecar_refusals_total" in told["/metrics"]
    assert json.loads(told["/status"])["refusals"]["total"] > 50
    for path, text in told.items():
        assert stage.marks.found_in(text) == set(), path
        assert WORD.encode() not in text, path


def test_the_process_forgets(staged: tuple[Stage, SidecarProcess]) -> None:
    """A look into its memory, as a core dump is one: what its allocator has not used again is all that may be left, however much came."""
    stage, sidecar = staged
    more = Marks()
    asyncio.run(stage.send(sidecar.url, traffic(more)))
    asyncio.run(stage.send(sidecar.url, ordinary()))
    memory = memory_of(sidecar.pid)
    # Measured: of the last 2500 values a quarter, of those before a twentieth, in blocks that were given back and not yet used again.
    assert len(more.found_in(memory)) < len(more.made) / 2
    assert len(stage.marks.found_in(memory)) < len(stage.marks.made) / 5


def test_no_object_holds_one(tmp_path: Path, backends: tuple[str, str]) -> None:
    """Neither a cache nor a buffer nor a connection that is kept open: nothing that Python can still reach has a marked value in it."""
    stage = Stage(tmp_path, *backends)
    port = free_port()
    config = tmp_path / "sidecar.yaml"
    whole = {"version": 1, "listen": {"port": port}, "drain": {"delay": "0s", "timeout": "1s"}, **stage.settings}
    config.write_text(json.dumps(whole), "utf-8")
    url = f"http://127.0.0.1:{port}"
    with Dissected(config) as sidecar:
        sidecar.wait_line('"event":"started"')

        async def visit() -> list[str]:
            await stage.send(url, traffic(stage.marks))
            await asyncio.sleep(1.5)  # ghosts of the frozen have a second
            # Browsers keep their connections. The head of the last request stays in aiohttp's parser until the next one, or until
            # limits.keep_alive is over; nothing of a body does.
            async with contextlib.AsyncExitStack() as stack:
                for request in bodies(stage.marks):
                    client = await stack.enter_async_context(Client.to(url))
                    await client.exchange(request)
                assert await asyncio.to_thread(sidecar.ask, "box-office"), (
                    "it finds what is there, as the WSDL's actions are"
                )
                return [line for wanted in (WORD, CARD) for line in await asyncio.to_thread(sidecar.ask, wanted)]

        assert asyncio.run(visit()) == []


def test_metrics_and_status_hold_none(backends: tuple[str, str], tmp_path: Path) -> None:
    """As they are served to whoever scrapes, from the app itself; the labels are words of ours."""
    stage = Stage(tmp_path, *backends)
    config = tmp_path / "sidecar.yaml"
    config.write_text(
        json.dumps({"version": 1, "listen": {"port": 0}, "drain": {"delay": "0s"}, **stage.settings}), "utf-8"
    )

    async def run() -> str:
        app = App(load(str(config)), log=Recorder())
        await app.start()
        try:
            await stage.send(app.urls[0], traffic(stage.marks))
            return app.watch.exposition(Now)[1].decode() + json.dumps(app.watch.glance(stage.settings["backends"]))
        finally:
            await app.stop(at_once=True)

    told = asyncio.run(run())
    assert "sidecar_refusals_total" in told
    assert stage.marks.found_in(told) == set()
    assert WORD not in told


class Dissected(Program):
    """The sidecar with an ear (`tests.support.autopsy`)."""

    def __init__(self, config: Path) -> None:
        argv = [sys.executable, "-m", "tests.support.autopsy", str(config)]
        super().__init__(argv, name="sidecar", stdin=subprocess.PIPE)

    def ask(self, wanted: str) -> list[str]:
        """Return who holds `wanted`."""
        assert self._process.stdin is not None
        start = len(self.lines)
        self._process.stdin.write(wanted[::-1] + "\n")
        self._process.stdin.flush()
        answer: list[str] = json.loads(self.wait_line(r"^= (.*)$", start=start).group(1))
        return answer


def got(url: str, path: str, body: bytes | None = None) -> bytes:
    """Return what `url` answers at `path`, whatever the status; to a POST where there is a body."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=5)
    try:
        connection.request("GET" if body is None else "POST", path, body)
        return connection.getresponse().read()
    finally:
        connection.close()


def memory_of(pid: int) -> bytes:
    """Return everything that a process may write to: heap, stacks, arenas (proc(5), maps and mem)."""
    found = []
    with Path(f"/proc/{pid}/mem").open("rb", 0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text("ascii").splitlines():
            start, end, rights = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+)", line).groups()  # type: ignore[union-attr]  # proc(5) has no other lines
            if rights.startswith("rw"):
                memory.seek(int(start, 16))
                with contextlib.suppress(OSError):  # a region of the kernel's
                    found.append(memory.read(int(end, 16) - int(start, 16)))
    return b"".join(found)
