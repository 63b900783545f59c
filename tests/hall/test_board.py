"""The board: one notice for everybody, that caches may carry, and the same as events for whoever listens."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from sidecar.hall.board import LISTENERS_MOST
from sidecar.model import Answer, Notice, Stream
from sidecar.policy.draw import commitment
from sidecar.tasks import spawn
from tests.hall.sale import HAMLET, Sale, lines, told
from tests.support.world import WALL_S, settle

if TYPE_CHECKING:
    from sidecar.model import Outcome

pytestmark = pytest.mark.virtual

LOBBY = replace(HAMLET, opens=WALL_S + 1200.0)


def said(outcome: Outcome) -> Any:
    assert isinstance(outcome, Answer)
    return orjson.loads(b"".join(outcome.body))


async def test_it_says_how_the_room_stands() -> None:
    """Its lanes, the commitment before the draw and the seed after it; nothing of anybody."""
    sale = Sale(LOBBY)
    for _ in range(3):
        await sale.visitor().join()
    await sale.go(1.0)
    board = said(await sale.request("board"))
    assert board["lanes"] == {"main": {"joined": 3, "drawn": None, "frontier": 0, "waiting": 0}}
    assert (board["room"]["state"], board["rate_per_min"], board["message"]) == ("lobby", None, None)
    seed = sale.house.room.seed
    assert board["draw"] == {"scheme": "sidecar-draw-1", "commitment": commitment(seed), "seed": None}
    assert seed.hex() not in str(board)
    await sale.go(1200.0)
    board = said(await sale.request("board"))
    assert (board["draw"]["seed"], board["lanes"]["main"]["drawn"]) == (seed.hex(), 3)
    assert set(board) == {
        "state",
        "category",
        "executed",
        "room",
        "lanes",
        "rate_per_min",
        "message",
        "messages",
        "draw",
        "v",
        "updated_at",
    }  # fmt: skip - one line


async def test_caches_may_carry_it_also_when_we_are_gone() -> None:
    """The same bytes for everybody, whatever he sends; whoever has it is told that it is the same."""
    sale = Sale(LOBBY)
    first = await sale.request("board")
    other = await sale.request("board", Accept_Language="de", Cookie="a=b", Sidecar_Place="x")
    assert isinstance(first, Answer)
    assert isinstance(other, Answer)
    assert (first.body, first.headers) == (other.body, other.headers)
    assert lines(first)["Cache-Control"] == "public, max-age=2, stale-while-revalidate=10, stale-if-error=86400"
    tag = lines(first)["ETag"]
    same = await sale.request("board", If_None_Match=f'"x", {tag}')
    assert isinstance(same, Answer)
    assert (same.status, same.body, lines(same)["ETag"]) == (304, (), tag)
    await sale.go(30.0)
    assert lines(await sale.request("board"))["ETag"] == tag, "nothing has changed: not even the time on it"
    await sale.visitor().join()
    await sale.go(1.0)
    assert lines(await sale.request("board", If_None_Match=tag))["ETag"] != tag


async def test_it_has_the_operators_words_in_every_language() -> None:
    """For a page to pick from: whoever reads it is not known here."""
    sale = Sale(LOBBY)
    sale.hall.notices = lambda _: Notice("m1", "info", (("en", "Soon"), ("de", "Bald")), WALL_S + 60.0)
    await sale.go(1.5)
    board = said(await sale.request("board"))
    assert board["messages"] == {"en": "Soon", "de": "Bald"}
    assert board["message"] == {"id": "m1", "severity": "info", "next_update_at": "2026-12-01T09:01:00.000Z"}


async def listen(sale: Sale) -> Stream:
    outcome = await sale.request("events")
    assert isinstance(outcome, Answer)
    assert lines(outcome)["Content-Type"] == "text/event-stream"
    assert outcome.stream is not None
    return outcome.stream


async def test_whoever_listens_is_told_at_once_and_of_every_change() -> None:
    """First as it is, then once it is another; where nothing happens a comment keeps the connection."""
    sale = Sale(LOBBY)
    stream = await listen(sale)
    event = await stream.next()
    assert event.startswith(b'retry: 5000\nevent: board\ndata: {"state":"ok"')
    assert event.endswith(b"}\n\n")
    begun = sale.clock.now()
    assert await stream.next() == b": still here\n\n"
    assert sale.clock.now() - begun == 15.0
    following = spawn(stream.next(), "listener")
    await sale.visitor().join()
    assert b'"joined":1' in await following
    assert sale.clock.now() - begun < 18.0
    stream.close()
    assert await stream.next() == b""


async def test_nobody_listens_for_ever() -> None:
    """After ten minutes the browser connects anew by itself."""
    sale = Sale(LOBBY)
    stream, begun = await listen(sale), sale.clock.now()
    while await stream.next():
        pass
    assert sale.clock.now() - begun == pytest.approx(600.0, abs=16.0)


async def test_listeners_are_bounded_and_a_closed_one_makes_room() -> None:
    """Each holds a connection; a second close counts nothing."""
    sale = Sale(LOBBY)
    streams = [await listen(sale) for _ in range(LISTENERS_MOST)]
    refused = await sale.request("events")
    assert told(refused) == ("overloaded", "connections")
    streams[0].close()
    streams[0].close()
    await listen(sale)
    assert told(await sale.request("events")) == ("overloaded", "connections")


async def test_a_process_that_goes_lets_listeners_go() -> None:
    """At once: they listen to whoever takes over."""
    sale = Sale(LOBBY)
    stream = await listen(sale)
    await stream.next()
    following = spawn(stream.next(), "listener")
    await settle()
    sale.hall.drain()
    assert await asyncio.wait_for(following, 1.0) == b""
    assert told(await sale.request("events")) == ("draining", None)
