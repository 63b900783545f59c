"""`python -m bench.overload`: what reaches people while the demo's box office is asked for more than it bears, live on loopback.

Arrivals are open-loop (a crowd does not wait for one another), callers hang up after three seconds, and the box office is at its best with
20 calls in flight and collapses beyond. Nothing is tuned: the sidecar has four lines of settings. Peers run against the same house.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
import tempfile
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Final, cast

import orjson
import uvloop

from bench import messages
from bench.overload_peers import PEERS
from bench.process import Server, cores
from sidecar.tasks import spawn
from tests.support.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE_S: Final = 3.0
WARM_S, WINDOW_S = 8.0, 30.0
DROPS_AT_S, DROP_S = 12.0, 60.0  # when the knee drops, after the warm-up, and for how long that is watched
KNEE_AFTER: Final = 8
OPERATION: Final = "GetPerformances"
_WAY_S: Final = 0.2  # of their patience, which callers keep for the way back: what they let the sidecar wait is less
_TICK_S: Final = 0.002  # arrivals are handed out in such steps: finer than the loop's timers are

_SIDECAR: Final = """\
listen: {{port: {port}}}
admin: {{port: {admin}}}
backends:
  box: {{protocol: soap, path: /box.asmx, url: "http://127.0.0.1:{origin}/box.asmx"}}
