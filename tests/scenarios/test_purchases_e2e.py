"""A purchase is made once: sent again, by many, after a lost reply, with another body, after a restart, and after a kill at every step.

Real processes and a store on disk. The backend's journal is the witness: what callers are told is held against it.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.support import envelopes as env
from tests.support.backend import Gate, Point, ThreadBackend, Way, answer, by_operation, cut
from tests.support.client import BadResponse, Client, ask
from tests.support.plays import calls_only
from tests.support.process import SidecarProcess
from tests.support.replies import http

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.client import Response
    from tests.support.journal import Entry
    from tests.support.plays import Play


OPERATION: Final = "BuySeats"
BLOCKER: Final = "Inventory"
BY_HEADER: Final = "BookSeats"
RECEIPT: Final = "receipt of the first"
BOUGHT: Final = http(env.soap11_reply(OPERATION, RECEIPT))


def call(number: int, seats: int = 2) -> bytes:
    """Return one customer's purchase, with his key."""
    made = env.soap11(OPERATION, {"iOrder": number, "iSeats": seats})
    return made.raw("/box", headers=[("Idempotency-Key", f'"order-{number}"')])


class House:
    """A sidecar with a store on disk, before a backend whose journal is read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.backend = ThreadBackend(calls_only(answer(BOUGHT)))
        self.sidecar: SidecarProcess | None = None

    def settings(self) -> dict[str, Any]:
        return {
            "store": f"sqlite:{self.folder / 'state.db'}",
            "backends": {
                "box": {
                    "protocol": "soap",
                    "url": f"{self.backend.url}/box",
                    "limit": {"fixed": 1},
                    "queue": {"size": 50, "wait": "30s"},
                    "operations": {
                        OPERATION: {"timeout": "20s", "idempotency": {"key": "header"}},
                        BY_HEADER: {"timeout": "20s", "idempotency": {"key": {"soap_header": "OrderKey"}}},
                    },
                }
            },
        }

    @property
    def running(self) -> SidecarProcess:
        assert self.sidecar is not None
        return self.sidecar

    async def start(self) -> None:
        self.sidecar = await asyncio.to_thread(SidecarProcess, self.settings(), self.folder)

    async def stop(self) -> None:
        await asyncio.to_thread(self.running.stop)

    async def kill(self) -> None:
        await asyncio.to_thread(self.running.kill)

    async def ask(self, data: bytes) -> Response:
        return await ask(self.running.url, data, within_s=30)

    def made(self, number: int) -> list[Entry]:
        """Return the purchases of one order that the backend has executed."""
        return [entry for entry in self.backend.journal.executed if b"<iOrder>%d<" % number in entry.body]

    @property
    def calls(self) -> int:
        """How many calls the backend has got."""
        return sum(entry.method == "POST" for entry in self.backend.journal)

    async def came(self, number: int) -> None:
        """Wait until the backend has the whole of an order."""

        async def wait() -> None:
            await self.backend.journal.until(lambda journal: any(b"<iOrder>%d<" % number in e.body for e in journal))

        await asyncio.to_thread(self.backend.call, wait())

    async def replied(self, number: int) -> None:
        """Wait until the backend has sent its whole reply."""

        async def wait() -> None:
            await self.backend.journal.until(
                lambda journal: any(b"<iOrder>%d<" % number in e.body and e.replied_s is not None for e in journal)
            )

        await asyncio.to_thread(self.backend.call, wait())

    def play(self, play: Play) -> None:
        self.backend.play(calls_only(play))


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    house = House(tmp_path)
    with house.backend:
        await house.start()
        try:
            yield house
        finally:
            if house.running.running:
                await house.stop()


async def test_twice(house: House) -> None:
    """The second is told what the first got; with another body the key is refused; the backend has it once."""
    first, second = await house.ask(call(1)), await house.ask(call(1))
    other = await house.ask(call(1, seats=4))
    assert [each.state for each in (first, second, other)] == ["ok", "replayed", "key_reused"]
    assert first.body == second.body
    assert RECEIPT not in other.text
    assert (len(house.made(1)), house.calls) == (1, 1)


async def test_ten_at_once(house: House) -> None:
    """One is made, nine are told that it is under way; afterwards each is told what it came to."""
    gate = Gate()
    house.play(answer(BOUGHT, gate=gate))
    callers = [asyncio.get_running_loop().create_task(house.ask(call(1))) for _ in range(10)]
    done, waiting = set[asyncio.Task[Any]](), set(callers)
    while len(waiting) > 1:
        done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED, timeout=20)
        assert {each.result().state for each in done} == {"in_progress"}
    gate.open()
    (made,) = waiting
    assert (await made).state == "ok"
    again = [await house.ask(call(1)) for _ in range(9)]
    assert {each.state for each in again} == {"replayed"}
    assert {each.body for each in again} == {made.result().body}
    assert len(house.made(1)) == house.calls == 1


async def test_a_lost_reply(house: House) -> None:
    """Done, and nobody heard of it: everybody is told that it is not known, and nobody does it again."""
    house.play(cut(Point.HALF_REPLY_HEAD, Way.RST, BOUGHT))
    told = [await house.ask(call(1)) for _ in range(3)]
    assert {each.header("Sidecar-State") for each in told} == {"outcome_unknown;reason=reset;executed=unknown"}
    assert len(house.made(1)) == house.calls == 1


async def test_a_caller_who_leaves(house: House) -> None:
    """His call goes on; whoever comes with the key is told what came of it."""
    gate = Gate()
    house.play(answer(BOUGHT, gate=gate))
    async with Client.to(house.running.url) as client:
        await client.send(call(1))
        await house.came(1)
        client.rst()
    gate.open()
    await house.replied(1)
    for _ in range(100):  # its outcome is written down a moment after
        if (told := await house.ask(call(1))).state != "in_progress":
            break
    assert told.state == "replayed"
    assert RECEIPT in told.text
    assert len(house.made(1)) == 1


async def test_after_a_restart(house: House) -> None:
    """What the process before has made is replayed, byte for byte."""
    first = await house.ask(call(1))
    await house.stop()
    await house.start()
    second, other = await house.ask(call(1)), await house.ask(call(1, seats=4))
    assert (second.state, other.state) == ("replayed", "key_reused")
    assert first.body == second.body
    assert len(house.made(1)) == 1


async def test_a_deadline_in_line(house: House) -> None:
    """Its caller gave up before it was sent: certainly nothing was done, and when he repeats it the call is made."""
    gate = Gate()
    house.play(by_operation({BLOCKER: answer(gate=gate)}, answer(BOUGHT)))
    blocker = asyncio.get_running_loop().create_task(house.ask(env.soap11(BLOCKER).raw("/box")))
    await asyncio.to_thread(house.backend.call, _at(house, BLOCKER))
    made = env.soap11(OPERATION, {"iOrder": 1, "iSeats": 2})
    told = await house.ask(made.raw("/box", headers=[("Idempotency-Key", '"order-1"'), ("Sidecar-Timeout", "0.5")]))
    assert (told.header("Sidecar-State") or "").endswith(";executed=no")
    gate.open()
    await blocker
    assert house.made(1) == []
    again = [(await house.ask(call(1))).state for _ in range(2)]
    assert again == ["ok", "replayed"]
    assert len(house.made(1)) == 1


async def test_a_key_in_a_soap_header(house: House) -> None:
    """An old client's own: the second is told of the first even after signing in anew, and with another amount it is another call."""
    house.play(answer(http(env.soap11_reply(BY_HEADER, RECEIPT))))

    def booked(key: str, **values: object) -> bytes:
        block = f'<OrderKey xmlns="urn:orders">{key}</OrderKey>' if key else ""
        return env.soap11(BY_HEADER, {"iOrder": 5, **values}, header=block).raw("/box")

    calls = (
        (booked("a", sSessionKey="s1", iSeats=2), "ok"),
        (booked("a", sSessionKey="s2", iSeats=2), "replayed"),
        (booked("a", sSessionKey="s1", iSeats=4), "key_reused"),
        (booked("b", sSessionKey="s1", iSeats=2), "ok"),
    )
    for data, state in calls:
        assert (await house.ask(data)).state == state
    assert len(house.made(5)) == 2


