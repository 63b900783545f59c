"""Bytes that have come and that no stage has booked yet: heads, bodies nobody reads, requests behind the one under way.

Stands between the socket and the accounts of the exchanges. It says no where `limits.buffered` is reached; it books nothing
for the usual small request, which is gone before the ledger could matter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sidecar.buffers import EVERYBODY

if TYPE_CHECKING:
    from sidecar.ports import Account, Memory

UNBOOKED_BYTES: Final = 4 * 1024  # a usual request; ten thousand connections hold at most 40 MB beside the ledger


class Unclaimed:
    """One connection's. Counts roughly while requests overlap, and starts again from nothing when it goes idle."""

    __slots__ = ("_account", "_fresh_bytes", "_memory")

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._account: Account | None = None
        self._fresh_bytes = 0

    @property
    def booked(self) -> bool:
        """Whether there is more than the ledger overlooks."""
        return self._account is not None

    def add(self, size_bytes: int) -> bool:
        """Note that bytes have come; False where they do not fit any more."""
        self._fresh_bytes += size_bytes
        if self._fresh_bytes <= UNBOOKED_BYTES:
            return True
        if self._account is None:
            self._account = self._memory.account(EVERYBODY)
        if not self._account.take(self._fresh_bytes):
            return False
        self._fresh_bytes = 0
        return True

    def claimed(self, size_bytes: int) -> None:
        """Note that bytes have found their account, or are gone."""
        if self._account is not None:
            self._account.give(size_bytes)
        else:
            left = self._fresh_bytes - size_bytes
            self._fresh_bytes = left if left > 0 else 0  # noqa: FURB136 - on every request: `max` costs five times as much

    def clear(self) -> None:
        """Start again from nothing."""
        self._fresh_bytes = 0
        if self._account is not None:
            self._account.close()
            self._account = None
