"""One line before one backend: a table of its rules. A machine tries every order of them in `test_line_machine`."""

from __future__ import annotations

from typing import Any

import pytest

from sidecar.model import Lease, Place, Refusal, Seat, SlotsView
from sidecar.policy.eta import Quote
from sidecar.policy.finding import FOUND_MOST
from sidecar.policy.forecast import Slots
from sidecar.policy.limiter import Fixed, Sample
from sidecar.policy.queue import (
    AWAY_LINES,
    CLASSES,
    ClassRule,
    Line,
    QueueRule,
)
from sidecar.policy.tiers import Stage, Waiting


def seat(client: str = "ada", until: float = 100.0, client_class: str = "browse", **more: Any) -> Seat:
    return Seat("tickets", client, more.pop("operation", "Reserve"), client_class, until, **more)


def line(limit: int = 1, size: int = 2, wait_s: float = 5.0, **rule: Any) -> Line:
    return Line(Fixed(limit), QueueRule(size, wait_s, **rule))


class Seventh(Fixed):
    """A limit that has changed seven times."""

    __slots__ = ()
    epoch = 7


def learnt(here: Line, seconds: float, operation: str = "Reserve") -> Line:
    """Let the line know what a call costs."""
    for _ in range(100):
        here._backlog.costs.tell(0.0, operation, seconds)
    return here


def waits(verdict: object) -> Waiting:
    assert isinstance(verdict, Waiting), verdict
    return verdict


def holds(verdict: object) -> Lease:
    assert isinstance(verdict, Lease), verdict
    return verdict


def test_a_free_slot_is_given_at_once() -> None:
    """Nobody waits where there is room."""
    here = line(limit=2)
    first, second = holds(here.ask(0, seat())), holds(here.ask(0, seat()))
    assert first is not second
    assert first.number != second.number
    assert here.view() == SlotsView(2, 2, 0, 0)
    assert repr(here) == "<Line 2/2 in flight, 0 ghosts, 0 queued>"


def test_first_come_first_served() -> None:
    """Slots go to those who wait, in the order in which they came, and a newcomer does not pass them."""
    here = line(size=3)
    held = holds(here.ask(0, seat("a")))
    queued = [waits(here.ask(0, seat(name))) for name in "bcd"]
    served = []
    while granted := here.release(0.0, held):
        assert len(granted) == 1
        waiting, held = granted[0]
        served.append(waiting)
    assert served == queued
    assert held.seat is queued[-1].seat


def test_a_full_line_refuses_with_its_length_and_when_to_come_back() -> None:
    """The line is bounded; who is refused is told a time of at least a second."""
    here = line(size=1, wait_s=0.2)
    here.ask(0, seat())
    here.ask(0, seat())
    refusal = here.ask(0, seat())
    assert isinstance(refusal, Refusal)
    assert (refusal.state, refusal.reason, refusal.retry_after_s) == ("overloaded", "queue_full", 2)
    assert "queue.size" in str(refusal.detail)
    counted = {"limit": 1, "in_flight": 1, "ghosts": 0, "queued": 1, "size": 1}
    assert dict(refusal.numbers) == counted


def test_no_line_at_all() -> None:
    """A line of size 0 gives free slots and refuses the rest."""
    here = line(size=0)
    holds(here.ask(0, seat()))
    assert isinstance(here.ask(0, seat()), Refusal)


def test_a_deadline_that_has_passed_is_refused_even_where_there_is_room() -> None:
    """A call that nobody can wait for any more is not started."""
    refusal = line().ask(100.0, seat(until=100.0))
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "deadline"


def test_waiting_ends_with_the_shorter_of_patience_and_deadline() -> None:
    """queue.wait and the call's own deadline both bound it, and the refusal says which it was."""
    here = line(size=3, wait_s=5.0)
    here.ask(0, seat())
    patient, hurried = waits(here.ask(0, seat(until=100))), waits(here.ask(0, seat(until=2)))
    assert (patient.until, hurried.until) == (5.0, 2.0)
    assert here.expire(1.9, hurried) is None
    refusal = here.expire(2.0, hurried)
    assert refusal is not None
    assert refusal.reason == "deadline"
    assert dict(refusal.numbers)["waited_ms"] == 2000
    refusal = here.expire(5.0, patient)
    assert refusal is not None
    assert (refusal.reason, refusal.retry_after_s) == ("queue_wait", 1)
    foretold = {"ahead": 0, "eta_ms": 1000, "eta_high_ms": 2380}
    counted = {"limit": 1, "in_flight": 1, "ghosts": 0, "queued": 1, "size": 3}
    assert dict(refusal.numbers) == {"waited_ms": 5000, **foretold, **counted}
    assert here.view().queued == 0
    assert here.expire(6.0, patient) is None, "who has left is not refused again"


def test_who_leaves_is_not_served_and_may_leave_twice() -> None:
    """A hang-up frees the place, and repeating it harms nobody."""
    here = line(size=3)
    held = holds(here.ask(0, seat()))
    gone, stays = waits(here.ask(0, seat("gone"))), waits(here.ask(0, seat("stays")))
    here.leave(0.0, gone)
    here.leave(0.0, gone)
    assert [waiting for waiting, _ in here.release(0.0, held)] == [stays]


