"""Fair shares, as people would measure them; a plain first-come-first-served line fails the same tests."""

from __future__ import annotations

import random
from collections import deque
from typing import TYPE_CHECKING

import pytest

from sidecar.model import Lease, Place, Seat
from sidecar.policy.fair import CHARGED_AFTERWARDS_S, IDLE_MOST, Fair
from sidecar.policy.limiter import Fixed
from sidecar.policy.queue import CLASSES, Line, QueueRule
from sidecar.policy.tiers import Client, Flow, Stage, Tier, Waiting
from tests.support.lineup import Play, Visit

if TYPE_CHECKING:
    from collections.abc import Callable

    from sidecar.model import Refusal
    from sidecar.policy.queue import Settled
    from tests.support.lineup import Liner

LIMIT = 20


def fair(rule: QueueRule | None = None, limit: int = 4) -> Fair:
    made = Fair()
    made.bound(CLASSES, rule or QueueRule(100, 5.0), limit)
    return made


def seat(client: str, client_class: str = "browse", bulkhead: str = "") -> Seat:
    return Seat("t", client, "Op", client_class, 1e9, bulkhead)


def joins(here: Fair, now: float, client: str, cost_s: float = 1.0, place: Place | None = None, **more: str) -> Waiting:
    asked = seat(client, **more)._replace(place=place)
    flow = here.flow_of(asked)
    key = here.key_of(now, flow, place)
    waiting = Waiting(asked, 1e9, 1e9, now, flow, key, cost_s, 1e9)
    here.join(now, waiting)
    return waiting


class PlainLine:
    """First come, first served: the control."""

    def __init__(self, limit: int) -> None:
        self.limit, self.held, self.number = limit, 0, 0
        self.queue: deque[Waiting] = deque()

    def ask(self, now: float, seat: Seat) -> Lease | Waiting:
        if self.held < self.limit:
            return self._lease(seat)
        flow = Flow(Client(seat.client), Tier("all"))
        waiting = Waiting(seat, 1e9, 1e9, now, flow, (0.0, now, 0), 0.0, 1e9, Stage.READY)
        self.queue.append(waiting)
        return waiting

    def release(self, now: float, lease: Lease, *, used: bool = True) -> Settled:
        self.held -= 1
        if not self.queue:
            return []
        waiting = self.queue.popleft()
        return [(waiting, self._lease(waiting.seat))]

    def expire(self, now: float, waiting: Waiting) -> Refusal | None:
        return None

    def _lease(self, seat: Seat) -> Lease:
        self.held += 1
        self.number += 1
        return Lease(seat, self.number)


def our_line() -> Liner:
    return Line(Fixed(LIMIT), QueueRule(50_000, 1e6, 1.0))


def stream(
    rng: random.Random, client: str, rate: float, seconds: float, work: float, operation: str = "Op"
) -> list[Visit]:
    at, visits = 0.0, []
    while (at := at + rng.expovariate(rate)) < seconds:
        visits.append(Visit(at, client, operation, rng.gammavariate(4, work / 4)))
    return visits


def unevenness(line: Liner) -> float:
    """Four clients that all want more than a quarter, from many cheap calls to few dear ones: how far from it any is."""
    rng, visits = random.Random(3), list[Visit]()
    for client, rate, work in (("many", 160.0, 0.05), ("more", 80.0, 0.1), ("some", 40.0, 0.2), ("dear", 30.0, 1.0)):
        visits += stream(rng, client, rate, 60.0, work, f"Op{work}")
    play = Play(line, LIMIT)
    play.run(visits, until=60.0)
    fair_s = sum(play.held.values()) / 4
    return max(abs(held / fair_s - 1.0) for held in play.held.values())


@pytest.mark.unmeasured
def test_clients_get_equal_shares_of_the_backend() -> None:
    """Over a minute of overload each has his quarter of all slot-seconds within a tenth, whatever his calls cost and however many come."""
    assert unevenness(our_line()) <= 0.10


