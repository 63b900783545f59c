"""The process's memory as a whole: what the collector looks through, and what goes back to the system.

Stands beside the road; called once, when everything that lives as long as the process has been made. It frees nothing by itself.
"""

from __future__ import annotations

import ctypes
import gc
from typing import Final

# A call makes some hundred objects and leaves no cycle behind, however it ends (tests/scenarios/test_leftovers_e2e.py): there is little to
# find, and looking through 2 000 takes 0.1 ms. Whatever outlives two of these looks is looked at again after a million more, if ever.
_COLLECT: Final = (2_000, 10, 50)
# Parameters of glibc's allocator (mallopt(3)). Left alone it takes ever larger blocks from the heap, where a small one behind them keeps
# megabytes from going back, and gives every thread a heap of its own: in a quarter of an hour of faults that came to 4 MB.
_TRIM_THRESHOLD: Final = -1
_MMAP_THRESHOLD: Final = -3
_ARENA_MAX: Final = -8
_FAST_MAX: Final = 1
_BLOCK_BYTES: Final = 128 * 1024  # glibc's own default, which it moves away from unless it is set
_SPARE_BYTES: Final = (
    1024 * 1024
)  # kept at the end of the heap: giving back and asking anew, five times a second, for the log's lines
_ARENAS: Final = 2  # one for the loop, one for all threads: they hardly ever work at once


def settle() -> None:
    """Leave alone what the start has made, and give large blocks back when they are free."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECT)
    _give_back()


def _give_back() -> bool:
    """Set the allocator so; False where it is not glibc's (musl gives back by itself)."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    # Small blocks that are freed are joined with their neighbours at once. Glibc keeps them apart and joins all of them in one go at the
    # next large block: 8 ms for the nodes of a document of 600 KB that is done with.
    settings = (
        (_FAST_MAX, 0),
        (_MMAP_THRESHOLD, _BLOCK_BYTES),
        (_TRIM_THRESHOLD, _SPARE_BYTES),
        (_ARENA_MAX, _ARENAS),
    )
    return all(mallopt(name, value) for name, value in settings)
