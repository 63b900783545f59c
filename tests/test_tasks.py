"""The one door to background tasks: none is lost, none fails in silence."""

from __future__ import annotations

import asyncio
import gc
import logging
import weakref

import pytest

from sidecar import tasks
from tests.support.world import settle

pytestmark = pytest.mark.virtual


async def test_a_task_is_kept_and_named_until_it_ends() -> None:
    """The garbage collector cannot take it half-way."""
    done = asyncio.Event()
    name = tasks.spawn(done.wait(), "waits for the test").get_name()
    gc.collect()
    assert [task.get_name() for task in tasks.alive()] == [name] == ["waits for the test"]
    done.set()
    await settle()
    assert tasks.alive() == frozenset()


async def test_an_exception_that_nobody_reads_is_logged_with_the_tasks_name(caplog: pytest.LogCaptureFixture) -> None:
    """At once, not when the garbage collector comes by."""

    async def fails() -> None:
        raise ValueError("boom")

    with caplog.at_level(logging.ERROR, logger="sidecar.tasks"):
        tasks.spawn(fails(), "doomed")
        await settle()
    [said] = [record.getMessage() for record in caplog.records]
    assert said.startswith("task doomed ended by itself:")
    assert said.endswith("ValueError")
    assert tasks.alive() == frozenset()


async def test_a_cancelled_task_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    """Breaking off is how most of them end."""
    with caplog.at_level(logging.ERROR, logger="sidecar.tasks"):
        tasks.spawn(asyncio.Event().wait(), "broken off").cancel()
        await settle()
    assert caplog.records == []
    assert tasks.alive() == frozenset()


async def test_the_result_is_the_coroutines() -> None:
    """Whoever wants it may wait for it."""

    async def gives() -> int:
        return 7

    assert await tasks.spawn(gives(), "gives") == 7


async def test_a_cancelled_task_is_free_when_it_is_over() -> None:
    """Although it stood in a frame that knew it, as each frame does in which somebody asks for the running task."""

    async def waits() -> None:
        this = asyncio.current_task()
        await asyncio.Event().wait()
        del this

    gc.collect()
    gc.disable()
    try:
        left = weakref.ref(tasks.spawn(waits(), "knows itself"))
        await settle()
        next(iter(tasks.alive())).cancel()
        await settle()
        assert left() is None
    finally:
        gc.enable()