def test_a_reseat_keeps_the_place_and_takes_the_new_deadline() -> None:
    """The heir of a place waits as long as he himself may, never longer than queue.wait from when the place was taken."""
    here = line(size=3, wait_s=5.0)
    held = holds(here.ask(0, seat()))
    old = seat("old", until=1.0)
    place, behind = waits(here.ask(0, old)), waits(here.ask(0, seat("behind")))
    new = seat("new", until=3.0)
    assert here.reseat(0.0, old, new) is place
    assert (place.seat, place.until) == (new, 3.0)
    later = seat("later", until=50.0)
    assert here.reseat(0.0, new, later) is place
    assert place.until == 5.0
    assert here.reseat(0.0, old, new) is None, "the old seat stands nowhere any more"
    granted = here.release(0.0, held)
    assert [(waiting, lease.seat) for waiting, lease in granted] == [(place, later)]
    assert here.view().queued == 1
    assert behind.seat.client == "behind"


def test_equal_seats_are_not_the_same_seat() -> None:
    """Two calls of one client look alike; a reseat moves the one that is meant."""
    here = line(size=3)
    here.ask(0, seat())
    one, other = seat(), seat()
    first, second = waits(here.ask(0, one)), waits(here.ask(0, other))
    here.reseat(0.0, other, seat("heir"))
    assert (first.seat.client, second.seat.client) == ("ada", "heir")


def test_ghosts_keep_their_slots_but_never_the_last() -> None:
    """With limit 3 two calls may be given up and kept; the third gives its slot back, so that the backend is still asked."""
    here = line(limit=3)
    one, two, three = (holds(here.ask(0, seat())) for _ in range(3))
    assert here.haunt(one)
    assert one.ghost
    assert here.haunt(one), "harmless when repeated"
    assert here.haunt(two)
    assert not here.haunt(three)
    assert here.view() == SlotsView(3, 1, 2, 0)
    waits(here.ask(0, seat()))
    assert len(here.release(0.0, one)) == 1, "a ghost that ends serves the line"
    assert here.view() == SlotsView(3, 2, 1, 0)
    assert not here.haunt(one), "what was given back cannot be haunted"


def test_a_limit_of_one_has_no_room_for_a_ghost() -> None:
    """One less than one is none."""
    here = line(limit=1)
    assert not here.haunt(holds(here.ask(0, seat())))


def test_release_is_harmless_when_repeated() -> None:
    """A slot comes back once."""
    here = line(limit=2)
    held, _ = holds(here.ask(0, seat())), holds(here.ask(0, seat()))
    here.release(0.0, held)
    here.release(0.0, held)
    assert here.view().in_flight == 1


def test_new_bounds_clamp_and_send_nobody_away() -> None:
    """A narrower limit waits for slots to come back, a wider one serves the line at once."""
    here = line(limit=2, size=4)
    one, two = holds(here.ask(0, seat())), holds(here.ask(0, seat()))
    queued = [waits(here.ask(0, seat())) for _ in range(2)]
    assert here.bound(0.0, Fixed(1), QueueRule(0, 1.0)) == []
    assert here.view() == SlotsView(1, 2, 0, 2)
    assert here.release(0.0, one) == [], "two were in flight under a limit of one"
    assert isinstance(here.ask(0, seat()), Refusal), "the line is closed now"
    assert [waiting for waiting, _ in here.bound(0.0, Fixed(3), QueueRule(4, 1.0))] == queued
    here.release(0.0, two)
    assert here.view() == SlotsView(3, 2, 0, 0)


def test_a_lease_says_under_which_limit_it_began() -> None:
    """The limiter's epoch, and how many calls are at the backend, ghosts and itself included."""
    here = Line(Seventh(3), QueueRule(5, 5.0))
    held = [holds(here.ask(0, seat(name))) for name in "abc"]
    assert [(lease.epoch, lease.in_flight) for lease in held] == [(7, 1), (7, 2), (7, 3)]
    here.haunt(held[0])
    waits(here.ask(0, seat("d")))
    [(_, lease)] = here.release(0, held[1])
    assert isinstance(lease, Lease)
    assert (lease.epoch, lease.in_flight) == (7, 3)


def test_a_limit_that_has_grown_serves_when_asked() -> None:
    """`serve` gives what has come free without a slot coming back; a cut one gives nothing."""
    limiter = Fixed(1)
    here = Line(limiter, QueueRule(5, 5.0))
    holds(here.ask(0, seat("a")))
    queued = [waits(here.ask(0, seat(name))) for name in "bcd"]
    assert here.serve(0) == []
    limiter.limit = 3
    assert [who for who, _ in here.serve(0)] == queued[:2]
    limiter.limit = 1
    assert here.serve(0) == []
    assert here.view() == SlotsView(1, 3, 0, 1)


def test_clients_are_served_in_turn() -> None:
    """Of two who cost alike, one with three calls in line and one with one that came last, the second is served second."""
    here = line(size=9, per_client=1.0)
    held = holds(here.ask(0, seat("first")))
    for name in ("greedy", "greedy", "greedy", "small"):
        waits(here.ask(0, seat(name)))
    served = []
    for _ in range(4):
        [(who, lease)] = here.release(0, held)
        held = holds(lease)
        served.append(who.seat.client)
    assert served == ["greedy", "small", "greedy", "greedy"]


def test_classes_share_by_weight_and_the_lightest_is_not_starved() -> None:
    """While all wait, checkout gets twice what browse does, and batch its part."""
    here = line(size=400, wait_s=1e6)
    held = holds(here.ask(0, seat("x")))
    for number in range(300):
        waits(here.ask(0, seat(f"{number}", 1e6, ("checkout", "browse", "batch")[number % 3])))
    served: dict[str, int] = {}
    for second in range(130):
        [(who, lease)] = here.release(1.0 + second, held)
        held = holds(lease)
        served[who.seat.client_class] = served.get(who.seat.client_class, 0) + 1
    assert served == {
        "checkout": pytest.approx(80, abs=1),
        "browse": pytest.approx(40, abs=1),
        "batch": pytest.approx(10, abs=1),
    }


