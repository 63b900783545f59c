"""The crowd: it comes whether or not it is served, it is bounded, and what it counts agrees with the box office."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from sidecar.demo.crowd import Crowd, Rush
from sidecar.demo.door import Door
from sidecar.demo.voices import DIALECTS, NO_RESPONSE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sidecar.demo.box_office import BoxOffice

pytestmark = pytest.mark.virtual


def _rush(box: BoxOffice, **more: object) -> Rush:
    return Rush(f"{box.url}/box.asmx", f"{box.url}/xmlrpc", **{"rate": 20.0, "for_s": 10.0, "seed": 1, **more})  # type: ignore[arg-type] # tests vary its fields


async def test_what_people_were_told_agrees_with_what_the_box_office_did(box: BoxOffice) -> None:
    """Calls, seats and orders as people counted them equal those of the box office, in all five dialects."""
    report = await Crowd(_rush(box)).run()
    stats = box.stats()
    assert report.calls == stats["calls"] == sum(report.states.values())
    assert report.orders == stats["orders"] == stats["executed"]["Checkout"]
    assert report.seats == stats["seats_sold"]
    assert set(report.by_dialect) == set(DIALECTS)
    assert report.people == pytest.approx(200, rel=0.25)  # Poisson: 200 +- 14
    assert report.json()["without_state"] == report.calls  # nobody stood between who could have said a state
    assert 0.05 < (report.json()["wait_s"]["p50"] or 0) < 0.2


async def test_people_come_although_nobody_is_served(box: BoxOffice) -> None:
    """Against a frozen box office arrivals go on at their rate, and those still waiting at the end are sent home."""
    box.control({"freeze": True})
    began = asyncio.get_running_loop().time()
    report = await Crowd(_rush(box, patience_s=300.0, grace_s=5.0)).run()
    assert report.people > 150
    assert report.sent_home == report.people
    assert report.calls == 0
    assert asyncio.get_running_loop().time() - began < 16


async def test_impatient_people_count_as_unanswered(box: BoxOffice) -> None:
    """Nobody waits longer than his patience; what he got is counted as no response."""
    box.control({"freeze": True})
    report = await Crowd(_rush(box, patience_s=1.0)).run()
    assert report.states[NO_RESPONSE] == report.calls > 0
    assert report.sent_home == 0
    assert report.json()["wait_s"] == {"p50": None, "p95": None, "p99": None, "max": None}


async def test_the_crowd_is_bounded_in_number_and_at_once(box: BoxOffice) -> None:
    """No more come than allowed, and those for whom there is no room at once are counted, not forgotten."""
    few = await Crowd(_rush(box, people_max=7)).run()
    assert few.people == 7
    box.control({"freeze": True})
    crowded = await Crowd(_rush(box, at_once_max=10, grace_s=1.0)).run()
    assert crowded.people == 10
    assert crowded.left_out > 100
    assert box.law.peak <= 11


async def test_the_crowd_swells_in_equal_parts(box: BoxOffice) -> None:
    """As many times as many come in the second part of the time; good answers are counted by part, the last for those who stay on."""
    crowd = Crowd(_rush(box, rate=5.0, swell=(1.0, 4.0)))
    running = asyncio.ensure_future(crowd.run())  # noqa: TID251 - awaited below
    await asyncio.sleep(5.0)
    early = crowd.report.people
    report = await running
    assert early == pytest.approx(25, abs=15)
    assert report.people - early == pytest.approx(100, abs=30)
    assert report.good[1] > 2 * report.good[0] > 0
    assert sum(report.good.values()) == sum(report.states.values())
    assert set(report.good) <= {0, 1, 2}


async def test_a_crowd_is_steered(box: BoxOffice) -> None:
    """From nearly nobody to many at once, although the next one was due in minutes; then to nobody, and the end is not waited for."""
    began = asyncio.get_running_loop().time()
    crowd = Crowd(_rush(box, rate=0.001, for_s=1000.0))
    running = asyncio.ensure_future(crowd.run())  # noqa: TID251 - awaited below
    await asyncio.sleep(1.0)
    assert (crowd.report.people, crowd.rate) == (0, 0.001)
    crowd.steer(50.0, for_s=500.0)
    await asyncio.sleep(2.0)
    assert crowd.report.people == pytest.approx(100, abs=40)
    assert crowd.present > 0
    assert f"{crowd.report.people} came" in repr(crowd)
    crowd.steer(0, for_s=500.0)
    assert crowd.rate == 0
    report = await running
    assert report.people < 150
    assert crowd.present == 0
    assert asyncio.get_running_loop().time() < began + 20


@asynccontextmanager
async def _turnstile(times: int, after_s: str) -> AsyncIterator[tuple[str, list[tuple[str, str | None]]]]:
    """Turn every call of a person away so often, each time with another place; yield the address, and who showed which."""
    seen: list[tuple[str, str | None]] = []

    async def handle(request: web.BaseRequest) -> web.Response:
        who = request.headers["X-Forwarded-For"]
        place = request.headers.get("Sidecar-Place")
        seen.append((who, place))
        if sum(each == who for each, _ in seen) % (times + 1):
            turned = {"Sidecar-State": "overloaded;reason=queue_wait;executed=no", "Retry-After": after_s}
            return web.Response(status=503, headers={**turned, "Sidecar-Place": f"place {len(seen)}"})
        return web.Response(body=b"<r/>", headers={"Sidecar-State": "ok;executed=yes"})

    server = web.Server(handle, access_log=None)
    door = Door(server, "127.0.0.1", 0)
    await door.open()
    yield f"http://127.0.0.1:{door.port}", seen
    await door.close()
    await server.shutdown(1.0)


async def test_who_is_told_when_comes_back_then_with_his_place() -> None:
    """Each place is shown once, by him alone, and what he was told is how long he waited; he is served in the end."""
    async with _turnstile(times=2, after_s="3") as (url, seen):
        report = await Crowd(Rush(url, url, rate=1.0, for_s=10.0, buyers=0.0, people_max=3, grace_s=60.0, seed=1)).run()
    shown = [place for _, place in seen if place is not None]
    assert len(shown) == len(set(shown)) == report.returns == report.places == 2 * 2 * report.people
    assert report.refused == {"overloaded/queue_wait": report.returns}
    assert report.served == report.people == 3
    assert report.nothing == 0
    assert all(6.0 <= wait_s < 6.6 for wait_s in report.waits_s)
    assert len({who for who, _ in seen}) == 3  # each has an address of his own


async def test_patience_ends() -> None:
    """Who would have to come back later than he has patience for goes home, and has got nothing."""
    async with _turnstile(times=1000, after_s="4") as (url, seen):
        report = await Crowd(Rush(url, url, rate=1.0, for_s=5.0, people_max=1, patience_s=10.0, grace_s=60.0)).run()
    assert len(seen) == 2 * 3
    assert (report.served, report.nothing, report.sent_home) == (0, 1, 0)
