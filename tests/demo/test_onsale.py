"""The crowd before a waiting room: everybody comes to an end, in bounded time, and the sidecar is asked by a bounded number at once."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from aiohttp import web

from sidecar.demo.onsale import JOINS_PER_S, OnSale, Wish

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.virtual


@dataclass
class Room:
    """A waiting room that calls whoever asks for the second time, and a box office that sells."""

    url: str = ""
    asked: Counter[str] = field(default_factory=Counter)
    looks: Counter[str] = field(default_factory=Counter)
    inside: int = 0
    most: int = 0
    silent: bool = False

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        verb = request.path.rpartition("/")[2]
        self.asked[verb] += 1
        self.inside += 1
        self.most = max(self.most, self.inside)
        await asyncio.sleep(0.05)
        self.inside -= 1
        if self.silent:
            return web.Response(body=b"<html>")
        return self.said(verb, request.headers.get("Sidecar-Place", ""), request)

    def said(self, verb: str, place: str, request: web.BaseRequest) -> web.Response:
        told: dict[str, Any] = {"category": "ok", "executed": "no"}
        headers = {"Sidecar-State": "ok;executed=no"}
        queue: dict[str, Any] = {"visitor": "waiting", "next_poll_ms": 3000}
        if verb == "join":
            queue["place"] = request.headers["X-Forwarded-For"]
        elif verb == "place":
            self.looks[place] += 1
            queue["visitor"] = "called" if self.looks[place] > 1 else "waiting"
        elif verb == "claim":
            queue["visitor"], headers["Sidecar-Pass"] = "admitted", "t"
        elif verb == "leave":
            queue["visitor"] = "left"
        else:
            told["data"] = {f"{verb}Result": 1}
        return web.Response(body=orjson.dumps({**told, "queue": queue}), headers=headers)


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    room = Room()
    server = web.Server(room.handle, access_log=None)
    listening = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
    room.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    yield room
    listening.close()
    await server.shutdown(1)


def crowd(room: Room, **more: Any) -> OnSale:
    return OnSale(Wish(f"{room.url}/room", f"{room.url}/tickets", seed=1, **more))


async def test_everybody_comes_to_an_end(room: Room) -> None:
    """Some buy, some leave, some fall asleep; nobody is lost, and no more ask at once than there are hands."""
    onsale = crowd(room, people=200, hands=20)
    await onsale.run()
    told = onsale.json()
    words = Counter(told["words"])
    assert onsale.done == words.total() == told["people"] == 200
    assert words["served"] > 100
    assert words["left"] > 0
    assert told["orders"] == words["served"] == room.asked["Checkout"]
    assert told["seats"] == room.asked["ReserveTickets"]
    assert room.most <= 20
    assert told["states"] == {"ok": onsale.asked}
    assert "200 of 200" in repr(onsale)


async def test_they_come_before_the_draw(room: Room) -> None:
    """Spread over what is left of the lobby; where that is over, at a rate that this machine can act out."""
    loop = asyncio.get_running_loop()
    early, late = crowd(room, people=400, opens_in_s=80.0), crowd(room, people=4000)
    for onsale, most_s in ((early, 30.0), (late, 60.0)):
        onsale._invite()
        dues = sorted(at - loop.time() for at, _ in onsale._due)
        assert 0.9 * most_s < dues[-1] <= most_s
        assert sum(due < 1.0 for due in dues) <= 1.5 * JOINS_PER_S


@pytest.mark.long
async def test_it_ends_by_itself(room: Room) -> None:
    """Who still waits when the time is over is sent home and counted; a room that says nothing is given up."""
    short = crowd(room, people=50, lasts_s=30.0)
    await short.run()
    assert short.words["sent_home"] == 50 - short.done > 0
    room.silent = True
    mute = crowd(room, people=10)
    await mute.run()
    assert mute.words["gave_up"] == 10
    assert mute.states["(no response)"] == mute.asked
