"""Order, backlog and slots made into a wait: each part that makes one longer, on its own."""

from __future__ import annotations

import pytest

from sidecar.model import Place, Seat
from sidecar.policy.backlog import Backlog
from sidecar.policy.fair import Fair
from sidecar.policy.forecast import Slots, all_s, foretell, foretell_for
from sidecar.policy.queue import CLASSES, QueueRule
from sidecar.policy.tiers import Waiting


class Scene:
    """Two slots, calls of two seconds, and whoever a test lets in."""

    def __init__(self, **bulkheads: float) -> None:
        self.fair, self.backlog = Fair(), Backlog()
        self.fair.bound(CLASSES, QueueRule(100, 5.0, 1.0, 1.0, bulkheads), 2)
        self.now = 0.0
        for _ in range(100):
            self.backlog.costs.tell(0.0, "Op", 2.0)

    def joins(self, client: str, client_class: str = "browse", bulkhead: str = "", finish: float = 0.0) -> Waiting:
        seat = Seat("t", client, "Op", client_class, 1e9, bulkhead)
        flow = self.fair.flow_of(seat)
        flow.finish = max(flow.finish, finish)
        waiting = Waiting(seat, 1e9, 1e9, self.now, flow, self.fair.key_of(self.now, flow, None), 2.0, 1e9)
        self.fair.join(self.now, waiting)
        self.backlog.add("Op", 2.0)
        return waiting

    def told(self, waiting: Waiting, serving: int = 2, excess: int = 0, *, leaving: bool = False) -> tuple[int, float]:
        slots = Slots(serving, excess)
        said = foretell_for(self.now, self.fair, self.backlog, slots, waiting, leaving=leaving)
        return said.ahead, pytest.approx(said.eta_s)


def test_it_is_the_work_before_and_one_call_over_the_slots() -> None:
    """Third in line, with two calls of two seconds before, at two slots: three seconds."""
    scene = Scene()
    scene.joins("a")
    scene.joins("b")
    last = scene.joins("c")
    scene.joins("d")
    assert scene.told(last) == (2, 3.0)
    assert scene.told(last, serving=1) == (2, 6.0)
    assert scene.told(last, excess=3) == (2, 6.0)
    assert all_s(scene.backlog, Slots(2, 0)) == 5.0
    assert all_s(scene.backlog, Slots(2, 1)) == 6.0
    said = foretell_for(0.0, scene.fair, scene.backlog, Slots(2, 0), last)
    assert said.high_s == pytest.approx(3.0 + 0.3 + 1.28 * 3**0.5)


def test_dearer_calls_and_those_who_leave_are_felt_at_once() -> None:
    """What is learnt of an operation scales all of it that waits; where half of the line gives up, half of it is nobody's work."""
    scene = Scene()
    scene.joins("a")
    scene.joins("b")
    last = scene.joins("c")
    scene.backlog.served = 0.5
    assert scene.told(last) == (2, 2.0)
    assert all_s(scene.backlog, Slots(2, 0)) == 2.5
    scene.backlog.served = 1.0
    for _ in range(4000):
        scene.backlog.learn(0.0, "Op", 4.0)
    assert scene.told(last) == (2, 6.0)


def test_other_classes_are_served_before_by_their_weight() -> None:
    """Behind one browse call wait for their turns two checkouts; behind a checkout no browse call does."""
    scene = Scene()
    scene.joins("a")
    low = scene.joins("b")
    for number in range(9):
        scene.joins(f"c{number}", "checkout")
    assert scene.told(low) == (3, 4.0), "2 s of its own class, 4 s of twice the weight, and one call"
    high = scene.joins("x", "staff")
    assert scene.told(high) == (0, 1.0)


def test_what_will_come_is_reckoned_with() -> None:
    """A class that brings work as fast as one slot does it leaves one slot to those below it."""
    scene = Scene()
    for step in range(300):
        scene.now = step / 2
        scene.fair.tier_of("staff").arrivals.tell(scene.now, 0.5, 0.0)
    for number in range(10):
        last = scene.joins(f"{number}")
    said = foretell_for(scene.now, scene.fair, scene.backlog, Slots(2, 0), last)
    assert 17.0 < said.eta_s < 20.5
    assert 16 <= said.ahead <= 19


