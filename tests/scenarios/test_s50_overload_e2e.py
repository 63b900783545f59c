"""A backend that is gone, silent or asked for too much, before a real sidecar: who is refused, how soon, and how it comes back."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from tests.listener.hall import until
from tests.scenarios.echo import ask, calls, echo, entries, read, reply_to, settings, state, told
from tests.support.backend import Backend, silent
from tests.support.client import Client
from tests.support.ports import free_port
from tests.support.process import SidecarProcess

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.client import Response
    from tests.support.visit import Visit

QUICK = {"failure_rate": "50%", "window": "5s", "min_calls": 3, "open_for": "500ms", "open_max": "1s"}
CUT_OFF = "backend_unreachable;reason=cut_off;executed=no"


async def call(
    sidecar: SidecarProcess, who: str, operation: str = "ReserveTickets", *headers: tuple[str, str]
) -> Response:
    async with Client(port=sidecar.port) as client:
        return await client.exchange(ask(who, operation, *headers), within_s=20)


def status(sidecar: SidecarProcess) -> dict[str, Any]:
    with urllib.request.urlopen(f"{sidecar.admin_url}/status", timeout=5) as reply:
        told: dict[str, Any] = json.load(reply)
        return told


async def until_ok(sidecar: SidecarProcess, operation: str, within_s: float) -> None:
    ends_at = time.monotonic() + within_s
    while state(await call(sidecar, "again", operation)) != "ok;executed=yes":
        assert time.monotonic() < ends_at
        await asyncio.sleep(0.1)


async def test_a_dead_backend_is_cut_off_and_comes_back(tmp_path: Path) -> None:
    """After a few refused connections nobody is let near it; who comes is told when; when it lives, safe calls close it again."""
    port = free_port()
    async with SidecarProcess(
        settings(f"http://127.0.0.1:{port}", breaker=QUICK, retry={"budget": "0%"}), tmp_path
    ) as sidecar:
        first = [state(await call(sidecar, f"one-{number}", "GetSeats")) for number in range(3)]
        assert first[0] == "backend_unreachable;reason=refused;executed=no"
        assert set(first[1:]) <= {first[0], CUT_OFF}, "the fetch of a WSDL has failed, too"
        refused = await call(sidecar, "two")
        assert state(refused) == CUT_OFF
        assert int(refused.header("Retry-After") or 0) >= 1
        house = status(sidecar)
        assert house["backends"][0]["breaker"]["state"] in ("cut off", "testing")
        assert any(each["code"] == "backend_down" for each in house["warnings"])
        async with Backend(echo, port=port):
            for _ in range(7):  # one, two and four are let through to try it: purchases wait until they went well
                await until_ok(sidecar, "GetSeats", 15)
            await until_ok(sidecar, "ReserveTickets", 5)

        def of_the_backend() -> list[str]:
            said = [json.loads(line) for line in list(sidecar.lines) if '"event":"breaker"' in line]
            return [each["state"] for each in said if each["operation"] is None]

        await until(lambda: of_the_backend()[-1:] == ["closed"])
        assert of_the_backend()[:2] == ["cut off", "testing"]


async def test_a_silent_backend_is_cut_off_within_the_window(tmp_path: Path) -> None:
    """Calls that are swallowed are unknown, and soon nobody else's is: a black hole gets no more than a handful."""
    house = settings(
        "http://127.0.0.1:1",
        breaker={**QUICK, "window": "3s", "open_for": "5s", "open_max": "10s"},
        limit={"fixed": 2},
        ghost="300ms",
        timeouts={"connect": "1s", "first_byte": "300ms", "total": "300ms"},
        retry={"budget": "0%"},
    )
    async with Backend(calls(silent())) as backend:
        house["backends"]["tickets"]["url"] = f"{backend.url}/Box.asmx"
        async with SidecarProcess(house, tmp_path) as sidecar:
            began, seen = time.monotonic(), list[str]()
            while CUT_OFF not in seen:
                seen.append(state(await call(sidecar, f"one-{len(seen)}")))
                assert time.monotonic() - began < 10
            assert set(seen[:-1]) <= {
                "outcome_unknown;reason=timeout;executed=unknown",
                "overloaded;reason=queue_wait;executed=no",
            }
            asked = len(entries(backend.journal))
            for number in range(20):
                assert state(await call(sidecar, f"two-{number}")) == CUT_OFF
            assert len(entries(backend.journal)) == asked, "nobody is let near it"


