"""What a settings file amounts to once it is right: the plan, what it was made of, and what is in force with where it comes from.

Frozen, and kept whole by the app for each of the last good configurations. It holds no text of the files and no secret but those in the
plan.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from sidecar.settings.sources import recorded

if TYPE_CHECKING:
    from sidecar.plan import Plan
    from sidecar.settings.problem import Problem
    from sidecar.settings.sources import Source

Value: TypeAlias = "str | int | float | bool | list[str] | None"


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting in force, as people write it. `origin` is `file:line`, `env NAME (file:line)`, `flag` or `default`.

    `mark` stands for what a value does not show, a secret or the content of a file: it differs where that differs, in this process only.
    """

    key: str
    value: Value
    origin: str
    mark: str = field(default="", repr=False, compare=False)

    def fact(self) -> dict[str, object]:
        """Return what machines read."""
        return {"key": self.key, "value": self.value, "origin": self.origin}


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration. `id` is what people call it by; `variables` are those of the environment that it took values from."""

    plan: Plan
    id: str
    sources: tuple[Source, ...]
    effective: tuple[Setting, ...]
    warnings: tuple[Problem, ...] = ()
    variables: tuple[str, ...] = ()
    file: str = ""

    @property
    def fingerprint(self) -> str:
        """The hash over its files as they were read: `sources.fingerprint` gives another one once any of them has changed."""
        return recorded(self.sources)

    def facts(self) -> list[dict[str, object]]:
        """Return the settings in force as machines read them."""
        return [setting.fact() for setting in self.effective]
