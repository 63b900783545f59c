"""Is everybody one client? Then a proxy before us is not trusted, and every limit per client is a limit for all.

Told the client of every request, it counts a thousand of them; where one makes more than four in five, it asks to be shown some of
his requests: do they carry the word of a hop that does not count? It changes nobody's client, it only says so, once per episode.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

from sidecar.policy.clients import UNIX, Unheard, Why

if TYPE_CHECKING:
    from collections.abc import Callable

WINDOW: Final = 1000  # requests: two seconds of an on-sale, and enough of a quiet day to be no accident
MOST: Final = 800  # of them; below that somebody else is still being told apart
_SHOWN: Final = (
    16  # of his requests are looked at; half of them must carry the header, so that a single odd one says nothing
)


class Crowd(NamedTuple):
    """One client makes `share` of the last WINDOW requests (a percentage, rounded down), and `unheard` may be why."""

    share: int
    unheard: Unheard

    @property
    def text(self) -> str:
        """Say what is seen, in one sentence."""
        header, hop, why = self.unheard
        who = f"from {hop}" if hop else "through the unix socket"
        because = {
            Why.STRANGER: "which is not in clients.trust",
            Why.OTHER_HEADER: "which is in clients.trust, but clients.header names another",
            Why.UNREADABLE: "which is in clients.trust, but what it says there is no address",
        }[why]
        return (
            f"one client makes {self.share} % of the last {WINDOW} requests, and they carry {header} {who}, {because}"
        )

    @property
    def remedy(self) -> str:
        """Say what to do, and what else it may be."""
        header, hop, why = self.unheard
        if why is Why.OTHER_HEADER:
            return f"write clients: {{header: {header}}}, if that is what your proxy sets itself and takes from nobody"
        if why is Why.UNREADABLE:
            return f"let the proxy write the address that it sees into {header}"
        network = UNIX if not hop else f"{hop}/128" if ":" in hop else f"{hop}/32"
        if not hop:
            return f"add it, as in clients: {{trust: [{network}]}}: until then all who come through it share one client's limits"
        return (
            f"if {hop} is a proxy of yours, add it, as in clients: {{trust: [{network}]}}: until then all who come through it share "
            f"one client's limits. If it is not, it asks more than everybody else together, and what it writes there is not believed"
        )


class Turn(NamedTuple):
    """An episode begins or is over."""

    crowd: Crowd
    begins: bool


class Crowding:
    """The policy. `current` is the episode that goes on, None where there is none."""

    __slots__ = ("_counts", "_left", "_looked", "_seen", "current")

    def __init__(self) -> None:
        self.current: Crowd | None = None
        self._begin()

    def tell(self, client: str) -> bool:
        """Count one request; True where the policy wants to be shown it (`look`), which is rare."""
        counts = self._counts
        count = counts[client] = counts.get(client, 0) + 1
        self._left -= 1
        return count > MOST or not self._left

    def look(self, client: str, unheard: Callable[[], Unheard | None]) -> Turn | None:
        """Look at the request that was told last; return what has changed, at the end of a thousand."""
        if self._counts[client] > MOST and self._looked < _SHOWN:
            self._looked += 1
            found = unheard()
            if found is not None:
                self._seen[found] += 1
        if self._left:
            return None
        before, self.current = self.current, self._crowd()
        self._begin()
        if self.current is not None:
            return None if before is not None else Turn(self.current, begins=True)
        return None if before is None else Turn(before, begins=False)

    def _crowd(self) -> Crowd | None:
        if not self._seen or self._seen.total() * 2 < self._looked:
            return None
        return Crowd(max(self._counts.values()) * 100 // WINDOW, max(self._seen, key=self._seen.__getitem__))

    def _begin(self) -> None:
        self._counts: dict[str, int] = {}
        self._left = WINDOW
        self._looked = 0
        self._seen: Counter[Unheard] = Counter()
