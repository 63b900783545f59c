"""One seat inventory behind every face: performances, seats, sessions and orders.

It stands behind the road, inside the box office. It answers facts or a `Sorry`; it is synchronous, draws its session
keys and reads its time only from what it was given, and never gives one seat to two people.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from decimal import Decimal
from heapq import heappop, heappush
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

HOLD_S = 600.0  # a reserved seat goes back on sale after ten minutes, as ticketing systems do: else one crowd empties the house
PARTY_MAX = 20  # the largest party that the counter serves without a phone call
SESSIONS_MAX = 100_000  # a quarter of an hour at 100 new people a second; some 50 MB


class Sorry(Exception):  # noqa: N818 - the house refuses politely: it is an answer of the business, not an error of the machine
    """A refusal of the business; `kind` is the exception class that the .NET face would name."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind
        self.text = text


@dataclass(frozen=True, slots=True)
class Performance:
    number: int
    title: str
    starts_at: str
    stage: str
    zone: int
    price: Decimal
    rows: int
    seats_per_row: int
    on_sale: bool = True
    subtitle: str | None = None


@dataclass(slots=True, order=True)
class Seat:
    """A seat is free, held by one session until `held_until`, or sold to one order; `holder` and `order` never both."""

    number: int
    performance: int = field(compare=False)
    row: str = field(compare=False)
    place: int = field(compare=False)
    holder: str | None = field(default=None, compare=False)
    held_until: float = field(default=0.0, compare=False)
    order: int | None = field(default=None, compare=False)

    @property
    def status(self) -> str:
        return "sold" if self.order else "held" if self.holder else "free"


@dataclass(frozen=True, slots=True)
class Order:
    number: int
    session: str
    seats: tuple[Seat, ...]
    total: Decimal
    approval: str


@dataclass(frozen=True, slots=True)
class Reservation:
    """What `reserve` gave: `count` seats of those asked for, 0 when sold out; `line` identifies it, 0 when nothing was reserved."""

    count: int
    line: int


