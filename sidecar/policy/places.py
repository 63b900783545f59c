"""Places in the line that outlast a connection: signed, handed to whoever waited in vain, and given back once, by him, for the same call.

Asked by whoever lets callers go and takes them in again. A place is worth nothing to anybody else and nothing a second time; who holds as
many as he may gets no more. It gives nobody a slot: what it is worth in the line is the line's to say.
"""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from hashlib import blake2b
from heapq import heapify, heappop, heappush
from struct import Struct
from typing import TYPE_CHECKING, Final, NamedTuple

from sidecar.policy import tokens

if TYPE_CHECKING:
    from sidecar.model import Bearer
    from sidecar.policy.tokens import Keys

EPOCH_BYTES: Final = 8  # random, for each start of the process
NONCE_BYTES: Final = 8  # random, for each place: of ten thousand no two are the same
# Places that are out at once: twenty full queues of the usual 500, and 3 MB. Beyond it none are given, so that each can be known again.
MOST: Final = 10_000
# Each that comes takes so many away that are over, 0.1 ms: after a night no single call pays for all of them.
_SWEEP: Final = 100
# Of names: what a place is for must be told apart, not read, so a token is of one size whatever the names are.
_DIGEST_BYTES: Final = 12
_TIMES: Final = Struct(">ddd")  # since, until (wall), tag (virtual)
_AGE_ALONE: Final = float("-inf")  # of a tag that is none
_SIZES: Final = (EPOCH_BYTES, NONCE_BYTES, _TIMES.size, *(_DIGEST_BYTES,) * 4)
# Crockford's base 32 (https://www.crockford.com/base32.html): no I, L, O, U, so that a place can be read out on the telephone.
ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


class Why(StrEnum):
    """Why a place is not given, or does not count."""

    TOO_MANY = "too_many"  # this client holds as many as he may
    FULL = "full"  # as many are out as can be remembered
    MALFORMED = "malformed"  # the first four: as `tokens.Why`
    UNKNOWN_KEY = "unknown_key"
    FORGED = "forged"
    OTHER_KIND = "other_kind"
    OTHER_BACKEND = "other_backend"
    OTHER_CLIENT = "other_client"
    OTHER_CLASS = "other_class"
    OTHER_CALL = "other_call"
    EXPIRED = "expired"
    USED = "used"


class Issued(NamedTuple):
    """A place as it is handed out: the token, what people call it, and until when it counts (wall seconds)."""

    text: str
    code: str
    until: float


class Place(NamedTuple):
    """A place that was given back. `since` when its bearer began to wait (wall seconds).

    `tag` is the start tag that he had in the line, None where that was another process's line: then only his age counts.
    """

    code: str
    since: float
    tag: float | None

    def worth_s(self, now: float, most_s: float) -> float:
        """Return how long he has waited by the wall clock, at most `most_s` (queue.wait), and never less than nothing."""
        return min(max(0.0, now - self.since), most_s)