def test_a_purchase_under_way_is_no_crowd() -> None:
    """Two calls of one customer stand in the shortest line, whatever its part for one client; a third of his is a newcomer's."""
    here = line(size=4, per_client=0.25)
    holds(here.ask(0, seat("x")))
    waits(here.ask(0, seat("other")))
    for _ in range(2):
        waits(here.ask(0, seat("ada", client_class="underway")))
    refusal = here.ask(0, seat("ada"))
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "client_cap"


def test_a_floor_lifts_the_weight() -> None:
    """A class of next to no weight has a fiftieth of all weights."""
    classes = [ClassRule("heavy", 98.0), ClassRule("light", 0.001)]
    here = Line(Fixed(1), QueueRule(500, 5.0, per_client=1.0), classes)
    assert here._fair.tier_of("light").weight == pytest.approx(0.02 * 98.001)
    assert here._fair.tier_of("unheard of").name == "light"


def test_one_client_may_fill_the_line_until_others_wait() -> None:
    """His cap bites from then on: he is refused, and the youngest of his goes when the line is full."""
    here = line(size=10, per_client=0.2)
    holds(here.ask(0, seat("a")))
    his = [waits(here.ask(0, seat("greedy"))) for _ in range(10)]
    refusal = here.ask(0, seat("greedy"))
    assert isinstance(refusal, Refusal), "the line is full, and nobody else's is in it"
    other = waits(here.ask(0, seat("small")))
    assert other.pushed is not None
    assert other.pushed[0] is his[-1]
    assert his[-1].stage is Stage.OUT
    refusal = here.ask(0, seat("greedy"))
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "client_cap"
    assert "queue.per_client" in str(refusal.detail)
    assert refusal.retry_after_s == 11, "ten calls of a second in line, and one that is served"
    assert dict(refusal.numbers)["his"] == 9
    assert waits(here.ask(0, seat("other"))).pushed[0] is his[-2]
    for gone in his[:7]:
        here.leave(0, gone)
    assert here.view().queued == 3
    assert waits(here.ask(0, seat("greedy"))).pushed is None, "he has one in line"
    assert isinstance(here.ask(0, seat("greedy")), Refusal), "and now two, his share"


def test_a_client_over_his_share_is_not_pushed_out_by_a_lesser_class() -> None:
    """Rank comes first: a batch call takes no checkout's place."""
    here = line(size=4, per_client=0.25)
    holds(here.ask(0, seat("a")))
    for _ in range(4):
        waits(here.ask(0, seat("shop", client_class="checkout")))
    assert isinstance(here.ask(0, seat("b", client_class="batch")), Refusal)
    assert waits(here.ask(0, seat("b", client_class="checkout"))).pushed is not None


def test_a_full_line_pushes_out_the_youngest_of_the_lowest_class() -> None:
    """Whoever ranks higher takes its place; who is pushed out keeps his, and is told when to come back."""
    here = line(size=3)
    holds(here.ask(0, seat("a")))
    waits(here.ask(0, seat("b", client_class="browse")))
    waits(here.ask(1, seat("c", client_class="batch")))
    young = waits(here.ask(2, seat("d", client_class="batch")))
    assert isinstance(here.ask(3, seat("e", client_class="batch")), Refusal), "not its own class"
    came = waits(here.ask(3, seat("f", client_class="browse")))
    assert came.pushed is not None
    pushed, refusal = came.pushed
    assert pushed is young
    assert (refusal.state, refusal.reason) == ("overloaded", "pushed_out")
    assert dict(refusal.numbers)["waited_ms"] == 1000
    assert here.place_of(young).since == 2.0
    assert here.view().queued == 3
    assert here.expire(99.0, young) is None


def test_whoever_waited_takes_the_place_of_a_newcomer() -> None:
    """A full line lets in who comes back with a place, for the youngest of his class that came later; not for one that came before."""
    here = line(size=1, wait_s=5.0)
    holds(here.ask(0, seat("a")))
    first = waits(here.ask(0, seat("b")))
    assert here.expire(5.0, first) is not None
    young = waits(here.ask(6.0, seat("c")))
    back = waits(here.ask(7.0, seat("b", place=here.place_of(first))))
    assert back.pushed is not None
    assert back.pushed[0] is young
    again = here.ask(7.0, seat("c", place=here.place_of(young)))
    assert isinstance(again, Refusal), "he came after whoever is in line"
    assert again.reason == "queue_full"


def test_a_place_is_before_all_who_came_later() -> None:
    """Who comes back stands where he stood: by his tag, or, where that is of another life of this process, by his age."""
    for stays in (True, False):
        here = line(size=9, wait_s=5.0)
        held = holds(here.ask(0, seat("a")))
        old = waits(here.ask(0, seat("b")))
        for number in range(3):
            waits(here.ask(3.0, seat(f"c{number}", until=99.0)))
        assert here.expire(5.0, old) is not None
        place = here.place_of(old)
        back = waits(here.ask(6.0, seat("b", place=place if stays else Place(None, place.since))))
        assert [who for who, _ in here.release(6.0, held)] == [back]


def test_a_place_is_worth_no_more_than_queue_wait() -> None:
    """Whoever comes back after an hour stands before those who came within queue.wait, and behind who waits longer."""
    here = line(size=9, wait_s=5.0)
    held = holds(here.ask(1000.0, seat("a", until=2000.0)))
    long = waits(here.ask(1000.0, seat("b", until=2000.0)))
    short = waits(here.ask(1003.0, seat("c", until=2000.0)))
    for start_tag in (0.0, None):
        back = waits(here.ask(1006.0, seat(f"d{start_tag}", until=2000.0, place=Place(start_tag, 0.0))))
        assert back.since == 1001.0
        assert long.key < back.key < short.key
    here.release(1006.0, held)


