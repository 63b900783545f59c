"""Calls in a line that a rate holds back: each stands in it from when it came, and nobody is served before his moment.

Asked by the line. They count in its length and in their clients' caps; among the classes they stand from their moment on, with what they
have waited to their credit.
"""

from __future__ import annotations

from collections import Counter
from heapq import heappop, heappush
from itertools import islice
from typing import TYPE_CHECKING, Final

from sidecar.policy.tiers import Stage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sidecar.policy.tiers import Waiting


# A line in which so many of the youngest are of purchases under way is full of such calls, as far as anybody needs to know.
_LOOKED_AT: Final = 32


class Early:
    """Those whose moment is still to come, by it."""

    __slots__ = ("_clients", "_heap", "_number", "_waiting")

    def __init__(self) -> None:
        self._waiting: dict[Waiting, None] = {}  # in the order in which they came
        self._heap: list[tuple[float, int, Waiting]] = []
        self._clients: Counter[str] = Counter()
        self._number = 0

    def __repr__(self) -> str:
        return f"<Early {len(self)}>"

    def __len__(self) -> int:
        return len(self._waiting)

    def __iter__(self) -> Iterator[Waiting]:
        return iter(list(self._waiting))

    def of(self, client: str) -> int:
        """Return how many are one client's."""
        return self._clients.get(client, 0)

    def last_but(self, client_class: str) -> Waiting | None:
        """Return the youngest that is not of this class, None where that would take a search."""
        youngest = islice(reversed(self._waiting), _LOOKED_AT)
        return next((waiting for waiting in youngest if waiting.seat.client_class != client_class), None)

    def add(self, waiting: Waiting) -> None:
        """Hold one back until its seat's `not_before`."""
        waiting.stage = Stage.EARLY
        self._number += 1
        self._waiting[waiting] = None
        self._clients[waiting.seat.client] += 1
        heappush(self._heap, (waiting.seat.not_before, self._number, waiting))

    def take(self, waiting: Waiting) -> None:
        """Hold one back no more, whatever becomes of it."""
        client = waiting.seat.client
        waiting.stage = Stage.OUT
        del self._waiting[waiting]
        self._clients[client] -= 1
        if not self._clients[client]:
            del self._clients[client]

    def due(self, now: float) -> Iterator[Waiting]:
        """Take those whose moment has come, the earliest first."""
        while self._heap and self._heap[0][0] <= now:
            waiting = heappop(self._heap)[2]
            if waiting in self._waiting:
                self.take(waiting)
                yield waiting
