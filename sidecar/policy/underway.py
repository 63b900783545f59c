"""Purchases under way at one backend: whose they are, until when, and how many of their calls are made at the moment.

Asked and told by the purchase stage, through the store. It knows keys (opaque digests of what a caller shows) and moments; it never learns
what was bought, and refuses nobody: whoever is not here is a caller like any other.

A purchase has one end, set when it began, and nothing moves it. Whoever adds seats in the nineteenth minute is under way for a minute
more: did each further seat prolong it, one every few minutes would keep somebody before all others for a whole sale. When it is over he
may begin again, as a newcomer does.
"""

from __future__ import annotations

from heapq import heappop, heappush
from math import floor
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MOST: Final = 100_000  # as many as the sessions of a large box office; 60 MB
CALLS: Final = 2  # at once: a page that checks the basket while it pays; more would be a crowd of one's own
KEYS: Final = 4  # by which one purchase is known: a session, the one after signing in, a pass, and one to spare
PAGES: Final = (
    4_096  # what is written down again when one purchase changes is its page: 25 of them where the table is full
)
# Each that begins takes at most so many away that are over: the table is swept in passing, and no single call pays for all of it.
_SWEEP: Final = 32


class Purchase:
    """One that has begun; identity counts. `until` is monotonic seconds, `sure` False while nobody knows whether it got anything."""

    __slots__ = ("calls", "doubts", "keys", "sure", "until")

    def __init__(self, until: float) -> None:
        self.until = until
        self.keys: list[bytes] = []
        self.calls = 0
        self.doubts = 0
        self.sure = False

    @property
    def page(self) -> int:
        """The page that it is written on, from 0 to below PAGES."""
        return int.from_bytes(self.keys[0][:4], "big") % PAGES

    def __repr__(self) -> str:
        doubt = "" if self.sure else ", in doubt"
        return f"<Purchase until {self.until:g}, {len(self.keys)} keys, {self.calls} calls{doubt}>"


class Underway:
    """The table. `let_go` counts those that had to go before their time because there were more than `most`."""

    __slots__ = ("_by_key", "_by_second", "_count", "_most", "_pages", "_seconds", "let_go")

    def __init__(self, *, most: int = MOST) -> None:
        self._most = most
        self._by_key: dict[bytes, Purchase] = {}
        # By the second in which each ends. A second stays until it is past, so that none is on the heap twice.
        self._by_second: dict[int, dict[Purchase, None]] = {}
        self._seconds: list[int] = []
        self._pages: dict[int, dict[Purchase, None]] = {}
        self._count = 0
        self.let_go = 0

    def __repr__(self) -> str:
        return f"<Underway {self._count} of {self._most}, known by {len(self._by_key)} keys>"

    def __len__(self) -> int:
        return self._count

    def find(self, now: float, keys: Iterable[bytes]) -> Purchase | None:
        """Return the purchase that the first of `keys` with one is of."""
        for key in keys:
            found = self._by_key.get(key)
            if found is not None and found.until > now:
                return found
        return None

    def begin(self, now: float, keys: Sequence[bytes], until: float, *, sure: bool = True) -> Purchase:
        """Let a purchase be under way for everybody who shows one of `keys`, at least one. One that is so already keeps its end.

        Not `sure`: nobody knows whether it got anything; whoever learns of it says so to `settle`, once.
        """
        self.sweep(now)
        purchase = self.find(now, keys)
        if purchase is None:
            purchase = self._add(now, keys[0], until)
        purchase.sure |= sure
        purchase.doubts += not sure
        for key in keys:
            self._name(now, purchase, key)
        return purchase

    def settle(self, purchase: Purchase, *, got: bool) -> bool:
        """Take a doubt away. A purchase of which nothing but doubts was known, and they are gone, is over: then True."""
        purchase.doubts -= 1
        purchase.sure |= got
        if purchase.sure or purchase.doubts or self._by_key.get(purchase.keys[0]) is not purchase:
            return False
        self._drop(purchase)
        return True

    def enter(self, now: float, keys: Iterable[bytes]) -> Purchase | None:
        """Let one more call be made as of a purchase under way; None where there is none, or as many are made as may be."""
        purchase = self.find(now, keys)
        if purchase is None or purchase.calls >= CALLS:
            return None
        purchase.calls += 1  # whoever was let in takes one off again
        return purchase

    def end(self, now: float, keys: Iterable[bytes]) -> list[Purchase]:
        """Let every purchase that is known by one of `keys` be over, and return them."""
        ended = []
        for key in keys:
            purchase = self.find(now, (key,))
            if purchase is not None:
                self._drop(purchase)
                ended.append(purchase)
        return ended

    @property
    def pages(self) -> list[int]:
        """The pages on which there is anything."""
        return list(self._pages)

    def view(self, now: float, page: int) -> list[tuple[tuple[bytes, ...], float]]:
        """Return keys and end of each purchase under way on one page."""
        return [(tuple(each.keys), each.until) for each in self._pages.get(page, ()) if each.until > now]

    def restore(self, now: float, known: Iterable[tuple[Sequence[bytes], float]]) -> None:
        """Take in what `view` gave to an earlier process, in this one's time."""
        for keys, until in known:
            if until > now and keys:
                self.begin(now, keys, until)

    def sweep(self, now: float) -> None:
        """Forget some of those that are over; whoever begins does so in passing."""
        for _ in range(_SWEEP):
            if not self._seconds or self._seconds[0] + 1 > now:
                return
            bucket = self._by_second[self._seconds[0]]
            if bucket:
                self._drop(next(iter(bucket)))
            else:
                del self._by_second[heappop(self._seconds)]

    def _add(self, now: float, key: bytes, until: float) -> Purchase:
        if self._count >= self._most:
            self._drop(nearest := self._nearest())
            self.let_go += nearest.until > now
        purchase, second = Purchase(until), floor(until)
        bucket = self._by_second.get(second)
        if bucket is None:
            bucket = self._by_second[second] = {}
            heappush(self._seconds, second)
        bucket[purchase] = None
        self._count += 1
        self._name(now, purchase, key)
        self._pages.setdefault(purchase.page, {})[purchase] = None
        return purchase

    def _name(self, now: float, purchase: Purchase, key: bytes) -> None:
        other = self._by_key.get(key)
        if other is not None and other.until <= now:
            self._drop(other)
            other = None
        if other is None and len(purchase.keys) < KEYS:
            self._by_key[key] = purchase
            purchase.keys.append(key)

    def _nearest(self) -> Purchase:
        """Return the one whose end is nearest, to a second."""
        while not (bucket := self._by_second[self._seconds[0]]):
            del self._by_second[heappop(self._seconds)]
        return next(iter(bucket))

    def _drop(self, purchase: Purchase) -> None:
        for key in purchase.keys:  # each is its own alone: nobody gets a name that is still another's
            del self._by_key[key]
        del self._by_second[floor(purchase.until)][purchase]
        page = self._pages[purchase.page]
        del page[purchase]
        if not page:
            del self._pages[purchase.page]
        self._count -= 1
