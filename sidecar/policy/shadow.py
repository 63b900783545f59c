"""What limit and line would have said of a call while somebody has taken them out: too many wait in a line that is not there.

Asked by the slots store, for backends whose limit or queue only observes. The estimate is a plain one: all calls cost alike, and nobody has
a class.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sidecar.policy.notices import QUEUE_FULL, QUEUE_WAIT

if TYPE_CHECKING:
    from sidecar.model import SlotsView
    from sidecar.policy.queue import QueueRule


def would_refuse(rule: QueueRule, limit: int, view: SlotsView, call_s: float) -> str | None:
    """Return the reason of `overloaded` for which a call that comes now would be refused, None where it would be served in time.

    `limit` and `rule` are those that were taken out, `view` the counts before it, `call_s` how long a slot is held.
    """
    behind = view.in_flight + view.ghosts + view.queued - view.later - limit
    if behind < 0:
        return None
    if behind >= rule.size:
        return QUEUE_FULL
    return QUEUE_WAIT if (behind + 1) * call_s / limit > rule.wait_s else None
