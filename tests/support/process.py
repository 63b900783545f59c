"""Real processes for tests: a program started on loopback, its log captured, its memory and sockets read from /proc.

`SidecarProcess` runs the product itself from a settings mapping, as an operator would; `Program` runs anything else.
Both stop what they started and nothing else; neither knows what the test is about.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from tests.support.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

ROOT = Path(__file__).resolve().parents[2]

START_TIMEOUT_S = 30.0
"""Two busy cores start a mono or PHP program in 3 s; ten times that is a hang, not a slow machine."""

STOP_TIMEOUT_S = 30.0
"""Past the default drain (5 s delay + 20 s), so that a clean stop is never mistaken for a hang."""

POLL_S = 0.02
"""How often a starting port is tried: well below the start-up time of anything we run."""


class ProgramError(RuntimeError):
    """A program that a test needs did not start or did not stop; the message ends with the last lines that it wrote."""


class Program:
    """One child process, its two output streams merged line by line into `lines`."""

    def __init__(
        self,
        argv: Sequence[str],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        name: str | None = None,
        stdin: int = subprocess.DEVNULL,
    ) -> None:
        self.argv = list(argv)
        self.name = name or Path(self.argv[0]).name
        self.lines: list[str] = []
        self._process = subprocess.Popen(
            self.argv,
            cwd=cwd or ROOT,
            env={**os.environ, **(env or {})},
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,  # a Ctrl-C at the terminal goes to pytest, which then stops us in order
        )
        self._reader = threading.Thread(target=self._read, name=f"{self.name} log", daemon=True)
        self._reader.start()

    def __repr__(self) -> str:
        code = self._process.poll()
        health = "running" if code is None else f"ended with {code}"
        return f"<{self.name} pid={self.pid} {health} lines={len(self.lines)}>"

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        return self._process.poll()

    def stop(self, timeout_s: float = STOP_TIMEOUT_S) -> int:
        """Ask it to end (SIGTERM) and return its exit code; kills it and raises when it does not end in time."""
        if self.running:
            self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise ProgramError(self._story(f"did not end within {timeout_s:g} s of SIGTERM and was killed")) from None
        return self._ended()

    def kill(self) -> int:
        """End it at once (SIGKILL), as a crash would, and return its exit code."""
        if self.running:
            self._process.kill()
        self._process.wait()
        return self._ended()

    def send_signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def wait_line(self, pattern: str, *, timeout_s: float = START_TIMEOUT_S, start: int = 0) -> re.Match[str]:
        """Wait until a captured line (from index `start` on) matches `pattern`, and return the match."""
        wanted = re.compile(pattern)
        deadline = time.monotonic() + timeout_s
        seen = start
        while True:
            while seen < len(self.lines):
                if found := wanted.search(self.lines[seen]):
                    return found
                seen += 1
            if not self.running and not self._reader.is_alive() and seen == len(self.lines):
                raise ProgramError(self._story(f"ended before it wrote a line like {pattern!r}"))
            if time.monotonic() > deadline:
                raise ProgramError(self._story(f"wrote no line like {pattern!r} within {timeout_s:g} s"))
            time.sleep(POLL_S)

    def wait_port(self, port: int, *, host: str = "127.0.0.1", timeout_s: float = START_TIMEOUT_S) -> None:
        """Wait until something accepts connections on `port`."""
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                socket.create_connection((host, port), timeout=1).close()
            except OSError:
                self._still(deadline, f"did not listen on {host}:{port} within {timeout_s:g} s")
            else:
                return

    def rss_bytes(self) -> int:
        """Resident memory now (VmRSS)."""
        return self._status("VmRSS")

    def peak_rss_bytes(self) -> int:
        """Highest resident memory so far (VmHWM)."""
        return self._status("VmHWM")

    def reset_peak_rss(self) -> None:
        """Let `peak_rss_bytes` start again from what is resident now (proc(5), clear_refs 5)."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def cpu_s(self) -> float:
        """User and system time used so far, in seconds."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf(
            "SC_CLK_TCK"
        )  # utime, stime: fields 14 and 15 of proc(5)

    def fd_count(self) -> int:
        """Open descriptors now."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))  # noqa: PTH208 - only counted: a Path for each would be waste

    def socket_inodes(self) -> frozenset[int]:
        """Inodes of the sockets it holds; /proc/net/tcp names connections by them."""
        return socket_inodes(self.pid)

    def _status(self, key: str) -> int:
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(f"{key}:"):
                return int(line.split()[1]) * 1024
        raise ProgramError(self._story(f"has no {key} in /proc: it has ended"))

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.lines.append(line.rstrip("\n"))

    def _ended(self) -> int:
        self._reader.join(timeout=5)  # a grandchild may keep the pipe open: then its lines are not waited for
        if self._process.stdout is not None and not self._reader.is_alive():
            self._process.stdout.close()
        if self._process.stdin is not None:
            self._process.stdin.close()
        return self._process.returncode

    def _still(self, deadline: float, complaint: str) -> None:
        """Sleep one poll, or raise when it has died or the time is up."""
        if not self.running:
            self._ended()
            raise ProgramError(self._story(f"ended with exit code {self.exit_code} while starting"))
        if time.monotonic() > deadline:
            self.kill()
            raise ProgramError(self._story(complaint))
        time.sleep(POLL_S)

    def _story(self, complaint: str) -> str:
        tail = "\n  ".join(self.lines[-30:]) or "(it wrote nothing)"
        return f"{self.name} (pid {self.pid}) {complaint}\n  {' '.join(self.argv)}\n  {tail}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self._leave)  # the backend of the test may live on this very loop

    def _leave(self) -> None:
        if self.running:
            self.stop()
        else:
            self._ended()


