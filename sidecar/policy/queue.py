"""One backend's slots and the line before them: classes by weight, clients in turn, bounded, ghosts counted.

Asked by the slots store, which does the waiting. No call starts while calls in flight and ghosts together reach the limit; ghosts hold at
most limit - 1 slots, so that a backend that swallows calls is still asked one at a time. `fair` says whose turn it is, `forecast` how long
it takes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain, islice
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from sidecar.model import Lease, Place, Refusal, Seat, SlotsView
from sidecar.policy import notices
from sidecar.policy.backlog import Backlog
from sidecar.policy.early import Early
from sidecar.policy.eta import Quote, Told
from sidecar.policy.fair import Fair
from sidecar.policy.finding import FOUND_MOST, WaitingView, Wanted, shown
from sidecar.policy.forecast import Slots, all_s, foretell, foretell_for
from sidecar.policy.tiers import Client, Flow, Stage, Tier, Waiting

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from sidecar.policy.ladder import Key
    from sidecar.policy.limiter import Limiter, Sample

# Of those who were let go so many lines full are reckoned with: past that the next hour is foretold, which nobody can.
AWAY_LINES: Final = 20
# A call that usually takes longer than it has left is not worth a slot; but it keeps half of its time in any case, else a backend that was
# slow once would never be asked again by whoever is in a hurry, and nobody would learn that it is quick again.
WORTH: Final = 0.5


@dataclass(frozen=True, slots=True)
class ClassRule:
    """One class. `weight` > 0; `floor`: the part of all weights that it has at least, so that nobody starves; `reserve`: the part of the
    limit that is kept for it while it lives (it has asked for something in the last ten seconds), 0 to below 1.
    """

    name: str
    weight: float
    floor: float = 0.02
    reserve: float = 0.0


@dataclass(frozen=True, slots=True)
class QueueRule:
    """The line's bounds. `per_client`: the part of `size` that one client may fill, `client_share`: the part of the limit that he may hold,
    both only while others wait. `bulkheads`: by key, the part of the limit that operations of that key may hold, always.
    """

    size: int
    wait_s: float
    per_client: float = 0.10
    client_share: float = 0.5
    bulkheads: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))


UNDERWAY: Final = "underway"  # of purchases that have begun; no settings put anybody in it
# What is under way comes before all: each such call brings a customer to his end, and there are never more than two at once of one. Not at
# any price: staff have a third while everybody waits. 20 is the most at which the floor leaves the lightest class its weight of 1.
CLASSES: Final = (
    ClassRule(UNDERWAY, 20),
    ClassRule("staff", 16),
    ClassRule("checkout", 8),
    ClassRule("browse", 4),
    ClassRule("batch", 1),
)

Verdict: TypeAlias = Lease | Waiting | Refusal
Settled: TypeAlias = list[tuple[Waiting, Lease | Refusal]]
"""Who waits no more, and what each gets, in that order; the caller tells them."""


class _Held(NamedTuple):
    flow: Flow
    bulkhead: str
    operation: str
    cost_s: float
    at: float


class Line:
    """The pure policy. `now` is monotonic seconds. Every method that frees a slot returns who was settled; the caller tells them."""

    __slots__ = (
        "_backlog",
        "_early",
        "_fair",
        "_ghosts",
        "_held",
        "_limiter",
        "_number",
        "_rule",
        "_seats",
    )

    def __init__(self, limiter: Limiter, rule: QueueRule, classes: Iterable[ClassRule] = CLASSES) -> None:
        self._limiter, self._rule = limiter, rule
        self._fair = Fair()
        self._fair.bound(classes, rule, limiter.limit)
        self._held: dict[Lease, _Held] = {}
        self._seats: dict[int, Waiting] = {}  # by the seat's identity: equal seats are not the same
        self._backlog = Backlog()
        self._early = Early()
        self._ghosts = 0
        self._number = 0

    def __repr__(self) -> str:
        view = self.view()
        return f"<Line {view.in_flight}/{view.limit} in flight, {view.ghosts} ghosts, {view.queued} queued>"

    def view(self) -> SlotsView:
        """Return the counts."""
        return SlotsView(
            self._limiter.limit, len(self._held) - self._ghosts, self._ghosts, self._queued, len(self._early)
        )

    def ask(self, now: float, seat: Seat) -> Verdict:
        """Give a slot, a place in the line until a moment, or a refusal: deadline, queue_full, or the client's own cap.

        Where a place was somebody else's, the `Waiting` says whose (`pushed`), and what he is to be told.
        """
        if seat.until <= now:
            return notices.overdue(self._counts)
        fair, limit = self._fair, self._limiter.limit
        fair.resize(limit)
        told = None
        if seat.place is not None:
            told = fair.away.back(fair.tier_of(seat.client_class), seat.client, seat.place)
        if seat.not_before <= now and fair.room(now, seat, limit - len(self._held)):
            flow, cost_s = fair.flow_of(seat), self._backlog.costs.of(seat.operation)
            fair.begun(now, flow, seat.bulkhead, cost_s)
            return self._lease(now, seat, flow, cost_s)
        return self._refused_for_him(seat) or self._line_up(now, seat, told)

    def serve(self, now: float) -> Settled:
        """Give free slots to whoever may have them: after the limit has changed, after `reseat`, and now and then."""
        fair, limit = self._fair, self._limiter.limit
        fair.resize(limit)
        fair.shares.doze(now)
        for ripe in self._early.due(now):
            self._ripen(now, ripe)
        settled: Settled = []
        while fair.waiting and (free := limit - len(self._held)) > 0:
            waiting = fair.next(free)
            if waiting is None:
                break
            if now > waiting.start_by:
                settled.append((waiting, self._hopeless(now, waiting)))
                continue
            self._gone(waiting, served=1.0)
            fair.begin(now, waiting)
            settled.append((waiting, self._lease(now, waiting.seat, waiting.flow, waiting.cost_s)))
        return settled

    def learn(self, now: float, sample: Sample) -> Settled:
        """Tell what learns the limit how long an attempt took; a limit that has risen serves at once."""
        limiter, epoch = self._limiter, self._limiter.epoch
        limiter.tell(now, sample, waiting=self._fair.waiting)
        return self.serve(now) if limiter.epoch != epoch else []

    def expire(self, now: float, waiting: Waiting, reasons: Iterable[str] = (), rest_s: float = 0.0) -> Refusal | None:
        """Let `waiting` go if its time is over, and say why; None where it has left the line or has time left.

        Whose patience was over takes his place with him (`place_of`) and is told when his turn will have come near; `reasons` and `rest_s`
        as `quote` has them.
        """
        if waiting.stage is Stage.OUT or now < waiting.until:
            return None
        if waiting.seat.until <= waiting.until:
            return self._hopeless(now, waiting, reasons, rest_s)
        return self._let_go(now, waiting, notices.QUEUE_WAIT, reasons, rest_s)

    def leave(self, now: float, waiting: Waiting) -> None:
        """Forget somebody who hung up; harmless when he is gone already."""
        if waiting.stage is not Stage.OUT:
            self._gone(waiting, served=0.0)
            self._depart(now, waiting)

    def reseat(self, now: float, old: Seat, new: Seat) -> Waiting | None:
        """Put `new` where `old` waits, with its own deadline; return that place, None where `old` does not wait. `serve` afterwards."""
        waiting = self._seats.pop(id(old), None)
        if waiting is None:
            return None
        self._backlog.remove(old.operation, waiting.cost_s)
        if waiting.stage is Stage.EARLY:
            self._early.take(waiting)
            waiting.seat, waiting.flow, waiting.cost_s = new, self._stranger(new), self._backlog.costs.of(new.operation)
            self._early.add(waiting)
        else:
            self._fair.reseat(now, waiting, new, self._backlog.costs.of(new.operation))
        self._backlog.add(new.operation, waiting.cost_s)
        waiting.until = min(new.until, waiting.patience_until)
        waiting.start_by = self._start_by(now, new, waiting.cost_s)
        self._seats[id(new)] = waiting
        return waiting

    def release(self, now: float, lease: Lease, *, used: bool = True) -> Settled:
        """Take a slot back, a ghost's as well; harmless when repeated. One that nobody has `used` teaches nothing and costs nothing."""
        held = self._held.pop(lease, None)
        if held is not None:
            self._ghosts -= lease.ghost
            took_s = max(0.0, now - held.at) if used else 0.0
            if used:
                self._backlog.learn(now, held.operation, took_s)
            self._fair.ended(now, held.flow, held.bulkhead, held.cost_s, took_s)
        return self.serve(now)

    def haunt(self, lease: Lease) -> bool:
        """Turn a held slot into a ghost's, False where there is no room for another ghost; harmless when repeated."""
        if lease not in self._held:
            return False
        if not lease.ghost:
            if self._ghosts >= self._limiter.limit - 1:
                return False
            lease.ghost = True
            self._ghosts += 1
        return True

    def bound(self, now: float, limiter: Limiter, rule: QueueRule, classes: Iterable[ClassRule] = CLASSES) -> Settled:
        """Take new bounds: nobody who holds or waits is sent away, a wider limit serves at once."""
        self._limiter, self._rule = limiter, rule
        self._fair.bound(classes, rule, limiter.limit)
        return self.serve(now)

    def limited_by(self, limiter: object) -> bool:
        """Say whether that is what bounds it now."""
        return self._limiter is limiter

    def expected_s(self, operation: str) -> float:
        """Return how long a slot is held for an operation at present, in seconds."""
        return self._backlog.costs.of(operation)

    def quote(self, now: float, waiting: Waiting, reasons: Iterable[str] = (), rest_s: float = 0.0) -> Quote:
        """Say how long `waiting` waits from now on. What he is told rises only with a reason, one of `reasons` or one that is seen here.

        `rest_s`: until anything is served at all, where the backend is cut off. Where he waits no more, it is no time.
        """
        if waiting.stage is Stage.OUT:
            return Quote(0, 0.0, 0.0, 0.0)
        raw = foretell_for(now, self._fair, self._backlog, self._slots, waiting).later(rest_s)
        return self._told(waiting).tell(raw, self._slots.serving, self._backlog.mean_s, reasons)

    def outlook(self, now: float, seat: Seat, rest_s: float = 0.0) -> Quote:
        """Say how long such a call would wait if it came now; with a place, from where that is."""
        flow = self._stranger(seat)
        key = self._fair.key_of(now, flow, seat.place)
        return self._foretell(now, flow.tier, key, seat).later(rest_s)

    def stands(
        self, now: float, seat: Seat, reasons: Iterable[str] = (), rest_s: float = 0.0
    ) -> tuple[Quote, Place] | None:
        """Return how long the call of `seat` waits yet, and where it stands; None where it does not wait."""
        waiting = self._seats.get(id(seat))
        return None if waiting is None else (self.quote(now, waiting, reasons, rest_s), self.place_of(waiting))

    def back_in_s(self, rest: Quote) -> int:
        """Return when somebody who has `rest` before him is to be back: when half of queue.wait is left until his turn, at the worst."""
        return notices.whole(rest.high_s - self._rule.wait_s / 2)

    def place_of(self, waiting: Waiting) -> Place:
        """Return what somebody who was let go takes with him."""
        return Place(waiting.key[0], waiting.since)

    def find(
        self,
        now: float,
        *,
        client: str | None = None,
        operation: str | None = None,
        request_id: str | None = None,
        param: str | None = None,
        reasons: Iterable[str] = (),
        rest_s: float = 0.0,
    ) -> list[WaitingView]:
        """Return those who wait and fit everything that is given, the longest waiting of each class first, at most `FOUND_MOST`."""
        wanted = Wanted(client, operation, request_id, param)
        found = islice(wanted.among(chain(self._everybody(), self._early)), FOUND_MOST)
        return [shown(now, waiting, self.quote(now, waiting, reasons, rest_s)) for waiting in found]

    def classes(self) -> dict[str, int]:
        """Return how many wait in each class, the heaviest first."""
        counts = {tier.name: len(tier.order) for tier in reversed(self._fair.tiers.values())}
        for waiting in self._early:
            counts[self._fair.tier_of(waiting.seat.client_class).name] += 1
        return counts

    def promote(self, now: float, waiting: Waiting) -> bool:
        """Let an operator put a call before all others, after those that were put there before; False where it does not wait any more. A
        rate holds it back no longer.
        """
        if waiting.stage is Stage.EARLY:
            self._early.take(waiting)
            self._ripen(now, waiting)
        return self._fair.promote(waiting)

    def drop(self, now: float, waiting: Waiting) -> Refusal | None:
        """Let an operator send a call away; None where it does not wait any more."""
        if waiting.stage is Stage.OUT:
            return None
        refusal = notices.dropped(self._counts)
        self.leave(now, waiting)
        return refusal

    def watch(self) -> Waiting | None:
        """Return somebody who waits though a slot is free that he may have under every rule in force: there must never be any."""
        free = self._limiter.limit - len(self._held)
        return next((each for each in self._everybody() if self._fair.may(each, free)), None)

    def _lease(self, now: float, seat: Seat, flow: Flow, cost_s: float) -> Lease:
        self._number += 1
        lease = Lease(seat, self._number, False, self._limiter.epoch, len(self._held) + 1)
        self._held[lease] = _Held(flow, seat.bulkhead, seat.operation, cost_s, now)
        return lease

    def _refused_for_him(self, seat: Seat) -> Refusal | None:
        """Refuse whom his own calls in line bound, while others wait, and whoever finds it full of calls that are none of lesser rank."""
        fair, rule = self._fair, self._rule
        client = fair.client(seat.client)
        his = self._early.of(seat.client) + (client.waiting if client is not None else 0)
        queued = self._queued
        # Two at once are all that a purchase under way may have (the stage that ranks them counts): a short line has no such share.
        if seat.client_class != UNDERWAY and his >= fair.shares.client_most and queued > his:
            return notices.capped(self._counts, his, self._all_s)
        if queued >= rule.size and self._victim(seat) is None:
            return notices.full(self._counts, self._all_s)
        return None

    def _line_up(self, now: float, seat: Seat, told: Told | None) -> Waiting | Refusal:
        fair, rule = self._fair, self._rule
        flow, cost_s = fair.flow_of(seat), self._backlog.costs.of(seat.operation)
        key = fair.key_of(now, flow, seat.place)
        start_by = self._start_by(now, seat, cost_s)
        # Where it is in time behind all others nobody needs to know where it stands; and nobody is refused for a guess.
        if max(now + self._all_s, seat.not_before) > start_by and self._backlog.costs.known:
            foretold = self._foretell(now, flow.tier, key, seat).at_least(seat.not_before - now)
            late_s = now + foretold.eta_s - start_by
            if late_s > 0.0:
                fair.rest(flow)
                said = (told or Told()).tell(foretold, self._slots.serving, self._backlog.mean_s)
                return notices.too_late(self._counts, foretold, said, late_s)
        pushed = None
        if self._queued >= rule.size:
            pushed = self._push_out(now, seat)
            flow = fair.flow_of(seat)  # it may have been all that was known of this client
        patience_until = now + rule.wait_s
        until = min(seat.until, patience_until)
        waiting = Waiting(seat, until, patience_until, key[1], flow, key, cost_s, start_by, pushed=pushed, told=told)
        if seat.not_before > now:
            self._early.add(waiting)
            fair.rest(flow)  # among the classes it is nobody yet
        else:
            fair.join(now, waiting)
        self._backlog.add(seat.operation, cost_s)
        self._seats[id(seat)] = waiting
        return waiting

    def _start_by(self, now: float, seat: Seat, cost_s: float) -> float:
        return seat.until - min(cost_s, WORTH * (seat.until - now)) if self._backlog.costs.known else seat.until

    def _victim(self, seat: Seat) -> Waiting | None:
        """Return who has to go from a full line for a call; for a purchase under way also one that a rate holds back."""
        fair = self._fair
        found = fair.victim(fair.tier_of(seat.client_class), seat.client, seat.place)
        return self._early.last_but(UNDERWAY) if found is None and seat.client_class == UNDERWAY else found

    def _push_out(self, now: float, seat: Seat) -> tuple[Waiting, Refusal]:
        victim = self._victim(seat)
        assert victim is not None, "else the door would have refused"
        return victim, self._let_go(now, victim, notices.PUSHED_OUT)

    def _let_go(
        self, now: float, waiting: Waiting, reason: str, reasons: Iterable[str] = (), rest_s: float = 0.0
    ) -> Refusal:
        """Let somebody leave with his place, and reckon with him until he is back."""
        counts, wait_s = self._counts, self._rule.wait_s
        rest = foretell_for(now, self._fair, self._backlog, self._slots, waiting, leaving=True).later(rest_s)
        told = self._told(waiting)
        said = told.tell(rest, self._slots.serving, self._backlog.mean_s, reasons)
        after_s = self.back_in_s(rest)
        self._gone(waiting, served=self._fair.away.returning)
        self._fair.away.let_go(waiting, told, now + after_s, now + after_s + wait_s, AWAY_LINES * self._rule.size)
        self._depart(now, waiting)
        return notices.let_go(counts, reason, wait_s, now - waiting.since, rest, said, after_s)

    def _hopeless(self, now: float, waiting: Waiting, reasons: Iterable[str] = (), rest_s: float = 0.0) -> Refusal:
        rest = self.quote(now, waiting, reasons, rest_s)
        refusal = notices.hopeless(self._counts, now - waiting.since, rest, self.back_in_s(rest))
        self.leave(now, waiting)
        return refusal

    @staticmethod
    def _told(waiting: Waiting) -> Told:
        told = waiting.told
        if told is None:
            told = waiting.told = Told()
        return told

    def _depart(self, now: float, waiting: Waiting) -> None:
        if waiting.stage is Stage.EARLY:
            self._early.take(waiting)
        else:
            self._fair.leave(now, waiting)

    def _ripen(self, now: float, waiting: Waiting) -> None:
        """Let one whose moment has come stand among the others, as far ahead as it has waited."""
        waiting.flow = self._fair.flow_of(waiting.seat)
        waiting.key = self._fair.key_of(now, waiting.flow, Place(waiting.key[0], waiting.since))
        self._fair.join(now, waiting, waited=True)

    def _stranger(self, seat: Seat) -> Flow:
        """Return the flow that a call would be of, without making it known."""
        tier, client = self._fair.tier_of(seat.client_class), self._fair.client(seat.client)
        flow = next((each for each in client.flows if each.tier is tier), None) if client is not None else None
        return flow or Flow(Client(seat.client), tier)

    def _gone(self, waiting: Waiting, *, served: float) -> None:
        self._backlog.remove(waiting.seat.operation, waiting.cost_s)
        self._backlog.left(served)
        del self._seats[id(waiting.seat)]

    def _foretell(self, now: float, tier: Tier, key: Key, seat: Seat) -> Quote:
        return foretell(now, self._fair, self._backlog, self._slots, tier, key, seat.operation, seat.bulkhead)

    @property
    def _slots(self) -> Slots:
        """A ghost's slot does not come free by itself, as far as anybody can tell."""
        limit = self._limiter.limit
        return Slots(max(1, limit - self._ghosts), max(0, len(self._held) - limit))

    @property
    def _all_s(self) -> float:
        return all_s(self._backlog, self._slots)

    @property
    def _counts(self) -> notices.Counts:
        ghosts = self._ghosts
        return notices.Counts(self._limiter.limit, len(self._held) - ghosts, ghosts, self._queued, self._rule.size)

    @property
    def _queued(self) -> int:
        return self._fair.waiting + len(self._early)

    def _everybody(self) -> Iterator[Waiting]:
        for tier in reversed(self._fair.tiers.values()):
            yield from tier.order
