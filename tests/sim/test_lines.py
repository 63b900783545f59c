"""Both lines hold slots alike: bounded by the limit, in length and in patience, with at most limit - 1 ghosts; one knows classes."""

from __future__ import annotations

import itertools
import math

import pytest

from sidecar.policy.limiter import Fixed, Sample
from tests.sim.backends import Job
from tests.sim.lines import QUEUE_SIZE, QUEUE_WAIT_S, FirstCome, Line, Ranked
from tests.sim.scenario import scenarios

STORM = next(scenario for scenario in scenarios() if scenario.key == "refresh_storm")
BOTH = pytest.mark.parametrize("kind", [FirstCome, Ranked])


def made(kind: type[FirstCome | Ranked], limit: int) -> tuple[Line, list[Job]]:
    away: list[Job] = []
    return kind(Fixed(limit), STORM, away.append), away


CLIENTS = itertools.count()


def job(now: float, operation: str = "login") -> Job:
    """Return a call of a client's who has no other."""
    return Job(now, now + 10.0, operation, 1.0, f"client {next(CLIENTS)}")


@BOTH
def test_slots_are_given_up_to_the_limit_and_then_to_who_waits_longest(kind: type[FirstCome | Ranked]) -> None:
    """Who comes first starts first, as each slot comes back."""
    line, away = made(kind, 2)
    jobs = [job(0.0) for _ in range(4)]
    assert [line.enter(0.0, each) for each in jobs] == [[jobs[0]], [jobs[1]], [], []]
    assert line.waiting == 2
    assert line.release(1.0, jobs[1]) == [jobs[2]]
    assert line.release(1.0, jobs[0], used=False) == [jobs[3]]
    assert [each.in_flight for each in jobs] == [1, 2, 2, 2]
    assert away == []


@BOTH
def test_who_has_waited_long_enough_is_turned_away(kind: type[FirstCome | Ranked]) -> None:
    """At the moment when his patience ends, and not when a slot comes back."""
    line, away = made(kind, 1)
    assert line.next() == math.inf
    first, second, third = job(0.0), job(1.0), job(2.0)
    for each in (first, second, third):
        line.enter(each.arrived, each)
    assert line.next() == 1.0 + QUEUE_WAIT_S
    assert line.expire(line.next()) == []
    assert away == [second]
    assert line.waiting == 1
    assert line.serve(6.5) == []


@BOTH
def test_who_finds_it_full_is_turned_away(kind: type[FirstCome | Ranked]) -> None:
    """Nobody waits beyond the line's size."""
    line, away = made(kind, 1)
    for _ in range(QUEUE_SIZE + 3):
        line.enter(0.0, job(0.0))
    assert line.waiting == QUEUE_SIZE
    assert len(away) == 2


@BOTH
def test_ghosts_hold_all_slots_but_one(kind: type[FirstCome | Ranked]) -> None:
    """A backend that swallows calls is still asked one at a time."""
    line, _ = made(kind, 2)
    first, second = job(0.0), job(0.0)
    assert line.enter(0.0, first) == [first]
    assert line.enter(0.0, second) == [second]
    assert line.haunt(first)
    assert not line.haunt(second)
    assert (line.ghosts, first.ghost, second.ghost) == (1, True, False)
    line.release(1.0, second)
    line.release(1.0, first)
    assert line.ghosts == 0


@BOTH
def test_who_could_not_be_done_in_time_is_not_started(kind: type[FirstCome | Ranked]) -> None:
    """Calls take four seconds; who has three left when his turn comes is turned away."""
    line, away = made(kind, 1)
    first, second, late = job(0.0), job(4.0), job(4.5)
    late.deadline = 11.0
    line.enter(0.0, first)
    line.tell(4.0, Sample("login", 4.0, -1, 1), healthy=True)
    line.release(4.0, first)
    assert line.enter(4.0, second) == [second]
    assert line.enter(4.5, late) == []
    assert line.release(8.0, second) == []
    assert away == [late]


def test_a_checkout_goes_before_a_crowd_that_looks() -> None:
    """The product's line gives a slot that comes back to the class of greater weight, and a full line makes room for it."""
    line, away = made(Ranked, 1)
    crowd = [job(0.0) for _ in range(QUEUE_SIZE + 1)]
    for each in crowd:
        line.enter(0.0, each)
    checkout = job(0.1, "checkout")
    assert line.enter(0.1, checkout) == []
    assert away == [crowd[-1]]
    assert line.waiting == QUEUE_SIZE
    assert line.release(0.2, crowd[0]) == [checkout]
    plain, _ = made(FirstCome, 1)
    assert plain.enter(0.0, crowd[0]) == [crowd[0]]
    plain.enter(0.0, crowd[1])
    plain.enter(0.1, checkout)
    assert plain.release(0.2, crowd[0]) == [crowd[1]]
