"""Whose turn it is: weighted classes, and inside a class start-time fair queuing per client; shares, bulkheads and reserves bound both.

Used by the line, which knows limits, deadlines and refusals. It orders and counts, and never says no to anybody.

Start-time fair queuing (Goyal, Vin, Cheng 1996): what comes is tagged S = max(V, F of its flow), F becomes S + cost, the lowest S is
served first. Once over the classes, where cost is divided by weight and V is the S of whoever was served last. And once over the
clients of a class; there V moves with real service shared among those who have calls here (`in flight / active flows` each second, as in
the fair queuing of Kubernetes' API server), because most visitors come for the first time: were it the S of whoever was served last,
a stream of newcomers would hold it still, and who has had one call would starve behind them.
"""

from __future__ import annotations

from bisect import insort
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from sidecar.policy.away import Away
from sidecar.policy.shares import Shares
from sidecar.policy.tiers import Client, Flow, Stage, Tier, Waiting

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sidecar.model import Place, Seat
    from sidecar.policy.ladder import Key
    from sidecar.policy.queue import ClassRule, QueueRule

# One call that hangs is charged to its client, but at most as much as ten seconds of a slot (the usual `first_byte`): he would else be
# locked out for minutes.
CHARGED_AFTERWARDS_S: Final = 10.0
# Who is idle and in debt is remembered; past so many the oldest are forgiven, whose debts are the smallest.
IDLE_MOST: Final = 1024

# Looked up for every call: a member is found faster by a name of the module than through its class.
_OUT, _BEHIND, _READY, _FAST = Stage.OUT, Stage.BEHIND, Stage.READY, Stage.FAST


