"""Work that many want at the same moment, done once: single-flight for what is no call of the backend's (golang.org/x/sync names it).

Under the shelf and its stock, and the JSON facade. It goes on when those who asked have left, and is over when it is closed; it keeps
no result.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sidecar.tasks import spawn

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

T = TypeVar("T")


class Once(Generic[T]):
    """Tasks by key; `name` is what they are called. The work returns its failures as values: a task that raises is a bug."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._doing: dict[tuple[str, ...], asyncio.Task[T]] = {}

    def __len__(self) -> int:
        return len(self._doing)

    async def do(self, key: tuple[str, ...], work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Return what the work of this key comes to, begun now or by somebody before."""
        task = self._task(key, work)
        await asyncio.wait((task,))  # not the task itself: one who leaves would take it with him
        return task.result()

    async def do_within(
        self, key: tuple[str, ...], work: Callable[[], Coroutine[Any, Any, T]], within_s: float
    ) -> T | None:
        """As `do`; None where it takes longer than `within_s`. The work goes on."""
        task = self._task(key, work)
        await asyncio.wait((task,), timeout=within_s)
        return task.result() if task.done() else None

    def _task(self, key: tuple[str, ...], work: Callable[[], Coroutine[Any, Any, T]]) -> asyncio.Task[T]:
        task = self._doing.get(key)
        if task is None:
            task = self._doing[key] = spawn(work(), self._name)
            task.add_done_callback(lambda _: self._doing.pop(key, None))
        return task

    def close(self) -> list[asyncio.Task[T]]:
        """Break off what is being done, and return it."""
        left = list(self._doing.values())
        for task in left:
            task.cancel()
        return left
