"""The crowd: it comes whether or not it is served, it is bounded, and what it counts agrees with the box office."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from sidecar.demo.crowd import NO_RESPONSE, Crowd, Report, Rush
from sidecar.demo.voices import DIALECTS

if TYPE_CHECKING:
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
    assert report.json()["wait_s"] == {"p50": None, "p95": None, "max": None}


async def test_the_crowd_is_bounded_in_number_and_at_once(box: BoxOffice) -> None:
    """No more come than allowed, and those for whom there is no room at once are counted, not forgotten."""
    few = await Crowd(_rush(box, people_max=7)).run()
    assert few.people == 7
    box.control({"freeze": True})
    crowded = await Crowd(_rush(box, at_once_max=10, grace_s=1.0)).run()
    assert crowded.people == 10
    assert crowded.left_out > 100
    assert box.law.peak <= 11


@pytest.mark.parametrize(("count", "p50", "p95"), [(1, 1.0, 1.0), (2, 1.0, 2.0), (100, 50.0, 95.0), (101, 51.0, 96.0)])
def test_percentiles_are_nearest_rank(count: int, p50: float, p95: float) -> None:
    """The value reported is one that somebody waited, at the rank rounded up."""
    report = Report(states=Counter(), waits_s=[float(n) for n in range(count, 0, -1)])
    assert report.json()["wait_s"] == {"p50": p50, "p95": p95, "max": float(count)}
