"""The process's memory as a whole, each time in a process of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

SETTLED = """
import gc
from sidecar import heap
before = len(gc.get_objects())
heap.settle()
print(before > 1000 > len(gc.get_objects()), gc.get_freeze_count() > 1000, gc.isenabled())
"""

HOLES = """
import sys
from sidecar import heap
if sys.argv[1] == "settled":
    heap.settle()
def held_kib():
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))
for _ in range(3):  # the first large block that is freed is what moves the threshold away
    blocks = [b"x" * 200_000 for _ in range(300)]
    before = held_kib()
    del blocks[:-1]  # the last one lies behind all others
print(before - held_kib())
"""


def run(code: str, *args: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code, *args], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_what_the_start_has_made_is_left_alone() -> None:
    """It is out of the collector's sight, which goes on working."""
    assert run(SETTLED) == "True True True"


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator is asked")
def test_large_blocks_go_back() -> None:
    """Although something that was made after them still lives: 300 blocks of 200 KB are 58 MB. Left alone, glibc keeps them."""
    assert int(run(HOLES, "settled")) > 50_000 > 5_000 > int(run(HOLES, "left alone"))
