"""What was measured, as a table for people, with the bounds that it is held to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    """One figure: `value` in `unit`, at most `bound` where there is one, or at least that; `beside` is what stands next to it."""

    what: str
    value: float
    unit: str
    bound: float | None = None
    beside: str = ""
    at_least: bool = False

    @property
    def holds(self) -> bool:
        """Whether the bound is kept; a figure without one always is."""
        if self.bound is None:
            return True
        return self.value >= self.bound if self.at_least else self.value <= self.bound

    def row(self) -> str:
        """Return the line of a Markdown table."""
        bound = "" if self.bound is None else f"{'>=' if self.at_least else '<='} {self.bound:g}"
        verdict = "" if self.bound is None else "yes" if self.holds else "**NO**"
        return f"| {self.what} | {self.value:.2f} {self.unit} | {bound} | {verdict} | {self.beside} |"


def table(lines: list[Line]) -> str:
    """Return all of them."""
    return "\n".join(
        ["| what | measured | bound | holds | beside it |", "|---|---|---|---|---|", *(line.row() for line in lines)]
    )
