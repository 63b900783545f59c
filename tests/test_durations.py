"""Durations as people write them: what is one, what is none, and the way back."""

from __future__ import annotations

import pytest

from sidecar.durations import about, rough, seconds, spoken


@pytest.mark.parametrize(("text", "s"), [("250ms", 0.25), ("30s", 30.0), ("1.5m", 90.0), ("24h", 86400.0)])
def test_what_is_written_is_read(text: str, s: float) -> None:
    """A number and one of four units."""
    assert seconds(text) == s


@pytest.mark.parametrize("text", ["", "30", "s", "30 s", "-1s", "1d", "1e3s", "30S", "1h30m", "9" * 13 + "s"])
def test_what_is_no_duration(text: str) -> None:
    """No unit, no number, a sign, a space: each is refused rather than guessed at."""
    with pytest.raises(LookupError):
        seconds(text)


@pytest.mark.parametrize(
    ("s", "text"), [(0.25, "250ms"), (0, "0s"), (90, "90s"), (600, "10m"), (5400, "90m"), (86400, "24h"), (1.5, "1.5s")]
)
def test_spoken_is_what_an_operator_would_write(s: float, text: str) -> None:
    """The largest unit that takes it whole; what is spoken can be read again."""
    assert spoken(s) == text
    assert seconds(text) == s


@pytest.mark.parametrize(
    ("s", "text"),
    [
        (-3, "0s"),
        (0.9, "0s"),
        (59, "59s"),
        (60, "1m"),
        (310, "5m 10s"),
        (3600, "1h"),
        (7260, "2h 1m"),
        (93600, "1d 2h"),
    ],
)
def test_rough_says_two_units_at_most(s: float, text: str) -> None:
    """Nobody at three in the morning wants the seconds of a day."""
    assert rough(s) == text


@pytest.mark.parametrize(
    ("s", "text"),
    [
        (0, "0 seconds"),
        (1, "1 second"),
        (60, "1 minute"),
        (90, "90 seconds"),
        (3600, "1 hour"),
        (5400, "90 minutes"),
        (86_400, "1 day"),
        (100_000, "28 hours"),
        (11.4 * 86_400, "11 days"),
    ],
)
def test_about_says_one_unit(s: float, text: str) -> None:
    """As people say it, in the largest unit of which there are two, or one exactly."""
    assert about(s) == text
