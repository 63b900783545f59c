"""What other callers notice while large replies are read into JSON: how late timers are, on a loop that does nothing else, and at rest.

Run by `bench.facade` as a process of its own; prints its figures as JSON. Two tasks read without a pause, as no real traffic would.
"""

from __future__ import annotations

import asyncio
import sys
from operator import itemgetter
from time import perf_counter
from typing import TYPE_CHECKING, Final, Self

import orjson
import uvloop

from bench import facade_contract as contract
from bench.facade_codec import MEDIA, facade, reply
from bench.inside import Probe
from sidecar import heap

if TYPE_CHECKING:
    from adapters.soap.facade import SoapFacade

REPLY_BYTES: Final = 600_000
_READERS: Final = 2
_TICK_S: Final = 0.001  # libuv's resolution
_PASSES: Final = 3  # what the code does, it does in each of them; what other processes do on the core, in some
_HELD_S: Final = (
    3.0  # for which turns are probed: that the probe never sleeps would make timers look better than they are
)


async def lateness_ms(for_s: float) -> list[float]:
    """Return by how much each timer of a millisecond was late, in order of size; the next one is set when it rings."""
    loop, late = asyncio.get_running_loop(), list[float]()
    until, due = perf_counter() + for_s, perf_counter() + _TICK_S
    over = loop.create_future()

    def ring() -> None:
        nonlocal due
        now = perf_counter()
        late.append((now - due) * 1000)
        if now >= until:
            over.set_result(None)
            return
        due = now + _TICK_S
        loop.call_later(_TICK_S, ring)

    loop.call_later(_TICK_S, ring)
    await over
    return sorted(late)


class Reading:
    """Tasks that read the same reply again and again, while it is entered."""

    def __init__(self, own: SoapFacade, body: bytes) -> None:
        self._facade, self._body = own, body
        self.read = 0

    async def _read(self) -> None:
        while True:
            told = await self._facade.tell(contract.OPERATION, MEDIA, self._body)
            assert isinstance(told, bytes), told
            self.read += 1

    async def __aenter__(self) -> Self:
        self.read = 0
        self._tasks = [asyncio.create_task(self._read()) for _ in range(_READERS)]  # noqa: TID251 - ended below
        return self

    async def __aexit__(self, *_error: object) -> None:
        for task in self._tasks:
            task.cancel()
        for outcome in await asyncio.gather(*self._tasks, return_exceptions=True):
            if not isinstance(outcome, asyncio.CancelledError):
                raise RuntimeError("a reader ended by itself") from outcome  # noqa: TRY004 - it is no matter of types


async def main(for_s: float) -> dict[str, object]:
    """Measure at rest, under load in passes of `for_s`, the quietest first, and the longest turn."""
    own, body = facade(), reply(contract.OPERATION, REPLY_BYTES)
    await own.tell(contract.OPERATION, MEDIA, body)  # everything is compiled
    heap.settle()
    reading = Reading(own, body)
    rest, passes, read = await lateness_ms(for_s / 2), [], 0
    for _ in range(_PASSES):
        async with reading:
            passes.append(_shown(await lateness_ms(for_s)))
            read += reading.read
    passes.sort(key=itemgetter("p99"))
    probe = Probe(asyncio.get_running_loop())
    async with reading:
        probe.start()
        await asyncio.sleep(_HELD_S)
        turns = probe.stop()
    return {"rest": _shown(rest), "passes": passes, "replies_s": read / for_s / _PASSES, "turns": turns}


def _shown(late_ms: list[float]) -> dict[str, float]:
    at = {"p50": 0.5, "p99": 0.99}
    return {**{name: late_ms[int(len(late_ms) * part)] for name, part in at.items()}, "max": late_ms[-1]}


if __name__ == "__main__":
    print(orjson.dumps(uvloop.run(main(float(sys.argv[1])))).decode())
