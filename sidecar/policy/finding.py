"""How an operator finds a call in a line: by who sent it, what it asks, its id, or the value of a parameter that is declared.

Used by the line, which knows who waits; it shows and never moves anybody.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from sidecar.policy.tiers import Stage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sidecar.policy.eta import Quote
    from sidecar.policy.tiers import Waiting

FOUND_MOST: Final = 100  # a screen of an operator; who has more narrows the search


class WaitingView(NamedTuple):
    """One who waits, as an operator sees it; `waited_s` until now, `quote` as he is told."""

    waiting: Waiting
    client: str
    client_class: str
    operation: str
    request_id: str
    params: tuple[tuple[str, str], ...]
    waited_s: float
    promoted: bool
    quote: Quote


class Wanted(NamedTuple):
    """What somebody looks for; None: anything. `param` is a value of any declared parameter, an order number say."""

    client: str | None = None
    operation: str | None = None
    request_id: str | None = None
    param: str | None = None

    def among(self, everybody: Iterable[Waiting]) -> Iterator[Waiting]:
        """Yield those who fit everything that is given."""
        client, operation, request_id, param = self
        for waiting in everybody:
            seat = waiting.seat
            if (
                (client is None or seat.client == client)
                and (operation is None or seat.operation == operation)
                and (request_id is None or seat.request_id == request_id)
                and (param is None or param in [value for _, value in seat.params])
            ):
                yield waiting


def shown(now: float, waiting: Waiting, quote: Quote) -> WaitingView:
    """Return one who waits as he is shown at `now` (monotonic seconds)."""
    seat, promoted = waiting.seat, waiting.stage is Stage.FAST
    return WaitingView(
        waiting,
        seat.client,
        waiting.flow.tier.name,
        seat.operation,
        seat.request_id,
        seat.params,
        now - waiting.since,
        promoted,
        quote,
    )
