"""Long work on the loop in pieces: a generator that yields where it may be interrupted, and what drives it.

Stands beside the road: what is made for a new configuration is made so, while calls pass. It knows nothing of what is made.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from time import perf_counter
from typing import Final, TypeAlias, TypeVar

T = TypeVar("T")
Pieces: TypeAlias = Generator[None, None, T]

# How long the loop is kept at a time: well below the 2 ms that nobody may hold it for, as the last piece may be longer than the others.
TURN_S: Final = 0.0005


def whole(pieces: Pieces[T]) -> T:
    """Do all of it at once: where nobody waits yet."""
    while True:
        try:
            next(pieces)
        except StopIteration as end:
            made: T = end.value
            return made


async def in_turns(pieces: Pieces[T]) -> T:
    """Do it a little at a time, and let others have their turn between."""
    until = perf_counter() + TURN_S
    while True:
        try:
            next(pieces)
        except StopIteration as end:
            made: T = end.value
            return made
        if perf_counter() >= until:
            await asyncio.sleep(0)
            until = perf_counter() + TURN_S
