"""A backend as a process of its own, so that a test can stop, continue and kill it: `python -m tests.scenarios.frail_backend PORT`.

It echoes its callers' names after `--work-ms`; `GET /_journal` tells what it executed and how many it had at once, as JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from typing import TYPE_CHECKING

from tests.scenarios.echo import entries, is_wsdl, no_wsdl, read, reply_to
from tests.support.backend import Backend
from tests.support.plays import answer
from tests.support.replies import http

if TYPE_CHECKING:
    from tests.support.visit import Visit


async def serve(port: int, work_s: float) -> None:
    backend = Backend(port=port)
    running = peak = 0

    async def play(visit: Visit) -> None:
        nonlocal running, peak
        if b"/_journal" in bytes(visit.wire.unread[:64]):
            who = [entry.header("X-Call") for entry in entries(backend.journal) if entry.executed]
            await answer(http(json.dumps({"executed": who, "peak": peak})), executes=None)(visit)
        elif is_wsdl(visit):
            await no_wsdl(visit)
        else:
            name = await read(visit)
            running += 1
            peak = max(peak, running)
            try:
                await asyncio.sleep(work_s)
            finally:
                running -= 1
            await visit.answer(reply_to(name))

    backend.play(play)
    async with backend:
        print(f"listening on {backend.port}", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("--work-ms", type=int, default=0)
    given = parser.parse_args()
    asyncio.run(serve(given.port, given.work_ms / 1000))
