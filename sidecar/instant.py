"""Wall time as people read it. The date is formatted once a second, not once a line: that is most of what a log line costs."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache


def rfc3339(wall_s: float) -> str:
    """Return seconds since the epoch as RFC 3339 in UTC, to the millisecond."""
    second = int(wall_s)
    return f"{_second(second)}.{int((wall_s - second) * 1000):03d}Z"


@lru_cache(4)  # the running second, and the neighbours of a clock that is set
def _second(epoch_s: int) -> str:
    return datetime.fromtimestamp(epoch_s, UTC).strftime("%Y-%m-%dT%H:%M:%S")
