"""The one door to background tasks: a task nobody references may be collected half-way, one without a name is lost.

Stands beside the road; everything that starts a task starts it here.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from sidecar.trace import trace_of

if TYPE_CHECKING:
    from collections.abc import Coroutine

T = TypeVar("T")

log = logging.getLogger("sidecar.tasks")

_alive: set[asyncio.Task[Any]] = set()


def spawn(coro: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
    """Start `coro` as a task called `name`, referenced until it ends; its unread exception is logged, never lost."""
    task = asyncio.create_task(coro, name=name)  # noqa: TID251 - this is the wrapper that the ban points to
    _alive.add(task)
    task.add_done_callback(_ended)
    return task


def alive() -> frozenset[asyncio.Task[Any]]:
    """Return the tasks that were spawned and have not ended."""
    return frozenset(_alive)


def _ended(task: asyncio.Task[Any]) -> None:
    _alive.discard(task)
    if task.cancelled():
        # Asked for, the error that ended it is let go of: it has come through frames that know the task, as it knows them.
        with suppress(asyncio.CancelledError):
            task.exception()
    elif (error := task.exception()) is not None:
        log.error("task %s ended by itself:\n%s", task.get_name(), trace_of(error))
