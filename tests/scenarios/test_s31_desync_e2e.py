"""A backend that says more, less or earlier than it was asked: whoever comes next gets his own answer or an honest failure."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import threading
from typing import TYPE_CHECKING, Final

import pytest

from tests.scenarios.echo import ask, bytes_of, calls, echo, effect, entries, read, reply_to, settings, state, told
from tests.support.backend import Backend
from tests.support.client import Client
from tests.support.plays import Point, Way
from tests.support.process import SidecarProcess
from tests.support.replies import XML, head, too_short

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from tests.support.visit import Visit


STOLEN: Final = "SOMEBODY-ELSE"
A_WHOLE_ONE: Final = bytes_of(reply_to(STOLEN))

# After a good reply, in the same write: what, and whether a second call must find another connection.
EXTRA: Final = {
    "a line end": b"\r\n",
    "garbage": b"garbage",
    "a zero": b"\0",
    "half a status line": b"HTTP/1.1 2",
    "half a head": A_WHOLE_ONE[:60],
    "a whole reply": A_WHOLE_ONE,
    "a whole reply and half of another": A_WHOLE_ONE + A_WHOLE_ONE[:60],
    "three replies": A_WHOLE_ONE * 3,
    "an interim reply": b"HTTP/1.1 100 Continue\r\n\r\n",
    "an interim reply and a whole one": b"HTTP/1.1 100 Continue\r\n\r\n" + A_WHOLE_ONE,
    "a reply without an end": head(200, "OK", [("Content-Type", XML)]) + reply_to(STOLEN).body,
    "a chunked reply": head(200, "OK", [("Content-Type", XML), ("Transfer-Encoding", "chunked")])
    + b"%x\r\n%b\r\n0\r\n\r\n" % (len(reply_to(STOLEN).body), reply_to(STOLEN).body),
}


def chatty(extra: bytes, *, after_s: float) -> Callable[[Visit], Awaitable[None]]:
    """Answer the first call of a connection and say `extra` afterwards; a head that was begun so is ended at the second call."""
    begun = extra[-60:] if extra and A_WHOLE_ONE.startswith(extra[-60:]) else b""
    spoken: set[int] = set()  # connections; the first call of one may come after a fetch of the WSDL

    async def play(visit: Visit) -> None:
        who = await read(visit)
        whole = bytes_of(reply_to(who))
        if visit.entry.connection in spoken:
            await visit.send((A_WHOLE_ONE[len(begun) :] if begun else b"") + whole)
            return
        spoken.add(visit.entry.connection)
        await visit.send(whole if after_s else whole + extra)
        if after_s:
            await asyncio.sleep(after_s)
            await visit.send(extra)

    return calls(play)


async def _each_gets_his_own(sidecar: SidecarProcess, names: list[str], pause_s: float) -> list[str]:
    """Call one after the other, each from a connection of his own; return the states."""
    states = []
    for name in names:
        async with Client(port=sidecar.port) as client:
            response = await client.exchange(ask(name))
        assert STOLEN not in response.text
        assert (told(response), state(response).rpartition(";")[0]) == (name, "ok"), response.text
        states.append(state(response))
        await asyncio.sleep(pause_s)
    return states


@pytest.mark.thinned(3)
@pytest.mark.parametrize(
    "after_s",
    [pytest.param(0.0, id="in one write", marks=pytest.mark.long), pytest.param(0.03, id="a moment later")],
)
@pytest.mark.parametrize(
    "extra", [pytest.param(name, marks=[pytest.mark.long] if number % 2 else []) for number, name in enumerate(EXTRA)]
)
async def test_more_than_was_asked(extra: str, after_s: float, tmp_path: Path) -> None:
    """Bytes after a reply belong to nobody: no other caller ever reads them, and none of them fails because of them."""
    async with (
        Backend(chatty(EXTRA[extra], after_s=after_s)) as backend,
        SidecarProcess(settings(backend.url), tmp_path) as sidecar,
    ):
        names = [f"caller-{number}" for number in range(6)]
        assert set(await _each_gets_his_own(sidecar, names, pause_s=2 * after_s)) == {"ok;executed=yes"}
        assert [entry.header("X-Call") for entry in entries(backend.journal)] == names, "nobody was asked for twice"


@pytest.mark.parametrize("extra", ["garbage", "half a head", "a whole reply"])
async def test_more_than_was_asked_under_load(extra: str, tmp_path: Path) -> None:
    """Where next calls race with the extra bytes, what comes after a call has left looks like its answer: at most one call for
    each connection that was open then, because a backend that was caught once gets no second call on any connection.
    """
    async with (
        Backend(chatty(EXTRA[extra], after_s=0.001)) as backend,
        SidecarProcess(settings(backend.url, limit={"fixed": 8}), tmp_path) as sidecar,
    ):
        wrong: list[str] = []

        async def caller(name: str) -> None:
            async with Client(port=sidecar.port) as client:
                for number in range(25):
                    response = await client.exchange(ask(f"{name}-{number}", "GetSeats"))
                    if told(response) not in (f"{name}-{number}", None):
                        wrong.append(f"{name}-{number} was told {told(response)}")

        async with asyncio.TaskGroup() as group:
            for number in range(8):
                group.create_task(caller(f"caller-{number}"))
        assert len(wrong) <= 8, wrong
        caught = sidecar.wait_line('"backend_speaks_unasked"', timeout_s=5)
        assert '"remedy":' in caught.string
        assert sum("speaks_unasked" in line for line in sidecar.lines) == 1


async def test_a_reply_before_any_request(tmp_path: Path) -> None:
    """A backend that speaks first was not asked: its words are no answer, nothing is sent to it, and the call was not executed."""
    received: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def speak_first() -> None:  # in a thread that waits for nothing else: a loop would be too late most of the time
            with contextlib.suppress(OSError):
                while True:
                    caller, _ = server.accept()
                    with caller, contextlib.suppress(OSError):
                        caller.sendall(A_WHOLE_ONE)
                        received.append(caller.recv(65536))

        speaker = threading.Thread(target=speak_first, daemon=True)
        speaker.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        async with SidecarProcess(settings(url), tmp_path) as sidecar:
            verdicts: list[str] = []
            for number in range(200):
                if len(verdicts) == 4:
                    break
                name = f"caller-{number}"
                async with Client(port=sidecar.port) as client:
                    response = await client.exchange(ask(name))
                if told(response) == STOLEN or "executed=unknown" in state(response):
                    # The words came a moment after the call had left: they look like its answer, and nobody can tell; or they and the end
                    # of the connection were one, and what became of the call is not known, as is said.
                    continue
                verdicts.append(state(response))
                assert not any(f">{name}<".encode() in each for each in received), (verdicts[-1], response.text)
            assert len(verdicts) == 4, "of 200 connections the words came in time on hardly any"
            assert set(verdicts) == {"backend_unreachable;reason=reset;executed=no"}
        server.shutdown(socket.SHUT_RDWR)  # wakes whoever waits in accept
        await asyncio.to_thread(speaker.join, 5.0)
        assert not speaker.is_alive()


LYING: Final = {
    "204 with a body": head(204, "No Content", [("Content-Length", "0")]) + b"<a/>" + A_WHOLE_ONE,
    "304 with a body": head(304, "Not Modified", [("Content-Length", "400")]) + A_WHOLE_ONE,
    "shorter than it says": bytes_of(too_short(reply_to("x").body)) + A_WHOLE_ONE,
    "length and chunks": head(200, "OK", [("Content-Type", XML), ("Content-Length", "5"), ("Transfer-Encoding", "chunked")])
    + b"4\r\n<a/>\r\n0\r\n\r\n" + A_WHOLE_ONE,
    "two lengths": head(200, "OK", [("Content-Type", XML), ("Content-Length", "5"), ("Content-Length", "4")])
    + b"<a/>" + A_WHOLE_ONE,
    "101 unasked": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n" + A_WHOLE_ONE,
    "status of four digits": b"HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n" + A_WHOLE_ONE,
    "negative length": b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n" + A_WHOLE_ONE,
    "HTTP/0.9": b"<html>hello</html>",
    "obs-fold": b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 0\r\n\r\n" + A_WHOLE_ONE,
    "thousand headers": b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 1000 + b"Content-Length: 0\r\n\r\n" + A_WHOLE_ONE,
}  # fmt: skip


@pytest.mark.thinned(2)
@pytest.mark.parametrize("lie", LYING)
async def test_framing_that_lies(lie: str, tmp_path: Path) -> None:
    """A reply whose framing lies harms its own caller at most: the next one gets his own answer, on another connection."""

    async def liar(visit: Visit) -> None:
        who = await read(visit)
        await visit.send(LYING[lie] if who == "alice" else bytes_of(reply_to(who)))

    async with Backend(calls(liar)) as backend, SidecarProcess(settings(backend.url), tmp_path) as sidecar:
        async with Client(port=sidecar.port) as alice:
            response = await alice.exchange(ask("alice"))
            assert told(response) is None
            assert effect(response) != "no", "it was executed"
        await _each_gets_his_own(sidecar, ["bob", "carol", "dave"], pause_s=0.0)
        first, second, *_ = entries(backend.journal)
        assert second.connection != first.connection


async def test_a_late_reply_is_for_nobody_else(tmp_path: Path) -> None:
    """A reply that comes after its caller was told `unknown` is logged, and its connection serves on only once it has been read."""

    async def slow_for_alice(visit: Visit) -> None:
        who = await read(visit)
        if who == "alice":
            await asyncio.sleep(0.6)
        await visit.answer(reply_to(who))

    bounds = {"connect": "1s", "first_byte": "300ms", "total": "300ms"}
    async with (
        Backend(calls(slow_for_alice)) as backend,
        SidecarProcess(settings(backend.url, timeouts=bounds, ghost="5s"), tmp_path) as sidecar,
    ):
        async with Client(port=sidecar.port) as alice:
            response = await alice.exchange(ask("alice"))
            assert state(response) == "outcome_unknown;reason=timeout;executed=unknown"
        for _ in range(8):
            await _each_gets_his_own(sidecar, ["bob", "carol"], pause_s=0.05)
        late = sidecar.wait_line('"late_outcome"', timeout_s=5)
        assert '"executed":"yes"' in late.string


async def test_a_caller_who_hangs_up_leaves_no_answer_behind(tmp_path: Path) -> None:
    """The answer to a call whose caller hung up half-way is not the next caller's, whoever he is."""

    async def slow_for_gone(visit: Visit) -> None:
        who = await read(visit)
        if who.startswith("gone"):
            await asyncio.sleep(0.05)
        await visit.answer(reply_to(who))

    async with Backend(calls(slow_for_gone)) as backend, SidecarProcess(settings(backend.url), tmp_path) as sidecar:
        for number in range(20):
            client = Client(port=sidecar.port)
            await client.open()
            await client.send(ask(f"gone-{number}"))
            await backend.journal.arrived(len([e for e in backend.journal if e.body_whole]) or 1)
            client.rst()
            await client.close()
            await _each_gets_his_own(sidecar, [f"here-{number}"], pause_s=0.0)


