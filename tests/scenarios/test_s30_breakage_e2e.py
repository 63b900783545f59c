"""Broken on purpose: frozen, killed, reset, stalled and muted processes. Whatever breaks, callers are told, and it heals by itself."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import random
import signal
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.listener.hall import until
from tests.scenarios.echo import ask, calls, echo, entries, read, reply_to, settings, state, told
from tests.support.backend import Backend, Blackhole, Gate, answer, silent
from tests.support.client import Client
from tests.support.envelopes import soap11, soap11_reply
from tests.support.plays import FAULT_POINTS, Point, Way
from tests.support.ports import free_port
from tests.support.process import Program, SidecarProcess
from tests.support.replies import http as reply_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.visit import Visit


MIB: Final = 1024 * 1024
ACCEPTED_AND_READ: Final = {"connect": "1s", "first_byte": "300ms", "total": "300ms"}


@contextmanager
def frail(work_ms: int = 0) -> Iterator[tuple[Program, int]]:
    """Start a backend as a process of its own."""
    port = free_port()
    argv = [sys.executable, "-m", "tests.scenarios.frail_backend", str(port), "--work-ms", str(work_ms)]
    with Program(argv, name="backend") as backend:
        backend.wait_port(port)
        yield backend, port


def journal(port: int) -> dict[str, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/_journal")
        told: dict[str, Any] = json.loads(connection.getresponse().read())
        return told
    finally:
        connection.close()


async def call(sidecar: SidecarProcess, who: str, operation: str = "ReserveTickets") -> tuple[str, str | None]:
    """Call once on a connection of its own; return the state and whose name came back."""
    async with Client(port=sidecar.port) as client:
        response = await client.exchange(ask(who, operation), within_s=20)
        return state(response), told(response)


async def calls_of(sidecar: SidecarProcess, names: list[str], operation: str = "ReserveTickets") -> list[str]:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(call(sidecar, name, operation)) for name in names]
    return [task.result()[0] for task in tasks]


_started: set[asyncio.Task[Any]] = set()


def _start(coro: Any) -> asyncio.Task[Any]:
    """Let calls fly while the test breaks something."""
    task = asyncio.get_running_loop().create_task(coro)
    _started.add(task)
    task.add_done_callback(_started.discard)
    return task


def events(sidecar: SidecarProcess, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in list(sidecar.lines) if f'"event":"{name}"' in line]


def nothing_is_wrong(sidecar: SidecarProcess) -> None:
    """Stop it, and fail where its log tells of a bug of its own."""
    assert sidecar.stop() == 0
    assert [line for line in sidecar.lines if "Traceback" in line or '"bug"' in line or '"internal' in line] == []


# --- a backend that is frozen


async def test_a_frozen_backend(tmp_path: Path) -> None:
    """Its calls are `unknown`, ghosts hold all slots but one while it hangs, and when it thaws their late outcomes are logged."""
    with frail(work_ms=20) as (backend, port):
        house = settings(
            f"http://127.0.0.1:{port}",
            timeouts=ACCEPTED_AND_READ,
            ghost="30s",
            limit={"fixed": 4},
            queue={"size": 50, "wait": "400ms"},
        )
        async with SidecarProcess(house, tmp_path) as sidecar:
            assert await call(sidecar, "warm") == ("ok;executed=yes", "warm")
            backend.send_signal(signal.SIGSTOP)
            try:
                first = await calls_of(sidecar, [f"frozen-{number}" for number in range(4)])
                assert set(first) == {"outcome_unknown;reason=timeout;executed=unknown"}
                # Three ghosts stay; the fourth slot goes on asking, one call at a time, so that a thaw is noticed.
                second = await calls_of(sidecar, [f"later-{number}" for number in range(4)])
                assert second.count("outcome_unknown;reason=timeout;executed=unknown") in (1, 2)
                assert {each for each in second if "outcome" not in each} == {
                    "overloaded;reason=queue_wait;executed=no"
                }
            finally:
                backend.send_signal(signal.SIGCONT)
            await until(lambda: len(events(sidecar, "late_outcome")) == 3, within_s=10)
            assert {(event["state"], event["executed"]) for event in events(sidecar, "late_outcome")} == {("ok", "yes")}
            assert await calls_of(sidecar, [f"thawed-{number}" for number in range(8)]) == ["ok;executed=yes"] * 8
            seen = journal(port)
            # What the last slot asked and gave up lies in the frozen process as well: one call for each timeout.
            assert seen["peak"] <= 4 + len(events(sidecar, "ghost_dropped"))
            assert len(events(sidecar, "ghost_dropped")) <= 3
            assert len(seen["executed"]) == len(set(seen["executed"])), "nobody was asked for twice"
            nothing_is_wrong(sidecar)


async def test_a_killed_backend(tmp_path: Path) -> None:
    """Calls in flight are `unknown` at once, new ones are `no`, and the first after its return is served."""
    port = free_port()
    argv = [sys.executable, "-m", "tests.scenarios.frail_backend", str(port), "--work-ms", "5000"]
    async with SidecarProcess(settings(f"http://127.0.0.1:{port}"), tmp_path) as sidecar:
        with Program(argv, name="backend") as backend:
            backend.wait_port(port)
            flying = _start(calls_of(sidecar, ["one", "two"]))
            await asyncio.to_thread(_until_executed, port, 2)
            backend.kill()
            assert set(await flying) == {"outcome_unknown;reason=reset;executed=unknown"} or set(flying.result()) == {
                "outcome_unknown;reason=closed;executed=unknown"
            }
        assert set(await calls_of(sidecar, ["three"])) == {"backend_unreachable;reason=refused;executed=no"}
        with Program([*argv[:-1], "0"], name="backend") as backend:
            backend.wait_port(port)
            assert await call(sidecar, "four") == ("ok;executed=yes", "four")
        nothing_is_wrong(sidecar)


def _until_executed(port: int, count: int) -> None:
    while len(journal(port)["executed"]) < count:
        pass


# --- a sidecar that is frozen or killed


async def test_a_frozen_sidecar(tmp_path: Path) -> None:
    """Stopped in the middle of calls and continued, it delivers what came meanwhile and serves on."""
    gate = Gate()

    async def held(visit: Visit) -> None:
        who = await read(visit)
        if who.startswith("flying"):
            await gate.wait()
        await visit.answer(reply_to(who))

    async with Backend(calls(held)) as backend, SidecarProcess(settings(backend.url), tmp_path) as sidecar:
        flying = _start(calls_of(sidecar, [f"flying-{number}" for number in range(4)]))
        await until(lambda: gate.waiting == 4)
        sidecar.send_signal(signal.SIGSTOP)
        gate.open()
        await backend.journal.until(lambda all_: sum(e.replied_s is not None for e in entries(all_)) == 4)
        late = _start(calls_of(sidecar, ["asked-while-frozen"]))
        await asyncio.sleep(0.5)  # longer than any turn of the loop: the stop is what is tested
        assert not flying.done()
        sidecar.send_signal(signal.SIGCONT)
        assert await flying == ["ok;executed=yes"] * 4
        assert await late == ["ok;executed=yes"]
        nothing_is_wrong(sidecar)


@pytest.mark.parametrize("on", ["port", "unix"])
async def test_a_killed_sidecar(on: str, tmp_path: Path) -> None:
    """Killed with calls in flight and started again in the same place, it serves at once; nobody is asked twice by us."""
    gate = Gate()

    async def held(visit: Visit) -> None:
        who = await read(visit)
        if who == "flying":
            await gate.wait()
        await visit.answer(reply_to(who))

    listen = {"port": free_port()} if on == "port" else {"unix": str(tmp_path / "sidecar.sock")}
    where = listen if on == "port" else {"unix": tmp_path / "sidecar.sock"}
    async with Backend(calls(held)) as backend:
        house = {**settings(backend.url), "listen": listen}
        async with SidecarProcess(house, tmp_path) as sidecar, Client(**where) as client:
            await client.send(ask("flying"))
            await until(lambda: gate.waiting == 1)
            sidecar.kill()
            assert await client.until_end() in ("fin", "rst")
            assert not client.unread, "half an answer is worse than none"
        async with SidecarProcess(house, tmp_path) as sidecar, Client(**where) as client:
            response = await client.exchange(ask("next"))
            assert (state(response), told(response)) == ("ok;executed=yes", "next")
            gate.open()
        assert [entry.header("X-Call") for entry in entries(backend.journal)] == ["flying", "next"]


# --- a log that nobody reads


class Unread(SidecarProcess):
    """A sidecar whose output is read only once `read_on` is called."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self._go = threading.Event()
        super().__init__(*args, **options)

    def read_on(self) -> None:
        self._go.set()

    def _read(self) -> None:
        self._go.wait()
        super()._read()


