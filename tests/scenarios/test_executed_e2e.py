"""`executed` against the journal: each failure of the matrix before a running sidecar, in five dialects, safe and unsafe.

The journal is the other witness: `no` never where it has the call, `yes` never where it has not, `unknown` only where a byte of the
call may have left. And no purchase is ever sent twice.
"""

from __future__ import annotations

import asyncio
import itertools
import socket
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.scenarios import theatre
from tests.scenarios.matrix import BY_ID, FAILURES, FAULT_POINTS, JSON, SILENCES, XMLRPC, Failure, Said, seen
from tests.support import replies
from tests.support.backend import Blackhole, Gate, Play, Point, ThreadBackend, Way, answer, cut
from tests.support.client import Client, ask
from tests.support.process import SidecarProcess

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.client import Response
    from tests.support.journal import Entry
    from tests.support.visit import Visit

OPERATIONS = {"safe": "GetFine", "unsafe": "Fine"}
REPLY_LIMIT_BYTES = 64 * 1024
_numbers = itertools.count(1)


@dataclass
class Stand:
    """A sidecar, the backend behind it, and what the backend does with the calls that a test marks."""

    sidecar: SidecarProcess
    backend: ThreadBackend
    play: Play
    plays: dict[str, Play]  # by request id

    def entries(self, mark: str) -> list[Entry]:
        return self.backend.journal.by_header("X-Request-Id", mark)

    async def forget_connections(self) -> None:
        """Let no kept connection be used for the next call; the sidecar sees the FIN before it writes."""

        async def close_idle() -> None:
            self.backend.backend.close_idle()

        await asyncio.to_thread(self.backend.call, close_idle())


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """One for all rows: what a failure leaves behind must not hurt the next."""
    plays: dict[str, Play] = {}

    async def play(visit: Visit) -> None:
        await visit._read_head()
        await plays.get(visit.entry.header("x-request-id") or "", theatre.stage)(visit)

    with ExitStack() as stack:
        dead, full = stack.enter_context(socket.socket()), asyncio.run(_full_port(stack))
        dead.bind(("127.0.0.1", 0))
        backend = stack.enter_context(ThreadBackend(play))
        settings = _settings(backend.url, f"http://127.0.0.1:{dead.getsockname()[1]}", full)
        sidecar = stack.enter_context(SidecarProcess(settings, tmp_path_factory.mktemp("executed")))
        for name in ("soap", "narrowsoap", "calmsoap", "waitsoap", "fullsoap"):
            # A contract still being fetched would meet what is meant for a call, and keep the only slot meanwhile.
            sidecar.wait_line(rf'"event":"indexed","backend":"{name}"')
        yield Stand(sidecar, backend, play, plays)


async def _full_port(stack: ExitStack) -> str:
    hole = Blackhole()
    await hole.__aenter__()
    for sock in (hole._listener, *hole._fillers):
        stack.callback(sock.close)
    return hole.url


def _settings(url: str, dead_url: str, full_url: str) -> dict[str, Any]:
    settings = theatre.settings(url, dead_url)
    settings["limits"] |= {"reply_body": f"{REPLY_LIMIT_BYTES}B"}
    backends = settings["backends"]
    for name, plan in list(backends.items()):
        if name in ("soap", "rpc"):
            quick = {"connect": "300ms", "first_byte": "400ms", "total": "800ms"}
            backends[f"hole{name}"] = {**plan, "url": f"{full_url}/x", "timeouts": quick}
            one = {"limit": {"fixed": 1}, "timeouts": {"connect": "1s", "first_byte": "10s", "total": "10s"}}
            backends[f"wait{name}"] = {**plan, **one, "queue": {"size": 9, "wait": "50ms"}}
            backends[f"full{name}"] = {**plan, **one, "queue": {"size": 1, "wait": "10s"}}
    return settings