async def test_who_waited_in_vain_comes_back_to_where_he_stood(tmp_path: Path) -> None:
    """With the place that he was given he is served before those who came after him; shown again, it is worth nothing."""
    gate = asyncio.Event()
    order: list[str] = []

    async def one_by_one(visit: Visit) -> None:
        name = await read(visit)
        order.append(name)
        if name == "holds":
            await gate.wait()
        await visit.answer(reply_to(name))

    async with Backend(calls(one_by_one)) as backend:
        house = settings(backend.url, limit={"fixed": 1}, queue={"size": 10, "wait": "1s"}, retry={"budget": "0%"})
        house["callers"] = {"shop": {"networks": ["127.0.0.1/32"], "trusted": True}}
        async with SidecarProcess(house, tmp_path) as sidecar:

            async def of(who: str, *headers: tuple[str, str]) -> Response:
                return await call(sidecar, who, "ReserveTickets", ("Sidecar-Client", who), *headers)

            async with asyncio.TaskGroup() as group:
                holds = group.create_task(of("holds"))
                await asyncio.sleep(0.2)
                early = await of("early")
                assert state(early) == "overloaded;reason=queue_wait;executed=no"
                place = early.header("Sidecar-Place")
                assert place
                later = group.create_task(of("later"))
                await asyncio.sleep(0.2)
                again = group.create_task(of("early", ("Sidecar-Place", place)))
                await asyncio.sleep(0.2)
                gate.set()
            assert [told(each.result()) for each in (holds, again, later)] == ["holds", "early", "later"]
            assert order == ["holds", "early", "later"]
            assert told(await of("early", ("Sidecar-Place", place))) == "early", (
                "used: he stands as anybody, and nobody is before him"
            )
            await until(
                lambda: any('"event":"place_refused"' in line and '"why":"used"' in line for line in sidecar.lines)
            )


async def test_a_rate_is_told_and_ends(tmp_path: Path) -> None:
    """Who asks too often is refused without the backend being asked, with what he may ask and when; then it goes on."""
    async with Backend(echo) as backend:
        house = settings(backend.url, rate=[{"per": "client", "limit": "2/1s", "burst": 2}])
        async with SidecarProcess(house, tmp_path) as sidecar:
            answered = [await call(sidecar, f"one-{number}") for number in range(3)]
            assert [state(each) for each in answered] == [
                "ok;executed=yes",
                "ok;executed=yes",
                "rate_limited;reason=client;executed=no",
            ]
            refused = answered[-1]
            assert refused.header("RateLimit-Policy")
            assert refused.header("RateLimit")
            after_s = int(refused.header("Retry-After") or 0)
            assert after_s == 1
            assert len(entries(backend.journal)) == 2
            await asyncio.sleep(after_s)
            assert state(await call(sidecar, "two")) == "ok;executed=yes"


@pytest.mark.long
async def test_a_restart_begins_with_the_limit_that_was_found(tmp_path: Path) -> None:
    """Where a store outlives the process, so does what was learnt about the backend."""

    async def quick(visit: Visit) -> None:
        name = await read(visit)
        await asyncio.sleep(0.1)
        await visit.answer(reply_to(name))

    async with Backend(calls(quick)) as backend:
        house = {**settings(backend.url), "store": "sqlite:state.db"}

        async def crowd(sidecar: SidecarProcess, for_s: float) -> None:
            ends_at = time.monotonic() + for_s

            async def one(number: int) -> None:
                async with Client(port=sidecar.port) as client:
                    while time.monotonic() < ends_at:
                        await client.exchange(ask(f"c-{number}", "GetSeats"), within_s=20)

            async with asyncio.TaskGroup() as group:
                for number in range(40):
                    group.create_task(one(number))

        async with SidecarProcess(house, tmp_path) as sidecar:
            assert status(sidecar)["backends"][0]["limit"] == 8
            found = 8
            for _ in range(15):  # three rounds on a quiet machine
                await crowd(sidecar, 2.0)
                found = status(sidecar)["backends"][0]["limit"]
                if found >= 16:
                    break
            assert found >= 16
            assert sidecar.stop() == 0
        async with SidecarProcess(house, tmp_path) as sidecar:
            assert status(sidecar)["backends"][0]["limit"] >= 12
