"""Work that many want at the same moment is done once, for all of them, and by nobody when nobody is left to see to it."""

from __future__ import annotations

import asyncio

import pytest

from sidecar.once import Once
from sidecar.tasks import alive
from tests.support.world import settle

pytestmark = pytest.mark.virtual


async def test_all_who_ask_while_it_is_done_get_the_same() -> None:
    """Ten askers of one key, one piece of work; another key is another piece."""
    once: Once[object] = Once("work")
    begun: list[str] = []

    async def work(name: str) -> object:
        begun.append(name)
        await asyncio.sleep(1)
        return object()

    got = await asyncio.gather(
        *(once.do(("a",), lambda: work("a")) for _ in range(10)), once.do(("b",), lambda: work("b"))
    )
    assert begun == ["a", "b"]
    assert len(set(map(id, got[:10]))) == 1
    assert got[0] is not got[10]
    assert len(once) == 0


async def test_what_is_over_is_done_again() -> None:
    """It is no cache."""
    once: Once[int] = Once("work")
    numbers = iter(range(9))

    async def work() -> int:
        return next(numbers)

    assert [await once.do(("a",), work), await once.do(("a",), work)] == [0, 1]


async def test_who_leaves_takes_nothing_from_the_others() -> None:
    """Neither a hang-up nor impatience ends the work."""
    once: Once[str] = Once("work")
    gate = asyncio.Event()

    async def work() -> str:
        await gate.wait()
        return "done"

    async with asyncio.TaskGroup() as group:
        first = group.create_task(once.do(("a",), work))
        second = group.create_task(once.do(("a",), work))
        await settle()
        first.cancel()
        assert await once.do_within(("a",), work, 2.0) is None
        gate.set()
    assert second.result() == "done"
    assert first.cancelled()


async def test_close_leaves_no_task() -> None:
    """What is under way is broken off and handed to whoever waits for its end."""
    once: Once[None] = Once("work")

    async def ask() -> None:
        await once.do(("a",), asyncio.Event().wait)

    async with asyncio.TaskGroup() as group:
        asker = group.create_task(ask())
        await settle()
        left = once.close()
        await asyncio.gather(*left, return_exceptions=True)
        await settle()
        assert asker.cancelled()
    assert [task.cancelled() for task in left] == [True]
    assert alive() == frozenset()
    assert once.close() == []
