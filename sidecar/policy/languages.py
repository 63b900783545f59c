"""Which of several texts somebody reads: Accept-Language against the languages that there are (RFC 9110 section 12.5.4, RFC 4647).

Asked where people's words are written into a response. It always chooses one: the first text is for whoever reads none of them.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

# As people write tags (RFC 5646): a language, and perhaps a script, a region, a variant.
TAG: Final = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8}){0,3}", re.ASCII)
# Browsers send about five; whoever sends more reads one of the first.
_RANGES: Final = 16
_CHARACTERS: Final = 256
_REMEMBERED: Final = 256  # headers that were read lately: a crowd sends some dozens of them
_ANY: Final = "*"


def chosen(texts: Sequence[tuple[str, str]], accept: str) -> tuple[str, str]:
    """Return the language and the text for a reader who sent `accept`. `texts` are language tag and text, one at least."""
    return texts[choice(tuple(language for language, _ in texts), accept)]


@lru_cache(_REMEMBERED)
def _ranked(accept: str) -> tuple[tuple[str, float], ...]:
    """Return the ranges of a header in lower case with their weights, the dearest first; of equal ones the first said comes first."""
    found = []
    for part in accept[:_CHARACTERS].lower().split(",")[:_RANGES]:
        name, *parameters = (word.strip() for word in part.split(";"))
        if name:
            found.append((name, _weight(parameters)))
    return tuple(sorted(found, key=lambda each: -each[1]))


def _weight(parameters: Sequence[str]) -> float:
    """Return the weight of a range; one that is none is as if it were not there."""
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                weight = float(value)
            except ValueError:
                return 1.0
            return weight if 0 <= weight <= 1 else 1.0
    return 1.0


@lru_cache(_REMEMBERED)
def choice(languages: tuple[str, ...], accept: str) -> int:
    """Return which of the languages it is, by its index."""
    ranked, known = _ranked(accept), [each.lower() for each in languages]
    refused = {name for name, weight in ranked if weight == 0}
    for name, weight in ranked:
        if weight == 0:
            break
        if name == _ANY:
            return next((index for index, each in enumerate(known) if each not in refused), 0)
        # de-CH-1996, then de-CH, then de (RFC 4647 section 3.4); and whoever reads French reads that of another country.
        wanted = name
        while wanted:
            near = [each for each in known if (each == wanted or each.startswith(f"{wanted}-")) and each not in refused]
            if near:
                return known.index(wanted if wanted in near else near[0])
            wanted = wanted.rpartition("-")[0]
    return 0
