"""One line before one backend: a table of its rules, and a machine that tries every order of them."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sidecar.model import Lease, Refusal, Seat, SlotsView
from sidecar.policy.limiter import Fixed
from sidecar.policy.queue import Line, Waiting


def seat(client: str = "ada", until: float = 100.0) -> Seat:
    return Seat("tickets", client, "Reserve", "browse", until)


def line(limit: int = 1, size: int = 2, wait_s: float = 5.0) -> Line:
    return Line(Fixed(limit), size, wait_s)


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
    while granted := here.release(held):
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
    assert (refusal.state, refusal.reason, refusal.retry_after_s) == ("overloaded", "queue_full", 1)
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
    assert (refusal.reason, refusal.retry_after_s) == ("queue_wait", 5)
    assert dict(refusal.numbers) == {"waited_ms": 5000, "limit": 1, "in_flight": 1, "ghosts": 0, "queued": 1, "size": 3}
    assert here.view().queued == 0
    assert here.expire(6.0, patient) is None, "who has left is not refused again"


def test_who_leaves_is_not_served_and_may_leave_twice() -> None:
    """A hang-up frees the place, and repeating it harms nobody."""
    here = line(size=3)
    held = holds(here.ask(0, seat()))
    gone, stays = waits(here.ask(0, seat("gone"))), waits(here.ask(0, seat("stays")))
    here.leave(gone)
    here.leave(gone)
    assert [waiting for waiting, _ in here.release(held)] == [stays]


def test_a_reseat_keeps_the_place_and_takes_the_new_deadline() -> None:
    """The heir of a place waits as long as he himself may, never longer than queue.wait from when the place was taken."""
    here = line(size=3, wait_s=5.0)
    held = holds(here.ask(0, seat()))
    old = seat("old", until=1.0)
    place, behind = waits(here.ask(0, old)), waits(here.ask(0, seat("behind")))
    new = seat("new", until=3.0)
    assert here.reseat(old, new) is place
    assert (place.seat, place.until) == (new, 3.0)
    later = seat("later", until=50.0)
    assert here.reseat(new, later) is place
    assert place.until == 5.0
    assert here.reseat(old, new) is None, "the old seat stands nowhere any more"
    granted = here.release(held)
    assert [(waiting, lease.seat) for waiting, lease in granted] == [(place, later)]
    assert here.view().queued == 1
    assert behind.seat.client == "behind"


def test_equal_seats_are_not_the_same_seat() -> None:
    """Two calls of one client look alike; a reseat moves the one that is meant."""
    here = line(size=3)
    here.ask(0, seat())
    one, other = seat(), seat()
    first, second = waits(here.ask(0, one)), waits(here.ask(0, other))
    here.reseat(other, seat("heir"))
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
    assert len(here.release(one)) == 1, "a ghost that ends serves the line"
    assert not here.haunt(one), "what was given back cannot be haunted"


def test_a_limit_of_one_has_no_room_for_a_ghost() -> None:
    """One less than one is none."""
    here = line(limit=1)
    assert not here.haunt(holds(here.ask(0, seat())))


def test_release_is_harmless_when_repeated() -> None:
    """A slot comes back once."""
    here = line(limit=2)
    held, _ = holds(here.ask(0, seat())), holds(here.ask(0, seat()))
    here.release(held)
    here.release(held)
    assert here.view().in_flight == 1


def test_new_bounds_clamp_and_send_nobody_away() -> None:
    """A narrower limit waits for slots to come back, a wider one serves the line at once."""
    here = line(limit=2, size=4)
    one, two = holds(here.ask(0, seat())), holds(here.ask(0, seat()))
    queued = [waits(here.ask(0, seat())) for _ in range(2)]
    assert here.bound(Fixed(1), 0, 1.0) == []
    assert here.view() == SlotsView(1, 2, 0, 2)
    assert here.release(one) == [], "two were in flight under a limit of one"
    assert isinstance(here.ask(0, seat()), Refusal), "the line is closed now"
    assert [waiting for waiting, _ in here.bound(Fixed(3), 4, 1.0)] == queued
    here.release(two)
    assert here.view() == SlotsView(3, 2, 0, 0)


class LineMachine(RuleBasedStateMachine):
    """Ask, release, haunt, leave, expire, reseat and rebound in any order, beside a model that is a plain list."""

    def __init__(self) -> None:
        super().__init__()
        self.limit, self.size, self.wait_s = 2, 3, 5.0
        self.line = Line(Fixed(self.limit), self.size, self.wait_s)
        self.now = 0.0
        self.held: list[Lease] = []
        self.ghosts: list[Lease] = []
        self.queue: list[Waiting] = []
        self.clamped = False  # a narrower limit is allowed to be exceeded until slots come back

    def served(self, granted: list[tuple[Waiting, Lease]]) -> None:
        for waiting, lease in granted:
            assert self.queue.pop(0) is waiting, "the oldest is served first"
            assert lease.seat is waiting.seat
            self.held.append(lease)

    @rule(patience_s=st.floats(-1, 20))
    def ask(self, patience_s: float) -> None:
        until = self.now + patience_s
        verdict = self.line.ask(self.now, seat(until=until))
        if isinstance(verdict, Lease):
            assert not self.queue
            assert len(self.held) + len(self.ghosts) < self.limit
            self.held.append(verdict)
        elif isinstance(verdict, Waiting):
            assert len(self.held) + len(self.ghosts) >= self.limit or self.queue
            assert len(self.queue) < self.size
            self.queue.append(verdict)
        else:
            assert until <= self.now or len(self.queue) >= self.size

    @precondition(lambda self: self.held or self.ghosts)
    @rule(data=st.data(), twice=st.booleans())
    def release(self, data: st.DataObject, twice: bool) -> None:
        lease = data.draw(st.sampled_from(self.held + self.ghosts))
        (self.ghosts if lease in self.ghosts else self.held).remove(lease)
        self.served(self.line.release(lease))
        if twice:
            assert self.line.release(lease) == []

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def haunt(self, data: st.DataObject) -> None:
        lease = data.draw(st.sampled_from(self.held))
        room = len(self.ghosts) < self.limit - 1
        assert self.line.haunt(lease) is room
        if room:
            self.held.remove(lease)
            self.ghosts.append(lease)

    @precondition(lambda self: self.queue)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        waiting = data.draw(st.sampled_from(self.queue))
        self.queue.remove(waiting)
        self.line.leave(waiting)

    @rule(step_s=st.floats(0, 10))
    def pass_time(self, step_s: float) -> None:
        self.now += step_s
        for waiting in list(self.queue):
            refusal = self.line.expire(self.now, waiting)
            assert (refusal is not None) == (self.now >= waiting.until)
            if refusal is not None:
                self.queue.remove(waiting)

    @precondition(lambda self: self.queue)
    @rule(data=st.data(), patience_s=st.floats(0.1, 20))
    def reseat(self, data: st.DataObject, patience_s: float) -> None:
        waiting = data.draw(st.sampled_from(self.queue))
        new = seat("heir", self.now + patience_s)
        assert self.line.reseat(waiting.seat, new) is waiting
        assert waiting.seat is new
        assert waiting.until <= waiting.patience_until

    @rule(limit=st.integers(1, 4), size=st.integers(0, 4))
    def bound(self, limit: int, size: int) -> None:
        self.clamped = self.clamped or limit < self.limit or size < self.size
        self.limit, self.size = limit, size
        self.served(self.line.bound(Fixed(limit), size, self.wait_s))

    @invariant()
    def nothing_is_lost(self) -> None:
        view = self.line.view()
        assert (view.in_flight, view.ghosts, view.queued) == (len(self.held), len(self.ghosts), len(self.queue))

    @invariant()
    def bounds_hold(self) -> None:
        view = self.line.view()
        if not self.clamped:
            assert view.in_flight + view.ghosts <= view.limit
            assert view.ghosts <= view.limit - 1
            assert view.queued <= self.size

    @invariant()
    def nobody_waits_before_a_free_slot(self) -> None:
        view = self.line.view()
        assert not view.queued or view.in_flight + view.ghosts >= view.limit


TestLineMachine = LineMachine.TestCase
