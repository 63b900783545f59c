"""The contract's texts come from the table of states and say all of it."""

from __future__ import annotations

import json
import re

import pytest

from sidecar import contract
from sidecar.states import ROWS, Category

BUILT = [row for row in ROWS if row.built]


def section(text: str, name: str) -> str:
    """Return what stands under a state's heading."""
    return text.partition(f"## {name}\n")[2].partition("\n## ")[0]


def test_every_state_that_is_made_has_its_section_with_a_command() -> None:
    """A reader finds each state, what a page shows, and how to see it, but for our own bugs and what no client of the demo can do."""
    text = contract.markdown()
    for row in BUILT:
        assert f"## {row.name}" in text
        assert row.page in text
        assert row.provoke in text
        assert row.provoke or row.name in ("internal", "key_missing") or row.origin == "browser"
        assert ("by the browser client" in section(text, row.name)) == (row.origin == "browser")


def test_reserved_states_are_named_as_such() -> None:
    """A name that nothing makes yet is listed apart."""
    made, reserved = contract.markdown().split("## Reserved")
    for row in ROWS:
        assert (f"`{row.name}`" in reserved) is (not row.built)
        assert row.built or f"## {row.name}" not in made


def test_the_schema_takes_our_own_problem_and_refuses_an_unknown_category() -> None:
    """The JSON Schema is one, and its lists are the table's."""
    schema = json.loads(contract.json_schema())
    assert set(schema["properties"]["state"]["enum"]) == {row.name for row in ROWS}
    assert schema["properties"]["category"]["enum"] == [category.value for category in Category]
    assert set(schema["required"]) <= set(schema["properties"])


def test_typescript_lists_every_state_once() -> None:
    """The union has each name exactly once, although a state may have two rows."""
    union = contract.typescript().split("export type State =")[1].split(";")[0]
    names = re.findall(r'"(\w+)"', union)
    assert len(names) == len(set(names))
    assert set(names) == {row.name for row in ROWS}


@pytest.mark.parametrize("row", [row for row in ROWS if row.reasons], ids=lambda row: f"{row.name}-{row.reasons[0]}")
def test_reasons_are_tokens_that_a_header_can_carry(row: object) -> None:
    """RFC 8941 section 3.3.4: lower-case letters, digits, and a few signs."""
    for reason in getattr(row, "reasons"):  # noqa: B009 - parametrized rows are plain objects to the type checker
        assert re.fullmatch(r"[a-z][a-z0-9_-]*", reason)
