"""Long work in pieces: all of it at once, or a little in each turn of the loop; the same comes of it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from sidecar import pieces as module
from sidecar.pieces import in_turns, whole

if TYPE_CHECKING:
    from sidecar.pieces import Pieces


def counting(turns: list[int]) -> Pieces[str]:
    """Do ten pieces."""
    for number in range(10):
        turns.append(number)
        yield
    return "made"


async def test_others_have_their_turn_between(monkeypatch: pytest.MonkeyPatch) -> None:
    """After each piece where a turn is over by then; in between where it is not."""
    monkeypatch.setattr(module, "TURN_S", 0.0)
    done: list[int] = []
    seen: list[int] = []
    task = asyncio.get_running_loop().create_task(in_turns(counting(done)))
    while not task.done():
        await asyncio.sleep(0)
        seen.append(len(done))
    assert task.result() == "made"
    assert seen[:3] == [1, 2, 3]


async def test_a_short_one_takes_one_turn() -> None:
    """Nobody's turn is given away for nothing."""
    done: list[int] = []
    task = asyncio.get_running_loop().create_task(in_turns(counting(done)))
    await asyncio.sleep(0)
    assert (len(done), task.done()) == (10, True)


async def test_an_error_is_whoevers_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes out where the work was asked for, and the rest is not done."""
    monkeypatch.setattr(module, "TURN_S", 0.0)

    def failing() -> Pieces[None]:
        yield
        raise OSError("no such certificate")

    with pytest.raises(OSError, match="certificate"):
        await in_turns(failing())
    with pytest.raises(OSError, match="certificate"):
        whole(failing())


def test_all_at_once() -> None:
    """Where nobody waits yet."""
    done: list[int] = []
    assert whole(counting(done)) == "made"
    assert len(done) == 10
