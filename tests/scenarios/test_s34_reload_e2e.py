"""Settings change under load, fifty times, ten of them wrong: nobody's call fails, nothing that was counted or held by hand is lost.

A real process, real files, real signals and orders; calls come at a rate, whether the last ones have been answered or not.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import envelopes as env
from tests.support.backend import ThreadBackend, answer
from tests.support.client import BadResponse, Client
from tests.support.process import ROOT, SidecarProcess
from tests.support.replies import http

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


TOKEN = "a-token-for-these-tests-only"
CALL = env.soap11("GetSeats").raw("/box")
CONNECTIONS = 25


class Stage:
    """A sidecar before a quick backend, and its settings' file in the hands of the test."""

    def __init__(self, backend: ThreadBackend, folder: Path) -> None:
        self.settings: dict[str, Any] = {
            "admin": {"port": 0, "token": TOKEN},
            "backends": {
                "box": {
                    "protocol": "soap",
                    "url": f"{backend.url}/box",
                    "limit": {"fixed": 20},
                    "queue": {"size": 400, "wait": "10s"},
                    "operations": {"Get*": {"safe": True}},
                }
            },
        }
        self.sidecar = SidecarProcess(self.settings, folder)
        self.file = self.sidecar.config
        self.right = json.loads(self.file.read_text("utf-8"))

    def write(self, **backend: Any) -> None:
        whole = json.loads(json.dumps(self.right))
        whole["backends"]["box"] |= backend
        self.file.write_text(json.dumps(whole), "utf-8")

    def sidecar_says(self, *argv: str) -> subprocess.CompletedProcess[str]:
        """Run one command of the command line against it."""
        environ = {**os.environ, "SIDECAR_ADMIN": self.sidecar.admin_url, "SIDECAR_ADMIN_TOKEN": TOKEN}
        return subprocess.run(
            [sys.executable, "-m", "sidecar", *argv], cwd=ROOT, env=environ, capture_output=True, text=True, check=False
        )

    def status(self) -> dict[str, Any]:
        done = self.sidecar_says("status", "--format", "json")
        facts: dict[str, Any] = json.loads(done.stdout)
        return facts


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with ThreadBackend(answer(http(env.soap11_reply("GetSeats")))) as backend:
        made = Stage(backend, tmp_path)
        with made.sidecar:
            yield made


async def load(port: int, rate: float, over: asyncio.Event, said: Counter[str], late: list[int]) -> None:
    """Call `rate` times a second over kept connections; who finds none free is counted, he waits for one."""
    free: asyncio.Queue[Client] = asyncio.Queue()
    for _ in range(CONNECTIONS):
        client = Client(port=port)
        await client.open()
        free.put_nowait(client)

    async def call() -> None:
        if free.empty():
            late.append(1)
        client = await free.get()
        try:
            said[(await client.exchange(CALL)).state or "no state"] += 1
        except (BadResponse, OSError) as error:
            said[f"failed: {error}"] += 1
        free.put_nowait(client)

    loop = asyncio.get_running_loop()
    began, sent = loop.time(), 0
    async with asyncio.TaskGroup() as group:
        while not over.is_set():
            while sent < (loop.time() - began) * rate:
                group.create_task(call())
                sent += 1
            await asyncio.sleep(0.002)
    while not free.empty():
        await free.get_nowait().close()


