"""Wall time as people read it."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given, strategies

from sidecar.instant import rfc3339


def test_milliseconds_are_written_in_full() -> None:
    """Three digits, a Z, no rounding up into a second that has not begun."""
    assert rfc3339(0.0) == "1970-01-01T00:00:00.000Z"
    assert rfc3339(1_780_000_000.9999) == "2026-05-28T20:26:40.999Z"


@given(strategies.floats(0, 4e9))
def test_it_reads_back_as_the_same_moment(wall_s: float) -> None:
    """Whatever the moment, what is written is it, to the millisecond."""
    read = datetime.fromisoformat(rfc3339(wall_s)).astimezone(UTC).timestamp()
    assert 0 <= wall_s - read < 0.002