def test_what_cannot_make_its_deadline_is_refused_at_the_door() -> None:
    """Where its turn would come too late to be done in time it is not let in to wait for nothing, and is told how much too late."""
    here = learnt(line(size=99, per_client=1.0), 2.0)
    holds(here.ask(0, seat("a")))
    for number in range(5):
        waits(here.ask(0, seat(f"{number}")))
    refusal = here.ask(0, seat("late", until=10.0))
    assert isinstance(refusal, Refusal)
    assert (refusal.reason, refusal.retry_after_s) == ("deadline", 4)
    assert dict(refusal.numbers)["ahead"] == 5
    assert dict(refusal.numbers)["eta_ms"] == 12000
    assert refusal.detail == "its turn would come in about 12.0 s, too late for the call's own deadline"
    waits(here.ask(0, seat("in time", until=14.0)))
    waits(here.ask(0, seat("before all", client_class="staff", until=5.0)))
    assert here._fair.client("late") is None


def test_nobody_is_refused_for_a_guess_and_half_a_second_too_late_is_too_late() -> None:
    """Before any call has ended whoever comes waits; from then on what is foretold decides, to the second's part."""
    here = line(size=9)
    held = holds(here.ask(0, seat("a")))
    hurried = waits(here.ask(0, seat("b", until=0.5)))
    assert hurried.start_by == 0.5
    here.leave(0, hurried)
    here.release(2.0, held)
    holds(here.ask(2.0, seat("a")))
    refusal = here.ask(2.0, seat("b", until=5.5))
    assert isinstance(refusal, Refusal), (
        "two seconds until its turn, two that it takes, and three and a half that it has"
    )
    assert (refusal.reason, refusal.retry_after_s) == ("deadline", 1)
    assert waits(here.ask(2.0, seat("b", until=6.0))).start_by == 4.0


def test_it_says_what_bounds_it_and_what_calls_take() -> None:
    """Whoever learns a limit asks whether it is still his, and whoever retries how long a call takes at present."""
    limiter = Fixed(1)
    here = learnt(Line(limiter, QueueRule(1, 5.0)), 2.0)
    assert here.limited_by(limiter)
    here.bound(0, Fixed(1), QueueRule(1, 5.0))
    assert not here.limited_by(limiter)
    assert here.expected_s("Reserve") == 2.0


def test_a_ghost_serves_nobody() -> None:
    """What is foretold counts the slots that come free, and what an operator reads tells ghosts from calls in flight."""
    here = learnt(line(limit=3, size=1), 2.0)
    held = [holds(here.ask(0, seat(name))) for name in "abc"]
    here.haunt(held[0])
    waiting = waits(here.ask(0, seat("d")))
    assert here.quote(0, waiting).eta_s == 1.0, "one of two"
    refusal = here.ask(0, seat("e"))
    assert isinstance(refusal, Refusal)
    assert dict(refusal.numbers) == {"limit": 3, "in_flight": 2, "ghosts": 1, "queued": 1, "size": 1}


def test_a_place_is_a_tag_and_an_age() -> None:
    """Where he stood, in virtual time, and since when he has waited."""
    here = line(size=9, wait_s=5.0)
    holds(here.ask(100.0, seat("a", until=1e6)))
    waits(here.ask(100.0, seat("b", until=1e6)))
    second = waits(here.ask(101.0, seat("b", until=1e6)))
    assert here.place_of(second) == Place(pytest.approx(1.0), 101.0)
    refusal = here.expire(106.0, second)
    assert refusal is not None
    assert refusal.retry_after_s is not None
    due_at = 106.0 + refusal.retry_after_s
    due = here._fair.tier_of("browse").due
    assert due.before((due_at, 0.0, 0))[0] == 0
    assert due.before((due_at + 0.1, 0.0, 0))[0] == 1


def test_an_operation_that_was_slow_once_is_still_asked() -> None:
    """A mean that is longer than the caller waits keeps nobody out who has half of his time left."""
    here = learnt(line(size=9), 60.0)
    holds(here.ask(0, seat("a")))
    learnt(here, 2.0, "Quick")
    waiting = waits(here.ask(0, seat("b", until=40.0)))
    assert waiting.start_by == 20.0


def test_who_can_not_be_done_in_time_gives_the_slot_to_the_next() -> None:
    """A slot that comes free too late for the first goes to the second; the first is told, and takes nothing along."""
    here = learnt(line(size=9, wait_s=50.0), 2.0)
    held = holds(here.ask(0, seat("a")))
    late, later = waits(here.ask(0, seat("b", until=12.0))), waits(here.ask(0, seat("c")))
    assert late.start_by == 10.0
    (one, refusal), (two, lease) = here.release(10.5, held)
    assert (one, two) == (late, later)
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "deadline"
    assert holds(lease).seat is later.seat
    assert late.stage is Stage.OUT


def test_a_client_holds_his_share_while_others_wait() -> None:
    """With half of four slots his, the next goes to somebody else, and to him again once nobody else can take it."""
    here = line(limit=4, size=9, per_client=1.0)
    held = [holds(here.ask(0, seat("greedy"))) for _ in range(4)]
    his, other = waits(here.ask(0, seat("greedy"))), waits(here.ask(0, seat("small")))
    assert [who for who, _ in here.release(0, held[0])] == [other]
    assert here.release(0, held[1]) != []
    assert his.stage is Stage.OUT


