"""One line a minute and room, whoever has come and gone."""

from __future__ import annotations

import asyncio

import pytest

from sidecar.policy.credentials import PlaceId
from sidecar.policy.room import Room, Rule
from sidecar.policy.visitors import Event
from sidecar.watch.visitors import Visitors
from tests.support.world import LoopClock, Recorder

pytestmark = pytest.mark.virtual


async def test_a_line_says_what_a_minute_brought() -> None:
    """Not what was before it; of a room in which nothing happens there is none."""
    log = Recorder()
    room, quiet = Room(Rule("hamlet"), b"seed", b"epoch"), Room(Rule("lear"), b"seed", b"epoch")
    visitors = Visitors(LoopClock(), log)
    for _ in range(3):
        room.join(room.lanes[0])
    visitors.pulse([room, quiet])
    assert log.events == []
    await asyncio.sleep(60)
    visitors.pulse([room, quiet])
    await asyncio.sleep(60)
    room.happen(PlaceId(0, 1), Event.LEAVE)
    room.join(room.lanes[0])
    visitors.pulse([room, quiet])
    await asyncio.sleep(60)
    visitors.pulse([room, quiet])
    first, second = log.named("visitors")
    assert (first["room"], first["joined"], first["left"], first["called"]) == ("hamlet", 3, 0, 0)
    assert (second["room"], second["joined"], second["left"], second["state"]) == ("hamlet", 1, 1, "scheduled")
    assert repr(visitors) == "<Visitors of 2 rooms>"
