"""The backend is killed under load and comes back: people read on, openly, and it is not trampled when it returns.

Real processes all: the demo's box office is killed and started again on its port. It counts its own calls and how many were in flight.
"""

from __future__ import annotations

import asyncio
import json
import sys
import urllib.request
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.demo.speak import API, envelope
from tests.support import envelopes as env
from tests.support.client import BadResponse, Client
from tests.support.ports import free_port
from tests.support.process import Program, SidecarProcess

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.client import Response


KEYS: Final = 30  # questions that are asked all the time
TTL_S: Final = 3.0
EACH_S: Final = 0.3  # how often each of them is asked: several times while it is fresh
LATENCY_S: Final = 0.02
LIMIT: Final = 16
WINDOW_S: Final = 2.0  # long enough that one call more or less is not a fifth
STEADY_S: Final = 4 * TTL_S  # as long as four lives of an answer
HERD: Final = 1.2
"""How much more than in steady operation the backend may be asked for when it returns."""


class Box:
    """The box office as a process that can die, and its counts."""

    def __init__(self) -> None:
        self.port, self.control_port = free_port(), free_port()
        self.process: Program | None = None

    def start(self) -> None:
        ports = ("--port", str(self.port), "--control-port", str(self.control_port))
        self.process = Program([sys.executable, "-m", "sidecar.demo.box_office", *ports, "--no-law"], name="box office")
        self.process.wait_port(self.control_port)
        self._ask("_control", {"latency_s": LATENCY_S})

    def stats(self) -> dict[str, Any]:
        return self._ask("_stats", None)

    def _ask(self, path: str, wish: Any) -> dict[str, Any]:
        data = json.dumps(wish).encode() if wish is not None else None
        with urllib.request.urlopen(f"http://127.0.0.1:{self.control_port}/{path}", data, timeout=5) as told:
            facts: dict[str, Any] = json.load(told)
            return facts

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()


@dataclass
class Load:
    """Readers, one a question, each on his own connection and at his own pace, whether or not he is answered well."""

    port: int
    told: list[tuple[float, str]] = field(default_factory=list)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    async def read(self, number: int) -> None:
        call = env.Request(
            "POST",
            envelope("GetPerformances", {"sStartDate": f"d{number}", "sEndDate": ""}),
            (("Content-Type", "text/xml; charset=utf-8"), ("SOAPAction", f'"{API}GetPerformances"')),
        ).raw("/box")
        loop = asyncio.get_running_loop()
        await asyncio.sleep(EACH_S * number / KEYS)
        async with Client(port=self.port) as client:
            while not self.over.is_set():
                began = loop.time()
                try:
                    said = _brief(await client.exchange(call))
                except (BadResponse, OSError) as error:
                    said = f"failed: {error}"
                self.told.append((began, said))
                await asyncio.sleep(max(0.0, began + EACH_S - loop.time()))

    def between(self, since: float, until: float) -> Counter[str]:
        return Counter(said for at, said in self.told if since <= at < until)


def _brief(told: Response) -> str:
    """Return state and reason; the age must be there where something old is told."""
    words = dict(word.partition("=")[::2] for word in (told.header("Sidecar-State") or "none").split(";"))
    state = next(iter(words))
    if state == "stale":
        assert int(words["age"]) >= 0, words
        assert told.header("Age") == words["age"]
        return f"stale {words['reason']}"
    return state


async def _rates(box: Box, for_s: float) -> list[float]:
    """Return the backend's calls a second in every window of the time."""
    loop, counts = asyncio.get_running_loop(), list[tuple[float, int]]()
    end = loop.time() + for_s
    while (now := loop.time()) < end:
        stats = await asyncio.to_thread(box.stats)
        counts.append((now, stats["calls"]))
        await asyncio.sleep(0.05)
    rates = []
    for at, (start, before) in enumerate(counts):
        later = next(((now, calls) for now, calls in counts[at:] if now >= start + WINDOW_S), None)
        if later is not None:
            rates.append((later[1] - before) / (later[0] - start))
    return rates


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("outage_s", "noticed_s"),
    # A question whose renewal has failed often rests for half a minute: so long, and a quarter, until everything is new again.
    [pytest.param(6.0, 10.0, id="6s"), pytest.param(60.0, 45.0, marks=pytest.mark.long, id="60s")],
)
async def test_an_outage_under_load(tmp_path: Path, outage_s: float, noticed_s: float) -> None:
    """No read fails; each is marked as old, with its age and why; when the backend is back it is asked no more than it ever was."""
    box = Box()
    await asyncio.to_thread(box.start)
    cache = {
        "ttl": f"{TTL_S:g}s",
        "stale_while_revalidate": "5s",
        "grace": "10m",
        "stale_if_error": "10m",
        "ignore_origin": ["private", "max-age"],
    }
    backend = {
        "protocol": "soap",
        "url": f"http://127.0.0.1:{box.port}/box.asmx",
        "limit": {"fixed": LIMIT},
        "operations": {"GetPerformances": {"safe": True, "cache": cache}},
    }
    try:
        async with await asyncio.to_thread(SidecarProcess, {"backends": {"box": backend}}, tmp_path) as sidecar:
            await asyncio.to_thread(sidecar.wait_line, '"event":"indexed"')
            load = Load(sidecar.port)
            loop = asyncio.get_running_loop()
            async with asyncio.TaskGroup() as group:
                for number in range(KEYS):
                    group.create_task(load.read(number))
                await asyncio.sleep(2 * TTL_S)  # everybody has asked, and lives no longer run in step
                steady = max(await _rates(box, STEADY_S))
                killed = loop.time()
                await asyncio.to_thread(box.kill)
                await asyncio.sleep(outage_s)
                back = loop.time()
                await asyncio.to_thread(box.start)
                returning = await _rates(box, noticed_s + 2 * TTL_S)
                peak = (await asyncio.to_thread(box.stats))["peak"]
                load.over.set()
            said = load.between(killed, back)
            last = load.between(loop.time() - TTL_S, loop.time())
    finally:
        await asyncio.to_thread(box.kill)
    assert not [each for each in load.told if each[1].split()[0] not in ("ok", "cached", "stale")]
    assert {each for each in said if each.startswith("stale")} <= {
        "stale backend-down",
        "stale revalidating",
        "stale overloaded",
        "stale backend-slow",
    }
    assert said.total() > outage_s * KEYS / EACH_S * 0.5, "the load was not what it should have been"
    assert set(last) <= {"ok", "cached", "stale revalidating"}, "it is back, and nobody has noticed"
    assert peak <= LIMIT
    assert max(returning) <= HERD * steady, f"{max(returning):.1f} calls a second on its return, {steady:.1f} before"
