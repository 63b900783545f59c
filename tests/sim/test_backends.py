"""The backends are what they are said to be: best at the knee, worse beyond it, and in trouble as told."""

from __future__ import annotations

import math
from random import Random

import pytest

from tests.sim.backends import ERROR_S, REFUSED_S, Backend, End, Job, Law, Shared


def job(work: float = 1.0) -> Job:
    return Job(0.0, 100.0, "A", work)


def rate(backend: Backend, calls: int, ends: int = 4000) -> float:
    """Return the calls that end a second with so many at once, each followed by another."""
    now = 0.0
    for _ in range(calls):
        backend.add(now, job())
    for _ in range(ends):
        now = backend.next()
        backend.pop(now)
        backend.add(now, job())
    return ends / now


@pytest.mark.parametrize(("calls", "share"), [(1, 1 / 12), (6, 0.5), (12, 1.0), (24, 0.5), (36, 0.2)])
def test_a_shared_backend_does_most_at_its_knee(calls: int, share: float) -> None:
    """240 units a second at 12 calls; twice and three times the knee leave a half and a fifth."""
    assert rate(Shared(12, 0.05, 12), calls) == pytest.approx(240 * share, rel=0.05)


@pytest.mark.parametrize(("calls", "share"), [(10, 0.5), (20, 1.0), (40, 0.5), (80, 0.25)])
def test_the_box_office_does_most_at_its_knee(calls: int, share: float) -> None:
    """200 calls a second at 20; beyond it the square of the crowd takes what more calls would bring."""
    assert rate(Law(20, 0.1, Random(1)), calls) == pytest.approx(200 * share, rel=0.08)


def test_calls_that_share_end_in_the_order_of_their_work() -> None:
    """Two at once go at full speed below the knee; the shorter one is first."""
    backend = Shared(12, 0.05, 12)
    long, short = job(4.0), job(2.0)
    backend.add(0.0, long)
    backend.add(0.0, short)
    assert backend.next() == pytest.approx(0.1)
    assert backend.pop(0.1) is short
    assert backend.next() == pytest.approx(0.2)
    assert backend.pop(0.2) is long
    assert backend.next() == math.inf


@pytest.mark.parametrize("backend", [Shared(4, 0.1, 4, falls_above=3), Law(4, 0.1, Random(1), falls_above=3)])
def test_it_falls_over_and_loses_what_it_held(backend: Backend) -> None:
    """The call above the bound fells it: all end at once as lost, and for five seconds nobody gets in."""
    held = [job() for _ in range(3)]
    for one in held:
        backend.add(1.0, one)
    last, refused, late = job(), job(), job()
    backend.add(1.0, last)
    assert backend.held == 0
    ended = [backend.pop(backend.next()) for _ in range(4)]
    assert set(ended) == {*held, last}
    assert all(one.end is End.LOST for one in ended)
    backend.add(5.9, refused)
    assert backend.next() == pytest.approx(5.9 + REFUSED_S)
    assert backend.pop(backend.next()).end is End.REFUSED
    backend.add(6.1, late)
    assert backend.pop(backend.next()).end is End.ANSWER


def test_deaf_it_takes_calls_and_goes_on_where_it_was() -> None:
    """Nothing ends while it is deaf, and the time does not count afterwards."""
    backend = Shared(4, 0.1, 4)
    backend.add(0.0, job(2.0))
    backend.change(0.1, "deaf", 1)
    backend.add(5.0, job(3.0))
    assert backend.next() == math.inf
    backend.change(10.0, "deaf", 0)
    assert backend.next() == pytest.approx(10.1)


def test_failing_it_answers_at_once_with_errors() -> None:
    """An error page takes five milliseconds."""
    backend = Shared(4, 0.1, 4)
    backend.change(0.0, "failing", 1)
    backend.add(1.0, job())
    assert backend.next() == pytest.approx(1.0 + ERROR_S)
    assert backend.pop(backend.next()).end is End.ERROR


def test_the_best_limit_follows_the_knee() -> None:
    """What the oracle holds is the knee, whole, at least one; a slower backend has the same."""
    backend = Shared(20, 0.1, 20)
    assert backend.best == 20
    backend.change(1.0, "knee", 8.5)
    assert backend.best == 8
    backend.change(2.0, "scale", 0.3)
    assert backend.best == 8
    backend.change(3.0, "knee", 0.5)
    assert backend.best == 1
    backend.change(4.0, "down", 3.0)
    assert backend.down_until == 7.0