class SidecarProcess(Program):
    """`python -m sidecar run FILE` on a free port, ready when `/.sidecar/healthz` answers 200.

    `settings` is what an operator would write as YAML; a missing `listen` gets a free loopback port, a missing `drain`
    a short one, a missing `admin` a free port of its own. `directory` holds the file and anything that the settings name relative to it.
    """

    def __init__(
        self,
        settings: Mapping[str, Any],
        directory: Path,
        *,
        env: Mapping[str, str] | None = None,
        wait: bool = True,
    ) -> None:
        whole = {"version": 1, "drain": {"delay": "0s", "timeout": "5s"}, "admin": {"port": 0}, **settings}
        listen = {"host": "127.0.0.1", **whole.get("listen", {})}
        if "unix" not in listen:
            listen["port"] = listen.get("port") or free_port(listen["host"])
        else:
            listen.pop("host")
        self.listen = listen
        self.config = directory / "sidecar.yaml"
        # JSON is YAML 1.2: what we write here, an operator could have written.
        self.config.write_text(json.dumps({**whole, "listen": listen}, indent=2, ensure_ascii=False), encoding="utf-8")
        super().__init__(
            [sys.executable, "-m", "sidecar", "run", str(self.config)],
            env={"PYTHONUNBUFFERED": "1", **(env or {})},
            name="sidecar",
        )
        if wait:
            self.wait_healthy()

    @property
    def host(self) -> str:
        return str(self.listen["host"])

    @property
    def port(self) -> int:
        return int(self.listen["port"])

    @property
    def url(self) -> str:
        """Scheme, host and port of the public listener, without a trailing slash."""
        scheme = "https" if "tls" in self.listen else "http"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}:{self.port}"

    @property
    def admin_url(self) -> str:
        """Where operators look and give orders, as the log says it."""
        found = self.wait_line(r'"event":"admin","urls":\["([^"]+)"')
        return str(found[1])

    def wait_healthy(self, timeout_s: float = START_TIMEOUT_S) -> None:
        """Wait until the public listener says that it is healthy."""
        deadline = time.monotonic() + timeout_s
        while self._health() != http.HTTPStatus.OK:
            self._still(deadline, f"was not healthy within {timeout_s:g} s")

    def _health(self) -> int | None:
        connection = self._connection()
        try:
            connection.request("GET", "/.sidecar/healthz", headers={"Host": "localhost"})
            return connection.getresponse().status
        except OSError:
            return None
        except http.client.HTTPException:
            return None
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        if "unix" in self.listen:
            return _UnixConnection(self.listen["unix"])
        if "tls" in self.listen:
            import ssl  # noqa: PLC0415 - only where a test serves TLS

            unverified = ssl._create_unverified_context()  # liveness only; the test itself verifies
            return http.client.HTTPSConnection(self.host, self.port, timeout=2, context=unverified)
        return http.client.HTTPConnection(self.host, self.port, timeout=2)


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket, for the health check of a sidecar that listens on one."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=2)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def socket_inodes(pid: int) -> frozenset[int]:
    """Return the inodes of the sockets that process `pid` holds open now."""
    found = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = str(entry.readlink())
        except FileNotFoundError:  # closed while we looked
            continue
        if target.startswith("socket:["):
            found.add(int(target[8:-1]))
    return frozenset(found)