# --- killed at every step

STEPS: Final = {
    "before the claim": {"ok"},
    "claimed and not sent": {"outcome_unknown"},
    "while the backend works": {"outcome_unknown"},
    "as the backend replies": {"replayed", "outcome_unknown"},
    "after our reply": {"replayed"},
}
"""Where the process is killed, and what the same key may be told afterwards."""


async def _up_to(step: str, house: House, number: int, client: Client, chance: random.Random) -> str | None:
    """Bring a purchase to `step`; return the state that its caller was told, None where he heard nothing."""
    data = call(number)
    gate = Gate()
    if step == "before the claim":
        await client.send(data[: len(data) - chance.randint(1, 100)])
    elif step == "claimed and not sent":
        house.play(by_operation({BLOCKER: answer(gate=gate)}, answer(BOUGHT)))
        blocker = asyncio.get_running_loop().create_task(house.ask(env.soap11(BLOCKER).raw("/box")))
        await asyncio.to_thread(house.backend.call, _at(house, BLOCKER))
        await client.send(data)
        while (await house.ask(data)).state != "in_progress":
            raise AssertionError("it was not claimed, and nobody else has claimed it")
        await house.kill()
        with contextlib.suppress(BadResponse, OSError):
            await blocker
    elif step == "while the backend works":
        house.play(answer(BOUGHT, gate=gate))
        await client.send(data)
        await house.came(number)
    elif step == "as the backend replies":
        house.play(answer(BOUGHT))
        await client.send(data)
        await house.replied(number)
        await asyncio.sleep(
            chance.random() * 0.004
        )  # a call takes about 2 ms: before, while and after it is written down
    else:
        house.play(answer(BOUGHT))
        await client.send(data)
        return (await client.response()).state
    return None


async def _at(house: House, operation: str) -> None:
    await house.backend.journal.until(
        lambda journal: any(entry.operation == operation for entry in journal.entries[-2:])
    )


@pytest.mark.timeout(900)
@pytest.mark.parametrize("runs", [pytest.param(10, id="10"), pytest.param(200, marks=pytest.mark.long, id="200")])
async def test_killed_at_every_step(house: House, runs: int) -> None:
    """After the restart the key is told the truth, twice the same, and the backend has the purchase once at most."""
    chance = random.Random(17)  # the same kills each time, as far as the machine is the same
    for number in range(runs):
        step = list(STEPS)[number % len(STEPS)]
        async with Client.to(house.running.url) as client:
            told = await _up_to(step, house, number, client, chance)
            await house.kill()
        before = len(house.made(number))
        house.play(answer(BOUGHT))
        await house.start()
        again, once_more = await house.ask(call(number)), await house.ask(call(number))
        assert again.state in STEPS[step], (step, number, again.raw)
        assert told in (None, "ok")
        assert len(house.made(number)) == before + (again.state == "ok"), (step, number)
        assert len(house.made(number)) <= 1
        assert once_more.state == ("replayed" if again.state == "ok" else again.state)
        for each in (again, once_more):
            assert (RECEIPT in each.text) == (each.state in ("ok", "replayed"))
            assert each.state != "replayed" or before or again.state == "ok", "replayed what was never made"