"""


@dataclass(slots=True)
class Second:
    """What became of the calls that arrived within one second."""

    offered: int = 0
    good: int = 0  # the backend's answer, in time
    told: int = 0  # refused, with a state and a time to come back
    unknown: int = 0  # sent, and not answered in time: the state says that it may have been done
    mute: int = 0  # anything else without a state or a time
    silent: int = 0  # nothing within three seconds, or a connection that ended


@dataclass(slots=True)
class Crowd:
    """Sends calls at `rate` a second to `port` until it is told to stop; counts by the second of arrival."""

    port: int
    rate: float
    seed: int
    seconds: dict[int, Second] = field(default_factory=dict)
    idle: list[_Caller] = field(default_factory=list)
    busy: int = 0
    ours: bool = True  # a sidecar is asked, whose refusals have states

    async def run(self, for_s: float) -> None:
        """Let people come for so long, then wait for the last of them."""
        loop, rng = asyncio.get_running_loop(), Random(self.seed)
        body = messages.call(OPERATION)
        request = messages.post(body, OPERATION).replace(
            b"\r\nHost:", b"\r\nSidecar-Timeout: %.1f\r\nHost:" % (PATIENCE_S - _WAY_S), 1
        )
        began = loop.time()
        next_at = rng.expovariate(self.rate)
        while (now_s := loop.time() - began) < for_s:
            while next_at <= now_s:
                second = self.seconds.setdefault(int(next_at), Second())
                second.offered += 1
                self._call(loop, request, second)
                next_at += rng.expovariate(self.rate)
            await asyncio.sleep(_TICK_S)
        await asyncio.sleep(PATIENCE_S + 0.2)
        for caller in self.idle:
            caller.transport.abort()

    def _call(self, loop: asyncio.AbstractEventLoop, request: bytes, second: Second) -> None:
        self.busy += 1
        while self.idle:
            caller = self.idle.pop()
            if not caller.transport.is_closing():
                caller.ask(request, second)
                return
        spawn(self._connect(loop, request, second), "connect")

    async def _connect(self, loop: asyncio.AbstractEventLoop, request: bytes, second: Second) -> None:
        try:
            async with asyncio.timeout(PATIENCE_S):
                _, caller = await loop.create_connection(lambda: _Caller(self), "127.0.0.1", self.port)
        except (OSError, TimeoutError):
            second.silent += 1
            self.busy -= 1
            return
        caller.ask(request, second)


class _Caller(asyncio.Protocol):
    """One connection; one call at a time, given up after three seconds."""

    def __init__(self, crowd: Crowd) -> None:
        self._crowd = crowd
        self._got = b""
        self._second: Second | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def ask(self, request: bytes, second: Second) -> None:
        """Send one call."""
        self._second, self._got = second, b""
        self._timer = asyncio.get_running_loop().call_later(PATIENCE_S, self.transport.abort)
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        got = self._got = self._got + data
        end = got.find(b"\r\n\r\n")
        if end < 0 or self._second is None:
            return
        head = got[:end].lower()
        at = head.find(b"content-length:")
        if at < 0:
            self.transport.abort()  # a page without a length: nothing that a program could read
            return
        if len(got) < end + 4 + int(head[at + 15 :].split(b"\r", 1)[0]):
            return
        second = self._second
        if head[9:12] == b"200":
            second.good += 1
        elif b"\r\nsidecar-state: outcome_unknown" in head:
            second.unknown += 1
        elif b"\r\nretry-after:" in head and (b"\r\nsidecar-state:" in head or not self._crowd.ours):
            second.told += 1
        else:
            second.mute += 1
        self._over()
        if b"\r\nconnection: close" in head:
            self.transport.abort()
        else:
            self._crowd.idle.append(self)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        if self._second is not None:
            self._second.silent += 1
            self._over()

    def _over(self) -> None:
        self._second = None
        self._crowd.busy -= 1
        if self._timer is not None:
            self._timer.cancel()


_KINDS: Final = ("offered", "good", "told", "unknown", "mute", "silent")


@dataclass(frozen=True, slots=True)
class Outcome:
    """Averages a second over a window."""

    offered: float
    good: float
    told: float
    unknown: float
    mute: float
    silent: float

    @classmethod
    def of(cls, crowd: Crowd, begin: int, end: int) -> Outcome:
        """Sum up the seconds from `begin` to before `end`."""
        rows = [crowd.seconds.get(at, Second()) for at in range(begin, end)]
        return cls(*(sum(getattr(row, name) for row in rows) / len(rows) for name in _KINDS))


@contextlib.contextmanager
def box_office(core: int) -> Iterator[tuple[Server, int]]:
    """Run the house; yields it and the port of its controls."""
    port, control = free_port(), free_port()
    with Server.python(
        "sidecar.demo.box_office", "--port", port, "--control-port", control, port=port, core=core
    ) as box:
        yield box, control


def subject(name: str, folder: Path, origin: int, core: int) -> Server | None:
    """Return who stands before the house; None where it is not installed."""
    if name == "sidecar":
        port, admin = free_port(), free_port()
        file = folder / f"sidecar-{port}.yaml"
        file.write_text(_SIDECAR.format(port=port, admin=admin, origin=origin), "utf-8")
        return Server.python("sidecar", "run", file, port=port, core=core)
    return next(peer for peer in PEERS if peer.name == name).server(folder, origin, core)


def measure(name: str, rate: float, seed: int, *, drops: bool = False) -> tuple[Crowd, list[float]] | None:
    """Run one case; returns the crowd, and where a sidecar is asked the limit by the second. None where `name` is not installed."""
    near, far = cores()
    with tempfile.TemporaryDirectory() as folder, box_office(far) as (box, control), contextlib.ExitStack() as stack:
        if name == "direct":
            port = box.port
        else:
            server = subject(name, Path(folder), box.port, near)
            if server is None:
                return None
            port = stack.enter_context(server).port
        crowd = Crowd(port, rate, seed, ours=name == "sidecar")
        return crowd, uvloop.run(_drive(crowd, control, drops=drops))


async def _drive(crowd: Crowd, control: int, *, drops: bool) -> list[float]:
    limits: list[float] = []
    coming = spawn(crowd.run(WARM_S + (DROPS_AT_S + DROP_S if drops else WINDOW_S)), "crowd")
    if drops:
        await asyncio.sleep(WARM_S + DROPS_AT_S)
        await asyncio.to_thread(_control, control, {"knee": KNEE_AFTER})
    await coming
    return limits


def _control(port: int, wish: dict[str, object]) -> None:
    request = urllib.request.Request(f"http://127.0.0.1:{port}/_control", orjson.dumps(wish), method="POST")
    with urllib.request.urlopen(request, timeout=5):
        pass


def main() -> int:
    """Print a table; exit code 1 where the sidecar misses a bound."""
    parser = argparse.ArgumentParser(prog="python -m bench.overload", description=__doc__)
    parser.add_argument("--rates", type=float, nargs="*", default=[180, 400, 2000], help="arrivals a second")
    parser.add_argument("--seeds", type=int, default=3, help="runs of each case with the sidecar")
    parser.add_argument(
        "--peer-seeds", type=int, default=1, help="runs of each case with the others; 0 leaves them out"
    )
    parser.add_argument("--only", nargs="*", help="names of those who are measured")
    parser.add_argument("--no-drop", action="store_true", help="leave out the case in which the knee drops")
    asked = parser.parse_args()
    print(
        "| before the house | arrivals /s | good /s | told /s | unknown /s | mute /s | silent /s |\n|---|---|---|---|---|---|---|"
    )
    kept = True
    for name in ("sidecar", "direct", *(peer.name for peer in PEERS)):
        if asked.only and name not in asked.only:
            continue
        seeds = asked.seeds if name == "sidecar" else asked.peer_seeds
        for rate in asked.rates:
            runs = [done[0] for seed in range(seeds) if (done := measure(name, rate, seed + 1)) is not None]
            kept &= _say(name, rate, f"{rate:g}", runs, int(WARM_S), int(WARM_S + WINDOW_S))
        if not asked.no_drop:
            runs = [done[0] for seed in range(seeds) if (done := measure(name, 400, seed + 1, drops=True)) is not None]
            at = int(WARM_S + DROPS_AT_S)
            kept &= _say(name, 400, "400, knee 20 -> 8: 8 to 18 s after", runs, at + 8, at + 18, 60)
            kept &= _say(name, 400, "400, knee 20 -> 8: 30 to 60 s after", runs, at + 30, at + 60, 70)
    return 0 if kept else 1


def _say(
    name: str, rate: float, what: str, runs: list[Crowd], begin: int, end: int, least: float | None = None
) -> bool:
    """Print one row; say whether the sidecar keeps its bounds."""
    if not runs:
        return True
    rows = [Outcome.of(crowd, begin, end) for crowd in runs]
    offered, good, told, unknown, mute, silent = (sum(getattr(row, key) for row in rows) / len(rows) for key in _KINDS)
    each = " ".join(f"{row.good:.1f}" for row in rows)
    print(
        f"| {name} | {what} | {good:.1f} ({each}) | {told:.1f} | {unknown:.2f} | {mute:.2f} | {silent:.2f} |",
        flush=True,
    )
    if name != "sidecar":
        return True
    wanted = least if least is not None else 0.985 * offered if rate < 200 else 184.0
    return bool(good >= wanted and mute == 0 and silent == 0)


if __name__ == "__main__":
    sys.exit(main())
