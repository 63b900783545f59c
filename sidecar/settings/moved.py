"""What a change does to waiting rooms, in words: which of them goes, with everybody in it, and by how much an opening moves.

A part of `diff`: it reads settings in force as texts, for one side may come from a sidecar that runs.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from sidecar.durations import about
from sidecar.settings import moments

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sidecar.settings.loaded import Setting, Value

ROOM: Final = re.compile(r"(rooms\.[^.]+)\.(?P<below>.+)")
_MOVED: Final = {"opens": ("opens",), "closes": ("closes",), "timezone": ("opens", "closes")}
_BY_HAND: Final = "by hand"


def rooms(settings: Mapping[str, Setting]) -> dict[str, str]:
    """Return the rooms, each with what it is called by: when it opens."""
    names = dict.fromkeys(found[1] for key in settings if (found := ROOM.match(key)) is not None)
    return {name: f"opens {_value(settings, f'{name}.opens') or _BY_HAND}" for name in names}


def renamed(name: str, old: Mapping[str, Setting], new: Mapping[str, Setting]) -> str:
    """Say under which name a room that goes seems to come back, "" where none is like it."""
    covers = _covers(name, old)
    like = next((other for other in rooms(new) if other not in rooms(old) and _covers(other, new) == covers), None)
    if like is None:
        return ""
    return f"{like} stands before the same calls, but what is renamed is another room; keep the name while people wait"


def shifted(key: str, old: Mapping[str, Setting], new: Mapping[str, Setting]) -> str:
    """Say by how much the moments move that `key` is about, "" where it is about none."""
    found = ROOM.fullmatch(key)
    names = _MOVED.get(found["below"], ()) if found is not None else ()
    return "; ".join(filter(None, (_shift(f"{found[1]}.{name}", name, old, new) for name in names))) if found else ""


def _shift(key: str, verb: str, old: Mapping[str, Setting], new: Mapping[str, Setting]) -> str:
    before, after = _moment(key, old), _moment(key, new)
    if after is None or before == after:
        return f"{verb} {_BY_HAND}, not at a time" if after is None and before is not None else ""
    zone = _zone(key, new)
    at = moments.shown(after, zone)
    if before is None:
        return f"{verb} at a time, {at}"
    return f"{verb} {about(abs(after - before))} {'later' if after > before else 'earlier'}, {at}"


def _moment(key: str, settings: Mapping[str, Setting]) -> float | None:
    text = _value(settings, key)
    try:
        return None if text is None else moments.read(str(text), _zone(key, settings))
    except moments.MomentError:  # another version's words, or a zone that this machine does not know
        return None


def _zone(key: str, settings: Mapping[str, Setting]) -> str | None:
    zone = _value(settings, f"{key.rpartition('.')[0]}.timezone")
    return None if zone is None else str(zone)


def _value(settings: Mapping[str, Setting], key: str) -> Value:
    found = settings.get(key)
    return None if found is None else found.value


def _covers(name: str, settings: Mapping[str, Setting]) -> dict[str, str]:
    start = f"{name}.covers"
    return {key.removeprefix(start): str(each.value) for key, each in settings.items() if key.startswith(start)}
