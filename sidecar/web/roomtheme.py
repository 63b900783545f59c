"""The colours of a waiting room's page, as a stylesheet: what an operator chose, and black or white or darker where nobody could read it.

Asked by `roompages`, and by whoever checks settings. Nothing of a value is passed on as it was written: a colour is read and written
again, a font is a name between quotes, a radius a number.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from sidecar.colours import READABLE, Colour, colour, contrast

if TYPE_CHECKING:
    from collections.abc import Mapping

_FONT: Final = re.compile(r"[A-Za-z][A-Za-z0-9 -]{0,39}")
_RADIUS: Final = re.compile(r"(\d{1,2}(?:\.\d{1,2})?)(px|rem|em)|0")
_FONTS_MOST: Final = 8
# Not between quotes: they mean a kind of font, not one of that name.
_GENERIC: Final = frozenset(
    {"serif", "sans-serif", "monospace", "system-ui", "ui-serif", "ui-sans-serif", "ui-rounded"}
)
_NAMES: Final = ("accent", "background", "text", "font", "radius")


BLACK, WHITE = Colour(0, 0, 0), Colour(255, 255, 255)
# A programme's paper and the dark of a house; the curtain is red.
_ACCENT: Final = Colour(0x7A, 0x1F, 0x3D)
_PAPER: Final = (Colour(0xF4, 0xF1, 0xEC), WHITE, Colour(0x1F, 0x1A, 0x1D))  # ground, surface, ink
_HOUSE: Final = (Colour(0x14, 0x10, 0x13), Colour(0x20, 0x1A, 0x1E), Colour(0xF1, 0xEB, 0xE6))


def best(*grounds: Colour) -> Colour:
    """Return black or white, whichever is read more easily on the worst of the grounds: on one it is at least 4.58."""
    return max((BLACK, WHITE), key=lambda ink: min(contrast(ink, ground) for ground in grounds))


def readable(wanted: Colour, ink: Colour, *grounds: Colour) -> Colour:
    """Return a colour, moved towards `ink` until it can be read on all grounds."""
    for part in range(20):  # in steps that nobody sees
        found = wanted.towards(ink, part / 20)
        if all(contrast(found, ground) >= READABLE for ground in grounds):
            return found
    return ink


def font(text: str) -> str | None:
    """Read names of fonts between commas, and return them as a stylesheet has them."""
    names = [each.strip().strip("\"'") for each in text.split(",")]
    if len(names) > _FONTS_MOST or not all(_FONT.fullmatch(each) for each in names):
        return None
    return ", ".join(each if each in _GENERIC else f'"{each}"' for each in names)


def radius(text: str) -> str | None:
    """Read a length in px, rem or em, below a hundred."""
    return text if _RADIUS.fullmatch(text) else None


def complaints(theme: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """Return what of a theme is not taken, or not as it was written, and why: (name, why)."""
    found = []
    given = dict(theme)
    for name, value in theme:
        if name not in _NAMES:
            found.append((name, f"is none of {', '.join(_NAMES)}"))
        elif name == "font" and font(value) is None:
            found.append((name, "must be names of fonts (letters, digits, spaces), eight at most, with commas between"))
        elif name == "radius" and radius(value) is None:
            found.append((name, "must be a length below 100 in px, rem or em"))
        elif name in ("accent", "background", "text") and colour(value) is None:
            found.append((name, "must be a colour as #rgb or #rrggbb"))
    ground, ink = colour(given.get("background", "")), colour(given.get("text", ""))
    if ground and ink and contrast(ground, ink) < READABLE:
        found.append(("text", f"has a contrast of {contrast(ground, ink):.1f} to the background, less than {READABLE}"))
    return tuple(found)


@lru_cache(64)  # as many rooms as a theatre has: each page names the edition of its colours
def css(theme: tuple[tuple[str, str], ...]) -> str:
    """Return the stylesheet. Where nobody chose a background or a text the page is light or dark as the visitor's device is."""
    given = dict(theme)
    accent = colour(given.get("accent", "")) or _ACCENT
    ground, ink = colour(given.get("background", "")), colour(given.get("text", ""))
    common = {"font": font(given.get("font", "")), "radius": radius(given.get("radius", ""))}
    lines = "".join(f"--{name}:{value};" for name, value in common.items() if value)
    if ground is None and ink is None:
        dark = f"@media(prefers-color-scheme:dark){{:root{{{_scheme(accent, *_HOUSE)}}}}}\n"
        return f":root{{color-scheme:light dark;{lines}{_scheme(accent, *_PAPER)}}}\n{dark}"
    ground, surface, ink = _chosen(ground, ink)
    kind = "dark" if ground.light < ink.light else "light"
    return f":root{{color-scheme:{kind};{lines}{_scheme(accent, ground, surface, ink)}}}\n"


def _chosen(ground: Colour | None, ink: Colour | None) -> tuple[Colour, Colour, Colour]:
    """Complete what was chosen: a ground for a text, a surface between them, and a text that can be read on both."""
    if ground is None:
        assert ink is not None, "one of them was chosen"
        ground = max((_PAPER[0], _HOUSE[0]), key=lambda each: contrast(each, ink))
    wanted = ink or best(ground)
    surface = ground.towards(wanted, 0.03)
    if min(contrast(wanted, ground), contrast(wanted, surface)) >= READABLE:
        return ground, surface, wanted
    wanted = best(ground)
    return ground, ground, wanted


def _scheme(accent: Colour, ground: Colour, surface: Colour, ink: Colour) -> str:
    told: Mapping[str, Colour] = {
        "accent": accent,
        "on-accent": best(accent),
        "mark": readable(accent, ink, ground, surface),  # the accent where it is text
        "ground": ground,
        "surface": surface,
        "ink": ink,
        "soft": readable(ink.towards(surface, 0.32), ink, ground, surface),
        "rule": surface.towards(ink, 0.16),
    }
    return "".join(f"--{name}:{value};" for name, value in told.items())
