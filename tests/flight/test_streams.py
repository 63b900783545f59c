"""Replies that are passed on while they come, through the whole sidecar on real sockets: what is said of them, and who holds the slot."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sidecar.app import App
from sidecar.settings.load import load_text
from tests.support import envelopes as env
from tests.support import replies
from tests.support.backend import Backend, Gate, Point, Way
from tests.support.world import Recorder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from tests.support.visit import Visit

    Starts = Callable[..., Awaitable[Backend]]

pytestmark = pytest.mark.uvloop

BEGINNING_BYTES = 64 * 1024
GOOD = env.soap11_reply("Report", "done")
FAULT = env.soap11_fault("soap:Server", "card declined")
LONG = env.soap11_reply("Report", "x" * (3 * BEGINNING_BYTES))


def _in(whole: bytes) -> list[int]:
    """Return where a first segment may end: alone with the head, in the root, around Body, in its child, before the end."""
    body = whole.index(b"Body")
    return [0, 1, 20, body - 6, body, body + 5, body + 8, len(whole) - 1]


class House:
    """A sidecar, its log, and callers of its one streamed operation."""

    def __init__(self, app: App, log: Recorder) -> None:
        self.app, self.log = app, log
        self.port = int(app.urls[0].rsplit(":", 1)[1])
        self.callers = list[asyncio.StreamWriter]()

    async def call(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Send the call."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.callers.append(writer)
        body = env.soap11("Report", {}).body
        head = f"POST /t HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        return reader, writer

    @property
    def slots(self) -> tuple[int, int]:
        """Calls and ghosts at the backend."""
        view = self.app.slots.view("t")
        return view.in_flight, view.ghosts

    async def until(self, slots: tuple[int, int]) -> None:
        """Wait until so many slots are taken, calls and ghosts."""
        async with asyncio.timeout(5.0):
            while True:
                if self.slots == slots:
                    return
                await asyncio.sleep(0.002)

    async def until_sent(self) -> None:
        """Wait until the call has left: before that, a caller who goes takes it with him."""
        async with asyncio.timeout(5.0):
            while True:
                if any(flight.sent for flight in self.app.flights._under_way):
                    return
                await asyncio.sleep(0.002)

    def late(self) -> list[tuple[object, object]]:
        """What became of calls that nobody waited for."""
        return [(facts["state"], facts["executed"]) for facts in self.log.named("late_outcome")]


@asynccontextmanager
async def house(backend: Backend, **more: str) -> AsyncIterator[House]:
    """Run a sidecar before `backend`."""
    extra = "".join(f", {name}: {value}" for name, value in more.items())
    settings = (
        "listen: {port: 0}\n"
        f'backends: {{t: {{protocol: soap, url: "{backend.url}/x", limit: {{fixed: 2}}, '
        f"operations: {{Report: {{stream: true}}}}{extra}}}}}\n"
    )
    log = Recorder()
    app = App(load_text(settings, "sidecar.yaml", Path(), {}), log=log)
    await app.start()
    here = House(app, log)
    try:
        yield here
    finally:
        for writer in here.callers:
            writer.transport.abort()
        await app.stop(at_once=True)


def report(
    whole: bytes,
    at: int,
    gate: Gate,
    then: Callable[[Visit], Awaitable[None]] | None = None,
    first: Gate | None = None,
) -> Any:
    """Wait for `first`, send the head and `at` bytes of a reply, wait for the gate, then do `then` or send the rest."""

    async def play(visit: Visit) -> None:
        await visit.body()
        if visit.entry.method == "GET":
            await visit.send(replies.http(b"", 404).head)
            return
        if first is not None:
            await first.wait()
        await visit.send(replies.http(whole).head + whole[:at])
        await gate.wait()
        await (visit.send(whole[at:]) if then is None else then(visit))

    return play


async def _breaks(visit: Visit) -> None:
    visit.way = Way.RST
    await visit.stop(Point.HALF_REPLY_BODY)


@pytest.mark.parametrize(
    ("whole", "at", "state"),
    [(GOOD, at, b"ok;executed=yes") for at in _in(GOOD)]
    + [(FAULT, at, b"backend_fault;reason=server;executed=unknown") for at in _in(FAULT)],
)
async def test_a_stream_is_judged_alike_wherever_its_first_segment_ends(
    backend: Starts, whole: bytes, at: int, state: bytes
) -> None:
    """A Fault behind the cut is no success, and a good reply of one byte is no bad one."""
    gate = Gate()
    async with house(await backend(report(whole, at, gate))) as here:
        reader, _ = await here.call()
        await here.until((1, 0))
        asyncio.get_running_loop().call_later(0.02, gate.open)
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"\r\nSidecar-State: " + state + b"\r\n" in head
        assert await reader.readexactly(len(whole)) == whole
        await here.until((0, 0))
        assert here.late() == []


@pytest.mark.parametrize("broken", [False, True], ids=["whole", "broken-off"])
async def test_a_caller_who_goes_before_the_first_byte(backend: Starts, broken: bool) -> None:
    """The slot is the backend's until it has written all of it; then, and not before, it is said what became of the call."""
    first, rest = Gate(), Gate()
    play = report(LONG, 2 * BEGINNING_BYTES, rest, _breaks if broken else None, first)
    async with house(await backend(play)) as here:
        _, writer = await here.call()
        await here.until_sent()
        writer.transport.abort()
        first.open()
        await here.until((0, 1))
        assert here.late() == []
        rest.open()
        await here.until((0, 0))
        await asyncio.sleep(0)
        assert here.late() == [("backend_bad_reply", "unknown") if broken else ("ok", "yes")]


@pytest.mark.parametrize("broken", [False, True], ids=["whole", "broken-off"])
async def test_a_caller_who_goes_in_the_middle(backend: Starts, broken: bool) -> None:
    """As above, though he was told something already."""
    gate = Gate()
    async with house(await backend(report(LONG, 2 * BEGINNING_BYTES, gate, _breaks if broken else None))) as here:
        reader, writer = await here.call()
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"\r\nSidecar-State: ok;executed=yes\r\n" in head
        writer.transport.abort()
        await here.until((0, 1))
        assert here.late() == []
        gate.open()
        await here.until((0, 0))
        await asyncio.sleep(0)
        assert here.late() == [("backend_bad_reply", "unknown") if broken else ("ok", "yes")]


async def test_a_backend_that_drips(backend: Starts) -> None:
    """Each byte is in time: the caller is cut off all the same, and the slot comes back when the ghost's time is over."""
    gate = Gate()
    gate.open()

    async def drips(visit: Visit) -> None:
        while True:
            await visit.send(b"x")
            await asyncio.sleep(0.02)

    times = {"timeouts": "{first_byte: 200ms, total: 200ms}", "ghost": "100ms"}
    async with house(await backend(report(LONG, 2 * BEGINNING_BYTES, gate, drips)), **times) as here:
        reader, _ = await here.call()
        async with asyncio.timeout(10.0):
            seen = await _all_of(reader)
        assert seen.startswith(b"HTTP/1.1 200 ")
        assert len(seen) < len(LONG)
        await here.until((0, 0))
        await asyncio.sleep(0)
        assert here.late() == [("outcome_unknown", "unknown")]


async def _all_of(reader: asyncio.StreamReader) -> bytes:
    seen = b""
    try:
        while piece := await reader.read(65536):
            seen += piece
    except ConnectionResetError:
        pass
    return seen
