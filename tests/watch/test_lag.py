"""The loop's lag: measured once a second, remembered for a minute, never read away."""

from __future__ import annotations

import asyncio

import pytest

from sidecar.watch.lag import KEPT, LoopLag
from tests.support.loop import VirtualLoop

pytestmark = pytest.mark.virtual


def hold(seconds: float) -> None:
    """Hold the loop, as a long computation would."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    loop._now += seconds


async def test_a_loop_that_was_held_shows_by_how_much() -> None:
    """The timer that should have come then came so much later."""
    lag = LoopLag()
    assert lag.largest_s == 0.0
    lag.start()
    await asyncio.sleep(0.9)
    assert lag.largest_s == 0.0
    hold(0.5)
    await asyncio.sleep(0.01)
    assert lag.largest_s == pytest.approx(0.4)
    assert lag.largest_s == pytest.approx(0.4), "a second reader sees the same"
    lag.stop()


async def test_it_is_forgotten_after_a_minute() -> None:
    """An old fright is no alert."""
    lag = LoopLag()
    lag.start()
    hold(2.0)
    await asyncio.sleep(KEPT - 1)
    assert lag.largest_s >= 1.0
    await asyncio.sleep(3)
    assert lag.largest_s == pytest.approx(0.0, abs=1e-6)
    lag.stop()


async def test_start_and_stop_may_be_repeated_and_leave_nothing() -> None:
    """One timer, whoever calls; none afterwards."""
    lag = LoopLag()
    lag.start()
    first = lag._timer
    lag.start()
    assert lag._timer is first
    lag.stop()
    lag.stop()
    hold(10.0)
    await asyncio.sleep(5)
    assert lag.largest_s == 0.0
