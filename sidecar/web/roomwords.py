"""What a waiting room's page says, in the languages that it speaks: texts, numbers, how long and when.

Asked by `roomsaid` and `roompages`. The texts are in `room/LANGUAGE.json`, which the page's script reads as well: both say the same,
and a test in a browser holds them to it. It decides nothing about anybody.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import orjson

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import tzinfo

    from sidecar.plan import RoomLook

# Unicode's plural rules for whole numbers (CLDR 45); a language has texts for the kinds that its rule names.
_PLURALS: Final[Mapping[str, Callable[[int], str]]] = {
    "en": lambda n: "one" if n == 1 else "other",
    "de": lambda n: "one" if n == 1 else "other",
    "fr": lambda n: "one" if n < 2 else "many" if n and n % 1_000_000 == 0 else "other",
}
KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    "en": ("one", "other"),
    "de": ("one", "other"),
    "fr": ("one", "many", "other"),
}
LANGUAGES: Final = tuple(_PLURALS)
# A longer wait is told in coarser steps, outwards: nobody can promise minutes three hours ahead. (from so many minutes, step)
_STEPS: Final = ((180, 30), (90, 15), (30, 5), (0, 1))
_DAY_MIN: Final = 24 * 60


class Words:
    """One language."""

    def __init__(self, lang: str, texts: Mapping[str, Any]) -> None:
        self.lang, self._texts = lang, texts

    def __call__(self, group: str, name: str = "", **values: str) -> str:
        """Return a text with its blanks filled; raises KeyError where there is none."""
        found = self._texts[group][name] if name else self._texts[group]
        assert isinstance(found, str), f"{group}.{name} is no text"
        for blank, value in values.items():
            found = found.replace("{" + blank + "}", value)
        return found

    def said(self, situation: str, reason: str | None) -> tuple[str, str]:
        """Return the headline and the sentence below it; those of the reason, where there are any."""
        found = self._texts["said"]
        headline, lead = found.get(f"{situation}.{reason}") or found[situation]
        return headline, lead

    def known(self, group: str, name: str) -> bool:
        """Say whether there is such a text."""
        return name in self._texts[group]

    def number(self, number: int) -> str:
        """Return a whole number with the language's sign between thousands."""
        return f"{number:,}".replace(",", self._texts["group"])

    def plural(self, group: str, number: int) -> str:
        """Return the form that goes with a number, the number in it where it has a place for it."""
        return self(group, _PLURALS[self.lang](number), n=self.number(number))

    def minutes(self, minutes: int) -> str:
        """Return a length of time."""
        hours, rest = divmod(minutes, 60)
        parts = [self.plural("hours", hours)] * bool(hours) + [self.plural("minutes", rest)] * bool(rest or not hours)
        return " ".join(parts)

    def band(self, low_s: float, high_s: float) -> str:
        """Return between what and what a wait lies, rounded outwards."""
        low, high = _rounded(low_s / 60, up=False), _rounded(high_s / 60, up=True)
        if low >= _DAY_MIN:
            return self("band", "days")
        if high <= 1:
            return self("band", "soon")
        if low < 1:
            return self("band", "less", high=self.minutes(high))
        if low == high:
            return self("band", "about", high=self.minutes(high))
        # "between 4 and 7 minutes": the unit once where it is the same one
        short = self.number(low) if high < 60 else self.minutes(low)
        return self("band", "between", low=short, high=self.minutes(high))

    def moment(self, at: float, zone: str | None, wall: float) -> str:
        """Return a moment as the clock of the room's zone shows it, the day with it unless it is today's."""
        there, now = _local(at, zone), _local(wall, zone)
        time = self("time", clock=f"{there:%H:%M}")
        if there.date() == now.date():
            when = self("today", time=time)
        else:
            day = self("first") if there.day == 1 else str(there.day)
            names = {
                "weekday": self._texts["weekdays"][there.weekday()],
                "month": self._texts["months"][there.month - 1],
            }
            when = self("date", day=day, year=str(there.year), time=time, **names)
        return self("zone", when=when, zone=city(zone))

    def clock(self, at: float, zone: str | None) -> str:
        """Return a moment of the next minutes, to the second."""
        return self("time", clock=f"{_local(at, zone):%H:%M:%S}")


def _rounded(minutes: float, *, up: bool) -> int:
    step = next(step for least, step in _STEPS if minutes >= least)
    return int(-(-minutes // step) if up else minutes // step) * step


def _local(at: float, zone: str | None) -> datetime:
    return datetime.fromtimestamp(at, _zone(zone))


@lru_cache(64)  # as many rooms as a theatre has
def _zone(name: str | None) -> tzinfo:
    """Return a zone, UTC where this machine knows none of the name: the page then says that it is UTC."""
    try:
        return ZoneInfo(name or "UTC")
    except (KeyError, ValueError, OSError):
        return UTC


def city(zone: str | None) -> str:
    """Return what people call a zone: the last part of its name."""
    return "UTC" if not zone or _zone(zone) is UTC else zone.rpartition("/")[2].replace("_", " ")


def _load() -> dict[str, Words]:
    folder = files("sidecar.web") / "room"
    return {lang: Words(lang, orjson.loads((folder / f"{lang}.json").read_bytes())) for lang in LANGUAGES}


WORDS: Final[Mapping[str, Words]] = _load()


def title(look: RoomLook, lang: str, name: str) -> str:
    """Return what the room is called in a language, else in the first that it has a title in, else its name."""
    titles = dict(look.title)
    return titles.get(lang) or next(iter(titles.values()), "") or name