class Cell:
    """One call in one dialect, marked so that the journal tells it from all others."""

    def __init__(self, stand: Stand, dialect: str, kind: str) -> None:
        self.stand, self.dialect, self.kind = stand, dialect, kind
        self.mark = f"executed-{next(_numbers):06d}"
        self.headers: list[tuple[str, str]] = []
        self.operation = OPERATIONS[kind]
        self.before = ""  # which of the backends: "", dead, hole, wait, full

    @property
    def path(self) -> str:
        return f"/{self.before}{'rpc' if self.dialect == XMLRPC else 'soap'}"

    @property
    def reply(self) -> replies.Reply:
        return theatre._reply("soap11" if self.dialect == JSON else self.dialect, "Fine", self.operation)

    def plays(self, play: Play) -> None:
        self.stand.plays[self.mark] = play

    def raw(self) -> bytes:
        request = theatre.call(self.dialect, self.operation)
        return request.raw(self.path, headers=[("X-Request-Id", self.mark), *self.headers])

    async def call(self) -> Response:
        return await ask(self.stand.sidecar.url, self.raw())

    def check(self, failure: Failure, response: Response) -> Said:
        """Hold the response against the row and against the journal; return which of its ways it was."""
        safe = self.kind == "safe"
        state = response.header("Sidecar-State")
        said = next((said for said in failure.said if said.header(safe=safe) == state), None)
        assert said is not None, f"{self.dialect}: {state}, not {[s.header(safe=safe) for s in failure.said]}"
        wanted = seen(said, self.dialect, relayed=failure.relayed)
        assert response.status == wanted.status, f"{self.dialect}: {response.body!r}"
        if self.dialect != "asmx":
            assert (wanted.fault in response.text) or failure.relayed or self.dialect == JSON
        if self.dialect == JSON:
            body = response.json()
            assert (body["state"], body["executed"]) == (said.state, said.effect(safe=safe).value)
        assert response.header("X-Request-Id") == self.mark
        self.check_journal(said, said.effect(safe=safe).value)
        return said

    def check_journal(self, said: Said, effect: str) -> None:
        entries = self.stand.entries(self.mark)
        done = [entry for entry in entries if entry.executed]
        if effect == "no" and self.kind == "unsafe":
            assert not done, f"said no, and the journal has it: {done}"
        if effect == "yes":
            assert done, "said yes, and the journal has not"
        if effect == "unknown":
            assert self.kind == "unsafe"
            assert said.sent, "said unknown of what did not leave: nobody may know less than that"
        if not said.sent:
            assert entries == [], "said that nothing left"
        assert len(entries) <= (1 if self.kind == "unsafe" else 2), "sent more often than it may be"


def test_the_journal_can_contradict(stand: Stand) -> None:
    """Negative control: a call that was executed and a word that denies it are found out."""
    cell = Cell(stand, "soap11", "unsafe")
    response = asyncio.run(cell.call())
    assert response.header("Sidecar-State") == "ok;executed=yes"
    assert len(stand.entries(cell.mark)) == 1
    cell.check_journal(Said("ok", None, sent=True), "yes")
    with pytest.raises(AssertionError, match="the journal has it"):
        cell.check_journal(Said("overloaded", None, sent=True), "no")
    with pytest.raises(AssertionError, match="nothing left"):
        cell.check_journal(Said("overloaded", None, sent=False), "yes")
    with pytest.raises(AssertionError, match="of what did not leave"):
        cell.check_journal(Said("overloaded", None, sent=False), "unknown")
    unheard = Cell(stand, "soap11", "unsafe")
    with pytest.raises(AssertionError, match="has not"):
        unheard.check_journal(Said("ok", None, sent=True), "yes")


ROWS = pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: failure.id)
KINDS = pytest.mark.parametrize("kind", ["safe", "unsafe"])


