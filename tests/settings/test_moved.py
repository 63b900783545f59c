"""What a change does to waiting rooms, in words: as part of a diff, and of rows as they come over the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sidecar.settings import moved
from sidecar.settings.diff import Change, diff
from sidecar.settings.load import Beside, load_all
from sidecar.settings.loaded import Setting

if TYPE_CHECKING:
    from pathlib import Path

OLD = """\
timezone: Europe/London
store: sqlite:s.db
keys: {file: keys}
backends: {t: {protocol: soap, url: "http://h/x"}}
rooms:
  hamlet: {covers: [{backend: t, where: {i: [1]}}], opens: 2026-12-01 09:00, max_active: 100}
"""


def changes(folder: Path, *edits: tuple[str, str]) -> list[Change]:
    new = OLD
    for old, text in edits:
        assert old in new
        new = new.replace(old, text)
    rows = []
    for source in (OLD, new):
        (folder / "a.yaml").write_text(source)
        rows.append(load_all(folder / "a.yaml", Beside({})).effective)
    return diff(*rows)


@pytest.mark.parametrize(
    ("edit", "key", "note"),
    [
        (("09:00", "10:30"), "opens", "opens 90 minutes later, Tue 2026-12-01 10:30 GMT"),
        (("2026-12-01", "2026-11-24"), "opens", "opens 7 days earlier, Tue 2026-11-24 09:00 GMT"),
        (("09:00", "09:00Z"), "opens", ""),
        (("opens: 2026-12-01 09:00, ", ""), "opens", "opens by hand, not at a time"),
        (("max_active", "closes: 2026-12-02 09:00, max_active"), "closes", "closes at a time, Wed 2026-12-02 09:00 GMT"),
        (("Europe/London", "Europe/Berlin"), "timezone", "opens 1 hour earlier, Tue 2026-12-01 09:00 CET"),
        (("100", "200"), "max_active", ""),
    ],
)  # fmt: skip
def test_moments_move_in_words(tmp_path: Path, edit: tuple[str, str], key: str, note: str) -> None:
    """By how much, and to when; a clock that is changed moves what stands on it."""
    found = {change.key: change for change in changes(tmp_path, edit)}
    assert found[f"rooms.hamlet.{key}"].note == note
    assert {change.effect for change in found.values()} == {"applied"}
    assert ("note" in found[f"rooms.hamlet.{key}"].fact()) is bool(note)


def test_a_room_that_goes_is_told_first(tmp_path: Path) -> None:
    """Everybody in it loses the place, and no line for each of its keys hides that."""
    last, other = OLD.splitlines()[-1], "  other: {covers: [{backend: t}]}"
    first, *rest = changes(tmp_path, (last, other), ("store: sqlite:s.db", "store: sqlite:t.db"))
    assert first == Change("rooms.hamlet", "opens 2026-12-01 09:00", None, "loses")
    assert "everybody in this room loses the place" in first.text()
    assert Change("rooms.other", None, "opens by hand", "applied") in rest
    assert [change.key for change in rest] == ["store", "rooms.other"]


def test_a_room_that_is_renamed_is_another(tmp_path: Path) -> None:
    """It is said which one looks like it: people who wait are in the old one."""
    first, second = changes(tmp_path, ("hamlet", "macbeth"))
    assert (first.key, first.effect, second.key) == ("rooms.hamlet", "loses", "rooms.macbeth")
    assert "rooms.macbeth stands before the same calls" in first.note


def test_words_of_another_version_are_no_moment() -> None:
    """A sidecar that runs may know zones and words that this one does not."""
    old = {"rooms.a.opens": Setting("rooms.a.opens", "at dusk", "default")}
    new = {"rooms.a.opens": Setting("rooms.a.opens", "2026-12-01 09:00Z", "default")}
    assert moved.shifted("rooms.a.opens", old, new) == "opens at a time, Tue 2026-12-01 09:00 UTC"
    assert moved.shifted("rooms.a.opens", new, old) == "opens by hand, not at a time"
    assert moved.shifted("limits.connections", old, new) == ""
