"""A newcomer with the README and nothing else: its fenced blocks, a fresh folder, one shell that he types into.

Stands before the README's tests. What it changes of what the README says are addresses alone, and only in `Addresses`: a machine that
runs tests may use the usual ports for something else.
"""

from __future__ import annotations

import os
import queue
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from tests.house.tree import ROOT
from tests.support.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import TracebackType

CALLERS, OPERATORS, BACKEND, PAGES = 8080, 8081, 9000, 8090
_PATIENCE_S: Final = 60.0  # a command on two busy cores takes three
_GOING_S: Final = 10.0  # the drain of `Addresses` takes two
_FENCE: Final = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_REMARK: Final = re.compile(r" {2,}#.*$", re.MULTILINE)
_END: Final = "end of command: "


@dataclass(frozen=True, slots=True)
class Block:
    """What stands between two fences, and at which line of its document it begins."""

    language: str
    line: int
    text: str


def blocks(document: str) -> list[Block]:
    """Return the fenced blocks of a document in order."""
    return [
        Block(found[1], document.count("\n", 0, found.start()) + 2, found[2]) for found in _FENCE.finditer(document)
    ]


def commands(block: str) -> list[str]:
    """Return the commands of a block as they are typed, remarks left out; one goes on to the next line where a quote is open."""
    typed: list[str] = []
    for line in _REMARK.sub("", block).splitlines():
        if typed and typed[-1].count("'") % 2:
            typed[-1] += f"\n{line}"
        elif line.strip():
            typed.append(line)
    return typed


class Addresses:
    """THE place where addresses are changed: the usual ports become free ones, in commands, settings and scripts alike.

    Ports that settings leave out come from a file beside them that is included, and so does a drain that does not wait for balancers.
    """

    def __init__(self, ports: Mapping[int, int] | None = None) -> None:
        self.ports = {usual: free_port() for usual in (CALLERS, OPERATORS, BACKEND, PAGES)} | dict(ports or {})

    def moved(self, text: str) -> str:
        """Return `text` with free ports in it."""
        return re.sub(
            r"(127\.0\.0\.1:|--port )(\d+)\b", lambda hit: hit[1] + str(self.ports.get(int(hit[2]), int(hit[2]))), text
        )

    def settle(self, settings: str, folder: Path, name: str) -> None:
        """Write a file of settings, moved."""
        (folder / "ports.yaml").write_text(
            f"listen: {{port: {self.ports[CALLERS]}}}\n"
            f"admin: {{port: {self.ports[OPERATORS]}}}\n"
            "drain: {delay: 0s, timeout: 1s}\n"
        )
        (folder / name).write_text(f"{self.moved(settings)}include: [ports.yaml]\n")

    @property
    def environment(self) -> dict[str, str]:
        """What tells commands where the admin listener is, in place of the usual port."""
        return {"SIDECAR_ADMIN": f"http://127.0.0.1:{self.ports[OPERATORS]}"}

    def wait(self, usual: int) -> None:
        """Wait until somebody listens there."""
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            with suppress(OSError):
                socket.create_connection(("127.0.0.1", self.ports[usual]), timeout=1).close()
                return
            assert time.monotonic() < deadline, f"nobody listens at what the README calls port {usual}"
            time.sleep(0.05)


@dataclass(frozen=True, slots=True)
class Said:
    """What a command wrote, both streams, and its exit code."""

    text: str
    code: int


class Shell:
    """One bash in a fresh folder, in which `make demo` has been: `.venv/bin` has python and sidecar. It ends with all that it started."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        bin_ = folder / ".venv" / "bin"
        bin_.mkdir(parents=True)
        for name, module in (("python", ""), ("sidecar", " -m sidecar")):
            (bin_ / name).write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)}{module} "$@"\n')
            (bin_ / name).chmod(0o755)
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("SIDECAR_")}
        self._process = subprocess.Popen(
            ["bash", "--norc", "--noprofile"],
            cwd=folder,
            env={**inherited, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", "COLUMNS": "80", **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,  # a group of its own: what it has started ends with it
        )
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, name="newcomer", daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)

    def run(self, command: str) -> Said:
        """Type one command and wait for its end."""
        assert self._process.stdin is not None
        self._process.stdin.write(f'{command}\n_code=$?; echo; echo "{_END}$_code"\n')
        self._process.stdin.flush()
        deadline, said = time.monotonic() + _PATIENCE_S, ""
        while True:
            try:
                line = self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"{command!r} did not end; it wrote\n{said}") from None
            if line.startswith(_END):
                return Said(said, int(line.removeprefix(_END)))
            said += line

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
            self._reader.join(_GOING_S)  # it ends when nobody is left who could write
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
