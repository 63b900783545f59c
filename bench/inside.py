"""The sidecar as `sidecar run` starts it, with an ear: questions on standard input, answers on standard error.

Only for what cannot be seen from outside: how long the loop is held, how many tasks there are. What is measured by CPU time and
memory runs without it.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import threading
import time
from typing import TYPE_CHECKING, Final

import orjson

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_WORST: Final = 5


class Probe:
    """Measures every turn of the loop: a callback that comes again in the next one.

    What a turn costs is the loop's own CPU time between two callbacks: being preempted by another process does not count, system
    calls of ours do. The wall time is kept beside it.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._on = False
        self._cpu_s = self._wall_s = 0.0
        self.turns = 0
        self.worst_cpu_s: list[float] = []
        self.worst_wall_s = 0.0

    def start(self) -> None:
        """Begin anew."""
        self.turns, self.worst_cpu_s, self.worst_wall_s = 0, [], 0.0
        self._cpu_s, self._wall_s = time.thread_time(), time.perf_counter()
        if not self._on:
            self._on = True
            self._loop.call_soon(self._turn)

    def stop(self) -> dict[str, object]:
        """Say what was seen since the start."""
        self._on = False
        worst = sorted(self.worst_cpu_s, reverse=True)
        return {"turns": self.turns, "cpu_ms": [each * 1000 for each in worst], "wall_ms": self.worst_wall_s * 1000}

    def _turn(self) -> None:
        cpu_s, wall_s = time.thread_time(), time.perf_counter()
        held_s = cpu_s - self._cpu_s
        self.worst_wall_s = max(self.worst_wall_s, wall_s - self._wall_s)
        if len(self.worst_cpu_s) < _WORST or held_s > self.worst_cpu_s[-1]:
            self.worst_cpu_s = sorted([*self.worst_cpu_s, held_s], reverse=True)[:_WORST]
        self.turns += 1
        self._cpu_s, self._wall_s = time.thread_time(), time.perf_counter()
        if self._on:
            self._loop.call_soon(self._turn)


def state(loop: asyncio.AbstractEventLoop) -> dict[str, object]:
    """Return what could leak: tasks by name, descriptors by kind, and memory after a collection."""
    gc.collect()
    kinds: dict[str, int] = {}
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - descriptors are numbers, not paths
        try:
            kind = os.readlink(f"/proc/self/fd/{name}").split(":")[0]  # noqa: PTH115 - as above
        except OSError:
            continue  # the descriptor of this very listing
        kinds[kind] = kinds.get(kind, 0) + 1
    tasks = sorted(task.get_name().rstrip("0123456789") for task in asyncio.all_tasks(loop))
    objects = len(gc.get_objects())
    return {
        "objects": objects,
        "tasks": tasks,
        "sockets": kinds.get("socket", 0),
        "descriptors": sum(kinds.values()),
        "kinds": kinds,
    }


def answer_questions(loop: asyncio.AbstractEventLoop, more: Mapping[str, Callable[[], object]] | None = None) -> None:
    """Listen on standard input from a thread, if anybody can write there, and answer from the loop; `more` are questions besides."""
    probe = Probe(loop)

    def started() -> str:
        probe.start()
        return "started"

    questions: dict[str, Callable[[], object]] = {
        "probe": started,
        "stop": probe.stop,
        "state": lambda: state(loop),
        **(more or {}),
    }

    def tell(question: str) -> None:
        sys.stderr.write(f"= {orjson.dumps(questions[question]()).decode()}\n")
        sys.stderr.flush()

    def listen() -> None:
        for line in sys.stdin:
            loop.call_soon_threadsafe(tell, line.strip())

    threading.Thread(target=listen, name="questions", daemon=True).start()


async def main(config: str, more: Mapping[str, Callable[[], object]] | None = None) -> int:
    """Serve as `sidecar run` does."""
    from sidecar.serve import serve  # noqa: PLC0415 - in the order of `sidecar run`, so that memory is like its own
    from sidecar.settings.load import load_all  # noqa: PLC0415 - as above

    loaded = load_all(config)
    answer_questions(asyncio.get_running_loop(), more)
    return await serve(loaded, lambda: load_all(config))


if __name__ == "__main__":
    import uvloop

    sys.exit(uvloop.run(main(sys.argv[1])))
