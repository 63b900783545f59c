"""What operators ask of a running sidecar, as nouns: who asks, what came of it, what stands changed until when.

Stands between the admin listener, which hears orders, the app, which carries them out, and the command line, which sends them. It does
nothing by itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Order:
    """One order: `noun` and `verb` of the table, its arguments, who gives it, why, and for how long (seconds; None: no end of its own).

    Of one that may hold without an end: `until` is its end where a time of day was said, wall seconds; `remind_s`, how often to say that it
    still holds where nobody knows its end.
    """

    noun: str
    verb: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    actor: str = ""
    reason: str = ""
    for_s: float | None = None
    until: float | None = None
    remind_s: float | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of an order. `facts` is what a machine reads (and the reply's members), `text` what a person reads."""

    ok: bool
    text: str
    facts: Mapping[str, Any] = field(default_factory=dict)


class OrderError(Exception):
    """An order that cannot be carried out as it was given; the text says why and what to do. Nothing has changed."""


class Control(Protocol):
    """What the admin listener asks of the app. Nothing here blocks; `carry_out` may take as long as a reload takes."""

    async def carry_out(self, order: Order) -> Verdict:
        """Do it, or say why not. Raises OrderError for arguments that cannot be meant."""
        ...

    def status(self) -> dict[str, Any]:
        """Return the facts of the status screen (docs/operations.md describes them)."""
        ...

    def effective(self) -> list[dict[str, Any]]:
        """Return the settings that are in force: key, value (secrets masked), origin."""
        ...

    async def exposition(self) -> tuple[str, bytes]:
        """Return the metrics: content type and text."""
        ...

    def ready(self) -> bool:
        """Say whether new calls are taken: no from the moment that a drain begins."""
        ...
