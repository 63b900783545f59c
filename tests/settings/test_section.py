"""What all blocks of keys have in common."""

from __future__ import annotations

from typing import Annotated

import pytest
from pydantic import ValidationError

from sidecar.settings.quantities import Span
from sidecar.settings.section import Section, amount


class Block(Section):
    """A block of a test."""

    wait: Annotated[float, Span("1s", "1h")] = amount(default="5s", description="how long")
    count: int = 1


def test_defaults_are_read_as_operators_write_them() -> None:
    """In the unit of the plan, and with the bounds of what is written."""
    assert Block().wait == 5.0
    assert Block.model_json_schema()["properties"]["wait"]["default"] == "5s"


@pytest.mark.parametrize("data", [{"count": "1"}, {"count": 1.0}, {"wait": 5}, {"wiat": "5s"}])
def test_blocks_are_strict(data: dict[str, object]) -> None:
    """Neither another kind of value nor another key."""
    with pytest.raises(ValidationError):
        Block.model_validate(data)
