"""Reads one order as it was posted: everything that is wrong with it at once, with a pointer, or the Order.

Stands between the listener, which has checked who asks, and the app, which carries it out. It changes nothing and asks nobody.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from sidecar.admin.table import SHORTEST_REMINDER_S, WEEK_S, Argument, Kind, Row
from sidecar.control import Order
from sidecar.durations import seconds, spoken
from sidecar.instant import rfc3339
from sidecar.policy.languages import TAG
from sidecar.policy.overrides import LONGEST_S
from sidecar.policy.pauses import ALL

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

# A name and a host; a sentence that fits a line of the audit. Both are shown on screens of 80 columns.
ACTOR_CHARS: Final = 100
_REASON_CHARS: Final = 300
_TEXT_CHARS: Final = 200
_SHARE: Final = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,6})?)%", re.ASCII)
_UNKNOWN: Final = 10  # names that nobody knows, before it is clear that the whole is something else
_MEMBERS: Final = ("actor", "reason", "for", "until")
_REMIND: Final = "remind"
_LANGUAGES: Final = 12  # more than any theatre's page has
_WORDS_CHARS: Final = 500  # a sentence or two on a telephone
# RFC 3339 section 5.6, with the zone apart: its absence has a message of its own.
_INSTANT: Final = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2}:\d{2}(?:\.\d{1,6})?)([Zz]|[+-]\d{2}:\d{2})?", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Wrong:
    """One thing that is wrong: where in the body (RFC 6901), a stable code, what to do."""

    pointer: str
    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Known:
    """What an order may name, and what time it is: wall seconds, for ends that are said as a time of day."""

    backends: Sequence[str]
    configs: Sequence[str]
    wall_s: float
    rooms: Sequence[str] = ()
    held: Sequence[str] = ()  # targets that something is up at, those included that are gone from the settings


def read(row: Row, body: Mapping[str, Any], known: Known, actor: str = "") -> Order | tuple[Wrong, ...]:
    """Return the order, or all that is wrong with it. `actor` is who it is where the body does not say ("": it must)."""
    wrong: list[Wrong] = [*_unknown(row, body)]
    given = _words("actor", body.get("actor", actor or None), ACTOR_CHARS, "say who you are, as in alice@ops", wrong)
    reason = _words(
        "reason",
        body.get("reason", None if row.reason_needed else ""),
        _REASON_CHARS,
        f"`{row.name}` changes what becomes of traffic: say why, for whoever reads the audit tomorrow",
        wrong,
        may_be_empty=not row.reason_needed,
    )
    arguments = {each.name: _argument(each, body, known, wrong) for each in row.arguments}
    for_s = _end(row, body, known, wrong)
    if not row.reminder_s:
        return tuple(wrong) or Order(row.noun, row.verb, arguments, given, reason, for_s)
    until = None if for_s is None or body.get("until") is None else known.wall_s + for_s
    remind_s = _reminder(row.reminder_s, body, wrong) if for_s is None else None
    return tuple(wrong) or Order(row.noun, row.verb, arguments, given, reason, for_s, until, remind_s)


def _unknown(row: Row, body: Mapping[str, Any]) -> Iterator[Wrong]:
    names = [*(each.name for each in row.arguments), *_MEMBERS, *([_REMIND] if row.reminder_s else [])]
    for name in islice((name for name in body if name not in names), _UNKNOWN):
        hint = _meant(name, names)
        yield Wrong(
            _pointer(name), "unknown", f"`{row.name}` takes no {_shown(name)}{hint}; it takes {', '.join(names)}"
        )


def _words(name: str, value: object, most: int, remedy: str, wrong: list[Wrong], *, may_be_empty: bool = False) -> str:
    """Return a line of text: what lands in logs and on terminals holds no control character."""
    if value is None:
        wrong.append(Wrong(f"/{name}", "missing", remedy))
    elif not isinstance(value, str):
        wrong.append(Wrong(f"/{name}", "type", "must be a text"))
    elif not (stripped := value.strip()) and not may_be_empty:
        wrong.append(Wrong(f"/{name}", "missing", remedy))
    elif len(stripped) > most:
        wrong.append(Wrong(f"/{name}", "too_long", f"may have {most} characters, not {len(stripped)}"))
    elif not stripped.isprintable():
        wrong.append(Wrong(f"/{name}", "characters", "must be one line of printable characters"))
    else:
        return stripped
    return ""


def _argument(argument: Argument, body: Mapping[str, Any], known: Known, wrong: list[Wrong]) -> Any:
    at, value = f"/{argument.name}", body.get(argument.name, argument.default)
    value = argument.default if value is None else value
    if value is None:
        wrong.append(Wrong(at, "missing", f"say {argument.name}: {argument.help}"))
    elif argument.kind is Kind.TEXTS:
        before, texts = len(wrong), _texts(at, value, wrong)
        if not texts and argument.default is None and len(wrong) == before:
            wrong.append(Wrong(at, "missing", f"say {argument.name}: {argument.help}"))
        return texts
    elif argument.kind is Kind.INTEGER:
        if not isinstance(value, int) or isinstance(value, bool):
            wrong.append(Wrong(at, "type", "must be a whole number, without quotes"))
        elif not argument.low <= value <= argument.high:
            wrong.append(Wrong(at, "range", f"may be from {argument.low} to {argument.high}, not {value}"))
    elif not isinstance(value, str):
        wrong.append(Wrong(at, "type", "must be a text"))
    elif argument.kind is Kind.SHARE:
        if not (found := _SHARE.fullmatch(value)) or not 0 < float(found[1]) <= 100:
            wrong.append(Wrong(at, "range", f"must be a percentage above 0% and up to 100%, not {_shown(value)}"))
        else:
            return float(found[1]) / 100
    elif argument.kind is Kind.CHOICE:
        if value not in argument.choices:
            wrong.append(Wrong(at, "unknown", _not_there(argument.name, value, argument.choices)))
    elif value == argument.default:
        return value
    elif argument.kind is Kind.TEXT:
        if not 0 < len(value.strip()) <= _TEXT_CHARS or not value.isprintable():
            wrong.append(Wrong(at, "characters", f"must be one line of 1 to {_TEXT_CHARS} printable characters"))
    elif argument.kind is Kind.MOMENT:
        return _moment(at, value, known, wrong)
    elif argument.kind is Kind.TARGET:
        targets = [ALL, *(f"backend:{each}" for each in known.backends), *(f"room:{each}" for each in known.rooms)]
        if value not in (*targets, *known.held):
            wrong.append(Wrong(at, "unknown", _not_there("target", value, targets)))
    elif argument.kind is Kind.BACKEND and value not in known.backends:
        wrong.append(Wrong(at, "unknown", _not_there("backend", value, known.backends)))
    elif argument.kind is Kind.ROOM and value not in known.rooms:
        wrong.append(Wrong(at, "unknown", _not_there("room", value, known.rooms)))
    elif argument.kind is Kind.CONFIG and not (value and any(each.startswith(value) for each in known.configs)):
        wrong.append(Wrong(at, "unknown", _not_there("settings with the id", value, known.configs)))
    return value


def _texts(at: str, value: object, wrong: list[Wrong]) -> dict[str, str]:
    """Return what is said to people by language; one text alone is English."""
    said = {"en": value} if isinstance(value, str) and value else value or {}
    if not isinstance(said, dict):
        wrong.append(
            Wrong(at, "type", 'must be a text, or an object of language and text, as in {"en": "Back at 9:20"}')
        )
        return {}
    if len(said) > _LANGUAGES:
        wrong.append(Wrong(at, "too_long", f"may have {_LANGUAGES} languages, not {len(said)}"))
        return {}
    found: dict[str, str] = {}
    for tag, words in said.items():
        where = f"{at}{_pointer(tag)}"
        if not TAG.fullmatch(tag):
            wrong.append(Wrong(where, "language", f"{_shown(tag)} is no language: say en, de, fr-CH"))
        elif not isinstance(words, str):
            wrong.append(Wrong(where, "type", "must be a text"))
        elif not 0 < len(words.strip()) <= _WORDS_CHARS or not words.isprintable():
            wrong.append(Wrong(where, "characters", f"must be one line of 1 to {_WORDS_CHARS} printable characters"))
        else:
            found[tag] = words.strip()
    return found


def _moment(at: str, value: str, known: Known, wrong: list[Wrong]) -> str:
    """Return a time of day, said as one or by how long it is from now."""
    within_s = _span(value, known.wall_s)
    if isinstance(within_s, tuple):
        within_s = _instant(value, known.wall_s)
    if isinstance(within_s, tuple):
        wrong.append(Wrong(at, within_s[0], f"must be a duration, as in 10m, or a time; as a time it {within_s[1]}"))
    elif not 0 < within_s <= WEEK_S:
        wrong.append(
            Wrong(at, "range", f"must be within {spoken(WEEK_S)} from now: it is {rfc3339(known.wall_s)} here")
        )
    else:
        return rfc3339(known.wall_s + within_s)
    return ""


def _reminder(usual_s: float, body: Mapping[str, Any], wrong: list[Wrong]) -> float:
    """Return how often it is said that an order still holds of which nobody knows the end."""
    if body.get(_REMIND) is None:
        return usual_s
    every_s = _span(body[_REMIND], 0.0)
    if isinstance(every_s, float) and not SHORTEST_REMINDER_S <= every_s <= LONGEST_S:
        every_s = "range", f"may be from {spoken(SHORTEST_REMINDER_S)} to {spoken(LONGEST_S)}"
    if isinstance(every_s, float):
        return every_s
    wrong.append(Wrong(f"/{_REMIND}", *every_s))
    return usual_s


def _end(row: Row, body: Mapping[str, Any], known: Known, wrong: list[Wrong]) -> float | None:
    """Return for how long the order holds, from `for` or `until`; there is no default, so that nobody forgets one at night."""
    said = [name for name in ("for", "until") if body.get(name) is not None]
    if row.end is None:
        wrong += [Wrong(f"/{name}", "unknown", f"`{row.name}` takes no end: leave it out") for name in said]
        return None
    if row.end.open and body.get(_REMIND) is not None and said:
        wrong.append(
            Wrong(f"/{_REMIND}", "contradiction", "is for an order without an end: say an end, or how often, not both")
        )
    if row.end.open and not said:
        return None
    if len(said) != 1:
        example = spoken(row.end.suggested_s)
        text = (
            f"`{row.name}` must end: say for how long, as in {example}, or until when"
            if not said
            else "say `for` or `until`, not both"
        )
        wrong.append(Wrong("/for", "contradiction" if said else "missing", text))
        return None
    name = said[0]
    ends = (_span if name == "for" else _instant)(body[name], known.wall_s)
    if isinstance(ends, float) and name == "until" and ends <= 0:
        ends = "past", f"is over already: it is {rfc3339(known.wall_s)} here"
    if isinstance(ends, float) and not row.end.shortest_s <= ends <= row.end.longest_s:
        bounds = f"may be from {spoken(row.end.shortest_s)} to {spoken(row.end.longest_s)} from now"
        ends = "range", f"{bounds}; what is to hold for longer belongs in the settings"
    if isinstance(ends, float):
        return ends
    wrong.append(Wrong(f"/{name}", *ends))
    return None


def _span(value: object, _wall_s: float) -> float | tuple[str, str]:
    try:
        return seconds(value if isinstance(value, str) else "")
    except LookupError:
        return "type", "must be a duration: a number with one of the units ms, s, m, h, as in 10m"


def _instant(value: object, wall_s: float) -> float | tuple[str, str]:
    found = _INSTANT.fullmatch(value) if isinstance(value, str) else None
    example = rfc3339(wall_s)[:19]
    if found is None:
        return "type", f"must be a time as in {example}Z (RFC 3339)"
    day, time, zone = found.groups()
    if zone is None:
        return "zone", f"says no time zone: write {day}T{time}Z for UTC, or an offset as in {day}T{time}+01:00"
    try:
        at = datetime.fromisoformat(f"{day}T{time}{zone.upper()}")
    except ValueError as error:
        return "type", f"is no time that there is ({error})"
    return at.timestamp() - wall_s


def _not_there(what: str, value: str, names: Sequence[str]) -> str:
    return f"there is no {what} {_shown(value)}{_meant(value, names)}; there is {', '.join(names) or 'none'}"


def _meant(value: str, names: Sequence[str]) -> str:
    near = get_close_matches(value[:100], names, n=1, cutoff=0.6)
    return f", did you mean {near[0]}?" if near else ""


def _shown(value: str) -> str:
    """Return what somebody sent so that it can stand in a line of text, whatever it is."""
    return repr(value[:60])


def _pointer(name: str) -> str:
    return "/" + name[:60].replace("~", "~0").replace("/", "~1")