@pytest.mark.unmeasured
def test_first_come_first_served_fails_the_same() -> None:
    """The control: without fair queuing the shares are those of what is asked."""
    assert unevenness(PlainLine(LIMIT)) > 0.25


def p99(visits: list[Visit]) -> float:
    took = sorted(
        visit.took for visit in visits if visit.client != "greedy" and visit.ended is not None and visit.at > 5.0
    )
    return took[int(0.99 * len(took))]


def slowed(line: Callable[[], Liner]) -> tuple[float, int]:
    """Return by what factor a greedy client lengthens the p99 of a hundred small ones, and how many of their calls were refused."""
    small = [
        visit for number in range(100) for visit in stream(random.Random(number), f"small {number}", 1.2, 30.0, 0.1)
    ]
    greedy = stream(random.Random(1000), "greedy", 120.0, 30.0, 0.1)

    def fresh(visits: list[Visit]) -> list[Visit]:
        return [Visit(each.at, each.client, each.operation, each.work) for each in visits]

    alone = Play(line(), LIMIT).run(fresh(small))
    beside = Play(line(), LIMIT).run(fresh(small) + fresh(greedy))
    refused = sum(visit.refusal is not None for visit in beside if visit.client != "greedy")
    return p99(beside) / p99(alone), refused


@pytest.mark.unmeasured
def test_a_greedy_client_delays_the_small_ones_little() -> None:
    """Half of the load from one client, the others together at 60 % of what the backend can: their p99 grows by a fifth at the most."""
    factor, refused = slowed(lambda: Line(Fixed(LIMIT), QueueRule(500, 5.0)))
    assert factor <= 1.20, factor
    assert refused == 0


@pytest.mark.unmeasured
def test_a_greedy_client_delays_everybody_in_a_plain_line() -> None:
    """The control: first come, first served, the same client makes the others wait for whole seconds."""
    assert slowed(lambda: PlainLine(LIMIT))[0] > 3.0


def test_newcomers_do_not_starve_who_has_called_before() -> None:
    """While first-time visitors come faster than they can be served, a client's second call waits no longer than a newcomer's, and its own
    turn more.
    """
    rng, visits, at = random.Random(1), list[Visit](), 0.0
    while (at := at + rng.expovariate(220.0)) < 20.0:
        visits.append(Visit(at, f"new {at}", "Op", 0.1))
    again = [Visit(10.0 + number, "regular", "Op", 0.1) for number in range(5)]
    Play(our_line(), LIMIT).run(visits + again)
    newcomers = [visit.wait for visit in visits if 10.0 <= visit.at <= 15.0]
    assert max(visit.wait for visit in again) < 2 * max(newcomers)


def test_what_one_sees_of_it() -> None:
    """The whole order in a line."""
    here = fair()
    joins(here, 0.0, "a")
    assert repr(here).startswith(
        "<Fair 1 waiting, 1 clients known: <Tier batch x1, 0 in flight, 0 waiting, V 0.000>, <Tier browse"
    )


def test_a_flow_without_debt_is_forgotten() -> None:
    """Who has been served as much as everybody owes nothing, and needs no memory; who owes is remembered, a bounded number of them."""
    here = fair()
    flow = here.flow_of(seat("a"))
    here.begun(0.0, flow, "", 1.0)
    here.ended(1.0, flow, "", 1.0, 1.0)
    assert here.client("a") is None
    for number in range(IDLE_MOST + 10):
        flow = here.flow_of(seat(f"{number}"))
        here.begun(1.0, flow, "", 1.0)
        here.ended(1.0, flow, "", 1.0, 1.0)
    assert len(here._clients) == IDLE_MOST
    assert here.client("9") is None
    known = here.client("10")
    assert known is not None
    assert here.flow_of(seat("10")) is known.flows[0]
    assert known.flows[0] not in here._idle
    here.rest(known.flows[0])
    assert list(here._idle)[-1] is known.flows[0]


