"""What the memory of answers keeps of a crowd's questions, and what that costs: our SLRU against a plain LRU and W-TinyLFU.

The same trace for each: Zipf 0.9 over 20 000 keys, as asked, and with a third of keys that nobody asks for twice. Peers are skipped by name
where they are not installed; they are looked for in `.venv-peers` as well, so that they never come into the project's own environment.
"""

from __future__ import annotations

import importlib
import random
import sys
import time
from itertools import accumulate
from statistics import median
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from bench.process import ROOT
from bench.report import Line
from sidecar.policy.slru import Slru

if TYPE_CHECKING:
    from collections.abc import Callable

KEYS: Final = 20_000
SKEW: Final = 0.9
ASKED: Final = 200_000  # ten times each key: the ratio moves by less than half a point from one seed to another
WARM: Final = 50_000  # of these, not counted
ONCE: Final = 0.33
SIZES: Final = (500, 2_000)
ROUNDS: Final = 5


class Cache(Protocol):
    """What is compared."""

    def get(self, key: bytes) -> object | None:
        """Return what is kept."""
        ...

    def put(self, key: bytes) -> None:
        """Keep something."""
        ...


class Ours:
    """The policy alone; each entry weighs one, so that all hold the same number."""

    def __init__(self, size: int) -> None:
        self._slru: Slru[bool] = Slru(size)
        self.get = self._slru.get

    def put(self, key: bytes) -> None:
        """See `Cache.put`."""
        self._slru.put(key, True, 1, "", 1.0)


class Lru:
    """cachetools' plain LRU."""

    def __init__(self, library: Any, size: int) -> None:
        self._cache = library.LRUCache(size)
        self.get = self._cache.get

    def put(self, key: bytes) -> None:
        """See `Cache.put`."""
        self._cache[key] = True


class TinyLfu:
    """theine's W-TinyLFU."""

    def __init__(self, library: Any, size: int) -> None:
        self._cache = library.Cache(size)

    def get(self, key: bytes) -> object | None:
        """See `Cache.get`."""
        value, found = self._cache.get(key)
        return value if found else None

    def put(self, key: bytes) -> None:
        """See `Cache.put`."""
        self._cache.set(key, True)


class Subject(NamedTuple):
    """One line: how it is made for a size."""

    name: str
    make: Callable[[int], Cache]


def slru() -> list[Line]:
    """Measure and return the lines."""
    subjects, lines = _subjects()
    for once in (0.0, ONCE):
        trace = _trace(once)
        for size in SIZES:
            costs = {subject.name: [_cost_us(subject.make(size), trace) for _ in range(ROUNDS)] for subject in subjects}
            for subject in subjects:
                what = f"{subject.name}, {size} of {KEYS} answers kept" + (", a third asked for once" if once else "")
                beside = f"{median(costs[subject.name]):.2f} µs for a get and a put"
                lines.append(Line(what, 100 * _hit_ratio(subject.make(size), trace), "% hits", None, beside))
    return lines


def _subjects() -> tuple[list[Subject], list[Line]]:
    for folder in (ROOT / ".venv-peers" / "lib").glob("python*/site-packages"):
        if str(folder) not in sys.path:
            sys.path.append(str(folder))
    subjects, skipped = [Subject("our SLRU", Ours)], []
    for name, library, make in (("LRU (cachetools)", "cachetools", Lru), ("W-TinyLFU (theine)", "theine", TinyLfu)):
        try:
            module = importlib.import_module(library)
        except ImportError:
            skipped.append(Line(f"{name}: skipped, not installed", 0.0, ""))
        else:
            subjects.append(Subject(name, lambda size, make=make, module=module: make(module, size)))  # type: ignore[misc]  # mypy infers no type for the defaults
    return subjects, skipped


def _trace(once: float) -> list[bytes]:
    """Return the keys in the order in which they are asked for, `once` of them only then."""
    chance = random.Random(1)
    keys = [number.to_bytes(16, "big") for number in range(KEYS)]
    weights = list(accumulate((number + 1) ** -SKEW for number in range(KEYS)))
    asked = chance.choices(keys, cum_weights=weights, k=ASKED)
    return [(KEYS + at).to_bytes(16, "big") if chance.random() < once else key for at, key in enumerate(asked)]


def _hit_ratio(cache: Cache, trace: list[bytes]) -> float:
    hits = 0
    for at, key in enumerate(trace):
        if cache.get(key) is None:
            cache.put(key)
        elif at >= WARM:
            hits += 1
    return hits / (len(trace) - WARM)


def _cost_us(cache: Cache, trace: list[bytes]) -> float:
    get, put = cache.get, cache.put
    before_s = time.process_time()
    for key in trace:
        get(key)
        put(key)
    return (time.process_time() - before_s) / len(trace) * 1e6
