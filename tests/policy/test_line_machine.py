"""Whatever happens to a line, in whatever order: slots never leak, bounds hold, and nobody waits who might start."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sidecar.model import Lease, Place, Refusal, Seat
from sidecar.policy.limiter import Fixed
from sidecar.policy.queue import ClassRule, Line, QueueRule
from sidecar.policy.tiers import Stage, Waiting

CLIENTS, KINDS = ("a", "b", "c"), ("checkout", "browse", "batch", "unheard of")
BULKHEADS = {"report": 0.34, "search": 0.5}


class LineMachine(RuleBasedStateMachine):
    """Everything that can happen to a line, in any order, beside a model that counts with plain lists."""

    def __init__(self) -> None:
        super().__init__()
        self.limiter = Fixed(2)
        self.rule = QueueRule(5, 5.0, 0.4, 0.5, BULKHEADS)
        self.reserve = 0.0
        self.line = Line(self.limiter, self.rule, self.classes())
        self.now = 0.0
        self.held: list[Lease] = []
        self.queue: list[Waiting] = []
        self.gone: list[Waiting] = []  # let go with a place
        self.promoted: set[Waiting] = set()
        self.cut = False  # a narrower limit may be exceeded until slots come back
        self.cut_line = False

    def classes(self) -> list[ClassRule]:
        return [ClassRule("checkout", 8, reserve=self.reserve), ClassRule("browse", 4), ClassRule("batch", 0.1)]

    def settled(self, settled: list[tuple[Waiting, Lease | Refusal]]) -> None:
        for waiting, given in settled:
            self.queue.remove(waiting)
            assert waiting.stage is Stage.OUT
            if isinstance(given, Lease):
                assert given.seat is waiting.seat
                assert waiting.seat.not_before <= self.now or waiting in self.promoted
                assert self.now <= waiting.start_by
                self.held.append(given)
                self.began(given)
            else:
                assert given.reason == "deadline"
                assert self.now > waiting.start_by

    def began(self, lease: Lease) -> None:
        assert lease.in_flight <= self.limiter.limit, "no start while in flight and ghosts reach the limit"
        cap = self.cap(lease.seat.bulkhead)
        assert sum(each.seat.bulkhead == lease.seat.bulkhead for each in self.held) <= cap

    def cap(self, bulkhead: str) -> float:
        share = BULKHEADS.get(bulkhead)
        return float("inf") if share is None else max(1, int(share * self.limiter.limit))

    def seat(self, data: st.DataObject, until: float) -> Seat:
        draw = data.draw
        bulkhead = draw(st.sampled_from(("", "", "report", "search")))
        params = (("order", str(draw(st.integers(0, 2)))),)
        client, kind = draw(st.sampled_from(CLIENTS)), draw(st.sampled_from(KINDS))
        held_s = draw(st.one_of(st.none(), st.none(), st.floats(-1, 8)))
        not_before = 0.0 if held_s is None else self.now + held_s
        return Seat("t", client, "Op" + bulkhead, kind, until, bulkhead, None, f"r{self.now}", params, not_before)

    @rule(data=st.data(), patience_s=st.lists(st.floats(-1, 30), min_size=1, max_size=4))
    def ask(self, data: st.DataObject, patience_s: list[float]) -> None:
        for each_s in patience_s:
            self.came(self.seat(data, self.now + each_s))

    @precondition(lambda self: self.gone)
    @rule(data=st.data(), patience_s=st.floats(1, 30), reborn=st.booleans())
    def come_back(self, data: st.DataObject, patience_s: float, reborn: bool) -> None:
        waiting = data.draw(st.sampled_from(self.gone))
        self.gone.remove(waiting)
        place = self.line.place_of(waiting)
        place = Place(None, place.since) if reborn else place
        self.came(waiting.seat._replace(until=self.now + patience_s, place=place))

    def came(self, seat: Seat) -> None:
        others = sum(each.seat.client != seat.client for each in self.queue)
        his, queued = len(self.queue) - others, len(self.queue)
        verdict = self.line.ask(self.now, seat)
        if isinstance(verdict, Lease):
            assert seat.not_before <= self.now
            self.held.append(verdict)
            self.began(verdict)
        elif isinstance(verdict, Waiting):
            if verdict.pushed is not None:
                pushed, refusal = verdict.pushed
                assert queued >= self.rule.size
                assert refusal.retry_after_s
                self.queue.remove(pushed)
                self.gone.append(pushed)
            self.queue.append(verdict)
            assert not others or his < max(1, int(self.rule.per_client * self.rule.size)), "his cap, while others wait"
        else:
            assert seat.until > self.now or verdict.reason == "deadline"

    @precondition(lambda self: self.held)
    @rule(data=st.data(), twice=st.booleans(), used=st.booleans())
    def release(self, data: st.DataObject, twice: bool, used: bool) -> None:
        lease = data.draw(st.sampled_from(self.held))
        self.held.remove(lease)
        self.settled(self.line.release(self.now, lease, used=used))
        if twice:
            self.settled(self.line.release(self.now, lease))

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def haunt(self, data: st.DataObject) -> None:
        lease = data.draw(st.sampled_from(self.held))
        room = lease.ghost or sum(each.ghost for each in self.held) < self.limiter.limit - 1
        assert self.line.haunt(lease) is room
        assert lease.ghost is room

    @precondition(lambda self: self.queue)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        waiting = data.draw(st.sampled_from(self.queue))
        self.queue.remove(waiting)
        self.line.leave(self.now, waiting)

    @rule(step_s=st.one_of(st.floats(0, 10), st.just(8 * 3600.0)))
    def pass_time(self, step_s: float) -> None:
        self.now += step_s
        for waiting in list(self.queue):
            refusal = self.line.expire(self.now, waiting)
            assert (refusal is not None) == (self.now >= waiting.until)
            if refusal is not None:
                self.queue.remove(waiting)
                if refusal.reason == "queue_wait":
                    self.gone.append(waiting)
        self.settled(self.line.serve(self.now))

    @precondition(lambda self: self.queue)
    @rule(data=st.data(), patience_s=st.floats(0.1, 20))
    def reseat(self, data: st.DataObject, patience_s: float) -> None:
        waiting = data.draw(st.sampled_from(self.queue))
        new = self.seat(data, self.now + patience_s)._replace(not_before=waiting.seat.not_before)
        assert self.line.reseat(self.now, waiting.seat, new) is waiting
        assert waiting.seat is new
        assert waiting.until <= waiting.patience_until
        self.settled(self.line.serve(self.now))

    @precondition(lambda self: self.queue)
    @rule(data=st.data())
    def promote(self, data: st.DataObject) -> None:
        waiting = data.draw(st.sampled_from(self.queue))
        assert self.line.promote(self.now, waiting)
        self.promoted.add(waiting)
        assert waiting.stage is Stage.FAST
        self.settled(self.line.serve(self.now))

    @precondition(lambda self: self.queue)
    @rule(data=st.data())
    def drop(self, data: st.DataObject) -> None:
        waiting = data.draw(st.sampled_from(self.queue))
        self.queue.remove(waiting)
        assert self.line.drop(self.now, waiting) is not None
        assert self.line.drop(self.now, waiting) is None

    @rule(data=st.data())
    def find(self, data: st.DataObject) -> None:
        client = data.draw(st.sampled_from(CLIENTS))
        found = {each.waiting for each in self.line.find(self.now, client=client)}
        assert found == {each for each in self.queue if each.seat.client == client}

    @rule(limit=st.integers(1, 5))
    def another_limit(self, limit: int) -> None:
        self.cut = self.cut or limit < self.limiter.limit
        self.limiter.limit = limit
        self.settled(self.line.serve(self.now))

    @rule(limit=st.integers(1, 5), size=st.integers(0, 6), reserve=st.sampled_from((0.0, 0.3)), fewer=st.booleans())
    def bound(self, limit: int, size: int, reserve: float, fewer: bool) -> None:
        self.cut = self.cut or limit < self.limiter.limit
        self.cut_line = self.cut_line or size < self.rule.size
        self.limiter, self.reserve = Fixed(limit), reserve
        self.rule = QueueRule(size, 5.0, 0.4, 0.5, BULKHEADS)
        self.settled(self.line.bound(self.now, self.limiter, self.rule, self.classes()[: 2 if fewer else 3]))

    @invariant()
    def nothing_is_lost(self) -> None:
        view, ghosts = self.line.view(), sum(each.ghost for each in self.held)
        assert (view.in_flight, view.ghosts, view.queued) == (len(self.held) - ghosts, ghosts, len(self.queue))
        fair = self.line._fair
        for name in CLIENTS:
            client = fair.client(name)
            assert (client.in_flight if client else 0) == sum(each.seat.client == name for each in self.held)
            assert (client.waiting if client else 0) == sum(
                each.seat.client == name for each in self.queue if each.stage is not Stage.EARLY
            )
            assert self.line._early.of(name) == sum(
                each.seat.client == name for each in self.queue if each.stage is Stage.EARLY
            )
        for name in BULKHEADS:
            assert fair.shares.held_by(name) == sum(each.seat.bulkhead == name for each in self.held)
        assert sum(tier.in_flight for tier in fair.tiers.values()) == len(self.held)
        for tier in fair.tiers.values():
            flows = {(each.flow.client.name) for each in tier.order} | {
                held.flow.client.name for held in self.line._held.values() if held.flow.tier is tier
            }
            assert tier.active == len(flows)

    @invariant()
    def bounds_hold(self) -> None:
        view = self.line.view()
        if not self.cut:
            assert view.in_flight + view.ghosts <= view.limit
            assert view.ghosts <= view.limit - 1
        if not self.cut_line:
            assert view.queued <= self.rule.size

    @invariant()
    def everybody_stands_somewhere(self) -> None:
        for waiting in self.queue:
            if waiting.stage is Stage.EARLY:
                assert waiting in list(self.line._early)
                assert waiting.seat.not_before > self.now
            elif waiting.stage is not Stage.FAST:
                queue = waiting.flow.queue(waiting.seat.bulkhead)
                assert queue is not None
                assert waiting in queue
                assert [each.key for each in queue] == sorted(each.key for each in queue)
                assert queue[0].stage in (Stage.READY, Stage.ASIDE)
        backlog, operations = self.line._backlog, {each.seat.operation for each in self.queue}
        assert backlog.count == len(self.queue)
        assert set(backlog._operations) == operations
        assert backlog._then_s == pytest.approx(sum(each.cost_s for each in self.queue))
        assert self.line._seats == {id(each.seat): each for each in self.queue}

    @invariant()
    def quotes_are_numbers(self) -> None:
        for waiting in self.queue:
            said = self.line.quote(self.now, waiting)
            assert 0 <= said.low_s <= said.eta_s <= said.high_s < 1e9  # of calls that took a night each
            assert 0 <= said.ahead < 1e4  # those who will pass count, too: of calls that take a millisecond, hundreds

    @invariant()
    def nobody_waits_who_may_take_a_free_slot(self) -> None:
        assert self.line.watch() is None
        free = self.limiter.limit - len(self.held)
        if free > 0 and not self.reserve:
            for waiting in self.queue:
                if waiting.stage is Stage.EARLY:
                    continue
                held = sum(each.seat.bulkhead == waiting.seat.bulkhead for each in self.held)
                assert held >= self.cap(waiting.seat.bulkhead), "only a full bulkhead keeps anybody from a free slot"


TestLineMachine = LineMachine.TestCase
