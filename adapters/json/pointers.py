"""Where in a JSON document something is wrong (RFC 6901), and which name was probably meant.

Beside the road of a JSON call: asked by whatever complains about one. It reads no document and never fails.
"""

from __future__ import annotations

from difflib import SequenceMatcher
from itertools import islice
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

Place: TypeAlias = "tuple[Place | None, str | int]"
"""A place as what descends a document keeps it: the place of what it stands in (None: the document itself), and its name or index there."""

_LONGEST: Final = 64  # characters of a name that is compared: the longest names of real schemas have some 60
_CANDIDATES: Final = 300  # names that one is compared with; the widest real type (PayPal) has some 70
_WORK: Final = 20_000  # pairs of characters that are compared in all, at 50 ns each: alike names cost most
_ALIKE: Final = 0.6  # difflib's own cutoff


def pointer(steps: Iterable[str | int]) -> str:
    """Return the pointer to what these names and indices lead to; "" is the document."""
    return "".join([f"/{_escaped(step)}" for step in steps])


def pointer_to(place: Place | None) -> str:
    """Return the pointer to a place; None is the document."""
    steps: list[str | int] = []
    while place is not None:
        place, step = place
        steps.append(step)
    return pointer(reversed(steps))


def nearest(name: str, names: Iterable[str]) -> str:
    """Return ", did you mean 'x'?" with the most similar of `names`, "" where none is similar."""
    if len(name) > _LONGEST:
        return ""
    best, found, folded, work = _ALIKE, "", name.casefold(), _WORK
    matcher = SequenceMatcher(None, "", folded, autojunk=False)
    for each in islice(names, _CANDIDATES):
        if len(each) > _LONGEST or work < 0:
            continue
        matcher.set_seq1(each.casefold())
        if matcher.real_quick_ratio() <= best:  # the two quick ratios are upper bounds of the third
            continue
        work -= 4 * len(name)
        if matcher.quick_ratio() > best:
            work -= len(each) * len(name)
            if (ratio := matcher.ratio()) > best:
                best, found = ratio, each
    return f", did you mean '{found}'?" if found else ""


def _escaped(step: str | int) -> str:
    return step.replace("~", "~0").replace("/", "~1") if isinstance(step, str) else str(step)
