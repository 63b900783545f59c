"""What every block of keys has in common, for the modules that hold the vocabulary (`schema`, `answers`, `rules`).

Strict: a wrong kind of value is a mistake, not a hint. It knows no key.
"""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field


class Section(BaseModel):
    """A block of keys. LATER are those that are settled and not yet built."""

    model_config = ConfigDict(strict=True, extra="forbid", validate_default=True, populate_by_name=False)
    LATER: ClassVar[frozenset[str]] = frozenset()


def amount(default: str, description: str) -> Any:
    """Return a field whose default is written as operators write it, for the JSON Schema too."""
    return Field(default=default, description=description)