def test_a_bulkhead_holds_its_share_and_blocks_nobody_else() -> None:
    """Reports fill a quarter of four slots; the next report waits beside a free slot, and everybody else passes it."""
    here = line(limit=4, size=9, per_client=1.0, bulkheads={"Report*": 0.25})
    report = seat("a", operation="Report", bulkhead="Report*")
    first = holds(here.ask(0, report))
    second = waits(here.ask(0, seat("a", operation="Report", bulkhead="Report*")))
    others = [holds(here.ask(0, seat("a"))) for _ in range(3)]
    third = waits(here.ask(0, seat("a")))
    assert here.quote(0, second).eta_s >= 1.0
    assert [who for who, _ in here.release(0, others[0])] == [third]
    assert here.release(0, others[1]) == []
    assert here.watch() is None
    assert [who for who, _ in here.release(0, first)] == [second]


def test_a_reserve_is_kept_for_a_class_that_must_live() -> None:
    """Others leave it free while its class lives; when that has asked for nothing for a while it is lent out."""
    classes = [ClassRule("checkout", 8, reserve=0.25), ClassRule("browse", 4)]
    here = Line(Fixed(4), QueueRule(9, 99.0, per_client=1.0), classes)
    held = [holds(here.ask(0, seat(f"{number}"))) for number in range(4)]
    vital = waits(here.ask(0, seat("x", client_class="checkout")))
    other = waits(here.ask(0, seat("y")))
    [(who, lease)] = here.release(1, held[0])
    assert who is vital
    assert here.release(1, holds(lease)) == []
    assert here.watch() is None
    here.release(2, holds(here.ask(2, seat("z", client_class="checkout"))))
    here.release(3, held[1])
    assert other.stage is Stage.OUT
    waits(here.ask(4, seat("v")))
    assert here.view() == SlotsView(4, 3, 0, 1), "a slot is free, for a checkout"
    assert here.serve(12.0) == []
    assert here.watch() is None
    assert len(here.serve(12.1)) == 1, "ten seconds after the last checkout has asked"


def test_an_unwanted_lease_teaches_and_costs_nothing() -> None:
    """A slot that came back unused is as if it had never been given."""
    here = learnt(line(limit=1, size=5), 2.0)
    lease = holds(here.ask(0, seat("a")))
    tag = here._fair.client("a").flows[0].finish
    assert tag == 2.0
    here.release(0, lease, used=False)
    assert here._backlog.costs.of("Reserve") == 2.0
    assert here._fair.client("a") is None


def test_a_call_is_charged_what_it_took() -> None:
    """Whose call took longer than expected stands so much further behind, up to a bound."""
    here = learnt(line(limit=2, size=5, wait_s=1e6), 1.0)
    long, short = holds(here.ask(0, seat("long"))), holds(here.ask(0, seat("short")))
    here.ask(0, seat("x", until=1e6))
    here.ask(0, seat("y", until=1e6))
    here.release(3.0, long)
    here.release(3.5, short)
    for name in ("long", "short"):
        waits(here.ask(4.0, seat(name, until=1e6)))
    tags = {name: here._fair.client(name).flows[0].last[0].key[0] for name in ("long", "short")}
    assert tags["short"] - tags["long"] == pytest.approx(0.5, abs=0.01)


def test_an_operator_finds_moves_and_drops() -> None:
    """By client, operation, request id or the value of a parameter; who is moved is served next, who is dropped is told."""
    here = line(size=9, per_client=1.0)
    held = holds(here.ask(0, seat("a")))
    one = waits(here.ask(0, seat("b", request_id="r1", params=(("iOrderNumber", "4711"),))))
    two = waits(here.ask(1, seat("b", operation="Checkout", request_id="r2", client_class="checkout")))
    three = waits(here.ask(2, seat("c", params=(("iOrderNumber", "4712"), ("sZone", "2")))))

    def found(**by: str) -> list[Waiting]:
        return [each.waiting for each in here.find(3, **by)]

    assert found() == [two, one, three]
    assert found(client="b") == [two, one]
    assert found(operation="Checkout") == [two]
    assert found(request_id="r1") == [one]
    assert found(param="2") == [three]
    assert found(param="4711", client="c") == []
    view = here.find(3, request_id="r1")[0]
    assert (view.client, view.client_class, view.operation, view.waited_s) == ("b", "browse", "Reserve", 3)
    assert (view.promoted, view.params, view.quote.ahead) == (False, (("iOrderNumber", "4711"),), 1)
    assert here.promote(0.0, three)
    assert here.promote(0.0, three), "harmless when repeated"
    assert here.promote(0.0, one)
    assert here.find(3, client="c")[0].promoted
    assert [here.quote(3, each).ahead for each in (three, one, two)] == [0, 1, 2]
    refusal = here.drop(3, two)
    assert refusal is not None
    assert refusal.reason == "dropped"
    assert "operator" in str(refusal.detail)
    assert dict(refusal.numbers)["queued"] == 3
    assert here.drop(3, two) is None
    assert not here.promote(0.0, two)
    assert here.quote(3, two) == Quote(0, 0.0, 0.0, 0.0)
    [(who, lease)] = here.release(3, held)
    assert who is three
    assert [who for who, _ in here.release(3, holds(lease))] == [one]


def test_how_many_wait_in_each_class() -> None:
    """The heaviest first, those in which nobody waits as well."""
    here = line(size=9)
    for client_class in ("browse", "browse", "staff", "browse"):
        here.ask(0, seat(f"c{here.view().queued}", client_class=client_class))
    waiting = [("underway", 0), ("staff", 1), ("checkout", 0), ("browse", 2), ("batch", 0)]
    assert list(here.classes().items()) == waiting


def test_a_search_is_bounded() -> None:
    """An operator gets a screen, not the line."""
    here = line(size=200, per_client=1.0)
    for _ in range(FOUND_MOST + 5):
        here.ask(0, seat(until=1e6))
    assert len(here.find(0)) == FOUND_MOST


