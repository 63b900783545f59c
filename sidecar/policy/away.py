"""Those who were let go with a place and are expected back: they are served before whoever came after them, so they are reckoned with.

Told by `fair` of who goes and who comes back; asked where a wait is foretold. It keeps nobody's place: that is signed, and his own.
"""

from __future__ import annotations

from collections import OrderedDict
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from sidecar.model import Place
    from sidecar.policy.eta import Told
    from sidecar.policy.ladder import Key
    from sidecar.policy.tiers import Tier, Waiting

_Name: TypeAlias = tuple[str, str, float]  # class, client and tag
_STALE_MOST: Final = 64  # ends of those who are back; many more than are still away, and the heap is made anew
_WEIGHT: Final = 0.05  # of the newest, in the share that comes back: it follows within some twenty


class _Gone(NamedTuple):
    tier: Tier
    key: Key
    due: Key
    until: float  # who is not back by then does not come
    told: Told | None  # what he heard last: of the same wait, when he is back


class Away:
    """A bounded table, and what share of them comes back."""

    __slots__ = ("_ends", "_gone", "returning")

    def __init__(self) -> None:
        self._gone: OrderedDict[_Name, _Gone] = OrderedDict()
        self._ends: list[tuple[float, _Name]] = []  # a heap: whoever goes later may be expected sooner
        self.returning = 0.5  # 0 to 1; half, until it is known better: pages come back, programs may not

    def __repr__(self) -> str:
        return f"<Away {len(self)}, of whom {self.returning:.0%} come back>"

    def __len__(self) -> int:
        return len(self._gone)

    def let_go(self, waiting: Waiting, told: Told | None, back_at: float, until: float, most: int) -> None:
        """Reckon with somebody from `back_at` until `until` (monotonic seconds), as one of `most`: of more, the first is forgotten."""
        tier, key = waiting.flow.tier, waiting.key
        name = (tier.name, waiting.flow.client.name, key[0])
        if name in self._gone or most < 1:
            return
        due = (back_at, *key[1:])
        tier.away.add(key, waiting.cost_s)
        tier.due.add(due, waiting.cost_s)
        self._gone[name] = _Gone(tier, key, due, until, told)
        heappush(self._ends, (until, name))
        if len(self._gone) > most:
            self._forget(next(iter(self._gone)))
        if len(self._ends) > 2 * len(self._gone) + _STALE_MOST:
            self._ends = [(gone.until, name) for name, gone in self._gone.items()]
            heapify(self._ends)

    def back(self, tier: Tier, client: str, place: Place) -> Told | None:
        """Reckon no more with somebody: he has come. Return what he was told when he went, None where nobody remembers him."""
        if place.start_tag is None:
            return None
        name = (tier.name, client, place.start_tag)
        gone = self._gone.get(name)
        if gone is None:
            return None
        self._forget(name)
        self.returning += _WEIGHT * (1.0 - self.returning)
        return gone.told

    def lapse(self, now: float) -> None:
        """Reckon no more with those who should have been back by now."""
        while self._ends and self._ends[0][0] <= now:
            until, name = heappop(self._ends)
            gone = self._gone.get(name)
            if gone is not None and gone.until == until:
                self._forget(name)
                self.returning -= _WEIGHT * self.returning

    def _forget(self, name: tuple[str, str, float]) -> None:
        gone = self._gone.pop(name)
        gone.tier.away.remove(gone.key)
        gone.tier.due.remove(gone.due)

    @staticmethod
    def before(tier: Tier, key: Key, at: float) -> tuple[int, float]:
        """Return how many of a class stand before `key` and are back at `at`, and their work in seconds of a slot: the fewer of either."""
        return min(tier.away.before(key), tier.due.before((at, 0.0, 0)))
