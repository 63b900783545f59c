"""Wall time as people read it. The date is formatted once a second, not once a line: that is most of what a log line costs."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache


def rfc3339(wall_s: float) -> str:
    """Return seconds since the epoch as RFC 3339 in UTC, to the millisecond."""
    return _millisecond(int(wall_s * 1000))


def wall_of(text: str) -> float:
    """Return the seconds since the epoch of an RFC 3339 text, as `rfc3339` writes it."""
    return datetime.fromisoformat(text).timestamp()


@lru_cache(4)  # a line and a reply are often of the same one
def _millisecond(epoch_ms: int) -> str:
    second, rest_ms = divmod(epoch_ms, 1000)
    return f"{_second(second)}.{rest_ms:03d}Z"


@lru_cache(4)  # the running second, and the neighbours of a clock that is set
def _second(epoch_s: int) -> str:
    return datetime.fromtimestamp(epoch_s, UTC).strftime("%Y-%m-%dT%H:%M:%S")
