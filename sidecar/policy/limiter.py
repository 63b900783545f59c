"""How many calls a backend gets at once: a number that somebody load-tested. What learns its own answers the same question."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class Limiter(Protocol):
    """The limit of one backend."""

    @property
    def limit(self) -> int:
        """Calls at once, at least 1."""
        ...


@dataclass(frozen=True, slots=True)
class Fixed:
    """`limit: {fixed: N}`."""

    limit: int
