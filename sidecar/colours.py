"""Colours as operators write them, and whether one can be read on another (WCAG 2.2): for the settings, and the pages they colour."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

READABLE: Final = 4.5  # WCAG 2.2, 1.4.3, of text of any size
_HEX: Final = re.compile(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})")


class Colour(NamedTuple):
    """Red, green and blue, 0 to 255."""

    red: int
    green: int
    blue: int

    def __str__(self) -> str:
        """Return it as a stylesheet has it."""
        return f"#{self.red:02x}{self.green:02x}{self.blue:02x}"

    @property
    def light(self) -> float:
        """Return the relative luminance, 0 to 1 (WCAG 2.2)."""
        red, green, blue = (_linear(part / 255) for part in self)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    def towards(self, other: Colour, part: float) -> Colour:
        """Return it with so much (0 to 1) of another in it."""
        return Colour(*(round(a + (b - a) * part) for a, b in zip(self, other, strict=True)))


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4


def contrast(one: Colour, other: Colour) -> float:
    """Return the contrast of two colours, 1 to 21."""
    low, high = sorted((one.light, other.light))
    return (high + 0.05) / (low + 0.05)


def colour(text: str) -> Colour | None:
    """Read #rgb or #rrggbb; anything else is none."""
    if not _HEX.fullmatch(text):
        return None
    digits = text[1:] if len(text) == 7 else "".join(each * 2 for each in text[1:])
    return Colour(*bytes.fromhex(digits))
