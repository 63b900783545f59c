"""What a waiting room of a million costs: its structures called alone, the longest of the slices that long work comes in, and its memory.

Each of PARTS measures one thing and returns its lines. Ratios are of a million over a thousand: what a room does at each poll must cost the
same in a full one. Memory is the growth of RSS in a process of its own (`python -m bench.rooms`), where nothing can be used again.
"""

from __future__ import annotations

import gc
import subprocess
import sys
from pathlib import Path
from random import Random
from time import process_time
from typing import TYPE_CHECKING, Final

from bench.process import ROOT
from bench.report import Line
from sidecar.policy.draw import SEED_BYTES, Draw
from sidecar.policy.hashtable import Tally
from sidecar.policy.placecodes import KEY_BYTES, PlaceCodes
from sidecar.policy.presence import WINDOWS, Carrying, Presence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

MANY: Final = 1_000_000
FEW: Final = 1_000
_CALLS: Final = 20_000
_ROUNDS: Final = 5
_SEED: Final = bytes(range(SEED_BYTES))
_KEY: Final = bytes(KEY_BYTES)
_PAGE_BYTES: Final = 4096
_MB: Final = 1e6
# What a room does between two turns of the loop.
_TURNED_BLOCKS: Final = 100
_CARRIED: Final = 500


def rooms() -> list[Line]:
    """Measure and return all lines."""
    return [line for part in PARTS for line in part()]


def us(once: Callable[[int], object], arguments: Iterable[int]) -> float:
    """Return what a call costs; the quietest of five rounds."""
    each, best = list(arguments), float("inf")
    gc.collect()
    gc.freeze()
    for _ in range(_ROUNDS):
        began = process_time()
        for argument in each:
            once(argument)
        best = min(best, process_time() - began)
    gc.unfreeze()
    return best / len(each) * 1e6


def slices_ms(passes: Iterable[Callable[[], bool]]) -> list[float]:
    """Return the longest slice of each pass, the quietest pass first; each of `passes` does a slice and says whether there are more."""
    longest = []
    for step in passes:
        most_s, more = 0.0, True
        while more:
            began = process_time()
            more = step()
            most_s = max(most_s, process_time() - began)
        longest.append(most_s * 1e3)
    return sorted(longest)


def anywhere(below: int, count: int = _CALLS) -> list[int]:
    """Return numbers below `below`, the same each time."""
    chance = Random(below)
    return [chance.randrange(below) for _ in range(count)]


def drawing() -> list[Line]:
    """Measure the draw: made in one piece, asked at each poll."""
    sealed_ms = us(lambda _: Draw(_SEED, "main", MANY), range(10)) / 1e3
    many, few = Draw(_SEED, "main", MANY), Draw(_SEED, "main", FEW)
    rank, of_few = us(many.rank, anywhere(MANY)), us(few.rank, anywhere(FEW))
    back = us(many.seq, anywhere(MANY))
    return [
        Line(f"a draw of {MANY}, made", sealed_ms, "ms", 2.0, "in one piece"),
        Line(f"a rank of {MANY}", rank, "µs", 2.0, f"{back:.2f} µs from the rank to the arrival"),
        Line(f"a rank of {MANY}, over {FEW}", rank / of_few, "x", 1.5, f"{of_few:.2f} µs of {FEW}"),
    ]