@pytest.mark.thinned(4)
@KINDS
@ROWS
async def test_a_failure(stand: Stand, failure: Failure, kind: str) -> None:
    """In every dialect of the row: the state, the effect, the fault of its kind, and the journal agrees."""
    cells = [Cell(stand, dialect, kind) for dialect in failure.dialects]
    async with AsyncExitStack() as stack:
        if failure in SILENCES and not failure.id.endswith(
            "accept"
        ):  # each waits for a timeout: they may wait together
            responses = await asyncio.gather(*(provoke(failure.id, cell, stack) for cell in cells))
        else:
            responses = [await provoke(failure.id, cell, stack) for cell in cells]
    for cell, response in zip(cells, responses, strict=True):
        cell.check(failure, response)


@pytest.mark.thinned(3)
@KINDS
@pytest.mark.parametrize(
    "failure", [row for row in FAULT_POINTS if not row.id.endswith("accept")], ids=lambda row: row.id
)
async def test_a_failure_of_a_kept_connection(stand: Stand, failure: Failure, kind: str) -> None:
    """What happens on a connection that has served before is told in the same words, and a purchase is not sent twice for it."""
    async with AsyncExitStack() as stack:
        for dialect in failure.dialects:
            await _until_connections_are_kept(stand, dialect, kind)
            cell = Cell(stand, dialect, kind)
            cell.check(failure, await provoke(failure.id, cell, stack, kept=True))
            (entry, *_) = stand.entries(cell.mark)
            assert entry.reused


async def _until_connections_are_kept(stand: Stand, dialect: str, kind: str) -> None:
    """Call until one call meets a connection that has served: the first ones of a backend rest a moment before they are used again."""
    for _ in range(40):
        cell = Cell(stand, dialect, kind)
        assert (await cell.call()).state == "ok"
        if stand.entries(cell.mark)[0].reused:
            return
    raise AssertionError("no connection is ever used again")


async def provoke(name: str, cell: Cell, stack: AsyncExitStack, *, kept: bool = False) -> Response:
    """Make the failure `name` happen to `cell`, and return what its caller got."""
    way, _, point = name.partition("-")
    if way in ("rst", "fin", "hold"):
        play = cut(Point[point.upper()], Way(way), cell.reply)
        return await (_at_accept(cell, play) if point == "accept" else _at_a_point(cell, play, kept=kept))
    own = OWN.get(name)
    if own is not None:
        return await own(cell, stack)
    executes = None if name in ("fault", "blames", "xmlrpc-fault") else Point.BODY
    cell.plays(answer(_REPLIES[name](cell), executes=executes))
    return await cell.call()


async def _at_a_point(cell: Cell, play: Play, *, kept: bool) -> Response:
    if not kept:
        await cell.stand.forget_connections()
    cell.plays(play)
    return await cell.call()


async def _at_accept(cell: Cell, play: Play) -> Response:
    """A break before anything is read is played by the next connection, whoever it is for."""
    backend = cell.stand.backend
    await cell.stand.forget_connections()
    backend.play(play)
    try:
        return await cell.call()
    finally:
        backend.play(cell.stand.play)
        await cell.stand.forget_connections()


_REPLIES: dict[str, Any] = {
    "html": lambda _: replies.html(),
    "garbage": lambda _: replies.garbage(),
    "half-xml": lambda cell: replies.http(cell.reply.body[:-3], content_type=_type_of(cell)),
    "huge": lambda _: replies.huge(2 * REPLY_LIMIT_BYTES),
    "fault": lambda cell: theatre._fault(_spoken(cell), "Server", "The seat map is locked"),
    "blames": lambda cell: theatre._fault(_spoken(cell), "Client", "The session key is missing"),
    "xmlrpc-fault": lambda cell: theatre._fault(_spoken(cell), "Server", "The seat map is locked"),
}


def _spoken(cell: Cell) -> str:
    return "soap11" if cell.dialect == JSON else cell.dialect


def _type_of(cell: Cell) -> str:
    return theatre._type(_spoken(cell))