def test_debts_are_over_when_virtual_time_has_come_so_far() -> None:
    """The idle are looked at, oldest first, whenever one more of them rests."""
    here = fair()
    flow = here.flow_of(seat("old"))
    here.begun(0.0, flow, "", 1.0)
    here.ended(0.0, flow, "", 1.0, 1.0)
    assert here.client("old") is not None
    flow = here.flow_of(seat("busy"))
    here.begun(0.0, flow, "", 1.0)
    here.ended(5.0, flow, "", 1.0, 9.0)
    assert here.client("old") is None
    assert here.client("busy") is not None


def test_a_client_in_two_classes_is_one_client() -> None:
    """His slots count together; when one of his flows is forgotten the other stays."""
    here = fair()
    one, two = here.flow_of(seat("a")), here.flow_of(seat("a", "checkout"))
    assert one.client is two.client
    assert one is not two
    here.begun(0.0, one, "", 1.0)
    here.begun(0.0, two, "", 1.0)
    assert one.client.in_flight == 2
    here.ended(1.0, one, "", 1.0, 1.0)
    assert here.client("a") is two.client
    assert one.client.flows == [two]


def test_a_call_is_charged_afterwards_up_to_a_bound() -> None:
    """What it took more than expected is added to the debt, at most ten seconds; what it took less is given back whole."""
    here = fair()
    flow, tier = here.flow_of(seat("a")), here.tier_of("browse")
    here.begun(0.0, flow, "", 2.0)
    assert (flow.finish, tier.finish) == (2.0, 0.5)
    here.begun(0.0, flow, "", 2.0)
    here.ended(0.0, flow, "", 2.0, 0.5)
    assert (flow.finish, tier.finish) == (2.5, 0.625)
    here.ended(0.0, flow, "", 2.0, 99.0)
    assert flow.finish == 2.5 + CHARGED_AFTERWARDS_S
    assert tier.finish == 0.625 + CHARGED_AFTERWARDS_S / 4


def test_who_leaves_is_not_charged() -> None:
    """The next call of a client who hung up stands where the first did, and one who stays keeps his place before it."""
    here = fair()
    flow = here.flow_of(seat("x"))
    here.begun(0.0, flow, "", 1.0)
    first = joins(here, 0.0, "a")
    second = joins(here, 0.0, "a", 5.0)
    third = joins(here, 0.0, "a")
    assert (first.key[0], second.key[0], third.key[0]) == (0.0, 1.0, 6.0)
    assert here.leave(0.0, second)
    assert not here.leave(0.0, second)
    fourth = joins(here, 0.0, "a")
    assert fourth.key[0] == 6.0, "not before what he asked for earlier"
    here.leave(0.0, third)
    here.leave(0.0, fourth)
    assert joins(here, 0.0, "a").key[0] == 1.0


def test_a_place_never_makes_anybody_worse_off() -> None:
    """Who comes back and would stand before his place anyway stands there."""
    here = fair()
    here.begun(0.0, here.flow_of(seat("x")), "", 1.0)
    assert here.key_of(10.0, here.flow_of(seat("a")), Place(99.0, 9.0))[:2] == (10.0, 9.0)
    assert here.key_of(10.0, here.flow_of(seat("a")), Place(7.0, 20.0))[:2] == (10.0, 10.0), (
        "of a time to come it is worth nothing"
    )
    assert here.key_of(10.0, here.flow_of(seat("a")), Place(7.0, 7.0))[:2] == (7.0, 7.0)
    assert here.key_of(10.0, here.flow_of(seat("a")), Place(7.0, 8.0))[:2] == (8.0, 8.0), "no more than its age"
    assert here.key_of(10.0, here.flow_of(seat("a")), Place(None, 7.0))[:2] == (7.0, 7.0)
    assert here.key_of(10.0, here.flow_of(seat("a")), Place(1.0, 1.0))[:2] == (5.0, 5.0), "nor than queue.wait"


