"""The vocabulary of rooms: of one mind with the plan's defaults, and every form that a value may have. More is in golden/rooms_wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from sidecar.plan import CoverPlan, RoomPlan
from sidecar.settings.build import build
from sidecar.settings.files import Files
from sidecar.settings.rooms import Room
from sidecar.settings.schema import Settings

BACKENDS = {"t": {"protocol": "soap", "url": "http://h/x"}}


def test_defaults_are_the_plans_own() -> None:
    """Two places say them; this is why they cannot part."""
    settings = Settings.model_validate({"backends": BACKENDS, "rooms": {"a": {"covers": [{"backend": "t"}]}}})
    assert build(settings, Files(Path("/"))).rooms == (RoomPlan("a", covers=(CoverPlan("t"),)),)


@pytest.mark.parametrize(
    ("values", "read"),
    [([1201, "1202"], ["1201", "1202"]), ([True, False], ["true", "false"]), ([7, "7", 7], ["7"]), ([-1], ["-1"]), (["007"], ["007"])],
)  # fmt: skip
def test_values_are_what_calls_carry(values: list[Any], read: list[str]) -> None:
    """Whole numbers and truths as XML Schema writes them, texts as they are, each once."""
    room = Room.model_validate({"covers": [{"backend": "t", "where": {"i": values}}]})
    assert room.covers[0].where == {"i": read}


@pytest.mark.parametrize("value", [1.5, None, "", [1], {"a": 1}, "x" * 65, "a\nb"])
def test_values_that_no_call_carries(value: Any) -> None:
    """A fraction would be compared as Python writes it, and no call writes it so."""
    with pytest.raises(ValidationError):
        Room.model_validate({"covers": [{"backend": "t", "where": {"i": [value]}}]})
