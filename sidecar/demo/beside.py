"""The sidecar as a process of its own beside the demo: started as an operator would, awaited until it is healthy, ended in order.

It stands around the road. It passes on what the sidecar says, and says in words what went wrong; it leaves no process.
"""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Self

import aiohttp

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

COMMAND = (
    sys.executable,
    "-m",
    "sidecar",
    "run",
    "--volatile",
)  # as an operator starts it who loses nothing by a restart
READY_S = 20.0  # a cold start on a busy machine takes two
STOP_S = 14.0  # the 9 s that config/demo.yaml gives calls in flight, and 5 s for last words

# Of a line for each call those of its own resources are left out: thousands in a waiting room poll it, and bury everything else.
OWN, WELL = b'"backend":"","operation":null', b'"state":"ok"'


class DemoError(Exception):
    """The demo cannot go on; the text says why and what to do."""


class Sidecar:
    """The sidecar as its own process; leaving the block ends it, gently at first."""

    def __init__(self, config: Path, environment: Mapping[str, str], *, terse: bool = False) -> None:
        self._command = [*COMMAND, str(config)]
        self._environment = environment
        self._terse = terse  # its line for each call is left out: a crowd makes thousands
        self._relay: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        # its own process group: Ctrl-C reaches us only, and we end it in order
        self.process = await asyncio.create_subprocess_exec(
            *self._command,
            env=dict(self._environment),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        self._relay = asyncio.get_running_loop().create_task(self._pass_on(), name="the sidecar's words")
        return self

    async def _pass_on(self) -> None:
        """Write to our stderr what it says."""
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            if not (b'"event":"access"' in line and (self._terse or (OWN in line and WELL in line))):
                sys.stderr.buffer.write(line)
                sys.stderr.buffer.flush()

    async def __aexit__(self, *_exc: object) -> None:
        if self.process.returncode is None:
            self.process.terminate()
            try:
                async with asyncio.timeout(STOP_S):
                    await self.process.wait()
            except TimeoutError:
                self.process.kill()
                await self.process.wait()
        if self._relay is not None:
            await self._relay

    async def ready(self, url: str, over: asyncio.Event) -> None:
        """Wait until `/.sidecar/healthz` answers 200; raises `DemoError` when the process ends or takes too long."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as http:
            for _ in range(int(READY_S * 10)):
                if self.process.returncode is not None:
                    raise DemoError(
                        f"the sidecar ended with exit code {self.process.returncode}: its own message is above"
                    )
                if over.is_set():
                    raise DemoError("told to stop before the sidecar was ready")
                try:
                    async with http.get(f"{url}/.sidecar/healthz") as reply:
                        if reply.status == 200:
                            return
                except (aiohttp.ClientError, TimeoutError):
                    pass  # it does not listen yet
                await asyncio.sleep(0.1)
        raise DemoError(f"the sidecar did not answer {url}/.sidecar/healthz within {READY_S:.0f} s")

    async def until(self, over: asyncio.Event) -> bool:
        """Wait for the signal or for the sidecar's end; returns whether it ended by itself."""
        async with asyncio.TaskGroup() as group:
            told = group.create_task(over.wait())
            dead = group.create_task(self.process.wait())
            await asyncio.wait((told, dead), return_when=asyncio.FIRST_COMPLETED)
            told.cancel()
            dead.cancel()
        return not over.is_set()

    def death(self) -> DemoError:
        return DemoError(f"the sidecar ended with exit code {self.process.returncode}: its own message is above")
