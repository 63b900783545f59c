"""Kept answers and keyed purchases, when what is around them goes: the backend, the process, the disk, a second process.

Real processes before a backend that counts what it executes; a file that outlives them.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from tests.scenarios.reading import state_of
from tests.support import envelopes as env
from tests.support.backend import ThreadBackend
from tests.support.client import Client, Response, ask
from tests.support.plays import answer, by_operation, silent
from tests.support.process import SidecarProcess
from tests.support.replies import http

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.journal import Journal

NO_DOCUMENT = answer(http(b"no document", 404), executes=None)
KEY = ("Idempotency-Key", "order-77")


def asked(operation: str, number: int = 1) -> bytes:
    return env.soap11(operation, {"iNumber": number}).raw("/box", headers=(KEY,) if operation == "Reserve" else ())


class House:
    """A backend, and sidecars before it that share one file, one after the other or not."""

    def __init__(self, folder: Path, backend: ThreadBackend) -> None:
        self.folder, self.backend = folder, backend
        self.file = folder / "state.db"

    def sidecar(self, name: str = "first", **operations: Any) -> SidecarProcess:
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        return SidecarProcess(
            {
                "store": f"sqlite:{self.file}",
                "backends": {
                    "box": {
                        "protocol": "soap",
                        "url": f"{self.backend.url}/box",
                        "timeouts": {"connect": "1s", "first_byte": "10s", "total": "10s"},
                        "operations": {
                            "GetSeats": {"safe": True, "cache": {"ttl": "1h"}},
                            "GetOld": {"safe": True, "cache": {"ttl": "1ms", "stale_if_error": "1h"}},
                            "Reserve": {"idempotency": {"key": "header"}},
                            **operations,
                        },
                    }
                },
            },
            folder,
        )

    @property
    def executed(self) -> list[str | None]:
        """What the backend has done, in its order."""
        return [entry.operation for entry in self.backend.journal if entry.executed]

    async def arrived(self, operation: str) -> None:
        """Wait until a call is at the backend."""

        def there(journal: Journal) -> bool:
            return any(entry.operation == operation and entry.body_whole for entry in journal)

        await asyncio.to_thread(self.backend.call, self.backend.journal.until(there))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with ThreadBackend() as backend:
        made = House(tmp_path, backend)
        backend.play(
            by_operation(
                {
                    name: answer(http(env.soap11_reply(name, "done"), content_type="text/xml; charset=utf-8"))
                    for name in ("GetSeats", "GetOld", "Reserve")
                },
                NO_DOCUMENT,
            )
        )
        yield made


async def told(sidecar: SidecarProcess, request: bytes) -> tuple[str, dict[str, str]]:
    return state_of(await ask(sidecar.url, request))


async def test_what_is_known_outlives_the_backend(house: House) -> None:
    """Killed, it is missed by nobody who asks what is known; by whoever asks something else at once, and openly."""
    async with house.sidecar() as sidecar:
        for operation in ("GetSeats", "GetOld"):
            assert (await ask(sidecar.url, asked(operation))).state == "ok"
        await asyncio.to_thread(house.backend.call, house.backend.backend.stop())
        try:
            assert (await told(sidecar, asked("GetSeats")))[0] == "cached"
            state, parameters = await told(sidecar, asked("GetOld"))
            assert (state, parameters["reason"], parameters["executed"]) == ("stale", "backend-down", "no")
            assert (await told(sidecar, asked("GetSeats", 2)))[0] == "backend_unreachable"
        finally:
            await asyncio.to_thread(house.backend.call, house.backend.backend.start())


async def test_a_restart_starts_warm(house: House) -> None:
    """Ended in order: whoever asks first is told from what the process before knew, and the backend is not asked."""
    async with house.sidecar() as sidecar:
        first = await ask(sidecar.url, asked("GetSeats"))
    async with house.sidecar() as sidecar:
        again = await ask(sidecar.url, asked("GetSeats"))
    assert (first.state, again.state) == ("ok", "cached")
    assert again.body == first.body
    assert house.executed == ["GetSeats"]


async def test_a_purchase_is_known_after_a_crash(house: House) -> None:
    """Whoever has heard of it is told the same again by the next process."""
    async with house.sidecar() as sidecar:
        first = await ask(sidecar.url, asked("Reserve"))
        sidecar.kill()
    async with house.sidecar() as sidecar:
        again = await ask(sidecar.url, asked("Reserve"))
        other = await told(sidecar, asked("Reserve", 2))
    assert (first.state, again.state, other[0]) == ("ok", "replayed", "key_reused")
    assert again.body == first.body
    assert house.executed == ["Reserve"]


async def test_a_purchase_under_way_when_the_process_is_killed(house: House) -> None:
    """Nobody can know what became of it: it is not made again, and whoever has its key may ask for it."""
    house.backend.play(by_operation({"Reserve": silent()}, NO_DOCUMENT))
    async with house.sidecar() as sidecar, Client.to(sidecar.url) as caller:
        await caller.send(asked("Reserve"))
        await house.arrived("Reserve")
        sidecar.kill()
    async with house.sidecar() as sidecar:
        again = await ask(sidecar.url, asked("Reserve"))
        looked = await ask(sidecar.url, _look(again))
    for response in (again, looked):
        state, parameters = state_of(response)
        assert (state, parameters["reason"], parameters["executed"]) == ("outcome_unknown", "cut", "unknown")
    assert house.executed == ["Reserve"]


def _look(response: Response) -> bytes:
    """Return the request for what a fault says can be asked."""
    _, _, rest = response.text.partition("/.sidecar/operations/")
    head = f"GET /.sidecar/operations/{rest[:32]} HTTP/1.1\r\nHost: a\r\n{KEY[0]}: {KEY[1]}\r\n\r\n"
    return head.encode()


async def test_a_second_process_of_one_file(house: House) -> None:
    """It serves, and says what is wrong; a purchase with a key goes to the first, for only that one knows the keys."""
    async with house.sidecar() as first, house.sidecar("second") as second:
        second.wait_line(r'"event":"store_failed".*locked')
        assert (await told(second, asked("GetSeats")))[0] == "ok"
        state, parameters = await told(second, asked("Reserve"))
        assert (state, parameters["reason"], parameters["executed"]) == ("overloaded", "deeds", "no")
        assert (await told(first, asked("Reserve")))[0] == "ok"
    assert house.executed == ["GetSeats", "Reserve"]


async def test_a_file_of_noise(house: House) -> None:
    """It is put aside, the log says where, and purchases are taken as on a new one."""
    house.file.write_bytes(b"noise " * 5_000)
    async with house.sidecar() as sidecar:
        sidecar.wait_line(r'"event":"store_failed".*corrupt')
        assert (await told(sidecar, asked("GetSeats")))[0] == "ok"
        assert (await told(sidecar, asked("Reserve")))[0] == "ok"
        assert (await told(sidecar, asked("Reserve")))[0] == "replayed"
    assert house.executed == ["GetSeats", "Reserve"]