class Places:
    """All places of one process. `epoch`: EPOCH_BYTES, random at its start; `per_client`: how many one client may hold.

    `now` is wall time everywhere: a place outlives the process. Those of this process are known one by one while they are out, so a place
    that is not known has been used. Of those of an earlier one only the used are known: each counts once more after a restart at most.
    """

    __slots__ = ("_ends", "_epoch", "_held", "_keys", "_most", "_out", "_over", "_per_client", "_spent", "_spent_ends")

    def __init__(self, keys: Keys, epoch: bytes, *, per_client: int, most: int = MOST) -> None:
        if len(epoch) != EPOCH_BYTES:
            raise ValueError(f"an epoch has {EPOCH_BYTES} bytes, not {len(epoch)}")
        self._keys, self._epoch, self._per_client, self._most = keys, epoch, per_client, most
        self._out: dict[bytes, tuple[float, bytes]] = {}  # by nonce: until when, and whose
        self._held: Counter[bytes] = Counter()
        self._ends: list[tuple[float, bytes]] = []  # a heap of all that are out, and of some that are not any more
        self._spent: set[bytes] = set()  # used ones from before the start
        self._spent_ends: list[tuple[float, bytes]] = []  # the same as a heap
        self._over = float(
            "-inf"
        )  # of those the latest end that was forgotten: where the clock is set back, none comes again

    def __repr__(self) -> str:
        return f"<Places {len(self._out)} of {self._most} out, held by {len(self._held)} clients>"

    def __len__(self) -> int:
        return len(self._out)

    def bound(self, keys: Keys, per_client: int) -> None:
        """Take other keys and another bound: what is out stays out."""
        self._keys, self._per_client = keys, per_client

    def issue(
        self, now: float, bearer: Bearer, *, since: float, tag: float | None, until: float, nonce: bytes
    ) -> Issued | Why:
        """Give a place until `until`; without a `tag` its age alone counts. Raises ValueError for a nonce that is none, or is out."""
        if len(nonce) != NONCE_BYTES or nonce in self._out:
            raise ValueError(f"a nonce has {NONCE_BYTES} bytes of its own")
        self._sweep(now)
        backend, client_class, client, call = _names(bearer)
        if self._held[client] >= self._per_client:
            return Why.TOO_MANY
        if len(self._out) >= self._most:
            return Why.FULL
        times = _TIMES.pack(since, until, _AGE_ALONE if tag is None else tag)
        token = tokens.Token(tokens.Kind.PLACE, (self._epoch, nonce, times, backend, client_class, client, call))
        self._out[nonce] = until, client
        self._held[client] += 1
        heappush(self._ends, (until, nonce))
        return Issued(tokens.sign(self._keys, token), place_code(nonce), until)

    def redeem(self, now: float, text: str, bearer: Bearer) -> Place | Why:
        """Take a place back. Only one that counts is used up by it: whoever shows another's takes nothing from him."""
        self._sweep(now)
        token = tokens.read(self._keys, tokens.Kind.PLACE, text)
        if isinstance(token, tokens.Why):
            return Why(token.value)
        if tuple(map(len, token.fields)) != _SIZES:
            return Why.MALFORMED
        epoch, nonce, times, *names = token.fields
        for said, is_so, why in zip(names, _names(bearer), _OTHER, strict=True):
            if said != is_so:
                return why
        since, until, tag = _TIMES.unpack(times)
        if until <= now:
            return Why.EXPIRED
        ours = epoch == self._epoch
        refused = self._take(nonce) if ours else self._spend(nonce, until)
        return refused or Place(place_code(nonce), since, tag if ours and tag != _AGE_ALONE else None)

    def _take(self, nonce: bytes) -> Why | None:
        """Let one of this process's come in, if it is out."""
        if nonce not in self._out:
            return Why.USED
        self._drop(nonce)
        return None

    def _spend(self, nonce: bytes, until: float) -> Why | None:
        """Let one from before the start come in, if it has not been and can be remembered."""
        if until <= self._over:
            return Why.EXPIRED
        if nonce in self._spent:
            return Why.USED
        if len(self._spent) >= self._most:
            return Why.FULL
        self._spent.add(nonce)
        heappush(self._spent_ends, (until, nonce))
        return None

    def _drop(self, nonce: bytes) -> None:
        _, client = self._out.pop(nonce)
        self._held[client] -= 1
        if not self._held[client]:
            del self._held[client]

    def _sweep(self, now: float) -> None:
        """Forget some of those that are over."""
        for _ in range(_SWEEP):
            if not self._ends or self._ends[0][0] > now:
                break
            _, nonce = heappop(self._ends)
            if nonce in self._out:
                self._drop(nonce)
        for _ in range(_SWEEP):
            if not self._spent_ends or self._spent_ends[0][0] > now:
                break
            until, nonce = heappop(self._spent_ends)
            self._spent.discard(nonce)
            self._over = max(self._over, until)
        if len(self._ends) > 2 * self._most:  # most of them came back before their end
            self._ends = [(until, nonce) for nonce, (until, _) in self._out.items()]
            heapify(self._ends)


_OTHER: Final = (Why.OTHER_BACKEND, Why.OTHER_CLASS, Why.OTHER_CLIENT, Why.OTHER_CALL)


_PAIRS: Final = [first + second for first in ALPHABET for second in ALPHABET]


def place_code(nonce: bytes) -> str:
    """Return what people call a place: 7KQ2-9F, the first 30 bits. It finds one among those who wait, and proves nothing."""
    return spelled(int.from_bytes(nonce[:4]) >> 2)


def spelled(number: int) -> str:
    """Return a number of 30 bits as people read it: four letters, a hyphen, two more."""
    return f"{_PAIRS[number >> 20 & 1023]}{_PAIRS[number >> 10 & 1023]}-{_PAIRS[number & 1023]}"


def _names(bearer: Bearer) -> tuple[bytes, bytes, bytes, bytes]:
    backend, client_class, client, call = bearer
    return _digest(backend.encode()), _digest(client_class.encode()), _digest(client.encode()), _digest(call)


def _digest(value: bytes) -> bytes:
    return blake2b(value, digest_size=_DIGEST_BYTES).digest()
