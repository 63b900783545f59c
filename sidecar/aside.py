"""Work that may hang (files on a disk that does not answer, a pipe that nobody fills), in a thread that nobody has to wait for.

Stands beside the road. The loop's own pool is waited for at the end of the process and has a few threads for everybody: one that hangs
there holds up the exit. Here the loop goes on after a while, and the thread ends with the process.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from threading import Thread
from typing import TYPE_CHECKING, Final, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

MOST: Final = (
    8  # threads that hang: a disk that does not answer is asked some times more, for it may come back, and not for ever
)
_hanging: set[Thread] = set()


async def aside(work: Callable[[], T], within_s: float) -> T:
    """Return what `work` returns, or raise what it raises. Raises TimeoutError where it does not come to an end, or too many do not."""
    _hanging.difference_update([thread for thread in _hanging if not thread.is_alive()])
    if len(_hanging) >= MOST:
        raise TimeoutError(f"{MOST} tries before hang still")
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def run() -> None:
        try:
            made = work()
        except BaseException as error:  # noqa: BLE001 - it is the asker's, whatever it is
            _tell(loop, done, None, error)
        else:
            _tell(loop, done, made, None)

    thread = Thread(target=run, name="aside", daemon=True)
    thread.start()
    try:
        async with asyncio.timeout(within_s):
            return await done
    finally:
        if not done.done() or done.cancelled():
            _hanging.add(thread)


def _tell(
    loop: asyncio.AbstractEventLoop, done: asyncio.Future[T], made: T | None, error: BaseException | None
) -> None:
    def tell() -> None:
        if done.done():
            return  # nobody waits any more
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(cast("T", made))

    with suppress(RuntimeError):  # the loop is gone, and with it whoever asked
        loop.call_soon_threadsafe(tell)
