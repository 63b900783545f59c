"""Leads operators along the lines: shows the calls that wait, lets one go before all others, or sends it away.

Stands beside the keeper and the faults, behind the listener that has heard who asks: what is shown are people's own words, so looking is an
order, too. A client is called what the log calls him, a value of sensitive name is never shown, and nobody who is served is touched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

from sidecar.admin.table import VEILED
from sidecar.control import Order, OrderError, Verdict
from sidecar.policy.deeds import is_sensitive
from sidecar.policy.finding import FOUND_MOST
from sidecar.policy.overrides import EVERY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sidecar.policy.finding import WaitingView
    from sidecar.policy.tiers import Waiting

NOUN: Final = "queue"
_SHOWN: Final = 200  # characters of a value: an order number has ten


class Lines(Protocol):
    """What holds the lines: see `stores.slots`."""

    def clients(self, backend: str) -> set[str]:
        """Return whose calls wait."""
        ...

    def find(self, backend: str, **wanted: str | None) -> list[WaitingView]:
        """Return those who wait and fit; at most `FOUND_MOST`."""
        ...

    def promote(self, backend: str, waiting: Waiting) -> bool:
        """Put one before all others."""
        ...

    def drop(self, backend: str, waiting: Waiting) -> bool:
        """Send one away."""
        ...


class Usher:
    """One per process. `names` are the lines that there are, `mask` makes a client's name for people and `named` an operation's,
    `sensitive` are the patterns of names whose values nobody sees.
    """

    def __init__(
        self,
        lines: Lines,
        names: Callable[[], Iterable[str]],
        mask: Callable[[str], str],
        named: Callable[[str], str],
        sensitive: Callable[[], Iterable[str]],
    ) -> None:
        self._lines, self._names, self._mask, self._named, self._sensitive = lines, names, mask, named, sensitive

    def carry_out(self, order: Order) -> Verdict:
        """Do `queue list`, `promote` or `drop`. Raises OrderError where nobody waits who could be meant, or several clients are."""
        if order.verb == "list":
            return self._list(order)
        found = self._meant(order)
        move = self._lines.promote if order.verb == "promote" else self._lines.drop
        moved = [(backend, view) for backend, view in found if move(backend, view.waiting)]
        went = "goes before all others" if order.verb == "promote" else "was sent away"
        text = "; ".join(
            f"{backend}: {view.request_id} ({self._named(view.operation)} of {self._mask(view.client)}) {went}"
            for backend, view in moved
        )
        return Verdict(True, text, {"calls": [self._shown(backend, view) for backend, view in moved]})

    def _list(self, order: Order) -> Verdict:
        found = self._found(
            order, **{name: order.arguments[name].strip() or None for name in ("operation", "request_id", "param")}
        )
        calls = [self._shown(backend, view) for backend, view in found]
        text = f"{len(calls)} call{'s wait' if len(calls) != 1 else ' waits'} like that"
        if len(calls) == FOUND_MOST:
            text = f"the first {FOUND_MOST} calls like that: say more of whom you look for"
        return Verdict(True, text, {"calls": calls})

    def _meant(self, order: Order) -> list[tuple[str, WaitingView]]:
        """Return the calls of one request: whoever repeats it while it waits has several, and means one thing by them."""
        wanted = order.arguments["request_id"].strip()
        found = self._found(order, request_id=wanted)
        if not found:
            raise OrderError(f"no call with the request id {wanted[:60]!r} waits: it is served by now, or has left")
        clients = sorted({self._mask(view.client) for _, view in found})
        if len(clients) > 1:
            raise OrderError(
                f"calls of {len(clients)} clients have that request id: say --client {' or '.join(clients[:5])}"
            )
        return found

    def _found(self, order: Order, **wanted: str | None) -> list[tuple[str, WaitingView]]:
        at, masked = order.arguments["backend"], order.arguments["client"].strip()
        found: list[tuple[str, WaitingView]] = []
        for backend in self._names():
            for client in self._called(backend, masked) if at in (EVERY, backend) else ():
                if len(found) < FOUND_MOST:  # each find looks through a whole line
                    found += [(backend, view) for view in self._lines.find(backend, client=client, **wanted)]
        return found[:FOUND_MOST]

    def _called(self, backend: str, masked: str) -> Iterable[str | None]:
        """Return who of those in a line is called so by the log; None means anybody."""
        if not masked:
            return (None,)
        return [client for client in self._lines.clients(backend) if self._mask(client) == masked]

    def _shown(self, backend: str, view: WaitingView) -> dict[str, Any]:
        patterns, quote = tuple(self._sensitive()), view.quote
        return {
            "backend": backend,
            "request_id": view.request_id,
            "client": self._mask(view.client),
            "class": view.client_class,
            "operation": self._named(view.operation),
            "params": {name: VEILED if is_sensitive(name, patterns) else value[:_SHOWN] for name, value in view.params},
            "waited_s": round(view.waited_s, 1),
            "promoted": view.promoted,
            "ahead": quote.ahead,
            "eta_s": round(quote.eta_s),
            "eta_low_s": round(quote.low_s),
            "eta_high_s": round(quote.high_s),
        }