async def _refused(cell: Cell, _: AsyncExitStack) -> Response:
    cell.before = "dead"
    return await cell.call()


async def _unresponsive(cell: Cell, _: AsyncExitStack) -> Response:
    cell.before = "hole"
    return await cell.call()


async def _impatient(cell: Cell, _: AsyncExitStack) -> Response:
    cell.plays(answer(cell.reply, work_s=0.3))
    cell.headers = [("Sidecar-Timeout", "100ms")]
    return await cell.call()


async def _queue_wait(cell: Cell, _: AsyncExitStack) -> Response:
    return await _behind(cell, "wait", waiting=0)


async def _queue_full(cell: Cell, _: AsyncExitStack) -> Response:
    return await _behind(cell, "full", waiting=1)


async def _behind(cell: Cell, before: str, waiting: int) -> Response:
    """Call while one call holds the only slot and `waiting` others stand in line."""
    gate = Gate()
    fillers = [Cell(cell.stand, cell.dialect, cell.kind) for _ in range(1 + waiting)]
    for filler in (*fillers, cell):
        filler.before = before
        filler.plays(answer(filler.reply, gate=gate))
    calls = []
    try:
        for number, filler in enumerate(fillers):
            calls.append(asyncio.get_running_loop().create_task(filler.call()))
            if number == 0:
                await _arrived(filler)
        await _waits_behind(cell, fillers[1:])
        return await cell.call()
    finally:
        gate.open()
        assert [(await call).state for call in calls] == ["ok"] * len(calls)


async def _arrived(cell: Cell) -> None:
    journal = cell.stand.backend.journal
    there = journal.until(lambda _: any(entry.body_whole for entry in cell.stand.entries(cell.mark)))
    await asyncio.to_thread(cell.stand.backend.call, there)


async def _waits_behind(cell: Cell, waiting: list[Cell]) -> None:
    """A call in the line has left no trace at the backend: what followed it through the sidecar is the proof that it is in."""
    del waiting
    probe = Cell(cell.stand, cell.dialect, cell.kind)
    for _ in range(3):
        assert (await probe.call()).state == "ok"


async def _not_xml(cell: Cell, _: AsyncExitStack) -> Response:
    request = theatre.call(cell.dialect, cell.operation)
    head, _, body = request.raw(cell.path, headers=[("X-Request-Id", cell.mark)]).partition(b"\r\n\r\n")
    return await ask(cell.stand.sidecar.url, head + b"\r\n\r\n" + body.replace(b"</", b"<<", 1))


async def _too_large(cell: Cell, _: AsyncExitStack) -> Response:
    request = theatre.call(cell.dialect, cell.operation)
    length = ("Content-Length", str(70 * 1024))
    raw = request.raw(cell.path, headers=[("X-Request-Id", cell.mark), length])
    return await ask(cell.stand.sidecar.url, raw + b" " * (70 * 1024 - len(request.body)))


async def _half_sent(cell: Cell, stack: AsyncExitStack) -> Response:
    client = await stack.enter_async_context(Client.to(cell.stand.sidecar.url))
    await client.send(cell.raw()[:-10])
    return await client.response()


async def _denied(cell: Cell, _: AsyncExitStack) -> Response:
    cell.operation = "GetForbidden" if cell.kind == "safe" else "Forbidden"
    return await cell.call()


OWN: dict[str, Any] = {
    "refused": _refused,
    "unresponsive": _unresponsive,
    "impatient": _impatient,
    "queue-wait": _queue_wait,
    "queue-full": _queue_full,
    "not-xml": _not_xml,
    "too-large": _too_large,
    "half-sent": _half_sent,
    "denied": _denied,
}


def test_every_row_can_be_provoked() -> None:
    """No row of the document is without its test."""
    points = {name for name in BY_ID if name.split("-")[0] in ("rst", "fin", "hold")}
    assert points | set(_REPLIES) | set(OWN) == set(BY_ID)
