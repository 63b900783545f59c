"""What has happened in a room, visitor by visitor, for an operator who looks somebody up: bounded, in arrays, the oldest first to go.

Fourteen bytes an event: of twenty thousand visitors with five events each it keeps all. When each came is known of everybody, from how far
the counter was each second.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from struct import Struct
from typing import TYPE_CHECKING, Final, NamedTuple

from sidecar.policy.visitors import WHYS, Event, Why

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST: Final = 400_000  # events: 6 MB
_EVENTS: Final = tuple(Event)
_EVENT: Final = Struct(">dIH")
_LANE_SHIFT: Final = 29  # above it the lane, below the number


class Happened(NamedTuple):
    """One event; `at` in wall seconds."""

    at: float
    event: Event
    why: Why


class Story:
    """A ring of events, and when how many had joined each lane."""

    __slots__ = ("_at", "_event", "_fresh", "_joined", "_most", "_next", "_who")

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._at, self._who, self._event = array("d"), array("I"), array("H")
        self._next = 0
        self._fresh = 0  # of the newest, that no store has yet
        self._joined: dict[int, tuple[array[float], list[int]]] = {}

    def __repr__(self) -> str:
        return f"<Story of {len(self._at)} events>"

    def tell(self, wall: float, lane: int, seq: int, event: Event, why: Why = Why.NONE) -> None:
        """Note an event."""
        who, what = lane << _LANE_SHIFT | seq, _EVENTS.index(event) << 8 | WHYS.index(why)
        self._put(wall, who, what)
        self._fresh = min(self._fresh + 1, self._most)

    def take(self) -> bytes:
        """Return what has happened since the last time, for a store."""
        held, first = len(self._at), self._next - self._fresh
        self._fresh = 0
        fresh = (at % held for at in range(first, self._next))
        return b"".join(_EVENT.pack(self._at[at], self._who[at], self._event[at]) for at in fresh)

    def recall(self, kept: bytes) -> None:
        """Take in what a store has kept."""
        for event in _EVENT.iter_unpack(kept):
            self._put(*event)

    def _put(self, wall: float, who: int, what: int) -> None:
        at = self._next
        if at == len(self._at):
            self._at.append(wall)
            self._who.append(who)
            self._event.append(what)
        else:
            self._at[at], self._who[at], self._event[at] = wall, who, what
        self._next = (at + 1) % self._most

    def joined(self, wall: float, lane: int, count: int) -> None:
        """Note how many have joined a lane by now; told once a second."""
        at, counts = self._joined.setdefault(lane, (array("d"), []))
        if not counts or counts[-1] != count:
            at.append(wall)
            counts.append(count)

    def since(self, lane: int, seq: int) -> float | None:
        """Return when somebody came, to the second; None where nobody has looked yet."""
        at, counts = self._joined.get(lane, (array("d"), []))
        index = bisect_right(counts, seq)
        return at[index] if index < len(at) else None

    def of(self, lane: int, seq: int) -> list[Happened]:
        """Return what has happened to somebody, the first first."""
        found = list(self._found(lane << _LANE_SHIFT | seq))
        older = sum(at >= self._next for at in found)  # the ring's oldest stands behind its newest
        return [self._happened(at) for at in (*found[len(found) - older :], *found[: len(found) - older])]

    def _found(self, who: int) -> Iterator[int]:
        """Yield where in the ring somebody stands. Bytes are searched, not numbers: a millisecond instead of ten."""
        held, wanted, size = self._who.tobytes(), array("I", (who,)).tobytes(), self._who.itemsize
        at = held.find(wanted)
        while at >= 0:
            if at % size == 0:
                yield at // size
            at = held.find(wanted, at + 1)

    def _happened(self, at: int) -> Happened:
        event, why = divmod(self._event[at], 256)
        return Happened(self._at[at], _EVENTS[event], WHYS[why])
