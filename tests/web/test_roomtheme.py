"""The colours of a waiting room's page: what is chosen can be read, and nothing that is written gets out of the stylesheet."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.colours import READABLE, Colour, colour, contrast
from sidecar.web.roomtheme import (
    WHITE,
    best,
    complaints,
    css,
    font,
    radius,
    readable,
)

COLOURS = st.builds(Colour, *[st.integers(0, 255)] * 3)
HEX = st.one_of(st.none(), COLOURS.map(str))


def _schemes(sheet: str) -> list[dict[str, Colour]]:
    """Return the colours of each rule."""
    rules = re.findall(r":root\{([^}]*)\}", sheet)
    return [
        {name: Colour(*bytes.fromhex(six)) for name, six in re.findall(r"--([\w-]+):#(\w{6});", rule)} for rule in rules
    ]


def test_contrast_is_as_wcag_reckons_it() -> None:
    """Black on white is 21, a colour on itself 1, and a grey that is often cited just passes."""
    assert contrast(Colour(0, 0, 0), WHITE) == 21
    assert contrast(WHITE, WHITE) == 1
    assert round(contrast(Colour(0x76, 0x76, 0x76), WHITE), 2) == 4.54


@given(COLOURS)
def test_black_or_white_can_be_read_on_any_colour(ground: Colour) -> None:
    """One of the two always has the contrast that is asked for."""
    assert contrast(best(ground), ground) >= READABLE


@given(accent=HEX, ground=HEX, ink=HEX)
def test_whatever_is_chosen_can_be_read(accent: str | None, ground: str | None, ink: str | None) -> None:
    """In every scheme, each text has at least 4.5 on each ground that it stands on."""
    chosen = {"accent": accent, "background": ground, "text": ink}
    schemes = _schemes(css(tuple((name, value) for name, value in chosen.items() if value is not None)))
    assert len(schemes) == (2 if ground is None and ink is None else 1)
    for scheme in schemes:
        assert contrast(scheme["on-accent"], scheme["accent"]) >= READABLE
        for text in ("ink", "soft", "mark"):
            assert min(contrast(scheme[text], scheme[below]) for below in ("ground", "surface")) >= READABLE


def test_what_can_be_read_is_left_as_it_is() -> None:
    """A choice is changed only where it has to be."""
    (scheme,) = _schemes(css((("accent", "#036"), ("background", "#fdfdfd"), ("text", "#222222"))))
    assert [str(scheme[name]) for name in ("accent", "mark", "ground", "ink")] == [
        "#003366",
        "#003366",
        "#fdfdfd",
        "#222222",
    ]
    assert readable(WHITE, Colour(0, 0, 0), WHITE) == Colour(115, 115, 115)


def test_a_dark_choice_is_a_dark_page() -> None:
    """The browser's own parts (scroll bars, say) go with what was chosen; nothing chosen goes with the device."""
    assert "color-scheme:dark" in css((("background", "#101010"),))
    assert "color-scheme:dark" in css((("text", "#f0f0f0"),))
    assert "color-scheme:light;" in css((("text", "#202020"),))
    assert "color-scheme:light dark;" in css(())


HOSTILE = [
    "red",
    "#12",
    "#12345g",
    "#fff;}body{display:none",
    "url(//x.example)",
    "#fff\n}",
    "expression(1)",
    "</style><script>",
    "\\",
    "1px;x:y",
    "1px\n",
    "100px",
    "-1px",
    "1vw",
    'a";}',
    "a,,b",
    "a{",
    "ünicode",
    ",".join("abcdefghi"),
]


@pytest.mark.parametrize("value", HOSTILE)
def test_a_hostile_value_is_left_out(value: str) -> None:
    """Nothing that is no colour, font or length reaches the sheet, and whoever wrote it can be told."""
    assert colour(value) is None
    assert radius(value) is None
    names = ("accent", "background", "text", "radius", "font", value)
    sheet = css(tuple((name, value) for name in names))
    own_font = font(value)
    assert sheet == css((("font", value),) if own_font else ())
    told = dict(complaints(tuple((name, value) for name in names)))
    assert set(told) == set(names) - ({"font"} if own_font else set())


@given(st.text(), st.text())
def test_a_sheet_is_nothing_but_variables(name: str, value: str) -> None:
    """Whatever is written, the sheet has our names with values of the signs that they may have."""
    sheet = css(((name, value), ("font", value), ("radius", value), ("accent", value), ("background", value)))
    inner = re.sub(r"@media\(prefers-color-scheme:dark\)\{(:root\{[^}]*\})\}\n", r"\1", sheet).replace("\n", "")
    assert re.fullmatch(r"(:root\{(?:[a-z-]+:[#\w\s.,\"-]+;)+\})+", inner, re.ASCII)


def test_fonts_and_lengths() -> None:
    """A name of a font stands between quotes, a kind of font does not."""
    assert font("Source Serif 4, 'Iowan Old Style', serif") == '"Source Serif 4", "Iowan Old Style", serif'
    assert [radius(each) for each in ("0", "12px", "0.5rem", "1.25em")] == ["0", "12px", "0.5rem", "1.25em"]
    assert '--font:"Lato";--radius:8px;' in css((("font", "Lato"), ("radius", "8px")))


def test_what_cannot_be_read_is_told() -> None:
    """A text that is too faint for its background is changed on the page, and the settings can say so."""
    assert complaints((("background", "#ffffff"), ("text", "#cccccc"))) == (
        ("text", "has a contrast of 1.6 to the background, less than 4.5"),
    )
    assert complaints((("background", "#ffffff"), ("text", "#222"), ("accent", "#ff0"))) == ()
