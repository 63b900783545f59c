"""What has become of the visitors of waiting rooms, as one line a minute: twenty thousand people must not be twenty thousand lines.

Beside the road. It is asked to look once a second, and counts nothing itself: the room does.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from sidecar.policy.room import REACHED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sidecar.policy.room import Room
    from sidecar.ports import Clock, Log

EVERY_S: Final = 60.0


class Visitors:
    """One process's."""

    def __init__(self, clock: Clock, log: Log) -> None:
        self._clock, self._log = clock, log
        self._said_at = clock.now()
        self._said: dict[str, tuple[int, Counter[str]]] = {}

    def __repr__(self) -> str:
        return f"<Visitors of {len(self._said)} rooms>"

    def pulse(self, rooms: Iterable[Room]) -> None:
        """Write a line for each room in which something has happened, where a minute is over."""
        now = self._clock.now()
        if now - self._said_at < EVERY_S:
            return
        self._said_at = now
        before, self._said = self._said, {}
        for room in rooms:
            joined, reached = before.get(room.rule.name, (0, Counter()))
            self._said[room.rule.name] = room.joined, Counter(room.reached)
            new = Counter(room.reached) - reached
            if room.joined == joined and not new:
                continue
            self._log.event(
                "visitors",
                room=room.rule.name,
                state=room.state,
                joined=room.joined - joined,
                **{name: new[name] for name in REACHED.values()},
                waiting=room.waiting,
                active=len(room.passes),
            )
