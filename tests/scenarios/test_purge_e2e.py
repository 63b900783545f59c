"""An operator lets kept answers be renewed while everybody asks for them: what he named is asked anew, once, and the rest is not.

A real process, given the order on the command line; the backend's journal says who was asked, and how often.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.support import envelopes as env
from tests.support.backend import Gate, ThreadBackend, answer, by_operation
from tests.support.client import ask
from tests.support.plays import calls_only
from tests.support.process import ROOT, SidecarProcess
from tests.support.replies import http

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.client import Response
    from tests.support.journal import Journal
    from tests.support.plays import Play

TOKEN: Final = "a-token-for-these-tests-only"
CROWD: Final = 20
EVENT: Final = re.compile(rb"iEvent>(\d+)<")
LATER: Final = "Thu, 31 Dec 2099 23:59:59 GMT"
OPERATIONS: Final = ("GetSeats", "GetPrices")
QUESTIONS: Final = (("GetSeats", 1), ("GetSeats", 2), ("GetPrices", 1))


def said(text: str, gate: Gate | None = None, *headers: tuple[str, str]) -> Play:
    """Answer so, once `gate` is open."""
    replies = {
        name: http(env.soap11_reply(name, text), headers=headers, content_type="text/xml; charset=utf-8")
        for name in OPERATIONS
    }
    return calls_only(
        by_operation({name: answer(reply, gate=gate) for name, reply in replies.items()}, answer(http(status=500)))
    )


class House:
    """A sidecar that keeps answers for an hour, before a backend whose journal is read."""

    def __init__(self, folder: Path, backend: ThreadBackend, **cache: Any) -> None:
        self.backend = backend
        kept = {"ttl": "1h", "tags": ["event:{iEvent}"], **cache}
        operations = {name: {"safe": True, "cache": kept} for name in OPERATIONS}
        box = {"protocol": "soap", "url": f"{backend.url}/box", "operations": operations}
        settings = {"admin": {"port": 0, "token": TOKEN}, "backends": {"box": box}}
        self.sidecar = SidecarProcess(settings, folder)

    async def ask(self, operation: str, event: int, *headers: tuple[str, str]) -> Response:
        call = env.soap11(operation, {"iEvent": event}).raw("/box", headers=headers)
        return await ask(self.sidecar.url, call, within_s=30)

    async def purge(self, what: str) -> None:
        """Give the order as operators do."""
        order = ("-m", "sidecar", "purge", "box", what, "--reason", "a test")
        known = {**os.environ, "SIDECAR_ADMIN": self.sidecar.admin_url, "SIDECAR_ADMIN_TOKEN": TOKEN}
        given = await asyncio.create_subprocess_exec(
            sys.executable,
            *order,
            cwd=ROOT,
            env=known,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        written, _ = await given.communicate()
        assert given.returncode == 0, written.decode()

    @property
    def calls(self) -> list[tuple[str | None, int]]:
        """What the backend was asked, in its order."""
        asked = [entry for entry in self.backend.journal if entry.method == "POST"]
        return [(entry.operation, int(EVENT.findall(entry.body)[0])) for entry in asked]


def asked_twice(journal: Journal) -> bool:
    return sum(entry.method == "POST" for entry in journal) > 1


@pytest.fixture
def backend() -> Iterator[ThreadBackend]:
    with ThreadBackend() as made:
        yield made


@pytest.mark.thinned(2)
@pytest.mark.parametrize(
    ("what", "renewed"),
    [
        ("event:1", [("GetSeats", 1), ("GetPrices", 1)]),
        ("operation:GetSeats", [("GetSeats", 1), ("GetSeats", 2)]),
        ("all", list(QUESTIONS)),
        ("event:9", []),
    ],
)
async def test_what_is_named_is_asked_anew(
    tmp_path: Path, backend: ThreadBackend, what: str, renewed: list[tuple[str, int]]
) -> None:
    """By tag, by operation, or all of a backend; nothing else is lost, and what is renewed is kept again."""
    backend.play(said("old"))
    house = House(tmp_path, backend)
    with house.sidecar:
        for question in QUESTIONS:
            assert (await house.ask(*question)).state == "ok"
        await house.purge(what)
        backend.play(said("new"))
        for _ in range(2):
            told = {question: (await house.ask(*question)).text for question in QUESTIONS}
        assert house.calls == [*QUESTIONS, *renewed]
        for question in QUESTIONS:
            assert ("new" if question in renewed else "old") in told[question]


@pytest.mark.parametrize("stale", [{}, {"stale_while_revalidate": "1h"}], ids=["waits", "stale"])
async def test_no_herd(tmp_path: Path, backend: ThreadBackend, stale: dict[str, str]) -> None:
    """Everybody asks at once for what has just been purged: the backend gets one call, whether they wait for it or are told the old."""
    backend.play(said("old"))
    house = House(tmp_path, backend, **stale)
    with house.sidecar:
        await house.ask("GetSeats", 1)
        await house.purge("all")
        gate = Gate()
        backend.play(said("new", gate))
        crowd = [asyncio.get_running_loop().create_task(house.ask("GetSeats", 1)) for _ in range(CROWD)]
        await asyncio.to_thread(backend.call, backend.journal.until(asked_twice))
        if stale:
            assert {(await each).state for each in crowd} == {"stale"}
        gate.open()
        if not stale:
            assert all("new" in told.text for told in await asyncio.gather(*crowd))
        assert house.calls == [("GetSeats", 1)] * 2


async def test_a_call_is_never_told_that_nothing_has_changed(tmp_path: Path, backend: ThreadBackend) -> None:
    """304 answers GET and HEAD alone (RFC 9110 section 15.4.5): whoever sends a POST gets the whole answer, kept or not."""
    backend.play(said("free", None, ("ETag", '"v1"'), ("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT")))
    house = House(tmp_path, backend)
    with house.sidecar:
        for state in ("ok", "cached", "cached"):
            told = await house.ask("GetSeats", 1, ("If-None-Match", '"v1"'), ("If-Modified-Since", LATER))
            assert (told.status, told.state) == (200, state)
            assert "free" in told.text