def test_who_is_promoted_is_not_pushed_out() -> None:
    """A call that an operator has moved stays when the line is full; the next one that ranks higher finds no room."""
    here = line(size=1)
    holds(here.ask(0, seat("a")))
    low = waits(here.ask(0, seat("b", client_class="batch")))
    here.promote(0.0, low)
    assert isinstance(here.ask(0, seat("c", client_class="staff")), Refusal)


def test_a_joiner_of_a_higher_class_lifts_the_call() -> None:
    """A flight that a checkout joins is served as one, from where it stood; its old seat stands nowhere."""
    here = line(size=9)
    held = holds(here.ask(0, seat("a")))
    old = seat("b", client_class="batch")
    low, mid = waits(here.ask(0, old)), waits(here.ask(0, seat("c", client_class="browse")))
    here._fair.tier_of("browse").finish = 0.0
    new = seat("d", client_class="checkout")
    assert here.reseat(0, old, new) is low
    assert here.serve(0) == []
    assert here._backlog.count == 2
    assert (low.flow.tier.name, low.seat) == ("checkout", new)
    here._fair.tier_of("checkout").finish = 0.0
    here._fair.tier_of("browse").finish = 1.0
    assert [who for who, _ in here.release(0, held)] == [low]
    assert mid.stage is not Stage.OUT


def test_a_promoted_call_stays_so_when_another_takes_it_over() -> None:
    """Who it is for does not matter to an operator who moved it."""
    here = line(size=9)
    held = holds(here.ask(0, seat("a")))
    waits(here.ask(0, seat("b")))
    old = seat("c")
    moved = waits(here.ask(0, old))
    here.promote(0.0, moved)
    here.reseat(0, old, seat("d"))
    assert [who for who, _ in here.release(0, held)] == [moved]


def test_a_call_taken_over_by_its_own_client_stays_where_it_is() -> None:
    """Nothing has changed but how long it may wait."""
    here = line(size=9, per_client=1.0)
    held = holds(here.ask(0, seat("a")))
    old = seat("b")
    first, second = waits(here.ask(0, old)), waits(here.ask(0, seat("b")))
    key = first.key
    assert here.reseat(0, old, seat("b", until=3.0)) is first
    assert (first.key, first.until, first.start_by) == (key, 3.0, 3.0)
    assert [who for who, _ in here.release(0, held)] == [first]
    assert second.stage is Stage.READY


def test_who_is_promoted_still_needs_a_slot_that_he_may_have() -> None:
    """An operator's choice opens no bulkhead; others pass it."""
    here = line(limit=2, size=9, bulkheads={"report": 0.5})
    report = holds(here.ask(0, seat("a", bulkhead="report")))
    other = holds(here.ask(0, seat("b")))
    chosen, last = waits(here.ask(0, seat("c", bulkhead="report"))), waits(here.ask(0, seat("d")))
    here.promote(0.0, chosen)
    assert [who for who, _ in here.release(0, other)] == [last]
    assert [who for who, _ in here.release(0, report)] == [chosen]


def test_what_becomes_of_those_in_line_is_noted() -> None:
    """Who is served counts as served, who hangs up as not, who is let go as the chance that he comes back."""
    here = line(size=9, wait_s=5.0)
    held = holds(here.ask(0, seat("a")))
    one, two, three = (waits(here.ask(0, seat(name))) for name in "bcd")
    [(who, lease)] = here.release(0, held)
    assert (who, here._backlog.served, here._backlog.count) == (one, 1.0, 2)
    assert here.reseat(0, one.seat, seat("heir")) is None
    here.leave(0, two)
    assert here._backlog.served == pytest.approx(0.98)
    assert here.expire(5.0, three) is not None
    assert here._backlog.served == pytest.approx(0.98 + 0.02 * (0.5 - 0.98))
    assert holds(lease).number == 2


def test_who_comes_back_is_expected_no_more() -> None:
    """Even where there is room at once; and one who stays away is forgotten when he is overdue."""
    here = line(size=9, wait_s=5.0)
    held = holds(here.ask(0, seat("a")))
    gone = [waits(here.ask(0, seat(name))) for name in "bc"]
    refusals = [here.expire(5.0, each) for each in gone]
    assert len(here._fair.away) == 2
    here.release(5.0, held)
    holds(here.ask(6.0, seat("b", place=here.place_of(gone[0]))))
    assert len(here._fair.away) == 1
    assert here._fair.away.returning == 0.525
    assert refusals[1] is not None
    assert refusals[1].retry_after_s == 1
    waits(here.ask(10.9, seat("d")))
    here.outlook(10.9, seat("e"))
    assert len(here._fair.away) == 1
    here.outlook(11.0, seat("e"))
    assert len(here._fair.away) == 0


