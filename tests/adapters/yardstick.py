"""What the longest piece of work that the parser does at once takes here and now: the measure for all other work on the loop.

A bound in milliseconds would measure who else wants the machine; this takes longer by as much as what it is compared with.
"""

from __future__ import annotations

import asyncio
import gc
import time
from statistics import median
from typing import TYPE_CHECKING, Final

from adapters.xml import parse
from tests.support.timing import best_s, longest_ms

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator

LIMIT: Final = 3.75  # of the parser's longest pieces, for a turn of the loop: 5 ms where one of them takes 1.33
PIECE: Final = 1.5  # of them, for one piece of work: 2 ms

_WORST: Final = b"<r>" + b"<a/>" * 16_000 + b"</r>"  # 1.3 ms where 2 are allowed
_TIMES: Final = 7


def parses(work: Callable[[], object]) -> float:
    """Return how many of the parser's longest pieces `work` is worth, in the middle one of five measurements; 1.5 are the 2 ms that one
    piece of work may take.
    """
    return median(best_s(work) / one_parse_s() for _ in range(5))


def one_parse_s() -> float:
    """Return what the longest of the parser's pieces takes now, in seconds of CPU time."""
    return best_s(lambda: parse(_WORST, charset=None))


def longest_piece(work: Callable[[], Generator[object, None, object]], limit: float = PIECE) -> float:
    """Return the longest step of a work that is done step by step, in the parser's longest pieces: the first that is short enough, or
    the shortest of seven.
    """
    found: list[float] = []
    while len(found) < _TIMES and min(found, default=limit) >= limit:
        found.append(longest_ms(work()) / 1000 / one_parse_s())
    return min(found)


async def longest(work: Callable[[], Awaitable[object]]) -> float:
    """Return the longest turn of the loop while something is done, in the parser's longest pieces: the first that is short enough, or
    the shortest of seven.
    """
    found: list[float] = []
    while len(found) < _TIMES and min(found, default=LIMIT) >= LIMIT:
        gc.collect()
        turns: list[float] = []

        async def watch(turns: list[float] = turns) -> None:
            while True:
                before = time.thread_time()
                await asyncio.sleep(0)
                turns.append(time.thread_time() - before)

        async with asyncio.TaskGroup() as group:
            watching = group.create_task(watch())
            await asyncio.sleep(0)
            await work()
            await asyncio.sleep(0)
            watching.cancel()
        found.append(max(turns) / one_parse_s())
    return min(found)
