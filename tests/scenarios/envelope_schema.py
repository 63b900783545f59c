"""As much of JSON Schema (2020-12) as the contract's own schema uses; a keyword that it does not know is an error, not a pass.

Stands beside the tests that hold bodies to `clients/`' schema. Members that the schema does not name are refused on top level: a
body that says more than the contract is a contract of its own.
"""

from __future__ import annotations

from typing import Any

_ANNOTATIONS = frozenset(("$schema", "$id", "title", "description", "format"))
_TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "boolean": bool,
    "null": type(None),
}


def complaints(value: Any, schema: dict[str, Any], at: str = "") -> list[str]:
    """Return everything that is wrong with `value`, each with its JSON pointer."""
    found: list[str] = []
    for keyword, said in schema.items():
        match keyword:
            case "type":
                kinds = [said] if isinstance(said, str) else said
                if not any(_is(value, kind) for kind in kinds):
                    found.append(f"{at}: {value!r} is not {said}")
            case "enum":
                if value not in said:
                    found.append(f"{at}: {value!r} is not one of {said}")
            case "const":
                if value != said:
                    found.append(f"{at}: {value!r} is not {said!r}")
            case "minimum":
                if value is not None and value < said:
                    found.append(f"{at}: {value} is below {said}")
            case "maximum":
                if value > said:
                    found.append(f"{at}: {value} is above {said}")
            case "required":
                found += [f"{at}/{name} is missing" for name in said if name not in value]
            case "properties":
                unknown = [f"{at}/{name} is not in the schema" for name in value if name not in said]
                found += unknown
                for name, inner in said.items():
                    if name in value:
                        found += complaints(value[name], inner, f"{at}/{name}")
            case "additionalProperties":
                for name, each in value.items():
                    found += complaints(each, said, f"{at}/{name}")
            case "items":
                for number, each in enumerate(value):
                    found += complaints(each, said, f"{at}/{number}")
            case _:
                if keyword not in _ANNOTATIONS:
                    raise AssertionError(f"{at}: this reader does not know the keyword {keyword}")
    return found


def _is(value: Any, kind: str) -> bool:
    if kind == "integer" and isinstance(value, bool):
        return False
    return isinstance(value, _TYPES[kind])
