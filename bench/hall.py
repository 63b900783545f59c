"""What a whole waiting room of a million costs: joins, the draw, ticks, what is told and what is kept, and the memory of all of it.

In a process of its own (`python -m bench.hall`), where nothing can be used again and what grows is the room's. The clock is the bench's:
what a room does in an evening is done in half a minute.
"""

from __future__ import annotations

import gc
import subprocess
import sys
from pathlib import Path
from random import Random
from time import process_time
from typing import TYPE_CHECKING, Final

import orjson

from bench.process import ROOT
from bench.report import Line
from sidecar.hall import _CARRY, _CARRY_S
from sidecar.hall.house import House, Joined
from sidecar.hall.memory import Memory
from sidecar.heap import settle
from sidecar.plan import RoomPlan
from sidecar.policy.admission import Backing
from sidecar.policy.credentials import PlaceId
from sidecar.policy.room import TICK_S
from sidecar.policy.tokens import Key, Keys

if TYPE_CHECKING:
    from collections.abc import Callable

MANY: Final = 1_000_000
_OPENS: Final = 1_800_000_000.0
_LOBBY_S, _DRAW_S = 600.0, 60.0
_ACTIVE: Final = 2_000
_KEPT: Final = 5_000  # joins between two looks of the store: half a second of ten thousand a second
_TICKS: Final = 400
_ASKED: Final = 20_000
_PAGE_BYTES: Final = 4096
_BACKING: Final = Backing(True, 16, 12, 0, 500)


class _Clock:
    def __init__(self) -> None:
        self.at = -_LOBBY_S

    def now(self) -> float:
        return self.at

    def wall(self) -> float:
        return _OPENS + self.at


class _Log:
    def event(self, name: str, **facts: object) -> None:
        """Nobody reads."""


def hall() -> list[Line]:
    """Measure and return all lines."""
    said = subprocess.run([sys.executable, "-m", "bench.hall"], cwd=ROOT, check=True, capture_output=True)
    found: dict[str, float] = orjson.loads(said.stdout)
    carried = f"{_CARRY} positions, {found['carried']:.0f} of them every {_CARRY_S * 1000:.0f} ms"
    return [
        Line(
            f"a join with an account, up to {MANY}", found["join_us"], "µs", 10.0, f"longest {found['join_ms']:.2f} ms"
        ),
        Line("a place, signed", found["sign_us"], "µs", None, f"{found['read_us']:.2f} µs to read one"),
        Line(f"what somebody is told, of {MANY}", found["tell_us"], "µs", None, "ahead, band, and when to ask again"),
        Line(f"people ahead of {MANY}, asked of the room", found["ahead_us"], "µs", 5.0, "exact"),
        Line(f"the tick that seals the draw of {MANY}", found["seal_ms"], "ms", 10.0, "in one piece"),
        Line(f"longest slice of who is there, of {MANY}", found["carry_ms"], "ms", 5.0, carried),
        Line(f"who of {MANY} is there, carried over", found["carried"] * _CARRY_S, "s", 30.0, "after the draw"),
        Line(
            f"longest of {_TICKS} ticks over {MANY}",
            found["tick_ms"],
            "ms",
            5.0,
            f"open, {found['called']:.0f} calls, a turn of the windows; usual {found['usual_ms']:.2f} ms",
        ),
        Line("what a store is given, longest", found["keep_ms"], "ms", 5.0, f"{_KEPT} joins each, and in the sale"),
        Line(f"growth by {MANY} visitors with accounts", found["grown_mb"], "MB", 120.0, "RSS"),
    ]