@dataclass(slots=True)
class House:
    """The whole inventory; methods raise `Sorry` and change nothing when they do."""

    rng: Random
    clock: Callable[[], float]
    season: tuple[Performance, ...]
    seats: dict[int, list[Seat]] = field(default_factory=dict)
    sessions: dict[str, list[Seat]] = field(default_factory=dict)
    orders: dict[int, Order] = field(default_factory=dict)
    _free: dict[int, list[Seat]] = field(default_factory=dict)  # heaps: the best free seat of a performance on top
    _holds: deque[tuple[float, Seat]] = field(default_factory=deque)  # oldest first: every hold lasts equally long
    _orders_of: dict[str, list[int]] = field(default_factory=dict)
    _lines: int = 0

    def __post_init__(self) -> None:
        number = count(1)
        for evening in self.season:
            places = [
                (chr(ord("A") + row), place)
                for row in range(evening.rows)
                for place in range(1, evening.seats_per_row + 1)
            ]
            chart = [Seat(next(number), evening.number, row, place) for row, place in places]
            self.seats[evening.number], self._free[evening.number] = chart, list(chart)

    def open_session(self) -> str:
        """Give a new session key; beyond the bound, the oldest session that holds nothing is forgotten."""
        if len(self.sessions) >= SESSIONS_MAX:
            oldest = next((key for key, basket in self.sessions.items() if not basket), None)
            if oldest is None:
                raise Sorry("SessionException", "Too many sessions are open")
            del self.sessions[oldest]
            self._orders_of.pop(oldest, None)
        key = f"{self.rng.getrandbits(160):040X}"
        self.sessions[key] = []
        return key

    def performance(self, number: int) -> Performance:
        for performance in self.season:
            if performance.number == number:
                return performance
        raise Sorry("PerformanceException", f"Performance {number} does not exist")

    def left(self, number: int) -> int:
        self._expire()
        return len(self._free[number])

    def chart(self, number: int) -> list[Seat]:
        """Return every seat of a performance."""
        self.performance(number)
        self._expire()
        return self.seats[number]

    def reserve(self, session: str, number: int, wanted: int) -> Reservation:
        """Hold up to `wanted` (1..20) free seats for the session; fewer where fewer are left."""
        basket = self.basket(session)
        if not self.performance(number).on_sale:
            raise Sorry("SaleException", f"Performance {number} is not on sale")
        if not 1 <= wanted <= PARTY_MAX:
            raise Sorry("SaleException", f"Between 1 and {PARTY_MAX} seats can be reserved at once, not {wanted}")
        free = self._free[number]
        taken = [heappop(free) for _ in range(min(wanted, len(free)))]
        until = self.clock() + HOLD_S
        for seat in taken:
            seat.holder, seat.held_until = session, until
            self._holds.append((until, seat))
        basket.extend(taken)
        self._lines += bool(taken)
        return Reservation(len(taken), self._lines if taken else 0)

    def basket(self, session: str) -> list[Seat]:
        """Return what the session holds; `Sorry` where there is no such session."""
        self._expire()
        if session not in self.sessions:
            raise Sorry("SessionException", "The session key is not valid")
        return self.sessions[session]

    def clear(self, session: str) -> None:
        for seat in list(self.basket(session)):
            self._release(seat)

    def checkout(self, session: str, card: str) -> Order:
        """Sell what the session holds; an empty basket and a card that ends in 0000 are refused, and nothing is sold."""
        basket = self.basket(session)
        if not basket:
            raise Sorry("CartException", "The cart is empty")
        if card.endswith("0000"):
            raise Sorry("PaymentException", "The card was declined")
        number = 50001 + len(self.orders)
        total = sum((self.performance(seat.performance).price for seat in basket), Decimal(0))
        for seat in basket:
            seat.holder, seat.order = None, number
        order = Order(number, session, tuple(basket), total, f"{self.rng.getrandbits(24):06X}")
        basket.clear()
        self.orders[number] = order
        self._orders_of.setdefault(session, []).append(number)
        return order

    def order(self, session: str, number: int) -> Order:
        """Return one order of the session; number 0 asks for its latest, which is how an unknown outcome is confirmed."""
        self.basket(session)
        own = [order for order in self._orders_of.get(session, ()) if number in (0, order)]
        if not own:
            raise Sorry("OrderException", f"Order {number} was not found" if number else "The session has no order")
        return self.orders[own[-1]]

    def sold(self) -> int:
        return sum(len(order.seats) for order in self.orders.values())

    def _expire(self) -> None:
        while self._holds and self._holds[0][0] <= self.clock():
            until, seat = self._holds.popleft()
            if seat.holder is not None and seat.held_until == until:  # else sold, given back, or held anew meanwhile
                self._release(seat)

    def _release(self, seat: Seat) -> None:
        assert seat.holder is not None, "only a held seat can be released"
        self.sessions[seat.holder].remove(seat)
        seat.holder = None
        heappush(self._free[seat.performance], seat)


SEASON = (
    Performance(1201, "Hamlet", "2026-12-01T19:30:00+00:00", "Main stage", 1, Decimal("48.00"), 20, 30),
    Performance(
        1202,
        "The Tempest",
        "2026-12-02T19:30:00+00:00",
        "Main stage",
        1,
        Decimal("42.00"),
        20,
        30,
        subtitle="Relaxed performance",
    ),
    Performance(
        1203, "A Doll's House", "2027-01-14T19:00:00+00:00", "Studio", 2, Decimal("28.00"), 5, 12, on_sale=False
    ),
    Performance(
        1204, "Endgame", "2026-12-05T20:00:00+00:00", "Studio", 2, Decimal("24.00"), 0, 0, subtitle="Last night"
    ),
    Performance(
        1205,
        "The Cherry Orchard",
        "2026-12-09T19:30:00+00:00",
        "Studio",
        2,
        Decimal("32.50"),
        1,
        3,
        subtitle="Added & nearly full",
    ),
    Performance(1206, "Peer Gynt", "2026-12-11T18:30:00+00:00", "Main stage", 1, Decimal("55.00"), 25, 40),
    Performance(1207, "The Lantern Gala", "2026-12-31T18:00:00+00:00", "Arena", 1, Decimal("75.00"), 100, 120),
)
"""Seven evenings, one for each answer the house can give: on sale, not on sale (1203), sold out (1204), three seats left (1205), and one
that 20 000 people want (1207): before it stands a waiting room."""
