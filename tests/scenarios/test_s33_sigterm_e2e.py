"""Told to go under load, twenty times: whoever's request had come gets a whole answer, and the process is gone in time.

Real processes, real signals, clients that call without a pause and connect anew as they are told.
"""

from __future__ import annotations

import asyncio
import signal
import time
from itertools import count
from typing import TYPE_CHECKING

import pytest

from tests.support import envelopes as env
from tests.support.backend import ThreadBackend, answer
from tests.support.client import BadResponse, Client
from tests.support.process import SidecarProcess
from tests.support.replies import http

if TYPE_CHECKING:
    from pathlib import Path

CLIENTS = 40
DELAY_S, TIMEOUT_S = 0.3, 3.0
# Drain, reconnects, last words: what docs/operations.md promises on top of the two.
LATEST_S = DELAY_S + TIMEOUT_S + 5.0


class Crowd:
    """Clients that call until nobody answers the door any more, and what became of each request by its id."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.numbers = count()
        self.answered: dict[str, str] = {}
        self.unanswered: list[str] = []
        self.halves: list[str] = []
        self.over = False  # somebody was told to come back later: from then on nobody comes anew

    async def call_on(self, way: str) -> None:
        """Call with reserve (kept connections), one call a connection, or two requests in one write."""
        while not self.over:
            client = Client(port=self.port)
            try:
                await client.open()
            except OSError:
                return
            try:
                while await self._exchange(client, way):
                    pass
            finally:
                await client.close()

    async def _exchange(self, client: Client, way: str) -> bool:
        """Make one exchange; say whether the connection is good for another."""
        names = [f"request-{next(self.numbers):06d}" for _ in range(2 if way == "pipelined" else 1)]
        more = [("Connection", "close")] if way == "single" else []
        await client.send(
            b"".join(env.soap11("Reserve").raw("/box", headers=[("X-Request-Id", name), *more]) for name in names)
        )
        for at, name in enumerate(names):
            try:
                response = await client.response()
            except (BadResponse, OSError) as bad:
                (self.halves if "inside a response" in str(bad) else self.unanswered).append(name)
                return False
            assert response.header("X-Request-Id") == name
            self.answered[name] = response.state or ""
            self.over |= response.state == "draining"
            if response.header("Connection") == "close":
                self.unanswered += names[at + 1 :]
                return False
        return True


@pytest.mark.parametrize("times", [2, pytest.param(20, marks=pytest.mark.long)])
async def test_sigterm_under_load(times: int, tmp_path: Path) -> None:
    """Nobody gets half an answer, and nobody who has asked gets none; what is told is an answer or that we go; exit code 0 in time."""
    for turn in range(times):
        with ThreadBackend(answer(http(env.soap11_reply("Reserve")), work_s=0.02)) as backend:
            settings = {
                "drain": {"delay": f"{DELAY_S * 1000:g}ms", "timeout": f"{TIMEOUT_S:g}s"},
                "backends": {"box": {"protocol": "soap", "url": f"{backend.url}/box", "limit": {"fixed": 30}}},
            }
            folder = tmp_path / str(turn)
            folder.mkdir()
            with SidecarProcess(settings, folder) as sidecar:
                crowd = Crowd(sidecar.port)
                async with asyncio.TaskGroup() as group:
                    for each in range(CLIENTS):
                        group.create_task(crowd.call_on(("kept", "single", "pipelined", "kept")[each % 4]))
                    await asyncio.sleep(0.4)
                    told_at = time.monotonic()
                    sidecar.send_signal(signal.SIGTERM)
                while sidecar.running:
                    assert time.monotonic() - told_at < LATEST_S, "it does not end"
                    await asyncio.sleep(0.02)
                assert sidecar.kill() == 0
        assert crowd.halves == []
        assert len(crowd.answered) > 3 * CLIENTS
        assert set(crowd.answered.values()) <= {"ok", "draining", "overloaded"}
        assert "draining" in crowd.answered.values()
        assert crowd.unanswered == []
