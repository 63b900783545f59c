"""A server under measurement: a process of its own, pinned to one core, its CPU time and memory read from the kernel.

It starts, is read and is ended here; what it serves is not known here.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT: Final = Path(__file__).resolve().parents[1]
READY_S: Final = 20.0  # a cold start on a busy machine takes three
_KIB: Final = 1024


class Failed(RuntimeError):  # noqa: N818 - what it says is what happened
    """A server did not start; the text says which and what it wrote."""


def cores() -> tuple[int, int]:
    """Return the core for what is measured and the core for everything else; the same one where there is only one."""
    mine = sorted(os.sched_getaffinity(0))
    return mine[0], mine[-1]


class Server:
    """One process. `with Server(...)` starts it, waits until `port` answers, and ends it."""

    def __init__(self, argv: Sequence[str], port: int, core: int, *, talks: bool = False) -> None:
        self.argv, self.port, self._core, self._talks = list(argv), port, core, talks

    @classmethod
    def python(cls, module: str, *args: object, port: int, core: int, talks: bool = False) -> Server:
        """Return a server that is a module of ours, run by this interpreter."""
        return cls([sys.executable, "-m", module, *map(str, args)], port, core, talks=talks)

    def __enter__(self) -> Self:
        self.process = subprocess.Popen(
            self.argv,
            cwd=ROOT,
            stdin=subprocess.PIPE if self._talks else subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE if self._talks else subprocess.DEVNULL,
            preexec_fn=lambda: os.sched_setaffinity(0, {self._core}),  # noqa: PLW1509 - no threads of ours run yet
        )
        try:
            self._wait_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_exc: object) -> None:
        self.process.terminate()
        try:
            self.process.wait(2.0)
        except subprocess.TimeoutExpired:
            self.process.kill()  # a sidecar drains longer than a bench wants to wait
            self.process.wait()
        for pipe in (self.process.stdin, self.process.stderr):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def _wait_ready(self) -> None:
        until = time.monotonic() + READY_S
        while time.monotonic() < until and self.process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1.0):
                return
            time.sleep(0.05)
        raise Failed(f"did not start within {READY_S:g} s: {' '.join(self.argv)}")

    def ask(self, question: str) -> str:
        """Ask a process that talks (`bench.inside`); returns its one line."""
        stdin, stderr = self.process.stdin, self.process.stderr
        assert stdin is not None, "started with talks=True"
        assert stderr is not None, "started with talks=True"
        stdin.write(question.encode() + b"\n")
        stdin.flush()
        for line in stderr:
            if line.startswith(b"= "):
                return line[2:].decode().strip()
        raise Failed(f"ended while it was asked {question!r}: {' '.join(self.argv)}")

    def cpu_s(self) -> float:
        """Return the CPU seconds of all its threads, to the nanosecond (clock_getcpuclockid(3): the clock of another process)."""
        return time.clock_gettime((~self.process.pid << 3) | 2)

    def rss_bytes(self) -> int:
        """Return what it holds in memory."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text("ascii").splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * _KIB
        raise Failed("the process has no VmRSS: it has ended")
