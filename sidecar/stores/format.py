"""An entry as bytes, for every store that outlives a process or is shared by several: a header that says what it is, and a checksum.

    "SCE" | format u8 | codec u8 | length of the header u32, big-endian | header, JSON | body | blake2b-64 over all before it

Encodes and decodes, and never raises for what it reads: whatever it cannot understand to the last bit is a miss. A format has its golden
bytes in the tests; what changes them is a new format.
"""

from __future__ import annotations

from enum import StrEnum
from hashlib import blake2b
from math import isfinite
from struct import Struct
from typing import TYPE_CHECKING, Any, Final

import orjson

from sidecar.answers import Entry
from sidecar.model import Dialect, Executed, Grade

if TYPE_CHECKING:
    from sidecar.model import RawHeaders

FORMAT: Final = 1
PLAIN: Final = 0  # the only codec there is
MAGIC: Final = b"SCE"
SKEW_S: Final = (
    5.0  # between clocks that are kept by NTP; an answer from further ahead has no age that could be trusted
)
_SUM_BYTES: Final = 8  # accidents, not attackers: one flipped bit in 2^64 goes unseen
_FIXED: Final = Struct(">3sBBI")


class Unreadable(StrEnum):
    """Why some bytes are no entry. NEWER is another release's: whoever finds one leaves it where it is."""

    SHORT = "short"
    MAGIC = "magic"
    NEWER = "newer"
    CODEC = "codec"
    CHECKSUM = "checksum"
    HEADER = "header"
    KEY = "key"
    FUTURE = "future"


def checksum(*parts: bytes | memoryview) -> bytes:
    """Return what tells damaged bytes from whole ones."""
    summed = blake2b(digest_size=_SUM_BYTES)
    for part in parts:
        summed.update(part)
    return summed.digest()


def encode(entry: Entry, wall_offset_s: float) -> bytes:
    """Return the bytes of `entry`; `wall_offset_s` is what wall time is ahead of monotonic time.

    Raises TypeError or ValueError where it holds what JSON cannot say: lone surrogates, infinite times.
    """
    at = entry.at + wall_offset_s
    if not all(map(isfinite, (at, entry.lifetime_s or 0.0, *(entry.stale_s or ())))):
        raise ValueError("a time is not finite")
    grade = entry.grade
    header = orjson.dumps(
        {
            "key": entry.key.hex(),
            "backend": entry.backend,
            "endpoint": entry.endpoint,
            "operation": entry.operation,
            "dialect": entry.dialect,
            "at": at,
            "status": entry.status,
            "headers": [[name.decode("latin-1"), value.decode("latin-1")] for name, value in entry.headers],
            "grade": [grade.state, grade.executed, grade.reason, grade.healthy, grade.text],
            "tags": entry.tags,
            "generations": entry.generations,
            "lifetime_s": entry.lifetime_s,
            "stale_s": entry.stale_s,
            "negative": entry.negative,
            "passing": entry.passing,
        }
    )
    whole = b"".join((_FIXED.pack(MAGIC, FORMAT, PLAIN, len(header)), header, entry.body))
    return whole + checksum(whole)


def decode(blob: bytes, key: bytes, now: float, wall: float) -> Entry | Unreadable:
    """Return the entry of `key`, or why these bytes are none. `now` and `wall` are one moment, monotonic and since the epoch."""
    if len(blob) < _FIXED.size + _SUM_BYTES:
        return Unreadable.SHORT
    magic, form, codec, length = _FIXED.unpack_from(blob)
    if magic != MAGIC:
        return Unreadable.MAGIC
    if form != FORMAT:
        return Unreadable.NEWER if form > FORMAT else Unreadable.MAGIC
    if codec != PLAIN:
        return Unreadable.CODEC
    view = memoryview(blob)
    if checksum(view[:-_SUM_BYTES]) != blob[-_SUM_BYTES:]:
        return Unreadable.CHECKSUM
    if _FIXED.size + length + _SUM_BYTES > len(blob):
        return Unreadable.HEADER
    body = bytes(view[_FIXED.size + length : -_SUM_BYTES])
    try:
        entry = _entry(orjson.loads(view[_FIXED.size : _FIXED.size + length]), body)
    except (KeyError, TypeError, ValueError, AttributeError):  # whole, and yet not ours: another program's, or a bug's
        return Unreadable.HEADER
    if entry.key != key:
        return Unreadable.KEY
    age_s = wall - entry.at
    if age_s < -SKEW_S:
        return Unreadable.FUTURE
    entry.at = now - max(0.0, age_s)
    return entry


def _entry(said: Any, body: bytes) -> Entry:
    state, executed, reason, healthy, text = said["grade"]
    tags, generations = tuple(said["tags"]), tuple(said["generations"])
    if len(tags) != len(generations) or not all(isinstance(number, int) for number in generations):
        raise ValueError("tags without generations")
    texts = (said["backend"], said["endpoint"], said["operation"], state, reason or "", text or "", *tags)
    if not all(isinstance(each, str) for each in texts):
        raise TypeError("a name that is no text")
    lifetime_s, stale_s = said["lifetime_s"], said["stale_s"]
    return Entry(
        key=bytes.fromhex(said["key"]),
        backend=said["backend"],
        endpoint=said["endpoint"],
        operation=said["operation"],
        dialect=Dialect(said["dialect"]),
        at=float(said["at"]),
        status=int(said["status"]),
        headers=_lines(said["headers"]),
        body=body,
        grade=Grade(state, Executed(executed), reason, bool(healthy), text),
        tags=tags,
        generations=generations,
        lifetime_s=None if lifetime_s is None else float(lifetime_s),
        stale_s=None if stale_s is None else _pair(*stale_s),
        negative=bool(said["negative"]),
        passing=bool(said["passing"]),
    )


def _pair(renewed_s: Any, failed_s: Any) -> tuple[float, float]:
    return float(renewed_s), float(failed_s)


def _lines(said: Any) -> RawHeaders:
    return tuple((name.encode("latin-1"), value.encode("latin-1")) for name, value in said)