def measured() -> dict[str, float]:
    """Run an evening and return its figures."""
    clock = _Clock()
    found: dict[str, float] = {}
    plan = RoomPlan("hamlet", opens=_OPENS, lobby_s=_LOBBY_S, draw_s=_DRAW_S, max_active=_ACTIVE, per_address=0)
    house = House(plan, Keys(Key("k1", bytes(range(32)))), clock, _Log(), Random(1).random)
    memory = Memory(house)
    house.tick(_BACKING)
    settle()  # as the product does when it has started
    before = _rss_bytes()
    keep = _Longest(memory.changes)
    found |= _joins(house, keep)
    clock.at = -_DRAW_S - 1.0
    house.tick(_BACKING)
    clock.at = -_DRAW_S
    seal = _Longest(lambda: house.tick(_BACKING))
    seal()
    carry, slices = _Longest(lambda: house.room.carry(_CARRY)), 1.0
    while carry():
        slices += 1.0
    found |= {"seal_ms": seal.ms, "carry_ms": carry.ms, "carried": slices}
    clock.at = -0.1
    house.tick(_BACKING)
    found |= _sale(house, clock, keep)
    found |= _answers(house)
    return found | {"keep_ms": keep.ms, "grown_mb": (_rss_bytes() - before) / 1e6}


class _Longest:
    """Calls, and remembers the longest."""

    def __init__(self, what: Callable[[], object]) -> None:
        self._what, self.ms, self.total_ms = what, 0.0, 0.0

    def __call__(self) -> object:
        began = process_time()
        said = self._what()
        took_ms = (process_time() - began) * 1e3
        self.ms, self.total_ms = max(self.ms, took_ms), self.total_ms + took_ms
        return said


def _joins(house: House, keep: _Longest) -> dict[str, float]:
    longest_s = total_s = 0.0
    for number in range(MANY):
        began = process_time()
        joined = house.join("main", house.account_key(f"sub {number}"), "", attaches=True)
        took_s = process_time() - began
        longest_s, total_s = max(longest_s, took_s), total_s + took_s
        assert isinstance(joined, Joined), "there is room for all of them"
        house.room.poll(joined.place)
        if number % _KEPT == 0:
            keep()
    return {"join_us": total_s / MANY * 1e6, "join_ms": longest_s * 1e3}


def _sale(house: House, clock: _Clock, keep: _Longest) -> dict[str, float]:
    """Let people be called and come, for a hundred seconds; the windows of who is there take a turn meanwhile."""
    called: list[PlaceId] = []

    def tick() -> None:
        called.extend(house.tick(_BACKING).called)

    ticks, came, took = _Longest(tick), 0, []
    house.room._window_from = -1e9  # noqa: SLF001 - the turn that would come once in a quarter of an hour
    for number in range(_TICKS):
        clock.at += TICK_S
        sofar = ticks.total_ms
        ticks()
        took.append(ticks.total_ms - sofar)
        for place in called[came : came + 20]:
            house.room.claim(place, b"")
            house.room.leave(place)
        came = min(len(called), came + 20)
        if number % 2:
            keep()
    return {"tick_ms": ticks.ms, "usual_ms": sorted(took)[_TICKS // 2], "called": float(len(called))}


def _answers(house: House) -> dict[str, float]:
    chance = Random(2)
    lane = house.room.lanes[0]
    seqs = [chance.randrange(MANY) for _ in range(_ASKED)]
    those = [PlaceId(lane.number, seq) for seq in seqs]
    texts = [house.place_text(place) for place in those]
    return {
        "sign_us": _us(lambda at: house.place_text(those[at])),
        "read_us": _us(lambda at: house.place_of(texts[at])),
        "tell_us": _us(lambda at: house.next_poll_s(house.tell(those[at]))),
        "ahead_us": _us(lambda at: lane.ahead(seqs[at])),
    }


def _us(once: Callable[[int], object]) -> float:
    best = float("inf")
    for _ in range(3):
        began = process_time()
        for at in range(_ASKED):
            once(at)
        best = min(best, process_time() - began)
    return best / _ASKED * 1e6


def _rss_bytes() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * _PAGE_BYTES


if __name__ == "__main__":
    sys.stdout.write(orjson.dumps(measured()).decode())
