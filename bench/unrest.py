"""Mixed traffic with faults: a crowd at the demo's box office, a backend that breaks off, clients that misbehave.

It stands in front of the sidecar and behind it, never inside. It counts what came back by state, and how many replies had none.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
from collections import Counter
from typing import TYPE_CHECKING, Final

import aiohttp

from bench import messages
from sidecar.demo.crowd import Crowd, Rush
from tests.support import replies
from tests.support.plays import answer, by_operation, fault_plays, idle_close, silent

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.plays import Play

CROWD_RATE: Final = 12.0  # people a second, two to four calls each: what 16 slots serve with room to spare
CROWD_S: Final = 20.0  # one crowd after the other, so that connections come and go
ROGUES: Final = 6  # clients that send everything else, one after the other each
PATIENCE_S: Final = 10.0  # longer than any deadline in the settings
_STATE: Final = re.compile(rb"(?i)\r\nsidecar-state: ([a-z_]+)")
UNMARKED: Final = "(no Sidecar-State)"
GONE: Final = "(hung up, as meant)"

FINE: Final = replies.http(messages.reply("Fine"))
PLAYS: Final[dict[str, Play]] = {
    **{name.replace("-", "_").title().replace("_", ""): play for name, play in fault_plays(FINE).items()},
    "Silent": silent(),
    "Slow": answer(FINE, work_s=0.5),
    "Trickle": answer(FINE, piece_bytes=100, gap_s=0.02),
    "IdleClose": idle_close(FINE),
    "Html": answer(replies.html()),
    "Garbage": answer(replies.garbage()),
    "TooLong": answer(replies.too_long(messages.reply("TooLong"))),
    "TooShort": answer(replies.too_short(messages.reply("TooShort"))),
    "BadChunk": answer(replies.bad_chunk(messages.reply("BadChunk"))),
    "Large": answer(
        replies.huge(2_000_000, opening=messages.reply("Large")[:-20], closing=messages.reply("Large")[-20:])
    ),
    "UntilClose": answer(replies.until_close(messages.reply("UntilClose"))),
}
BACKEND: Final = by_operation(PLAYS, answer(FINE))

# What a visitor may do to the box office, each for two seconds.
CONTROLS: Final = (
    {"latency_s": 1.0, "for_s": 2},
    {"hangup": True, "for_s": 2},
    {"html": 200, "for_s": 2},
    {"freeze": True, "for_s": 2},
    {"dead": True, "for_s": 2},
)
CONTROL_EVERY_S: Final = 11.0


class Unrest:
    """All of it; `run` returns when the time is over and every connection of ours is closed."""

    def __init__(self, port: int, control_url: str, seed: int = 1) -> None:
        self._port, self._control_url = port, control_url
        self._rng = random.Random(seed)
        self.states: Counter[str] = Counter()
        self.crowd: Counter[str] = Counter()

    async def run(self, for_s: float) -> None:
        """Make it for `for_s` seconds."""
        until = asyncio.get_running_loop().time() + for_s
        async with asyncio.TaskGroup() as group:
            group.create_task(self._crowds(until))
            group.create_task(self._trouble(until))
            for _ in range(ROGUES):
                group.create_task(self._rogue(until))

    async def _crowds(self, until: float) -> None:
        base = f"http://127.0.0.1:{self._port}"
        while (left_s := until - asyncio.get_running_loop().time()) > 1.0:
            rush = Rush(f"{base}/tickets", f"{base}/boxrpc", rate=CROWD_RATE, for_s=min(CROWD_S, left_s), grace_s=5.0)
            report = await Crowd(rush).run()
            self.crowd.update(report.states)

    async def _trouble(self, until: float) -> None:
        async with aiohttp.ClientSession() as http:
            while asyncio.get_running_loop().time() + CONTROL_EVERY_S < until:
                await asyncio.sleep(CONTROL_EVERY_S)
                wish = self._rng.choice(CONTROLS)
                async with http.post(f"{self._control_url}/_control", json=wish) as reply:
                    await reply.read()

    async def _rogue(self, until: float) -> None:
        kinds: list[Callable[[], bytes]] = [self._call_of_a_fault] * 6 + [
            self._ordinary, self._denied, self._wrong_media, self._broken_xml, self._unknown_path, self._document,
            self._preflight, self._own, self._bad_line, self._half_body, self._two_at_once, self._large_call,
            self._json, self._json_rows, self._json_query, self._json_wrong, self._pages,
        ]  # fmt: skip
        while asyncio.get_running_loop().time() < until:
            request = self._rng.choice(kinds)()
            hangs_up = self._rng.random() < 0.1
            with contextlib.suppress(OSError):
                self.states[await self._send(request, hangs_up=hangs_up)] += 1
            await asyncio.sleep(self._rng.random() * 0.05)

    async def _send(self, request: bytes, *, hangs_up: bool) -> str:
        """Send one request on a connection of its own, read what comes until it is quiet or over."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            writer.write(request)
            if hangs_up:
                await asyncio.sleep(self._rng.random() * 0.2)
                writer.transport.abort()
                return GONE
            async with asyncio.timeout(PATIENCE_S):
                head = await reader.readuntil(b"\r\n\r\n")
                length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
                await reader.readexactly(int(length[1]) if length else 0)
            found = _STATE.search(head)
            return found[1].decode() if found else UNMARKED if b" 204 " not in head[:16] else "(preflight)"
        finally:
            writer.close()

    # --- what rogues send

    def _call_of_a_fault(self) -> bytes:
        operation = self._rng.choice(list(PLAYS))
        return self._to("/raw", messages.post(messages.call(operation), operation))

    def _ordinary(self) -> bytes:
        return self._to("/raw", messages.post(messages.call("GetAnything"), "GetAnything"))

    def _denied(self) -> bytes:
        return self._to("/raw", messages.post(messages.call(messages.DENIED), messages.DENIED))

    def _wrong_media(self) -> bytes:
        return self._to("/raw", messages.post(messages.call("GetAnything"), "GetAnything", "application/json"))

    def _broken_xml(self) -> bytes:
        return self._to("/raw", messages.post(messages.call("GetAnything")[:-9], "GetAnything"))

    def _unknown_path(self) -> bytes:
        return messages.get(f"/nothing/{self._rng.random()}")

    def _document(self) -> bytes:
        return messages.get("/tickets?wsdl")

    def _own(self) -> bytes:
        return messages.get("/.sidecar/healthz")

    def _preflight(self) -> bytes:
        return b"OPTIONS /raw HTTP/1.1\r\nHost: a\r\nOrigin: https://shop.example\r\nAccess-Control-Request-Method: POST\r\n\r\n"

    def _bad_line(self) -> bytes:
        return b"POST /raw HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc"

    def _half_body(self) -> bytes:
        return self._to("/raw", messages.post(messages.call("GetAnything"), "GetAnything"))[:-100]

    def _two_at_once(self) -> bytes:
        return self._ordinary() * 2

    def _large_call(self) -> bytes:
        return self._to("/raw", messages.post(messages.listed_call("GetAnything", 300_000), "GetAnything"))

    def _json(self) -> bytes:
        return _post_json("HelloWorld", "{}")

    def _json_rows(self) -> bytes:
        return _post_json("GetPerformances", '{"sStartDate": "", "sEndDate": ""}')

    def _json_query(self) -> bytes:
        return messages.get(f"/tickets/json/GetPerformances?sStartDate={self._rng.randrange(100)}")

    def _json_wrong(self) -> bytes:
        body = self._rng.choice(('{"a": ', '{"sStartDate": 5}', "[]", '{"a": 1, "a": 2}', '{"sStartDate": "\\ud800"}'))
        return _post_json("GetPerformances", body)

    def _pages(self) -> bytes:
        return messages.get(self._rng.choice(("/tickets/openapi.json", "/tickets/docs", "/tickets/types.ts")))

    def _to(self, path: str, request: bytes) -> bytes:
        return request.replace(messages.PATH.encode(), path.encode(), 1)


def _post_json(operation: str, body: str) -> bytes:
    head = f"POST /tickets/json/{operation} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()