def presence() -> list[Line]:
    """Measure who is there: marks and counts at each poll, turns in slices."""
    many, few = full(MANY), full(FEW)
    again = us(many.mark, anywhere(MANY))

    def turned(number: int) -> None:
        if number == 0:  # as every visitor's first poll in a window
            many.rotate()
            many.step(MANY)
        many.mark(number)

    mark = us(turned, range(0, MANY, MANY // _CALLS))
    new = _first_marks_us()
    ahead, of_few = us(many.ahead, anywhere(MANY)), us(few.ahead, anywhere(FEW))
    first = us(lambda _: many.first(50), range(200))
    turns = slices_ms(_turns())
    beside = f"of {_TURNED_BLOCKS} blocks, all lapsing; longest of each pass {_said(turns)}"
    return [
        Line(f"a mark among {MANY}", max(mark, new), "µs", 1.0, f"{again:.2f} µs again in the same window"),
        Line(f"how many are ahead, of {MANY}", ahead, "µs", 5.0, "exact"),
        Line(f"how many are ahead, of {MANY} over {FEW}", ahead / of_few, "x", 4.0, f"{of_few:.2f} µs of {FEW}"),
        Line(f"the first 50 of {MANY}", first, "µs", 50.0),
        Line(f"longest slice of a turn of {MANY}", turns[0], "ms", 2.0, beside),
    ]


def full(count: int) -> Presence:
    """Return one where everybody was heard of in each window."""
    presence = Presence()
    for _ in range(WINDOWS):
        presence.rotate()
        presence.step(count)
        for position in range(count):
            presence.mark(position)
    return presence


def _first_marks_us() -> float:
    presence = Presence()
    began = process_time()
    for position in range(MANY):
        presence.mark(position)
    return (process_time() - began) / MANY * 1e6


def _turns() -> Iterable[Callable[[], bool]]:
    for _ in range(_ROUNDS):
        presence = Presence()
        for position in range(MANY):
            presence.mark(position)
        for _ in range(WINDOWS):
            presence.rotate()
        yield lambda presence=presence: presence.step(_TURNED_BLOCKS)  # type: ignore[misc]  # mypy infers no type for the default


def carrying() -> list[Line]:
    """Measure the carry-over at a draw: of people heard of in any window or in none, some of them out."""
    chance, old, draw = Random(1), Presence(), Draw(_SEED, "main", MANY)
    for _ in range(WINDOWS):
        old.rotate()
        old.step(MANY)
        for seq in range(MANY):
            if chance.random() < 0.3:
                old.mark(seq)
    for seq in range(0, MANY, 100):
        old.out(seq)
    out = [draw.rank(seq) for seq in range(0, MANY, 100)]
    begun_ms, passes = [], []
    for _ in range(_ROUNDS):
        began = process_time()
        carry = Carrying(old, draw, out)
        begun_ms.append((process_time() - began) * 1e3)
        passes.append(lambda carry=carry: carry.step(_CARRIED))
    began = process_time()
    slices = slices_ms(passes)
    whole_s = (process_time() - began) / _ROUNDS
    beside = f"{whole_s:.1f} s in all; longest of each pass {_said(slices)}"
    return [
        Line(f"longest slice of carrying {MANY} over", slices[0], "ms", 2.0, f"of {_CARRIED}; {beside}"),
        Line(f"the beginning of carrying {MANY} over", min(begun_ms), "ms", 2.0, "in one piece"),
    ]


def accounts() -> list[Line]:
    """Measure the table: looked into and filled at each join."""
    keys, longest_ms, puts_us = _keys(MANY), [], []
    gc.freeze()  # the million keys are the bench's own: they are not walked through for what is measured
    for _ in range(_ROUNDS):
        table, longest_s, total_s = Tally(), 0.0, 0.0
        for number, key in enumerate(keys):
            began = process_time()
            table.put(key, number + 1)
            took_s = process_time() - began
            longest_s, total_s = max(longest_s, took_s), total_s + took_s
        longest_ms.append(longest_s * 1e3)
        puts_us.append(total_s / MANY * 1e6)
    gc.unfreeze()
    get = us(lambda at: table.get(keys[at]), anywhere(MANY))
    add = us(lambda at: table.add(keys[at], 1), anywhere(MANY))
    return [
        Line(f"a key looked up among {MANY}", get, "µs", 2.0, f"{add:.2f} µs to add to it"),
        Line(f"a key put in, up to {MANY}", min(puts_us), "µs", 2.0, "with what the clock costs"),
        Line(
            "the longest of these", min(longest_ms), "ms", 2.0, f"a segment is split; of each pass {_said(longest_ms)}"
        ),
    ]


def codes() -> list[Line]:
    """Measure what people call their places."""
    made_ms = us(lambda _: PlaceCodes(_KEY), range(10)) / 1e3
    of = PlaceCodes(_KEY)
    texts = [of.encode(0, seq) for seq in anywhere(MANY)]
    read = us(lambda at: of.decode(texts[at]), range(_CALLS))
    written = us(lambda seq: of.encode(0, seq), anywhere(MANY))
    return [
        Line(
            "a place's code", written, "µs", 5.0, f"{read:.2f} µs to read one, {made_ms:.2f} ms to make them for a key"
        )
    ]


def memory() -> list[Line]:
    """Measure what a million visitors hold, in a process of its own."""
    said = subprocess.run([sys.executable, "-m", "bench.rooms"], cwd=ROOT, check=True, capture_output=True, text=True)
    held = dict(zip(("presence", "accounts", "all"), map(float, said.stdout.split()), strict=True))
    return [
        Line(f"presence of {MANY}, all windows full", held["presence"] / _MB, "MB", 2.0, "growth of RSS"),
        Line(f"accounts of {MANY}", held["accounts"] / _MB, "MB", 40.0, "growth of RSS"),
        Line(
            f"all structures of {MANY} visitors",
            held["all"] / _MB,
            "MB",
            64.0,
            "two presences as at a draw, accounts, draw, codes, 200000 addresses",
        ),
    ]


def held() -> list[int]:
    """Return by how many bytes this process has grown: with one presence, with the accounts, with everything."""
    began = _rss_bytes()
    kept: list[object] = [full(MANY)]
    after = _rss_bytes()
    accounts, chance = Tally(), Random(1)
    for number in range(MANY):
        accounts.put(chance.getrandbits(64), number + 1)
    filled = _rss_bytes()
    addresses = Tally()
    for number in range(MANY // 5):
        addresses.add(chance.getrandbits(64), number % 50)
    kept += [full(MANY), accounts, addresses, Draw(_SEED, "main", MANY), PlaceCodes(_KEY)]
    return [after - began, filled - after, _rss_bytes() - began]


def _said(figures: list[float]) -> str:
    return ", ".join(f"{each:.2f}" for each in sorted(figures))


def _keys(count: int) -> list[int]:
    chance = Random(1)
    return [chance.getrandbits(64) for _ in range(count)]


def _rss_bytes() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE_BYTES


PARTS: Final[tuple[Callable[[], list[Line]], ...]] = (drawing, presence, carrying, accounts, codes, memory)

if __name__ == "__main__":
    print(*held())
