"""What the kernel has taken from a peer and the loop has not read yet: a look before a connection is used again, or closed.

Stands under both sides' connections. A look costs two microseconds; the loop itself only learns of such bytes in its next turn.
"""

from __future__ import annotations

import select
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio


class Unread:
    """One connection's look; `transport` has a socket that stays its own."""

    __slots__ = ("_poll",)

    def __init__(self, transport: asyncio.BaseTransport) -> None:
        self._poll = select.poll()
        self._poll.register(
            transport.get_extra_info("socket").fileno(), select.POLLIN | select.POLLHUP | select.POLLERR
        )

    def any(self) -> bool:
        """Say whether bytes, a FIN or an error lie there."""
        return bool(self._poll.poll(0))