FLOOD: Final = 20_000
"""Access lines of 200 to 300 bytes: more than the pipe (64 KiB), what is being written and the log's buffer (1 MiB each) hold."""


async def _ask_often(sidecar: SidecarProcess, count: int) -> None:
    """Fill the log with what costs little: many small requests, pipelined."""
    one = b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n"
    async with Client(port=sidecar.port) as client:
        for _ in range(count // 100):
            await client.send(one * 100)
            for response in await client.responses(100, "GET"):
                assert response.status == 404


async def test_a_log_that_nobody_reads(tmp_path: Path) -> None:
    """Traffic goes on, memory stays bounded, the lines that were lost are counted as soon as somebody reads again."""
    async with Backend(echo) as backend:
        with Unread(settings(backend.url), tmp_path) as sidecar:
            try:
                await _ask_often(sidecar, 200)  # what the first traffic needs, it keeps
                start = sidecar.rss_bytes()
                await _ask_often(sidecar, FLOOD)
                assert await call(sidecar, "alice") == ("ok;executed=yes", "alice")
                assert sidecar.rss_bytes() - start < 16 * MIB
            finally:
                sidecar.read_on()
            lost = await asyncio.to_thread(sidecar.wait_line, '"log_lines_dropped"')
            assert json.loads(lost.string)["count"] > 0
            assert await call(sidecar, "bob") == ("ok;executed=yes", "bob")
            nothing_is_wrong(sidecar)


async def test_a_log_that_nobody_reads_does_not_hold_up_the_end(tmp_path: Path) -> None:
    """SIGTERM ends it in order although its output is stuck."""
    async with Backend(echo) as backend:
        with Unread(settings(backend.url), tmp_path) as sidecar:
            await _ask_often(sidecar, FLOOD)
            sidecar.send_signal(signal.SIGTERM)
            try:
                await until(lambda: not sidecar.running, within_s=15)
                assert sidecar.exit_code == 0
            finally:
                sidecar.read_on()


async def test_a_log_whose_reader_has_gone(tmp_path: Path) -> None:
    """A closed pipe is no reason to stop serving, nor to end in disorder."""
    async with Backend(echo) as backend:
        with SidecarProcess(settings(backend.url), tmp_path) as model:
            config, port = model.config, model.port
        shell = f'"{sys.executable}" -m sidecar run "{config}" & echo "pid $!" >&2; wait $!; echo "exit $?" >&2'
        with Program(["/bin/sh", "-c", f"{{ {shell}; }} | true"], name="sidecar") as sidecar:
            pid = int(await asyncio.to_thread(lambda: sidecar.wait_line(r"pid (\d+)")[1]))
            await asyncio.to_thread(sidecar.wait_port, port)
            async with Client(port=port) as client:
                for number in range(3):
                    response = await client.exchange(ask(f"caller-{number}"))
                    assert told(response) == f"caller-{number}"
                    await asyncio.sleep(0.25)  # past one flush of the log
            os.kill(pid, signal.SIGTERM)
            assert (await asyncio.to_thread(lambda: sidecar.wait_line(r"exit (\d+)")[1])) == "0"
            await until(lambda: not sidecar.running)


async def test_started_without_standard_streams(tmp_path: Path) -> None:
    """Where 0, 1 and 2 were closed at the start, no connection ever gets their number: a log line must not reach a client."""
    async with Backend(echo) as backend:
        with SidecarProcess(settings(backend.url), tmp_path) as model:
            config, port = model.config, model.port
        shell = f'exec "{sys.executable}" -m sidecar run "{config}" <&- >&- 2>&-'
        with Program(["/bin/sh", "-c", shell], name="sidecar") as sidecar:
            sidecar.wait_port(port)
            async with Client(port=port) as client:
                for number in range(3):
                    response = await client.exchange(ask(f"caller-{number}"))
                    assert told(response) == f"caller-{number}"
                    assert await client.bytes_within(0.3) == b""  # past one flush of the log
            streams = [os.readlink(f"/proc/{sidecar.pid}/fd/{number}") for number in (0, 1, 2)]  # noqa: PTH115 - no Path needed
            assert streams == ["/dev/null"] * 3


# --- resets, stalls and silence


async def test_a_storm_of_resets_from_callers(tmp_path: Path) -> None:
    """Callers who reset at every moment of a request take nothing with them: slots, descriptors and the log stay clean."""
    chance = random.Random(11)

    async def slow(visit: Visit) -> None:
        who = await read(visit)
        await asyncio.sleep(chance.random() * 0.01)
        await visit.answer(reply_to(who))

    async with (
        Backend(calls(slow)) as backend,
        SidecarProcess(
            settings(backend.url, limit={"fixed": 4}, queue={"size": 400, "wait": "5s"}), tmp_path
        ) as sidecar,
    ):
        assert await call(sidecar, "first") == ("ok;executed=yes", "first")
        start = sidecar.fd_count()

        async def rude(name: str) -> None:
            data = ask(name)
            async with Client(port=sidecar.port) as client:
                await client.send(data[: chance.randrange(len(data) + 1)])
                await asyncio.sleep(chance.random() * 0.02)
                client.rst()

        for batch in range(10):
            async with asyncio.TaskGroup() as group:
                for number in range(50):
                    group.create_task(rude(f"rude-{batch}-{number}"))
            assert await call(sidecar, f"polite-{batch}", "GetSeats") == ("ok;executed=yes", f"polite-{batch}")
        await until(lambda: sidecar.fd_count() <= start + 4, within_s=10)  # at most the limit's kept connections
        assert backend.journal.peak <= 5  # and one for the WSDL
        nothing_is_wrong(sidecar)


async def test_a_storm_of_resets_from_the_backend(tmp_path: Path) -> None:
    """Every point at which a backend can fail, for unsafe calls in a storm: `executed` agrees with what it did."""
    chance = random.Random(5)

    async def failing(visit: Visit) -> None:
        point = chance.choice((*FAULT_POINTS[1:], None))
        visit.executes, visit.stops, visit.way = Point.BODY, point, chance.choice((Way.RST, Way.FIN))
        await visit.read_to(Point.BODY)
        await visit.reach(Point.WORKED)
        await visit.answer(reply_to(visit.entry.header("X-Call") or ""))

    async with (
        Backend(calls(failing)) as backend,
        SidecarProcess(settings(backend.url, limit={"fixed": 8}), tmp_path) as sidecar,
    ):
        names = [f"caller-{number}" for number in range(200)]
        verdicts: dict[str, str] = {}
        for at in range(0, len(names), 20):
            states = await calls_of(sidecar, names[at : at + 20])
            verdicts |= dict(zip(names[at : at + 20], states, strict=True))
        done = [entry.header("X-Call") for entry in entries(backend.journal) if entry.executed]
        assert len(done) == len(set(done)), "nobody's purchase was made twice"
        for name, verdict in verdicts.items():
            assert "executed=no" not in verdict or name not in done, (name, verdict)
            assert "executed=yes" not in verdict or name in done, (name, verdict)
        assert {each.partition(";")[0] for each in verdicts.values()} >= {"ok", "outcome_unknown", "backend_bad_reply"}
        nothing_is_wrong(sidecar)


@pytest.mark.parametrize("size", [100, 4 * MIB])
async def test_a_backend_that_accepts_and_never_reads(size: int, tmp_path: Path) -> None:
    """A small call may have been taken, so it is `unknown`; so is a large one of which the kernel took a part."""
    body = soap11("ReserveTickets", {"who": "x" * size}).raw()
    bounds = {"request_body": "8MiB"}
    async with (
        Backend(silent(Point.ACCEPT), receive_buffer_bytes=65_536) as backend,
        SidecarProcess(
            settings(backend.url, limits=bounds, timeouts=ACCEPTED_AND_READ, ghost="200ms"), tmp_path
        ) as sidecar,
        Client(port=sidecar.port) as client,
    ):
        response = await client.exchange(body)
        assert state(response) == "outcome_unknown;reason=timeout;executed=unknown"


async def test_a_backend_that_dribbles(tmp_path: Path) -> None:
    """One byte at a time, for ever: the attempt's total bounds it, its ghost is bounded too, and then the slot is free."""
    async with (
        Backend(calls(answer(reply_of(soap11_reply("ReserveTickets")), piece_bytes=1, gap_s=0.05))) as backend,
        SidecarProcess(
            settings(backend.url, timeouts={"connect": "1s", "first_byte": "300ms", "total": "600ms"}, ghost="500ms",
                     limit={"fixed": 2}), tmp_path,
        ) as sidecar,
    ):  # fmt: skip
        for _ in range(3):
            verdict, _ = await call(sidecar, "alice")
            assert verdict == "outcome_unknown;reason=timeout;executed=unknown"
        await until(lambda: len(events(sidecar, "late_outcome")) >= 2, within_s=5)
        backend.play(echo)
        assert await call(sidecar, "bob") == ("ok;executed=yes", "bob")


async def test_a_backend_that_never_completes_a_handshake(tmp_path: Path) -> None:
    """No connection within timeouts.connect: nothing was executed, and it is said after that time."""
    bounds = {"connect": "300ms", "first_byte": "5s", "total": "5s"}
    async with Blackhole() as hole, SidecarProcess(settings(hole.url, timeouts=bounds), tmp_path) as sidecar:
        began = asyncio.get_running_loop().time()
        assert (await call(sidecar, "alice"))[0] == "backend_unreachable;reason=connect_timeout;executed=no"
        assert asyncio.get_running_loop().time() - began < 3


async def test_a_name_that_nobody_knows(tmp_path: Path) -> None:
    """A backend whose name does not resolve is unreachable, whether the resolver says so or never answers."""
    house = settings("http://no-such-host.invalid", timeouts={"connect": "1s", "first_byte": "5s", "total": "5s"})
    async with SidecarProcess(house, tmp_path) as sidecar:
        for _ in range(3):
            verdict, _ = await call(sidecar, "alice")
            assert verdict in (
                "backend_unreachable;reason=dns;executed=no",
                "backend_unreachable;reason=connect_timeout;executed=no",
            )
        nothing_is_wrong(sidecar)


# --- callers who do not read, and too many of them

REPORT: Final = reply_of(soap11_reply("GetReport", "x" * (10 * MIB)))


@pytest.mark.long
async def test_a_caller_who_never_reads_a_large_reply(tmp_path: Path) -> None:
    """He is cut off once nothing has moved for limits.body_timeout, his bytes are given back, and it is logged."""
    bounds = {
        "body_timeout": "500ms",
        "buffered": "24MiB",
        "per_backend": "100%",
        "reply_body": "12MiB",
        "request_body": "1MiB",
    }
    async with (
        Backend(calls(answer(REPORT))) as backend,
        SidecarProcess(settings(backend.url, limits=bounds), tmp_path) as sidecar,
    ):
        for number in range(1, 5):  # each would hold 10 of 24 MiB for ever
            async with Client(port=sidecar.port, receive_buffer_bytes=65_536) as client:
                client.pause()
                await client.send(ask("alice", "GetReport"))
                await until(lambda: len(events(sidecar, "reply_cut")) == number, within_s=10)  # noqa: B023 - awaited at once
                client.resume()
                assert await client.until_end() in ("rst", "fin")
                assert len(client.unread) < len(REPORT.body), "nobody may take it for whole"
        async with Client(port=sidecar.port) as client:
            whole = await client.exchange(ask("bob", "GetReport"), within_s=20)
            assert len(whole.body) == len(REPORT.body)
        assert {event["reason"] for event in events(sidecar, "reply_cut")} == {"stalled"}
        nothing_is_wrong(sidecar)


async def test_all_connections_are_taken(tmp_path: Path) -> None:
    """Idle ones make room for who comes; where all are busy, who comes is told so, and is served once there is room."""
    gate = Gate()

    async def held(visit: Visit) -> None:
        who = await read(visit)
        if who.startswith("busy"):
            await gate.wait()
        await visit.answer(reply_to(who))

    bounds = {"connections": 20, "per_backend": "100%"}
    async with (
        Backend(calls(held)) as backend,
        SidecarProcess(settings(backend.url, limits=bounds, limit={"fixed": 20}), tmp_path) as sidecar,
    ):
        idle = [Client(port=sidecar.port) for _ in range(20)]
        for client in idle:
            await client.open()
            assert told(await client.exchange(ask("idle"))) == "idle"
        assert await call(sidecar, "newcomer") == ("ok;executed=yes", "newcomer")
        busy = _start(calls_of(sidecar, [f"busy-{number}" for number in range(20)]))
        await until(lambda: gate.waiting == 20)
        assert (await call(sidecar, "one-too-many"))[0] == "overloaded;reason=connections;executed=no"
        gate.open()
        assert set(await busy) == {"ok;executed=yes"}
        assert await call(sidecar, "afterwards") == ("ok;executed=yes", "afterwards")
        for client in idle:
            await client.close()
        nothing_is_wrong(sidecar)
