"""Learnt limits as they are watched: each change is told, at most once a second; an end counts after a minute of being asked for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from sidecar.model import SlotsView
from sidecar.policy.adaptive import Adaptive
from sidecar.policy.limiter import Sample
from sidecar.watch.limits import End, LimitWatch, Looked, Pinned
from tests.support.world import LoopClock, Recorder

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.virtual


class Hall:
    """One backend's limit, and who asks for it, in the hands of the test."""

    def __init__(self, minimum: int = 1, start: int = 8, maximum: int = 64) -> None:
        self.log, self.learnt = Recorder(), Adaptive(minimum, start, maximum)
        self.queued = self.in_flight = self.ghosts = 0
        self.by_hand: int | None = None
        self.there = True
        self.watch = LimitWatch(LoopClock(), self.log, self.looks)

    def looks(self) -> list[Looked]:
        limit = self.learnt.limit if self.by_hand is None else self.by_hand
        view = SlotsView(limit, self.in_flight, self.ghosts, self.queued)
        return [Looked("tickets", self.learnt, view)] if self.there else []

    def drop(self) -> None:
        """Let every call time out, until the limit is the least."""
        while self.learnt.limit > 1:
            now = LoopClock().now()
            self.learnt.tell(now, Sample("Reserve", 0.1, self.learnt.epoch, self.learnt.limit, dropped=True), waiting=3)

    async def live(self, seconds: float) -> Pinned | None:
        await asyncio.sleep(seconds)
        return self.watch.pinned("tickets")

    def lines(self) -> list[dict[str, object]]:
        return self.log.named("limit")


async def test_a_change_is_told_within_a_second() -> None:
    """From what, to what, and why; what stays is not told again."""
    hall = Hall()
    hall.watch.start()
    await asyncio.sleep(2.5)
    assert hall.lines() == []
    hall.drop()
    await asyncio.sleep(3.0)
    assert hall.lines() == [{"backend": "tickets", "from": 8, "to": 1, "why": "drops"}]
    assert repr(hall.watch) == "<LimitWatch tickets: 1>"
    hall.watch.stop()


async def test_there_is_at_most_one_line_a_second() -> None:
    """However often it changes: what is told is from the last line to now, and a change that is taken back is none."""
    hall = Hall()
    hall.watch.start()
    for number in range(100):
        hall.learnt.bound(1 + number % 50, 64)
        hall.learnt.bound(1, 1 + number % 50)
        await asyncio.sleep(0.1)
    lines = hall.lines()
    assert 2 <= len(lines) <= 11
    assert [line["from"] for line in lines[1:]] == [line["to"] for line in lines[:-1]]
    hall.watch.stop()


async def test_nothing_runs_before_the_start_or_after_the_end() -> None:
    """Both may be said twice."""
    hall = Hall()
    hall.watch.stop()
    hall.drop()
    await asyncio.sleep(2.0)
    assert hall.lines() == []
    hall.watch.start()
    hall.watch.start()
    hall.watch.stop()
    hall.watch.stop()
    hall.learnt.bound(9, 64)
    await asyncio.sleep(2.0)
    assert hall.lines() == []


async def test_another_backend_of_the_same_name_is_no_change() -> None:
    """It begins anew, and so does what is known of it; one that has gone is forgotten."""
    hall = Hall()
    hall.watch.start()
    hall.learnt = Adaptive(1, 4, 64)
    await asyncio.sleep(2.0)
    assert hall.lines() == []
    hall.there = False
    await asyncio.sleep(2.0)
    assert repr(hall.watch) == "<LimitWatch of nothing>"
    assert hall.watch.pinned("tickets") is None
    hall.watch.stop()


def waiting(hall: Hall) -> None:
    hall.queued = 1


def full(hall: Hall) -> None:
    hall.in_flight = 1


def haunted(hall: Hall) -> None:
    hall.ghosts = 1


@pytest.mark.parametrize("ask", [waiting, full, haunted])
async def test_at_the_minimum(ask: Callable[[Hall], None]) -> None:
    """For a minute, while anybody asks for a slot; its time is that of its beginning."""
    hall = Hall()
    hall.drop()
    ask(hall)
    began = LoopClock().now()
    hall.watch.start()
    assert await hall.live(59.5) is None
    found = await hall.live(1.0)
    assert found == Pinned(End.MINIMUM, began)
    assert await hall.live(600.0) == found
    hall.watch.stop()


async def test_at_the_maximum() -> None:
    """Only where somebody waits: a backend that has enough is not held back by its settings."""
    hall = Hall(start=4, maximum=4)
    hall.in_flight = 4
    began = LoopClock().now()
    hall.watch.start()
    assert await hall.live(120.0) is None
    hall.queued = 1
    assert await hall.live(59.5) is None
    found = await hall.live(2.0)
    assert found is not None
    assert (found.end, round(found.since - began)) == (End.MAXIMUM, 121)
    hall.watch.stop()


async def test_a_moment_without_anybody_is_no_pause() -> None:
    """People come in bursts; after ten seconds without one it is quiet, and a minute begins anew with the next."""
    hall = Hall()
    hall.drop()
    hall.watch.start()
    for _ in range(20):
        hall.queued = 1
        await asyncio.sleep(1.0)
        hall.queued = 0
        found = await hall.live(5.0)
    assert found is not None
    assert await hall.live(11.0) is None
    hall.queued = 1
    assert await hall.live(30.0) is None
    assert await hall.live(32.0) is not None
    hall.watch.stop()


async def test_an_end_that_is_left_is_over() -> None:
    """Ten seconds later, whoever asks."""
    hall = Hall()
    hall.drop()
    hall.queued = 1
    hall.watch.start()
    assert await hall.live(61.0) is not None
    hall.learnt.restore({"limit": 20}, 0.0)
    assert hall.learnt.limit == 20
    assert await hall.live(12.0) is None
    hall.watch.stop()


async def test_from_one_end_to_the_other_is_another_minute() -> None:
    """What was the least may become the most by a reload."""
    hall = Hall()
    hall.drop()
    hall.queued = 1
    hall.watch.start()
    assert await hall.live(61.0) is not None
    hall.learnt.bound(1, 2)
    hall.learnt.restore({"limit": 2}, 0.0)
    assert await hall.live(30.0) is None
    found = await hall.live(32.0)
    assert found is not None
    assert found.end is End.MAXIMUM
    hall.watch.stop()


@pytest.mark.parametrize("by_hand", [False, True])
async def test_where_there_is_no_choice_there_is_no_end(by_hand: bool) -> None:
    """A range of one number is a number, and somebody's number is his own business."""
    hall = Hall(4, 4, 64 if by_hand else 4)
    hall.by_hand = 2 if by_hand else None
    hall.queued = 1
    hall.watch.start()
    assert await hall.live(120.0) is None
    hall.watch.stop()
