"""Callers by the thousand who each promise a large body and send it a little at a time: `python -m tests.scenarios.slow_crowd PORT COUNT`.

A process of its own, because it needs a descriptor for each. It says `crowd N` once all stand, reads commands from its
standard input (`more`, `count`, `end`), and counts by state what came back.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import resource
import sys
from collections import Counter
from typing import Final

DECLARED_BYTES: Final = 1024 * 1024
PIECE: Final = b"<a>" + b"x" * 8189
_STATE: Final = re.compile(rb"Sidecar-State: ([^;\r]+)(?:;reason=([a-z_]+))?")
_AT_ONCE: Final = 200  # connects under way: below the listener's backlog


class Slow(asyncio.Protocol):
    """One caller: the head, then a piece whenever it is told."""

    def __init__(self, crowd: Crowd) -> None:
        self.crowd = crowd
        self.answered = b""
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(
            b"POST /tickets HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\nContent-Length: %d\r\n\r\n"
            % DECLARED_BYTES
        )
        transport.write(PIECE)

    def data_received(self, data: bytes) -> None:
        self.answered += data

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        self.crowd.ended(self.answered)


class Crowd:
    def __init__(self) -> None:
        self.callers: set[Slow] = set()
        self.told: Counter[str] = Counter()

    async def gather(self, port: int, count: int) -> None:
        loop = asyncio.get_running_loop()
        turn = asyncio.Semaphore(_AT_ONCE)

        async def come() -> None:
            async with turn:
                _, caller = await loop.create_connection(lambda: Slow(self), "127.0.0.1", port)
                self.callers.add(caller)

        async with asyncio.TaskGroup() as group:
            for _ in range(count):
                group.create_task(come())

    def more(self) -> None:
        for caller in self.callers:
            if caller.transport is not None and not caller.transport.is_closing() and not caller.answered:
                caller.transport.write(PIECE)

    def ended(self, answered: bytes) -> None:
        found = _STATE.search(answered)
        self.told["nothing" if found is None else b":".join(filter(None, found.groups())).decode()] += 1

    def end(self) -> None:
        for caller in self.callers:
            if caller.transport is not None:
                caller.transport.abort()


async def main(port: int, count: int) -> None:
    crowd = Crowd()
    await crowd.gather(port, count)
    print(f"crowd {len(crowd.callers)}", flush=True)
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := (await lines.readline()).strip():
        if line == b"more":
            crowd.more()
        elif line == b"end":
            crowd.end()
        await asyncio.sleep(0)
        print("told " + json.dumps(crowd.told), flush=True)


def open_files(wanted: int) -> bool:
    """Raise the limit of this process and its children; False where the machine does not allow it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard) if hard > 0 else wanted, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= wanted


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
