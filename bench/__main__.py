"""`python -m bench`: every cost line of the product, with its baselines, in one run. Exit code 1 where a bound is broken."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from bench.cost import cost
from bench.facade import facade
from bench.hall import hall
from bench.hold import hold
from bench.memory import memory
from bench.policies import policies
from bench.polls import polls
from bench.process import Server, cores
from bench.report import Line, table
from bench.rooms import rooms
from bench.slru import slru
from bench.watch import watch
from tests.support.ports import free_port

SECTIONS = ("cost", "watch", "hold", "memory", "policies", "slru", "facade", "rooms", "hall", "polls")


def main() -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("sections", nargs="*", choices=[*SECTIONS, []], help=f"of {', '.join(SECTIONS)}; default: all")
    parser.add_argument("--rounds", type=int, default=9, help="rounds of the cost lines; each takes some ten seconds")
    args = parser.parse_args()
    wanted = args.sections or SECTIONS
    measured, others = cores()
    os.sched_setaffinity(0, {others})
    port = free_port()
    lines: list[Line] = []
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as name,
        Server.python("bench.subjects", "origin", port, port=port, core=others) as origin,
    ):
        folder = Path(name)
        if "cost" in wanted:
            lines += cost(folder, measured, origin, args.rounds)
        if "watch" in wanted:
            lines += watch(folder, measured, origin, args.rounds)
        if "hold" in wanted:
            lines += hold(folder, measured, origin)
        if "memory" in wanted:
            lines += memory(folder, measured, origin)
        if "policies" in wanted:
            lines += policies()
        if "slru" in wanted:
            lines += slru()
        if "facade" in wanted:
            lines += facade(folder, measured, others, args.rounds)
        if "rooms" in wanted:
            lines += rooms()
        if "hall" in wanted:
            lines += hall()
        if "polls" in wanted:
            lines += polls(folder, measured, origin, args.rounds)
    print(table(lines))
    broken = [line.what for line in lines if not line.holds]
    print(f"\nbroken: {'; '.join(broken)}" if broken else "\nall bounds hold")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
