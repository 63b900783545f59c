"""Colours: read in both lengths, and how well one can be read on another."""

from __future__ import annotations

import pytest

from sidecar.colours import Colour, colour, contrast


@pytest.mark.parametrize(
    ("one", "other", "ratio"), [("#000", "#fff", 21.0), ("#ffffff", "#000000", 21.0), ("#abc", "#aabbcc", 1.0), ("#767676", "#fff", 4.54)]
)  # fmt: skip
def test_contrast(one: str, other: str, ratio: float) -> None:
    """The known values of the definition, in both orders and both lengths."""
    light, dark = colour(one), colour(other)
    assert light is not None
    assert dark is not None
    assert round(contrast(light, dark), 2) == ratio


@pytest.mark.parametrize("text", ["", "#12", "#1234", "#12345g", "red", "#abc ", "abc"])
def test_anything_else_is_no_colour(text: str) -> None:
    """Only three or six digits behind the sign; and what is read is written in the long form."""
    assert colour(text) is None
    assert str(colour("#aBc")) == "#aabbcc"
    assert colour("#aabbcc") == Colour(0xAA, 0xBB, 0xCC)
