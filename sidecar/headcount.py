"""How many are under way: a count that outlives the pipelines that move it.

Stands beside the road; `share` counts a backend's requests on it, so that a reload forgets none of them.
"""

from __future__ import annotations


class Headcount:
    """One count."""

    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count = 0

    def __repr__(self) -> str:
        return f"<Headcount {self.count}>"

    def enter(self) -> None:
        """One more."""
        self.count += 1

    def leave(self) -> None:
        """One less."""
        self.count -= 1
