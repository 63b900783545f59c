"""`ports.Deeds` in memory: keyed calls, so that nobody's purchase is made twice while this process lives.

The table is synchronous, for the store on disk as well: of two who come at once exactly one wins. It never forgets a deed that is still
good, nor one that still runs, however long: where there is no room left, a new one is not taken.
"""

from __future__ import annotations

from dataclasses import replace
from heapq import heappop, heappush
from secrets import token_bytes
from typing import TYPE_CHECKING, Final, NamedTuple

from sidecar.ports import DeedState

if TYPE_CHECKING:
    from sidecar.ports import Clock, Deed, Log

MOST: Final = 100_000  # purchases of a day and a night at more than one a second; they take 65 MB
# Outcomes are receipts of some KiB. This many bytes are 100 000 of 640 bytes, or 8000 of 8 KiB.
OUTCOMES_BYTES: Final = 64 * 1024 * 1024
# One of them: a receipt of 8 KiB thirty-two times over, and yet a few large replies do not take the room of everybody's purchases.
OUTCOME_BYTES: Final = 256 * 1024
# Room that claims leave free, for the outcomes of what runs: 8 MiB of it are a thousand receipts of 8 KiB at once.
_KEPT_FREE: Final = 8
# What is over goes a minute late at most; for who asks it is over at once. By the second, a day's heap would be sixty times as long.
_BUCKET_S: Final = 60.0
_SWEEP: Final = 64  # as many go with each that comes: 0.2 ms
# What took longer than it was to be remembered is told of for a minute more, to whoever had asked meanwhile and was sent away; never
# for longer than was said, or a purchase that is meant to be a second one would not be made.
GRACE_S: Final = 60.0


class _Held(NamedTuple):
    deed: Deed
    until: float  # monotonic: a wall clock that is set ahead must not make a second purchase possible
    bucket: int | None  # None while it runs: then it is never over
    said_s: float  # for how long it was to be kept


