"""An event loop whose time is made up: it jumps to the next timer as soon as nothing else is ready.

Stands under every test marked `virtual`. It never sleeps for real, and where nothing can ever happen again it fails
with `Deadlock`, which names the tasks that hang and the lines they hang on.
"""

from __future__ import annotations

import asyncio
import selectors
import types
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_Ready: TypeAlias = "list[tuple[selectors.SelectorKey, int]]"

# Not zero: code that takes 0 for "never" or "unset" must show itself.
START_S = 1_000.0
# A ticker that nobody stops would spin for ever; a week of virtual seconds is more than any rule of ours looks ahead.
HORIZON_S = 7 * 86_400.0
# Bytes on loopback are there when `send` returns, except when the kernel defers its work to a thread of its own.
SOCKET_GRACE_S = 0.001
DEADLOCK_GRACE_S = 0.25
# A worker thread (getaddrinfo, sqlite) lives in real time; past this it counts as hanging.
THREAD_GRACE_S = 20.0


class Deadlock(AssertionError):  # noqa: N818 - the word for it; it reads as a finding, not as an error of the loop
    """Nothing is ready, no timer is set, and somebody still waits; the message lists who and where."""


class _JumpingSelector(selectors.BaseSelector):
    """Polls the real selector; where that finds nothing it asks the loop what to do instead of waiting."""

    def __init__(self, idle: Callable[[float | None], _Ready]) -> None:
        self.real = selectors.DefaultSelector()
        self._idle = idle

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self.real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self.real.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self.real.modify(fileobj, events, data)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self.real.get_map()

    def close(self) -> None:
        self.real.close()

    def select(self, timeout: float | None = None) -> _Ready:
        events = self.real.select(0)
        return events if events or timeout == 0 else self._idle(timeout)


class VirtualLoop(asyncio.SelectorEventLoop):
    """A selector loop with its own `time()`; `horizon_s` bounds how far one test may travel."""

    def __init__(self, horizon_s: float = HORIZON_S) -> None:
        self._now = START_S
        self._end = START_S + horizon_s
        self._threads = 0
        self._jumping = _JumpingSelector(self._idle)
        super().__init__(self._jumping)
        self._own_sockets = len(self._jumping.get_map())

    def time(self) -> float:
        return self._now

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:  # type: ignore[override] # typeshed's TypeVarTuple says no more here
        """As asyncio's; while a thread works, time stands still."""
        future = super().run_in_executor(executor, func, *args)
        self._threads += 1
        future.add_done_callback(self._thread_ended)
        return future

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - asyncio's signature from 3.12 on; 3.11 takes none
        """As asyncio's, which joins in a thread that must be waited for in real time."""
        self._threads += 1
        try:
            await super().shutdown_default_executor()
        finally:
            self._threads -= 1

    def _thread_ended(self, _: object) -> None:
        self._threads -= 1

    def _idle(self, timeout_s: float | None) -> _Ready:
        """Nothing is ready: give the kernel a moment where sockets are open, then jump to the next timer, or fail."""
        if self._threads:
            return self._real(THREAD_GRACE_S) or self._stuck(f"a worker thread took more than {THREAD_GRACE_S:g} s")
        sockets = len(self._jumping.get_map()) > self._own_sockets
        if sockets and (events := self._real(SOCKET_GRACE_S)):
            return events
        if timeout_s is None:
            return (sockets and self._real(DEADLOCK_GRACE_S)) or self._stuck("nothing is ready and no timer is set")
        self._now = max(self._now, min(self._next_timer(), self._now + timeout_s))
        return [] if self._now <= self._end else self._stuck("past the horizon: some ticker never stops")

    def _real(self, wait_s: float) -> _Ready:
        return self._jumping.real.select(wait_s)

    def _next_timer(self) -> float:
        """The exact moment, free of the rounding in `now + (when - now)`; cancelled heads are gone before a select."""
        timers = cast("Any", self)._scheduled
        return cast("float", timers[0].when()) if timers else self._now

    def _stuck(self, what: str) -> NoReturn:
        raise Deadlock(self._say(what))

    def _say(self, what: str) -> str:
        tasks = sorted(asyncio.all_tasks(self), key=lambda task: task.get_name())
        lines = "\n".join(f"  {task.get_name()}: {waits_at(task)}" for task in tasks)
        return f"{what}, at t={self._now - START_S:g} s; pending tasks:\n{lines or '  (none)'}"


def waits_at(task: asyncio.Task[Any]) -> str:
    """Say where `task` is suspended, outermost frame first, and on what."""
    frames, last = [], None
    for frame, last in _awaits(task.get_coro()):  # noqa: B007 - the last one is what it waits for
        if frame is not None:
            frames.append(f"{frame.f_code.co_name} ({Path(frame.f_code.co_filename).name}:{frame.f_lineno})")
    return " > ".join(frames) + (f", on {_brief(last)}" if last is not None else "")


def _awaits(awaited: Any) -> Iterator[tuple[types.FrameType | None, Any]]:
    """Follow a chain of coroutines down to the future at its end."""
    while awaited is not None:
        if isinstance(awaited, types.CoroutineType):
            yield awaited.cr_frame, None
            awaited = awaited.cr_await
        elif isinstance(awaited, types.GeneratorType):
            yield awaited.gi_frame, None
            awaited = awaited.gi_yieldfrom
        else:
            yield None, awaited
            return


def _brief(awaited: object) -> str:
    if isinstance(awaited, asyncio.Task):
        return f"task {awaited.get_name()}"
    return type(awaited).__name__