def test_who_owes_is_passed_by_who_does_not() -> None:
    """Until virtual time has come to where he stands; without anything in flight it does not move, and nothing is known to pass."""
    scene = Scene()
    owes = scene.joins("a", finish=3.0)
    assert scene.told(owes) == (0, 1.0)
    tier = owes.flow.tier
    tier.in_flight, tier.active = 2, 2
    tier.arrivals.tell(0.0, 15.0, 0.0)
    rate = tier.arrivals.passing(0.0, 3.0)[0][0]
    assert rate == pytest.approx((15.0 + 0.0) / 15.0)
    assert scene.told(owes) == (0, 1.875)
    tier.active = 200
    assert scene.told(owes) == (0, 1.875), "time is slower, but he is served before it has come to him"
    tier.active = 1
    assert scene.told(owes) == (0, 1.75), "after a second and a half nobody passes him any more"
    tier.in_flight = 0
    assert scene.told(owes) == (0, 1.0)


def test_who_will_be_back_is_before_who_came_after() -> None:
    """As far as he comes back at all, and soon enough; who is let go himself is behind everybody who was."""
    scene = Scene()
    scene.fair.away.returning = 1.0
    tier = scene.fair.tier_of("browse")
    away = scene.joins("w")
    for number in range(3):
        last = scene.joins(f"{number}")
    scene.fair.leave(0.0, away)
    scene.backlog.remove("Op", 2.0)
    assert scene.told(last) == (2, 3.0)
    scene.fair.away.let_go(away, None, 1.0, 50.0, 9)
    assert scene.told(last) == (3, 4.0)
    scene.fair.away.returning = 0.5
    assert scene.told(last) == (2, 3.5), "half of one is none"
    scene.fair.away.returning = 1.0
    scene.fair.away.back(tier, "w", Place(away.key[0], away.since))
    scene.fair.away.let_go(away, None, 4.0, 50.0, 9)
    assert scene.told(last) == (2, 3.0), "by then it has been served"
    assert scene.told(last, leaving=True) == (3, 4.0)
    low = scene.joins("b", "batch")
    low.flow.tier.finish = 99.0
    slots = Slots(2, 0)
    stays = foretell_for(scene.now, scene.fair, scene.backlog, slots, low)
    goes = foretell_for(scene.now, scene.fair, scene.backlog, slots, low, leaving=True)
    assert 1.0 <= goes.eta_s - stays.eta_s < 1.5, "of the class before it, too"
    scene.now = 50.0
    assert scene.told(last, leaving=True) == (2, 3.0), "he is not expected any more"


def test_who_is_back_too_late_for_his_place_is_not_before() -> None:
    """A place is worth queue.wait of virtual time: who returns when that has gone by stands behind."""
    scene = Scene()
    scene.fair.away.returning = 1.0
    tier = scene.fair.tier_of("browse")
    away = scene.joins("w")
    for number in range(20):
        last = scene.joins(f"{number}")
    scene.fair.leave(0.0, away)
    tier.in_flight, tier.active = 2, 2
    scene.fair.away.let_go(away, None, 4.9, 50.0, 9)
    assert scene.told(last)[0] == 20
    tier.virtual = 1.0
    assert scene.told(last)[0] == 19, "one virtual second less is one second less for coming back"


def test_an_operators_choice_is_before_everybody() -> None:
    """It waits for those who were chosen before it, and all others wait for it."""
    scene = Scene()
    first = scene.joins("a")
    second, third = scene.joins("b"), scene.joins("c")
    scene.fair.promote(third)
    scene.fair.promote(second)
    assert scene.told(third) == (0, 1.0)
    assert scene.told(second) == (1, 2.0)
    assert scene.told(second, excess=1) == (1, 3.0)
    assert scene.told(first) == (2, 3.0)


def test_a_full_bulkhead_is_what_he_waits_for() -> None:
    """With one slot for reports, the second report waits for two of them, whoever else has slots."""
    scene = Scene(report=0.5)
    first, second = scene.joins("a", bulkhead="report"), scene.joins("b", bulkhead="report")
    scene.joins("c")
    assert scene.told(first) == (0, 2.0)
    assert scene.told(second) == (1, 4.0)
    for _ in range(3):
        scene.fair.shares.take("report")
    assert scene.told(first) == (0, 6.0), "two more than its share are held"
    tier, key = first.flow.tier, first.key
    free = foretell(0.0, scene.fair, scene.backlog, Slots(2, 0), tier, key, "Op", "other")
    assert free.eta_s == 1.0
