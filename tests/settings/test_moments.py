"""Moments: what is one, on whose clock, and what is told of those that a clock leaves out or shows twice."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sidecar.settings import moments

LONDON = "Europe/London"


def at(*parts: int) -> float:
    return datetime(*parts, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("text", "zone", "moment"),
    [
        ("2026-12-01 09:00", LONDON, at(2026, 12, 1, 9)),
        ("2026-07-01 09:00", LONDON, at(2026, 7, 1, 8)),
        ("2026-07-01T09:00:30", LONDON, at(2026, 7, 1, 8, 0, 30)),
        ("2026-07-01 09:00", "America/New_York", at(2026, 7, 1, 13)),
        ("2026-07-01 09:00", "UTC", at(2026, 7, 1, 9)),
        ("2026-12-01 09:00Z", None, at(2026, 12, 1, 9)),
        ("2026-12-01 09:00+05:30", None, at(2026, 12, 1, 3, 30)),
        ("2026-12-01 09:00 -08:00", LONDON, at(2026, 12, 1, 17)),  # an offset wins over a zone
        ("2026-03-29 00:59", LONDON, at(2026, 3, 29, 0, 59)),
        ("2026-03-29 02:00", LONDON, at(2026, 3, 29, 1)),
        ("2026-10-25 00:59", LONDON, at(2026, 10, 24, 23, 59)),
        ("2026-10-25 02:00", LONDON, at(2026, 10, 25, 2)),
        ("2026-03-29 01:30+00:00", LONDON, at(2026, 3, 29, 1, 30)),
        ("2026-10-25 01:30+01:00", LONDON, at(2026, 10, 25, 0, 30)),
    ],
)
def test_what_is_a_moment(text: str, zone: str | None, moment: float) -> None:
    """On the clock of the zone, summer or winter; with an offset whatever the zone is."""
    assert moments.read(text, zone) == moment


@pytest.mark.parametrize(
    ("text", "zone", "what", "remedy"),
    [
        ("2026-12-01 09:00", None, "without a time zone", "timezone: Europe/London on the room or the file, or an offset"),
        ("2026-03-29 01:30", LONDON, "is never on the clocks of Europe/London", "write 2026-03-29 02:30"),
        ("2026-03-29 01:30", LONDON, "is never", "or an offset: 2026-03-29 01:30+00:00"),
        ("2026-10-25 01:30", LONDON, "is twice", "2026-10-25 01:30+01:00 is the first, 2026-10-25 01:30+00:00 the second"),
        ("2026-04-05 01:45", "Australia/Lord_Howe", "is twice", "2026-04-05 01:45+11:00 is the first, 2026-04-05 01:45+10:30"),
        ("2011-12-30 12:00", "Pacific/Apia", "is never", "write 2011-12-31 12:00"),
        ("2026-12-01", LONDON, "names a day and no time", "2026-12-01 09:00"),
        ("9:00", LONDON, "is no moment", "2026-12-01 09:00"),
        ("2026-12-01 09:00 GMT", LONDON, "is no moment", "or 2026-12-01 09:00+01:00"),
        ("1.12.2026 09:00", LONDON, "is no moment", ""),
        ("2026-02-30 09:00", LONDON, "is in no calendar", ""),
        ("2026-12-01 24:00", LONDON, "is no moment", ""),
        ("2026-12-01 09:60", LONDON, "is in no calendar", ""),
        ("0026-12-01 09:00", LONDON, "is out of bounds", ""),
        ("2026-12-01 09:00+15:00", None, "is out of bounds", ""),
        ("\uff12026-12-01 09:00", LONDON, "is no moment", ""),
    ],
)  # fmt: skip
def test_what_is_none(text: str, zone: str | None, what: str, remedy: str) -> None:
    """Nothing is guessed: each is told with what to write instead."""
    with pytest.raises(moments.MomentError, match=what) as caught:
        moments.read(text, zone)
    assert remedy in caught.value.remedy


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("Europe/Lodnon", "did you mean Europe/London"),
        ("London", "did you mean Europe/London"),
        ("Berlin", "did you mean Europe/Berlin"),
        ("Europe", "is no time zone"),
        ("../../etc/passwd", "is no time zone"),
        ("Nowhere/Land", "is no time zone"),
    ],
)
def test_zones_that_are_none(name: str, what: str) -> None:
    """A typing error is told with what was meant; a name that climbs out of the database finds nothing."""
    with pytest.raises(moments.ZoneError, match=what):
        moments.zone_of(name)


def test_a_machine_without_zones_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slim image may have no database at all: then no spelling helps."""
    monkeypatch.setattr(moments, "ZoneInfo", {}.__getitem__)
    monkeypatch.setattr(moments, "available_timezones", set)
    with pytest.raises(moments.ZoneError, match="no database of time zones") as caught:
        moments.zone_of("Europe/Somewhere")
    assert "tzdata" in caught.value.remedy
    assert moments.read("2026-12-01 09:00Z", None) == at(2026, 12, 1, 9)


@pytest.mark.parametrize(
    ("name", "could"),
    [(LONDON, True), ("UTC", True), ("Etc/GMT+5", True), ("America/Argentina/Buenos_Aires", True), ("", False), ("/etc", False),
     ("Europe/../x", False), ("a" * 65, False), ("GMT 1", False)],
)  # fmt: skip
def test_the_form_of_a_name(name: str, could: bool) -> None:
    """Without asking the disk."""
    assert moments.is_zone_name(name) is could


def test_said_back() -> None:
    """In the zone and its letters, in UTC where nobody named one; zones without letters are told by their offset."""
    opens = at(2026, 7, 1, 8)
    assert moments.shown(opens, LONDON) == "Wed 2026-07-01 09:00 BST"
    assert moments.shown(opens, None) == "Wed 2026-07-01 08:00 UTC"
    assert moments.shown(opens, "America/Sao_Paulo") == "Wed 2026-07-01 05:00 (UTC-03:00)"
    assert moments.shown(opens, "Asia/Kathmandu") == "Wed 2026-07-01 13:45 (UTC+05:45)"
    assert (moments.clock(opens + 1, LONDON), moments.clock(opens, LONDON)) == ("09:00:01", "09:00")
    assert moments.utc(opens) == "2026-07-01T08:00:00Z"


def test_how_far_away() -> None:
    """As people say it, in both directions."""
    assert moments.until(11 * 86_400 + 3600, 0) == "in 11 days"
    assert moments.until(5400, 0) == "in 90 minutes"
    assert moments.until(0, 3600) == "1 hour ago"


def test_clocks_that_turn_before_it() -> None:
    """From winter to summer, and nowhere where there is no zone."""
    winter, summer = at(2026, 3, 1), at(2026, 4, 1)
    assert moments.turns(summer, winter, LONDON)
    assert not moments.turns(summer, summer, LONDON)
    assert not moments.turns(summer, winter, None)
