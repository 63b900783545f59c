"""The breakers of a run are asked and told as the product's stages do it, with its default rule."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sidecar.policy.adaptive import Adaptive, Why
from sidecar.policy.breaking import Rule
from sidecar.policy.limiter import Fixed
from sidecar.settings.build import breaker_of
from sidecar.settings.protection import Breaker
from tests.sim.backends import End, Job
from tests.sim.guard import Guard, is_test
from tests.sim.limiters import CONTESTANTS
from tests.sim.scenario import scenarios
from tests.sim.world import World

BY_NAME = {scenario.key: scenario for scenario in scenarios()}


def call(guard: Guard, now: float, end: End, *, timeout: bool = False, took_s: float = 0.0) -> bool:
    """Make one call of the operation that all scenarios here have; False where it is refused."""
    job = Job(now, now + 10.0, "status", 1.0)
    if guard.peek(now, job) or (passed := guard.ask(now, job)) is None:
        return False
    job.started, job.passed, job.end = now, passed, end
    guard.tell(now + took_s, job, timeout=timeout)
    return True


def test_its_rule_is_the_default() -> None:
    """Nothing is tuned: the settings that nobody has written come to the rule that runs here."""
    assert breaker_of(Breaker()) == Rule()


def test_refused_connections_cut_off_and_a_trial_closes_with_a_slow_start() -> None:
    """Ten of them are enough; after about five seconds one call is the test, and seven good ones later the limit climbs from the least."""
    limiter = Adaptive(1, 8, 200)
    guard = Guard(limiter, BY_NAME["restart"], 1)
    assert sum(call(guard, 100.0 + each / 10, End.REFUSED) for each in range(20)) == 10
    assert not call(guard, 104.0, End.ANSWER)
    assert call(guard, 108.0, End.ANSWER)
    job = Job(108.1, 118.1, "status", 1.0)
    passed = guard.ask(108.1, job)
    assert passed is not None
    assert is_test(passed)
    job.passed, job.started = passed, 108.1
    guard.tell(108.2, job)
    for each in range(5):
        assert call(guard, 108.3 + each / 10, End.ANSWER)
    assert [state for _, operation, state in guard.events if operation is None] == ["cut off", "testing", "closed"]
    assert (limiter.limit, limiter.why) == (1, Why.SLOW_START)
    now_closed = guard.ask(109.0, Job(109.0, 119.0, "status", 1.0))
    assert now_closed is not None
    assert not is_test(now_closed)


def test_timeouts_count_only_while_the_limit_can_go_no_lower() -> None:
    """Until then the limit sees to them; a number by hand can never."""
    limiter = Adaptive(1, 8, 200)
    guard = Guard(limiter, BY_NAME["black_hole"], 1)
    assert all(call(guard, 100.0 + 9 * each, End.LOST, timeout=True, took_s=8.0) for each in range(6))
    fixed = Guard(Fixed(8), BY_NAME["black_hole"], 1)
    assert sum(call(fixed, 100.0 + 9 * each, End.LOST, timeout=True, took_s=8.0) for each in range(4)) == 3


@pytest.mark.unmeasured
@pytest.mark.parametrize("key", ["cold_start", "knee_4", "table_drop"])
def test_a_crowd_alone_cuts_nothing_off(key: str) -> None:
    """Overload is the limit's: breakers that made it worse would show here."""
    world = World(replace(BY_NAME[key], runs_s=50.0), CONTESTANTS["ours"], 1, guarded=True)
    world.run()
    assert world.guard is not None
    assert world.guard.events == []


@pytest.mark.unmeasured
def test_guarded_runs_are_the_same_for_a_seed_and_meet_the_same_crowd() -> None:
    """Its jitter has a generator of its own."""
    one, two = (World(BY_NAME["restart"], CONTESTANTS["ours"], 3, guarded=True).run() for _ in range(2))
    bare = World(BY_NAME["restart"], CONTESTANTS["ours"], 3).run()
    assert one == two
    assert one.offered == bare.offered
    assert sum(one.sent[40:55]) < sum(bare.sent[40:55])