class DeedTable:
    """Deeds by key and by id; `most` of them, with `outcomes_bytes` of outcomes. Times are read from `clock`.

    An outcome above OUTCOME_BYTES, or past all room, is not kept: its deed stands without one. `log` is told when no more are taken.
    """

    def __init__(
        self, clock: Clock, most: int = MOST, outcomes_bytes: int = OUTCOMES_BYTES, log: Log | None = None
    ) -> None:
        self._clock, self._most, self._outcomes_bytes, self._log = clock, most, outcomes_bytes, log
        self._said_full = False
        self._held: dict[bytes, _Held] = {}
        self._key_of: dict[str, bytes] = {}
        self._held_bytes = 0
        self._buckets: dict[int, dict[bytes, None]] = {}
        self._ends: list[int] = []  # a heap of the buckets there are

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {len(self)} of {self._most}, {self._held_bytes} bytes of outcomes>"

    def __len__(self) -> int:
        return len(self._held)

    def under(self, key: bytes) -> Deed | None:
        """Return the deed that stands under `key`."""
        held = self._held.get(key)
        return None if held is None or self._is_over(held) else held.deed

    def named(self, id: str) -> Deed | None:  # noqa: A002 - the port's word
        """Return the deed of an id."""
        key = self._key_of.get(id)
        return None if key is None else self.under(key)

    def add(self, deed: Deed) -> bool:
        """Write a deed down under a key that is free; False where there is no room. What was over under that key is gone then."""
        if (over := self._held.get(deed.key)) is not None:
            self._remove(over)
        if self._fills(1.0, 1.0 - 1 / _KEPT_FREE):
            self._say_full()
            return False
        self._begin(deed)
        return True

    def restore(self, deed: Deed) -> None:
        """Write down what an earlier process had taken, whatever room there is: it is good, so it is not forgotten."""
        if self.under(deed.key) is None:
            if (over := self._held.get(deed.key)) is not None:
                self._remove(over)
            self._begin(deed)

    def replace(self, deed: Deed) -> Deed | None:
        """Put `deed` in the place of the one of its key and id, and return it as it stands; None where another stands there, or none.

        It is over when the one before would have been, by no other clock; what comes to its end only now is kept for a while.
        """
        held = self._held.get(deed.key)
        if held is None or held.deed.id != deed.id:
            return None
        self._remove(held)
        now = self._clock.now()
        until = held.until if held.bucket is not None else max(held.until, now + min(GRACE_S, held.said_s))
        said = max(held.deed.until, self._clock.wall() + until - now)
        return self._put(replace(deed, until=said), until, held.said_s)

    def remove(self, deed: Deed) -> bool:
        """Forget the deed of that key and id; False where another stands there, or none."""
        held = self._held.get(deed.key)
        if held is None or held.deed.id != deed.id:
            return False
        self._remove(held)
        return True

    def sweep(self) -> list[bytes]:
        """Forget some that are over, and return their keys."""
        now, gone = self._clock.now(), list[bytes]()
        while self._ends and (self._ends[0] + 1) * _BUCKET_S <= now and len(gone) < _SWEEP:
            bucket = self._buckets[self._ends[0]]
            while bucket and len(gone) < _SWEEP:
                key, _ = bucket.popitem()
                gone.append(key)
                self._forget(self._held[key])
            if not bucket:
                del self._buckets[heappop(self._ends)]
        return gone

    def _fills(self, share: float, share_bytes: float) -> bool:
        return len(self._held) >= self._most * share or self._held_bytes >= self._outcomes_bytes * share_bytes

    def _say_full(self) -> None:
        """Once, until half of it is free again: it fills and empties by single ones for hours."""
        if self._log is not None and not self._said_full:
            facts = {"deeds": len(self._held), "most": self._most}
            room = {"outcomes_bytes": self._held_bytes, "most_bytes": self._outcomes_bytes}
            self._log.event("deeds_full", **facts, **room)
        self._said_full = True

    def _bounded(self, deed: Deed) -> Deed:
        size_bytes = len(deed.outcome)
        if size_bytes <= min(OUTCOME_BYTES, self._outcomes_bytes - self._held_bytes):
            return deed
        return replace(deed, outcome=b"")

    def _is_over(self, held: _Held) -> bool:
        return held.bucket is not None and held.until <= self._clock.now()

    def _begin(self, deed: Deed) -> None:
        said_s = deed.until - self._clock.wall()
        self._put(deed, self._clock.now() + said_s, said_s)

    def _put(self, deed: Deed, until: float, said_s: float) -> Deed:
        deed = self._bounded(deed)
        bucket = None if deed.state is DeedState.RUNNING else int(until // _BUCKET_S)
        if bucket is not None:
            if bucket not in self._buckets:
                self._buckets[bucket] = {}
                heappush(self._ends, bucket)
            self._buckets[bucket][deed.key] = None
        self._held[deed.key] = _Held(deed, until, bucket, said_s)
        self._key_of[deed.id] = deed.key
        self._held_bytes += len(deed.outcome)
        return deed

    def _remove(self, held: _Held) -> None:
        if held.bucket is not None:
            del self._buckets[held.bucket][held.deed.key]
        self._forget(held)

    def _forget(self, held: _Held) -> None:
        del self._held[held.deed.key]
        self._key_of.pop(held.deed.id, None)
        self._held_bytes -= len(held.deed.outcome)
        self._said_full = self._said_full and self._fills(0.5, 0.5)


class MemoryDeeds:
    """`ports.Deeds` for as long as this process lives."""

    def __init__(
        self, clock: Clock, most: int = MOST, outcomes_bytes: int = OUTCOMES_BYTES, log: Log | None = None
    ) -> None:
        self._table = DeedTable(clock, most, outcomes_bytes, log)
        self._secret = token_bytes(32)

    @property
    def secret(self) -> bytes:
        """See `ports.Deeds.secret`."""
        return self._secret

    def __repr__(self) -> str:
        return f"<MemoryDeeds {self._table!r}>"

    async def claim(self, deed: Deed) -> Deed | None:
        """See `ports.Deeds.claim`."""
        self._table.sweep()
        standing = self._table.under(deed.key)
        if standing is not None:
            return standing
        return deed if self._table.add(deed) else None

    async def settle(self, deed: Deed) -> None:
        """See `ports.Deeds.settle`."""
        self._table.replace(deed)

    async def release(self, deed: Deed) -> None:
        """See `ports.Deeds.release`."""
        self._table.remove(deed)

    async def find(self, id: str) -> Deed | None:  # noqa: A002 - the port's word
        """See `ports.Deeds.find`."""
        return self._table.named(id)
