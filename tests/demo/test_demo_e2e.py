"""The demo as a whole, with the real sidecar: what reached people, each with a state, and what the backend went through."""

from __future__ import annotations

import asyncio
import sys

import orjson


async def test_the_demo_runs_headless_and_everybody_gets_a_state() -> None:
    """`sidecar demo --for 5s --json` exits 0; every answer has a state, and the backend, whose best nobody told, never falls."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "sidecar",
        "demo",
        "--for",
        "5s",
        "--json",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    async with asyncio.timeout(60):
        told, _ = await process.communicate()
    assert process.returncode == 0
    report = orjson.loads(told)
    people, backend = report["reached_people"], report["backend"]
    assert not report["cut_short"]
    assert people["without_state"] == 0
    assert people["states"]["ok"] > 100
    assert set(people["by_dialect"]) == {"soap11", "soap12", "asmx", "xmlrpc", "json"}
    assert report["falls"] == 0
    assert report["highest_in_flight"] < 100  # of the 400 at which it falls: it is found out from below
    assert all(why.startswith("overloaded/") for why in report["refused"])
    assert people["returns_with_place"] > 0
    assert max(part["share_of_best"] for part in report["parts"]) > 0.3
    assert all(part["limits"]["tickets"] >= 4 for part in report["parts"])
    assert (
        people["orders_confirmed"] <= backend["orders"]
    )  # never a purchase that people heard of and the backend did not
    assert people["seats_reserved"] >= backend["seats_sold"]
