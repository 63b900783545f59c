"""Watches who asks: says so when one client seems to be everybody, and when a trusted caller names its people in a way that is no name.

Told by the envelope of every request that it has answered; writes a line when something begins and when it is over, and gives the status
its warning. It changes nothing of what anybody gets.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from sidecar.instant import rfc3339
from sidecar.policy.clients import NAMING
from sidecar.policy.crowding import Crowding
from sidecar.policy.strangers import Strangers

if TYPE_CHECKING:
    from sidecar.model import Exchange
    from sidecar.policy.clients import Clients, Unheard
    from sidecar.policy.crowding import Crowd
    from sidecar.ports import Clock, Log

_MORE: Final = "docs/operations.md#who-is-a-client"


class Crowds:
    """Outlives configurations: whether it is over is seen in the requests, not in the settings."""

    __slots__ = ("_clients", "_clock", "_crowding", "_log", "_since", "_told", "malformed")

    def __init__(self, clock: Clock, log: Log, clients: Clients) -> None:
        self._clock, self._log, self._clients = clock, log, clients
        self._crowding, self._told = Crowding(), Strangers()
        self._since: str | None = None
        self.malformed: Counter[str] = Counter()
        """How often each trusted caller (by its name in `callers:`) sent a Sidecar-Client that is no name."""

    def bound(self, clients: Clients) -> None:
        """Take the policy of a new plan."""
        self._clients = clients

    def tell(self, exchange: Exchange) -> None:
        """Note one request that has been answered."""
        if exchange.standing.misnamed:
            self._misnamed(exchange.standing.caller)
        if self._crowding.tell(exchange.client):
            self._look(exchange)

    def warning(self) -> dict[str, object] | None:
        """Return the warning as the status shows it, None while there is none."""
        crowd = self._crowding.current
        if crowd is None:
            return None
        facts = {"text": crowd.text, "remedy": crowd.remedy, "since": self._since, "more": _MORE}
        return {"code": "one_client", "severity": "warning", **facts}

    def _look(self, exchange: Exchange) -> None:
        turn = self._crowding.look(exchange.client, lambda: self._unheard(exchange))
        if turn is None:
            return
        self._since = rfc3339(self._clock.wall()) if turn.begins else None
        self._say(turn.crowd, begins=turn.begins)

    def _unheard(self, exchange: Exchange) -> Unheard | None:
        """Look for a word that does not count, where addresses decided; who has a name of his own is not told apart by them."""
        if exchange.client != exchange.standing.client or exchange.standing.named:
            return None
        return self._clients.unheard(exchange.head, exchange.peer.address)

    def _say(self, crowd: Crowd, *, begins: bool) -> None:
        if begins:
            self._log.event("one_client", text=crowd.text, remedy=crowd.remedy, more=_MORE)
        else:
            self._log.event("one_client_over", header=crowd.unheard.header, hop=crowd.unheard.hop or "unix")

    def _misnamed(self, caller: str) -> None:
        self.malformed[caller] += 1
        due = self._told.tell(self._clock.now(), (caller,))  # at once, then once a minute with its count
        if due is not None:
            remedy = f"{NAMING} stands once, with 1 to 128 visible ASCII characters: an id or a hash of who is meant"
            self._log.event("client_name_malformed", caller=due.origin, count=due.count, remedy=remedy)
