"""`python -m bench.soak --minutes 15`: mixed traffic with faults, then: did anything grow? Exit code 1 where a bound is broken.

The sidecar runs as a process of its own, with an ear (`bench.inside`); the box office as another; the backend that breaks off
and all clients are threads and tasks of this one.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final

import orjson

from bench.process import Server, cores
from bench.report import Line, table
from bench.unrest import BACKEND, UNMARKED, Unrest
from tests.support.backend import ThreadBackend
from tests.support.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Sequence

GROWTH: Final = 1.03
QUIET_S: Final = 10.0  # every connection that waits for another call has been given up by then
WARM_UP: Final = 0.2  # of the time: caches and allocator reach their size
SAMPLE_S: Final = 1.0
_MIB: Final = 1024 * 1024

# Short times throughout: in fifteen minutes every one of them passes a thousand times.
SETTINGS: Final = """\
listen: {{host: 127.0.0.1, port: {port}}}
public_url: http://127.0.0.1:{port}
cors: {{origins: ["https://shop.example"]}}
limits: {{keep_alive: 5s, header_timeout: 2s, body_timeout: 2s}}
backends:
  tickets:
    protocol: soap
    path: /tickets
    url: "http://127.0.0.1:{box}/box.asmx"
    limit: {{fixed: 16}}
    queue: {{size: 40, wait: 2s}}
    timeouts: {{connect: 1s, first_byte: 3s, total: 4s}}
    ghost: 5s
    asmx_get: safe
    operations: {{"Get*": {{safe: true}}, "*": {{timeout: 4s}}}}
    results: [{{operation: ReserveTickets, when: {{path: ReserveTicketsResult, eq: 0}}, state: sold_out}}]
  boxrpc:
    protocol: xmlrpc
    path: /boxrpc
    url: "http://127.0.0.1:{box}/xmlrpc"
    limit: {{fixed: 4}}
    queue: {{size: 20, wait: 2s}}
    timeouts: {{connect: 1s, first_byte: 3s, total: 4s}}
    ghost: 5s
    operations: {{"*": {{timeout: 4s}}}}
  raw:
    protocol: soap
    path: /raw
    url: "{raw}/raw.asmx"
    limit: {{fixed: 8}}
    queue: {{size: 20, wait: 1s}}
    timeouts: {{connect: 1s, first_byte: 1s, total: 2s}}
    ghost: 3s
    deny: [DestroyCache]
    operations: {{"Get*": {{safe: true, timeout: 3s}}, "*": {{timeout: 3s}}}}
"""


@dataclass(slots=True)
class Watch:
    """Samples of the memory, one a second."""

    server: Server
    rss_bytes: list[int] = field(default_factory=list)

    async def run(self) -> None:
        """Sample until cancelled."""
        while True:
            self.rss_bytes.append(self.server.rss_bytes())
            await asyncio.sleep(SAMPLE_S)

    def tenths(self) -> str:
        """Return the medians of ten stretches of time, in MB: a leak goes on, a cache that fills up does not."""
        size = max(1, len(self.rss_bytes) // 10)
        return " ".join(f"{median(self.rss_bytes[at : at + size]) / _MIB:.1f}" for at in range(0, size * 10, size))

    def thirds(self) -> tuple[float, float]:
        """Return the medians of the first and of the last third after the warm-up, in bytes."""
        steady = self.rss_bytes[int(len(self.rss_bytes) * WARM_UP) :]
        third = max(1, len(steady) // 3)
        return median(steady[:third]), median(steady[-third:])


def main(argv: Sequence[str] | None = None) -> int:
    """Soak, print, judge."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=15.0, help="how long the traffic lasts")
    args = parser.parse_args(argv)
    measured, others = cores()
    box_port, control_port, port = free_port(), free_port(), free_port()
    box = Server.python(
        "sidecar.demo.box_office", "--port", box_port, "--control-port", control_port, port=box_port, core=others
    )
    with tempfile.TemporaryDirectory(prefix="soak-") as folder, box, ThreadBackend(BACKEND) as raw:
        file = Path(folder) / "sidecar.yaml"
        file.write_text(SETTINGS.format(port=port, box=box_port, raw=raw.url), "utf-8")
        with Server.python("bench.inside", file, port=port, core=measured, talks=True) as server:
            unrest = Unrest(port, f"http://127.0.0.1:{control_port}")
            lines = asyncio.run(_soak(server, unrest, args.minutes * 60))
    print(table(lines))
    print(f"\nstates of the rogues' calls: {dict(unrest.states.most_common())}")
    print(f"states of the crowd's calls: {dict(unrest.crowd.most_common())}")
    broken = [line.what for line in lines if not line.holds]
    print(f"\nbroken: {'; '.join(broken)}" if broken else "\nall bounds hold")
    return 1 if broken else 0


async def _soak(server: Server, unrest: Unrest, for_s: float) -> list[Line]:
    await asyncio.sleep(QUIET_S)  # the index of the WSDL is made, its connections are given up
    before = _state(server)
    watch = Watch(server)
    watching = asyncio.get_running_loop().create_task(watch.run())
    began = time.monotonic()
    try:
        await unrest.run(for_s)
    finally:
        watching.cancel()
    lasted_s = time.monotonic() - began
    await asyncio.sleep(QUIET_S)
    after = _state(server)
    first, last = watch.thirds()
    calls = unrest.states.total() + unrest.crowd.total()
    growth = (
        f"from {first / _MIB:.1f} to {last / _MIB:.1f} MB; {calls} calls in {lasted_s / 60:.1f} minutes; "
        f"by tenths of the time {watch.tenths()} MB"
    )
    print(f"objects that the collector knows: {before['objects']} before, {after['objects']} after")
    return [
        Line("memory of the last third over the first", last / first, "x", GROWTH, growth),
        *(
            Line(
                f"{what} after {QUIET_S:g} s of quiet",
                after[what] - before[what],
                "more",
                0.0,
                _both(what, before, after),
            )
            for what in ("tasks", "sockets", "descriptors")
        ),
        Line("replies without a state", unrest.states[UNMARKED] + unrest.crowd[UNMARKED], "", 0.0),
    ]


def _state(server: Server) -> dict[str, Any]:
    state: dict[str, Any] = orjson.loads(server.ask("state"))
    state["names"], state["tasks"] = state["tasks"], len(state["tasks"])
    return state


def _both(what: str, before: dict[str, Any], after: dict[str, Any]) -> str:
    detail = "names" if what == "tasks" else "kinds"
    more = "" if before[what] == after[what] else f"; {before[detail]} became {after[detail]}"
    return f"{before[what]} before, {after[what]} after{more}"


if __name__ == "__main__":
    sys.exit(main())
