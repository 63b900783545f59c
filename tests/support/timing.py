"""How long a piece of synchronous work takes, for tests that compare two pieces in the same process."""

from __future__ import annotations

import gc
import sys
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

_OVER: Final = object()


def best_s(work: Callable[[], object], times: int = 9) -> float:
    """Return the shortest of several runs in seconds of this thread's CPU time: what the work costs when nobody else wants the machine.

    Without tracing: coverage makes Python several times dearer and C none, so that a ratio of the two means nothing.
    Without the collector, as `timeit`: what it costs depends on what other tests have left alive.
    """
    trace = sys.gettrace()
    collects = gc.isenabled()
    sys.settrace(None)
    gc.disable()
    try:
        return min(_once_s(work) for _ in range(times))
    finally:
        sys.settrace(trace)
        if collects:
            gc.enable()


def _once_s(work: Callable[[], object]) -> float:
    started = time.thread_time()
    work()
    return time.thread_time() - started


def longest_ms(pieces: Generator[object, None, object]) -> float:
    """Return the longest piece of a work that is done piece by piece, the last one included, in milliseconds of this thread's CPU time."""
    longest, goes_on = 0.0, True
    while goes_on:
        began = time.thread_time()
        goes_on = next(pieces, _OVER) is not _OVER
        longest = max(longest, (time.thread_time() - began) * 1000)
    return longest
