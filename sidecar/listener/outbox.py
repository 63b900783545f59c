"""Short replies of one turn of the loop, written together at its end, as Redis does before it sleeps.

Stands between connections and their transports. A write on loopback wakes whoever reads, and the two cores take turns after each of them;
the replies of a turn that go out one behind the other cost half. It holds none for longer than the turn, and no two of one connection.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import asyncio

SHORT_BYTES: Final = 8 * 1024  # far below what makes a transport ask for patience, where it holds nothing else


class Outbox:
    """One for all connections of a listener. `turn` says which replies wait: those that were posted in it."""

    __slots__ = ("_loop", "_waiting", "turn")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: list[tuple[asyncio.Transport, bytes]] = []
        self.turn = 0

    def __repr__(self) -> str:
        return f"<Outbox {len(self._waiting)} of turn {self.turn}>"

    def post(self, transport: asyncio.Transport, data: bytes) -> int:
        """Write at the end of this turn of the loop, or at the next `flush`; returns the turn."""
        if not self._waiting:
            self._loop.call_soon(self.flush)
        self._waiting.append((transport, data))
        return self.turn

    def flush(self) -> None:
        """Write what waits. A connection that was lost meanwhile has nobody to read it."""
        if not self._waiting:
            return
        waiting, self._waiting = self._waiting, []
        self.turn += 1
        for transport, data in waiting:
            if not transport.is_closing():
                transport.write(data)
