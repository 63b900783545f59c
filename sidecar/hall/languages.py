"""Which of a room's languages a visitor reads, by what his browser says (RFC 9110 section 12.5.4)."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

_KEPT: Final = 256  # browsers of one country send a few dozen lines
_LINE_CHARACTERS: Final = 200


def preferred(line: str, languages: tuple[str, ...]) -> str:
    """Return the language that a line of Accept-Language wants most; the first where it wants none of them."""
    if not line:
        return languages[0] if languages else "en"
    return _preferred(line[:_LINE_CHARACTERS], languages)


@lru_cache(_KEPT)
def _preferred(line: str, languages: tuple[str, ...]) -> str:
    best, weight = languages[0] if languages else "en", 0.0
    for each in line.split(","):
        tag, _, parameters = each.partition(";")
        name = tag.strip().lower()
        wanted = _weight(parameters)
        if wanted <= weight:
            continue
        for language in languages:
            if name == language.lower() or name.startswith(language.lower() + "-") or name == "*":
                best, weight = language, wanted
                break
    return best


def _weight(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name.strip().lower() != "q":
        return 1.0
    try:
        found = float(value)
    except ValueError:
        return 0.0
    return found if 0.0 <= found <= 1.0 else 0.0
