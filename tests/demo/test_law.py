"""The law in numbers: where its throughput peaks, how it collapses, when it falls and when it stands again."""

from __future__ import annotations

import asyncio
import math
import random
import statistics

import pytest

from sidecar.demo.law import Admitted, Law, Refused, Terms

SEED = 7


class Watch:
    """A clock that stands where it is put."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def _law(terms: Terms | None = None) -> tuple[Law, Watch]:
    watch = Watch()
    return Law(random.Random(SEED), watch, terms), watch


def _admit(law: Law) -> Admitted:
    call = law.begin()
    assert isinstance(call, Admitted)
    return call


def test_one_call_alone_takes_100_ms_on_average_with_a_lognormal_spread() -> None:
    """20 000 lone calls average 100 ms within 1 %, and their logarithms have sigma 0.3 within 2 %."""
    law, _ = _law()
    times = []
    for _ in range(20_000):
        call = _admit(law)
        times.append(call.service_s)
        law.end(call)
    assert statistics.fmean(times) == pytest.approx(0.1, rel=0.01)
    logs = [math.log(t) for t in times]
    assert statistics.stdev(logs) == pytest.approx(0.3, rel=0.02)


async def _closed(law: Law, workers: int, for_s: float) -> float:
    """Keep `workers` calls in flight for `for_s` seconds; return the calls finished per second."""
    loop = asyncio.get_running_loop()
    until = loop.time() + for_s
    done = 0

    async def worker() -> None:
        nonlocal done
        while loop.time() < until:
            call = _admit(law)
            await asyncio.sleep(call.service_s)
            law.end(call)
            done += loop.time() < until

    async with asyncio.TaskGroup() as group:
        for _ in range(workers):
            group.create_task(worker())
    return done / for_s


@pytest.mark.unmeasured
@pytest.mark.virtual
async def test_throughput_peaks_at_200_a_second_with_20_in_flight_and_collapses_beyond() -> None:
    """The measured curve is n / 0.1 s below the knee and 4000 / n beyond it, so no other number in flight beats 20."""
    rates = {}
    for workers in (5, 10, 16, 20, 24, 40, 100, 200):
        law = Law(random.Random(SEED), asyncio.get_running_loop().time)
        rates[workers] = await _closed(law, workers, for_s=200.0)
        assert law.peak == workers
    assert max(rates, key=lambda workers: rates[workers]) == 20
    assert rates[20] == pytest.approx(200, rel=0.02)
    assert rates[10] == pytest.approx(100, rel=0.03)
    assert rates[16] == pytest.approx(160, rel=0.03)
    assert rates[40] == pytest.approx(100, rel=0.03)
    assert rates[200] == pytest.approx(20, rel=0.1)  # 200 calls of 10 s each: the edges of the window show


async def _open(law: Law, rate: float, for_s: float, gate: asyncio.Semaphore | None) -> int:
    """Send calls as a Poisson stream that waits for nobody; return how many were finished in time."""
    loop = asyncio.get_running_loop()
    rng, began, done = random.Random(SEED), loop.time(), 0

    async def one() -> None:
        nonlocal done
        call = law.begin()
        if isinstance(call, Admitted):
            await asyncio.sleep(call.service_s)
            done += law.holds(call) and loop.time() < began + for_s
            law.end(call)

    async def gated() -> None:
        if gate is None:
            return await one()
        async with gate:
            return await one()

    async with asyncio.TaskGroup() as group:
        while loop.time() < began + for_s:
            await asyncio.sleep(rng.expovariate(rate))
            group.create_task(gated())
    return done


@pytest.mark.unmeasured
@pytest.mark.virtual
async def test_an_unguarded_rush_fells_it_and_a_gate_of_16_keeps_it_at_its_best() -> None:
    """At 300 calls a second it falls again and again; behind 16 slots it never does and finishes about 160 a second."""
    clock = asyncio.get_running_loop().time
    bare, guarded = Law(random.Random(SEED), clock), Law(random.Random(SEED), clock)
    bare_done = await _open(bare, 300, 60.0, None)
    guarded_done = await _open(guarded, 300, 60.0, asyncio.Semaphore(16))
    assert bare.era >= 3
    assert guarded.era == 0
    assert guarded.peak == 16
    assert guarded_done / 60 == pytest.approx(160, rel=0.03)
    assert bare_done < guarded_done / 2


def test_the_service_time_is_fixed_at_the_start_of_the_call() -> None:
    """A call that began alone keeps its time whoever comes later; the same draw among 40 takes four times as long."""
    alone, _ = _law()
    first = _admit(alone)
    before = first.service_s
    for _ in range(39):
        _admit(alone)
    assert first.service_s == before
    crowded, _ = _law(Terms(sigma=0.0))
    times = [_admit(crowded).service_s for _ in range(40)]
    assert times[0] == times[19] == pytest.approx(0.1)
    assert times[39] == pytest.approx(0.4)


def test_a_batch_of_five_takes_five_times_as_long() -> None:
    """Work multiplies the time of a call, in one slot."""
    law, _ = _law(Terms(sigma=0.0))
    call = law.begin(5.0)
    assert isinstance(call, Admitted)
    assert call.service_s == pytest.approx(0.5)
    assert law.in_flight == 1


def test_the_401st_call_fells_the_house_for_five_seconds_and_then_it_stands_again() -> None:
    """400 are borne; one more loses them all, nobody is let in for exactly 5 s, and old ends count for nothing."""
    law, watch = _law()
    calls = [_admit(law) for _ in range(400)]
    assert law.begin() == Refused(fell=True, wait_s=5.0)
    assert law.in_flight == 0
    assert not any(law.holds(call) for call in calls)
    watch.now_s = 4.999
    refused = law.begin()
    assert isinstance(refused, Refused)
    assert not refused.fell
    watch.now_s = 5.0
    fresh = _admit(law)
    law.end(calls[0])
    assert law.in_flight == 1
    law.end(fresh)
    assert law.in_flight == 0
    assert law.era == 1
    assert law.peak == 400
    assert "fell 1 times" in repr(law)


def test_without_enforcement_calls_are_counted_and_neither_slow_nor_fatal() -> None:
    """With the law off, a thousand at once take no time and fell nothing."""
    law, _ = _law()
    law.enforced = False
    assert {_admit(law).service_s for _ in range(1000)} == {0.0}
    assert (law.in_flight, law.peak, law.era) == (1000, 1000, 0)
