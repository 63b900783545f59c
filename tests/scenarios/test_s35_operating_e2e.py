"""What operators, scripts and disks do to a running sidecar when nobody looks: it serves on, says what is wrong, and ends in order.

Real processes, real files, real signals; each test is one bad night.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support import envelopes as env
from tests.support.backend import ThreadBackend, answer
from tests.support.client import Client
from tests.support.process import SidecarProcess
from tests.support.replies import http

CALL = env.soap11("GetSeats").raw("/box")
OK = http(env.soap11_reply("GetSeats"))


def settings(url: str, **changes: Any) -> dict[str, Any]:
    box = {"protocol": "soap", "url": f"{url}/box", "limit": {"fixed": 4}, "operations": {"Get*": {"safe": True}}}
    return {"backends": {"box": box}, **changes}


def said(sidecar: SidecarProcess, event: str) -> int:
    """How often the log has an event."""
    return sum(f'"event":"{event}"' in line for line in sidecar.lines)


async def state(sidecar: SidecarProcess) -> str | None:
    async with Client(sidecar.host, sidecar.port) as client:
        return (await client.exchange(CALL)).state


async def test_a_settings_file_that_became_a_pipe_holds_up_neither_calls_nor_the_end(tmp_path: Path) -> None:
    """A reload finds nothing in it, the next one finds it mended, and the process ends when it is told to."""
    with ThreadBackend(answer(OK)) as backend, SidecarProcess(settings(backend.url), tmp_path) as sidecar:
        right = sidecar.config.read_text("utf-8")
        sidecar.config.unlink()
        os.mkfifo(sidecar.config)
        sidecar.send_signal(signal.SIGHUP)
        sidecar.wait_line('"event":"config_rejected"')
        assert await state(sidecar) == "ok"
        sidecar.config.unlink()
        sidecar.config.write_text(right, "utf-8")
        sidecar.send_signal(signal.SIGHUP)
        sidecar.wait_line('"event":"config_reloaded"')
        assert sidecar.stop(10) == 0


async def test_a_file_that_hangs_does_not_hold_up_the_end(tmp_path: Path) -> None:
    """A pipe that somebody has opened and does not fill, as a disk that does not answer: the reading thread goes with the process."""
    with ThreadBackend(answer(OK)) as backend, SidecarProcess(settings(backend.url), tmp_path) as sidecar:
        sidecar.config.unlink()
        os.mkfifo(sidecar.config)
        held = os.open(sidecar.config, os.O_RDWR)
        try:
            sidecar.send_signal(signal.SIGHUP)
            await asyncio.sleep(0.5)
            assert await state(sidecar) == "ok"
            assert sidecar.stop(10) == 0
        finally:
            os.close(held)


@pytest.mark.parametrize("after_s", [0.4, 0.6, 0.9])
async def test_who_hangs_up_early_ends_nothing(tmp_path: Path, after_s: float) -> None:
    """SIGHUP asks for a reload, from the moment that the settings are read on."""
    with (
        ThreadBackend(answer(OK)) as backend,
        SidecarProcess(settings(backend.url), tmp_path, wait=False) as sidecar,
    ):
        deadline = time.monotonic() + 30
        while not _ignores_hangups(sidecar.pid):  # Python itself takes its time to start
            assert time.monotonic() < deadline
            await asyncio.sleep(0.01)
        sidecar.send_signal(signal.SIGHUP)
        await asyncio.sleep(after_s)
        sidecar.send_signal(signal.SIGHUP)
        sidecar.wait_healthy()
        assert await state(sidecar) == "ok"


def _ignores_hangups(pid: int) -> bool:
    """Whether SIGHUP is ignored (proc(5), SigIgn): before the loop runs, which catches it."""
    status = Path(f"/proc/{pid}/status").read_text("ascii").splitlines()
    (ignored,) = [int(line.split()[1], 16) for line in status if line.startswith("SigIgn")]
    return bool(ignored & 1 << (signal.SIGHUP - 1))


@pytest.mark.long
async def test_files_that_need_a_restart_are_tried_once(tmp_path: Path) -> None:
    """Although they are watched, and other files than those of what runs."""
    watched = settings("http://127.0.0.1:9", reload={"watch": True})
    with SidecarProcess(watched, tmp_path) as sidecar:
        whole = json.loads(sidecar.config.read_text("utf-8"))
        (tmp_path / "more.yaml").write_text("{cors: {origins: [https://shop.example]}}", "utf-8")
        whole["include"], whole["listen"]["port"] = ["more.yaml"], sidecar.port + 1
        sidecar.config.write_text(json.dumps(whole), "utf-8")
        sidecar.wait_line('"event":"config_rejected".*listen.port cannot change')
        await asyncio.sleep(5)  # two looks more
        assert said(sidecar, "config_rejected") == 1


@pytest.mark.long
async def test_many_reloads_leave_nothing_open(tmp_path: Path) -> None:
    """Backends change their addresses many times under calls: no descriptor is left of those that are gone."""
    with (
        ThreadBackend(answer(OK)) as one,
        ThreadBackend(answer(OK)) as two,
        SidecarProcess(settings(one.url), tmp_path) as sidecar,
    ):
        assert await state(sidecar) == "ok"
        before = sidecar.fd_count()
        for number in range(25):
            whole = json.loads(sidecar.config.read_text("utf-8"))
            whole["backends"] |= settings((two, one)[number % 2].url)["backends"]
            sidecar.config.write_text(json.dumps(whole), "utf-8")
            sidecar.send_signal(signal.SIGHUP)
            deadline = time.monotonic() + 10
            while said(sidecar, "config_reloaded") <= number:
                assert time.monotonic() < deadline
                await asyncio.sleep(0.01)
            assert await state(sidecar) == "ok"
        assert sidecar.fd_count() < before + 10


@pytest.mark.long
async def test_a_reply_that_is_still_read_outlives_its_backend(tmp_path: Path) -> None:
    """A reload takes the backend away and every timeout passes; the reader is slow, and gets the reply to its last byte."""
    filler = b"a" * (24 * 1024 * 1024)
    large = env.soap11_reply("GetSeats").replace(b">done<", b">" + filler + b"<")
    patience = {"timeouts": {"connect": "500ms", "total": "1s"}, "ghost": "1s", "queue": {"size": 10, "wait": "1s"}}
    with ThreadBackend(answer(http(large))) as old, ThreadBackend(answer(OK)) as new:
        whole = settings(old.url, limits={"body_timeout": "1s"})
        whole["backends"]["box"] |= {**patience, "operations": {"*": {"safe": True, "stream": True, "timeout": "2s"}}}
        with SidecarProcess(whole, tmp_path) as sidecar:
            reader, writer = await asyncio.open_connection(sidecar.host, sidecar.port, limit=64 * 1024)
            writer.write(CALL)
            await reader.readuntil(b"\r\n\r\n")
            whole = json.loads(sidecar.config.read_text("utf-8"))
            whole["backends"]["box"]["url"] = f"{new.url}/box"
            sidecar.config.write_text(json.dumps(whole), "utf-8")
            sidecar.send_signal(signal.SIGHUP)
            sidecar.wait_line('"event":"config_reloaded"')
            read, until = 0, time.monotonic() + 7  # more than all that is waited for before old connections are closed
            while not reader.at_eof() and read < len(filler):
                read += len(await asyncio.wait_for(reader.read(64 * 1024), 10))
                if time.monotonic() < until:
                    await asyncio.sleep(0.025)
            writer.close()
            assert read >= len(filler)
            assert not said(sidecar, "bug")
