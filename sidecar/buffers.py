"""The bound on all bytes held at once: request bodies on their way in, replies on their way out.

Stands beside the road; whoever keeps bytes of a caller or a backend books them here first. It answers yes or no at once,
never waits, and never frees anything by itself: an account gives back what it took.
"""

from __future__ import annotations

EVERYBODY = ""
"""The account name of bytes that no backend owns yet (heads, bodies before routing): only the whole bounds them."""


class Buffers:
    """`limits.buffered` as a ledger. Implements `ports.Memory`.

    `limit_bytes` bounds the sum of all accounts; `share` (0 to 1) of it is what the accounts of one backend may hold
    together, so that a backend whose replies pile up cannot starve its neighbours.
    """

    __slots__ = ("_held", "held_bytes", "limit_bytes", "peak_bytes", "share_bytes")

    def __init__(self, limit_bytes: int, share: float) -> None:
        self._held: dict[str, int] = {}
        self.held_bytes = 0
        self.peak_bytes = 0  # the most that was ever held, for the metric of the same name
        self.limit_bytes = limit_bytes
        self.share_bytes = int(limit_bytes * share)

    def __repr__(self) -> str:
        return f"<Buffers {self.held_bytes} of {self.limit_bytes} bytes, {len(self._held)} backends>"

    def resize(self, limit_bytes: int, share: float) -> None:
        """Clamp from now on; what is booked stays booked, a reload breaks nobody's exchange."""
        self.limit_bytes = limit_bytes
        self.share_bytes = int(limit_bytes * share)

    def account(self, backend: str) -> Booking:
        """Open an account under the share of `backend`; `EVERYBODY` has no share of its own."""
        return Booking(self, backend)

    def held_for(self, backend: str) -> int:
        """Return the bytes that the accounts of `backend` hold now."""
        return self._held.get(backend, 0)

    def take(self, backend: str, size_bytes: int) -> bool:
        """Book for an account, or return False and book nothing."""
        total = self.held_bytes + size_bytes
        if total > self.limit_bytes:
            return False
        if backend:
            own = self._held.get(backend, 0) + size_bytes
            if own > self.share_bytes:
                return False
            self._held[backend] = own
        self.held_bytes = total
        if total > self.peak_bytes:  # noqa: PLR1730 - on every request: `max` costs five times as much
            self.peak_bytes = total
        return True

    def give(self, backend: str, size_bytes: int) -> None:
        """Give back what an account has booked."""
        self.held_bytes -= size_bytes
        if backend:
            left = self._held[backend] - size_bytes
            if left:
                self._held[backend] = left
            else:
                del self._held[backend]  # names come and go with reloads: an empty one leaves nothing behind


class Booking:
    """What one exchange or one connection holds, in the hands of its first holder. Implements `ports.Account`.

    A flight may outlive the caller whose bytes it carries: each has a handle then, and the last one to close frees the account.
    """

    __slots__ = ("_backend", "_closed", "_holders", "_ledger", "size_bytes")

    def __init__(self, ledger: Buffers, backend: str) -> None:
        self._ledger = ledger
        self._backend = backend
        self._holders = 1
        self._closed = False  # by the first holder
        self.size_bytes = 0

    def __repr__(self) -> str:
        closed = "" if self._holders else ", closed"
        return f"<Booking {self.size_bytes} bytes for {self._backend or 'everybody'}{closed}>"

    def take(self, size_bytes: int) -> bool:
        """Book `size_bytes` more, or return False and book nothing; an account that all have closed takes nothing any more."""
        if size_bytes <= 0:
            return True
        if not self._holders or not self._ledger.take(self._backend, size_bytes):
            return False
        self.size_bytes += size_bytes
        return True

    def give(self, size_bytes: int) -> None:
        """Give back `size_bytes`, at most what is held."""
        size_bytes = min(size_bytes, self.size_bytes)
        if size_bytes > 0:
            self.size_bytes -= size_bytes
            self._ledger.give(self._backend, size_bytes)

    def share(self) -> Share:
        """Name one more holder, and return his handle: what is booked is given back when each of them has closed his own."""
        self._holders += 1
        return Share(self)

    def close(self) -> None:
        """Give everything back, as the last holder; harmless when repeated."""
        if not self._closed:
            self._closed = True
            self._leave()

    def _leave(self) -> None:
        self._holders -= 1
        if not self._holders and self.size_bytes:
            self._ledger.give(self._backend, self.size_bytes)
            self.size_bytes = 0


class Share:
    """A further holder's handle on a Booking: closing it counts once, however often it is done. Implements `ports.Account`."""

    __slots__ = ("_booking", "_closed")

    def __init__(self, booking: Booking) -> None:
        self._booking = booking
        self._closed = False

    def __repr__(self) -> str:
        return f"<Share of {self._booking!r}{', closed' if self._closed else ''}>"

    def take(self, size_bytes: int) -> bool:
        """As the booking's."""
        return self._booking.take(size_bytes)

    def give(self, size_bytes: int) -> None:
        """As the booking's."""
        self._booking.give(size_bytes)

    def share(self) -> Share:
        """As the booking's."""
        return self._booking.share()

    def close(self) -> None:
        """As the booking's."""
        if not self._closed:
            self._closed = True
            self._booking._leave()  # noqa: SLF001 - its other half
