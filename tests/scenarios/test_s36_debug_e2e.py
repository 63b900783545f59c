"""The token of `debug:` before a real sidecar: who shows it is told what decided and may let his own call go wrong; nobody else notices."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.request
from contextlib import asynccontextmanager
from itertools import count
from typing import TYPE_CHECKING, Any

from tests.listener.hall import until
from tests.scenarios.echo import ask, calls, echo, entries, read, reply_to, settings, state, told
from tests.support.backend import Backend
from tests.support.client import Client
from tests.support.process import SidecarProcess

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.client import Response
    from tests.support.visit import Visit

TOKEN, GUESS = "0123456789abcdef-debug", "fedcba9876543210-guess"
SHOWN = ("Sidecar-Debug", TOKEN)
CACHED = {"Get*": {"safe": True, "cache": {"ttl": "1m"}}}


@asynccontextmanager
async def running(house: dict[str, Any], folder: Path) -> AsyncIterator[SidecarProcess]:
    """Run a sidecar that has its token from the environment."""
    house["debug"] = {"token": "${DEBUG_TOKEN}"}
    async with SidecarProcess(house, folder, env={"DEBUG_TOKEN": TOKEN}) as sidecar:
        yield sidecar


async def call(sidecar: SidecarProcess, who: str, operation: str, *headers: tuple[str, str]) -> Response:
    async with Client(port=sidecar.port) as client:
        return await client.exchange(ask(who, operation, *headers), within_s=20)


def explained(response: Response) -> dict[str, str]:
    value = response.header("Sidecar-Explain")
    assert value is not None
    return {name: given for name, _, given in (each.partition("=") for each in value.split(";"))}


def looked(sidecar: SidecarProcess, path: str) -> str:
    with urllib.request.urlopen(sidecar.admin_url + path, timeout=5) as reply:
        return str(reply.read(), "utf-8")


async def test_the_token_shows_what_decided_and_is_seen_by_nobody(tmp_path: Path) -> None:
    """Not by the backend, the log, the status, the settings in force, or a page; who guesses is told nothing, and the operator of him."""
    async with Backend(echo) as backend, running(settings(backend.url), tmp_path) as sidecar:
        said = await call(sidecar, "ada", "GetSeats", SHOWN)
        assert (state(said), told(said), said.header("Cache-Control")) == ("ok;executed=yes", "ada", "no-store")
        facts = explained(said)
        assert (facts["from"], facts["backend"], facts["operation"], facts["limit"]) == (
            "flight",
            "tickets",
            "GetSeats",
            "8",
        )
        for lines in ((), (("Sidecar-Debug", GUESS),), (SHOWN, SHOWN)):
            plain = await call(sidecar, "eve", "GetSeats", *lines, ("Sidecar-Fault", "reset"))
            assert (state(plain), told(plain)) == ("ok;executed=yes", "eve")
            assert not [name for name, _ in plain.headers if name.lower() in ("sidecar-explain", "sidecar-fault")]
        async with Client(port=sidecar.port) as client:
            lost = await client.exchange(f"GET /nowhere HTTP/1.1\r\nHost: a\r\nSidecar-Debug: {TOKEN}\r\n\r\n".encode())
            assert explained(lost)["mechanism"] == "route"
            leave = await client.exchange(
                b"OPTIONS /tickets HTTP/1.1\r\nHost: a\r\nOrigin: https://shop.example\r\n"
                b"Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: sidecar-debug\r\n\r\n"
            )
            assert "debug" not in str(leave.header("Access-Control-Allow-Headers")).lower()
        line = json.loads((await asyncio.to_thread(sidecar.wait_line, '"event":"debug_token_wrong"')).string)
        assert line["count"] == 1
        seen = [looked(sidecar, path) for path in ("/status", "/metrics", "/admin/v1/config", "/admin/v1/audit")]
        seen += [*sidecar.lines, *(repr(entry) for entry in backend.journal)]
        assert '"debug.token"' in "".join(seen)
        for entry in entries(backend.journal):
            assert not [name for name, _ in entry.headers if name.lower().startswith(b"sidecar-")]
        assert not [each for each in seen if TOKEN in each or GUESS in each]


async def test_a_refusal_is_told_with_its_numbers(tmp_path: Path) -> None:
    """The line is full: which part said so, and how full it was."""
    gate = asyncio.Event()

    async def slow(visit: Visit) -> None:
        name = await read(visit)
        await gate.wait()
        await visit.answer(reply_to(name))

    async with Backend(calls(slow)) as backend:
        house = settings(backend.url, limit={"fixed": 1}, queue={"size": 1, "wait": "10s", "per_client": "100%"})
        async with running(house, tmp_path) as sidecar, asyncio.TaskGroup() as group:
            for who in ("one", "two"):
                group.create_task(call(sidecar, who, "ReserveTickets"))
                await until(lambda: bool(entries(backend.journal)))
            await until(lambda: json.loads(looked(sidecar, "/status"))["backends"][0]["queued"] == 1)
            refused = await call(sidecar, "three", "ReserveTickets", SHOWN)
            assert state(refused) == "overloaded;reason=queue_full;executed=no"
            facts = explained(refused)
            assert (facts["mechanism"], facts["limit"], facts["in_flight"], facts["queued"]) == ("queue", "1", "1", "1")
            gate.set()


async def test_one_call_goes_wrong_and_no_other(tmp_path: Path) -> None:
    """In each of the ways, by the words of orders; what is kept, and who asks the same meanwhile, has no part in it."""
    numbers = count(1)

    async def counting(visit: Visit) -> None:
        await read(visit)
        await visit.answer(reply_to(f"number {next(numbers)}"))

    async with Backend(calls(counting)) as backend:
        house = settings(backend.url, operations=CACHED)
        async with running(house, tmp_path) as sidecar:
            kept = await call(sidecar, "ada", "GetSeats")
            assert told(kept) == "number 1"
            for order, expected in (
                ("error=503", "backend_bad_reply;reason=html;executed=no"),
                ("error=fault", "backend_fault;reason=server;executed=no"),
                ("reset", "outcome_unknown;reason=reset;executed=no"),
                ("truncate", "backend_bad_reply;reason=truncated;executed=no"),
                ("latency=300ms", "ok;executed=yes"),
            ):
                began = time.monotonic()
                spoilt = await call(sidecar, "ada", "GetSeats", SHOWN, ("Sidecar-Fault", order))
                kind = order.partition("=")[0]
                assert state(spoilt) == expected
                assert spoilt.header("Sidecar-Fault") == f"injected;kind={kind};id=request;hit"
                assert explained(spoilt)["injected"] == "request"
                assert (time.monotonic() - began >= 0.3) or kind != "latency"
                again = await call(sidecar, "ada", "GetSeats")
                assert (state(again).partition(";")[0], told(again), again.header("Sidecar-Fault")) == (
                    "cached",
                    "number 1",
                    None,
                )
            assert len(entries(backend.journal)) == 3, "an error and a reset never reach it"
            unsure = await call(sidecar, "bob", "ReserveTickets", SHOWN, ("Sidecar-Fault", "reset"))
            assert state(unsure) == "outcome_unknown;reason=reset;executed=unknown"
            wrong = await call(sidecar, "bob", "ReserveTickets", SHOWN, ("Sidecar-Fault", "teapot"))
            assert state(wrong) == "malformed;reason=http;executed=no"
            assert b"a fault is one of latency=2s, error=503, error=fault, reset and truncate" in wrong.body
            assert len(entries(backend.journal)) == 3
            assert 'sidecar_events_total{event="fault_injected"} 6.0' in looked(sidecar, "/metrics")
            assert json.loads(looked(sidecar, "/status"))["overrides"] == [], "it holds for nobody"
