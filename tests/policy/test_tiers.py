"""The nouns of a line: virtual time, shelves and their heads."""

from __future__ import annotations

import pytest

from sidecar.model import Seat
from sidecar.policy.queue import QueueRule
from sidecar.policy.shares import Shares
from sidecar.policy.tiers import STALE_MOST, Client, Flow, Shelf, Stage, Tier, Waiting


def waiting(tag: float, client: Client | None = None, number: int = 0, tier: Tier | None = None) -> Waiting:
    client = client or Client(f"c{tag}-{number}")
    seat = Seat("tickets", client.name, "Reserve", "browse", 99.0)
    return Waiting(seat, 9.0, 9.0, 1.0, Flow(client, tier or Tier("browse")), (tag, 1.0, number), 2.0, 9.0)


def test_what_one_sees_of_it() -> None:
    """Who waits says whose it is, for what, and where it stands; a class says how it fares."""
    tier = Tier("browse")
    assert repr(waiting(1.5, Client("ada"))) == "<Waiting ada Reserve as browse, out, tag 1.500>"
    assert repr(tier) == "<Tier browse x1, 0 in flight, 0 waiting, V 0.000>"


def test_virtual_time_is_real_service_shared_by_who_is_here() -> None:
    """Four slots shared by eight clients are half a second in a second; with nobody here time stands still."""
    tier = Tier("browse")
    tier.move(5.0)
    assert (tier.virtual, tier.pace) == (0.0, 0.0)
    tier.in_flight, tier.active = 4, 8
    tier.move(7.0)
    assert (tier.virtual, tier.pace) == (1.0, 0.5)
    tier.move(7.0)
    tier.move(6.0)
    assert tier.virtual == 1.0, "it never goes back"
    tier.in_flight = 0
    tier.move(1e6)
    assert tier.virtual == 1.0


def test_a_shelf_gives_its_lowest_and_puts_aside_whose_client_holds_his_share() -> None:
    """Who stands aside is noted with his client, and comes up no more until he is pushed again."""
    shelf, aside = Shelf(), dict[Client, None]()
    busy = Client("busy")
    busy.in_flight = 2
    low, high = waiting(1.0, busy), waiting(2.0)
    shelf.push(high)
    shelf.push(low)
    assert shelf.head(3, aside) is low
    assert shelf.head(2, aside) is high
    assert (low.stage, list(aside), busy.aside) == (Stage.ASIDE, [busy], [low])
    busy.in_flight = 1
    assert shelf.head(2, aside) is high
    shelf.push(low)
    assert shelf.head(2, aside) is low
    high.stage = low.stage = Stage.OUT
    assert shelf.head(2, aside) is None


def test_an_entry_under_an_old_key_is_none() -> None:
    """Who has been given another key and pushed anew is served by that one."""
    shelf = Shelf()
    moved, other = waiting(1.0, number=1), waiting(2.0, number=2)
    shelf.push(moved)
    shelf.push(other)
    shelf.left()
    moved.key = (3.0, 1.0, 3)
    shelf.push(moved)
    assert shelf.head(1, {}) is other
    other.stage = Stage.OUT
    assert shelf.head(1, {}) is moved


def test_a_shelf_does_not_fill_with_who_has_left() -> None:
    """However many heads come and go while nobody is served, what is kept of them is bounded, and who stays is found."""
    shelf = Shelf()
    stays = waiting(0.5)
    shelf.push(stays)
    moved = waiting(0.1)
    shelf.push(moved)
    shelf.left()
    moved.key = (0.7, 1.0, 10**6)
    shelf.push(moved)
    for number in range(1000):
        gone = waiting(1.0, number=number)
        shelf.push(gone)
        gone.stage = Stage.OUT
        shelf.left()
        assert len(shelf._heap) <= 2 * STALE_MOST
    assert shelf.head(1, {}) is stays
    stays.stage = Stage.OUT
    assert shelf.head(1, {}) is moved
    moved.stage = Stage.OUT
    assert shelf.head(1, {}) is None


def test_the_first_of_a_class_is_the_lowest_whose_bulkhead_has_room() -> None:
    """A full bulkhead hides its own, and only those."""
    tier, shares = Tier("browse"), Shares()
    shares.bound(QueueRule(10, 5.0, bulkheads={"report": 0.1}))
    shares.resize(4, [tier])
    report, other, last = waiting(1.0), waiting(2.0), waiting(3.0)
    tier.shelf("report").push(report)
    tier.shelf("").push(other)
    tier.shelf("x").push(last)
    assert tier.first(shares, {}) is report
    shares.take("report")
    assert tier.first(shares, {}) is other
    other.stage = Stage.OUT
    assert tier.first(shares, {}) is last
    assert tier.shelf("x") is tier.shelf("x")
    last.stage = Stage.OUT
    assert tier.first(shares, {}) is None


def test_what_stands_before_a_key_is_summed_over_bulkheads() -> None:
    """A call waits for those before it, whatever they are bound by."""
    tier = Tier("browse")
    tier.shelf("a").ladder.add((1.0, 0.0, 1), 2.0)
    tier.shelf("b").ladder.add((2.0, 0.0, 2), 3.0)
    assert tier.before((1.5, 0.0, 3)) == (1, 2.0)
    assert tier.before((2.5, 0.0, 3)) == (2, 5.0)
    assert tier.work_s == pytest.approx(5.0)


def test_a_flow_finds_its_queue() -> None:
    """One queue for each bulkhead that anything waits for, and the last one of each."""
    one, two = waiting(1.0), waiting(2.0)
    flow = one.flow
    assert flow.queue("") is None
    flow.queues.append([one, two])
    assert flow.queue("") == [one, two]
    assert flow.queue("report") is None
    assert flow.last == [two]