def test_who_comes_back_is_neither_the_youngest_nor_a_new_arrival() -> None:
    """He is not the one to be pushed out, and is not counted among what comes each second; the debt of whoever is, is noted."""
    here = fair()
    tier = here.tier_of("browse")
    first = joins(here, 1.0, "a", cost_s=3.0)
    assert tier.arrivals.rate(1.0) == pytest.approx(3.0 / 15.0)
    joins(here, 1.0, "b", place=Place(None, 0.0))
    assert tier.arrivals.rate(1.0) == pytest.approx(3.0 / 15.0)
    assert here.victim(here.tier_of("checkout"), "c", None) is first
    tier.virtual = 4.0
    here.flow_of(seat("d")).finish = 9.0
    joins(here, 1.0, "d")
    assert tier.arrivals.passing(1.0, 5.0) == [(pytest.approx(0.2), 5.0)], "five virtual seconds behind, not thirteen"
    assert [way for _, way in tier.arrivals.passing(1.0, 6.0)] == [6.0, 1.0]
    here.begun(1.0, here.flow_of(seat("d")), "", 1.0)
    assert [way for _, way in tier.arrivals.passing(1.0, 11.0)] == [11.0, 6.0, 1.0]


def test_who_hangs_up_and_owes_nothing_is_forgotten() -> None:
    """A line full of strangers who come and go leaves no names behind."""
    here = fair()
    here.leave(0.0, joins(here, 0.0, "a"))
    assert here.client("a") is None
    assert not here._clients


def test_virtual_time_follows_whoever_is_served() -> None:
    """It is where the one stood who was served last, if that is further, and so is the time among the classes."""
    here = fair()
    flow = here.flow_of(seat("x"))
    flow.finish = 5.0
    ahead = joins(here, 0.0, "x")
    here.begin(0.0, ahead)
    tier = here.tier_of("browse")
    assert (ahead.key[0], tier.virtual, tier.active, tier.in_flight) == (5.0, 5.0, 1, 1)
    moved = joins(here, 0.0, "x")
    here.promote(moved)
    here.begin(0.0, moved)
    assert tier.virtual == 5.0, "who was put before everybody does not take the time along"
    assert here.virtual == tier.finish - 0.25


def test_who_holds_his_share_stands_aside_and_comes_back() -> None:
    """The cap of one client: others first; his again when a slot of his comes back, when the limit grows, or when nobody else can."""
    here = fair(QueueRule(100, 5.0, 1.0, 0.5))
    flow = here.flow_of(seat("a"))
    for _ in range(2):
        here.begun(0.0, flow, "", 0.1)
    his, cheap = joins(here, 0.0, "a"), joins(here, 0.0, "a", bulkhead="z")
    here.flow_of(seat("b")).finish = 9.0
    other = joins(here, 0.0, "b")
    late = joins(here, 0.0, "b")
    assert here.next(1) is other
    assert his.stage is Stage.ASIDE
    here.begin(0.0, other)
    assert here.next(1) is late
    here.leave(0.0, late)
    assert here.next(1) is his, "nobody else waits"
    assert here.next(0) is None
    assert {his.stage, cheap.stage} == {Stage.ASIDE}
    here.leave(0.0, cheap)
    here.resize(6)
    assert his.stage is Stage.READY
    here.resize(4)
    assert here.next(1) is his
    assert his.stage is Stage.ASIDE
    here.ended(0.0, flow, "", 0.1, 0.1)
    assert his.stage is Stage.READY
    assert here.next(1) is his


def test_classes_take_turns_by_their_tags() -> None:
    """The class whose turn it is comes first, of equals the heavier; before it one below its reserve; before all an operator's choice."""
    here = fair()
    low, high = joins(here, 0.0, "a", client_class="batch"), joins(here, 0.0, "b", client_class="staff")
    assert here.next(1) is high, "of equals the heavier"
    here.tiers["batch"].finish, here.tiers["staff"].finish = 1.0, 2.0
    assert here.next(1) is low
    here.tiers["batch"].finish = 3.0
    assert here.next(1) is high
    here.tiers["batch"].reserved = 1
    assert here.next(1) is low
    here.promote(high)
    assert here.next(1) is high
    assert here.fast_before(high) == (0, 0.0)
    assert here.fast_before(None) == (1, 1.0)
    here.shares.take("")


