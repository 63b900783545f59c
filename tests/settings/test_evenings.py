"""Warnings about waiting rooms that are allowed and odd, and none about those that are as they should be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sidecar.settings.evenings import free_lines
from sidecar.settings.load import Beside, load_all
from sidecar.settings.moments import read

if TYPE_CHECKING:
    from pathlib import Path

    from sidecar.settings.problem import Problem

NOW = read("2026-11-29 03:00Z", None)
HEAD = """\
timezone: Europe/London
public_url: https://api.theatre.example
store: sqlite:state.db
keys: {file: keys}
"""
LINES = "operations: {GetSeats: {safe: true, cache: {ttl: 1s}}, 'Get*': {safe: true}, '*': {}}"


def notes_of(folder: Path, room: str, head: str = HEAD, lines: str = LINES) -> list[Problem]:
    backend = f"backends: {{t: {{protocol: soap, url: 'http://h/x', identity: {{params: [s]}}, {lines}}}}}"
    (folder / "a.yaml").write_text(f"{head}{backend}\nrooms:\n  a: {{covers: [{{backend: t, {room}\n")
    return list(load_all(folder / "a.yaml", Beside({}, wall=lambda: NOW)).warnings)


@pytest.mark.parametrize(
    ("room", "code", "key", "note"),
    [
        ("}], opens: 2026-11-28 02:00", "W430", "opens", "opened 25 hours ago, Sat 2026-11-28 02:00 GMT"),
        ("}], opens: 2026-11-20 02:00, closes: 2026-11-29 02:00", "W430", "opens", "opened 9 days ago"),
        ("}], purchase: {window: 5m, hold: 10m}", "W431", "purchase.window", "who has reserved is let through for 5m more"),
        ("}], pass: {total: 5m}, purchase: {hold: 10m}", "W431", "pass.total", "a pass ends after 5m"),
        ("operations: ['*Seats']}]", "W434", "covers[0].operations", "answers of GetSeats are kept"),
        ("operations: [Reserve, GetSeats]}]", "W434", "covers[0].operations", "answers of GetSeats are kept"),
        ("}], lanes: {fast: 2}", "W408", "lanes.fast", "nobody can show an invite"),
        ("}], account: {from: session}", "W433", "account", "not told where to go"),
        ("}], page: {theme: {text: '#777', background: '#fff'}}", "W435", "page.theme.text", "a contrast of 4.48:1"),
    ],
)  # fmt: skip
def test_notes(tmp_path: Path, room: str, code: str, key: str, note: str) -> None:
    """Each at the key that somebody would change, with what follows from what."""
    lines = "" if "operations" not in room else LINES
    (found,) = notes_of(tmp_path, room + "}", lines=lines)
    assert (found.code, found.key) == (code, f"rooms.a.{key}")
    assert note in found.what


@pytest.mark.parametrize(
    "room",
    [
        "}], opens: 2026-11-28 04:00",  # this very evening
        "}], opens: 2026-11-20 02:00, closes: 2026-12-01 02:00",  # still on
        "}], purchase: {window: 10m, hold: 10m}, pass: {total: 10m}",
        "}], purchase: {window: 1m}, pass: {total: 1m}",  # nobody said how long seats are held
        "operations: ['Reserve*']}]",
        "operations: ['GetPerf*']}]",  # a line above keeps nothing, and GetSeats is none of them
        "}], page: {theme: {text: '#777'}}",
        "}], page: {theme: {text: '#767676', background: '#fff'}}",
        "}], account: {from: session}, remedy: https://shop.example/signin",
    ],
)
def test_no_notes(tmp_path: Path, room: str) -> None:
    """A note that says nothing teaches people to skip notes."""
    assert notes_of(tmp_path, room + "}", lines=LINES if "operations" in room else "") == []


def test_invites_fill_the_lanes(tmp_path: Path) -> None:
    """With what signs them a lane is no dead end."""
    (tmp_path / "s").write_text("0123456789abcdef" * 2)
    assert notes_of(tmp_path, "}], lanes: {fast: 2}, invites: {secret_file: s}}", lines="") == []


def test_links_need_an_address(tmp_path: Path) -> None:
    """Once for all rooms: a page elsewhere cannot follow a relative link."""
    (found,) = notes_of(tmp_path, "}]}", HEAD.replace("public_url: https://api.theatre.example\n", ""), "")
    assert (found.code, found.key) == ("W432", "rooms")


def test_lines_that_a_pattern_can_meet(tmp_path: Path) -> None:
    """In the order in which they are tried: behind one that takes everything nothing is looked at."""
    lines = "operations: {'Get*': {safe: true}, '*': {safe: true, cache: {ttl: 1s}}}"
    (tmp_path / "a.yaml").write_text(f"backends: {{t: {{protocol: soap, url: 'http://h/x', {lines}}}}}")
    (backend,) = load_all(tmp_path / "a.yaml", Beside({})).plan.backends
    assert [line.pattern for line in free_lines(backend, "GetSeats*")] == []
    assert [line.pattern for line in free_lines(backend, "GetSeats")] == []
    assert [line.pattern for line in free_lines(backend, "*Seats")] == ["*"]
    assert [line.pattern for line in free_lines(backend, "Reserve")] == ["*"]