class Fair:
    """The whole order. A call is `begun` at once, or does `join`, and `begin` once `next` names it, or `leave`; then it has `ended`."""

    __slots__ = (
        "_aside",
        "_clients",
        "_crowd",
        "_fast",
        "_idle",
        "_lowest",
        "_number",
        "away",
        "shares",
        "tiers",
        "virtual",
        "wait_s",
        "waiting",
    )

    def __init__(self) -> None:
        self.tiers: dict[str, Tier] = {}  # the lightest first
        self.virtual = 0.0  # V of the classes
        self.waiting = 0
        self.wait_s = 0.0
        self.shares = Shares()
        self.away = Away()
        self._clients: dict[str, Client] = {}
        self._aside: dict[Client, None] = {}  # who holds his share, and has calls waiting for more
        self._crowd: dict[Client, None] = {}  # who has more in line than he may while others wait
        self._fast: OrderedDict[Waiting, None] = OrderedDict()
        self._idle: OrderedDict[Flow, None] = OrderedDict()
        self._number = 0

    def __repr__(self) -> str:
        tiers = ", ".join(repr(tier) for tier in self.tiers.values())
        return f"<Fair {self.waiting} waiting, {len(self._clients)} clients known: {tiers}>"

    def bound(self, classes: Iterable[ClassRule], rule: QueueRule, limit: int) -> None:
        """Take new rules. Who waits keeps his place and tag; a class that is not named any more is served on until nobody is left in it."""
        rules = sorted(classes, key=lambda each: each.weight)
        together = sum(each.weight for each in rules)
        before, named = self.tiers, {each.name for each in rules}
        self.tiers = {
            name: tier for name, tier in before.items() if name not in named and (tier.order or tier.in_flight)
        }
        for flow in [flow for flow in self._idle if flow.tier.name not in named]:
            del self._idle[flow]
            self._forget(flow)
        for tier in self.tiers.values():
            tier.reserve = 0.0
        for each in rules:
            tier = self.tiers[each.name] = before.get(each.name) or Tier(each.name)
            tier.weight, tier.reserve = max(each.weight, each.floor * together), each.reserve
        self._lowest, self.wait_s = self.tiers[rules[0].name], rule.wait_s
        self.shares.bound(rule)
        self._crowd = {each: None for each in self._clients.values() if each.waiting > self.shares.client_most}
        self.resize(limit)

    def resize(self, limit: int) -> None:
        """Take a new limit: whoever held his share of the old one may be below that of this one."""
        if self.shares.resize(limit, reversed(self.tiers.values())):
            for client in list(self._aside):
                self._bring_back(client)

    def tier_of(self, client_class: str) -> Tier:
        """Return the class, the lightest where there is none of this name."""
        return self.tiers.get(client_class) or self._lowest

    def flow_of(self, seat: Seat) -> Flow:
        """Return the client's flow in his class, made where it is new."""
        tier = self.tiers.get(seat.client_class) or self._lowest
        client = self._clients.get(seat.client)
        if client is None:
            client = self._clients[seat.client] = Client(seat.client)
        for flow in client.flows:
            if flow.tier is tier:
                if flow in self._idle:
                    del self._idle[flow]
                return flow
        flow = Flow(client, tier)
        client.flows.append(flow)
        return flow

    def key_of(self, now: float, flow: Flow, place: Place | None) -> Key:
        """Return where a call that comes now would stand. A place is worth at most queue.wait of virtual time."""
        tier = flow.tier
        tier.move(now)
        start, since = max(tier.virtual, flow.finish), now
        for queue in flow.queues:
            start = max(
                start, queue[-1].key[0]
            )  # one client's are served as they come, whatever his debts became meanwhile
        if place is not None:
            age_s = min(max(0.0, now - place.since), self.wait_s)
            worth = tier.virtual - age_s * tier.pace
            start = min(start, worth if place.start_tag is None else max(worth, place.start_tag))
            since = now - age_s
        return start, since, self._number + 1

    def room(self, now: float, seat: Seat, free: int) -> bool:
        """Say whether a call that comes may take one of so many free slots, under its bulkhead and what is kept for other classes."""
        tier = self.tiers.get(seat.client_class) or self._lowest
        self.shares.asked(now, tier)
        return free > 0 and self.shares.open(seat.bulkhead) and self.shares.may(tier, free)

    def join(self, now: float, waiting: Waiting, *, waited: bool = False) -> None:
        """Let a call stand in line where its key says. One that has `waited` somewhere else, or comes back, is not the youngest."""
        tier = waiting.flow.tier
        back = waiting.seat.place is not None
        if not back:
            tier.arrivals.tell(now, waiting.cost_s, waiting.key[0] - tier.virtual)
        self._put_in(waiting)
        if back or waited:
            tier.order.move_to_end(waiting, last=False)

    def next(self, free: int) -> Waiting | None:
        """Return whose turn it is, None where nobody may take one of so many free slots."""
        for waiting in self._fast:
            if self.may(waiting, free):
                return waiting
        tiers = [tier for tier in self.tiers.values() if tier.order and self.shares.may(tier, free)]
        if len(tiers) > 1:
            tiers.sort(key=self._turn)
        for tier in tiers:
            found = tier.first(self.shares, self._aside)
            if found is not None:
                return found
        # Nobody else can take it: what a client may hold while others wait bounds nobody now.
        may = [
            waiting
            for client in self._aside
            for waiting in client.aside
            if self.shares.open(waiting.seat.bulkhead) and waiting.flow.tier in tiers
        ]
        return min(may, key=lambda waiting: (self._turn(waiting.flow.tier), waiting.key), default=None)

    def leave(self, now: float, waiting: Waiting) -> bool:
        """Let a call leave the line unserved, and forget what it would have cost; False where it stands there no more."""
        if waiting.stage is _OUT:
            return False
        flow = waiting.flow
        self._take_out(now, waiting)
        flow.finish -= waiting.cost_s
        self.rest(flow)
        return True

    def begin(self, now: float, waiting: Waiting) -> None:
        """Give a slot to whoever `next` has named."""
        flow, fast = waiting.flow, waiting.stage is _FAST
        self._take_out(now, waiting)
        if not (flow.waiting or flow.in_flight):
            flow.tier.active += 1
        if waiting.key[0] > flow.tier.virtual and not fast:
            flow.tier.virtual = waiting.key[0]  # nobody stands before it: virtual time is there, too
        self._hold(flow, waiting.seat.bulkhead, waiting.cost_s)

    def begun(self, now: float, flow: Flow, bulkhead: str, cost_s: float) -> None:
        """Give a slot to a call that has just come."""
        tier = flow.tier
        tier.move(now)
        start = max(tier.virtual, flow.finish)
        tier.arrivals.tell(now, cost_s, start - tier.virtual)
        if not (flow.waiting or flow.in_flight):
            tier.active += 1
        flow.finish = start + cost_s
        self._hold(flow, bulkhead, cost_s)

    def ended(self, now: float, flow: Flow, bulkhead: str, cost_s: float, took_s: float) -> None:
        """Take a slot back, and charge what it really cost: `took_s` seconds, instead of the `cost_s` that were expected."""
        tier, client = flow.tier, flow.client
        tier.move(now)
        owed_s = min(took_s - cost_s, CHARGED_AFTERWARDS_S)
        flow.finish += owed_s
        tier.finish += owed_s / tier.weight
        tier.in_flight -= 1
        flow.in_flight -= 1
        client.in_flight -= 1
        if not (flow.waiting or flow.in_flight):
            tier.active -= 1
        self.shares.give(bulkhead)
        if client.aside and client.in_flight < self.shares.client_cap:
            self._bring_back(client)
        self.rest(flow)

    def promote(self, waiting: Waiting) -> bool:
        """Put a call before everybody, after those who were put there before; False where it stands in the line no more."""
        if waiting.stage is _OUT:
            return False
        if waiting.stage is not _FAST:
            self._unshelve(waiting)
            waiting.stage = _FAST
            self._fast[waiting] = None
            waiting.flow.tier.order.move_to_end(waiting, last=False)
        return True

    def reseat(self, now: float, waiting: Waiting, seat: Seat, cost_s: float) -> None:
        """Put `seat` where another stood: at the same tag; in another class as far before its virtual time, but not behind it."""
        old, stage = waiting.flow, waiting.stage
        tier = self.tier_of(seat.client_class)
        if seat.client == old.client.name and tier is old.tier and seat.bulkhead == waiting.seat.bulkhead:
            waiting.seat = seat
            return
        self.leave(now, waiting)
        if tier is not old.tier or seat.bulkhead != waiting.seat.bulkhead:
            tier.move(now)
            lead = (
                min(waiting.key[0] - old.tier.virtual, 0.0) if tier is not old.tier else waiting.key[0] - tier.virtual
            )
            waiting.key = (tier.virtual + lead, waiting.since, self._number + 1)
        waiting.seat, waiting.flow, waiting.cost_s = seat, self.flow_of(seat), cost_s
        self._put_in(waiting)
        tier.order.move_to_end(
            waiting, last=False
        )  # whoever came last into this class came after it, or is as good as that
        if stage is _FAST:
            self.promote(waiting)

    def victim(self, tier: Tier, client: str, place: Place | None) -> Waiting | None:
        """Return who has to go from a full line for a call of `client` in `tier`, None where nobody has to.

        The youngest of whoever else has most in it, where that is more than one client may have while others wait, and of no higher rank;
        else the youngest of the lowest class that is below his; for somebody with a place, who has waited before, also of his own, where
        that came later.
        """
        for other in sorted(self._crowd, key=lambda each: -each.waiting):
            if other.name == client:
                continue
            calls = [call for flow in other.flows if flow.tier.weight <= tier.weight for call in flow.last]
            if calls:
                return max(calls, key=lambda call: call.key)
        for lower in self.tiers.values():
            youngest = next(reversed(lower.order), None)
            if youngest is None or youngest.stage is _FAST:
                continue
            if lower.weight < tier.weight or (lower is tier and place is not None and youngest.since > place.since):
                return youngest
        return None

    def fast_before(self, waiting: Waiting | None) -> tuple[int, float]:
        """Return how many of those stand before `waiting` (all, where it is none of them), and their work in seconds of a slot."""
        count, work_s = 0, 0.0
        for each in self._fast:
            if each is waiting:
                break
            count, work_s = count + 1, work_s + each.cost_s
        return count, work_s

    def client(self, name: str) -> Client | None:
        """Return a client who is known."""
        return self._clients.get(name)

    def may(self, waiting: Waiting, free: int) -> bool:
        """Say whether one who waits may take one of so many free slots."""
        return self.shares.open(waiting.seat.bulkhead) and self.shares.may(waiting.flow.tier, free)

    def _turn(self, tier: Tier) -> tuple[bool, float, float]:
        return tier.in_flight >= tier.reserved, max(self.virtual, tier.finish), -tier.weight  # of equals the heavier

    def _hold(self, flow: Flow, bulkhead: str, cost_s: float) -> None:
        tier = flow.tier
        self.virtual = max(self.virtual, tier.finish)
        tier.finish = self.virtual + cost_s / tier.weight
        tier.in_flight += 1
        flow.in_flight += 1
        flow.client.in_flight += 1
        self.shares.take(bulkhead)

    def _put_in(self, waiting: Waiting) -> None:
        flow, seat, key = waiting.flow, waiting.seat, waiting.key
        tier = flow.tier
        self._number += 1
        if not (flow.waiting or flow.in_flight):
            tier.active += 1
        flow.finish = max(flow.finish, min(key[0], tier.virtual)) + waiting.cost_s
        flow.waiting += 1
        flow.client.waiting += 1
        if flow.client.waiting > self.shares.client_most:
            self._crowd[flow.client] = None
        self.waiting += 1
        tier.order[waiting] = None
        shelf = tier.shelf(seat.bulkhead)
        shelf.ladder.add(key, waiting.cost_s)
        queue = flow.queue(seat.bulkhead)
        if queue is None:
            flow.queues.append([waiting])
            shelf.push(waiting)
            return
        waiting.stage = _BEHIND
        if queue[-1].key < key:
            queue.append(waiting)
            return
        insort(queue, waiting, key=lambda each: each.key)
        if queue[0] is waiting:
            shelf.push(waiting)  # what stood first stays on the shelf, and comes up after this one

    def _take_out(self, now: float, waiting: Waiting) -> None:
        flow = waiting.flow
        tier = flow.tier
        tier.move(now)
        if waiting.stage is _FAST:
            del self._fast[waiting]
        else:
            self._unshelve(waiting)
        waiting.stage = _OUT
        del tier.order[waiting]
        flow.waiting -= 1
        flow.client.waiting -= 1
        if flow.client.waiting == self.shares.client_most:
            del self._crowd[flow.client]
        self.waiting -= 1
        if not (flow.waiting or flow.in_flight):
            tier.active -= 1

    def _unshelve(self, waiting: Waiting) -> None:
        """Take it from its shelf and its flow's queue, and let who stood behind it come up."""
        flow, bulkhead, stage = waiting.flow, waiting.seat.bulkhead, waiting.stage
        shelf = flow.tier.shelves[bulkhead]
        shelf.ladder.remove(waiting.key)
        queue = flow.queue(bulkhead)
        assert queue is not None
        queue.remove(waiting)
        waiting.stage = _OUT
        if stage is _BEHIND:
            return
        if stage is _READY:
            shelf.left()
        else:
            flow.client.aside.remove(waiting)
            if not flow.client.aside:
                del self._aside[flow.client]
        if not queue:
            flow.queues.remove(queue)
        elif queue[0].stage is _BEHIND:
            shelf.push(queue[0])

    def _bring_back(self, client: Client) -> None:
        del self._aside[client]
        for waiting in client.aside:
            waiting.flow.tier.shelves[waiting.seat.bulkhead].push(waiting)
        client.aside.clear()

    def rest(self, flow: Flow) -> None:
        """Forget a flow that has nothing here and owes nothing; one that owes is remembered for a while."""
        if flow.waiting or flow.in_flight:
            return
        if flow.finish <= flow.tier.virtual:
            self._forget(flow)
            return
        self._idle[flow] = None
        while True:  # at the latest it stops at this one, which owes
            oldest = next(iter(self._idle))
            if oldest.finish > oldest.tier.virtual and len(self._idle) <= IDLE_MOST:
                break
            del self._idle[oldest]
            self._forget(oldest)

    def _forget(self, flow: Flow) -> None:
        client = flow.client
        client.flows.remove(flow)
        if not client.flows:
            del self._clients[client.name]
