"""A plan as golden files show it: JSON of what differs from the defaults, so that a case shows what it is about."""

from __future__ import annotations

import json
from dataclasses import MISSING, fields, is_dataclass
from typing import Any


def dumped(plan: object) -> str:
    """Return `plan` as text; floats without a tail, sets sorted."""
    return json.dumps(_shown(plan), indent=2, ensure_ascii=False)


def _shown(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {
            each.name: _shown(getattr(value, each.name))
            for each in fields(value)
            if getattr(value, each.name) != _default(each)
        }
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, tuple):
        return [_shown(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _default(each: Any) -> Any:
    return each.default if each.default is not MISSING else MISSING
