"""Whether two patterns of operations can mean the same name, and whether one means all that the other does. It knows no operations."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import Final

_TOKENS: Final = re.compile(
    r"\*+|\[!?\]?[^\]]*\]|.", re.DOTALL
)  # as fnmatch reads them; a bracket that never closes is itself
_SIGNS: Final = [chr(code) for code in range(0x21, 0x7F)]  # what names of operations are made of


def meet(one: str, other: str) -> bool:
    """Say whether a name exists that both match, found by walking both at once."""
    left, right = _TOKENS.findall(one), _TOKENS.findall(other)
    seen: set[tuple[int, int]] = set()
    ahead = [(0, 0)]
    while ahead:
        here = ahead.pop()
        if here in seen:
            continue
        seen.add(here)
        i, j = here
        a, b = left[i : i + 1], right[j : j + 1]
        if not a and not b:
            return True
        if a and a[0].startswith("*"):
            ahead += [(i + 1, j), *([(i, j + 1)] if b else [])]
        if b and b[0].startswith("*"):
            ahead += [(i, j + 1), *([(i + 1, j)] if a else [])]
        if a and b and not a[0].startswith("*") and not b[0].startswith("*") and _one_sign(a[0], b[0]):
            ahead.append((i + 1, j + 1))
    return False


def within(one: str, other: str) -> bool:
    """Say whether `other` surely matches whatever `one` does. Where it has more than stars nobody looks any further."""
    return one == other or (not any(sign in other for sign in "?[") and fnmatchcase(one, other))


def _one_sign(one: str, other: str) -> bool:
    """Say whether one sign fits both: a letter, `?`, or a set in brackets."""
    if len(one) == 1 and one != "?":
        return fnmatchcase(one, other) or other == one
    if len(other) == 1 and other != "?":
        return fnmatchcase(other, one)
    return any(fnmatchcase(sign, one) and fnmatchcase(sign, other) for sign in _SIGNS)
