"""The texts of a waiting room's page: complete in every language, with the forms that its numbers need, and times as people say them."""

from __future__ import annotations

import re
from typing import Any

import pytest

from sidecar.plan import RoomLook
from sidecar.web.roomwords import KINDS, LANGUAGES, WORDS, city, title
from tests.web.rooms import OPENS

ENGLISH = WORDS["en"]


def _texts(value: Any, path: str = "") -> dict[str, str]:
    """Return every text by its path; the forms of a plural are one."""
    if isinstance(value, str):
        return {path: value}
    if isinstance(value, dict) and "other" in value:
        return {path: value["other"]}
    inner = enumerate(value) if isinstance(value, list) else value.items()
    return {found: text for name, each in inner for found, text in _texts(each, f"{path}/{name}").items()}


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_language_has_every_text(lang: str) -> None:
    """The same texts with the same blanks, none empty, none with a sign that HTML would read as its own."""
    english, here = _texts(ENGLISH._texts), _texts(WORDS[lang]._texts)
    assert here.keys() == english.keys()
    assert [path for path, text in here.items() if not text or re.search(r"[<>&\"]", text)] == []
    blanks = {path: sorted(re.findall(r"\{\w+\}", text)) for path, text in here.items()}
    assert blanks == {path: sorted(re.findall(r"\{\w+\}", text)) for path, text in english.items()}


@pytest.mark.parametrize("lang", [each for each in LANGUAGES if each != "en"])
def test_a_language_is_not_english(lang: str) -> None:
    """No sentence was left untranslated."""
    english, here = _texts(ENGLISH._texts), _texts(WORDS[lang]._texts)
    assert [path for path, text in here.items() if " " in text and "{" not in text and text == english[path]] == []


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("group", ["ahead", "minutes", "hours", "plain"])
def test_plurals_have_the_forms_of_the_language(lang: str, group: str) -> None:
    """As many forms as Unicode's rule of the language has for whole numbers, and no others."""
    assert tuple(WORDS[lang]._texts[group]) == KINDS[lang]


@pytest.mark.parametrize(
    ("lang", "number", "said"),
    [
        ("en", 0, "people ahead of you"),
        ("en", 1, "person ahead of you"),
        ("en", 2, "people ahead of you"),
        ("de", 0, "Personen vor Ihnen"),
        ("de", 1, "Person vor Ihnen"),
        ("fr", 0, "personne devant vous"),
        ("fr", 1, "personne devant vous"),
        ("fr", 2, "personnes devant vous"),
        ("fr", 1_000_000, "de personnes devant vous"),
    ],
)
def test_plurals(lang: str, number: int, said: str) -> None:
    """A number has the form that goes with it: none is one in French, and a million is followed by a word."""
    assert WORDS[lang].plural("ahead", number) == said


def test_numbers() -> None:
    """Thousands are kept apart by each language's own sign."""
    assert [WORDS[lang].number(1_234_567) for lang in LANGUAGES] == ["1,234,567", "1.234.567", "1\u202f234\u202f567"]


@pytest.mark.parametrize(
    ("low_s", "high_s", "said"),
    [
        (0, 0, "less than a minute"),
        (10, 60, "less than a minute"),
        (10, 61, "less than 2 minutes"),
        (60, 60, "less than a minute"),
        (120, 120, "about 2 minutes"),
        (250, 410, "between 4 and 7 minutes"),
        (1799, 1801, "between 29 and 35 minutes"),
        (3300, 4200, "between 55 minutes and 1 hour 10 minutes"),
        (3600, 3600, "about 1 hour"),
        (7300, 11000, "between 2 hours and 3 hours 30 minutes"),
        (86_400, 100_000, "more than a day"),
    ],
)
def test_a_band_is_rounded_outwards(low_s: float, high_s: float, said: str) -> None:
    """What is promised holds whatever was rounded: down below, up above, more coarsely the longer it is."""
    assert ENGLISH.band(low_s, high_s) == said


def test_a_band_in_other_languages() -> None:
    """The words around the numbers are the language's."""
    assert WORDS["de"].band(250, 410) == "zwischen 4 und 7 Minuten"
    assert WORDS["fr"].band(3300, 4200) == "entre 55 minutes et 1 heure 10 minutes"


@pytest.mark.parametrize(
    ("lang", "said"),
    [
        ("en", "Tuesday 1 December 2026, 09:00 (London time)"),
        ("de", "Dienstag, 1. Dezember 2026, 09:00 Uhr (Ortszeit London)"),
        ("fr", "mardi 1er décembre 2026, 09:00 (heure locale, London)"),
    ],
)
def test_a_moment_is_told_in_the_theatres_zone(lang: str, said: str) -> None:
    """Its clock, its day, and which zone that is."""
    assert WORDS[lang].moment(OPENS, "Europe/London", OPENS - 86_400) == said


def test_a_moment_of_today_has_no_date() -> None:
    """Today is today where the theatre is, not where anybody else is."""
    midnight = 1_796_083_200.0  # of 1 December, UTC
    assert ENGLISH.moment(midnight + 60, None, midnight + 30) == "today, 00:01 (UTC time)"
    assert ENGLISH.moment(midnight + 60, None, midnight - 30) == "Tuesday 1 December 2026, 00:01 (UTC time)"
    assert ENGLISH.moment(midnight + 60, "America/New_York", midnight - 30) == "today, 19:01 (New York time)"
    assert ENGLISH.clock(OPENS + 61, "Europe/London") == "09:01:01"


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../etc/passwd", ""])
def test_a_zone_that_nobody_knows_is_utc(zone: str) -> None:
    """The page says UTC and means it."""
    assert ENGLISH.moment(OPENS, zone, OPENS) == "today, 09:00 (UTC time)"
    assert city(zone) == "UTC"


def test_the_title_is_in_the_language_if_there_is_one() -> None:
    """Else the first title, else the room's name."""
    look = RoomLook(title=(("de", "Der Sturm"), ("en", "The Tempest")))
    assert [title(look, lang, "x") for lang in LANGUAGES] == ["The Tempest", "Der Sturm", "Der Sturm"]
    assert title(RoomLook(), "en", "tempest") == "tempest"
