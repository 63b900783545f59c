"""What JSON costs: the codec beside zeep, the loop while large replies are read, a hit, and a vendor's whole contract at its first use."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Final

import orjson

from bench.facade_served import hits, ready
from bench.process import ROOT
from bench.report import Line

if TYPE_CHECKING:
    from pathlib import Path

_LAG_S: Final = 5.0
_LAG_MS: Final = 5.0
_BOUNDS: Final = {"decode": 6.0, "encode": 8.0}
_SAID: Final = {
    "decode": ("a reply to JSON", "process_reply"),
    "encode": ("values to a call", "create_message"),
    "ask": ("JSON to a call, read and checked", "create_message"),
}
_FREE: Final = frozenset(("decode DataSet 15 KB",))  # the bounds are about what zeep reads as well as we do


def facade(folder: Path, core: int, others: int, rounds: int) -> list[Line]:
    """Measure and return the lines."""
    return [*_codec(core, rounds), *_lag(core), *hits(folder, core, others, rounds), *ready(folder, core, others)]


def _codec(core: int, rounds: int) -> list[Line]:
    lines = []
    for what, (ratio, ours_us, theirs_us) in _alone(core, "bench.facade_codec", rounds).items():
        verb, _, of = what.partition(" ")
        said, theirs = _SAID[verb]
        bound = None if what in _FREE else _BOUNDS.get(verb)
        beside = f"{_time(ours_us)} against {_time(theirs_us)}"
        lines.append(Line(f"{said}, {of}: times as quick as zeep's {theirs}", ratio, "x", bound, beside, at_least=True))
    return lines


def _time(us: float) -> str:
    return f"{us:.3g} µs" if us < 1000 else f"{us / 1000:.1f} ms"


def _lag(core: int) -> list[Line]:
    seen = _alone(core, "bench.facade_lag", _LAG_S)
    (late, *others), rest, turns = seen["passes"], seen["rest"], seen["turns"]
    elsewhere = ", ".join(f"{each['p99']:.1f}" for each in others)
    beside = (
        f"p50 {late['p50']:.2f}, longest {late['max']:.1f}; in other passes p99 "
        f"{elsewhere}; at rest p50 {rest['p50']:.2f}, p99 {rest['p99']:.2f}, "
        f"longest {rest['max']:.1f} ms; {seen['replies_s']:.0f} replies a second; "
        f"longest turn of the loop {turns['cpu_ms'][0]:.1f} ms of CPU"
    )
    return [Line("timers late while two read 600 KB replies, p99", late["p99"], "ms", _LAG_MS, beside)]


def _alone(core: int, module: str, argument: float) -> Any:
    """Run a module of ours on the core for what is measured, and return what it prints."""
    ran = subprocess.run(
        [sys.executable, "-m", module, str(argument)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=True,
        preexec_fn=lambda: os.sched_setaffinity(0, {core}),
    )
    return orjson.loads(ran.stdout)