def rude(chance: random.Random) -> Callable[[Visit], Awaitable[None]]:
    """Answer most calls; end the connection before, in or after others, executed or not, politely or not."""

    async def play(visit: Visit) -> None:
        visit.way = chance.choice((Way.RST, Way.FIN))
        throw = chance.random()
        if visit.entry.reused and throw < 0.15:
            await visit.stop(Point.FIRST_BYTE)
        if throw < 0.25:
            await visit.read_to(Point.HEAD)
            await visit.stop(Point.HEAD)
        who = await read(visit)
        if throw < 0.35:
            await visit.stop(Point.BODY)
        if throw < 0.45:
            await visit.send(bytes_of(reply_to(who))[:100])
            await visit.stop(Point.HALF_REPLY_HEAD)
        await visit.answer(reply_to(who))
        if throw < 0.75:  # the keep-alive race: the end of the connection meets the next call half-way
            visit.idle_s = chance.choice((0.0, 0.0005, 0.001, 0.003))

    return calls(play)


@pytest.mark.parametrize("operation", ["ReserveTickets", "GetSeats"], ids=["unsafe", "safe"])
async def test_a_storm_of_broken_connections(operation: str, tmp_path: Path) -> None:
    """Whatever becomes of the connections: everybody gets his own answer or a failure, and `executed` never lies."""
    chance = random.Random(7)
    async with (
        Backend(rude(chance)) as backend,
        SidecarProcess(settings(backend.url, limit={"fixed": 8}), tmp_path) as sidecar,
    ):
        verdicts: dict[str, str] = {}

        async def caller(name: str) -> None:
            async with Client(port=sidecar.port) as client:
                for number in range(40):
                    who = f"{name}-{number}"
                    response = await client.exchange(ask(who, operation))
                    assert told(response) in (who, None)
                    assert (told(response) == who) is state(response).startswith("ok")
                    verdicts[who] = effect(response)

        async with asyncio.TaskGroup() as group:
            for number in range(8):
                group.create_task(caller(f"caller-{number}"))
        executed: dict[str, int] = {}
        for entry in entries(backend.journal):
            who = entry.header("X-Call") or "?"
            executed[who] = executed.get(who, 0) + entry.executed
        # A connection that never stood is a "no" as well, and may or may not be among them.
        assert set(verdicts.values()) - {"no"} == ({"yes", "unknown"} if operation == "ReserveTickets" else {"yes"})
        for who, verdict in verdicts.items():
            if operation == "ReserveTickets":
                assert executed.get(who, 0) <= 1, f"{who} was done twice"
                assert verdict != "no" or not executed.get(who, 0), f"{who} was told that nothing happened"
            assert verdict != "yes" or executed.get(who, 0), f"{who} was told that it was done"


async def test_many_callers_on_few_connections(tmp_path: Path) -> None:
    """A thousand calls of many callers over eight kept connections: every single one gets his own answer."""
    async with (
        Backend(echo) as backend,
        SidecarProcess(settings(backend.url, limit={"fixed": 8}), tmp_path) as sidecar,
    ):

        async def caller(name: str) -> None:
            async with Client(port=sidecar.port) as client:
                for number in range(50):
                    response = await client.exchange(ask(f"{name}-{number}"))
                    assert told(response) == f"{name}-{number}"

        async with asyncio.TaskGroup() as group:
            for number in range(20):
                group.create_task(caller(f"caller-{number}"))
        assert len(backend.connections) <= 11  # and one for the WSDL, and two that rest after their first reply
        assert backend.journal.peak <= 9
