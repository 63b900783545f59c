"""`ports.Purchases` in memory: a table of purchases under way for each backend that has any; `notes` outlive the process, or do not.

The policy decides; this file looks at the clock, makes keys of what callers show, and writes down what changes: digests and ends by wall
time, a page of them at a time, so that a crash loses what the file lags behind and no more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sidecar.policy.deeds import digest
from sidecar.policy.identities import is_session
from sidecar.policy.underway import MOST, PAGES, Purchase, Underway

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from sidecar.model import Exchange
    from sidecar.plan import BackendPlan
    from sidecar.ports import Clock, Log, Notes

_NOTE: Final = "underway "
_STEP_S: Final = 1.0  # by which a clock that is only disciplined never moves at once
_PAGES_AT_ONCE: Final = 32  # 800 purchases where the table is full: a millisecond, and all pages in two minutes


class MemoryPurchases:
    """`secret` is what keys are digested with; it lives as long as what is written down. `notes` None: nothing is.

    `passes` returns what else a caller's purchase is known by, besides what he shows the backend; `on_end` is told of each that somebody
    has got through with, by all that it was known by.
    """

    def __init__(self, clock: Clock, log: Log, secret: bytes, notes: Notes | None = None, *, most: int = MOST) -> None:
        self._clock, self._log, self._secret, self._notes, self._most = clock, log, secret, notes, most
        self._tables: dict[str, Underway] = {}
        self._whom: dict[str, str] = {}  # by name: which backend its purchases are made at
        self._ahead_s = clock.wall() - clock.now()  # of monotonic time, by which ends are written down
        self._old: list[tuple[str, int]] = []  # pages that were written by another clock
        self.passes: Callable[[Exchange], tuple[bytes, ...]] = lambda _: ()
        self.on_end: Callable[[str, tuple[bytes, ...]], None] = lambda *_: None

    def __repr__(self) -> str:
        return f"<MemoryPurchases {' '.join(f'{name}: {table!r}' for name, table in self._tables.items()) or 'none'}>"

    def bound(self, backends: Iterable[BackendPlan]) -> None:
        """Take a plan. What is under way stays so; a backend that is gone is forgotten."""
        before, self._tables = self._tables, {}
        for plan in backends:
            if plan.name in before or any(line.begins for line in plan.operations):
                self._tables[plan.name] = before.get(plan.name) or Underway(most=self._most)
                self._whom[plan.name] = digest(self._secret, repr(plan.identity).encode()).hex()

    def forget(self, backend: str) -> None:
        """Begin anew under a name that means another backend now: nobody holds a seat there."""
        if backend in self._tables:
            self._tables[backend] = Underway(most=self._most)

    def recall(self, backends: Iterable[BackendPlan]) -> None:
        """Take in what an earlier process has written down of the same backends; after `bound`, before the first call."""
        now, wall = self._clock.now(), self._clock.wall()
        for plan in backends:
            table = self._tables.get(plan.name)
            if table is not None and self._notes is not None:
                for page in range(PAGES):
                    text = self._notes.find(f"{_NOTE}{plan.name} {page}") or ""
                    table.restore(now, self._read(plan, text, now, wall))

    def count(self, backend: str) -> int:
        """Return how many are under way, those included that have just ended."""
        table = self._tables.get(backend)
        return 0 if table is None else len(table)

    def keys_of(self, exchange: Exchange) -> tuple[bytes, ...]:
        """See `ports.Purchases.keys_of`. Whom a trusted caller has named is himself, whatever account its server shows."""
        shown, standing = exchange.shown, exchange.standing
        more = self.passes(exchange)
        if not shown:
            return more
        if is_session(shown) or not standing.named:
            return (self.key(exchange.backend, shown), *more)
        return (self.key(exchange.backend, shown, standing.client.encode()), *more)

    def key(self, backend: str, *shown: bytes) -> bytes:
        """Return by what a purchase at `backend` is known of whoever shows this (`policy.identities.session` of a session key)."""
        return digest(self._secret, b"purchase", backend.encode(), *shown)

    def is_going(self, backend: str, keys: tuple[bytes, ...]) -> bool:
        """Say whether a purchase is under way for whoever shows one of `keys`."""
        table = self._tables.get(backend)
        return table is not None and table.find(self._clock.now(), keys) is not None

    def enter(self, backend: str, keys: tuple[bytes, ...]) -> object | None:
        """See `ports.Purchases.enter`."""
        table = self._tables.get(backend)
        return None if table is None else table.enter(self._clock.now(), keys)

    def known_by(self, entered: object) -> tuple[bytes, ...]:
        """See `ports.Purchases.known_by`."""
        assert isinstance(entered, Purchase)
        return tuple(entered.keys)

    def leave(self, entered: object) -> None:
        """See `ports.Purchases.leave`."""
        assert isinstance(entered, Purchase)
        entered.calls -= 1

    def begun(self, backend: str, keys: tuple[bytes, ...], window_s: float, *, sure: bool) -> object:
        """See `ports.Purchases.begun`."""
        table, now = self._tables.get(backend), self._clock.now()
        if table is None:  # calls of a backend that a reload took away still come to their ends
            return Underway().begin(now, keys, now + window_s, sure=sure)
        before = table.let_go
        purchase = table.begin(now, keys, now + window_s, sure=sure)
        if table.let_go != before:
            self._say_full(backend, table)
        self._note(backend, (purchase,))
        return purchase

    def settled(self, backend: str, doubted: object, *, got: bool) -> None:
        """See `ports.Purchases.settled`."""
        assert isinstance(doubted, Purchase)
        table = self._tables.get(backend)
        if table is not None and table.settle(doubted, got=got):
            self._note(backend, (doubted,))

    def ended(self, backend: str, keys: tuple[bytes, ...]) -> None:
        """See `ports.Purchases.ended`. Whoever waits for it is told once for each, of the keys shown where none was under way."""
        table = self._tables.get(backend)
        over = [] if table is None else table.end(self._clock.now(), keys)
        self._note(backend, over)
        self.on_end(backend, tuple(dict.fromkeys((*keys, *(key for each in over for key in each.keys)))))

    def pulse(self) -> None:
        """Forget what is over, and write down anew what a clock has written that was set since: a bit of both, about once a second."""
        now = self._clock.now()
        for table in self._tables.values():
            table.sweep(now)
        if self._notes is None:
            return
        ahead_s = self._clock.wall() - now
        if abs(ahead_s - self._ahead_s) > _STEP_S:
            self._ahead_s = ahead_s
            self._old = [(name, page) for name, table in self._tables.items() for page in table.pages]
        for _ in range(min(_PAGES_AT_ONCE, len(self._old))):
            self._write(*self._old.pop())

    def _note(self, backend: str, changed: Iterable[Purchase]) -> None:
        """Write down the pages on which something has changed."""
        for page in {each.page for each in changed}:
            self._write(backend, page)

    def _write(self, backend: str, page: int) -> None:
        table = self._tables.get(backend)
        if table is None or self._notes is None:
            return
        now, ends_by = self._clock.now(), self._clock.wall() - self._clock.now()
        lines = [
            f"{','.join(key.hex() for key in keys)} {until + ends_by:.0f}" for keys, until in table.view(now, page)
        ]
        self._notes.keep(f"{_NOTE}{backend} {page}", "\n".join([self._whom[backend], *lines]) if lines else "")

    def _read(self, plan: BackendPlan, text: str, now: float, wall: float) -> Iterator[tuple[tuple[bytes, ...], float]]:
        """Read a page. None is longer than one that began now, whatever a clock that was set back says."""
        whom, *lines = text.split("\n")
        for line in lines if whom == self._whom[plan.name] else ():
            try:
                keys, until = line.split(" ")
                left_s = min(float(until) - wall, plan.purchase_s)
                yield tuple(bytes.fromhex(key) for key in keys.split(",")), now + left_s
            except ValueError:
                continue  # damaged: whoever it was is a newcomer

    def _say_full(self, backend: str, table: Underway) -> None:
        """Say that some were let go before their time: of the first, and again for each hundredth part of the room."""
        if (table.let_go - 1) % max(1, self._most // 100) == 0:
            self._log.event("purchases_full", backend=backend, most=self._most, let_go=table.let_go)
