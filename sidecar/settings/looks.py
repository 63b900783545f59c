"""The vocabulary of a waiting room's page: its title and languages, how it looks, where it leads, who may embed it.

A part of `rooms`. Whatever stands here becomes part of a page or of a style, so each form lets nothing through that could end what it is
put into, or load anything.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import AfterValidator, Field, PlainValidator, WithJsonSchema

from sidecar.settings import shapes
from sidecar.settings.quantities import wrong
from sidecar.settings.section import Section

Language: TypeAlias = Literal["en", "de", "fr"]
LANGUAGES: Final[tuple[Language, ...]] = ("en", "de", "fr")  # those that the pages speak
_COLOUR: Final = re.compile(r"#([0-9A-Fa-f]{3}|[0-9A-Fa-f]{6})")
_NAMED: Final = "[A-Za-z][A-Za-z0-9 -]{0,39}"
_FAMILY: Final = rf"""("{_NAMED}"|'{_NAMED}'|{_NAMED})"""
_FONT: Final = re.compile(rf"{_FAMILY}( ?, ?{_FAMILY}){{0,7}}")
_RADIUS: Final = re.compile(r"0|[0-9]{1,2}(\.[0-9]{1,2})?(px|rem|em)")
_TITLE: Final = 120  # characters; it is one line at 320 px and twice as large


def embedder(text: str) -> str:
    """Check an origin that may show the widget in a frame."""
    if text == "null":
        raise wrong("E208", "{value} is every sandboxed page of anybody", "list the origins that embed the widget")
    return shapes.web_origin(text)


def colour(text: str) -> str:
    """Check a colour."""
    if not _COLOUR.fullmatch(text):
        raise wrong("E210", "{value} is no colour", 'six hexadecimal digits in quotes, as in "#7a1f3d"')
    return text


def font(text: str) -> str:
    """Check a list of font families: nothing in it can end the declaration that it becomes part of, or load anything."""
    if not _FONT.fullmatch(text):
        raise wrong("E210", "{value} is no list of fonts", "as in Georgia, 'Times New Roman', serif")
    return text


def radius(text: str) -> str:
    """Check how round corners are."""
    if not _RADIUS.fullmatch(text):
        raise wrong("E210", "{value} is no length", "as in 8px, 0.5rem or 0")
    return text


def _title(value: object) -> object:
    """Read a title: a text, or one for each language."""
    texts = value if isinstance(value, dict) else {LANGUAGES[0]: value}
    for language, text in texts.items():
        if language not in LANGUAGES:
            raise wrong("E207", f"{str(language)[:20]} is not one of {', '.join(LANGUAGES)}", _TITLES)
        if not isinstance(text, str) or not 0 < len(text) <= _TITLE or not text.isprintable():
            raise wrong("E210", f"a title has 1 to {_TITLE} printable characters", _TITLES)
    if not texts:
        raise wrong("E204", "must be a text, or texts by language", _TITLES)
    return value


_TITLES: Final = "as in title: Hamlet, or title: {en: The Magic Flute, de: Die Zauberflöte}"
Embedder: TypeAlias = Annotated[str, AfterValidator(embedder)]
Colour: TypeAlias = Annotated[str, AfterValidator(colour)]
Font: TypeAlias = Annotated[str, AfterValidator(font)]
Radius: TypeAlias = Annotated[str, AfterValidator(radius)]
Title: TypeAlias = Annotated[
    str | dict[str, str] | None,
    PlainValidator(_title),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "minLength": 1, "maxLength": _TITLE},
                {
                    "type": "object",
                    "properties": {each: {"type": "string", "maxLength": _TITLE} for each in LANGUAGES},
                    "additionalProperties": False,
                    "minProperties": 1,
                },
            ]
        }
    ),
]


class Theme(Section):
    """How the page looks; what is left out is as we made it, in light and dark."""

    accent: Colour | None = Field(default=None, description='buttons and what moves, as in "#7a1f3d"')
    background: Colour | None = Field(default=None, description='behind the text, as in "#ffffff"')
    text: Colour | None = Field(default=None, description='letters, as in "#1a1a1a"')
    font: Font | None = Field(default=None, description="families that the visitor's machine may have; none is loaded")
    radius: Radius | None = Field(default=None, description="how round corners are, as in 8px")


class Page(Section):
    """The waiting room's own page, and its widget for others."""

    title: Title = Field(
        default=None,
        validate_default=False,
        description="what people wait for, one text or one a language; default the room's name",
    )
    languages: list[Language] = Field(
        default_factory=lambda: [*LANGUAGES],
        min_length=1,
        max_length=3,
        description="languages it speaks; the first is the default",
    )
    theme: Theme = Field(default_factory=Theme, description="how it looks")
    back: shapes.Link | None = Field(default=None, description="page where who is admitted goes on to buy")
    frame: list[Embedder] = Field(
        default_factory=list, max_length=100, description="origins that may embed the widget, besides cors.origins"
    )


def titles(title: Any) -> tuple[tuple[str, str], ...]:
    """Return a title by language; a text alone is of the first."""
    return tuple(title.items()) if isinstance(title, dict) else () if title is None else ((LANGUAGES[0], title),)
