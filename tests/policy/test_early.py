"""Calls that a rate holds back: they stand in the line from when they came, and start at their moment."""

from __future__ import annotations

from sidecar.model import Place, Refusal
from sidecar.policy.early import Early
from sidecar.policy.tiers import Stage
from tests.policy.test_queue import holds, learnt, line, seat, waits


def test_nobody_starts_before_his_moment_though_slots_are_free() -> None:
    """And who has no such moment passes him meanwhile; at it he starts."""
    here = line(limit=2, size=9)
    held_back = waits(here.ask(0.0, seat("a", not_before=3.0)))
    assert held_back.stage is Stage.EARLY
    holds(here.ask(1.0, seat("b")))
    assert here.serve(2.999) == []
    view = here.view()
    assert (view.queued, view.later, view.full) == (1, 1, False)
    assert repr(here) == "<Line 1/2 in flight, 0 ghosts, 1 queued>"
    ((who, lease),) = here.serve(3.0)
    assert who is held_back
    assert holds(lease).seat is held_back.seat
    assert here.view().queued == here.view().later == 0


def test_at_his_moment_he_stands_before_whoever_came_after_him() -> None:
    """What he has waited counts."""
    here = line(limit=1, size=9)
    first = holds(here.ask(0.0, seat("x")))
    held_back = waits(here.ask(0.5, seat("a", not_before=3.0)))
    later = waits(here.ask(1.0, seat("b")))
    assert here.serve(3.0) == []
    assert held_back.stage is Stage.READY
    ((who, second),) = here.release(3.5, first)
    assert who is held_back
    assert [who for who, _ in here.release(4.0, holds(second))] == [later]


def test_he_counts_in_the_line_and_in_his_cap() -> None:
    """A line full of calls that are held back is full."""
    here = line(limit=1, size=4, per_client=0.5)
    for _ in range(2):
        waits(here.ask(0.0, seat("a", not_before=3.0)))
    waits(here.ask(0.0, seat("b", not_before=3.0)))
    refusal = here.ask(0.0, seat("a", not_before=3.0))
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "client_cap"
    waits(here.ask(0.0, seat("c", client_class="batch", not_before=3.0)))
    refusal = here.ask(0.0, seat("d", not_before=3.0))
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "queue_full"
    assert dict(refusal.numbers)["queued"] == 4
    assert here.classes() == {"underway": 0, "staff": 0, "checkout": 0, "browse": 3, "batch": 1}


def test_a_purchase_under_way_takes_the_place_of_one_that_is_held_back() -> None:
    """The youngest's, for a full line does not refuse it; never that of another purchase."""
    here = line(limit=1, size=3)
    holds(here.ask(0.0, seat("x")))
    held_back = [waits(here.ask(0.0, seat(name, not_before=3.0))) for name in "abc"]
    for before in (held_back[2], held_back[1], held_back[0]):
        pushed = waits(here.ask(1.0, seat(f"p{here.view().later}", client_class="underway", not_before=3.0))).pushed
        assert pushed is not None
        assert pushed[0] is before
        assert (pushed[1].reason, before.stage) == ("pushed_out", Stage.OUT)
    refusal = here.ask(1.0, seat("p9", client_class="underway"))
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "queue_full"


def test_who_could_not_be_in_time_after_his_moment_is_refused_at_the_door() -> None:
    """And told when he could."""
    here = learnt(line(limit=1, size=9), 2.0)
    refusal = here.ask(0.0, seat("a", until=4.0, not_before=3.0))
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "deadline"
    assert dict(refusal.numbers)["eta_ms"] == 3000
    assert here.view().queued == 0
    waits(here.ask(0.0, seat("a", until=5.0, not_before=3.0)))


def test_what_he_is_told_is_no_less_than_until_his_moment() -> None:
    """Nor less than the line's own time."""
    here = learnt(line(limit=1, size=9), 1.0)
    held_back = waits(here.ask(0.0, seat("a", not_before=4.0)))
    assert here.quote(0.0, held_back).eta_s == 4.0
    assert here.quote(3.0, held_back).eta_s == 1.0
    (found,) = here.find(0.0, client="a")
    assert found.waiting is held_back


