"""The JSON Schema that editors check and complete settings files with. Made from the schema alone; the file in config/ is this text."""

from __future__ import annotations

import json
from typing import Any

from sidecar.settings.quantities import BOUNDS
from sidecar.settings.schema import Settings


def schema_text() -> str:
    """Return the schema as it stands in config/sidecar.schema.json."""
    schema = Settings.model_json_schema()
    del schema["required"]  # backends, which may be in a file that includes this one, or that this one includes
    document = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "sidecar settings", **_tidy(schema)}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _tidy(node: Any, key: str = "") -> Any:
    """Drop the titles that pydantic makes up of names and the nulls that nobody would write; say bounds where people read."""
    if isinstance(node, list):
        return [_tidy(item) for item in node]
    if not isinstance(node, dict):
        return node
    if key not in ("properties", "$defs"):
        node = _plain(
            {name: value for name, value in node.items() if name != "title" and (name, value) != ("default", None)}
        )
        if BOUNDS in node:
            low, high = node.pop(BOUNDS)
            node["description"] = f"{node['description']} ({low} to {high})"
    tidied: dict[str, Any] = {name: _tidy(value, name) for name, value in node.items()}
    return _or_reference(tidied) if tidied.get("type") in ("integer", "boolean") else tidied


def _plain(node: dict[str, Any]) -> dict[str, Any]:
    """Make `X or null` X: a key that says nothing is left out, not null."""
    kinds = node.get("anyOf")
    if not isinstance(kinds, list) or kinds[1:] != [{"type": "null"}]:
        return node
    return {**kinds[0], **{name: value for name, value in node.items() if name != "anyOf"}}


def _or_reference(node: dict[str, Any]) -> dict[str, Any]:
    """Let a quoted `${REFERENCE}` stand: it is filled in before the value is read."""
    told = ("default", "description")
    kind = {name: value for name, value in node.items() if name not in told}
    described = {name: value for name, value in node.items() if name in told}
    return {**described, "anyOf": [kind, {"type": "string", "pattern": r"\$\{"}]}
