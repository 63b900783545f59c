"""The world keeps its rules: nothing starts above the limit, ghosts hold slots, and the same seed is the same run."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from sidecar.policy.limiter import Fixed, Sample
from tests.sim.limiters import CONTESTANTS, Aimd, Elastic, Gradient2, Vegas
from tests.sim.scenario import Scenario, scenarios
from tests.sim.world import QUEUE_SIZE, QUEUE_WAIT_S, World, run

pytestmark = pytest.mark.unmeasured
BY_NAME = {scenario.key: scenario for scenario in scenarios()}


def short(key: str, **changes: object) -> Scenario:
    return replace(BY_NAME[key], **({"runs_s": 20.0, "judged": {"all": (5, 20)}} | changes))


class Watched(Fixed):
    """A fixed limit that notes what it is told."""

    __slots__ = ("samples",)

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.samples: list[Sample] = []

    def tell(self, now: float, sample: Sample, *, waiting: int) -> None:
        self.samples.append(sample)


@pytest.mark.parametrize("name", list(CONTESTANTS))
def test_the_same_seed_is_the_same_run(name: str) -> None:
    """Two runs agree in every second, another seed does not."""
    scenario = short("table_drop")
    one, two, other = (run(scenario, CONTESTANTS[name], seed) for seed in (3, 3, 4))
    assert one == two
    assert one.offered != other.offered


def test_all_limiters_meet_the_same_crowd() -> None:
    """Who comes when does not depend on who sets the limit."""
    scenario = short("cold_start")
    assert run(scenario, CONTESTANTS["oracle"], 5).offered == run(scenario, CONTESTANTS["none"], 5).offered


def test_nothing_starts_above_the_limit() -> None:
    """Every sample began with at most the limit at once, itself and ghosts included."""
    limiter = Watched(5)
    run(
        short("black_hole", events=[{"at": 2, "what": "deaf", "to": 1}, {"at": 12, "what": "deaf", "to": 0}]),
        lambda _: limiter,
        1,
    )
    assert {sample.in_flight for sample in limiter.samples} == {1, 2, 3, 4, 5}
    assert {sample.dropped for sample in limiter.samples} == {True, False}


def test_a_timeout_leaves_a_ghost_and_one_slot_goes_on_asking() -> None:
    """Of five slots at most four are ghosts; the fifth times out and is asked anew."""
    world = World(short("black_hole", events=[{"at": 2, "what": "deaf", "to": 1}]), lambda _: Watched(5), 1)
    result = world.run()
    assert world.ghosts <= 4
    assert sum(result.sent[2:16]) == 1


def test_the_line_is_bounded_in_length_and_time() -> None:
    """Nobody waits longer than queue.wait and never more than queue.size; who cannot make it is refused at the door."""
    result = run(short("table_2000"), lambda _: Fixed(20), 1)
    assert max(result.queued) <= QUEUE_SIZE
    assert max(waited for _, waited in result.waits) <= QUEUE_WAIT_S
    assert sum(result.good) > 0.9 * sum(result.sent), "hardly anybody is served too late"


def test_errors_are_no_samples() -> None:
    """An error page says nothing of how crowded the backend is."""
    limiter = Watched(5)
    result = run(short("all_500", events=[{"at": 0, "what": "failing", "to": 1}]), lambda _: limiter, 1)
    assert limiter.samples == []
    assert sum(result.sent) > 1000
    assert sum(result.good) == 0


def test_loads_and_mixes_follow_their_script() -> None:
    """A ramp is straight, a step is a step, and before anybody has come nobody is counted."""
    scenario = BY_NAME["refresh_storm"]
    assert [scenario.rate(at) for at in (0, 29.9, 30, 55, 80, 149, 150)] == [25, 25, 25, 262.5, 500, 500, 25]
    night = run(short("idle_night", load=[{"at": 0, "per_s": 0}, {"at": 10, "per_s": 50}]), lambda _: Fixed(5), 1)
    assert sum(night.offered[:10]) == 0
    assert 400 < sum(night.offered[10:20]) < 600
    assert night.offered_per_s((10, 20)) == sum(night.offered[10:20]) / 10
    assert night.per_s((10, 20)) == sum(night.good[10:20]) / 10


@pytest.mark.parametrize("peer", [Aimd, Vegas, Gradient2, Elastic])
def test_each_peer_learns(peer: type) -> None:
    """A written-down approach that never moved its limit would be no peer: each grows while all is well and falls under load."""
    limits = run(short("cold_start", runs_s=60.0), lambda _: peer(), 1).limits
    assert max(limits) > 9
    assert any(after < before for before, after in itertools.pairwise(limits))
