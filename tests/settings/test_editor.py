"""The JSON Schema: complete, readable for people in an editor, and of one mind with the loader."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sidecar.settings.editor import schema_text
from sidecar.settings.quantities import BOUNDS

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
SCHEMA: dict[str, Any] = json.loads(schema_text())
OBJECTS = {"Settings": SCHEMA} | {name: each for name, each in SCHEMA["$defs"].items() if "properties" in each}
KEYS = [(name, key) for name, each in OBJECTS.items() for key in each["properties"]]


def test_the_file_is_fresh() -> None:
    """`make generate` writes it anew."""
    assert (ROOT / "config" / "sidecar.schema.json").read_text("utf-8") == schema_text()


@pytest.mark.parametrize(("name", "key"), KEYS, ids=lambda value: value)
def test_every_key_has_a_line_of_help(name: str, key: str) -> None:
    """An editor shows it; it is a sentence, not the key again."""
    said = OBJECTS[name]["properties"][key]["description"]
    assert len(said.split()) >= 2
    assert said.lower() != key


def _kinds(node: Any) -> Iterator[Any]:
    yield node
    for each in node.get("anyOf", []):
        yield from _kinds(each)


@pytest.mark.parametrize(("name", "key"), KEYS, ids=lambda value: value)
def test_every_number_has_bounds(name: str, key: str) -> None:
    """A limit on everything; those of amounts stand in the help line, for JSON Schema has none for texts."""
    node = OBJECTS[name]["properties"][key]
    for kind in _kinds(node):
        if kind.get("type") == "integer" and "const" not in kind and "enum" not in kind:
            assert {"minimum", "maximum"} <= set(kind), key
        if "(ms|s|m|h)" in kind.get("pattern", "") or "KiB" in kind.get("pattern", ""):
            assert " to " in node["description"], key
    assert BOUNDS not in json.dumps(node)


@pytest.mark.parametrize("name", OBJECTS)
def test_no_block_takes_unknown_keys(name: str) -> None:
    """The editor underlines a typing error as early as `check` does."""
    assert OBJECTS[name]["additionalProperties"] is False


def test_namesakes_name_each_other() -> None:
    """There are several limits; the help of each says which one it is not."""
    limits, limit = SCHEMA["$defs"]["Limits"], SCHEMA["$defs"]["Limit"]
    assert "backends.NAME.limit" in limits["description"]
    assert "limits.connections" in limit["description"]
    assert "queue.wait" in SCHEMA["$defs"]["Timeouts"]["description"]


def test_nothing_made_up_is_left() -> None:
    """No titles made of key names, no nulls that nobody writes."""
    without = schema_text().replace('"title": "sidecar settings"', "").replace('"title": {', "")  # a page has one
    assert '"title"' not in without
    assert '"null"' not in schema_text()