def test_an_operator_lets_him_go_before_his_moment() -> None:
    """A promoted call is held back by no rate."""
    here = line(limit=1, size=9)
    first = holds(here.ask(0.0, seat("x")))
    waits(here.ask(0.0, seat("b")))
    held_back = waits(here.ask(0.0, seat("a", not_before=4.0)))
    assert here.promote(1.0, held_back)
    assert [who for who, _ in here.release(1.0, first)] == [held_back]


def test_who_leaves_or_is_dropped_is_forgotten() -> None:
    """His moment comes for nobody."""
    here = line(limit=1, size=9)
    gone, dropped = (waits(here.ask(0.0, seat("a", not_before=2.0))) for _ in range(2))
    here.leave(1.0, gone)
    here.leave(1.0, gone)
    assert here.drop(1.0, dropped) is not None
    assert here.view().queued == 0
    assert here.serve(2.0) == []


def test_whose_patience_ends_at_his_moment_takes_his_place_with_him() -> None:
    """As anybody who has waited in vain."""
    here = line(limit=1, size=9, wait_s=2.0)
    held_back = waits(here.ask(0.0, seat("a", not_before=2.0)))
    refusal = here.expire(2.0, held_back)
    assert refusal is not None
    assert refusal.reason == "queue_wait"
    assert here.place_of(held_back) == Place(0.0, 0.0)
    assert here.view().queued == 0


def test_his_follower_stands_where_he_stood() -> None:
    """With the same moment, in his own name."""
    here = line(limit=1, size=9)
    old = seat("a", not_before=2.0)
    held_back = waits(here.ask(0.0, old))
    new = old._replace(client="b", until=50.0)
    assert here.reseat(1.0, old, new) is held_back
    assert held_back.stage is Stage.EARLY
    assert here.find(1.0, client="a") == []
    ((who, lease),) = here.serve(2.0)
    assert who is held_back
    assert holds(lease).seat is new


def test_the_table() -> None:
    """By moment, not by who came first; who was taken is not due."""
    early, here = Early(), line(limit=1, size=9)
    one, two, three = (
        waits(here.ask(0.0, seat(name, not_before=at))) for name, at in (("a", 3.0), ("b", 1.0), ("c", 2.0))
    )
    for each in (one, two, three):
        early.add(each)
    early.take(three)
    assert (len(early), early.of("a"), early.of("c"), repr(early)) == (2, 1, 0, "<Early 2>")
    assert list(early) == [one, two]
    assert list(early.due(0.999)) == []
    assert list(early.due(3.0)) == [two, one]
    assert early.of("a") == 0


def test_those_whose_moment_has_come_start_as_their_moments_did_and_of_one_moment_as_they_came() -> None:
    """Whoever has a later one stays, and nothing is remembered of whoever holds nobody back any more."""
    here, early = line(limit=1, size=9), Early()
    moments = [("late", 9.0), ("a", 3.0), ("b", 2.0), ("c", 3.0), ("d", 3.0), ("e", 3.0)]
    held_back = {name: waits(here.ask(0.0, seat(name, not_before=at))) for name, at in moments}
    for each in held_back.values():
        early.add(each)
    assert [each.seat.client for each in early.due(3.0)] == ["b", "a", "c", "d", "e"]
    assert list(early) == [held_back["late"]]
    early.take(held_back["late"])
    assert list(early.due(9.0)) == []
    assert not early._clients


def test_who_is_held_back_is_nobody_among_the_classes_until_then() -> None:
    """He takes no part in their turns, and nothing is remembered of him there but what he owes."""
    here = line(limit=2, size=9)
    held_back = waits(here.ask(0.0, seat("a", not_before=3.0)))
    assert here._fair.client("a") is None
    assert here._fair.waiting == 0
    here.serve(3.0)
    assert held_back.stage is Stage.OUT


def test_who_was_held_back_is_not_the_youngest_when_his_moment_comes() -> None:
    """A full line pushes out whoever came last, and that is not he."""
    here = line(limit=1, size=2)
    holds(here.ask(0.0, seat("x")))
    held_back = waits(here.ask(0.0, seat("a", not_before=3.0)))
    later = waits(here.ask(1.0, seat("b")))
    here.serve(3.0)
    pushed = waits(here.ask(4.0, seat("c", client_class="staff"))).pushed
    assert pushed is not None
    assert pushed[0] is later
    assert held_back.stage is Stage.READY