@pytest.mark.parametrize(
    ("reloads", "wrong", "rate", "every_s"),
    [
        pytest.param(10, 2, 150, 0.3, id="reduced"),
        pytest.param(50, 10, 500, 0.6, marks=pytest.mark.long, id="50 in 30 s at 500 a second"),
    ],
)
async def test_reloads_under_load(stage: Stage, reloads: int, wrong: int, rate: int, every_s: float) -> None:
    """No call fails; a bad file is told and changes nothing; the limit by hand, the numbers and the line are as they were."""
    assert stage.sidecar_says("limit", "set", "box", "15", "--for", "10m", "--reason", "a test").returncode == 0
    over, said, late = asyncio.Event(), Counter[str](), list[int]()
    before_ok = 0
    async with asyncio.TaskGroup() as group:
        group.create_task(load(stage.sidecar.port, rate, over, said, late))
        await asyncio.sleep(0.5)
        metrics = await asyncio.to_thread(_counted, stage)
        assert metrics > before_ok
        for number in range(reloads):
            bad = number % (reloads // wrong) == 1
            await asyncio.to_thread(
                stage.write,
                **({"limt": 1} if bad else {"limit": {"fixed": 20 + number % 7}, "pool_idle": f"{3 + number % 2}s"}),
            )
            mark = len(stage.sidecar.lines)
            stage.sidecar.send_signal(signal.SIGHUP)
            await asyncio.to_thread(
                stage.sidecar.wait_line, '"config_rejected"' if bad else '"config_reloaded"', timeout_s=20, start=mark
            )
            counted = await asyncio.to_thread(_counted, stage) if number % 5 == 0 else metrics
            assert counted >= metrics, "a counter went back"
            metrics = counted
            await asyncio.sleep(every_s)
        facts = await asyncio.to_thread(stage.status)
        over.set()
    assert set(said) == {"ok"}, said
    assert said["ok"] > rate * reloads * every_s * 0.8, "the load was not what it should have been"
    (box,) = facts["backends"]
    assert (box["limit"], [each["value"] for each in facts["overrides"]]) == (15, [15])
    assert (box["ghosts"], box["queued"] <= CONNECTIONS) == (0, True)
    assert facts["config"]["last_reload"] is not None
    assert len(facts["config"]["history"]) == 5
    assert not [line for line in stage.sidecar.lines if '"event":"bug"' in line or "Traceback" in line]


def _counted(stage: Stage) -> int:
    """Return how many requests the metrics have counted as ok."""
    facts = stage.status()
    return sum(row["count"] for row in facts["states"]["by"] if row["state"] == "ok")


async def test_a_bad_file_is_told_everywhere(stage: Stage) -> None:
    """Exit code and reply with the place, the log, the metric, the status; then the good one is taken, and an old one comes back."""
    first = stage.status()["config"]["id"]
    stage.write(limt=1)
    done = stage.sidecar_says("reload")
    assert done.returncode == 78
    assert "backends.box.limt" in done.stdout + done.stderr
    assert f"{stage.file}:" in done.stdout + done.stderr
    assert stage.status()["config"]["id"] == first
    assert stage.status()["warnings"][0]["code"] == "reload_failed"
    assert "the last reload failed" in stage.sidecar_says("status").stdout
    stage.write(limit={"fixed": 3})
    done = stage.sidecar_says("check", str(stage.file), "--diff", "running", "--admin", stage.sidecar.admin_url)
    assert "backends.box.limit.fixed: 20 -> 3 (applies in place)" in done.stdout, done
    assert stage.sidecar_says("reload").returncode == 0
    assert stage.status()["backends"][0]["limit"] == 3
    done = stage.sidecar_says("config", "use", first, "--reason", "three is too few")
    assert done.returncode == 0, done
    facts = stage.status()
    assert (facts["config"]["id"], facts["backends"][0]["limit"]) == (first, 20)
    assert facts["config"]["differs_from_disk"]


async def test_watched_files_are_followed_through_a_swapped_link(tmp_path: Path) -> None:
    """As kubelet does it with a ConfigMap: the folder is a link, and the link is swapped."""
    with ThreadBackend(answer(http(env.soap11_reply("GetSeats")))) as backend:

        def folder(name: str, limit: int) -> Path:
            made = tmp_path / name
            made.mkdir()
            box = {"protocol": "soap", "url": f"{backend.url}/box", "limit": {"fixed": limit}}
            (made / "box.yaml").write_text(json.dumps({"backends": {"box": box}}), "utf-8")
            return made

        link = tmp_path / "data"
        link.symlink_to(folder("one", 5))
        settings = {"reload": {"watch": True}, "include": [f"{link}/box.yaml"]}
        with SidecarProcess(settings, tmp_path) as sidecar:
            (tmp_path / "new").symlink_to(folder("two", 6))
            (tmp_path / "new").rename(link)
            line = sidecar.wait_line('"event":"config_reloaded"', timeout_s=15)
            assert '"by":"watch"' in line.string
