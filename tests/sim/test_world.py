"""The world keeps its rules: nothing starts above the limit, ghosts hold slots, and the same seed is the same run."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from sidecar.policy.limiter import Fixed, Sample
from tests.sim.limiters import CONTESTANTS, Aimd, Elastic, Gradient2, Vegas
from tests.sim.lines import QUEUE_SIZE, QUEUE_WAIT_S
from tests.sim.scenario import Scenario, scenarios
from tests.sim.world import World, run

if TYPE_CHECKING:
    from tests.sim.backends import Job

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
    assert world.line.ghosts <= 4
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
    assert [scenario.rate(at) for at in (0, 59.9, 60, 80, 100, 169, 170)] == [15, 15, 15, 137.5, 260, 260, 15]
    night = run(short("idle_night", load=[{"at": 0, "per_s": 0}, {"at": 10, "per_s": 50}]), lambda _: Fixed(5), 1)
    assert sum(night.offered[:10]) == 0
    assert 400 < sum(night.offered[10:20]) < 600
    assert night.offered_per_s((10, 20)) == sum(night.offered[10:20]) / 10
    assert night.per_s((10, 20)) == sum(night.good[10:20]) / 10


def test_a_visit_is_all_its_calls_and_what_is_steady_comes_besides(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each reload asks for a session and a login in the same moment, as one client; checkouts come at their own rate."""
    world = World(BY_NAME["refresh_storm"], lambda _: Fixed(16), 1)
    seen: list[Job] = []
    monkeypatch.setattr(world, "_enter", seen.append)
    world.run()
    storm = [job for job in seen if 110 <= job.arrived < 170]
    count = Counter(job.operation for job in storm)
    assert count["session"] == count["login"] == pytest.approx(60 * 260 * 0.95, rel=0.03)
    assert count["checkout"] == pytest.approx(60 * 3, rel=0.25)
    visits = {(job.client, job.arrived) for job in storm if job.operation == "session"}
    assert visits == {(job.client, job.arrived) for job in storm if job.operation == "login"}
    assert len({client for client, _ in visits}) == len(visits)


def test_who_gets_no_answer_counts_with_all_the_time_he_had() -> None:
    """Times are of the operation that is timed, one for each call that came long enough before the end, waiting included."""
    scenario = replace(BY_NAME["refresh_storm"], runs_s=130.0)
    kept, plain = (run(replace(scenario, ranked=ranked), lambda _: Fixed(16), 1).times for ranked in (True, False))
    early = [[came for came, _ in times if came < 110] for times in (kept, plain)]
    assert sorted(early[0]) == sorted(early[1])
    assert len(early[0]) == pytest.approx(110 * 3, rel=0.2)
    assert max(seconds for _, seconds in kept) < 4.0
    assert max(seconds for _, seconds in plain) == scenario.wait_s
    assert min(seconds for _, seconds in plain) > 0.0


def test_who_is_not_refused_at_once_is_noted_unless_he_is_a_test() -> None:
    """Without breakers that is everybody who is sent or waits; with them nobody from the cut-off to the end of an outage."""
    scenario = BY_NAME["all_500"]
    bare = run(scenario, CONTESTANTS["ours"], 1).admitted
    assert max(came for came in bare if came < 80) > 79.9
    world = World(scenario, CONTESTANTS["ours"], 1, guarded=True)
    admitted = world.run().admitted
    events = world.guard.events if world.guard else []
    cut_at = next(at for at, subject, state in events if subject is None and state == "cut off")
    assert max(came for came in admitted if came < 80) <= cut_at < 52
    assert sum(world.result.sent[53:80]) >= 2, "there were tests"


@pytest.mark.parametrize("peer", [Aimd, Vegas, Gradient2, Elastic])
def test_each_peer_learns(peer: type) -> None:
    """A written-down approach that never moved its limit would be no peer: each grows while all is well and falls under load."""
    limits = run(short("cold_start", runs_s=60.0), lambda _: peer(), 1).limits
    assert max(limits) > 9
    assert any(after < before for before, after in itertools.pairwise(limits))
