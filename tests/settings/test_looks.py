"""The vocabulary of a room's page: what a theme and a title may be, and that nothing in them gets out of where it is put."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from sidecar.settings.looks import Page, Theme, titles


@pytest.mark.parametrize(
    "theme",
    [
        {"accent": "#abc", "text": "#ABCDEF", "radius": "0"},
        {"font": "Georgia"},
        {"font": "system-ui, 'Times New Roman', \"Gill Sans\", sans-serif", "radius": "1.25em"},
    ],
)
def test_themes(theme: dict[str, str]) -> None:
    """What a page may look like."""
    assert Theme.model_validate(theme).model_dump(exclude_none=True) == theme


@pytest.mark.parametrize(
    "theme",
    [
        {"accent": "#12345"},
        {"accent": "rgb(0,0,0)"},
        {"accent": "#1234567"},
        {"accent": "#000\n"},
        {"font": "a; b"},
        {"font": "a, "},
        {"font": "'a"},
        {"font": "url(//x)"},
        {"font": "var(--x)"},
        {"font": "</style>"},
        {"font": "a\\"},
        {"radius": "8"},
        {"radius": "-1px"},
        {"radius": "8px;"},
        {"radius": "100px"},
        {"font": "1a"},
        {"font": "a, b, c, d, e, f, g, h, i"},
    ],
)
def test_nothing_gets_out_of_a_declaration(theme: dict[str, str]) -> None:
    """A theme becomes part of a style: nothing in it ends a declaration, opens a function or loads anything."""
    with pytest.raises(ValidationError):
        Theme.model_validate(theme)


def test_titles() -> None:
    """A text alone is of the first language; by language it is as it stands."""
    assert titles(None) == ()
    assert titles("Hamlet") == (("en", "Hamlet"),)
    assert titles({"de": "Hamlet", "en": "Hamlet"}) == (("de", "Hamlet"), ("en", "Hamlet"))


def test_who_may_embed() -> None:
    """Exact origins; `null` is every sandboxed page of anybody."""
    assert Page.model_validate({"frame": ["https://shop.example"]}).frame == ["https://shop.example"]
    with pytest.raises(ValidationError):
        Page.model_validate({"frame": ["null"]})
