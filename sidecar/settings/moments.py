"""Moments as operators write them: `2026-12-01 09:00` on the clock of a zone, or with its offset, and as they are said back to them.

A moment without a zone, one that the clock leaves out and one that it shows twice are refused with what to write instead: whoever guesses
opens a sale an hour early. It asks the database of zones, and never what time it is.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo, available_timezones

from sidecar.durations import about

if TYPE_CHECKING:
    from datetime import tzinfo

EXAMPLE: Final = "2026-12-01 09:00"
ZONE_EXAMPLE: Final = "Europe/London"
_WRITTEN: Final = re.compile(
    r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})[ T](?P<time>(?:[01][0-9]|2[0-3]):[0-9]{2}(?::[0-9]{2})?) ?(?P<offset>Z|[+-][0-9]{2}:[0-9]{2})?"
)
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_ZONE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}")
_FIRST_YEAR, _LAST_YEAR = 2000, 2999  # a typing error is nearer than another century
_OFFSET_MOST: Final = timedelta(hours=14)  # Kiribati; RFC 3339 lets 23:59 through


class MomentError(Exception):
    """A text is no moment, or names no zone; the message says why, `remedy` what to write instead.

    `{value}` in the message stands for the text, which may be something that must not be shown.
    """

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.remedy: Final = remedy


def parse(text: str) -> datetime:
    """Return what is written, with its offset where there is one. Raises MomentError."""
    found = _WRITTEN.fullmatch(text)
    if found is None:
        what = "names a day and no time" if _DAY.fullmatch(text) else "is no moment"
        raise MomentError(f"{{value}} {what}", f"a day and a time, as in {EXAMPLE} or {EXAMPLE}+01:00")
    offset = found["offset"] or ""
    try:
        moment = datetime.fromisoformat(f"{found['day']}T{found['time']}{offset}")
    except ValueError:
        raise MomentError("{value} is in no calendar and on no clock", f"as in {EXAMPLE}") from None
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR or abs(moment.utcoffset() or timedelta()) > _OFFSET_MOST:
        raise MomentError("{value} is out of bounds", f"a year from {_FIRST_YEAR} on, an offset up to 14:00")
    return moment


def is_zone_name(text: str) -> bool:
    """Say whether a zone could be called so; whether there is one, `zone_of` says."""
    return bool(_ZONE.fullmatch(text)) and len(text) <= 64


class ZoneError(MomentError):
    """A text names no time zone."""


@lru_cache(64)  # a file names one or two; a report asks for each a dozen times
def zone_of(name: str) -> tzinfo:
    """Return a time zone. Raises ZoneError where this machine knows none of that name."""
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, LookupError):  # a folder of zones, a name that climbs, one that is not there
        known = available_timezones()
    if not known:
        remedy = "install the system's tzdata (or pip install tzdata), or write times with an offset"
        raise ZoneError("cannot be looked up: this machine has no database of time zones", remedy)
    near = get_close_matches(name, known, n=1, cutoff=0.6) or [each for each in known if each.endswith(f"/{name}")][:1]
    hint = f", did you mean {near[0]}?" if near else ""
    raise ZoneError(f"{{value}} is no time zone{hint}", f"as in {ZONE_EXAMPLE}")


def read(text: str, zone: str | None) -> float:
    """Return the seconds since the epoch of what is written, on the clock of `zone` where it names no offset. Raises MomentError."""
    moment = parse(text)
    if moment.tzinfo is not None:
        return moment.timestamp()
    if zone is None:
        remedy = f"timezone: {ZONE_EXAMPLE} on the room or the file, or an offset: {text}+01:00"
        raise MomentError("{value} is no moment without a time zone", remedy)
    return _on_the_clock(moment, zone_of(zone), zone)


def _on_the_clock(moment: datetime, zone: tzinfo, name: str) -> float:
    first, second = (moment.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    if first.utcoffset() == second.utcoffset():
        return first.timestamp()
    shown = _shown(moment)
    if first.timestamp() < second.timestamp():  # PEP 495: in a fold the first comes first, in a gap it does not
        remedy = f"write which: {shown}{_offset(first)} is the first, {shown}{_offset(second)} the second"
        raise MomentError(f"{{value}} is twice on the clocks of {name}: they are set back in between", remedy)
    after = datetime.fromtimestamp(first.timestamp(), zone)
    remedy = f"the clocks are put forward: write {_shown(after)}, or an offset: {shown}{_offset(first)}"
    raise MomentError(f"{{value}} is never on the clocks of {name}", remedy)


def _shown(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S" if moment.second else "%Y-%m-%d %H:%M")


def _offset(moment: datetime) -> str:
    sign_hours, minutes = moment.strftime("%z")[:3], moment.strftime("%z")[3:5]  # %:z is Python 3.12's
    return f"{sign_hours}:{minutes}"


def shown(at: float, zone: str | None) -> str:
    """Return a moment as people in `zone` say it, in UTC where there is none: Tue 2026-12-01 09:00 GMT."""
    moment = _local(at, zone)
    name = moment.strftime("%Z")
    named = name if name and name[0].isalpha() else f"(UTC{_offset(moment)})"  # some zones have no letters
    return f"{moment.strftime('%a')} {_shown(moment)} {named}"


def clock(at: float, zone: str | None) -> str:
    """Return the time of day alone."""
    moment = _local(at, zone)
    return moment.strftime("%H:%M:%S" if moment.second else "%H:%M")


def utc(at: float) -> str:
    """Return a moment as machines write it, in whole seconds (RFC 3339)."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def until(at: float, now: float) -> str:
    """Return how far a moment is from `now`: in 11 days, 3 hours ago."""
    return f"in {about(at - now)}" if at >= now else f"{about(now - at)} ago"


def turns(at: float, now: float, zone: str | None) -> bool:
    """Say whether the clocks of `zone` are changed between two moments: what is 9 o'clock then is not what it is now."""
    return zone is not None and _local(at, zone).utcoffset() != _local(now, zone).utcoffset()


def _local(at: float, zone: str | None) -> datetime:
    return datetime.fromtimestamp(at, UTC if zone is None else zone_of(zone))
