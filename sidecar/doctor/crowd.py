"""What a crowd does to a waiting room, worked out beforehand: admissions, polls, connections, memory, and how long the sale takes.

Arithmetic alone: it looks at nothing, and knows no verdict. The numbers are upper bounds of what polite clients do; bots come on top.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sidecar.policy import polling

if TYPE_CHECKING:
    from sidecar.plan import RoomPlan

# What one core serves of them, measured on one aiohttp process: over connections that are kept, and with a new one for each.
POLLS_PER_S: Final = 15_000
NEW_POLLS_PER_S: Final = 5_800
VISITOR_BYTES: Final = 120
CONNECTION_BYTES: Final = 11_000


@dataclass(frozen=True, slots=True)
class Evening:
    """What somebody expects of a sale: people, seats, how many of them one order takes, how long a buyer takes (None: half a pass)."""

    room: str
    visitors: int
    seats: int | None = None
    per_order: float = 2.0
    session_s: float | None = None


@dataclass(frozen=True, slots=True)
class Crowd:
    """What follows for one room. Rates are per second; None where nobody said how many seats there are."""

    admissions: float
    session_s: float
    polls: float  # while they wait
    last_polls: float  # in the time between the draw and the opening, when everybody asks once for the place
    connections: int
    visitor_bytes: int
    orders: float | None
    sale_s: float | None
    longest_wait_s: float

    @property
    def most_polls(self) -> float:
        """Return the most polls in a second."""
        return max(self.polls, self.last_polls)


def foreseen(room: RoomPlan, evening: Evening, keep_alive_s: float) -> Crowd:
    """Return what follows; callers' connections are kept for `keep_alive_s` after a poll."""
    session_s = evening.session_s if evening.session_s is not None else room.pass_total_s / 2
    admissions = room.max_active / session_s
    if room.rate is not None:
        admissions = min(admissions, room.rate[0] / room.rate[1])
    polls = polls_per_s(evening.visitors, admissions)
    last_polls = evening.visitors / max(room.draw_s, 1.0) if room.opens is not None else 0.0
    # Whoever polls holds a connection for so long; between draw and opening everybody has polled.
    waiting = min(evening.visitors, max(polls, last_polls) * keep_alive_s)
    connections = math.ceil(waiting) + room.max_active * room.pass_calls
    orders = None if evening.seats is None else evening.seats / evening.per_order
    served = evening.visitors if orders is None else min(evening.visitors, orders)
    return Crowd(
        admissions=admissions,
        session_s=session_s,
        polls=polls,
        last_polls=last_polls,
        connections=connections,
        visitor_bytes=evening.visitors * VISITOR_BYTES + math.ceil(waiting) * CONNECTION_BYTES,
        orders=orders,
        # The last who is admitted still has to buy.
        sale_s=None if orders is None else served / admissions + session_s,
        longest_wait_s=served / admissions,
    )


def polls_per_s(waiting: int, admissions: float) -> float:
    """Return the most polls in a second of so many who wait, at so many admissions in one.

    Who is k-th from the front has k/m seconds to wait at m admissions a second, and polls every a*k/m of them: the sum over all is
    m/a * (1 + ln(a*n / (m*s))) where s is the shortest time between two polls, and the far ones add n/t at most.
    """
    near = admissions * polling.LEAST_S / polling.PART  # so many poll as often as anybody may
    if waiting <= near:
        return waiting / polling.LEAST_S
    return polling.bound(waiting, admissions)
