"""Where somebody stands in a line, made into a wait: what the order, the backlog and the slots say together.

Asked by the line at its door, for whoever waits, and for whoever is let go. It looks, and changes nothing but the time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from sidecar.policy.eta import Ahead, Quote, Rival, quote, wait_s
from sidecar.policy.tiers import Stage

if TYPE_CHECKING:
    from sidecar.policy.backlog import Backlog
    from sidecar.policy.fair import Fair
    from sidecar.policy.ladder import Key
    from sidecar.policy.tiers import Tier, Waiting

# Who is let go is back when his turn comes near, and takes time that brings the next one back: two rounds find nearly all of them.
_BACK_STEPS: Final = 2


class Slots(NamedTuple):
    """`serving`: slots that come free by themselves, at least 1. `excess`: calls that have to end before one is free, past a cut limit."""

    serving: int
    excess: int


def all_s(backlog: Backlog, slots: Slots) -> float:
    """Return the seconds until everybody who waits is served: cheap, and for most the answer to whether there is time."""
    return (backlog.today_s * backlog.served + backlog.costs.mean_s * (1 + slots.excess)) / slots.serving


def foretell(
    now: float,
    fair: Fair,
    backlog: Backlog,
    slots: Slots,
    tier: Tier,
    key: Key,
    operation: str,
    bulkhead: str,
    *,
    leaving: bool = False,
) -> Quote:
    """Return the wait of a call at `key` of `tier`. `leaving`: of one that is let go, and will be back after all who were before it."""
    fair.away.lapse(now)
    tier.move(now)
    scale, call_s = backlog.scale, backlog.costs.mean_s
    stays, back = scale * backlog.served, scale * fair.away.returning
    fast, fast_s = fair.fast_before(None)
    count, work_s = tier.before(key)
    lag, pace = key[0] - tier.virtual, tier.pace
    away, away_s = 0, 0.0
    if leaving:
        away, away_s = len(tier.away), tier.away.total_s
    elif fair.away:
        # Who is back later than that finds virtual time so far on that his place, worth queue.wait of it, is behind this one.
        passing_s = fair.wait_s + lag / pace if pace > 0.0 else fair.wait_s
        for _ in range(_BACK_STEPS):
            mine_s = (work_s * stays + away_s * back) / slots.serving
            away, away_s = fair.away.before(tier, key, now + min(mine_s, passing_s))
    ahead = Ahead(
        work_s * stays + away_s * back,
        max(fair.virtual, tier.finish),
        tier.weight,
        [(rate, way / pace) for rate, way in tier.arrivals.passing(now, lag)] if lag > 0.0 and pace > 0.0 else (),
    )
    soon = (now + ahead.work_s / slots.serving, 0.0, 0)
    rivals = [
        Rival(
            max(fair.virtual, each.finish),
            each.weight,
            each.work_s * stays + back * (each.due.total_s if leaving else each.due.before(soon)[1]),
            each.arrivals.rate(now),
            each.arrivals.scatter(now),
        )
        for each in fair.tiers.values()
        if each is not tier and (each.arrivals.total or each.order)
    ]
    eta_s, others_s, unsure_s = wait_s(ahead, rivals, slots.serving, call_s * (1 + slots.excess) + fast_s * scale)
    cap = fair.shares.cap_of(bulkhead)
    if cap is not None:
        own_s = backlog.costs.of(operation) * (1 + max(0, fair.shares.held_by(bulkhead) - cap))
        eta_s = max(eta_s, (tier.shelf(bulkhead).ladder.before(key)[1] * stays + own_s) / cap)
    before = count + fast + round(away * fair.away.returning) + round(others_s / backlog.mean_s)
    return quote(before, eta_s, call_s / slots.serving, unsure_s)


def foretell_for(
    now: float, fair: Fair, backlog: Backlog, slots: Slots, waiting: Waiting, *, leaving: bool = False
) -> Quote:
    """Return the wait of somebody in line."""
    if waiting.stage is not Stage.FAST:
        seat = waiting.seat
        tier, key = waiting.flow.tier, waiting.key
        said = foretell(now, fair, backlog, slots, tier, key, seat.operation, seat.bulkhead, leaving=leaving)
        return said if waiting.stage is not Stage.EARLY else said.at_least(seat.not_before - now)
    fast, fast_s = fair.fast_before(waiting)
    call_s = backlog.costs.mean_s
    return quote(fast, (call_s * (1 + slots.excess) + fast_s * backlog.scale) / slots.serving, call_s / slots.serving)
