"""Ten thousand who ask the same at the same time: one call at the backend, everybody is told, and waiting costs little.

With a real process and ten thousand connections where the machine has descriptors for them; on made-up time in any case.
"""

from __future__ import annotations

import asyncio
import gc
import json
import subprocess
import sys
import tracemalloc
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.listener.hall import until
from tests.scenarios.slow_crowd import open_files
from tests.support import envelopes as env
from tests.support.backend import Gate, ThreadBackend, answer
from tests.support.people import People, Said, cached, reply
from tests.support.plays import calls_only
from tests.support.process import ROOT, SidecarProcess
from tests.support.replies import http
from tests.support.world import settle

if TYPE_CHECKING:
    from pathlib import Path


REPLY: Final = http(env.soap11_reply("GetSeats", "x" * 2_000))
COUNT: Final = 10_000
PER_WAITER: Final = 20 * 1024
"""Bytes for one who waits, his connection, parser, task and exchange included; a body of his own is not held."""
UNMEASURED: Final = {
    "COVERAGE_PROCESS_START": "",
    "COVERAGE_PROCESS_CONFIG": "",
}  # its tracer would be weighed with every caller
BEFORE_S: Final = 60.0
QUIET_S: Final = 0.5  # a process that computes nothing for so long has read whatever was sent to it
ROOM: Final = 1_000  # descriptors besides the callers'


@pytest.mark.long
@pytest.mark.virtual
async def test_what_one_who_waits_costs() -> None:
    """Ten thousand on the whole road, on made-up time: one call, and at most 20 KiB for each of them."""
    people = People(cached())
    await people.asked("GetSeats event=2")  # whatever is made once is made
    people.exchanges.clear()
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        callers = [people.asking(who=f"p{n}") for n in range(COUNT)]
        await settle()
        flight = people.exchanges[0].flight
        assert flight is not None
        assert len(flight.waiters) == COUNT
        each = (tracemalloc.get_traced_memory()[0] - before) / COUNT
    finally:
        tracemalloc.stop()
    assert each <= PER_WAITER, f"{each / 1024:.1f} KiB for each who waits"
    assert len(people.asks) == 2
    people.asks[1].answer(reply(b"<ok>1</ok>"))
    told = [Said(await caller) for caller in callers]
    assert {each.body for each in told} == {b"<ok>1</ok>"}
    assert len(people.asks) == 2


def _settings(url: str) -> dict[str, Any]:
    return {
        "limits": {"connections": COUNT + 100, "per_backend": "100%", "header_timeout": "60s"},
        "backends": {
            "box": {
                "protocol": "soap",
                "url": f"{url}/box",
                "limit": {"fixed": 4},
                "operations": {"GetSeats": {"safe": True, "timeout": f"{BEFORE_S * 2:.0f}s", "cache": {"ttl": "5m"}}},
                "timeouts": {"first_byte": f"{BEFORE_S:.0f}s", "total": f"{BEFORE_S:.0f}s"},
            }
        },
    }


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_ten_thousand_connections(tmp_path: Path) -> None:
    """A real process: one call, ten thousand whole answers, at most 20 KiB of resident memory for each caller while all wait."""
    if not open_files(COUNT + ROOM):
        pytest.skip(
            f"the limit of open files (ulimit -Hn) is below {COUNT + ROOM}; the test on made-up time has all of it but sockets"
        )
    gate = Gate()
    request = tmp_path / "request"
    request.write_bytes(env.soap11("GetSeats", {"iPerformanceNumber": 7}).raw("/box"))
    with (
        ThreadBackend(calls_only(answer(REPLY, gate=gate))) as backend,
        SidecarProcess(_settings(backend.url), tmp_path, env=UNMEASURED) as sidecar,
    ):
        start = sidecar.rss_bytes()
        crowd = subprocess.Popen(  # noqa: ASYNC220 - it forks once, and its pipes are read in a thread
            [sys.executable, "-m", "tests.scenarios.equal_crowd", str(sidecar.port), str(COUNT), str(request)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert crowd.stdin is not None
        assert crowd.stdout is not None
        try:
            assert await asyncio.to_thread(crowd.stdout.readline) == f"crowd {COUNT}\n"
            crowd.stdin.write("ask\n")
            crowd.stdin.flush()
            assert await asyncio.to_thread(crowd.stdout.readline) == "asked\n"
            await until(lambda: gate.waiting == 1, within_s=BEFORE_S)
            await _quiet(sidecar)
            each = (sidecar.rss_bytes() - start) / COUNT
            gate.open()
            told = json.loads(await asyncio.to_thread(crowd.stdout.readline))
        finally:
            crowd.kill()
            crowd.communicate()
        calls = [entry for entry in backend.journal if entry.operation == "GetSeats"]
    assert sum(told.values()) == COUNT
    by_role = {tuple(said.split()[:3]): count for said, count in told.items()}
    assert by_role == {("200", "ok", "led"): 1, ("200", "ok", "followed"): COUNT - 1}
    assert len({said.split()[3] for said in told}) == 1, "all got the same bytes"
    assert len(calls) == 1
    assert each <= PER_WAITER, f"{each / 1024:.1f} KiB for each who waits"
    assert not [line for line in sidecar.lines if '"event":"bug"' in line or "Traceback" in line]


async def _quiet(sidecar: SidecarProcess) -> None:
    """Wait until the process has nothing to do."""
    async with asyncio.timeout(BEFORE_S):
        before = -1.0
        while before != (before := sidecar.cpu_s()):  # noqa: ASYNC110 - a process tells nobody that it is at rest
            await asyncio.sleep(QUIET_S)
