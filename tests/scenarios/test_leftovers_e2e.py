"""Nothing is left for the collector: what served a call or a connection is free when that is over, however it ended.

The collector comes round too seldom to be relied on (`sidecar/heap.py`): of what refers to itself, a quarter of an hour of faults
would keep megabytes.
"""

from __future__ import annotations

import asyncio
import gc
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from sidecar import tasks
from sidecar.app import App
from sidecar.model import Protocol
from sidecar.plan import BackendPlan, DrainPlan, LimitsPlan, ListenPlan, OperationPlan, Plan
from tests.house.tree import ROOT
from tests.listener.hall import until
from tests.support import replies
from tests.support.backend import Backend, answer, silent
from tests.support.envelopes import soap11, soap11_reply
from tests.support.plays import Point, Way, by_operation, cut, fault_plays
from tests.support.world import Recorder

if TYPE_CHECKING:
    from collections.abc import Iterator


CALLS: Final = 8  # of each kind: what is left of each would be as many
SHORT_S: Final = 0.2  # how long anybody waits for a peer that says nothing
PATIENCE_S: Final = 10.0
UNDER_WAY: Final = ("flight ", "ghost ")  # tasks, by the first word of their names
PLACES: Final = tuple(str(ROOT / part) for part in ("sidecar", "adapters"))
KINDS: Final = ("sidecar.", "adapters.", "lxml.", "aiohttp.")

FINE: Final = replies.http(soap11_reply("Fine"))
LONG: Final = replies.http(soap11_reply("Long") + b" " * 200_000)
PLAYS: Final = {
    **{name.replace("-", "_").title().replace("_", ""): play for name, play in fault_plays(FINE).items()},
    "Silent": silent(),
    "HalfAReply": silent(Point.HALF_REPLY_BODY),
    "Late": answer(FINE, work_s=1.5 * SHORT_S),
    "Garbage": answer(replies.garbage()),
    "TooLong": answer(replies.too_long(soap11_reply("TooLong"))),
    "BadChunk": answer(replies.bad_chunk(soap11_reply("BadChunk"))),
    "UntilClose": answer(replies.until_close(soap11_reply("UntilClose"))),
    "StreamFine": answer(LONG),
    "StreamSlow": answer(LONG, piece_bytes=40_000, gap_s=SHORT_S / 2),
    "StreamCut": cut(Point.HALF_REPLY_BODY, Way.FIN, LONG),
}
CALL: Final = soap11("Fine").raw("/soap")
REQUESTS: Final[dict[str, bytes]] = {
    **{f"backend: {name}": soap11(name).raw("/soap") for name in ("Fine", *PLAYS)},
    "large call": soap11("Fine", {f"n{number}": "seat" for number in range(10_000)}).raw("/soap"),
    "half a head": CALL[:40],
    "half a body": CALL[:-20],
    "two lengths": CALL.replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n", 1),
    "no such path": b"GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n",
    "two at once": CALL * 2,
    "broken XML": CALL.replace(b"</", b"<<"),
}
# Where a caller who hangs up is tried in every run: one of each moment at which a call may be.
LEFT_ALONE: Final = ("backend: Fine", "backend: Silent", "backend: StreamSlow", "half a body", "large call")
# Tried in the long run alone: a backend that ends politely where another that resets is tried in every run.
POLITE: Final = tuple(f"backend: Fin{when}" for when in ("Accept", "Head", "Body", "HalfBody", "HalfReplyHead"))


@pytest.fixture
def collector() -> Iterator[None]:
    """Let it find all at once, at the end."""
    gc.collect()
    gc.disable()
    yield
    gc.set_debug(0)
    gc.garbage.clear()
    gc.enable()


def house(url: str) -> Plan:
    """Return a plan that waits for nobody for long."""
    usual = OperationPlan(timeout_s=1.0, attempt_first_byte_s=SHORT_S, attempt_total_s=SHORT_S)
    lines = (replace(usual, pattern="Stream*", stream=True), usual)
    backend = BackendPlan(
        "soap", Protocol.SOAP, "/soap", (("", f"{url}/soap"),), limit=CALLS, ghost_s=1.0, operations=lines
    )
    limits = LimitsPlan(body_timeout_s=SHORT_S, header_timeout_s=SHORT_S)
    return Plan(listen=ListenPlan(port=0), drain=DrainPlan(0.0, 0.2), limits=limits, backends=(backend,))


async def send(url: str, request: bytes, *, hangs_up: bool) -> None:
    """Send one request on a connection of its own, and read until the other side has nothing more to say."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
    writer.write(request)
    if hangs_up:
        await writer.drain()
        writer.transport.abort()
        return
    with suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
        async with asyncio.timeout(PATIENCE_S):
            await reader.readuntil(b"\r\n\r\n")
    writer.close()


def left_behind() -> Counter[str]:
    """Return what only the collector could free, by kind: objects of ours and of our libraries, and places in our code."""
    gc.set_debug(gc.DEBUG_SAVEALL)
    gc.collect()
    return Counter(name for found in gc.garbage if (name := _ours(found)))


def _ours(found: object) -> str:
    kind = type(found)
    code = getattr(found, "f_code", None)
    if code is not None:
        return f"{Path(code.co_filename).name}: {code.co_name}" if code.co_filename.startswith(PLACES) else ""
    return kind.__qualname__ if str(kind.__module__).startswith(KINDS) else ""


@pytest.mark.thinned(3)
@pytest.mark.uvloop
@pytest.mark.parametrize(
    ("kind", "hangs_up"),
    [
        pytest.param(
            kind,
            hangs_up,
            id=f"{kind}-{'hangs up' if hangs_up else 'stays'}",
            # Each looks through all memory: every other one alone, in a quick run.
            marks=[pytest.mark.long] if number % 2 or (hangs_up and kind not in LEFT_ALONE) or kind in POLITE else [],
        )
        for number, kind in enumerate(REQUESTS)
        for hangs_up in (False, True)
    ],
)
async def test_what_served_a_call_is_free_when_it_is_over(kind: str, hangs_up: bool, collector: None) -> None:
    """No kind of object is left as often as there were calls: connections, bodies, flights and errors let go of each other."""
    del collector
    async with Backend(by_operation(PLAYS, answer(FINE))) as backend:
        app = App(house(backend.url), log=Recorder())
        await app.start()
        for _ in range(CALLS):
            await send(app.urls[0], REQUESTS[kind], hangs_up=hangs_up)
        await until(lambda: not [each for each in tasks.alive() if each.get_name().startswith(UNDER_WAY)])
        await app.stop()
        left = left_behind()
    assert {name: count for name, count in left.items() if count >= CALLS} == {}