def test_who_was_let_go_is_told_when_half_of_queue_wait_is_left() -> None:
    """At the worst: the higher border of what is foretold, less half of the patience that he will have again."""
    here = learnt(line(size=20, wait_s=6.0, per_client=1.0), 4.0)
    holds(here.ask(0, seat("a", until=1e6)))
    calls = [waits(here.ask(0, seat(f"{number}", until=1e6))) for number in range(9)]
    refusal = here.expire(6.0, calls[-1])
    assert refusal is not None
    numbers = dict(refusal.numbers)
    assert (numbers["ahead"], numbers["eta_ms"], numbers["waited_ms"]) == (8, 36000, 6000)
    assert refusal.retry_after_s == -(-numbers["eta_high_ms"] // 1000) - 3
    assert "queue.wait (6 s)" in str(refusal.detail)


def test_a_slot_at_the_last_moment_is_still_one() -> None:
    """The last moment at which a call can be done in time is in time."""
    here = learnt(line(size=9, wait_s=50.0), 2.0)
    held = holds(here.ask(0, seat("a")))
    last = waits(here.ask(0, seat("b", until=12.0)))
    [(who, lease)] = here.release(10.0, held)
    assert who is last
    assert isinstance(lease, Lease)


def test_the_limit_of_the_moment_is_the_one_that_counts() -> None:
    """Shares are those of the limit as it is when somebody asks, or is served."""
    limiter = Fixed(2)
    here = Line(limiter, QueueRule(9, 5.0, 1.0, 0.5, {"report": 0.5}))
    holds(here.ask(0, seat("a", bulkhead="report")))
    waiting = waits(here.ask(0, seat("a", bulkhead="report")))
    limiter.limit = 4
    assert [who for who, _ in here.serve(0)] == [waiting]
    limiter.limit = 6
    assert isinstance(here.ask(0, seat("a", bulkhead="report")), Lease)


def test_an_unused_slot_and_a_clock_that_went_back() -> None:
    """A slot that was held for less than no time was held for none."""
    here = learnt(line(size=9), 2.0)
    held = holds(here.ask(10.0, seat("a")))
    waits(here.ask(10.0, seat("b")))
    here.release(9.0, held)
    assert here._backlog.costs.of("Reserve") == pytest.approx(2.0 - 2.0 / 100)


def test_a_search_says_how_long_they_wait() -> None:
    """An operator sees what they are told."""
    here = learnt(line(size=9), 2.0)
    holds(here.ask(0, seat("a")))
    waits(here.ask(0, seat("b")))
    waits(here.ask(1, seat("c")))
    found = here.find(4)
    assert [(each.client, each.waited_s, each.quote.ahead, each.quote.eta_s) for each in found] == [
        ("b", 4, 0, 2.0),
        ("c", 3, 1, 4.0),
    ]


class Rising(Fixed):
    """Learns that one more slot can be borne from every sample."""

    __slots__ = ("epoch", "told")

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.epoch = 0
        self.told: list[tuple[float, Sample, int]] = []

    def tell(self, now: float, sample: Sample, *, waiting: int) -> None:
        self.told.append((now, sample, waiting))
        if not sample.dropped:
            self.limit += 1
            self.epoch += 1


def test_what_the_limit_learns_serves_at_once() -> None:
    """It is told how many wait; where it has changed, whoever may start does."""
    limiter = Rising(1)
    here = Line(limiter, QueueRule(9, 5.0))
    holds(here.ask(0, seat("a")))
    waiting = waits(here.ask(0, seat("b")))
    bad, good = Sample("Reserve", 1.0, 0, 1, dropped=True), Sample("Reserve", 1.0, 0, 1)
    assert here.learn(1.0, bad) == []
    assert [who for who, _ in here.learn(2.0, good)] == [waiting]
    assert limiter.told == [(1.0, bad, 1), (2.0, good, 1)]


def test_an_outlook_is_what_a_newcomer_would_be_told() -> None:
    """It changes nothing, and counts those before; while the backend is cut off the rest of that comes on top."""
    here = learnt(line(size=9, per_client=1.0), 2.0)
    holds(here.ask(0, seat("a")))
    for name in ("b", "b", "c"):
        waits(here.ask(0, seat(name)))
    before = here.outlook(0, seat("new"))
    assert (before.ahead, before.eta_s) == (2, pytest.approx(6.0)), "b's second call comes after it"
    later = here.outlook(0, seat("new"), rest_s=10.0)
    assert later[1:4] == pytest.approx(tuple(each + 10.0 for each in before[1:4]))
    assert here.outlook(0, seat("b")).ahead == 3
    assert here.view().queued == 3
    assert waits(here.ask(0, seat("new"))).flow.client.name == "new"


def test_a_cut_limit_is_a_reason_to_wait_longer() -> None:
    """What was told rises when slots are taken away, and says so; noise keeps still."""
    limiter = Fixed(4)
    here = learnt(Line(limiter, QueueRule(50, 500.0, 1.0)), 2.0)
    for number in range(4):
        holds(here.ask(0, seat(f"{number}")))
    for number in range(8):
        last = waits(here.ask(0, seat(f"w{number}")))
    assert here.quote(0, last).eta_s == pytest.approx(4.0)
    assert here.quote(0, last, ["slow_start"]).reason is None
    limiter.limit = 2
    said = here.quote(0, last)
    assert (said.reason, said.eta_s) == ("limit_cut", pytest.approx((7 * 2.0 + 3 * 2.0) / 2)), (
        "two more have to end first"
    )
    assert here.quote(0, last, ["cut_off"], rest_s=5.0).reason == "cut_off"


def test_what_one_who_comes_back_is_told_rises_with_a_reason_only() -> None:
    """Let go, back, and let go again is one wait: that it is longer by then is said with why."""
    limiter = Fixed(4)
    here = learnt(Line(limiter, QueueRule(50, 5.0, 1.0)), 4.0)
    for number in range(4):
        holds(here.ask(0, seat(f"{number}", until=1e6)))
    for number in range(8):
        last = waits(here.ask(0, seat(f"w{number}", until=1e6)))
    first = here.expire(5.0, last)
    assert first is not None
    assert first.line is not None
    assert (first.line.reason, first.line.stood) == (None, None)
    limiter.limit = 1
    again = waits(here.ask(6.0, seat("w7", until=1e6, place=here.place_of(last))))
    second = here.expire(11.0, again)
    assert second is not None
    assert second.line is not None
    assert second.line.reason == "limit_cut"
    assert second.line.eta_s > first.line.eta_s
    third = waits(here.ask(12.0, seat("w7", until=1e6, place=here.place_of(again))))
    refusal = here.expire(17.0, third, ["cut_off"], 30.0)
    assert refusal is not None
    assert refusal.line is not None
    assert (refusal.line.reason, refusal.line.eta_s > second.line.eta_s) == ("cut_off", True)
    fourth = here.ask(18.0, seat("w7", until=20.0, place=here.place_of(third)))
    assert isinstance(fourth, Refusal)
    assert fourth.line is not None
    assert fourth.line.reason is None, "the cut-off is over, and it falls freely"


def test_it_is_what_the_settings_say_where_they_say_nothing() -> None:
    """Classes, caps and how many of those who were let go are reckoned with."""
    assert [(each.name, each.weight) for each in CLASSES] == [
        ("underway", 20),
        ("staff", 16),
        ("checkout", 8),
        ("browse", 4),
        ("batch", 1),
    ]
    assert {(each.floor, each.reserve) for each in CLASSES} == {(0.02, 0.0)}
    rule = QueueRule(10, 5.0)
    assert (rule.per_client, rule.client_share, dict(rule.bulkheads), AWAY_LINES) == (0.1, 0.5, {}, 20)


def test_whoever_waits_though_he_may_have_a_free_slot_is_seen() -> None:
    """There must never be any; where there is one, because nobody served when the limit rose, the watch names him."""
    limiter = Fixed(1)
    here = Line(limiter, QueueRule(9, 5.0))
    holds(here.ask(0.0, seat("a")))
    waiting = waits(here.ask(0.0, seat("b")))
    assert here.watch() is None
    here._limiter = Fixed(2)
    assert here.watch() is waiting
    here.serve(0.0)
    assert here.watch() is None


def test_deadlines_are_reckoned_from_now() -> None:
    """At any time of day: half of what is left is kept, a rate's moment is so far off as it is, and a wait is as long as it was."""
    here = learnt(line(limit=2, size=9), 2.0)
    for name in "xy":
        holds(here.ask(1000.0, seat(name, until=1100.0)))
    hurried = waits(here.ask(1000.0, seat("b", until=1003.0)))
    assert hurried.start_by == pytest.approx(1001.5), "half of what it has left, which is less than the call takes"
    late = here.ask(1000.0, seat("c", until=1012.0, not_before=1011.5))
    assert isinstance(late, Refusal)
    assert late.line is not None
    assert late.line.eta_s == 12, "eleven and a half seconds, as told"
    hopeless = here.expire(1003.0, hurried)
    assert isinstance(hopeless, Refusal)
    assert dict(hopeless.numbers)["waited_ms"] == 3000


def test_what_is_told_at_the_door_says_why_it_is_more_than_before() -> None:
    """Whoever comes back to a line that is slower by now, and is too late for his own deadline, hears the reason."""
    here = learnt(line(limit=2, size=9, wait_s=5.0), 1.0)
    for name in "xyab":
        here.ask(0.0, seat(name))
    mine = waits(here.ask(0.0, seat("me")))
    refusal = here.expire(5.0, mine)
    assert isinstance(refusal, Refusal)
    here.bound(6.0, Fixed(1), QueueRule(9, 5.0))
    back = here.ask(6.0, seat("me", until=6.4, place=here.place_of(mine)))
    assert isinstance(back, Refusal)
    assert back.reason == "deadline"
    assert back.line is not None
    assert back.line.reason == "limit_cut"


def test_who_pushes_out_his_own_last_call_is_still_known() -> None:
    """A client of whom nothing is left in the line in the very moment in which he comes back is no stranger afterwards."""
    here = line(limit=1, size=1)
    holds(here.ask(0.0, seat("x")))
    waits(here.ask(3.0, seat("a")))
    mine = waits(here.ask(4.0, seat("a", place=Place(0.0, 1.0))))
    assert mine.pushed is not None
    assert dict(mine.pushed[1].numbers)["eta_ms"] == 1000, "a call of unknown cost, and nothing else, is before it"
    assert here._fair.client("a") is mine.flow.client
    assert mine.flow in mine.flow.client.flows


def test_who_is_let_go_reckons_with_those_who_were_let_go_before_him() -> None:
    """They come back before him, as far as they come back: half of them, until it is known better."""
    here = learnt(line(limit=1, size=9, wait_s=5.0), 4.0)
    holds(here.ask(0.0, seat("x")))
    gone = [waits(here.ask(0.0, seat(name))) for name in "abcde"]
    told = [here.expire(5.0, each) for each in gone]
    assert [dict(each.numbers)["ahead"] for each in told if each is not None] == [0, 0, 1, 2, 2]


def test_a_line_with_room_has_nothing_in_excess() -> None:
    """Fewer calls than the limit make nobody's wait shorter than one call."""
    here = line(limit=4)
    holds(here.ask(0.0, seat("a")))
    assert here._slots == Slots(4, 0)
    here.bound(0.0, Fixed(1), QueueRule(2, 5.0))
    assert here._slots == Slots(1, 0)


def test_an_outlook_is_of_the_class_that_asks() -> None:
    """What a client owes as a report he does not owe at the counter."""
    here = learnt(line(limit=1, size=20, wait_s=50.0, per_client=1.0), 1.0)
    holds(here.ask(0.0, seat("a", client_class="batch")))
    for _ in range(5):
        waits(here.ask(0.0, seat("a", client_class="batch")))
    waits(here.ask(0.0, seat("b", client_class="staff")))
    assert here.outlook(0.0, seat("a", client_class="staff")).ahead <= 2
    assert here.outlook(0.0, seat("a", client_class="batch")).ahead >= 5
