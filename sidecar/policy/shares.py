"""What shares of a limit come to in slots: what one client may hold, each bulkhead, and what is kept for classes that must live.

Asked by `fair` before anybody is given a slot. It counts slots by bulkhead, and never looks at who waits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sidecar.policy.queue import QueueRule
    from sidecar.policy.tiers import Tier

AWAKE_S: Final = 10.0  # a reserve is kept free so long after its class has asked for something, then lent out


class Shares:
    """The shares of one line, at its present limit. All are rounded down to slots, and are one slot at least."""

    __slots__ = (
        "_bulkheads",
        "_caps",
        "_client_share",
        "_full",
        "_held",
        "_limit",
        "_reserving",
        "client_cap",
        "client_most",
    )

    def __init__(self) -> None:
        self.client_cap = 1  # slots that one client may hold while others wait
        self.client_most = 1  # calls that he may have in line meanwhile
        self._client_share = 1.0
        self._bulkheads: dict[str, float] = {}
        self._held: dict[str, int] = {}  # slots by bulkhead, ghosts included
        self._caps: dict[str, int] = {}
        self._full: set[str] = set()
        self._reserving: tuple[Tier, ...] = ()
        self._limit = 0

    def __repr__(self) -> str:
        held = "".join(f", {name} {self._held.get(name, 0)}/{cap}" for name, cap in self._caps.items())
        kept = "".join(f", {tier.reserved} kept for {tier.name}" for tier in self._reserving)
        return f"<Shares of {self._limit}: {self.client_cap} a client{held}{kept}>"

    def bound(self, rule: QueueRule) -> None:
        """Take new rules; `resize` afterwards."""
        self._client_share, self._bulkheads = rule.client_share, dict(rule.bulkheads)
        self.client_most = max(1, int(rule.per_client * rule.size))
        self._limit = 0

    def resize(self, limit: int, tiers: Iterable[Tier]) -> bool:
        """Make slots of shares; False where the limit is what it was. `tiers` get their reserves in that order, of all slots but one."""
        if limit == self._limit:
            return False
        self._limit = limit
        self.client_cap = max(1, int(self._client_share * limit))
        self._caps = {name: max(1, int(share * limit)) for name, share in self._bulkheads.items()}
        self._full = {name for name, cap in self._caps.items() if self._held.get(name, 0) >= cap}
        left, reserving = limit - 1, []
        for tier in tiers:
            tier.reserved = min(left, max(1, int(tier.reserve * limit))) if tier.reserve > 0.0 else 0
            left -= tier.reserved
            if tier.reserved:
                reserving.append(tier)
        self._reserving = tuple(reserving)
        return True

    def asked(self, now: float, tier: Tier) -> None:
        """Note that a class lives: from now on its reserve is kept for it."""
        if tier.reserved:
            tier.asked_at, tier.awake = now, True

    def doze(self, now: float) -> None:
        """Lend out what is kept for classes that have not asked for anything lately."""
        for tier in self._reserving:
            if tier.awake and not tier.order and now - tier.asked_at > AWAKE_S:
                tier.awake = False

    def open(self, bulkhead: str) -> bool:
        """Say whether one more call of it may begin."""
        return bulkhead not in self._full

    def may(self, tier: Tier, free: int) -> bool:
        """Say whether a class may take one of so many free slots: its own reserve, or what is left beside that of the others."""
        if tier.in_flight >= tier.reserved:
            for other in self._reserving:
                if other.awake and other is not tier and other.in_flight < other.reserved:
                    free -= other.reserved - other.in_flight
        return free > 0

    def take(self, bulkhead: str) -> None:
        """Note that a call of it begins."""
        if bulkhead:
            held = self._held[bulkhead] = self._held.get(bulkhead, 0) + 1
            if held >= self._caps.get(bulkhead, held + 1):
                self._full.add(bulkhead)

    def give(self, bulkhead: str) -> None:
        """Note that one has ended."""
        if bulkhead:
            held = self._held[bulkhead] = self._held[bulkhead] - 1
            if not held:
                del self._held[bulkhead]
            if held < self._caps.get(bulkhead, held + 1):
                self._full.discard(bulkhead)

    def cap_of(self, bulkhead: str) -> int | None:
        """Return how many slots a bulkhead has, None where it is none."""
        return self._caps.get(bulkhead)

    def held_by(self, bulkhead: str) -> int:
        """Return how many it holds."""
        return self._held.get(bulkhead, 0)