def test_a_class_that_is_no_longer_named_is_served_out() -> None:
    """Who waits in it keeps his place; nothing new is reserved for it; it goes when nobody is left."""
    here = fair()
    old = joins(here, 0.0, "a", client_class="staff")
    here.tiers["staff"].reserve = 0.25
    here.resize(8)
    assert here.tiers["staff"].reserved == 2
    owes = here.flow_of(seat("b", "batch"))
    here.begun(0.0, owes, "", 1.0)
    here.ended(0.0, owes, "", 1.0, 1.0)
    assert here.client("b") is not None
    here.bound(CLASSES[2:4], QueueRule(100, 5.0), 4)
    assert list(here.tiers) == ["staff", "browse", "checkout"]
    assert here.tiers["staff"].reserved == 0
    assert here.client("b") is None
    assert here.tier_of("batch").name == "browse"
    assert here.next(1) is old
    here.begin(0.0, old)
    here.bound(CLASSES[2:4], QueueRule(100, 5.0), 4)
    assert "staff" in here.tiers
    here.ended(1.0, old.flow, "", 1.0, 1.0)
    here.bound(CLASSES[2:4], QueueRule(100, 5.0), 4)
    assert list(here.tiers) == ["browse", "checkout"]


def test_a_smaller_line_makes_a_crowd_of_who_has_too_many_in_it() -> None:
    """The cap in line is measured anew with every rule, and whoever is over it is pushed out first."""
    here = fair()
    calls = [joins(here, 0.0, "a") for _ in range(3)]
    tier = here.tier_of("browse")
    assert here.victim(tier, "b", None) is None
    here.bound(CLASSES, QueueRule(30, 5.0), 4)
    assert here.victim(tier, "b", None) is None, "three is a tenth of thirty"
    here.bound(CLASSES, QueueRule(20, 5.0), 4)
    assert here.victim(tier, "b", None) is calls[-1]
    assert here.victim(tier, "a", None) is None, "not by himself"
    assert here.victim(here.tier_of("batch"), "b", None) is None
    more = [joins(here, 0.0, "c") for _ in range(4)]
    assert here.victim(tier, "b", None) is more[-1]
    here.bound(CLASSES, QueueRule(100, 5.0), 4)
    assert here.victim(tier, "b", None) is None


def test_a_call_of_another_bulkhead_keeps_its_tag() -> None:
    """Who takes a call over for something else that is bounded otherwise stands where it stood."""
    here = fair()
    here.begun(0.0, here.flow_of(seat("x")), "", 1.0)
    call = joins(here, 3.0, "a")
    here.reseat(5.0, call, seat("a", bulkhead="z"), 2.0)
    assert (call.key[0], call.cost_s, call.seat.bulkhead) == (3.0, 2.0, "z")
    here.reseat(9.0, call, seat("b", "checkout", "z"), 2.0)
    assert call.key[0] == pytest.approx(here.tier_of("checkout").virtual - 3.0)
    assert call.flow.tier.name == "checkout"
    here.flow_of(seat("c")).finish = 99.0
    later = joins(here, 9.0, "c")
    here.reseat(9.0, later, seat("c", "staff"), 2.0)
    assert later.key[0] == here.tier_of("staff").virtual, "a debt stays behind"


def test_who_comes_back_stands_before_his_own_later_calls() -> None:
    """A client's call with a place goes between those that wait already; where it leaves again, what stood first stands first."""
    here = fair()
    here.begun(0.0, here.flow_of(seat("x")), "", 1.0)
    later, last = joins(here, 10.0, "a", 3.0), joins(here, 10.0, "a")
    back = joins(here, 10.0, "a", place=Place(7.0, 7.0))
    between = joins(here, 10.0, "a", place=Place(7.5, 7.5))
    assert back.key < between.key < later.key < last.key
    here.leave(10.0, back)
    assert here.next(4) is between
    here.leave(10.0, between)
    assert here.next(4) is later
