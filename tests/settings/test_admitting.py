"""What is *not* a contradiction of waiting rooms, and what --volatile lets pass. The contradictions are `broken/rooms.txt`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sidecar.settings.load import Beside, load_all
from sidecar.settings.problem import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

    from sidecar.settings.loaded import Loaded

HEAD = """\
timezone: Europe/London
public_url: https://api.theatre.example
store: sqlite:state.db
keys: {file: keys}
backends:
  t: {protocol: soap, url: "http://h/x", identity: {params: [sSessionKey]}}
  u: {protocol: soap, url: "http://h/y"}
"""


def loaded(folder: Path, rooms: str, head: str = HEAD, *, volatile: bool = False) -> Loaded:
    (folder / "a.yaml").write_text(f"{head}rooms: {{{rooms}}}\n")
    return load_all(folder / "a.yaml", Beside({}, volatile=volatile, wall=lambda: 0.0))


@pytest.mark.parametrize(
    "rooms",
    [
        "a: {covers: [{backend: t, operations: ['Reserve*']}]}, b: {covers: [{backend: t, operations: ['Checkout*']}]}",
        "a: {covers: [{backend: t}]}, b: {covers: [{backend: u}]}",
        "a: {covers: [{backend: t, where: {i: [1]}}]}, b: {covers: [{backend: t, where: {i: [2, 3]}}]}",
        "a: {covers: [{backend: t, where: {i: [1], j: [1]}}]}, b: {covers: [{backend: t, where: {j: [2]}}]}",
        "a: {covers: [{backend: t}, {backend: t, operations: ['Reserve*']}]}",  # one room may say it twice
        "a: {covers: [{backend: t}], opens: 2026-12-01 09:00, closes: 2026-12-01 09:00:01}",
        "a: {covers: [{backend: t}], opens: 2026-12-01 09:00, lobby: 2m, draw: 1m}",
        "a: {covers: [{backend: t}], opens: 2026-12-01 09:00, lobby: 0s}",  # a draw that nobody wrote gives way
        "a: {covers: [{backend: t}], pass: {total: 30s}}",
        "a: {covers: [{backend: t}], opens: 2026-03-29 01:30+00:00}",  # in a gap of the zone, and it has an offset
        "a: {covers: [{backend: u}, {backend: t}], account: {from: session}, remedy: https://shop.example}",
        "a: {covers: [{backend: t}], account: {from: parameter, parameter: iCustomer}, remedy: https://shop.example}",
    ],
)
def test_what_is_no_contradiction(tmp_path: Path, rooms: str) -> None:
    """Neighbours that never meet, bounds that touch, defaults that give way."""
    assert loaded(tmp_path, rooms).warnings == ()


def test_volatile_lets_a_room_be_forgotten(tmp_path: Path) -> None:
    """Who says so may keep places in memory; the keys are asked for all the same, for another replica has to know its own."""
    room = "a: {covers: [{backend: t}]}"
    memory = HEAD.replace("store: sqlite:state.db\n", "")
    with pytest.raises(SettingsError, match=r"say --volatile.*"):
        loaded(tmp_path, room, memory)
    assert loaded(tmp_path, room, memory, volatile=True).plan.store is None
    with pytest.raises(SettingsError, match="key of this process alone"):
        loaded(tmp_path, room, memory.replace("keys: {file: keys}\n", ""), volatile=True)


def test_without_rooms_memory_is_fine(tmp_path: Path) -> None:
    """Nobody is asked for a store who has no rooms."""
    (tmp_path / "a.yaml").write_text("backends: {t: {protocol: soap, url: 'http://h/x'}}")
    assert load_all(tmp_path / "a.yaml", Beside({})).plan.rooms == ()


@pytest.mark.parametrize(("key", "what"), [("lobby: 30m", "lobby"), ("draw: 10s", "draw")])
def test_a_lobby_without_an_opening(tmp_path: Path, key: str, what: str) -> None:
    """It is counted from nothing: a warning at the key."""
    (found,) = loaded(tmp_path, f"a: {{covers: [{{backend: t}}], {key}}}").warnings
    assert (found.code, found.key) == ("W408", f"rooms.a.{what}")


def test_a_title_that_nobody_reads(tmp_path: Path) -> None:
    """In a language that the page does not speak."""
    (found,) = loaded(
        tmp_path, "a: {covers: [{backend: t}], page: {title: {en: A, fr: B}, languages: [en, de]}}"
    ).warnings
    assert (found.code, found.key) == ("W408", "rooms.a.page.title.fr")


def test_a_secret_in_the_file(tmp_path: Path) -> None:
    """As with the token of admin: a warning, which does not show it."""
    secret = "0123456789abcdef" * 2
    rooms = f"a: {{covers: [{{backend: t}}], invites: {{secret: {secret}}}}}"
    (found,) = loaded(tmp_path, rooms).warnings
    assert (found.code, found.key) == ("W402", "rooms.a.invites.secret")
    assert secret not in found.shown + found.remedy
