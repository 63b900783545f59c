"""Callers by the thousand who all ask the same at once: `python -m tests.scenarios.equal_crowd PORT COUNT PATH`.

A process of its own, because it needs a descriptor for each. It says `crowd N` once all are connected, `asked` once all have sent the
request of the file PATH, and at the end, as JSON, how many were told what: by status, state, whether they had followed somebody, and
how long it was.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Final

_AT_ONCE: Final = 200  # connects under way: below the listener's backlog
_STATE: Final = re.compile(rb"\r\nSidecar-State: ([a-z_]+)")
_LENGTH: Final = re.compile(rb"\r\nContent-Length: ([0-9]+)")


class Asking(asyncio.Protocol):
    """One caller: one request, one whole reply."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.told: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._come = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._come += data
        head, end, body = self._come.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if end and length is not None and len(body) >= int(length[1]) and not self.told.done():
            self.told.set_result(self._come)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.told.done():
            self.told.set_result(b"")


def _brief(told: bytes) -> str:
    """Say what one caller was told."""
    head, _, body = told.partition(b"\r\n\r\n")
    state = _STATE.search(head)
    if state is None:
        return "nothing"
    followed = "followed" if b"; collapsed" in head else "hit" if b"sidecar; hit" in head else "led"
    return f"{head[9:12].decode()} {state[1].decode()} {followed} {len(body)}"


async def main(port: int, count: int, request: bytes) -> None:
    loop = asyncio.get_running_loop()
    turn = asyncio.Semaphore(_AT_ONCE)

    async def come() -> Asking:
        async with turn:
            _, caller = await loop.create_connection(Asking, "127.0.0.1", port)
            return caller

    callers = await asyncio.gather(*(come() for _ in range(count)))
    print(f"crowd {len(callers)}", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    for caller in callers:
        if caller.transport is not None:
            caller.transport.write(request)
    print("asked", flush=True)
    told = await asyncio.gather(*(caller.told for caller in callers))
    print(json.dumps(Counter(map(_brief, told))), flush=True)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]).read_bytes()))
