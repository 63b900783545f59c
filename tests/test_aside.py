"""What hangs in a thread holds up nobody: not its asker for long, not the end of the process, and there are never many of it."""

from __future__ import annotations

import asyncio
from threading import Event, current_thread

import pytest

from sidecar import aside as module
from sidecar.aside import MOST, aside


async def test_what_it_returns_or_raises_is_the_askers() -> None:
    """As if it had been called."""
    assert await aside(lambda: 5, 10.0) == 5
    assert await aside(lambda: None, 10.0) is None
    with pytest.raises(KeyError, match="gone"):
        await aside(lambda: {}["gone"], 10.0)


async def test_nobody_waits_for_what_hangs() -> None:
    """Nor does the interpreter at its end; and what comes to an end at last frees its place."""
    stop = Event()
    try:
        for _ in range(MOST):
            with pytest.raises(TimeoutError):
                await aside(stop.wait, 0.01)
        assert all(thread.daemon for thread in module._hanging)
        with pytest.raises(TimeoutError, match=f"{MOST} tries before hang still"):
            await aside(current_thread, 10.0)
    finally:
        stop.set()
    for thread in list(module._hanging):
        await asyncio.to_thread(thread.join)
    assert (await aside(current_thread, 10.0)).daemon


async def test_who_is_called_away_leaves_it_behind() -> None:
    """Cancelled in the middle: what comes too late is told to nobody."""
    began, stop = Event(), Event()

    def work() -> None:
        began.set()
        stop.wait()

    task = asyncio.get_running_loop().create_task(aside(work, 10.0))
    await asyncio.to_thread(began.wait)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    (left,) = module._hanging
    stop.set()
    await asyncio.to_thread(left.join)
    await asyncio.sleep(0)
